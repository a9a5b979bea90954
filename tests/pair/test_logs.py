"""Lines of ha-log and of the kernel's log: dates, levels, and what they tell."""

from datetime import UTC, datetime

import pytest

from ccops.pair import halog, kernel
from ccops.pair.clock import LogClock, parse_date
from ccops.pair.halog import HeartbeatEvent, parse_ha_line, parse_ha_log
from ccops.pair.kernel import KernelEvent, StateChange, parse_kernel_line, parse_kernel_log


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


NOW = utc(2026, 11, 23, 3)
CLOCK = LogClock(NOW)


def test_the_year_is_the_nearest_that_is_not_ahead() -> None:
    new_year = LogClock(utc(2027, 1, 1, 0, 0, 10))
    assert parse_date("Dec 31 23:59:59 x", new_year) == (utc(2026, 12, 31, 23, 59, 59), "x")
    assert parse_date("Jan  1 00:00:09 x", new_year) == (utc(2027, 1, 1, 0, 0, 9), "x")
    # The node's clock may run a little ahead of New Year here.
    assert parse_date("Jan  1 00:00:01 x", LogClock(utc(2026, 12, 31, 23, 59, 58))) == (utc(2027, 1, 1, 0, 0, 1), "x")


def test_a_leap_day_is_of_the_last_leap_year() -> None:
    assert parse_date("Feb 29 12:00:00 x", CLOCK) == (utc(2024, 2, 29, 12), "x")


def test_zone_and_skew_are_taken_out() -> None:
    clock = LogClock(NOW, utc_offset_s=-5 * 3600, skew_s=2.5)
    for text in ("Nov 22 21:00:00 x", "2026/11/22_21:00:00 x", "2026-11-22T21:00:00 x", "2026-11-22T21:00:00-05:00 x"):
        assert parse_date(text, clock) == (utc(2026, 11, 23, 2) - 2.5, "x")


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T02:34:26.250000Z x", "2026-11-23T03:34:26.25+01:00 x", "2026-11-23T02:34:26,25+0000 x"],
)
def test_iso_dates_carry_their_zone(text: str) -> None:
    assert parse_date(text, LogClock(NOW, utc_offset_s=7200)) == (utc(2026, 11, 23, 2, 34, 26) + 0.25, "x")


@pytest.mark.parametrize(
    "text", ["", "x", "Foo 12 00:00:00 x", "Feb 30 00:00:00 x", "2026/13/01_00:00:00 x", "9999-99-99T00:00:00 x"]
)
def test_no_date(text: str) -> None:
    assert parse_date(text, CLOCK) is None


@pytest.mark.parametrize(
    ("line", "tag", "level", "text"),
    [
        ("heartbeat[503]: 2026/11/23_02:00:00 WARN: node n2: is dead", "heartbeat", "warning", "node n2: is dead"),
        ("heartbeat: 2026/11/23_02:00:00 info: Link n2:eth0 up.", "heartbeat", "info", "Link n2:eth0 up."),
        ("ResourceManager[7]:\t2026/11/23_02:00:00 CRIT: Giving up", "ResourceManager", "critical", "Giving up"),
        ("mach_down:\t2026/11/23_02:00:00 done", "mach_down", "info", "done"),
        ("Nov 23 02:00:00 n1 heartbeat: [503]: ERROR: no luck", "heartbeat", "error", "no luck"),
        ("Nov 23 02:00:00 n1 heartbeat: [503]: debug: detail", "heartbeat", "debug", "detail"),
        ("2026-11-23T02:00:00+00:00 n1 heartbeat: [503]: WARN: late", "heartbeat", "warning", "late"),
        ("Nov 23 02:00:00 n1 heartbeat[503]: info: of syslog", "heartbeat", "info", "of syslog"),
        ("2026/11/23_02:00:00  harc(default)[515]:    info: Running x", "harc", "info", "Running x"),
        (
            "2026/11/23_02:00:00  ip-request-resp(default)[659]:    received OK",
            "ip-request-resp",
            "info",
            "received OK",
        ),
        (
            "2026/11/23_02:00:00  /usr/lib/ocf/resource.d//heartbeat/IPaddr2(IPaddr2_x)[589]:    INFO:  Success",
            "IPaddr2",
            "info",
            "Success",
        ),
    ],
)
def test_ha_lines(line: str, tag: str, level: str, text: str) -> None:
    found = parse_ha_line(line, "n1", CLOCK)
    assert (found.tag, found.level, found.text) == (tag, level, text)
    assert (found.at, found.dated, found.node, found.source) == (utc(2026, 11, 23, 2), True, "n1", "ha-log")


def test_undated_lines_have_the_time_of_the_line_before() -> None:
    lines = parse_ha_log("ERROR: odd\n\n2026/11/23_02:00:00  x[1]: info: a\nmore of it\x1b[2J\n", "n1", CLOCK)
    assert [(line.at, line.dated) for line in lines] == [
        (NOW, False),
        (utc(2026, 11, 23, 2), True),
        (utc(2026, 11, 23, 2), False),
    ]
    assert lines[0].level == "error"
    assert lines[2].text == "more of it[2J"


AT = utc(2026, 11, 23, 2)


def ha(text: str) -> HeartbeatEvent | None:
    return halog.recognise(parse_ha_line(f"Nov 23 02:00:00 n1 heartbeat: [1]: info: {text}", "n1", CLOCK))


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        ("node n2: is dead", "node-dead", {"node": "n2"}),
        ("Status update for node n2: status active", "node-active", {"node": "n2", "status": "active"}),
        ("Status update for node n2: status up", "node-status", {"node": "n2", "status": "up"}),
        ("Link n2:eth1 dead.", "link-dead", {"node": "n2", "interface": "eth1"}),
        ("Link n2:eth1 up.", "link-up", {"node": "n2", "interface": "eth1"}),
        ("Late heartbeat: Node n2: interval 6010 ms", "late-heartbeat", {"node": "n2", "milliseconds": 6010}),
        (
            "Late heartbeat: Node n2: interval 62480 ms (> deadtime)",
            "late-heartbeat",
            {"node": "n2", "milliseconds": 62480},
        ),
        ("Cluster node n2 returning after partition.", "returning-after-partition", {"node": "n2"}),
        ("No local heartbeat. Forcing restart.", "no-local-heartbeat", {}),
        ("Resources being acquired from n2.", "acquiring-from", {"node": "n2"}),
        ("Acquiring resource group: n1 a b::c", "acquiring-group", {"node": "n1", "resource": "a b::c"}),
        ("Releasing resource group: n1 a b::c", "releasing-group", {"node": "n1", "resource": "a b::c"}),
        ("Running /etc/ha.d//resource.d/asterisk  start", "resource-start", {"resource": "asterisk"}),
        ("Running /etc/init.d/mysqld  stop", "resource-stop", {"resource": "mysqld"}),
        ("mach_down takeover complete for node n2.", "takeover-complete", {"node": "n2"}),
        ("mach_down takeover complete.", "takeover-complete", {}),
        ("/usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired", "resources-acquired", {}),
        ("n1 wants to go standby [all]", "standby-wanted", {"node": "n1", "scope": "all"}),
        ("standby: n2 can take our all resources", "standby-accepted", {"node": "n2", "scope": "all"}),
        ("Local standby process completed [all].", "standby-done", {"scope": "all"}),
        (
            "standby message [me] from n1 ignored.  Other side is in flux.",
            "standby-ignored",
            {"node": "n1", "reason": "Other side is in flux"},
        ),
        (
            "Standby in progress- new request from n1 ignored [7 seconds left]",
            "standby-ignored",
            {"node": "n1", "reason": "Standby in progress"},
        ),
        ("No reply to standby request.  Standby request cancelled.", "standby-unanswered", {}),
        ("Standby mode only implemented when nice_failback on", "standby-impossible", {}),
        ("Both machines own our resources!", "both-own", {"scope": "our"}),
        ("Both machines own foreign resources!", "both-own", {"scope": "foreign"}),
        ("No one owns our local resources!", "nobody-owns", {"scope": "local"}),
        ("No one owns foreign resources!", "nobody-owns", {"scope": "foreign"}),
        ("No STONITH device configured.", "no-stonith", {}),
        ("Giving up resources due to failure of asterisk", "giving-up", {"resource": "asterisk"}),
        ("Return code 1 from /etc/init.d/asterisk", "resource-failed", {"resource": "asterisk", "status": "1"}),
        ("Resource STOP failure. Reboot required!", "stop-failure", {}),
        ("Resource asterisk is active, and should not be!", "active-and-should-not", {"resource": "asterisk"}),
        ("Heartbeat shutdown in progress. (382)", "shutdown-began", {}),
        ("Restarting heartbeat.", "restarting", {}),
    ],
)
def test_heartbeat_events(text: str, kind: halog.HeartbeatEventKind, fields: dict[str, object]) -> None:
    assert ha(text) == HeartbeatEvent(kind, AT, "n1", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "Heartbeat generation: 1795401330", "glib: ucast: bound send socket to device: eth0"]
)
def test_other_lines_of_heartbeat_tell_nothing(text: str) -> None:
    assert ha(text) is None


@pytest.mark.parametrize(
    ("line", "at", "dated"),
    [
        ("Nov 23 02:00:00 vm kernel: [  504.1] block drbd1: role( Secondary -> Primary ) ", AT, True),
        ("2026-11-23T02:00:00.5+00:00 vm kernel: [  504.1] block drbd1: role( Secondary -> Primary )", AT + 0.5, True),
        ("2026-11-23T02:00:00+0000 vm kernel: block drbd1: role( Secondary -> Primary )", AT, True),
        ("[  504.112211] block drbd1: role( Secondary -> Primary )", NOW, False),
    ],
)
def test_kernel_lines(line: str, at: float, dated: bool) -> None:
    found = parse_kernel_line(line, "n1", CLOCK)
    assert (found.at, found.dated, found.tag, found.source) == (at, dated, "drbd", "kernel")
    assert found.text == "block drbd1: role( Secondary -> Primary )"
    event = kernel.recognise(found)
    assert event == KernelEvent("role", at, "n1", minor=1, changes=(StateChange("role", "Secondary", "Primary"),))


def dmesg(text: str) -> KernelEvent | None:
    return kernel.recognise(parse_kernel_line(f"Nov 23 02:00:00 vm kernel: [1.0] {text}", "n1", CLOCK))


@pytest.mark.parametrize("prefix", ["drbd1:", "block drbd1:"])
@pytest.mark.parametrize(
    "text", ["Split-Brain detected, dropping connection!", "Split-Brain detected but unresolved, dropping connection!"]
)
def test_a_split_brain_in_every_version_s_words(prefix: str, text: str) -> None:
    assert dmesg(f"{prefix} {text}") == KernelEvent("split-brain-detected", AT, "n1", minor=1)


UUIDS = ("E6E7580D4894B4F3", "094CE509312CD44F", "CB91FBD7FC15B9AB", "CB90FBD7FC15B9AB")


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        (
            "Split-Brain detected, 1 primaries, automatically solved. Sync from peer node",
            "split-brain-solved",
            {"primaries": 1, "automatic": True, "side": "peer"},
        ),
        (
            "Split-Brain detected, manually solved. Sync from this node",
            "split-brain-solved",
            {"automatic": False, "side": "self"},
        ),
        ("helper command: /sbin/drbdadm split-brain minor-1", "split-brain-helper", {}),
        ("helper command: /sbin/drbdadm split-brain minor-1 exit code 0 (0x0)", "split-brain-helper", {"result": 0}),
        ("Unrelated data, aborting!", "unrelated-data", {}),
        ("I shall become SyncTarget, but I am primary!", "target-but-primary", {}),
        ("I shall become SyncSource, but I am inconsistent!", "source-but-inconsistent", {}),
        ("both sides have the 'want_lose' flag set", "both-discard", {}),
        ("Authentication of peer failed, trying again.", "authentication-failed", {}),
        (
            "dry-run connect: Would become SyncTarget, doing a bit-map based resync.",
            "rehearsed",
            {"outcome": "Would become SyncTarget, doing a bit-map based resync."},
        ),
        (
            "Began resync as SyncTarget (will sync 123516 KB [30879 bits set]).",
            "resync-began",
            {"role": "SyncTarget", "total_kib": 123516},
        ),
        ("Resync done (total 15 sec; paused 0 sec; 8232 K/sec)", "resync-done", {"seconds": 15}),
        ("Online verify found 3 4k block out of sync!", "verify-found", {"blocks": 3}),
        ("Online verify done (total 48 sec; paused 0 sec; 8532 K/sec)", "verify-done", {"seconds": 48}),
        (
            f"self {':'.join(UUIDS)} bits:782 flags:0",
            "uuids",
            {"side": "self", "uuids": UUIDS, "bits": 782, "flags": "0"},
        ),
        (f"peer {':'.join(UUIDS)}", "uuids", {"side": "peer", "uuids": UUIDS}),  # 8.0 to 8.2
        ("incompatible protocol settings", "settings-differ", {"outcome": "incompatible protocol settings"}),
        ("uuid_compare()=-100 by rule 100", "uuid-compare", {"result": -100, "rule": 100}),
        (f"new current UUID {':'.join(UUIDS)}", "new-uuid", {"uuids": UUIDS}),
        ("user_isp( 0 -> 1 ) ", "pause", {"changes": (StateChange("user_isp", "0", "1"),)}),
        ("disk( UpToDate -> Outdated ) ", "disk", {"changes": (StateChange("disk", "UpToDate", "Outdated"),)}),
    ],
)
def test_drbd_events(text: str, kind: kernel.KernelEventKind, fields: dict[str, object]) -> None:
    assert dmesg(f"block drbd1: {text}") == KernelEvent(kind, AT, "n1", minor=1, **fields)  # type: ignore[arg-type]


def test_messages_of_a_connection_name_the_resource() -> None:
    event = dmesg(
        "drbd data: peer( Primary -> Unknown ) conn( Connected -> NetworkFailure ) pdsk( UpToDate -> DUnknown ) "
    )
    assert event is not None
    assert (event.kind, event.resource, event.minor) == ("connection", "data", None)
    assert event.change("conn") == StateChange("conn", "Connected", "NetworkFailure")
    assert event.change("pdsk") == StateChange("pdsk", "UpToDate", "DUnknown")
    assert event.change("role") is None


@pytest.mark.parametrize(
    ("text", "resource", "minor"),
    [
        ("drbd data n2: conn( Connected -> NetworkFailure )", "data", None),
        ("drbd data/0 drbd1 n2: repl( Off -> Established ) conn( Connected -> NetworkFailure )", "data", 1),
    ],
)
def test_drbd_9_names_the_peer_in_its_prefix(text: str, resource: str, minor: int | None) -> None:
    event = dmesg(text)
    assert event is not None
    assert (event.kind, event.resource, event.minor) == ("connection", resource, minor)


def test_losses_are_warnings() -> None:
    texts = ("conn( Connected -> NetworkFailure )", "disk( UpToDate -> Failed )", "conn( WFConnection -> Connected )")
    levels = [parse_kernel_line(f"block drbd1: {text}", "n1", CLOCK).level for text in texts]
    assert levels == ["warning", "warning", "info"]


def test_grave_lines_have_a_grave_level() -> None:
    assert (
        parse_kernel_log("drbd0: Split-Brain detected, dropping connection!\n\nusb 1-1: new\n", "n1", CLOCK)[0].level
        == "critical"
    )
    assert parse_kernel_line("usb 1-1: new device", "n1", CLOCK).tag == "kernel"


@pytest.mark.parametrize(
    "text", ["usb 1-1: Split-Brain detected, dropping connection!", "block drbd1: max BIO size = 4096", ""]
)
def test_other_lines_of_the_kernel_tell_nothing(text: str) -> None:
    assert dmesg(text) is None


def test_each_recogniser_keeps_to_its_own_log() -> None:
    line = parse_ha_line("Nov 23 02:00:00 n1 heartbeat: [1]: info: node n2: is dead", "n1", CLOCK)
    assert kernel.recognise(line) is None
    other = parse_kernel_line("Nov 23 02:00:00 n1 kernel: drbd0: role( Primary -> Secondary )", "n1", CLOCK)
    assert halog.recognise(other) is None

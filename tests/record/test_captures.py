"""What a real pair printed at each step of its life, read as bundles: every value that matters, folder by folder."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ccops.pair import halog, joined, kernel
from ccops.pair.joined import JoinedSync
from ccops.pair.model import Mount, Space, Sync
from ccops.record.bundle import Bundle, read_bundle

CAPTURES = Path(__file__).parent.parent / "captures"
FOLDERS = sorted(path for path in CAPTURES.iterdir() if (path / "bundle.toml").exists())
ONE, TWO = "elaxtix-voip", "elaxtix-voip-2"


class Side(NamedTuple):
    connection: str
    role: str
    peer_role: str
    disk: str
    protocol: str | None
    oos: int
    holding: str
    peer: str
    link: str
    address: bool


class Pair(NamedTuple):
    serving: str | None
    one: Side
    two: Side


UP = "UpToDate"
HEALTHY_1 = Side("Connected", "Primary", "Secondary", UP, "C", 0, "local", "active", "up", True)
HEALTHY_2 = Side("Connected", "Secondary", "Primary", UP, "C", 0, "local", "active", "up", False)
EXPECTED = {
    "01-healthy": Pair(ONE, HEALTHY_1, HEALTHY_2),
    "02-standby-in-flux": Pair(
        None,
        HEALTHY_1._replace(holding="transition"),
        HEALTHY_2._replace(holding="transition"),
    ),
    "03-failed-over": Pair(
        TWO,
        HEALTHY_2._replace(holding="none"),
        HEALTHY_1._replace(holding="all"),
    ),
    "04-failed-back": Pair(ONE, HEALTHY_1, HEALTHY_2),
    "05-admin-disconnected": Pair(
        ONE,
        HEALTHY_1._replace(connection="WFConnection", peer_role="Unknown", oos=123516),
        HEALTHY_2._replace(connection="StandAlone", peer_role="Unknown", protocol=None),
    ),
    "06-resync-early": Pair(
        ONE,
        HEALTHY_1._replace(connection="SyncSource", oos=116076),
        HEALTHY_2._replace(connection="SyncTarget", disk="Inconsistent", oos=110980),
    ),
    "07-resync-later": Pair(ONE, HEALTHY_1, HEALTHY_2),
    "08-resync-paused": Pair(ONE, HEALTHY_1, HEALTHY_2),
    "09-verify": Pair(ONE, HEALTHY_1._replace(connection="VerifyT"), HEALTHY_2._replace(connection="VerifyS")),
    "10-cut-early": Pair(ONE, HEALTHY_1._replace(link="dead"), HEALTHY_2),
    "11-cut-both-active": Pair(
        None,
        Side("WFConnection", "Primary", "Unknown", UP, "C", 3128, "all", "dead", "dead", True),
        Side("WFConnection", "Primary", "Unknown", UP, "C", 20584, "all", "dead", "dead", True),
    ),
    "12-healed-8s": Pair(
        ONE,
        Side("StandAlone", "Primary", "Unknown", UP, None, 3128, "transition", "active", "up", True),
        Side("StandAlone", "Secondary", "Unknown", UP, None, 20708, "transition", "active", "up", False),
    ),
}


def bundle(name: str) -> Bundle:
    return read_bundle(CAPTURES / name)


def side(found: Bundle, name: str) -> Side:
    node, peer = found.pair.node(name), found.pair.peer(name).name
    resource = joined.resource(node, found.pair.layout)
    heartbeat = node.heartbeat.value
    assert resource is not None
    assert heartbeat is not None
    assert heartbeat.running is True
    assert heartbeat.nodes[name] == "active"
    assert heartbeat.problems == ()
    address = joined.holds_address(found.pair, node)
    assert address is not None
    return Side(
        resource.connection,
        str(resource.role),
        str(resource.peer_role),
        str(resource.disk),
        resource.protocol,
        resource.out_of_sync_kib if resource.out_of_sync_kib is not None else -1,
        str(heartbeat.resources),
        heartbeat.nodes[peer],
        heartbeat.links["eth0"],
        address,
    )


def test_every_folder_is_expected() -> None:
    assert {path.name for path in FOLDERS} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_folder(name: str) -> None:
    found = bundle(name)
    assert Pair(joined.serving(found.pair), side(found, ONE), side(found, TWO)) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_is_left_without_a_value_but_the_space_of_what_is_not_mounted(name: str) -> None:
    found = bundle(name)
    for node in found.pair.nodes:
        for field in ("drbd", "gi", "heartbeat", "addresses", "mounts", "services"):
            assert getattr(node, field).problem is None, field
            assert getattr(node, field).value is not None, field
        if joined.has_mount(found.pair, node):
            assert node.space.value is not None
        else:
            assert node.space.value is None
            assert "/data is not mounted" in str(node.space.problem)
        assert node.drbd.value is not None
        assert node.drbd.value.problems == ()
        assert node.versions == {"drbd": "8.4.11"} | ({"heartbeat": "3.0.6"} if "heartbeat" in node.versions else {})
        assert node.clock_skew_s is None


def test_a_healthy_pair_in_full() -> None:
    found = bundle("01-healthy")
    node = found.pair.node(ONE)
    assert found.pair.at == pytest.approx(1795401431.873821869, abs=1)
    assert node.sampled_at == 1795401431.873821869
    assert node.drbd.taken_at == node.sampled_at
    assert node.uptime_s == 187.88
    assert node.load == (1.29, 0.97, 0.41)
    assert node.mounts.value == (Mount("/dev/drbd1", "/data", "ext3"),)
    assert node.space.value == Space(386176, 17987, 347709)
    assert node.services.value == {"asterisk": "running", "mysqld": "running"}
    assert found.pair.node(TWO).services.value == {"asterisk": "stopped", "mysqld": "stopped"}
    assert node.addresses.value is not None
    assert [a.address for a in node.addresses.value if a.interface == "eth0"][:2] == [
        "192.168.27.121",
        "192.168.27.120",
    ]
    ids = node.gi.value
    assert ids is not None
    assert (ids.current, ids.bitmap) == ("CB90FBD7FC15B9AB", "0000000000000000")
    assert ids.primary
    resource = joined.resource(node, found.pair.layout)
    assert resource is not None
    assert resource.name == "data"
    assert (resource.flags, resource.write_order, resource.counters["dw"]) == ("r-----", "f", 472252)
    assert found.pair.layout.services == {"asterisk": "asterisk", "mysqld": "mariadb"}


def test_the_targets_numbers_of_a_resync_are_believed() -> None:
    found = bundle("06-resync-early")
    sync = Sync("resync", 13.0, 110980, 123516, 6268, 6268, 14280, 17)
    assert joined.best_sync(found.pair) == JoinedSync(ONE, TWO, sync)
    source = joined.resource(found.pair.node(ONE), found.pair.layout)
    assert source is not None
    assert source.sync == Sync("resync", 9.7, 116076, 123516, 3720, 3720, None, 30)


def test_a_verify_is_not_a_resync() -> None:
    found = joined.best_sync(bundle("09-verify").pair)
    assert found is not None
    assert (found.source, found.target, found.sync.kind, found.sync.percent) == (TWO, ONE, "verify", 23.8)


def test_a_pause_by_the_user_shows_in_the_flags_even_when_in_sync() -> None:
    found = bundle("08-resync-paused")
    first, second = (joined.resource(node, found.pair.layout) for node in found.pair.nodes)
    assert first is not None
    assert second is not None
    assert (first.flags, second.flags) == ("r-p---", "r--u--")
    assert (first.paused_by, second.paused_by) == (("peer",), ("user",))
    assert joined.best_sync(found.pair) is None


def test_a_split_brain_is_seen_on_both_sides() -> None:
    found = bundle("11-cut-both-active")
    assert joined.servers(found.pair) == (ONE, TWO)
    assert joined.address_owners(found.pair) == (ONE, TWO)
    assert joined.primaries(found.pair) == (ONE, TWO)
    assert joined.sees_peer(found.pair, ONE) is False
    events = [event for line in found.log if (event := kernel.recognise(line))]
    assert not [event for event in events if event.kind.startswith("split-brain")]


def test_in_flux_the_address_is_left_when_the_daemons_are_gone() -> None:
    found = bundle("02-standby-in-flux")
    assert joined.address_owners(found.pair) == (ONE,)
    assert joined.has_mount(found.pair, ONE) is False
    assert joined.serves(found.pair, ONE) is False
    assert joined.holds_anything(found.pair, ONE) is True
    assert joined.holds_anything(found.pair, TWO) is False


def test_the_kernel_tells_of_the_split_brain_once_the_network_is_back() -> None:
    found = bundle("12-healed-8s")
    events = [event for line in found.log if (event := kernel.recognise(line))]
    detected = [event for event in events if event.kind == "split-brain-detected"]
    assert {(event.on, event.minor) for event in detected} == {(ONE, 1), (TWO, 1)}
    assert detected[0].at == 1795401747.0  # Nov 23 02:42:27 UTC
    mine = [event for event in events if event.kind == "uuids" and event.on == ONE and event.side == "self"][-1]
    assert mine.bits == 782  # 782 blocks of 4 KiB are the 3128 KiB that /proc/drbd tells of
    assert mine.uuids[:2] == ("E6E7580D4894B4F3", "094CE509312CD44F")
    compared = [event for event in events if event.kind == "uuid-compare"][-1]
    assert (compared.result, compared.rule) == (100, 90)


def test_ha_log_tells_of_the_partition() -> None:
    events = [event for line in bundle("12-healed-8s").log if (event := halog.recognise(line))]
    late = {(event.on, event.node): event.milliseconds for event in events if event.kind == "late-heartbeat"}
    assert late == {(ONE, TWO): 63070, (TWO, ONE): 62480}
    assert {event.on for event in events if event.kind == "returning-after-partition"} == {ONE, TWO}
    assert any(event.kind == "restarting" and event.on == TWO for event in events)


def test_ha_log_tells_of_a_standby_step_by_step() -> None:
    log = bundle("03-failed-over").log
    mine = [(e.kind, e.scope) for line in log if line.node == ONE and (e := halog.recognise(line))]
    for kind in ("standby-wanted", "standby-accepted", "standby-done", "standby-taken-over"):
        assert (kind, "all") in mine, kind
    stops = [
        e.resource for line in log if line.node == ONE and (e := halog.recognise(line)) and e.kind == "resource-stop"
    ]
    assert stops == [
        "mysqld",
        "asterisk",
        "Filesystem /dev/drbd1 /data ext3",
        "drbddisk data",
        "IPaddr2 192.168.27.120/24",
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_line_of_both_logs_is_dated_in_the_night_it_was_recorded(name: str) -> None:
    found = bundle(name)
    assert found.log
    assert all(line.dated for line in found.log)
    assert [line.at for line in found.log] == sorted(line.at for line in found.log)
    start = 1795401266 - 600
    assert all(start < line.at <= found.pair.at + 1 for line in found.log)
    assert {line.source for line in found.log} == {"ha-log", "kernel"}


def test_texts_hold_every_file_as_it_stood() -> None:
    found = bundle("01-healthy")
    assert found.texts[TWO]["cl_rscstatus.txt"] == "local\n"
    assert len(found.texts[ONE]) == 26

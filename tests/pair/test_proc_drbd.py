"""/proc/drbd of every 8.x version.

The samples of versions other than 8.4.11 were written by the format strings of that version's kernel source; they were
not recorded. The recorded ones are in tests/captures (see tests/record/test_captures.py).
"""

import pytest

from ccops.pair.drbd import name_resources, parse_get_gi, parse_proc_drbd
from ccops.pair.model import DrbdResource, GenerationIds, Problem, Sync

V80 = """version: 8.0.16 (api:86/proto:86)
GIT-hash: d30881451c988619e243d6294a899139eed1183d build by phil@mescal, 2009-08-22 13:25:12
"""
V82 = """version: 8.2.5 (api:88/proto:86-88)
GIT-hash: 9faf052fdae5ef0c61b4d03890e2d2eab550610c build by buildsvn@c5-i386-build, 2008-03-09 10:16:16
"""
V83 = """version: 8.3.2 (api:88/proto:86-90)
GIT-hash: dd7985327f146f33b86d4bff5ca8c94234ce840e build by mockbuild@v20z-x86-64.home.local, 2009-08-29 14:07:55
"""
V84 = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 07B2B73308F5B02A759D097 \n"
COUNTERS = "    ns:10 nr:20 dw:30 dr:40 al:1 bm:2 lo:3 pe:4 ua:5 ap:6"


def one(text: str) -> DrbdResource:
    """The only resource of a text that must be understood in full."""
    status = parse_proc_drbd(text)
    assert status.problems == ()
    assert len(status.resources) == 1
    return status.resources[0]


def test_8_0_has_st_four_flags_no_oos_and_lru_lines() -> None:
    resource = one(
        V80
        + " 0: cs:Connected st:Secondary/Primary ds:UpToDate/UpToDate C r---\n"
        + COUNTERS
        + "\n\tresync: used:0/61 hits:7 misses:1 starving:0 dirty:0 changed:1\n"
        + "\tact_log: used:0/127 hits:9 misses:2 starving:0 dirty:0 changed:2\n"
    )
    assert (resource.minor, resource.connection) == (0, "Connected")
    assert (resource.role, resource.peer_role) == ("Secondary", "Primary")
    assert (resource.disk, resource.peer_disk) == ("UpToDate", "UpToDate")
    assert (resource.protocol, resource.flags) == ("C", "r---")
    assert resource.out_of_sync_kib is None
    assert resource.counters == {
        "ns": 10,
        "nr": 20,
        "dw": 30,
        "dr": 40,
        "al": 1,
        "bm": 2,
        "lo": 3,
        "pe": 4,
        "ua": 5,
        "ap": 6,
    }
    assert resource.write_order is None
    assert resource.sync is None


def test_8_0_resync_with_progress_between_counters_and_lru_lines() -> None:
    resource = one(
        V80
        + " 0: cs:SyncTarget st:Secondary/Primary ds:Inconsistent/UpToDate C r---\n"
        + COUNTERS
        + "\n\t[=>..................] sync'ed: 10.5% (91648/102400)K\n"
        + "\tfinish: 0:01:29 speed: 1024,000 (1,023) K/sec\n"
        + "\tresync: used:1/61 hits:7 misses:1 starving:0 dirty:0 changed:1\n"
        + "\tact_log: used:0/127 hits:9 misses:2 starving:0 dirty:0 changed:2\n"
    )
    # 1024,000 is the wrong grouping that is printed up to 8.3.9.
    assert resource.sync == Sync("resync", 10.5, 91648, 102400, 1024000, 1023, None, 89)


@pytest.mark.parametrize("flags", ["r---", "r----", "r-----", "s--u--", "rap-bn"])
def test_four_five_and_six_flags(flags: str) -> None:
    resource = one(V83 + f" 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate B {flags}\n{COUNTERS}\n")
    assert (resource.protocol, resource.flags) == ("B", flags)


def test_flags_tell_suspended_io_and_who_pauses() -> None:
    resource = one(V84 + f" 1: cs:PausedSyncT ro:Secondary/Primary ds:Inconsistent/UpToDate C sapu-s\n{COUNTERS}\n")
    assert resource.io_suspended
    assert resource.paused_by == ("dependency", "peer", "user")


def test_without_a_network_configuration_the_protocol_is_a_space() -> None:
    resource = one(V84 + "\n 1: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----\n" + COUNTERS + "\n")
    assert resource.protocol is None
    assert resource.flags == "r-----"
    assert resource.peer_disk == "DUnknown"


def test_stalled_as_a_line_of_its_own_up_to_8_3_8() -> None:
    resource = one(
        V83
        + " 1: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r----\n"
        + COUNTERS
        + " ep:1 wo:b oos:5000\n\t[>....................] sync'ed:  0.3% (5000/5016)K\n\tstalled\n"
    )
    assert resource.sync == Sync("resync", 0.3, 5000, 5016, stalled=True)
    assert (resource.write_order, resource.out_of_sync_kib) == ("b", 5000)
    assert resource.counters["ep"] == 1


def test_stalled_at_the_end_of_the_line_from_8_3_9() -> None:
    resource = one(
        V84
        + " 1: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n"
        + COUNTERS
        + " ep:1 wo:f oos:5000\n\t[>....................] sync'ed:  0.3% (5000/5016)M\n"
        + "\tfinish: 120:07:08 speed: 0 (12) want: 10,240 K/sec (stalled)\n"
    )
    sync = resource.sync
    assert sync is not None
    assert sync.stalled
    assert (sync.left_kib, sync.total_kib) == (5000 * 1024, 5016 * 1024)
    assert (sync.speed_kib_s, sync.average_kib_s, sync.want_kib_s) == (0, 12, 10240)
    assert sync.finish_s == 120 * 3600 + 7 * 60 + 8


@pytest.mark.parametrize("tail", [" queue_delay: 1.5 ms", " delay_probe: 17"])
def test_8_3_8_puts_delays_behind_the_amounts(tail: str) -> None:
    resource = one(
        "version: 8.3.8 (api:88/proto:86-94)\n"
        + " 0: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate A r----\n"
        + COUNTERS
        + f" ep:1 wo:d oos:900\n\t[=========>..........] sync'ed: 50.0% (900/1800)K{tail}\n"
        + "\tfinish: 0:00:01 speed: 900 (900) want: 1,000 K/sec\n"
    )
    assert resource.sync == Sync("resync", 50.0, 900, 1800, 900, 900, 1000, 1)


@pytest.mark.parametrize("version", ["8.2.4", "8.2.5"])
def test_verify_of_8_2_4_and_8_2_5_counts_oos_in_bits(version: str) -> None:
    resource = one(
        f"version: {version} (api:88/proto:86-88)\n"
        + " 0: cs:VerifyS st:Primary/Secondary ds:UpToDate/UpToDate C r---\n"
        + COUNTERS
        + "\n\t 23% oos:25  6000/25600\n"
        + "\tresync: used:0/61 hits:0 misses:0 starving:0 dirty:0 changed:0\n"
    )
    assert resource.sync == Sync("verify", 23.0, 19600 * 4, 25600 * 4)
    assert resource.out_of_sync_kib == 100


@pytest.mark.parametrize("version", ["8.2.6", "8.3.0", "8.3.9"])
def test_verify_before_8_3_10_tells_what_is_done_in_bits(version: str) -> None:
    states = "st" if version < "8.3" else "ro"
    resource = one(
        f"version: {version} (api:88/proto:86-91)\n"
        + f" 0: cs:VerifyT {states}:Secondary/Primary ds:UpToDate/UpToDate C r---\n"
        + COUNTERS
        + " oos:8\n\t 23%      6000/25600\n"
    )
    assert resource.sync == Sync("verify", 23.0, 78400, 102400)
    assert resource.out_of_sync_kib == 8


def test_verify_from_8_3_10_uses_the_bar() -> None:
    resource = one(
        "version: 8.3.10 (api:88/proto:86-96)\n"
        + " 0: cs:VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n"
        + COUNTERS
        + " ep:1 wo:f oos:0\n\t[===>................] verified: 22.8% (321096/409600)K\n"
        + "\tfinish: 0:00:32 speed: 9,832 (9,832) want: 0 K/sec\n"
    )
    assert resource.sync == Sync("verify", 22.8, 321096, 409600, 9832, 9832, 0, 32)


def test_proc_details_add_a_speed_and_a_position() -> None:
    resource = one(
        V84
        + " 1: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n"
        + COUNTERS
        + " ep:1 wo:f oos:100\n\t[=========>..........] sync'ed: 50.0% (100/200)K\n"
        + "\tfinish: 0:00:01 speed: 100 (90 -- 80) K/sec\n"
        + "\t 12% sector pos: 98304/819200\n"
        + "\tresync: used:0/61 hits:0 misses:0 starving:0 locked:0 changed:0\n"
        + "\tact_log: used:0/1237 hits:3 misses:0 starving:0 locked:0 changed:0\n"
        + "\tblocked on activity log: 0\n"
    )
    assert resource.sync is not None
    assert (resource.sync.speed_kib_s, resource.sync.average_kib_s) == (100, 80)
    assert resource.sync.percent == 50.0


@pytest.mark.parametrize("connection", ["PausedSyncS", "PausedSyncT", "Ahead", "Behind"])
def test_paused_prints_no_progress_but_is_a_resync(connection: str) -> None:
    resource = one(
        V84
        + f" 1: cs:{connection} ro:Primary/Secondary ds:UpToDate/Inconsistent C r--u--\n{COUNTERS} ep:1 wo:f oos:77\n"
    )
    assert resource.sync == Sync("resync", left_kib=77, paused=True)


@pytest.mark.parametrize(("connection", "kind"), [("SyncSource", "resync"), ("VerifyT", "verify")])
def test_a_sync_without_its_progress_lines_is_one_all_the_same(connection: str, kind: str) -> None:
    resource = one(V84 + f" 1: cs:{connection} ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n{COUNTERS}\n")
    assert resource.sync is not None
    assert resource.sync.kind == kind
    assert resource.sync.percent is None


def test_several_minors_with_gaps_and_one_that_is_not_up() -> None:
    status = parse_proc_drbd(
        V83
        + " 0: cs:Unconfigured\n"
        + f" 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r----\n{COUNTERS} ep:1 wo:b oos:0\n"
        + f"\n10: cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C r----\n{COUNTERS} ep:1 wo:b oos:12\n"
    )
    assert status.problems == ()
    assert [r.minor for r in status.resources] == [0, 1, 10]
    assert status.resources[0] == DrbdResource(0, "Unconfigured")
    last = status.minor(10)
    assert last is not None
    assert last.out_of_sync_kib == 12
    assert status.minor(2) is None
    assert status.version == "8.3.2"


def test_the_header_alone_is_a_module_without_resources() -> None:
    status = parse_proc_drbd(V84)
    assert (status.version, status.resources, status.problems) == ("8.4.11", (), ())


def test_drbd_9_is_sent_to_drbdsetup() -> None:
    status = parse_proc_drbd(
        "version: 9.1.7 (api:2/proto:110-121)\nGIT-hash: bfd2450 build by x\nTransports (api:18): tcp (9.1.7)\n"
    )
    assert status.version == "9.1.7"
    assert status.resources == ()
    assert "drbdsetup status --json" in status.problems[0].message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "modprobe"),
        ("cat: /proc/drbd: No such file or directory\n", "modprobe"),
        ("Permission denied\n", "expected"),
        (" 1: cs:Connected ro:Primary\n", "roles and disk states"),
    ],
)
def test_what_is_not_understood_is_a_problem(text: str, word: str) -> None:
    assert word in parse_proc_drbd(text).problems[0].message


def test_control_characters_do_not_come_through() -> None:
    status = parse_proc_drbd(V84 + " 1: cs:Conn\x1b[31mected ro:Pri\u202emary/x ds:a/b C r-----\n")
    assert status.resources[0].connection == "Conn[31mected"
    assert status.resources[0].role == "Primary"


def test_names_are_put_in_by_minor() -> None:
    status = parse_proc_drbd(V84 + f" 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n{COUNTERS}\n")
    assert [r.name for r in name_resources(status, {1: "data", 2: "other"}).resources] == ["data"]


def test_get_gi() -> None:
    ids = parse_get_gi("cb90FBD7FC15B9AB:0000000000000000:4898E9C83C0341BE:0000000000000004:1:1:0:1:0:0:1\n")
    assert ids == GenerationIds(
        "CB90FBD7FC15B9AB",
        "0000000000000000",
        ("4898E9C83C0341BE", "0000000000000004"),
        consistent=True,
        was_up_to_date=True,
        primary=False,
        connected=True,
        full_sync=False,
        peer_outdated=False,
        crashed_primary=True,
    )


@pytest.mark.parametrize("text", ["", "'data' not defined in your config\n", "CB90FBD7FC15B9AB:0:0:0:1:1:1:1:0:0:0"])
def test_get_gi_that_is_none(text: str) -> None:
    assert isinstance(parse_get_gi(text), Problem)

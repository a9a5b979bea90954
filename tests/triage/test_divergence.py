"""How far two sides diverged: on what a real pair printed, on the kernel's own comparisons, and on any identifiers."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccops.pair.model import DrbdStatus, GenerationIds, PairState, Reading
from ccops.record.bundle import Bundle, read_bundle
from ccops.triage.divergence import diverged, measure
from ccops.triage.finding import Divergence, Period, Traces
from ccops.triage.generations import Identifiers, compare, identifiers
from ccops.triage.history import History, history_of
from tests.triage.pairs import LAYOUT, NOW, gone, healthy, told, with_drbd, with_nodes

CAPTURES = Path(__file__).parent.parent / "captures"
ONE, TWO = "elaxtix-voip", "elaxtix-voip-2"
PARTED = 1795401694.0  # 02:41:34, node 2's word; node 1 noticed at 02:41:44
CUT = {"connection": "WFConnection", "peer_role": "Unknown", "peer_disk": "DUnknown"}


def capture(name: str) -> Bundle:
    return read_bundle(CAPTURES / name)


def measured(name: str, pair: PairState | None = None, traces: dict[str, Traces] | None = None) -> Divergence:
    bundle = capture(name)
    return measure(pair or bundle.pair, history_of(bundle.log), traces or {})


def without(pair: PairState, node: str, *fields: str) -> PairState:
    """The pair as it is when those readings of that node are not known."""
    nodes = tuple(
        replace(n, **{field: Reading(None, "no right to read it", 1.0) for field in fields}) if n.name == node else n
        for n in pair.nodes
    )
    return replace(pair, nodes=nodes)


# The comparison


@pytest.mark.parametrize("log", sorted(CAPTURES.glob("*/node*/kern.txt")), ids=lambda path: "-".join(path.parts[-3:-1]))
def test_every_handshake_of_a_real_pair_is_compared_as_its_kernel_did(log: Path) -> None:
    handshakes = re.findall(
        r"self (\S+) bits:\d+ flags:\S+\s*\n.*?peer (\S+) bits:\d+ flags:\S+\s*\n"
        r".*?uuid_compare\(\)=(-?\d+) by rule (\d+)",
        log.read_text(),
    )
    assert handshakes
    for mine, theirs, result, rule in handshakes:
        one, two = identifiers(tuple(mine.split(":"))), identifiers(tuple(theirs.split(":")))
        assert one is not None
        assert two is not None
        found = compare(one, two)
        assert (found.result, found.rule) == (int(result), int(rule))


A, B, C, D, E, F = (n << 4 for n in range(10, 16))
OFFSET = 1 << 48


@pytest.mark.parametrize(
    ("mine", "theirs", "result", "rule"),
    [
        (Identifiers(4, 0, (0, 0)), Identifiers(4, 0, (0, 0)), 0, 10),
        (Identifiers(0, 0, (0, 0)), Identifiers(A, 0, (0, 0)), -2, 20),
        (Identifiers(4, A, (B, C)), Identifiers(A, B, (C, D)), -2, 20),
        (Identifiers(A, 0, (0, 0)), Identifiers(4, 0, (0, 0)), 2, 30),
        (Identifiers(A, 0, (0, 0)), Identifiers(0, 0, (0, 0)), 2, 30),
        (Identifiers(A, B, (C, D)), Identifiers(A, 0, (B, C)), 1, 34),
        (Identifiers(A, 0, (B, C)), Identifiers(A, B, (C, D)), -1, 35),
        (Identifiers(A, B, (C, D)), Identifiers(A, 0, (C, D)), 1, 36),
        (Identifiers(A, 0, (C, D)), Identifiers(A, B, (C, D)), -1, 37),
        (Identifiers(A, 0, (C, D)), Identifiers(A, 0, (C, D)), 0, 40),
        (Identifiers(A, 0, (C, D), True), Identifiers(A, 0, (C, D)), 1, 40),
        (Identifiers(A, B, (C, D)), Identifiers(A, B, (C, D), True), -1, 40),
        (Identifiers(A, 0, (C, D)), Identifiers(E, A, (C, D)), -1, 50),
        (Identifiers(A, 0, (C, D)), Identifiers(E, A + OFFSET, (A, C)), -1, 51),
        (Identifiers(A, 0, (C, D)), Identifiers(E, F, (A, C)), -1, 51),
        (Identifiers(A, 0, (C, D)), Identifiers(E, F, (B, A)), -2, 60),
        (Identifiers(A, 0, (C, D)), Identifiers(E, F, (A, B)), -2, 60),
        (Identifiers(A, B, (C, D)), Identifiers(B, 0, (C, D)), 1, 70),
        (Identifiers(A, B + OFFSET, (B, C)), Identifiers(B, 0, (E, D)), 1, 71),
        (Identifiers(A, E, (C, B)), Identifiers(B, 0, (D, D)), 2, 80),
        (Identifiers(A, E, (B, C)), Identifiers(B, 0, (D, F)), 2, 80),
        (Identifiers(A, B, (C, D)), Identifiers(E, B, (C, D)), 100, 90),
        (Identifiers(A, 0, (C, D)), Identifiers(E, 0, (D, F)), -100, 100),
        (Identifiers(A, B, (0, C)), Identifiers(E, D, (F, 0)), -100, 100),  # two empty places: the kernel counts them
        (Identifiers(A, 0, (B, C)), Identifiers(D, 0, (E, F)), -1000, 100),
    ],
)
def test_each_rule_decides_where_it_is_the_first_to_hold(
    mine: Identifiers, theirs: Identifiers, result: int, rule: int
) -> None:
    found = compare(mine, theirs)
    assert (found.result, found.rule) == (result, rule)
    assert found.diverged == (abs(result) == 100)
    assert found.unrelated == (result == -1000)


def test_the_bit_that_tells_the_role_is_no_difference() -> None:
    assert identifiers(("A1", "B1", "C1", "D1")) == identifiers(("A0", "B0", "C0", "D0"))


@pytest.mark.parametrize(
    "words", [(), ("A", "B", "C"), ("A", "B", "C", "D", "E"), ("A", "B", "C", "x"), ("A", "B", "C", "")]
)
def test_what_is_no_identifier_is_not_known(words: tuple[str, ...]) -> None:
    assert identifiers(words) is None


words = st.sampled_from(["0" * 16, f"{4:016X}", *(f"{n:015X}{low}" for n, low in product((1, 2, 3, 4), "01"))])
four = st.tuples(words, words, words, words)


@given(four, four)
def test_both_sides_find_the_same(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    mine, theirs = identifiers(one), identifiers(two)
    assert mine is not None
    assert theirs is not None
    there, back = compare(mine, theirs), compare(theirs, mine)
    assert (there.diverged, there.unrelated) == (back.diverged, back.unrelated)
    if there.diverged:
        assert there == back


# diverged()


def test_diverged_says_which_identifiers_and_which_rule() -> None:
    said = diverged(capture("12-healed-8s").pair)
    assert said is not None
    assert "E6E7580D4894B4F3:094CE509312CD44F" in said
    assert "FEE11A908E2A0AA6:094CE509312CD44E" in said
    assert "rule 90" in said


@pytest.mark.parametrize("name", ["01-healthy", "05-admin-disconnected", "06-resync-early", "10-cut-early"])
def test_sides_that_only_lag_are_not_diverged(name: str) -> None:
    assert diverged(capture(name).pair) is None


def test_what_is_not_read_is_not_diverged() -> None:
    assert diverged(without(capture("12-healed-8s").pair, ONE, "gi")) is None


def test_a_side_that_is_inconsistent_takes_what_the_other_has_whatever_the_identifiers_say() -> None:
    ids = [
        GenerationIds(w, "E" * 16, ("A" * 16, "B" * 16), True, True, True, False, False, False, False)
        for w in ("C" * 16, "D" * 16)
    ]
    pair = with_nodes(with_drbd(healthy(), CUT, CUT), *({"gi": Reading(found, None, NOW)} for found in ids))
    assert diverged(pair) is not None
    torn = with_drbd(pair, {}, {"disk": "Inconsistent"})
    assert diverged(torn) is None
    found = measure(torn, History(), {})
    assert found.victim is None
    assert found.reasons == ("the disk of two is Inconsistent: it takes what one has, whatever the identifiers say",)
    assert found.sides[1].only_here_kib is None


# measure() on what a real pair printed


def test_a_cut_with_both_active() -> None:
    found = measured("11-cut-both-active")
    one, two = found.sides
    assert (found.rule, found.parted_at) == (90, PARTED)
    assert (one.name, one.is_primary, one.serves, one.only_here_kib) == (ONE, True, True, 3128)
    assert (two.name, two.is_primary, two.serves, two.only_here_kib) == (TWO, True, True, 20584)
    assert one.only_here_from == f"/proc/drbd of {ONE}"
    assert one.primary == (Period(1795401527.0, None),)  # since 02:38:47, before they parted
    assert two.primary == (Period(1795401707.0, None),)  # since 02:41:47
    assert one.address == (Period(1795401521.0, None),)
    assert two.address == (Period(1795401701.0, None),)
    assert [(e.source, e.node) for e in found.rule_evidence] == [("drbdadm get-gi", ONE), ("drbdadm get-gi", TWO)]
    assert found.rule_evidence[0].text == "E6E7580D4894B4F3:094CE509312CD44F:CB91FBD7FC15B9AB:CB90FBD7FC15B9AB"
    assert found.victim is None
    assert any("3128 KiB only on elaxtix-voip, 20584 KiB only on elaxtix-voip-2" in reason for reason in found.reasons)


def test_eight_seconds_after_it_was_mended() -> None:
    found = measured("12-healed-8s")
    one, two = found.sides
    assert (found.rule, found.parted_at) == (90, PARTED)
    assert (one.is_primary, two.is_primary, one.serves, two.serves) == (True, False, True, False)
    assert (one.only_here_kib, two.only_here_kib) == (3128, 20708)
    assert two.primary == (Period(1795401707.0, 1795401754.0),)  # until 02:42:34
    assert two.traces.channels.value == 0  # its Asterisk was seen stopped
    compared = found.rule_evidence[-1]
    assert (compared.source, compared.text) == ("kernel log", "block drbd1: uuid_compare()=100 by rule 90")
    # Node 2 was Primary for 47 s, and what it wrote then is not known: that node 1 serves now does not decide.
    assert found.victim is None
    assert any(reason.startswith(f"for keeping {ONE}: {ONE} serves now") for reason in found.reasons)
    assert any("was Primary for 47 s" in reason for reason in found.reasons)


def test_the_kernel_logs_stand_in_for_identifiers_that_may_not_be_read() -> None:
    pair = without(without(capture("12-healed-8s").pair, ONE, "gi"), TWO, "gi")
    found = measured("12-healed-8s", pair)
    assert found.rule == 90
    assert {e.source for e in found.rule_evidence} == {"kernel log"}
    assert any("bits:782 " in e.text for e in found.rule_evidence)


def test_before_the_sides_met_again_each_log_tells_the_generation_its_side_began() -> None:
    pair = without(without(capture("11-cut-both-active").pair, ONE, "gi"), TWO, "gi")
    found = measured("11-cut-both-active", pair)
    assert found.rule == 90
    assert [e.text.split()[2:5] for e in found.rule_evidence] == [["new", "current", "UUID"]] * 2


def test_a_node_that_is_gone_is_known_by_the_handshake_in_its_peers_log() -> None:
    bundle = capture("12-healed-8s")
    pair = without(bundle.pair, TWO, "gi", "drbd", "addresses", "mounts", "services", "heartbeat")
    log = history_of(line for line in bundle.log if line.node == ONE)
    found = measure(pair, log, {})
    two = found.sides[1]
    assert found.rule == 90
    assert "block drbd1: peer FEE11A908E2A0AA7:" in found.rule_evidence[1].text
    assert two.only_here_kib == 5146 * 4
    assert f"kernel log of {ONE}" in two.only_here_from
    assert (two.is_primary, two.serves, two.primary) == (None, None, ())
    assert found.victim is None
    assert found.parted_at == 1795401704.0  # by node 1's word alone


def test_without_any_log_and_right_nothing_is_claimed() -> None:
    pair = without(without(capture("11-cut-both-active").pair, ONE, "gi", "drbd"), TWO, "gi", "drbd")
    found = measure(pair, History(), {})
    assert (found.rule, found.rule_evidence, found.parted_at, found.victim) == (None, (), None, None)
    assert [side.only_here_kib for side in found.sides] == [None, None]
    assert all("handshake" in side.only_here_from for side in found.sides)
    assert any(reason.startswith("when the sides parted is not in the logs") for reason in found.reasons)


def test_while_they_are_connected_nothing_is_counted() -> None:
    found = measured("10-cut-early")
    assert found.reasons == ("the sides are connected: nothing has to be given up",)
    assert [side.only_here_kib for side in found.sides] == [None, None]


def test_a_side_that_is_only_ahead_is_no_split_brain() -> None:
    found = measured("05-admin-disconnected")
    assert (found.rule, found.victim) == (None, None)
    assert found.reasons[0].startswith("by the identifiers this is no split brain (rule 70)")
    assert found.reasons[0].endswith(f"resyncs it from {ONE}")


def test_unrelated_data_is_said_to_be_that() -> None:
    ids = [
        GenerationIds(w * 16, "0" * 16, (h * 16, g * 16), True, True, True, False, False, False, False)
        for w, h, g in ("ACE", "B59")
    ]
    pair = with_nodes(
        with_drbd(healthy(), {"connection": "StandAlone"}, {"connection": "StandAlone"}),
        *({"gi": Reading(found, None, NOW)} for found in ids),
    )
    found = measure(pair, History(), {})
    assert found.rule is None
    assert "nothing in common" in found.reasons[0]


def test_the_kernels_word_outweighs_identifiers_that_were_read_before() -> None:
    pair = with_drbd(healthy(), {"connection": "StandAlone"}, {"connection": "StandAlone"})
    lines = (
        "block drbd1: uuid_compare()=-100 by rule 100",
        "block drbd1: Split-Brain detected but unresolved, dropping connection!",
    )
    found = measure(pair, told({"two": lines}), {})
    assert found.rule == 100
    assert [e.text for e in found.rule_evidence][-1] == lines[0]


def test_the_sign_of_the_kernels_word_is_that_of_the_node_that_says_it() -> None:
    pair = with_nodes(with_drbd(healthy(), CUT, CUT), *({"gi": Reading(None, "no right", NOW)} for _ in "12"))
    ahead = "block drbd1: uuid_compare()=1 by rule 70"
    assert measure(pair, told({"two": (ahead,)}), {}).reasons[0].endswith("a connection resyncs it from two")
    assert measure(pair, told({"one": (ahead,)}), {}).reasons[0].endswith("a connection resyncs it from one")


def test_a_version_that_cannot_tell_says_nothing_about_the_data() -> None:
    pair = with_nodes(with_drbd(healthy(), CUT, CUT), *({"gi": Reading(None, "no right", NOW)} for _ in "12"))
    found = measure(pair, told({"two": ("block drbd1: uuid_compare()=-1091 by rule 0",)}), {})
    assert "identifiers" not in " ".join(found.reasons)


def test_who_was_primary_at_the_parting_has_its_last_records_perhaps_alone() -> None:
    """Node 2 was Secondary until after it; what it has from before it got from node 1."""
    lately, before = PARTED + 30, PARTED - 5

    def victim(one: float, two: float) -> str | None:
        dates = {ONE: one, TWO: two}
        found = {name: Traces(cdr=Reading(at, None, 1795401743.0)) for name, at in dates.items()}
        return measured("11-cut-both-active", traces=found).victim

    assert victim(lately, before) == TWO
    assert victim(before, lately) is None
    assert victim(PARTED - 500, lately) == ONE


def test_calls_that_were_told_long_ago_are_not_up_now() -> None:
    bundle = capture("11-cut-both-active")

    def channels(at: float) -> Reading[int]:
        traces = {ONE: Traces(channels=Reading(9, None, at))}
        return measure(bundle.pair, history_of(bundle.log), traces).sides[0].traces.channels

    assert channels(bundle.pair.at - 5).value == 9
    assert channels(bundle.pair.at - 120) == Reading(None, "last told 120 s ago", bundle.pair.at - 120)


def test_what_the_logs_tell_of_another_resource_or_address_is_not_of_this_one() -> None:
    lost = "drbd {}: conn( Connected -> NetworkFailure )"
    kernel = {"one": (lost.format("other"), "block drbd0: role( Primary -> Secondary )")}
    beats = {"one": ("info: Running /etc/ha.d/resource.d/IPaddr2 10.0.0.9/24 start",)}
    found = measure(with_drbd(healthy(), CUT, CUT), told(kernel, beats), {})
    assert found.parted_at is None
    assert (found.sides[0].primary, found.sides[0].address) == ((Period(),), (Period(),))  # as it is seen now
    ours = {"one": (lost.format(LAYOUT.resource),)}
    assert measure(with_drbd(healthy(), CUT, CUT), told(ours), {}).parted_at == NOW - 60


def test_a_node_that_lost_its_current_was_primary_until_it_booted_at_the_latest() -> None:
    kernel = {
        "two": (
            "drbd data: conn( Connected -> NetworkFailure )",
            "block drbd1: role( Secondary -> Primary )",
            "drbd data: conn( StandAlone -> Unconnected )",
        )
    }
    pair = with_nodes(with_drbd(healthy(), CUT, CUT), {}, {"uptime_s": 20.0})
    two = measure(pair, told(kernel, ago_s=60.0), {}).sides[1]
    assert two.primary == (Period(NOW - 60, NOW - 20),)


def test_a_pause_of_the_resync_and_a_boot_are_no_partings() -> None:
    synced = "block drbd1: conn( WFSyncUUID -> SyncTarget )"
    assert told({"two": (synced, "block drbd1: conn( SyncTarget -> PausedSyncT )")}).parted_at() is None
    assert told({"two": ("drbd data: conn( StandAlone -> Unconnected )",)}).parted_at() is None
    lost = told({"two": (synced, "drbd data: conn( PausedSyncT -> BrokenPipe )")})
    assert (lost.parted_at(), lost.lost_at("two"), lost.lost_at("one")) == (NOW - 60, NOW - 60, None)


# Any identifiers, any counts

odd = st.one_of(words, st.text(max_size=20))
ids = st.builds(GenerationIds, odd, odd, st.lists(odd, max_size=3).map(tuple), *([st.booleans()] * 7))
sides = st.fixed_dictionaries(
    {
        "connection": st.sampled_from(["StandAlone", "WFConnection", "Connected", "NetworkFailure"]),
        "role": st.sampled_from(["Primary", "Secondary"]),
        "disk": st.sampled_from(["UpToDate", "Inconsistent", "Outdated"]),
        "out_of_sync_kib": st.sampled_from([None, 0, 4, 20584]),
    }
)
dates = st.one_of(st.none(), st.sampled_from([NOW - 200_000, NOW - 4000, NOW - 75, NOW - 61, NOW - 10]))
readings = dates.map(lambda at: Reading(at, None if at else "not there", NOW))
some_traces = st.builds(
    Traces,
    readings,
    readings,
    readings,
    readings,
    st.sampled_from(
        [Reading(None, "no AMI user"), Reading(0, None, NOW), Reading(3, None, NOW), Reading(3, None, 1.0)]
    ),
)
LINES = (
    "drbd data: conn( Connected -> NetworkFailure )",
    "block drbd1: role( Secondary -> Primary )",
    "block drbd1: role( Primary -> Secondary )",
    "block drbd1: self 1110000000000001:2220000000000001:3330000000000001:4440000000000001 bits:7 flags:0",
    "block drbd1: peer 5550000000000001:2220000000000001:3330000000000001:4440000000000001 bits:0 flags:0",
    "block drbd1: uuid_compare()=100 by rule 90",
    "block drbd1: conn( WFReportParams -> SyncSource )",
)
logs = st.lists(st.sampled_from(LINES), max_size=6).map(tuple)


@given(st.tuples(sides, sides), st.tuples(ids, ids), st.tuples(some_traces, some_traces), st.tuples(logs, logs))
def test_any_state_is_measured_and_which_side_comes_first_makes_no_difference(
    drbd: tuple[dict[str, object], ...],
    gi: tuple[GenerationIds, GenerationIds],
    traces: tuple[Traces, Traces],
    kernel: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    pair = with_nodes(with_drbd(healthy(), *drbd), *({"gi": Reading(found, None, NOW)} for found in gi))
    history = told({"one": kernel[0], "two": kernel[1]})
    found = measure(pair, history, dict(zip(("one", "two"), traces, strict=True)))
    turned = replace(pair, layout=replace(pair.layout, nodes=("two", "one")), nodes=(pair.nodes[1], pair.nodes[0]))
    mirrored = measure(turned, history, {"one": traces[0], "two": traces[1]})
    assert found.victim == mirrored.victim
    assert found.rule == mirrored.rule
    assert {side.name: side for side in found.sides} == {side.name: side for side in mirrored.sides}
    assert found.reasons


def test_a_node_that_cannot_be_reached_is_never_the_victim_of_what_is_not_known() -> None:
    pair = with_nodes(with_drbd(healthy(), CUT, CUT), {}, gone())
    found = measure(pair, History(), {"one": Traces(channels=Reading(5, None, NOW))})
    assert found.victim is None
    assert any("whether any are on two is not known" in reason for reason in found.reasons)


def test_the_status_of_drbd_without_the_resource_is_no_count() -> None:
    pair = with_nodes(healthy(), {"drbd": Reading(DrbdStatus("8.4.11"), None, NOW)}, {})
    assert measure(pair, History(), {}).sides[0].only_here_kib is None

"""What only time tells: who served since when, what was found since when, what is too old to be believed."""

from __future__ import annotations

from msgspec.structs import replace

from ccops.pair.model import LogLine, PairState, Reading
from ccops.watch.joining import Joiner, changes_told
from ccops.watch.snapshot import Snapshot
from ccops.watch.status import status
from tests.triage.pairs import LAYOUT, healthy, node


def at(pair: PairState, now: float) -> PairState:
    nodes = []
    for state in pair.nodes:
        aged = {
            field: replace(reading, taken_at=now)
            for field in ("drbd", "gi", "heartbeat", "addresses", "mounts", "services", "space")
            if isinstance(reading := getattr(state, field), Reading)
        }
        nodes.append(replace(state, sampled_at=now, **aged))
    return replace(pair, nodes=tuple(nodes), at=now)


def neither(now: float) -> PairState:
    return at(PairState(LAYOUT, (node("one", "two", serves=False), node("two", "one", serves=False)), now), now)


def other(now: float) -> PairState:
    return at(PairState(LAYOUT, (node("one", "two", serves=False), node("two", "one", serves=True)), now), now)


def test_serving_is_dated_when_it_is_seen_to_move() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    assert joiner.join(at(healthy(), 100.0), 100.0).serving_since is None
    assert joiner.join(neither(130.0), 130.0).verdict.code == "in-transition"
    moved = joiner.join(other(140.0), 140.0)
    assert (moved.serving, moved.serving_since) == ("two", 140.0)
    assert joiner.join(other(150.0), 150.0).serving_since == 140.0


def test_patience_ends() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    joiner.join(at(healthy(), 100.0), 100.0)
    assert joiner.join(neither(400.0), 400.0).verdict.code == "nobody-serves"


def test_serving_before_ccops_came_is_dated_by_the_kernel() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    joiner.logged(LogLine(42.0, "kernel", "block drbd1: role( Secondary -> Primary )", "one"))
    assert joiner.join(at(healthy(), 100.0), 100.0).serving_since == 42.0


def test_old_becomes_unknown_never_ok() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    pair = at(healthy(), 100.0)
    assert joiner.join(pair, 101.0).verdict.severity == "ok"
    late = joiner.join(pair, 130.0)
    assert late.verdict.severity == "unknown"
    assert late.serving is None
    assert all(state.drbd.value is None for state in late.pair.nodes)


def test_findings_keep_the_time_they_began() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    first = joiner.join(at(healthy(), 100.0), 100.0)
    second = joiner.join(at(healthy(), 105.0), 105.0)
    assert first.verdict.since == second.verdict.since == 100.0


def test_changes_are_told_once() -> None:
    joiner = Joiner(LAYOUT, 1.0)

    def snapshot(pair: PairState, now: float) -> Snapshot:
        judged = joiner.join(pair, now)
        return Snapshot(now, judged.pair, judged.verdict, judged.findings, serving=judged.serving)

    first, second = snapshot(at(healthy(), 100.0), 100.0), snapshot(at(healthy(), 101.0), 101.0)
    moving, moved = snapshot(neither(110.0), 110.0), snapshot(other(120.0), 120.0)
    assert list(changes_told(first, second)) == []
    began = list(changes_told(second, moving))
    assert [(line.tag, line.text.split(":")[:2]) for line in began] == [("finding", ["began", " in-transition"])]
    ended = list(changes_told(moving, moved))
    assert [line.tag for line in ended] == ["finding", "finding", "serving"]
    assert ended[0].text.startswith("healthy: two serves")
    assert ended[1].text == "ended: in-transition, after 10 s"


def test_status_gives_a_reason_for_every_null() -> None:
    joiner = Joiner(LAYOUT, 1.0)
    judged = joiner.join(at(healthy(), 100.0), 200.0)
    told = status(Snapshot(200.0, judged.pair, judged.verdict, judged.findings, serving=judged.serving))
    assert told["serving"] is None
    assert told["nodes"]["one"]["drbd"] is None
    assert told["nodes"]["one"]["addresses"] == {"192.168.27.120": None}
    assert told["queues"] is told["agents"] is told["trunks"] is None
    assert {name for finding in told["findings"] for name in finding["nodes"]} == {"one", "two"}

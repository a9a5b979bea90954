"""The bell: once for each grave finding, never for what follows from another, never for what was seen."""

from __future__ import annotations

from msgspec.structs import replace

from ccops.callcentre.limits import Excess
from ccops.triage.finding import Finding
from ccops.tui.alarms import Alarms, mark
from tests.tui import samples_centre as centre_samples
from tests.tui.conftest import Make

SPLIT = Finding("split-brain", "critical", "3 KiB differ", ("one", "two"))
APART = Finding("served-apart", "critical", "apart", ("one",))
LATE = Finding("late-heartbeats", "warning", "late", ("two",))


def test_rings_once() -> None:
    alarms = Alarms()
    assert alarms.heard((LATE,), 0.0) == ()
    assert alarms.heard((SPLIT, LATE), 1.0) == (SPLIT,)
    assert alarms.heard((replace(SPLIT, summary="4 KiB differ"), LATE), 2.0) == ()
    assert alarms.heard((SPLIT, APART), 3.0) == (APART,)


def test_what_is_there_at_the_start_rings_too() -> None:
    assert Alarms().heard((SPLIT,), 0.0) == (SPLIT,)


def test_a_consequence_does_not_ring() -> None:
    assert Alarms().heard((replace(APART, cause="split-brain"),), 0.0) == ()


def test_what_only_followed_rings_when_its_cause_is_gone() -> None:
    alarms = Alarms()
    alarms.heard((replace(APART, cause="split-brain"), SPLIT), 0.0)
    assert alarms.heard((APART,), 1.0) == (APART,)
    assert alarms.heard((replace(APART, cause="split-brain"), SPLIT), 2.0) == ()
    assert alarms.heard((APART,), 3.0) == ()


def test_a_short_absence_is_none() -> None:
    alarms = Alarms()
    alarms.heard((SPLIT,), 0.0)
    assert alarms.heard((), 10.0) == ()
    assert alarms.heard((SPLIT,), 25.0) == ()
    assert alarms.heard((), 30.0) == ()
    assert alarms.heard((), 60.0) == ()
    assert alarms.heard((SPLIT,), 61.0) == (SPLIT,)


def test_what_gets_worse_rings() -> None:
    alarms = Alarms()
    stopped = Finding("heartbeat-stopped", "warning", "stopped", ("two",))
    assert alarms.heard((stopped,), 0.0) == ()
    assert alarms.heard((replace(stopped, severity="critical"),), 1.0) == (replace(stopped, severity="critical"),)


def test_acknowledged_until_it_changes() -> None:
    alarms = Alarms()
    alarms.heard((SPLIT,), 0.0)
    assert alarms.acknowledge(SPLIT)
    assert alarms.acknowledged == {mark(SPLIT)}
    alarms.heard((replace(SPLIT, summary="more"),), 1.0)
    assert mark(replace(SPLIT, summary="more")) in alarms.acknowledged
    assert mark(replace(SPLIT, nodes=("one",))) not in alarms.acknowledged
    assert mark(replace(SPLIT, severity="warning")) not in alarms.acknowledged
    alarms.heard((), 10.0)
    alarms.heard((), 40.0)
    assert alarms.acknowledged == frozenset()


def test_acknowledging_twice_takes_it_back() -> None:
    alarms = Alarms()
    alarms.heard((SPLIT,), 0.0)
    alarms.acknowledge(SPLIT)
    assert not alarms.acknowledge(SPLIT)
    assert alarms.acknowledged == frozenset()


async def test_a_queue_over_its_limits_is_told_once(make: Make) -> None:
    over = {"ventas": (Excess("waiting", 7, 5),)}
    app, watched = make(centre_samples.snapshot(centre_samples.busy()))
    async with app.run_test(size=(120, 40)) as pilot:
        quiet = watched.store.snapshot
        for second in range(5):
            watched.store.publish(replace(quiet, at=quiet.at + second, exceeded=over))
            await pilot.pause()
        (told,) = [note for note in app._notifications if "over their limits" in note.title]
        assert told.message == "ventas: 7 waiting (limit 5)"
        assert told.severity == "warning"

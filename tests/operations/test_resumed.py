"""An operation that was killed at any step goes on, is undone, or is left; and is told by whom and where it stands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ccops.demo.answer import Answer
from ccops.demo.machine import NAMES
from ccops.operations.audit import Record
from ccops.operations.plan import Busy, OperationError, Progress, Request
from tests.operations.stage import Stage
from tests.operations.test_faults import CASES, diverged, is_true
from tests.operations.virtual import play

ONE, TWO = NAMES
RECOVER = Request("recover", arguments={"victim": TWO})


async def killed_at(stage: Stage, request: Request, step: int) -> Record | None:
    """Runs it until that step runs, and kills it there; None where it was over in the same moment."""
    plan = await stage.executor.prepare(request)
    struck = asyncio.Event()

    def on_progress(progress: Progress) -> None:
        if progress.states[step].word != "waiting":
            struck.set()

    running = asyncio.create_task(stage.executor.run(plan, on_progress))
    await asyncio.wait({running, asyncio.create_task(struck.wait())}, return_when="FIRST_COMPLETED")
    running.cancel()
    assert not stage.locks or not running.done()
    try:
        await running
    except asyncio.CancelledError:
        record = stage.executor.unfinished()
        assert record is not None
        assert record.ending == "interrupted"
        assert not stage.locks
        return record
    return None


@pytest.mark.parametrize(
    ("name", "step"),
    [(name, at) for name, case in CASES.items() if name.startswith(("fail", "re")) for at in range(1, case[2])],
)
def test_it_goes_on(tmp_path: Path, name: str, step: int) -> None:
    async def act() -> None:
        request, prepare, _ = CASES[name]
        async with Stage(tmp_path, size=1 << 16) as stage:
            await prepare(stage)
            record = await killed_at(stage, request, step)
            if record is None:
                return
            await stage.wait(5)
            stage.executor = stage.console()
            plan = await stage.executor.prepare(record.request, resuming=True)
            assert not plan.refusals, plan.refusals
            report = await stage.executor.run(plan, record=record)
            assert report.ending == "done", report
            assert report.id == record.first.id
            assert is_true(stage, request)
            assert stage.executor.unfinished() is None
            commands = [entry for entry in stage.sent if "Heartbeat" not in entry[1]]
            assert len(commands) == len(set(commands)) or name in ("repair", "recover 1", "recover 2", "reconnect")
            assert not stage.broken

    play(act())


def test_a_failover_is_undone(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            record = await killed_at(stage, Request("failover"), 2)
            assert record is not None
            await stage.until(lambda: stage.now.serving == TWO)
            await stage.wait(20)
            report = await stage.executor.undo(record)
            assert report.ending == "done", report
            assert stage.pair.serving == (0,)
            assert stage.audit.records()[-1].ending == "undone"
            assert stage.executor.unfinished() is None

    play(act())


def test_a_recovery_before_the_discard_is_undone(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await diverged(stage)
            record = await killed_at(stage, RECOVER, 2)
            assert record is not None
            report = await stage.executor.undo(record)
            assert report.ending == "done", report
            assert stage.pair.heartbeat.members[1].phase == "running"
            assert stage.now.verdict.code == "split-brain"

    play(act())


def test_it_is_left(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await diverged(stage)
            record = await killed_at(stage, RECOVER, 2)
            assert record is not None
            assert record.request == RECOVER
            assert record.step
            stage.executor.leave(record)
            assert stage.executor.unfinished() is None

    play(act())


def test_nothing_can_be_undone_of_a_verify(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            record = await killed_at(stage, Request("verify"), 1)
            assert record is not None
            with pytest.raises(OperationError, match="nothing of it can be undone"):
                await stage.executor.undo(record)

    play(act())


def test_of_two_consoles_one_acts_and_the_other_says_who(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            other = stage.console()
            mine, theirs = await stage.executor.prepare(Request("failover")), await other.prepare(Request("failover"))
            results = await asyncio.gather(stage.executor.run(mine), other.run(theirs), return_exceptions=True)
            busy = [result for result in results if isinstance(result, Busy)]
            assert len(busy) == 1
            assert "failover" in str(busy[0])
            assert stage.pair.serving == (1,)
            assert len(stage.sent) == 1

    play(act())


def test_a_rehearsal_that_shows_the_other_direction_stops_it(tmp_path: Path) -> None:
    """The kernel's log says so: nothing is discarded, and both sides keep what they have."""

    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await diverged(stage)
            before = [list(side.uuids) for side in stage.pair.drbd.sides]
            plan = await stage.executor.prepare(RECOVER)
            real = stage.executor._hands.run

            async def run(node: str, argv: list[str], **rest: object) -> object:
                if "--tentative" in argv:
                    stage.pair.machines[1].log_kernel(
                        "block drbd1: dry-run connect: Would become SyncSource, doing a full resync."
                    )
                    stage.lies["drbdadm"] = Answer("")
                return await real(node, argv, **rest)  # type: ignore[arg-type]

            stage.executor._hands.run = run  # type: ignore[assignment,method-assign]
            report = await stage.executor.run(plan)
            assert report.ending == "surprised"
            assert not any(
                "--discard-my-data data" in command and "tentative" not in command for _, command in stage.sent
            )
            assert [side.uuids[0] | 1 for side in stage.pair.drbd.sides] == [uuids[0] | 1 for uuids in before]

    play(act())


def test_a_victim_that_came_back_meanwhile_is_released_again(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await diverged(stage)
            record = await killed_at(stage, RECOVER, 4)
            assert record is not None
            stage.pair.heartbeat.start(1)
            await stage.until(lambda: stage.pair.heartbeat.members[1].phase == "running")
            await stage.wait(20)
            plan = await stage.executor.prepare(record.request, resuming=True)
            report = await stage.executor.run(plan, record=record)
            assert report.ending == "done", report
            assert stage.sent.count((TWO, "service heartbeat stop")) == 2

    play(act())


def test_a_survivor_whose_heartbeat_stayed_stopped_is_started(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await diverged(stage)
            stage.pair.heartbeat.stop(0)
            await stage.until(lambda: stage.pair.heartbeat.members[0].phase == "stopped")
            await stage.wait(30)
            report = await stage.operate(RECOVER)
            assert report.ending == "done", report
            assert (ONE, "service heartbeat start") in stage.sent

    play(act())

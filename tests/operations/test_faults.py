"""Whatever happens at whichever step of whichever plan: the pair is as safe as before, and the report is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ccops.demo.answer import Answer
from ccops.demo.machine import NAMES
from ccops.operations.plan import OperationError, Progress, Report, Request
from tests.operations.stage import Stage
from tests.operations.test_refused import parted, resync_running, split
from tests.operations.virtual import play

ONE, TWO = NAMES
Prepare = Callable[[Stage], Awaitable[None]]


async def healthy(stage: Stage) -> None:
    pass


async def damaged(stage: Stage) -> None:
    stage.pair.drbd.damage(1, 8)
    stage.pair.drbd.verify(1)
    await stage.until(lambda: stage.pair.drbd.sides[0].connection == "Connected")
    await stage.wait(5)


async def diverged(stage: Stage) -> None:
    await split(stage)
    stage.pair.drbd.write(0, 3 << 10, 0)
    await stage.wait(2)


async def released(stage: Stage) -> None:
    stage.pair.heartbeat.stop(1)
    await stage.until(lambda: stage.pair.heartbeat.members[1].phase == "stopped")
    await stage.wait(5)


async def moved(stage: Stage) -> None:
    stage.pair.heartbeat.standby(0, "all")
    await stage.until(lambda: stage.now.serving == TWO)
    await stage.wait(20)


async def doubled(stage: Stage) -> None:
    stage.pair.machines[1].address = True
    await stage.wait(2)


CASES: dict[str, tuple[Request, Prepare, int]] = {
    "failover": (Request("failover"), healthy, 3),
    "failback": (Request("failback"), moved, 3),
    "reconnect": (Request("resync"), parted, 3),
    "repair": (Request("resync"), damaged, 4),
    "full": (Request("resync", arguments={"full": TWO}), healthy, 2),
    "verify": (Request("verify"), healthy, 3),
    "pause-sync": (Request("pause-sync"), resync_running, 1),
    "rate": (Request("rate", arguments={"rate": "4M"}), resync_running, 1),
    "recover 1": (Request("recover", arguments={"victim": ONE}), diverged, 10),
    "recover 2": (Request("recover", arguments={"victim": TWO}), diverged, 10),
    "release": (Request("release", ONE), healthy, 2),
    "rejoin": (Request("rejoin", TWO), released, 2),
    "isolate": (Request("isolate", TWO), doubled, 2),
    "service": (Request("service", arguments={"name": "asterisk"}), healthy, 1),
    "disconnect": (Request("disconnect", TWO), healthy, 1),
    "detach": (Request("detach", TWO), healthy, 1),
}
FAULTS = ("cut 0", "cut 1", "cut both", "frozen 0", "frozen 1", "off 0", "off 1", "lies", "refuses", "killed")


def strike(stage: Stage, fault: str) -> None:
    word, _, which = fault.partition(" ")
    for n in (0, 1) if which in ("both", "") else (int(which),):
        match word:
            case "cut":
                stage.reach[n] = "cut"
            case "frozen":
                stage.reach[n] = "frozen"
            case "off":
                stage.pair.power_off(n)
            case _:
                for name in ("hb_standby", "hb_takeover", "service", "drbdadm", "ip"):
                    stage.lies[name] = Answer("", 0) if word == "lies" else Answer("", 10, "Failure: no\n")


@pytest.mark.parametrize(("name", "step"), [(name, at) for name, case in CASES.items() for at in range(case[2])])
def test_any_fault_at_any_step(tmp_path: Path, name: str, step: int) -> None:
    request, prepare, _ = CASES[name]
    for fault in FAULTS:
        try:
            play(one_fault(tmp_path / fault.replace(" ", "-"), request, prepare, step, fault))
        except Exception as error:
            error.add_note(fault)
            raise


async def one_fault(folder: Path, request: Request, prepare: Prepare, at: int, fault: str) -> None:
    folder.mkdir()
    async with Stage(folder, size=1 << 16) as stage:
        await prepare(stage)
        survivor = survivor_of(request)
        watcher = asyncio.create_task(guard(stage, survivor, two_before=primaries(stage) == 2))
        struck, true_before = asyncio.Event(), []
        plan = await stage.executor.prepare(request)
        assert not plan.refusals, plan.refusals

        def on_progress(progress: Progress) -> None:
            if not struck.is_set() and progress.states[at].word in ("running", "seen", "already"):
                struck.set()
                true_before.append(is_true(stage, request))
                if fault != "killed":
                    strike(stage, fault)

        running = asyncio.create_task(stage.executor.run(plan, on_progress))
        if fault == "killed":
            await asyncio.wait({running, asyncio.create_task(struck.wait())}, return_when="FIRST_COMPLETED")
            running.cancel()
        report: Report | None = None
        try:
            report = await running
        except asyncio.CancelledError:
            assert stage.audit.records()[-1].ending == "interrupted"
            assert stage.executor.unfinished() is not None or not any(stage.sent)
        except OperationError:
            pass  # It struck before anything was done.
        watcher.cancel()
        assert report is not None or fault == "killed" or not stage.sent
        assert not stage.broken
        assert not stage.locks
        if report is not None:
            if report.ending == "done":
                # What strikes in the moment in which the last thing is seen strikes after it.
                assert is_true(stage, request) or true_before[-1:] == [True]
            else:
                assert report.ending == "surprised"
                assert report.summary
                assert report.safe_next
                assert report.truth
            record = stage.audit.records()[-1]
            assert record.first.id == report.id
            assert record.ending == report.ending
        await whole_again(stage)


def is_true(stage: Stage, request: Request) -> bool:
    """Whether what the operation is for is so."""
    sides, members = stage.pair.drbd.sides, stage.pair.heartbeat.members
    node = NAMES.index(request.node) if request.node else 0
    match request.operation:
        case "failover":
            return stage.pair.serving == (1,)
        case "failback":
            return stage.pair.serving == (0,)
        case "resync" | "recover":
            return [(s.connection, s.disk, s.out_of_sync) for s in sides] == [("Connected", "UpToDate", 0)] * 2
        case "pause-sync":
            return sides[1].user_paused
        case "rate":
            return sides[1].rate == 4096 or sides[1].connection == "Connected"
        case "release":
            return members[0].phase == "stopped" and stage.pair.serving == (1,)
        case "rejoin":
            return members[1].phase == "running"
        case "isolate":
            return not stage.pair.machines[1].address
        case "disconnect":
            return sides[node].connection == "StandAlone"
        case "detach":
            return sides[1].disk == "Diskless"
        case "verify":
            return sides[0].connection == "Connected"
        case _:
            return stage.pair.machines[0].runs("asterisk")


def survivor_of(request: Request) -> int | None:
    """The side whose data must never be touched."""
    victim = request.arguments.get("victim") or request.arguments.get("full")
    return 1 - NAMES.index(victim) if victim else None


async def guard(stage: Stage, survivor: int | None, two_before: bool) -> None:
    """What must hold at every moment."""
    while True:
        await asyncio.sleep(0.5)
        if survivor is not None and stage.pair.drbd.sides[survivor].disk not in ("UpToDate", "Consistent"):
            stage.broken.append(f"the survivor's data are {stage.pair.drbd.sides[survivor].disk}")
        # A victim is mounted read-only to save from it.
        both = [
            s.primary and m.mounted and not m.read_only
            for s, m in zip(stage.pair.drbd.sides, stage.pair.machines, strict=True)
        ]
        if not two_before and all(both):
            stage.broken.append("both sides are Primary")


def primaries(stage: Stage) -> int:
    return sum(side.primary for side in stage.pair.drbd.sides)


async def whole_again(stage: Stage) -> None:
    """When what struck is over, Heartbeat by itself has somebody serve, unless it was stopped where that was meant."""
    stage.reach = ["ok", "ok"]
    for n in (0, 1):
        stage.pair.boot(n)
    running = [member.phase != "stopped" for member in stage.pair.heartbeat.members]
    if any(running):
        await stage.until(lambda: bool(stage.pair.serving), 900)

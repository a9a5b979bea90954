"""An operator that touches nothing: it has a plan ready, and runs it as far as the test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ccops.operations.audit import Audit, Record
from ccops.operations.exchange import Exchange
from ccops.operations.permission import Authority
from ccops.operations.plan import (
    Check,
    Condition,
    Look,
    Plan,
    Progress,
    Report,
    Request,
    Step,
    StepState,
)
from ccops.operations.vault import Vault
from ccops.pair.model import Reading
from ccops.watch.store import Store
from tests.tui import samples

ONE, TWO = samples.NODES
ID = "20260703-024138-4f2a"


def unseen(look: Look) -> bool:
    """Nothing that these plans wait for is looked at."""
    return False


def failover(**changes: Any) -> Plan:
    """A failover as the planner draws it."""
    steps = (
        Step(
            "hand-over",
            f"ask Heartbeat on {ONE} to move everything to {TWO}",
            Condition(f"Heartbeat moves the resources, or {ONE} no longer serves", unseen),
            ONE,
            ("/usr/share/heartbeat/hb_standby", "all"),
        ),
        Step(
            "move",
            f"the address, the volume and the Primary role arrive on {TWO}",
            Condition(f"{TWO} holds address, mount and Primary role", unseen),
        ),
        Step(
            "serve",
            f"Asterisk and MySQL start on {TWO}",
            Condition(f"{TWO} serves and Asterisk answers there", unseen),
        ),
    )
    plan = Plan(
        Request("failover"),
        f"Failover: {ONE} gives everything to {TWO}",
        "A planned move of the service to the other node; both nodes stay up.",
        steps,
        checks=(
            Check(f"{ONE} is the one that serves", True),
            Check("DRBD is Connected, and UpToDate on both sides", True),
            Check("Heartbeat runs on both nodes, each sees the other, and nothing is moving", True),
        ),
        notices=(
            "9 channels are up and 3 callers wait in queues: all of them are cut off",
            "6 agents are there, 2 of them talk",
        ),
        irrevocable=("the calls that are cut off",),
        undo_text="`ccops failback` moves it back, and cuts off the calls of then",
        took_s=(41.0, 38.2),
    )
    return replace(plan, **changes)


def refused() -> Plan:
    """The same, with one check that fails and one that is not known."""
    checks = (
        Check(f"{ONE} is the one that serves", True),
        Check(
            f"no process outside the pair's services has /data open on {ONE}",
            False,
            "bash (pid 4242, cwd:/data)",
            "end it, or leave the folder, first",
        ),
        Check(f"{TWO} could be looked at", None, "connection timed out", "mend what is in the way and try again"),
    )
    return failover(checks=checks)


def recover(victim: str = TWO) -> Plan:
    """A recovery that wants the victim's name typed."""
    survivor = ONE if victim == TWO else TWO
    steps = (
        Step("salvage", f"save what only {victim} has to this host", Condition("it is saved", unseen), victim),
        Step(
            "release",
            f"Heartbeat stops on {victim}, so that it lets go of everything and takes nothing",
            Condition(f"Heartbeat is stopped on {victim}, which holds nothing", unseen),
            victim,
            ("service", "heartbeat", "stop"),
        ),
        Step(
            "discard",
            f"{victim} gives its changes up and becomes the target",
            Condition(f"{survivor} is copied to {victim}", unseen),
            victim,
            ("drbdadm", "connect", "--discard-my-data", "data"),
        ),
    )
    return Plan(
        Request("recover", arguments={"victim": victim}),
        f"Recovery from split brain: what {victim} changed is given up for what {survivor} has",
        f"{survivor}'s data stay; {victim} is made its copy again, and joins the pair.",
        steps,
        checks=(Check(f"{survivor}, whose data stay, is UpToDate", True), Check("there is a split brain", True)),
        role="administrator",
        notices=(f"until it is over nothing can fail over: {survivor} carries the service alone",),
        irrevocable=(f"everything written on {victim} since the sides parted, except what is saved first",),
        evidence=("role: Primary | not Primary",),
        typed=victim,
    )


class FakeOperator:
    """`plan` is what it prepares (an exception is raised); `finish` ends a run, `told` is each progress it told."""

    def __init__(self, folder: Path, plan: Plan | Exception | None = None) -> None:
        self.audit = Audit(folder / "audit.jsonl", lambda: samples.NOW)
        self.plan = plan or failover()
        self.vault = Vault()
        self.reading: Reading[Exchange] = Reading(None, "nothing was read", samples.NOW)
        self.obstacles: tuple[Check, ...] = ()
        self.reads = 0
        self.store: Store | None = None
        self.authority: Authority | None = None
        self.asked: list[tuple[Request, bool]] = []
        self.runs: list[tuple[Plan, str | None]] = []
        self.undone: list[str] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.go = asyncio.Event()
        self.outcome: Report | Exception | None = None
        self.cancelled = 0
        self.closed = 0

    def open(self, name: str, store: Store, authority: Authority) -> FakeOperator:
        """As `Console` wants it."""
        self.store, self.authority = store, authority
        return self

    async def exchange(self) -> Reading[Exchange]:
        self.reads += 1
        await self.ready.wait()
        return self.reading

    def in_the_way(self, exchange: Exchange) -> tuple[Check, ...]:
        return self.obstacles

    async def prepare(self, request: Request, *, resuming: bool = False) -> Plan:
        self.asked.append((request, resuming))
        await self.ready.wait()
        if isinstance(self.plan, Exception):
            raise self.plan
        return replace(self.plan, request=request)

    async def run(
        self, plan: Plan, on_progress: Callable[[Progress], None] = lambda _: None, record: Record | None = None
    ) -> Report:
        self.runs.append((plan, record.first.id if record else None))
        return await self._go(plan, on_progress)

    async def undo(self, record: Record, on_progress: Callable[[Progress], None] = lambda _: None) -> Report:
        self.undone.append(record.first.id)
        assert isinstance(self.plan, Plan)
        return await self._go(self.plan, on_progress)

    def undoing(self, plan: Plan, record: Record) -> Plan:
        return replace(plan, title=f"Undo: {plan.title}", steps=plan.steps[:1], checks=(), typed=None)

    def unfinished(self) -> Record | None:
        return self.audit.unfinished("lab")

    def leave(self, record: Record) -> None:
        self.audit.write(record.first.id, "lab", "ended", ending="left")

    async def close(self) -> None:
        self.closed += 1

    def interrupted(self, id: str = ID) -> None:
        """Writes an operation that was interrupted into the audit log."""
        plan = failover()
        self.audit.write(id, "lab", "began", request=plan.request, title=plan.title, steps=("hand-over on one: x",))
        self.audit.write(id, "lab", "step", step="hand-over", node=ONE, command="hb_standby all")
        self.audit.write(id, "lab", "seen", step="hand-over", text="it moves")
        self.audit.write(id, "lab", "ended", ending="interrupted", text="interrupted in: move", took_s=12.0)

    async def _go(self, plan: Plan, on_progress: Callable[[Progress], None]) -> Report:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        states = [
            StepState("seen", "Going standby [all].", samples.NOW - 7, samples.NOW - 5),
            StepState("running", "", samples.NOW - 5),
            *[StepState() for _ in plan.steps[2:]],
        ][: len(plan.steps)]
        on_progress(Progress(ID, plan, tuple(states), samples.NOW - 7, plan.steps[min(1, len(states) - 1)].text))
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        done = tuple(StepState("seen", "", samples.NOW - 7, samples.NOW - 1) for _ in plan.steps)
        return self.outcome or Report(ID, plan, "done", f"{plan.title}: done", done, (f"{TWO} serves",), "", 41.2)

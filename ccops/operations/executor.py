"""The one executor: makes plans from what is seen now, and runs them step by step, believing only what it sees.

Before anything acts: permission, the lock on both nodes, the plan anew from facts read under the lock. Before each step
its intent is in the audit log; after it, its effect was seen, or the plan stops with what is true and what is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ccops.config import PairSettings
from ccops.operations.audit import Audit, Record
from ccops.operations.bench import Bench, Send
from ccops.operations.books import Books
from ccops.operations.catalogue import EDITS, MODULE_EDITS, plan_for
from ccops.operations.course import Course
from ccops.operations.exchange import Exchange, read_exchange
from ccops.operations.eyes import Eyes
from ccops.operations.hands import Hands
from ccops.operations.lock import PairLock
from ccops.operations.module import Module, read_module
from ccops.operations.permission import Authority
from ccops.operations.plan import (
    Busy,
    Check,
    Listener,
    OperationError,
    Plan,
    Refused,
    Report,
    Request,
)
from ccops.operations.scene import Scene
from ccops.operations.survey import Survey, survey
from ccops.operations.switchboard import Switchboard
from ccops.operations.vault import Vault
from ccops.operations.who import where_from, who
from ccops.pair.model import Reading
from ccops.watch.layout import layout_of
from ccops.watch.store import Store

_SURVEY_OLD_AFTER_S = 10.0


class Executor:
    """Operations on one pair. `store` is that of the pair's watch, which must be running.

    Use: `plan = await executor.prepare(request)`, show it, then `report = await executor.run(plan, on_progress)`;
    `close()` ends its connections. Cancelling `run` leaves the pair as it is and records where it stands.
    """

    def __init__(
        self,
        name: str,
        settings: PairSettings,
        store: Store,
        authority: Authority,
        audit: Audit,
        *,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
        hands: Hands | None = None,
        books: Books | None = None,
        make_lock: Callable[[Hands, str, str], PairLock] = PairLock,
        vault: Vault | None = None,
    ) -> None:
        self.name = name
        self.authority = authority
        self.audit = audit
        self.eyes = Eyes(store, clock)
        self._store = store
        self._switchboard: Switchboard | None = None
        self._settings = settings
        self._layout = layout_of(name, settings)
        self._hands = hands or Hands(settings)
        self._books = books or Books(settings, self._hands)
        self._make_lock = make_lock
        self.vault = vault or Vault()
        self._surveys: Mapping[str, Reading[Survey]] = {}
        self._exchange: Reading[Exchange] | None = None
        self._module: Reading[Module] | None = None
        self._folder = folder or audit.path.parent
        self._clock = clock
        self._lock: PairLock | None = None

    async def prepare(self, request: Request, *, resuming: bool = False) -> Plan:
        """The plan for that request as things are now, whether it may be run or not: see `Plan.refusals`.

        Raises OperationError where the request itself makes no sense.
        """
        await self._look_closely(request)
        if self._lock is not None:
            await self._lock.release()
        self._lock = self._new_lock(request)
        await self._lock.prepare()
        return self._plan(request, resuming)

    async def close(self) -> None:
        """Ends its connections."""
        if self._lock is not None:
            await self._lock.release()
            self._lock = None
        if self._switchboard is not None:
            await self._switchboard.close()
        await self._books.close()
        await self._hands.close()

    @property
    def switchboard(self) -> Switchboard:
        """What acts on agents, callers and queues of this pair, over the same connections."""
        if self._switchboard is None:
            self._switchboard = Switchboard(
                self.name,
                self._settings,
                self._store,
                self.authority,
                self.audit,
                self._hands,
                books=self._books,
                clock=self._clock,
            )
        return self._switchboard

    async def exchange(self) -> Reading[Exchange]:
        """Asterisk's extensions and trunks as they are now where it serves; a Reading without a value says why."""
        node = self.eyes.now.serving
        if node is None:
            return Reading(None, "no single node is seen to serve: `ccops triage` says why", self._clock())
        return await self._read_exchange(node)

    async def _read_exchange(self, node: str) -> Reading[Exchange]:
        return await read_exchange(self._hands, self._books, self._settings, node, self._clock())

    def in_the_way(self, exchange: Exchange) -> tuple[Check, ...]:
        """What does not hold, or is not known, that every edit of it takes; each with its way out."""
        scene = Scene(self.eyes.now, self._settings)
        return tuple(check for check in exchange.grounds(scene, (exchange.tech,)) if check.holds is not True)

    def unfinished(self) -> Record | None:
        """The operation on this pair that was interrupted, if there is one; it may still be run by somebody."""
        return self.audit.unfinished(self.name)

    async def under_way(self) -> str | None:
        """Who is at an operation on this pair now, as the lock on its nodes tells; None where nobody is seen to be."""
        lock = self._new_lock(Request("look-who-operates"))
        try:
            await lock.take()
        except Busy as error:
            return str(error)
        except OperationError:  # no node can be asked: whatever acts next is told so
            return None
        finally:
            await lock.release()
        return None

    def leave(self, record: Record) -> None:
        """Records that an interrupted operation is left as it stands."""
        self.audit.write(record.first.id, self.name, "ended", ending="left", text="left as it stood")

    async def run(
        self, plan: Plan, on_progress: Listener = lambda progress: None, record: Record | None = None
    ) -> Report:
        """Runs it to its end. `record`: it goes on with this interrupted operation, and under its id.

        Raises NotPermitted, Busy, Refused (nothing was done); whatever happens later is in the report.
        """
        self.authority.demand(plan)
        id = record.first.id if record else self.audit.new_id()
        async with contextlib.AsyncExitStack() as stack:
            try:
                lock, missed = await stack.enter_async_context(self._holding(plan.request))
                plan = await self._confirmed(plan, resuming=record is not None)
            except OperationError as error:
                self._refused(id, plan, str(error), record)
                raise
            course = self._course(id, plan, on_progress, lock, missed, record)
            return await course.go()

    async def undo(self, record: Record, on_progress: Listener = lambda progress: None) -> Report:
        """Takes back the steps of an interrupted operation that can be taken back, the last one first."""
        plan = self.undoing(await self.prepare(record.request, resuming=True), record)
        self.authority.demand(plan)
        async with self._holding(record.request) as (lock, missed):
            course = self._course(record.first.id, plan, on_progress, lock, missed, record, undoing=True)
            return await course.go()

    def _course(
        self,
        id: str,
        plan: Plan,
        on_progress: Listener,
        lock: PairLock,
        missed: Sequence[str],
        record: Record | None,
        undoing: bool = False,
    ) -> Course:
        def make_bench(send: Send, note: Callable[[str], None]) -> Bench:
            return Bench(
                hands=self._hands,
                books=self._books,
                eyes=self.eyes,
                settings=self._settings,
                layout=self._layout,
                folder=self._folder / f"{self.name}-{id}",
                send=send,
                note=note,
                clock=self._clock,
                control=self.switchboard.control,
            )

        return Course(
            id,
            plan,
            on_progress,
            make_bench=make_bench,
            write=partial(self.audit.write, id, self.name),
            lock=lock,
            missed=missed,
            record=record,
            undoing=undoing,
        )

    def undoing(self, plan: Plan, record: Record) -> Plan:
        """The plan that takes an interrupted one back. Raises OperationError where nothing of it can be."""
        begun = {entry.step for entry in record.entries if entry.event in ("step", "seen")}
        steps = tuple(step.undo for step in reversed(plan.steps) if step.undo is not None and step.name in begun)
        if not steps:
            raise OperationError(f"nothing of it can be undone{f': {plan.undo_text}' if plan.undo_text else ''}")
        return replace(plan, title=f"Undo: {plan.title}", steps=steps, checks=(), typed=None)

    @contextlib.asynccontextmanager
    async def _holding(self, request: Request) -> AsyncIterator[tuple[PairLock, Sequence[str]]]:
        """The lock is held, except on the nodes that could not be reached. Raises Busy."""
        lock, self._lock = self._lock or self._new_lock(request), None
        try:
            yield lock, await lock.take()
        finally:
            await lock.release()

    def _new_lock(self, request: Request) -> PairLock:
        return self._make_lock(self._hands, self._settings.resource, self._holder(request))

    # What is read

    async def _look_closely(self, request: Request) -> None:
        problems = await self._hands.open()
        now = self._clock()
        names = [name for name in self._hands.names if name not in problems]
        found = await asyncio.gather(*(survey(self._hands, name, self._layout, now) for name in names))
        self._surveys = {
            **{name: Reading(None, problem, now) for name, problem in problems.items()},
            **dict(zip(names, found, strict=True)),
        }
        serving = self.eyes.now.serving
        if request.operation in EDITS and serving in names:
            self._exchange = await self._read_exchange(serving)
        if request.operation in MODULE_EDITS and serving in names:
            there = now + (self.eyes.now.pair.node(serving).clock_skew_s or 0.0)
            centre = self.eyes.now.centre.value if self.eyes.now.centre_node == serving else None
            started_at = centre.started_at if centre else None
            self._module = await read_module(self._books, self._hands, serving, request, there, started_at)

    def _plan(self, request: Request, resuming: bool) -> Plan:
        scene = Scene(self.eyes.now, self._settings, self._surveys, resuming, self._exchange, self._module, self.vault)
        plan = plan_for(request, scene)
        return replace(plan, took_s=self.audit.durations(self.name, request))

    async def _confirmed(self, plan: Plan, resuming: bool) -> Plan:
        """The same plan from facts that were read under the lock. Raises Refused where it is another one by now."""
        oldest = min((r.taken_at or 0.0 for r in self._surveys.values()), default=0.0)
        # What an edit replaces may have been edited by another a moment ago.
        if self._clock() - oldest > _SURVEY_OLD_AFTER_S or plan.request.operation in (*EDITS, *MODULE_EDITS):
            await self._look_closely(plan.request)
        # A sample is never older than this, unless a node is slow: then it is waited for.
        await self.eyes.anew(after=self._clock() - self._settings.interval - 0.5)
        again = self._plan(plan.request, resuming)
        if again.refusals:
            raise Refused(_refusal(again), again.refusals)
        if again.shape != plan.shape:
            raise Refused(
                "the pair has changed since this was confirmed, and other steps would be needed now: look again"
            )
        return again

    def _refused(self, id: str, plan: Plan, text: str, record: Record | None) -> None:
        if record is None:
            self.audit.write(id, self.name, "began", request=plan.request, title=plan.title)
            self.audit.write(id, self.name, "ended", ending="refused", text=text)
        else:
            self.audit.write(id, self.name, "noted", text=f"not gone on with: {text}")

    def _holder(self, request: Request) -> str:
        at = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self._clock()))
        return f"{who()} on {where_from()}: {request} since {at}"


def _refusal(plan: Plan) -> str:
    first = plan.refusals[0]
    found = f": {first.found}" if first.found else ""
    known = "does not hold" if first.holds is False else "is not known"
    more = f" (and {len(plan.refusals) - 1} more)" if len(plan.refusals) > 1 else ""
    return f"refused: “{first.text}” {known}{found}{more}; {first.way_out}"

"""The one executor: makes plans from what is seen now, and runs them step by step, believing only what it sees.

Before anything acts: permission, the lock on both nodes, the plan anew from facts read under the lock. Before each step
its intent is in the audit log; after it, its effect was seen, or the plan stops with what is true and what is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ccops.config import PairSettings
from ccops.links.errors import LinkError, LinkLost, TimedOut
from ccops.links.process import Completed
from ccops.operations.audit import Audit, Record
from ccops.operations.bench import Bench
from ccops.operations.books import Books
from ccops.operations.catalogue import EDITS, MODULE_EDITS, plan_for
from ccops.operations.exchange import Exchange, read_exchange
from ccops.operations.eyes import Eyes
from ccops.operations.hands import Hands
from ccops.operations.lock import PairLock
from ccops.operations.module import Module, read_module
from ccops.operations.permission import Authority
from ccops.operations.plan import (
    Argv,
    Busy,
    Check,
    Ending,
    OperationError,
    Plan,
    Progress,
    Refused,
    Report,
    Request,
    Step,
    StepState,
    StepWord,
    Surprise,
)
from ccops.operations.scene import Scene
from ccops.operations.survey import Survey, survey
from ccops.operations.switchboard import Switchboard
from ccops.operations.vault import Vault
from ccops.operations.who import where_from, who
from ccops.pair.model import Reading
from ccops.text import clean, decode
from ccops.watch.layout import layout_of
from ccops.watch.store import Store

Listener = Callable[[Progress], None]

_SURVEY_OLD_AFTER_S = 10.0
_GRACE_S = 8.0
_BEFORE_S = 20.0
_SAFE = "read `ccops triage`; `ccops resume` offers to go on, to undo it, or to leave it as it is"


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
            return await _Run(self, id, plan, on_progress, record, lock, missed).go()

    async def undo(self, record: Record, on_progress: Listener = lambda progress: None) -> Report:
        """Takes back the steps of an interrupted operation that can be taken back, the last one first."""
        plan = self.undoing(await self.prepare(record.request, resuming=True), record)
        self.authority.demand(plan)
        async with self._holding(record.request) as (lock, missed):
            return await _Run(self, record.first.id, plan, on_progress, record, lock, missed, undoing=True).go()

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


class _Run:
    """One run of one plan."""

    def __init__(
        self,
        executor: Executor,
        id: str,
        plan: Plan,
        on_progress: Listener,
        record: Record | None,
        lock: PairLock,
        missed: Sequence[str],
        undoing: bool = False,
    ) -> None:
        self._executor = executor
        self._id = id
        self._plan = plan
        self._listener = on_progress
        self._record = record
        self._lock = lock
        self._missed = missed
        self._undoing = undoing
        self._eyes = executor.eyes
        self._hands = executor._hands
        self._clock = executor._clock
        self._began = self._clock()
        self._states = [StepState() for _ in plan.steps]
        self._step = ""
        self._now = ""
        self._acted_at = 0.0
        self._bench = Bench(
            hands=self._hands,
            books=executor._books,
            eyes=self._eyes,
            settings=executor._settings,
            layout=executor._layout,
            folder=executor._folder / f"{executor.name}-{id}",
            send=self._send,
            note=self._note,
            clock=self._clock,
            control=executor.switchboard.control,
        )

    async def go(self) -> Report:
        plan = self._plan
        if self._record is None:
            steps = tuple(_spelt(step) for step in plan.steps)
            self._write("began", request=plan.request, title=plan.title, steps=steps)
        else:
            self._write("resumed", title=plan.title, text="undoing" if self._undoing else "going on")
        for name in self._missed:
            self._note(f"{name} cannot be reached from here and is not locked")
        try:
            for number, step in enumerate(plan.steps):
                await self._one(number, step)
        except (Surprise, LinkError, OperationError) as error:
            ending: Ending = "undone" if getattr(error, "undone", False) else "surprised"
            return self._end(ending, str(error), getattr(error, "safe_next", "") or self._safe_next())
        except asyncio.CancelledError:
            self._end("interrupted", f"interrupted in: {self._step}", self._safe_next())
            raise
        return self._end("done", f"{plan.title}: {'undone' if self._undoing else 'done'}", "")

    async def _one(self, number: int, step: Step) -> None:
        self._step = step.name
        done_before = self._record is not None and not self._undoing and step.name in self._record.steps_done
        if self._acted_at:
            await self._eyes.anew(after=self._acted_at)
        holds = step.effect.holds(self._eyes.look()) is True
        # What was seen in this operation is not done twice, unless it had to last and did not.
        done_before = done_before and (holds or not step.kept_until or self._had_begun(step.kept_until))
        if done_before or (holds and not step.once and step.deed is None):
            self._write("seen", step=step.name, text=f"already: {step.effect.text}")
            self._set(number, "already")
            return
        if step.before is not None:
            # What a busy node was late to say may be not known at this moment.
            try:
                await self._eyes.until(step.before, limit_s=_BEFORE_S, after=self._acted_at)
            except Surprise as error:
                self._fail(number, step, Surprise(f"before “{step.text}”: {error}"))
        self._set(number, "running")
        try:
            await self._act(number, step)
        except (Surprise, LinkError) as error:
            if step.optional:
                self._skip(number, step, str(error))
                return
            self._fail(number, step, error)

    def _had_begun(self, name: str) -> bool:
        return self._record is not None and any(entry.step == name for entry in self._record.entries)

    def _skip(self, number: int, step: Step, why: str) -> None:
        self._write("noted", step=step.name, text=f"left out: {why}")
        self._set(number, "skipped", why)

    def _fail(self, number: int, step: Step, error: Exception) -> None:
        self._write("surprise", step=step.name, text=str(error), safe_next=step.safe_next)
        self._set(number, "failed", str(error))
        raise Surprise(str(error), getattr(error, "safe_next", "") or step.safe_next, getattr(error, "undone", False))

    async def _act(self, number: int, step: Step) -> None:
        acts = bool(step.command) or step.deed is not None
        if acts:
            await self._still_locked(step)
        mark = self._eyes.mark()
        limit, said = step.limit_s, ""
        if step.command and step.node:
            done = await self._try(step)
            if done is not None:
                said = _said(done)
                if done.exit_status != 0:
                    # Observed beats reported: what it did all the same is looked for, but not for long.
                    limit = min(limit, _GRACE_S)
        elif step.deed is not None:
            self._write("step", step=step.name, node=step.node or "", command=f"({step.text})")
            said = await step.deed(self._bench)
            self._write("answered", step=step.name, output=said)
        if acts:
            self._acted_at = self._clock()
        self._set(number, "running", said)
        try:
            await self._eyes.until(
                step.effect,
                limit_s=limit,
                after=self._acted_at,
                nodes=(step.node,) if step.node and step.command else (),
                since=mark,
                moving=step.moving,
            )
        except Surprise as error:
            if limit != step.limit_s:
                raise Surprise(f"`{' '.join(step.command)}` on {step.node} failed: {said}") from None
            raise error from None
        self._write("seen", step=step.name, text=step.effect.text)
        self._set(number, "seen", said)

    async def _try(self, step: Step) -> Completed | None:
        """Sends a step's command; None when its answer was lost: only what is seen then counts."""
        node = step.node or ""
        try:
            return await self._send(node, step.command, step.command_limit_s, step.name)
        except (LinkLost, TimedOut) as error:
            self._note(f"no answer to it ({error}): what became of it must be seen")
            return None

    async def _send(self, node: str, argv: Argv, limit_s: float, step: str | None = None) -> Completed:
        step = step or self._step
        command = " ".join(self._hands.spelt(argv))
        await self._hands.reach(node)
        self._write("step", step=step, node=node, command=command)
        self._show(f"{node}: {command}")
        try:
            done = await self._hands.run(node, argv, timeout_s=limit_s)
        except LinkError as error:
            self._write("answered", step=step, node=node, text=str(error))
            raise
        self._write(
            "answered", step=step, node=node, exit=done.exit_status, output=_output(done), took_s=round(done.took_s, 3)
        )
        return done

    async def _still_locked(self, step: Step) -> None:
        """Nobody else may have begun meanwhile: where the lock was lost with a link, it is taken anew."""
        if len(self._lock.held) < len(self._hands.names):
            try:
                await self._lock.take()
            except OperationError as error:
                raise Surprise(f"before “{step.text}”: the lock was lost: {error}") from None

    def _note(self, text: str) -> None:
        self._write("noted", step=self._step, text=text)
        self._show(text)

    def _write(self, event: str, **fields: object) -> None:
        self._executor.audit.write(self._id, self._executor.name, event, **fields)

    def _set(self, number: int, word: StepWord, said: str = "") -> None:
        now, before = self._clock(), self._states[number]
        began = before.began_at if before.began_at is not None else now
        self._states[number] = StepState(word, clean(said, 600), began, None if word == "running" else now)
        self._show(self._plan.steps[number].text)

    def _show(self, text: str) -> None:
        self._now = clean(text, 300)
        self._listener(Progress(self._id, self._plan, tuple(self._states), self._began, self._now))

    def _safe_next(self) -> str:
        return next((step.safe_next for step in self._plan.steps if step.name == self._step and step.safe_next), _SAFE)

    def _end(self, ending: Ending, summary: str, safe_next: str) -> Report:
        took = round(self._clock() - self._began, 3)
        written = "undone" if ending == "done" and self._undoing else ending
        self._write("ended", ending=written, text=summary, safe_next=safe_next, took_s=took)
        snapshot = self._eyes.now
        served = f"{snapshot.serving} serves" if snapshot.serving else "no single node is seen to serve"
        found = (f for f in snapshot.findings if f.cause is None and not f.code.startswith("configuration-"))
        truth = (served, *(f"{finding.code}: {finding.summary}" for finding in found))[:6]
        return Report(self._id, self._plan, ending, summary, tuple(self._states), truth, safe_next, took)


def _spelt(step: Step) -> str:
    what = " ".join(step.command) or step.text
    return f"{step.name}{f' on {step.node}' if step.node else ''}: {what}"


def _refusal(plan: Plan) -> str:
    first = plan.refusals[0]
    found = f": {first.found}" if first.found else ""
    known = "does not hold" if first.holds is False else "is not known"
    more = f" (and {len(plan.refusals) - 1} more)" if len(plan.refusals) > 1 else ""
    return f"refused: “{first.text}” {known}{found}{more}; {first.way_out}"


def _output(done: Completed) -> str:
    return "\n".join(part for part in (decode(done.stdout).strip(), decode(done.stderr).strip()) if part)


def _said(done: Completed) -> str:
    output = clean(_output(done), 500)
    if done.exit_status == 0:
        return output
    code = "a signal" if done.exit_status is None else f"exit {done.exit_status}"
    return f"{code}{': ' if output else ''}{output}"

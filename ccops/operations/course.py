"""One run of one plan: its intent is written before each step, and its effect is seen after it, or it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ccops.links.errors import LinkError, LinkLost, TimedOut
from ccops.links.process import Completed
from ccops.operations.audit import Record
from ccops.operations.bench import Bench, Send
from ccops.operations.lock import PairLock
from ccops.operations.plan import (
    Argv,
    Ending,
    Listener,
    OperationError,
    Plan,
    Progress,
    Report,
    Step,
    StepState,
    StepWord,
    Surprise,
)
from ccops.text import clean, decode

_GRACE_S = 8.0
_BEFORE_S = 20.0
_SAFE = "read `ccops triage`; `ccops resume` offers to go on, to undo it, or to leave it as it is"


class Course:
    """One run of one plan.

    `write(event, **fields)` keeps an entry of it in the audit log; `make_bench(send, note)` gives what its deeds work
    with; `missed`: nodes that could not be locked; `record`: what it goes on with.
    """

    def __init__(
        self,
        id: str,
        plan: Plan,
        on_progress: Listener,
        *,
        make_bench: Callable[[Send, Callable[[str], None]], Bench],
        write: Callable[..., object],
        lock: PairLock,
        missed: Sequence[str],
        record: Record | None = None,
        undoing: bool = False,
    ) -> None:
        self._id = id
        self._plan = plan
        self._listener = on_progress
        self._write = write
        self._record = record
        self._lock = lock
        self._missed = missed
        self._undoing = undoing
        self._bench = make_bench(self._send, self._note)
        self._eyes = self._bench.eyes
        self._hands = self._bench.hands
        self._clock = self._bench.clock
        self._began = self._clock()
        self._states = [StepState() for _ in plan.steps]
        self._step = ""
        self._now = ""
        self._acted_at = 0.0

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
            self._fail(number, step, error)

    def _had_begun(self, name: str) -> bool:
        return self._record is not None and any(entry.step == name for entry in self._record.entries)

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


def _output(done: Completed) -> str:
    return "\n".join(part for part in (decode(done.stdout).strip(), decode(done.stderr).strip()) if part)


def _said(done: Completed) -> str:
    output = clean(_output(done), 500)
    if done.exit_status == 0:
        return output
    code = "a signal" if done.exit_status is None else f"exit {done.exit_status}"
    return f"{code}{': ' if output else ''}{output}"

"""Where operations are asked for: arming, the questions before a plan, its confirmation, its run, what was interrupted.

The rooms that act are imported only when somebody operates: a console that only looks never loads them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ccops.text import clean
from ccops.tui import crash, keymap, quantities
from ccops.tui.live import LiveScreen, Outlook
from ccops.tui.operator import OpenOperator, Operator, told
from ccops.tui.palette import Command
from ccops.tui.widgets.card import Part
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.operations.audit import Record
    from ccops.operations.permission import Authority
    from ccops.operations.plan import Plan, Report, Request
    from ccops.triage.finding import Finding
    from ccops.tui.app import Console
    from ccops.tui.operator import Listener
    from ccops.tui.run import Run
    from ccops.tui.screens.campaigns import Subject
    from ccops.tui.screens.supervised import SupervisedView

    Prepare = Callable[[], Awaitable[Plan]]
    Begin = Callable[[Plan, Listener], Awaitable[Report]]

_CLOSING_S = 15.0
_NOTHING = "there is nothing to act on: this is no live pair"


class Desk:
    """One for the console; an authority and an operator for each pair, and one operation at a time."""

    def __init__(self, app: Console, open_operator: OpenOperator | None, write: bool) -> None:
        self._app = app
        self._open = open_operator
        self._write = write
        self._authorities: dict[str, Authority] = {}
        self._operators: dict[str, Operator] = {}
        self._looked_back: set[str] = set()
        self._interrupted: dict[str, Record] = {}
        self.run: Run | None = None

    async def close(self) -> None:
        """Interrupts what runs, so that it is recorded, and ends every connection."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                if self.run is not None:
                    await self.run.stop()
                for operator in self._operators.values():
                    await operator.close()

    # -- armed or not

    def authority(self, name: str) -> Authority:
        """What may be done on that pair, kept for as long as the console is open."""
        from ccops.operations.permission import Authority

        if name not in self._authorities:
            authority = self._authorities[name] = Authority(self._app.settings.pairs[name], self._app.clock)
            if self._write and authority.never is None:
                authority.arm()
            self._write = False  # only the pair that the console was opened on
        return self._authorities[name]

    def arming(self, name: str) -> Part:
        """Read-only, for good or not, or armed and for how long; with the role where it is a lesser one."""
        if self._open is None or name not in self._app.settings.pairs:
            return "read-only", "$label"
        authority = self.authority(name)
        role = "" if authority.role == "administrator" else f" · {authority.role}"
        if authority.never is not None:
            return f"read-only for good{role}", "$label"
        if (left := authority.armed_for_s) is None:
            return f"read-only{role}", "$label"
        return f"ARMED {quantities.watch(left)}{role}", "bold $warning"

    def arm(self) -> None:
        """Arms the pair for the time of its settings, or makes it read-only again."""
        from ccops.operations.plan import NotPermitted

        if self._open is None:
            self.say("Read-only", _NOTHING)
            return
        authority = self.authority(self._app.pair_name)
        if authority.armed_for_s is not None:
            authority.disarm()
        else:
            try:
                authority.arm()
            except NotPermitted as error:
                self.say("Not armed", str(error))
        self._app.repaint()

    @property
    def operable(self) -> bool:
        """Whether there is something to act on."""
        return self._open is not None

    @property
    def running(self) -> str:
        """The operation that goes on behind the console, and for how long; "" for none."""
        if self.run is None or self.run.over:
            return ""
        pair = self.run.outlook.store.snapshot.pair.layout.name
        where = "" if pair == self._app.pair_name else f" on {pair}"
        return f"{self.run.plan.request.operation}{where} {quantities.watch(self._app.clock() - self.run.began_at)}"

    @property
    def watching(self) -> bool:
        """True while somebody looks at an operation that runs: what it does to the pair calls nobody."""
        if self.run is None or self.run.over:
            return False
        from ccops.tui.screens.running import RunningScreen

        return isinstance(self._app.screen, RunningScreen)

    # -- what can be asked for

    def open_menu(self) -> None:
        """All operations; where one is under way, that one."""
        if self.run is not None and not self.run.over:
            self._watch(self.run)
        elif self._open is None:
            self.say("Operations", _NOTHING)
        else:
            self.flow(self._menu())

    def operate(self, name: str) -> None:
        """Asks what the operation still takes, then shows its plan to be confirmed."""
        from ccops.operations.plan import Request

        self.ask(Request(name))

    def ask(self, request: Request) -> None:
        """The same for a request of which something may be known already."""
        if self.is_free():
            self.flow(self._operate(request))

    def is_free(self) -> bool:
        """Whether an operation may be asked for now; where not, it is said why."""
        if self._open is None:
            self.say("Operations", _NOTHING)
        elif self.run is not None and not self.run.over:
            self.say("One operation at a time", f"{self.run.plan.title} is under way: the menu of operations shows it")
        else:
            return True
        return False

    def supervise(self, wish: SupervisedView.Wished) -> None:
        """Acts on an agent or a caller, or offers what can be done."""
        if self._open is None:
            self.say("Supervising", _NOTHING)
            return
        from ccops.tui.supervising import Supervision

        acting = Supervision(self._app, self.operator().switchboard, self.authority(self._app.pair_name), self.say)
        self.flow(acting.flow(wish.kind, wish.subject))

    def edit_module(self, do: str, subject: Subject, done: Callable[[], None]) -> None:
        """Changes the call-center module: what is under the cursor, or what is chosen of all that can be done."""
        if self.is_free():
            from ccops.tui.module_edits import ModuleEdits

            self.flow(ModuleEdits(self, self._app, done).flow(do, subject))

    def mend(self, finding: Finding) -> None:
        """The operation that is the remedy of a finding."""
        from ccops.operations.remedies import remedy_of

        request = remedy_of(finding, self._app.snapshot)
        if request is None:
            self.say(finding.code, "no operation mends this: what to do is in its details")
        else:
            self.ask(request)

    def audit(self) -> None:
        """Shows what was done on the pair."""
        if self._open is None:
            self.say("Operations", _NOTHING)
            return
        from ccops.operations.plan import OperationError
        from ccops.tui.screens.operations import AuditScreen

        try:
            records = self.operator().audit.records(self._app.pair_name)
        except OperationError as error:
            self.say("Audit log", str(error))
            return
        self._app.push_screen(AuditScreen(self._app.pair_name, records, self._app.clock))

    def commands(self) -> Iterator[Command]:
        """What the palette offers beside the keys."""
        if self._open is None:
            return
        from ccops.operations.catalogue import OPERATIONS

        keys = {binding.action for binding in keymap.CONSOLE_KEYS}
        for operation in OPERATIONS.values():
            if f"operate('{operation.name}')" not in keys:
                yield Command(f"Operations: {operation.title}", operation.does, partial(self.operate, operation.name))
        yield Command("Operations: Audit log", "What was done on this pair, and how it ended", self.audit)
        if (record := self._interrupted.get(self._app.pair_name)) is not None:
            yield Command(f"Resume: {record.first.title}", "Go on, undo it, or leave it", self.resume)

    # -- what was interrupted

    def looked(self, snapshot: Snapshot) -> None:
        """A pair is seen: once for each it is told whether an operation on it was interrupted."""
        name = self._app.pair_name
        fresh = any(node.sampled_at is not None for node in snapshot.pair.nodes)
        if self._open is not None and fresh and name not in self._looked_back:
            self._looked_back.add(name)
            self._look_back(tell=True)

    def _look_back(self, tell: bool = False) -> Record | None:
        from ccops.operations.plan import OperationError

        try:
            record = self.operator().unfinished()
        except OperationError as error:
            self.say("Audit log", str(error))
            return None
        self._interrupted.pop(self._app.pair_name, None)
        if record is not None:
            self._interrupted[self._app.pair_name] = record
            if tell:
                self.say("Interrupted operation", f"{told(record)}. The menu of operations offers to resume it.", 20)
        return record

    def resume(self) -> None:
        """Asks what is to become of the interrupted operation."""
        self.flow(self._resume())

    # -- the flows: each waits for its screens, one after the other

    async def _menu(self) -> None:
        from ccops.tui.menu import entries, head
        from ccops.tui.screens.operations import OperationsMenu

        record = self._look_back()
        chosen = await self._app.push_screen_wait(
            OperationsMenu(lambda: [*entries(self, self._app, record)], lambda: head(self, self._app), self.arm)
        )
        if chosen == "audit":
            self.audit()
        elif chosen == "resume":
            await self._resume()
        elif chosen is not None:
            from ccops.operations.plan import Request

            await self._operate(Request(chosen), from_menu=True)

    async def _operate(self, request: Request, from_menu: bool = False) -> None:
        from ccops.operations.catalogue import OPERATIONS
        from ccops.tui.questions import completed

        whole = await completed(request, self._app, from_menu)
        if whole is None:
            return
        operator = self.operator()
        prepare = partial(operator.prepare, whole)
        title = OPERATIONS[whole.operation].title if whole.operation in OPERATIONS else whole.operation
        await self.confirm(title, f"Do it: {title}", prepare, lambda plan, listener: operator.run(plan, listener))

    async def _resume(self) -> None:
        from ccops.tui.questions import what_becomes_of

        record, operator = self._look_back(), self.operator()
        if record is None:
            self.say("Resume", "nothing stands in the middle")
            return
        answer = await what_becomes_of(record, self._app)
        if answer == "leave":
            operator.leave(record)
            self._interrupted.pop(self._app.pair_name, None)
            self.say("Left as it stands", f"{record.first.title} ({record.first.id})")
        elif answer is not None:
            prepare = partial(operator.prepare, record.request, resuming=True)
            if answer == "undo":

                async def undoing() -> Plan:
                    return operator.undoing(await prepare(), record)

                await self.confirm("Undo", "Undo it", undoing, lambda _, listener: operator.undo(record, listener))
            else:
                await self.confirm(
                    "Resume", "Go on", prepare, lambda plan, listener: operator.run(plan, listener, record)
                )

    async def confirm(self, title: str, label: str, prepare: Prepare, begin: Begin) -> Run | None:
        """Shows the plan to be confirmed, and begins it; None where it was not."""
        from ccops.tui.run import Run
        from ccops.tui.screens.confirmation import Confirmation

        screen = Confirmation(self._outlook(), title, label, prepare, self.barred, self.arm)
        plan = await self._app.push_screen_wait(screen)
        if plan is None or not (self.run is None or self.run.over):
            return None
        self.run = run = Run(plan, lambda listener: begin(plan, listener), screen.outlook)
        run.listeners.append(self._heard)
        self._watch(run)
        return run

    def _watch(self, run: Run) -> None:
        from ccops.tui.screens.running import RunningScreen

        self._app.push_screen(RunningScreen(run, lambda: self.stop_or_not(lambda: None)))

    def _heard(self) -> None:
        """The end of an operation that nobody looks at is told."""
        run = self.run
        if run is None or not run.over or not self._app.screen_stack:  # the console may be closing
            return
        from ccops.tui.screens.running import RunningScreen

        if (record := self._look_back()) is not None and run.ending == "interrupted" and record.first.id == run.id:
            run.safe_next = record.entries[-1].safe_next
        if not isinstance(self._app.screen, RunningScreen):
            self._app.bell()
            self.say(f"{run.ending or 'ended'}: {run.plan.title}", run.report.summary if run.report else "", 20)
        self._app.repaint()

    def stop_or_not(self, then: Callable[[], None]) -> None:
        """Asks whether what runs is to be stopped here, with the focus on going on; `then` follows when it was."""
        from ccops.tui.questions import stop_here

        run = self.run
        if run is None or run.over:
            then()
            return

        async def ask() -> None:
            if await stop_here(run, self._app):
                await run.stop()
                then()

        self.flow(ask())

    # -- what the flows stand on

    def flow(self, steps: Awaitable[None]) -> None:
        """Runs one flow of screens, one after the other; a fault in it is told and takes nothing else with it."""

        async def guarded() -> None:
            try:
                await steps
            except Exception as error:
                self.say("Operations", crash.report(error))

        self._app.run_worker(guarded(), group="operations", exit_on_error=False)

    def operator(self) -> Operator:
        """What acts on the pair that is shown."""
        name = self._app.pair_name
        if name not in self._operators:
            assert self._open is not None
            self._operators[name] = self._open(name, self._app.store, self.authority(name))
        return self._operators[name]

    def _outlook(self) -> Outlook:
        name = self._app.pair_name
        pair = self._app.settings.pairs[name]
        return Outlook(self._app.store, self._app.clock, partial(self.arming, name), pair.accent, pair.sudo)

    def barred(self, plan: Plan, brief: bool = False) -> str:
        """Why it may not be run now, "" where it may; `brief` in a word or two."""
        from ccops.operations.plan import NotPermitted

        authority = self.authority(self._app.pair_name)
        try:
            authority.demand(plan)
        except NotPermitted as error:
            if not brief:
                return str(error)
            if authority.never is not None:
                return "read-only for good"
            return f"for the {plan.role}" if "is for the role" in str(error) else "read-only: w arms"
        return ""

    def tick(self) -> None:
        """A second has passed: what counts seconds on top of the console is painted anew."""
        from ccops.tui.screens.operations import OperationsMenu

        if isinstance(self._app.screen, LiveScreen | OperationsMenu):
            self._app.screen.request()

    def say(self, title: str, text: str, seconds: float = 8) -> None:
        """Tells something in a corner of the screen."""
        self._app.notify(clean(text, 600), title=clean(title, 120), severity="warning", markup=False, timeout=seconds)

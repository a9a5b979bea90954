"""Changing the call-center module from the console: what can be done to a row, what it still takes, then its plan.

Imported only when somebody acts: a console that only looks loads none of the rooms that do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.widgets import Input

from ccops.operations.agent_edit import passwords
from ccops.operations.catalogue import MODULE_EDITS
from ccops.operations.plan import Plan, Request
from ccops.tui.screens.choice import ChoiceScreen, Option

if TYPE_CHECKING:
    from ccops.config import Secret
    from ccops.tui.app import Console
    from ccops.tui.operating import Desk
    from ccops.tui.screens.campaigns import Subject


_CANCEL = Option("Cancel", "nothing is done", "")


class _Edit(NamedTuple):
    """One thing that can be done: its operation and deed, and the part of the view it is about; `new` adds a row."""

    label: str
    operation: str
    do: str
    topic: str
    new: bool = False


_EDITS: Final = {
    "start": _Edit("Start the campaign", "campaign", "start", "campaigns"),
    "stop": _Edit("Stop the campaign", "campaign", "stop", "campaigns"),
    "register": _Edit("Register an agent", "module-agent", "register", "agents", new=True),
    "retire": _Edit("Retire the agent", "module-agent", "retire", "agents"),
    "add": _Edit("Add a break", "break", "add", "breaks", new=True),
    "rename": _Edit("Rename the break", "break", "rename", "breaks"),
    "disable": _Edit("Disable the break", "break", "disable", "breaks"),
    "enable": _Edit("Enable the break", "break", "enable", "breaks"),
}


class _Entry(ChoiceScreen):
    """A question that only something typed answers: what is typed harms nobody, since its plan is shown next."""

    def on_mount(self) -> None:
        """The field has the focus, once the others have had it."""
        self.call_after_refresh(self.query_one("#entry", Input).focus)


class ModuleEdits:
    """One thing asked for, from the key to the report. `done` is called when something may have changed."""

    def __init__(self, desk: Desk, app: Console, done: Callable[[], None]) -> None:
        self._desk = desk
        self._app = app
        self._done = done

    async def flow(self, do: str, subject: Subject) -> None:
        """Asks what is to be asked, shows the plan, and runs it where it is confirmed."""
        if do == "switch":
            do = "enable" if subject.status == "I" else "disable"
        if not do:
            chosen = await self._menu(subject)
            if chosen is None:
                return
            do = chosen
        edit = _EDITS[do]
        if why := _impossible(edit, subject):
            self._desk.say(edit.label, why)
            return
        made: dict[str, Secret] = {}
        request = await self._completed(edit, subject, made)
        if request is not None:
            await self._do(edit, request, made)

    async def _do(self, edit: _Edit, request: Request, made: dict[str, Secret]) -> None:
        operator = self._desk.operator()
        run = await self._desk.confirm(
            edit.label,
            f"Do it: {edit.label}",
            partial(operator.prepare, request),
            lambda plan, listener: operator.run(plan, listener),
        )
        if run is None:
            return
        told = False

        def heard() -> None:
            nonlocal told
            if run.over and not told:
                told = True
                self._done()
                if made and run.ending == "done":
                    self._app.run_worker(self._tell_once(request, made), group="operations", exit_on_error=False)

        run.listeners.append(heard)
        heard()

    async def _tell_once(self, request: Request, made: dict[str, Secret]) -> None:
        """The passwords that were made: on the screen, and never again."""
        text = [f"{name} of {request.arguments['key']}: {secret.reveal()}" for name, secret in made.items()]
        text.append("They are shown this once: note them down now.")
        await self._app.push_screen_wait(ChoiceScreen("Passwords", text, [Option("Noted", "they are forgotten", "")]))

    # -- what is possible

    async def _menu(self, subject: Subject) -> str | None:
        """What can be done here, each with its reason where it cannot."""
        options = [_CANCEL, *self._options(subject)]
        title = f"Act on {subject.name or subject.key}" if subject.key else "The call-center module"
        return await self._app.push_screen_wait(ChoiceScreen(title, [], options))

    def _options(self, subject: Subject) -> Iterator[Option]:
        for name, edit in _EDITS.items():
            if edit.topic != subject.topic:
                continue
            role = MODULE_EDITS[edit.operation].role
            why = _impossible(edit, subject)
            # A plan may be looked at by anybody; that it may not be run is said here and there.
            barred = self._desk.barred(Plan(Request(edit.operation), "", "", (), role=role), brief=True)
            yield Option(edit.label, why or barred, name, bool(why))

    # -- what it still takes

    async def _completed(self, edit: _Edit, subject: Subject, made: dict[str, Secret]) -> Request | None:
        given = {"do": edit.do, "key": subject.key}
        if edit.do == "add":
            name = await self._typed("Add a break", "How is it called? Agents choose it by that name.", "its name")
            return None if name is None else Request("break", arguments={**given, "key": name})
        if edit.do == "rename":
            name = await self._typed(
                f"Rename {subject.name}", "Reports of the past show the new name too.", "its new name"
            )
            return None if name is None else Request("break", arguments={**given, "name": name})
        if edit.do == "register":
            return await self._agent(given, made)
        return Request(edit.operation, arguments=given)

    async def _agent(self, given: dict[str, str], made: dict[str, Secret]) -> Request | None:
        title = "Register an agent"
        kinds = [
            Option("SIP", "logs in from the telephone of that number", "SIP"),
            Option("PJSIP", "the same, of the newer driver", "PJSIP"),
            Option("IAX2", "the same, of IAX2", "IAX2"),
            Option("Agent", "logs in from any telephone, with number and password", "Agent"),
        ]
        kind = await self._app.push_screen_wait(ChoiceScreen(title, ["Which type?"], [_CANCEL, *kinds]))
        number = None if kind is None else await self._typed(title, f"The number of the {kind} agent?", "digits")
        name = None if number is None else await self._typed(title, f"The name of {kind}/{number}?", "a name")
        if kind is None or number is None or name is None:
            return None
        vault = self._desk.operator().vault
        made["password"], made["ECCP password"] = passwords()
        tokens = {"password": vault.put(made["password"]), "eccp": vault.put(made["ECCP password"])}
        return Request("module-agent", arguments={**given, "key": number, "name": name, "kind": kind, **tokens})

    async def _typed(self, title: str, text: str, hint: str) -> str | None:
        return await self._app.push_screen_wait(_Entry(title, [text], [_CANCEL], typed=hint))


def _impossible(edit: _Edit, subject: Subject) -> str:
    """Why that cannot be done to what is under the cursor; "" where it can."""
    if edit.topic != subject.topic:
        return f"that is done to {edit.topic}: b changes the part"
    if edit.new:
        return ""
    if not subject.key or subject.key.startswith("gone "):
        return "nothing is under the cursor that this could be done to"
    already = {"start": "A", "stop": "I", "enable": "A", "disable": "I"}.get(edit.do)
    return "it is so already" if already is not None and subject.status == already else ""

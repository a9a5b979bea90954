"""Acting on an agent, a caller or a queue from the console: what is possible, what it still takes, whether it is meant.

Imported only when somebody acts: a console that only looks loads none of the rooms that do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ccops.callcentre import deeds
from ccops.callcentre.deeds import Deed, Impossible, Kind, Site
from ccops.callcentre.dialer import ByDialer
from ccops.callcentre.drawing import draw
from ccops.callcentre.model import Centre
from ccops.operations.plan import NotPermitted, OperationError, Plan
from ccops.operations.supervising import request_of
from ccops.tui.screens.choice import ChoiceScreen, Option

if TYPE_CHECKING:
    from ccops.operations.permission import Authority
    from ccops.operations.switchboard import Switchboard
    from ccops.tui.app import Console
    from ccops.tui.screens.supervised import Subject

_CANCEL = Option("Cancel", "nothing is done", "")
_NO_REASON = "-"
_BREAKS = "For which break? The call-center module's dialer pauses the agent in every queue."
_NO_BREAKS = "The call-center module has no active break: make one there first."
_TITLES: dict[Kind, str] = {
    "pause": "Pause",
    "unpause": "Unpause",
    "add": "Add to a queue",
    "remove": "Remove from a queue",
    "penalty": "Penalty",
    "logout": "Log out",
    "hangup": "Hang up",
    "listen": "Listen",
    "whisper": "Whisper",
    "barge": "Join the call",
    "move": "Move",
}
_OF_AGENT: tuple[Kind, ...] = tuple(kind for kind in _TITLES if kind != "move")


class Supervision:
    """One thing asked for, from the key to what was seen of it. `say(title, text)` tells; `done` is told quietly."""

    def __init__(
        self,
        app: Console,
        board: Switchboard,
        authority: Authority,
        say: Callable[[str, str], None],
    ) -> None:
        self._app = app
        self._board = board
        self._authority = authority
        self._say = say

    async def flow(self, kind: str, subject: Subject) -> None:
        """Asks what is to be asked, does it, and tells how it went."""
        snapshot = self._app.snapshot
        centre = snapshot.centre.value
        if centre is None or not (subject.agent or subject.caller):
            what = (
                "the call centre is not known" if centre is None else "choose an agent or a caller: Enter opens a queue"
            )
            self._say("Supervising", what)
            return
        if kind in _TITLES and kind not in _kinds(subject):
            self._say("Supervising", f"that is done to {'agents' if subject.caller else 'callers'}")
            return
        deed = self._template(kind, subject)
        if deed is None:
            chosen = await self._menu(centre, subject)
            if chosen is None:
                return
            deed = self._template(chosen, subject)
            assert deed is not None
        if why := self._barred(deed):
            self._say(_TITLES[deed.kind], why)
            return
        whole = await self._completed(deed, centre)
        if whole is not None:
            await self._do(whole)

    async def _do(self, deed: Deed) -> None:
        plan = await self._board.prepare(request_of(deed))
        if plan.refusals:
            self._say("Not possible", "\n".join(_refusals(plan)))
            return
        centre = self._app.snapshot.centre.value
        if centre is not None and draw(deed, centre, self._board.site).hurts and not await self._meant(plan):
            return
        try:
            report = await self._board.run(plan)
        except OperationError as error:
            self._say("Not done", str(error))
            return
        if report.ending != "done":
            self._say(f"{report.ending}: {plan.title}", f"{report.summary}\n{report.safe_next}")
            return
        undo = f"\nundo: {plan.undo_text}" if plan.undo_text else ""
        self._app.notify(report.summary + undo, title="Seen", markup=False, timeout=6)

    async def _meant(self, plan: Plan) -> bool:
        sent = [f"sent to {step.node}: {' · '.join(step.command)}" for step in plan.steps]
        text = [*plan.notices, *(f"Cannot be undone: {line}" for line in plan.irrevocable)]
        options = [_CANCEL, Option("Do it", "it is sent once, and then looked for", "yes")]
        return await self._app.push_screen_wait(ChoiceScreen(plan.title, text, options, more=sent)) == "yes"

    # -- what is possible

    def _template(self, kind: str, subject: Subject) -> Deed | None:
        """The deed as far as key and row tell it; None for the menu."""
        agent, queue, caller = subject
        if kind not in _TITLES:
            return None
        own = self._app.settings.console.extension or ""
        if caller:
            return Deed(kind, caller=caller)
        deed = Deed(kind, agent)
        if kind in ("listen", "whisper", "barge"):
            return replace(deed, extension=own)
        return replace(deed, queue=queue) if kind == "remove" else deed

    def _barred(self, deed: Deed) -> str:
        try:
            self._authority.demand_for(_TITLES[deed.kind], "supervisor")
        except NotPermitted as error:
            return str(error)
        return ""

    async def _menu(self, centre: Centre, subject: Subject) -> str | None:
        """What can be done to the row, each with its reason where it cannot."""
        unreached = await self._board.look(subject.agent)
        options = [_CANCEL]
        for kind in _kinds(subject):
            deed = self._template(kind, subject)
            assert deed is not None
            why = unreached or self._barred(deed) or _impossible(deed, centre, self._board.site)
            options.append(Option(_TITLES[kind], why, kind, bool(why)))
        whom = deeds.who(centre, subject.agent) if subject.agent else _caller(centre, subject.caller)
        return await self._app.push_screen_wait(ChoiceScreen(f"Act on {whom}", [], options))

    # -- what it still takes

    async def _completed(self, deed: Deed, centre: Centre) -> Deed | None:
        whom = deeds.who(centre, deed.agent) if deed.agent else _caller(centre, deed.caller)
        title = f"{_TITLES[deed.kind]}: {whom}"
        if deed.kind == "pause" and (by := await self._board.breaks_for(deed.agent)) is not None:
            if by.why_not:
                self._say("Not possible", _impossible(deed, centre, self._board.site))
                return None
            options = [Option(each.name or str(each.id), each.description, str(each.id)) for each in by.breaks]
            number = await self._ask(title, _BREAKS if options else _NO_BREAKS, options)
            return None if number is None else replace(deed, pause=_name_of(by, number))
        if deed.kind == "pause":
            options = [Option("Without a reason", "", _NO_REASON), *(Option(r, "", r) for r in _reasons(centre))]
            reason = await self._ask(title, "Why?", options, "or another reason")
            return None if reason is None else replace(deed, reason="" if reason == _NO_REASON else reason)
        if deed.kind in ("add", "remove") and not deed.queue:
            there = {name: member.membership for name, member in deeds.memberships(centre, deed.agent).items()}
            names = [n for n in sorted(centre.queues) if (n not in there) is (deed.kind == "add")]
            queue = await self._ask(title, "Which queue?", [Option(n, there.get(n, ""), n) for n in names])
            return None if queue is None else replace(deed, queue=queue)
        if deed.kind == "penalty":
            found = sorted({member.penalty for member in deeds.memberships(centre, deed.agent).values()})
            now = f"Now {', '.join(map(str, found))}. Who has a lower one gets calls first."
            number = await self._ask(title, now, [Option(str(n), "", str(n)) for n in range(4)], "or another number")
            if number is not None and not (number.isascii() and number.isdecimal() and len(number) < 4):
                self._say("Penalty", f"expected a number from 0 to 999, found {number!r}")
                return None
            return None if number is None else replace(deed, penalty=int(number))
        if deed.kind == "move":
            caller = deeds.waiting(centre, deed.caller)
            here = caller.queue if caller else ""
            options = [Option("To the top", f"of {here}", _NO_REASON)]
            options += [Option(f"To {name}", "", name) for name in sorted(centre.queues) if name != here]
            to = await self._ask(title, "Where to?", options)
            return None if to is None else replace(deed, to="" if to == _NO_REASON else to)
        return deed

    async def _ask(self, title: str, text: str, options: Sequence[Option], typed: str = "") -> str | None:
        return await self._app.push_screen_wait(ChoiceScreen(title, [text], [_CANCEL, *options], typed=typed))


def _kinds(subject: Subject) -> Sequence[Kind]:
    return ("move", "hangup") if subject.caller else _OF_AGENT


def _impossible(deed: Deed, centre: Centre, site: Site) -> str:
    """Why that cannot be done to whom it is about, whatever else is asked; "" where it can."""
    try:
        draw(_likely(deed, centre, site), centre, site)
    except Impossible as error:
        return f"{error}; {error.way_out}" if error.way_out else str(error)
    return ""


def _name_of(by: ByDialer, number: str) -> str:
    """What a break is called for: its name, or its number where others have the same name or it has none."""
    names = [each.name.casefold() for each in by.breaks]
    found = next(each for each in by.breaks if str(each.id) == number)
    return found.name if found.name and names.count(found.name.casefold()) == 1 else number


def _likely(deed: Deed, centre: Centre, site: Site) -> Deed:
    """The deed with the most possible of what is not asked yet."""
    by = site.by_dialer.get(deed.agent)
    if deed.kind == "pause" and by is not None and by.breaks and not by.why_not:
        return replace(deed, pause=str(by.break_id or by.breaks[0].id))
    there = deeds.memberships(centre, deed.agent)
    if deed.kind == "add":
        return replace(
            deed, queue=next((name for name in sorted(centre.queues) if name not in there), next(iter(there)))
        )
    if deed.kind == "remove" and not deed.queue:
        dynamic = (name for name, member in there.items() if member.membership == "dynamic")
        return replace(deed, queue=next(dynamic, next(iter(there), "")))
    caller = deeds.waiting(centre, deed.caller) if deed.kind == "move" else None
    if caller is not None and caller.position <= 1:
        return replace(deed, to=next((name for name in sorted(centre.queues) if name != caller.queue), ""))
    return deed


def _caller(centre: Centre, uniqueid: str) -> str:
    caller = deeds.waiting(centre, uniqueid)
    return "the caller" if caller is None else f"{caller.number or 'no number'} {caller.name}".rstrip()


def _reasons(centre: Centre) -> list[str]:
    """The breaks known: those that agents are in, or were paused for, now."""
    found = {m.pause_reason for queue in centre.queues.values() for m in queue.members.values() if m.pause_reason}
    return sorted(found - {"Auto-Pause"})[:8]


def _refusals(plan: Plan) -> Iterator[str]:
    for check in plan.refusals:
        yield f"{check.found or check.text}{f' → {check.way_out}' if check.way_out else ''}"

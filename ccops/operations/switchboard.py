"""What is done to agents, callers and queues where the pair serves: shown, sent once, and seen.

It is no operation on the pair: no lock is taken, and nothing of it is resumed. Its plans are like those of operations,
so that keys, commands and the audit log show them alike. It is sent to Asterisk's manager or, for agents of the
call-center module, to its dialer. "Success" is never believed: the call centre must be seen to have changed. What was
sent over a link that was lost is not sent again.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Mapping

from ccops.callcentre import effects
from ccops.callcentre.deeds import Deed, Drawing, Impossible, Site
from ccops.callcentre.dialer import ByDialer
from ccops.callcentre.dialer_drawing import REQUESTS
from ccops.callcentre.drawing import draw, is_the_dialers
from ccops.callcentre.model import Centre
from ccops.config import SHIPPED_ECCP_USER, PairSettings
from ccops.links.errors import LinkError
from ccops.links.errors import Refused as NotTaken
from ccops.operations.audit import Audit
from ccops.operations.books import Books
from ccops.operations.control import Control
from ccops.operations.dialer import Dialer
from ccops.operations.eyes import Eyes
from ccops.operations.hands import Hands
from ccops.operations.permission import Authority
from ccops.operations.plan import (
    Check,
    Condition,
    Ending,
    Listener,
    Look,
    Plan,
    Progress,
    Refused,
    Report,
    Request,
    Step,
    StepState,
    Surprise,
)
from ccops.operations.supervising import deed_of, words
from ccops.watch.store import Store

SEEN_WITHIN_S = 10.0
_REREAD_AFTER_S = (1.0, 5.0)
_ECCP = "eccp"
_SHIPPED = (
    f"the dialer lets in {SHIPPED_ECCP_USER} with the password it is shipped with, and so whoever reaches its port: "
    "`ccops amiuser --eccp` prints how to change that"
)
_SAFE = "look at the agent or the caller in the console before it is done again: it may have been done"


class Switchboard:
    """Deeds on one pair. `store` is that of the pair's watch, which must be running.

    Use: `plan = await switchboard.prepare(request_of(deed))`, show it, then `report = await switchboard.run(plan)`.
    """

    def __init__(
        self,
        name: str,
        settings: PairSettings,
        store: Store,
        authority: Authority,
        audit: Audit,
        hands: Hands,
        *,
        books: Books | None = None,
        clock: Callable[[], float] = time.time,
        control: Control | None = None,
        dialer: Dialer | None = None,
    ) -> None:
        self.name = name
        self.authority = authority
        self.audit = audit
        self._settings = settings
        self._store = store
        self._eyes = Eyes(store, clock)
        self._clock = clock
        self.control = control or Control(settings, hands)
        self._books = books or Books(settings, hands)
        self.dialer = dialer or Dialer(settings, hands, self._books)
        self._by_dialer: dict[str, ByDialer] = {}
        self._dialers: frozenset[str] | None = None

    async def prepare(self, request: Request) -> Plan:
        """The plan for that request as things are now, whether it may be run or not: see `Plan.refusals`."""
        deed = deed_of(request)
        checks = [self._serves(), self._read()]
        if all(check.holds for check in checks):
            checks += await self._reach(deed)
        node, centre = self._eyes.now.centre_node, self._eyes.now.centre.value
        drawing = None
        if all(check.holds for check in checks) and centre is not None:
            try:
                drawing = draw(deed, centre, self.site)
            except Impossible as error:
                checks.append(Check("it is possible now", False, str(error), error.way_out))
            else:
                checks.append(Check("it is possible now", True))
        return self._plan(request, node, drawing, centre, tuple(checks))

    @property
    def site(self) -> Site:
        """What is known of what is possible there; the user's rights only after a first session."""
        snapshot = self._eyes.now
        centre = snapshot.centre.value
        version = (centre.asterisk_version if centre else None) or self.control.version
        every = self._settings.queues.get("*")
        places = {
            name: (queue.context or (every and every.context) or Site().default_context, queue.extension or name)
            for name, queue in self._settings.queues.items()
        }
        return Site(
            version=version,
            allowed=self.control.allowed,
            dialer=frozenset(snapshot.agent_names) or None if self._dialers is None else self._dialers,
            places=places,
            default_context=(every.context if every else None) or Site().default_context,
            by_dialer=self._by_dialer,
        )

    async def look(self, agent: str = "") -> str:
        """Has a session, so that `site` knows the user's rights, and what the dialer can do to `agent`.

        Why there is no session, "" where there is one.
        """
        checks = [self._serves(), self._read()]
        if all(check.holds for check in checks):
            await self._ask_dialer(agent)
            checks.append(await self._reached(self._eyes.now.centre_node or ""))
        return next((check.found or check.text for check in checks if not check.holds), "")

    async def breaks_for(self, agent: str) -> ByDialer | None:
        """What that agent can be paused for, where it is the call-center module's; None for all others."""
        if not (self._serves().holds and self._read().holds):
            return None
        return await self._ask_dialer(agent)

    async def run(self, plan: Plan, on_progress: Listener = lambda progress: None) -> Report:
        """Does what was shown. Raises NotPermitted, Refused (nothing was done); what happens later is in the report."""
        self.authority.demand(plan)
        again = await self.prepare(plan.request)
        id = self.audit.new_id()
        if again.refusals or again.shape != plan.shape:
            why = "; ".join(check.found for check in again.refusals)
            text = why or "the call centre has changed since this was shown: look again"
            self._write(id, "began", request=plan.request, title=plan.title)
            self._write(id, "ended", ending="refused", text=text)
            raise Refused(text, again.refusals)
        return await _Call(self, id, again, on_progress).go()

    async def close(self) -> None:
        """Ends its sessions."""
        self.control.close()
        self.dialer.close()
        await self._books.close()

    def _write(self, id: str, event: str, **fields: object) -> None:
        self.audit.write(id, self.name, event, **fields)

    # What must hold, and the plan

    def _serves(self) -> Check:
        snapshot = self._eyes.now
        holds = snapshot.serving is not None and snapshot.serving == snapshot.centre_node
        found = "" if holds else "no single node is seen to serve"
        return Check("one node serves, and its Asterisk is the one that is seen", holds, found, "see `ccops triage`")

    def _read(self) -> Check:
        snapshot = self._eyes.now
        centre, link = snapshot.centre.value, snapshot.links.get(f"ami:{snapshot.centre_node}")
        up = centre is not None and centre.synced_at is not None and link is not None and link.phase == "up"
        found = "" if up else snapshot.centre.problem or "Asterisk has not been read yet, or does not answer"
        return Check("Asterisk's queues and members are seen", up or None, found, "what is done could not be seen")

    async def _reach(self, deed: Deed) -> list[Check]:
        """Has the session that the deed takes: of its checks, those of the manager where Asterisk itself is told."""
        by = await self._ask_dialer(deed.agent) if deed.kind in REQUESTS or deed.kind in ("add", "remove") else None
        if by is not None and not (deed.kind == "hangup" and by.standing != "oncall"):
            return []
        return [await self._reached(self._eyes.now.centre_node or "")]

    async def _ask_dialer(self, agent: str) -> ByDialer | None:
        """What the dialer can do to that agent now; None where it is not known to be the dialer's."""
        self._by_dialer.pop(agent, None)
        snapshot = self._eyes.now
        centre = snapshot.centre.value
        # Asked anew: what is watched has read them a while ago or, where a command has just begun, not yet.
        self._dialers = await self.dialer.agents(snapshot.centre_node or "")
        if centre is None or not agent or not is_the_dialers(agent, centre, self.site):
            return None
        self._by_dialer[agent] = found = await self.dialer.look(snapshot.centre_node or "", agent)
        return found

    async def _reached(self, node: str) -> Check:
        text = f"the manager user {self.control.user} reaches Asterisk on {node}"
        try:
            await self.control.open(node)
        except LinkError as error:
            return Check(text, False, str(error), "`ccops amiuser --role supervisor` prints a user with the rights")
        return Check(text, True)

    def _plan(
        self,
        request: Request,
        node: str | None,
        drawing: Drawing | None,
        centre: Centre | None,
        checks: tuple[Check, ...],
    ) -> Plan:
        if drawing is None or centre is None:
            return Plan(request, str(request), "nothing can be sent", (), checks, role="supervisor")
        deed = drawing.deed
        last = len(drawing.actions) - 1
        effect = Condition(effects.text(deed, centre), _sight(drawing, centre, node), _fear(drawing, centre, node))
        taken = Condition("Asterisk takes it", lambda look: True)
        steps = tuple(
            Step(
                f"{action.name}-{number + 1}" if last else action.name,
                f"{drawing.title} ({action.name})" if last else drawing.title,
                effect if number == last else taken,
                node,
                (*((_ECCP,) if action.by == "eccp" else ()), action.name, *_lines(action.fields)),
                limit_s=SEEN_WITHIN_S,
                safe_next=_SAFE,
            )
            for number, action in enumerate(drawing.actions)
        )
        return Plan(
            request,
            drawing.title,
            self._purpose(drawing, node),
            steps,
            checks,
            role="supervisor",
            notices=drawing.notices,
            irrevocable=drawing.irrevocable,
            evidence=(_SHIPPED,) if (by := self._by_dialer.get(deed.agent)) is not None and by.shipped else (),
            undo_text=f"ccops {shlex.join(words(drawing.inverse))}" if drawing.inverse else "",
        )

    def _purpose(self, drawing: Drawing, node: str | None) -> str:
        if drawing.actions[0].by == "eccp":
            whom = f"the call-center module's dialer on {node} (ECCP) by its user {self.dialer.user}"
            return f"It is sent to {whom} in the agent's name, and then looked for in Asterisk."
        return f"It is sent to Asterisk on {node} by the manager user {self.control.user}, and then looked for."


class _Call:
    """One deed being done."""

    def __init__(self, board: Switchboard, id: str, plan: Plan, on_progress: Listener) -> None:
        self._board = board
        self._id = id
        self._plan = plan
        self._listener = on_progress
        self._began = board._clock()
        self._states = [StepState() for _ in plan.steps]

    async def go(self) -> Report:
        plan = self._plan
        steps = tuple(f"{step.name} on {step.node}: {' | '.join(step.command)}" for step in plan.steps)
        self._write("began", request=plan.request, title=plan.title, steps=steps)
        final = plan.steps[-1]
        try:
            if _lasts(plan) and final.effect.holds(self._board._eyes.look()) is True:
                self._write("seen", step=final.name, text=f"already: {final.effect.text}")
                for number in range(len(plan.steps)):
                    self._set(number, "already")
                return self._end("done", f"{plan.title}: it was so already")
            for number, step in enumerate(plan.steps):
                await self._send(number, step)
            await self._see(len(plan.steps) - 1, final)
        except (Surprise, NotTaken) as error:
            if isinstance(error, NotTaken) and self._states[0].word == "failed":
                return self._end("refused", f"{error}: nothing was done")
            return self._end("surprised", str(error), _SAFE)
        except asyncio.CancelledError:
            self._end("interrupted", "interrupted: what was sent may have been done", _SAFE)
            raise
        return self._end("done", f"{plan.title}: done, {final.effect.text}")

    async def _send(self, number: int, step: Step) -> None:
        self._set(number, "running")
        by_dialer = step.command[0] == _ECCP
        name, *lines = step.command[1:] if by_dialer else step.command
        fields = dict(line.partition(": ")[::2] for line in lines)
        self._write("step", step=step.name, node=step.node or "", command=" | ".join(step.command))
        began = self._board._clock()
        try:
            board = self._board
            said = await (board.dialer if by_dialer else board.control).send(step.node or "", name, fields)
        except NotTaken as error:
            self._write("answered", step=step.name, text=f"refused: {error}")
            self._set(number, "failed", str(error))
            raise
        except LinkError as error:
            # It may have been done: what is seen decides, and it is not sent again.
            self._write("answered", step=step.name, text=f"no answer: {error}")
            said = f"no answer ({error})"
            if number + 1 < len(self._plan.steps):
                self._set(number, "failed", said)
                raise Surprise(f"{said}; the rest was not sent") from None
        else:
            self._write("answered", step=step.name, output=said, took_s=round(self._board._clock() - began, 3))
        self._set(number, "running" if number + 1 == len(self._plan.steps) else "seen", said)

    async def _see(self, number: int, step: Step) -> None:
        asking = asyncio.ensure_future(self._ask_anew(step))
        try:
            await self._board._eyes.until(step.effect, limit_s=step.limit_s)
        except Surprise as error:
            self._write("surprise", step=step.name, text=str(error), safe_next=step.safe_next)
            self._set(number, "failed", str(error))
            raise
        finally:
            asking.cancel()
        self._write("seen", step=step.name, text=step.effect.text)
        self._set(number, "seen", self._states[number].said)

    async def _ask_anew(self, step: Step) -> None:
        """Not every change is told by an event: the lists are read again while it is not seen."""
        for seconds in _REREAD_AFTER_S:
            await asyncio.sleep(seconds)
            self._board._store.reread(f"{step.name} was sent and is not seen yet")

    def _set(self, number: int, word: str, said: str = "") -> None:
        old, now = self._states[number], self._board._clock()
        over = word in ("seen", "already", "failed")
        self._states[number] = StepState(word, said, old.began_at or now, now if over else None)  # type: ignore[arg-type]
        step = self._plan.steps[number]
        self._listener(Progress(self._id, self._plan, tuple(self._states), self._began, step.text))

    def _end(self, ending: Ending, text: str, safe_next: str = "") -> Report:
        took = round(self._board._clock() - self._began, 3)
        self._write("ended", ending=ending, text=text, safe_next=safe_next, took_s=took)
        return Report(self._id, self._plan, ending, text, tuple(self._states), (), safe_next, took)

    def _write(self, event: str, **fields: object) -> None:
        self._board._write(self._id, event, **fields)


def _lasts(plan: Plan) -> bool:
    """Whether there is nothing to send where it is so already; a reason, which events alone may tell, is sent anew.

    The dialer is always told: what is seen of its agents may be what it is about to undo.
    """
    deed = deed_of(plan.request)
    return deed.kind in ("pause", "unpause", "penalty") and not deed.reason and plan.steps[-1].command[0] != _ECCP


def _lines(fields: Mapping[str, str]) -> list[str]:
    return [f"{key}: {value}" for key, value in fields.items()]


def _sight(drawing: Drawing, before: Centre, node: str | None) -> Callable[[Look], bool | None]:
    def holds(look: Look) -> bool | None:
        centre = look.snapshot.centre.value
        if centre is None or look.snapshot.centre_node != node:
            return None
        return effects.seen(drawing, before, centre)

    return holds


def _fear(drawing: Drawing, before: Centre, node: str | None) -> Callable[[Look], str | None]:
    def never(look: Look) -> str | None:
        centre = look.snapshot.centre.value
        if look.snapshot.centre_node != node:
            return f"it is no longer the Asterisk on {node} that is seen"
        return None if centre is None else effects.never(drawing, before, centre)

    return never

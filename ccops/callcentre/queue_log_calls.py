"""What the events of queue_log amount to: calls from their entry to their end, log-ins, breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ccops.callcentre.queue_log import CALL_ENDS, BadLine, LogEvent, in_order
from ccops.callcentre.records import CallRecord, Exit, Outcome, Presence, Records

_EXITS: Mapping[str, Exit] = {"EXITWITHTIMEOUT": "timeout", "EXITWITHKEY": "key", "EXITEMPTY": "empty"}
# Where each end has its spans: the wait's field, the talk's.
_TALKED = {
    "COMPLETEAGENT": (0, 1),
    "COMPLETECALLER": (0, 1),
    "TRANSFER": (2, 3),
    "BLINDTRANSFER": (2, 3),
    "ATTENDEDTRANSFER": (-3, -2),
}
_WAITED = {"ABANDON": 2, "EXITEMPTY": 2, "EXITWITHTIMEOUT": 2, "EXITWITHKEY": 3}


def fold_queue_log(
    events: Iterable[LogEvent],
    bad: Iterable[BadLine] = (),
    *,
    since: float | None = None,
    until: float | None = None,
    names: Mapping[str, str] | None = None,
    cut: bool = False,
) -> Records:
    """The calls and log-ins of events in any order.

    `since`: what was read begins then, so that a log-off without a log-in ends one that was there before. `until`: what
    was read ends then, in the past: what is open there went on; None when it ends now. `names` by interface.
    Asterisk writes ADDMEMBER with a member's interface and CONNECT with the name: both are the same agent.
    """
    calls, people = _Calls(until), _People(since)
    named = _interfaces(names or {})
    for event in in_order(events):
        if event.agent in named:
            event = replace(event, agent=named[event.agent])
        over = until is not None and event.at > until
        if event.event == "QUEUESTART":
            calls.lose()
            if not over:
                people.interrupt()
        elif event.callid and (event.event in CALL_ENDS or event.event in ("ENTERQUEUE", "CONNECT")):
            calls.take(event)
            if event.event == "CONNECT" and not over:
                people.confirm(event.agent)
        elif event.agent and not over:
            people.take(event)
    strange = list(bad)
    problems = [f"{len(strange)} lines of queue_log are none (the first: {strange[0].text!r})"] if strange else []
    return Records("log", calls.found(), people.found(until), dict(names or {}), tuple(problems), cut)


def _interfaces(names: Mapping[str, str]) -> Mapping[str, str]:
    """The interface of each name that only one has."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for interface, name in names.items():
        if found.setdefault(name, interface) != interface:
            twice.add(name)
    return {name: interface for name, interface in found.items() if name not in twice and name not in names}


class _Calls:
    def __init__(self, until: float | None) -> None:
        self._until = until
        self._open: dict[str, CallRecord] = {}
        self._over: list[CallRecord] = []

    def take(self, event: LogEvent) -> None:
        if event.event == "ENTERQUEUE":
            before = self._open.pop(event.callid, None)
            if before is not None:  # the dialplan, or somebody, put the caller into another queue
                self._end(before, "abandoned" if before.outcome == "waiting" else "completed", event.at, exit="moved")
            self._open[event.callid] = CallRecord(event.callid, event.queue, event.at, "waiting", event.text(1))
        elif event.event == "CONNECT":
            self._open[event.callid] = self._answered(event, event.seconds(0), event.at)
        elif event.event in _TALKED:
            wait, talk = (event.seconds(index) for index in _TALKED[event.event])
            call = self._open.pop(event.callid, None)
            if call is None or call.answered_at is None:
                if call is None and talk is None:
                    return
                self._open[event.callid] = call or CallRecord(event.callid, event.queue, event.at, "waiting")
                call = self._answered(event, wait, event.at - (talk or 0.0))
                self._open.pop(event.callid, None)
            self._end(call, "completed", event.at, talk_s=talk)
        else:
            call = self._open.pop(event.callid, None)
            waited = event.seconds(_WAITED[event.event])
            if call is None and waited is None:
                return  # the rest of a call whose beginning was not read
            call = call or CallRecord(event.callid, event.queue, event.at - (waited or 0.0), "waiting")
            if call.outcome == "waiting":
                self._end(call, "abandoned", event.at, exit=_EXITS.get(event.event, ""))
            else:
                self._end(call, "completed", event.at)

    def _answered(self, event: LogEvent, wait: float | None, at: float) -> CallRecord:
        call = self._open.get(event.callid)
        if call is None or call.entered_at >= at:
            entered_at = at - (wait or 0.0)
            number = call.number if call else ""
            call = CallRecord(event.callid, event.queue, entered_at, "waiting", number)
        return replace(
            call,
            outcome="talking",
            agent=event.agent,
            answered_at=at,
            wait_s=max(0.0, at - call.entered_at) if wait is None else wait,
        )

    def lose(self) -> None:
        """Asterisk started: nobody says any more how the calls before ended."""
        self._over += [replace(call, outcome="lost", ended_at=None) for call in self._open.values()]
        self._open.clear()

    def found(self) -> tuple[CallRecord, ...]:
        return (*self._over, *self._open.values())

    def _end(
        self, call: CallRecord, outcome: Outcome, at: float, *, talk_s: float | None = None, exit: Exit = ""
    ) -> None:
        changes: dict[str, object] = {"outcome": outcome, "ended_at": at}
        if outcome == "abandoned":
            changes |= {"wait_s": max(0.0, at - call.entered_at), "exit": exit}
        else:
            changes["talk_s"] = max(0.0, at - (call.answered_at or at)) if talk_s is None else talk_s
        self._over.append(replace(call, **changes))


class _Person:
    """One agent: the ways in which they are there (logged in, or a member of queues), and the queues they paused in."""

    def __init__(self) -> None:
        self.ways: set[str] = set()
        self.since: float | None = None
        self.interrupted = False
        self.paused: set[str] = set()
        self.paused_since: float | None = None
        self.reason = ""


class _People:
    def __init__(self, since: float | None) -> None:
        self._since = since
        self._agents: dict[str, _Person] = {}
        self._over: list[Presence] = []

    def take(self, event: LogEvent) -> None:
        person = self._agents.setdefault(event.agent, _Person())
        if event.event in ("PAUSE", "UNPAUSE"):
            self.confirm(event.agent)
        match event.event:
            case "AGENTLOGIN" | "AGENTCALLBACKLOGIN":
                self._arrive(event, person, "")
            case "ADDMEMBER":
                self._arrive(event, person, f"queue {event.queue}")
                if event.text(0) == "PAUSED":
                    self._pause(event, person, "")
            case "AGENTLOGOFF" | "AGENTCALLBACKLOGOFF":
                self._leave(event, person, "", event.seconds(1))
            case "REMOVEMEMBER":
                self._leave(event, person, f"queue {event.queue}", None)
            case "PAUSE" | "PAUSEALL":
                self._pause(event, person, event.text(0))
            case "UNPAUSE":
                self._unpause(event, person, {event.queue, ""})
            case "UNPAUSEALL":
                self._unpause(event, person, set(person.paused))

    def interrupt(self) -> None:
        """Asterisk started: breaks are lost; log-ins too, but for members of queues who show that they stayed."""
        for agent, person in self._agents.items():
            person.interrupted = person.since is not None
            self._end_break(agent, person, None, lost=True)

    def confirm(self, agent: str) -> None:
        """They take part: whoever was a member of a queue when Asterisk started still is (persistentmembers)."""
        person = self._agents.get(agent)
        if person is not None and person.interrupted and person.ways - {""}:
            person.interrupted = False
            person.ways.discard("")

    def found(self, until: float | None) -> tuple[Presence, ...]:
        """All of them; open ones go on."""
        open_: list[Presence] = []
        for agent, person in self._agents.items():
            if person.since is not None:
                lost = person.interrupted
                open_.append(Presence(agent, person.since, None if lost else until, None, lost))
            if person.paused_since is not None:
                open_.append(Presence(agent, person.paused_since, until, person.reason))
        return (*self._over, *open_)

    def _arrive(self, event: LogEvent, person: _Person, way: str) -> None:
        if person.interrupted and person.since is not None:
            self._over.append(Presence(event.agent, person.since, None, None, lost=True))
            person.since, person.interrupted = None, False
            person.ways.clear()
        person.ways.add(way)
        if person.since is None:
            person.since = event.at

    def _leave(self, event: LogEvent, person: _Person, way: str, stayed: float | None) -> None:
        person.ways.discard(way)
        if person.since is None:
            person.since = event.at - stayed if stayed is not None else self._since
        if person.ways:
            return
        self._end_break(event.agent, person, event.at)
        if person.since is not None:
            self._over.append(Presence(event.agent, person.since, max(person.since, event.at)))
        person.since, person.interrupted = None, False

    def _pause(self, event: LogEvent, person: _Person, reason: str) -> None:
        person.paused.add(event.queue)
        person.reason = person.reason or reason
        if person.paused_since is None:
            person.paused_since = event.at

    def _unpause(self, event: LogEvent, person: _Person, queues: set[str]) -> None:
        person.paused -= queues
        if not person.paused:
            self._end_break(event.agent, person, event.at)

    def _end_break(self, agent: str, person: _Person, at: float | None, *, lost: bool = False) -> None:
        if person.paused_since is not None:
            self._over.append(Presence(agent, person.paused_since, at, person.reason, lost))
        person.paused.clear()
        person.paused_since, person.reason = None, ""

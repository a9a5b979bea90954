"""Events of Asterisk that belong on the time line: turning points, not traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from ccops.pair.model import LogLine

Event = Mapping[str, str]
Level = Literal["info", "notice", "warning"]
Told = tuple[Level, str]


def turning_point(event: Event, node: str, at: float) -> LogLine | None:
    """The event as a line of the time line; None when it tells nothing new (a peer that is as it was)."""
    name = event.get("event", "").lower()
    tag, tell = _TELLERS.get(name, ("", lambda _event: None))
    told = tell(event)
    return LogLine(at, "ami", told[1], node, told[0], tag) if told else None


def _member(event: Event) -> str:
    return event.get("membername") or event.get("interface") or event.get("location") or "a member"


def _booted(_event: Event) -> Told:
    return "notice", "Asterisk has fully booted"


def _shutdown(event: Event) -> Told:
    again = event.get("restart", "").lower() == "true"
    return "warning", f"Asterisk {'restarts' if again else 'shuts down'} ({event.get('shutdown') or 'no reason given'})"


def _reload(event: Event) -> Told:
    return "notice", f"Asterisk reloaded {event.get('module') or 'its configuration'}"


def _peer(event: Event) -> Told | None:
    """A phone registers again every few minutes: that is traffic."""
    status, peer = event.get("peerstatus", "").lower(), event.get("peer", "a peer")
    levels: dict[str, Level] = {"unreachable": "warning", "lagged": "warning", "unregistered": "notice"}
    return (levels.get(status, "info"), f"{peer} is {status}") if status not in ("", "registered") else None


def _paused(event: Event) -> Told:
    paused = event.get("paused") in ("1", "true")
    reason = event.get("pausedreason") or event.get("reason") or ""
    why = f" ({reason})" if paused and reason else ""
    return "info", f"{_member(event)} {'paused' if paused else 'back'} in {event.get('queue', 'a queue')}{why}"


def _added(event: Event) -> Told:
    return "info", f"{_member(event)} joined queue {event.get('queue', '?')}"


def _removed(event: Event) -> Told:
    return "info", f"{_member(event)} left queue {event.get('queue', '?')}"


_TELLERS: dict[str, tuple[str, Callable[[Event], Told | None]]] = {
    "fullybooted": ("start", _booted),
    "shutdown": ("start", _shutdown),
    "reload": ("reload", _reload),
    "peerstatus": ("peer", _peer),
    "queuememberpause": ("pause", _paused),
    "queuememberpaused": ("pause", _paused),
    "queuememberadded": ("queue", _added),
    "queuememberremoved": ("queue", _removed),
}
TOLD = frozenset(_TELLERS)

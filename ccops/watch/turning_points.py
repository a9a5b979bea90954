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
    told = _TELLERS[name](event) if name in _TELLERS else None
    return LogLine(at, "ami", told[1], node, told[0], name) if told else None


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
    status, peer = event.get("peerstatus", ""), event.get("peer", "a peer")
    levels: dict[str, Level] = {"unreachable": "warning", "lagged": "warning", "unregistered": "notice"}
    level = levels.get(status.lower(), "info")
    return (level, f"{peer} is {status.lower()}") if status else None


def _paused(event: Event) -> Told:
    paused = event.get("paused") in ("1", "true")
    reason = event.get("pausedreason") or event.get("reason") or ""
    why = f" ({reason})" if paused and reason else ""
    return "info", f"{_member(event)} {'paused' if paused else 'back'} in {event.get('queue', 'a queue')}{why}"


def _added(event: Event) -> Told:
    return "info", f"{_member(event)} joined queue {event.get('queue', '?')}"


def _removed(event: Event) -> Told:
    return "info", f"{_member(event)} left queue {event.get('queue', '?')}"


_TELLERS: dict[str, Callable[[Event], Told | None]] = {
    "fullybooted": _booted,
    "shutdown": _shutdown,
    "reload": _reload,
    "peerstatus": _peer,
    "queuememberpause": _paused,
    "queuememberpaused": _paused,
    "queuememberadded": _added,
    "queuememberremoved": _removed,
}
TOLD = frozenset(_TELLERS)

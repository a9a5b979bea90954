"""Callers waiting in queues, exact without polling: in at Position, out by uniqueid, the rest renumbered.

Join/Leave (Asterisk 1.4 to 11, class call) and QueueCallerJoin/Leave/Abandon (12+, class agent). A caller can wait in
one queue only; what contradicts that, or a Position or Count that does not fit, asks for a resync.

QueueCallerAbandon is also sent for time-outs and when the queue has no members left. It is counted as abandoned at
once and taken back (`exited`) when the same call is seen to live on: it joins another queue, runs dialplan, dials,
enters a bridge, or its channel is still there after `draft.LIVED_ON_S`. Without events of the classes call and
dialplan the two cannot be told apart. A caller who leaves with a key is never called abandoned.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ccops.callcentre.draft import Draft, Handler
from ccops.callcentre.fields import Event, caller_name, caller_number, identity, number
from ccops.callcentre.model import Caller, Left, Queue


def renumbered(callers: list[Caller]) -> tuple[Caller, ...]:
    """The callers in that order, with positions from 1."""
    return tuple(
        caller if caller.position == place else replace(caller, position=place)
        for place, caller in enumerate(callers, start=1)
    )


def take_out(draft: Draft, caller: Caller) -> None:
    """Removes a caller from the queue it waits in."""
    queue = draft.queue(caller.queue)
    _set_callers(draft, queue, [other for other in queue.callers if other.uniqueid != caller.uniqueid])


def _joined(draft: Draft, event: Event) -> None:
    name, uniqueid = event.get("queue", ""), identity(event)
    if not name or not uniqueid:
        return
    came_from = draft.left.now.get(uniqueid)
    draft.settle(uniqueid, lives_on=True)
    draft.offered(name, anew=came_from is None)
    waiting = draft.waiting(uniqueid)
    if waiting is not None:
        draft.contradict(f"caller {uniqueid} joined queue {name!r} while waiting in {waiting.queue!r}")
        # Its place in the list is younger than the event that is replayed over it.
        if waiting.queue == name and draft.replaying:
            return
        take_out(draft, waiting)
    queue = draft.queue(name)
    last = len(queue.callers) + 1
    position = number(event, "position")
    if position is None or not 1 <= position <= last:
        draft.contradict(f"a caller joined queue {name!r} at position {event.get('position')!r}, expected 1 to {last}")
        position = last
    callers = list(queue.callers)
    callers.insert(position - 1, _caller(event, name, uniqueid, position, draft.at))
    _set_callers(draft, queue, callers)
    _compare_count(draft, event, name, len(callers))


def _left(draft: Draft, event: Event) -> None:
    name, uniqueid = event.get("queue", ""), identity(event)
    if not name or not uniqueid:
        return
    _stop_ringing(draft, event)
    queue = draft.queue(name)
    caller = _find(queue, event)
    if caller is None:
        draft.contradict(f"caller {uniqueid} left queue {name!r}, where nobody of that uniqueid waits")
        return
    position = number(event, "position")
    if position is not None and position != caller.position:
        draft.contradict(f"caller {uniqueid} left queue {name!r} from position {position}, expected {caller.position}")
    take_out(draft, caller)
    if caller.uniqueid not in draft.left.now:
        draft.left.put(caller.uniqueid, Left(caller=caller, at=draft.at, abandoned=False))
    _compare_count(draft, event, name, len(queue.callers) - 1)


def _abandoned(draft: Draft, event: Event) -> None:
    name, uniqueid = event.get("queue", ""), identity(event)
    if not name or not uniqueid:
        return
    _stop_ringing(draft, event)
    queue = draft.queue(name)
    caller = _find(queue, event)
    if caller is None:
        draft.contradict(f"caller {uniqueid} abandoned queue {name!r}, where nobody of that uniqueid waits")
        caller = _caller(event, name, uniqueid, number(event, "position") or 1, draft.at)
    left = draft.left.now.get(caller.uniqueid)
    if left is not None and left.abandoned and left.caller.queue == name:
        return
    draft.left.put(caller.uniqueid, Left(caller=caller, at=draft.at, abandoned=True))
    draft.queues.put(name, replace(queue, abandoned=queue.abandoned + 1))


def _caller(event: Event, queue: str, uniqueid: str, position: int, at: float) -> Caller:
    return Caller(
        uniqueid=uniqueid,
        queue=queue,
        number=caller_number(event),
        name=caller_name(event),
        position=position,
        joined_at=at,
        channel=event.get("channel", ""),
    )


def _find(queue: Queue, event: Event) -> Caller | None:
    uniqueid, channel = event.get("uniqueid"), event.get("channel")
    for caller in queue.callers:
        if uniqueid == caller.uniqueid or (channel and channel == caller.channel):
            return caller
    return None


def _stop_ringing(draft: Draft, event: Event) -> None:
    for key in (event.get("uniqueid"), event.get("channel")):
        if key:
            draft.ringing.drop(key)


def _set_callers(draft: Draft, queue: Queue, callers: list[Caller]) -> None:
    draft.queues.put(queue.name, replace(queue, callers=renumbered(callers)))


def _compare_count(draft: Draft, event: Event, queue: str, waiting: int) -> None:
    told = number(event, "count")
    if told is not None and told != waiting:
        draft.contradict(f"Asterisk counts {told} callers in queue {queue!r}, ccops {waiting}")


HANDLERS: Mapping[str, Handler] = {
    "join": _joined,
    "leave": _left,
    "queuecallerjoin": _joined,
    "queuecallerleave": _left,
    "queuecallerabandon": _abandoned,
}

"""What a queue's row shows, derived from the queue at one moment."""

from __future__ import annotations

import msgspec

from ccops.callcentre.agents import member_state
from ccops.callcentre.model import Queue


class QueueView(msgspec.Struct, frozen=True):
    """A queue's figures at one moment. Members are counted as this queue sees them: paused means paused here.

    With `unseen` above 0, `handled` is not all that was answered: the queue does not tell of its calls.
    """

    name: str
    waiting: int
    longest_wait_s: float | None
    free: int
    ringing: int
    busy: int
    wrapup: int
    paused: int
    away: int
    unknown: int
    handled: int
    abandoned: int
    exited: int
    service_level_pct: float | None
    service_level_s: int | None
    average_wait_s: float | None
    average_talk_s: float | None
    counted_since: float | None
    history: tuple[int, ...]
    unseen: int


def queue_view(queue: Queue, now: float) -> QueueView:
    """The figures of `queue` at `now` (seconds since the epoch). `busy` includes who holds a call.

    The longest wait is None when nobody waits; averages are None before the first call (`average_wait_s` is of those
    answered, `average_talk_s` of those completed).
    """
    states = [member_state(member, now, member.paused)[0] for member in queue.members.values()]
    return QueueView(
        name=queue.name,
        waiting=len(queue.callers),
        longest_wait_s=max((max(0.0, now - caller.joined_at) for caller in queue.callers), default=None),
        free=states.count("free"),
        ringing=states.count("ringing"),
        busy=states.count("busy") + states.count("hold"),
        wrapup=states.count("wrapup"),
        paused=states.count("paused"),
        away=states.count("away"),
        unknown=states.count("unknown"),
        handled=queue.handled,
        abandoned=queue.abandoned,
        exited=queue.exited,
        service_level_pct=queue.service_level_pct,
        service_level_s=queue.service_level_s,
        average_wait_s=queue.wait_total_s / queue.handled if queue.handled else None,
        average_talk_s=queue.talk_total_s / queue.completed if queue.completed else None,
        counted_since=queue.counted_since,
        history=queue.history,
        unseen=queue.unseen,
    )

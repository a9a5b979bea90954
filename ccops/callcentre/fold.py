"""Events folded into the call centre: `fold(state, event) → state`.

Events are AMI messages with keys in lower case and cleaned text. Handlers stand in one table by the event's name, in
lower case; an event that is not in it changes nothing. Nothing here raises, whatever an event holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ccops.callcentre import callers, channels, endpoints, members, talks
from ccops.callcentre.agents import agents, totals
from ccops.callcentre.draft import Draft, Handler
from ccops.callcentre.fields import Event, number
from ccops.callcentre.model import Centre


def fold(centre: Centre, event: Event, at: float) -> Centre:
    """The call centre after one event received at `at` (seconds since the epoch)."""
    return fold_all(centre, (event,), at)


def fold_all(centre: Centre, events: Iterable[Event], at: float) -> Centre:
    """The same as `fold` for each in turn, with one working copy: for a batch received at `at`."""
    return _fold(Draft(centre, at), events)


def replay(centre: Centre, events: Iterable[Event], at: float) -> Centre:
    """Folds what was buffered while the lists were read, over what they said (`resync`), at the time `at`.

    An event may be older or younger than the list that tells the same, so what does not fit is no reason for another
    resync here; a caller who is in the list already stays where the list has it. Each event is counted once.
    """
    return _fold(Draft(centre, at, replaying=True), events)


def tick(centre: Centre, at: float) -> Centre:
    """The call centre at `at` when nothing was received: minutes turn, calls that left a queue are settled.

    To be called about once a second. Also brings `totals` up to date; `updated_at` stays.
    """
    draft = Draft(centre, at)
    draft.settle_old()
    now = replace(draft.finish(), updated_at=centre.updated_at)
    return replace(now, totals=totals(agents(now, at)))


def _fold(draft: Draft, events: Iterable[Event]) -> Centre:
    for event in events:
        handler = HANDLERS.get(event.get("event", "").lower())
        if handler is not None:
            handler(draft, event)
    return draft.finish()


def _reloaded(draft: Draft, event: Event) -> None:
    # A reload of the queues adds and removes members without any member's event.
    draft.doubt(f"Asterisk reloaded {event.get('module') or 'its configuration'}")


def _booted(draft: Draft, event: Event) -> None:
    uptime = number(event, "uptime")
    if uptime is not None and uptime >= 0:
        draft.started_at = draft.at - uptime
    draft.doubt("Asterisk says that it has fully booted (a new login or a new start)")


def _shut_down(draft: Draft, event: Event) -> None:
    draft.end_calls()
    draft.doubt("Asterisk is shutting down")


HANDLERS: Mapping[str, Handler] = {
    **callers.HANDLERS,
    **talks.HANDLERS,
    **members.HANDLERS,
    **channels.HANDLERS,
    **endpoints.HANDLERS,
    "reload": _reloaded,
    "channelreload": _reloaded,
    "fullybooted": _booted,
    "shutdown": _shut_down,
}

"""What must be seen of the call centre after a deed: Asterisk's "Success" proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ccops.callcentre.deeds import Deed, Drawing, memberships, waiting, who
from ccops.callcentre.dialer import logs_in_by_call
from ccops.callcentre.model import Centre
from ccops.callcentre.resync import version_of

_OUT = frozenset({0, 4, 5})
_LISTS_TELL_REASONS = (13, 0)


def text(deed: Deed, before: Centre) -> str:
    """What is waited for, in words."""
    where = f"in {deed.queue}" if deed.queue else "in every queue"
    name = who(before, deed.agent) if deed.agent else "the caller"
    return {
        "pause": f"{name} is paused {where}",
        "unpause": f"{name} is not paused {where}",
        "add": f"{name} is a member of {deed.queue}",
        "remove": f"{name} is no member of {deed.queue}",
        "penalty": f"{name} has the penalty {deed.penalty} {where}",
        "logout": f"{name} is logged out",
        "hangup": "the channel is gone",
        "listen": f"{deed.extension} rings",
        "whisper": f"{deed.extension} rings",
        "barge": f"{deed.extension} rings",
        "move": f"{name} waits in {deed.to}" if deed.to else f"{name} has moved up",
    }[deed.kind]


def seen(drawing: Drawing, before: Centre, now: Centre) -> bool:
    """Whether `now` shows what `drawing`, drawn on `before`, is for."""
    return _SEEN[drawing.deed.kind](drawing, before, now)


def never(drawing: Drawing, before: Centre, now: Centre) -> str | None:
    """Why it will not be seen any more; None as long as it may."""
    deed = drawing.deed
    if deed.kind == "move" and deed.caller in before.channels and deed.caller not in now.channels:
        return "the caller has hung up"
    if deed.kind == "move" and any(talk.uniqueid == deed.caller for talk in now.talks.values()):
        return "an agent has taken the call meanwhile"
    return None


def _paused(drawing: Drawing, before: Centre, now: Centre) -> bool:
    deed = drawing.deed
    places = [m for name, m in memberships(now, deed.agent).items() if deed.queue in ("", name)]
    known = version_of(now.asterisk_version)
    if deed.reason and known is not None and known >= _LISTS_TELL_REASONS:
        return bool(places) and all(m.paused and m.pause_reason == deed.reason for m in places)
    return bool(places) and all(member.paused == (deed.kind == "pause") for member in places)


def _added(drawing: Drawing, before: Centre, now: Centre) -> bool:
    return drawing.deed.queue in memberships(now, drawing.deed.agent)


def _removed(drawing: Drawing, before: Centre, now: Centre) -> bool:
    return drawing.deed.queue in now.queues and not _added(drawing, before, now)


def _has_penalty(drawing: Drawing, before: Centre, now: Centre) -> bool:
    deed = drawing.deed
    places = [m for name, m in memberships(now, deed.agent).items() if deed.queue in ("", name)]
    return bool(places) and all(member.penalty == deed.penalty for member in places)


def _logged_out(drawing: Drawing, before: Centre, now: Centre) -> bool:
    places = memberships(now, drawing.deed.agent)
    if logs_in_by_call(drawing.deed.agent):
        return bool(now.queues) and all(member.status in _OUT for member in places.values())
    return bool(now.queues) and not any(member.membership == "dynamic" for member in places.values())


def _hung_up(drawing: Drawing, before: Centre, now: Centre) -> bool:
    return all(channel.name != drawing.channel for channel in now.channels.values())


def _rings(drawing: Drawing, before: Centre, now: Centre) -> bool:
    own = drawing.deed.extension
    return any(
        channel.name.rpartition("-")[0] == own and uniqueid not in before.channels
        for uniqueid, channel in now.channels.items()
    )


def _moved(drawing: Drawing, before: Centre, now: Centre) -> bool:
    deed, was, found = drawing.deed, waiting(before, drawing.deed.caller), waiting(now, drawing.deed.caller)
    if found is None or was is None:
        return False
    if deed.to:
        return found.queue == deed.to
    return found.queue == was.queue and found.position < was.position


_SEEN: Mapping[str, Callable[[Drawing, Centre, Centre], bool]] = {
    "pause": _paused,
    "unpause": _paused,
    "add": _added,
    "remove": _removed,
    "penalty": _has_penalty,
    "logout": _logged_out,
    "hangup": _hung_up,
    "listen": _rings,
    "whisper": _rings,
    "barge": _rings,
    "move": _moved,
}

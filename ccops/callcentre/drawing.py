"""Deeds drawn as AMI actions for one Asterisk, or why they are not possible there; `dialer_drawing` has the module's.

Source: apps/app_queue.c, apps/app_chanspy.c, channels/chan_agent.c and main/manager.c of Asterisk 1.4 to 23. QueuePause
takes a reason, and QueuePenalty is there, from 1.6 on; ChanSpy's `B`, `E` and `S` are asked for from 1.8 on;
QueueChangePriorityCaller moves a caller at once (`Immediate`) from 18.20, 20.5 and 21 on, and only without is a caller
sent through the dialplan anew (Setvar QUEUE_PRIO, Redirect). What must be seen afterwards is in `effects`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from ccops.callcentre.deeds import (
    Action,
    Deed,
    Drawing,
    Impossible,
    Site,
    channels_of,
    check_interface,
    check_reason,
    checked_channel,
    memberships,
    waiting,
    who,
)
from ccops.callcentre.dialer import NOT_ASKED, dialers_name, logs_in_by_call
from ccops.callcentre.dialer_drawing import REQUESTS, draw_by_dialer
from ccops.callcentre.model import Centre, Channel, Member
from ccops.callcentre.resync import version_of

TOP_PRIORITY = 10
_EXTENSION = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9_][A-Za-z0-9_.-]{0,38}")
_PLACE = re.compile(r"[A-Za-z0-9*#_+.-]{1,79}")
_MANAGED = frozenset({"pause", "unpause", "add", "remove", "logout"})
_SPY = {"listen": "", "whisper": "w", "barge": "B"}


def draw(deed: Deed, centre: Centre, site: Site) -> Drawing:
    """The deed as actions for that Asterisk. Raises Impossible."""
    if deed.agent and is_the_dialers(deed.agent, centre, site):
        by = site.by_dialer.get(deed.agent, NOT_ASKED)
        if deed.kind in ("add", "remove"):
            raise Impossible(
                f"its queues are set in the PBX: {deed.agent} is an agent of the call-center module, whose dialer "
                "would undo another one within seconds",
                "change the agent's queues in the PBX",
            )
        # A call that the dialer does not know, or a dialer that cannot be asked: then Asterisk itself hangs up.
        if deed.kind in REQUESTS and (deed.kind != "hangup" or by.standing == "oncall"):
            return draw_by_dialer(deed, centre, by)
    if deed.pause:
        raise Impossible(
            f"{deed.agent} is no agent of the call-center module, as far as is known: breaks are for those",
            "give a reason instead: --reason TEXT",
        )
    drawing = _DRAWN[deed.kind](deed, centre, site)
    for action in drawing.actions:
        if site.allowed is not None and action.name.lower() not in site.allowed:
            raise Impossible(
                f"the manager user may not do {action.name}, or this Asterisk does not have it",
                f"give it write={action.needs} in manager.conf: `ccops amiuser --role supervisor` prints a user",
            )
    if deed.kind in _MANAGED and site.dialer is None and _logs_in(deed.agent, centre):
        doubt = "whether the call-center module's dialer has this agent is not known; if it does, it undoes this"
        drawing = replace(drawing, notices=(*drawing.notices, doubt))
    return drawing


# One function a kind


def _pause(deed: Deed, centre: Centre, site: Site) -> Drawing:
    places = _places(deed, centre)
    pausing = deed.kind == "pause"
    fields = {"Interface": deed.agent, "Paused": "true" if pausing else "false"}
    fields |= {"Queue": deed.queue} if deed.queue else {}
    if deed.reason:
        check_reason(deed.reason)
        if not _since(site, (1, 6)):
            raise Impossible("Asterisk before 1.6 takes no reason for a pause", "pause without a reason")
        fields["Reason"] = deed.reason
    where = f" in {deed.queue}" if deed.queue else ""
    why = f" ({deed.reason})" if deed.reason else ""
    before = next((m for m in places.values() if m.paused), None)
    inverse = Deed("unpause", deed.agent, deed.queue)
    if not pausing:
        inverse = Deed("pause", deed.agent, deed.queue, before.pause_reason if before else "")
    return Drawing(
        deed,
        f"{'Pause' if pausing else 'Unpause'} {who(centre, deed.agent)}{where}{why}",
        (Action("QueuePause", fields, "agent"),),
        notices=("a call that the agent is on goes on",) if pausing and deed.agent in centre.talks else (),
        inverse=inverse,
    )


def _add(deed: Deed, centre: Centre, site: Site) -> Drawing:
    check_interface(deed.agent)
    queue = centre.queues.get(deed.queue)
    if queue is None:
        raise Impossible(_no_queue(deed.queue, centre))
    if deed.agent in queue.members:
        raise Impossible(f"{deed.agent} is a member of {deed.queue} already")
    fields = {"Queue": deed.queue, "Interface": deed.agent, "Penalty": str(_penalty(deed)), "Paused": "false"}
    known = next(iter(memberships(centre, deed.agent).values()), None)
    if known is not None and _since(site, (1, 6)):
        fields |= {"MemberName": known.name} if known.name else {}
        fields |= {"StateInterface": known.state_interface} if known.state_interface not in ("", deed.agent) else {}
    return Drawing(
        deed,
        f"Add {who(centre, deed.agent)} to {deed.queue}",
        (Action("QueueAdd", fields, "agent"),),
        inverse=Deed("remove", deed.agent, deed.queue),
    )


def _remove(deed: Deed, centre: Centre, site: Site) -> Drawing:
    if not deed.queue:
        raise Impossible("it is not said from which queue")
    member = _places(deed, centre)[deed.queue]
    if member.membership != "dynamic":
        raise Impossible(
            f"{deed.agent} is a {member.membership} member of {deed.queue}, which only the configuration can change",
            "pause the agent in that queue instead",
        )
    return Drawing(
        deed,
        f"Remove {who(centre, deed.agent)} from {deed.queue}",
        (Action("QueueRemove", {"Queue": deed.queue, "Interface": deed.agent}, "agent"),),
        notices=(f"the agent gets no more calls of {deed.queue}",),
        inverse=Deed("add", deed.agent, deed.queue, penalty=member.penalty),
        hurts=True,
    )


def _set_penalty(deed: Deed, centre: Centre, site: Site) -> Drawing:
    places = _places(deed, centre)
    if not _since(site, (1, 6)):
        raise Impossible("Asterisk before 1.6 cannot change a penalty while it runs")
    fields = {"Interface": deed.agent, "Penalty": str(_penalty(deed))} | ({"Queue": deed.queue} if deed.queue else {})
    olds = {member.penalty for member in places.values()}
    where = f" in {deed.queue}" if deed.queue else ""
    return Drawing(
        deed,
        f"Give {who(centre, deed.agent)} the penalty {deed.penalty}{where}",
        (Action("QueuePenalty", fields, "agent"),),
        notices=("members with a lower penalty get calls first",),
        inverse=Deed("penalty", deed.agent, deed.queue, penalty=olds.pop()) if len(olds) == 1 else None,
    )


def _log_out(deed: Deed, centre: Centre, site: Site) -> Drawing:
    places = _places(deed, centre)
    talks = "a call that the agent is on goes on to its end"
    if logs_in_by_call(deed.agent):
        fields = {"Agent": dialers_name(deed.agent).removeprefix("Agent/"), "Soft": "true"}
        actions = [Action("AgentLogoff", fields, "agent")]
    else:
        dynamic = sorted(name for name, member in places.items() if member.membership == "dynamic")
        actions = [Action("QueueRemove", {"Queue": name, "Interface": deed.agent}, "agent") for name in dynamic]
    if not actions:
        raise Impossible(
            f"{deed.agent} is a member by configuration in {', '.join(sorted(places))} and never logs in or out",
            "pause the agent instead",
        )
    return Drawing(
        deed,
        f"Log out {who(centre, deed.agent)}",
        tuple(actions),
        notices=("the agent gets no more calls", *((talks,) if deed.agent in centre.talks else ())),
        irrevocable=("the agent has to log in again",),
        hurts=True,
    )


def _hang_up(deed: Deed, centre: Centre, site: Site) -> Drawing:
    if deed.caller:
        channel = centre.channels.get(deed.caller)
        if channel is None:
            raise Impossible("that call is not up any more")
        whom = f"the caller {channel.number or channel.name}"
    else:
        places = _places(deed, centre)
        talk = centre.talks.get(deed.agent)
        # A chan_agent's own channel is the log-in itself: the caller's is hung up wherever it is known.
        channel = centre.channels.get(talk.uniqueid) if talk is not None else None
        own = [] if logs_in_by_call(deed.agent) else channels_of(centre, deed.agent, _state_interface(places))
        channel = channel or next(iter(own), None)
        if channel is None:
            raise Impossible(f"{who(centre, deed.agent)} is on no call")
        whom = f"the call of {who(centre, deed.agent)}" + (f" with {talk.number}" if talk and talk.number else "")
    return Drawing(
        deed,
        f"Hang up {whom}",
        (Action("Hangup", {"Channel": _channel(channel)}, "call"),),
        notices=("the call ends at once, for both",),
        irrevocable=("a call that was hung up is gone",),
        hurts=True,
        channel=_channel(channel),
    )


def _spy(deed: Deed, centre: Centre, site: Site) -> Drawing:
    places = _places(deed, centre)
    if not deed.extension:
        raise Impossible(
            "it is not known which telephone is yours",
            'set extension = "SIP/1001" in [console], or give --extension',
        )
    if not _EXTENSION.fullmatch(deed.extension):
        raise Impossible(f"expected a telephone such as SIP/1001, found {deed.extension!r}")
    if deed.kind == "barge" and not _since(site, (1, 8)):
        raise Impossible("Asterisk before 1.8 cannot speak with both sides", "whisper to the agent instead")
    target = next(iter(channels_of(centre, deed.agent, _state_interface(places))), None)
    if target is None:
        raise Impossible(f"{who(centre, deed.agent)} is on no call, as far as channels tell")
    options = "q" + _SPY[deed.kind] + ("ES" if _since(site, (1, 8)) else "")
    comma = "," if _since(site, (1, 6)) else "|"
    fields = {
        "Channel": deed.extension,
        "Application": "ChanSpy",
        "Data": f"{_channel(target)}{comma}{options}",
        "CallerID": "ccops",
        "Timeout": "30000",
        "Async": "true",
    }
    does = {"listen": "Listen to", "whisper": "Whisper to", "barge": "Join the call of"}[deed.kind]
    hears = {
        "listen": "neither side hears you",
        "whisper": "the agent hears you, the caller does not",
        "barge": "the agent and the caller hear you",
    }[deed.kind]
    return Drawing(
        deed,
        f"{does} {who(centre, deed.agent)} from {deed.extension}",
        (Action("Originate", fields, "originate" if _since(site, (1, 6)) else "call"),),
        notices=(f"{deed.extension} rings; {hears}",),
        hurts=deed.kind == "barge",
    )


def _move(deed: Deed, centre: Centre, site: Site) -> Drawing:
    caller = waiting(centre, deed.caller)
    if caller is None:
        raise Impossible("that caller does not wait in a queue any more")
    if deed.to and deed.to not in centre.queues:
        raise Impossible(_no_queue(deed.to, centre))
    if deed.to == caller.queue:
        raise Impossible(f"the caller waits in {deed.to} already")
    if not deed.to and caller.position <= 1:
        raise Impossible(f"the caller is the first of {caller.queue} already")
    channel = centre.channels.get(caller.uniqueid)
    name = _channel(channel) if channel is not None else checked_channel(caller.channel)
    whom = f"{caller.number or 'the caller without a number'} (position {caller.position} of {caller.queue})"
    if not deed.to and _moves_at_once(site):
        fields = {"Queue": caller.queue, "Caller": name, "Priority": str(TOP_PRIORITY), "Immediate": "yes"}
        action = Action("QueueChangePriorityCaller", fields, "agent")
        return Drawing(deed, f"Move {whom} to the top", (action,), (_OTHERS,), hurts=True)
    queue = deed.to or caller.queue
    context, extension = site.places.get(queue, (site.default_context, queue))
    if not _PLACE.fullmatch(context) or not _PLACE.fullmatch(extension):
        raise Impossible(
            f"no extension of the dialplan is known that leads into {queue}",
            f'set context and extension in [pairs.NAME.queues."{queue}"]',
        )
    redirect = Action("Redirect", {"Channel": name, "Context": context, "Exten": extension, "Priority": "1"}, "call")
    notices = (
        f"the caller goes through {extension}@{context} anew: the wait counts from 0, and Asterisk's own log has an "
        "abandoned call and a new one",
    )
    if deed.to:
        return Drawing(deed, f"Move {whom} to {deed.to}", (redirect,), notices, hurts=True)
    first = Action("Setvar", {"Channel": name, "Variable": "QUEUE_PRIO", "Value": str(TOP_PRIORITY)}, "call")
    return Drawing(deed, f"Move {whom} to the top", (first, redirect), (_OTHERS, *notices), hurts=True)


_OTHERS = "those in front wait longer"
_DRAWN: Mapping[str, Callable[[Deed, Centre, Site], Drawing]] = {
    "pause": _pause,
    "unpause": _pause,
    "add": _add,
    "remove": _remove,
    "penalty": _set_penalty,
    "logout": _log_out,
    "hangup": _hang_up,
    "listen": _spy,
    "whisper": _spy,
    "barge": _spy,
    "move": _move,
}


# What they have in common


def _places(deed: Deed, centre: Centre) -> dict[str, Member]:
    """The memberships that are meant; never empty."""
    check_interface(deed.agent)
    found = memberships(centre, deed.agent)
    if not found:
        raise Impossible(f"{deed.agent} is no member of any queue")
    if not deed.queue:
        return found
    if deed.queue not in centre.queues:
        raise Impossible(_no_queue(deed.queue, centre))
    if deed.queue not in found:
        raise Impossible(f"{deed.agent} is no member of {deed.queue}; it is one of {', '.join(sorted(found))}")
    return {deed.queue: found[deed.queue]}


def is_the_dialers(agent: str, centre: Centre, site: Site) -> bool:
    """Whether that agent is known to be one of the call-center module's, which its dialer logs in and out.

    Who is a member by configuration is none of the dialer's, whatever its tables say.
    """
    return site.dialer is not None and dialers_name(agent) in site.dialer and _logs_in(agent, centre)


def _logs_in(agent: str, centre: Centre) -> bool:
    places = memberships(centre, agent).values()
    return logs_in_by_call(agent) or all(member.membership == "dynamic" for member in places)


def _state_interface(places: Mapping[str, Member]) -> str:
    return next((member.state_interface for member in places.values() if member.state_interface), "")


def _penalty(deed: Deed) -> int:
    if not 0 <= deed.penalty <= 999:
        raise Impossible(f"expected a penalty from 0 to 999, found {deed.penalty}")
    return deed.penalty


def _channel(channel: Channel) -> str:
    return checked_channel(channel.name)


def _no_queue(name: str, centre: Centre) -> str:
    return f"there is no queue {name!r}; there are {', '.join(sorted(centre.queues)) or 'none'}"


def _since(site: Site, version: tuple[int, int]) -> bool:
    known = version_of(site.version)
    return known is None or known >= version


def _moves_at_once(site: Site) -> bool:
    known = version_of(site.version)
    return known is not None and (known >= (21, 0) or (18, 20) <= known < (19, 0) or (20, 5) <= known < (21, 0))

"""Deeds on agents of the call-center module, drawn as ECCP requests for their dialer, or why they are not possible.

Source: ECCPConn.class.php (Request_agentauth_pauseagent, unpauseagent, hangup; Request_eccpauth_logoutagent). The
dialer pauses in all queues at once, knows no reason but its breaks, and takes no second break on top of another.
Logging a callback agent out hangs up the caller; `Agentlogoff` without `Soft` does so for a static one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ccops.callcentre.campaigns import Break
from ccops.callcentre.deeds import (
    Action,
    Deed,
    Drawing,
    Impossible,
    Kind,
    channels_of,
    check_interface,
    checked_channel,
    memberships,
    who,
)
from ccops.callcentre.dialer import ByDialer, break_called, dialers_name, logs_in_by_call, named_breaks
from ccops.callcentre.model import Centre

REQUESTS: Mapping[Kind, str] = {
    "pause": "pauseagent",
    "unpause": "unpauseagent",
    "logout": "logoutagent",
    "hangup": "hangup",
}
"""The request that is sent for each kind of deed that the dialer does."""

_OPEN = "this agent has no ECCP password: whoever can log in to the dialer can act in the agent's name"


def draw_by_dialer(deed: Deed, centre: Centre, by: ByDialer) -> Drawing:
    """The deed, one of REQUESTS, as a request to the dialer. Raises Impossible."""
    check_interface(deed.agent)
    if not memberships(centre, deed.agent):
        raise Impossible(f"{deed.agent} is no member of any queue")
    if by.why_not:
        raise Impossible(
            f"{by.why_not}, and {deed.agent} is an agent of the call-center module, whose dialer would undo it within "
            "seconds if it were not told",
            by.way_out,
        )
    request = REQUESTS[deed.kind]
    if by.requests is not None and request not in by.requests:
        raise Impossible(f"this version of the dialer does not know {request}", "let the agent do it")
    if by.standing == "offline":
        raise Impossible(f"the dialer says that {who(centre, deed.agent)} is not logged in to it")
    drawing = _DRAWN[deed.kind](deed, centre, by)
    notices = (*drawing.notices, *((_OPEN,) if by.open_to_all else ()))
    return Drawing(
        drawing.deed,
        drawing.title,
        drawing.actions,
        notices,
        drawing.irrevocable,
        drawing.inverse,
        drawing.hurts,
        drawing.channel,
    )


def _pause(deed: Deed, centre: Centre, by: ByDialer) -> Drawing:
    _everywhere(deed)
    if not deed.pause:
        told = f"; {deed.reason!r} is a reason" if deed.reason else ""
        raise Impossible(
            f"a break is needed, for an agent of the call-center module: {named_breaks(by.breaks)}{told}",
            "say which: --break NAME",
        )
    found = break_called(by.breaks, deed.pause)
    if not isinstance(found, Break):
        raise Impossible(found, "the breaks are made in the call-center module, or with `ccops break`")
    if by.break_id is not None and by.break_id != found.id:
        now = by.break_name or f"number {by.break_id}"
        raise Impossible(f"{who(centre, deed.agent)} is in the break {now} already", "unpause the agent first")
    goes_on = ("a call that the agent is on goes on",) if by.standing == "oncall" or deed.agent in centre.talks else ()
    return Drawing(
        deed,
        f"Pause {who(centre, deed.agent)} for the break {found.name or found.id}",
        (_action(deed, {"pause_type": str(found.id)}),),
        notices=goes_on,
        inverse=Deed("unpause", deed.agent),
    )


def _unpause(deed: Deed, centre: Centre, by: ByDialer) -> Drawing:
    _everywhere(deed)
    was = next((each.name for each in by.breaks if each.id == by.break_id), by.break_name)
    return Drawing(
        deed,
        f"Unpause {who(centre, deed.agent)}",
        (_action(deed),),
        inverse=Deed("pause", deed.agent, pause=was) if was else None,
    )


def _log_out(deed: Deed, centre: Centre, by: ByDialer) -> Drawing:
    ends = ("the call that the agent is on ends",) if by.standing == "oncall" or deed.agent in centre.talks else ()
    return Drawing(
        deed,
        f"Log out {who(centre, deed.agent)}",
        (_action(deed),),
        notices=("the agent gets no more calls", *ends),
        irrevocable=("the agent has to log in again", *(("a call that was hung up is gone",) if ends else ())),
        hurts=True,
    )


def _hang_up(deed: Deed, centre: Centre, by: ByDialer) -> Drawing:
    talk = centre.talks.get(deed.agent)
    caller = centre.channels.get(talk.uniqueid) if talk is not None else None
    own = [] if logs_in_by_call(deed.agent) else channels_of(centre, deed.agent)
    channel = caller or next(iter(own), None)
    if channel is None:
        raise Impossible(f"{who(centre, deed.agent)} is on no call, as far as channels tell")
    with_whom = f" with {talk.number}" if talk is not None and talk.number else ""
    return Drawing(
        deed,
        f"Hang up the call of {who(centre, deed.agent)}{with_whom}",
        (_action(deed),),
        notices=("the call ends at once, for both",),
        irrevocable=("a call that was hung up is gone",),
        hurts=True,
        channel=checked_channel(channel.name),
    )


_DRAWN: Mapping[Kind, Callable[[Deed, Centre, ByDialer], Drawing]] = {
    "pause": _pause,
    "unpause": _unpause,
    "logout": _log_out,
    "hangup": _hang_up,
}


def _action(deed: Deed, fields: Mapping[str, str] = {}) -> Action:
    return Action(REQUESTS[deed.kind], {"agent_number": dialers_name(deed.agent), **fields}, "", "eccp")


def _everywhere(deed: Deed) -> None:
    if deed.queue:
        raise Impossible(
            "the dialer pauses its agents in every queue at once, not in one",
            "leave --queue out",
        )

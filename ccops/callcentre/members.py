"""Members of queues: one membership read from an event or from a list, and the events that change it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ccops.callcentre.draft import Draft, Handler
from ccops.callcentre.fields import DEVICE_STATES, Event, count, first, flag, interface, moment
from ccops.callcentre.model import Member

# Device states (0 to 8) in which the agent's time after a call is over or has not begun.
_ON_THE_PHONE = frozenset((2, 3, 6, 7, 8))
_AGENT_OUT, _AGENT_IN = 5, 1


def member_from(event: Event, queue: str, old: Member | None, at: float, live: bool) -> Member:
    """The membership that `event` tells of: what it does not say stays as in `old`.

    `live`: the event came when it happened, so a change is dated `at`; in a list (QueueMember) a pause is dated by
    LastPause (Asterisk 16+, the node's clock, never later than `at`) and a first status is not dated at all.
    """
    known = old or Member(queue=queue, interface=interface(event), name="")
    status = count(event, "status", known.status)
    status = status if status <= 8 else 0
    paused = flag(event, "paused", known.paused)
    reason = _pause_reason(event, known, paused)
    return Member(
        queue=queue,
        interface=known.interface,
        name=first(event, "membername", "name") or known.name,
        membership=event.get("membership") or known.membership,
        penalty=count(event, "penalty", known.penalty),
        status=status,
        status_since=known.status_since if old and status == known.status else (at if live or old else None),
        paused=paused,
        pause_reason=reason,
        paused_since=_paused_since(event, known, paused, reason, at, live),
        calls_taken=count(event, "callstaken", known.calls_taken),
        last_call_at=moment(event, "lastcall") if "lastcall" in event else known.last_call_at,
        in_call=flag(event, "incall", flag(event, "isincall", known.in_call)),
        wrapup_until=None if status in _ON_THE_PHONE else known.wrapup_until,
        state_interface=event.get("stateinterface") or known.state_interface,
        wrapup_s=count(event, "wrapuptime", known.wrapup_s),
        handled=known.handled,
        missed=known.missed,
        talk_total_s=known.talk_total_s,
    )


def set_device(draft: Draft, device: str, status: int) -> None:
    """Gives every membership of `device` that device state (0 to 8)."""
    for member in draft.memberships(device):
        if member.status != status:
            wrapup = None if status in _ON_THE_PHONE else member.wrapup_until
            draft.put_member(replace(member, status=status, status_since=draft.at, wrapup_until=wrapup))


def _pause_reason(event: Event, known: Member, paused: bool) -> str:
    # An unpause may carry a reason too: it says why the pause ended.
    if not paused:
        return ""
    if "pausedreason" in event or "reason" in event:
        return first(event, "pausedreason", "reason")
    return known.pause_reason if known.paused else ""


def _paused_since(event: Event, known: Member, paused: bool, reason: str, at: float, live: bool) -> float | None:
    if not paused:
        return None
    if known.paused and reason == known.pause_reason and known.paused_since is not None:
        return known.paused_since
    if live and not known.paused:
        return at
    reported = moment(event, "lastpause")
    return min(reported, at) if reported is not None else (at if live else None)


def _changed(draft: Draft, event: Event) -> None:
    _tell(draft, event, expected=False)


def _added(draft: Draft, event: Event) -> None:
    _tell(draft, event, expected=True)


def _tell(draft: Draft, event: Event, expected: bool) -> None:
    queue, who = event.get("queue", ""), interface(event)
    if not queue or not who:
        return
    old = draft.members(queue).now.get(who)
    if old is None and not expected:
        draft.contradict(f"an event tells of {who} in queue {queue!r}, a member that no list told of (realtime?)")
    draft.put_member(member_from(event, queue, old, draft.at, live=True))
    if not draft.queue(queue).status_events and event.get("event", "").lower() == "queuememberstatus":
        draft.queues.put(queue, replace(draft.queue(queue), status_events=True))


def _removed(draft: Draft, event: Event) -> None:
    queue, who = event.get("queue", ""), interface(event)
    if queue and who and draft.drop_member(queue, who) is None:
        draft.contradict(f"{who} was removed from queue {queue!r}, where no list told of it")


def _device_changed(draft: Draft, event: Event) -> None:
    status = DEVICE_STATES.get(event.get("state", "").lower())
    if status is not None:
        set_device(draft, event.get("device", ""), status)


def _agent_logged_in(draft: Draft, event: Event) -> None:
    for member in draft.memberships(_agent(event)):
        if member.status in (0, 4, 5):
            draft.put_member(replace(member, status=_AGENT_IN, status_since=draft.at))


def _agent_logged_off(draft: Draft, event: Event) -> None:
    set_device(draft, _agent(event), _AGENT_OUT)


def _agent(event: Event) -> str:
    return "Agent/" + event.get("agent", "").removeprefix("Agent/")


HANDLERS: Mapping[str, Handler] = {
    "queuememberstatus": _changed,
    "queuememberpaused": _changed,  # 1.4 to 11
    "queuememberpause": _changed,  # 12+
    "queuememberpenalty": _changed,
    "queuememberringinuse": _changed,
    "queuememberadded": _added,
    "queuememberremoved": _removed,
    "devicestatechange": _device_changed,
    "agentlogin": _agent_logged_in,
    "agentcallbacklogin": _agent_logged_in,  # 1.4
    "agentlogoff": _agent_logged_off,
    "agentcallbacklogoff": _agent_logged_off,  # 1.4
}

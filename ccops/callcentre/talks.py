"""Queue calls and agents: whom a call rings, who answered, how long they talked (AgentCalled to AgentComplete).

Which channel is whose changed: up to Asterisk 11 Channel is the agent's leg, from 12 the caller's with the agent's as
DestChannel. Uniqueid is the caller's in all of them, so calls are known by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ccops.callcentre.callers import take_out
from ccops.callcentre.draft import Draft, Handler
from ccops.callcentre.fields import Event, caller_name, caller_number, count, identity, interface, number
from ccops.callcentre.model import Left, Member, Ring, Talk


def end_talk(draft: Draft, who: str, uniqueid: str) -> bool:
    """Ends an agent's talk with that caller; says whether it was the newest of the agent's talks.

    A talk that is not known counts as the newest when the agent has no other one.
    """
    newest = draft.talks.now.get(who)
    if newest is None:
        return True
    if newest.uniqueid == uniqueid or not uniqueid:
        if newest.earlier:
            *before, last = newest.earlier
            draft.talks.put(who, replace(last, earlier=tuple(before)))
        else:
            draft.talks.drop(who)
        return True
    rest = tuple(talk for talk in newest.earlier if talk.uniqueid != uniqueid)
    if len(rest) != len(newest.earlier):
        draft.talks.put(who, replace(newest, earlier=rest))
    return False


def end_talks_of(draft: Draft, uniqueid: str) -> None:
    """Ends whatever talk the caller of that uniqueid was in: its channel is gone."""
    for who, talk in tuple(draft.talks.now.items()):
        if talk.uniqueid == uniqueid or any(other.uniqueid == uniqueid for other in talk.earlier):
            end_talk(draft, who, uniqueid)


def _called(draft: Draft, event: Event) -> None:
    who, caller = interface(event), identity(event)
    if not who or not caller:
        return
    ring = draft.ringing.now.get(caller)
    if ring is None:
        ring = Ring(uniqueid=caller, queue=event.get("queue", ""), since=draft.at, interfaces=(who,))
    elif who in ring.interfaces:
        return
    else:
        ring = replace(ring, interfaces=(*ring.interfaces, who))
    draft.ringing.put(caller, ring)


def _connected(draft: Draft, event: Event) -> None:
    queue, who, uniqueid = event.get("queue", ""), interface(event), event.get("uniqueid", "")
    if not queue or not who:
        return
    left = _caller_who_left(draft, queue, uniqueid)
    draft.ringing.drop(uniqueid)
    waited = number(event, "holdtime")
    if waited is None or waited < 0:
        waited = max(0, int(draft.at - left.caller.joined_at)) if left is not None else 0
    _count_answer(draft, queue, waited)
    member = _member(draft, queue, who)
    if member is not None:
        draft.put_member(replace(member, in_call=True, handled=member.handled + 1, wrapup_until=None))
    _begin_talk(draft, event, queue, who, uniqueid, left)


def _completed(draft: Draft, event: Event) -> None:
    queue, who, uniqueid = event.get("queue", ""), interface(event), event.get("uniqueid", "")
    if not queue or not who:
        return
    talked = float(count(event, "talktime"))
    found = draft.queue(queue)
    draft.queues.put(queue, replace(found, completed=found.completed + 1, talk_total_s=found.talk_total_s + talked))
    newest = end_talk(draft, who, uniqueid)
    member = _member(draft, queue, who)
    if member is None:
        return
    member = replace(member, talk_total_s=member.talk_total_s + talked)
    # Of several calls at once, Asterisk counts the newest and takes the agent for free when that one ends.
    if newest:
        wrapup = draft.at + member.wrapup_s if member.wrapup_s else None
        member = replace(
            member, calls_taken=member.calls_taken + 1, last_call_at=draft.at, in_call=False, wrapup_until=wrapup
        )
    draft.put_member(member)


def _not_answered(draft: Draft, event: Event) -> None:
    _stop_ringing(draft, event)
    queue, who = event.get("queue", ""), interface(event)
    member = _member(draft, queue, who) if queue and who else None
    if member is not None:
        draft.put_member(replace(member, missed=member.missed + 1))


def _stop_ringing(draft: Draft, event: Event) -> None:
    who, caller = interface(event), identity(event)
    ring = draft.ringing.now.get(caller)
    if ring is None or who not in ring.interfaces:
        return
    rest = tuple(other for other in ring.interfaces if other != who)
    if rest:
        draft.ringing.put(caller, replace(ring, interfaces=rest))
    else:
        draft.ringing.drop(caller)


def _caller_who_left(draft: Draft, queue: str, uniqueid: str) -> Left | None:
    waiting = draft.waiting(uniqueid)
    if waiting is not None:
        draft.contradict(f"caller {uniqueid} of queue {queue!r} was answered and had not left {waiting.queue!r}")
        take_out(draft, waiting)
        draft.left.drop(uniqueid)
        return Left(caller=waiting, at=draft.at, abandoned=False)
    left = draft.left.now.get(uniqueid)
    draft.settle(uniqueid, lives_on=True)
    return left


def _count_answer(draft: Draft, queue: str, waited: int) -> None:
    found = draft.queue(queue)
    within = found.service_level_s is not None and waited <= found.service_level_s
    draft.queues.put(
        queue,
        replace(
            found,
            handled=found.handled + 1,
            answered_within=found.answered_within + within,
            wait_total_s=found.wait_total_s + waited,
        ),
    )


def _begin_talk(draft: Draft, event: Event, queue: str, who: str, uniqueid: str, left: Left | None) -> None:
    channel = draft.channels.now.get(uniqueid)
    number_, name = caller_number(event), caller_name(event)
    if left is not None:
        number_, name = left.caller.number or number_, left.caller.name or name
    if channel is not None:
        number_, name = number_ or channel.number, name or channel.caller_name
    end_talks_of(draft, uniqueid)
    before = draft.talks.now.get(who)
    earlier = () if before is None else (*before.earlier, replace(before, earlier=()))
    draft.talks.put(
        who,
        Talk(interface=who, queue=queue, number=number_, name=name, since=draft.at, uniqueid=uniqueid, earlier=earlier),
    )


def _member(draft: Draft, queue: str, who: str) -> Member | None:
    member = draft.members(queue).now.get(who)
    if member is None:
        draft.contradict(f"a call of queue {queue!r} went to {who}, a member that no list told of (realtime?)")
    return member


HANDLERS: Mapping[str, Handler] = {
    "agentcalled": _called,
    "agentconnect": _connected,
    "agentcomplete": _completed,
    "agentringnoanswer": _not_answered,
    "agentdump": _stop_ringing,
}

"""Agents: each interface once over all its queues, in the state a supervisor would name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from ccops.callcentre.model import Agent, AgentState, Centre, Member, Queue, Ring, Talk

_STATE_OF_DEVICE: Mapping[int, AgentState] = {
    0: "unknown",
    1: "free",
    2: "busy",
    3: "busy",
    4: "away",  # invalid: Asterisk knows no such device
    5: "away",  # unavailable: not registered or not reachable
    6: "ringing",
    7: "busy",  # rings while in use
    8: "hold",
}


def agents(centre: Centre, now: float, names: Mapping[str, str] = {}) -> tuple[Agent, ...]:
    """All agents by name, then interface. `names` gives better names by interface or by state interface.

    An agent is paused when paused in every queue; `paused_in` also names some. Of queues that tell different device
    states the youngest is believed (one may be masked). In order: a call (busy, hold), ringing, away, paused, wrap-up,
    free. Away goes before paused: an unpause would not bring that agent back; `paused` and its reason are there
    beside. An agent compares equal to itself as long as nothing changes: times are moments, not durations; and the
    latest answer is kept, so to ask again of a centre whose agents did not change costs nothing.
    """
    global _latest
    latest = _latest
    if latest is not None and latest.holds(centre, now, names):
        return latest.agents
    found = _all(centre, now, names)
    _latest = _Answer(centre.queues, centre.talks, centre.ringing, dict(names), now, _next_change(centre, now), found)
    return found


def totals(agents: Iterable[Agent]) -> Mapping[str, int]:
    """How many agents are in each state; every state is there."""
    counts: dict[str, int] = dict.fromkeys(get_args(AgentState), 0)
    for agent in agents:
        counts[agent.state] += 1
    return counts


def member_state(
    member: Member, now: float, paused: bool, talk: Talk | None = None, ring: Ring | None = None
) -> tuple[AgentState, float | None]:
    """The state of whoever is behind `member`, and since when."""
    device = _STATE_OF_DEVICE.get(member.status, "unknown")
    if device == "hold":
        return "hold", member.status_since
    if talk is not None:
        return "busy", talk.since
    if device == "busy":
        return "busy", member.status_since
    if ring is not None:
        return "ringing", ring.since
    if device in ("ringing", "away"):
        return device, member.status_since
    if paused:
        return "paused", member.paused_since
    if member.wrapup_until is not None and member.wrapup_until > now:
        return "wrapup", member.last_call_at
    return device, member.status_since


class _Answer(msgspec.Struct, frozen=True):
    queues: Mapping[str, Queue]
    talks: Mapping[str, Talk]
    ringing: Mapping[str, Ring]
    names: Mapping[str, str]
    since: float
    until: float
    agents: tuple[Agent, ...]

    def holds(self, centre: Centre, now: float, names: Mapping[str, str]) -> bool:
        # A fold that leaves a mapping alone hands on the very same one.
        same = self.queues is centre.queues and self.talks is centre.talks and self.ringing is centre.ringing
        return same and self.since <= now < self.until and self.names == names


_latest: _Answer | None = None


def _next_change(centre: Centre, now: float) -> float:
    """When the next wrap-up ends: nothing else changes by time alone."""
    ends = (member.wrapup_until for queue in centre.queues.values() for member in queue.members.values())
    return min((end for end in ends if end is not None and end > now), default=math.inf)


def _all(centre: Centre, now: float, names: Mapping[str, str]) -> tuple[Agent, ...]:
    places: dict[str, list[Member]] = {}
    for queue in centre.queues.values():
        for interface, member in queue.members.items():
            places.setdefault(interface, []).append(member)
    rings = {interface: ring for ring in centre.ringing.values() for interface in ring.interfaces}
    found = [
        _agent(members, centre.talks.get(interface), rings.get(interface), now, names)
        for interface, members in places.items()
    ]
    return tuple(sorted(found, key=lambda agent: (agent.name.casefold(), agent.interface)))


def _agent(members: list[Member], talk: Talk | None, ring: Ring | None, now: float, names: Mapping[str, str]) -> Agent:
    youngest = max(members, key=lambda member: member.status_since or 0.0) if len(members) > 1 else members[0]
    paused_in = tuple(member.queue for member in members if member.paused)
    paused = len(paused_in) == len(members)
    pause = max((m for m in members if m.paused), key=lambda m: m.paused_since or 0.0, default=youngest)
    state, since = member_state(youngest, now, paused, talk, ring)
    if state == "paused":
        since = pause.paused_since
    elif state in ("free", "unknown"):
        state, since = _wrapping_up(members, now) or (state, since)
    interface = youngest.interface
    return Agent(
        interface=interface,
        name=names.get(interface) or names.get(youngest.state_interface) or youngest.name or interface,
        state=state,
        since=since,
        queues=tuple(sorted(member.queue for member in members)),
        paused=paused,
        pause_reason=pause.pause_reason,
        paused_since=pause.paused_since,
        calls_taken=_calls_taken(members),
        last_call_at=max((m.last_call_at for m in members if m.last_call_at is not None), default=None),
        talk=talk,
        state_interface=youngest.state_interface,
        handled=sum(member.handled for member in members),
        missed=sum(member.missed for member in members),
        talk_total_s=sum(member.talk_total_s for member in members),
        paused_in=tuple(sorted(paused_in)),
    )


def _calls_taken(members: list[Member]) -> int:
    # With shared_lastcall, Asterisk counts a call in every queue of the agent and gives all of them the same LastCall.
    by_last_call: dict[float | None, int] = {}
    for member in members:
        by_last_call[member.last_call_at] = max(by_last_call.get(member.last_call_at, 0), member.calls_taken)
    return sum(by_last_call.values())


def _wrapping_up(members: list[Member], now: float) -> tuple[AgentState, float | None] | None:
    for member in members:
        if member.wrapup_until is not None and member.wrapup_until > now:
            return "wrapup", member.last_call_at
    return None

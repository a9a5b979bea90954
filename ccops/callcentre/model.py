"""What is known of the call centre: frozen values that events are folded into.

Times are seconds since the epoch (UTC), durations seconds. Nothing here knows where events came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

AgentState = Literal["free", "ringing", "busy", "hold", "wrapup", "paused", "away", "unknown"]
EndpointState = Literal["reachable", "lagged", "unreachable", "registered", "unregistered", "unmonitored", "unknown"]


class Caller(msgspec.Struct, frozen=True):
    """A caller waiting in a queue; `position` counts from 1."""

    uniqueid: str
    queue: str
    number: str
    name: str
    position: int
    joined_at: float
    channel: str = ""


class Member(msgspec.Struct, frozen=True):
    """One membership: an interface in one queue. `status` is Asterisk's device state (0 to 8).

    `calls_taken` and `last_call_at` are Asterisk's words (it counts none of several calls at once but the newest);
    `handled`, `missed` (rang and was not answered) and `talk_total_s` are counted by ccops. `wrapup_s` is the member's
    own wrap-up time; Asterisk does not tell the queue's, so `wrapup_until` is None where only the queue has one.
    """

    queue: str
    interface: str
    name: str
    membership: str = "static"
    penalty: int = 0
    status: int = 0
    status_since: float | None = None
    paused: bool = False
    pause_reason: str = ""
    paused_since: float | None = None
    calls_taken: int = 0
    last_call_at: float | None = None
    in_call: bool = False
    wrapup_until: float | None = None
    state_interface: str = ""
    wrapup_s: int = 0
    handled: int = 0
    missed: int = 0
    talk_total_s: float = 0.0


class Talk(msgspec.Struct, frozen=True):
    """Whom an agent talks to: from AgentConnect to AgentComplete. `uniqueid` is the caller's channel.

    `earlier` has the talks that the same agent holds at once, oldest first; none of those has an `earlier` of its own.
    """

    interface: str
    queue: str
    number: str
    name: str
    since: float
    uniqueid: str = ""
    earlier: tuple[Talk, ...] = ()


class Ring(msgspec.Struct, frozen=True):
    """A waiting caller's call that rings at `interfaces`, since the first of them rang."""

    uniqueid: str
    queue: str
    since: float
    interfaces: tuple[str, ...]


class Left(msgspec.Struct, frozen=True):
    """A caller who has just left a queue and of whom it is not settled yet whether the call lives on."""

    caller: Caller
    at: float
    abandoned: bool


class Queue(msgspec.Struct, frozen=True):
    """One queue. What is counted is counted by ccops, since `counted_since`; `reported_*` is Asterisk's own count.

    `abandoned`: Asterisk said so and nothing showed that the call lived on. `exited`: it said so, and the call went on
    (another queue, the dialplan after a time-out or an empty queue). A caller who leaves with a key is in neither.
    `history` has the callers that joined per minute, oldest first, at most 60; the last one is `Centre.minute`.
    `status_events`: a member's event of this queue was seen, so it need not be polled. `unseen`: calls that Asterisk
    reported completed while none of their events came (FreePBX up to Asterisk 11 leaves `eventwhencalled` off).
    """

    name: str
    strategy: str = ""
    service_level_s: int | None = None
    weight: int = 0
    callers: tuple[Caller, ...] = ()
    members: Mapping[str, Member] = {}
    handled: int = 0
    abandoned: int = 0
    answered_within: int = 0
    wait_total_s: float = 0.0
    counted_since: float | None = None
    reported_handled: int | None = None
    reported_abandoned: int | None = None
    history: tuple[int, ...] = ()
    exited: int = 0
    completed: int = 0
    talk_total_s: float = 0.0
    status_events: bool = False
    unseen: int = 0

    @property
    def service_level_pct(self) -> float | None:
        """Calls answered within the queue's service level over answered + abandoned, in percent.

        None before the first, where the service level is not known, and where calls were answered unseen. Calls that
        exited are left out.
        """
        ended = self.handled + self.abandoned
        if not ended or self.unseen or self.service_level_s is None:
            return None
        return 100.0 * self.answered_within / ended


class Agent(msgspec.Struct, frozen=True):
    """One interface over all its queues, as a person would be described.

    `paused` means paused in every queue; `paused_in` names the queues where it is, also when those are only some.
    """

    interface: str
    name: str
    state: AgentState
    since: float | None
    queues: tuple[str, ...]
    paused: bool = False
    pause_reason: str = ""
    paused_since: float | None = None
    calls_taken: int = 0
    last_call_at: float | None = None
    talk: Talk | None = None
    state_interface: str = ""
    handled: int = 0
    missed: int = 0
    talk_total_s: float = 0.0
    paused_in: tuple[str, ...] = ()


class Channel(msgspec.Struct, frozen=True):
    """One active channel; `bridge` names the bridge it is in, empty outside of one."""

    name: str
    uniqueid: str
    state: str = ""
    number: str = ""
    caller_name: str = ""
    connected: str = ""
    context: str = ""
    extension: str = ""
    application: str = ""
    linkedid: str = ""
    since: float | None = None
    bridge: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    """A SIP, PJSIP or IAX2 peer as Asterisk sees it."""

    name: str
    tech: str
    state: EndpointState = "unknown"
    latency_ms: int | None = None
    address: str = ""
    dynamic: bool = False
    since: float | None = None


class Line(msgspec.Struct, frozen=True):
    """An endpoint with its use: a trunk (`capacity` ports, where known) or an extension."""

    name: str
    tech: str
    kind: Literal["trunk", "extension"]
    state: EndpointState
    latency_ms: int | None
    channels: int
    capacity: int | None = None
    address: str = ""


class Centre(msgspec.Struct, frozen=True):
    """The whole call centre on the node that serves. `synced_at` is None until lists were read once.

    Keys: `queues` by name (its `members` by interface), `talks` by the agent's interface, `channels` by uniqueid,
    `endpoints` by `TECH/name`, `ringing` and `left` by the caller's uniqueid. `calls_per_minute` counts calls that
    reached a queue (one that overflows is counted once) as `Queue.history` does. `start_mark` is the start date as
    Asterisk prints it, in its local time: another one means another Asterisk. `started_at` is None where the zone is
    not known. `totals` has the agents by state at the last `tick`.
    """

    queues: Mapping[str, Queue] = {}
    talks: Mapping[str, Talk] = {}
    channels: Mapping[str, Channel] = {}
    endpoints: Mapping[str, Endpoint] = {}
    asterisk_version: str | None = None
    started_at: float | None = None
    synced_at: float | None = None
    updated_at: float | None = None
    needs_resync: str | None = None
    calls_per_minute: tuple[int, ...] = ()
    minute: int | None = None
    totals: Mapping[str, int] = {}
    ringing: Mapping[str, Ring] = {}
    left: Mapping[str, Left] = {}
    start_mark: str = ""

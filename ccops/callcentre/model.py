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
    """One membership: an interface in one queue. `status` is Asterisk's device state (0 to 8)."""

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


class Talk(msgspec.Struct, frozen=True):
    """Whom an agent talks to: from AgentConnect to AgentComplete."""

    interface: str
    queue: str
    number: str
    name: str
    since: float
    uniqueid: str = ""


class Queue(msgspec.Struct, frozen=True):
    """One queue. Handled, abandoned and within are counted by ccops since `counted_since`."""

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

    @property
    def service_level_pct(self) -> float | None:
        """Calls answered within the queue's service level over all that ended, in percent; None before the first."""
        ended = self.handled + self.abandoned
        return 100.0 * self.answered_within / ended if ended and self.service_level_s is not None else None


class Agent(msgspec.Struct, frozen=True):
    """One interface over all its queues, as a person would be described."""

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


class Channel(msgspec.Struct, frozen=True):
    """One active channel."""

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
    """The whole call centre on the node that serves. `synced_at` is None until lists were read once."""

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

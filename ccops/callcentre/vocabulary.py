"""How states of agents and endpoints are called, marked and judged: the one table for screens, CLI and triage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccops.callcentre.model import AgentState, EndpointState

Severity = Literal["ok", "info", "warning", "critical", "unknown"]


class Word(msgspec.Struct, frozen=True):
    """A state in words: `label` for a cell, `meaning` for a line of help.

    `mark` is one character, one cell wide and different for each state of its table, so it reads without colour.
    """

    severity: Severity
    label: str
    mark: str
    meaning: str


AGENT: Mapping[AgentState, Word] = {
    "free": Word("ok", "free", "o", "logged in, not paused, waits for a call"),
    "ringing": Word("info", "ringing", "!", "a call rings at the agent's phone"),
    "busy": Word("ok", "talking", ">", "on a call"),
    "hold": Word("warning", "on hold", "=", "on a call that the agent put on hold"),
    "wrapup": Word("info", "wrap-up", "~", "has time after a call; gets none yet"),
    "paused": Word("warning", "paused", "-", "paused in every queue; gets no calls"),
    "away": Word("warning", "away", "x", "the phone is not registered or not reachable; gets no calls"),
    "unknown": Word("unknown", "unknown", "?", "Asterisk does not know the phone's state"),
}

ENDPOINT: Mapping[EndpointState, Word] = {
    "reachable": Word("ok", "reachable", "o", "answers in time"),
    "lagged": Word("warning", "lagged", "~", "answers later than its limit"),
    "unreachable": Word("critical", "unreachable", "x", "does not answer"),
    "registered": Word("ok", "registered", "+", "has registered; whether it answers is not measured"),
    "unregistered": Word("warning", "not registered", "-", "has not registered; calls do not reach it"),
    "unmonitored": Word("info", "unmonitored", ".", "whether it answers is not measured (no qualify)"),
    "unknown": Word("unknown", "unknown", "?", "Asterisk has not said how it is"),
}

OUTCOME: Mapping[str, Word] = {
    "success": Word("ok", "success", "o", "an agent spoke to who was called"),
    "terminada": Word("ok", "answered", "o", "an agent took it, and it is over"),
    "activa": Word("info", "talking", ">", "an agent talks"),
    "hold": Word("info", "on hold", "=", "an agent has put it on hold"),
    "onhold": Word("info", "on hold", "=", "an agent has put it on hold"),
    "en-cola": Word("info", "waiting", "!", "the caller waits"),
    "onqueue": Word("info", "waiting", "!", "was answered, and waits for an agent"),
    "placing": Word("info", "dialled", "~", "is being dialled"),
    "dialing": Word("info", "dialled", "~", "is being dialled"),
    "ringing": Word("info", "ringing", "~", "rings at who is called"),
    "shortcall": Word("warning", "short", "-", "an agent had it for less than the module's limit"),
    "abandoned": Word("warning", "abandoned", "x", "was answered and hung up before an agent was there"),
    "abandonada": Word("warning", "abandoned", "x", "hung up before an agent was there"),
    "noanswer": Word("warning", "no answer", ".", "nobody answered"),
    "failure": Word("critical", "failed", "#", "could not be called"),
    "fin-monitoreo": Word("unknown", "lost track", "?", "was open when the dialer ended"),
    "paused": Word("info", "list stopped", "|", "its list is stopped"),
    "dont_call": Word("info", "do not call", "|", "is on the list of who must not be called"),
    "": Word("info", "not tried", " ", "waits to be called"),
}
"""What became of a campaign's call, by the module's status in small letters, in the order of importance."""

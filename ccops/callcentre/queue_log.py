"""Asterisk's queue_log: its lines, and the calls and log-ins that they tell of.

A line is `epoch|callid|queue|agent|event|data…` (app_queue.c and chan_agent.c, Asterisk 1.4 to 22; doc/queuelog.txt).
What the fields after the event hold has grown over the versions, and always at the end:

| event | data |
|---|---|
| ENTERQUEUE | url, caller's number, position (1.8+) |
| CONNECT | wait, agent's channel, ring time (1.6+) |
| COMPLETEAGENT, COMPLETECALLER | wait, talk, position |
| ABANDON, EXITEMPTY | position, first position, wait |
| EXITWITHTIMEOUT | position, first position and wait (1.8+) |
| EXITWITHKEY | key, position, first position and wait (11+) |
| TRANSFER (to 11), BLINDTRANSFER (12+) | extension, context, wait, talk, position (1.6+) |
| ATTENDEDTRANSFER (12+) | how, to where (one field or two), wait, talk, position |
| AGENTLOGOFF, AGENTCALLBACKLOGOFF | channel or extension, seconds logged in |
| ADDMEMBER, REMOVEMEMBER, PAUSE, UNPAUSE | reason of the pause (1.8+) |
| PAUSEALL, UNPAUSEALL | the same; the queue is NONE |
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ccops.text import clean, decode

CALL_ENDS = frozenset(
    {
        *("COMPLETEAGENT", "COMPLETECALLER", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER"),
        *("ABANDON", "EXITEMPTY", "EXITWITHTIMEOUT", "EXITWITHKEY"),
    }
)
CALL_EVENTS = frozenset({"ENTERQUEUE", "CONNECT", *CALL_ENDS})
LOG_OFFS = frozenset({"AGENTLOGOFF", "AGENTCALLBACKLOGOFF", "REMOVEMEMBER"})
AGENT_EVENTS = frozenset(
    {
        *("AGENTLOGIN", "AGENTCALLBACKLOGIN", "ADDMEMBER", *LOG_OFFS),
        *("PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "QUEUESTART"),
    }
)

_MOMENT = re.compile(r"\d{9,11}(?:\.\d{1,9})?", re.A)
_FIELD = 200
_LINE = 4096


class LogEvent(msgspec.Struct, frozen=True):
    """One line. `at` is in seconds since the epoch, by the node's clock; `NONE` in a field is an empty text."""

    at: float
    callid: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...] = ()

    def seconds(self, index: int) -> float | None:
        """The span in one of the data fields; None where there is none. Negative indexes count from the end."""
        if not -len(self.data) <= index < len(self.data):
            return None
        text = self.data[index].strip()
        return float(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None

    def text(self, index: int) -> str:
        """One of the data fields, empty where there is none."""
        return self.data[index] if index < len(self.data) else ""


class BadLine(msgspec.Struct, frozen=True):
    """A line that is none of queue_log's, and how it begins."""

    text: str


def parse_line(line: str) -> LogEvent | BadLine | None:
    """One line of queue_log; None for an empty one."""
    line = line[:_LINE].strip("\r\n\0 ")
    if not line:
        return None
    fields = line.split("|")
    if len(fields) < 5 or not _MOMENT.fullmatch(fields[0]) or not fields[4]:
        return BadLine(clean(line, 60))
    callid, queue, agent, event = (_text(field) for field in fields[1:5])
    return LogEvent(
        float(fields[0]), callid, queue, agent, event.upper(), tuple(clean(f, _FIELD) for f in fields[5:15])
    )


def parse_queue_log(data: bytes | str) -> tuple[list[LogEvent], list[BadLine]]:
    """All lines, and those that are none."""
    text = decode(data) if isinstance(data, bytes) else data
    events: list[LogEvent] = []
    bad: list[BadLine] = []
    for line in text.split("\n"):
        found = parse_line(line)
        if isinstance(found, LogEvent):
            events.append(found)
        elif found is not None:
            bad.append(found)
    return events, bad


def in_order(events: Iterable[LogEvent]) -> list[LogEvent]:
    """By their dates; those of one second as they stand (rotated files may be read in any order)."""
    return sorted(events, key=lambda event: event.at)


def _text(field: str) -> str:
    text = clean(field, _FIELD).strip()
    return "" if text.upper() == "NONE" else text

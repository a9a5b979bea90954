"""Rows of the call-center module's tables as calls and log-ins: of Elastix 2.x and of Issabel 4.

Each row is what `ccops.watch.module_tables` asks for, dates as seconds since the epoch (UNIX_TIMESTAMP, so that the
server's own zone counts). A cell may hold anything: what cannot be used makes a problem, never an exception.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ccops.callcentre.records import CallRecord, Direction, Outcome, Presence, Records
from ccops.text import clean

Row = Mapping[str, Any]

# call_entry.status, and calls.status of those that reached a queue; the others never came to an agent's queue.
_INCOMING: Mapping[str, Outcome] = {
    "en-cola": "waiting",
    "activa": "talking",
    "hold": "talking",
    "terminada": "completed",
    "abandonada": "abandoned",
    "fin-monitoreo": "lost",
}
_OUTGOING: Mapping[str, Outcome] = {
    "onqueue": "waiting",
    "onhold": "talking",
    "success": "completed",
    "shortcall": "completed",
    "abandoned": "abandoned",
}
_NEVER_OFFERED = frozenset({"", "placing", "dialing", "ringing", "failure", "noanswer"})
_LATEST = 1e11


def read_rows(
    calls: Iterable[Row], presences: Iterable[Row], problems: Iterable[str] = (), *, cut: bool = False
) -> Records:
    """The rows of `call_entry` and `calls` (`direction` in or out), and of `audit`.

    Of a call: uniqueid, queue, number, agent, agent_name, status, entered, answered, ended, talk, wait, trunk. Of a
    log-in or break: agent, agent_name, began, ended, pause (NULL for a log-in), kind (`H` is a hold, and no break).
    """
    names: dict[str, str] = {}
    found: list[CallRecord] = []
    there: list[Presence] = []
    strange: list[str] = []
    for row in calls:
        call = _call(row)
        if isinstance(call, CallRecord):
            found.append(call)
            _name(names, row)
        elif call:
            strange.append(call)
    for row in presences:
        began = _moment(row.get("began"))
        if began is None or not _text(row.get("agent")):
            strange.append("a log-in without a date or an agent")
            continue
        if _text(row.get("kind")).upper() == "H":
            continue
        pause = None if row.get("pause") is None else _text(row.get("pause"))
        ended = _moment(row.get("ended"))
        there.append(Presence(_text(row.get("agent")), began, None if ended is None else max(began, ended), pause))
        _name(names, row)
    told = [f"{len(strange)} rows of the module cannot be used (the first: {strange[0]})"] if strange else []
    return Records("module", tuple(found), tuple(there), names, (*problems, *told), cut)


def _call(row: Row) -> CallRecord | str:
    """The call; a reason why the row is none, "" where it is none rightly."""
    direction: Direction = "out" if row.get("direction") == "out" else "in"
    status = _text(row.get("status")).lower()
    if direction == "out" and status in _NEVER_OFFERED:
        return ""
    outcome = (_OUTGOING if direction == "out" else _INCOMING).get(status)
    entered, answered, ended = (_moment(row.get(name)) for name in ("entered", "answered", "ended"))
    talk, wait = _span(row.get("talk")), _span(row.get("wait"))
    if outcome is None:
        return f"status {status!r}"
    if entered is None and answered is not None:
        entered = answered - (wait or 0.0)
    if entered is None:
        return "a call without a date"
    if outcome == "completed" and direction == "out" and ended is None and talk is None:
        outcome = "talking"  # Success is written when the agent is connected
    if outcome in ("waiting", "talking") and ended is not None:
        outcome = "completed" if answered is not None else "abandoned"
    if outcome in ("talking", "completed"):
        if answered is None:
            answered = entered + (wait or 0.0)
        wait = max(0.0, answered - entered) if wait is None else wait
        if outcome == "completed":
            ended = answered + (talk or 0.0) if ended is None else ended
            talk = max(0.0, ended - answered) if talk is None else talk
    elif outcome == "abandoned":
        wait = max(0.0, (entered if ended is None else ended) - entered) if wait is None else wait
        ended = entered + wait if ended is None else ended
    open_ = outcome in ("waiting", "talking", "lost")
    return CallRecord(
        uniqueid=_text(row.get("uniqueid")),
        queue=_text(row.get("queue")),
        entered_at=entered,
        outcome=outcome,
        number=_text(row.get("number")),
        agent=_text(row.get("agent")) if outcome != "abandoned" else "",
        answered_at=answered if outcome in ("talking", "completed") else None,
        ended_at=None if open_ else ended,
        wait_s=wait if outcome in ("talking", "completed", "abandoned") else None,
        talk_s=talk if outcome == "completed" else None,
        trunk=_text(row.get("trunk")),
        direction=direction,
    )


def _name(names: dict[str, str], row: Row) -> None:
    agent, name = _text(row.get("agent")), _text(row.get("agent_name"))
    if agent and name:
        names[agent] = name


def _moment(value: Any) -> float | None:
    """Seconds since the epoch; None for NULL, and for the zero date (0) of old servers."""
    number = _number(value)
    return number if number is not None and 0 < number < _LATEST else None


def _span(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number < _LATEST else None


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    return clean(str(value), 200).strip() if isinstance(value, str | int | float | Decimal) else ""

"""Rows of the call-center module's tables as calls and log-ins: of Elastix 2.x and of Issabel 4.

Each row is what `ccops.watch.module_tables` asks for, dates as seconds since the epoch (UNIX_TIMESTAMP, so that the
server's own zone counts). A cell may hold anything: what cannot be used makes a problem, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ccops.callcentre.records import CallRecord, Direction, Outcome, Presence, Records
from ccops.callcentre.sql_cells import moment, span, text

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
        began = moment(row.get("began"))
        if began is None or not text(row.get("agent")):
            strange.append("a log-in without a date or an agent")
            continue
        if text(row.get("kind")).upper() == "H":
            continue
        pause = None if row.get("pause") is None else text(row.get("pause"))
        ended = moment(row.get("ended"))
        there.append(Presence(text(row.get("agent")), began, None if ended is None else max(began, ended), pause))
        _name(names, row)
    told = [f"{len(strange)} rows of the module cannot be used (the first: {strange[0]})"] if strange else []
    return Records("module", tuple(found), tuple(there), names, (*problems, *told), cut)


def _call(row: Row) -> CallRecord | str:
    """The call; a reason why the row is none, "" where it is none rightly."""
    direction: Direction = "out" if row.get("direction") == "out" else "in"
    status = text(row.get("status")).lower()
    if direction == "out" and status in _NEVER_OFFERED:
        return ""
    outcome = (_OUTGOING if direction == "out" else _INCOMING).get(status)
    entered, answered, ended = (moment(row.get(name)) for name in ("entered", "answered", "ended"))
    talk, wait = span(row.get("talk")), span(row.get("wait"))
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
        uniqueid=text(row.get("uniqueid")),
        queue=text(row.get("queue")),
        entered_at=entered,
        outcome=outcome,
        number=text(row.get("number")),
        agent=text(row.get("agent")) if outcome != "abandoned" else "",
        answered_at=answered if outcome in ("talking", "completed") else None,
        ended_at=None if open_ else ended,
        wait_s=wait if outcome in ("talking", "completed", "abandoned") else None,
        talk_s=talk if outcome == "completed" else None,
        trunk=text(row.get("trunk")),
        direction=direction,
    )


def _name(names: dict[str, str], row: Row) -> None:
    agent, name = text(row.get("agent")), text(row.get("agent_name"))
    if agent and name:
        names[agent] = name

"""A day of a small call centre that was computed by hand, once as queue_log and once as the module's rows.

The day is 2026-11-26 in a zone five hours west of UTC. Queue 400 has a service level of 20 s, 401 of 30 s. Asterisk was
started at 14:05 that day, after it had ended in the middle of a call and of a log-in. In local time:

| call | queue | entered | wait | answered by | talk | end |
|---|---|---|---|---|---|---|
| c6 | 400 | 23:59:00 the day before | 30 | Ana 23:59:30 | 90 | 00:01:00 |
| c1 | 400 | 08:59:50 | 15 | Ana 09:00:05 | 120 | 09:02:05 |
| c2 | 400 | 09:10:00 | 40 | Ana 09:10:40 | 60 | 09:11:40 |
| c3 | 400 | 09:20:00 | 25 | gave up | | 09:20:25 |
| c4 | 401 | 09:30:00 | 5 | Ana 09:30:05 | 8 | 09:30:13 |
| c7 | 401 | 11:00:00 | 60 | sent on by the queue's time-out | | 11:01:00 |
| c7 | 400 | 11:01:00 | 10 | Ana 11:01:10 | 50 | 11:02:00 |
| L1 | 400 | 14:04:50 | | lost: Asterisk started at 14:05 | | |
| c5 | 401 | 23:59:30 | 20 | Luis 23:59:50 | 100 | 00:01:30 the day after |

Logged in: Ana 23:00 the day before to 01:00, 08:00 to 12:00 (Almuerzo 10:00 to 10:30); Luis from 13:00 (lost at
14:05), 22:00 to 02:00 the day after (Baño 23:50 to 00:10).

By hand, for the day:

- 400: offered c1 c2 c3 c7 = 4, handled 3, abandoned 1; within 20 s: c1 c7 = 2 of 4; ASA (15 + 40 + 10) / 3;
  AHT (120 + 60 + 50) / 3; longest wait 40.
- 401: offered c4 c7 c5 = 3, handled 2, abandoned 1 (the queue sent it on); within 30 s: c4 c5 = 2 of 3;
  ASA (5 + 20) / 2; AHT (8 + 100) / 2; longest wait 60; short (under 10 s): c4.
- Ana: handled c1 c2 c7 c4 = 4; logged in 1 h + 4 h = 18,000 s; break 1,800 s; talking
  60 (of c6) + 120 + 60 + 8 + 50 = 298 s of 18,000 - 1,800 = 16,200 s.
- Luis: handled c5; logged in 22:00 to 24:00 = 7,200 s; break 600 s; talking 10 s, during the break, so of
  7,200 - 600 + 10 = 6,610 s.
- The day after: Luis 00:00 to 02:00 = 7,200 s, break 600 s, talking 90 s of 7,200 - 600 + 90 = 6,690 s.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from ccops.callcentre.periods import whole_days

OFFSET_S = -5 * 3600
DAY = date(2026, 11, 26)
PERIOD = whole_days(DAY, DAY, OFFSET_S)
MIDNIGHT = PERIOD.start
NOW = MIDNIGHT + 86_400 + 12 * 3600
STARTED_AT = MIDNIGHT + 14 * 3600 + 300
LEVELS = {"400": 20.0, "401": 30.0}
NAMES = {"Agent/9000": "Ana Torres", "SIP/101": "Luis Vera"}
ANA, LUIS = NAMES


class Told(NamedTuple):
    """A call as the table above has it; times in seconds from the day's beginning."""

    uniqueid: str
    queue: str
    entered: float
    wait: float | None
    agent: str = ""
    talk: float | None = None
    end: str = "COMPLETECALLER"


def hms(text: str, days: int = 0) -> float:
    """`09:00:05` as seconds from the day's beginning."""
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


CALLS = (
    Told("1795670340.6", "400", hms("23:59:00", -1), 30, ANA, 90),
    Told("1795702790.1", "400", hms("08:59:50"), 15, ANA, 120, "COMPLETEAGENT"),
    Told("1795703400.2", "400", hms("09:10:00"), 40, ANA, 60, "TRANSFER"),
    Told("1795704000.3", "400", hms("09:20:00"), 25),
    Told("1795704600.4", "401", hms("09:30:00"), 5, ANA, 8),
    Told("1795710000.7", "401", hms("11:00:00"), 60, end="EXITWITHTIMEOUT"),
    Told("1795710000.7", "400", hms("11:01:00"), 10, ANA, 50, "ATTENDEDTRANSFER"),
    Told("1795721090.8", "400", hms("14:04:50"), None),
    Told("1795756770.5", "401", hms("23:59:30"), 20, LUIS, 100),
)

# Agent, from, to (None: lost), break.
PRESENCES: tuple[tuple[str, float, float | None, str | None], ...] = (
    (ANA, hms("23:00:00", -1), hms("01:00:00"), None),
    (ANA, hms("08:00:00"), hms("12:00:00"), None),
    (ANA, hms("10:00:00"), hms("10:30:00"), "Almuerzo"),
    (LUIS, hms("13:00:00"), None, None),
    (LUIS, hms("22:00:00"), hms("02:00:00", 1), None),
    (LUIS, hms("23:50:00"), hms("00:10:00", 1), "Baño"),
)


def queue_log() -> str:
    """The day as Asterisk writes it, in the order of its dates."""
    lines: list[tuple[float, str]] = [(STARTED_AT, "NONE|NONE|NONE|QUEUESTART|")]
    for call in CALLS:
        at, head = MIDNIGHT + call.entered, f"{call.uniqueid}|{call.queue}"
        lines.append((at, f"{head}|NONE|ENTERQUEUE||099{call.uniqueid[-7:-2]}|1"))
        if call.wait is None:
            continue
        left = at + call.wait
        if call.talk is None:
            name = "ABANDON" if call.end == "COMPLETECALLER" else call.end
            lines.append((left, f"{head}|NONE|{name}|1|1|{call.wait:.0f}"))
            continue
        lines.append((left, f"{head}|{call.agent}|CONNECT|{call.wait:.0f}|{call.uniqueid}9|3"))
        spans = f"{call.wait:.0f}|{call.talk:.0f}|1"
        data = {"TRANSFER": f"300|default|{spans}", "ATTENDEDTRANSFER": f"BRIDGE|b0-1|{spans}"}.get(call.end, spans)
        lines.append((left + call.talk, f"{head}|{call.agent}|{call.end}|{data}"))
    for agent, begin, end, pause in PRESENCES:
        log_in, log_out = (
            ("AGENTLOGIN|SIP/7-1", "AGENTLOGOFF|SIP/7-1") if agent == ANA else ("ADDMEMBER|", "REMOVEMEMBER|")
        )
        queue = "NONE" if agent == ANA else "401"
        if pause is not None:
            log_in, log_out, queue = f"PAUSE|{pause}", f"UNPAUSE|{pause}", "401"
        lines.append((MIDNIGHT + begin, f"NONE|{queue}|{agent}|{log_in}"))
        if end is not None:
            tail = f"|{end - begin:.0f}" if log_out.startswith("AGENTLOGOFF") else ""
            lines.append((MIDNIGHT + end, f"NONE|{queue}|{agent}|{log_out}{tail}"))
    return "".join(f"{at:.0f}|{rest}\n" for at, rest in sorted(lines, key=lambda line: line[0]))


def call_rows() -> list[dict[str, Any]]:
    """The calls as `ccops.callcentre.module_rows` takes them."""
    rows = []
    for call in CALLS:
        at = MIDNIGHT + call.entered
        number = f"099{call.uniqueid[-7:-2]}"
        answered = None if call.talk is None or call.wait is None else at + call.wait
        ended = None if call.wait is None else at + call.wait + (call.talk or 0)
        status = "fin-monitoreo" if call.wait is None else "abandonada" if answered is None else "terminada"
        rows.append(
            {
                "direction": "in", "uniqueid": call.uniqueid, "queue": call.queue, "number": number,
                "agent": call.agent or None, "agent_name": NAMES.get(call.agent), "status": status, "entered": at,
                "answered": answered, "ended": ended, "talk": call.talk, "wait": call.wait, "trunk": "",
            }
        )  # fmt: skip
    return rows


def presence_rows() -> list[dict[str, Any]]:
    """The log-ins and breaks likewise."""
    return [
        {
            "agent": agent, "agent_name": NAMES[agent], "began": MIDNIGHT + begin,
            "ended": None if end is None else MIDNIGHT + end, "pause": pause, "kind": "B" if pause else None,
        }
        for agent, begin, end, pause in PRESENCES
    ]  # fmt: skip

"""The module's campaigns of a simulated call centre: what is kept on the volume, and what follows from the calls.

Kept are the tables that people edit; their rows are the side's own, and replicated like calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from ccops.demo.calls import Call
from ccops.demo.exchange import Exchange
from ccops.demo.staff import MAIN_TRUNK, Agent

Rows = list[dict[str, Any]]

BREAKS = ("Hold", "Almuerzo", "Capacitación", "Baño", "Reunión", "Auto-Pause")
DEFAULTS: dict[str, dict[str, Any]] = {
    "agent": {
        **{"id": None, "type": "Agent", "number": "", "name": "", "password": "", "estatus": "A"},
        "eccp_password": None,
    },
    "break": {"id": None, "name": "", "description": None, "status": "A", "tipo": "B"},
    "campaign": {},
    "campaign_entry": {},
}
"""The tables of call_center that can be written to, and what a new row has where an INSERT does not say."""

TYPES = {("agent", "type"): "enum('Agent','SIP','PJSIP','IAX2')"}
"""Columns whose type says more than its kind."""

_MADE = 160
_LEFT = 60
_OUTCOMES = ("Success", "Success", "Success", "NoAnswer", "NoAnswer", "ShortCall", "Abandoned", "Failure")
_AGO = 20 * 86_400.0


def first_books(staff: Iterable[Agent], queues: Sequence[str], now: datetime) -> dict[str, Rows]:
    """The tables as the module has left them. `queues`: of the call centre; `now` in the node's own time."""
    agents = [
        {
            **{"id": i, "type": "Agent" if agent.login else "SIP", "number": agent.login or agent.number},
            **{"name": agent.name, "password": agent.number, "estatus": "A"},
            "eccp_password": eccp_password(agent.interface) if agent.module else None,
        }
        for i, agent in enumerate(staff, 1)
    ]
    breaks = [
        {
            **{"id": i, "name": name, "description": None, "status": "I" if name == "Auto-Pause" else "A"},
            "tipo": "H" if name == "Hold" else "B",
        }
        for i, name in enumerate(BREAKS, 1)
    ]
    today = now.date()
    rows: tuple[tuple[str, str, int, int, str, str, str, int], ...] = (
        # name, queue, days from today, hours, estatus, retries
        ("Renovaciones", "777", -22, 8, "00:00:00", "23:59:59", "A", 3),
        ("Cobranza nocturna", "778", -5, 25, "22:00:00", "06:00:00", "A", 5),
        ("Encuesta de octubre", "779", -60, -30, "09:00:00", "18:00:00", "T", 2),
        ("Bienvenida", "779", -3, 60, "09:00:00", "18:00:00", "I", 2),
    )
    campaigns = [
        _campaign(id, row[0], row[1], today + timedelta(row[2]), today + timedelta(row[3]), *row[4:])
        for id, row in enumerate(rows, 1)
    ]
    entries = [
        {
            **{"id": i, "name": f"Atención {queue}", "id_queue_call_entry": i, "id_form": None},
            **{"datetime_init": today - timedelta(200), "datetime_end": today + timedelta(160)},
            **{"daytime_init": times[0], "daytime_end": times[1], "estatus": "A", "script": ""},
        }
        for i, (queue, times) in enumerate(
            zip(queues, (("00:00:00", "23:59:59"), ("20:00:00", "08:00:00")), strict=False), 1
        )
    ]
    return {"agent": agents, "break": breaks, "campaign": campaigns, "campaign_entry": entries}


def eccp_password(interface: str) -> str:
    """What an agent of the module has in the column of that name."""
    return f"demo-{interface.partition('/')[2]}"


def copied(books: dict[str, Rows]) -> dict[str, Rows]:
    """What a resync brings to the other side."""
    return {table: [dict(row) for row in rows] for table, rows in books.items()}


def outgoing(calls: Sequence[Call], exchange: Exchange) -> Iterator[dict[str, Any]]:
    """The calls of campaigns: those of weeks ago, one beside every fourth incoming call, those left, those live."""
    rng = random.Random(77)  # noqa: S311 - the same past each time it is asked for
    began = exchange.wall() - _AGO
    id = 0
    for n in range(_MADE):
        id += 1
        status, at = rng.choice(_OUTCOMES), began + n * 600.0
        talk = rng.randrange(30, 240) if status == "Success" else 4 if status == "ShortCall" else None
        agent = 1 + rng.randrange(len(exchange.agents)) if talk else None
        tries = rng.randrange(1, 4)
        reached = status in ("Success", "ShortCall", "Abandoned")
        yield _call(id, 1, f"09{rng.randrange(10**8):08d}", status, at, tries, talk, agent, reached)
    for call in calls[::4]:
        id += 1
        yield _call(id, 1, call.number, "NoAnswer", call.entered, 1, None, None, True)
    for _ in range(_LEFT):
        id += 1
        yield _call(id, 1 + rng.randrange(2), f"09{rng.randrange(10**8):08d}", None, None, 0, None, None, False)
    for _ in talking(exchange):
        id += 1
        yield _call(id, 1, f"09{rng.randrange(10**8):08d}", "Ringing", exchange.wall() - 20.0, 1, None, None, False)


def talking(exchange: Exchange) -> list[Agent]:
    """The agents who are on a call of the first campaign: the first two who talk."""
    return [agent for agent in exchange.agents.values() if agent.in_call][:2]


def current(calls: Sequence[Call], exchange: Exchange) -> Rows:
    """The table of live calls."""
    first = _MADE + len(calls[::4]) + _LEFT + 1
    return [
        {
            **{"id": n, "id_call": first + n, "fecha_inicio": _date(exchange.wall() - 20.0), "uniqueid": None},
            **{"queue": "777", "agentnum": agent.number, "event": "Link", "Channel": agent.interface},
            **{"ChannelClient": None, "hold": "N"},
        }
        for n, agent in enumerate(talking(exchange))
    ] or [{"id": 0, "id_call": 0, "fecha_inicio": None, "agentnum": "", "hold": "N"}]


def progress(calls: Sequence[Call]) -> Rows:
    """The log of what was called in which order: each call of the first campaign once."""
    return [
        {"id": n, "id_campaign_outgoing": 1, "id_call_outgoing": n, "new_status": "x"}
        for n in range(1, _MADE + len(calls[::4]) + 1)
    ]


def _campaign(
    id: int, name: str, queue: str, first: date, last: date, opens: str, closes: str, status: str, retries: int
) -> dict[str, Any]:
    return {
        **{"id": id, "name": name, "datetime_init": first, "datetime_end": last, "daytime_init": opens},
        **{"daytime_end": closes, "retries": retries, "trunk": f"SIP/{MAIN_TRUNK}", "context": "from-internal"},
        **{"queue": queue, "max_canales": 4, "script": "", "estatus": status},
    }


def _call(
    id: int,
    campaign: int,
    number: str,
    status: str | None,
    at: float | None,
    tries: int,
    talk: int | None,
    agent: int | None,
    reached: bool,
) -> dict[str, Any]:
    begun = None if at is None else _date(at)
    ended = None if at is None or status == "Ringing" else _date(at + 12 + (talk or 8))
    return {
        **{"id": id, "id_campaign": campaign, "phone": number, "status": status, "uniqueid": f"{id}.1"},
        **{"fecha_llamada": begun, "start_time": begun if reached else None, "end_time": ended, "retries": tries},
        **{"duration": talk, "id_agent": agent, "datetime_entry_queue": begun if reached else None},
        **{"duration_wait": 6 if reached else None, "dnc": 0, "datetime_originate": begun},
        **{"failure_cause": 34 if status == "Failure" else None},
        **{"failure_cause_txt": "Circuit/channel congestion" if status == "Failure" else None},
        "trunk": f"SIP/{MAIN_TRUNK}",
    }


def _date(at: float) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=int(at))

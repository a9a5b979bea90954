"""The rows of a simulated node's MySQL: the call-center module's and the call records, of the node's own side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ccops.demo.calls import Break, Call
from ccops.demo.exchange import Exchange

Rows = list[dict[str, Any]]

_BREAKS = (
    *(("Hold", "H"), ("Almuerzo", "B"), ("Capacitación", "B")),
    *(("Baño", "B"), ("Reunión", "B"), ("Auto-Pause", "B")),
)
_BREAK_IDS = {name: i for i, (name, _) in enumerate(_BREAKS, 1)}
# The module's installation of 2014; an index only tells that a column may be asked for.
_INDEXES = (
    *(("call_center", table, "id") for table in ("agent", "audit", "break", "call_entry", "calls", "queue_call_entry")),
    *(("call_center", "call_entry", name) for name in ("datetime_entry_queue", "datetime_init", "id_agent")),
    *(("call_center", "calls", name) for name in ("datetime_entry_queue", "start_time", "id_agent")),
    ("call_center", "audit", "id_agent"),
    ("asteriskcdrdb", "cdr", "calldate"),
)


class Tables:
    """Tables by database and name; rows are made when they are asked for.

    `calls()` and `breaks()` give what the side has written, `open_breaks()` those under way (number, break, begin);
    `accounts` are the users of ECCP with their passwords.
    """

    def __init__(
        self,
        exchange: Exchange,
        calls: Callable[[], list[Call]],
        breaks: Callable[[], list[Break]] = list,
        open_breaks: Callable[[], list[tuple[str, str, float]]] = list,
        accounts: Mapping[str, str] = {},
    ) -> None:
        self._exchange = exchange
        self._calls = calls
        self._taken = breaks
        self._open_breaks = open_breaks
        self._accounts = accounts
        self._makers: dict[str, dict[str, Callable[[], Rows]]] = {
            "call_center": {
                "agent": self._agents,
                "break": break_rows,
                "queue_call_entry": self._queues,
                "call_entry": lambda: list(self._entries()),
                "campaign": lambda: [{"id": 1, "name": "encuesta", "queue": next(iter(self._exchange.queues))}],
                "calls": lambda: list(self._outgoing()),
                "audit": self._presences,
                "eccp_authorized_clients": self._clients,
            },
            "asteriskcdrdb": {"cdr": lambda: [_record(call) for call in self._calls()]},
            "information_schema": {"columns": self._columns, "statistics": _statistics},
        }

    def find(self, base: str, name: str) -> Rows | None:
        """The rows of one table; None when there is no such table."""
        maker = self._makers.get(base, {}).get(name)
        return maker() if maker is not None else None

    def columns(self) -> dict[str, dict[str, dict[str, str]]]:
        """Every table's columns with their types."""
        return {
            base: {name: _types(make()) for name, make in tables.items()}
            for base, tables in self._makers.items()
            if base != "information_schema"
        }

    def _columns(self) -> Rows:
        return [
            {"TABLE_SCHEMA": base, "TABLE_NAME": table, "COLUMN_NAME": name, "DATA_TYPE": kind.lower()}
            for base, tables in self.columns().items()
            for table, columns in tables.items()
            for name, kind in columns.items()
        ]

    def _agents(self) -> Rows:
        return [
            {
                "id": i,
                "type": "Agent" if agent.login else "SIP",
                "number": agent.login or agent.number,
                "name": agent.name,
                "password": agent.number,
                "estatus": "A",
                "eccp_password": eccp_password(agent.interface) if agent.module else None,
            }
            for i, agent in enumerate(self._exchange.agents.values(), 1)
        ]

    def _clients(self) -> Rows:
        return [
            {"id": i, "username": user, "md5_password": hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()}
            for i, (user, secret) in enumerate(self._accounts.items(), 1)
        ]

    def _queues(self) -> Rows:
        return [{"id": i, "queue": name, "estatus": "A"} for i, name in enumerate(self._exchange.queues, 1)]

    def _entries(self) -> Iterator[dict[str, Any]]:
        queues, numbers = list(self._exchange.queues), self._numbers()
        for i, call in enumerate(self._calls(), 1):
            yield {
                "id": i,
                "id_agent": numbers.get(call.agent),
                "id_queue_call_entry": queues.index(call.queue) + 1 if call.queue in queues else None,
                "id_contact": None,
                "callerid": call.number,
                "datetime_init": _date(call.answered) if call.agent else None,
                "datetime_end": _date(call.ended),
                "duration": call.talked if call.agent else None,
                "status": "terminada" if call.agent else "abandonada",
                "transfer": None,
                "datetime_entry_queue": _date(call.entered),
                "duration_wait": call.held,
                "uniqueid": call.uniqueid,
                "id_campaign": None,
                "trunk": f"SIP/{call.trunk}",
            }

    def _outgoing(self) -> Iterator[dict[str, Any]]:
        """Beside every fourth call the campaign tried somebody who did not answer."""
        for i, call in enumerate(self._calls()[::4], 1):
            yield {
                "id": i,
                "id_campaign": 1,
                "phone": call.number,
                "status": "NoAnswer",
                "uniqueid": call.uniqueid,
                "fecha_llamada": _date(call.answered),
                "start_time": _date(call.answered),
                "end_time": _date(call.ended),
                "retries": 0,
                "duration": None,
                "id_agent": None,
                "datetime_entry_queue": _date(call.entered),
                "duration_wait": call.held,
                "datetime_originate": _date(call.entered),
                "trunk": f"SIP/{call.trunk}",
            }

    def _presences(self) -> Rows:
        """Who logged in when, as far as calls tell: one session an agent and day; and the breaks, in their order."""
        days: dict[tuple[str, object], list[Call]] = {}
        for call in self._calls():
            if call.agent:
                days.setdefault((call.agent, _date(call.ended).date()), []).append(call)
        spans: list[tuple[float, float | None, str, int | None]] = [
            (calls[0].entered, calls[-1].ended, calls[0].agent, None) for calls in days.values()
        ]
        spans += [(each.began, each.ended, each.agent, _BREAK_IDS.get(each.reason, 2)) for each in self._taken()]
        spans += [(began, None, agent, _BREAK_IDS.get(name, 2)) for agent, name, began in self._open_breaks()]
        numbers = self._numbers()
        return [
            {
                "id": i,
                "id_agent": numbers.get(agent),
                "id_break": reason,
                "datetime_init": _date(began),
                "datetime_end": None if ended is None else _date(ended),
                "duration": None if ended is None else int(ended - began),
                "ext_parked": None,
            }
            for i, (began, ended, agent, reason) in enumerate(sorted(spans, key=lambda span: span[0]), 1)
        ]

    def _numbers(self) -> dict[str, int]:
        return {agent.number: i for i, agent in enumerate(self._exchange.agents.values(), 1)}


def break_rows() -> Rows:
    """The table of breaks."""
    return [
        {"id": i, "name": name, "status": "I" if name == "Auto-Pause" else "A", "tipo": kind}
        for i, (name, kind) in enumerate(_BREAKS, 1)
    ]


def eccp_password(interface: str) -> str:
    """What an agent of the module has in the column of that name."""
    return f"demo-{interface.partition('/')[2]}"


def _statistics() -> Rows:
    return [
        {"TABLE_SCHEMA": base, "TABLE_NAME": table, "COLUMN_NAME": column, "SEQ_IN_INDEX": 1}
        for base, table, column in _INDEXES
    ]


def _record(call: Call) -> dict[str, Any]:
    return {
        "calldate": _date(call.entered),
        "clid": f'"{call.number}" <{call.number}>',
        "src": call.number,
        "dst": call.exten,
        "dcontext": "from-trunk",
        "channel": f"SIP/{call.trunk}-{int(call.uniqueid.replace('.', '')) % (1 << 32):08x}",
        "dstchannel": f"SIP/{call.agent}-{call.uniqueid[-4:]}" if call.agent else "",
        "lastapp": "Queue",
        "lastdata": f"{call.queue},,,,60",
        "duration": call.held + call.talked,
        "billsec": call.talked,
        "disposition": "ANSWERED" if call.agent else "NO ANSWER",
        "amaflags": 3,
        "accountcode": "",
        "uniqueid": call.uniqueid,
        "userfield": "",
    }


def _date(at: float) -> datetime:
    """A DATETIME as MySQL keeps it: whole seconds of the node's own time (UTC), without a zone."""
    return datetime.fromtimestamp(int(at), UTC).replace(tzinfo=None)


def _types(rows: Rows) -> dict[str, str]:
    return {name: _column_type([row[name] for row in rows]) for name in rows[0]} if rows else {}


def _column_type(values: list[Any]) -> str:
    value = next((value for value in values if value is not None), None)
    return "DATETIME" if isinstance(value, datetime) else "INT" if isinstance(value, int) else "TEXT"

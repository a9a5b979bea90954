"""The rows of a simulated node's MySQL: the call-center module's and the call records, of the node's own side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ccops.demo import campaigns
from ccops.demo.calls import Call
from ccops.demo.dialer import Dialer
from ccops.demo.exchange import Exchange
from ccops.demo.replica import Replica

Rows = list[dict[str, Any]]

# The module's installation of 2014; an index only tells that a column may be asked for.
_INDEXES = (
    *(("call_center", table, "id") for table in ("agent", "audit", "break", "call_entry", "calls", "queue_call_entry")),
    *(("call_center", table, "id") for table in ("campaign", "campaign_entry", "call_progress_log", "current_calls")),
    *(("call_center", "calls", "id_campaign"), ("call_center", "call_entry", "id_campaign")),
    *(("call_center", "call_entry", name) for name in ("datetime_entry_queue", "datetime_init", "id_agent")),
    *(("call_center", "calls", name) for name in ("datetime_entry_queue", "start_time", "id_agent")),
    ("call_center", "audit", "id_agent"),
    ("asteriskcdrdb", "cdr", "calldate"),
)


class Tables:
    """Tables by database and name; rows are made when they are asked for.

    `side` is the node's half of the volume, with what was written to it; `accounts` are the users of ECCP with their
    passwords.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialer: Dialer,
        side: Replica,
        accounts: Mapping[str, str] = {},
    ) -> None:
        self._exchange = exchange
        self._dialer = dialer
        self._side = side
        self._accounts = accounts
        self._makers: dict[str, dict[str, Callable[[], Rows]]] = {
            "call_center": {
                **{name: lambda name=name: side.books[name] for name in campaigns.DEFAULTS},  # type: ignore[misc]
                "queue_call_entry": self._queues,
                "call_entry": lambda: list(self._entries()),
                "calls": lambda: list(campaigns.outgoing(self._side.calls, self._exchange)),
                "current_calls": lambda: campaigns.current(self._side.calls, self._exchange),
                "call_progress_log": lambda: campaigns.progress(self._side.calls),
                "audit": self._presences,
                "eccp_authorized_clients": self._clients,
            },
            "asteriskcdrdb": {"cdr": lambda: [_record(call) for call in self._side.calls]},
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
            {
                **{"TABLE_SCHEMA": base, "TABLE_NAME": table, "COLUMN_NAME": name, "DATA_TYPE": kind.lower()},
                "COLUMN_TYPE": campaigns.TYPES.get((table, name), kind.lower()),
            }
            for base, tables in self.columns().items()
            for table, columns in tables.items()
            for name, kind in columns.items()
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
        for i, call in enumerate(self._side.calls, 1):
            of = queues.index(call.queue) + 1 if call.queue in queues else None
            yield {
                "id": i,
                "id_agent": numbers.get(call.agent),
                "id_queue_call_entry": of,
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
                "id_campaign": of if of in (1, 2) else None,
                "trunk": f"SIP/{call.trunk}",
            }

    def _presences(self) -> Rows:
        """Who logged in when, in the order of time: before this Asterisk's start as far as calls tell, since then all.

        So a session is open for each of the dialer's agents who is there, and a break for each who is on one.
        """
        kinds = {name: i for i, name in enumerate(campaigns.BREAKS, 1)}
        kinds |= {row["name"]: row["id"] for row in self._side.books["break"]}
        since = self._exchange.started_at
        days: dict[tuple[str, object], list[Call]] = {}
        for call in self._side.calls:
            if call.agent and call.ended < since:
                days.setdefault((call.agent, _date(call.ended).date()), []).append(call)
        spans: list[tuple[float, float | None, str, int | None]] = [
            (calls[0].entered, calls[-1].ended, calls[0].agent, None) for calls in days.values()
        ]
        spans += [(each.began, each.ended, each.agent, kinds.get(each.reason, 2)) for each in self._side.breaks]
        for place, seat in enumerate(self._dialer.seats.values()):
            if seat.logged_in:
                spans.append((since + 4.0 + place * 0.4, None, seat.agent.number, None))
        spans += [(began, None, agent, kinds.get(name, 2)) for agent, name, began in self._dialer.open_breaks()]
        numbers = self._numbers()
        return [
            {
                "id": i,
                "id_agent": numbers.get(agent, 1),
                "id_break": pause,
                "datetime_init": _date(began),
                "datetime_end": None if ended is None else _date(ended),
                "duration": None if ended is None else int(ended - began),
                "ext_parked": None,
            }
            for i, (began, ended, agent, pause) in enumerate(sorted(spans, key=lambda span: span[0]), 1)
        ]

    def _numbers(self) -> dict[str, int]:
        return {agent.number: i for i, agent in enumerate(self._exchange.agents.values(), 1)}


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

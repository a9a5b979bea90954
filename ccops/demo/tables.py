"""The rows of a simulated node's MySQL: the call-center module's and the call records, of the node's own side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ccops.demo.calls import Call
from ccops.demo.exchange import Exchange

Rows = list[dict[str, Any]]

_BREAKS = (("Hold", "H"), ("Almuerzo", "B"), ("Capacitación", "B"))


class Tables:
    """Tables by database and name; rows are made when they are asked for. `calls()` gives what the side has written."""

    def __init__(self, exchange: Exchange, calls: Callable[[], list[Call]]) -> None:
        self._exchange = exchange
        self._calls = calls
        self._makers: dict[str, dict[str, Callable[[], Rows]]] = {
            "call_center": {
                "agent": self._agents,
                "break": _breaks,
                "call_entry": lambda: list(self._entries()),
                "calls": lambda: list(self._outgoing()),
                "audit": lambda: list(self._sessions()),
            },
            "asteriskcdrdb": {"cdr": lambda: [_record(call) for call in self._calls()]},
        }

    def find(self, base: str, name: str) -> Rows | None:
        """The rows of one table; None when there is no such table."""
        maker = self._makers.get(base, {}).get(name)
        return maker() if maker is not None else None

    def columns(self) -> dict[str, dict[str, dict[str, str]]]:
        """Every table's columns with their types."""
        return {base: {name: _types(make()) for name, make in tables.items()} for base, tables in self._makers.items()}

    def _agents(self) -> Rows:
        return [
            {"id": i, "type": "SIP", "number": agent.number, "name": agent.name, "estatus": "A"}
            for i, agent in enumerate(self._exchange.agents.values(), 1)
        ]

    def _entries(self) -> Iterator[dict[str, Any]]:
        queues, numbers = list(self._exchange.queues), self._numbers()
        for i, call in enumerate(self._calls(), 1):
            yield {
                "id": i,
                "id_agent": numbers.get(call.agent),
                "id_queue_call_entry": queues.index(call.queue) + 1 if call.queue in queues else None,
                "id_contact": None,
                "callerid": call.number,
                "datetime_init": _date(call.answered),
                "datetime_end": _date(call.ended),
                "duration": call.talked,
                "status": "terminada",
                "transfer": None,
                "datetime_entry_queue": _date(call.entered),
                "duration_wait": call.held,
                "uniqueid": call.uniqueid,
                "id_campaign": None,
                "trunk": f"SIP/{call.trunk}",
            }

    def _outgoing(self) -> Iterator[dict[str, Any]]:
        """Every fourth call stands for one of a campaign."""
        numbers = self._numbers()
        for i, call in enumerate(self._calls()[::4], 1):
            yield {
                "id": i,
                "id_campaign": 1,
                "phone": call.number,
                "status": "Success",
                "uniqueid": call.uniqueid,
                "fecha_llamada": _date(call.answered),
                "start_time": _date(call.answered),
                "end_time": _date(call.ended),
                "retries": 0,
                "duration": call.talked,
                "id_agent": numbers.get(call.agent),
                "datetime_entry_queue": _date(call.entered),
                "duration_wait": call.held,
                "datetime_originate": _date(call.entered),
                "trunk": f"SIP/{call.trunk}",
            }

    def _sessions(self) -> Iterator[dict[str, Any]]:
        """Who logged in when, as far as calls tell: one session an agent and day."""
        numbers = self._numbers()
        days: dict[tuple[str, object], list[Call]] = {}
        for call in self._calls():
            days.setdefault((call.agent, _date(call.ended).date()), []).append(call)
        for i, calls in enumerate(days.values(), 1):
            first, last = calls[0].entered, calls[-1].ended
            yield {
                "id": i,
                "id_agent": numbers.get(calls[0].agent),
                "id_break": None,
                "datetime_init": _date(first),
                "datetime_end": _date(last),
                "duration": int(last - first),
                "ext_parked": None,
            }

    def _numbers(self) -> dict[str, int]:
        return {agent.number: i for i, agent in enumerate(self._exchange.agents.values(), 1)}


def _breaks() -> Rows:
    return [{"id": i, "name": name, "status": "A", "tipo": kind} for i, (name, kind) in enumerate(_BREAKS, 1)]


def _record(call: Call) -> dict[str, Any]:
    return {
        "calldate": _date(call.entered),
        "clid": f'"{call.number}" <{call.number}>',
        "src": call.number,
        "dst": call.exten,
        "dcontext": "from-trunk",
        "channel": f"SIP/{call.trunk}-{call.uniqueid[-4:]}",
        "dstchannel": f"SIP/{call.agent}-{call.uniqueid[-4:]}",
        "lastapp": "Queue",
        "lastdata": f"{call.queue},,,,60",
        "duration": call.held + call.talked,
        "billsec": call.talked,
        "disposition": "ANSWERED",
        "amaflags": 3,
        "accountcode": "",
        "uniqueid": call.uniqueid,
        "userfield": "",
    }


def _date(at: float) -> datetime:
    """A DATETIME as MySQL keeps it: whole seconds of the node's own time (UTC), without a zone."""
    return datetime.fromtimestamp(int(at), UTC).replace(tzinfo=None)


def _types(rows: Rows) -> dict[str, str]:
    return {name: _column_type(value) for name, value in rows[0].items()} if rows else {}


def _column_type(value: object) -> str:
    return "DATETIME" if isinstance(value, datetime) else "INT" if isinstance(value, int) else "TEXT"

"""The call-center module's tables, asked for the calls and log-ins of a period: bounded in cost on a million rows.

Both schemas, told by column: Elastix 2.x has `calls.id_campaign`, Issabel 4 `calls.id_list` and `campaign_lists`. Which
indexes there are differs too, and not by version: upgraded installations have `datetime_entry_queue` as the name of an
index on another column. So the range of a period is taken from an index where one is there, else from the ids, which
are given in the order of the dates. Dates go through the server's own zone (FROM_UNIXTIME, UNIX_TIMESTAMP).
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.periods import Period
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import LOOK_BACK_CALLS_S, LOOK_BACK_LOGINS_S

MOST_ROWS = 60_000
"""Of calls, and of log-ins and breaks, that are read for one report; beyond that it says that it was cut."""

TIMEOUT_S = 20.0
_PROBES = 32
# A clock that was set back (a failover to a node that is behind) leaves ids a little out of the order of their dates.
_SLACK_S = 3600.0
_TABLES = ("agent", "audit", "break", "call_entry", "calls", "campaign", "campaign_lists", "queue_call_entry")

Row = dict[str, Any]


class Query(Protocol):
    """Runs one statement, parameterised; a `MysqlLink`'s."""

    def __call__(self, sql: str, params: Sequence[Any] = ..., *, timeout_s: float = ...) -> Awaitable[list[Row]]: ...


class NoModule(Exception):
    """There is no call-center module in this MySQL, or its tables may not be read."""


async def read_module(query: Query, period: Period) -> Records:
    """The calls and log-ins of a period, with those before it that last into it.

    Raises NoModule, and whatever `query` raises.
    """
    tables = _Tables(query, *await _schema(query))
    problems: list[str] = []
    begin, end = int(period.start - LOOK_BACK_CALLS_S), int(period.end)
    incoming = await tables.incoming(begin, end)
    outgoing = await tables.outgoing(begin, end, problems)
    presences = await tables.presences(int(period.start), end)
    cut = False
    for what, rows in (("incoming calls", incoming), ("calls of campaigns", outgoing), ("log-ins", presences)):
        if len(rows) > MOST_ROWS:
            cut = True
            problems.append(f"more than {MOST_ROWS:,} {what}: the last are left out; ask for fewer days")
            del rows[MOST_ROWS:]
    return read_rows([*incoming, *outgoing], presences, problems, cut=cut)


async def read_details(query: Query, period: Period) -> list[Row]:
    """The call detail records of a period, in the order of their dates; none where their date has no index.

    Raises whatever `query` raises.
    """
    indexed = await query(
        "SELECT COLUMN_NAME AS field FROM INFORMATION_SCHEMA.STATISTICS WHERE TABLE_SCHEMA = 'asteriskcdrdb'"
        " AND TABLE_NAME = 'cdr' AND SEQ_IN_INDEX = 1 AND COLUMN_NAME = 'calldate'",
        timeout_s=TIMEOUT_S,
    )
    if not indexed:
        return []
    return await query(
        f"SELECT uniqueid, src, channel FROM asteriskcdrdb.cdr WHERE {_between('calldate')} ORDER BY calldate LIMIT %s",
        (int(period.start - LOOK_BACK_CALLS_S), int(period.end), MOST_ROWS),
        timeout_s=TIMEOUT_S,
    )


async def _schema(query: Query) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """The columns of each table, and those that an index begins with."""
    marks = ", ".join(["%s"] * len(_TABLES))
    where = f"WHERE TABLE_SCHEMA = 'call_center' AND TABLE_NAME IN ({marks})"
    columns: dict[str, set[str]] = {}
    indexed: dict[str, set[str]] = {}
    told = "SELECT TABLE_NAME AS name, COLUMN_NAME AS field FROM INFORMATION_SCHEMA"
    for row in await query(f"{told}.COLUMNS {where}", _TABLES, timeout_s=TIMEOUT_S):
        columns.setdefault(str(row["name"]), set()).add(str(row["field"]))
    missing = [name for name in ("agent", "audit", "call_entry", "queue_call_entry") if name not in columns]
    if missing:
        raise NoModule(f"MySQL shows no table call_center.{missing[0]}: no call-center module, or no right to read it")
    for row in await query(f"{told}.STATISTICS {where} AND SEQ_IN_INDEX = 1", _TABLES, timeout_s=TIMEOUT_S):
        indexed.setdefault(str(row["name"]), set()).add(str(row["field"]))
    return columns, indexed


class _Tables:
    """The questions, spelt for the columns and indexes that are there."""

    def __init__(self, query: Query, columns: Mapping[str, set[str]], indexed: Mapping[str, set[str]]) -> None:
        self._query = query
        self._columns = columns
        self._indexed = indexed

    async def incoming(self, begin: int, end: int) -> list[Row]:
        """The rows of call_entry whose caller entered a queue from `begin` to before `end`."""
        bounds: tuple[int, ...] = (begin, end)
        where = _between("datetime_entry_queue")
        if "datetime_entry_queue" not in self._indexed.get("call_entry", ()):
            first = await self._first_id("call_entry", "datetime_entry_queue", begin - _SLACK_S)
            last = await self._first_id("call_entry", "datetime_entry_queue", end + _SLACK_S)
            where, bounds = f"id >= %s AND id < %s AND {where}", (first, last, begin, end)
        trunk = self._field("call_entry", "trunk")
        return await self._ask(
            f"SELECT 'in' AS direction, q.queue, e.callerid AS number, {trunk},"
            f" {self._call('datetime_init', 'datetime_end')}"
            f" FROM (SELECT * FROM call_center.call_entry WHERE {where} ORDER BY datetime_entry_queue LIMIT %s) AS e"
            " LEFT JOIN call_center.queue_call_entry AS q ON q.id = e.id_queue_call_entry"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent",
            bounds,
        )

    async def outgoing(self, begin: int, end: int, problems: list[str]) -> list[Row]:
        """The rows of calls (campaigns) likewise: those that reached a queue."""
        columns, indexed = self._columns.get("calls", set()), self._indexed.get("calls", ())
        if not columns or "campaign" not in self._columns:
            return []
        by = next((name for name in ("datetime_entry_queue", "start_time") if name in indexed), None)
        if by is None:
            problems.append("calls of campaigns are left out: no index of call_center.calls begins with a date")
            return []
        if by == "start_time":
            problems.append("calls of campaigns that nobody answered are left out: their date has no index")
        if "id_campaign" in columns:
            campaign = "LEFT JOIN call_center.campaign AS c ON c.id = e.id_campaign"
        else:
            campaign = (
                "LEFT JOIN call_center.campaign_lists AS l ON l.id = e.id_list"
                " LEFT JOIN call_center.campaign AS c ON c.id = l.id_campaign"
            )
        return await self._ask(
            f"SELECT 'out' AS direction, c.queue, e.phone AS number, {self._field('calls', 'trunk')},"
            f" {self._call('start_time', 'end_time')}"
            f" FROM (SELECT * FROM call_center.calls WHERE {_between(by)} ORDER BY {by} LIMIT %s) AS e"
            f" {campaign} LEFT JOIN call_center.agent AS a ON a.id = e.id_agent",
            (begin, end),
        )

    async def presences(self, start: int, end: int) -> list[Row]:
        """Log-ins and breaks that have a part between `start` and `end`; no index has their dates."""
        first = await self._first_id("audit", "datetime_init", start - LOOK_BACK_LOGINS_S)
        last = await self._first_id("audit", "datetime_init", end + _SLACK_S)
        kind = "b.tipo" if "tipo" in self._columns.get("break", ()) else "NULL"
        return await self._ask(
            f"SELECT {self._agent()}, UNIX_TIMESTAMP(e.datetime_init) AS began,"
            " UNIX_TIMESTAMP(e.datetime_end) AS ended,"
            f" CASE WHEN e.id_break IS NULL THEN NULL ELSE COALESCE(b.name, '') END AS pause, {kind} AS kind"
            " FROM (SELECT * FROM call_center.audit WHERE id >= %s AND id < %s AND datetime_init < FROM_UNIXTIME(%s)"
            " AND (datetime_end IS NULL OR datetime_end >= FROM_UNIXTIME(%s)) ORDER BY id LIMIT %s) AS e"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent"
            " LEFT JOIN call_center.`break` AS b ON b.id = e.id_break",
            (first, last, end, start),
        )

    async def _first_id(self, table: str, column: str, at: float) -> int:
        """The lowest id whose date is not before `at`: a search that reads a few dozen rows, in a few round trips."""
        bounds = await self._query(
            f"SELECT MIN(id) AS low, MAX(id) AS high FROM call_center.{table}",
            timeout_s=TIMEOUT_S,
        )
        low, high = int(bounds[0]["low"] or 0), int(bounds[0]["high"] or 0) + 1
        one = (
            f"SELECT %s AS probe, id, UNIX_TIMESTAMP({column}) AS at FROM"
            f" (SELECT id, {column} FROM call_center.{table} WHERE id >= %s ORDER BY id LIMIT 1) AS p"
        )
        while low < high:
            step = max(1, -(-(high - low) // (_PROBES + 1)))
            probes = list(range(low, high, step))
            told = await self._query(
                " UNION ALL ".join([one] * len(probes)),
                [p for probe in probes for p in (probe, probe)],
                timeout_s=TIMEOUT_S,
            )
            found = {int(row["probe"]): row for row in told}
            for probe in probes:
                row = found.get(probe)
                if row is None or (row["at"] is not None and float(row["at"]) >= at):
                    high = min(high, probe)
                    break
                low = max(low, int(row["id"]) + 1)
        return low

    def _call(self, answered: str, ended: str) -> str:
        return (
            f"e.uniqueid, {self._agent()}, e.status, UNIX_TIMESTAMP(e.datetime_entry_queue) AS entered,"
            f" UNIX_TIMESTAMP(e.{answered}) AS answered, UNIX_TIMESTAMP(e.{ended}) AS ended,"
            " e.duration AS talk, e.duration_wait AS wait"
        )

    def _agent(self) -> str:
        kind = "a.type" if "type" in self._columns.get("agent", ()) else "'Agent'"
        return f"CONCAT({kind}, '/', a.number) AS agent, a.name AS agent_name"

    def _field(self, table: str, name: str) -> str:
        return f"e.{name}" if name in self._columns.get(table, ()) else f"NULL AS {name}"

    async def _ask(self, sql: str, params: Sequence[Any]) -> list[Row]:
        return await self._query(sql, (*params, MOST_ROWS + 1), timeout_s=TIMEOUT_S)


def _between(column: str) -> str:
    return f"{column} >= FROM_UNIXTIME(%s) AND {column} < FROM_UNIXTIME(%s)"

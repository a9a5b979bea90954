"""The call-center module's tables, asked for the calls and log-ins of a period: bounded in cost on a million rows.

Both schemas, told by column: Elastix 2.x has `calls.id_campaign`, Issabel 4 `calls.id_list` and `campaign_lists`. Which
indexes there are differs too, and not by version: upgraded installations have `datetime_entry_queue` as the name of an
index on another column. So the range of a period is taken from an index where one is there, else from the ids, which
are given in the order of the dates. Dates go through the server's own zone (FROM_UNIXTIME, UNIX_TIMESTAMP).
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.periods import Period
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import LOOK_BACK_CALLS_S, LOOK_BACK_LOGINS_S
from ccops.watch.module_schema import TIMEOUT_S, NoModule, Query, Row, Schema, between, first_id, read_schema

__all__ = ["NoModule", "read_details", "read_module"]

MOST_ROWS = 60_000
"""Of calls, and of log-ins and breaks, that are read for one report; beyond that it says that it was cut."""

# A clock that was set back (a failover to a node that is behind) leaves ids a little out of the order of their dates.
_SLACK_S = 3600.0
_NEEDED = ("agent", "audit", "call_entry", "queue_call_entry")
_TABLES = ("agent", "audit", "break", "call_entry", "calls", "campaign", "campaign_lists", "queue_call_entry")


async def read_module(query: Query, period: Period) -> Records:
    """The calls and log-ins of a period, with those before it that last into it.

    Raises NoModule, and whatever `query` raises.
    """
    tables = _Tables(query, await read_schema(query, _TABLES, _NEEDED))
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
        f"SELECT uniqueid, src, channel FROM asteriskcdrdb.cdr WHERE {between('calldate')} ORDER BY calldate LIMIT %s",
        (int(period.start - LOOK_BACK_CALLS_S), int(period.end), MOST_ROWS),
        timeout_s=TIMEOUT_S,
    )


class _Tables:
    """The questions, spelt for the columns and indexes that are there."""

    def __init__(self, query: Query, schema: Schema) -> None:
        self._query = query
        self._schema = schema

    async def incoming(self, begin: int, end: int) -> list[Row]:
        """The rows of call_entry whose caller entered a queue from `begin` to before `end`."""
        bounds: tuple[int, ...] = (begin, end)
        where = between("datetime_entry_queue")
        if not self._schema.indexed("call_entry", "datetime_entry_queue"):
            first = await first_id(self._query, "call_entry", "datetime_entry_queue", begin - _SLACK_S)
            last = await first_id(self._query, "call_entry", "datetime_entry_queue", end + _SLACK_S)
            where, bounds = f"id >= %s AND id < %s AND {where}", (first, last, begin, end)
        trunk = self._schema.field("call_entry", "trunk")
        return await self._ask(
            f"SELECT 'in' AS direction, q.queue, e.callerid AS number, {trunk},"
            f" {self._call('datetime_init', 'datetime_end')}"
            f" FROM (SELECT id_queue_call_entry, callerid, datetime_init, datetime_end, {self._kept('call_entry')}"
            f" FROM call_center.call_entry WHERE {where} ORDER BY datetime_entry_queue LIMIT %s) AS e"
            " LEFT JOIN call_center.queue_call_entry AS q ON q.id = e.id_queue_call_entry"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent",
            bounds,
        )

    async def outgoing(self, begin: int, end: int, problems: list[str]) -> list[Row]:
        """The rows of calls (campaigns) likewise: those that reached a queue."""
        schema = self._schema
        if not schema.has("calls") or not schema.has("campaign"):
            return []
        by = next((name for name in ("datetime_entry_queue", "start_time") if schema.indexed("calls", name)), None)
        if by is None:
            problems.append("calls of campaigns are left out: no index of call_center.calls begins with a date")
            return []
        if by == "start_time":
            problems.append("calls of campaigns that nobody answered are left out: their date has no index")
        if not schema.by_lists:
            campaign = "LEFT JOIN call_center.campaign AS c ON c.id = e.id_campaign"
        else:
            campaign = (
                "LEFT JOIN call_center.campaign_lists AS l ON l.id = e.id_list"
                " LEFT JOIN call_center.campaign AS c ON c.id = l.id_campaign"
            )
        return await self._ask(
            f"SELECT 'out' AS direction, c.queue, e.phone AS number, {self._schema.field('calls', 'trunk')},"
            f" {self._call('start_time', 'end_time')}"
            f" FROM (SELECT {'id_list' if schema.by_lists else 'id_campaign'}, phone, start_time, end_time,"
            f" {self._kept('calls')} FROM call_center.calls WHERE {between(by)} ORDER BY {by} LIMIT %s) AS e"
            f" {campaign} LEFT JOIN call_center.agent AS a ON a.id = e.id_agent",
            (begin, end),
        )

    async def presences(self, start: int, end: int) -> list[Row]:
        """Log-ins and breaks that have a part between `start` and `end`; no index has their dates."""
        first = await first_id(self._query, "audit", "datetime_init", start - LOOK_BACK_LOGINS_S)
        last = await first_id(self._query, "audit", "datetime_init", end + _SLACK_S)
        kind = "b.tipo" if self._schema.has("break", "tipo") else "NULL"
        return await self._ask(
            f"SELECT {self._schema.agent()}, UNIX_TIMESTAMP(e.datetime_init) AS began,"
            " UNIX_TIMESTAMP(e.datetime_end) AS ended,"
            f" CASE WHEN e.id_break IS NULL THEN NULL ELSE COALESCE(b.name, '') END AS pause, {kind} AS kind"
            " FROM (SELECT * FROM call_center.audit WHERE id >= %s AND id < %s AND datetime_init < FROM_UNIXTIME(%s)"
            " AND (datetime_end IS NULL OR datetime_end >= FROM_UNIXTIME(%s)) ORDER BY id LIMIT %s) AS e"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent"
            " LEFT JOIN call_center.`break` AS b ON b.id = e.id_break",
            (first, last, end, start),
        )

    def _call(self, answered: str, ended: str) -> str:
        return (
            f"e.uniqueid, {self._schema.agent()}, e.status, UNIX_TIMESTAMP(e.datetime_entry_queue) AS entered,"
            f" UNIX_TIMESTAMP(e.{answered}) AS answered, UNIX_TIMESTAMP(e.{ended}) AS ended,"
            " e.duration AS talk, e.duration_wait AS wait"
        )

    def _kept(self, table: str) -> str:
        """The columns of a call that both tables have; all of them would make each row of the subquery longer."""
        names = ["id_agent", "uniqueid", "status", "datetime_entry_queue", "duration", "duration_wait"]
        return ", ".join([*names, *(["trunk"] if self._schema.has(table, "trunk") else [])])

    async def _ask(self, sql: str, params: Sequence[Any]) -> list[Row]:
        return await self._query(sql, (*params, MOST_ROWS + 1), timeout_s=TIMEOUT_S)

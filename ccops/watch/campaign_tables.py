"""The call-center module's campaigns, asked from its tables: bounded in cost on a million rows.

Elastix 2.x and Issabel 4, told by column. Counting a campaign's calls by status reads each of its rows once (no index
has the status), so that whoever asks does so seldom; all the rest is found by an index or the primary key, and a LIMIT
stands inside the subquery, before anything is joined.
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ccops.callcentre import campaign_rows
from ccops.callcentre.campaigns import Break, Campaign, CampaignCall, Link, Progress
from ccops.callcentre.sql_cells import count, number, text
from ccops.watch.module_schema import TIMEOUT_S, NoModule, Query, Row, Schema, first_id, read_schema

LAST_CALLS = 50
MOST_CAMPAIGNS = 500
_MOST_LINKS = 2_000
_MOST_LISTS = 2_000
# So many entries of the log of progress are looked through for the last calls: a call makes some five.
_LOG_ROWS = 400
_SLACK_S = 3600.0

TABLES = (
    *("agent", "audit", "break", "call_entry", "call_progress_log", "calls", "campaign", "campaign_entry"),
    *("campaign_lists", "current_call_entry", "current_calls", "queue_call_entry"),
)


class CampaignTables:
    """The questions, spelt for the columns that are there; each raises whatever `query` raises."""

    def __init__(self, query: Query, schema: Schema) -> None:
        self._query = query
        self.schema = schema

    @classmethod
    async def of(cls, query: Query) -> CampaignTables:
        """Looks at the tables first. Raises NoModule where there is none."""
        schema = await read_schema(query, TABLES, ("agent",))
        if not schema.has("campaign") and not schema.has("campaign_entry"):
            raise NoModule("this call-center module has no campaigns: neither call_center.campaign nor campaign_entry")
        return cls(query, schema)

    async def campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns of both kinds; the newest MOST_CAMPAIGNS of each."""
        rows: list[Row] = []
        if self.schema.has("campaign"):
            rows += await self._ask(self.outgoing_sql("ORDER BY e.id DESC LIMIT %s"), (MOST_CAMPAIGNS,))
        if self.schema.has("campaign_entry"):
            rows += await self._ask(self.incoming_sql("ORDER BY e.id DESC LIMIT %s"), (MOST_CAMPAIGNS,))
        return campaign_rows.campaigns(rows)

    def outgoing_sql(self, rest: str) -> str:
        """Rows of `campaign` as `campaign_rows.campaigns` takes them."""
        return (
            f"SELECT 'out' AS direction, {self._schedule()}, e.queue, e.trunk, e.context, e.max_canales AS channels,"
            f" e.retries FROM call_center.campaign AS e {rest}"
        )

    def incoming_sql(self, rest: str) -> str:
        """Rows of `campaign_entry` likewise."""
        status = "q.estatus" if self.schema.has("queue_call_entry", "estatus") else "NULL"
        return (
            f"SELECT 'in' AS direction, {self._schedule()}, q.queue, e.id_queue_call_entry AS queue_id,"
            f" {status} AS queue_status FROM call_center.campaign_entry AS e"
            f" LEFT JOIN call_center.queue_call_entry AS q ON q.id = e.id_queue_call_entry {rest}"
        )

    async def links(self, started_at: float | None) -> Mapping[str, tuple[Link, ...]]:
        """Who is on a call of which campaign now: tables of live calls only, which the dialer empties at its start."""
        rows: list[Row] = []
        schema = self.schema
        active = " AND b.estatus = 'A'" if schema.has("agent", "estatus") else ""
        if schema.has("current_calls") and schema.has("calls"):
            owner, join = ("l.id_campaign", self._lists("c")) if schema.by_lists else ("c.id_campaign", "")
            rows += await self._ask(
                f"SELECT 'out' AS direction, {owner} AS campaign, e.agentnum, {schema.agent()}, c.phone AS number,"
                f" UNIX_TIMESTAMP(e.fecha_inicio) AS since, {schema.field('current_calls', 'hold')}"
                " FROM (SELECT * FROM call_center.current_calls ORDER BY id DESC LIMIT %s) AS e"
                f" JOIN call_center.calls AS c ON c.id = e.id_call {join}"
                " LEFT JOIN call_center.agent AS a ON a.id = (SELECT MAX(b.id) FROM call_center.agent AS b"
                f" WHERE b.number = e.agentnum{active})",
                (_MOST_LINKS,),
            )
        if schema.has("current_call_entry") and schema.has("call_entry", "id_campaign"):
            rows += await self._ask(
                f"SELECT 'in' AS direction, c.id_campaign AS campaign, {schema.agent()}, e.callerid AS number,"
                f" UNIX_TIMESTAMP(e.datetime_init) AS since, {schema.field('current_call_entry', 'hold')}"
                " FROM (SELECT * FROM call_center.current_call_entry ORDER BY id DESC LIMIT %s) AS e"
                " JOIN call_center.call_entry AS c ON c.id = e.id_call_entry"
                " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent",
                (_MOST_LINKS,),
            )
        return campaign_rows.links(rows, started_at)

    async def progress(self, campaign: Campaign, started_at: float | None) -> Progress:
        """What became of all calls of an outgoing campaign: reads each of them once."""
        began = time.monotonic()
        where, params = await self._owned(campaign.id)
        rows: list[Row] = []
        if where:
            dnc = self._calls("dnc", "0")
            rows = await self._ask(
                f"SELECT e.status, COUNT(*) AS n, SUM({self._calls('retries', '0')}) AS attempts,"
                f" SUM(CASE WHEN {self._calls('retries', '0')} < %s AND {dnc} = 0 THEN 1 ELSE 0 END) AS again,"
                f" SUM(CASE WHEN {dnc} <> 0 THEN 1 ELSE 0 END) AS barred,"
                f" SUM(CASE WHEN e.end_time IS NULL AND {self._begun()} < FROM_UNIXTIME(%s) THEN 1 ELSE 0 END) AS old,"
                " SUM(e.duration) AS talk_sum, COUNT(e.duration) AS talk_n,"
                " SUM(e.duration_wait) AS wait_sum, COUNT(e.duration_wait) AS wait_n"
                f" FROM call_center.calls AS e WHERE {where} GROUP BY e.status",
                (1 if campaign.retries is None else campaign.retries, int(started_at or 0), *params),
            )
        return campaign_rows.outgoing(rows, time.time(), time.monotonic() - began)

    async def first_call_of(self, at: float) -> int:
        """The lowest id of call_entry from that moment on, by a search in the ids: resolved once a day."""
        return await first_id(self._query, "call_entry", "datetime_entry_queue", at - _SLACK_S)

    async def today(self, first: int, since: float, started_at: float | None) -> Mapping[str, Progress]:
        """What became of the calls of incoming campaigns since a moment, by campaign; `first` is an id before it."""
        if not self.schema.has("call_entry", "id_campaign"):
            return {}
        began = time.monotonic()
        rows = await self._ask(
            "SELECT e.id_campaign AS campaign, e.status, COUNT(*) AS n,"
            " SUM(CASE WHEN e.datetime_end IS NULL AND e.datetime_entry_queue < FROM_UNIXTIME(%s) THEN 1 ELSE 0 END)"
            " AS old, SUM(e.duration) AS talk_sum, COUNT(e.duration) AS talk_n,"
            " SUM(e.duration_wait) AS wait_sum, COUNT(e.duration_wait) AS wait_n"
            " FROM call_center.call_entry AS e WHERE e.id >= %s AND e.datetime_entry_queue >= FROM_UNIXTIME(%s)"
            " AND e.id_campaign IS NOT NULL GROUP BY e.id_campaign, e.status",
            (int(started_at or 0), first, int(since)),
        )
        return campaign_rows.incoming(rows, time.time(), time.monotonic() - began)

    async def calls(self, campaign: Campaign, started_at: float | None) -> tuple[CampaignCall, ...]:
        """The last LAST_CALLS calls of a campaign, the newest first."""
        if campaign.direction == "in":
            return campaign_rows.calls(await self._incoming_calls(campaign.id), started_at)
        return campaign_rows.calls(await self._outgoing_calls(campaign.id), started_at)

    async def breaks(self) -> tuple[Break, ...]:
        """The kinds of break that there are, without the module's own Hold."""
        if not self.schema.has("break"):
            return ()
        kind = "WHERE e.tipo = 'B' OR e.tipo IS NULL" if self.schema.has("break", "tipo") else "WHERE e.id <> 1"
        rows = await self._ask(
            f"SELECT e.id, e.name, {self.schema.field('break', 'description')}, e.status"
            f" FROM call_center.`break` AS e {kind} ORDER BY e.name, e.id LIMIT 500",
            (),
        )
        return tuple(
            Break(count(row["id"]), text(row["name"]), text(row["description"]), text(row["status"]).upper() == "A")
            for row in rows
        )

    # -- spelling

    async def _incoming_calls(self, id: int) -> list[Row]:
        if not self.schema.has("call_entry", "id_campaign"):
            return []
        return await self._ask(
            f"SELECT e.id, UNIX_TIMESTAMP(COALESCE(e.datetime_end, e.datetime_init, e.datetime_entry_queue)) AS at,"
            f" UNIX_TIMESTAMP(e.datetime_end) AS ended, e.callerid AS number, e.status, {self.schema.agent()},"
            f" e.duration_wait AS wait, e.duration AS talk, {self.schema.field('call_entry', 'trunk')}"
            " FROM (SELECT * FROM call_center.call_entry WHERE id_campaign = %s ORDER BY id DESC LIMIT %s) AS e"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent ORDER BY e.id DESC",
            (id, LAST_CALLS),
        )

    async def _outgoing_calls(self, id: int) -> list[Row]:
        """By the log of progress, where there is one: numbers are called anew long after their row was made."""
        last = "COALESCE(e.end_time, e.start_time, e.fecha_llamada"
        last += ", e.datetime_originate)" if self.schema.has("calls", "datetime_originate") else ")"
        fields = (
            f"SELECT e.id, UNIX_TIMESTAMP({last}) AS at, UNIX_TIMESTAMP(e.end_time) AS ended, e.phone AS number,"
            f" e.status, {self.schema.agent()}, e.duration_wait AS wait, e.duration AS talk,"
            f" {self.schema.field('calls', 'trunk')}, {self.schema.field('calls', 'retries')},"
            f" {self.schema.field('calls', 'failure_cause_txt').replace(' AS failure_cause_txt', '')} AS cause_text,"
            f" {self.schema.field('calls', 'failure_cause').replace(' AS failure_cause', '')} AS cause"
        )
        agent = "LEFT JOIN call_center.agent AS a ON a.id = e.id_agent"
        if self.schema.has("call_progress_log", "id_campaign_outgoing"):
            logged = await self._ask(
                "SELECT id_call_outgoing AS made FROM call_center.call_progress_log WHERE id_campaign_outgoing = %s"
                " ORDER BY id DESC LIMIT %s",
                (id, _LOG_ROWS),
            )
            ids = list(dict.fromkeys(int(n) for row in logged if (n := number(row["made"])) is not None))[:LAST_CALLS]
            if ids:
                rows = await self._ask(
                    f"{fields} FROM call_center.calls AS e {agent} WHERE e.id IN ({_marks(ids)})", tuple(ids)
                )
                place = {id: n for n, id in enumerate(ids)}
                return sorted(rows, key=lambda row: place[int(row["id"])])
        where, params = await self._owned(id)
        if not where:
            return []
        return await self._ask(
            f"{fields} FROM (SELECT * FROM call_center.calls AS e WHERE {where} AND e.fecha_llamada IS NOT NULL"
            f" ORDER BY e.id DESC LIMIT %s) AS e {agent} ORDER BY e.id DESC",
            (*params, LAST_CALLS),
        )

    async def _owned(self, campaign: int) -> tuple[str, tuple[int, ...]]:
        """A condition for a campaign's rows of `calls` as e; "" where none can be its own."""
        if not self.schema.has("calls"):
            return "", ()
        if not self.schema.by_lists:
            return "e.id_campaign = %s", (campaign,)
        rows = await self._ask(
            "SELECT id FROM call_center.campaign_lists WHERE id_campaign = %s ORDER BY id LIMIT %s",
            (campaign, _MOST_LISTS),
        )
        lists = tuple(count(row["id"]) for row in rows)
        return (f"e.id_list IN ({_marks(lists)})", lists) if lists else ("", ())

    def _schedule(self) -> str:
        return (
            "e.id, e.name, CAST(e.datetime_init AS CHAR) AS first, CAST(e.datetime_end AS CHAR) AS last,"
            " TIME_TO_SEC(e.daytime_init) AS opens, TIME_TO_SEC(e.daytime_end) AS closes, e.estatus AS status"
        )

    def _begun(self) -> str:
        """When the last attempt at a call began, as far as this module writes it."""
        names = [n for n in ("datetime_originate", "fecha_llamada", "start_time") if self.schema.has("calls", n)]
        return f"COALESCE({', '.join(f'e.{name}' for name in names)})"

    def _calls(self, column: str, otherwise: str) -> str:
        return f"e.{column}" if self.schema.has("calls", column) else otherwise

    @staticmethod
    def _lists(of: str) -> str:
        return f"LEFT JOIN call_center.campaign_lists AS l ON l.id = {of}.id_list"

    async def _ask(self, sql: str, params: Sequence[object]) -> list[Row]:
        return await self._query(sql, params, timeout_s=TIMEOUT_S)


def _marks(of: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(of))

"""Today's log-ins and breaks of the module's agents, followed in its `audit`: what is over is read once.

No index of `audit` has a date or tells what is open. So the day's first id, and what was open before it, are resolved
once; then each reading asks, by the primary key, for what was added and for what was open the last time.
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

from collections.abc import Iterable

from ccops.callcentre.service_times import LOOK_BACK_LOGINS_S
from ccops.callcentre.sql_cells import count
from ccops.watch.module_schema import TIMEOUT_S, Query, Row, Schema, first_id

MOST_ROWS = 40_000
_MOST_OPEN = 4_000
# What a lagging clock wrote a little late, or somebody mended by hand, is found again by reading all anew.
_ANEW_S = 900.0
_SLACK_S = 3600.0


class AuditTail:
    """Follows one node's table. `read` gives all rows with a part in the day that begins at `midnight`."""

    def __init__(self) -> None:
        self._of: tuple[str, float] | None = None
        self._rows: dict[int, Row] = {}
        self._last = 0
        self._whole_at = 0.0
        self.cut = False

    async def read(self, query: Query, schema: Schema, node: str, midnight: float, now: float) -> list[Row]:
        """Rows as `ccops.callcentre.board` takes them. Raises whatever `query` raises."""
        if self._of != (node, midnight) or not 0 <= now - self._whole_at < _ANEW_S:
            await self._begin(query, schema, node, midnight, now)
        else:
            await self._follow(query, schema)
        return list(self._rows.values())

    async def _begin(self, query: Query, schema: Schema, node: str, midnight: float, now: float) -> None:
        self.cut = False
        back = await first_id(query, "audit", "datetime_init", midnight - LOOK_BACK_LOGINS_S)
        today = await first_id(query, "audit", "datetime_init", midnight - _SLACK_S)
        oldest = await query(
            "SELECT id FROM call_center.audit WHERE id < %s AND datetime_end IS NULL ORDER BY id DESC LIMIT %s",
            (back, _MOST_OPEN),
            timeout_s=TIMEOUT_S,
        )
        ids = [count(row["id"]) for row in oldest]
        rows = await self._ask(query, schema, f"id IN ({', '.join(['%s'] * len(ids))})", ids) if ids else []
        rows += await self._ask(
            query,
            schema,
            "id >= %s AND id < %s AND (datetime_end IS NULL OR datetime_end >= FROM_UNIXTIME(%s))",
            (back, today, int(midnight)),
        )
        rows += await self._ask(query, schema, "id >= %s", (today,))
        self._of, self._whole_at, self._rows, self._last = (node, midnight), now, {}, today - 1
        self._take(rows)

    async def _follow(self, query: Query, schema: Schema) -> None:
        open_ = [id for id, row in self._rows.items() if row["ended"] is None][:_MOST_OPEN]
        rows = await self._ask(query, schema, "id > %s", (self._last,))
        if open_:
            rows += await self._ask(query, schema, f"id IN ({', '.join(['%s'] * len(open_))})", open_)
            # A row that is there no more was taken away by whoever mended it.
            there = {count(row["id"]) for row in rows}
            for id in open_:
                if id not in there:
                    del self._rows[id]
        self._take(rows)

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            id = count(row["id"])
            self._rows[id] = row
            self._last = max(self._last, id)

    async def _ask(self, query: Query, schema: Schema, where: str, params: Iterable[int]) -> list[Row]:
        kind = "b.tipo" if schema.has("break", "tipo") else "NULL"
        found = await query(
            f"SELECT e.id, {schema.agent()}, UNIX_TIMESTAMP(e.datetime_init) AS began,"
            " UNIX_TIMESTAMP(e.datetime_end) AS ended,"
            f" CASE WHEN e.id_break IS NULL THEN NULL ELSE COALESCE(b.name, '') END AS pause, {kind} AS kind"
            f" FROM (SELECT * FROM call_center.audit WHERE {where} ORDER BY id LIMIT %s) AS e"
            " LEFT JOIN call_center.agent AS a ON a.id = e.id_agent"
            " LEFT JOIN call_center.`break` AS b ON b.id = e.id_break",
            (*params, MOST_ROWS + 1),
            timeout_s=TIMEOUT_S,
        )
        if len(found) > MOST_ROWS:
            self.cut = True
            del found[MOST_ROWS:]
        return found

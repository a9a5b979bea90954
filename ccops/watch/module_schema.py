"""What the call-center module's tables look like here, told by INFORMATION_SCHEMA and never by a version's number.

Elastix 2.x has `calls.id_campaign`, Issabel 4 `calls.id_list` and `campaign_lists`; columns and indexes came and went
with upgrades, so that each question is spelt for the ones that are there.
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

TIMEOUT_S = 20.0
_PROBES = 32

Row = dict[str, Any]


class Query(Protocol):
    """Runs one statement, parameterised; a `MysqlLink`'s."""

    def __call__(self, sql: str, params: Sequence[Any] = ..., *, timeout_s: float = ...) -> Awaitable[list[Row]]: ...


class NoModule(Exception):
    """There is no call-center module in this MySQL, or its tables may not be read."""


class Schema:
    """The columns of each table, and those that an index begins with."""

    def __init__(self, columns: Mapping[str, set[str]], indexed: Mapping[str, set[str]]) -> None:
        self._columns = columns
        self._indexed = indexed

    def has(self, table: str, column: str = "") -> bool:
        """Whether there is that table, or that column of it."""
        return column in self._columns.get(table, ()) if column else table in self._columns

    def indexed(self, table: str, column: str) -> bool:
        """Whether an index begins with that column."""
        return column in self._indexed.get(table, ())

    def field(self, table: str, name: str, prefix: str = "e", otherwise: str = "NULL") -> str:
        """The column for a SELECT; `otherwise` under its name where this module does not have it."""
        return f"{prefix}.{name}" if self.has(table, name) else f"{otherwise} AS {name}"

    @property
    def by_lists(self) -> bool:
        """Whether calls belong to lists, and those to campaigns (Issabel 4)."""
        return not self.has("calls", "id_campaign") and self.has("calls", "id_list") and self.has("campaign_lists")

    def agent(self, prefix: str = "a") -> str:
        """An agent's key and name for a SELECT; before agents had types all were of type Agent."""
        kind = f"{prefix}.type" if self.has("agent", "type") else "'Agent'"
        return f"CONCAT({kind}, '/', {prefix}.number) AS agent, {prefix}.name AS agent_name"


async def read_schema(query: Query, tables: Sequence[str], needed: Sequence[str]) -> Schema:
    """Of those tables. Raises NoModule where one that is needed is not there, and whatever `query` raises."""
    marks = ", ".join(["%s"] * len(tables))
    where = f"WHERE TABLE_SCHEMA = 'call_center' AND TABLE_NAME IN ({marks})"
    columns: dict[str, set[str]] = {}
    indexed: dict[str, set[str]] = {}
    told = "SELECT TABLE_NAME AS name, COLUMN_NAME AS field FROM INFORMATION_SCHEMA"
    for row in await query(f"{told}.COLUMNS {where}", tuple(tables), timeout_s=TIMEOUT_S):
        columns.setdefault(str(row["name"]), set()).add(str(row["field"]))
    missing = [name for name in needed if name not in columns]
    if missing:
        raise NoModule(f"MySQL shows no table call_center.{missing[0]}: no call-center module, or no right to read it")
    for row in await query(f"{told}.STATISTICS {where} AND SEQ_IN_INDEX = 1", tuple(tables), timeout_s=TIMEOUT_S):
        indexed.setdefault(str(row["name"]), set()).add(str(row["field"]))
    return Schema(columns, indexed)


async def first_id(query: Query, table: str, column: str, at: float) -> int:
    """The lowest id whose date is not before `at` (seconds since the epoch): ids are given in the order of the dates.

    A search that reads a few dozen rows, in a few round trips, whatever the table's size.
    """
    bounds = await query(f"SELECT MIN(id) AS low, MAX(id) AS high FROM call_center.{table}", timeout_s=TIMEOUT_S)
    low, high = int(bounds[0]["low"] or 0), int(bounds[0]["high"] or 0) + 1
    one = (
        f"SELECT %s AS probe, id, UNIX_TIMESTAMP({column}) AS at FROM"
        f" (SELECT id, {column} FROM call_center.{table} WHERE id >= %s ORDER BY id LIMIT 1) AS p"
    )
    while low < high:
        step = max(1, -(-(high - low) // (_PROBES + 1)))
        probes = list(range(low, high, step))
        told = await query(
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


def between(column: str) -> str:
    """A condition with two parameters: from the first to before the second, seconds since the epoch."""
    return f"{column} >= FROM_UNIXTIME(%s) AND {column} < FROM_UNIXTIME(%s)"

"""The breaks of the call-center module that agents can be paused for: the one place that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccops.callcentre.campaigns import Break
from ccops.text import clean
from ccops.watch.module_schema import Query

# By all columns: early modules lack `tipo`, of which only H is none that an agent takes; number 1 is Hold everywhere.
_BREAKS = "SELECT * FROM call_center.`break` WHERE status = 'A' ORDER BY id LIMIT 500"


async def read_breaks(query: Query, *, timeout_s: float = 5.0) -> tuple[Break, ...]:
    """The active breaks of type B, by name: those that an agent can be paused for.

    Raises whatever `query` raises: there is no module, or no right to read it.
    """
    rows = await query(_BREAKS, timeout_s=timeout_s)
    found = [each for row in rows if (each := _break(row)) is not None]
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.id)))


def _break(row: Mapping[str, Any]) -> Break | None:
    number = row.get("id")
    kind = str(row.get("tipo") or ("H" if number == 1 else "B")).upper()
    if not isinstance(number, int) or kind != "B" or row.get("status", "A") != "A":
        return None
    return Break(number, clean(str(row.get("name") or ""), 250).strip(), clean(str(row.get("description") or ""), 250))

"""The breaks that agents of the call-center module can be paused for, from tables of any age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ccops.callcentre.campaigns import Break
from ccops.watch.breaks import read_breaks


def reader(*rows: dict[str, Any]) -> Any:
    async def query(sql: str, params: Sequence[Any] = (), *, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        assert "status = 'A'" in sql
        assert not params
        return list(rows)

    return query


async def test_they_are_the_active_ones_of_type_b_by_name() -> None:
    found = await read_breaks(
        reader(
            {"id": 1, "name": "Hold", "description": "Hold", "status": "A", "tipo": "H"},
            {"id": 5, "name": "reunión\x1b[2J", "description": None, "status": "A", "tipo": "B"},
            {"id": 2, "name": "Almuerzo", "description": "lunch", "status": "A", "tipo": "B"},
            {"id": 3, "name": "Old", "description": "", "status": "I", "tipo": "B"},
            {"id": None, "name": "odd", "status": "A", "tipo": "B"},
        )
    )
    assert found == (Break(2, "Almuerzo", "lunch"), Break(5, "reunión[2J"))


async def test_early_modules_tell_no_type() -> None:
    found = await read_breaks(
        reader({"id": 1, "name": "Hold", "status": "A"}, {"id": 2, "name": "Baño", "status": "A"})
    )
    assert found == (Break(2, "Baño"),)


async def test_what_cannot_be_read_is_no_empty_list() -> None:
    async def query(sql: str, params: Sequence[Any] = (), *, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await read_breaks(query)

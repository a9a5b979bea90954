"""Rows of the module's tables that are changed: the statements, and the deeds that keep, write, see and take back.

A row is written only while it is still what the plan was drawn from (its former values stand in the statement's WHERE),
and an effect is what is read afterwards. MySQL 5.0's tables may be MyISAM: nothing is left to a rollback.
"""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ccops.callcentre.sql_cells import count
from ccops.config import Secret
from ccops.links.errors import LinkError, Refused
from ccops.operations.plan import Surprise
from ccops.operations.scene import serves
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

Value = str | Secret

_SEEN_WITHIN_S = 6.0
_LOOK_EVERY_S = 0.5
_TEXTS = frozenset(["name", "description"])
_NOTHING = "nothing was changed: look at it again, and ask for it anew"


class RowChange(msgspec.Struct, frozen=True):
    """A row of call_center that becomes another, or (without `id`) a new one.

    `before` are the columns that are changed as they are now (of a new one: none), `after` as they are to be; `known`
    are columns that tell a new one from others. `grant` is the statement that gives the right to do it.
    """

    node: str
    table: str
    after: Mapping[str, Value]
    id: int | None = None
    before: Mapping[str, str] = {}
    known: Mapping[str, str] = {}
    grant: str = ""

    @property
    def spelt(self) -> str:
        """The table as statements have it."""
        return f"call_center.`{self.table}`"

    def statement(self) -> tuple[str, tuple[Value, ...]]:
        """What is sent, with its parameters."""
        if self.id is None:
            names = ", ".join(f"`{name}`" for name in self.after)
            marks = ", ".join(["%s"] * len(self.after))
            return f"INSERT INTO {self.spelt} ({names}) VALUES ({marks})", tuple(self.after.values())
        # A name may have characters that were cut where it was read: it tells nothing about the row being the same.
        return self._update(self.after, {name: was for name, was in self.before.items() if name not in _TEXTS})

    def inverse(self, id: int) -> tuple[str, tuple[Value, ...]]:
        """What takes it back."""
        if self.id is None:
            return f"DELETE FROM {self.spelt} WHERE `id` = {id:d}", ()
        return self._update(self.before, {name: _bare(value) for name, value in self.after.items()})

    def shown(self) -> str:
        """The statement as it is shown and recorded, secrets as ***."""
        return printed(*self.statement())

    def _update(self, to: Mapping[str, Value], of: Mapping[str, str]) -> tuple[str, tuple[Value, ...]]:
        fields = ", ".join(f"`{name}` = %s" for name in to)
        where, params = _where(of)
        return f"UPDATE {self.spelt} SET {fields} WHERE `id` = {self.id}{where}", (*to.values(), *params)


def printed(sql: str, params: Sequence[Value]) -> str:
    """A statement with its parameters in their places, for people; a secret is ***."""
    pieces = sql.split("%s")
    values = ["***" if isinstance(value, Secret) else _quoted(value) for value in params]
    return "".join(piece + value for piece, value in zip(pieces, [*values, ""], strict=True))


async def keep(bench: Bench, change: RowChange) -> str:
    """Writes what is there before, and what is to be, below `bench.folder` on this host; says where. No secret is."""
    bench.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _kept_in(bench, change)
    told: dict[str, object] = {
        "table": change.table,
        "id": change.id,
        "before": dict(change.before),
        "after": {name: value if isinstance(value, str) else "***" for name, value in change.after.items()},
        "known": dict(change.known),
    }
    if change.id is None:
        told["top"] = await _top(bench, change)
    write_private(path, json.dumps(told, ensure_ascii=False))
    return str(path)


async def write(bench: Bench, change: RowChange) -> int:
    """Does it and sees it; the row's id. Raises Surprise: nothing was done, it was taken back, or neither is seen."""
    if serves(bench.eyes.look(), change.node) is not True:
        raise Surprise(f"{change.node} is not seen to serve any more: nothing was written", _NOTHING, undone=True)
    top = 0 if change.id is not None else await _top(bench, change)
    sql, params = change.statement()
    bench.note(f"MySQL on {change.node}, as {bench.books.user}: {change.shown()}")
    told: int | None = None
    try:
        told = await bench.books.change(change.node, sql, tuple(map(_bare, params)))
        bench.note(f"it changed {told} row{'' if told == 1 else 's'}")
    except Refused as error:
        raise Surprise(f"{clean(str(error), 300)}{_right(change, str(error))}", _NOTHING, undone=True) from None
    except LinkError as error:
        bench.note(f"no answer to it ({error}): what became of it is read")
    id = await _seen(bench, change, top)
    if id is not None:
        return id
    ids = await _mine(bench, change, top, told)
    if not ids:
        why = "the row is another one by now" if change.id is not None else "no such row is there afterwards"
        raise Surprise(f"nothing was changed: {why}", _NOTHING, undone=True)
    await take_back(bench, change, ids, "what is read afterwards is not what was written")
    raise AssertionError("take_back raises")


async def take_back(bench: Bench, change: RowChange, ids: Sequence[int], why: str) -> None:
    """Undoes it in those rows and sees that. Raises Surprise in any case: `why`, and whether it could be taken back."""
    bench.note(f"{why}: it is taken back")
    try:
        await _undo(bench, change, ids)
    except (Surprise, LinkError) as error:
        raise Surprise(
            f"{why}; and it is not seen to be taken back: {error}",
            f"`ccops resume --undo` tries it again; what was there before is kept in {bench.folder}",
        ) from None
    raise Surprise(
        f"{why}; so it was taken back, and that is seen",
        "nothing is left of it: mend what it says, and ask for it again",
        undone=True,
    )


async def put_back(bench: Bench, change: RowChange) -> str:
    """The inverse of one that was interrupted, by what `keep` wrote, maybe in another process."""
    try:
        told = json.loads(_kept_in(bench, change).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Surprise(f"what was there before is not kept ({type(error).__name__}): nothing is taken back") from None
    kept = msgspec.structs.replace(change, before=told["before"], known=told["known"])
    ids = await _mine(bench, kept, int(told.get("top", 0)), None)
    if not ids:
        return f"{change.spelt} is as it was before"
    await _undo(bench, kept, ids)
    return f"{change.spelt} is as it was before again"


async def _undo(bench: Bench, change: RowChange, ids: Sequence[int]) -> None:
    for id in ids:
        sql, params = change.inverse(id)
        bench.note(f"MySQL on {change.node}, as {bench.books.user}: {printed(sql, params)}")
        await bench.books.change(change.node, sql, tuple(map(_bare, params)))
        there = await _row_is(bench, change, id, change.after if change.id is not None else {})
        if there:
            raise Surprise(f"row {id} of {change.spelt} is not as it was before")


async def _mine(bench: Bench, change: RowChange, top: int, told: int | None) -> list[int]:
    """The rows that this has changed or added, as far as can be told; others' are left alone.

    `told`: how many rows MySQL said to have changed, None without an answer. A new row that is not quite what was
    written is ours where MySQL said that there is one and it is the only one.
    """
    if change.id is not None:
        return [change.id] if told or await _row_is(bench, change, change.id, change.after) else []
    rows = await _after(bench, change, top, {})
    mine = await _after(bench, change, top, change.known)
    return mine or (rows if told == 1 and len(rows) == 1 else [])


async def _seen(bench: Bench, change: RowChange, top: int) -> int | None:
    """The id of the row once it is read as it is to be; None where that does not come about."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SEEN_WITHIN_S
    while True:
        try:
            if change.id is not None:
                if await _row_is(bench, change, change.id, change.after):
                    return change.id
            else:
                new = await _after(bench, change, top, change.known)
                if len(new) == 1 and await _row_is(bench, change, new[0], change.after):
                    return new[0]
        except LinkError as error:
            if loop.time() > until:
                raise Surprise(
                    f"what became of it cannot be read: {error}",
                    f"look at {change.spelt} on the node that serves; `ccops resume` knows what it was",
                ) from None
        if loop.time() > until:
            return None
        await asyncio.sleep(_LOOK_EVERY_S)


async def _row_is(bench: Bench, change: RowChange, id: int, values: Mapping[str, Value]) -> bool:
    """Whether MySQL has it so: it compares, so that no secret comes back."""
    where, params = _where(values)
    rows = await bench.books.query(
        change.node, f"SELECT id FROM {change.spelt} WHERE `id` = %s{where}", (id, *map(_bare, params))
    )
    return bool(rows)


async def _top(bench: Bench, change: RowChange) -> int:
    """The highest id that there is."""
    rows = await bench.books.query(change.node, f"SELECT MAX(id) AS top FROM {change.spelt}")
    return count(rows[0]["top"]) if rows else 0


async def _after(bench: Bench, change: RowChange, top: int, values: Mapping[str, Value]) -> list[int]:
    """The rows above an id that have those values."""
    where, params = _where(values)
    rows = await bench.books.query(
        change.node,
        f"SELECT id FROM {change.spelt} WHERE `id` > %s{where} ORDER BY id LIMIT 20",
        (top, *map(_bare, params)),
    )
    return [count(row["id"]) for row in rows]


def _where(values: Mapping[str, Value]) -> tuple[str, tuple[Value, ...]]:
    return "".join(f" AND `{name}` = %s" for name in values), tuple(values.values())


def _right(change: RowChange, said: str) -> str:
    if "denied" not in said:
        return ""
    return f"; as an administrator of MySQL on {change.node}: {change.grant}"


def _bare(value: Value) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _quoted(value: Value) -> str:
    return "'" + clean(str(value), 300).replace("\\", "\\\\").replace("'", "''") + "'"


def _kept_in(bench: Bench, change: RowChange) -> Path:
    return bench.folder / f"{change.table}.before.json"


def write_private(path: Path, text: str) -> None:
    """Writes a file of mode 0600, for good."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

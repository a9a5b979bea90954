"""FreePBX' tables, read and written in SQL by the MySQL user that may write (`Books`).

Every cell goes as hexadecimal digits in both directions: so bytes are kept as they are, whatever character set a table
and a connection have (FreePBX up to 2.11 stores UTF-8 in latin1 columns), and no text can be anything but a value. A
row is changed only while it is what was read. Each statement is in a journal on this host before it is sent. Only
versions whose tables are known are written: 2.5 to 2.11, and IssabelPBX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ccops.links.errors import LinkError, Refused
from ccops.operations import astdb
from ccops.operations.files import append_private
from ccops.operations.plan import Surprise
from ccops.pbx.freepbx_rows import FILTERS, KEYS, NEEDED, READ, Edit, Row, RowChange, Tables, spelt_rows, statement

if TYPE_CHECKING:
    from ccops.operations.bench import Bench
    from ccops.operations.books import Books
    from ccops.operations.hands import Hands
    from ccops.operations.pbx_freepbx import FreepbxWork

OLDEST, NEWEST = (2, 5), (2, 11)
_WORD = re.compile(r"[A-Za-z0-9_]{1,64}", re.A)
_TEXTS = frozenset(["char", "varchar", "tinytext", "tinyblob"])


class Unfit(Exception):
    """Tables that cannot be edited so; says why."""


class SqlWay(msgspec.Struct, frozen=True):
    """Implements `ccops.operations.pbx_freepbx.Way`."""

    database: str
    user: str = ""

    @property
    def words(self) -> str:
        """What it is called."""
        return "FreePBX tables"

    @property
    def exact(self) -> bool:
        """Whether what it writes is known before."""
        return True

    async def tables(self, bench: Bench, node: str) -> Tables:
        """What is there now."""
        try:
            return await read(bench.books, bench.hands, node, self.database)
        except Unfit as error:
            raise Surprise(str(error)) from None

    async def do(self, bench: Bench, work: FreepbxWork) -> None:
        """Row by row."""
        try:
            await self.flag(bench, work.node, True)
        except Refused as error:
            raise Surprise(f"{error}: nothing was written", undone=True) from None
        await self.write(bench, work.node, work.edit)

    async def write(self, bench: Bench, node: str, edit: Edit) -> None:
        """Each row on its own, then what is in astdb."""
        journal = bench.folder / "freepbx.journal"
        for number, change in enumerate(edit.rows, 1):
            told = f"{number}/{len(edit.rows)} {statement(change)}"
            append_private(journal, f"sends {told}")
            bench.note(told)
            sql, parameters = spelt(self.database, change)
            try:
                count = await bench.books.change(node, sql, parameters)
            except LinkError as error:
                append_private(journal, f"failed {number}: {error}")
                raise
            append_private(journal, f"did {number}: {count} rows")
            if count != 1:
                raise Surprise(f"{count} rows instead of one were changed by: {statement(change)}")
        await astdb.write(bench, node, edit.astdb)

    async def flag(self, bench: Bench, node: str, waits: bool) -> None:
        """Sets `need_reload`, which FreePBX itself takes off when it has applied."""
        value = "true" if waits else "false"
        sql = f"UPDATE `{_word(self.database)}`.`admin` SET `value` = %s WHERE `variable` = 'need_reload'"  # noqa: S608
        await bench.books.change(node, sql, (value,))

    def statements(self, work: FreepbxWork) -> tuple[str, ...]:
        """The rows in SQL, and astdb."""
        flag = "UPDATE admin SET value = 'true' WHERE variable = 'need_reload'"
        return (f"in MySQL's database {self.database}, as {self.user}:", flag, *spelt_rows(work.edit))


def spelt(database: str, change: RowChange) -> tuple[str, list[str | None]]:
    """The statement and its parameters. A row that is changed or deleted must be what it was in every column."""
    table = table_of(database, change.table)
    before, after = change.before, change.after
    if before is None:
        assert after is not None
        columns = ", ".join(f"`{_word(name)}`" for name in after)
        marks = ", ".join(["UNHEX(%s)"] * len(after))
        return " ".join(["INSERT INTO", table, f"({columns})", "VALUES", f"({marks})"]), [
            *map(hexadecimal, after.values())
        ]
    same = " AND ".join(f"CAST(`{_word(name)}` AS BINARY) <=> UNHEX(%s)" for name in before)
    if after is None:
        return " ".join(["DELETE FROM", table, "WHERE", same]), [*map(hexadecimal, before.values())]
    changed = {name: value for name, value in after.items() if value != before.get(name)}
    sets = ", ".join(f"`{_word(name)}` = UNHEX(%s)" for name in changed)
    parameters = [*map(hexadecimal, changed.values()), *map(hexadecimal, before.values())]
    return " ".join(["UPDATE", table, "SET", sets, "WHERE", same]), parameters


def counting(database: str, change: RowChange) -> tuple[str, list[str | None], int]:
    """A statement that counts the rows that must be there before it (or must not), its parameters, and their number."""
    same = change.before if change.before is not None else change.key
    where = " AND ".join(f"CAST(`{_word(name)}` AS BINARY) <=> UNHEX(%s)" for name in same)
    sql = " ".join(["SELECT COUNT(*) AS n FROM", table_of(database, change.table), "WHERE", where])
    return sql, [*map(hexadecimal, same.values())], 0 if change.before is None else 1


def table_of(database: str, table: str) -> str:
    """Its name in a statement."""
    return f"`{_word(database)}`.`{_word(table)}`"


def hexadecimal(value: str | None) -> str | None:
    """A cell as its bytes in hexadecimal digits."""
    return None if value is None else value.encode("utf-8", "surrogateescape").hex()


def _word(name: str) -> str:
    if not _WORD.fullmatch(name):
        raise Surprise("a table or column has a name that FreePBX does not use: nothing of it is sent")
    return name


async def read(books: Books, hands: Hands, node: str, database: str) -> Tables:
    """All that matters, astdb too. Raises LinkError, Unfit, Surprise."""
    columns = await _columns(books, node, database)
    cells = {table: await _rows(books, node, database, table, known) for table, known in columns.items()}
    found = tables_of(database, node, columns, cells, {})
    if not found.issabel and not OLDEST <= found.version <= NEWEST:
        told = ".".join(map(str, found.version)) or "not told"
        raise Unfit(
            f"the tables of FreePBX 2.5 to 2.11 and of IssabelPBX are known, and its version is {told}: "
            'use its functions, backend = "freepbx"'
        )
    return replace(found, astdb=await astdb.read(hands, node))


def tables_of(
    database: str,
    node: str,
    columns: Mapping[str, Mapping[str, int | None]],
    cells: Mapping[str, Sequence[Mapping[str, Any]]],
    in_astdb: Mapping[str, str],
) -> Tables:
    """What was read as Tables; `cells` in hexadecimal digits. Raises Unfit where it is not FreePBX'."""
    whole = {table: known for table, known in columns.items() if table in READ and _complete(table, known)}
    missing = [table for table in NEEDED if table not in whole]
    if missing or not ("trunks" in whole or "globals" in whole):
        lacking = ", ".join(missing) or "trunks"
        raise Unfit(f"{database} on {node} is not FreePBX': it has no {lacking} that may be read")
    if any(not _WORD.fullmatch(name) for known in whole.values() for name in known):
        raise Unfit(f"{database} on {node} has a column with a name that FreePBX does not use")
    rows = {
        table: tuple({name: _unhex(row.get(name)) for name in known} for row in cells.get(table, ()))
        for table, known in whole.items()
    }
    return Tables(_version(rows["admin"]), "issabelpbx_settings" in whole, whole, rows, in_astdb)


def limit_of(kind: str, most: int | None) -> int | None:
    """How many bytes a column of that type takes, if it is text that would be cut."""
    return most if kind.lower() in _TEXTS else None


async def _columns(books: Books, node: str, database: str) -> dict[str, dict[str, int | None]]:
    marks = ", ".join(["%s"] * len(READ))
    sql = (
        "SELECT TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d, CHARACTER_MAXIMUM_LENGTH AS n "  # noqa: S608
        f"FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME IN ({marks}) "
        "ORDER BY TABLE_NAME, ORDINAL_POSITION"
    )
    found: dict[str, dict[str, int | None]] = {}
    for row in await books.query(node, sql, (database, *READ)):
        most = None if row["n"] is None else int(row["n"])
        found.setdefault(str(row["t"]), {})[_word(str(row["c"]))] = limit_of(str(row["d"]), most)
    return found


def _complete(table: str, columns: Mapping[str, int | None]) -> bool:
    """Whether it has what a row is known by: another module's table of the same name is none of ours."""
    return all(name in columns for name in KEYS.get(table, ()))


async def _rows(
    books: Books, node: str, database: str, table: str, columns: Mapping[str, int | None]
) -> list[dict[str, Any]]:
    cells = ", ".join(f"HEX(CAST(`{name}` AS BINARY)) AS `{name}`" for name in columns)
    where = f" WHERE {FILTERS[table]}" if table in FILTERS and _complete_filter(table, columns) else ""
    return await books.query(node, f"SELECT {cells} FROM {table_of(database, table)}{where}")  # noqa: S608


def _complete_filter(table: str, columns: Mapping[str, int | None]) -> bool:
    return any(f"`{name}`" in FILTERS[table] for name in columns)


def _unhex(cell: Any) -> str | None:
    if cell is None:
        return None
    try:
        return bytes.fromhex(str(cell)).decode("utf-8", "surrogateescape")
    except ValueError:
        raise Unfit("MySQL sent a cell that is no hexadecimal number") from None


def _version(admin: tuple[Row, ...]) -> tuple[int, ...]:
    text = next((row.get("value") or "" for row in admin if row.get("variable") == "version"), "")
    match = re.match(r"(\d{1,3})\.(\d{1,3})", text)
    return (int(match[1]), int(match[2])) if match else ()

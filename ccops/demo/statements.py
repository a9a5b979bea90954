"""SELECTs in MySQL's words, answered by SQLite over the rows of a simulated node."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

Rows = list[dict[str, Any]]
Find = Callable[[str, str], Rows | None]

# Text in quotes is passed over: only names are looked for.
_TABLE = re.compile(r"'(?:[^'\\]|\\.|'')*'|\b(?:from|join)\s+(?:`?(\w+)`?\s*\.\s*)?`?(\w+)`?", re.IGNORECASE)
_TARGET = re.compile(r"\s*(?:insert\s+into|update|delete\s+from)\s+(?:`?(\w+)`?\s*\.\s*)?`?(\w+)`?", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a", "b": "\b"}
_SPELT = "%Y-%m-%d %H:%M:%S"


class Table(list[dict[str, Any]]):
    """Rows of a table that may have none: its columns are known all the same."""

    def __init__(self, rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
        super().__init__(rows)
        self.columns = tuple(columns)


class NoTable(Exception):
    """A table that does not exist, as `base.name`."""


def select(sql: str, base: str, find: Find) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows and column names of one statement; `find(base, name)` gives a table's rows.

    Raises NoTable, and sqlite3.Error for what SQLite does not know either.
    """
    connection = _connection()
    try:
        known: set[str] = set()
        for match in _TABLE.finditer(sql):
            if match[2] is None or match[2].lower() == "select":
                continue
            where, name = (match[1] or base), match[2]
            if (key := f"{where}.{name}".lower()) not in known:
                known.add(key)
                _load(connection, where, name, find, known)
        cursor = connection.execute(_qualified(sql, base))
        return [tuple(row) for row in cursor.fetchall()], [column[0] for column in cursor.description or ()]
    finally:
        connection.close()


def change(sql: str, base: str, find: Find, defaults: Mapping[str, Mapping[str, Any]]) -> tuple[str, Rows, int] | None:
    """What an INSERT, UPDATE or DELETE makes of its table: name, rows, how many changed; None for another statement.

    Only tables of `defaults`, by name, can be written to; a row that is added has those values where it says nothing.
    Raises NoTable, and sqlite3.Error.
    """
    target = _TARGET.match(sql)
    if target is None:
        return None
    where, name = (target[1] or base).lower(), target[2].lower()
    rows = find(where, name)
    if rows is None or name not in defaults:
        raise NoTable(f"{where}.{name}")
    columns = _columns(rows)
    connection = _connection()
    try:
        connection.execute(f'ATTACH ":memory:" AS "{where}"')
        fields = ", ".join(_field(column, defaults[name]) for column in columns)
        connection.execute(f'CREATE TABLE "{where}"."{name}" ({fields})')
        _fill(connection, where, name, columns, rows)
        spelt = sql if target[1] else f"{sql[: target.start(2)]}{where}.{sql[target.start(2) :]}"
        cursor = connection.execute(_qualified(spelt, base))
        after = connection.execute(f'SELECT * FROM "{where}"."{name}" ORDER BY id')  # noqa: S608 - the demo's own
        return name, [dict(zip(columns, row, strict=True)) for row in after.fetchall()], cursor.rowcount
    finally:
        connection.close()


def _connection() -> sqlite3.Connection:
    """An empty SQLite that knows MySQL's functions."""
    connection = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    connection.create_function("UNIX_TIMESTAMP", -1, _unix_timestamp)
    connection.create_function("FROM_UNIXTIME", 1, _from_unixtime)
    connection.create_function("TIME_TO_SEC", 1, _time_to_sec)
    connection.create_function("CONCAT", -1, _concat)
    connection.create_function("NOW", 0, lambda: time.strftime(_SPELT, time.gmtime()))
    return connection


def _columns(rows: Rows) -> list[str]:
    return list(rows[0]) if rows else list(getattr(rows, "columns", ("id",)))


def _field(column: str, defaults: Mapping[str, Any]) -> str:
    if column == "id":
        return "id INTEGER PRIMARY KEY"
    value = defaults.get(column)
    return f'"{column}"' if value is None else f"\"{column}\" DEFAULT '{value}'"


def _load(connection: sqlite3.Connection, base: str, name: str, find: Find, known: set[str]) -> None:
    rows = find(base.lower(), name.lower())
    if rows is None:
        raise NoTable(f"{base}.{name}")
    if (mark := f"{base.lower()}:") not in known:
        known.add(mark)
        connection.execute(f'ATTACH ":memory:" AS "{base}"')
    columns = _columns(rows)
    kinds = {c: "DATETIME" for c in columns if any(isinstance(row[c], datetime) for row in rows)}
    fields = ", ".join(f'"{c}" {kinds.get(c, "")}' for c in columns)
    connection.execute(f'CREATE TABLE "{base}"."{name}" ({fields})')
    _fill(connection, base, name, columns, rows)


def _fill(connection: sqlite3.Connection, base: str, name: str, columns: Sequence[str], rows: Rows) -> None:
    marks = ", ".join("?" for _ in columns)
    values = [[_cell(cell) for cell in row.values()] for row in rows]
    connection.executemany(f'INSERT INTO "{base}"."{name}" VALUES ({marks})', values)  # noqa: S608 - the demo's own


def _cell(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.strftime(_SPELT)
    return cell.isoformat() if isinstance(cell, date) else cell


def _qualified(sql: str, base: str) -> str:
    """Names without a database found where the session is; MySQL's backslashes in texts as SQLite's quotes."""

    def put(match: re.Match[str]) -> str:
        if match[2] is None:
            text = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), match[0][1:-1].replace("''", "'"))
            return "'" + text.replace("'", "''") + "'"
        if match[1] is not None or match[2].lower() == "select":
            return match[0]
        return f"{match[0].split()[0]} `{base}`.`{match[2]}`"

    return _TABLE.sub(put, sql)


def _unix_timestamp(*given: Any) -> int | None:
    if not given:
        return int(time.time())
    if given[0] is None:
        return None
    try:
        return int(datetime.strptime(str(given[0])[:19], _SPELT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def _from_unixtime(at: Any) -> str | None:
    return None if at is None else time.strftime(_SPELT, time.gmtime(float(at)))


def _time_to_sec(text: Any) -> int | None:
    if text is None:
        return None
    hours, minutes, seconds = (int(part) for part in str(text).split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _concat(*parts: Any) -> str | None:
    return None if any(part is None for part in parts) else "".join(str(part) for part in parts)


def _as_datetime(text: bytes) -> datetime:
    return datetime.strptime(text.decode()[:19], _SPELT)


sqlite3.register_converter("DATETIME", _as_datetime)

"""Extensions and trunks as CSV: all rows are checked before any is taken, each fault has its line and column.

What a spreadsheet would take for a formula (a cell that begins with = + - @ or a tab, OWASP "CSV Injection") is written
behind a `'`, and so is a cell that begins with one; on the way in a `'` before one of these is taken off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

import msgspec

from ccops.config import Secret
from ccops.pbx.model import Entry, Kind, fields, identity
from ccops.pbx.rules import secret_fault, shown, value_fault

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_TRUE, _FALSE = frozenset(["yes", "true", "1"]), frozenset(["no", "false", "0", ""])
MOST_ROWS = 5000


class Row(msgspec.Struct, frozen=True):
    """One row: the name, and the fields that the sheet gives; `secret` is None where its cell is empty."""

    line: int
    key: str
    given: Mapping[str, str | bool]
    secret: Secret | None = None


class SheetError(Exception):
    """A sheet that cannot be taken; `faults` has all that is wrong with it, a line each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def written(entries: Iterable[Entry], kind: Kind, with_secrets: bool = False) -> str:
    """The sheet of them. Without `with_secrets` the column of secrets is left out."""
    columns = [field for field in fields(kind) if field != "secret" or with_secrets]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for entry in entries:
        writer.writerow(_safe(_cell(getattr(entry, field))) for field in columns)
    return out.getvalue()


def parse(text: str, kind: Kind) -> tuple[Row, ...]:
    """Its rows. Raises SheetError with every fault: what a row must fit to besides is for whoever knows the rest."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    wrong: list[str] = []
    rows: list[Row] = []
    try:
        header = [_plain(cell).strip() for cell in next(reader, [])]
        wrong += _header(header, kind)
        if wrong:
            raise SheetError(tuple(wrong))
        seen: dict[str, int] = {}
        for cells in reader:
            if not any(cells):
                continue
            if len(rows) >= MOST_ROWS:
                raise SheetError((f"line {reader.line_num}: expected at most {MOST_ROWS} rows",))
            row = _row(reader.line_num, header, cells, kind, wrong)
            if row is None:
                continue
            if row.key in seen:
                wrong.append(
                    f"line {row.line}, column {identity(kind)}: {shown(row.key)} stands in line {seen[row.key]}"
                )
            seen.setdefault(row.key, row.line)
            rows.append(row)
    except csv.Error as error:
        raise SheetError((*wrong, f"line {reader.line_num}: expected CSV, found a fault: {error}")) from None
    if wrong:
        raise SheetError(tuple(wrong))
    return tuple(rows)


def _header(header: list[str], kind: Kind) -> list[str]:
    wrong = [
        f"line 1, column {number}: expected one of {', '.join(fields(kind))}, found {shown(name)}"
        for number, name in enumerate(header, 1)
        if name not in fields(kind)
    ]
    if identity(kind) not in header:
        wrong.append(f"line 1: expected a column {identity(kind)}")
    if len(set(header)) < len(header):
        wrong.append("line 1: expected each column once")
    return wrong


def _row(line: int, header: list[str], cells: list[str], kind: Kind, wrong: list[str]) -> Row | None:
    if len(cells) != len(header):
        wrong.append(f"line {line}: expected {len(header)} cells, found {len(cells)}")
        return None
    values = dict(zip(header, map(_plain, cells), strict=True))
    key, given = values.pop(identity(kind)), dict[str, "str | bool"]()
    secret: Secret | None = None
    if fault := value_fault(kind, identity(kind), key):
        wrong.append(f"line {line}, column {identity(kind)}: expected {fault.expected}, found {fault.found}")
    for column, value in values.items():
        if column == "secret":
            secret = Secret(value) if value else None
            fault = secret_fault(secret, key) if secret else None
        elif column == "disabled":
            right = value.lower() in _TRUE | _FALSE
            given[column] = value.lower() in _TRUE
            if not right:
                wrong.append(f"line {line}, column disabled: expected yes or no, found {shown(value)}")
            continue
        else:
            given[column] = value
            fault = value_fault(kind, column, value)
        if fault is not None:
            wrong.append(f"line {line}, column {column}: expected {fault.expected}, found {fault.found}")
    return Row(line, key, given, secret)


def _cell(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    return "" if value is None else "yes" if value is True else "no" if value is False else str(value)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell

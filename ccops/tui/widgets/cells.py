"""Cells, rows and columns of a table, and how text is fitted into a width of terminal cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from ccops.text import clean

Role = Literal["", "ok", "info", "warning", "critical", "unknown", "muted", "strong"]
Align = Literal["left", "right", "tail"]
"""`tail` keeps the end of what is too long, where the newest is (a sparkline)."""

NOTHING = "–"
"""What stands where there is no value."""

# Terminals disagree on the width of joined emoji and of variation selectors; without them a cell has one width.
_JOINERS = dict.fromkeys((0x200B, 0x200C, 0x200D, 0xFE0E, 0xFE0F, 0x00AD, 0x2060), None)


class Cell(NamedTuple):
    """A text, the role that colours it, and what it is sorted by (the text itself when None)."""

    text: str
    role: Role = ""
    sort: float | str | None = None


class Row(NamedTuple):
    """One row: a key that stays the same while the row's cells change, and a cell for each column."""

    key: str
    cells: tuple[Cell, ...]


class Column(NamedTuple):
    """A column: `width` cells wide, or at least that and more by its share `flex` of what is left over, up to `most`.

    Of the columns that do not fit, the ones with the highest `priority` vanish first (0 never does).
    `descending` is the direction it is sorted in when it is first chosen.
    """

    key: str
    label: str
    width: int
    flex: int = 0
    align: Align = "left"
    priority: int = 0
    descending: bool = False
    most: int = 48


class Slot(NamedTuple):
    """A column that is shown: which of a row's cells and its width in terminal cells."""

    column: int
    width: int


def lay_out(columns: Sequence[Column], width: int, gap: int) -> tuple[Slot, ...]:
    """The columns that fit in `width` terminal cells with `gap` between them, the left-over shared out by `flex`."""
    shown = list(range(len(columns)))

    def need() -> int:
        return sum(columns[i].width for i in shown) + gap * max(0, len(shown) - 1)

    while len(shown) > 1 and need() > width:
        worst = max(shown, key=lambda i: (columns[i].priority, i))
        if columns[worst].priority == 0:
            break
        shown.remove(worst)
    widths = {i: columns[i].width for i in shown}
    spare = width - need()
    while spare > 0:
        growing = [i for i in shown if columns[i].flex and widths[i] < columns[i].most]
        if not growing:
            break
        shares = sum(columns[i].flex for i in growing)
        for i in growing:
            grant = min(max(1, spare * columns[i].flex // shares), columns[i].most - widths[i], spare)
            widths[i] += grant
            spare -= grant
            shares -= columns[i].flex
            if spare <= 0 or shares <= 0:
                break
    return tuple(Slot(i, widths[i]) for i in shown)


def printable(text: str) -> str:
    """`text` without anything that would move a terminal's cursor or whose width terminals disagree on."""
    if text.isprintable() and text.isascii():
        return text
    return clean(text).translate(_JOINERS)


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text` in exactly `width` terminal cells: padded, or cut with `…`."""
    if width <= 0:
        return ""
    # A name may carry any number of combining marks: no cell needs more than a few a character.
    text = printable(text if len(text) <= width * 8 else text[: width * 8])
    length = len(text) if text.isascii() else cell_len(text)
    if length > width and align == "tail":
        text = text[-width:]
        length = cell_len(text)
    if length > width:
        text = set_cell_size(text, width - 1).rstrip(" ") + "…"
        length = cell_len(text)
    padding = " " * (width - length)
    return text + padding if align == "left" else padding + text


def cell_runs(
    cells: Sequence[Cell], columns: Sequence[Column], slots: Sequence[Slot], gap: str, start: str
) -> list[tuple[str, Role]]:
    """A row as runs of text: `start`, then the cells that are shown, neighbours of one role in one run."""
    runs: list[tuple[str, Role]] = []
    text = start
    role: Role = ""
    for slot in slots:
        cell = cells[slot.column]
        if cell.role != role:
            runs.append((text, role))
            text, role = "", cell.role
        text += fit(cell.text, slot.width, columns[slot.column].align) + gap
    runs.append((text, role))
    return runs


def rank(cell: Cell) -> tuple[int, float | str] | None:
    """What a cell is ordered by: numbers before text; None (always last) when there is nothing to order by."""
    value = cell.sort
    if value is None:
        return None if cell.text in ("", NOTHING, "?") else (1, cell.text.casefold())
    if isinstance(value, str):
        return (1, value.casefold())
    return (0, value)


def order(rows: Sequence[Row], column: int, reverse: bool) -> tuple[Row, ...]:
    """The rows by one column; equal ones stay as they were, those without a value come last both ways."""
    known: list[tuple[tuple[int, float | str], Row]] = []
    unknown: list[Row] = []
    for row in rows:
        key = rank(row.cells[column])
        if key is None:
            unknown.append(row)
        else:
            known.append((key, row))
    known.sort(key=_first, reverse=reverse)
    return (*(row for _, row in known), *unknown)


def _first(pair: tuple[tuple[int, float | str], Row]) -> tuple[int, float | str]:
    return pair[0]

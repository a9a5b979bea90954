"""A table that paints only the lines that changed (Textual's Line API)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ccops.tui.widgets.cells import Cell, Column, Role, Row, Slot, cell_runs, fit, lay_out, order, printable
from ccops.tui.widgets.roles import role_styles
from ccops.tui.widgets.table_keys import TABLE_KEYS

_GUTTER = 2
_ROOMY = 140

# What one line of the widget shows: a kind, what is shown, and whether the cursor is on it.
_Face = tuple[str, object, bool]


class LineTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows under a header, sorted by one column, with a cursor that stays on its row when rows move.

    `set_rows` takes the whole content anew; only lines that look different afterwards are painted.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(TABLE_KEYS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "linetable--header",
        "linetable--sorted",
        "linetable--cursor",
        "linetable--footer",
        "linetable--empty",
    }
    DEFAULT_CSS = """
    LineTable {
        height: 1fr;
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .linetable--header { color: $foreground; text-style: bold; background: $panel; }
        & > .linetable--sorted { color: $primary; text-style: bold; background: $panel; }
        & > .linetable--cursor { background: $foreground 10%; }
        & > .linetable--footer { text-style: bold; background: $surface; }
        & > .linetable--empty { text-style: italic; }
        &:focus > .linetable--cursor { background: $primary 40%; text-style: bold; }
        &:ansi > .linetable--header { background: ansi_default; text-style: bold underline; }
        &:ansi > .linetable--sorted { background: ansi_default; text-style: bold underline; }
        &:ansi > .linetable--footer { background: ansi_default; text-style: bold; }
        &:ansi > .linetable--cursor { background: ansi_default; }
        &:ansi:focus > .linetable--cursor { text-style: reverse; }
        &:nocolor:focus > .linetable--cursor { text-style: reverse; }
    }
    """
    ALLOW_SELECT = False

    class RowMessage(Message):
        """Something happened to the row `key` of `table`."""

        def __init__(self, table: LineTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LineTable:
            """The table it happened in."""
            return self.table

    class RowSelected(RowMessage):
        """Enter was pressed, or the row under the cursor was clicked again."""

    # Not a kind of RowSelected: `@on` also takes the messages derived from the one it names.
    class RowHighlighted(RowMessage):
        """The cursor came to stand on another row."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        sort: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.sort_key = sort
        self.sort_reverse = next((c.descending for c in self.columns if c.key == sort), False)
        self._empty = empty
        self._given: tuple[Row, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._total: tuple[Cell, ...] | None = None
        self._cursor = 0
        self._cursor_key: str | None = None
        self._highlighted: str | None = None
        self._faces: list[_Face] = []
        self._slots: tuple[Slot, ...] = ()
        self._fitted = -1
        self._gap = 1
        self._strips: LRUCache[tuple[str, bool], tuple[Row, Strip]] = LRUCache(512)
        self._roles: Mapping[Role, Style] | None = None
        self._old = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows in the order shown."""
        return self._rows

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._rows[self._cursor].key if self._rows else None

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """The keys of the columns that fit."""
        return tuple(self.columns[slot.column].key for slot in self._slots)

    def set_rows(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Shows these rows; `empty` is what is said when there are none. Keeps cursor and scroll."""
        if empty is not None:
            self._empty = empty
        self._given = tuple(rows)
        self._arrange()

    def set_total(self, cells: Sequence[Cell] | None) -> None:
        """A last line that stays in sight, a cell for each column; None takes it away."""
        total = None if cells is None else tuple(cells)
        resized = (total is None) != (self._total is None)
        self._total = total
        if resized:
            self._measure()
        self._repaint()

    def set_old(self, old: bool) -> None:
        """Takes the colours from what is old, or gives them back."""
        if old != self._old:
            self._old = old
            self.notify_style_update()
            self.refresh()

    def sort_by(self, key: str, reverse: bool | None = None) -> None:
        """Sorts by a column, in its own first direction unless `reverse` says which; KeyError when there is none."""
        column = {c.key: c for c in self.columns}[key]
        self.sort_key = key
        self.sort_reverse = column.descending if reverse is None else reverse
        self._arrange()

    def move_to(self, key: str) -> bool:
        """Puts the cursor on the row with that key; False when it is not there."""
        found = next((i for i, row in enumerate(self._rows) if row.key == key), None)
        if found is not None:
            self._place(found)
        return found is not None

    def render_line(self, y: int) -> Strip:
        """The strip of one line of the widget, as Textual asks for it."""
        self._fit_columns()  # a first frame may come before the resize is told
        kind, shown, at_cursor = self._face(y)
        width = self.size.width
        if kind == "row":
            assert isinstance(shown, Row)
            return self._row_strip(shown, at_cursor)
        if kind == "header":
            return self._header_strip()
        if kind == "total":
            assert self._total is not None
            return self._strip(self._total, self.get_component_rich_style("linetable--footer"), " ")
        if kind == "empty":
            return Strip([Segment(fit(str(shown), width), self.get_component_rich_style("linetable--empty"))], width)
        return Strip.blank(width, self.rich_style)

    def notify_style_update(self) -> None:
        """Forgets every style and strip: the theme, the focus or a class changed."""
        self._roles = None
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Fits columns and scroll to the new size."""
        self._fit_columns()
        self._measure()
        self._follow()
        self._faces = self._look()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Everything moves and is painted anew."""
        super().watch_scroll_y(old_value, new_value)
        self._faces = self._look()

    def on_click(self, event: events.Click) -> None:
        """The header sorts, a row takes the cursor, the row under the cursor opens."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        kind, _, at_cursor = self._face(offset.y)
        if kind == "header":
            self._click_header(offset.x)
        elif kind == "row":
            if at_cursor and self._cursor_key is not None:
                self.action_select()
            self._place(self._top + offset.y - 1)

    def action_move(self, by: int) -> None:
        """Moves the cursor by rows."""
        self._place(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by pages."""
        self._place(self._cursor + by * max(1, self._body - 1))

    def action_first(self) -> None:
        """To the first row; from then on the cursor stays at the top and follows no row."""
        self._place(0)
        self._cursor_key = None

    def action_last(self) -> None:
        """To the last row."""
        self._place(len(self._rows) - 1)

    def action_select(self) -> None:
        """Tells that the row was chosen."""
        if (key := self.cursor_key) is not None:
            self.post_message(self.RowSelected(self, key))

    def action_sort(self, by: int) -> None:
        """Sorts by the next column shown, to the right or to the left."""
        keys = self.shown_columns
        if not keys:
            return
        if self.sort_key in keys:
            self.sort_by(keys[(keys.index(self.sort_key) + by) % len(keys)])
        else:
            self.sort_by(keys[0 if by > 0 else -1])

    def action_reverse(self) -> None:
        """Turns the order round."""
        if self.sort_key is not None:
            self.sort_by(self.sort_key, not self.sort_reverse)

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    @property
    def _body(self) -> int:
        return max(0, self.size.height - 1 - (self._total is not None))

    def _arrange(self) -> None:
        """Orders the rows, brings the cursor back to its row and paints what differs."""
        was_visible = self._top <= self._cursor < self._top + self._body
        index = next((i for i, c in enumerate(self.columns) if c.key == self.sort_key), None)
        before = len(self._rows)
        self._rows = self._given if index is None else order(self._given, index, self.sort_reverse)
        if self._cursor_key is not None:
            found = next((i for i, row in enumerate(self._rows) if row.key == self._cursor_key), None)
            if found is None:
                found = max(0, min(self._cursor, len(self._rows) - 1))
                self._cursor_key = self._rows[found].key if self._rows else None
            self._cursor = found
        else:
            self._cursor = min(self._cursor, max(0, len(self._rows) - 1))
        if len(self._rows) != before:
            self._measure()
        if was_visible:
            self._follow()
        self._repaint()
        self._tell()

    def _place(self, index: int) -> None:
        if not self._rows:
            return
        self._cursor = max(0, min(index, len(self._rows) - 1))
        self._cursor_key = self._rows[self._cursor].key
        self._follow()
        self._repaint()
        self._tell()

    def _tell(self) -> None:
        if (key := self.cursor_key) != self._highlighted:
            self._highlighted = key
            if key is not None:
                self.post_message(self.RowHighlighted(self, key))

    def _follow(self) -> None:
        """Scrolls as little as is needed to have the cursor in sight."""
        top, body = self._top, self._body
        if body <= 0:
            return
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + body:
            self.scroll_to(y=self._cursor - body + 1, animate=False, force=True)

    def _fit_columns(self) -> None:
        if (width := self.size.width) != self._fitted:
            self._fitted = width
            self._gap = 2 if width >= _ROOMY else 1
            self._slots = lay_out(self.columns, width - _GUTTER - 1, self._gap)
            self._strips.clear()

    def _measure(self) -> None:
        """Sets the height that is scrolled over; not below the widget's own, so that few rows never cost a layout."""
        height = max(len(self._rows) + 1 + (self._total is not None), self.size.height)
        self.virtual_size = Size(self.size.width, height)

    def _repaint(self) -> None:
        """Asks for the lines that look different from what was painted last."""
        faces = self._look()
        painted, self._faces = self._faces, faces
        if len(painted) != len(faces):
            self.refresh()
            return
        width, start = self.size.width, None
        for y, (old, new) in enumerate(zip(painted, faces, strict=True)):
            if old == new:
                if start is not None:
                    self.refresh(Region(0, start, width, y - start))
                    start = None
            elif start is None:
                start = y
        if start is not None:
            self.refresh(Region(0, start, width, len(faces) - start))

    def _look(self) -> list[_Face]:
        return [self._face(y) for y in range(self.size.height)]

    def _face(self, y: int) -> _Face:
        if y == 0:
            return ("header", (self.sort_key, self.sort_reverse), False)
        if not self._rows:
            lines = wrap(printable(self._empty), max(10, self.size.width - 4))
            return ("empty", "  " + lines[y - 2], False) if 0 <= y - 2 < len(lines) else ("blank", None, False)
        index = self._top + y - 1
        if self._total is not None and y == 1 + min(len(self._rows), self._body):
            return ("total", self._total, False)
        if index < len(self._rows) and y <= self._body:
            return ("row", self._rows[index], index == self._cursor)
        return ("blank", None, False)

    def _role(self, role: Role) -> Style:
        if self._roles is None:
            self._roles = role_styles(self.app.theme_variables, self._old)
        return self._roles[role]

    def _row_strip(self, row: Row, at_cursor: bool) -> Strip:
        key = (row.key, at_cursor)
        cached = self._strips.get(key)
        if cached is not None and cached[0] == row:
            return cached[1]
        style = self.get_component_rich_style("linetable--cursor") if at_cursor else self.rich_style
        strip = self._strip(row.cells, style, "▸" if at_cursor else " ")
        self._strips[key] = (row, strip)
        return strip

    def _strip(self, cells: tuple[Cell, ...], style: Style, mark: str) -> Strip:
        runs = cell_runs(cells, self.columns, self._slots, " " * self._gap, mark.ljust(_GUTTER))
        # Turned round, a colour would become the ground of its cell.
        styles = {role: style if style.reverse else style + self._role(role) for _, role in runs}
        segments = [Segment(text, styles[role]) for text, role in runs if text]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def _header_strip(self) -> Strip:
        plain = self.get_component_rich_style("linetable--header")
        sorted_by = self.get_component_rich_style("linetable--sorted")
        segments = [Segment(" " * _GUTTER, plain)]
        for slot in self._slots:
            column = self.columns[slot.column]
            chosen = column.key == self.sort_key
            arrow = ("▼" if self.sort_reverse else "▲") if chosen else ""
            text = fit(column.label[: slot.width - len(arrow)] + arrow, slot.width, column.align)
            segments.append(Segment(text, sorted_by if chosen else plain))
            segments.append(Segment(" " * self._gap, plain))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def _click_header(self, x: int) -> None:
        left = _GUTTER
        for slot in self._slots:
            if left <= x < left + slot.width + self._gap:
                key = self.columns[slot.column].key
                self.sort_by(key, not self.sort_reverse if key == self.sort_key else None)
                return
            left += slot.width + self._gap

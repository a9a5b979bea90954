"""Tiles for a wall: every agent in a few cells, grouped by state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ccops.tui.keymap import MOVING
from ccops.tui.widgets.cells import Role, fit, printable
from ccops.tui.widgets.roles import role_styles
from ccops.tui.widgets.table_keys import TABLE_KEYS

_COMPACT = 24
_ROOMY = 22


class Tile(NamedTuple):
    """One agent: a one-cell mark, the name, and how long."""

    mark: str
    name: str
    time: str


class Group(NamedTuple):
    """The tiles of one state under its word."""

    word: str
    role: Role
    tiles: tuple[Tile, ...]


# A line is runs of text, each with the role that colours it.
_Line = tuple[tuple[str, Role], ...]


class Tiles(ScrollView, can_focus=True, inherit_bindings=False):
    """Groups of tiles: two lines a tile when all fit so, else one, without gaps if need be. Paints what changed."""

    BINDINGS: ClassVar[list[BindingType]] = [key for key in TABLE_KEYS if key.group is MOVING]
    DEFAULT_CSS: ClassVar[str] = """
    Tiles { height: 1fr; background: $background; color: $foreground; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._groups: tuple[Group, ...] = ()
        self._empty = ""
        self._lines: tuple[_Line, ...] = ()
        self._roles: Mapping[Role, Style] | None = None
        self._old = False

    def set_old(self, old: bool) -> None:
        """Takes the colours from what is old, or gives them back."""
        if old != self._old:
            self._old = old
            self._roles = None
            self.refresh()

    def set_groups(self, groups: Sequence[Group], empty: str) -> None:
        """Shows these groups, those without tiles left out; `empty` is said when there are none."""
        self._groups = tuple(group for group in groups if group.tiles)
        self._empty = empty
        self._draw()

    def on_resize(self) -> None:
        """Lays the tiles out anew."""
        self._draw()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        self._roles = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """The strip of one line, as Textual asks for it."""
        index = self.scroll_offset.y + y
        style = self.rich_style
        if index >= len(self._lines):
            return Strip.blank(self.size.width, style)
        if self._roles is None:
            self._roles = role_styles(self.app.theme_variables, self._old)
        segments = [Segment(text, style + self._roles[role]) for text, role in self._lines[index]]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def action_move(self, by: int) -> None:
        """Scrolls by lines."""
        self.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Scrolls by pages."""
        self.scroll_relative(y=by * max(1, self.size.height - 1), animate=False)

    def action_first(self) -> None:
        """To the top."""
        self.scroll_to(y=0, animate=False)

    def action_last(self) -> None:
        """To the end."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def _draw(self) -> None:
        size = self.size
        if not size.width:
            return
        lines = _roomy(self._groups, size.width - 1)
        if len(lines) > size.height:
            lines = _compact(self._groups, size.width - 1, apart=True)
        if len(lines) > size.height:
            lines = _compact(self._groups, size.width - 1, apart=False)
        if not self._groups:
            lines = [(), (("  " + printable(self._empty), "unknown"),)]
        before, self._lines = self._lines, tuple(lines)
        self.virtual_size = Size(size.width, max(len(lines), size.height))
        top = self.scroll_offset.y
        for y in range(top, top + size.height):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y)


def _columns(width: int, least: int) -> tuple[int, int]:
    across = max(1, width // least)
    return across, width // across


def _compact(groups: Sequence[Group], width: int, apart: bool) -> list[_Line]:
    across, each = _columns(width, _COMPACT)
    lines: list[_Line] = []
    for group in groups:
        if apart and lines:
            lines.append(())
        lines.append(_heading(group))
        for start in range(0, len(group.tiles), across):
            runs: list[tuple[str, Role]] = []
            for tile in group.tiles[start : start + across]:
                name = fit(tile.name, max(1, each - len(tile.time) - 6))
                runs += [(f" {tile.mark} ", group.role), (f"{name} ", ""), (f"{tile.time}  ", "muted")]
            lines.append(tuple(runs))
    return lines


def _roomy(groups: Sequence[Group], width: int) -> list[_Line]:
    across, each = _columns(width, _ROOMY)
    lines: list[_Line] = []
    for group in groups:
        lines.append(_heading(group))
        for start in range(0, len(group.tiles), across):
            tiles = group.tiles[start : start + across]
            upper: list[tuple[str, Role]] = []
            lower: list[tuple[str, Role]] = []
            for tile in tiles:
                upper += [(f" ▌{tile.mark} ", group.role), (fit(tile.name, each - 5) + " ", "strong")]
                lower += [(" ▌  ", group.role), (fit(f"{group.word} {tile.time}", each - 5) + " ", group.role)]
            lines += [tuple(upper), tuple(lower), ()]
    return lines


def _heading(group: Group) -> _Line:
    return ((f" {group.word} ", group.role), (str(len(group.tiles)), "strong"))

"""The lines of the log, drawn one by one: only those in sight cost anything."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ccops.pair.model import LogLine
from ccops.text import clean
from ccops.tui.log_model import Choice, LogModel
from ccops.tui.widgets import log_line
from ccops.tui.widgets.log_line import Columns
from ccops.watch.timeline import Timeline

_PREFIX: Final = 64


class LogTable(ScrollView, can_focus=True):
    """Follows the end until it is scrolled up; then it keeps its place, whatever comes in or is filtered out."""

    DEFAULT_CSS: ClassVar[str] = """
    LogTable { height: 1fr; scrollbar-size: 1 1; background: $background; overflow-x: hidden; overflow-y: scroll; }
    """

    class Moved(Message):
        """Following began or ended."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.model = LogModel()
        self.columns = Columns(("", ""))
        self.following = True
        self._strips: LRUCache[int, Strip] = LRUCache(1_000)
        self._styles: dict[str, RichStyle] = {}
        self._placing = False

    def take(self, timeline: Timeline, end: int) -> None:
        """Reads the time line on to line `end`."""
        top = self._top()
        if self.model.take(timeline, end):
            self._place(top)

    def lay_out(self, columns: Columns) -> None:
        """Draws lines in these columns from now on."""
        if columns != self.columns:
            self.columns = columns
            self._strips.clear()
            self.refresh()

    def choose(self, choice: Choice) -> None:
        """Shows what `choice` takes, staying at the line that was on top."""
        if choice != self.model.choice:
            top = self._top()
            self.model.choose(choice)
            self._place(top)

    def forget(self) -> None:
        """Empties the table: what comes next is another pair's."""
        self.model.clear()
        self._strips.clear()
        self.follow(True)

    def follow(self, on: bool) -> None:
        """Follows the end from now on, or stays here."""
        if on != self.following:
            self.following = on
            self.post_message(self.Moved())
        if on:
            self._place(None)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up by hand ends following."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing and self.following and new_value < old_value and round(new_value) < self.max_scroll_y:
            self.follow(False)

    def on_resize(self) -> None:
        """Keeps the end in sight."""
        self._place(self._top())

    def notify_style_update(self) -> None:
        """Another theme: nothing drawn holds."""
        self._strips.clear()
        self._styles.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """The strip at `y` of the visible part."""
        index = y + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        if index >= len(self.model.shown):
            return Strip.blank(width, self.rich_style)
        entry = self.model.shown[index]
        strip = self._strips.get(entry.number)
        if strip is None:
            strip = self._strips[entry.number] = self._draw(entry.line)
        left = round(self.scroll_offset.x)
        return strip.crop_extend(left, left + width, self.rich_style)

    def _draw(self, line: LogLine) -> Strip:
        return Strip(
            Segment(clean(text), self._style(style)) for text, style in log_line.parts(line, self.columns) if text
        ).apply_style(self.rich_style)

    def _style(self, style: str) -> RichStyle:
        found = self._styles.get(style)
        if found is None:
            parsed = self.app.stylesheet.parse_style(style) if style else None
            found = self._styles[style] = (self.visual_style + parsed).rich_style if parsed else self.rich_style
        return found

    def _top(self) -> tuple[float, int] | None:
        """The line on top, or None while the end is followed."""
        index = round(self.scroll_offset.y)
        if self.following or index >= len(self.model.shown):
            return None
        return self.model.shown[index][:2]

    def _place(self, top: tuple[float, int] | None) -> None:
        self._placing = True
        try:
            self.virtual_size = Size(self.model.widest + _PREFIX, len(self.model.shown))
            y = self.max_scroll_y if self.following or top is None else self.model.place(top)
            self.scroll_to(y=y, animate=False, immediate=True, force=True)
            self.refresh()
        finally:
            self._placing = False

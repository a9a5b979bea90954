"""The last line: the views with their keys, and the filter that is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from ccops.tui.widgets.card import Part, assemble


class StatusLine(Widget):
    """Draws the views' tabs at the left, the filter or the first keys at the right."""

    DEFAULT_CSS: ClassVar[str] = """
    StatusLine { height: 1; width: 1fr; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(id="statusline")
        self._tabs: tuple[tuple[str, str, bool], ...] = ()
        self._right: tuple[Part, ...] = ()

    def show(self, tabs: Sequence[tuple[str, str, bool]], pattern: str, hints: Sequence[tuple[str, str]]) -> None:
        """`tabs` are key, title and whether it is the one shown; `hints` are key and word."""
        right: list[Part] = []
        if pattern:
            right += [("filter ", "$label"), (pattern, "bold $info"), ("  ", "")]
        for keys, word in hints:
            right += [(keys, "bold"), (f" {word}  ", "$label")]
        if (tuple(tabs), tuple(right)) != (self._tabs, self._right):
            self._tabs, self._right = tuple(tabs), tuple(right)
            self.refresh()

    def render(self) -> Content:
        """Tabs first, as wide as they fit; the right part only where there is room."""
        width = self.size.width
        left = next(
            (tabs for tabs in (self._wide(), self._narrow()) if tabs.cell_length <= width), self._narrow(titles=False)
        )
        right = assemble(self._right)
        room = width - left.cell_length
        if room <= 4:
            return left.truncate(width, ellipsis=True)
        right = right.truncate(room, ellipsis=True)
        return Content("").join([left, right.pad_left(room - right.cell_length)])

    def _wide(self) -> Content:
        parts: list[Part] = [(" ", "")]
        for keys, title, active in self._tabs:
            parts.append((f" {keys} {title} ", "bold reverse" if active else "$label"))
            parts.append((" ", ""))
        return assemble(parts)

    def _narrow(self, titles: bool = True) -> Content:
        """Without room around them; without `titles` only the one that is shown has its own."""
        parts: list[Part] = []
        for keys, title, active in self._tabs:
            parts.append((f"{keys} {title}" if titles or active else keys, "bold reverse" if active else "$label"))
            parts.append((" ", ""))
        return assemble(parts)

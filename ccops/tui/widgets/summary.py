"""One line of words above a table, painted only when it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from ccops.tui.widgets.card import Part, assemble


class Summary(Widget):
    """Shows parts of text in a single line, cut with `…` where it is too narrow."""

    DEFAULT_CSS: ClassVar[str] = """
    Summary { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._parts: tuple[Part, ...] = ()

    def show(self, parts: Sequence[Part]) -> None:
        """Replaces the line."""
        if (new := tuple(parts)) != self._parts:
            self._parts = new
            self.refresh()

    def render(self) -> Content:
        """The line as Textual asks for it."""
        return assemble(self._parts).truncate(self.size.width, ellipsis=True)

"""The help: every key that works now, generated from the bindings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ccops.tui import keymap
from ccops.tui.keymap import Key
from ccops.tui.widgets.card import Part, assemble


class HelpScreen(ModalScreen[None]):
    """Keys by group, with what they do; any of the closing keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("help.close", "escape,q,question_mark", "dismiss", "Close", "Close the help", keymap.SCREEN),
        keymap.key("help.down", "j,down", "scroll(1)", "Down", "Scroll down", keymap.MOVING),
        keymap.key("help.up", "k,up", "scroll(-1)", "Up", "Scroll up", keymap.MOVING),
    ]

    DEFAULT_CSS: ClassVar[str] = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen VerticalScroll {
        width: 90%; max-width: 92; height: auto; max-height: 90%;
        border: round $frame; padding: 0 2; background: $surface; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, title: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        """All of it as one text."""
        with VerticalScroll():
            yield Static(text(self._title, self._keys))

    def action_scroll(self, lines: int) -> None:
        """Scrolls without animation."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def text(title: str, keys: Sequence[Key]) -> Content:
    """The keys under their groups' headings: keys, what they do, more about it, the id to remap them by."""
    groups: dict[str, list[Key]] = {}
    for each in keys:
        groups.setdefault(each.group, []).append(each)
    width = max((len(each.keys) for each in keys), default=0)
    lines = [assemble(((title, "bold"), ("   esc closes · ids are for [console.keys]", "$label")))]
    for group, members in groups.items():
        lines += [Content(""), Content.styled(group, "bold $info")]
        lines += [assemble(_line(each, width)) for each in members]
    return Content("\n").join(lines)


def _line(each: Key, width: int) -> tuple[Part, ...]:
    about = f"{each.description}: {each.tooltip[:1].lower()}{each.tooltip[1:]}" if each.tooltip else each.description
    return (f"{each.keys:<{width}}  ", "bold"), (about, ""), (f"  {each.id}", "$label")

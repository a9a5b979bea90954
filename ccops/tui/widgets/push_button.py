"""A button of one line: a label, and what it means beside it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from ccops.tui import keymap
from ccops.tui.widgets.card import assemble


class PushButton(Widget, can_focus=True):
    """Enter, space or a click presses it. The focus is said by its brackets before it is by colour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("button.press", "enter,space", "press", "Press", "Do what it says", keymap.SCREEN),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    PushButton { height: 1; width: auto; padding: 0 1; }
    """
    ALLOW_SELECT = False

    class Pressed(Message):
        """It was pressed."""

        def __init__(self, button: PushButton) -> None:
            super().__init__()
            self.button = button

        @property
        def control(self) -> PushButton:
            """The button."""
            return self.button

    def __init__(self, label: str, about: str = "", *, disabled: bool = False, id: str | None = None) -> None:
        super().__init__(id=id, disabled=disabled)
        self._label = label
        self._about = about

    def name_it(self, label: str, about: str = "") -> None:
        """Another label."""
        if (label, about) != (self._label, self._about):
            self._label, self._about = label, about
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """What label and meaning take."""
        return self._line().cell_length

    def render(self) -> Content:
        """The label in brackets, the meaning after it."""
        return self._line().truncate(self.content_size.width or self._line().cell_length, ellipsis=True)

    def on_focus(self) -> None:
        """Looks pressed-able."""
        self.refresh()

    def on_blur(self) -> None:
        """Looks as before."""
        self.refresh()

    def on_click(self) -> None:
        """A click presses it."""
        self.action_press()

    def action_press(self) -> None:
        """Tells that it was pressed, unless it is disabled."""
        if not self.disabled:
            self.post_message(self.Pressed(self))

    def _line(self) -> Content:
        left, right = ("▶[", "]◀") if self.has_focus else (" [", "] ")
        style = "dim" if self.disabled else "bold reverse" if self.has_focus else "bold"
        about = f" {self._about}" if self._about else ""
        return assemble(((f"{left} {self._label} {right}", style), (about, "$label")))

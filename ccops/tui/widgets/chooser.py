"""A field with few values: all of them in a line, the chosen one in brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ccops.text import clean
from ccops.tui import keymap
from ccops.tui.widgets.card import Part, assemble

_GROUP = Binding.Group("Choosing")


class Choice(NamedTuple):
    """A value, and the word that stands for it."""

    value: str
    label: str = ""

    @property
    def word(self) -> str:
        """What is shown."""
        return clean(self.label or self.value or "none", 40)


class Chooser(Widget, can_focus=True):
    """← and → or a first letter choose; the chosen one stands in ‹ ›, so that it is read without colour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("chooser.next", "right,space", "choose(1)", "Next", "The next value", _GROUP),
        keymap.key("chooser.previous", "left", "choose(-1)", "Before", "The value before", _GROUP),
        keymap.key("chooser.enter", "enter", "submit", "Go on", "As in the other fields", _GROUP),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    Chooser { height: 1; width: 1fr; }
    """
    ALLOW_SELECT = False

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, chooser: Chooser) -> None:
            super().__init__()
            self.chooser = chooser

        @property
        def control(self) -> Chooser:
            """The field."""
            return self.chooser

    class Submitted(Changed):
        """Enter was pressed."""

    def __init__(self, choices: Sequence[Choice], value: str = "", *, id: str | None = None) -> None:
        """`value` is offered too where it is none of the choices."""
        super().__init__(id=id)
        known = [choice.value for choice in choices]
        self.choices = (*choices, *([Choice(value)] if value not in known else []))
        self.value = value

    def choose(self, value: str) -> None:
        """Chooses it; what is no choice changes nothing."""
        if value != self.value and any(choice.value == value for choice in self.choices):
            self.value = value
            self.refresh()
            self.post_message(self.Changed(self))

    def action_choose(self, by: int) -> None:
        """The one beside it, round and round."""
        at = [choice.value for choice in self.choices].index(self.value)
        self.choose(self.choices[(at + by) % len(self.choices)].value)

    def action_submit(self) -> None:
        """Tells that Enter was pressed."""
        self.post_message(self.Submitted(self))

    def on_key(self, event: events.Key) -> None:
        """A first letter goes to the next value that begins so."""
        if event.character is None or not event.character.isalnum():
            return
        at = [choice.value for choice in self.choices].index(self.value)
        rest = [*self.choices[at + 1 :], *self.choices[: at + 1]]
        found = next((c for c in rest if c.word.casefold().startswith(event.character.casefold())), None)
        if found is not None:
            event.stop()
            self.choose(found.value)

    def on_click(self, event: events.Click) -> None:
        """A click on a value chooses it."""
        left = 0
        for choice in self.choices:
            width = len(choice.word) + 3
            if left <= event.x < left + width:
                self.choose(choice.value)
                return
            left += width

    def on_focus(self) -> None:
        """Looks chosen from."""
        self.refresh()

    def on_blur(self) -> None:
        """Looks as before."""
        self.refresh()

    def render(self) -> Content:
        """All values; where they do not fit, the chosen one alone."""
        chosen_style = "bold reverse" if self.has_focus else "bold"
        parts: list[Part] = []
        for choice in self.choices:
            chosen = choice.value == self.value
            parts.append((f"‹{choice.word}›" if chosen else f" {choice.word} ", chosen_style if chosen else "$label"))
            parts.append((" ", ""))
        whole, width = assemble(parts), self.content_size.width
        if width and whole.cell_length > width + 1:
            word = next(choice.word for choice in self.choices if choice.value == self.value)
            whole = assemble(((f"‹{word}›", chosen_style), (" ← →", "$label")))
        return whole.truncate(width or whole.cell_length, ellipsis=True)

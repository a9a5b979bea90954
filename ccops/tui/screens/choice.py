"""One question with a few answers; the harmless one has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from ccops.tui import keymap
from ccops.tui.widgets.card import Card, Face
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.push_button import PushButton


class Option(NamedTuple):
    """An answer: its label, what it means, and the word it stands for. One that is `barred` cannot be given."""

    label: str
    about: str
    value: str
    barred: bool = False


class ChoiceScreen(ModalScreen[str | None]):
    """Ends with the value of the option chosen, what was typed, or None. The first option has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("choice.cancel", "escape,q,ctrl+c", "dismiss", "Cancel", "Choose nothing", keymap.SCREEN),
        keymap.key("choice.down", "j,down", "app.focus_next", "Down", "The next answer", keymap.MOVING),
        keymap.key("choice.up", "k,up", "app.focus_previous", "Up", "The answer before", keymap.MOVING),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    ChoiceScreen { align: center middle; background: $background 60%; }
    ChoiceScreen #frame {
        width: 94%; max-width: 110; height: auto; max-height: 96%;
        border: round $frame; padding: 0 1; background: $surface; scrollbar-size-vertical: 1;
    }
    ChoiceScreen #cards { height: auto; padding: 1 0 0 0; }
    ChoiceScreen #cards Card { width: 1fr; }
    ChoiceScreen #options { height: auto; padding: 1 0 0 0; }
    ChoiceScreen Input { margin: 1 2 0 2; }
    """

    def __init__(
        self,
        title: str,
        text: Sequence[str],
        options: Sequence[Option],
        *,
        cards: Sequence[Face] = (),
        more: Sequence[str] = (),
        typed: str = "",
    ) -> None:
        """`more` is text below the answers.

        `typed` is what the field for another answer says while it is empty; without it there is none.
        """
        super().__init__()
        self._title = title
        self._text = tuple(text)
        self._options = tuple(options)
        self._cards = tuple(cards)
        self._more = tuple(more)
        self._typed = typed

    def compose(self) -> ComposeResult:
        """Title, text, cards, answers."""
        with VerticalScroll(id="frame", can_focus=False):
            yield Paragraphs(id="question")
            if self._cards:
                with Horizontal(id="cards"):
                    for index, _ in enumerate(self._cards):
                        yield Card(id=f"card-{index}")
            with Vertical(id="options"):
                for index, option in enumerate(self._options):
                    yield PushButton(option.label, option.about, disabled=option.barred, id=f"option-{index}")
            if self._typed:
                entry = Input(placeholder=self._typed, compact=True, id="entry")
                entry.cursor_blink = False
                yield entry
            if self._more:
                yield Paragraphs(id="more")

    def on_mount(self) -> None:
        """Shows the text, and puts the focus on the first answer."""
        paragraphs = [Paragraph(title=self._title), Paragraph()]
        self.query_one("#question", Paragraphs).show([*paragraphs, *(Paragraph(line) for line in self._text)])
        if self._more:
            listed = [Paragraph(line, title="•", title_style="$label", rest=2) for line in self._more]
            self.query_one("#more", Paragraphs).show([Paragraph(), *listed])
        for index, card in enumerate(self._cards):
            self.query_one(f"#card-{index}", Card).show(card)
        self.query_one("#option-0", PushButton).focus()

    @on(PushButton.Pressed)
    def _pressed(self, event: PushButton.Pressed) -> None:
        event.stop()
        self.dismiss(self._options[int((event.button.id or "option-0").rpartition("-")[2])].value or None)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss_typed(event.value.strip())

    def dismiss_typed(self, text: str) -> None:
        """Ends with what was typed."""
        self.dismiss(text)

"""A page to be read, with a few answers below it; and one with secrets, which is shown once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen

from ccops.config import Secret
from ccops.tui import keymap
from ccops.tui.screens.choice import Option
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.push_button import PushButton
from ccops.tui.widgets.summary import Summary


class PageScreen(ModalScreen[str | None]):
    """Ends with the value of the answer, or None. The first answer has the focus; the text scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("page.close", "escape,q", "dismiss", "Close", "Choose nothing", keymap.SCREEN),
        keymap.key("page.down", "j,down", "scroll_text(1)", "Down", "Scroll down", keymap.MOVING),
        keymap.key("page.up", "k,up", "scroll_text(-1)", "Up", "Scroll up", keymap.MOVING),
        keymap.key("page.page_down", "pagedown,ctrl+f", "scroll_text(10)", "Page", "Down", keymap.MOVING),
        keymap.key("page.page_up", "pageup,ctrl+b", "scroll_text(-10)", "Page", "Up", keymap.MOVING),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    PageScreen { align: center middle; background: $background 60%; }
    PageScreen #frame {
        width: 96%; max-width: 110; height: auto; border: round $frame; padding: 0 1; background: $surface;
    }
    PageScreen Paragraphs { padding: 0; }
    PageScreen #text { height: auto; scrollbar-size-vertical: 1; }
    PageScreen #options { height: 1; }
    PageScreen #hints { padding: 0; }
    """

    def __init__(self, title: str, text: Sequence[Paragraph], options: Sequence[Option]) -> None:
        super().__init__()
        self._title = title
        self._text = tuple(text)
        self._options = tuple(options)

    def compose(self) -> ComposeResult:
        """Title, text, answers."""
        with Vertical(id="frame"):
            yield Paragraphs(id="title")
            with VerticalScroll(id="text", can_focus=False):
                yield Paragraphs(id="words")
            with Horizontal(id="options"):
                for index, option in enumerate(self._options):
                    yield PushButton(option.label, option.about, disabled=option.barred, id=f"option-{index}")
            yield Summary(id="hints")

    def on_mount(self) -> None:
        """Shows the text, and puts the focus on the first answer."""
        self.query_one("#title", Paragraphs).show([Paragraph(title=self._title), Paragraph()])
        self.query_one("#words", Paragraphs).show([*self._text, Paragraph()])
        parts: list[Part] = []
        for keys, word in self.hints():
            parts += [(keys, "bold"), (f" {word}  ", "$label")]
        self.query_one("#hints", Summary).show(parts)
        self._fit()
        self.query_one("#option-0", PushButton).focus()

    def hints(self) -> Sequence[tuple[str, str]]:
        """The keys that are told below."""
        return (("esc", "close"), ("↓↑", "read"), ("tab", "answers"))

    def on_resize(self) -> None:
        """The text scrolls where it is too long."""
        self._fit()

    def _fit(self) -> None:
        self.query_one("#text").styles.max_height = max(3, self.app.size.height - 7)

    def action_scroll_text(self, lines: int) -> None:
        """Scrolls the text, wherever the focus is; beyond a page's length it is a page."""
        text = self.query_one("#text", VerticalScroll)
        step = lines if abs(lines) < 10 else max(1, text.size.height - 2) * (1 if lines > 0 else -1)
        text.scroll_relative(y=step, animate=False)

    @on(PushButton.Pressed)
    def _pressed(self, event: PushButton.Pressed) -> None:
        event.stop()
        self.chosen(self._options[int((event.button.id or "option-0").rpartition("-")[2])].value)

    def chosen(self, value: str) -> None:
        """Ends with it; "" is none."""
        self.dismiss(value or None)


class SecretsScreen(PageScreen):
    """Secrets by number or name, this once. While it is open no screenshot is kept (`ccops.tui.private.screenshot`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("secrets.copy", "c,y", "copy", "Copy", "Copy to the terminal's clipboard", keymap.SCREEN),
    ]

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        many = len(secrets) > 1
        shown = [
            Paragraph(secret.reveal(), "bold reverse", 2, 4, f"{key}  ", "bold") for key, secret in secrets.items()
        ]
        told = [
            Paragraph(
                f"Type {'them into the telephones' if many else 'it into the telephone'}, or copy now. ccops keeps no "
                "secret; one that is lost is replaced by a new one (edit)."
            ),
            Paragraph(),
        ]
        options = [
            Option("Copy", "", "copy"),
            Option("Close", "it is not shown again", "close"),
        ]
        super().__init__(f"{'Secrets' if many else 'Secret'}, shown this once", [*told, *shown], options)
        self._secrets = dict(secrets)

    def hints(self) -> Sequence[tuple[str, str]]:
        """The keys that are told below."""
        return (("c", "copy"), ("esc", "close"), ("↓↑", "read"), ("tab", "answers"))

    def action_copy(self) -> None:
        """Copies the secret; of several, a line each with its name."""
        one = len(self._secrets) == 1
        lines = [secret.reveal() if one else f"{key},{secret.reveal()}" for key, secret in self._secrets.items()]
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify("where the terminal allows it (OSC 52)", title="Copied", markup=False, timeout=3)

    def chosen(self, value: str) -> None:
        """Copies, or closes."""
        if value == "copy":
            self.action_copy()
        else:
            self.dismiss(None)

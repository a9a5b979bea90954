"""A form: labelled fields with what is wrong beside each, checked while it is typed; Enter goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input

from ccops.config import Secret
from ccops.text import clean
from ccops.tui import keymap, themes
from ccops.tui.screens.choice import ChoiceScreen, Option
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.chooser import Choice, Chooser
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.push_button import PushButton
from ccops.tui.widgets.summary import Summary

_AROUND: Final = 7
LONGEST: Final = 400


class Field(NamedTuple):
    """One field: its name, label, what is expected in words, and the value it begins with.

    `choices` makes it one that is chosen; `known` are values to be completed; a `hidden` one is not shown while it is
    typed, and is a Secret. `when` (field, value) lets it be there only while that other field has that value.
    """

    name: str
    label: str
    about: str = ""
    value: str = ""
    choices: Sequence[Choice] = ()
    known: Sequence[str] = ()
    hidden: bool = False
    when: tuple[str, str] | None = None


class Filled(NamedTuple):
    """What is in the fields that are there: texts as they were typed, and what was typed unseen."""

    texts: Mapping[str, str]
    secrets: Mapping[str, Secret]


Check = Callable[[Filled], Mapping[str, str]]
"""From what was typed to what is wrong: field → in words, without any secret's text."""


class FormScreen(ModalScreen[Filled | None]):
    """Ends with what was filled in once nothing is wrong with it, or None.

    Faults are shown of fields that were touched, and of all once somebody wanted to go on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("form.leave", "escape", "leave", "Leave", "Asks first where something was typed", keymap.SCREEN),
        keymap.key("form.go_on", "ctrl+s", "go_on", "Go on", "The same as Enter", keymap.SCREEN),
        # Before the field itself, so that what is typed after them goes into the next one, however quickly.
        replace(
            keymap.key("form.down", "down,tab", "app.focus_next", "Down", "The next field", keymap.MOVING),
            priority=True,
        ),
        replace(
            keymap.key("form.up", "up,shift+tab", "app.focus_previous", "Up", "The field before", keymap.MOVING),
            priority=True,
        ),
        keymap.key("form.page_down", "pagedown", "scroll_fields(1)", "Page", "Scroll down", keymap.MOVING),
        keymap.key("form.page_up", "pageup", "scroll_fields(-1)", "Page", "Scroll up", keymap.MOVING),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    FormScreen { align: center middle; background: $background 60%; }
    FormScreen #frame {
        width: 96%; max-width: 110; height: auto; border: round $frame; padding: 0 1; background: $surface;
    }
    FormScreen #about { padding: 0; }
    FormScreen #fields { height: auto; scrollbar-size-vertical: 1; }
    FormScreen .row { height: auto; }
    FormScreen .row Horizontal { height: 1; }
    FormScreen .label { width: 17; background: $surface; padding: 0; }
    FormScreen .note { height: auto; padding: 0 0 0 17; display: none; }
    FormScreen .note Paragraphs { padding: 0; }
    FormScreen .note.-told { display: block; }
    FormScreen .row.-away { display: none; }
    FormScreen Input { width: 1fr; background: $background; }
    FormScreen #buttons { height: 1; }
    FormScreen #hints { padding: 0; }
    """

    def __init__(
        self, title: str, about: Sequence[str], fields: Sequence[Field], check: Check, label: str = "Go on"
    ) -> None:
        super().__init__()
        self._title = title
        self._about = tuple(about)
        self._fields = {field.name: field._replace(value=clean(field.value, LONGEST)) for field in fields}
        self._check = check
        self._label = label
        self._touched: set[str] = set()
        self._faults: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        """Title, fields, buttons."""
        with Vertical(id="frame"):
            yield Paragraphs(id="about")
            with _Fields(id="fields", can_focus=False):
                for field in self._fields.values():
                    with Vertical(classes="row", id=f"row-{field.name}"):
                        with Horizontal():
                            yield Summary(classes="label", id=f"label-{field.name}")
                            yield _widget(field)
                        with Vertical(classes="note", id=f"note-{field.name}"):
                            yield Paragraphs()
            with Horizontal(id="buttons"):
                yield PushButton(self._label, id="go-on")
                yield PushButton("Leave", id="leave")
            yield Summary(id="hints")

    def on_mount(self) -> None:
        """The first field has the focus."""
        told = [Paragraph(title=self._title), *(Paragraph(line, "$label") for line in self._about)]
        self.query_one("#about", Paragraphs).show(told)
        self._validate()
        self._fit()
        next(iter(self._entries()))[1].focus()

    def on_resize(self) -> None:
        """The fields scroll where they are too many."""
        self._fit()

    def _fit(self) -> None:
        room = self.app.size.height - _AROUND - len(self._about)
        self.query_one("#fields").styles.max_height = max(3, room)

    # -- what is filled in

    @property
    def filled(self) -> Filled:
        """What stands in the fields that are there."""
        texts, secrets = dict[str, str](), dict[str, Secret]()
        for field, widget in self._entries():
            if field.when is not None and not self._there(field):
                continue
            value = widget.value if isinstance(widget, Input | Chooser) else ""
            if field.hidden:
                secrets[field.name] = Secret(value)
            else:
                texts[field.name] = value
        return Filled(texts, secrets)

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong with it now."""
        return self._faults

    def _entries(self) -> Iterator[tuple[Field, Widget]]:
        for name, field in self._fields.items():
            yield field, self.query_one(f"#field-{name}")

    def _there(self, field: Field) -> bool:
        if field.when is None:
            return True
        other = self.query_one(f"#field-{field.when[0]}")
        return isinstance(other, Input | Chooser) and other.value == field.when[1]

    @property
    def _changed(self) -> bool:
        return any(isinstance(w, Input | Chooser) and w.value != field.value for field, w in self._entries())

    def _validate(self) -> None:
        self._faults = self._check(self.filled)
        for field, widget in self._entries():
            there = self._there(field)
            self.query_one(f"#row-{field.name}").set_class(not there, "-away")
            widget.disabled = not there
            self._tell(field, widget)
        self._hint()

    def _tell(self, field: Field, widget: Widget) -> None:
        """Label and note of one field: what is wrong with it, or, where it has the focus, what is expected."""
        fault = self._faults.get(field.name) if field.name in self._touched else None
        mark: Part = ("▸ ", "bold") if widget.has_focus else ("✖ ", "bold $critical") if fault else ("  ", "")
        style = "bold $critical" if fault else "bold" if widget.has_focus else "$label"
        self.query_one(f"#label-{field.name}", Summary).show([mark, (field.label, style)])
        told: list[Paragraph] = []
        if fault:
            told = [Paragraph(clean(fault, 300), "$critical", 0, 2, themes.mark("critical"), "bold $critical")]
        elif widget.has_focus and field.about:
            told = [Paragraph(clean(field.about, 300), "$label")]
        note = self.query_one(f"#note-{field.name}")
        note.set_class(bool(told), "-told")
        note.query_one(Paragraphs).show(told)

    def _hint(self) -> None:
        shown = [self._fields[name].label for name in self._faults if name in self._touched and name in self._fields]
        parts: list[Part] = []
        # What no field of the form is to blame for must not hold it up without a word.
        elsewhere = next((f"{name}: {text}" for name, text in self._faults.items() if name not in self._fields), "")
        if elsewhere and not shown:
            parts = [(f"{themes.mark('critical')} {clean(elsewhere, 200)}  ", "bold $critical")]
        if shown:
            parts = [(f"{themes.mark('critical')} to be corrected: {', '.join(shown)}  ", "bold $critical")]
        for keys, word in (("enter", "go on"), ("tab ↓↑", "fields"), ("← →", "choose"), ("esc", "leave")):
            parts += [(keys, "bold"), (f" {word}  ", "$label")]
        self.query_one("#hints", Summary).show(parts)

    # -- events

    @on(Input.Changed)
    @on(Chooser.Changed)
    def _typed(self, event: Input.Changed | Chooser.Changed) -> None:
        event.stop()
        name = (event.control.id or "").removeprefix("field-")
        field = self._fields.get(name)
        value = event.control.value
        if isinstance(event, Input.Changed) and not event.input.password and value != (shown := clean(value, LONGEST)):
            event.input.value = shown  # pasted: nothing of it may reach the terminal
            return
        if field is not None and value != field.value:
            self._touched.add(name)
        self._validate()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _moved(self, event: events.DescendantFocus | events.DescendantBlur) -> None:
        for field, widget in self._entries():
            if widget is event.widget:
                self._tell(field, widget)
                if isinstance(event, events.DescendantFocus):
                    self.query_one(f"#row-{field.name}").scroll_visible(animate=False)

    @on(Input.Submitted)
    @on(Chooser.Submitted)
    def _entered(self, event: Input.Submitted | Chooser.Submitted) -> None:
        event.stop()
        self.action_go_on()

    @on(PushButton.Pressed, "#go-on")
    def _pressed(self, event: PushButton.Pressed) -> None:
        event.stop()
        self.action_go_on()

    @on(PushButton.Pressed, "#leave")
    def _left(self, event: PushButton.Pressed) -> None:
        event.stop()
        self.action_leave()

    # -- keys

    def action_go_on(self) -> None:
        """Ends the form where nothing is wrong; else goes to the first field that is to be corrected."""
        self._touched |= set(self._fields)
        self._validate()
        first = next((widget for field, widget in self._entries() if field.name in self._faults), None)
        if first is not None:
            if not first.has_focus:  # which would mark all its text
                first.focus()
        elif not self._faults:
            self.dismiss(self.filled)

    def action_leave(self) -> None:
        """Leaves it, at once where nothing was typed."""
        if not self._changed:
            self.dismiss(None)
            return
        options = [
            Option("Go on with the form", "nothing is lost", ""),
            Option("Leave it", "what was typed is forgotten", "leave"),
        ]

        def answered(answer: str | None) -> None:
            if answer == "leave":
                self.dismiss(None)

        self.app.push_screen(ChoiceScreen("Leave the form?", [self._title], options), answered)

    def action_scroll_fields(self, pages: int) -> None:
        """Scrolls by a page, wherever the focus is."""
        fields = self.query_one("#fields", VerticalScroll)
        fields.scroll_relative(y=pages * max(1, fields.size.height - 2), animate=False)


class _Fields(VerticalScroll, inherit_bindings=False):
    """Without keys of its own: arrows go from field to field."""


def _widget(field: Field) -> Widget:
    if field.choices:
        return Chooser(field.choices, field.value, id=f"field-{field.name}")
    entry = Input(
        field.value,
        password=field.hidden,
        suggester=SuggestFromList(field.known) if field.known else None,
        placeholder="–",
        max_length=LONGEST,
        compact=True,
        id=f"field-{field.name}",
    )
    entry.cursor_blink = False
    return entry

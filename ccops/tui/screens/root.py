"""The console's own screen: header, the views, filter bar, status line; one view is shown at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from ccops.tui import keymap
from ccops.tui.keymap import CONSOLE_KEYS, Key
from ccops.tui.screens.agents import AgentsView
from ccops.tui.screens.campaigns import CampaignsView
from ccops.tui.screens.lines import LinesView
from ccops.tui.screens.log import LogView
from ccops.tui.screens.pair import PairView
from ccops.tui.screens.pbx import PbxView
from ccops.tui.screens.queues import QueuesView
from ccops.tui.screens.reports import ReportsView
from ccops.tui.screens.triage import TriageView
from ccops.tui.view import View
from ccops.tui.widgets.header import Header, Standing
from ccops.tui.widgets.statusline import StatusLine
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

VIEWS: Final[Mapping[str, type[View]]] = {
    view.NAME: view
    for view in (PairView, QueuesView, AgentsView, LinesView, LogView, TriageView, ReportsView, PbxView, CampaignsView)
}
SMALLEST: Final = (60, 20)


def scopes() -> dict[str, Sequence[BindingType]]:
    """The bindings by owner, as `keymap.check` wants them; "" is the console itself."""
    return {"": [*CONSOLE_KEYS, *RootScreen.BINDINGS], **{name: view.BINDINGS for name, view in VIEWS.items()}}


class RootScreen(Screen[None], inherit_bindings=False):
    """The frame around the views, which are made when first asked for. Below 60×20 it says so instead."""

    AUTO_FOCUS = None

    # Without the inherited ones: they would take Tab from the console's own binding.
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("screen.copy", "ctrl+c", "copy_text", "Copy", "Copy what the mouse has marked", keymap.SCREEN),
    ]

    DEFAULT_CSS: ClassVar[str] = """
    RootScreen { background: $background; color: $foreground; layout: vertical; }
    RootScreen #views { height: 1fr; }
    RootScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    RootScreen #filter.-open { display: block; }
    RootScreen #small { display: none; width: 1fr; height: 1fr; content-align: center middle; text-align: center; }
    RootScreen.-small #small { display: block; }
    RootScreen.-small Header, RootScreen.-small #views, RootScreen.-small #filter, RootScreen.-small StatusLine {
        display: none;
    }
    """

    class Uncovered(Message):
        """The screen is in front again, has another size or shows another view: it is to be painted."""

    def __init__(self, start_view: str, failed: Callable[[View, Exception], None]) -> None:
        """`failed` is told of what a view raised while it painted."""
        super().__init__(id="_default")
        self._failed = failed
        self._views: dict[str, View] = {}
        self._patterns: dict[str, str] = {}
        self._shown = ""
        self._start_view = start_view if start_view in VIEWS else next(iter(VIEWS))

    def compose(self) -> ComposeResult:
        """The frame without any view."""
        yield Header()
        yield Container(id="views")
        bar = Input(id="filter", placeholder="filter: a text, or !text for all without it", compact=True)
        bar.cursor_blink = False
        yield bar
        yield StatusLine()
        yield Static(id="small", markup=False)

    async def on_mount(self) -> None:
        """The first view, in time for the first frame."""
        await self.select(self._start_view)

    # -- painting

    def paint(self, snapshot: Snapshot, timeline: Timeline, standing: Standing) -> bool:
        """Header and the view that is shown; False where there is none, or the terminal is too small."""
        view = self._views.get(self._shown)
        header = self.query(Header)  # none any more while the console closes
        if self.has_class("-small") or view is None or not view.is_mounted or not header:
            return False
        header.first().show(snapshot, standing)
        view.acknowledged, view.operable = standing.acknowledged, standing.operable
        try:
            view.show(snapshot, timeline)
        except Exception as error:  # one view's fault must not take the console from whoever is on call
            self._failed(view, error)
        return True

    def on_screen_resume(self) -> None:
        """Asks for what was missed behind another screen."""
        self.post_message(self.Uncovered())

    def on_resize(self, event: events.Resize) -> None:
        """Too small is said, not drawn badly."""
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "-small")
        if small:
            told = f"terminal too small\n{width}×{height} found, {SMALLEST[0]}×{SMALLEST[1]} needed"
            self.query_one("#small", Static).update(told)
        self.post_message(self.Uncovered())

    # -- views

    @property
    def view(self) -> View:
        """The view that is shown; KeyError before the first."""
        return self._views[self._shown]

    async def select(self, name: str) -> None:
        """Shows the view `name`, with the filter it had."""
        self.close_bar()
        if name not in self._views:
            view = self._views[name] = VIEWS[name](id=f"view-{name}")
            await self.query_one("#views").mount(view)
        self._shown = name
        for other, view in self._views.items():
            view.display = other == name
        self._focus_view()
        self.tell()
        self.post_message(self.Uncovered())

    async def cycle(self, step: int) -> None:
        """The next (or previous) pane that takes the focus; beyond the last one, the next view."""
        panes = self._panes()
        at = panes.index(self.focused) + step if self.focused in panes else -1
        if 0 <= at < len(panes):
            panes[at].focus()
            return
        names = list(VIEWS)
        await self.select(names[(names.index(self._shown) + step) % len(names)])

    def tell(self) -> None:
        """Paints the status line: tabs, filter, first keys, by the keymap that holds."""
        first = {key.id: key.keys.split(" ")[0] for key in self.listing()}
        tabs = [(first[f"view.{name}"], view.TITLE, name == self._shown) for name, view in VIEWS.items()]
        hints = [
            (first["console.help"], "help"),
            (first["screen.filter"], "filter"),
            (first["console.palette"], "menu"),
        ]
        self.query_one(StatusLine).show(tabs, self._patterns.get(self._shown, ""), hints)

    def listing(self) -> Sequence[Key]:
        """What the keys do now: the view's, then the console's."""
        own = self.view.BINDINGS if self._shown in self._views else []
        return keymap.listing([*own, *CONSOLE_KEYS, *self.BINDINGS], self.app._keymap)

    def _panes(self) -> list[Widget]:
        return [each for each in (self.view, *self.view.query(Widget)) if each.focusable]

    def _focus_view(self) -> None:
        panes = self._panes()
        self.set_focus(panes[0] if panes else None)

    # -- the filter

    def open_bar(self) -> None:
        """The filter bar, with the view's filter in it."""
        bar = self.query_one("#filter", Input)
        bar.add_class("-open")
        bar.value = self._patterns.get(self._shown, "")
        bar.focus()

    def close_bar(self) -> bool:
        """Closes the bar and keeps the filter; False when it was not open."""
        bar = self.query_one("#filter", Input)
        if not bar.has_class("-open"):
            return False
        bar.remove_class("-open")
        self._focus_view()
        self.tell()
        return True

    def back(self) -> bool:
        """Clears the filter and closes its bar; False when there was neither."""
        bar = self.query_one("#filter", Input)
        was_open, was_set = bar.has_class("-open"), bool(self._patterns.get(self._shown))
        self._filter("")
        self.close_bar()
        self.tell()
        return was_open or was_set

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        if event.input.has_class("-open"):
            self._filter(event.value)

    @on(Input.Submitted, "#filter")
    def _kept(self) -> None:
        self.close_bar()

    def _filter(self, pattern: str) -> None:
        if pattern != self._patterns.get(self._shown, ""):
            self._patterns[self._shown] = pattern
            try:
                self.view.set_filter(pattern)
            except Exception as error:  # as in `paint`
                self._failed(self.view, error)

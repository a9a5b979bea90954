"""A screen in front of the console that has the pair live beside its own text, as long as it is on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, NamedTuple, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget

from ccops.pair.joined import best_sync
from ccops.tui.aging import believed
from ccops.tui.frames import Frames
from ccops.tui.widgets import link_panel, node_panel
from ccops.tui.widgets.card import Card, Face, Part, Row, assemble
from ccops.tui.widgets.header import chip, verdict
from ccops.tui.widgets.summary import Summary
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store

T = TypeVar("T")

WIDE: Final = 112
_HIGH: Final = 34
_BESIDE: Final = 52


class Outlook(NamedTuple):
    """What such a screen looks at: a pair's store, the clock of painting, and what the console may do now.

    `sudo`: commands are sent through it.
    """

    store: Store
    clock: Callable[[], float]
    arming: Callable[[], Part]
    accent: str | None = None
    sudo: bool = False


class Heading(Widget):
    """Two lines: the pair, what this is about, and whether the console is armed; then how it stands."""

    DEFAULT_CSS: ClassVar[str] = """
    Heading { height: 2; width: 1fr; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(id="heading")
        self._shown: tuple[tuple[Part, ...], Part, tuple[Part, ...], Part] = ((), ("", ""), (), ("", ""))

    def show(self, first: Sequence[Part], corner: Part, second: Sequence[Part], end: Part = ("", "")) -> None:
        """Paints both lines, if they differ."""
        new = (tuple(first), corner, tuple(second), end)
        if new != self._shown:
            self._shown = new
            self.refresh()

    def render(self) -> Content:
        """Both lines; the right parts are never cut."""
        first, corner, second, end = self._shown
        return Content("\n").join([self._line(first, corner), self._line(second, end)])

    def _line(self, left: Sequence[Part], right: Part) -> Content:
        end = assemble((right, (" ", "")))
        room = max(0, self.size.width - end.cell_length)
        return Content("").join([assemble(left).truncate(room, ellipsis=True, pad=True), end])


class LiveScreen(ModalScreen[T]):
    """Heading, text and, beside or above it, both nodes; below, what `compose_foot` makes.

    It listens to the store only while it is on top, and paints at most so often (`ccops.tui.frames`).
    """

    DEFAULT_CSS: ClassVar[str] = """
    LiveScreen { background: $background; layout: vertical; }
    LiveScreen #strip { height: auto; border-bottom: solid $frame; }
    LiveScreen #verdict { background: $panel; padding: 0; }
    LiveScreen #body { height: 1fr; }
    LiveScreen #text { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    LiveScreen #beside { display: none; width: 52; height: 1fr; overflow-y: auto; scrollbar-size-vertical: 1; }
    LiveScreen #foot { height: auto; background: $panel; }
    LiveScreen.-roomy #beside { display: block; }
    LiveScreen.-roomy #strip { display: none; }
    """

    class FrameDue(Message):
        """It is time to paint."""

    def __init__(self, outlook: Outlook) -> None:
        super().__init__()
        self.outlook = outlook
        self.roomy_from = WIDE
        self._frames = Frames(lambda: self.post_message(self.FrameDue()))
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        """The frame; the text and the foot are the screen's own."""
        yield Heading()
        yield Summary(id="verdict")
        yield Card(id="strip")
        with Horizontal(id="body"):
            with VerticalScroll(id="text", can_focus=False):
                yield from self.compose_text()
            with Vertical(id="beside"):
                yield Card(id="node-1")
                yield Card(id="node-2")
                yield Card(id="between")
        with Vertical(id="foot"):
            yield from self.compose_foot()

    def compose_text(self) -> ComposeResult:
        """What stands in the scrolled part."""
        raise NotImplementedError

    def compose_foot(self) -> ComposeResult:
        """What stands below."""
        raise NotImplementedError

    def paint(self, snapshot: Snapshot) -> None:
        """Paints heading, text and foot."""
        raise NotImplementedError

    def request(self) -> None:
        """Something changed: it is painted soon."""
        if self.is_mounted and self.is_active:
            self._frames.request()

    def head(self, title: str, second: Sequence[Part], end: Part = ("", "")) -> None:
        """Paints the heading."""
        name = chip(self.outlook.store.snapshot.pair.layout.name, self.outlook.accent)
        corner = self.outlook.arming()
        self.query_one(Heading).show((name, (" ▸ ", "$label"), (title, "bold")), corner, ((" ", ""), *second), end)

    # -- the store, while this screen is on top

    def on_screen_resume(self) -> None:
        """Listens."""
        self._unsubscribe()
        self._unsubscribe = self.outlook.store.subscribe(lambda snapshot: self._frames.request())
        self._frames.request()

    def on_screen_suspend(self) -> None:
        """Listens no more."""
        self._unsubscribe()

    def on_unmount(self) -> None:
        """Nothing is painted any more."""
        self._unsubscribe()
        self._frames.stop()

    def on_resize(self) -> None:
        """The nodes stand beside the text where there is room, else in a few lines above it."""
        self.lay_out(self.roomy_from)

    def lay_out(self, roomy_from: int) -> None:
        """Puts the nodes beside the text where the terminal has at least so many columns."""
        self.roomy_from = roomy_from
        size = self.app.size
        self.set_class(size.width >= roomy_from and size.height >= _HIGH, "-roomy")
        self.request()

    @on(FrameDue)
    def _frame(self) -> None:
        try:
            if self.is_mounted and self.is_active:
                snapshot = believed(self.outlook.store.snapshot, self.outlook.clock())
                self._paint_pair(snapshot)
                self.paint(snapshot)
        finally:
            self._frames.done()

    def _paint_pair(self, snapshot: Snapshot) -> None:
        self.query_one("#verdict", Summary).show(verdict(snapshot.verdict))
        if self.has_class("-roomy"):
            for index, name in enumerate(("node-1", "node-2")):
                self.query_one(f"#{name}", Card).show(node_panel.face(snapshot, index, wide=False))
            self.query_one("#between", Card).show(link_panel.face(snapshot, _BESIDE))
        else:
            between = link_panel.face(snapshot, self.size.width).rows
            # The connection and, where one runs, the resync with its bar; Heartbeat is in the nodes' lines.
            moving = 3 if best_sync(snapshot.pair) is not None else 1
            rows = [Row(None, node_panel.line(snapshot, index)) for index in (0, 1)]
            self.query_one("#strip", Card).show(Face("", (*rows, *between[:moving]), bare=True))

    def action_scroll_text(self, lines: int) -> None:
        """Scrolls the text, wherever the focus is; beyond a page's length it is a page."""
        text = self.query_one("#text", VerticalScroll)
        step = lines if abs(lines) < 10 else max(1, text.size.height - 2) * (1 if lines > 0 else -1)
        text.scroll_relative(y=step, animate=False)

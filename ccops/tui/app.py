"""The textual console: wiring of store, screen, keys, themes and palette. What is painted is the widgets' business."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.message import Message
from textual.screen import Screen

from ccops.config import Settings
from ccops.text import clean
from ccops.tui import calling, commands, crash, keymap, private, terminal, themes
from ccops.tui.aging import believed
from ccops.tui.alarms import Alarms
from ccops.tui.frames import Frames
from ccops.tui.operating import Desk
from ccops.tui.operator import OpenOperator
from ccops.tui.palette import Command, Commands
from ccops.tui.screens.help import HelpScreen
from ccops.tui.screens.root import VIEWS, RootScreen, scopes
from ccops.tui.screens.supervised import SupervisedView
from ccops.tui.screens.triage import TriageView
from ccops.tui.view import View
from ccops.tui.widgets.header import Standing
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store, Watched


class Console(App[None]):
    """Watches one pair at a time. `open_pair` makes the `Watched` of a pair's name; `clock` tells the time of painting.

    `open_operator` makes what acts on a pair; without it nothing can be done. `write` arms the first pair at once.
    Everything runs in the app's event loop: the stores publish there, and nothing is polled.
    """

    TITLE = "ccops"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {Commands}
    BINDINGS: ClassVar[list[BindingType]] = list(keymap.CONSOLE_KEYS)

    class FrameDue(Message):
        """It is time to paint."""

    def __init__(
        self,
        settings: Settings,
        open_pair: Callable[[str], Watched],
        pair: str,
        *,
        start_view: str = "pair",
        clock: Callable[[], float] = time.time,
        open_operator: OpenOperator | None = None,
        write: bool = False,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.settings = settings
        self.clock = clock
        self.pair_name = pair
        self.desk = Desk(self, open_operator, write)
        self._open_pair = open_pair
        self._watched: dict[str, Watched] = {}
        self._unsubscribe: Callable[[], None] = lambda: None
        self._frames = Frames(lambda: self.post_message(self.FrameDue()))
        self._frozen: tuple[float, Snapshot] | None = None
        self._painted_at = float("-inf")
        self._reported: set[str] = set()
        self._alarms: defaultdict[str, Alarms] = defaultdict(Alarms)
        self.root = RootScreen(start_view, self._view_failed)
        self.loaded_themes = themes.load()
        for theme in self.loaded_themes.themes.values():
            self.register_theme(theme)

    # -- start and end

    def get_default_screen(self) -> Screen[None]:
        """The root screen."""
        return self.root

    def get_driver_class(self) -> type[Driver]:
        """One that a slow terminal does not hold up."""
        return terminal.driver_class(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The console's tones, for themes that are not ours."""
        return dict(themes.TONES)

    async def on_mount(self) -> None:
        """Opens the pair and the first view; the faults of themes and of keys make one message each."""
        keys, faults = keymap.check(self.settings.console.keys, scopes())
        self.set_keymap(keys)
        self._complain("Keys left as they were", faults)
        self._complain("Themes left out", self.loaded_themes.faults)
        await self.watch_pair(self.pair_name)
        self.set_interval(1.0, self._tick)

    async def on_unmount(self) -> None:
        """Ends what runs, and every watch."""
        await self.desk.close()
        self._frames.stop()
        self._unsubscribe()
        for watched in self._watched.values():
            await watched.stop()

    def _complain(self, title: str, faults: Iterable[str]) -> None:
        if lines := [clean(fault, 300) for fault in faults]:
            self.notify("\n".join(lines), title=title, severity="warning", markup=False, timeout=20)

    def _fatal_error(self) -> None:
        """Ends without printing anybody's values: the traceback goes to a private file, without local variables."""
        error = sys.exc_info()[1] or self._exception or RuntimeError("unknown")
        self.bell()
        self._exit_renderables.append(Text(crash.report(error)))
        self._close_messages_no_wait()

    # -- pairs

    async def watch_pair(self, name: str) -> None:
        """Shows the pair `name`, which is opened and started if it is not yet; the one left goes on behind."""
        watched = self._watched.get(name)
        if watched is None:
            try:
                watched = self._open_pair(name)
                await watched.start()
            except Exception as error:
                if not self._watched:
                    raise
                self._complain(f"The pair {clean(name)} could not be opened", [str(error)])
                return
            self._watched[name] = watched
        self._unsubscribe()
        self.pair_name = name
        self._frozen = None
        self._unsubscribe = watched.store.subscribe(self._published)
        self.theme = self._theme_wanted()
        self._frames.request()

    def _theme_wanted(self) -> str:
        settings = self.settings.pairs.get(self.pair_name)
        for name in (settings.theme if settings else None, self.settings.console.theme):
            if name is not None and name in self.loaded_themes.themes:
                return name
            if name is not None:
                found = ", ".join(self.loaded_themes.themes)
                self._complain("Theme", [f"expected one of {found}; found {name!r}; {themes.FALLBACK} stands in"])
        return themes.FALLBACK

    async def action_next_pair(self) -> None:
        """The next pair of the configuration."""
        names = list(self.settings.pairs)
        at = names.index(self.pair_name) if self.pair_name in names else -1
        if names and names[(at + 1) % len(names)] != self.pair_name:
            await self.watch_pair(names[(at + 1) % len(names)])

    # -- painting

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot of the pair that is shown, also while the screen is frozen."""
        return self.store.snapshot

    @property
    def store(self) -> Store:
        """Where the snapshots of the pair that is shown are published."""
        return self._watched[self.pair_name].store

    def _published(self, snapshot: Snapshot) -> None:
        calling.call(self, self._alarms[self.pair_name], snapshot)
        self.desk.looked(snapshot)
        self._frames.request()

    @on(TriageView.Acknowledged)
    def _acknowledged(self, message: TriageView.Acknowledged) -> None:
        self._alarms[self.pair_name].acknowledge(message.finding)
        self._frames.request()

    @on(FrameDue)
    def _frame(self) -> None:
        painted = False
        try:
            painted = self._paint()
        finally:
            self._frames.done(painted)

    @on(TriageView.Operated)
    def _operated(self, message: TriageView.Operated) -> None:
        self.desk.mend(message.finding)

    @on(SupervisedView.Wished)
    def _wished(self, message: SupervisedView.Wished) -> None:
        self.desk.supervise(message)

    @on(RootScreen.Uncovered)
    def repaint(self) -> None:
        """Asks for a frame."""
        self._frames.request()

    def _tick(self) -> None:
        """Lets ages grow when nothing is published; what does not change by it is not painted."""
        if self._frozen is None and self.clock() - self._painted_at >= 0.9:
            self._paint()
        self.desk.tick()

    def _paint(self) -> bool:
        """Paints the root screen, unless it is behind another one; True when it did."""
        watched = self._watched.get(self.pair_name)
        if self.screen_stack[-1:] != [self.root] or watched is None:  # behind another screen, or closing
            return False
        self._painted_at = now = self.clock()
        frozen_at, snapshot = self._frozen or (None, believed(watched.store.snapshot, now))
        settings = self.settings.pairs.get(self.pair_name)
        standing = Standing(
            settings.accent if settings else None,
            arming=self.desk.arming(self.pair_name),
            running=self.desk.running,
            operable=self.desk.operable,
            frozen_at=frozen_at,
            moved_on=watched.store.snapshot.verdict.code != snapshot.verdict.code,
            acknowledged=self._alarms[self.pair_name].acknowledged,
        )
        return self.root.paint(snapshot, watched.store.timeline, standing)

    def _view_failed(self, view: View, error: Exception) -> None:
        place = f"{view.NAME} {crash.place(error)}"
        if place not in self._reported:
            self._reported.add(place)
            self._complain(f"The view {view.TITLE} could not be painted", [crash.report(error)])

    # -- actions

    async def action_view(self, name: str) -> None:
        """Shows a view."""
        if name in VIEWS:
            await self.root.select(name)

    async def action_cycle(self, step: int) -> None:
        """The next pane or view."""
        await self.root.cycle(step)

    def action_freeze(self) -> None:
        """Holds the screen still, or lets it go on."""
        now = self.clock()
        self._frozen = None if self._frozen else (now, believed(self.snapshot, now))
        self._frames.request()

    def action_filter(self) -> None:
        """Opens the filter bar."""
        self.root.open_bar()

    async def action_back(self) -> None:
        """Closes what is open."""
        self.root.back()

    def action_leave(self) -> None:
        """Ends the console; where a filter is on, that goes first."""
        if not self.root.back():
            self.desk.stop_or_not(self.exit)

    async def action_quit(self) -> None:
        """Ends the console from anywhere; an operation that runs is asked about first."""
        self.desk.stop_or_not(self.exit)

    def action_arm(self) -> None:
        """Arms the console, or makes it read-only again."""
        self.desk.arm()

    def action_operations(self) -> None:
        """The menu of operations, or the one that runs."""
        self.desk.open_menu()

    def action_operate(self, name: str) -> None:
        """Shows the plan of an operation."""
        self.desk.operate(name)

    def action_help(self) -> None:
        """The keys that work now."""
        self.push_screen(HelpScreen(f"Keys of the view {self.root.view.TITLE}", self.root.listing()))

    def action_next_theme(self) -> None:
        """The next theme by name."""
        names = sorted(self.loaded_themes.themes)
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]

    def action_keep_screenshot(self) -> None:
        """Writes what is on the screen to a private SVG file and says where."""
        self.notify(private.screenshot(self), title="Screenshot", markup=False)

    def commands(self) -> Iterable[Command]:
        """Everything the palette offers."""
        return commands.offered(self)

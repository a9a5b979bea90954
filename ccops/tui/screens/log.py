"""The log view: both nodes' logs, Asterisk's turning points and ccops' own doings on one time line."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from ccops.tui import keymap
from ccops.tui.log_model import LEVELS
from ccops.tui.view import View
from ccops.tui.widgets.card import Part, assemble
from ccops.tui.widgets.log_line import Columns
from ccops.tui.widgets.log_table import LogTable
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

_SOURCE_KEYS = {"ha-log": "log.heartbeat", "kernel": "log.kernel", "ami": "log.ami", "ccops": "log.ccops"}
_CHOICES = ("debug", "notice", "warning", "error")


class LogView(View):
    """The table of lines under one line that says what is shown and whether the end is followed."""

    NAME = "log"
    TITLE = "Log"

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("log.follow", "f", "follow", "Follow", "Follow the end, or stay here", keymap.LOG),
        keymap.key("log.heartbeat", "H", "source('ha-log')", "ha-log", "Show or hide Heartbeat's log", keymap.LOG),
        keymap.key("log.kernel", "K", "source('kernel')", "Kernel", "Show or hide the kernel's log", keymap.LOG),
        keymap.key("log.ami", "A", "source('ami')", "AMI", "Show or hide Asterisk's turning points", keymap.LOG),
        keymap.key("log.ccops", "C", "source('ccops')", "ccops", "Show or hide what ccops did", keymap.LOG),
        keymap.key("log.level", "L", "level", "Level", "All lines, notices, warnings, or errors and worse", keymap.LOG),
        keymap.key(
            "log.milliseconds", "m", "milliseconds", "Milliseconds", "Show times to the millisecond", keymap.LOG
        ),
        keymap.key("log.down", "j,down", "move('scroll_down')", "Down", "One line down", keymap.MOVING),
        keymap.key("log.up", "k,up", "move('scroll_up')", "Up", "One line up; following ends", keymap.MOVING),
        keymap.key(
            "log.page_down", "pagedown,ctrl+f", "move('scroll_page_down')", "Page down", "A page down", keymap.MOVING
        ),
        keymap.key("log.page_up", "pageup,ctrl+b", "move('scroll_page_up')", "Page up", "A page up", keymap.MOVING),
        keymap.key("log.left", "h,left", "sideways(-16)", "Left", "The beginning of long lines", keymap.MOVING),
        keymap.key("log.right", "l,right", "sideways(16)", "Right", "The rest of long lines", keymap.MOVING),
        keymap.key("log.home", "g,home", "move('scroll_home')", "Start", "The oldest line kept", keymap.MOVING),
        keymap.key("log.end", "G,end", "end", "End", "The newest line; follows from there", keymap.MOVING),
    ]

    DEFAULT_CSS: ClassVar[str] = """
    LogView { layout: vertical; }
    LogView #about { height: 1; background: $surface; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._milliseconds = False
        self._timeline: Timeline | None = None
        self._names = ("", "")
        self._about: tuple[Part, ...] = ()

    @property
    def table(self) -> LogTable:
        """The lines."""
        return self.query_one(LogTable)

    def compose(self) -> ComposeResult:
        """One line about the log, and the log."""
        yield Static(id="about", markup=False)
        yield LogTable()

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Takes in the lines up to the snapshot's moment."""
        if timeline is not self._timeline:
            if self._timeline is not None:
                self.table.forget()
            self._timeline = timeline
        self._names = snapshot.pair.layout.nodes
        self.table.take(timeline, min(timeline.end, snapshot.timeline_end))
        self.table.lay_out(self._columns(snapshot.at))
        self._tell()

    def set_filter(self, pattern: str) -> None:
        """Shows the lines that contain `pattern` anywhere, also in source, node and level."""
        self._choose(pattern=pattern)

    def action_follow(self) -> None:
        """Follows, or stays."""
        self.table.follow(not self.table.following)

    def action_end(self) -> None:
        """To the end, following."""
        self.table.follow(True)

    def action_source(self, name: str) -> None:
        """Shows or hides one source."""
        self._choose(sources=self.table.model.choice.sources ^ {name})

    def action_level(self) -> None:
        """The next of: everything, notices, warnings, errors."""
        at = _CHOICES.index(self.table.model.choice.level)
        self._choose(level=_CHOICES[(at + 1) % len(_CHOICES)])

    def action_milliseconds(self) -> None:
        """Times with or without milliseconds."""
        self._milliseconds = not self._milliseconds
        self.table.lay_out(self.table.columns._replace(milliseconds=self._milliseconds))

    def action_move(self, how: str) -> None:
        """Scrolls the table without animation."""
        getattr(self.table, how)(animate=False)

    def action_sideways(self, cells: int) -> None:
        """Scrolls long lines."""
        table = self.table
        table.scroll_to(x=max(0, table.scroll_offset.x + cells), animate=False, force=True)

    @on(LogTable.Moved)
    def _moved(self) -> None:
        self._tell()

    def _choose(self, **changes: object) -> None:
        table = self.table
        table.choose(table.model.choice._replace(**changes))  # type: ignore[arg-type]
        self._tell()

    def _columns(self, now: float) -> Columns:
        shown = self.table.model.shown
        days = {time.localtime(at)[:3] for at in (shown[0].at, shown[-1].at, now)} if shown else set()
        return Columns(self._names, self._milliseconds, dates=len(days) > 1, names=self.size.width >= 110)

    def _tell(self) -> None:
        table = self.table
        choice, shown, kept = table.model.choice, len(table.model.shown), len(table.model)
        keys = {key.id: key.keys.split(" ")[0] for key in keymap.listing(self.BINDINGS, self.app._keymap)}
        still = (f"stays here · {keys['log.end']} follows", "bold $info")
        amount = f"{shown:,}" if shown == kept else f"{shown:,} of {kept:,}"
        parts: list[Part] = [(" ", ""), ("following", "$ok") if table.following else still]
        parts += [(" · ", "$label"), (amount, ""), (" lines", "$label")]
        for source, binding in _SOURCE_KEYS.items():
            taken = source in choice.sources
            parts += [(f" · {keys[binding]} ", "$label"), (source, "" if taken else "$label strike")]
            parts += [] if taken else [(" off", "$label")]
        if choice.level != LEVELS[0]:
            parts.append((f" · {choice.level} and worse", "bold $info"))
        told = tuple(parts)
        if told != self._about:
            self._about = told
            self.query_one("#about", Static).update(assemble(told), layout=False)

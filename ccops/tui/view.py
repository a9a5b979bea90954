"""What every numbered view of the console is: a widget that paints a snapshot when it is shown."""

from __future__ import annotations

from typing import ClassVar

from textual.widget import Widget

from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline


class View(Widget):
    """One view. The console calls `show` only while the view is visible, at most once a frame."""

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    acknowledged: frozenset[str] = frozenset()
    """The marks of the findings that somebody has seen (see `ccops.tui.alarms`), set before each `show`."""

    operable: bool = False
    """Whether there is something that operations can act on."""

    DEFAULT_CSS: ClassVar[str] = """
    View { height: 1fr; width: 1fr; background: $background; }
    """

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Paints what changed since the last call. Keeps cursor and scroll."""
        raise NotImplementedError

    def set_filter(self, pattern: str) -> None:
        """Shows only what contains `pattern` (a leading `!` inverts); an empty one shows all."""

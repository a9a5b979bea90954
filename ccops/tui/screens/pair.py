"""The pair view: both nodes side by side, what lies between them, the floor of the call centre, the latest lines."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from ccops.triage.verdict import beside
from ccops.tui import keymap, themes
from ccops.tui.filtering import matches
from ccops.tui.view import View
from ccops.tui.widgets import floor, link_panel, log_line, node_panel
from ccops.tui.widgets.card import AnyRow, Card, Face, Row
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

_WIDE: Final = 112
_FLOOR_EVERY_S: Final = 0.5


class PairView(View, can_focus=True):
    """Cards that are drawn when their face changes; lies flat or upright by the width at hand."""

    NAME = "pair"
    TITLE = "Pair"

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key(
            "pair.down", "j,down", "scroll_down", "Down", "Scroll down, where the screen is too low", keymap.MOVING
        ),
        keymap.key("pair.up", "k,up", "scroll_up", "Up", "Scroll up", keymap.MOVING),
        keymap.key("pair.end", "G,end", "scroll_end", "End", "Scroll to the end", keymap.MOVING),
        keymap.key("pair.home", "g,home", "scroll_home", "Start", "Scroll to the start", keymap.MOVING),
    ]

    DEFAULT_CSS: ClassVar[str] = """
    PairView { layout: vertical; overflow-y: auto; overflow-x: hidden; scrollbar-size-vertical: 1; }
    PairView #nodes { height: auto; }
    PairView #between { display: none; }
    PairView.-wide #between { display: block; }
    PairView.-wide #below { display: none; }
    PairView #latest { display: none; height: 1fr; min-height: 4; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._timeline = Timeline()
        self._pattern = ""
        self._floor: tuple[float, int, Face] = (float("-inf"), 0, Face("", ()))

    def compose(self) -> ComposeResult:
        """The nodes with the link between them, or below them; then the floor, other findings and the latest lines."""
        with Horizontal(id="nodes"):
            yield Card(id="first")
            yield Card(id="between")
            yield Card(id="second")
        yield Card(id="below")
        yield Card(id="floor")
        yield Card(id="findings")
        yield Card(id="latest")

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Paints the cards that changed."""
        self._snapshot, self._timeline = snapshot, timeline
        width, height = self.size if self.size.width else self.app.size
        wide = width >= _WIDE
        between = min(52, width // 3) if wide else 0
        sides = [node_panel.face(snapshot, index, wide=(width - between) // 2 >= 52) for index in (0, 1)]
        findings = _findings(snapshot)
        link = link_panel.face(snapshot, between or width)
        ground = self._floor_face(snapshot, width)
        room = height - max(side.height for side in sides)
        if wide:
            blank: list[AnyRow] = [Row(None, ())] * max(0, len(sides[0].rows) - len(link.rows))
            link = link._replace(rows=(*link.rows, *blank))
        else:
            # The boxes go before anything that is in them does: the floor's first, then the link's.
            ground = ground._replace(bare=link.height + ground.height > room)
            link = link._replace(bare=link.height + ground.height > room)
            room -= link.height
        self.set_class(wide, "-wide")
        self._card("between").styles.width = between or 1
        for name, face in (
            ("first", sides[0]),
            ("second", sides[1]),
            ("between" if wide else "below", link),
            ("floor", ground),
            ("findings", findings),
        ):
            self._card(name).show(face)
        self._card("findings").display = bool(findings.rows)
        self._show_latest(snapshot, timeline, room - ground.height - (findings.height if findings.rows else 0), width)

    def set_filter(self, pattern: str) -> None:
        """Filters the latest lines; the cards always show everything."""
        self._pattern = pattern
        self._again()

    def on_resize(self, _: events.Resize) -> None:
        """Lays the cards out anew."""
        self._again()

    def _again(self) -> None:
        if self._snapshot is not None and self.is_mounted:
            self.show(self._snapshot, self._timeline)

    def _card(self, name: str) -> Card:
        return self.query_one(f"#{name}", Card)

    def _floor_face(self, snapshot: Snapshot, width: int) -> Face:
        # Counting a thousand agents costs milliseconds, and events come by the hundred: twice a second is enough.
        at, of_width, face = self._floor
        if of_width != width or not 0 <= snapshot.at - at < _FLOOR_EVERY_S:
            face = floor.face(snapshot, width)
            self._floor = (snapshot.at, width, face)
        return face

    def _show_latest(self, snapshot: Snapshot, timeline: Timeline, room: int, width: int) -> None:
        card = self._card("latest")
        card.display = room >= 4
        if room < 4:
            return
        end = min(timeline.end, snapshot.timeline_end)
        lines = timeline.since(max(0, end - 200))[: max(0, end - max(timeline.start, end - 200))]
        if self._pattern:
            lines = [
                line for line in lines if matches(self._pattern, line.text, line.tag, line.node or "", line.source)
            ]
        columns = log_line.Columns(snapshot.pair.layout.nodes, names=width >= 120)
        rows = tuple(Row(None, log_line.parts(line, columns)) for line in lines[-(room - 2) :])
        card.show(Face("latest", rows, title_style="$label"))


def _findings(snapshot: Snapshot) -> Face:
    others = beside(snapshot.findings)
    rows = tuple(
        Row(None, ((f"{themes.mark(each.severity)} ", themes.style(each.severity)), (each.summary, "")))
        for each in others[:6]
    )
    return Face("also", rows, title_style="$label")

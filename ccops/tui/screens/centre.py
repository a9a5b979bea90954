"""What the three views of the call centre share: the filter, what is believed of Asterisk's words, the tables' keys."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.binding import BindingType

from ccops.callcentre.model import Centre
from ccops.tui import quantities, themes
from ccops.tui.filtering import Filter
from ccops.tui.view import View
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.cells import NOTHING, Cell, Role
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.node_panel import stale_after
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.tui.widgets.tiles import Tiles
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline


class Belief(NamedTuple):
    """The call centre as it may be shown: None when unknown; the moment it was true; what is to be said of it.

    For old data `now` is the moment of Asterisk's last word, so that waits stop instead of growing on hearsay.
    """

    centre: Centre | None
    now: float
    notice: tuple[Part, ...] = ()
    reason: str = ""
    old: bool = False


def believe(snapshot: Snapshot) -> Belief:
    """What a view may show of the snapshot's call centre."""
    reading = snapshot.centre
    notice: tuple[Part, ...]
    centre = reading.value
    if centre is None or centre.synced_at is None:
        reason = reading.problem or "Asterisk has not been read yet"
        if reading.taken_at is not None:
            reason += f"; last word {quantities.duration(snapshot.at - reading.taken_at)} ago"
        notice = ((f"{themes.mark('unknown')} unknown: ", "$unknown"), (reason, ""))
        return Belief(None, snapshot.at, notice, f"The call centre is not known: {reason}")
    age = 0.0 if reading.taken_at is None else snapshot.at - reading.taken_at
    if reading.taken_at is not None and age > stale_after(snapshot):
        why = f": {reading.problem}" if reading.problem else ""
        notice = ((f"{themes.mark('warning')} {quantities.duration(age)} old{why} ", themes.style("warning")),)
        return Belief(centre, reading.taken_at, notice, old=True)
    if reading.problem:
        return Belief(centre, snapshot.at, ((f"{themes.mark('warning')} {reading.problem} ", themes.style("warning")),))
    return Belief(centre, snapshot.at)


class CentreView(View):
    """A view of the call centre. `paint` is called with what is believed whenever something may look different."""

    BINDINGS: ClassVar[list[BindingType]] = [*TABLE_KEYS]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._snapshot: Snapshot | None = None
        self.filter = Filter()

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Paints the call centre of the snapshot."""
        self._snapshot = snapshot
        self.repaint()

    def set_filter(self, pattern: str) -> None:
        """Shows only rows that have all words of `pattern`; a leading `!` inverts."""
        self.filter = Filter.parse(pattern)
        self.repaint()

    def repaint(self) -> None:
        """Paints the last snapshot again: the filter or the layout changed."""
        if self._snapshot is not None:
            belief = believe(self._snapshot)
            for shown in (*self.query(LineTable), *self.query(Tiles)):
                shown.set_old(belief.old)
            self.paint(self._snapshot, belief)

    def paint(self, snapshot: Snapshot, belief: Belief) -> None:
        """Paints what is believed."""
        raise NotImplementedError

    def empty(self, belief: Belief, nothing: str) -> str:
        """Why a table has no rows: unknown, filtered away, or there is `nothing`."""
        if belief.centre is None:
            return belief.reason
        return "nothing matches the filter (Esc clears it)" if self.filter else nothing

    def table_in_use(self) -> LineTable | None:
        """The table with the focus, else the first that is shown; None on the wall, which has no table."""
        tables = list(self.query(LineTable))
        return next((table for table in tables if table.has_focus), tables[0] if tables else None)

    def action_sort(self, by: int) -> None:
        """Sorts the table in use, as the palette asks for it."""
        if (table := self.table_in_use()) is not None:
            table.action_sort(by)

    def action_reverse(self) -> None:
        """Turns the order of the table in use round."""
        if (table := self.table_in_use()) is not None:
            table.action_reverse()

    def action_select(self) -> None:
        """Opens the row under the cursor of the table in use."""
        if (table := self.table_in_use()) is not None:
            table.action_select()


def tally(label: str, number: int, severity: str, old: bool) -> tuple[Part, ...]:
    """`  5 talking`: the word has a colour when it wants attention and is not old."""
    quiet = old or severity in ("ok", "info")
    return ("  ", ""), (str(number), "bold"), (f" {label}", "$label" if quiet else f"${severity}")


def elapsed(since: float | None, now: float, role: Role = "") -> Cell:
    """`m:ss` since a moment; sorted by its length."""
    if since is None:
        return Cell(NOTHING, "muted")
    return Cell(quantities.watch(now - since), role, max(0.0, now - since))


def ago(at: float | None, now: float) -> Cell:
    """How long ago in its largest unit."""
    if at is None:
        return Cell(NOTHING, "muted")
    return Cell(quantities.brief(now - at), "", max(0.0, now - at))


def count(number: int, role: Role = "") -> Cell:
    """A number; 0 is quiet."""
    return Cell(str(number), role if number else "muted", number)

"""The menu of operations, and the audit log: what can be done, and what was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from ccops.tui import keymap, plans, quantities
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Role, Row
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.paragraphs import Paragraphs
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS

if TYPE_CHECKING:
    from ccops.operations.audit import Record

_KEYS: Final = tuple(key for key in TABLE_KEYS if not (key.id or "").startswith(("table.sort", "table.reverse")))
_MENU: Final = (
    Column("title", "Operation", 24, flex=1, most=30),
    Column("key", "Key", 3),
    Column("does", "What it does", 44, flex=5, most=90),
    Column("barred", "Why not now", 20, flex=2, priority=1, most=40),
)
_AUDIT: Final = (
    Column("when", "When", 14),
    Column("what", "What", 20, flex=4, most=60),
    Column("ending", "Ended", 11, most=20),
    Column("took", "Took", 10, align="right"),
    Column("who", "Who", 12, flex=1, priority=1, most=30),
    Column("origin", "From", 16, flex=2, priority=2, most=60),
)
_ENDINGS: Final[dict[str, tuple[str, Role]]] = {
    "": ("not ended", "warning"),
    "done": ("done", "ok"),
    "refused": ("refused", "muted"),
    "surprised": ("surprised", "critical"),
    "interrupted": ("interrupted", "warning"),
    "undone": ("undone", "ok"),
    "left": ("left", "muted"),
}


class Entry(NamedTuple):
    """One line of the menu: the word it stands for, its title, its key, what it does, why it cannot be done now."""

    value: str
    title: str
    key: str
    does: str
    barred: str = ""
    urgent: bool = False


class _Table(LineTable):
    """Keeps the order it was given."""

    BINDINGS: ClassVar[list[BindingType]] = list(_KEYS)


class OperationsMenu(ModalScreen[str | None]):
    """Ends with the `value` of the entry that was chosen, or None. `entries` and `head` are asked anew after arming."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("menu.close", "escape,q,o,ctrl+c", "dismiss", "Close", "Close the menu", keymap.SCREEN),
        keymap.key("menu.arm", "w", "arm", "Arm", "Arm the console, or make it read-only", keymap.OPERATIONS),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    OperationsMenu { background: $background; layout: vertical; }
    OperationsMenu Summary { background: $panel; }
    """

    def __init__(
        self, entries: Callable[[], Sequence[Entry]], head: Callable[[], Sequence[Part]], arm: Callable[[], None]
    ) -> None:
        super().__init__()
        self._entries = entries
        self._head = head
        self._arm = arm
        self._shown: dict[str, Entry] = {}

    def compose(self) -> ComposeResult:
        """A line about the console, the table, the keys."""
        yield Summary(id="head")
        yield _Table(_MENU, id="menu")
        yield Summary(id="about")
        yield Summary(id="hints")

    def on_mount(self) -> None:
        """Fills it."""
        self.query_one("#hints", Summary).show(_hints(("enter", "choose"), ("w", "arm"), ("esc", "close")))
        self.query_one(_Table).focus()
        self.request()

    def request(self) -> None:
        """Paints it anew."""
        self.query_one("#head", Summary).show(self._head())
        self._shown = {entry.value: entry for entry in self._entries()}
        self.query_one(_Table).set_rows([_entry(entry) for entry in self._shown.values()])
        self._explain()

    @on(LineTable.RowHighlighted)
    def _explain(self) -> None:
        """The entry under the cursor, in full."""
        entry = self._shown.get(self.query_one(_Table).cursor_key or "")
        if entry is not None:
            why: list[Part] = [("  not now: ", "$label"), (entry.barred, "bold $warning")] if entry.barred else []
            self.query_one("#about", Summary).show([(entry.does, ""), *why])

    def action_arm(self) -> None:
        """Arms, or takes that back."""
        self._arm()
        self.request()

    @on(LineTable.RowSelected)
    def _chosen(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self.dismiss(event.key)


class AuditScreen(ModalScreen[None]):
    """The operations on one pair, the newest first; Enter shows all entries of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("audit.close", "escape,q,ctrl+c", "close", "Close", "Back", keymap.SCREEN),
        keymap.key("audit.down", "J", "scroll(1)", "Scroll down", "The entries, some lines down", keymap.MOVING),
        keymap.key("audit.up", "K", "scroll(-1)", "Scroll up", "The entries, some lines up", keymap.MOVING),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    AuditScreen { background: $background; layout: vertical; }
    AuditScreen Summary { background: $panel; }
    AuditScreen VerticalScroll { display: none; height: 1fr; scrollbar-size-vertical: 1; }
    AuditScreen.-one VerticalScroll { display: block; }
    AuditScreen.-one LineTable { display: none; }
    """

    def __init__(self, pair: str, records: Sequence[Record], clock: Callable[[], float]) -> None:
        super().__init__()
        self._pair = pair
        self._records = {record.first.id: record for record in reversed(records)}
        self._clock = clock

    def compose(self) -> ComposeResult:
        """The table, and in its place the entries of one operation."""
        yield Summary(id="head")
        yield _Table(_AUDIT, id="records")
        with VerticalScroll(id="one"):
            yield Paragraphs(id="entries")
        yield Summary(id="hints")

    def on_mount(self) -> None:
        """Fills it."""
        now = self._clock()
        count = len(self._records)
        head: list[Part] = [(self._pair, "bold"), (" ▸ ", "$label"), ("audit log", "bold")]
        self.query_one("#head", Summary).show([*head, (f"  {count} operation{'' if count == 1 else 's'}", "$label")])
        self.query_one("#hints", Summary).show(_hints(("enter", "all entries"), ("esc", "back")))
        rows = [_record(record, now) for record in self._records.values()]
        self.query_one(_Table).set_rows(rows, "nothing was done on this pair from this host yet")
        self.query_one(_Table).focus()

    def action_close(self) -> None:
        """Back to the table, then to where one came from."""
        if not self.has_class("-one"):
            self.dismiss(None)
            return
        self.remove_class("-one")
        self.query_one(_Table).focus()

    def action_scroll(self, by: int) -> None:
        """Scrolls the entries."""
        scroll = self.query_one("#one", VerticalScroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height // 2), animate=False)

    @on(LineTable.RowSelected)
    def _chosen(self, event: LineTable.RowSelected) -> None:
        event.stop()
        record = self._records.get(event.key)
        if record is not None:
            self.query_one("#entries", Paragraphs).show([*plans.recorded(record, self._clock())])
            self.add_class("-one")
            self.query_one("#one").focus()


def _entry(entry: Entry) -> Row:
    plain: Role = "muted" if entry.barred else "strong"
    title: Role = "warning" if entry.urgent else plain
    cells = (Cell(entry.title, title), Cell(entry.key, "muted" if entry.barred else "info"))
    return Row(
        entry.value, (*cells, Cell(entry.does, "muted" if entry.barred else ""), Cell(entry.barred or "", "warning"))
    )


def _record(record: Record, now: float) -> Row:
    first = record.first
    word, role = _ENDINGS.get(record.ending, (record.ending, "unknown"))
    took = NOTHING if record.took_s is None else quantities.duration(record.took_s)
    return Row(
        first.id,
        (
            Cell(quantities.moment(first.at, now)),
            Cell(first.title or str(record.request), "strong"),
            Cell(word, role),
            Cell(took),
            Cell(first.who),
            Cell(first.origin, "muted"),
        ),
    )


def _hints(*pairs: tuple[str, str]) -> list[Part]:
    return [part for keys, word in pairs for part in ((keys, "bold"), (f" {word}  ", "$label"))]

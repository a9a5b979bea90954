"""The diagnosis: what is wrong, by gravity; of the chosen finding what it means, what to do, and how it is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message

from ccops.triage import prose
from ccops.triage.finding import Divergence, Finding
from ccops.tui import alarms, keymap, quantities, themes
from ccops.tui.filtering import Filter
from ccops.tui.view import View
from ccops.tui.widgets import side_panel
from ccops.tui.widgets.card import Card
from ccops.tui.widgets.cells import Cell, Column, Row
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

_GROUP: Final = Binding.Group("Triage")
_WIDE: Final = 120
_SPLIT: Final = ("split-brain", "split-brain-active")
_COLUMNS: Final = (
    Column("severity", "Gravity", 10),
    Column("finding", "Finding", 24, flex=1, most=34),
    Column("since", "For", 7, align="right"),
    Column("summary", "What", 20, flex=4, priority=1, most=200),
)
_KEYS: Final = tuple(key for key in TABLE_KEYS if not (key.id or "").startswith(("table.sort", "table.reverse")))


class _FindingTable(LineTable):
    """The findings keep their order: the gravest first."""

    BINDINGS: ClassVar[list[BindingType]] = list(_KEYS)


class TriageView(View):
    """Findings, and the chosen one in full; side by side where there is room."""

    NAME = "triage"
    TITLE = "Triage"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key(
            "triage.acknowledge", "a", "acknowledge", "Acknowledge", "Seen: the chosen finding calls no more", _GROUP
        ),
        keymap.key("triage.operate", "x", "operate", "Operate", "The operation that is the finding's remedy", _GROUP),
        keymap.key("triage.copy", "y", "copy", "Copy", "The chosen finding as Markdown, to the clipboard", _GROUP),
        keymap.key("triage.full", "enter", "full", "In full", "Only the chosen finding; then its remedy", _GROUP),
        keymap.key("triage.close", "escape", "close", "List again", "Findings and details again", _GROUP),
        keymap.key("triage.scroll_down", "J", "scroll(1)", "Scroll down", "The details, some lines down", _GROUP),
        keymap.key("triage.scroll_up", "K", "scroll(-1)", "Scroll up", "The details, some lines up", _GROUP),
        *(each for each in _KEYS if each.id != "table.open"),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    TriageView { layout: vertical; }
    TriageView #findings { height: 1fr; max-height: 9; }
    TriageView #detail { height: 3fr; border-top: solid $frame; scrollbar-size-vertical: 1; }
    TriageView #sides { height: auto; padding: 0 1; }
    TriageView #sides Card { width: 1fr; }
    TriageView.-wide { layout: horizontal; }
    TriageView.-wide #findings { width: 48; height: 1fr; max-height: 100%; }
    TriageView.-wide #detail { width: 1fr; height: 1fr; border-top: none; border-left: solid $frame; }
    TriageView.-full #findings { display: none; }
    TriageView.-full #detail { border: none; }
    """

    class Acknowledged(Message):
        """Whoever watches has seen the finding, or takes that back."""

        def __init__(self, finding: Finding) -> None:
            super().__init__()
            self.finding = finding

    class Operated(Message):
        """The operation that mends the finding is asked for."""

        def __init__(self, finding: Finding) -> None:
            super().__init__()
            self.finding = finding

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._timeline = Timeline()
        self._filter = Filter()

    def compose(self) -> ComposeResult:
        """The list, and the details of the chosen one."""
        yield _FindingTable(_COLUMNS, id="findings")
        with VerticalScroll(id="detail"):
            yield Paragraphs(id="head")
            with Horizontal(id="sides"):
                yield Card(id="first")
                yield Card(id="second")
            yield Paragraphs(id="rest")

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Paints the list and the chosen finding."""
        self._snapshot, self._timeline = snapshot, timeline
        shown = [f for f in in_order(snapshot.findings) if self._filter.matches(f.code, f.summary, *f.nodes)]
        table = self.query_one(_FindingTable)
        table.set_rows([_row(f, snapshot.at, self.acknowledged) for f in shown], "nothing matches the filter")
        self._detail()

    def set_filter(self, pattern: str) -> None:
        """Shows only findings that have all words of `pattern`; a leading `!` inverts."""
        self._filter = Filter.parse(pattern)
        if self._snapshot is not None:
            self.show(self._snapshot, self._timeline)

    def on_resize(self, event: events.Resize) -> None:
        """Side by side where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    @property
    def chosen(self) -> Finding | None:
        """The finding under the cursor."""
        key = self.query_one(_FindingTable).cursor_key
        findings = self._snapshot.findings if self._snapshot else ()
        return next((f for f in findings if f.key == key), None)

    @on(LineTable.RowHighlighted)
    def _moved(self, event: LineTable.RowHighlighted) -> None:
        event.stop()
        self._detail()
        self.query_one("#detail").scroll_home(animate=False)

    @on(LineTable.RowSelected)
    def _opened(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self.action_full()

    def action_operate(self) -> None:
        """The remedy of the chosen finding."""
        if self.chosen is not None:
            self.post_message(self.Operated(self.chosen))

    def action_full(self) -> None:
        """Only the chosen finding; once more, its remedy."""
        if self.has_class("-full"):
            self.action_operate()
            return
        self.add_class("-full")
        self.query_one("#detail").focus()

    def action_close(self) -> None:
        """The list again; what else Esc does goes on when it is there."""
        if not self.has_class("-full"):
            raise SkipAction
        self.remove_class("-full")
        self.query_one(_FindingTable).focus()

    def action_scroll(self, by: int) -> None:
        """Scrolls the details, wherever the focus is."""
        detail = self.query_one("#detail")
        detail.scroll_relative(y=by * max(1, detail.size.height // 2), animate=False)

    def action_acknowledge(self) -> None:
        """The chosen finding was seen."""
        if self.chosen is not None and self.chosen.severity != "ok":
            self.post_message(self.Acknowledged(self.chosen))

    def action_copy(self) -> None:
        """The chosen finding for a ticket."""
        if (finding := self.chosen) is not None:
            self.app.copy_to_clipboard(prose.markdown_of(finding) + "\n")
            self.notify(f"{finding.code}, as Markdown", title="Copied", markup=False)

    def _detail(self) -> None:
        finding, snapshot = self.chosen, self._snapshot
        sides = self.query_one("#sides")
        if finding is None or snapshot is None:
            sides.display = False
            self.query_one("#head", Paragraphs).show(())
            self.query_one("#rest", Paragraphs).show(())
            return
        divergence = snapshot.divergence if finding.code in _SPLIT else None
        self.query_one("#head", Paragraphs).show(tuple(_head(finding, snapshot.at, self.acknowledged)))
        sides.display = divergence is not None
        if divergence is not None:
            for at, name in enumerate(("first", "second")):
                self.query_one(f"#{name}", Card).show(side_panel.face(divergence, at))
        self.query_one("#rest", Paragraphs).show((*_conclusion(divergence), *_rest(finding, self._remedy(finding))))

    def _remedy(self, finding: Finding) -> str:
        """The key that opens the operation that mends it, and which that is; "" where there is none."""
        if not self.operable or self._snapshot is None:
            return ""
        from ccops.operations.remedies import remedy_of

        request = remedy_of(finding, self._snapshot)
        keys = {key.id: key.keys for key in keymap.listing(self.BINDINGS, self.app._keymap)}
        return "" if request is None else f"{keys['triage.operate']} shows the plan of {request}"


def in_order(findings: Sequence[Finding]) -> Iterator[Finding]:
    """By gravity, each with what follows from it below it; remarks on the configuration at the end."""
    configured = [f for f in findings if f.code.startswith("configuration-")]
    own = [f for f in findings if f not in configured]
    codes = {f.code for f in own}
    for finding in own:
        if finding.cause not in codes:
            yield finding
            yield from (other for other in own if other.cause == finding.code)
    yield from configured


def _row(finding: Finding, now: float, acknowledged: frozenset[str]) -> Row:
    seen = alarms.mark(finding) in acknowledged
    word = "seen" if seen else finding.severity
    role = "muted" if seen or finding.cause else finding.severity
    since = "" if finding.since is None or finding.severity == "ok" else quantities.brief(now - finding.since)
    return Row(
        finding.key,
        (
            Cell(f"{themes.mark(finding.severity)} {word}", role),
            Cell(f"{'└ ' if finding.cause else ''}{finding.code}", "muted" if finding.cause else "strong"),
            Cell(since, "muted"),
            Cell(finding.summary),
        ),
    )


def _head(finding: Finding, now: float, acknowledged: frozenset[str]) -> Iterator[Paragraph]:
    style = themes.style(finding.severity)
    word = f"{themes.mark(finding.severity)} {finding.severity}"
    since = ""
    if finding.since is not None and finding.severity != "ok":
        lasted = quantities.duration(now - finding.since)
        since = f"since {quantities.moment(finding.since, now)} ({lasted})"
    if alarms.mark(finding) in acknowledged:
        since += " · seen"
    yield Paragraph(since, "$label", title=f"{word} · {finding.code}", title_style=style)
    yield Paragraph(finding.summary, "bold")
    if finding.cause:
        yield Paragraph(f"It only follows from {finding.cause}.", "$label")
    yield Paragraph()
    if finding.meaning:
        yield Paragraph(finding.meaning, title="For callers:", rest=2)
    if finding.avoid:
        yield Paragraph(finding.avoid, title="Careful:", title_style="bold $warning", rest=2)


def _conclusion(divergence: Divergence | None) -> Iterator[Paragraph]:
    if divergence is None:
        return
    for number, line in enumerate(prose.conclusion(divergence)):
        yield Paragraph(line, "bold" if line.startswith(("recommended", "whose")) else "", rest=2)
        if number > 40:
            return


def _rest(finding: Finding, operation: str) -> Iterator[Paragraph]:
    if operation:
        yield Paragraph()
        yield Paragraph(operation, "bold $info", title="ccops can do it:", rest=2)
    if finding.remedy:
        yield Paragraph()
        yield Paragraph(title="What to do")
        for number, step in enumerate(finding.remedy, 1):
            where = f"on {step.node}: " if step.node else ""
            yield Paragraph(f"{where}{step.text}", title=f"{number}.", first=1, rest=4)
            if step.command:
                yield Paragraph(step.command, "bold $info", first=6, rest=8)
    if finding.evidence:
        yield Paragraph()
        yield Paragraph(title="How it is known")
        for evidence in finding.evidence:
            yield Paragraph(str(evidence), "$label", first=1, rest=4)

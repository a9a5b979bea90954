"""The times of service: some days of the call centre's past, read when this view is shown and somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, cast

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ccops.callcentre.periods import Period, whole_days
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import BY, By, Question, Report, report
from ccops.tui import keymap, private, quantities, themes
from ccops.tui.asking import Asking
from ccops.tui.filtering import Filter
from ccops.tui.view import View
from ccops.tui.widgets import service_rows
from ccops.tui.widgets.card import Card, Part
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch import service_prose, service_tables
from ccops.watch.archive import SOURCES, Archive, Source, Standing
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

if TYPE_CHECKING:
    from ccops.tui.app import Console

_GROUP = Binding.Group("Reports")
_AGAIN_S = 60.0
_AFTER_FAILURE_S = 20.0
_MOST_CALLS = 2_000
_ORIGINS: Final[Mapping[str, str]] = {"module": "the module", "log": "queue_log"}


class Span(NamedTuple):
    """A choice of days: its words, the first and the last of them in days before today."""

    words: str
    first: int
    last: int = 0

    def period(self, standing: Standing) -> Period:
        """The days as the node's calendar has them."""
        first, last = (standing.today - timedelta(days=back) for back in (self.first, self.last))
        return whole_days(first, last, standing.utc_offset_s)


SPANS: Final = (
    Span("30 days", 29), Span("7 days", 6), Span("2 days ago", 2, 2), Span("yesterday", 1, 1), Span("today", 0),
)  # fmt: skip


class Answer(NamedTuple):
    """What was read of which days, and the report of it by each grouping; `read_at` is the console's clock."""

    standing: Standing
    period: Period
    records: Records
    reports: Mapping[By, Report]
    read_at: float


class ReportsView(View):
    """Charts and a table of service times, or the calls one by one. It asks only while it is shown."""

    NAME = "reports"
    TITLE = "Reports"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("reports.earlier", "left_square_bracket", "span(-1)", "Earlier", "Yesterday, 7 days, 30", _GROUP),
        keymap.key("reports.later", "right_square_bracket", "span(1)", "Later", "Back towards today", _GROUP),
        keymap.key("reports.by", "b", "group", "Group", "By queue, agent, hour or day", _GROUP),
        keymap.key("reports.calls", "c", "calls", "Calls", "The calls one by one, or the figures", _GROUP),
        keymap.key("reports.source", "u", "source", "Source", "What there is, the module's tables, queue_log", _GROUP),
        keymap.key("reports.again", "r", "again", "Read anew", "Ask the node again", _GROUP),
        keymap.key("reports.export", "e", "export", "Export", "What is shown as CSV, to a private file", _GROUP),
        *TABLE_KEYS,
    ]
    DEFAULT_CSS: ClassVar[str] = """
    ReportsView { layout: vertical; }
    ReportsView #charts { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.by: By = "queue"
        self.filter = Filter()
        self._span = len(SPANS) - 1
        self._source: Source = "auto"
        self._archive: Archive | None = None
        self._asking = Asking(self)
        self._due = 0.0
        self._answer: Answer | None = None
        self._why_not = ""
        self._now = 0.0

    def compose(self) -> ComposeResult:
        """What is asked, charts, and a table for each grouping and for the calls, of which one is shown."""
        yield Summary(id="summary")
        yield Card(id="charts")
        for by in BY:
            yield LineTable(service_rows.columns(by), id=f"by-{by}", classes="figures")
        yield LineTable(service_rows.CALLS, sort="entered", id="calls")
        yield Summary(id="notes")

    def on_mount(self) -> None:
        """One table takes the focus."""
        self._lay_out()

    # -- asking

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Asks where it is time to, and paints what is known."""
        app = cast("Console", self.app)
        self._now = app.clock()
        archive = app.store.archive
        if archive is not self._archive:
            self._archive, self._answer, self._why_not, self._due = archive, None, "", 0.0
            self._asking.forget()
        if archive is not None and not self._asking.under_way and self._now >= self._due:
            self._ask(archive)
        self.repaint()

    def _ask(self, archive: Archive) -> None:
        span, source, at = SPANS[self._span], self._source, self._now

        async def read() -> Answer:
            standing = archive.standing()
            period = span.period(standing)
            records = await archive.read(period, source)
            reports = await asyncio.to_thread(_reports, records, period, standing)
            return Answer(standing, period, records, reports, at)

        self._asking.ask(read, self._answered, self._failed)

    def _answered(self, answer: Answer) -> None:
        self._answer, self._why_not = answer, ""
        going_on = answer.period.end > answer.standing.now
        self._due = self._now + _AGAIN_S if going_on else float("inf")
        self.repaint()

    def _failed(self, why: str) -> None:
        self._why_not, self._due = why, self._now + _AFTER_FAILURE_S
        self.repaint()

    def _forget(self) -> None:
        """Another question: it is asked at once."""
        self._answer, self._why_not, self._due = None, "", 0.0
        self._asking.forget()
        if self._archive is not None:
            self._ask(self._archive)
        self.repaint()

    # -- keys

    def action_span(self, by: int) -> None:
        """Other days."""
        chosen = min(len(SPANS) - 1, max(0, self._span + by))
        if chosen != self._span:
            self._span = chosen
            self._forget()

    def action_group(self) -> None:
        """The next grouping; from the calls, back to the figures."""
        if self.has_class("-calls"):
            self.remove_class("-calls")
        else:
            self.by = BY[(BY.index(self.by) + 1) % len(BY)]
        self._lay_out()

    def action_calls(self) -> None:
        """Changes between the figures and the calls."""
        self.toggle_class("-calls")
        self._lay_out()

    def action_source(self) -> None:
        """The next source."""
        self._source = SOURCES[(SOURCES.index(self._source) + 1) % len(SOURCES)]
        self._forget()

    def action_again(self) -> None:
        """Asks again, now."""
        self._forget()

    def action_export(self) -> None:
        """Writes what is shown as CSV and says where."""
        answer = self._answer
        if answer is None:
            self.notify("nothing has been read yet", title="Export", severity="warning", markup=False)
            return
        found = answer.reports[self.by]
        if self.has_class("-calls"):
            calls = service_rows.wanted(found, answer.records.names, self.filter)
            text = service_tables.calls_csv(calls, answer.records.names, answer.period)
        else:
            text = service_tables.report_csv(found)
        try:
            path = private.keep("report", "csv", text)
        except OSError as error:
            self.notify(str(error), title="Export", severity="error", markup=False)
            return
        self.notify(str(path), title="Export", markup=False)

    def action_sort(self, by: int) -> None:
        """Sorts the table that is shown, as the palette asks for it."""
        self.table.action_sort(by)

    def action_reverse(self) -> None:
        """Turns the order of the table that is shown round."""
        self.table.action_reverse()

    def action_select(self) -> None:
        """From a line of the figures to the calls."""
        if not self.has_class("-calls"):
            self.action_calls()

    @on(LineTable.RowSelected)
    def _opened(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self.action_select()

    def set_filter(self, pattern: str) -> None:
        """Shows only the lines, or calls, that have all words of `pattern`; a leading `!` inverts."""
        self.filter = Filter.parse(pattern)
        self.repaint()

    # -- painting

    @property
    def table(self) -> LineTable:
        """The table that is shown."""
        return self.query_one("#calls" if self.has_class("-calls") else f"#by-{self.by}", LineTable)

    def repaint(self) -> None:
        """Paints what is known: the filter, the grouping or the answer changed."""
        answer = self._answer
        self.query_one("#summary", Summary).show(self._about())
        if answer is None:
            self.query_one("#charts", Card).show(service_rows.NO_CHARTS)
            self.table.set_rows((), self._why_empty())
            if not self.has_class("-calls"):
                self.table.set_total(None)
            self._note("")
            return
        found = answer.reports[self.by]
        self.query_one("#charts", Card).show(service_rows.charts(answer.reports["hour"], self.size.width))
        if self.has_class("-calls"):
            calls = service_rows.wanted(found, answer.records.names, self.filter)
            rows = [service_rows.call_row(call, answer.records.names, answer.period) for call in calls[-_MOST_CALLS:]]
            self.table.set_rows(rows, self._why_empty())
            more = f"the last {_MOST_CALLS:,} of {len(calls):,} calls: / finds others" if len(calls) > len(rows) else ""
            self._note(more or "; ".join(answer.records.problems))
            return
        lines = [line for line in found.lines if self.filter.matches(line.label, line.key)]
        self.table.set_rows([service_rows.figures_row(line, self.by) for line in lines], self._why_empty())
        self.table.set_total(service_rows.figures_row(found.total, self.by).cells if found.lines else None)
        self._note("; ".join(answer.records.problems))

    def _about(self) -> list[Part]:
        """What is asked, from where it was told, and what is lost."""
        span, answer = SPANS[self._span], self._answer
        parts: list[Part] = [(span.words, "bold")]
        if answer is not None and answer.period.title != span.words:
            parts.append((f" {answer.period.title}", "$label"))
        shown = "calls" if self.has_class("-calls") else f"by {self.by}"
        parts += [("  ", ""), (shown, "bold")]
        if self._source != "auto":
            parts.append((f" only {self._source}", "$info"))
        if answer is not None:
            lost = service_prose.lost_words(answer.reports[self.by])
            if lost:
                parts.append((f"  {themes.mark('warning')} lost track of {lost}", themes.style("warning")))
            age = quantities.brief(self._now - answer.read_at)
            parts.append((f"  from {_ORIGINS[answer.records.origin]}, {age} ago, {answer.standing.node}", "$label"))
        elif self._why_not:
            parts += [(f"  {themes.mark('unknown')} unknown: ", "$unknown"), (self._why_not, "")]
        elif self._archive is None:
            parts.append(("  not connected", "$label"))
        else:
            parts.append(("  reading …", "$label"))
        return parts

    def _why_empty(self) -> str:
        if self._archive is None:
            return "the past can only be read of a live pair, once it is connected"
        if self._answer is None:
            return self._why_not or "reading …"
        return "nothing matches the filter (Esc clears it)" if self.filter else "no calls in these days"

    def _note(self, text: str) -> None:
        """What is to be said of what is shown; else what the keys do."""
        if text:
            self.query_one("#notes", Summary).show([(text, themes.style("warning"))])
            return
        keys = {key.id: key.keys.split(" ")[0] for key in keymap.listing(self.BINDINGS, self.app._keymap)}
        parts: list[Part] = [(f"{keys['reports.earlier']} {keys['reports.later']}", "bold"), (" days  ", "$label")]
        for name, words in (("by", "group"), ("calls", "calls"), ("source", "source"), ("export", "export")):
            parts += [(keys[f"reports.{name}"], "bold"), (f" {words}  ", "$label")]
        self.query_one("#notes", Summary).show(parts)

    def _lay_out(self) -> None:
        """Shows one table and gives it the focus, where this view has it."""
        had_focus = self.app.focused is not None and self in self.app.focused.ancestors
        for table in self.query(LineTable):
            table.display = table.can_focus = table is self.table
        if had_focus:
            self.table.focus()
        self.repaint()


def _reports(records: Records, period: Period, standing: Standing) -> Mapping[By, Report]:
    """By every grouping, so that a key changes it at once."""
    question = Question(period, standing.now, levels=standing.levels, started_at=standing.started_at)
    return {by: report(records, replace(question, by=by)) for by in BY}

"""Service times as rows of a table and as charts in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccops.callcentre.periods import Period
from ccops.callcentre.records import CallRecord
from ccops.callcentre.service_times import By, Figures, Report
from ccops.tui import quantities
from ccops.tui.filtering import Filter
from ccops.tui.widgets.bar import bar, sparkline
from ccops.tui.widgets.card import Face, Part, Row
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Role
from ccops.tui.widgets.cells import Row as TableRow
from ccops.watch import service_prose

_WIDE: Final = 100
_ROOMY: Final = 72
_LABELS: Final[Mapping[By, str]] = {"queue": "Queue", "agent": "Agent", "hour": "Hour", "day": "Day"}
_OFFERED = Column("offered", "Offered", 7, align="right", descending=True)
_ABANDONED = Column("abandoned", "Aband.", 6, align="right", descending=True)
_TIMES = (
    Column("logged_in", "Logged in", 9, align="right", descending=True, priority=3),
    Column("breaks", "Breaks", 8, align="right", descending=True, priority=4),
    Column("occupancy", "Occup.", 6, align="right", descending=True, priority=2),
)
CALLS: Final = (
    Column("entered", "Entered", 19, descending=True),
    Column("queue", "Queue", 9, flex=1, most=20),
    Column("number", "Number", 11, flex=1, most=18),
    Column("wait", "Wait", 6, align="right", descending=True),
    Column("outcome", "Outcome", 10),
    Column("agent", "Agent", 12, flex=2, most=28, priority=1),
    Column("talk", "Talk", 6, align="right", descending=True),
    Column("trunk", "Trunk", 12, flex=1, priority=2, most=24),
)
NO_CHARTS: Final = Face("", (), bare=True)
_OUTCOMES: Final[Mapping[str, Role]] = {
    "abandoned": "warning", "lost": "unknown", "waiting": "info", "talking": "info",
}  # fmt: skip


def columns(by: By) -> tuple[Column, ...]:
    """The columns of a grouping: agents are offered nothing, queues log nobody in."""
    calls = (
        Column("handled", "Handled", 7, align="right", descending=True),
        *(() if by == "agent" else (_ABANDONED,)),
        Column("service", "Service", 7, align="right"),
        Column("asa", "ASA", 6, align="right", descending=True),
        Column("aht", "AHT", 6, align="right", descending=True),
        Column("longest", "Longest", 7, align="right", descending=True, priority=1),
        Column("short", "Short", 5, align="right", descending=True, priority=5),
        *(() if by == "agent" else (Column("exited", "Exited", 6, align="right", descending=True, priority=6),)),
    )
    head = Column("key", _LABELS[by], 12, flex=1, most=30)
    return (head, *(() if by == "agent" else (_OFFERED,)), *calls, *(() if by == "queue" else _TIMES))


def figures_row(line: Figures, by: By) -> TableRow:
    """A line of a report; its cells are those of `columns(by)`."""
    level = line.service_level
    calls = [
        _count(line.handled),
        *([] if by == "agent" else [_count(line.abandoned, "warning")]),
        _share(level),
        _span(line.asa_s),
        _span(line.aht_s),
        _span(line.longest_wait_s),
        _count(line.short),
        *([] if by == "agent" else [_count(line.exited)]),
    ]
    times = [_span(line.logged_in_s), _span(line.break_s), _share(line.occupancy)]
    offered = [] if by == "agent" else [_count(line.offered)]
    cells = (Cell(line.label, "strong", line.key), *offered, *calls, *([] if by == "queue" else times))
    return TableRow(line.key, cells)


def call_row(call: CallRecord, names: Mapping[str, str], period: Period) -> TableRow:
    """One call of the log."""
    role: Role = _OUTCOMES.get(call.outcome, "")
    cells = (
        Cell(period.clock(call.entered_at), "muted", call.entered_at),
        Cell(call.queue),
        Cell(call.number or NOTHING, "strong" if call.number else "muted"),
        _span(call.wait_s),
        Cell(service_prose.ended(call), role),
        Cell(names.get(call.agent, call.agent) or NOTHING, "" if call.agent else "muted"),
        _span(call.talk_s),
        Cell(call.trunk or NOTHING, "muted"),
    )
    return TableRow(f"{call.uniqueid} {call.queue} {call.entered_at}", cells)


def wanted(found: Report, names: Mapping[str, str], pattern: Filter) -> list[CallRecord]:
    """The calls that the filter leaves, the lost ones among them, oldest first."""
    calls = sorted((*found.calls, *found.lost_calls), key=lambda call: (call.entered_at, call.uniqueid))
    return [call for call in calls if pattern.matches(*service_prose.texts(call, names))] if pattern else calls


def charts(by_hour: Report, width: int) -> Face:
    """Calls and waits by the hour of the day, and how many were answered: lines and bars, each with its words."""
    lines, total = by_hour.lines, by_hour.total
    if not lines or not total.offered:
        return NO_CHARTS
    times = 2 if width >= _WIDE else 1
    busiest = max(lines, key=lambda line: line.offered or 0)
    slowest = max(lines, key=lambda line: line.asa_s or 0.0)
    span: Part = (f" {lines[0].key}–{lines[-1].key}" if width >= _ROOMY else "", "$label")
    answered = total.handled / total.offered
    calls, waits = (
        ("".join(step * times for step in sparkline(values, len(values))), "$info")
        for values in ([line.offered or 0 for line in lines], [line.asa_s or 0.0 for line in lines])
    )
    filled, empty = bar(answered, 24 * times if width >= _ROOMY else 12)
    most, longest = f"  most {busiest.offered:,}", f"  Ø {quantities.watch(slowest.asa_s or 0.0)}"
    rows = [
        Row("calls", (calls, span, (most, "bold"), (f" at {busiest.key}", "$label"))),
        Row("waits", (waits, span, (longest, "bold"), (f" at {slowest.key}", "$label"))),
        Row(
            "answered",
            (
                (filled, "$ok"), (empty, "$frame"), (f" {answered:.0%}", "bold"), (f" of {total.offered:,}", "$label"),
                *_level(total),
            ),
        ),
    ]  # fmt: skip
    return Face("", tuple(rows), bare=True)


def _level(total: Figures) -> tuple[Part, ...]:
    if total.service_level is None:
        return (("  service level not known", "$label"),)
    return (("  service ", "$label"), (f"{total.service_level:.0%}", "bold"))


def _count(number: int | None, role: Role = "") -> Cell:
    if number is None:
        return Cell(NOTHING, "muted")
    return Cell(f"{number:,}", role if number else "muted", number)


def _span(seconds: float | None) -> Cell:
    return Cell(NOTHING, "muted") if seconds is None else Cell(quantities.watch(round(seconds)), "", seconds)


def _share(part: float | None) -> Cell:
    return Cell(NOTHING, "muted") if part is None else Cell(f"{part:.0%}", "", part)

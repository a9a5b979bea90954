"""Reports of service times as text for people: a table, what is lost apart, and what is missing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ccops.callcentre.periods import Period
from ccops.callcentre.records import CallRecord, Records
from ccops.callcentre.service_times import By, Figures, Report
from ccops.watch.archive import Standing

NOTHING = "–"
ORIGINS = {"module": "the call-center module", "log": "queue_log"}
OUTCOMES = {
    "waiting": "waits", "talking": "talks", "completed": "answered", "abandoned": "abandoned", "lost": "lost track",
}  # fmt: skip
EXITS = {"timeout": "time-out", "key": "key", "empty": "no agents", "moved": "moved on"}


class Field(NamedTuple):
    """A column: its heading, how a line shows in it, and the groupings that have it (none: all)."""

    label: str
    show: Callable[[Figures], str]
    of: tuple[By, ...] = ()


_CALLS: tuple[By, ...] = ("queue", "hour", "day")
_TIMES: tuple[By, ...] = ("agent", "hour", "day")
COLUMNS = (
    Field("offered", lambda line: amount(line.offered), _CALLS),
    Field("handled", lambda line: amount(line.handled)),
    Field("aband.", lambda line: amount(line.abandoned), _CALLS),
    Field("exited", lambda line: amount(line.exited), ("queue",)),
    Field("service", lambda line: percent(line.service_level)),
    Field("ASA", lambda line: clock(line.asa_s)),
    Field("AHT", lambda line: clock(line.aht_s)),
    Field("longest", lambda line: clock(line.longest_wait_s)),
    Field("short", lambda line: amount(line.short)),
    Field("logged in", lambda line: clock(line.logged_in_s), _TIMES),
    Field("breaks", lambda line: clock(line.break_s), _TIMES),
    Field("occup.", lambda line: percent(line.occupancy), _TIMES),
)


def page(pair: str, standing: Standing, records: Records, report: Report) -> str:
    """The whole report."""
    question = report.question
    head = _head(pair, standing, records, question.period)
    columns = [column for column in COLUMNS if not column.of or question.by in column.of]
    rows = [[line.label, *(column.show(line) for column in columns)] for line in (*report.lines, report.total)]
    lines = [head, "", *_table([question.by, *(column.label for column in columns)], rows)]
    if question.by == "agent":
        for line in report.lines:
            if line.breaks:
                told = ", ".join(f"{name or 'no reason'} {clock(seconds)}" for name, seconds in line.breaks.items())
                lines.append(f"breaks of {line.label}: {told}")
    total = report.total
    if total.waiting or total.talking:
        lines.append(f"now: {total.waiting} waiting, {total.talking} talking")
    if question.queue is not None and not report.calls:
        known = ", ".join(sorted({call.queue for call in records.calls if call.queue})[:20]) or "none"
        lines.append(f"no calls of queue {question.queue}; queues with calls then: {known}")
    lines += _lost(records, report)
    if question.by != "agent" and total.service_level is None and total.handled:
        lines.append("service: the queues' service levels are not known; give one with --within SECONDS")
    return "\n".join([*lines, *_notes(records)]) + "\n"


def calls_page(
    pair: str, standing: Standing, records: Records, calls: Sequence[CallRecord], period: Period, of: int
) -> str:
    """The calls one by one; `of` is how many there are without a search."""
    rows = [
        [
            period.clock(call.entered_at),
            call.queue,
            call.number or NOTHING,
            clock(call.wait_s),
            ended(call),
            records.names.get(call.agent, call.agent) or NOTHING,
            clock(call.talk_s),
            call.trunk or NOTHING,
        ]
        for call in calls
    ]
    head = _head(pair, standing, records, period)
    table = _table(["entered", "queue", "number", "wait", "outcome", "agent", "talk", "trunk"], rows, 3)
    told = f"{len(calls)} calls" if len(calls) == of else f"{len(calls)} of {of} calls"
    return "\n".join([head, "", *table, told, *_notes(records)]) + "\n"


def search(calls: Iterable[CallRecord], names: Mapping[str, str], text: str) -> list[CallRecord]:
    """The calls in which every word of `text` occurs somewhere, without regard to case."""
    words = text.casefold().split()
    return [call for call in calls if all(word in "\n".join(texts(call, names)).casefold() for word in words)]


def texts(call: CallRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    """All that can be searched for in a call."""
    return (
        call.number, call.queue, call.agent, names.get(call.agent, ""), ended(call), call.uniqueid, call.trunk,
        "outgoing" if call.direction == "out" else "incoming",
    )  # fmt: skip


def ended(call: CallRecord) -> str:
    """How it ended: `answered`, `abandoned`, `time-out`."""
    return EXITS.get(call.exit) or OUTCOMES[call.outcome]


def clock(seconds: float | None) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    if seconds is None:
        return NOTHING
    hours, left = divmod(max(0, round(seconds)), 3600)
    return f"{hours}:{left // 60:02d}:{left % 60:02d}" if hours else f"{left // 60}:{left % 60:02d}"


def percent(part: float | None) -> str:
    """`83 %`."""
    return NOTHING if part is None else f"{part * 100:.0f} %"


def amount(number: int | None) -> str:
    """`1,204`."""
    return NOTHING if number is None else f"{number:,}"


def lost_words(report: Report) -> str:
    """`2 calls and 1 log-in`; empty when nothing was lost."""
    breaks = sum(1 for each in report.lost_presences if each.pause is not None)
    counts = (
        (len(report.lost_calls), "call"),
        (len(report.lost_presences) - breaks, "log-in"),
        (breaks, "break"),
    )
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts if number)


def _lost(records: Records, report: Report) -> list[str]:
    words = lost_words(report)
    if not words:
        return []
    period = report.question.period
    lines = [f"lost track of {words}, counted nowhere: Asterisk or the dialer ended in the middle of them"]
    lines += [
        f"  call    {period.clock(call.entered_at)}  {call.queue}  {call.number or NOTHING}"
        for call in report.lost_calls[:20]
    ]
    for each in report.lost_presences[:20]:
        kind = "log-in" if each.pause is None else "break "
        lines.append(f"  {kind}  {period.clock(each.began_at)}  {records.names.get(each.agent, each.agent)}")
    return lines


def _head(pair: str, standing: Standing, records: Records, period: Period) -> str:
    until = f", until {period.clock(standing.now)[11:]}" if period.start <= standing.now < period.end else ""
    return f"{pair} · {period.title}{until} · from {ORIGINS[records.origin]} on {standing.node}"


def _notes(records: Records) -> list[str]:
    return [f"note: {problem}" for problem in records.problems]


def _table(header: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """Columns as wide as they must be; the first `left` and texts to the left, figures to the right."""
    from rich.cells import cell_len

    widths = [max(cell_len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    right = [i >= left and header[i] not in ("outcome", "agent", "trunk") for i in range(len(header))]

    def line(row: list[str]) -> str:
        cells = []
        for text, width, is_right in zip(row, widths, right, strict=True):
            padding = " " * (width - cell_len(text))
            cells.append(padding + text if is_right else text + padding)
        return "  ".join(cells).rstrip()

    return [line(row) for row in (header, *rows)]

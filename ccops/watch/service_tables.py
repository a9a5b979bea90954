"""Reports of service times as objects for scripts and as CSV for spreadsheets: the same fields under the same names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ccops.callcentre.periods import Period
from ccops.callcentre.records import CallRecord, Records
from ccops.callcentre.service_times import Figures, Report
from ccops.watch.archive import Standing

SCHEMA = 1

FIELDS: Mapping[str, Callable[[Figures], Any]] = {
    "offered": lambda line: line.offered,
    "handled": lambda line: line.handled,
    "abandoned": lambda line: line.abandoned,
    "exited": lambda line: line.exited,
    "waiting": lambda line: line.waiting,
    "talking": lambda line: line.talking,
    "short": lambda line: line.short,
    "service_level": lambda line: _rounded(line.service_level, 4),
    "asa_s": lambda line: _rounded(line.asa_s, 1),
    "aht_s": lambda line: _rounded(line.aht_s, 1),
    "longest_wait_s": lambda line: _rounded(line.longest_wait_s, 1),
    "talk_s": lambda line: _rounded(line.talk_total_s, 1),
    "logged_in_s": lambda line: _rounded(line.logged_in_s, 1),
    "break_s": lambda line: _rounded(line.break_s, 1),
    "occupancy": lambda line: _rounded(line.occupancy, 4),
}
"""The figures of a line by name; `service_level` and `occupancy` from 0 to 1, spans in seconds."""

CALL_FIELDS = (
    *("uniqueid", "direction", "queue", "number", "trunk", "outcome", "exit", "agent", "agent_name"),
    *("entered_at", "wait_s", "answered_at", "talk_s", "ended_at"),
)

# What a spreadsheet would take for a formula; a number with its sign is none.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d .()-]*", re.A)


def report_object(pair: str, standing: Standing, records: Records, report: Report, calls: bool) -> dict[str, Any]:
    """The report as `--json` prints it; with `calls` the calls too. Times are seconds since the epoch."""
    question = report.question
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "pair": pair,
        "node": standing.node,
        "source": records.origin,
        "from": question.period.start,
        "to": question.period.end,
        "utc_offset_s": question.period.utc_offset_s,
        "asked_at": question.now,
        "by": question.by,
        "queue": question.queue,
        "short_s": question.short_s,
        "levels": {} if question.level_s is not None else dict(question.levels),
        "level_s": question.level_s,
        "lines": [_line(line) for line in report.lines],
        "total": _line(report.total),
        "lost": {
            "calls": [_call(call, records.names) for call in report.lost_calls],
            "log_ins": [
                {
                    "agent": each.agent, "agent_name": records.names.get(each.agent), "break": each.pause,
                    "began_at": each.began_at,
                }
                for each in report.lost_presences
            ],
        },
        "problems": list(records.problems),
        "cut": records.cut,
    }  # fmt: skip
    return found | {"calls": [_call(call, records.names) for call in report.calls]} if calls else found


def report_csv(report: Report) -> str:
    """A line each with a header, the total last; breaks have a column each."""
    names = sorted({name for line in report.lines for name in line.breaks})
    rows = [
        [line.key, line.label, *(read(line) for read in FIELDS.values()), *(line.breaks.get(name) for name in names)]
        for line in (*report.lines, report.total)
    ]
    return _csv([report.question.by, "name", *FIELDS, *(f"break {name}" for name in names)], rows)


def calls_csv(calls: Iterable[CallRecord], names: Mapping[str, str], period: Period) -> str:
    """A call a line; moments as local dates of the call centre."""
    rows = []
    for call in calls:
        told = _call(call, names)
        for field in ("entered_at", "answered_at", "ended_at"):
            told[field] = None if told[field] is None else period.clock(told[field])
        rows.append([told[field] for field in CALL_FIELDS])
    return _csv(CALL_FIELDS, rows)


def _line(line: Figures) -> dict[str, Any]:
    return {"key": line.key, "name": line.label, **{name: read(line) for name, read in FIELDS.items()}} | {
        "breaks": dict(line.breaks)
    }


def _call(call: CallRecord, names: Mapping[str, str]) -> dict[str, Any]:
    return {name: names.get(call.agent) if name == "agent_name" else getattr(call, name) for name in CALL_FIELDS}


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in header])
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run is quoted for it."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

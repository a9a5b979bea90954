"""A diagnosis in words: as plain text for a terminal, as Markdown for a ticket."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from ccops.pair.model import PairLayout, Reading
from ccops.triage.finding import Divergence, Finding, Period, Side, Step
from ccops.triage.verdict import verdict

T = TypeVar("T")

_WIDTH = 100
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


def page(findings: Sequence[Finding], divergence: Divergence | None, layout: PairLayout, at: float) -> str:
    """All findings with evidence and remedy as text of at most 100 columns, ending with a newline."""
    chosen = verdict(findings)
    lines = [f"{layout.name}: {chosen.severity.upper()}  {chosen.code}", ""]
    for finding in _in_order(findings):
        lines += [*_plain(finding), ""]
        if divergence is not None and finding.code in ("split-brain", "split-brain-active") and finding.cause is None:
            lines += [*_sides(divergence), ""]
    lines.append(f"as of {_moment(at)}")
    return "\n".join(lines) + "\n"


def listing(findings: Sequence[Finding], nothing: str) -> str:
    """Findings alone as text, or `nothing`; ends with a newline."""
    lines = [line for finding in findings for line in (*_plain(finding), "")]
    return "\n".join(lines[:-1] or [nothing]) + "\n"


def markdown(findings: Sequence[Finding], divergence: Divergence | None, layout: PairLayout, at: float) -> str:
    """The same for a ticket."""
    chosen = verdict(findings)
    lines = [
        f"# {_escaped(layout.name)}: {chosen.code} ({chosen.severity})",
        "",
        f"{_escaped(chosen.summary)}",
        "",
        f"As of {_moment(at)}.",
        "",
    ]
    for finding in _in_order(findings):
        lines += [markdown_of(finding), ""]
        if divergence is not None and finding.code in ("split-brain", "split-brain-active") and finding.cause is None:
            lines += [*_table(divergence), ""]
    return "\n".join(lines).rstrip() + "\n"


def markdown_of(finding: Finding) -> str:
    """One finding as Markdown, under a heading of the second level."""
    lines = [f"## {finding.code} ({finding.severity})", "", _escaped(finding.summary)]
    facts = [f"nodes: {', '.join(finding.nodes)}"] if finding.nodes else []
    facts += [f"since {_moment(finding.since)}"] if finding.since is not None else []
    facts += [f"follows from {finding.cause}"] if finding.cause else []
    if facts:
        lines += ["", _escaped("; ".join(facts))]
    for title, text in (("For callers", finding.meaning), ("Careful", finding.avoid)):
        if text:
            lines += ["", f"**{title}:** {_escaped(text)}"]
    if finding.remedy:
        lines += ["", "**What to do:**", ""]
        lines += [f"{n}. {_escaped(_where(step))}{_code(step)}" for n, step in enumerate(finding.remedy, 1)]
    if finding.evidence:
        lines += ["", "**How it is known:**", "", "```"]
        lines += [str(evidence).replace("```", "'''") for evidence in finding.evidence]
        lines.append("```")
    return "\n".join(lines)


def _in_order(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Each finding with what follows from it below it."""
    for finding in findings:
        if finding.cause is None:
            yield finding
            yield from (other for other in findings if other.cause == finding.code)
    known = {finding.code for finding in findings if finding.cause is None}
    yield from (finding for finding in findings if finding.cause is not None and finding.cause not in known)


def _plain(finding: Finding) -> Iterator[str]:
    under = f" (follows from {finding.cause})" if finding.cause else ""
    since = f", since {_moment(finding.since)}" if finding.since is not None and finding.severity != "ok" else ""
    yield f"{finding.severity.upper()}  {finding.code}{under}{since}"
    yield from _wrapped(finding.summary, "  ")
    if finding.cause is not None:
        return
    if finding.meaning:
        yield from _wrapped(f"for callers: {finding.meaning}", "  ")
    if finding.avoid:
        yield from _wrapped(f"careful: {finding.avoid}", "  ")
    if finding.remedy:
        yield "  what to do:"
        for number, step in enumerate(finding.remedy, 1):
            yield from _wrapped(f"{number}. {_where(step)}", "    ")
            if step.command:
                yield f"         {step.command}"
    if finding.evidence:
        yield "  how it is known:"
        for evidence in finding.evidence:
            yield from _wrapped(str(evidence), "    ")


def _where(step: Step) -> str:
    return f"on {step.node}: {step.text}" if step.node else step.text


def _code(step: Step) -> str:
    return f": `{step.command}`" if step.command else ""


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)


def _sides(divergence: Divergence) -> Iterator[str]:
    yield "  the two sides:"
    names = [side.name for side in divergence.sides]
    wide = max(len(name) for name in names) + 2
    rows = list(side_rows(divergence))
    columns = [max(wide, *(len(row[1]) + 2 for row in rows)), 0]
    yield f"    {'':<22}{names[0]:<{columns[0]}}{names[1]}".rstrip()
    for label, first, second in rows:
        yield f"    {label:<22}{first:<{columns[0]}}{second}".rstrip()
    for line in conclusion(divergence):
        yield from _wrapped(line, "  ")


def _table(divergence: Divergence) -> Iterator[str]:
    first, second = (side.name for side in divergence.sides)
    yield f"| | {_escaped(first)} | {_escaped(second)} |"
    yield "|---|---|---|"
    for row in side_rows(divergence):
        yield f"| {' | '.join(_escaped(cell) for cell in row)} |"
    yield ""
    for line in conclusion(divergence):
        yield f"- {_escaped(line)}"


def side_rows(divergence: Divergence) -> Iterator[tuple[str, str, str]]:
    """What to compare of the two sides: a label, and each side's value."""
    rows: tuple[tuple[str, Callable[[Side], str]], ...] = (
        ("role", lambda s: {True: "Primary", False: "not Primary", None: "not known"}[s.is_primary]),
        ("serves", lambda s: {True: "yes", False: "no", None: "not known"}[s.serves]),
        ("only here", _only_here),
        ("Primary", lambda s: _periods(s.primary)),
        ("held the address", lambda s: _periods(s.address)),
        ("calls up now", lambda s: _read(s.traces.channels, str)),
        ("last CDR", lambda s: _read(s.traces.cdr, _brief)),
        ("last queue_log", lambda s: _read(s.traces.queue_log, _brief)),
        ("last call-center row", lambda s: _read(s.traces.calls, _brief)),
        ("newest recording", lambda s: _read(s.traces.recording, _brief)),
    )
    for label, value in rows:
        first, second = (value(side) for side in divergence.sides)
        yield label, first, second


def conclusion(divergence: Divergence) -> Iterator[str]:
    """When they parted, by which rule it is known, and whose changes to give up, with the reasons."""
    if divergence.parted_at is not None:
        yield f"they parted at {_moment(divergence.parted_at)}"
    if divergence.rule is not None:
        yield f"by DRBD's comparison of generation identifiers: rule {divergence.rule}"
    if divergence.victim is None:
        yield "whose changes to give up: the evidence does not decide"
    else:
        yield f"recommended victim (whose changes are given up): {divergence.victim}"
    yield from divergence.reasons


def _only_here(side: Side) -> str:
    if side.only_here_kib is None:
        return "not known"
    kib = side.only_here_kib
    return f"{kib} KiB" if kib < 10_240 else f"{kib / 1024:.1f} MiB"


def spans(periods: Sequence[Period]) -> list[str]:
    """Each period in words, the oldest first; what is said instead where the log tells of none."""
    return [f"{_bound(p.begin, 'before the log')} to {_bound(p.end, 'now')}" for p in periods] or ["not by the log"]


def _periods(periods: Sequence[Period]) -> str:
    return ", ".join(spans(periods))


def _bound(at: float | None, otherwise: str) -> str:
    return otherwise if at is None else _clock(at)


def _read(reading: Reading[T], shown: Callable[[T], str]) -> str:
    return reading.problem or "not read" if reading.value is None else shown(reading.value)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def _brief(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%m-%d %H:%M:%S")


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)

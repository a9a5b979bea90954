"""Plans, reports and the audit log as plain text for a terminal: words before signs, commands on lines of their own."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ccops.operations.audit import Entry, Record
from ccops.operations.catalogue import EDITS, MODULE_EDITS, OPERATIONS
from ccops.operations.module_plan import words as module_words
from ccops.operations.pbx_edit import words as edit_words
from ccops.operations.plan import Argv, Check, OperationError, Plan, Report, Request, Step
from ccops.operations.supervising import deed_of
from ccops.operations.supervising import words as words_of

_WIDTH = 100
_HOLDS = {True: "yes", False: "NO", None: "unknown"}


def plan_page(plan: Plan, sudo: bool = False, statements: bool = False) -> str:
    """All of a plan; ends with a newline. `sudo`: commands are sent through `sudo -n`.

    `statements`: with exactly what an edit writes and sends.
    """
    lines = [plan.title, *_wrapped(plan.purpose, "  "), "", "  checked:", *_checks(plan.checks)]
    lines += ["", "  steps:"]
    for number, step in enumerate(plan.steps, 1):
        lines += _step(number, step, sudo)
    lines += _list("who will notice", plan.notices)
    lines += _list("cannot be taken back", plan.irrevocable)
    lines += _list("how to undo it", [plan.undo_text] if plan.undo_text else [])
    lines += _list("to be weighed", plan.evidence)
    if statements:
        lines += ["", "  what is written and sent, secrets as ***:", *(f"    {line}" for line in plan.statements)]
    if plan.took_s:
        lines += _list("the last times it took", [", ".join(duration(seconds) for seconds in plan.took_s)])
    return "\n".join(lines) + "\n"


def refusals(checks: Iterable[Check]) -> str:
    """The checks that do not hold, each with what was found and the way out; ends with a newline."""
    return "".join(f"{line}\n" for line in _checks(checks))


def report_page(report: Report) -> str:
    """How it ended; ends with a newline."""
    lines = [report.summary if report.ending == "done" else f"{report.ending}: {report.summary}"]
    lines += [f"  took {duration(report.took_s)}; in the audit log as {report.id}"]
    lines += _list("true now", report.truth)[1:]
    lines += _list("safe next", [report.safe_next] if report.safe_next else [])[1:]
    if report.ending in ("surprised", "interrupted") and not report.plan.request.at_once:
        lines += _list("unfinished", ["`ccops resume` offers to go on with it, to undo it, or to leave it"])[1:]
    return "\n".join(lines) + "\n"


def command_line(request: Request) -> str:
    """What to type for that request: `recover --victim n2 --no-salvage`. What a plan has decided is left out."""
    if request.at_once:
        try:
            return shlex.join(words_of(deed_of(request)))
        except OperationError:  # a log may hold anything
            return str(request)
    if request.operation in EDITS:
        return shlex.join(edit_words(request))
    if request.operation in MODULE_EDITS:
        return shlex.join(module_words(request))
    given = dict(request.arguments)
    words = ["drbd"] if request.operation in DRBD_VERBS else []
    operation = OPERATIONS.get(request.operation)
    takes_node = operation is None or operation.takes in ("node", "maybe-node")
    words += [request.operation, *([request.node] if request.node and takes_node else [])]
    words += [given[key] for key in ("rate", "name") if key in given]
    words += [word for key in ("full", "victim") if key in given for word in (f"--{key}", given[key])]
    words += [option for (key, value), option in FLAGS.items() if given.get(key) == value]
    return shlex.join(words)


FLAGS = {
    ("salvage", "no"): "--no-salvage",
    ("rehearsal", "no"): "--no-rehearsal",
    ("revert", "yes"): "--revert",
    ("when", "idle"): "--when-idle",
}
"""Arguments of a request that are typed as an option without a value."""

DRBD_VERBS = ("connect", "disconnect", "attach", "detach", "primary", "secondary")
"""Operations that are typed as `ccops drbd VERB`."""


def spelt(command: Argv, sudo: bool = False) -> str:
    """A command as it would be typed on the node."""
    return shlex.join(["sudo", "-n", *command] if sudo else command)


def duration(seconds: float) -> str:
    """`21.3 s`, `3 min 12 s`, `2 h 05 min`."""
    if seconds < 99.95:
        return f"{seconds} s" if isinstance(seconds, int) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


# The audit log


def listing(records: Sequence[Record]) -> str:
    """A line an operation, the newest first: when, id, pair, who, from where, what, how it ended, how long it took."""
    rows = [("when", "id", "pair", "who", "from", "what", "ending", "took"), *(_row(r) for r in reversed(records))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def record_page(record: Record) -> str:
    """One operation with all of its entries; ends with a newline."""
    first = record.first
    lines = [
        f"{first.id}  {first.title}",
        f"  pair {first.pair}: ccops {command_line(record.request)}",
        f"  begun {moment(first.at)} by {first.who} on {first.origin}",
        f"  {ended(record)}" + (f", took {duration(record.took_s)}" if record.took_s is not None else ""),
    ]
    if first.steps:
        lines += ["  planned:", *(f"    {number}. {step}" for number, step in enumerate(first.steps, 1))]
    lines.append("  what happened:")
    for entry in record.entries:
        lines += _entry(entry)
    return "\n".join(lines) + "\n"


def standing(record: Record) -> str:
    """An unfinished operation: what, by whom, which steps were seen, where it stands."""
    first, last = record.first, record.entries[-1]
    lines = [
        f"unfinished: {first.title}",
        f"  ccops {command_line(record.request)}; in the audit log as {first.id}",
        f"  begun {moment(first.at)} by {first.who} on {first.origin}",
    ]
    for step in first.steps:
        name = step.partition(":")[0].partition(" on ")[0]
        word = "seen" if name in record.steps_done else "stands here" if name == record.step else "not begun"
        lines.append(f"    {word:<12} {step}")
    told = next((entry for entry in reversed(record.entries) if entry.text), last)
    lines.append(f"  last word {moment(last.at)}: {told.event}: {told.text}".rstrip(": "))
    if not record.ending:
        lines.append("  it has no end: whoever ran it may still be at it, or died")
    return "\n".join(lines) + "\n"


def ended(record: Record) -> str:
    """done, refused, …; unfinished where it stands in the middle."""
    return record.ending or ("unfinished" if record.unfinished else "nothing was sent")


def moment(at: float) -> str:
    """A time as it is here: `2026-11-23 03:41:38 +0100`."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _row(record: Record) -> tuple[str, ...]:
    first = record.first
    when = datetime.fromtimestamp(first.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    place = first.origin.partition(", pid ")[0]
    took = "" if record.took_s is None else duration(record.took_s)
    return when, first.id, first.pair, first.who, place, command_line(record.request), ended(record), took


def _entry(entry: Entry) -> Iterator[str]:
    clock = datetime.fromtimestamp(entry.at).astimezone().strftime("%H:%M:%S.%f")[:-3]
    parts = [f"{entry.step}:"] if entry.step else []
    parts += [f"on {entry.node}:"] if entry.node else []
    parts += [entry.command] if entry.command else []
    parts += [f"exit {entry.exit}"] if entry.exit is not None else []
    parts += [entry.ending] if entry.ending else []
    parts += [f"by {entry.who} on {entry.origin}"] if entry.who else []
    parts += [entry.text] if entry.text else []
    parts += [f"({duration(entry.took_s)})"] if entry.took_s is not None else []
    yield f"    {clock}  {entry.event:<8}  {' '.join(parts)}".rstrip()
    for line in entry.output.splitlines():
        yield f"{'':28}| {line}"
    if entry.safe_next:
        yield f"{'':28}safe next: {entry.safe_next}"


# Parts of a plan


def _checks(checks: Iterable[Check]) -> Iterator[str]:
    for check in checks:
        yield from _wrapped(f"{_HOLDS[check.holds]:<7}  {check.text}", "    ", 9)
        if check.holds is not True:
            yield from _wrapped(f"found: {check.found}" if check.found else "", "             ")
            yield from _wrapped(f"way out: {check.way_out}" if check.way_out else "", "             ")


def _step(number: int, step: Step, sudo: bool) -> Iterator[str]:
    where = f"on {step.node}: " if step.node else ""
    yield from _wrapped(f"{number}. {where}{step.text}", "    ", 3)
    if step.command:
        yield f"         {spelt(step.command, sudo)}"
    if step.before is not None:
        yield from _wrapped(f"only when it is seen: {step.before.text}", "       ")
    at_most = f"{step.limit_s:.0f} s" if step.limit_s < 3600 else f"{step.limit_s / 3600:.0f} h"
    how_long = f"as long as it moves, and {at_most} at a standstill" if step.moving else f"within {at_most}"
    yield from _wrapped(f"until it is seen: {step.effect.text} ({how_long})", "       ")


def _list(title: str, items: Iterable[str]) -> list[str]:
    lines = [line for item in items for line in _wrapped(item, "    ")]
    return ["", f"  {title}:", *lines] if lines else []


def _wrapped(text: str, indent: str, hanging: int = 2) -> list[str]:
    later = indent + " " * hanging
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=later, break_on_hyphens=False)

"""A plan, a run of it and its report in paragraphs, as the screens of an operation show them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ccops.triage import prose
from ccops.tui import quantities, themes
from ccops.tui.widgets.paragraphs import Paragraph

if TYPE_CHECKING:
    from ccops.operations.audit import Record
    from ccops.operations.plan import Check, Plan, Report, Step, StepState
    from ccops.triage.finding import Divergence

_BLANK: Final = Paragraph()

# How a step stands: mark, style. The word itself is always printed.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("·", "$label"),
    "running": ("▶", "bold $info"),
    "stopped": ("▲", "bold $warning"),
    "seen": ("✓", "$ok"),
    "already": ("✓", "$ok"),
    "failed": ("✖", "bold $critical"),
}
_ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "done": ("ok", "done"),
    "refused": ("warning", "refused: nothing was done"),
    "surprised": ("critical", "stopped: something else was seen than expected"),
    "interrupted": ("warning", "interrupted"),
    "undone": ("warning", "failed, and taken back: nothing is left of it"),
}
_STEP_INDENT: Final = 20


def failing(plan: Plan) -> str:
    """`1 of 14 checks does not hold`."""
    count = len(plan.refusals)
    return f"{count} of {len(plan.checks)} checks {'does' if count == 1 else 'do'} not hold"


def before(plan: Plan, barred: str) -> Iterator[Paragraph]:
    """What is read first of a plan: whether it can be done at all, what it is for, who is hurt, what is irrevocable.

    `barred` says why it may not be confirmed now, "" where it may.
    """
    if barred:
        yield Paragraph(barred, "bold", title="✖", title_style="bold $critical", rest=2)
        yield _BLANK
    if plan.refusals:
        for check in plan.refusals:
            yield from _refusal(check)
        yield _BLANK
    yield Paragraph(plan.purpose)
    yield from _listed("▲ Who will notice", plan.notices, "bold $warning")
    yield from _listed("▲ Cannot be undone", plan.irrevocable, "bold $warning")


def against(plan: Plan, sides: Divergence | None) -> Iterator[Paragraph]:
    """A word of warning where the victim is not the one that the evidence advises."""
    if sides is None or plan.typed is None or sides.victim == plan.typed:
        return
    yield _BLANK
    what = f"the evidence advises to give up {sides.victim}" if sides.victim else "the evidence does not decide"
    yield Paragraph(f"{what}; this gives up {plan.typed}", "bold", title="▲", title_style="bold $warning", rest=2)


def after(plan: Plan, sudo: bool = False, sides: Divergence | None = None) -> Iterator[Paragraph]:
    """The rest of it: steps with exact commands, undo, how long it took, evidence, the checks that hold.

    `sudo`: commands are sent through it. `sides`: both sides are shown already, and only what follows is told.
    """
    if sides is None:
        yield from _listed("What both sides have" if plan.typed else "What becomes different", plan.evidence)
    else:
        yield from _listed("What follows from that", [*prose.conclusion(sides)])
    yield _BLANK
    yield Paragraph(title="Steps")
    for number, step in enumerate(plan.steps, 1):
        yield from _step(number, step, sudo)
    if plan.undo_text:
        yield _BLANK
        yield Paragraph(plan.undo_text, title="Back again:", rest=2)
    if plan.took_s:
        yield _BLANK
        yield Paragraph(took(plan), title="The last times it took", rest=2)
    if plan.statements:
        yield _BLANK
        yield Paragraph(title="Written and sent, secrets as ***")
        for line in plan.statements:
            yield Paragraph(line, rest=2)
    held = [check for check in plan.checks if check.holds is True]
    if held:
        yield _BLANK
        yield Paragraph(title=f"Checks that hold ({len(held)})")
        for check in held:
            yield Paragraph(check.text, title="✓", title_style="$ok", first=1, rest=3)


def took(plan: Plan) -> str:
    """`41 s, 38 s`: how long it took the last times, the newest first; "" where it was never done."""
    return ", ".join(quantities.duration(seconds) for seconds in plan.took_s)


def running(
    plan: Plan, states: Sequence[StepState], now: float, sudo: bool = False, over: bool = False
) -> Iterator[Paragraph]:
    """The steps as they stand, with the seconds that each took, what was sent and what was answered."""
    for number, step in enumerate(plan.steps, 1):
        state = states[number - 1] if number <= len(states) else None
        word: str = state.word if state else "waiting"
        if over and word == "running":
            word = "stopped"
        mark, style = _WORDS.get(word, ("?", "$unknown"))
        since = ""
        if state is not None and state.began_at is not None and word != "already":
            until = state.ended_at if state.ended_at is not None else now
            since = quantities.watch(until - state.began_at)
        title = f"{mark} {word:<8}{since:>7}"
        text_style = "bold" if word == "running" else "$label" if word == "waiting" else ""
        yield Paragraph(f" {number}. {step.text}", text_style, 0, _STEP_INDENT + 1, title, style)
        if step.command and word in ("running", "stopped", "failed"):
            yield Paragraph(_command(step, sudo), "bold $info", _STEP_INDENT + 1, _STEP_INDENT + 3)
        if state is not None and state.said:
            yield Paragraph(state.said, "" if word == "failed" else "$label", _STEP_INDENT + 1, _STEP_INDENT + 1)


def reported(report: Report) -> Iterator[Paragraph]:
    """How it ended, what is true now, what is safe next, and under which id it is recorded."""
    severity, word = _ENDINGS.get(report.ending, ("unknown", report.ending))
    lasted = f" after {quantities.duration(report.took_s)}" if report.took_s >= 1 else ""
    title = f"{themes.mark(severity)} {word}{lasted}"
    yield Paragraph(title=title, title_style=f"bold {themes.style(severity)}")
    yield Paragraph(report.summary, "bold", 2, 2)
    yield from _listed("What is true now", report.truth)
    if report.safe_next:
        yield _BLANK
        yield Paragraph(report.safe_next, title="What is safe next:", rest=2)
    yield _BLANK
    yield Paragraph(f"{report.id}  (`ccops audit {report.id}`)", "$label", title="Recorded as")


def stopped(summary: str, safe_next: str, id: str) -> Iterator[Paragraph]:
    """An operation that a person stopped; without an id nothing was done yet."""
    yield Paragraph(title="▲ interrupted", title_style="bold $warning")
    yield Paragraph(summary, "bold", 2, 2)
    if not id:
        return
    offered = "the pair stays as it is now; the menu of operations offers to go on, to undo it, or to leave it"
    yield _BLANK
    yield Paragraph(f"{safe_next}. {offered}" if safe_next else offered, title="What is safe next:", rest=2)
    yield _BLANK
    yield Paragraph(f"{id}  (`ccops audit {id}`)", "$label", title="Recorded as")


def refused(text: str, checks: Sequence[Check]) -> Iterator[Paragraph]:
    """An operation that was refused before anything was done."""
    yield Paragraph(title="✖ refused: nothing was done", title_style="bold $critical")
    yield Paragraph(text, "bold", 2, 2)
    for check in checks:
        yield from _refusal(check)


def recorded(record: Record, now: float) -> Iterator[Paragraph]:
    """All entries of one operation in the audit log."""
    first = record.first
    yield Paragraph(first.title or str(record.request), "bold")
    yield Paragraph(f"{first.id} · {first.who} on {first.origin} · {record.request}", "$label")
    yield _BLANK
    for entry in record.entries:
        exit_code = "" if entry.exit in (None, 0) else f"exit {entry.exit}"
        words = (entry.node, entry.command, exit_code, entry.output, entry.ending, entry.text, entry.safe_next)
        what = " · ".join(word for word in words if word)
        title = f"{quantities.moment(entry.at, now)} {entry.event:<8}"
        step = f" {entry.step}:" if entry.step and what else f" {entry.step}" if entry.step else ""
        style = "bold $warning" if entry.event == "surprise" else "$label"
        yield Paragraph(f"{step} {what}".strip(), "", 0, 4, title.rstrip(), style)


def _listed(title: str, lines: Sequence[str], style: str = "bold") -> Iterator[Paragraph]:
    if lines:
        yield _BLANK
        yield Paragraph(title=title, title_style=style)
        for line in lines:
            yield Paragraph(line, title="•", title_style="$label", first=1, rest=3)


def _refusal(check: Check) -> Iterator[Paragraph]:
    mark, style = ("✖", "bold $critical") if check.holds is False else ("?", "bold $unknown")
    not_known = "" if check.holds is False else " (not known)"
    yield Paragraph(f"{check.text}{not_known}", "bold", title=mark, title_style=style, first=1, rest=3)
    if check.found:
        yield Paragraph(check.found, title="found:", title_style="$label", first=3, rest=5)
    if check.way_out:
        yield Paragraph(check.way_out, "$info", title="→", title_style="$info", first=3, rest=5)


def _step(number: int, step: Step, sudo: bool) -> Iterator[Paragraph]:
    yield Paragraph(step.text, title=f"{number}.", first=1, rest=4)
    if step.command:
        yield Paragraph(_command(step, sudo), "bold $info", 4, 6)
    if step.effect.text:
        yield Paragraph(step.effect.text, "$label", title="seen when:", title_style="$label", first=4, rest=6)


def _command(step: Step, sudo: bool) -> str:
    """`NODE# COMMAND`, as it is sent and as a shell there would take it."""
    words = ["sudo", "-n", *step.command] if sudo else step.command
    return f"{step.node}# {shlex.join(words)}"

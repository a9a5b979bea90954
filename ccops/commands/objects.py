"""Plans, reports and the audit log as the objects that `--json` prints; `schema` changes when a key's meaning does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ccops.commands.prose import command_line, ended
from ccops.operations.audit import Entry, Record
from ccops.operations.plan import Argv, Check, Plan, Progress, Report, Request, Step, StepState

SCHEMA = 1


def encode(found: object) -> str:
    """One line of JSON."""
    return msgspec.json.encode(found).decode()


def plan_object(pair: str, plan: Plan, sudo: bool, not_permitted: str | None) -> dict[str, Any]:
    """A plan. `may_run`: every check holds and it is permitted."""
    return {
        "schema": SCHEMA,
        "pair": pair,
        "request": _request(plan.request),
        "title": plan.title,
        "purpose": plan.purpose,
        "role": plan.role,
        "may_run": not plan.refusals and not_permitted is None,
        "not_permitted": not_permitted,
        "checks": _checks(plan.checks),
        "steps": [_step(step, sudo) for step in plan.steps],
        "notices": plan.notices,
        "irrevocable": plan.irrevocable,
        "evidence": plan.evidence,
        "typed": plan.typed,
        "undo": plan.undo_text or None,
        "took_s": plan.took_s,
        "statements": plan.statements,
    }


def report_object(pair: str, report: Report) -> dict[str, Any]:
    """How an operation ended."""
    steps = zip(report.plan.steps, report.states, strict=True) if report.states else ()
    return {
        "schema": SCHEMA,
        "pair": pair,
        "id": report.id,
        "request": _request(report.plan.request),
        "title": report.plan.title,
        "ending": report.ending,
        "summary": report.summary,
        "steps": [_state(step, state) for step, state in steps],
        "truth": report.truth,
        "safe_next": report.safe_next or None,
        "took_s": report.took_s,
    }


def refusal_object(pair: str, plan: Plan, summary: str, checks: Iterable[Check]) -> dict[str, Any]:
    """An operation of which nothing was done: a report whose ending is `refused`, with the checks in the way."""
    return {
        **report_object(pair, Report("", plan, "refused", summary)),
        "id": None,
        "checks": _checks(checks),
    }


def progress_object(progress: Progress) -> dict[str, Any]:
    """Where an operation stands now."""
    return {
        "id": progress.id,
        "now": progress.now,
        "steps": {step.name: state.word for step, state in zip(progress.plan.steps, progress.states, strict=True)},
    }


def record_object(record: Record, whole: bool = False) -> dict[str, Any]:
    """One operation of the audit log; `whole`: with every entry."""
    first = record.first
    found = {
        "schema": SCHEMA,
        "id": first.id,
        "pair": first.pair,
        "at": _moment(first.at),
        "who": first.who,
        "origin": first.origin,
        "request": _request(record.request),
        "title": first.title,
        "ending": ended(record),
        "unfinished": record.unfinished,
        "took_s": record.took_s,
    }
    return found | ({"planned": first.steps, "entries": [_entry(e) for e in record.entries]} if whole else {})


def _request(request: Request) -> dict[str, Any]:
    return {
        "operation": request.operation,
        "node": request.node,
        "arguments": dict(request.arguments),
        "command": f"ccops {command_line(request)}",
    }


def _checks(checks: Iterable[Check]) -> list[dict[str, Any]]:
    return [
        {"text": c.text, "holds": c.holds, "found": c.found, "way_out": c.way_out}
        if c.holds is not True
        else {"text": c.text, "holds": True, "found": "", "way_out": ""}
        for c in checks
    ]


def _step(step: Step, sudo: bool) -> dict[str, Any]:
    return {
        "name": step.name,
        "text": step.text,
        "node": step.node,
        "command": _argv(step.command, sudo),
        "before": step.before.text if step.before else None,
        "effect": step.effect.text,
        "limit_s": step.limit_s,
        "limit_is_standstill": step.moving is not None,
        "can_be_undone": step.undo is not None,
        "safe_next": step.safe_next or None,
    }


def _argv(command: Argv, sudo: bool) -> list[str] | None:
    if not command:
        return None
    return ["sudo", "-n", *command] if sudo else list(command)


def _state(step: Step, state: StepState) -> dict[str, Any]:
    return {
        "name": step.name,
        "node": step.node,
        "state": state.word,
        "said": state.said or None,
        "began_at": _moment(state.began_at),
        "ended_at": _moment(state.ended_at),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    found = msgspec.to_builtins(entry)
    for key in ("id", "pair"):
        del found[key]
    return {**found, "at": _moment(entry.at)}


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Asking before something is done: No unless it is said, and a name to be typed where it must not be a slip."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ccops.commands import terminal
from ccops.operations.plan import Plan

EDIT_EXITS = (
    "Exit: 0 done and seen, 1 refused or not confirmed, 2 wrong use, 3 nothing can be read, 4 failed: it says whether "
    "it was taken back, 130 interrupted."
)
"""Of commands that edit, for their help."""


class Asked(msgspec.Struct, frozen=True):
    """How a command that changes something was typed: its common options.

    `spelled_out`: the name that was given beforehand, for a plan that wants one typed; `timeout_s`: how long to look
    at first; `statements`: all that is written and sent is shown too.
    """

    dry_run: bool
    yes: bool
    as_json: bool
    timeout_s: float
    statements: bool = False
    spelled_out: str | None = None

    @classmethod
    def taken(cls, given: dict[str, Any], spelled_out: str | None = None, statements: bool = False) -> Asked:
        """Takes the common options out of what click gives. Raises UsageError where nobody could be asked."""
        asked = cls(
            given.pop("dry_run"),
            given.pop("yes"),
            given.pop("as_json"),
            given.pop("timeout"),
            given.pop("statements", statements),
            spelled_out,
        )
        if not asked.dry_run:
            must_be_asked(asked.yes)
        return asked


def options(
    *more: click.Parameter,
    dry_run: str = "Print the plan and do nothing; exit 1 where it is refused.",
    yes: str = "Do not ask. What must hold before it is never passed over.",
) -> list[click.Parameter]:
    """The common options, with `more` between those that ask and those that tell."""
    return [
        click.Option(["--dry-run"], is_flag=True, help=dry_run),
        click.Option(["--yes"], is_flag=True, help=yes),
        *more,
        click.Option(["--json", "as_json"], is_flag=True, help="One object at the end; progress on standard error."),
        timeout(),
    ]


def timeout() -> click.Option:
    """For how long the pair is looked at."""
    return click.Option(["--timeout"], default=15.0, show_default=True, metavar="S", help="How long to look at first.")


def must_be_asked(yes: bool) -> None:
    """Raises UsageError where nobody could be asked and nobody has said yes."""
    if not yes and not terminal.is_there():
        raise click.UsageError(
            "there is no terminal to ask on, so nothing was done: read the plan with --dry-run, then add --yes"
        )


async def confirm(plan: Plan, yes: bool, spelled_out: str | None) -> bool:
    """Whether it is confirmed: `yes` and `spelled_out` are what was given beforehand.

    Raises UsageError where a name must be spelled out beside --yes and is not, or another was.
    """
    if plan.typed is not None and (yes or spelled_out is not None) and spelled_out != plan.typed:
        found = f", found {spelled_out}" if spelled_out else ""
        raise click.UsageError(f"nothing was done: this needs --confirm {plan.typed} beside --yes{found}")
    if yes:
        return True
    if plan.typed is not None:
        return await terminal.ask(f"type {plan.typed} to go on: ") == plan.typed
    return (await terminal.ask("do it? [y/N] ")).lower() in ("y", "yes")

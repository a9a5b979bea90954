"""Asking before something is done: No unless it is said, and a name to be typed where it must not be a slip."""

from __future__ import annotations

import click

from ccops.commands import terminal
from ccops.operations.plan import Plan


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

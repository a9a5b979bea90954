"""What commands have in common: the settings they were called with, errors in words, exit codes, and the event loop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ccops.config import Settings
    from ccops.operations.audit import Audit

DONE = 0
REFUSED = 1
USAGE = 2
UNKNOWN = 3
SURPRISED = 4
INTERRUPTED = 130


class Failed(click.ClickException):
    """Something that the user can mend; printed without a traceback, exit 3."""

    exit_code = UNKNOWN


class NotDone(click.ClickException):
    """An operation was refused, or nobody confirmed it: nothing was done, exit 1."""

    exit_code = REFUSED


def load(context: click.Context) -> Settings:
    """The settings of this call; their warnings are told."""
    from ccops.config import ConfigError
    from ccops.config import load as load_settings

    try:
        settings = load_settings(context.find_root().obj["config"])
    except ConfigError as error:
        raise Failed(str(error)) from None
    for warning in settings.warnings:
        click.echo(f"ccops: {warning}", err=True)
    return settings


def chosen(context: click.Context) -> tuple[Settings, str]:
    """The settings, and the name of the pair that this call is about."""
    settings = load(context)
    if not settings.pairs:
        raise Failed(f"{settings.path}: there is no pair yet; make one with `ccops init admin@node1 admin@node2`")
    name = context.find_root().obj["pair"] or settings.console.pair or next(iter(settings.pairs))
    if name not in settings.pairs:
        raise Failed(f"{settings.path}: there is no pair {name!r}; there are: {', '.join(settings.pairs)}")
    return settings, name


def audit_of(settings: Settings) -> Audit:
    """The log in which operations are recorded."""
    from pathlib import Path

    from ccops.operations.audit import Audit

    return Audit(Path(settings.console.audit) if settings.console.audit else None)


def run(coroutine: Any) -> Any:
    """Runs it to its end. What it raises in words for the user becomes Failed; Ctrl+C is exit 130."""
    import asyncio

    try:
        return asyncio.run(coroutine)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if _is_told(error):
            raise Failed(str(error)) from None
        raise


def _is_told(error: Exception) -> bool:
    """Whether the error's own words are for the user. Its kind is known by now, if it is one of these."""
    from ccops.links.errors import LinkError
    from ccops.operations.plan import OperationError
    from ccops.setup.inspect import InspectionError

    return isinstance(error, LinkError | InspectionError | OperationError)

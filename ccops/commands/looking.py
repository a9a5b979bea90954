"""Commands that look at a live pair and print what they find, as a page or as one line of JSON."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from ccops.commands import terminal
from ccops.commands.confirmation import timeout
from ccops.commands.invocation import DONE, Failed, chosen

JSON = click.Option(["--json", "as_json"], is_flag=True, help="One object for scripts; progress on standard error.")


def looking(name: str, does: str, tell: Callable[..., Awaitable[str]], *more: click.Parameter) -> click.Command:
    """A command that prints what `tell(session, as_json, **what is typed by more)` gives, its ends of line included."""

    def call(as_json: bool, timeout: float, **given: Any) -> None:
        from ccops.commands.session import at_work, conduct
        from ccops.watch.archive import Unanswered

        settings, pair = chosen(click.get_current_context())

        async def look() -> int:
            async with at_work(settings, pair, timeout, as_json) as session:
                try:
                    terminal.tell(await tell(session, as_json, **given), nl=False)
                except Unanswered as error:
                    raise Failed(str(error)) from None
            return DONE

        sys.exit(conduct(look()))

    told = f"{does}. Exit: 0 printed, 3 it cannot be read."
    return click.Command(name, callback=call, params=[*more, JSON, timeout()], help=told, short_help=does)


def encoded(found: object) -> str:
    """One line of JSON, with its end."""
    from ccops.commands.objects import encode

    return encode(found) + "\n"

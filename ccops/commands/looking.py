"""Commands that look at a live pair and print what they find, and what those that edit have in common."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ccops.commands import terminal
from ccops.commands.invocation import DONE, Failed, chosen

if TYPE_CHECKING:
    from ccops.config import Secret

EDIT_EXITS = (
    "Exit: 0 done and seen, 1 refused or not confirmed, 2 wrong use, 3 nothing can be read, 4 failed: it says whether "
    "it was taken back, 130 interrupted."
)
JSON = click.Option(["--json", "as_json"], is_flag=True, help="One object for scripts; progress on standard error.")

_TIMEOUT = click.Option(["--timeout"], default=15.0, show_default=True, metavar="S", help="How long to look at first.")


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
    return click.Command(name, callback=call, params=[*more, JSON, _TIMEOUT], help=told, short_help=does)


def encoded(found: object) -> str:
    """One line of JSON, with its end."""
    from ccops.commands.objects import encode

    return encode(found) + "\n"


def tell_once(made: Mapping[str, Secret], as_json: bool, named: Callable[[str], str]) -> None:
    """Secrets that were made, by what they are of: on standard error, and never again. `named` is what people read."""
    if as_json and made:
        terminal.tell(encoded({"secrets": {key: secret.reveal() for key, secret in made.items()}}), err=True, nl=False)
        return
    for key, secret in made.items():
        terminal.tell(f"{named(key)}: {secret.reveal()}   (shown this once)", err=True)

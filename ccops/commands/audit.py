"""`ccops audit`: what was done to the pairs, from this user's log; nothing else is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ccops.commands.invocation import Failed, audit_of

if TYPE_CHECKING:
    from ccops.operations.audit import Audit


@click.command()
@click.argument("id", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="Print objects for scripts.")
@click.option("-n", "most", default=20, show_default=True, type=click.IntRange(1), help="How many, the newest first.")
@click.option("--pair", metavar="NAME", help="Of this pair (default: the pair of the settings).")
@click.option("--all", "every", is_flag=True, help="Of all pairs.")
@click.pass_context
def audit(context: click.Context, id: str | None, as_json: bool, most: int, pair: str | None, every: bool) -> None:
    """List the operations that were done, or show one (its id, or how that begins) with every entry."""
    from ccops.commands import objects, prose
    from ccops.operations.plan import OperationError

    log, usual = _log(context)
    try:
        if id is not None:
            record = log.record(id)
            if record is None:
                raise Failed(f"{log.path}: there is no operation {id!r}, or several begin so; see `ccops audit --all`")
            found = objects.encode(objects.record_object(record, whole=True)) + "\n"
            click.echo(found if as_json else prose.record_page(record), nl=False)
            return
        records = log.records(None if every else pair or usual)[-most:]
    except OperationError as error:
        raise Failed(str(error)) from None
    if as_json:
        click.echo(objects.encode([objects.record_object(record) for record in reversed(records)]))
    elif records:
        click.echo(prose.listing(records), nl=False)
    else:
        click.echo(f"nothing was done yet, by {log.path}")


def _log(context: click.Context) -> tuple[Audit, str | None]:
    """The log, and the pair that is meant where none is named; without settings the usual log, and all pairs."""
    from ccops.config import ConfigError, ConfigMissing, load
    from ccops.operations.audit import Audit

    given = context.find_root().obj
    try:
        settings = load(given["config"])
    except ConfigMissing:
        return Audit(), given["pair"]
    except ConfigError as error:
        raise Failed(str(error)) from None
    name = given["pair"] or settings.console.pair or next(iter(settings.pairs), None)
    return audit_of(settings), name

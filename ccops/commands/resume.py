"""`ccops resume`: where an interrupted operation stands, and going on with it, undoing it, or leaving it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ccops.commands import terminal
from ccops.commands.confirmation import Asked
from ccops.commands.invocation import DONE, Failed, NotDone, audit_of, chosen

if TYPE_CHECKING:
    from ccops.commands.session import Session
    from ccops.operations.audit import Record
    from ccops.operations.plan import Plan

_WAYS = {"g": "go-on", "u": "undo", "l": "leave"}


@click.command()
@click.option("--go-on", "way", flag_value="go-on", help="Go on with it.")
@click.option("--undo", "way", flag_value="undo", help="Take back what was done of it, the last step first.")
@click.option("--leave", "way", flag_value="leave", help="Leave it as it stands: it is no longer told as unfinished.")
@click.option("--dry-run", is_flag=True, help="Tell where it stands, and print what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask. What must hold before it is never passed over.")
@click.option("--confirm", "spelled_out", metavar="NODE", help="Beside --yes, where a name must be typed: that name.")
@click.option("--json", "as_json", is_flag=True, help="One object at the end; progress on standard error.")
@click.option("--timeout", default=15.0, show_default=True, metavar="S", help="How long to look at first.")
@click.pass_context
def resume(
    context: click.Context,
    way: str | None,
    dry_run: bool,
    yes: bool,
    spelled_out: str | None,
    as_json: bool,
    timeout: float,
) -> None:
    """Tell the operation that was interrupted, and go on with it, undo it, or leave it.

    Exit: that of the operation; 0 also where nothing is unfinished.
    """
    from ccops.commands import objects, prose
    from ccops.commands.session import conduct
    from ccops.operations.plan import OperationError

    settings, name = chosen(context)
    try:
        record = audit_of(settings).unfinished(name)
    except OperationError as error:
        raise Failed(str(error)) from None
    if record is None:
        terminal.tell("null" if as_json else f"{name}: no operation is unfinished")
        return
    if as_json and way is None:
        terminal.tell(objects.encode(objects.record_object(record, whole=True)))
    elif not as_json:
        terminal.tell(prose.standing(record))
    if dry_run and way is None:
        return
    if not terminal.is_there() and not dry_run and (way is None or not yes):
        raise click.UsageError("there is no terminal to ask on: add --go-on, --undo or --leave, and --yes")
    asked = Asked(dry_run, yes, as_json, timeout, spelled_out=spelled_out)
    sys.exit(conduct(_resume(settings, name, record, way, asked)))


async def _resume(settings: Any, name: str, record: Record, way: str | None, asked: Asked) -> int:
    from ccops.commands.session import at_work
    from ccops.operations.plan import OperationError

    async with at_work(settings, name, asked.timeout_s, asked.as_json) as session:
        executor = session.executor
        try:
            if (holder := await executor.under_way()) is not None:
                raise NotDone(f"it is not for you to resume: {holder}")
            if way is None:
                way = await _ask()
            if way == "leave":
                return await _leave(session, record, asked)
            plan = await executor.prepare(record.request, resuming=True)
            if way == "undo":
                plan = executor.undoing(plan, record)
        except OperationError as error:
            raise NotDone(str(error)) from None
        return await _carry_out(session, plan, record, way, asked)


async def _ask() -> str:
    typed = (await terminal.ask("go on (g), undo (u), leave it as it stands (l), or nothing [n]: ")).lower()
    if typed[:1] not in _WAYS:
        raise NotDone("nothing was done: it stays unfinished")
    return _WAYS[typed[:1]]


async def _carry_out(session: Session, plan: Plan, record: Record, way: str, asked: Asked) -> int:
    if (code := await session.agreed(plan, asked, otherwise="it stays unfinished")) is not None:
        return code
    if way == "undo":
        return await session.carry_out(plan, lambda listen: session.executor.undo(record, listen))
    return await session.carry_out(plan, lambda listen: session.executor.run(plan, listen, record))


async def _leave(session: Session, record: Record, asked: Asked) -> int:
    if asked.dry_run:
        return DONE
    if not asked.yes and (await terminal.ask("leave it as it stands? [y/N] ")).lower() not in ("y", "yes"):
        raise NotDone("not confirmed: it stays unfinished")
    session.executor.leave(record)
    terminal.tell("null" if session.as_json else f"{record.first.id} is left as it stands; `ccops triage` says how")
    return DONE

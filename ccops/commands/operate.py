"""One command an operation, made from the catalogue: the plan is shown, confirmed, run and reported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from ccops.commands.audit import audit
from ccops.commands.confirmation import Asked, options
from ccops.commands.exchange import EXCHANGE
from ccops.commands.invocation import chosen
from ccops.commands.module import IN_MODULE
from ccops.commands.prose import DRBD_VERBS, FLAGS
from ccops.commands.resume import resume
from ccops.commands.supervise import COMMANDS as SUPERVISING
from ccops.operations.catalogue import OPERATIONS, Operation
from ccops.operations.plan import OperationError, Request

_EXITS = (
    "Exit: 0 done, 1 refused or not confirmed (nothing was done), 2 wrong use, 3 the pair cannot be told, 4 stopped in "
    "the middle by a surprise, 130 interrupted."
)
_NODE = "the node's name"


def _command(operation: Operation) -> click.Command:
    def call(**given: Any) -> None:
        request = _request(operation, given)
        asked = Asked.taken(given, given.get("confirm") or given.get("victim"))
        from ccops.commands.session import conduct

        settings, name = chosen(click.get_current_context())
        sys.exit(conduct(_operate(settings, name, operation, request, asked)))

    return click.Command(
        operation.name,
        callback=call,
        params=[*_PARAMETERS[operation.takes](operation), *_common(operation)],
        help=f"{operation.does}.\n\n{_EXITS}",
        short_help=operation.does,
    )


async def _operate(settings: Any, name: str, operation: Operation, request: Request, asked: Asked) -> int:
    from ccops.commands.session import at_work
    from ccops.watch.once import is_complete, is_diagnosed

    # What is to be weighed before data are given up is read from both sides' files.
    whole = is_diagnosed if operation.destroys else is_complete
    async with at_work(settings, name, asked.timeout_s, asked.as_json, whole) as session:
        try:
            plan = await session.executor.prepare(request)
        except OperationError as error:
            raise click.UsageError(str(error)) from None
        if (code := await session.agreed(plan, asked)) is not None:
            return code
        return await session.carry_out(plan, lambda listen: session.executor.run(plan, listen))


# Arguments


def _request(operation: Operation, given: dict[str, Any]) -> Request:
    """What was typed, as the catalogue's planner takes it."""
    arguments: dict[str, str] = {}
    for key in ("full", "victim", "rate", "name"):
        if given.get(key):
            arguments[key] = given[key]
    for (key, value), option in FLAGS.items():
        if given.get(option.removeprefix("--").replace("-", "_")):
            arguments[key] = value
    if operation.takes == "rate" and (given.get("rate") is None) is not given["revert"]:
        raise click.UsageError("either a rate such as 30M, or --revert")
    return Request(operation.name, given.get("node"), arguments)


def _nothing(operation: Operation) -> list[click.Parameter]:
    if operation.name != "resync":
        return []
    told = f"Copy everything to this node anew ({_NODE}): all of its data are given up."
    return [click.Option(["--full"], metavar="NODE", help=told)]


def _victim(operation: Operation) -> list[click.Parameter]:
    return [
        click.Option(["--victim"], metavar="NODE", required=True, help="The node whose changes are given up."),
        click.Option(["--no-salvage"], is_flag=True, help="Do not save what only the victim has."),
        click.Option(["--no-rehearsal"], is_flag=True, help="Where DRBD cannot rehearse: see the direction only then."),
    ]


def _rate(operation: Operation) -> list[click.Parameter]:
    return [
        click.Argument(["rate"], required=False, metavar="[RATE]"),
        click.Option(["--revert"], is_flag=True, help="The rate of the configuration again."),
    ]


def _service(operation: Operation) -> list[click.Parameter]:
    told = "Asterisk only: restart when the last call has ended."
    return [
        click.Argument(["name"], metavar="NAME"),
        click.Option(["--when-idle"], is_flag=True, help=told),
    ]


_PARAMETERS: dict[str, Callable[[Operation], list[click.Parameter]]] = {
    "nothing": _nothing,
    "node": lambda operation: [click.Argument(["node"], metavar="NODE")],
    "maybe-node": lambda operation: [click.Argument(["node"], required=False, metavar="[NODE]")],
    "victim": _victim,
    "rate": _rate,
    "service": _service,
}


def _common(operation: Operation) -> list[click.Parameter]:
    spelled = "Beside --yes, where the plan asks for a name to be typed: that name."
    return options(
        *([] if operation.takes == "victim" else [click.Option(["--confirm"], metavar="NODE", help=spelled)])
    )


def _drbd() -> click.Group:
    return click.Group(
        "drbd",
        commands={verb: _command(OPERATIONS[verb]) for verb in DRBD_VERBS},
        help="DRBD's own verbs on one node, for whoever knows what they mean.",
    )


COMMANDS: dict[str, click.Command] = {
    **{operation.name: _command(operation) for operation in OPERATIONS.values() if operation.name not in DRBD_VERBS},
    "drbd": _drbd(),
    **SUPERVISING,
    **EXCHANGE,
    **IN_MODULE,
    "resume": resume,
    "audit": audit,
}
"""By name: one command an operation, and what belongs to operations."""

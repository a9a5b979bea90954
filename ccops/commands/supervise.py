"""`ccops agent` and `ccops queue`: what a supervisor does, shown, confirmed, done and reported as operations are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, get_args

import click

from ccops.callcentre.deeds import Deed, Impossible, Kind, agent_called, caller_called
from ccops.commands.confirmation import Asked, options
from ccops.commands.invocation import Failed, NotDone, chosen
from ccops.commands.module import OF_AGENTS
from ccops.operations.supervising import request_of
from ccops.watch.snapshot import Snapshot

_EXITS = (
    "Exit: 0 done and seen, 1 refused or not confirmed (nothing was done), 2 wrong use, 3 the pair cannot be told, "
    "4 sent and not seen, 130 interrupted."
)
_DOES: dict[Kind, str] = {
    "pause": "Pause an agent: no more calls until it is taken back",
    "unpause": "Let a paused agent get calls again",
    "add": "Add an agent to a queue",
    "remove": "Remove an agent from a queue (one that was added, not one of the configuration)",
    "penalty": "Give an agent another penalty: those with a lower one get calls first",
    "logout": "Log an agent out of all queues",
    "hangup": "Hang up an agent's call, or a caller's",
    "listen": "Listen to an agent's call from your own telephone",
    "whisper": "Speak to an agent on a call, unheard by the caller",
    "barge": "Join an agent's call, heard by both",
    "move": "Move a waiting caller to the top, or to another queue",
}
_DRY_RUN = "Print what would be sent; exit 1 where it is not possible."
_AGENT = "The agent: interface (SIP/101), number or name."


def _command(kind: Kind) -> click.Command:
    def call(**given: Any) -> None:
        if kind == "hangup" and bool(given["agent"]) is bool(given["caller"]):
            raise click.UsageError("either an agent, whose call is meant, or --caller")
        asked = Asked.taken(given)
        from ccops.commands.session import conduct

        settings, name = chosen(click.get_current_context())
        sys.exit(conduct(_supervise(settings, name, kind, given, asked)))

    return click.Command(
        kind,
        callback=call,
        params=[*_PARAMETERS[kind](), *options(dry_run=_DRY_RUN, yes="Do not ask.")],
        help=f"{_DOES[kind]}.\n\n{_EXITS}",
        short_help=_DOES[kind],
    )


async def _supervise(settings: Any, name: str, kind: Kind, given: dict[str, Any], asked: Asked) -> int:
    from ccops.commands.session import at_work

    async with at_work(settings, name, asked.timeout_s, asked.as_json) as session:
        deed = _deed(kind, given, session.store.snapshot, settings.console.extension or "")
        board = session.executor.switchboard
        plan = await board.prepare(request_of(deed))
        if (code := await session.agreed(plan, asked)) is not None:
            return code
        return await session.carry_out(plan, lambda listen: board.run(plan, listen))


def _deed(kind: Kind, given: dict[str, Any], snapshot: Snapshot, own: str) -> Deed:
    """What was typed, with agents and callers by what they are called."""
    centre = snapshot.centre.value
    if centre is None:
        raise Failed(f"the call centre is not known: {snapshot.centre.problem or 'Asterisk was not read in time'}")
    try:
        return Deed(
            kind,
            agent=agent_called(centre, given["agent"], snapshot.agent_names) if given.get("agent") else "",
            queue=given.get("queue") or "",
            reason=given.get("reason") or "",
            pause=given.get("pause") or "",
            penalty=given.get("penalty") or 0,
            caller=_caller(kind, given["caller"], snapshot) if given.get("caller") else "",
            to=given.get("to") or "",
            extension=(given.get("extension") or own) if kind in ("listen", "whisper", "barge") else "",
        )
    except Impossible as error:
        way_out = f": {error.way_out}" if error.way_out else ""
        raise NotDone(f"{error}{way_out}; nothing was done") from None


def _caller(kind: Kind, text: str, snapshot: Snapshot) -> str:
    centre = snapshot.centre.value
    assert centre is not None
    # A call that is up may be hung up wherever it is, not only while it waits.
    return text if kind == "hangup" and text in centre.channels else caller_called(centre, text)


# Arguments


def _agent() -> list[click.Parameter]:
    return [click.Argument(["agent"], metavar="AGENT")]


def _in_queue() -> list[click.Parameter]:
    return [click.Option(["--queue"], metavar="QUEUE", help="Only in this queue (default: in all of the agent's).")]


def _pause() -> list[click.Parameter]:
    told = "Why, as the agents' view and reports show it."
    pause = "The break, by name or number, for an agent of the call-center module (its dialer pauses in all queues)."
    return [
        *_agent(),
        click.Option(["--reason"], metavar="TEXT", help=told),
        click.Option(["--break", "pause"], metavar="NAME", help=pause),
        *_in_queue(),
    ]


def _add() -> list[click.Parameter]:
    penalty = click.Option(["--penalty"], type=click.IntRange(0, 999), help="Lower ones get calls first (default: 0).")
    return [*_agent(), click.Argument(["queue"], metavar="QUEUE"), penalty]


def _penalty() -> list[click.Parameter]:
    number = click.Argument(["penalty"], metavar="NUMBER", type=click.IntRange(0, 999))
    return [*_agent(), number, *_in_queue()]


def _hang_up() -> list[click.Parameter]:
    told = "Instead of an agent's call that of this caller: number, QUEUE:POSITION or uniqueid."
    return [
        click.Argument(["agent"], metavar="[AGENT]", required=False),
        click.Option(["--caller"], metavar="CALLER", help=told),
    ]


def _spy() -> list[click.Parameter]:
    told = "The telephone that rings for you, such as SIP/1001 (default: extension in [console])."
    return [*_agent(), click.Option(["--extension"], metavar="TECH/NAME", help=told)]


def _move() -> list[click.Parameter]:
    return [
        click.Argument(["caller"], metavar="CALLER"),
        click.Option(["--to"], metavar="QUEUE", help="To this queue (default: to the top of the caller's own)."),
    ]


_PARAMETERS: dict[Kind, Callable[[], list[click.Parameter]]] = {
    "pause": _pause,
    "unpause": lambda: [*_agent(), *_in_queue()],
    "add": _add,
    "remove": lambda: [*_agent(), click.Argument(["queue"], metavar="QUEUE")],
    "penalty": _penalty,
    "logout": _agent,
    "hangup": _hang_up,
    "listen": _spy,
    "whisper": _spy,
    "barge": _spy,
    "move": _move,
}


COMMANDS: dict[str, click.Command] = {
    "agent": click.Group(
        "agent",
        commands={**{kind: _command(kind) for kind in get_args(Kind) if kind != "move"}, **OF_AGENTS},
        help=f"Act on an agent, live: pause, queues, calls; and keep the call-center module's agents. {_AGENT}",
        short_help="Act on an agent, live",
    ),
    "queue": click.Group(
        "queue",
        commands={"move": _command("move")},
        help="Act on the callers of a queue, live. CALLER: number, QUEUE:POSITION (ventas:3) or uniqueid.",
        short_help="Act on the callers of a queue, live",
    ),
}
"""By name: what a supervisor does."""

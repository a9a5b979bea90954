"""`ccops campaign`, `ccops break`, and what `ccops agent` does in the call-center module: looking, and edits."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ccops.commands.confirmation import EDIT_EXITS, Asked, options
from ccops.commands.invocation import DONE, Failed, chosen
from ccops.commands.looking import encoded, looking

if TYPE_CHECKING:
    from ccops.callcentre.campaigns import Campaign
    from ccops.commands.session import Session
    from ccops.config import Secret
    from ccops.watch.campaign_source import CampaignSource, Overview

_CAMPAIGN = "A campaign is named by its key (out:3), its id or its name; a break by its id or name."

Tell = Callable[..., Awaitable[str]]


# Looking


def _looking(name: str, does: str, tell: Tell, *more: click.Parameter) -> click.Command:
    async def told(session: Session, as_json: bool, **given: Any) -> str:
        source = session.store.campaigns
        if source is None:
            raise Failed("the call-center module can only be read of a live pair")
        return await tell(source, as_json, **given)

    return looking(name, does, told, *more)


async def _list(source: CampaignSource, as_json: bool, no_counts: bool) -> str:
    from ccops.watch.campaign_prose import campaign_object, campaigns_page

    overview = await source.overview()
    counts: dict[str, Any] = {}
    if not no_counts:
        counts.update(await source.today())
        for each in overview.campaigns:
            if each.direction == "out":
                counts[each.key] = await source.progress(each)
    if as_json:
        return encoded([campaign_object(overview, each, counts.get(each.key)) for each in overview.campaigns])
    return campaigns_page(overview, counts)


async def _show(source: CampaignSource, as_json: bool, key: str) -> str:
    from ccops.watch.campaign_prose import call_object, campaign_object, campaign_page

    overview = await source.overview()
    campaign = _named(overview, key)
    out = campaign.direction == "out"
    progress = await source.progress(campaign) if out else (await source.today()).get(campaign.key)
    calls = await source.calls(campaign)
    if as_json:
        told = campaign_object(overview, campaign, progress) | {"calls": [call_object(call) for call in calls]}
        return encoded(told)
    return campaign_page(overview, campaign, progress, calls)


async def _sessions(source: CampaignSource, as_json: bool) -> str:
    from ccops.watch.campaign_prose import attendance_object, sessions_page

    found = await source.attendance()
    return encoded(attendance_object(found)) if as_json else sessions_page(found)


async def _breaks(source: CampaignSource, as_json: bool) -> str:
    from ccops.watch.campaign_prose import break_object, breaks_page

    found = (await source.attendance()).breaks
    return encoded([break_object(each) for each in found]) if as_json else breaks_page(found)


def _named(overview: Overview, key: str) -> Campaign:
    """The campaign that is meant. Raises Failed."""
    from ccops.operations.campaign_edit import called
    from ccops.operations.plan import OperationError

    try:
        return called(overview.campaigns, key)
    except OperationError as error:
        raise Failed(str(error)) from None


# Editing


def _editing(operation: str, do: str, does: str, *more: click.Parameter) -> click.Command:
    def call(**given: Any) -> None:
        asked = Asked.taken(given, statements=True)
        from ccops.commands.session import conduct

        settings, pair = chosen(click.get_current_context())
        arguments = {"do": do, **{name: value for name, value in given.items() if value is not None}}
        sys.exit(conduct(_edit(settings, pair, operation, arguments, asked)))

    return click.Command(
        do, callback=call, params=[*more, *options()], help=f"{does}.\n\n{EDIT_EXITS}", short_help=does
    )


async def _edit(settings: Any, name: str, operation: str, arguments: dict[str, str], asked: Asked) -> int:
    from ccops.commands.session import at_work
    from ccops.operations.plan import OperationError, Request

    async with at_work(settings, name, asked.timeout_s, asked.as_json) as session:
        made = _passwords(session, operation, arguments)
        try:
            plan = await session.executor.prepare(Request(operation, arguments=arguments))
        except OperationError as error:
            raise click.UsageError(str(error)) from None
        if (code := await session.agreed(plan, asked)) is not None:
            return code
        code = await session.carry_out(plan, lambda listen: session.executor.run(plan, listen))
        if code == DONE:
            session.tell_once(made, lambda name: f"{name} of {arguments.get('key', '')}")
        return code


def _passwords(session: Session, operation: str, arguments: dict[str, str]) -> Mapping[str, Secret]:
    """The passwords that a new agent gets, by what they are for; tokens of them go to the request."""
    if operation != "module-agent" or arguments["do"] != "register":
        return {}
    from ccops.operations.agent_edit import passwords

    password, eccp = passwords()
    vault = session.executor.vault
    arguments["password"], arguments["eccp"] = vault.put(password), vault.put(eccp)
    return {"password": password, "eccp_password": eccp}


# What is typed


def _key(metavar: str) -> click.Argument:
    return click.Argument(["key"], metavar=metavar)


_NO_COUNTS = click.Option(["--no-counts"], is_flag=True, help="Without what became of their calls: at once.")
_ABOUT = click.Option(["--description", "about"], metavar="TEXT", help="What it is for.")
_TYPE = click.Option(
    ["--type", "kind"],
    type=click.Choice(["Agent", "SIP", "PJSIP", "IAX2"]),
    default="Agent",
    show_default=True,
    help="Agent logs in from any telephone; the others are the telephone of that number.",
)
_NAME = click.Option(["--name"], required=True, metavar="TEXT", help="The agent's name.")

IN_MODULE: dict[str, click.Command] = {
    "campaign": click.Group(
        "campaign",
        commands={
            "list": _looking("list", "List the campaigns: which run, how far they are, or why not", _list, _NO_COUNTS),
            "show": _looking("show", "Show one campaign with its last calls", _show, _key("CAMPAIGN")),
            "start": _editing("campaign", "start", "Start a campaign", _key("CAMPAIGN")),
            "stop": _editing("campaign", "stop", "Stop a campaign", _key("CAMPAIGN")),
        },
        help=f"The call-center module's campaigns, incoming and outgoing. {_CAMPAIGN}",
        short_help="Campaigns of the call-center module",
    ),
    "break": click.Group(
        "break",
        commands={
            "list": _looking("list", "List the kinds of break", _breaks),
            "add": _editing("break", "add", "Add a kind of break", _key("NAME"), _ABOUT),
            "rename": _editing(
                "break", "rename", "Give a break another name", _key("BREAK"), click.Argument(["name"], metavar="NAME")
            ),
            "disable": _editing("break", "disable", "Offer a break to nobody any more", _key("BREAK")),
            "enable": _editing("break", "enable", "Offer a break again", _key("BREAK")),
        },
        help=f"The kinds of break that agents of the call-center module take. {_CAMPAIGN}",
        short_help="Breaks of the call-center module",
    ),
}
"""By name: what the call-center module's tables are looked at and edited with."""

OF_AGENTS: dict[str, click.Command] = {
    "sessions": _looking("sessions", "Print today's log-ins and breaks of the module's agents", _sessions),
    "register": _editing(
        "module-agent", "register", "Register an agent in the call-center module", _key("NUMBER"), _NAME, _TYPE
    ),
    "retire": _editing("module-agent", "retire", "Retire an agent of the call-center module", _key("AGENT")),
}
"""Those that stand in the group `agent`."""

"""Starting and stopping the call-center module's campaigns, as its web pages do (campaign_out, campaign_in)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ccops.callcentre.campaigns import Campaign, overlap, why_not
from ccops.operations.grants import grant
from ccops.operations.module import Module
from ccops.operations.module_plan import deed_of, ground, permitted, row_plan, something
from ccops.operations.module_rows import RowChange
from ccops.operations.plan import Check, OperationError, Plan, Request
from ccops.operations.scene import Scene
from ccops.text import clean

DEEDS = ("start", "stop")


def plan_campaign(request: Request, scene: Scene) -> Plan:
    """Starts or stops a campaign: its estatus, which the dialer reads every few seconds."""
    do = deed_of(request, DEEDS)
    title = f"{do.capitalize()} campaign {clean(request.arguments.get('key', ''), 60)}"
    found = ground(request, scene, title, "operator")
    if isinstance(found, Plan):
        return found
    module, checks = found
    campaign = called(module.campaigns, request.arguments.get("key", ""))
    table = "campaign" if campaign.direction == "out" else "campaign_entry"
    status = "A" if do == "start" else "I"
    right = grant("UPDATE", table, ("estatus",), module.user)
    change = RowChange(module.node, table, {"estatus": status}, campaign.id, {"estatus": campaign.status}, grant=right)
    checks += [permitted(module, "UPDATE", table, ("estatus",)), something(campaign.status != status)]
    if do == "start":
        checks += _may_start(module, campaign)
    asked = replace(request, node=module.node, arguments={**request.arguments, "key": campaign.key})
    return row_plan(
        asked,
        f"{do.capitalize()} campaign {campaign.name}",
        f"{campaign.name} ({campaign.key}) is {'started' if do == 'start' else 'stopped'} in the call-center module.",
        change,
        checks,
        notices=tuple(_started(module, campaign) if do == "start" else _stopped(campaign)),
        evidence=tuple(_weighed(module, campaign, do)),
        undo=f"ccops campaign {'stop' if do == 'start' else 'start'} {campaign.key}",
    )


def called(campaigns: Sequence[Campaign], key: str) -> Campaign:
    """By key (`out:3`), name or id; raises OperationError where it is none, or more than one."""
    wanted = key.strip()
    found = [each for each in campaigns if each.key == wanted]
    found = found or [each for each in campaigns if each.name.casefold() == wanted.casefold()]
    found = found or [each for each in campaigns if str(each.id) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(f"{each.key} {each.name}" for each in found)
        raise OperationError(f"{clean(wanted, 60)!r} is more than one campaign; name it by its key: {clean(told, 400)}")
    there = ", ".join(f"{each.key} {each.name}" for each in campaigns)
    raise OperationError(f"the module has no campaign {clean(wanted, 60)!r}; it has {clean(there, 400) or 'none'}")


def _may_start(module: Module, campaign: Campaign) -> Iterator[Check]:
    schedule = campaign.schedule
    today = module.local[0] if module.local else None
    over = None if today is None or schedule.last is None else today > schedule.last
    yield Check(
        "its last day is not over",
        None if over is None else not over,
        f"it ended on {schedule.last}" if over else "its last day, or the day there, is not known",
        "give it another end in the module's web page: the dialer stops one that is over within seconds",
    )
    if schedule.opens is not None:
        yield Check(
            "it has hours to run in",
            schedule.opens != schedule.closes,
            f"{schedule.hours}",
            "give it hours in the module's web page",
        )
    if campaign.direction == "out":
        return
    yield Check(
        f"its queue {campaign.queue or '?'} is an active one of the module",
        campaign.queue_active,
        "the queue is disabled in the module" if campaign.queue_active is False else "it is not known",
        "enable it in the module's list of incoming queues",
    )
    others = [
        each
        for each in module.campaigns
        if each.direction == "in" and each.key != campaign.key and each.status == "A" and each.queue == campaign.queue
    ]
    rival = next((each for each in others if overlap(campaign.schedule, each.schedule)), None)
    yield Check(
        f"no other started campaign has queue {campaign.queue or '?'} at the same hours",
        rival is None,
        f"{rival.name} ({rival.key})" if rival else "",
        f"stop it first: ccops campaign stop {rival.key}" if rival else "",
    )


def _started(module: Module, campaign: Campaign) -> Iterator[str]:
    started = replace(campaign, status="A")
    why = why_not(started, module.local) if module.local else "when it runs is not known here"
    if why:
        yield f"it does not run yet: {why}"
    elif campaign.direction == "out":
        most = f"at most {campaign.channels} at once" if campaign.channels else "as many as agents are free"
        yield f"within seconds the dialer calls for queue {campaign.queue}, {most}"
    else:
        yield f"callers of queue {campaign.queue} count for it, and agents get its script"


def _stopped(campaign: Campaign) -> Iterator[str]:
    if campaign.direction == "out":
        yield "calls under way go on; no new one is made"
    else:
        yield f"callers still come to queue {campaign.queue}; they count for no campaign, and agents get no script"


def _weighed(module: Module, campaign: Campaign, do: str) -> Iterator[str]:
    if do == "start" and campaign.status == "T":
        yield "it was finished: without numbers that are left the dialer finishes it again"
    taken = any(active and queue == campaign.queue for queue, active in module.queues.values())
    if do == "start" and campaign.direction == "out" and taken:
        yield f"queue {campaign.queue} is an incoming queue too: its agents get both kinds of calls"

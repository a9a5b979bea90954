"""All operations by name: what each does in a line, what it takes, and the function that plans it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from ccops.operations import (
    agent_edit,
    break_edit,
    campaign_edit,
    daemons,
    expert,
    handover,
    membership,
    pacing,
    pbx_edit,
    recovery,
    resync,
    verify,
)
from ccops.operations.plan import OperationError, Plan, Request, Role
from ccops.operations.scene import Scene

Planner = Callable[[Request, Scene], Plan]
Takes = Literal["nothing", "node", "victim", "rate", "service", "maybe-node", "form"]


class Operation(msgspec.Struct, frozen=True):
    """One operation. `does`: a line for help and palette; `takes`: what is chosen; `destroys`: data are given up."""

    name: str
    title: str
    does: str
    planner: Planner
    takes: Takes = "nothing"
    role: Role = "operator"
    destroys: bool = False


_ALL = (
    Operation("failover", "Failover", "The serving node gives everything to its peer", handover.plan_failover),
    Operation("failback", "Failback", "The preferred node takes its resources back", handover.plan_failback),
    Operation("resync", "Resync", "Join the sides again, or repair what a verify found", resync.plan_resync),
    Operation("verify", "Verify", "Compare all blocks of both sides", verify.plan_verify, "maybe-node"),
    Operation("pause-sync", "Pause the resync", "Pause the resync under way", pacing.plan_pause),
    Operation("resume-sync", "Resume the resync", "Let a paused resync go on", pacing.plan_unpause),
    Operation("rate", "Resync rate", "Set the rate of the resync under way, or revert it", pacing.plan_rate, "rate"),
    Operation(
        "recover",
        "Recover from split brain",
        "Give one side's changes up and make the pair whole",
        recovery.plan_recover,
        "victim",
        "administrator",
        destroys=True,
    ),
    Operation(
        "release", "Release a node", "Stop Heartbeat on a node", membership.plan_release, "node", "administrator"
    ),
    Operation("rejoin", "Rejoin a node", "Start Heartbeat on a node", membership.plan_rejoin, "node", "administrator"),
    Operation(
        "isolate",
        "Isolate a node",
        "Take a doubled address from the node that is not Primary",
        membership.plan_isolate,
        "node",
        "administrator",
    ),
    Operation(
        "service", "Restart a service", "Restart Asterisk or MySQL where it serves", daemons.plan_service, "service"
    ),
    *(
        Operation(verb, f"DRBD {verb}", f"drbdadm {verb} on one node", expert.plan_verb, "node", "administrator")
        for verb in ("connect", "disconnect", "attach", "detach", "primary", "secondary")
    ),
)

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
"""By name."""

EDITS: dict[str, Operation] = {
    "extension": Operation(
        "extension", "Edit extensions", "Edit the extensions of Asterisk", pbx_edit.plan_edit, "form", "administrator"
    ),
    "trunk": Operation(
        "trunk", "Edit trunks", "Edit the trunks of Asterisk", pbx_edit.plan_edit, "form", "administrator"
    ),
}
"""What changes Asterisk's configuration: by name too, but asked for with a form's fields and not from a menu."""


MODULE_EDITS: dict[str, Operation] = {
    "campaign": Operation(
        "campaign", "Start or stop a campaign", "Start or stop a campaign", campaign_edit.plan_campaign, "form"
    ),
    "break": Operation(
        "break", "Edit breaks", "Edit the kinds of break that agents take", break_edit.plan_break, "form"
    ),
    "module-agent": Operation(
        "module-agent",
        "Register or retire agents",
        "Register or retire agents of the call-center module",
        agent_edit.plan_agent,
        "form",
        "administrator",
    ),
}
"""What changes the call-center module's tables, likewise."""


def plan_for(request: Request, scene: Scene) -> Plan:
    """The plan of a request. Raises OperationError where there is no such operation, or it makes no sense."""
    operation = {**OPERATIONS, **EDITS, **MODULE_EDITS}.get(request.operation)
    if operation is None:
        raise OperationError(f"there is no operation {request.operation!r}; there are {', '.join(OPERATIONS)}")
    plan = operation.planner(request, scene)
    return replace(plan, checks=tuple(check for check in plan.checks if check.lasting)) if scene.resuming else plan

"""Operations on one node's part in the pair: release (Heartbeat stops), rejoin (it starts), isolate."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import (
    Scene,
    both_up_to_date,
    heartbeat_runs,
    holding,
    hurt,
    is_primary,
    known,
    lacking,
    let_go,
    reachable,
    sees_peer,
    serves,
)
from ccops.pair import joined

_SLOW_S = 240.0


def plan_release(request: Request, scene: Scene) -> Plan:
    """Stops Heartbeat on a node: it gives up what it holds, and its peer takes that where it can."""
    node = _node(request, scene)
    peer, look = scene.peer(node), Look(scene.snapshot)
    holds = let_go(look, node) is not True
    takes_over = heartbeat_runs(look, peer) is True and sees_peer(look, peer) is True
    alone = holds and not (takes_over and both_up_to_date(scene).holds is True)
    steps = [_stop(scene, node)]
    if (holds and not alone) or request.arguments.get("peer") == "takes-over":
        request = replace(request, arguments={"peer": "takes-over"})
        steps.append(
            Step(
                "taken-over",
                f"{peer} takes over",
                Condition(f"{peer} serves", lambda look: serves(look, peer), lacking=partial(lacking, name=peer)),
                limit_s=_SLOW_S,
                safe_next=f"`ccops rejoin {node}` starts Heartbeat there again",
            )
        )
    return Plan(
        request,
        f"Release: Heartbeat stops on {node}",
        f"{node} lets go of everything and takes nothing until Heartbeat is started there again.",
        tuple(steps),
        checks=(
            reachable(scene, node),
            Check(
                f"Heartbeat runs on {node}",
                heartbeat_runs(look, node),
                "it is stopped already" if heartbeat_runs(look, node) is False else "not known",
                "nothing is to be done",
            ),
        ),
        role="administrator",
        notices=(
            *(hurt(scene) if holds else ("callers notice nothing",)),
            *((f"NOBODY WILL SERVE: {peer} is not seen to be able to take over",) if alone else ()),
            "until it is started again there is no node to fail over to",
        ),
        irrevocable=("the calls that are cut off",) if holds else (),
        typed=node if alone else None,
        undo_text=f"`ccops rejoin {node}`",
    )


def plan_rejoin(request: Request, scene: Scene) -> Plan:
    """Starts Heartbeat on a node; with auto_failback it may take its resources back."""
    node = _node(request, scene)
    peer, look = scene.peer(node), Look(scene.snapshot)
    survey = scene.survey(node)
    back = survey is not None and survey.home == node and survey.auto_failback == "on"
    split = scene.found("split-brain", "split-brain-active")
    return Plan(
        request,
        f"Rejoin: Heartbeat starts on {node}",
        f"{node} takes part in the pair again.",
        (
            _start(node),
            Step(
                "seen",
                f"{node} and {peer} see each other",
                Condition(
                    f"{peer} sees {node}",
                    lambda look: True if heartbeat_runs(look, peer) is not True else sees_peer(look, peer),
                ),
                limit_s=_SLOW_S,
                safe_next=f"see /var/log/ha-log on both; `ccops release {node}` takes it out again",
            ),
        ),
        checks=(
            reachable(scene, node),
            Check(
                f"Heartbeat is stopped on {node}",
                known(heartbeat_runs(look, node), lambda runs: not runs),
                "it runs already" if heartbeat_runs(look, node) else "not known",
                "nothing is to be done",
            ),
            Check(
                "the two sides have not diverged",
                split is None,
                split or "",
                "`ccops recover --victim NODE` first: what has diverged would be served",
            ),
            Check(
                f"{node} would not come up beside a Primary that it cannot see",
                True if heartbeat_runs(look, peer) is True or is_primary(look, peer) is False else None,
                f"Heartbeat on {peer} is not known to run, and its role is not known to be Secondary",
                f"look at {peer} first",
            ),
        ),
        role="administrator",
        notices=(
            *(
                (f"auto_failback is on: {node} takes its resources back, and calls up then are cut off",)
                if back and scene.serving != node
                else ("callers notice nothing",)
            ),
        ),
        undo_text=f"`ccops release {node}`",
    )


def plan_isolate(request: Request, scene: Scene) -> Plan:
    """Takes a node that is not Primary off the callers: Heartbeat stops, and a doubled address goes."""
    node = _node(request, scene)
    peer, look = scene.peer(node), Look(scene.snapshot)
    address = scene.pair.layout.address
    found = next((a for a in scene.node(node).addresses.value or () if a.address == address), None)
    prefix = f"/{found.prefix}" if found and found.prefix else "/32"
    steps = [_stop(scene, node, only_stopped=True)] if heartbeat_runs(look, node) is not False else []
    steps.append(
        Step(
            "remove-address",
            f"{address} is taken from {node}",
            Condition(
                f"{node} does not hold {address}",
                lambda look: known(joined.holds_address(look.snapshot.pair, node), lambda held: not held),
            ),
            node,
            ("ip", "addr", "del", f"{address}{prefix}", "dev", found.interface if found else "eth0"),
            limit_s=60.0,
            safe_next=f"both nodes still answer for {address}: take {node}'s network away by other means",
        )
    )
    return Plan(
        request,
        f"Isolate: {node} stops answering for {address}",
        f"{peer} alone answers callers.",
        tuple(steps),
        checks=(
            reachable(scene, node),
            Check(
                f"{node} is not Primary",
                known(is_primary(look, node), lambda primary: not primary),
                "it is: it may be the one that serves" if is_primary(look, node) else "not known",
                "in a split brain: `ccops recover --victim NODE`; else isolate the other one",
            ),
            Check(
                f"{peer} holds {address}",
                joined.holds_address(scene.pair, peer),
                "it does not, as far as can be seen",
                "nobody would answer then",
            ),
        ),
        role="administrator",
        notices=(f"calls that reached {node} by the doubled address are cut off", "there is no node to fail over to"),
        undo_text=f"`ccops rejoin {node}`",
    )


def _node(request: Request, scene: Scene) -> str:
    if request.node not in scene.names:
        names = " or ".join(scene.names)
        raise OperationError(
            f"{request.operation} needs a node, {names}" + (f"; found {request.node!r}" if request.node else "")
        )
    return request.node or ""


def _start(node: str) -> Step:
    return Step(
        "start-heartbeat",
        f"Heartbeat starts on {node}",
        Condition(f"Heartbeat runs on {node}", lambda look: heartbeat_runs(look, node)),
        node,
        ("service", "heartbeat", "start"),
        limit_s=_SLOW_S,
        command_limit_s=_SLOW_S,
        safe_next=f"see /var/log/ha-log on {node} why it does not start",
    )


def _stop(scene: Scene, node: str, only_stopped: bool = False) -> Step:
    def stopped(look: Look) -> bool | None:
        return known(heartbeat_runs(look, node), lambda runs: not runs)

    return Step(
        "stop-heartbeat",
        f"Heartbeat stops on {node}",
        Condition(f"Heartbeat is stopped on {node}", stopped)
        if only_stopped
        else Condition(
            f"Heartbeat is stopped on {node}, which holds nothing",
            partial(_gone, name=node),
            None,
            partial(holding, name=node),
        ),
        node,
        ("service", "heartbeat", "stop"),
        limit_s=_SLOW_S,
        command_limit_s=_SLOW_S,
        safe_next=f"see /var/log/ha-log on {node} what it cannot stop; `ccops rejoin {node}` starts it again",
        undo=replace(_start(node), name="start-again"),
    )


def _gone(look: Look, name: str) -> bool | None:
    runs, free = heartbeat_runs(look, name), let_go(look, name)
    if runs is True or free is False:
        return False
    return True if runs is False and free is True else None

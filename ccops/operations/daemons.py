"""Restarting Asterisk or MySQL on the node that serves; Heartbeat in haresources mode does not watch them."""

from __future__ import annotations

from msgspec.structs import replace

from ccops.operations.plan import Argv, Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import Scene, hurt, known, reachable
from ccops.pair import joined

_IDLE_LIMIT_S = 12 * 3600.0


def plan_service(request: Request, scene: Scene) -> Plan:
    """Restarts a service, at once or (Asterisk) when the last call has ended."""
    name = request.arguments.get("name", "")
    if name not in scene.pair.layout.services:
        raise OperationError(f"{name!r} is no service of this pair; there are {', '.join(scene.pair.layout.services)}")
    idle = request.arguments.get("when") == "idle"
    if idle and name != "asterisk":
        raise OperationError("only Asterisk can wait for the last call: leave --when-idle out")
    node = request.node or scene.serving or _holder(scene)
    before = _mark(Look(scene.snapshot), node, name)
    step = _idle(scene, node, before) if idle else _now(scene, node, name, before)
    held = joined.has_mount(scene.pair, node) and joined.is_primary(scene.pair, node)
    return Plan(
        replace(request, node=node),
        f"Restart {name} on {node}{' when the last call has ended' if idle else ''}",
        f"{name} stops and starts again; nothing moves to the other node.",
        (step,),
        checks=(
            reachable(scene, node),
            Check(
                f"{node} is the node that serves",
                held,
                "it does not hold the volume" if held is False else "not known",
                "restart it on the node that holds the volume, or see `ccops triage`",
            ),
        ),
        notices=_notices(scene, name, idle),
        irrevocable=() if idle or name != "asterisk" else ("the calls that are cut off",),
        undo_text="`asterisk -rx 'core abort shutdown'` there calls a waiting restart off" if idle else "",
    )


def _notices(scene: Scene, name: str, idle: bool) -> tuple[str, ...]:
    if name != "asterisk":
        return (
            "calls go on; the call-center module's log-ins, campaigns and reports stand still until it is back",
            "what is written meanwhile (CDR rows) may be lost",
        )
    if idle:
        return ("no call is cut off; calls go on being taken until there is none, which may take long",)
    return hurt(scene)


def _now(scene: Scene, node: str, name: str, before: str | None) -> Step:
    unit = scene.pair.layout.services[name]

    def again(look: Look) -> bool | None:
        running = known(joined.service_state(look.snapshot.pair, node, name), "running".__eq__)
        if running is not True or name != "asterisk":
            return running
        return _another(look, node, name, before)

    return Step(
        "restart",
        f"{name} restarts on {node}",
        Condition(f"{name} runs on {node}{' and answers anew' if name == 'asterisk' else ''}", again),
        node,
        ("service", unit, "restart"),
        limit_s=180.0,
        command_limit_s=180.0,
        once=True,
        safe_next=f"`service {unit} start` on {node}, and its log; or `ccops failover`",
    )


def _idle(scene: Scene, node: str, before: str | None) -> Step:
    version = scene.node(node).versions.get("asterisk", "")
    old = version.startswith(("1.2", "1.4"))
    command: Argv = ("asterisk", "-rx", "restart when convenient" if old else "core restart when convenient")
    abort: Argv = ("asterisk", "-rx", "abort halt" if old else "core abort shutdown")
    step = Step(
        "restart-when-idle",
        f"Asterisk restarts on {node} when there is no call",
        Condition(f"another Asterisk answers on {node}", lambda look: _another(look, node, "asterisk", before)),
        node,
        command,
        limit_s=_IDLE_LIMIT_S,
        once=True,
        safe_next=f"`{' '.join(abort[:2])} '{abort[2]}'` on {node} calls it off",
    )
    undo = Step(
        "call-off",
        "the waiting restart is called off",
        Condition("Asterisk answers", lambda look: _answers(look, node)),
        node,
        abort,
        once=True,
    )
    return replace(step, undo=undo)


def _another(look: Look, node: str, name: str, before: str | None) -> bool | None:
    now = _mark(look, node, name)
    if now is None or not _answers(look, node):
        return None
    return now != before


def _mark(look: Look, node: str, name: str) -> str | None:
    """What tells one Asterisk from the next: its start date, as it prints it."""
    snapshot = look.snapshot
    if name != "asterisk" or snapshot.centre_node != node or snapshot.centre.value is None:
        return None
    return snapshot.centre.value.start_mark or None


def _answers(look: Look, node: str) -> bool | None:
    link = look.snapshot.links.get(f"ami:{node}")
    return None if link is None else link.phase == "up"


def _holder(scene: Scene) -> str:
    return next((name for name in scene.names if joined.has_mount(scene.pair, name)), scene.names[0])

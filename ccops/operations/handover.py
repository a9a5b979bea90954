"""Failover and failback: everything moves to the other node, and it is over when that one is seen to serve.

`hb_takeover failback` is never sent: it falls through an incomplete case in Heartbeat and takes all.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from ccops.operations.plan import Argv, Check, Condition, Look, Plan, Request, Step
from ccops.operations.scene import (
    Scene,
    both_up_to_date,
    heartbeats_agree,
    hurt,
    in_transition,
    lacking,
    reachable,
    serves,
    surveyed,
)
from ccops.pair import joined

_LEAST_FREE_KIB = 20_480
_WRONG = {
    "standby-ignored": "Heartbeat ignored the request (the other side is in flux, or auto_failback is legacy)",
    "standby-unanswered": "the peer did not answer the request, and it was cancelled",
    "standby-impossible": "the peer cannot take the resources",
    "stop-failure": "a resource could not be stopped: Heartbeat is about to reboot that node",
    "giving-up": "a resource failed to start, and Heartbeat gave all of them up again",
}
_STAY = "leave both nodes alone for a minute, then read `ccops triage`: it says who serves and what is in the way"


def plan_failover(request: Request, scene: Scene) -> Plan:
    """The serving node gives everything to its peer."""
    source = request.arguments.get("from") or scene.serving or scene.names[0]
    target = scene.peer(source)
    survey = scene.survey(source)
    path = survey.standby if survey else None
    back = survey.takeover if survey else None
    return _plan(
        request,
        scene,
        source,
        target,
        via=source,
        command=(path or "hb_standby", "all"),
        found=path is not None,
        undo=(back or "hb_takeover", "all"),
        title=f"Failover: {source} gives everything to {target}",
    )


def plan_failback(request: Request, scene: Scene) -> Plan:
    """The node that haresources prefers takes its resources back."""
    homes = {survey.home for name in scene.names if (survey := scene.survey(name)) is not None and survey.home}
    home = next(iter(homes)) if len(homes) == 1 else scene.names[0]
    source = request.arguments.get("from") or scene.peer(home)
    target = scene.peer(source)
    survey = scene.survey(target)
    path = survey.takeover if survey else None
    back = survey.standby if survey else None
    plan = _plan(
        request,
        scene,
        source,
        target,
        via=target,
        command=(path or "hb_takeover", "local"),
        found=path is not None,
        undo=(back or "hb_standby", "local"),
        title=f"Failback: {target} takes its resources back from {source}",
    )
    agreed = Check(
        "haresources names one node for the address, the same on both",
        len(homes) == 1 if homes else None,
        f"it names {' and '.join(sorted(homes)) or 'none that could be read'}",
        "make /etc/ha.d/haresources the same on both nodes, or use `ccops failover`",
    )
    return replace(plan, checks=(agreed, *plan.checks))


def _plan(
    request: Request,
    scene: Scene,
    source: str,
    target: str,
    *,
    via: str,
    command: Argv,
    found: bool,
    undo: Argv,
    title: str,
) -> Plan:
    limit = max(180.0, 2 * scene.settings.thresholds.transition)
    taken_back = Step(
        "take-back",
        f"{source} takes everything back",
        Condition(f"{source} serves", lambda look: serves(look, source), _failing),
        source,
        undo,
        limit_s=limit,
        safe_next=_STAY,
    )
    steps = (
        Step(
            "hand-over",
            f"ask Heartbeat on {via} to move everything to {target}",
            Condition(
                f"Heartbeat moves the resources, or {source} no longer serves",
                lambda look: _moving(look, source),
                _failing,
            ),
            via,
            command,
            limit_s=60.0,
            safe_next=f"nothing has moved: {source} still serves if `ccops status` says so; {_STAY}",
            undo=taken_back,
        ),
        Step(
            "move",
            f"the address, the volume and the Primary role arrive on {target}",
            Condition(
                f"{target} holds address, mount and Primary role",
                lambda look: _holds(look, target),
                _failing,
                partial(lacking, name=target),
            ),
            limit_s=limit,
            safe_next=_STAY,
        ),
        Step(
            "serve",
            f"Asterisk and MySQL start on {target}",
            Condition(
                f"{target} serves and Asterisk answers there",
                lambda look: _done(look, target),
                _failing,
                partial(_undone, target=target),
            ),
            limit_s=limit,
            safe_next=f"see on {target} why a service does not start; {_STAY}",
        ),
    )
    return Plan(
        replace(request, arguments={"from": source}),
        title,
        "A planned move of the service to the other node; both nodes stay up.",
        steps,
        checks=tuple(_checks(scene, source, target, via, command[0], found)),
        notices=(
            *hurt(scene),
            "calls cannot be made or taken until the other node answers; phones register again by themselves",
        ),
        irrevocable=("the calls that are cut off",),
        undo_text=f"`ccops failback` or `ccops failover` moves it to {source} again, and cuts off the calls of then",
    )


def _checks(scene: Scene, source: str, target: str, via: str, tool: str, found: bool) -> list[Check]:
    serving = scene.serving
    return [
        Check(
            f"{source} is the one that serves",
            serving == source if serving else None if _unknown(scene) else False,
            f"{serving} serves already" if serving else "no single node is seen to serve",
            "nothing is to be moved" if serving else "`ccops triage` says what is wrong and what mends it",
        ),
        reachable(scene, source),
        reachable(scene, target),
        both_up_to_date(scene),
        heartbeats_agree(scene),
        surveyed(scene, source),
        surveyed(scene, target),
        *(_obeyed(scene, name) for name in scene.names),
        Check(
            f"Heartbeat's command is found on {via}",
            found if scene.survey(via) else None,
            "it is neither in /usr/share/heartbeat nor in /usr/lib/heartbeat or /usr/lib64/heartbeat",
            "install the heartbeat package's tools there",
        ),
        *_device_free(scene, source),
        *_ready(scene, target),
    ]


def _unknown(scene: Scene) -> bool:
    return any(joined.serves(scene.pair, name) is None for name in scene.names)


def _obeyed(scene: Scene, name: str) -> Check:
    """Heartbeat obeys hb_standby only with auto_failback on or off."""
    survey = scene.survey(name)
    word = survey.auto_failback if survey else None
    return Check(
        f"auto_failback is set on {name}",
        None if word is None else word in ("on", "off"),
        "ha.cf could not be read" if word is None else "it is legacy or missing: Heartbeat ignores such requests then",
        "write `auto_failback on` (or off) into /etc/ha.d/ha.cf on both nodes, then `service heartbeat reload` on both",
    )


def _device_free(scene: Scene, name: str) -> list[Check]:
    """Whatever else has the volume open makes the unmount fail, and Heartbeat reboot the node."""
    survey, mount = scene.survey(name), scene.pair.layout.mount
    if survey is None:
        return []
    outsiders = survey.outsiders
    checks = [
        Check(
            f"no process outside the pair's services has {mount} open on {name}",
            None if outsiders is None else not outsiders,
            "the right to look at others' processes is missing"
            if outsiders is None
            else ", ".join(str(holder) for holder in outsiders[:5]),
            "let ccops look as root (`ccops sudoers`)" if outsiders is None else "end it, or leave the folder, first",
        )
    ]
    if survey.kernel_holders:
        checks.append(
            Check(
                f"the kernel holds {mount} open for nothing else on {name}",
                False,
                ", ".join(survey.kernel_holders),
                "unmount, unexport or switch off what lies on the volume first",
            )
        )
    return checks


def _ready(scene: Scene, name: str) -> list[Check]:
    survey = scene.survey(name)
    if survey is None:
        return []
    full = [f"{point} has {kib} KiB free" for point, kib in survey.free_kib.items() if kib < _LEAST_FREE_KIB]
    return [
        Check(
            f"{name} has what the services need",
            not survey.missing,
            "; ".join(survey.missing),
            f"install it on {name} as on the other node",
        ),
        Check(
            f"{name} has room where services write",
            not full if survey.free_kib else None,
            ", ".join(full) or "free space could not be read",
            f"make room on {name}",
        ),
    ]


def _done(look: Look, target: str) -> bool | None:
    """Whether it serves and Heartbeat says of neither node that it still moves resources.

    Services are seen before Heartbeat has ended its take-over, and what is asked of it until then may come to nothing.
    """
    return False if _in_transition(look) else serves(look, target)


def _undone(look: Look, target: str) -> str:
    """What of that is not seen."""
    return lacking(look, target) or ("Heartbeat says that it moves resources" if _in_transition(look) else "")


def _in_transition(look: Look) -> bool:
    return any(in_transition(look, name) for name in look.snapshot.pair.layout.nodes)


def _moving(look: Look, source: str) -> bool | None:
    pair = look.snapshot.pair
    if _in_transition(look):
        return True
    served = joined.serves(pair, source)
    return None if served is None else not served


def _holds(look: Look, name: str) -> bool | None:
    pair = look.snapshot.pair
    parts = (
        joined.holds_address(pair, name),
        joined.has_mount(pair, name, writable=True),
        joined.is_primary(pair, name),
    )
    if False in parts:
        return False
    return None if None in parts else True


def _failing(look: Look) -> str | None:
    """What Heartbeat's log says that means it will not come about."""
    for word in look.told.heartbeat:
        if (meaning := _WRONG.get(word.event.kind)) is not None:
            return f"{meaning} ({word.line.node}: {word.line.text})"
    return None

"""The pace of a resync under way: pause-sync, resume-sync, and its rate."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import (
    JOINED,
    TARGETS,
    Scene,
    connection,
    known,
    reachable,
    resource_of,
)

_RATE = re.compile(r"[1-9]\d{0,6}[KMG]?", re.A)


def plan_pause(request: Request, scene: Scene) -> Plan:
    """Pauses the resync under way."""
    return _pausing(request, scene, pause=True)


def plan_unpause(request: Request, scene: Scene) -> Plan:
    """Takes an administrator's pause of the resync away."""
    return _pausing(request, scene, pause=False)


def _pausing(request: Request, scene: Scene, pause: bool) -> Plan:
    if pause:
        node = next((n for n in scene.names if (v := scene.drbd(n)) and v.connection in TARGETS), None)
    else:
        node = next((n for n in scene.names if (v := scene.drbd(n)) and "user" in v.paused_by), None)
    there = request.node or node or scene.names[1]
    drbdadm = scene.drbdadm(there)
    paused = Condition(f"the resync is paused on {there}", lambda look: _user_pause(look, there))
    going = Condition(
        f"{there} does not pause the resync", lambda look: known(_user_pause(look, there), lambda p: not p)
    )
    on = Step("pause-sync", f"pause the resync on {there}", paused, there, drbdadm.pause_sync(), limit_s=30.0)
    off = Step("resume-sync", f"let the resync go on, on {there}", going, there, drbdadm.resume_sync(), limit_s=30.0)
    step = replace(on, undo=off) if pause else replace(off, undo=on)
    return Plan(
        replace(request, node=there),
        f"{'Pause' if pause else 'Resume'} the resync",
        "Takes load off disks and network; the target stays unsafe to promote."
        if pause
        else "The resync goes on where it was paused.",
        (step,),
        checks=(
            Check(
                "a resync is under way" if pause else "an administrator's pause is set",
                node is not None,
                "there is none" if pause else "the resync is not paused by hand on either node",
                "nothing is to be done" if pause else "where the peer or a dependency pauses it, see `ccops triage`",
            ),
            reachable(scene, there),
        ),
        undo_text="`ccops resume-sync` takes it away" if pause else "`ccops pause-sync`",
    )


def plan_rate(request: Request, scene: Scene) -> Plan:
    """Sets the resync's rate until it is reverted, or reverts it."""
    rate, revert = request.arguments.get("rate", ""), request.arguments.get("revert") == "yes"
    if not revert and not _RATE.fullmatch(rate):
        raise OperationError(f"{rate!r} is no rate: expected bytes a second as DRBD writes them, such as 30M or 500K")
    node = next((n for n in scene.names if (v := scene.drbd(n)) and v.connection in TARGETS), None)
    there = request.node or node or scene.names[1]
    drbdadm = scene.drbdadm(there)
    back = Step(
        "adjust",
        f"the configured rate is in force again on {there}",
        Condition("a resync is under way, or over", lambda look: known(connection(look, there), JOINED.__contains__)),
        there,
        drbdadm.adjust(),
        once=True,
        limit_s=30.0,
    )
    wanted = _kib(rate) if not revert else 0
    step = (
        back
        if revert
        else Step(
            "rate",
            f"{there} wants {rate} a second",
            Condition(f"{there} wants {wanted} KiB/s", lambda look: _wants(look, there, wanted)),
            there,
            drbdadm.rate(rate),
            once=True,
            limit_s=45.0,
            undo=back,
        )
    )
    return Plan(
        replace(request, node=there),
        f"Resync rate: {'as configured' if revert else rate}",
        "How much of the network and the disks the resync may take; it counts on the side that is copied to.",
        (step,),
        checks=(
            Check(
                "a resync is under way",
                node is not None or (revert and scene.drbd(there) is not None),
                "there is none, and the rate of the next one is configured in the resource",
                "set resync-rate (rate in syncer { } before 8.4) in the resource's file",
            ),
            reachable(scene, there),
        ),
        undo_text="`ccops rate --revert`",
    )


def _wants(look: Look, name: str, kib: int) -> bool | None:
    """Whether /proc/drbd says so; a version that does not print what it wants is believed after its command."""
    found = resource_of(look.snapshot, name)
    if found is None:
        return None
    if found.sync is None or found.connection not in TARGETS:
        return True
    want = found.sync.want_kib_s
    return True if want is None else abs(want - kib) <= kib / 50


def _kib(rate: str) -> int:
    scale = {"K": 1, "M": 1024, "G": 1 << 20}.get(rate[-1])
    return int(rate[:-1]) * scale if scale else int(rate)


def _user_pause(look: Look, name: str) -> bool | None:
    found = resource_of(look.snapshot, name)
    return None if found is None else "user" in found.paused_by

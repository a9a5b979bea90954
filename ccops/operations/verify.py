"""Online verify: both sides are compared block by block, and what differs is marked; nothing is mended by it."""

from __future__ import annotations

from msgspec.structs import replace

from ccops.operations.bench import Bench
from ccops.operations.plan import Check, Condition, Look, Plan, Request, Step
from ccops.operations.resync import STALLED_S
from ccops.operations.scene import (
    VERIFYING,
    Scene,
    both_up_to_date,
    connection,
    is_primary,
    known,
    left_kib,
    reachable,
    resource_of,
    surveyed,
)
from ccops.pair.drbd import KIB_PER_BIT


def plan_verify(request: Request, scene: Scene) -> Plan:
    """Compares all blocks of both sides, and follows it to its result."""
    node = request.node or next(
        (name for name in scene.names if is_primary(Look(scene.snapshot), name) is False), scene.names[1]
    )
    old = (scene.drbdadm(node).version or "").startswith(("8.0", "8.1", "8.2", "8.3"))
    section = "syncer { }" if old else "net { }"
    return Plan(
        replace(request, node=node),
        f"Verify: compare both sides, begun on {node}",
        "Reads every block on both sides and compares them; it marks differences and mends nothing.",
        (
            Step(
                "verify",
                f"begin on {node}",
                Condition("a verify is under way, or is over", _verify_seen, _verify_refused),
                node,
                scene.drbdadm(node).verify(),
                once=True,
                limit_s=60.0,
                safe_next="nothing was changed; see DRBD's words in the log",
            ),
            Step(
                "compared",
                "all blocks are compared",
                Condition("the verify is over", _verify_over),
                limit_s=STALLED_S,
                moving=left_kib,
                safe_next="both sides go on as before; `ccops drbd disconnect` and `ccops drbd connect` end a verify",
            ),
            Step(
                "result",
                "what was found",
                Condition("the sides are Connected", lambda look: known(connection(look, node), "Connected".__eq__)),
                deed=_result,
                limit_s=60.0,
            ),
        ),
        checks=(
            *(reachable(scene, name) for name in scene.names),
            both_up_to_date(scene),
            *(_verify_alg(scene, name, section) for name in scene.names),
        ),
        notices=("callers notice nothing, unless the disks are slow: both read all of the volume",),
        undo_text="`ccops drbd disconnect` and `ccops drbd connect` end a verify",
    )


def _verify_alg(scene: Scene, name: str, section: str) -> Check:
    survey = scene.survey(name)
    if survey is None or not survey.configured:
        return (
            surveyed(scene, name)
            if survey is None
            else Check(
                f"the resource's configuration is read on {name}",
                None,
                "it is not in drbd.conf",
                "let ccops read /etc/drbd.d",
            )
        )
    return Check(
        f"verify-alg is set on {name}",
        survey.verify_alg is not None,
        "without it DRBD cannot compare",
        f"write `verify-alg crc32c;` (or sha1) into {section} of the resource on both nodes, then `drbdadm adjust "
        f"{scene.pair.layout.resource}` on both",
    )


def _verify_seen(look: Look) -> bool | None:
    if any(connection(look, name) in VERIFYING for name in look.snapshot.pair.layout.nodes):
        return True
    return any(word.event.kind in ("verify-began", "verify-done") for word in look.told.kernel)


def _verify_refused(look: Look) -> str | None:
    for word in look.told.kernel:
        if word.event.kind == "state-refused":
            return f"DRBD refused it ({word.line.text})"
    return None


def _verify_over(look: Look) -> bool | None:
    states = {connection(look, name) for name in look.snapshot.pair.layout.nodes}
    return None if None in states else not states & VERIFYING


async def _result(bench: Bench) -> str:
    look = bench.eyes.look()
    views = [resource_of(look.snapshot, name) for name in look.snapshot.pair.layout.nodes]
    kib = max((view.out_of_sync_kib or 0) for view in views if view is not None)
    if not kib:
        return "no differences: both sides are the same"
    return f"{kib // KIB_PER_BIT} blocks of 4 KiB differ ({kib} KiB): `ccops resync` copies them from the Primary"

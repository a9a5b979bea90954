"""Operations on the replication: resync, verify, pause-sync, resume-sync, rate."""

from __future__ import annotations

import re
from functools import partial

from msgspec.structs import replace

from ccops.operations.bench import Bench
from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import (
    JOINED,
    SOURCES,
    TARGETS,
    VERIFYING,
    Scene,
    both_up_to_date,
    connection,
    exactly_one_primary,
    is_healthy_copy,
    is_primary,
    known,
    left_kib,
    reachable,
    resource_of,
    surveyed,
)
from ccops.pair.drbd import KIB_PER_BIT

_STALLED_S = 300.0
_RATE = re.compile(r"[1-9]\d{0,6}[KMG]?", re.A)
_DIVERGED = ("split-brain", "split-brain-active", "unrelated-data", "stale-primary")
_REFUSED_JOIN = {
    "split-brain-detected": "DRBD found a split brain: only `ccops recover --victim NODE` mends that",
    "unrelated-data": "DRBD found unrelated data on the two sides",
    "target-but-primary": "the Primary would have become the target",
    "authentication-failed": "the peer's shared secret is another one",
}


# resync


def plan_resync(request: Request, scene: Scene) -> Plan:
    """Reconnects, repairs what a verify found, or copies everything to one side (`full`).

    Which of these (`way`) is decided when it is first drawn.
    """
    if full := request.arguments.get("full"):
        return _full_copy(request, scene, full)
    way = request.arguments.get("way") or _way(scene)
    request = replace(request, arguments={**request.arguments, "way": way})
    if way.startswith("connect "):
        return _reconnect(request, scene, way.split(" ")[1:])
    if way.startswith("repair "):
        return _repair(request, scene, way.split(" ")[1])
    return _follow(request, scene)


def _way(scene: Scene) -> str:
    views = {name: scene.drbd(name) for name in scene.names}
    if any(view is not None and view.connection in TARGETS | SOURCES for view in views.values()):
        return "follow"
    alone = [name for name, view in views.items() if view is not None and view.connection == "StandAlone"]
    if alone:
        return " ".join(["connect", *alone])
    connected = all(view is not None and view.connection == "Connected" for view in views.values())
    if connected and any(view is not None and view.out_of_sync_kib for view in views.values()):
        look = Look(scene.snapshot)
        return f"repair {next((name for name in scene.names if is_primary(look, name) is False), scene.names[1])}"
    return "follow"


def _reconnect(request: Request, scene: Scene, alone: list[str]) -> Plan:
    steps = [
        Step(
            f"connect-{number}",
            f"{name} looks for its peer again",
            Condition(
                f"{name} is no longer StandAlone",
                partial(_not_alone, name=name),
                _join_refused,
            ),
            name,
            scene.drbdadm(name).connect(),
            limit_s=60.0,
            safe_next="nothing was changed on either side's data; `ccops triage` says why it does not connect",
            undo=_part_again(scene, name),
        )
        for number, name in enumerate(alone, 1)
    ]
    return Plan(
        request,
        f"Resync: connect {' and '.join(alone)} again",
        "Joins the two sides; what changed meanwhile is copied to the side that lacks it.",
        (*steps, _joined(), in_sync()),
        checks=(
            *(reachable(scene, name) for name in scene.names),
            Check(
                "the two sides have not diverged",
                scene.found(*_DIVERGED) is None,
                scene.found(*_DIVERGED) or "",
                "`ccops recover --victim NODE` (a person decides whose changes are given up)",
            ),
            _not_two_primaries(scene),
        ),
        notices=("callers notice nothing, but the side that is copied to cannot take over until it is done",),
        undo_text="`ccops drbd disconnect NODE` parts them again",
    )


def _repair(request: Request, scene: Scene, target: str) -> Plan:
    one = exactly_one_primary(scene)
    source = scene.peer(target)
    drbdadm = scene.drbdadm(target)
    kib = max((view.out_of_sync_kib or 0) for name in scene.names if (view := scene.drbd(name)) is not None)
    return Plan(
        request,
        f"Resync: repair {kib} KiB on {target} from {source}",
        f"What a verify has marked is copied from {source} to {target}, by parting and joining them.",
        (
            Step(
                "disconnect",
                f"{target} leaves its peer",
                Condition(
                    f"{target} is StandAlone",
                    lambda look: known(connection(look, target), lambda c: c == "StandAlone"),
                ),
                target,
                drbdadm.disconnect(),
                limit_s=60.0,
                once=True,
                safe_next=f"`ccops drbd connect {target}` joins them again",
                undo=Step(
                    "connect-again",
                    f"{target} looks for its peer again",
                    Condition("they are joined", lambda look: known(connection(look, target), JOINED.__contains__)),
                    target,
                    drbdadm.connect(),
                ),
            ),
            Step(
                "connect",
                f"{target} joins again",
                Condition(
                    f"{target} is no longer StandAlone",
                    partial(_not_alone, name=target),
                    _join_refused,
                ),
                target,
                drbdadm.connect(),
                limit_s=60.0,
                safe_next=f"`ccops drbd connect {target}` tries it again; {source} serves as before",
            ),
            _joined(),
            in_sync(),
        ),
        checks=(
            *(reachable(scene, name) for name in scene.names),
            both_up_to_date(scene),
            Check(
                "one side is Primary, so it is known which is copied from",
                one,
                "both sides have the same role: which of them is right, DRBD would not decide",
                "start Heartbeat so that one side serves, or decide with `ccops resync --full NODE`",
            ),
        ),
        notices=(f"callers notice nothing; {target} cannot take over until it is done",),
        irrevocable=(f"what {target} has in those blocks",),
        undo_text="nothing to undo: both sides are the same afterwards",
    )


def _full_copy(request: Request, scene: Scene, target: str) -> Plan:
    if target not in scene.names:
        raise OperationError(f"there is no node {target!r}; there are {' and '.join(scene.names)}")
    source, view = scene.peer(target), scene.drbd(target)
    peer_view = scene.drbd(source)
    return Plan(
        request,
        f"Resync: copy everything from {source} to {target}",
        f"Everything on {target} is declared invalid and copied anew from {source}.",
        (
            Step(
                "invalidate",
                f"{target} gives its data up",
                Condition(
                    f"{target} is being copied to",
                    lambda look: known(connection(look, target), TARGETS.__contains__),
                ),
                target,
                scene.drbdadm(target).invalidate(),
                once=True,
                safe_next=f"{source} has the good copy and serves; do not touch it",
            ),
            in_sync(),
        ),
        checks=(
            *(reachable(scene, name) for name in scene.names),
            Check(
                f"{target} is Secondary",
                None if view is None or view.role is None else view.role == "Secondary",
                "not known" if view is None else f"it is {view.role}",
                "fail over first: the side that serves cannot be copied to",
            ),
            Check(
                f"{source} is UpToDate, so that the only good copy is not the one given up",
                None if peer_view is None else peer_view.disk == "UpToDate",
                "not known" if peer_view is None else f"it is {peer_view.disk}",
                "bring that side up to date first",
            ),
            Check(
                "they are Connected",
                None if view is None else view.connection == "Connected",
                "not known" if view is None else f"{target} is {view.connection}",
                "`ccops resync` connects them",
            ),
        ),
        role="administrator",
        notices=(f"callers notice nothing; {target} cannot take over until all of it is copied",),
        irrevocable=(f"everything on {target}",),
        typed=target,
    )


def _follow(request: Request, scene: Scene) -> Plan:
    syncing = any(connection(Look(scene.snapshot), name) in TARGETS | SOURCES for name in scene.names)
    down = [name for name in scene.names if (view := scene.drbd(name)) is not None and view.connection not in JOINED]
    why = (
        f"{down[0]} waits for its peer ({connection(Look(scene.snapshot), down[0])}): the replication link is down"
        if down
        else "both sides are the same"
    )
    return Plan(
        request,
        "Resync: follow the one under way",
        "A resync is under way; this follows it to its end.",
        (in_sync(),),
        checks=(
            Check(
                "there is something to resync",
                syncing,
                why,
                "mend the network between the nodes (DRBD's port), then it joins by itself"
                if down
                else "nothing is to be done; `ccops verify` compares the two sides",
            ),
        ),
    )


# verify


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
                limit_s=_STALLED_S,
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


# pause, resume, rate


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


# Steps that several of these have


def _joined() -> Step:
    """The two sides find each other."""

    def both(look: Look) -> bool | None:
        states = [connection(look, name) for name in look.snapshot.pair.layout.nodes]
        return None if None in states else all(state in JOINED for state in states)

    return Step(
        "joined",
        "the two sides are joined",
        Condition("both sides are Connected, or copy", both, _join_refused),
        limit_s=120.0,
        safe_next="nothing was given up on either side; `ccops triage` says why they do not join",
    )


def in_sync() -> Step:
    """The resync is followed to its end; as long as it moves it is not late."""

    def same(look: Look) -> bool | None:
        parts = [is_healthy_copy(look, name) for name in look.snapshot.pair.layout.nodes]
        if False in parts:
            return False
        return None if None in parts else True

    def lost(look: Look) -> str | None:
        for name in look.snapshot.pair.layout.nodes:
            if connection(look, name) == "StandAlone":
                return f"{name} is StandAlone"
        return None

    return Step(
        "in-sync",
        "what is missing is copied",
        Condition("both sides are UpToDate, and nothing is out of sync", same, lost),
        limit_s=_STALLED_S,
        moving=left_kib,
        safe_next="do not fail over until both sides are UpToDate; a resync goes on by itself when the link is back",
    )


def _not_alone(look: Look, name: str) -> bool | None:
    return known(connection(look, name), lambda state: state != "StandAlone")


def _part_again(scene: Scene, name: str) -> Step:
    return Step(
        f"part-{name}",
        f"{name} leaves its peer",
        Condition(f"{name} is StandAlone", lambda look: known(connection(look, name), "StandAlone".__eq__)),
        name,
        scene.drbdadm(name).disconnect(),
    )


def _not_two_primaries(scene: Scene) -> Check:
    roles = [is_primary(Look(scene.snapshot), name) for name in scene.names]
    return Check(
        "not both sides are Primary",
        None if None in roles else roles != [True, True],
        "not known" if None in roles else "both are",
        "this is a split brain: `ccops recover --victim NODE`",
    )


def _join_refused(look: Look) -> str | None:
    for word in look.told.kernel:
        if (meaning := _REFUSED_JOIN.get(word.event.kind)) is not None and not word.event.automatic:
            return f"{meaning} ({word.line.node}: {word.line.text})"
    return None

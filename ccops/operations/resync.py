"""Resync: join two sides again, repair what a verify found, copy everything to one side, or follow one under way."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import (
    JOINED,
    SOURCES,
    TARGETS,
    Scene,
    both_up_to_date,
    connection,
    exactly_one_primary,
    is_healthy_copy,
    is_primary,
    known,
    left_kib,
    reachable,
)

STALLED_S = 300.0
"""A resync or a verify that does not move for so long is called stalled."""

_DIVERGED = ("split-brain", "split-brain-active", "unrelated-data", "stale-primary")
_REFUSED_JOIN = {
    "split-brain-detected": "DRBD found a split brain: only `ccops recover --victim NODE` mends that",
    "unrelated-data": "DRBD found unrelated data on the two sides",
    "target-but-primary": "the Primary would have become the target",
    "authentication-failed": "the peer's shared secret is another one",
}


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
        limit_s=STALLED_S,
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

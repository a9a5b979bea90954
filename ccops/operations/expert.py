"""DRBD's own verbs on one node, for the expert: connect, disconnect, attach, detach, primary, secondary."""

from __future__ import annotations

from ccops.operations.plan import Argv, Check, Condition, Look, OperationError, Plan, Request, Sight, Step
from ccops.operations.scene import (
    JOINED,
    Scene,
    connection,
    heartbeat_runs,
    is_primary,
    known,
    reachable,
    resource_of,
)
from ccops.pair import joined

_DISKLESS = frozenset({"Diskless", "Failed", "Detaching"})


def plan_verb(request: Request, scene: Scene) -> Plan:
    """One of DRBD's verbs."""
    node = request.node
    if node not in scene.names:
        raise OperationError(f"{request.operation} needs a node, {' or '.join(scene.names)}")
    assert node is not None
    peer = scene.peer(node)
    command, seen, meaning, notices, undo = _verbs(scene, node, peer)[request.operation]
    return Plan(
        request,
        f"DRBD: {request.operation} on {node}",
        meaning,
        (
            Step(
                request.operation,
                meaning,
                seen,
                node,
                command,
                limit_s=60.0,
                safe_next=f"see DRBD's words in {node}'s log",
            ),
        ),
        checks=(reachable(scene, node), *_checks(request.operation, scene, node, peer)),
        role="administrator",
        notices=notices,
        typed=node if request.operation in ("detach", "disconnect") and _is_served(scene, node) else None,
        undo_text=f"`ccops drbd {undo} {node}`",
    )


Verb = tuple[Argv, Condition, str, tuple[str, ...], str]


def _verbs(scene: Scene, node: str, peer: str) -> dict[str, Verb]:
    drbdadm = scene.drbdadm(node)

    def when(text: str, sight: Sight) -> Condition:
        return Condition(text, sight)

    def disk(look: Look, test: frozenset[str], inside: bool) -> bool | None:
        found = resource_of(look.snapshot, node)
        return None if found is None or found.disk is None else (found.disk in test) is inside

    return {
        "connect": (
            drbdadm.connect(),
            when(
                f"{node} is no longer StandAlone",
                lambda look: known(connection(look, node), lambda c: c != "StandAlone"),
            ),
            f"{node} looks for its peer; what differs is copied one way or the other, unless the sides have diverged",
            ("callers notice nothing",),
            "disconnect",
        ),
        "disconnect": (
            drbdadm.disconnect(),
            when(f"{node} is StandAlone", lambda look: known(connection(look, node), "StandAlone".__eq__)),
            "the sides part: what is written from now on is on one side only, and nothing can fail over safely",
            ("callers notice nothing, but there is no second copy from now on",),
            "connect",
        ),
        "attach": (
            drbdadm.attach(),
            when(f"{node} has its disk", lambda look: disk(look, _DISKLESS, False)),
            f"{node} takes its backing disk again, and is brought up to date",
            ("callers notice nothing",),
            "detach",
        ),
        "detach": (
            drbdadm.detach(),
            when(f"{node} has no disk", lambda look: disk(look, _DISKLESS, True)),
            f"{node} lets its backing disk go: a Primary then works on its peer's disk over the network",
            ("callers notice nothing, but there is one copy only",),
            "attach",
        ),
        "primary": (
            drbdadm.primary(),
            when(f"{node} is Primary", lambda look: is_primary(look, node)),
            f"{node} may write; Heartbeat does this by itself when it serves",
            ("callers notice nothing",),
            "secondary",
        ),
        "secondary": (
            drbdadm.secondary(),
            when(f"{node} is Secondary", lambda look: known(is_primary(look, node), lambda p: not p)),
            f"{node} may no longer write",
            ("callers notice nothing: it is refused while the volume is in use",),
            "primary",
        ),
    }


def _checks(verb: str, scene: Scene, node: str, peer: str) -> tuple[Check, ...]:
    look = Look(scene.snapshot)
    view, other = scene.drbd(node), scene.drbd(peer)
    if verb == "connect":
        two = [is_primary(look, name) for name in scene.names]
        split = scene.found("split-brain", "split-brain-active", "unrelated-data")
        return (
            Check(
                "they would not be two Primaries",
                None if None in two else two != [True, True],
                "both are" if two == [True, True] else "not known",
                "`ccops recover --victim NODE`",
            ),
            Check("the two sides have not diverged", split is None, split or "", "`ccops recover --victim NODE`"),
        )
    if verb == "primary":
        peer_role = is_primary(look, peer)
        joined_now = connection(look, node) in JOINED
        return (
            Check(
                "there would be one Primary only",
                None if peer_role is None else not peer_role,
                f"{peer} is Primary" if peer_role else f"the role of {peer} is not known",
                "two Primaries are a split brain: never promote while the other may be one",
            ),
            Check(
                f"{node} is Connected and UpToDate",
                None if view is None else joined_now and view.disk == "UpToDate",
                "not known" if view is None else f"it is {view.connection} {view.disk}",
                "join them first (`ccops resync`)",
            ),
            Check(
                "Heartbeat does not do it",
                known(heartbeat_runs(look, node), lambda runs: not runs),
                "Heartbeat runs there: roles are its business",
                f"`ccops failover`, or `ccops release {node}` first",
            ),
        )
    if verb == "secondary":
        return (
            Check(
                f"the volume is not mounted on {node}",
                known(joined.has_mount(scene.pair, node), lambda mounted: not mounted),
                "it is" if joined.has_mount(scene.pair, node) else "not known",
                f"`ccops failover`, or `ccops release {node}`",
            ),
        )
    if verb == "detach":
        return (
            Check(
                f"{peer} has an UpToDate disk",
                None if other is None or view is None else other.disk == "UpToDate" and view.connection in JOINED,
                "not known" if other is None else f"it is {other.disk}",
                "this is the only good copy",
            ),
        )
    return ()


def _is_served(scene: Scene, node: str) -> bool:
    return joined.has_mount(scene.pair, node) is not False

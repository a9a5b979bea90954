"""Questions about both nodes together. `None` is "not known": nothing is guessed, and old is not taken for new.

Who serves is decided from what was observed (address, mount, role, daemons), never from what Heartbeat reports.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccops.pair.model import DrbdResource, NodeState, PairLayout, PairState, Service, Sync

_SOURCES = frozenset({"SyncSource", "PausedSyncS", "VerifyS", "Ahead"})
_TARGETS = frozenset({"SyncTarget", "PausedSyncT", "VerifyT", "Behind"})


class JoinedSync(msgspec.Struct, frozen=True):
    """A resync or verify as both sides tell it: who gives, who receives, and the numbers to believe."""

    source: str
    target: str
    sync: Sync


def serving(pair: PairState) -> str | None:
    """The one node where address, mount, role Primary and all services were seen together; None when it is not one."""
    nodes = servers(pair)
    return nodes[0] if len(nodes) == 1 else None


def servers(pair: PairState) -> tuple[str, ...]:
    """Every node that serves by what was seen: two of them in a split brain."""
    return tuple(node.name for node in pair.nodes if serves(pair, node) is True)


def serves(pair: PairState, node: NodeState | str) -> bool | None:
    """Whether all of the service was seen on that node. One part that is known to be missing is enough for False."""
    return _all(
        (
            holds_address(pair, node),
            has_mount(pair, node, writable=True),
            is_primary(pair, node),
            *(_is_running(service_state(pair, node, name)) for name in pair.layout.services),
        )
    )


def holds_address(pair: PairState, node: NodeState | str) -> bool | None:
    """Whether the virtual address is on an interface of that node."""
    addresses = _node(pair, node).addresses.value
    return None if addresses is None else any(a.address == pair.layout.address for a in addresses)


def has_mount(pair: PairState, node: NodeState | str, writable: bool = False) -> bool | None:
    """Whether the volume's device is mounted at its place on that node; with `writable`, not read-only either."""
    mounts, layout = _node(pair, node).mounts.value, pair.layout
    if mounts is None:
        return None
    devices = (layout.device, f"/dev/drbd{layout.minor}", f"/dev/drbd/by-res/{layout.resource}")
    return any(m.point == layout.mount and m.device in devices and not (writable and m.read_only) for m in mounts)


def is_primary(pair: PairState, node: NodeState | str) -> bool | None:
    """Whether that node's own DRBD says Primary."""
    found = resource(_node(pair, node), pair.layout)
    return None if found is None or found.role is None else found.role == "Primary"


def service_state(pair: PairState, node: NodeState | str, name: str) -> Service | None:
    """The state of the service with that name in haresources (found by its unit's name too); None when not read."""
    states = _node(pair, node).services.value
    if states is None:
        return None
    return states.get(name, states.get(pair.layout.services.get(name, name)))


def holds_anything(pair: PairState, node: NodeState | str) -> bool | None:
    """Whether any part of the service was seen there: the address, the mount, the role or a running daemon."""
    running = (_is_running(service_state(pair, node, name)) for name in pair.layout.services)
    parts = (holds_address(pair, node), has_mount(pair, node), is_primary(pair, node), *running)
    if any(part is True for part in parts):
        return True
    return None if None in parts else False


def resource(node: NodeState, layout: PairLayout) -> DrbdResource | None:
    """The pair's resource as that node sees it; None when it was not read, or is not there."""
    return None if node.drbd.value is None else node.drbd.value.minor(layout.minor)


def address_owners(pair: PairState) -> tuple[str, ...]:
    """The nodes on which the virtual address was seen: none, one, or (a split brain) both."""
    return tuple(node.name for node in pair.nodes if holds_address(pair, node) is True)


def primaries(pair: PairState) -> tuple[str, ...]:
    """The nodes whose own DRBD says Primary."""
    return tuple(node.name for node in pair.nodes if is_primary(pair, node) is True)


def reachable(pair: PairState) -> tuple[str, ...]:
    """The nodes of which anything at all is known."""
    return tuple(node.name for node in pair.nodes if node.drbd.value is not None or node.addresses.value is not None)


def sees_peer(pair: PairState, node: NodeState | str) -> bool | None:
    """Whether that node's Heartbeat takes its peer for alive (active, up); None when it does not say."""
    node = _node(pair, node)
    heartbeat = node.heartbeat.value
    state = None if heartbeat is None else heartbeat.nodes.get(pair.peer(node.name).name)
    return None if state is None else state in ("active", "up")


def best_sync(pair: PairState) -> JoinedSync | None:
    """The resync or verify under way, from both sides' views; None when neither tells of one.

    The target's numbers are preferred (it counts what has arrived; the source runs behind), then the source's.
    """
    views = [(node.name, found) for node in pair.nodes if (found := resource(node, pair.layout)) and found.sync]
    for side in (_TARGETS, _SOURCES):
        for name, found in views:
            if found.connection in side and found.sync:
                peer = pair.peer(name).name
                source, target = (peer, name) if side is _TARGETS else (name, peer)
                return JoinedSync(source, target, _completed(found.sync, (view.sync for _, view in views)))
    return None


def _completed(sync: Sync, views: Iterable[Sync | None]) -> Sync:
    """A side that prints no progress borrows the other's; a pause seen by one is a pause."""
    for view in views:
        if view is not None and view is not sync and view.kind == sync.kind:
            if sync.percent is None and view.percent is not None:
                sync = view
            if view.paused and not sync.paused:
                sync = msgspec.structs.replace(sync, paused=True)
    return sync


def _node(pair: PairState, node: NodeState | str) -> NodeState:
    return pair.node(node) if isinstance(node, str) else node


def _is_running(state: Service | None) -> bool | None:
    return None if state in (None, "unknown") else state == "running"


def _all(parts: Iterable[bool | None]) -> bool | None:
    known = list(parts)
    if False in known:
        return False
    return None if None in known else True

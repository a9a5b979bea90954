"""What the rules ask about one node, in their own words: seen, not seen, or not known."""

from __future__ import annotations

import msgspec

from ccops.pair import joined
from ccops.pair.drbd import NOT_LOADED
from ccops.pair.model import DrbdResource, DrbdStatus, Heartbeat, NodeState, PairLayout, PairState, Reading
from ccops.triage.finding import Evidence

_CUT_OFF = frozenset(
    [
        "StandAlone",
        "WFConnection",
        "Unconnected",
        "Timeout",
        "BrokenPipe",
        "NetworkFailure",
        "ProtocolError",
        "TearDown",
        "Disconnecting",
        "Connecting",
    ]
)
PASSING = _CUT_OFF - {"StandAlone", "WFConnection", "Connecting"}
_ALIVE = frozenset({"active", "up"})


class NodeFacts(msgspec.Struct, frozen=True):
    """One node; a None is "not known"."""

    name: str
    resource: DrbdResource | None
    heartbeat: Heartbeat | None
    address: bool | None
    mount: bool | None
    primary: bool | None
    peer_alive: bool | None
    services_down: tuple[str, ...]
    read_at: float | None = None
    heartbeat_at: float | None = None
    without_drbd: bool = False

    @property
    def connection(self) -> str | None:
        """DRBD's connection state as this node tells it."""
        return self.resource.connection if self.resource else None

    @property
    def cut_off(self) -> bool:
        """True when DRBD on this node has no connection to its peer."""
        return self.connection in _CUT_OFF

    @property
    def in_transition(self) -> bool:
        """True when Heartbeat on this node says that resources are moving."""
        return self.heartbeat is not None and self.heartbeat.resources == "transition"

    @property
    def holds_anything(self) -> bool:
        """True when the address, the mount or the Primary role was seen here."""
        return bool(self.address or self.mount or self.primary)

    def drbd_evidence(self) -> Evidence:
        """What /proc/drbd says here, as it says it."""
        r = self.resource
        if r is None:
            return Evidence("/proc/drbd", "the resource is not there" if self.without_drbd else "not known", self.name)
        oos = f" oos:{r.out_of_sync_kib}" if r.out_of_sync_kib else ""
        flags = f" {r.flags}" if r.flags else ""
        text = f"cs:{r.connection} ro:{r.role}/{r.peer_role} ds:{r.disk}/{r.peer_disk}{flags}{oos}"
        return Evidence("/proc/drbd", text, self.name, self.read_at)

    def heartbeat_evidence(self, peer: str) -> Evidence:
        """What Heartbeat here says of itself and of its peer."""
        if self.heartbeat is None:
            text = "not known"
        elif self.heartbeat.running is False:
            text = "Heartbeat is stopped"
        else:
            links = "".join(f", {link} {state}" for link, state in self.heartbeat.links.items())
            sees = self.heartbeat.nodes.get(peer, "not known")
            text = f"{peer} {sees}, holds {self.heartbeat.resources or 'not known'}{links}"
        return Evidence("cl_status", text, self.name, self.heartbeat_at if self.heartbeat else None)

    def holding_evidence(self) -> Evidence:
        """Which parts of the service were seen here."""
        words = (("address", self.address), ("mount", self.mount), ("Primary", self.primary))
        said = ", ".join(f"{word} {'yes' if held else 'no' if held is False else 'not known'}" for word, held in words)
        down = f", down: {' and '.join(self.services_down)}" if self.services_down and self.holds_anything else ""
        return Evidence("observation", said + down, self.name, self.read_at)


def node_facts(pair: PairState, node: NodeState) -> NodeFacts:
    """The facts of one node of `pair`. What a node told before its link failed is no fact about now."""
    layout: PairLayout = pair.layout
    if node.link.phase not in ("up", "silent"):
        return NodeFacts(node.name, None, None, None, None, None, None, ())
    heartbeat = node.heartbeat.value
    sight = heartbeat.nodes.get(pair.peer(node.name).name) if heartbeat else None
    services = node.services.value
    down = tuple(name for name in layout.services if services and services.get(name) in ("stopped", "failed"))
    return NodeFacts(
        name=node.name,
        resource=joined.resource(node, layout),
        heartbeat=heartbeat,
        address=joined.holds_address(pair, node.name),
        mount=joined.has_mount(pair, node.name),
        primary=joined.is_primary(pair, node.name),
        peer_alive=None if sight is None else sight in _ALIVE,
        services_down=down,
        read_at=node.drbd.taken_at,
        heartbeat_at=node.heartbeat.taken_at,
        without_drbd=_is_without(node.drbd, layout.minor),
    )


def is_not_loaded(reading: Reading[DrbdStatus]) -> bool:
    """True when it was seen that the node's kernel has no DRBD: that nothing can be read there is known then."""
    return reading.value is None and NOT_LOADED in (reading.problem or "")


def _is_without(reading: Reading[DrbdStatus], minor: int) -> bool:
    """True when DRBD was read and the resource is not in it, or is not up."""
    if reading.value is None:
        return is_not_loaded(reading)
    found = reading.value.minor(minor)
    return found is None or found.connection == "Unconfigured"

"""What is not known, and why: so that no null in a report is left without a reason."""

from __future__ import annotations

from collections.abc import Iterator

from ccops.pair.model import NodeState, PairState
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Finding

_READ = ("drbd", "heartbeat", "addresses", "mounts", "services")
_ASIDE = ("space", "gi")


def unknowns(pair: PairState, facts: tuple[NodeFacts, NodeFacts]) -> Iterator[Finding]:
    """A finding for each node that cannot be read, and for each thing on a node that cannot."""
    for node, peer in zip(pair.nodes, reversed(facts), strict=True):
        lost = node.link.phase == "down" or (node.link.phase == "connecting" and node.link.problem is not None)
        if lost or (node.link.phase == "silent" and any(_lacks(node, name) for name in _READ)):
            yield _unreachable(node, peer)
            continue
        if node.link.phase == "silent":
            summary = f"{node.name} is silent, what is shown of it is old: {node.link.problem or 'no answer'}"
            yield Finding("data-old", "info", summary, (node.name,), (f"ssh to {node.name}: {node.link.problem}",))
        for name in _READ + _ASIDE:
            if _lacks(node, name) and (name != "space" or _mounted(node)):
                reason = getattr(node, name).problem or "not read yet"
                summary = f"{_WORDS[name]} of {node.name} not known: {reason}"
                severity = "unknown" if name in _READ and getattr(node, name).taken_at is not None else "info"
                yield Finding(
                    "not-known", "unknown" if severity == "unknown" else "info", summary, (node.name,), (summary,)
                )


_WORDS = {
    "drbd": "DRBD",
    "heartbeat": "Heartbeat",
    "addresses": "the addresses",
    "mounts": "the mounts",
    "services": "the services",
    "space": "the space on the volume",
    "gi": "DRBD's generation identifiers",
}


def _lacks(node: NodeState, name: str) -> bool:
    return getattr(node, name).value is None


def _mounted(node: NodeState) -> bool:
    return bool(node.mounts.value) and node.space.problem != "not mounted here"


def _unreachable(node: NodeState, peer: NodeFacts) -> Finding:
    reason = node.link.problem or "no connection yet"
    evidence = [f"ssh to {node.name}: {reason}"]
    if peer.heartbeat is not None and peer.peer_alive is not None:
        evidence.append(f"cl_status on {peer.name}: {node.name} {'alive' if peer.peer_alive else 'dead'}")
    if peer.peer_alive:
        summary = f"{node.name} is unreachable from here, but {peer.name} sees it: {reason}"
        return Finding("unreachable-from-here", "warning", summary, (node.name,), tuple(evidence))
    summary = f"{node.name} is unreachable from here: {reason}"
    return Finding("link-to-node-lost", "unknown", summary, (node.name,), tuple(evidence))

"""What is not known, and why: so that no null in a report is left without a reason."""

from __future__ import annotations

from collections.abc import Iterator

from ccops.pair.model import NodeState, PairState
from ccops.triage.facts import NodeFacts, is_not_loaded
from ccops.triage.finding import Evidence, Finding, Severity, Step

_READ = ("drbd", "heartbeat", "addresses", "mounts", "services")
_ASIDE = ("space", "gi")
_WORDS = {
    "drbd": "DRBD",
    "heartbeat": "Heartbeat",
    "addresses": "the addresses",
    "mounts": "the mounts",
    "services": "the services",
    "space": "the space on the volume",
    "gi": "DRBD's generation identifiers",
}
_UNSEEN = "Nothing is known of it by this; it may well serve."
_LOOK = (
    Step("see whether this machine has a way to it: network, VPN, jump host, sshd"),
    Step("look at it another way: its console, or from its peer"),
)


def unknowns(pair: PairState, facts: tuple[NodeFacts, NodeFacts]) -> Iterator[Finding]:
    """A finding for each node that cannot be read, and for each thing on a node that cannot."""
    for node, peer in zip(pair.nodes, reversed(facts), strict=True):
        lost = node.link.phase == "down" or (node.link.phase == "connecting" and node.link.problem is not None)
        if lost or (node.link.phase == "silent" and any(_lacks(node, name) for name in _READ)):
            yield _unreachable(node, peer)
            continue
        if node.link.phase == "silent":
            yield _silent(node)
        for name in _READ + _ASIDE:
            if _lacks(node, name) and (name != "space" or _mounted(node)):
                yield _unread(node, name)


def _lacks(node: NodeState, name: str) -> bool:
    return getattr(node, name).value is None and not (name == "drbd" and is_not_loaded(node.drbd))


def _mounted(node: NodeState) -> bool:
    return bool(node.mounts.value) and node.space.problem != "not mounted here"


def _unread(node: NodeState, name: str) -> Finding:
    reading = getattr(node, name)
    reason = reading.problem or "not read yet"
    severity: Severity = "unknown" if name in _READ and reading.taken_at is not None else "info"
    return Finding(
        "not-known",
        severity,
        f"{_WORDS[name]} of {node.name} not known: {reason}",
        (node.name,),
        (Evidence(_WORDS[name], reason, node.name, reading.taken_at),),
        meaning="What rests on it is not judged: it may be well, and it may not.",
        remedy=(Step("give the user that ccops connects as the rights it lacks", None, "ccops sudoers"),),
    )


def _silent(node: NodeState) -> Finding:
    reason = node.link.problem or "no answer"
    return Finding(
        "data-old",
        "info",
        f"{node.name} is silent, what is shown of it is old: {reason}",
        (node.name,),
        (Evidence("ssh", reason, node.name, node.sampled_at),),
        meaning="Nothing is known of the last seconds there; it may be busy, or stand still.",
        remedy=(Step("wait a moment; if it stays silent it is shown as unreachable"),),
    )


def _unreachable(node: NodeState, peer: NodeFacts) -> Finding:
    reason = node.link.problem or "no connection yet"
    evidence = [Evidence("ssh", reason, node.name, node.link.since)]
    if peer.heartbeat is not None and peer.peer_alive is not None:
        seen = f"{node.name} {'alive' if peer.peer_alive else 'dead'}"
        evidence.append(Evidence("cl_status", seen, peer.name, peer.heartbeat_at))
    if peer.peer_alive:
        return Finding(
            "unreachable-from-here",
            "warning",
            f"{node.name} is unreachable from here, but {peer.name} sees it: {reason}",
            (node.name,),
            tuple(evidence),
            meaning="Calls are not touched by this: the node lives, only the way from here to it is lost.",
            avoid="Do not take it for dead, and do not fail over because of it.",
            remedy=_LOOK,
        )
    return Finding(
        "link-to-node-lost",
        "unknown",
        f"{node.name} is unreachable from here: {reason}",
        (node.name,),
        tuple(evidence),
        meaning=_UNSEEN,
        avoid="Do not promote or start anything on the other node before it is known what this one is.",
        remedy=_LOOK,
    )

"""Pairs to judge: a healthy one with one thing changed, and the lines that its logs would have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ccops.pair.clock import LogClock
from ccops.pair.halog import parse_ha_line
from ccops.pair.kernel import parse_kernel_line
from ccops.pair.model import (
    Address,
    DrbdResource,
    DrbdStatus,
    GenerationIds,
    Heartbeat,
    Link,
    Mount,
    NodeState,
    PairLayout,
    PairState,
    Reading,
    Space,
)
from ccops.triage.history import History, history_of
from ccops.triage.verdict import examine

NOW = 1_764_000_000.0
LAYOUT = PairLayout("lab", ("one", "two"), "192.168.27.120")
GI = GenerationIds("A000000000000001", "0" * 16, ("B" * 16, "C" * 16), True, True, True, True, False, False, False)


def node(name: str, peer: str, *, serves: bool) -> NodeState:
    role, other = ("Primary", "Secondary") if serves else ("Secondary", "Primary")
    resource = DrbdResource(1, "Connected", role, other, "UpToDate", "UpToDate", "C", "r-----", 0)
    addresses = (Address("eth0", "192.168.27.120", 24),) if serves else ()
    running = "running" if serves else "stopped"
    return NodeState(
        name,
        Link("up"),
        sampled_at=NOW,
        clock_skew_s=0.0,
        drbd=Reading(DrbdStatus("8.4.11", (resource,)), None, NOW),
        gi=Reading(GI, None, NOW),
        heartbeat=Reading(
            Heartbeat(True, "3.0.6", "local", {name: "active", peer: "active"}, {"eth0": "up"}), None, NOW
        ),
        addresses=Reading(addresses, None, NOW),
        mounts=Reading((Mount("/dev/drbd1", "/data", "ext3"),) if serves else (), None, NOW),
        space=Reading(Space(1000, 100, 900), None, NOW) if serves else Reading(None, "not mounted here", NOW),
        services=Reading({"asterisk": running, "mysqld": running}, None, NOW),
    )


def healthy() -> PairState:
    return PairState(LAYOUT, (node("one", "two", serves=True), node("two", "one", serves=False)), NOW)


def with_drbd(pair: PairState, first: dict[str, Any], second: dict[str, Any]) -> PairState:
    nodes = []
    for state, changes in zip(pair.nodes, (first, second), strict=True):
        assert state.drbd.value is not None
        resource = replace(state.drbd.value.resources[0], **changes)
        nodes.append(replace(state, drbd=Reading(DrbdStatus("8.4.11", (resource,)), None, NOW)))
    return replace(pair, nodes=tuple(nodes))


def with_nodes(pair: PairState, first: dict[str, Any], second: dict[str, Any]) -> PairState:
    return replace(pair, nodes=(replace(pair.nodes[0], **first), replace(pair.nodes[1], **second)))


def gone(problem: str = "no route") -> dict[str, Any]:
    """A node that ccops cannot reach."""
    fields = ("drbd", "heartbeat", "addresses", "mounts", "services", "gi")
    return {"link": Link("down", problem=problem), **{f: Reading(None, "not read for 30 s", NOW - 30) for f in fields}}


def beats(pair: PairState, first: dict[str, Any], second: dict[str, Any]) -> PairState:
    """The pair with changes to what Heartbeat says."""
    changed = []
    for state, changes in zip(pair.nodes, (first, second), strict=True):
        assert state.heartbeat.value is not None
        changed.append({"heartbeat": Reading(replace(state.heartbeat.value, **changes), None, NOW)})
    return with_nodes(pair, *changed)


def told(
    kernel: Mapping[str, tuple[str, ...]] | None = None,
    heartbeat: Mapping[str, tuple[str, ...]] | None = None,
    *,
    ago_s: float = 60.0,
) -> History:
    """What both logs tell: bare messages by node, all dated `ago_s` seconds before now, as the real lines are."""
    lines = []
    clock = LogClock(NOW)
    for node_name, texts in (kernel or {}).items():
        lines += [
            replace(
                parse_kernel_line(f"Nov 24 16:00:00 {node_name} kernel: [1.5] {text}", node_name, clock), at=NOW - ago_s
            )
            for text in texts
        ]
    for node_name, texts in (heartbeat or {}).items():
        lines += [
            replace(
                parse_ha_line(f"Nov 24 16:00:00 {node_name} heartbeat: [401]: {text}", node_name, clock), at=NOW - ago_s
            )
            for text in texts
        ]
    return history_of(lines)


def codes(pair: PairState, *more: Any) -> list[str]:
    """The codes of what follows from nothing else."""
    return [finding.code for finding in examine(pair, *more) if finding.cause is None]

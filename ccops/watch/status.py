"""The `status` object: one snapshot as plain values for scripts. What is not known is None.

Its shape is stable: `schema` counts up when a script could notice a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ccops.callcentre.agents import agents
from ccops.callcentre.limits import Exceeded, Excess
from ccops.callcentre.model import Agent, Centre, Line, Queue
from ccops.callcentre.queues import QueueView, queue_view
from ccops.pair import joined
from ccops.pair.model import DrbdResource, Heartbeat, NodeState, PairState, Sync
from ccops.triage.finding import Divergence, Finding, Period, Side
from ccops.watch.snapshot import Snapshot

SCHEMA = 1
EXIT_CODES = {"ok": 0, "info": 0, "warning": 1, "critical": 2, "unknown": 3}


def status(snapshot: Snapshot) -> dict[str, Any]:
    """The object that `ccops status --json` prints."""
    pair, centre = snapshot.pair, snapshot.centre.value
    return {
        "schema": SCHEMA,
        "pair": pair.layout.name,
        "taken_at": _iso(snapshot.at),
        "serving": snapshot.serving,
        "verdict": {
            "code": snapshot.verdict.code,
            "severity": snapshot.verdict.severity,
            "summary": snapshot.verdict.summary,
        },
        "findings": [finding_object(finding, snapshot.divergence) for finding in snapshot.findings],
        "nodes": {node.name: _node(pair, node, snapshot.at) for node in pair.nodes},
        "queues": _queues(centre, snapshot.at, snapshot.exceeded),
        "agents": _agents(centre, snapshot.at, snapshot.agent_names),
        "trunks": None if centre is None else [_trunk(line) for line in snapshot.lines if line.kind == "trunk"],
    }


def exit_code(snapshot: Snapshot) -> int:
    """0 ok, 1 warning, 2 critical, 3 unknown."""
    return EXIT_CODES[snapshot.verdict.severity]


def finding_object(finding: Finding, divergence: Divergence | None = None) -> dict[str, Any]:
    """One finding as it stands in the object; a split brain's with how far the sides diverged."""
    parted = divergence is not None and finding.code in ("split-brain", "split-brain-active")
    more = {"divergence": _divergence(divergence)} if divergence is not None and parted else {}
    return {
        "code": finding.code,
        "severity": finding.severity,
        "summary": finding.summary,
        "nodes": list(finding.nodes),
        "evidence": [str(evidence) for evidence in finding.evidence],
        "meaning": finding.meaning or None,
        "avoid": finding.avoid or None,
        "remedy": [{"text": step.text, "node": step.node, "command": step.command} for step in finding.remedy],
        "cause": finding.cause,
        "since": _iso_or_none(finding.since),
        **more,
    }


def _divergence(found: Divergence) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "parted_at": _iso_or_none(found.parted_at),
        "victim": found.victim,
        "reasons": list(found.reasons),
        "sides": {side.name: _side(side) for side in found.sides},
    }


def _side(side: Side) -> dict[str, Any]:
    traces = side.traces
    return {
        "primary": side.is_primary,
        "serves": side.serves,
        "only_here_kib": side.only_here_kib,
        "was_primary": [_period(period) for period in side.primary],
        "held_address": [_period(period) for period in side.address],
        "channels": traces.channels.value,
        "last_cdr": _iso_or_none(traces.cdr.value),
        "last_queue_log": _iso_or_none(traces.queue_log.value),
        "last_call_row": _iso_or_none(traces.calls.value),
        "newest_recording": _iso_or_none(traces.recording.value),
    }


def _period(period: Period) -> dict[str, Any]:
    return {"from": _iso_or_none(period.begin), "to": _iso_or_none(period.end)}


def _node(pair: PairState, node: NodeState, now: float) -> dict[str, Any]:
    return {
        "reachable": _reachable(node),
        "age_s": None if node.sampled_at is None else round(max(0.0, now - node.sampled_at), 1),
        "clock_skew_s": None if node.clock_skew_s is None else round(node.clock_skew_s, 2),
        "load": None if node.load is None else list(node.load),
        "uptime_s": None if node.uptime_s is None else round(node.uptime_s),
        "drbd": _drbd(pair, node),
        "heartbeat": _heartbeat(node.heartbeat.value),
        "addresses": {pair.layout.address: joined.holds_address(pair, node.name)},
        "mounts": {pair.layout.mount: joined.has_mount(pair, node.name)},
        "services": _services(pair, node),
        "versions": dict(node.versions),
    }


def _reachable(node: NodeState) -> bool | None:
    if node.link.phase in ("up", "silent"):
        return node.link.phase == "up"
    return None if node.link.phase == "connecting" and not node.link.problem else node.link.phase == "off"


def _services(pair: PairState, node: NodeState) -> dict[str, str | None]:
    states = node.services.value
    return {name: None if states is None else _known(states.get(name)) for name in pair.layout.services}


def _known(state: str | None) -> str | None:
    return None if state == "unknown" else state


def _drbd(pair: PairState, node: NodeState) -> dict[str, Any] | None:
    found = node.drbd.value
    if found is None:
        return None
    named = {pair.layout.minor: pair.layout.resource}
    return {
        "version": found.version,
        "resources": {r.name or named.get(r.minor, str(r.minor)): _resource(r) for r in found.resources},
    }


def _resource(found: DrbdResource) -> dict[str, Any]:
    return {
        "minor": found.minor,
        "connection": found.connection,
        "role": found.role,
        "peer_role": found.peer_role,
        "disk": found.disk,
        "peer_disk": found.peer_disk,
        "protocol": found.protocol,
        "flags": found.flags,
        "out_of_sync_kib": found.out_of_sync_kib,
        "sync": _sync(found.sync),
    }


def _sync(sync: Sync | None) -> dict[str, Any] | None:
    if sync is None:
        return None
    return {
        "kind": sync.kind,
        "percent": sync.percent,
        "left_kib": sync.left_kib,
        "total_kib": sync.total_kib,
        "speed_kib_s": sync.speed_kib_s,
        "finish_s": sync.finish_s,
        "stalled": sync.stalled,
        "paused": sync.paused,
    }


def _heartbeat(found: Heartbeat | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "running": found.running,
        "version": found.version,
        "resources": found.resources,
        "nodes": dict(found.nodes),
        "links": dict(found.links),
    }


def _queues(centre: Centre | None, now: float, exceeded: Exceeded) -> list[dict[str, Any]] | None:
    if centre is None:
        return None
    return [_queue(queue, queue_view(queue, now), exceeded.get(queue.name, ())) for queue in centre.queues.values()]


def _queue(queue: Queue, view: QueueView, excesses: Sequence[Excess]) -> dict[str, Any]:
    # Who rings or wraps up is busy for whoever waits; who is not known is not there for them.
    busy, away = view.busy + view.ringing + view.wrapup, view.away + view.unknown
    return {
        "name": view.name,
        "strategy": queue.strategy,
        "waiting": view.waiting,
        "longest_wait_s": None if view.longest_wait_s is None else round(view.longest_wait_s),
        "handled": view.handled,
        "abandoned": view.abandoned,
        "service_level_pct": None if view.service_level_pct is None else round(view.service_level_pct, 1),
        "service_level_s": view.service_level_s,
        "exceeded": [{"what": each.what, "found": round(each.found, 1), "limit": each.limit} for each in excesses],
        "members": {"free": view.free, "busy": busy, "paused": view.paused, "away": away},
    }


def _agents(centre: Centre | None, now: float, names: Mapping[str, str]) -> list[dict[str, Any]] | None:
    if centre is None:
        return None
    return [_agent(agent, now) for agent in agents(centre, now, names)]


def _agent(agent: Agent, now: float) -> dict[str, Any]:
    return {
        "name": agent.name,
        "interface": agent.interface,
        "state": agent.state,
        "since_s": None if agent.since is None else round(max(0.0, now - agent.since)),
        "paused": agent.paused,
        "pause_reason": agent.pause_reason or None,
        "queues": list(agent.queues),
        "calls_taken": agent.calls_taken,
    }


def _trunk(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "tech": line.tech,
        "state": line.state,
        "latency_ms": line.latency_ms,
        "channels": line.channels,
        "capacity": line.capacity,
    }


def _iso_or_none(at: float | None) -> str | None:
    return None if at is None else _iso(at)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

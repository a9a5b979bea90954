"""A snapshot for people: a page of plain text, words before colour, for `ccops status`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.queues import queue_view
from ccops.pair import joined
from ccops.pair.model import NodeState, PairState
from ccops.triage.verdict import beside
from ccops.watch.snapshot import Snapshot


def page(snapshot: Snapshot) -> str:
    """The pair as text of at most 100 columns, ending with a newline."""
    return "\n".join(_lines(snapshot)) + "\n"


def _lines(snapshot: Snapshot) -> Iterator[str]:
    pair, verdict = snapshot.pair, snapshot.verdict
    yield f"{pair.layout.name}: {verdict.severity.upper()}  {verdict.code}"
    yield f"  {verdict.summary}"
    if snapshot.serving:
        since = f" since {_local(snapshot.serving_since)}" if snapshot.serving_since else ""
        yield f"  serving: {snapshot.serving}{since}"
    for finding in beside(snapshot.findings):
        yield f"  {finding.severity}: {finding.code}: {finding.summary}"
    yield ""
    for node in pair.nodes:
        yield from _node(pair, node, snapshot.at)
    yield from _centre(snapshot)


def _node(pair: PairState, node: NodeState, now: float) -> Iterator[str]:
    age = "never read" if node.sampled_at is None else f"read {now - node.sampled_at:.1f} s ago"
    reach = "unreachable from here" if node.link.phase == "down" else node.link.phase
    yield f"{node.name}  ({reach}, {age})"
    if node.link.phase != "up" and node.link.problem:
        yield f"  link       {node.link.problem}"
    found = joined.resource(node, pair.layout)
    if found is None:
        yield f"  DRBD       not known{_why(node.drbd.problem)}"
    else:
        yield f"  DRBD       {found.connection}  {found.role}/{found.peer_role}  {found.disk}/{found.peer_disk}"
        if found.out_of_sync_kib:
            yield f"             {found.out_of_sync_kib} KiB out of sync"
        if found.sync is not None:
            sync = found.sync
            parts = [f"{sync.percent:.1f} %" if sync.percent is not None else "progress not known"]
            parts += [f"{sync.left_kib} KiB left"] if sync.left_kib is not None else []
            parts += [f"{sync.speed_kib_s} KiB/s"] if sync.speed_kib_s is not None else []
            parts += ["paused"] if sync.paused else []
            parts += ["stalled"] if sync.stalled else []
            yield f"  {sync.kind:<10} {', '.join(parts)}"
    beat = node.heartbeat.value
    if beat is None:
        yield f"  Heartbeat  not known{_why(node.heartbeat.problem)}"
    else:
        seen = ", ".join(f"{name} {state}" for name, state in beat.nodes.items())
        links = ", ".join(f"{name} {state}" for name, state in beat.links.items())
        running = {True: "running", False: "stopped", None: "not known"}[beat.running]
        beats = f"  links {links}" if links else ""
        yield f"  Heartbeat  {running}  holds {beat.resources or 'not known'}  {seen}{beats}"
    yield f"  address    {pair.layout.address} {_held(joined.holds_address(pair, node.name))}"
    space = node.space.value
    free = f", {space.free_kib // 1024} MiB free of {space.total_kib // 1024}" if space else ""
    yield f"  mount      {pair.layout.mount} {_held(joined.has_mount(pair, node.name))}{free}"
    states = node.services.value
    for name in pair.layout.services:
        version = node.versions.get("mysqld" if name.startswith(("mysql", "maria")) else name, "")
        yield f"  {name:<10} {states.get(name, 'unknown') if states else 'not known'}  {version}".rstrip()
    yield ""


def _centre(snapshot: Snapshot) -> Iterator[str]:
    centre, now = snapshot.centre.value, snapshot.at
    if centre is None:
        yield f"call centre: not known{_why(snapshot.centre.problem)}"
        return
    people = totals(agents(centre, now, snapshot.agent_names))
    told = ", ".join(f"{count} {state}" for state, count in people.items() if count) or "none"
    waiting = sum(len(queue.callers) for queue in centre.queues.values())
    yield f"call centre on {snapshot.centre_node}: {waiting} waiting; agents: {told}; {len(centre.channels)} channels"
    for queue in centre.queues.values():
        view = queue_view(queue, now)
        longest = f", longest {view.longest_wait_s:.0f} s" if view.longest_wait_s is not None else ""
        level = (
            f", {view.service_level_pct:.0f} % within {view.service_level_s} s"
            if view.service_level_pct is not None
            else ""
        )
        counted = f"{view.handled} handled, {view.abandoned} abandoned{level}"
        yield f"  {queue.name:<14} {view.waiting} waiting{longest}; {view.free} free, {view.busy} busy; {counted}"
    for line in snapshot.lines:
        if line.kind == "trunk":
            ports = f"{line.channels}/{line.capacity}" if line.capacity else f"{line.channels}"
            latency = f" {line.latency_ms} ms" if line.latency_ms is not None else ""
            yield f"  trunk {line.tech}/{line.name}: {line.state}{latency}, {ports} channels"


def _held(held: bool | None) -> str:
    return {True: "here", False: "not here", None: "not known"}[held]


def _why(problem: str | None) -> str:
    return f" ({problem})" if problem else ""


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")

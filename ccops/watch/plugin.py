"""One line for monitoring: `WORD - what | performance data`.

Source of the form: the development guidelines of the Monitoring Plugins project; a value that is not known is `U`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ccops.callcentre.agents import agents
from ccops.pair import joined
from ccops.triage.verdict import beside
from ccops.watch.snapshot import Snapshot

_WORDS = {"ok": "OK", "info": "OK", "warning": "WARNING", "critical": "CRITICAL", "unknown": "UNKNOWN"}


def line(snapshot: Snapshot) -> str:
    """The verdict and the numbers of a snapshot."""
    verdict = snapshot.verdict
    others = sum(1 for finding in beside(snapshot.findings) if finding.severity != "info")
    more = f" (and {others} more: ccops triage)" if others else ""
    text = f"CCOPS {_WORDS[verdict.severity]} - {snapshot.pair.layout.name}: {verdict.code}: {verdict.summary}{more}"
    return f"{text.replace('|', '/')} | {' '.join(_numbers(snapshot))}"


def _numbers(snapshot: Snapshot) -> Iterator[str]:
    pair, centre = snapshot.pair, snapshot.centre.value
    resources = [joined.resource(node, pair.layout) for node in pair.nodes]
    missing = [r.out_of_sync_kib for r in resources if r is not None and r.out_of_sync_kib is not None]
    yield f"oos={max(missing) if missing else 'U'}{'KB' if missing else ''};;;0"
    yield f"sync={_synced(snapshot)};;;0;100"
    waiting = None if centre is None else sum(len(queue.callers) for queue in centre.queues.values())
    yield f"waiting={_known(waiting)};;;0"
    yield f"channels={_known(None if centre is None else len(centre.channels))};;;0"
    people = None if centre is None else agents(centre, snapshot.at, snapshot.agent_names)
    there = None if people is None else sum(1 for agent in people if agent.state not in ("away", "unknown"))
    yield f"agents={_known(there)};;;0"
    for number, node in enumerate(pair.nodes, 1):
        age = "U" if node.sampled_at is None else f"{max(0.0, snapshot.at - node.sampled_at):.1f}s"
        yield f"age_node{number}={age};;;0"


def _synced(snapshot: Snapshot) -> str:
    """Percent of the volume that both sides have: of the resync under way, 100 when nothing is missing."""
    under_way = joined.best_sync(snapshot.pair)
    if under_way is not None and under_way.sync.kind == "resync":
        return "U" if under_way.sync.percent is None else f"{under_way.sync.percent:.1f}%"
    found = [joined.resource(node, snapshot.pair.layout) for node in snapshot.pair.nodes]
    whole = any(r is not None and r.connection == "Connected" and not r.out_of_sync_kib for r in found)
    return "100%" if whole else "U"


def _known(number: int | None) -> str:
    return "U" if number is None else str(number)

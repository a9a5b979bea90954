"""What an on-call engineer meets: each situation, as the nodes show it, has its diagnosis and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.pair.model import Address, DrbdStatus, Mount, PairState, Reading, Sync
from ccops.triage.case import Memory
from ccops.triage.finding import Finding
from ccops.triage.history import History
from ccops.triage.verdict import examine, verdict
from tests.triage.pairs import GI, NOW, beats, gone, healthy, told, with_drbd, with_nodes

UNKNOWN: dict[str, Any] = {"peer_role": "Unknown", "peer_disk": "DUnknown"}
DEAD = {"nodes": {"one": "dead", "two": "dead"}}
SPLIT = {"one": ("block drbd1: Split-Brain detected but unresolved, dropping connection!",)}
SYNC = Sync("resync", 40.0, 1000, 2000, 100, finish_s=10)

Seen = tuple[PairState, History | None, Memory | None]


def states(first: str, second: str, **both: Any) -> PairState:
    return with_drbd(healthy(), {"connection": first, **UNKNOWN, **both}, {"connection": second, **UNKNOWN, **both})


def both_serve(first: str = "StandAlone", second: str = "StandAlone") -> PairState:
    pair = beats(states(first, second, role="Primary"), DEAD, DEAD)
    held = {
        "addresses": Reading((Address("eth0", "192.168.27.120", 24),), None, NOW),
        "mounts": Reading((Mount("/dev/drbd1", "/data", "ext3"),), None, NOW),
    }
    return with_nodes(pair, held, held)


def full_split_brain() -> Seen:
    return both_serve(), told(SPLIT), None


def split_brain_one_served() -> Seen:
    return states("StandAlone", "WFConnection"), told(SPLIT), None


def only_the_replication_link() -> Seen:
    return states("WFConnection", "WFConnection"), None, None


def stand_alone_without_the_line() -> Seen:
    return states("StandAlone", "WFConnection"), None, None


def unrelated_data() -> Seen:
    return states("StandAlone", "StandAlone"), told({"two": ("block drbd1: Unrelated data, aborting!",)}), None


def returned_from_a_partition() -> Seen:
    line = ("CRIT: Cluster node two returning after partition.",)
    return healthy(), told(None, {"one": line, "two": line}), None


def overlap() -> Seen:
    both = {"addresses": Reading((Address("eth0", "192.168.27.120", 24),), None, NOW)}
    return with_nodes(healthy(), {}, both), told(None, {"one": ("ERROR: Both machines own our resources!",)}), None


def late_heartbeats() -> Seen:
    return healthy(), told(None, {"one": ("WARN: Late heartbeat: Node two: interval 7000 ms",) * 4}), None


def a_normal_failover() -> Seen:
    pair = beats(with_drbd(healthy(), {"connection": "WFConnection", **UNKNOWN}, {}), {"nodes": {"two": "dead"}}, {})
    return with_nodes(pair, {}, gone()), None, None


def died_in_mid_resync() -> Seen:
    pair = with_drbd(healthy(), {}, {"connection": "WFConnection", "disk": "Inconsistent", **UNKNOWN})
    pair = with_nodes(beats(pair, {}, {"nodes": {"one": "dead", "two": "active"}}), gone(), {})
    line = "block drbd1: State change failed: Refusing to be Primary without at least one UpToDate disk"
    return pair, told({"two": (line,)}), None


def outdated_and_the_peer_gone() -> Seen:
    pair = with_drbd(healthy(), {}, {"connection": "WFConnection", "disk": "Outdated", **UNKNOWN})
    return with_nodes(beats(pair, {}, {"nodes": {"one": "dead", "two": "active"}}), gone(), {}), None, None


def primary_without_a_disk() -> Seen:
    return with_drbd(healthy(), {"disk": "Diskless"}, {"peer_disk": "Diskless"}), None, None


def syncing(sync: Sync, first: str = "SyncSource", second: str = "SyncTarget", flags: str = "r-----") -> PairState:
    return with_drbd(
        healthy(),
        {"connection": first, "peer_disk": "Inconsistent", "sync": sync},
        {"connection": second, "disk": "Inconsistent", "sync": sync, "flags": flags},
    )


def stalled() -> Seen:
    return syncing(replace(SYNC, stalled=True)), None, None


def speed_zero() -> Seen:
    return syncing(replace(SYNC, speed_kib_s=0)), None, None


def paused() -> Seen:
    return syncing(replace(SYNC, paused=True), "PausedSyncS", "PausedSyncT", "r--u--"), None, None


def standby_without_effect() -> Seen:
    line = "ERROR: Standby mode only implemented when nice_failback on"
    return healthy(), told(None, {"one": (line,)}), None


def stop_failure() -> Seen:
    lines = (
        "ERROR: Couldn't unmount /data; trying cleanup with KILL",
        "ERROR: Resource STOP failure. Reboot required!",
    )
    return healthy(), told(None, {"one": lines}), None


def bouncing() -> Seen:
    lines = ("CRIT: Giving up resources due to failure of mysqld",) * 3
    return healthy(), told(None, {"one": lines[:2], "two": lines[:1]}), None


def unconfigured() -> Seen:
    return with_nodes(healthy(), {}, {"drbd": Reading(DrbdStatus("8.4.11"), None, NOW)}), None, None


def both_claim_at_boot() -> Seen:
    nodes: dict[str, Any] = {"nodes": {"one": "active", "two": "dead"}}
    return beats(healthy(), nodes, {"nodes": {"one": "dead", "two": "active"}}), None, None


def verify_found() -> Seen:
    pair = with_drbd(healthy(), {"out_of_sync_kib": 160}, {"out_of_sync_kib": 160})
    return pair, told({"one": ("block drbd1: Online verify found 40 4k block out of sync!",)}), None


def frozen() -> Seen:
    return with_drbd(healthy(), {"flags": "s-----"}, {}), None, None


def solved_by_policy() -> Seen:
    line = "block drbd1: Split-Brain detected, 0 primaries, automatically solved. Sync from peer node"
    return healthy(), told({"two": (line,)}), None


def both_secondary() -> Seen:
    empty: dict[str, Any] = {f: getattr(healthy().nodes[1], f) for f in ("addresses", "mounts", "services", "space")}
    pair = with_nodes(with_drbd(healthy(), {"role": "Secondary"}, {"peer_role": "Secondary"}), empty, {})
    return beats(pair, {"running": False}, {"running": False}), None, None


def a_stale_primary() -> Seen:
    line = "block drbd1: I shall become SyncTarget, but I am primary!"
    return states("StandAlone", "WFConnection"), told({"one": (line,)}), None


def diverged_before_anybody_looked() -> Seen:
    pair = states("StandAlone", "StandAlone")
    mine = replace(GI, current="E" * 15 + "1", bitmap="D" * 15 + "1")
    theirs = replace(GI, current="F" * 15 + "0", bitmap="D" * 15 + "0")
    return with_nodes(pair, {"gi": Reading(mine, None, NOW)}, {"gi": Reading(theirs, None, NOW)}), None, None


ROWS: list[tuple[Callable[[], Seen], str]] = [
    (full_split_brain, "split-brain-active"),
    (split_brain_one_served, "split-brain"),
    (only_the_replication_link, "replication-link-down"),
    (stand_alone_without_the_line, "replication-refused"),
    (unrelated_data, "unrelated-data"),
    (returned_from_a_partition, "partition-healed"),
    (overlap, "address-on-both"),
    (late_heartbeats, "late-heartbeats"),
    (a_normal_failover, "running-on-one-node"),
    (died_in_mid_resync, "promotion-refused"),
    (outdated_and_the_peer_gone, "disk-outdated"),
    (primary_without_a_disk, "disk-failed"),
    (stalled, "resync-stalled"),
    (speed_zero, "resync-stalled"),
    (paused, "resync-paused"),
    (standby_without_effect, "standby-ignored"),
    (stop_failure, "stop-failed"),
    (bouncing, "resources-bouncing"),
    (unconfigured, "drbd-not-up"),
    (both_claim_at_boot, "heartbeat-split"),
    (verify_found, "verify-found-blocks"),
    (frozen, "io-frozen"),
    (solved_by_policy, "auto-resolved"),
    (both_secondary, "nobody-serves"),
    (a_stale_primary, "stale-primary"),
    (diverged_before_anybody_looked, "split-brain"),
]


@pytest.mark.parametrize(("situation", "code"), ROWS, ids=lambda x: x.__name__ if callable(x) else x)
def test_situation(situation: Callable[[], Seen], code: str) -> None:
    findings = examine(*situation())
    assert verdict(findings).code == code
    for finding in findings:
        check_whole(finding)


def check_whole(finding: Finding) -> None:
    """Whoever reads it at night finds everything there."""
    assert finding.summary
    assert finding.nodes, finding.code
    if finding.severity == "ok" or finding.code == "not-known":
        return
    assert finding.meaning, finding.code
    assert finding.remedy, finding.code
    assert finding.evidence, finding.code
    assert all(e.source and e.text for e in finding.evidence)
    if finding.severity == "critical":
        assert finding.avoid, finding.code


@pytest.mark.parametrize(("situation", "code"), ROWS, ids=lambda x: x.__name__ if callable(x) else x)
def test_nodes_can_be_swapped(situation: Callable[[], Seen], code: str) -> None:
    """No rule knows which node comes first."""
    pair, history, memory = situation()
    layout = replace(pair.layout, nodes=("two", "one"))
    swapped = replace(pair, layout=layout, nodes=(pair.nodes[1], pair.nodes[0]))
    assert verdict(examine(swapped, history, memory)).code == code

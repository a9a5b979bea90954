"""What an on-call engineer meets: each situation, as the nodes show it, has its diagnosis and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.pair.clock import LogClock
from ccops.pair.halog import parse_ha_line
from ccops.pair.heartbeat import Output
from ccops.pair.kernel import parse_kernel_line
from ccops.pair.model import Address, DrbdStatus, Mount, NodeState, PairState, Reading, Sync
from ccops.pair.node import observe
from ccops.triage.case import Memory
from ccops.triage.finding import Finding
from ccops.triage.history import History, history_of
from ccops.triage.verdict import examine, verdict
from tests.triage.pairs import GI, LAYOUT, NOW, beats, gone, healthy, told, with_drbd, with_nodes

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


def stand_alone_by_configuration() -> Seen:
    lines = ("drbd data: incompatible protocol settings", "drbd data: conn( WFReportParams -> Disconnecting )")
    return states("StandAlone", "StandAlone"), told({"one": lines}), None


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


def paused_by_a_dependency() -> Seen:
    return syncing(replace(SYNC, paused=True), "PausedSyncS", "PausedSyncT", "ra----"), None, None


def paused_by_the_peer() -> Seen:
    return syncing(replace(SYNC, paused=True), "PausedSyncS", "PausedSyncT", "r-p---"), None, None


def standby_without_effect() -> Seen:
    line = "ERROR: Standby mode only implemented when nice_failback on"
    return healthy(), told(None, {"one": (line,)}), None


def standby_in_flux() -> Seen:
    line = "WARN: standby message [me] from one ignored.  Other side is in flux."
    return healthy(), told(None, {"one": (line,)}), None


def standby_while_the_peer_is_dead() -> Seen:
    line = "WARN: No reply to standby request.  Standby request cancelled."
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
    pair = states("WFConnection", "WFConnection")
    return with_nodes(pair, {}, {"drbd": Reading(DrbdStatus("8.4.11"), None, NOW)}), None, None


def without_the_module() -> Seen:
    read = observe(
        NodeState("two"), LAYOUT, {"proc_drbd": Output("cat: /proc/drbd: No such file or directory", 1)}, NOW
    )
    return with_nodes(states("WFConnection", "WFConnection"), {}, {"drbd": read.drbd}), None, None


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


# By the number of the situation in the list that whoever is on call carries.
ROWS: list[tuple[int, Callable[[], Seen], str]] = [
    (1, full_split_brain, "split-brain-active"),
    (2, split_brain_one_served, "split-brain"),
    (3, only_the_replication_link, "replication-link-down"),
    (4, stand_alone_without_the_line, "replication-refused"),
    (4, stand_alone_by_configuration, "replication-refused"),
    (5, unrelated_data, "unrelated-data"),
    (6, returned_from_a_partition, "partition-healed"),
    (7, overlap, "address-on-both"),
    (8, late_heartbeats, "late-heartbeats"),
    (9, a_normal_failover, "running-on-one-node"),
    (10, died_in_mid_resync, "promotion-refused"),
    (11, outdated_and_the_peer_gone, "disk-outdated"),
    (12, primary_without_a_disk, "disk-failed"),
    (13, stalled, "resync-stalled"),
    (13, speed_zero, "resync-stalled"),
    (14, paused, "resync-paused"),
    (14, paused_by_a_dependency, "resync-paused"),
    (14, paused_by_the_peer, "resync-paused"),
    (15, standby_without_effect, "standby-ignored"),
    (15, standby_in_flux, "standby-ignored"),
    (15, standby_while_the_peer_is_dead, "standby-ignored"),
    (16, stop_failure, "stop-failed"),
    (17, bouncing, "resources-bouncing"),
    (18, unconfigured, "drbd-not-up"),
    (18, without_the_module, "drbd-not-up"),
    (19, both_claim_at_boot, "heartbeat-split"),
    (20, verify_found, "verify-found-blocks"),
    (21, frozen, "io-frozen"),
    (22, solved_by_policy, "auto-resolved"),
    (23, both_secondary, "nobody-serves"),
    (24, a_stale_primary, "stale-primary"),
    (2, diverged_before_anybody_looked, "split-brain"),
]


each = pytest.mark.parametrize(
    ("number", "situation", "code"), ROWS, ids=lambda x: x.__name__ if callable(x) else str(x)
)


def test_no_situation_is_missing() -> None:
    assert {number for number, _, _ in ROWS} == set(range(1, 25))


@each
def test_situation(number: int, situation: Callable[[], Seen], code: str) -> None:
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


@each
def test_nodes_can_be_swapped(number: int, situation: Callable[[], Seen], code: str) -> None:
    """No rule knows which node comes first."""
    pair, history, memory = situation()
    layout = replace(pair.layout, nodes=("two", "one"))
    swapped = replace(pair, layout=layout, nodes=(pair.nodes[1], pair.nodes[0]))
    assert verdict(examine(swapped, history, memory)).code == code


# Of each version: how the kernel's and Heartbeat's lines begin, and how a split brain is worded.
DROPPING, UNRESOLVED = "Split-Brain detected, dropping", "Split-Brain detected but unresolved, dropping"
PLAIN, NEEDS = "Refusing to be Primary without at least one UpToDate disk", "Need access to UpToDate data"
OLD_HEARTBEAT, NEW_HEARTBEAT = "heartbeat[401]: 2025/11/24_16:00:00 ", "Nov 24 16:00:00 {} heartbeat: [401]: "
SPELLINGS = {
    "8.0 and 2.1": ("drbd1: ", "drbd1: ", DROPPING, PLAIN, OLD_HEARTBEAT),
    "8.3.7 and 2.1": ("block drbd1: ", "block drbd1: ", DROPPING, PLAIN, OLD_HEARTBEAT),
    "8.3.8 and 3.0": ("block drbd1: ", "block drbd1: ", UNRESOLVED, PLAIN, NEW_HEARTBEAT),
    "8.4 and 3.0": ("block drbd1: ", "drbd data: ", UNRESOLVED, NEEDS, NEW_HEARTBEAT),
}


def respelt(history: History | None, version: str) -> History | None:
    """The same history as those versions write it."""
    if history is None:
        return None
    device, connection, dropping, refusing, before = SPELLINGS[version]
    clock = LogClock(NOW)
    lines = []
    for said in history.kernel:
        prefix, text = said.line.text.split(": ", 1)
        text = text.replace(UNRESOLVED, dropping).replace(PLAIN, refusing)
        words = f"Nov 24 16:00:00 {said.line.node} kernel: {device if 'drbd1' in prefix else connection}{text}"
        lines.append(parse_kernel_line(words, str(said.line.node), clock))
    for told_so in history.heartbeat:
        node = str(told_so.line.node)
        level = {"warning": "WARN", "critical": "CRIT"}.get(told_so.line.level, told_so.line.level)
        lines.append(parse_ha_line(f"{before.format(node)}{level}: {told_so.line.text}", node, clock))
    assert all(line.dated for line in lines)
    return history_of(replace(line, at=NOW - 60.0) for line in lines)


@pytest.mark.parametrize("version", SPELLINGS)
@each
def test_in_every_versions_words(number: int, situation: Callable[[], Seen], code: str, version: str) -> None:
    pair, history, memory = situation()
    assert verdict(examine(pair, respelt(history, version), memory)).code == code

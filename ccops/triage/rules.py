"""All rules, the gravest first, and which finding is the cause of which others.

A rule is a function of a case, or of a case and a node: a finding, or None where it does not hold. It never guesses:
what is not known makes no finding here, `blind.py` says what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from ccops.triage import copies, heartbeats, hosts, replication, services, split_brains
from ccops.triage.case import Case
from ccops.triage.finding import Finding

PairRule = Callable[[Case], Finding | None]
NodeRule = Callable[[Case, str], Finding | None]


class Each(msgspec.Struct, frozen=True):
    """A rule about one node: it can hold of both, each for itself."""

    rule: NodeRule


GRAVEST_FIRST: tuple[PairRule | Each, ...] = (
    split_brains.split_brain_active,
    split_brains.both_primary,
    split_brains.split_brain,
    replication.unrelated_data,
    services.address_on_both,
    copies.io_frozen,
    copies.disk_failed,
    Each(copies.promotion_refused),
    services.nobody_serves,
    services.served_apart,
    services.service_down,
    heartbeats.heartbeat_split,
    heartbeats.resources_bouncing,
    Each(heartbeats.start_failed),
    Each(heartbeats.stop_failed),
    copies.drbd_not_up,
    Each(replication.stale_primary),
    replication.authentication_failed,
    replication.disconnected_by_administrator,
    replication.replication_refused,
    services.running_on_one_node,
    copies.disk_outdated,
    replication.replication_link_down,
    heartbeats.heartbeat_stopped,
    heartbeats.heartbeat_link_down,
    services.in_transition,
    copies.resync,
    copies.resync_paused,
    copies.replication_behind,
    split_brains.auto_resolved,
    copies.verify_found_blocks,
    heartbeats.partition_healed,
    Each(heartbeats.device_held),
    heartbeats.standby_ignored,
    replication.replication_flapping,
    heartbeats.late_heartbeats,
    Each(hosts.volume_filling),
    Each(hosts.load_high),
    copies.verifying,
    hosts.clock_skew,
)


def holding(case: Case) -> Iterator[Finding]:
    """The findings of all rules that hold, in their order."""
    for rule in GRAVEST_FIRST:
        found = [rule.rule(case, name) for name in case.names] if isinstance(rule, Each) else [rule(case)]
        yield from (finding for finding in found if finding is not None)


_NOT_CONNECTED = frozenset({"replication-refused", "replication-link-down", "disconnected-by-administrator"})

# What follows from a finding is told under it, and is never the verdict.
FOLLOWS: Mapping[str, frozenset[str]] = {
    "split-brain-active": _NOT_CONNECTED
    | {
        "split-brain",
        "address-on-both",
        "heartbeat-split",
        "heartbeat-link-down",
        "running-on-one-node",
        "in-transition",
        "disk-outdated",
        "stale-primary",
        "partition-healed",
        "late-heartbeats",
    },
    "split-brain": _NOT_CONNECTED | {"disk-outdated", "stale-primary", "partition-healed", "late-heartbeats"},
    "unrelated-data": _NOT_CONNECTED | {"disk-outdated"},
    "stale-primary": _NOT_CONNECTED | {"disk-outdated"},
    "authentication-failed": _NOT_CONNECTED | {"disk-outdated"},
    "disconnected-by-administrator": frozenset({"replication-link-down", "disk-outdated"}),
    "replication-refused": frozenset({"disconnected-by-administrator", "replication-link-down", "disk-outdated"}),
    "drbd-not-up": frozenset({"replication-link-down", "disk-outdated", "nobody-serves", "served-apart"}),
    "disk-failed": frozenset({"disk-outdated", "replication-link-down"}),
    "promotion-refused": frozenset({"nobody-serves", "served-apart", "disk-outdated", "start-failed"}),
    "start-failed": frozenset({"nobody-serves", "served-apart"}),
    "stop-failed": frozenset({"device-held", "start-failed"}),
    "device-held": frozenset({"service-down", "served-apart", "in-transition"}),
    "resources-bouncing": frozenset({"start-failed", "in-transition"}),
    "running-on-one-node": frozenset(
        {"replication-link-down", "disk-outdated", "heartbeat-link-down", "heartbeat-stopped", "late-heartbeats"}
    ),
    "heartbeat-split": frozenset({"heartbeat-link-down", "late-heartbeats"}),
    "nobody-serves": frozenset({"served-apart"}),
    "service-down": frozenset({"in-transition"}),
    "resyncing": frozenset({"disk-outdated", "verify-found-blocks"}),
    "resync-paused": frozenset({"disk-outdated"}),
    "resync-stalled": frozenset({"disk-outdated"}),
    "partition-healed": frozenset({"late-heartbeats"}),
}

"""The configuration of both nodes, examined: what will go wrong some day, before it does."""

from __future__ import annotations

from collections.abc import Callable

from ccops.pair.configuration import NodeConfiguration
from ccops.pair.model import PairLayout
from ccops.triage import lint_drbd as drbd
from ccops.triage import lint_heartbeat as heartbeat
from ccops.triage import lint_nodes as nodes
from ccops.triage.configured import GRAVITY, ConfiguredPair
from ccops.triage.finding import Finding
from ccops.triage.lint_unknown import not_known


def lint(configurations: tuple[NodeConfiguration, NodeConfiguration], layout: PairLayout) -> tuple[Finding, ...]:
    """The findings over both nodes' configurations, in the order of the layout's nodes, the gravest first."""
    pair = ConfiguredPair(layout, configurations)
    found = [finding for rule in RULES if (finding := rule(pair)) is not None]
    found += not_known(pair)
    return tuple(sorted(found, key=lambda finding: GRAVITY[finding.severity]))


RULES: tuple[Callable[[ConfiguredPair], Finding | None], ...] = (
    heartbeat.ha_cf,
    heartbeat.deadtime,
    heartbeat.authkeys,
    heartbeat.haresources,
    nodes.node_name,
    heartbeat.ha_cf_differs,
    heartbeat.authkeys_differ,
    heartbeat.haresources_differs,
    heartbeat.auto_failback,
    heartbeat.single_link,
    drbd.drbd,
    drbd.drbd_differs,
    drbd.partitions,
    drbd.after_split_brain,
    drbd.two_primaries,
    drbd.verify_alg,
    nodes.mysql_datadir,
    nodes.asterisk,
    nodes.started_by_init,
    nodes.versions,
)

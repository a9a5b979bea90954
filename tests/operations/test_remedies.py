"""The remedy of a finding is an operation that the catalogue has, on the node that it is about."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ccops.operations import remedies
from ccops.operations.catalogue import OPERATIONS
from ccops.operations.plan import Request
from ccops.pair.model import PairState, Reading
from ccops.triage.finding import Finding
from tests.tui import samples

ONE, TWO = samples.NODES


def _remedy(code: str, *nodes: str, pair: PairState | None = None) -> Request | None:
    snapshot = samples.healthy()
    if pair is not None:
        snapshot = replace(snapshot, pair=pair)
    return remedies.remedy_of(Finding(code, "critical", "", nodes), snapshot)


@pytest.mark.parametrize("code", list(remedies._REMEDIES))
def test_every_remedy_is_in_the_catalogue(code: str) -> None:
    found = _remedy(code, TWO)
    assert found is None or found.operation in OPERATIONS


def test_a_split_brain_is_recovered_and_the_victim_is_not_chosen_here() -> None:
    assert _remedy("split-brain", ONE, TWO) == Request("recover")
    assert _remedy("split-brain-active", ONE, TWO) == Request("recover")


def test_the_stopped_node_is_rejoined_and_of_two_none_is_chosen() -> None:
    assert _remedy("heartbeat-stopped", TWO) == Request("rejoin", TWO)
    assert _remedy("heartbeat-stopped", ONE, TWO) == Request("rejoin")


def test_only_the_node_that_is_known_not_to_be_primary_is_isolated() -> None:
    assert _remedy("address-on-both", ONE, TWO) == Request("isolate", TWO)
    pair = samples.healthy().pair
    first, second = pair.nodes
    blind = replace(pair, nodes=(first, replace(second, drbd=Reading(None, "not read"))))
    assert _remedy("address-on-both", ONE, TWO, pair=blind) is None


def test_the_service_that_is_down_is_restarted() -> None:
    pair = samples.healthy().pair
    first, second = pair.nodes
    down = replace(first, services=Reading({"asterisk": "running", "mysqld": "stopped"}, None, samples.NOW))
    found = _remedy("service-down", ONE, pair=replace(pair, nodes=(down, second)))
    assert found == Request("service", arguments={"name": "mysqld"})


@pytest.mark.parametrize("code", ["healthy", "replication-link-down", "unrelated-data", "served-apart", "no such"])
def test_most_findings_are_mended_by_no_operation(code: str) -> None:
    assert _remedy(code, ONE) is None

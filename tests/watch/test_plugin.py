"""The monitoring plug-in's line: a word, what is the matter, numbers that a graph can take."""

from __future__ import annotations

import re

import pytest

from ccops.pair.model import NodeState, PairState, Sync
from ccops.triage.verdict import examine, verdict
from ccops.watch.plugin import line
from ccops.watch.snapshot import Snapshot
from tests.triage.pairs import LAYOUT, NOW, gone, healthy, with_drbd, with_nodes

FORM = re.compile(r"CCOPS (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+ \| (?:[a-z0-9_]+=\S+ ?)+")


def told(pair: PairState) -> str:
    findings = examine(pair)
    text = line(Snapshot(NOW, pair, verdict(findings), findings))
    assert FORM.fullmatch(text), text
    return text


def test_healthy() -> None:
    text = told(healthy())
    assert text.startswith("CCOPS OK - lab: healthy: one serves")
    assert "oos=0KB;;;0 sync=100%;;;0;100" in text
    assert "waiting=U;;;0" in text
    assert "age_node1=0.0s" in text


def test_resync() -> None:
    sync = Sync("resync", 42.5, 1000, 2000, 100)
    pair = with_drbd(
        healthy(),
        {"connection": "SyncSource", "peer_disk": "Inconsistent", "sync": sync, "out_of_sync_kib": 1000},
        {"connection": "SyncTarget", "disk": "Inconsistent", "sync": sync, "out_of_sync_kib": 900},
    )
    text = told(pair)
    assert text.startswith("CCOPS WARNING - lab: resyncing: ")
    assert "oos=1000KB;;;0 sync=42.5%" in text


def test_what_is_not_known_is_u() -> None:
    never = NodeState("two")
    pair = with_nodes(healthy(), gone(), gone())
    assert told(pair).startswith("CCOPS UNKNOWN - ")
    assert "oos=U;;;0 sync=U;;;0;100" in told(pair)
    lone = PairState(LAYOUT, (healthy().nodes[0], never), NOW)
    assert "age_node2=U;;;0" in told(lone)


@pytest.mark.parametrize("text", ["a | b", "a\nb"])
def test_nothing_breaks_the_line(text: str) -> None:
    pair = with_nodes(healthy(), {}, gone(text.replace("\n", " ")))
    assert told(pair).count("|") == 1

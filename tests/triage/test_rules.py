"""Conditions that states alone tell, each from a healthy pair with one thing changed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ccops.pair.model import Address, Heartbeat, Link, NodeState, PairState, Reading, Space, Sync
from ccops.triage.case import Memory
from ccops.triage.verdict import examine, verdict
from tests.triage.pairs import GI, LAYOUT, NOW, codes, gone, healthy, node, with_drbd, with_nodes


def test_healthy() -> None:
    assert codes(healthy()) == ["healthy"]


def test_replication_link_down_while_heartbeat_sees_the_peer() -> None:
    pair = with_drbd(healthy(), {"connection": "WFConnection", "peer_disk": "DUnknown"}, {"connection": "WFConnection"})
    finding = verdict(examine(pair))
    assert finding.code == "replication-link-down"
    assert "do not fail over" in finding.summary


def test_running_on_one_node_hides_what_follows_from_it() -> None:
    pair = with_drbd(healthy(), {"connection": "WFConnection", "peer_role": "Unknown", "peer_disk": "DUnknown"}, {})
    beat = Heartbeat(True, "3.0.6", "all", {"one": "active", "two": "dead"}, {"eth0": "dead"})
    pair = with_nodes(pair, {"heartbeat": Reading(beat, None, NOW)}, gone("no answer"))
    assert codes(pair) == ["running-on-one-node", "link-to-node-lost"]
    assert verdict(examine(pair)).severity == "warning"


def test_unreachable_from_here_when_the_peer_sees_it() -> None:
    pair = with_nodes(healthy(), {}, gone())
    finding = verdict(examine(pair))
    assert finding.code == "unreachable-from-here"
    assert "dead" not in finding.summary


def test_both_unreachable_is_unknown() -> None:
    down = gone()
    pair = with_nodes(healthy(), down, down)
    assert verdict(examine(pair)).severity == "unknown"


def test_nobody_serves_only_after_patience() -> None:
    pair = PairState(LAYOUT, (node("one", "two", serves=False), node("two", "one", serves=False)), NOW)
    pair = with_drbd(pair, {"peer_role": "Secondary"}, {"peer_role": "Secondary"})
    assert verdict(examine(pair, None, Memory(unserved_s=10.0))).code == "in-transition"
    assert verdict(examine(pair, None, Memory(unserved_s=1000.0))).code == "nobody-serves"
    assert verdict(examine(pair)).code == "nobody-serves"


def test_transition_by_heartbeats_word() -> None:
    pair = PairState(LAYOUT, (node("one", "two", serves=False), node("two", "one", serves=False)), NOW)
    beat = Heartbeat(True, "3.0.6", "transition", {"one": "active", "two": "active"}, {"eth0": "up"})
    pair = with_nodes(pair, {"heartbeat": Reading(beat, None, NOW)}, {})
    assert verdict(examine(pair)).code == "in-transition"


def test_address_on_both() -> None:
    pair = with_nodes(healthy(), {}, {"addresses": Reading((Address("eth0", "192.168.27.120", 24),), None, NOW)})
    assert verdict(examine(pair)).code == "address-on-both"


def test_address_missing_and_served_apart() -> None:
    assert verdict(examine(with_nodes(healthy(), {"addresses": Reading((), None, NOW)}, {}))).code == "address-missing"
    apart = with_nodes(healthy(), {"addresses": Reading((), None, NOW), "mounts": Reading((), None, NOW)}, {})
    assert verdict(examine(apart)).code == "served-apart"


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_service_down(state: str) -> None:
    services = Reading({"asterisk": state, "mysqld": "running"}, None, NOW)
    finding = verdict(examine(with_nodes(healthy(), {"services": services}, {})))
    assert finding.code == "service-down"
    assert finding.summary.startswith("asterisk is down on one")


def test_heartbeat_stopped_and_split() -> None:
    stopped = Reading(Heartbeat(False, "3.0.6"), None, NOW)
    assert verdict(examine(with_nodes(healthy(), {}, {"heartbeat": stopped}))).code == "heartbeat-stopped"
    first = Reading(Heartbeat(True, "3", "all", {"one": "active", "two": "dead"}), None, NOW)
    second = Reading(Heartbeat(True, "3", "all", {"two": "active", "one": "dead"}), None, NOW)
    assert "heartbeat-split" in codes(with_nodes(healthy(), {"heartbeat": first}, {"heartbeat": second}))


def test_disks_and_frozen_io() -> None:
    assert verdict(examine(with_drbd(healthy(), {"disk": "Diskless"}, {"peer_disk": "Diskless"}))).code == "disk-failed"
    assert verdict(examine(with_drbd(healthy(), {}, {"disk": "Outdated"}))).code == "disk-outdated"
    assert verdict(examine(with_drbd(healthy(), {"flags": "s-----"}, {}))).code == "io-frozen"


def test_resync_says_who_is_unsafe() -> None:
    sync = Sync("resync", 50.0, 1000, 2000, 100, finish_s=10)
    pair = with_drbd(
        healthy(),
        {"connection": "SyncSource", "peer_disk": "Inconsistent", "sync": sync},
        {"connection": "SyncTarget", "disk": "Inconsistent", "sync": sync},
    )
    finding = verdict(examine(pair))
    assert finding.code == "resyncing"
    assert "two is unsafe to promote" in finding.summary
    stalled = replace(sync, stalled=True)
    pair = with_drbd(pair, {"sync": stalled}, {"sync": stalled})
    assert verdict(examine(pair)).code == "resync-stalled"


def test_a_resync_that_has_only_begun_is_not_stalled() -> None:
    sync = Sync("resync", 0.0, 2000, 2000, 0)
    pair = with_drbd(
        healthy(),
        {"connection": "SyncSource", "peer_disk": "Inconsistent", "sync": sync},
        {"connection": "SyncTarget", "disk": "Inconsistent", "sync": sync},
    )
    assert verdict(examine(pair, None, Memory(connection_s={"two": 2.0}))).code == "resyncing"
    assert verdict(examine(pair, None, Memory(connection_s={"two": 20.0}))).code == "resync-stalled"


def test_found_blocks_and_filling_volume_and_skew() -> None:
    assert verdict(examine(with_drbd(healthy(), {"out_of_sync_kib": 160}, {}))).code == "verify-found-blocks"
    full = with_nodes(healthy(), {"space": Reading(Space(1000, 960, 40), None, NOW)}, {})
    assert verdict(examine(full)).code == "data-full"
    skewed = with_nodes(healthy(), {"clock_skew_s": 9.0}, {})
    assert codes(skewed) == ["clock-skew", "healthy"]
    assert verdict(examine(skewed)).code == "healthy"


def test_identifiers_tell_a_split_brain_without_a_log() -> None:
    mine = replace(GI, current="E" * 15 + "1", bitmap="D" * 15 + "1")
    theirs = replace(GI, current="F" * 15 + "0", bitmap="D" * 15 + "0")
    pair = with_drbd(healthy(), {"connection": "StandAlone"}, {"connection": "StandAlone"})
    pair = with_nodes(pair, {"gi": Reading(mine, None, NOW)}, {"gi": Reading(theirs, None, NOW)})
    assert verdict(examine(pair)).code == "split-brain"
    ahead = replace(GI, current="E" * 15 + "1", bitmap=GI.current)
    pair = with_nodes(pair, {"gi": Reading(ahead, None, NOW)}, {"gi": Reading(GI, None, NOW)})
    assert verdict(examine(pair)).code == "replication-refused"


def test_what_holds_of_both_nodes_is_told_of_both() -> None:
    busy = {"load": (30.0, 30.0, 30.0), "processors": 1}
    loaded = [f for f in examine(with_nodes(healthy(), busy, busy)) if f.code == "load-high"]
    assert [finding.nodes for finding in loaded] == [("one",), ("two",)]


def test_an_address_on_the_wrong_node_is_missing_where_the_rest_is() -> None:
    here = {"addresses": Reading((), None, NOW)}
    there = {"addresses": Reading((Address("eth0", "192.168.27.120", 24),), None, NOW)}
    pair = with_nodes(healthy(), here, there)
    swapped = replace(pair, layout=replace(LAYOUT, nodes=("two", "one")), nodes=(pair.nodes[1], pair.nodes[0]))
    for each in (pair, swapped):
        finding = verdict(examine(each))
        assert (finding.code, finding.nodes) == ("address-missing", ("one",))
        assert "it is on two" in finding.summary


def test_both_primary_while_connected() -> None:
    pair = with_drbd(healthy(), {"peer_role": "Primary"}, {"role": "Primary", "peer_role": "Primary"})
    finding = verdict(examine(pair))
    assert finding.code == "both-primary"
    assert any(step.command and "secondary" in step.command for step in finding.remedy)


def test_replication_behind_names_the_side() -> None:
    finding = verdict(examine(with_drbd(healthy(), {"connection": "Ahead"}, {"connection": "Behind"})))
    assert finding.code == "replication-behind"
    assert finding.summary.startswith("two is behind")


def test_a_node_that_has_not_answered_yet_is_not_well() -> None:
    pair = healthy()
    waiting = replace(pair, nodes=(pair.nodes[0], NodeState("two", Link("connecting"))))
    finding = verdict(examine(waiting))
    assert (finding.code, finding.severity) == ("not-known", "unknown")
    assert "nothing is known of two" in finding.summary


def test_a_null_has_a_reason_but_does_not_alarm() -> None:
    pair = with_nodes(healthy(), {"gi": Reading(None, "root is needed", NOW)}, {})
    findings = examine(pair)
    assert verdict(findings).code == "healthy"
    assert any(f.code == "not-known" and "root is needed" in f.summary for f in findings)


def test_a_short_silence_is_told_and_no_alarm() -> None:
    pair = with_nodes(healthy(), {}, {"link": Link("silent", problem="two has not answered for 2 s")})
    findings = examine(pair)
    assert verdict(findings).code == "healthy"
    assert any(f.code == "data-old" and "two has not answered" in f.summary for f in findings)


def test_last_words_of_a_lost_node_are_no_split_brain() -> None:
    pair = with_drbd(healthy(), {"connection": "WFConnection"}, {"connection": "WFConnection", "role": "Primary"})
    assert verdict(examine(pair)).code == "split-brain-active"
    lost = with_nodes(pair, {}, {"link": Link("down", problem="no answer")})
    assert "split-brain-active" not in codes(lost)

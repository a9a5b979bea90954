"""Conditions that the logs tell of, in the words of DRBD 8.0 to 8.4 and of Heartbeat 2.1 and 3.0."""

from __future__ import annotations

from typing import Any

import pytest

from ccops.config import Thresholds
from ccops.pair.model import PairState, Reading, Space
from ccops.triage.case import Memory
from ccops.triage.finding import Finding
from ccops.triage.history import History
from ccops.triage.verdict import examine, verdict
from tests.triage.pairs import NOW, beats, codes, gone, healthy, told, with_drbd, with_nodes

CONNECTED = "drbd data: conn( WFReportParams -> Connected )"
SPLIT = "block drbd1: Split-Brain detected, dropping connection!"
LATE = "WARN: Late heartbeat: Node two: interval {} ms"
UNKNOWN = {"peer_role": "Unknown", "peer_disk": "DUnknown"}


def found(pair: PairState, history: History, code: str, memory: Memory | None = None) -> Finding:
    """The finding with that code; the test fails without it."""
    return next(f for f in examine(pair, history, memory) if f.code == code)


def alone(first: str = "StandAlone", second: str = "WFConnection") -> PairState:
    return with_drbd(healthy(), {"connection": first, **UNKNOWN}, {"connection": second, **UNKNOWN})


def test_a_refusal_without_a_known_cause() -> None:
    finding = verdict(examine(alone()))
    assert finding.code == "replication-refused"
    assert any(step.command and "get-gi" in step.command for step in finding.remedy)


@pytest.mark.parametrize("words", ["incompatible communication protocols", "incompatible after-sb-0pri settings"])
def test_a_refusal_because_settings_differ(words: str) -> None:
    by_hand = "drbd data: conn( Connected -> Disconnecting )"
    findings = examine(alone(), told({"one": (CONNECTED, by_hand, f"drbd data: {words}")}))
    assert verdict(findings).code == "replication-refused"
    assert words in verdict(findings).summary
    assert next(f for f in findings if f.code == "disconnected-by-administrator").cause == "replication-refused"


@pytest.mark.parametrize(
    "line",
    [
        SPLIT,
        "drbd1: Split-Brain detected, dropping connection!",
        "block drbd1: Split-Brain detected but unresolved, dropping connection!",
    ],
)
def test_split_brain_by_the_kernels_word(line: str) -> None:
    assert verdict(examine(alone(), told({"one": (CONNECTED, line)}))).code == "split-brain"
    assert verdict(examine(alone(), told({"one": (line, CONNECTED)}))).code == "replication-refused"


def test_split_brain_remedy_is_spelt_for_the_version() -> None:
    def commands(version: str | None) -> list[str]:
        pair = alone()
        versions = {} if version is None else {"drbd": version}
        pair = with_nodes(pair, {"versions": versions}, {"versions": versions})
        finding = found(pair, told({"one": (CONNECTED, SPLIT)}), "split-brain")
        return [step.command for step in finding.remedy if step.command]

    assert "drbdadm connect --discard-my-data data" in commands("8.4.11")
    assert "drbdadm -- --discard-my-data connect data" in commands("8.3.8")
    assert "drbdadm -- --discard-my-data connect data" in commands(None)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("block drbd1: Unrelated data, aborting!", "unrelated-data"),
        ("drbd data: Authentication of peer failed", "authentication-failed"),
        ("drbd1: Authentication of peer failed, trying again.", "authentication-failed"),
        ("block drbd1: I shall become SyncTarget, but I am primary!", "stale-primary"),
        ("drbd data: conn( Connected -> Disconnecting )", "disconnected-by-administrator"),
    ],
)
def test_causes_of_a_refusal(line: str, code: str) -> None:
    assert verdict(examine(alone(), told({"one": (CONNECTED, line)}))).code == code
    assert codes(alone(), told({"one": (line, CONNECTED)})) == ["replication-refused"]
    assert codes(healthy(), told({"one": (CONNECTED, line)})) == ["healthy"]


def test_a_policy_has_discarded_data() -> None:
    line = "block drbd1: Split-Brain detected, 1 primaries, automatically solved. Sync from peer node"
    finding = found(healthy(), told({"two": (line, CONNECTED)}), "auto-resolved")
    assert finding.nodes == ("two",)
    assert finding.severity == "warning"
    mirrored = "block drbd1: Split-Brain detected, 0 primaries, automatically solved. Sync from this node"
    assert found(healthy(), told({"two": (mirrored,)}), "auto-resolved").nodes == ("one",)
    by_hand = "block drbd1: Split-Brain detected, manually solved. Sync from peer node"
    assert codes(healthy(), told({"two": (by_hand,)})) == ["healthy"]
    assert codes(healthy(), told({"two": (line,)}, ago_s=90_000)) == ["healthy"]


def nobody() -> PairState:
    """Node one is dead, node two holds nothing."""
    pair = with_drbd(healthy(), {}, {"role": "Secondary", "connection": "WFConnection", **UNKNOWN})
    return with_nodes(beats(pair, {}, {"nodes": {"one": "dead", "two": "active"}}), gone(), {})


@pytest.mark.parametrize(
    "words",
    [
        "State change failed: Refusing to be Primary without at least one UpToDate disk",
        "State change failed: Need access to UpToDate data",
        "State change failed: Refusing to be Primary while peer is not outdated",
    ],
)
def test_promotion_refused(words: str) -> None:
    finding = verdict(examine(nobody(), told({"two": (f"block drbd1: {words}",)})))
    assert finding.code == "promotion-refused"
    assert "primary" in (finding.remedy[-1].command or "")
    assert "last resort" in finding.remedy[-1].text


def test_promotion_refused_by_heartbeats_word() -> None:
    lines = (
        "ERROR: Return code 1 from /etc/ha.d/resource.d/drbddisk",
        "CRIT: Giving up resources due to failure of drbddisk::data",
    )
    assert verdict(examine(nobody(), told(None, {"two": lines}))).code == "promotion-refused"


def test_what_was_refused_long_ago_or_has_worked_since_is_not_told() -> None:
    words = {"two": ("block drbd1: State change failed: Need access to UpToDate data",)}
    assert "promotion-refused" not in codes(nobody(), told(words, ago_s=1000))
    assert codes(healthy(), told(words)) == ["healthy"]


def test_late_heartbeats_with_numbers() -> None:
    history = told(None, {"one": tuple(LATE.format(ms) for ms in (5100, 8200, 6000))})
    finding = verdict(examine(healthy(), history))
    assert finding.code == "late-heartbeats"
    assert finding.nodes == ("two",)
    assert "3 late" in finding.summary
    assert "8.2 s" in finding.summary
    assert codes(healthy(), told(None, {"one": (LATE.format(5100),)})) == ["healthy"]


def test_partition_healed_hides_what_it_made_late() -> None:
    lines = ("CRIT: Cluster node two returning after partition.", *[LATE.format(63_070)] * 3)
    findings = examine(healthy(), told(None, {"one": lines, "two": lines[:1]}))
    assert verdict(findings).code == "partition-healed"
    assert "63 s" in verdict(findings).summary
    assert next(f for f in findings if f.code == "late-heartbeats").cause == "partition-healed"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ERROR: Standby mode only implemented when nice_failback on", "auto_failback is legacy"),
        ("info: standby message [all] from one ignored.  Other side is in flux.", "still moving"),
        ("WARN: No reply to standby request.  Standby request cancelled.", "did not answer"),
    ],
)
def test_standby_ignored(line: str, why: str) -> None:
    finding = verdict(examine(healthy(), told(None, {"one": (line,)})))
    assert finding.code == "standby-ignored"
    assert why in finding.summary


def test_standby_that_worked_in_the_end_is_not_told() -> None:
    ignored = told(None, {"one": ("info: standby message [all] from one ignored.  Other side is in flux.",)}, ago_s=90)
    done = told(None, {"one": ("info: Local standby process completed [all].",)}, ago_s=30)
    assert codes(healthy(), History((), ignored.heartbeat + done.heartbeat)) == ["healthy"]


FAILED = (
    "ERROR: Return code 1 from /etc/ha.d/resource.d/asterisk",
    "CRIT: Giving up resources due to failure of asterisk",
)


def test_start_failed() -> None:
    finding = verdict(examine(healthy(), told(None, {"two": FAILED})))
    assert (finding.code, finding.severity, finding.nodes) == ("start-failed", "warning", ("two",))
    assert "asterisk" in finding.summary
    assert verdict(examine(nobody(), told(None, {"two": FAILED}))).severity == "critical"


def test_stop_failed() -> None:
    line = "ERROR: Resource STOP failure. Reboot required!"
    finding = verdict(examine(healthy(), told(None, {"one": (line,)})))
    assert finding.code == "stop-failed"
    assert any(step.command and "fuser" in step.command for step in finding.remedy)


def test_device_held() -> None:
    tried, worked = "ERROR: Couldn't unmount /data; trying cleanup with TERM", "INFO: unmounted /data successfully"
    assert verdict(examine(healthy(), told(None, {"one": (tried,)}))).code == "device-held"
    assert codes(healthy(), told(None, {"one": (tried, worked)})) == ["healthy"]
    given_up = with_nodes(healthy(), {"mounts": Reading((), None, NOW)}, {})
    assert "device-held" not in codes(given_up, told(None, {"one": (tried,)}))
    halfway = with_nodes(healthy(), {"services": Reading({"asterisk": "stopped", "mysqld": "stopped"}, None, NOW)}, {})
    finding = verdict(examine(halfway, told(None, {"one": (tried,)})))
    assert (finding.code, finding.severity) == ("device-held", "critical")
    held = {"one": ("block drbd1: State change failed: Device is held open by someone",)}
    assert verdict(examine(healthy(), told(held))).code == "device-held"


def test_resources_bouncing() -> None:
    moves = tuple(["info: Running /etc/ha.d/resource.d/IPaddr2 192.168.27.120/24 start"] * 3)
    assert verdict(examine(healthy(), told(None, {"one": moves[:2], "two": moves[:1]}))).code == "resources-bouncing"
    asked = ("info: two wants to go standby [all]",) * 3
    assert codes(healthy(), told(None, {"one": moves + asked})) == ["healthy"]
    returned = ("info: Resources being acquired from two.", "info: Restarting heartbeat.")
    assert "resources-bouncing" not in codes(healthy(), told(None, {"one": moves + returned[:1] + returned[1:] * 2}))
    three = verdict(examine(healthy(), told(None, {"two": FAILED * 3})))
    assert three.code == "resources-bouncing"
    assert "asterisk" in three.summary


def test_both_machines_own_is_no_fault_by_itself() -> None:
    line = "ERROR: Both machines own our resources!"
    assert codes(healthy(), told(None, {"one": (line,), "two": (line,)})) == ["healthy"]


def test_flapping() -> None:
    lost = "drbd data: peer( Secondary -> Unknown ) conn( Connected -> NetworkFailure ) pdsk( UpToDate -> DUnknown )"
    assert verdict(examine(healthy(), told({"one": (lost, CONNECTED) * 3}))).code == "replication-flapping"
    assert codes(healthy(), told({"one": (lost, CONNECTED) * 2})) == ["healthy"]


def test_a_move_is_told_in_heartbeats_words() -> None:
    pair = beats(nobody_holds(), {"resources": "transition"}, {})
    history = told(None, {"one": ("info: one wants to go standby [all]",)}, ago_s=12)
    finding = verdict(examine(pair, history, Memory(unserved_s=9.0, transition_s=11.0)))
    assert finding.code == "in-transition"
    assert "one gives its resources to the other node" in finding.summary
    assert "9 s" in finding.summary


def test_a_move_that_takes_too_long_is_a_fault() -> None:
    pair = beats(nobody_holds(), {"resources": "transition"}, {})
    assert verdict(examine(pair, None, Memory(unserved_s=100.0, transition_s=100.0))).code == "in-transition"
    assert verdict(examine(pair, None, Memory(unserved_s=200.0, transition_s=200.0))).code == "nobody-serves"


def test_what_is_lost_without_a_move_is_a_fault_sooner() -> None:
    calm = told(None, {"one": ("info: Link two:eth0 up.",)}, ago_s=500)
    moving = told(None, {"one": ("info: one wants to go standby [all]",)}, ago_s=40)
    for history, code in ((calm, "nobody-serves"), (moving, "in-transition"), (History(), "in-transition")):
        assert codes(nobody_holds(), history, Memory(unserved_s=20.0)) == [code]
    assert codes(nobody_holds(), calm, Memory(unserved_s=10.0)) == ["in-transition"]


def nobody_holds() -> PairState:
    empty: dict[str, Any] = {field: getattr(healthy().nodes[1], field) for field in ("addresses", "mounts", "services")}
    return with_nodes(with_drbd(healthy(), {"role": "Secondary"}, {}), empty, {})


def test_a_start_is_no_fault_until_its_time_is_over() -> None:
    started = "info: Configuration validated. Starting heartbeat 3.0.6"
    assert codes(nobody_holds(), told(None, {"one": (started,)}, ago_s=40)) == ["in-transition"]
    assert codes(nobody_holds(), told(None, {"one": (started,)}, ago_s=400)) == ["nobody-serves"]
    booting = with_nodes(nobody_holds(), {"uptime_s": 30.0}, {"uptime_s": 35.0})
    assert codes(booting) == ["in-transition"]
    waiting = with_drbd(booting, {"connection": "WFConnection"}, {"connection": "WFConnection"})
    assert codes(waiting) == ["in-transition"]
    # Once it was seen well, whatever is lost is lost, however young the machines are.
    assert codes(waiting, None, Memory(settled_s=5.0)) == ["nobody-serves", "replication-link-down"]


def test_a_start_hides_no_split_brain() -> None:
    young = with_nodes(alone(), {"uptime_s": 30.0}, {"uptime_s": 35.0})
    assert verdict(examine(young, told({"one": (SPLIT,)}))).code == "split-brain"


def test_passing_states_are_given_their_time() -> None:
    pair = with_drbd(healthy(), {"connection": "BrokenPipe"}, {"connection": "Unconnected"})
    assert codes(pair) == ["healthy"]
    lasting = Memory(connection_s={"one": 11.0, "two": 3.0})
    assert codes(pair, None, lasting) == ["replication-link-down"]


def test_thresholds_are_settings() -> None:
    history = told(None, {"one": (LATE.format(5100),)})
    findings = examine(healthy(), history, None, Thresholds(late_heartbeats=1))
    assert verdict(findings).code == "late-heartbeats"
    busy = with_nodes(healthy(), {"load": (9.0, 9.5, 2.0), "processors": 1, "sampled_at": NOW}, {})
    assert codes(busy) == ["load-high"]
    assert codes(with_nodes(busy, {"processors": 4}, {})) == ["healthy"]
    assert codes(with_nodes(busy, {"processors": None}, {})) == ["healthy"]


def test_a_growing_volume_is_dated() -> None:
    pair = with_nodes(healthy(), {"space": Reading(Space(1_000_000, 900_000, 100_000), None, NOW)}, {})
    finding = verdict(examine(pair, None, Memory(growth_kib_s={"one": 10.0})))
    assert finding.code == "data-filling"
    assert "full in 2.8 h" in finding.summary

"""Two nodes joined: who serves, how old, in which words."""

from typing import Any, get_args

import msgspec
import pytest

from ccops.pair import joined, vocabulary
from ccops.pair.freshness import age_out, freshness
from ccops.pair.model import (
    Address,
    DrbdResource,
    DrbdStatus,
    Heartbeat,
    Link,
    LinkPhase,
    Mount,
    NodeState,
    PairLayout,
    PairState,
    Reading,
    Service,
    Sync,
)

LAYOUT = PairLayout("lab", ("n1", "n2"), "192.0.2.120")
HEARTBEAT = Heartbeat(True, resources="local", nodes={"n1": "active", "n2": "dead"})


def node(name: str, serves: bool, resource: DrbdResource | None = None) -> NodeState:
    resource = resource or DrbdResource(1, "Connected", "Primary" if serves else "Secondary")
    addresses = (Address("eth0", "192.0.2.1"), *((Address("eth0", LAYOUT.address, 24),) if serves else ()))
    mounts = (Mount("/dev/drbd1", "/data", "ext3"),) if serves else ()
    state: Service = "running" if serves else "stopped"
    return NodeState(
        name,
        Link("up"),
        sampled_at=100.0,
        uptime_s=5.0,
        load=(1.0, 1.0, 1.0),
        drbd=Reading(DrbdStatus("8.4.11", (resource,)), None, 100.0),
        heartbeat=Reading(HEARTBEAT, None, 100.0),
        addresses=Reading(addresses, None, 100.0),
        mounts=Reading(mounts, None, 100.0),
        services=Reading({"asterisk": state, "mysqld": state}, None, 100.0),
    )


def pair(one: NodeState, two: NodeState) -> PairState:
    return PairState(LAYOUT, (one, two), 100.0)


def without(state: NodeState, **changes: Any) -> NodeState:
    return msgspec.structs.replace(state, **changes)


HEALTHY = pair(node("n1", True), node("n2", False))
UNREAD: Reading[Any] = Reading(None, "not read", 90.0)


def test_one_serves() -> None:
    assert joined.serving(HEALTHY) == "n1"
    assert (joined.serves(HEALTHY, "n1"), joined.serves(HEALTHY, "n2")) == (True, False)
    assert joined.address_owners(HEALTHY) == ("n1",)
    assert joined.primaries(HEALTHY) == ("n1",)
    assert (joined.holds_anything(HEALTHY, "n1"), joined.holds_anything(HEALTHY, "n2")) == (True, False)
    assert joined.sees_peer(HEALTHY, "n1") is False
    assert joined.sees_peer(HEALTHY, HEALTHY.node("n2")) is True


def test_both_or_none_is_no_one() -> None:
    both = pair(node("n1", True), node("n2", True))
    assert joined.serving(both) is None
    assert joined.servers(both) == ("n1", "n2")
    assert joined.serving(pair(node("n1", False), node("n2", False))) is None


@pytest.mark.parametrize("field", ["drbd", "addresses", "mounts", "services"])
def test_what_was_not_read_is_not_known(field: str) -> None:
    found = pair(without(node("n1", True), **{field: UNREAD}), node("n2", False))
    assert joined.serving(found) is None
    assert joined.serves(found, "n1") is None
    assert joined.holds_anything(found, "n1") is True
    unknown = pair(without(node("n1", False), **{field: UNREAD}), node("n2", True))
    assert joined.serves(unknown, "n1") is False
    assert joined.holds_anything(unknown, "n1") is None
    assert joined.serving(unknown) == "n2"


def test_unreachable_nodes_tell_nothing() -> None:
    found = pair(NodeState("n1", Link("down")), NodeState("n2", Link("down")))
    assert joined.serving(found) is None
    assert joined.address_owners(found) == ()
    assert joined.best_sync(found) is None
    assert joined.reachable(found) == ()
    for ask in (
        joined.serves,
        joined.holds_address,
        joined.has_mount,
        joined.is_primary,
        joined.holds_anything,
        joined.sees_peer,
    ):
        assert ask(found, "n1") is None
    assert joined.service_state(found, "n1", "asterisk") is None
    assert joined.resource(found.nodes[0], LAYOUT) is None


def test_one_stopped_service_is_enough_not_to_serve() -> None:
    stopped = Reading[Any]({"asterisk": "running", "mysqld": "stopped"}, None, 100.0)
    assert joined.serves(pair(without(node("n1", True), services=stopped), node("n2", False)), "n1") is False
    unknown = Reading[Any]({"asterisk": "running", "mysqld": "unknown"}, None, 100.0)
    assert joined.serves(pair(without(node("n1", True), services=unknown), node("n2", False)), "n1") is None
    missing = Reading[Any]({"asterisk": "running"}, None, 100.0)
    assert joined.serves(pair(without(node("n1", True), services=missing), node("n2", False)), "n1") is None


def test_a_service_is_found_by_its_unit_too() -> None:
    layout = msgspec.structs.replace(LAYOUT, services={"mysqld": "mariadb"})
    by_unit = without(node("n1", True), services=Reading[Any]({"mariadb": "running"}, None, 100.0))
    assert joined.service_state(PairState(layout, (by_unit, node("n2", False)), 100.0), "n1", "mysqld") == "running"


def test_another_device_or_a_read_only_mount_is_not_the_service() -> None:
    other = Reading[Any]((Mount("/dev/sda1", "/data", "ext3"),), None, 100.0)
    assert joined.has_mount(pair(without(node("n1", True), mounts=other), node("n2", False)), "n1") is False
    read_only = Reading[Any]((Mount("/dev/drbd/by-res/data", "/data", "ext3", read_only=True),), None, 100.0)
    found = pair(without(node("n1", True), mounts=read_only), node("n2", False))
    assert joined.has_mount(found, "n1") is True
    assert joined.serves(found, "n1") is False


def syncing(connection: str, sync: Sync | None) -> DrbdResource:
    return DrbdResource(1, connection, "Secondary", sync=sync)


def test_best_sync_prefers_the_target() -> None:
    slow, fast = Sync("resync", 9.7), Sync("resync", 13.0)
    found = pair(node("n1", True, syncing("SyncSource", slow)), node("n2", False, syncing("SyncTarget", fast)))
    assert joined.best_sync(found) == joined.JoinedSync("n1", "n2", fast)
    alone = pair(node("n1", True, syncing("SyncSource", slow)), NodeState("n2"))
    assert joined.best_sync(alone) == joined.JoinedSync("n1", "n2", slow)


def test_best_sync_borrows_the_progress_and_keeps_the_pause() -> None:
    paused, counting = Sync("resync", left_kib=77, paused=True), Sync("resync", 13.0)
    found = pair(node("n1", True, syncing("SyncSource", counting)), node("n2", False, syncing("PausedSyncT", paused)))
    assert joined.best_sync(found) == joined.JoinedSync("n1", "n2", Sync("resync", 13.0, paused=True))


def test_freshness() -> None:
    assert [freshness(t, 10.0, 2.0, 5.0) for t in (10.0, 8.0, 7.9, 5.0, 4.9, None)] == [
        "live",
        "live",
        "old",
        "old",
        "unknown",
        "unknown",
    ]


def test_what_is_too_old_is_not_known_any_more() -> None:
    aged = age_out(HEALTHY, 112.0, 3.0, 10.0)
    assert aged.at == 112.0
    for state in aged.nodes:
        for field in ("drbd", "heartbeat", "addresses", "mounts", "services"):
            assert getattr(state, field) == Reading(None, "not read for 12 s", 100.0)
        assert state.gi == Reading()
        assert (state.load, state.uptime_s) == (None, None)
        assert state.link == Link("silent", problem="no sample for 12 s")
    assert joined.serving(aged) is None


def test_what_is_only_old_keeps_its_value_but_the_link_is_silent() -> None:
    aged = age_out(HEALTHY, 105.0, 3.0, 10.0)
    assert joined.serving(aged) == "n1"
    assert aged.nodes[0].load == (1.0, 1.0, 1.0)
    assert aged.nodes[0].link.phase == "silent"
    assert age_out(HEALTHY, 102.0, 3.0, 10.0).nodes == HEALTHY.nodes


def test_readings_taken_less_often_have_their_own_limit() -> None:
    aged = age_out(HEALTHY, 112.0, 3.0, 10.0, {"services": 60.0})
    assert aged.nodes[0].services == HEALTHY.nodes[0].services
    assert aged.nodes[0].mounts.value is None


def test_a_reason_for_having_no_value_is_kept() -> None:
    found = pair(without(node("n1", True), mounts=Reading(None, "permission denied", 50.0)), node("n2", False))
    assert age_out(found, 112.0, 3.0, 10.0).nodes[0].mounts.problem == "permission denied"


@pytest.mark.parametrize(
    ("kind", "value", "severity"),
    [
        ("connection", "Connected", "ok"),
        ("connection", "VerifyT", "info"),
        ("connection", "SyncTarget", "warning"),
        ("connection", "PausedSyncS", "warning"),
        ("connection", "Behind", "warning"),
        ("connection", "WFConnection", "critical"),
        ("connection", "StandAlone", "critical"),
        ("connection", "NetworkFailure", "warning"),
        ("connection", "Unconfigured", "critical"),
        ("disk", "UpToDate", "ok"),
        ("disk", "Consistent", "warning"),
        ("disk", "Outdated", "critical"),
        ("disk", "Inconsistent", "critical"),
        ("disk", "Diskless", "critical"),
        ("disk", "DUnknown", "unknown"),
        ("role", "Unknown", "unknown"),
        ("node", "dead", "critical"),
        ("resources", "local", "ok"),
        ("resources", "transition", "warning"),
        ("link", "dead", "critical"),
        ("service", "failed", "critical"),
        ("phase", "silent", "warning"),
        ("phase", "off", "unknown"),
    ],
)
def test_vocabulary(kind: vocabulary.Kind, value: str, severity: str) -> None:
    word = vocabulary.describe(kind, value)
    assert word.severity == severity
    assert word.text


def test_every_state_of_the_model_has_words() -> None:
    assert vocabulary.TABLE["service"].keys() == set(get_args(Service))
    assert vocabulary.TABLE["phase"].keys() == set(get_args(LinkPhase))
    assert vocabulary.TABLE.keys() == set(get_args(vocabulary.Kind))


def test_states_that_are_not_in_the_table() -> None:
    assert vocabulary.describe("disk", "Odd\x1b[2J") == vocabulary.Word("unknown", "Odd[2J")
    assert vocabulary.describe("disk", None) == vocabulary.Word("unknown", "not known")
    assert vocabulary.describe("disk", "\x1b").text == "not known"


def test_the_worst_of_several() -> None:
    assert vocabulary.worst(("ok", "critical", "unknown")) == "critical"
    assert vocabulary.worst(("ok", "warning", "unknown")) == "unknown"
    assert vocabulary.worst(()) == "unknown"

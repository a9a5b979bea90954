"""What can never be, whatever is done to the pair; and what must become of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.demo.commands import act
from ccops.demo.handshake import SPLIT_BRAIN, UNRELATED, compare
from ccops.demo.machine import KERNEL_LOG
from ccops.demo.pair import SimulatedPair
from ccops.demo.replica import print_proc

DEEDS = {
    "cut": lambda pair, n: pair.cut_network(),
    "cut replication": lambda pair, n: pair.cut_replication(),
    "heal": lambda pair, n: pair.heal(),
    "power off": lambda pair, n: pair.power_off(n),
    "boot": lambda pair, n: pair.boot(n),
    "freeze": lambda pair, n: pair.freeze(n),
    "thaw": lambda pair, n: pair.thaw(n),
    "standby": lambda pair, n: pair.heartbeat.standby(n),
    "takeover": lambda pair, n: pair.heartbeat.takeover(n, "local"),
    "stop heartbeat": lambda pair, n: pair.heartbeat.stop(n),
    "start heartbeat": lambda pair, n: pair.heartbeat.start(n),
    "disconnect": lambda pair, n: pair.drbd.disconnect(n),
    "connect": lambda pair, n: pair.drbd.connect(n),
    "discard": lambda pair, n: pair.drbd.connect(n, discard=True),
    "secondary": lambda pair, n: pair.drbd.secondary(n),
    "primary": lambda pair, n: pair.drbd.primary(n),
    "verify": lambda pair, n: pair.drbd.verify(n),
    "pause": lambda pair, n: pair.drbd.pause(n, True),
    "resume": lambda pair, n: pair.drbd.pause(n, False),
    "invalidate": lambda pair, n: pair.drbd.disks.invalidate(n),
    "rehearse": lambda pair, n: pair.drbd.connect(n, discard=True, tentative=True),
    "attach": lambda pair, n: pair.drbd.disks.attach(n),
    "detach": lambda pair, n: pair.drbd.disks.detach(n),
    "outdate": lambda pair, n: pair.drbd.disks.outdate(n),
    "force": lambda pair, n: pair.drbd.primary(n, force=True),
    "adjust": lambda pair, n: pair.drbd.adjust(n),
    "down": lambda pair, n: pair.drbd.down(n),
    "suspend": lambda pair, n: pair.drbd.disks.suspend(n, True),
    "damage": lambda pair, n: pair.drbd.damage(n, 100),
    "hold": lambda pair, n: pair.hold(n),
    "hold fast": lambda pair, n: pair.hold(n, killable=False),
    "let go": lambda pair, n: pair.let_go(n),
    "legacy": lambda pair, n: pair.configure(n, auto_failback=None),
    "stop mysqld": lambda pair, n: act(pair, n, ["service", "mysqld", "stop"]),
    "unmount": lambda pair, n: act(pair, n, ["umount", "/data"]),
    "mount": lambda pair, n: act(pair, n, ["mount", "-o", "ro", "/dev/drbd1", "/data"]),
    "restart asterisk": lambda pair, n: pair.stop_service(n, "asterisk", then_start=True),
    "write": lambda pair, n: pair.drbd.write(n, 40_000),
}


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 1), st.floats(0, 40)), min_size=1, max_size=14
    ),
    seed=st.integers(0, 1000),
)
def test_nothing_impossible_ever_is(steps: list[tuple[str, int, float]], seed: int) -> None:
    pair = SimulatedPair(seed, size=200_000)
    for deed, n, seconds in steps:
        if pair.machines[n].alive or deed in {"boot", "thaw", "power off", "heal", "cut", "cut replication"}:
            DEEDS[deed](pair, n)
        run(pair, seconds)


def run(pair: SimulatedPair, seconds: float) -> None:
    """Steps, and looks at every one."""
    passed = 0.0
    while passed < seconds:
        pair.step(1.0)
        passed += 1.0
        assert pair.check() == []
        for side, machine in zip(pair.drbd.sides, pair.machines, strict=True):
            assert "cs:" in print_proc(side, machine.wall())
            assert 0 <= side.out_of_sync <= pair.drbd.size
            assert side.out_of_sync % 4 == 0


def test_check_sees_what_cannot_be() -> None:
    pair = SimulatedPair()
    for side in pair.drbd.sides:
        side.connection = "SyncSource"
        side.role = "Primary"
    assert {"both sides are SyncSource", "both sides are Primary and connected"} <= set(pair.check())


def test_a_resync_target_is_inconsistent_until_it_is_done() -> None:
    pair = SimulatedPair(size=200_000)
    pair.drbd.disconnect(1)
    pair.drbd.write(0, 60_000)
    pair.drbd.connect(1)
    seen = []
    for _ in range(100):
        pair.step(0.25)
        target = pair.drbd.sides[1]
        state = (target.connection, target.disk, target.peer_disk)
        if not seen or seen[-1] != state:
            seen.append(state)
    assert seen == [
        ("WFConnection", "UpToDate", "DUnknown"),
        ("SyncTarget", "Inconsistent", "UpToDate"),
        ("Connected", "UpToDate", "UpToDate"),
    ]
    one, two = pair.drbd.sides
    assert one.uuids[0] & ~1 == two.uuids[0] & ~1
    assert one.uuids[1] == two.uuids[1] == 0


def test_an_inconsistent_side_is_not_promoted_alone() -> None:
    pair = SimulatedPair(size=200_000)
    pair.drbd.disks.invalidate(1)
    pair.cut_network()
    run(pair, 15)
    assert pair.drbd.sides[1].disk == "Inconsistent"
    assert pair.drbd.primary(1) == (-2, "Need access to UpToDate data")
    run(pair, 30)
    assert pair.serving == (0,)
    assert any(
        "Giving up resources due to failure of drbddisk::data" in line
        for line in pair.machines[1].logs["var/log/ha-log"]
    )


def diverge(pair: SimulatedPair) -> None:
    """Both serve, both write, and then they see each other again."""
    pair.cut_network()
    run(pair, 60)
    assert pair.serving == (0, 1)
    pair.heal()
    run(pair, 5)


def test_diverged_sides_refuse_each_other_and_say_so() -> None:
    pair = SimulatedPair()
    diverge(pair)
    for side, machine in zip(pair.drbd.sides, pair.machines, strict=True):
        assert side.connection == "StandAlone"
        lines = "\n".join(machine.logs[KERNEL_LOG])
        assert "uuid_compare()=100 by rule 90" in lines
        assert "Split-Brain detected but unresolved, dropping connection!" in lines


def test_a_split_brain_is_mended_by_giving_one_side_up() -> None:
    pair = SimulatedPair()
    diverge(pair)
    run(pair, 60)
    before = pair.drbd.sides[0].uuids[0]
    assert pair.drbd.connect(0, discard=True) == (123, "--discard-my-data not allowed when primary.")
    assert pair.drbd.connect(1, discard=True) is None
    assert pair.drbd.connect(0) is None
    run(pair, 60)
    assert [side.connection for side in pair.drbd.sides] == ["Connected", "Connected"]
    assert pair.drbd.sides[1].uuids[0] & ~1 == before & ~1
    assert any("manually solved. Sync from peer node" in line for line in pair.machines[1].logs[KERNEL_LOG])


def test_connecting_without_giving_up_is_refused_again() -> None:
    pair = SimulatedPair()
    diverge(pair)
    run(pair, 60)
    pair.drbd.connect(0)
    pair.drbd.connect(1)
    run(pair, 10)
    assert [side.connection for side in pair.drbd.sides] == ["StandAlone", "StandAlone"]


def test_a_broken_resync_goes_on_where_it_stood() -> None:
    pair = SimulatedPair(size=200_000, rate=4096)
    pair.drbd.disconnect(1)
    pair.drbd.write(0, 100_000)
    pair.drbd.connect(1)
    run(pair, 12)
    left = pair.drbd.sides[0].out_of_sync
    assert 0 < left < 100_000
    pair.cut_replication()
    run(pair, 20)
    pair.heal()
    run(pair, 4)
    assert pair.drbd.sides[1].connection == "SyncTarget"
    assert pair.drbd.sides[0].out_of_sync <= left + 4000
    run(pair, 60)
    assert pair.drbd.sides[1].disk == "UpToDate"


def test_a_paused_resync_stands_still() -> None:
    pair = SimulatedPair(size=200_000)
    pair.drbd.disks.invalidate(1)
    run(pair, 3)
    pair.drbd.pause(1, True)
    assert [side.connection for side in pair.drbd.sides] == ["PausedSyncS", "PausedSyncT"]
    left = pair.drbd.sides[1].out_of_sync
    run(pair, 10)
    assert pair.drbd.sides[1].out_of_sync == left
    assert "sync'ed" not in print_proc(pair.drbd.sides[1], 0.0)
    pair.drbd.pause(1, False)
    run(pair, 60)
    assert pair.drbd.sides[1].connection == "Connected"


def test_a_verify_counts_what_differs_and_a_reconnect_repairs_it() -> None:
    pair = SimulatedPair(size=100_000)
    pair.drbd.damage(1, 100)
    pair.drbd.verify(1)
    run(pair, 20)
    assert [side.out_of_sync for side in pair.drbd.sides] == [400, 400]
    assert any("Online verify found 100 4k block out of sync!" in line for line in pair.machines[1].logs[KERNEL_LOG])
    pair.drbd.disconnect(1)
    pair.drbd.connect(1)
    run(pair, 20)
    assert [side.out_of_sync for side in pair.drbd.sides] == [0, 0]


def test_a_standby_towards_a_dead_peer_is_cancelled() -> None:
    pair = SimulatedPair()
    pair.power_off(1)
    run(pair, 40)
    pair.heartbeat.standby(0)
    run(pair, 15)
    assert pair.serving == (0,)
    assert any("No reply to standby request" in line for line in pair.machines[0].logs["var/log/ha-log"])


def test_a_standby_in_flux_is_ignored() -> None:
    pair = SimulatedPair()
    pair.heartbeat.standby(0)
    run(pair, 2)
    pair.heartbeat.standby(0)
    run(pair, 60)
    assert pair.serving == (1,)
    assert any("Other side is in flux." in line for line in pair.machines[0].logs["var/log/ha-log"])


def test_rules_by_which_generations_are_compared() -> None:
    base, mine, its, old = 0xA0, 0xB0, 0xC0, 0xD0
    assert compare([base | 1, 0, old, 0], [base, 0, old, 0]) == (0, 40)
    assert compare([mine, base, old, 0], [base, 0, old, 0]) == (1, 70)
    assert compare([base, 0, old, 0], [mine, base, old, 0]) == (-1, 50)
    assert compare([mine, base | 1, old, 0], [its, base, old, 0]) == (SPLIT_BRAIN, 90)
    assert compare([mine, 0, old, 0], [its, base, old, 0]) == (-SPLIT_BRAIN, 100)
    assert compare([mine, 0, 0, 0], [its, 0, 0, 0]) == (UNRELATED, 110)
    assert compare([4, 0, 0, 0], [its, 0, 0, 0]) == (-2, 20)

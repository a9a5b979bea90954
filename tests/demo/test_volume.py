"""The volume's verbs beside connecting and promoting: rehearsals, verifies, disks, rates; as DRBD 8.4 has them."""

from __future__ import annotations

import pytest

from ccops.demo.machine import KERNEL_LOG
from ccops.demo.pair import SimulatedPair
from ccops.demo.replica import print_proc
from tests.demo.test_commands import run
from tests.demo.test_state_machine import diverge
from tests.demo.test_state_machine import run as go_on


def connections(pair: SimulatedPair) -> tuple[str, str]:
    one, two = (side.connection for side in pair.drbd.sides)
    return one, two


def log(pair: SimulatedPair, n: int) -> str:
    return "\n".join(pair.machines[n].logs[KERNEL_LOG])


# Rehearsals.


@pytest.mark.parametrize(
    "line",
    [
        "drbdadm connect --discard-my-data --tentative data",
        "drbdadm connect --tentative --discard-my-data data",
        "drbdadm -- --dry-run --discard-my-data connect data",
    ],
)
def test_a_rehearsal_tells_and_changes_nothing(line: str) -> None:
    pair = SimulatedPair()
    diverge(pair)
    go_on(pair, 60)
    before = [(side.generation(), side.out_of_sync) for side in pair.drbd.sides]
    pair.drbd.connect(0)
    assert run(pair, 1, line).code == 0
    go_on(pair, 5)
    assert connections(pair) == ("WFConnection", "StandAlone")
    told = log(pair, 1).rpartition("drbd_sync_handshake:")[2]
    assert "uuid_compare()=100 by rule 90" in told
    assert "Split-Brain detected, manually solved. Sync from peer node" in told
    assert "dry-run connect: Would become SyncTarget, doing a bit-map based resync." in told
    assert "dry-run connect: Would become SyncSource, doing a bit-map based resync." in log(pair, 0)
    assert "peer" in log(pair, 0).rpartition("flags:1")[0].rpartition("\n")[2]
    assert [side.generation().split(":")[1:4] for side in pair.drbd.sides] == [g.split(":")[1:4] for g, _ in before]
    assert pair.drbd.sides[1].out_of_sync == before[1][1]
    assert pair.drbd.sides[1].disk == "UpToDate"


def test_a_rehearsal_of_an_unresolved_split_brain_drops_only_who_rehearsed() -> None:
    pair = SimulatedPair()
    diverge(pair)
    go_on(pair, 60)
    pair.drbd.connect(0)
    assert run(pair, 1, "drbdadm connect --tentative data").code == 0
    go_on(pair, 5)
    assert connections(pair) == ("WFConnection", "StandAlone")
    told = log(pair, 1).rpartition("drbd_sync_handshake:")[2]
    assert "Split-Brain detected but unresolved, dropping connection!" in told
    assert "dry-run" not in told


def test_a_rehearsal_of_a_plain_resync_and_of_none() -> None:
    pair = SimulatedPair()
    pair.drbd.disconnect(1)
    pair.drbd.write(0, 8000)
    run(pair, 1, "drbdadm connect --tentative data")
    go_on(pair, 5)
    assert "dry-run connect: Would become SyncTarget, doing a bit-map based resync." in log(pair, 1)
    assert connections(pair) == ("WFConnection", "StandAlone")
    pair.drbd.connect(1)
    go_on(pair, 20)
    assert connections(pair) == ("Connected", "Connected")


def test_a_rehearsal_waits_until_the_peer_is_there() -> None:
    pair = SimulatedPair()
    diverge(pair)
    go_on(pair, 60)
    assert run(pair, 1, "drbdadm connect --discard-my-data --tentative data").code == 0
    go_on(pair, 10)
    assert connections(pair) == ("StandAlone", "WFConnection")
    assert run(pair, 1, "drbdadm disconnect data").code == 0
    assert not pair.drbd.sides[1].tentative


# Verifies.


def test_a_verify_finds_what_was_damaged_and_a_reconnect_repairs_it() -> None:
    pair = SimulatedPair(size=100_000, writes=0)
    pair.drbd.damage(1, 25)
    assert run(pair, 1, "drbdadm verify data").code == 0
    go_on(pair, 20)
    assert "Online verify found 25 4k block out of sync!" in log(pair, 0)
    assert "Online verify done (total" in log(pair, 1)
    assert [side.out_of_sync for side in pair.drbd.sides] == [100, 100]
    run(pair, 1, "drbdadm disconnect data")
    run(pair, 1, "drbdadm connect data")
    go_on(pair, 4)
    assert "Began resync as SyncTarget (will sync 100 KB [25 bits set])." in log(pair, 1)
    go_on(pair, 10)
    assert [side.out_of_sync for side in pair.drbd.sides] == [0, 0]
    run(pair, 1, "drbdadm verify data")
    go_on(pair, 20)
    assert log(pair, 0).count("Online verify found") == 1


def test_a_verify_without_an_algorithm_is_refused() -> None:
    pair = SimulatedPair()
    pair.configure(1, verify_alg=None)
    answer = run(pair, 1, "drbdadm verify data")
    assert (answer.code, answer.err.splitlines()[0]) == (
        11,
        "1: State change failed: (-14) Need a verify algorithm to start online verify",
    )


def test_a_verify_of_a_verify_is_refused() -> None:
    pair = SimulatedPair()
    run(pair, 1, "drbdadm verify data")
    assert "(-8) Can not start OV/resync since it is already active" in run(pair, 0, "drbdadm verify data").err


# Rates.


@pytest.mark.parametrize(
    "line",
    [
        "drbdadm disk-options --c-plan-ahead=0 --resync-rate=40M data",
        "drbdsetup /dev/drbd1 syncer -r 40M",
    ],
)
def test_a_resync_is_as_fast_as_its_target_wants(line: str) -> None:
    pair = SimulatedPair(size=1 << 20, rate=4096)
    pair.drbd.disks.invalidate(1)
    go_on(pair, 5)
    assert run(pair, 0, line).code == 0
    go_on(pair, 19)
    assert pair.drbd.sides[0].progress is not None
    slow = pair.drbd.sides[0].progress.speed(pair.machines[0].wall())[0]
    assert 3600 < slow < 4600
    assert run(pair, 1, line).code == 0
    go_on(pair, 19)
    assert pair.drbd.sides[1].progress is not None
    assert 36_000 < pair.drbd.sides[1].progress.speed(pair.machines[1].wall())[0] < 46_000
    assert run(pair, 1, "drbdadm adjust data").code == 0
    assert pair.drbd.sides[1].rate == 4096


def test_adjust_connects_what_stands_alone() -> None:
    pair = SimulatedPair()
    run(pair, 1, "drbdadm disconnect data")
    assert run(pair, 1, "drbdadm adjust data").code == 0
    go_on(pair, 5)
    assert connections(pair) == ("Connected", "Connected")


# Disks.


def test_a_primary_without_its_disk_works_on_the_peers() -> None:
    pair = SimulatedPair(size=200_000)
    assert run(pair, 0, "drbdadm detach data").code == 0
    assert "ro:Primary/Secondary ds:Diskless/UpToDate" in print_proc(pair.drbd.sides[0], 0.0)
    assert "ds:UpToDate/Diskless" in print_proc(pair.drbd.sides[1], 0.0)
    assert pair.serving == (0,)
    pair.drbd.write(0, 4000)
    go_on(pair, 5)
    assert pair.drbd.sides[1].out_of_sync >= 4000
    for n, line, code, words in (
        (1, "drbdadm detach data", 11, "(-10) State change was refused by peer node"),
        (1, "drbdadm disconnect data", 11, "(-10)"),
        (0, "drbdadm disconnect data", 17, "(-2) Need access to UpToDate data"),
        (0, "drbdadm invalidate data", 10, "(138) Device does not have a disk-config"),
        (0, "drbdadm verify data", 16, "(-4) Can not resync without local disk"),
    ):
        answer = run(pair, n, line)
        assert (answer.code, words in answer.err) == (code, True), answer
    assert run(pair, 0, "drbdadm attach data").code == 0
    go_on(pair, 20)
    assert "disk( Attaching -> Negotiating )" in log(pair, 0)
    assert [side.disk for side in pair.drbd.sides] == ["UpToDate", "UpToDate"]
    assert connections(pair) == ("Connected", "Connected")
    assert pair.drbd.sides[0].primary


def test_a_primary_does_not_leave_the_only_good_disk() -> None:
    pair = SimulatedPair()
    run(pair, 1, "drbdadm disconnect data")
    assert run(pair, 0, "drbdadm detach data").code == 17
    pair = SimulatedPair()
    assert run(pair, 1, "drbdadm detach data").code == 0
    assert run(pair, 0, "drbdadm detach data").code == 17
    assert "(124) Device is attached to a disk" in run(pair, 0, "drbdadm attach data").err


def test_outdated_data_is_refused_until_it_is_known_to_be_current() -> None:
    pair = SimulatedPair()
    assert "(-6) Refusing to be Outdated while Connected" in run(pair, 1, "drbdadm outdate data").err
    run(pair, 1, "drbdadm disconnect data")
    assert run(pair, 1, "drbdadm outdate data").code == 0
    assert run(pair, 1, "drbdadm primary data").code == 17
    run(pair, 1, "drbdadm connect data")
    go_on(pair, 10)
    assert pair.drbd.sides[1].disk == "UpToDate"


def test_forcing_a_promotion_accepts_what_is_there() -> None:
    pair = SimulatedPair()
    run(pair, 1, "drbdadm disconnect data")
    run(pair, 1, "drbdadm outdate data")
    assert run(pair, 1, "drbdadm primary --force data").code == 0
    assert pair.drbd.sides[1].disk == "UpToDate"
    assert "Forced to consider local data as UpToDate!" in log(pair, 1)


def test_a_side_that_stands_alone_is_invalidated_for_later() -> None:
    pair = SimulatedPair(size=100_000)
    run(pair, 1, "drbdadm disconnect data")
    assert run(pair, 1, "drbdadm invalidate data").code == 0
    assert (pair.drbd.sides[1].disk, pair.drbd.sides[1].out_of_sync) == ("Inconsistent", 100_000)
    run(pair, 1, "drbdadm connect data")
    go_on(pair, 4)
    assert connections(pair) == ("SyncSource", "SyncTarget")
    assert pair.drbd.sides[1].progress is not None
    assert pair.drbd.sides[1].progress.total == 100_000


def test_frozen_io_is_seen_in_the_flags_and_nothing_is_written() -> None:
    pair = SimulatedPair()
    assert run(pair, 0, "drbdadm suspend-io data").code == 0
    assert " C s-----" in print_proc(pair.drbd.sides[0], 0.0)
    before = pair.drbd.sides[0].written
    go_on(pair, 5)
    assert pair.drbd.sides[0].written == before
    assert run(pair, 0, "drbdadm resume-io data").code == 0
    go_on(pair, 5)
    assert pair.drbd.sides[0].written > before


def test_down_and_up() -> None:
    pair = SimulatedPair()
    assert run(pair, 0, "drbdadm down data").code == 11
    assert run(pair, 1, "drbdadm down data").code == 0
    assert "cs:Unconfigured" in print_proc(pair.drbd.sides[1], 0.0)
    assert connections(pair)[0] == "WFConnection"
    assert run(pair, 1, "drbdadm up data").code == 0
    go_on(pair, 10)
    assert connections(pair) == ("Connected", "Connected")
    assert "(124) Device is attached to a disk (use detach first)" in run(pair, 1, "drbdadm up data").err

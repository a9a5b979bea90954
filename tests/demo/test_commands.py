"""Commands that act: their effect, their words and exit codes, and that no command line whatever fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.demo.answers import Answer, answers
from ccops.demo.commands import act
from ccops.demo.pair import SimulatedPair

_TEXT = """
drbdadm hb_standby hb_takeover systemctl service umount mount ip cl_status fuser connect disconnect primary secondary
verify invalidate pause-sync resume-sync disk-options data all local foreign failback start stop restart status asterisk
mariadb heartbeat drbd -- --discard-my-data --force --resync-rate=10M --resync-rate=x --resync-rate= addr del add
192.168.27.120/24 dev eth0 /data
"""
_WORDS = _TEXT.split()
WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(_WORDS),
)


@settings(max_examples=300, deadline=None)
@given(argv=st.lists(WORDS, max_size=6), n=st.integers(0, 1))
def test_no_command_line_fails(argv: list[str], n: int) -> None:
    pair = SimulatedPair(size=50_000)
    outcome = act(pair, n, argv)
    for _ in range(20):
        pair.step(1)
        if isinstance(outcome, Answer):
            break
        answer = outcome()
        outcome = outcome if answer is None else answer
    if isinstance(outcome, Answer):
        assert 0 <= outcome.code <= 255
    assert all(isinstance(answer, Answer) for _, answer in answers(pair, n))


def run(pair: SimulatedPair, n: int, line: str) -> Answer:
    """Runs a command until it returns."""
    outcome: Answer | Callable[[], Answer | None] | None = act(pair, n, line.split())
    for _ in range(400):
        if isinstance(outcome, Answer):
            return outcome
        assert outcome is not None
        pair.step(0.25)
        outcome = outcome() or outcome
    raise AssertionError(f"{line} did not return")


@pytest.mark.parametrize(
    ("n", "line", "code", "words"),
    [
        (1, "drbdadm primary data", 11, "State change failed: (-1) Multiple primaries not allowed by config"),
        (0, "drbdadm secondary data", 11, "State change failed: (-12) Device is held open by someone"),
        (1, "drbdadm connect data", 10, "Failure: (125) Device has a net-config (use disconnect first)"),
        (0, "drbdadm -- --discard-my-data connect data", 10, "Failure: (123)"),
        (1, "drbdadm resume-sync data", 10, "Failure: (135) Sync-pause flag is already cleared"),
        (0, "drbdadm role other", 3, "'other' not defined in your config"),
        (0, "ip addr add 192.168.27.120/24 dev eth0", 2, "File exists"),
        (1, "ip addr del 192.168.27.120/24 dev eth0", 2, "Cannot assign requested address"),
        (1, "mount /data", 32, "Wrong medium type"),
        (1, "systemctl start mariadb", 1, "Job failed"),
        (0, "hb_standby everything", 1, "usage: hb_standby"),
    ],
)
def test_refusals(n: int, line: str, code: int, words: str) -> None:
    pair = SimulatedPair()
    before = [side.generation() for side in pair.drbd.sides]
    answer = run(pair, n, line)
    assert answer.code == code
    assert words in answer.err
    assert [side.generation() for side in pair.drbd.sides] == before


def test_the_recovery_of_a_split_brain_by_commands() -> None:
    """Stop Heartbeat on the victim, see it unmounted and Secondary, discard, connect the survivor, start Heartbeat."""
    pair = SimulatedPair(rate=40_960)
    pair.cut_network()
    pair.step(60)
    pair.heal()
    pair.step(90)
    assert run(pair, 1, "systemctl stop heartbeat") == Answer("")
    assert (pair.machines[1].mounted, pair.drbd.sides[1].role) == (False, "Secondary")
    assert run(pair, 1, "drbdadm connect --discard-my-data data") == Answer("")
    assert run(pair, 0, "drbdadm connect data") == Answer("")
    pair.step(30)
    assert [side.disk for side in pair.drbd.sides] == ["UpToDate", "UpToDate"]
    assert run(pair, 1, "service heartbeat start") == Answer("")
    pair.step(30)
    assert [pair.heartbeat.share(n) for n in (0, 1)] == ["local", "local"]
    assert pair.serving == (0,)
    assert pair.check() == []


def test_a_sender_to_a_stopped_heartbeat_waits() -> None:
    """hb_standby writes to a FIFO that nobody reads."""
    pair = SimulatedPair()
    run(pair, 0, "systemctl stop heartbeat")
    outcome = act(pair, 0, ["hb_standby"])
    assert not isinstance(outcome, Answer)
    pair.step(30)
    assert outcome() is None
    run(pair, 0, "systemctl start heartbeat")
    assert outcome() == Answer("Going standby [all].\n")


def test_a_service_that_is_stopped_by_hand_is_not_started_by_heartbeat() -> None:
    pair = SimulatedPair()
    assert run(pair, 0, "systemctl stop mariadb") == Answer("")
    pair.step(60)
    assert pair.machines[0].services["mysqld"] == "inactive"
    assert run(pair, 0, "service mysqld start") == Answer("")
    assert pair.machines[0].runs("mysqld")


def test_a_resync_can_be_made_faster() -> None:
    pair = SimulatedPair(size=400_000, rate=4096)
    run(pair, 1, "drbdadm disk-options --c-plan-ahead=0 --resync-rate=40M data")
    assert pair.drbd.sides[1].rate == 40 * 1024


def test_the_same_seed_tells_the_same_story() -> None:
    def story() -> list[str]:
        pair = SimulatedPair(11, cold=True)
        pair.step(60)
        pair.heartbeat.standby(0)
        pair.step(60)
        return [line for machine in pair.machines for log in machine.logs.values() for line in log]

    first = story()
    assert len(first) > 100
    assert first == story()


def test_a_cold_start_ends_healthy() -> None:
    pair = SimulatedPair(cold=True)
    assert pair.serving == ()
    pair.step(60)
    assert pair.serving == (0,)
    assert pair.drbd.sides[0].generation().endswith(":1:1:1:1:0:0:0")
    assert [pair.heartbeat.share(n) for n in (0, 1)] == ["local", "local"]
    assert pair.check() == []

"""What can stand in an operation's way: holders, configuration, commands that lie or hang."""

from __future__ import annotations

import pytest

from ccops.demo.answer import Answer
from ccops.demo.commands import act
from ccops.demo.machine import HA_LOG
from ccops.demo.pair import SimulatedPair
from tests.demo.test_commands import run
from tests.demo.test_state_machine import run as go_on


def log(pair: SimulatedPair, n: int) -> str:
    return "\n".join(pair.machines[n].logs[HA_LOG])


# Holders of the volume.


def test_a_held_volume_is_not_unmounted_by_hand() -> None:
    pair = SimulatedPair()
    pid = pair.hold(0)
    for service in ("asterisk", "mysqld"):
        run(pair, 0, f"service {service} stop")
    assert run(pair, 0, "umount /data") == Answer("", 32, "umount: /data: target is busy.\n")
    assert run(pair, 0, "fuser -m /data").out == f" {pid}\n"
    pair.let_go(0)
    assert run(pair, 0, "umount /data").code == 0


def test_heartbeat_kills_who_holds_the_volume() -> None:
    pair = SimulatedPair()
    pid = pair.hold(0, "tail", "/data/log/queue_log.1")
    assert run(pair, 0, "hb_standby all").code == 0
    go_on(pair, 60)
    assert pair.serving == (1,)
    assert "ERROR: Couldn't unmount /data; trying cleanup with TERM" in log(pair, 0)
    assert f"INFO: sending signal TERM to: root {pid:11d}" in log(pair, 0)
    assert not list(pair.machines[0].holders)


@pytest.mark.parametrize("how", [{"killable": False}, {"kernel": True, "name": "nfsd"}])
@pytest.mark.parametrize("line", ["hb_standby all", "systemctl stop heartbeat"])
def test_what_cannot_be_killed_ends_in_a_reboot(how: dict[str, object], line: str) -> None:
    pair = SimulatedPair()
    pair.hold(0, **how)  # type: ignore[arg-type]
    act(pair, 0, line.split())
    seen = set()
    for _ in range(200):
        go_on(pair, 1)
        seen.add((pair.machines[0].powered, pair.serving))
    assert "CRIT: Resource STOP failure. Reboot required!" in log(pair, 0)
    assert "info: Retrying failed stop operation [Filesystem::/dev/drbd1::/data::ext3]" in log(pair, 0)
    assert (False, ()) in seen
    assert (True, (1,)) in seen
    assert pair.serving == (0,)
    assert [side.disk for side in pair.drbd.sides] == ["UpToDate", "UpToDate"]


def test_a_device_that_is_held_is_not_demoted() -> None:
    pair = SimulatedPair()
    assert pair.hold(0, "dm-0", "/dev/drbd1", kernel=True) == 0
    for service in ("asterisk", "mysqld"):
        run(pair, 0, f"service {service} stop")
    assert run(pair, 0, "umount /data").code == 0
    assert "(-12) Device is held open by someone" in run(pair, 0, "drbdadm secondary data").err
    pair.let_go(0)
    assert run(pair, 0, "drbdadm secondary data").code == 0


def test_the_volume_can_be_looked_at_without_being_written() -> None:
    pair = SimulatedPair()
    pair.cut_network()
    go_on(pair, 60)
    run(pair, 1, "service heartbeat stop")
    line = "mount -t ext3 -o ro /dev/drbd1 /data"
    assert "Wrong medium type" in run(pair, 1, line).err
    assert run(pair, 1, "drbdadm primary data").code == 0
    assert run(pair, 1, line).code == 0
    assert pair.machines[1].read_only
    assert run(pair, 1, "service mariadb start").code == 1
    assert "(-12)" in run(pair, 1, "drbdadm secondary data").err
    assert run(pair, 1, "umount /data").code == 0
    assert run(pair, 1, "drbdadm secondary data").code == 0


# Heartbeat's configuration.


@pytest.mark.parametrize("value", ["legacy", None])
def test_a_standby_is_ignored_under_legacy_failback(value: str | None) -> None:
    pair = SimulatedPair()
    for n in (0, 1):
        pair.configure(n, auto_failback=value)
    assert run(pair, 0, "hb_standby all") == Answer("Going standby [all].\n")
    go_on(pair, 60)
    assert pair.serving == (0,)
    assert "info: Standby mode only implemented when nice_failback on" in log(pair, 0)
    assert "info: Standby mode only implemented when nice_failback on" in log(pair, 1)


@pytest.mark.parametrize(("value", "serving"), [("on", (0,)), ("off", (1,)), ("legacy", (0,))])
def test_who_serves_after_a_restart_is_as_configured(value: str, serving: tuple[int, ...]) -> None:
    pair = SimulatedPair()
    for n in (0, 1):
        pair.configure(n, auto_failback=value)
    run(pair, 0, "service heartbeat stop")
    go_on(pair, 40)
    assert pair.serving == (1,)
    assert run(pair, 0, "service heartbeat start").code == 0
    go_on(pair, 60)
    assert pair.serving == serving


# Commands that lie or hang.


def test_a_command_lies_once() -> None:
    pair = SimulatedPair()
    pair.lie(0, ("hb_standby",), Answer("Going standby [all].\n"))
    assert run(pair, 0, "hb_standby all") == Answer("Going standby [all].\n")
    go_on(pair, 60)
    assert pair.serving == (0,)
    run(pair, 0, "hb_standby all")
    go_on(pair, 60)
    assert pair.serving == (1,)


@pytest.mark.parametrize("done", [False, True])
def test_a_command_hangs_before_it_acts_or_before_it_answers(done: bool) -> None:
    pair = SimulatedPair()
    pair.delay(1, ("drbdadm", "disconnect"), 8, done=done)
    assert run(pair, 0, "drbdadm pause-sync data").code == 0
    outcome = act(pair, 1, ["drbdadm", "disconnect", "data"])
    assert not isinstance(outcome, Answer)
    go_on(pair, 7)
    assert outcome() is None
    assert (pair.drbd.sides[1].connection == "StandAlone") is done
    go_on(pair, 1)
    assert outcome() == Answer("")
    assert pair.drbd.sides[1].connection == "StandAlone"


# The whole recovery.


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("restarts", [True, False], ids=["after Heartbeat's restart", "at once"])
def test_the_recovery_of_a_split_brain_ends_healthy_whoever_is_the_victim(victim: int, restarts: bool) -> None:
    pair = SimulatedPair(rate=40_960)
    survivor = 1 - victim
    pair.cut_network()
    go_on(pair, 60)
    assert pair.serving == (0, 1)
    pair.heal()
    go_on(pair, 90 if restarts else 6)
    assert run(pair, victim, "service heartbeat stop").code == 0
    go_on(pair, 60)
    side, machine = pair.drbd.sides[victim], pair.machines[victim]
    assert (machine.mounted, machine.address, side.role, side.connection) == (False, False, "Secondary", "StandAlone")
    assert pair.serving == (survivor,)
    assert run(pair, victim, "drbdadm connect --discard-my-data data").code == 0
    if pair.drbd.sides[survivor].connection == "StandAlone":
        assert run(pair, survivor, "drbdadm connect data").code == 0
    go_on(pair, 30)
    assert [s.disk for s in pair.drbd.sides] == ["UpToDate", "UpToDate"]
    assert run(pair, victim, "service heartbeat start").code == 0
    go_on(pair, 90)
    assert pair.serving == (0,)
    assert [pair.heartbeat.share(n) for n in (0, 1)] == ["local", "local"]
    assert [s.connection for s in pair.drbd.sides] == ["Connected", "Connected"]


def test_holders_are_signalled_by_hand() -> None:
    pair = SimulatedPair()
    first, second = pair.hold(0), pair.hold(0, "tail", killable=False)
    assert run(pair, 0, f"kill -TERM {first} {second} 77") == Answer("", 1, "kill: (77) - No such process\n")
    assert [holder.pid for holder in pair.machines[0].holders] == [second]
    pair.hold(0)
    assert run(pair, 0, "fuser -k -TERM -m /data").code == 0
    assert set(pair.machines[0].services.values()) == {"inactive"}
    assert [holder.pid for holder in pair.machines[0].holders] == [second]

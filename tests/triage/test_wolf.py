"""Nothing is called a fault while a pair starts, hands over and takes back, looked at every second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from ccops.demo.machine import HA_LOG, KERNEL_LOG
from ccops.demo.node import NodeFiles
from ccops.demo.pair import SimulatedPair
from ccops.pair.clock import LogClock
from ccops.pair.halog import parse_ha_log
from ccops.pair.heartbeat import Output
from ccops.pair.kernel import parse_kernel_log
from ccops.pair.model import Link, NodeState, PairLayout, PairState
from ccops.pair.node import observe
from ccops.watch.joining import Joiner
from tests.demo.story import ask

NAMES = ("elaxtix-voip", "elaxtix-voip-2")
LAYOUT = PairLayout("demo", NAMES, "192.168.27.120", services={"asterisk": "asterisk", "mysqld": "mariadb"})
LOOK = r"""
s() { echo "##### $1"; shift; "$@" 2>&1; echo "##### rc=$?"; }
s proc_drbd cat "$CCOPS_ROOT/proc/drbd"
s cl_hbstatus cl_status hbstatus
s cl_rscstatus cl_status rscstatus
s cl_node1 cl_status nodestatus elaxtix-voip
s cl_node2 cl_status nodestatus elaxtix-voip-2
s ip_addr ip -o addr show
s mounts grep drbd "$CCOPS_ROOT/proc/mounts"
s units systemctl is-active asterisk mariadb heartbeat drbd
s uptime cat "$CCOPS_ROOT/proc/uptime"
"""


class Watcher:
    """Looks at a simulated pair through its commands and logs, as the console would."""

    def __init__(self, folder: Path, pair: SimulatedPair) -> None:
        self.pair = pair
        self.files = [NodeFiles(folder / f"node{n + 1}", pair, n) for n in (0, 1)]
        for files in self.files:
            files.create()
        self.joiner = Joiner(LAYOUT, 1.0)
        self.read = {(n, log): 0 for n in (0, 1) for log in (HA_LOG, KERNEL_LOG)}

    def look(self) -> str:
        """The verdict now."""
        now = self.pair.machines[0].wall()
        states = []
        for n, files in enumerate(self.files):
            files.update()
            self._follow(n, now)
            outputs = {name: Output(text, code) for name, (text, code) in ask(files.root, LOOK).items()}
            states.append(observe(NodeState(NAMES[n], Link("up")), LAYOUT, outputs, now))
        pair = PairState(LAYOUT, (states[0], states[1]), now)
        return self.joiner.join(pair, now).verdict.code

    def _follow(self, n: int, now: float) -> None:
        clock = LogClock(now)
        for log, parse in ((HA_LOG, parse_ha_log), (KERNEL_LOG, parse_kernel_log)):
            lines = self.pair.machines[n].logs[log]
            for line in parse("\n".join(list(lines)[self.read[n, log] :]), NAMES[n], clock):
                self.joiner.logged(replace(line, at=min(line.at, now)))
            self.read[n, log] = len(lines)

    def verdicts(self, until: Callable[[], bool], limit_s: int = 150) -> list[str]:
        """Every verdict, once a second, until the condition holds and for five seconds more."""
        seen: list[str] = []
        left = limit_s
        while left > 0:
            seen.append(self.look())
            left = min(left, 5) - 1 if until() else left - 1
            self.pair.step(1.0)
        assert until(), seen
        return seen


def test_a_standby_and_a_failback(tmp_path: Path) -> None:
    pair = SimulatedPair(skews=(0.0, 0.0))
    watcher = Watcher(tmp_path, pair)
    assert watcher.look() == "healthy"
    pair.heartbeat.standby(0, "all")
    there = watcher.verdicts(lambda: pair.serving == (1,))
    pair.heartbeat.standby(1, "all")
    back = watcher.verdicts(lambda: pair.serving == (0,))
    for seen in (there, back):
        assert set(seen) == {"healthy", "in-transition"}, seen
        assert seen[-1] == "healthy", seen


def test_a_start_of_both(tmp_path: Path) -> None:
    pair = SimulatedPair(skews=(0.0, 0.0))
    for n in (0, 1):
        pair.power_off(n)
        pair.boot(n)
    seen = Watcher(tmp_path, pair).verdicts(lambda: pair.serving == (0,))
    assert set(seen) == {"healthy", "in-transition"}, seen
    assert seen[-1] == "healthy", seen


@pytest.mark.parametrize("seed", [2, 3])
def test_a_failure_is_no_wolf(tmp_path: Path, seed: int) -> None:
    """The same looks do see a fault where there is one."""
    pair = SimulatedPair(seed, skews=(0.0, 0.0))
    watcher = Watcher(tmp_path, pair)
    watcher.look()
    pair.stop_service(0, "asterisk")
    watcher.verdicts(lambda: not pair.machines[0].runs("asterisk"))
    pair.step(15.0)
    assert watcher.look() == "service-down"

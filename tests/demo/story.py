"""The story of the captures, told to the simulated pair: the same steps, and what both nodes print at each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from ccops.demo.node import NodeFiles
from ccops.demo.pair import SimulatedPair

CAPTURES = Path(__file__).parents[1] / "captures"

# What the captures were made with: a name for the answer, then the command.
_SCRIPT = r"""
s() { echo "##### $1"; shift; "$@" 2>&1; echo "##### rc=$?"; }
s proc_drbd cat "$CCOPS_ROOT/proc/drbd"
for w in role cstate dstate get-gi show-gi status; do s "drbdadm_$w" drbdadm $w data; done
s cl_hbstatus cl_status hbstatus
s cl_rscstatus cl_status rscstatus
s cl_rscstatus-m cl_status rscstatus -m
s cl_listnodes cl_status listnodes
s cl_node1 cl_status nodestatus elaxtix-voip
s cl_node2 cl_status nodestatus elaxtix-voip-2
p=$(hostname | grep -q 2$ && echo elaxtix-voip || echo elaxtix-voip-2)
s cl_links cl_status listhblinks $p
s cl_link cl_status hblinkstatus $p eth0
s cl_client cl_status clientstatus $p heartbeat
s ip_addr ip -o addr show
s mounts grep drbd "$CCOPS_ROOT/proc/mounts"
s units systemctl is-active asterisk mariadb heartbeat drbd
s uptime cat "$CCOPS_ROOT/proc/uptime"
s loadavg cat "$CCOPS_ROOT/proc/loadavg"
s df df -P /data
s date date +%s.%N
"""


def ask(root: Path, script: str = _SCRIPT) -> dict[str, tuple[str, int]]:
    """Runs the script on a node's files; what each command printed, and its exit code."""
    environment = {"CCOPS_ROOT": str(root), "PATH": f"{root}/bin:{os.environ['PATH']}", "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(["/bin/sh", "-s"], input=script, env=environment, capture_output=True, text=True, timeout=20)
    answers = {}
    for part in done.stdout.split("##### ")[1::2]:
        name, _, text = part.partition("\n")
        answers[name] = text
    codes = [int(line.partition("=")[2]) for line in done.stdout.splitlines() if line.startswith("##### rc=")]
    return {name: (text, code) for (name, text), code in zip(answers.items(), codes, strict=True)}


class Story:
    """A pair of the captures' size, stepped in simulated time, with both nodes' files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.pair = SimulatedPair(size=409_600, rate=8192, writes=20)
        self.files = [NodeFiles(folder / f"node{n + 1}", self.pair, n) for n in (0, 1)]
        for files in self.files:
            files.create()
        self.told: dict[tuple[str, int], dict[str, tuple[str, int]]] = {}

    def go_on(self, seconds: float) -> None:
        """Lets time pass, and checks at every step that nothing impossible is."""
        for _ in range(int(seconds * 4)):
            self.pair.step(0.25)
            assert self.pair.check() == []

    def wait_for(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Lets time pass until the condition holds."""
        for _ in range(int(seconds * 4)):
            if condition():
                return
            self.go_on(0.25)
        raise AssertionError(f"not within {seconds} s of simulated time")

    def capture(self, step: str) -> None:
        """Asks both nodes everything that the captures hold."""
        for n, files in enumerate(self.files):
            files.update()
            self.told[step, n] = ask(files.root)

    def tell(self) -> None:
        """All steps of the captures, in their order."""
        pair, heartbeat, drbd = self.pair, self.pair.heartbeat, self.pair.drbd
        self.capture("01-healthy")
        heartbeat.standby(0, "all")
        self.wait_for(lambda: not pair.machines[0].mounted)
        self.capture("02-standby-in-flux")
        self.wait_for(lambda: pair.serving == (1,) and heartbeat.share(1) == "all")
        self.capture("03-failed-over")
        heartbeat.takeover(0, "local")
        self.wait_for(lambda: pair.serving == (0,) and heartbeat.share(0) == "local")
        self.capture("04-failed-back")
        drbd.disconnect(1)
        drbd.write(0, 123_516, 123_365)
        self.capture("05-admin-disconnected")
        drbd.connect(1)
        self.wait_for(lambda: 0.06 < 1 - drbd.sides[0].out_of_sync / 123_516 < 0.2)
        self.capture("06-resync-early")
        self.wait_for(lambda: drbd.sides[0].connection == "Connected")
        self.capture("07-resync-later")
        drbd.pause(1, True)
        self.capture("08-resync-paused")
        drbd.pause(1, False)
        drbd.verify(1)
        self.go_on(8)
        self.capture("09-verify")
        self.wait_for(lambda: drbd.sides[0].connection == "Connected")
        pair.cut_network()
        self.wait_for(lambda: pair.serving == (0, 1) and not heartbeat.members[1].flux)
        drbd.write(1, 7168, 7168)
        self.capture("11-cut-both-active")
        pair.heal()
        self.wait_for(lambda: drbd.sides[1].role == "Secondary" and drbd.sides[0].connection == "StandAlone")
        self.capture("12-healed-8s")
        self.go_on(60)

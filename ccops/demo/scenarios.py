"""Named scenarios: what happens to the simulated pair, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ccops.demo.schedule import Work
from ccops.demo.staff import MAIN_TRUNK

if TYPE_CHECKING:
    from ccops.demo.pair import SimulatedPair
    from ccops.demo.traffic import CallCentre

Deed = Callable[["SimulatedPair", "CallCentre"], object]


@dataclass(frozen=True)
class Scenario:
    """A script: at so many simulated seconds, this is done. `repeat_s` begins it anew; without it, it holds at the end.

    `load` is calls offered over what the agents can take, `skews` how far the two nodes' clocks are off (seconds).
    """

    name: str
    title: str
    description: str
    script: tuple[tuple[float, str, Deed], ...] = ()
    load: float = 0.55
    agents: int = 60
    skews: tuple[float, float] = (0.0, -0.2)
    repeat_s: float | None = None

    @property
    def ends_s(self) -> float:
        """When the last thing happens."""
        return self.script[-1][0] if self.script else 0.0


def find_scenario(name: str) -> Scenario:
    """The scenario of that name; `quiet day` and `quiet_day` mean `quiet-day`."""
    wanted = name.strip().lower().replace(" ", "-").replace("_", "-")
    found = SCENARIOS.get(wanted)
    if found is None:
        raise ValueError(f"scenario: expected one of {', '.join(SCENARIOS)}; found {name!r}")
    return found


def play(scenario: Scenario, pair: SimulatedPair, centre: CallCentre) -> None:
    """Puts the script on the pair's schedule, from now on."""

    def run() -> Work:
        while True:
            at = 0.0
            for moment, _, deed in scenario.script:
                yield moment - at
                at = moment
                deed(pair, centre)
            if scenario.repeat_s is None:
                return
            yield max(0.0, scenario.repeat_s - at)

    if scenario.script:
        pair.schedule.spawn(run())


def _bulk(kib: int) -> Deed:
    return lambda pair, centre: pair.drbd.write(0, kib, kib)


def _load(load: float) -> Deed:
    def change(pair: SimulatedPair, centre: CallCentre) -> None:
        centre.load = load

    return change


_ALL = (
    Scenario(
        "quiet-day",
        "A quiet day",
        "Node 1 serves, both sides UpToDate, calls come and go and nobody waits long.",
    ),
    Scenario(
        "busy-day",
        "A busy day",
        "More calls than agents: queues grow and callers give up; after 2 minutes 20 calls press upon the gateway's "
        "8 ports, after 5 minutes the wave ebbs. It begins anew every 10 minutes.",
        (
            (0.0, "a wave of calls", _load(1.25)),
            (120.0, "the gateway's ports are full", lambda pair, centre: centre.flood(MAIN_TRUNK, 20, 20.0)),
            (200.0, "Asterisk is reloaded", lambda pair, centre: centre.reload()),
            (300.0, "the wave ebbs", _load(0.8)),
        ),
        load=1.1,
        agents=120,
        repeat_s=600.0,
    ),
    Scenario(
        "failover",
        "A planned failover and back",
        "After 20 s node 1 goes standby: calls drop, and node 2 serves some 20 s later. After 2 minutes node 1 takes "
        "its resources back.",
        (
            (20.0, "hb_standby all on node 1", lambda pair, centre: pair.heartbeat.standby(0, "all")),
            (140.0, "hb_takeover local on node 1", lambda pair, centre: pair.heartbeat.takeover(0, "local")),
            (200.0, "node 1 serves again", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "resync",
        "A resync",
        "After 10 s node 2 is disconnected by hand while 600 MiB are written; after 25 s it connects again and is the "
        "target of a resync for about a minute, paused for 10 s in between. Then a verify of the volume.",
        (
            (10.0, "drbdadm disconnect on node 2", lambda pair, centre: pair.drbd.disconnect(1)),
            (12.0, "600 MiB are written on node 1", _bulk(600 << 10)),
            (25.0, "drbdadm connect on node 2", lambda pair, centre: pair.drbd.connect(1)),
            (50.0, "drbdadm pause-sync on node 2", lambda pair, centre: pair.drbd.pause(1, True)),
            (60.0, "drbdadm resume-sync on node 2", lambda pair, centre: pair.drbd.pause(1, False)),
            (130.0, "drbdadm verify on node 2", lambda pair, centre: pair.drbd.verify(1)),
            (580.0, "verified", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "replication-lost",
        "The replication link is lost",
        "After 15 s DRBD's packets are lost and Heartbeat's are not: both sides wait for each other (WFConnection) and "
        "a failover now would bring stale data. After 2 minutes the link is mended and the difference copied.",
        (
            (15.0, "the replication link is cut", lambda pair, centre: pair.cut_replication()),
            (60.0, "40 MiB are written meanwhile", _bulk(40 << 10)),
            (135.0, "the link is mended", lambda pair, centre: pair.heal()),
            (160.0, "in sync again", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "split-brain",
        "Split brain",
        "After 15 s the nodes cannot see each other: half a minute later both serve, and their data part. After 90 s "
        "the network is back: DRBD refuses to connect, Heartbeat restarts on both, node 1 serves, and the volume stays "
        "apart until somebody decides whose changes are given up.",
        (
            (15.0, "the network between the nodes is cut", lambda pair, centre: pair.cut_network()),
            (60.0, "3 MiB are written on node 1", _bulk(3 << 10)),
            (61.0, "20 MiB are written on node 2", lambda pair, centre: pair.drbd.write(1, 20 << 10, 20 << 10)),
            (90.0, "the network is back", lambda pair, centre: pair.heal()),
            (150.0, "apart until somebody decides", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "node-dead",
        "A node dies",
        "After 15 s node 1 loses its power: node 2 takes over after the dead time. After 2 minutes node 1 boots, is "
        "brought up to date, and takes its resources back (auto_failback on).",
        (
            (15.0, "node 1 loses its power", lambda pair, centre: pair.power_off(0)),
            (135.0, "node 1 boots", lambda pair, centre: pair.boot(0)),
            (240.0, "node 1 serves again", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "node-frozen",
        "A node hangs",
        "After 15 s node 1 hangs: its sockets stay open and nothing answers; node 2 takes over. After 90 s it goes on "
        "as if nothing had been, and both believe to serve: a split brain.",
        (
            (15.0, "node 1 hangs", lambda pair, centre: pair.freeze(0)),
            (90.0, "node 1 goes on", lambda pair, centre: pair.thaw(0)),
            (150.0, "apart until somebody decides", lambda pair, centre: None),
        ),
    ),
    Scenario(
        "trunk-down",
        "The trunk is down",
        "After 20 s the gateway no longer answers and the calls over it are lost; after 2 minutes it is back. With few "
        "agents it is the only way in.",
        (
            (20.0, "the gateway is unreachable", lambda pair, centre: centre.set_trunk(MAIN_TRUNK, False)),
            (140.0, "the gateway is back", lambda pair, centre: centre.set_trunk(MAIN_TRUNK, True)),
        ),
        load=0.6,
        agents=12,
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _ALL}
"""All scenarios by name."""

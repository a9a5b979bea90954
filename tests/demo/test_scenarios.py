"""Every scenario, played to its end in simulated time: it passes through the states that its description promises."""

from __future__ import annotations

import re

import pytest

from ccops.demo.pair import SimulatedPair
from ccops.demo.scenarios import SCENARIOS, find_scenario, play
from ccops.demo.traffic import CallCentre

NAMES = (
    "quiet-day",
    "busy-day",
    "failover",
    "resync",
    "replication-lost",
    "split-brain",
    "node-dead",
    "node-frozen",
    "trunk-down",
)

# In this order, with anything in between: who serves, and both connection states.
EXPECTED = {
    "quiet-day": ["0 Connected/Connected"],
    "busy-day": ["0 Connected/Connected"],
    "failover": ["0 Connected", "- Connected", "1 Connected", "- Connected", "0 Connected"],
    "resync": [
        "0 WFConnection/StandAlone",
        "0 SyncSource/SyncTarget",
        "0 PausedSyncS/PausedSyncT",
        "0 SyncSource/SyncTarget",
        "0 Connected/Connected",
        "0 VerifyT/VerifyS",
        "0 Connected/Connected",
    ],
    "replication-lost": ["0 Connected", "0 WFConnection/WFConnection", "0 SyncSource/SyncTarget", "0 Connected"],
    "split-brain": [
        "0 Connected",
        "0,1 WFConnection/WFConnection",
        "0,1 StandAlone/StandAlone",
        "0 StandAlone/StandAlone",
    ],
    "node-dead": [
        "0 Connected",
        "- WFConnection/Connected",
        "1 WFConnection/WFConnection",
        "1 ",
        "0 Connected/Connected",
    ],
    "node-frozen": [
        "0 Connected",
        "0,1 Connected/WFConnection",
        "0,1 StandAlone/StandAlone",
        "0 StandAlone/StandAlone",
    ],
    "trunk-down": ["0 Connected/Connected"],
}


def test_there_are_the_scenarios_that_were_asked_for() -> None:
    assert tuple(SCENARIOS) == NAMES
    assert all(s.title and len(s.description) > 40 for s in SCENARIOS.values())


@pytest.mark.parametrize("name", NAMES)
def test_plays_to_its_end(name: str) -> None:
    scenario = find_scenario(name)
    pair = SimulatedPair(3, skews=scenario.skews)
    centre = CallCentre(pair, scenario.agents, scenario.load, 3)
    play(scenario, pair, centre)
    seen: list[str] = []
    while pair.schedule.now < scenario.ends_s + 60:
        pair.step(0.5)
        assert pair.check() == []
        states = "/".join(side.connection for side in pair.drbd.sides)
        state = f"{','.join(map(str, pair.serving)) or '-'} {states}"
        if not seen or seen[-1] != state:
            seen.append(state)
    assert re.search(".*".join(re.escape(f"|{e}") for e in EXPECTED[name]), "".join(f"|{s}" for s in seen)), seen


@pytest.mark.parametrize("name", ["split brain", "Split_Brain", " split-brain "])
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert find_scenario(name).name == "split-brain"


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"expected one of quiet-day, .*trunk-down; found 'nope'"):
        find_scenario("nope")

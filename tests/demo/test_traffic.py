"""The call centre's traffic: events in the form of a real Asterisk 16, and lists that agree with them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from ccops.demo.ami import write_event
from ccops.demo.exchange import Fields
from ccops.demo.lists import run_command, write_list
from ccops.demo.pair import SimulatedPair
from ccops.demo.staff import MAIN_TRUNK
from ccops.demo.traffic import CallCentre
from tests.demo.story import CAPTURES

Told = tuple[str, str, Fields]


def listen(pair: SimulatedPair, centre: CallCentre, seconds: float, n: int = 0) -> list[Told]:
    """The events of that long."""
    told: list[Told] = []
    listener = lambda name, kind, fields: told.append((name, kind, fields))  # noqa: E731
    centre.exchanges[n].listeners.append(listener)
    pair.step(seconds)
    centre.exchanges[n].listeners.remove(listener)
    return told


@pytest.fixture(scope="module")
def captured() -> dict[str, tuple[str, list[str]]]:
    """Event → (privilege, header names in their order), as a real Asterisk sent them."""
    forms = {}
    for block in (CAPTURES / "ami/asterisk16-calls.txt").read_bytes().decode().split("\r\n\r\n"):
        lines = [line.partition(": ") for line in block.split("\r\n")]
        if lines[0][0] == "Event":
            keys = [key for key, _, _ in lines if key != "ActionID"]
            privilege = next((value for key, _, value in lines if key == "Privilege"), "")
            forms[lines[0][2]] = (privilege, keys)
    return forms


def test_events_have_the_headers_of_a_real_asterisk(captured: dict[str, tuple[str, list[str]]]) -> None:
    pair = SimulatedPair(5)
    centre = CallCentre(pair, 40, 1.2, 5)
    told = listen(pair, centre, 400)
    compared = set()
    for name, kind, fields in told:
        if name not in captured:
            continue
        text = write_event(name, kind, fields).decode()
        keys = [line.partition(": ")[0] for line in text.split("\r\n") if line]
        privilege, expected = captured[name]
        if name == "AgentComplete":  # the agent is described when it was the caller who hung up
            keys = [key for key in keys if not key.startswith("Dest")]
        if name == "QueueMemberPause":  # a reason where there is one
            expected = [key for key in expected if key != "Reason"]
            keys = [key for key in keys if key != "Reason"]
        assert keys == expected, name
        assert f"Privilege: {privilege}\r\n" in text
        compared.add(name)
    assert compared >= {
        "Newchannel",
        "Newstate",
        "Newexten",
        "QueueCallerJoin",
        "QueueCallerLeave",
        "AgentCalled",
        "AgentConnect",
        "AgentComplete",
        "QueueMemberStatus",
        "QueueMemberPause",
        "BridgeEnter",
        "BridgeLeave",
        "DeviceStateChange",
        "Hangup",
    }


@pytest.mark.parametrize("action", ["queuestatus", "queuesummary", "sippeers", "coreshowchannels"])
def test_lists_have_the_headers_of_a_real_asterisk(action: str, captured: dict[str, tuple[str, list[str]]]) -> None:
    pair = SimulatedPair(5)
    centre = CallCentre(pair, 40, 1.5, 5)
    pair.step(200)
    listed = write_list(centre.exchanges[0], action, {"actionid": "x1"})
    assert listed is not None
    blocks = [block.split("\r\n") for block in listed.decode().split("\r\n\r\n") if block]
    assert blocks[0][:3] == ["Response: Success", "ActionID: x1", "EventList: start"]
    assert blocks[-1][-2:] == ["EventList: Complete", f"ListItems: {len(blocks) - 2}"]
    names = set()
    for block in blocks[1:]:
        assert "ActionID: x1" in block
        name = block[0].removeprefix("Event: ")
        names.add(name)
        keys = [line.partition(":")[0] for line in block]
        assert [key for key in keys if key != "ActionID"] == captured[name][1]
    assert len(names) >= 2


def test_a_call_goes_its_way_in_order() -> None:
    pair = SimulatedPair(2)
    centre = CallCentre(pair, 20, 0.4, 2)
    by_call: dict[str, list[str]] = defaultdict(list)
    for name, _, fields in listen(pair, centre, 600):
        values = dict(fields)
        if "Linkedid" in values:
            by_call[str(values["Linkedid"])].append(name)
    served = [names for names in by_call.values() if "AgentComplete" in names and names[0] == "Newchannel"]
    assert len(served) > 20
    way = [
        "Newchannel",
        "QueueCallerJoin",
        "AgentCalled",
        "QueueCallerLeave",
        "AgentConnect",
        "AgentComplete",
        "Hangup",
    ]
    for names in served:
        places = [names.index(step) for step in way[:-1]] + [len(names) - 1 - names[::-1].index("Hangup")]
        assert places == sorted(places)


def test_positions_and_counts_can_be_followed_from_the_events() -> None:
    """A listener that inserts at Position and removes by id knows every queue exactly."""
    pair = SimulatedPair(4)
    centre = CallCentre(pair, 20, 1.6, 4)
    queues: dict[str, list[str]] = defaultdict(list)
    longest = 0
    for name, _, fields in listen(pair, centre, 600):
        values = dict(fields)
        if name == "QueueCallerJoin":
            queues[str(values["Queue"])].insert(int(str(values["Position"])) - 1, str(values["Uniqueid"]))
        elif name == "QueueCallerLeave":
            queue = queues[str(values["Queue"])]
            assert queue.index(str(values["Uniqueid"])) + 1 == values["Position"]
            queue.remove(str(values["Uniqueid"]))
        else:
            continue
        assert len(queues[str(values["Queue"])]) == values["Count"]
        longest = max(longest, int(str(values["Count"])))
    assert longest >= 4
    exchange = centre.exchanges[0]
    assert {name: [w.uniqueid for w in queue.waiting] for name, queue in exchange.queues.items() if queue.waiting} == {
        name: ids for name, ids in queues.items() if ids
    }


def test_a_busy_day_has_all_that_goes_wrong() -> None:
    pair = SimulatedPair(6)
    centre = CallCentre(pair, 60, 1.6, 6)
    counts: Counter[str] = Counter()
    joins: Counter[str] = Counter()
    first_of_three = False
    for name, _, fields in listen(pair, centre, 1500):
        counts[name] += 1
        values = dict(fields)
        if name == "QueueCallerJoin":
            joins[str(values["Uniqueid"])] += 1
            first_of_three |= values["Position"] == 1 and int(str(values["Count"])) > 3
        if name == "QueueMemberPause":
            counts[f"{values['PausedReason']} {values['Paused']}"] += 1
    assert counts["QueueCallerAbandon"] > 10
    assert counts["AgentRingNoAnswer"] > 10
    assert counts["Auto-Pause 1"] > 0
    assert counts["Almuerzo 1"] > 0
    assert counts["Almuerzo 0"] > 0, "the end of a pause tells its reason again"
    assert max(joins.values()) == 2, "some overflow to a second queue on the same channel"
    assert first_of_three, "some are let in before others"


def test_a_full_trunk_turns_the_ninth_call_away() -> None:
    pair = SimulatedPair(7)
    centre = CallCentre(pair, 10, 0.01, 7)
    centre.flood(MAIN_TRUNK, 14, 4.0)
    causes: Counter[object] = Counter()
    for name, _, fields in listen(pair, centre, 10):
        if name == "Hangup" and str(dict(fields)["Channel"]).startswith(f"SIP/{MAIN_TRUNK}"):
            causes[dict(fields)["Cause"]] += 1
        assert centre.exchanges[0].busy_ports(MAIN_TRUNK) <= 9
    assert causes[34] >= 5


def test_a_trunk_that_is_down_loses_its_calls() -> None:
    pair = SimulatedPair(8)
    centre = CallCentre(pair, 10, 0.9, 8)
    pair.step(200)
    assert centre.exchanges[0].busy_ports(MAIN_TRUNK) > 0
    listener: list[Told] = []
    centre.exchanges[0].listeners.append(lambda *event: listener.append(event))
    centre.set_trunk(MAIN_TRUNK, False)
    pair.step(20)
    name, kind, fields = listener[0]
    assert (name, kind) == ("PeerStatus", "system")
    assert dict(fields)["PeerStatus"] == "Unreachable"
    assert centre.exchanges[0].busy_ports(MAIN_TRUNK) == 0
    centre.set_trunk(MAIN_TRUNK, True)
    pair.step(100)
    assert centre.exchanges[0].busy_ports(MAIN_TRUNK) > 0


def test_after_a_failover_everything_begins_anew_on_the_other_node() -> None:
    pair = SimulatedPair(9)
    centre = CallCentre(pair, 30, 0.8, 9)
    pair.step(200)
    assert centre.exchanges[0].channels
    started = centre.exchanges[1].started_at
    pair.heartbeat.standby(0)
    told = listen(pair, centre, 60, n=1)
    assert pair.serving == (1,)
    assert not centre.exchanges[0].channels
    assert centre.exchanges[1].started_at > started
    registered = [f for name, _, f in told if name == "PeerStatus" and dict(f)["PeerStatus"] == "Registered"]
    assert len(registered) == 30
    assert any(name == "AgentConnect" for name, _, _ in told)


def test_queue_show_has_the_form_of_a_real_asterisk() -> None:
    pair = SimulatedPair(5)
    centre = CallCentre(pair, 10, 0.5, 5)
    lines = run_command(centre.exchanges[0], "queue show ventas")
    real = re.findall(r"Output: (.*)\r\n", (CAPTURES / "ami/asterisk16-calls.txt").read_bytes().decode())
    number = re.compile(r"\d+(\.\d+)?")
    assert number.sub("N", lines[0]) == number.sub("N", real[0])
    assert lines[1] == real[1]
    assert lines[-3:] == real[5:8] == ["   No Callers", "", ""]
    peers = run_command(centre.exchanges[0], "sip show peers")
    assert peers[0] == real[8]
    assert number.sub("N", peers[-1]) == number.sub("N", real[11])


@pytest.mark.parametrize("agents", [10, 60, 1000])
def test_any_size_of_centre(agents: int) -> None:
    pair = SimulatedPair(1)
    centre = CallCentre(pair, agents, 0.9, 1)
    pair.step(40)
    exchange = centre.exchanges[0]
    assert len(exchange.agents) == agents
    assert len({agent.interface for agent in exchange.agents.values()}) == agents
    assert 3 <= len(exchange.queues) <= 50
    assert all(exchange.members.values())
    assert exchange.channels

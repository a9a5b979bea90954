"""Measures the fold: 1,000 agents in 50 queues, Asterisk 16's events of whole calls. Budget: 20,000 events/s on a core.

Run it: `python -m tests.bench.fold`. It is also a test: `pytest -m bench tests/bench/fold.py`.
"""

from __future__ import annotations

import time

import pytest

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.fold import fold, fold_all, tick
from ccops.callcentre.model import Centre
from ccops.callcentre.queues import queue_view
from ccops.callcentre.resync import resync

AGENTS, QUEUES, CALLS = 1000, 50, 400
AT = 1_700_000_000.0
BUDGET = 20_000


def members() -> list[dict[str, str]]:
    """QueueStatus' list: 1,000 agents, each a member of two queues."""
    listed: list[dict[str, str]] = []
    for queue in range(QUEUES):
        listed.append({"event": "QueueParams", "queue": f"q{queue}", "strategy": "ringall", "servicelevel": "20"})
    for agent in range(AGENTS):
        for queue in (agent % QUEUES, (agent * 7 + 1) % QUEUES):
            interface = f"SIP/{1000 + agent}"
            listed.append(
                {
                    "event": "QueueMember",
                    "queue": f"q{queue}",
                    "name": f"Agent {agent}",
                    "location": interface,
                    "stateinterface": interface,
                    "status": "1",
                }
            )
    return listed


def centre() -> Centre:
    """The call centre of `members`."""
    return resync(Centre(), {"QueueStatus": members()}, AT)


def call(n: int) -> list[dict[str, str]]:
    """The events of one call that rings three agents and is answered by the last, with its dialplan: 54 of them."""
    queue, uniqueid, trunk = f"q{n % QUEUES}", f"{int(AT)}.{n}", f"SIP/gxw4108-{n:08x}"
    caller = {
        "channel": trunk,
        "channelstate": "6",
        "channelstatedesc": "Up",
        "calleridnum": f"09{n:08d}",
        "calleridname": "Cliente",
        "connectedlinenum": "<unknown>",
        "connectedlinename": "<unknown>",
        "context": "ext-queues",
        "exten": "400",
        "priority": "7",
        "uniqueid": uniqueid,
        "linkedid": uniqueid,
    }
    events: list[dict[str, str]] = [{"event": "Newchannel", **caller}]
    events += [{"event": "Newexten", **caller, "application": f"App{step}"} for step in range(20)]
    events.append({"event": "QueueCallerJoin", **caller, "queue": queue, "position": "1", "count": "1"})
    # Members of queue q are the agents q, q + 50, q + 100 and so on.
    chosen = [n % QUEUES + QUEUES * ((n // QUEUES + step) % (AGENTS // QUEUES)) for step in range(3)]
    for agent in chosen:
        events.append(_leg("Newchannel", agent, n))
        events.append(_leg("Newstate", agent, n))
        events.append({"event": "AgentCalled", **caller, "queue": queue, "interface": f"SIP/{1000 + agent}"})
        events.append({"event": "DeviceStateChange", "device": f"SIP/{1000 + agent}", "state": "RINGING"})
        events.append(_status(agent, queue, 6))
    answered, lost = chosen[-1], chosen[:-1]
    events.append({"event": "QueueCallerLeave", **caller, "queue": queue, "position": "1", "count": "0"})
    answer = {"queue": queue, "interface": f"SIP/{1000 + answered}", "holdtime": "4", "ringtime": "3"}
    events.append({"event": "AgentConnect", **caller, **answer})
    for agent in lost:
        events += [_leg("Hangup", agent, n), _status(agent, queue, 1)]
    events.append({"event": "DeviceStateChange", "device": f"SIP/{1000 + answered}", "state": "INUSE"})
    events.append(_status(answered, queue, 2))
    events += [{"event": "BridgeEnter", **caller, "bridgeuniqueid": f"b{n}"}, {"event": "BridgeLeave", **caller}]
    events += [{"event": "VarSet", **caller, "variable": "X", "value": "1"}] * 3
    events.append({"event": "AgentComplete", **caller, **answer, "talktime": "120"})
    events += [_leg("Hangup", answered, n), {"event": "Hangup", **caller, "cause": "16"}, _status(answered, queue, 1)]
    return events


def measure() -> dict[str, float]:
    """Events a second in batches of 100 and one by one, and milliseconds for what a screen derives."""
    start = centre()
    events = [event for n in range(CALLS) for event in call(n)]
    began = time.process_time()
    after = start
    for first in range(0, len(events), 100):
        after = fold_all(after, events[first : first + 100], AT + first / 2000)
    batched = time.process_time() - began
    assert after.needs_resync is None, after.needs_resync
    assert sum(queue.handled for queue in after.queues.values()) == CALLS
    few = events[: len(events) // 4]
    began = time.process_time()
    after = start
    for place, event in enumerate(few):
        after = fold(after, event, AT + place / 2000)
    single = time.process_time() - began
    began = time.process_time()
    assert totals(agents(after, AT))["free"] > 0
    derived = time.process_time() - began
    began = time.process_time()
    assert len([queue_view(queue, AT) for queue in after.queues.values()]) == QUEUES
    viewed = time.process_time() - began
    began = time.process_time()
    tick(after, AT)
    ticked = time.process_time() - began
    return {
        "events/s in batches of 100": len(events) / batched,
        "events/s one by one": len(few) / single,
        "ms for agents and totals": derived * 1000,
        "ms for all queue views": viewed * 1000,
        "ms for a tick": ticked * 1000,
    }


def _leg(event: str, agent: int, n: int) -> dict[str, str]:
    return {
        "event": event,
        "channel": f"SIP/{1000 + agent}-{n:08x}",
        "channelstatedesc": "Ringing",
        "calleridnum": str(1000 + agent),
        "uniqueid": f"{int(AT)}.9{n}.{agent}",
        "linkedid": f"{int(AT)}.{n}",
    }


def _status(agent: int, queue: str, status: int) -> dict[str, str]:
    return {
        "event": "QueueMemberStatus",
        "queue": queue,
        "membername": f"Agent {agent}",
        "interface": f"SIP/{1000 + agent}",
        "stateinterface": f"SIP/{1000 + agent}",
        "membership": "static",
        "penalty": "0",
        "callstaken": "0",
        "lastcall": "0",
        "incall": "0",
        "status": str(status),
        "paused": "0",
        "pausedreason": "",
        "wrapuptime": "0",
    }


@pytest.mark.bench
def test_the_fold_keeps_its_budget() -> None:
    assert measure()["events/s in batches of 100"] >= BUDGET


if __name__ == "__main__":
    for what, figure in measure().items():
        print(f"{figure:12,.1f}  {what}")

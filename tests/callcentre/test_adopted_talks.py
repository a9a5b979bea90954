"""Talks that began before ccops came: read from the channels, ended by the events that end any talk."""

from __future__ import annotations

from ccops.callcentre.agents import agents
from ccops.callcentre.fold import fold
from ccops.callcentre.model import Centre
from ccops.callcentre.resync import resync

MEMBER = {"event": "QueueMember", "queue": "ventas", "name": "Ana", "location": "SIP/101", "stateinterface": "SIP/101"}
PARAMS = {"event": "QueueParams", "queue": "ventas", "max": "0", "strategy": "ringall", "calls": "0", "holdtime": "0"}
CALLER = {
    "event": "CoreShowChannel", "channel": "SIP/gxw4108-0001", "uniqueid": "10.1", "linkedid": "10.1",
    "channelstatedesc": "Up", "calleridnum": "0991112222", "calleridname": "Luz", "duration": "00:01:40",
}  # fmt: skip
AGENT = {
    "event": "CoreShowChannel", "channel": "SIP/101-0002", "uniqueid": "10.2", "linkedid": "10.1",
    "channelstatedesc": "Up", "calleridnum": "101", "connectedlinenum": "0991112222", "duration": "00:01:30",
}  # fmt: skip


def centre(status: str, *channels: dict[str, str]) -> Centre:
    lists = {"QueueStatus": [PARAMS, {**MEMBER, "status": status}], "CoreShowChannels": list(channels)}
    return resync(Centre(), lists, 1000.0)


def test_a_talk_is_adopted_and_ends() -> None:
    found = centre("2", CALLER, AGENT)
    (agent,) = agents(found, 1000.0)
    assert agent.state == "busy"
    assert agent.talk is not None
    assert (agent.talk.number, agent.talk.since) == ("0991112222", 910.0)
    ended = fold(found, {"event": "Hangup", "uniqueid": "10.1", "channel": "SIP/gxw4108-0001"}, 1010.0)
    assert ended.talks == {}


def test_nothing_is_adopted_without_a_caller_or_for_a_free_agent() -> None:
    assert centre("2", AGENT).talks == {}
    assert centre("1", CALLER, AGENT).talks == {}
    assert centre("2", CALLER, {**AGENT, "channelstatedesc": "Ringing"}).talks == {}

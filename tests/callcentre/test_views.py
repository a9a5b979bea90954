"""Agents, lines, queue views and the words for their states."""

from __future__ import annotations

import unicodedata
from typing import get_args

import msgspec
import pytest

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.lines import lines
from ccops.callcentre.model import AgentState, Centre, Channel, Endpoint, EndpointState, Queue
from ccops.callcentre.queues import queue_view
from ccops.callcentre.vocabulary import AGENT, ENDPOINT, Severity, Word
from tests.callcentre.ami import T0, ev, listed, member, params, play

DEVICE = {
    0: "unknown",
    1: "free",
    2: "busy",
    3: "busy",
    4: "away",
    5: "away",
    6: "ringing",
    7: "busy",
    8: "hold",
    9: "unknown",
}


@pytest.mark.parametrize("status", DEVICE)
def test_a_device_state_is_an_agents_state(status: int) -> None:
    c = listed(params("400"), member("400", "SIP/101", status))
    (agent,) = agents(c, T0)
    assert agent.state == DEVICE[status]
    view = msgspec.to_builtins(queue_view(c.queues["400"], T0))
    shown = {"hold": "busy"}.get(agent.state, agent.state)
    names = ("free", "ringing", "busy", "wrapup", "paused", "away", "unknown")
    assert {name: view[name] for name in names} == {name: int(name == shown) for name in names}


def test_an_agent_of_many_queues_is_one() -> None:
    c = listed(
        params("400"),
        member("400", "SIP/101", callstaken=3, lastcall=int(T0) - 9),
        params("401"),
        member("401", "SIP/101", callstaken=2, lastcall=int(T0) - 90),
    )
    (agent,) = agents(c, T0)
    assert (agent.queues, agent.calls_taken, agent.last_call_at) == (("400", "401"), 5, T0 - 9)
    assert totals((agent,)) == {**dict.fromkeys(get_args(AgentState), 0), "free": 1}


def test_shared_last_calls_are_counted_once() -> None:
    shared = {"callstaken": 3, "lastcall": int(T0) - 9}
    c = listed(params("400"), member("400", "SIP/101", **shared), params("401"), member("401", "SIP/101", **shared))
    assert agents(c, T0)[0].calls_taken == 3


def test_the_youngest_word_of_a_device_is_believed() -> None:
    c = listed(params("400"), member("400", "SIP/101"), params("401"), member("401", "SIP/101"))
    c = play(c, (5, ev("QueueMemberStatus", queue="401", location="SIP/101", status=5)))
    assert (agents(c, T0)[0].state, agents(c, T0)[0].since) == ("away", T0 + 5)


def test_agents_compare_equal_while_nothing_changes_and_are_sorted_by_name() -> None:
    c = listed(params("400"), member("400", "SIP/102"), member("400", "Local/101@x/n", stateinterface="SIP/101"))
    names = {"SIP/101": "Zoe", "SIP/102": "ana"}
    assert agents(c, T0, names) == agents(c, T0 + 100, names)
    assert [agent.name for agent in agents(c, T0, names)] == ["ana", "Zoe"]


def test_agents_that_did_not_change_cost_nothing() -> None:
    c = listed(params("400"), member("400", "SIP/101"))
    first = agents(c, T0)
    channel = play(c, (1, ev("Newchannel", channel="SIP/9-1", uniqueid="c9")))
    assert agents(channel, T0 + 60) is first
    assert agents(channel, T0 + 60, {"SIP/101": "Ana"})[0].name == "Ana"
    assert agents(play(c, (2, ev("QueueMemberStatus", queue="400", interface="SIP/101", status=2))), T0) != first
    assert agents(c, T0) == first


def test_views_of_nothing() -> None:
    assert agents(Centre(), T0) == ()
    assert lines(Centre(), {}) == ()
    view = queue_view(Queue("400"), T0)
    assert (view.waiting, view.longest_wait_s, view.service_level_pct, view.average_wait_s) == (0, None, None, None)


def test_the_longest_wait_is_not_of_the_first_after_a_priority_join() -> None:
    c = listed(params("400"))
    for n, position in enumerate((1, 1)):
        join = ev("QueueCallerJoin", queue="400", uniqueid=f"c{n}", position=position, count=n + 1)
        c = play(c, (n * 10, join))
    assert queue_view(c.queues["400"], T0 + 30).longest_wait_s == 30.0
    assert queue_view(c.queues["400"], T0 - 30).longest_wait_s == 0.0, "clocks may differ"


def endpoints(*found: Endpoint) -> dict[str, Endpoint]:
    return {f"{one.tech}/{one.name}": one for one in found}


def test_trunks_and_extensions_are_told_apart() -> None:
    c = msgspec.structs.replace(
        listed(params("400"), member("400", "SIP/reception")),
        endpoints=endpoints(
            Endpoint("101", "SIP", dynamic=True),
            Endpoint("99", "SIP", dynamic=True),
            Endpoint("101-web", "SIP"),
            Endpoint("softphone", "SIP", dynamic=True),
            Endpoint("reception", "SIP"),
            Endpoint("carrier", "PJSIP"),
            Endpoint("8005550", "SIP"),
        ),
    )
    kinds = [(line.kind, line.name) for line in lines(c, {"8005550": 30})]
    assert kinds == [
        ("trunk", "carrier"),
        ("trunk", "8005550"),
        ("extension", "101-web"),
        ("extension", "reception"),
        ("extension", "softphone"),
        ("extension", "99"),
        ("extension", "101"),
    ]


def test_channels_are_counted_by_their_whole_name() -> None:
    names = [
        "SIP/gw-1",
        "SIP/GW-2",
        "SIP/gw-2-3",
        "SIP/gw-2-4",
        "SIP/gw-5<ZOMBIE>",
        "IAX2/gw-6",
        "Local/gw@x-7;1",
        "odd",
    ]
    c = Centre(
        endpoints=endpoints(Endpoint("gw", "SIP"), Endpoint("gw-2", "SIP"), Endpoint("gw", "IAX2")),
        channels={str(n): Channel(name, str(n)) for n, name in enumerate(names)},
    )
    found = {(line.tech, line.name): (line.channels, line.capacity) for line in lines(c, {"SIP/gw": 8})}
    assert found == {("SIP", "gw"): (2, 8), ("SIP", "gw-2"): (2, None), ("IAX2", "gw"): (1, None)}


@pytest.mark.parametrize(("name", "tech"), [("gxw4108", ""), ("SIP/gxw4108", "SIP")])
def test_a_configured_trunk_that_no_list_tells_of_is_shown_as_unknown(name: str, tech: str) -> None:
    c = Centre(channels={"1": Channel("SIP/gxw4108-1", "1")})
    (line,) = lines(c, {name: 8})
    assert (line.name, line.tech, line.kind, line.state, line.channels, line.capacity) == (
        "gxw4108",
        tech,
        "trunk",
        "unknown",
        1,
        8,
    )


@pytest.mark.parametrize(
    ("table", "states"), [(AGENT, get_args(AgentState)), (ENDPOINT, get_args(EndpointState))], ids=["agent", "endpoint"]
)
def test_every_state_has_its_word(table: dict[str, Word], states: tuple[str, ...]) -> None:
    assert set(table) == set(states)
    assert len({word.mark for word in table.values()}) == len(states), "marks are read without colour"
    assert len({word.label for word in table.values()}) == len(states)
    for word in table.values():
        assert word.severity in get_args(Severity)
        assert len(word.mark) == 1
        assert unicodedata.east_asian_width(word.mark) in ("Na", "N")
        assert word.meaning
    assert table["unknown"].severity == "unknown"

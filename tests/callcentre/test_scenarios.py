"""What happens in a call centre, as sequences of events (Asterisk 12+ spellings), and what is known after each."""

from __future__ import annotations

import pytest

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.fold import fold, fold_all, replay, tick
from ccops.callcentre.lines import lines
from ccops.callcentre.model import Agent, Caller, Centre, Queue
from ccops.callcentre.queues import queue_view
from ccops.callcentre.resync import resync
from tests.callcentre.ami import T0, ev, listed, member, params, play

ANA, LUIS = "SIP/101", "SIP/102"
GATEWAY = "SIP/gxw4108-00000001"


def centre() -> Centre:
    return listed(
        params("400"),
        member("400", ANA),
        member("400", LUIS),
        params("401"),
        member("401", ANA),
    )


def caller(event: str, uniqueid: str = "c1", queue: str = "400", **fields: object) -> dict[str, str]:
    base: dict[str, object] = {"channel": f"SIP/gxw4108-{uniqueid}", "calleridnum": "0991234567", "queue": queue}
    return ev(event, uniqueid=uniqueid, **(base | fields))


def joined(uniqueid: str, position: int, count: int, queue: str = "400") -> dict[str, str]:
    return caller("QueueCallerJoin", uniqueid, queue, position=position, count=count)


def left(uniqueid: str, position: int, count: int, queue: str = "400") -> dict[str, str]:
    return caller("QueueCallerLeave", uniqueid, queue, position=position, count=count)


def status(interface: str, status: int, queue: str = "400", **fields: object) -> dict[str, str]:
    return ev("QueueMemberStatus", queue=queue, interface=interface, status=status, **fields)


def agent(of: Centre, interface: str, after: float = 0) -> Agent:
    return next(one for one in agents(of, T0 + after) if one.interface == interface)


def order(queue: Queue) -> list[tuple[int, str]]:
    return [(one.position, one.uniqueid) for one in queue.callers]


def test_1_a_normal_call() -> None:
    c = play(
        centre(),
        (0, ev("Newchannel", channel=GATEWAY, uniqueid="c1", calleridnum="0991234567", channelstatedesc="Ring")),
        (1, joined("c1", 1, 1)),
        (2, caller("AgentCalled", interface=ANA)),
    )
    assert agent(c, ANA).state == "ringing"
    assert agent(c, ANA).since == T0 + 2
    assert c.queues["400"].callers == (Caller("c1", "400", "0991234567", "", 1, T0 + 1, "SIP/gxw4108-c1"),)
    c = play(c, (2, status(ANA, 6)), (6, left("c1", 1, 0)), (6, caller("AgentConnect", interface=ANA, holdtime=5)))
    assert c.queues["400"].callers == ()
    c = play(c, (6, status(ANA, 2, incall=1)))
    assert (agent(c, ANA).state, agent(c, ANA).since) == ("busy", T0 + 6)
    talk = agent(c, ANA).talk
    assert talk is not None
    assert (talk.number, talk.queue, talk.uniqueid) == ("0991234567", "400", "c1")
    assert totals(agents(c, T0))["busy"] == 1
    c = play(
        c,
        (66, caller("AgentComplete", interface=ANA, talktime=60, reason="caller")),
        (66, ev("Hangup", uniqueid="c1", cause=16)),
        (66, status(ANA, 1, callstaken=1, lastcall=int(T0 + 66))),
    )
    assert (agent(c, ANA).state, agent(c, ANA).since) == ("free", T0 + 66)
    assert (agent(c, ANA).handled, agent(c, ANA).calls_taken, agent(c, ANA).talk_total_s) == (1, 1, 60.0)
    view = queue_view(c.queues["400"], T0 + 66)
    assert (view.handled, view.abandoned, view.service_level_pct, view.average_wait_s) == (1, 0, 100.0, 5.0)
    assert (view.average_talk_s, view.free, view.longest_wait_s) == (60.0, 2, None)
    assert (c.channels, c.talks, c.ringing, c.left, c.needs_resync) == ({}, {}, {}, {}, None)


def test_1_an_answer_after_the_service_level_is_not_within_it() -> None:
    c = centre()
    for n, hold in enumerate((20, 21)):
        c = play(c, (n, caller("AgentConnect", f"c{n}", interface=ANA, holdtime=hold)))
    assert (c.queues["400"].handled, c.queues["400"].answered_within) == (2, 1)
    assert c.queues["400"].service_level_pct == 50.0


def test_2_an_abandoned_call() -> None:
    c = play(
        centre(),
        (0, joined("c1", 1, 1)),
        (30, caller("QueueCallerAbandon", position=1, originalposition=1, holdtime=30)),
        (30, left("c1", 1, 0)),
        (30.1, ev("Hangup", uniqueid="c1", cause=16)),
    )
    c = tick(c, T0 + 120)
    assert (c.queues["400"].abandoned, c.queues["400"].exited, c.queues["400"].callers) == (1, 0, ())
    assert c.queues["400"].service_level_pct == 0.0
    assert c.needs_resync is None


def test_2_an_abandon_told_twice_counts_once() -> None:
    gone = caller("QueueCallerAbandon", position=1)
    c = play(centre(), (0, joined("c1", 1, 1)), (1, gone), (1, gone), (1, left("c1", 1, 0)))
    assert c.queues["400"].abandoned == 1


GOES_ON = [
    ev("Newexten", uniqueid="c1", context="ext-queues", extension="400", application="VoiceMail"),
    ev("DialBegin", uniqueid="c1", destuniqueid="d1"),
    ev("BridgeEnter", uniqueid="c1", bridgeuniqueid="b1"),
]


@pytest.mark.parametrize("sign", GOES_ON, ids=lambda event: event["event"])
def test_2_a_timed_out_caller_whose_call_goes_on_is_not_called_abandoned(sign: dict[str, str]) -> None:
    c = play(
        centre(),
        (0, joined("c1", 1, 1)),
        (60, caller("QueueCallerAbandon", position=1)),
        (60, left("c1", 1, 0)),
    )
    assert c.queues["400"].abandoned == 1
    c = play(c, (60, sign), (61, ev("Hangup", uniqueid="c1")))
    assert (c.queues["400"].abandoned, c.queues["400"].exited) == (0, 1)


def test_2_the_hangup_extension_is_no_sign_of_life() -> None:
    c = play(
        centre(),
        (0, joined("c1", 1, 1)),
        (9, caller("QueueCallerAbandon", position=1)),
        (9, left("c1", 1, 0)),
        (9, ev("Newexten", uniqueid="c1", context="ext-queues", extension="h", application="Macro")),
        (9, ev("Newexten", uniqueid="c1", context="macro-hangupcall", extension="s", application="GotoIf")),
        (20, ev("Hangup", uniqueid="c1")),
    )
    assert (c.queues["400"].abandoned, c.queues["400"].exited) == (1, 0)


def test_2_a_channel_that_outlives_its_abandon_was_not_hung_up() -> None:
    waiting = play(centre(), (0, ev("Newchannel", uniqueid="c1", channel=GATEWAY)), (0, joined("c1", 1, 1)))
    gone = play(waiting, (60, caller("QueueCallerAbandon", position=1)), (60, left("c1", 1, 0)))
    assert tick(gone, T0 + 64).queues["400"].abandoned == 1
    assert tick(gone, T0 + 66).queues["400"].exited == 1
    assert play(gone, (66, ev("Hangup", uniqueid="c1"))).queues["400"].exited == 1


def test_2_without_events_of_channels_it_stays_abandoned_and_is_forgotten() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (9, caller("QueueCallerAbandon", position=1)), (9, left("c1", 1, 0)))
    late = tick(c, T0 + 100)
    assert (late.queues["400"].abandoned, late.queues["400"].exited, late.left) == (1, 0, {})


def test_2_a_caller_who_leaves_with_a_key_is_not_abandoned() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (9, left("c1", 1, 0)), (10, ev("Hangup", uniqueid="c1")))
    assert (c.queues["400"].abandoned, c.queues["400"].exited, c.queues["400"].handled) == (0, 0, 0)


def test_3_overflow_to_another_queue() -> None:
    c = play(
        centre(),
        (0, joined("c1", 1, 1)),
        (30, caller("QueueCallerAbandon", position=1)),
        (30, left("c1", 1, 0)),
        (30, joined("c1", 1, 1, "401")),
    )
    assert (c.queues["400"].abandoned, c.queues["400"].exited, c.queues["400"].callers) == (0, 1, ())
    assert order(c.queues["401"]) == [(1, "c1")]
    assert c.queues["401"].callers[0].joined_at == T0 + 30
    assert (c.queues["400"].history, c.queues["401"].history) == ((1,), (1,))
    assert c.calls_per_minute == (1,), "one call, though it joined two queues"
    assert c.needs_resync is None


def test_4_a_priority_caller_goes_first() -> None:
    c = play(centre(), *((n, joined(f"c{n}", n, n)) for n in (1, 2, 3)), (4, joined("vip", 1, 4)))
    assert order(c.queues["400"]) == [(1, "vip"), (2, "c1"), (3, "c2"), (4, "c3")]
    c = play(c, (5, left("c1", 2, 3)))
    assert order(c.queues["400"]) == [(1, "vip"), (2, "c2"), (3, "c3")]
    assert queue_view(c.queues["400"], T0 + 10).longest_wait_s == 8.0
    assert c.needs_resync is None


def test_5_no_answer_then_autopause_then_the_next_agent() -> None:
    c = play(
        centre(),
        (0, joined("c1", 1, 1)),
        (1, caller("AgentCalled", interface=ANA)),
        (1, status(ANA, 6)),
        (16, caller("AgentRingNoAnswer", interface=ANA, ringtime=15000)),
        (16, status(ANA, 1)),
        (16, ev("QueueMemberPause", queue="400", interface=ANA, paused=1, pausedreason="Auto-Pause")),
    )
    assert (agent(c, ANA).state, agent(c, ANA).paused_in, agent(c, ANA).missed) == ("free", ("400",), 1)
    assert agent(c, ANA).pause_reason == "Auto-Pause", "a pause in some queues only is still shown"
    assert queue_view(c.queues["400"], T0 + 17).paused == 1
    c = play(c, (17, caller("AgentCalled", interface=LUIS)))
    assert (agent(c, LUIS).state, agent(c, ANA).state) == ("ringing", "free")


def test_6_a_break_in_all_queues_and_its_end() -> None:
    pause = {"interface": ANA, "paused": 1, "pausedreason": "Lunch"}
    c = play(
        centre(),
        (10, ev("QueueMemberPause", queue="400", **pause)),
        (11, ev("QueueMemberPause", queue="401", **pause)),
    )
    lunch = agent(c, ANA)
    assert (lunch.state, lunch.paused, lunch.pause_reason, lunch.since) == ("paused", True, "Lunch", T0 + 11)
    # A second word of the same pause does not begin it anew.
    c = play(c, (50, status(ANA, 1, paused=1)))
    assert c.queues["400"].members[ANA].paused_since == T0 + 10
    assert c.queues["400"].members[ANA].pause_reason == "Lunch"
    back = {"interface": ANA, "paused": 0, "pausedreason": "Lunch"}
    c = play(c, *((60, ev("QueueMemberPause", queue=queue, **back)) for queue in ("400", "401")))
    ana = agent(c, ANA)
    assert (ana.state, ana.paused, ana.pause_reason, ana.paused_since) == ("free", False, "", None)


def test_6_another_reason_begins_another_pause() -> None:
    pause = ev("QueueMemberPause", queue="400", interface=LUIS, paused=1, pausedreason="Lunch")
    c = play(centre(), (0, pause), (60, {**pause, "pausedreason": "Training"}))
    assert (agent(c, LUIS).pause_reason, agent(c, LUIS).paused_since) == ("Training", T0 + 60)


def test_6_a_paused_agent_on_a_call_is_busy_and_one_without_phone_is_away() -> None:
    c = play(centre(), (0, ev("QueueMemberPause", queue="400", interface=LUIS, paused=1)), (1, status(LUIS, 2)))
    assert (agent(c, LUIS).state, agent(c, LUIS).paused) == ("busy", True)
    c = play(c, (2, status(LUIS, 5)))
    assert (agent(c, LUIS).state, agent(c, LUIS).paused) == ("away", True)


def test_7_ringall_over_fifty() -> None:
    team = [f"SIP/{n}" for n in range(200, 250)]
    c = listed(params("400"), *(member("400", one) for one in team))
    c = play(c, (0, joined("c1", 1, 1)))
    c = fold_all(c, [caller("AgentCalled", interface=one) for one in team], T0 + 1)
    c = fold_all(c, [status(one, 6) for one in team], T0 + 1)
    assert totals(agents(c, T0))["ringing"] == 50
    c = play(c, (4, left("c1", 1, 0)), (4, caller("AgentConnect", interface=team[7], holdtime=4)))
    c = fold_all(c, [status(one, 2 if one == team[7] else 1) for one in team], T0 + 4)
    assert {state: n for state, n in totals(agents(c, T0)).items() if n} == {"free": 49, "busy": 1}
    assert c.ringing == {}


def test_7_an_agent_called_without_any_status_event_stops_ringing() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (1, caller("AgentCalled", interface=ANA)), (2, left("c1", 1, 0)))
    assert agent(c, ANA).state == "free"


def test_7_whoever_still_rings_when_the_call_ends_or_is_answered_is_free() -> None:
    rings = play(centre(), (1, caller("AgentCalled", interface=ANA)), (1, caller("AgentCalled", interface=LUIS)))
    assert totals(agents(rings, T0))["ringing"] == 2
    assert totals(agents(play(rings, (2, ev("Hangup", uniqueid="c1"))), T0))["free"] == 2
    answered = play(rings, (2, caller("AgentConnect", interface=ANA)))
    assert (agent(answered, LUIS).state, agent(answered, ANA).state) == ("free", "busy")
    dumped = play(rings, (2, caller("AgentDump", interface=LUIS)))
    assert (agent(dumped, LUIS).state, agent(dumped, ANA).state) == ("free", "ringing")


def test_7_of_calls_at_once_the_newest_counts() -> None:
    c = centre()
    for n in (1, 2):
        c = play(c, (n, caller("AgentConnect", f"c{n}", interface=ANA)))
    c = play(c, (9, caller("AgentComplete", "c1", interface=ANA, talktime=8)))
    ana = c.queues["400"].members[ANA]
    assert (ana.calls_taken, ana.in_call, ana.talk_total_s, agent(c, ANA).state) == (0, True, 8.0, "busy")
    c = play(c, (10, caller("AgentComplete", "c2", interface=ANA, talktime=8)))
    ana = c.queues["400"].members[ANA]
    assert (ana.calls_taken, ana.in_call, ana.last_call_at, c.talks) == (1, False, T0 + 10, {})


def test_8_a_full_trunk_then_an_unreachable_gateway() -> None:
    peer = ev("PeerEntry", channeltype="SIP", objectname="gxw4108", ipaddress="192.168.27.130", ipport=5060)
    c = resync(centre(), {"SIPpeers": [{**peer, "dynamic": "no", "status": "OK (12 ms)"}]}, T0)
    for n in range(9):
        name = f"SIP/gxw4108-0000000{n}"
        c = play(c, (n, ev("Newchannel", channel=name, uniqueid=f"g{n}", channelstatedesc="Up")))
    c = play(c, (9, ev("Newchannel", channel="SIP/101-0000000a", uniqueid="x", channelstatedesc="Up")))
    c = play(c, (10, ev("Hangup", uniqueid="g8", cause=34)))
    (trunk,) = lines(c, {"gxw4108": 8})
    assert (trunk.kind, trunk.channels, trunk.capacity, trunk.state, trunk.latency_ms) == (
        "trunk",
        8,
        8,
        "reachable",
        12,
    )
    c = play(c, (20, ev("PeerStatus", channeltype="SIP", peer="SIP/gxw4108", peerstatus="Unreachable", time=-1)))
    (trunk,) = lines(c, {"gxw4108": 8})
    assert (trunk.state, trunk.latency_ms, trunk.address) == ("unreachable", None, "192.168.27.130:5060")
    assert c.endpoints["SIP/gxw4108"].since == T0 + 20


def test_9_a_failover_in_mid_call() -> None:
    c = resync(
        centre(),
        {"CoreStatus": [ev("", corestartupdate="2026-11-23", corestartuptime="03:09:09")]},
        T0,
    )
    c = play(
        c,
        (1, ev("Newchannel", channel=GATEWAY, uniqueid="c1")),
        (1, joined("c0", 1, 1)),
        (2, joined("c1", 2, 2)),
        (3, left("c1", 2, 1)),
        (3, caller("AgentConnect", interface=ANA, holdtime=1)),
        (4, status(ANA, 2)),
    )
    assert agent(c, ANA).talk is not None
    lists = {
        "CoreStatus": [ev("", corestartupdate="2026-11-23", corestartuptime="04:44:44")],
        "QueueStatus": [params("400"), member("400", ANA, 5), member("400", LUIS, 5)],
    }
    c = resync(c, lists, T0 + 60)
    assert (c.talks, c.channels, c.ringing, c.left) == ({}, {}, {}, {})
    assert (c.queues["400"].callers, list(c.queues)) == ((), ["400"])
    assert (c.queues["400"].handled, c.queues["400"].counted_since) == (1, T0), "counters survive"
    assert totals(agents(c, T0 + 60))["away"] == 2
    # The storm of registrations.
    for peer in ("101", "102"):
        c = play(c, (61, ev("PeerStatus", peer=f"SIP/{peer}", peerstatus="Registered", address=f"10.0.0.{peer}:5060")))
    c = play(c, (62, ev("DeviceStateChange", device=ANA, state="NOT_INUSE")), (62, status(LUIS, 1)))
    assert totals(agents(c, T0 + 62))["free"] == 2
    assert {key: e.state for key, e in c.endpoints.items()} == {"SIP/101": "registered", "SIP/102": "registered"}
    assert c.needs_resync is None


def test_9_the_same_asterisk_keeps_its_calls() -> None:
    same = {"CoreStatus": [ev("", corestartupdate="2026-11-23", corestartuptime="03:09:09")]}
    c = play(resync(centre(), same, T0), (1, caller("AgentConnect", interface=ANA, holdtime=1)))
    again = resync(c, {**same, "CoreShowChannels": [ev("CoreShowChannel", uniqueid="c1", channel=GATEWAY)]}, T0 + 2)
    assert again.talks == c.talks
    assert resync(c, {"CoreShowChannels": []}, T0 + 2).talks == {}, "the caller's channel is gone"


def test_9_a_shutdown_ends_all_calls() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (1, caller("AgentConnect", "c2", interface=ANA)))
    c = play(c, (2, ev("Shutdown", shutdown="Cleanly", restart="False")))
    assert (c.queues["400"].callers, c.talks) == ((), {})
    assert "shutting down" in (c.needs_resync or "")


def test_10_a_reload_asks_for_the_lists_and_they_end_it() -> None:
    c = play(centre(), (0, ev("Reload", module="app_queue", status=0)))
    assert c.needs_resync == "Asterisk reloaded app_queue"
    assert listed_again(c).needs_resync is None


def test_10_a_realtime_member_asks_for_the_lists_and_is_shown_at_once() -> None:
    c = play(centre(), (0, status("SIP/900", 1, membername="Nueva", membership="realtime")))
    assert "SIP/900" in (c.needs_resync or "")
    assert agent(c, "SIP/900").state == "free"


def test_10_login_asks_for_the_lists() -> None:
    c = play(centre(), (0, ev("FullyBooted", uptime=17)))
    assert c.needs_resync is not None
    assert c.started_at == T0 - 17


def listed_again(c: Centre) -> Centre:
    return resync(c, {"QueueStatus": [params("400"), member("400", ANA)]}, T0 + 10)


DOUBTS = {
    "position out of reach": joined("x", 4, 2),
    "no position": caller("QueueCallerJoin", "x"),
    "count differs": joined("x", 2, 7),
    "waits already": joined("c1", 1, 1, "401"),
    "leaves unknown": left("x", 1, 0),
    "leaves from elsewhere": left("c1", 2, 0),
    "abandons unknown": caller("QueueCallerAbandon", "x", position=1),
    "answered while waiting": caller("AgentConnect", interface=ANA, holdtime=1),
    "hangs up while waiting": ev("Hangup", uniqueid="c1"),
    "unknown queue": joined("x", 1, 1, "999"),
    "removed unknown": ev("QueueMemberRemoved", queue="400", interface="SIP/999"),
    "answered by nobody known": caller("AgentConnect", "x", interface="SIP/999", holdtime=1),
}


@pytest.mark.parametrize("event", DOUBTS.values(), ids=DOUBTS)
def test_what_does_not_fit_asks_for_a_resync(event: dict[str, str]) -> None:
    c = play(centre(), (0, joined("c1", 1, 1)))
    assert c.needs_resync is None
    doubted = play(c, (1, event))
    assert doubted.needs_resync is not None
    for queue in doubted.queues.values():
        assert [one.position for one in queue.callers] == list(range(1, len(queue.callers) + 1))
    waiting = [one.uniqueid for queue in doubted.queues.values() for one in queue.callers]
    assert len(waiting) == len(set(waiting))


def test_the_first_reason_stands() -> None:
    c = play(centre(), (0, ev("Reload", module="All")), (1, left("x", 1, 0)))
    assert c.needs_resync == "Asterisk reloaded All"


def test_a_replay_over_a_list_counts_once_and_doubts_nothing() -> None:
    """The list already has c2, joined while it was read; c1 left before the list was made."""
    lists = {
        "QueueStatus": [
            params("400"),
            member("400", ANA),
            ev("QueueEntry", queue="400", position=1, uniqueid="c2", wait=0, calleridnum="<unknown>"),
        ]
    }
    c = play(centre(), (0, joined("c1", 1, 1)))
    buffered = [joined("c2", 2, 2), left("c1", 1, 1), caller("AgentConnect", interface=ANA, holdtime=3)]
    c = replay(resync(c, lists, T0 + 3), buffered, T0 + 3)
    assert order(c.queues["400"]) == [(1, "c2")]
    assert (c.queues["400"].handled, c.queues["400"].history, c.needs_resync) == (1, (2,), None)
    assert replay(c, [ev("Reload", module="All")], T0 + 4).needs_resync is not None


def test_a_replayed_join_leaves_a_caller_where_the_list_has_it() -> None:
    entries = [ev("QueueEntry", queue="400", position=n, uniqueid=who, wait=5) for n, who in ((1, "vip"), (2, "c1"))]
    c = resync(centre(), {"QueueStatus": [params("400"), member("400", ANA), *entries]}, T0)
    c = replay(c, [joined("c1", 1, 1), joined("vip", 1, 2)], T0 + 1)
    assert order(c.queues["400"]) == [(1, "vip"), (2, "c1")]
    assert {one.joined_at for one in c.queues["400"].callers} == {T0 - 5}
    assert c.queues["400"].history == (2,)
    assert c.needs_resync is None


def test_members_come_go_and_change() -> None:
    new = {"queue": "400", "interface": "SIP/300", "membername": "Eva", "membership": "dynamic", "status": 1}
    c = play(centre(), (0, ev("QueueMemberAdded", **new, penalty=2, paused=0)))
    eva = c.queues["400"].members["SIP/300"]
    assert (eva.name, eva.penalty, eva.membership, c.needs_resync) == ("Eva", 2, "dynamic", None)
    c = play(c, (1, ev("QueueMemberPenalty", queue="400", interface="SIP/300", penalty=5)))
    assert c.queues["400"].members["SIP/300"].penalty == 5
    c = play(c, (2, ev("QueueMemberRemoved", **new)))
    assert "SIP/300" not in c.queues["400"].members
    assert c.needs_resync is None


def test_a_device_s_state_reaches_all_memberships_in_one_batch() -> None:
    c = listed(params("400"), member("400", "Local/101@from-queue/n", stateinterface="SIP/101"))
    c = fold_all(
        c,
        [
            ev("DeviceStateChange", device="SIP/101", state="INUSE"),
            ev("QueueMemberAdded", queue="400", interface="Local/102@from-queue/n", status=1),
            ev("DeviceStateChange", device="Local/102@from-queue", state="ONHOLD"),
            ev("DeviceStateChange", device="SIP/101", state="NONSENSE"),
            ev("QueueMemberAdded", queue="400", interface="SIP/103", status=1),
            ev("DeviceStateChange", device="SIP/103", state="INUSE"),
            ev("QueueMemberRemoved", queue="400", interface="SIP/103"),
            ev("DeviceStateChange", device="SIP/103", state="NOT_INUSE"),
        ],
        T0,
    )
    assert {m.interface: m.status for m in c.queues["400"].members.values()} == {
        "Local/101@from-queue/n": 2,
        "Local/102@from-queue/n": 8,
    }


def test_wrapup_is_known_where_the_member_has_its_own() -> None:
    c = listed(params("400"), member("400", ANA, wrapuptime=30))
    c = play(c, (0, caller("AgentConnect", interface=ANA)), (60, caller("AgentComplete", interface=ANA, talktime=60)))
    assert (agent(c, ANA, 80).state, agent(c, ANA, 80).since) == ("wrapup", T0 + 60)
    assert agent(c, ANA, 91).state == "free"
    assert agent(play(c, (70, status(ANA, 2))), ANA, 80).state == "busy", "a private call ends the wrap-up"


def test_minutes_turn_with_and_without_events() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (1, joined("c2", 2, 2)))
    assert c.calls_per_minute == (2,)
    c = tick(c, T0 + 180)
    assert (c.calls_per_minute, c.queues["400"].history, c.queues["401"].history) == ((2, 0, 0, 0),) * 2 + ((0,) * 4,)
    assert c.updated_at == T0 + 1
    c = play(c, (185, joined("c3", 3, 3)))
    assert c.queues["400"].history == (2, 0, 0, 1)
    assert len(tick(c, T0 + 86400).calls_per_minute) == 60
    back = tick(c, T0)
    assert tick(back, T0 + 185).calls_per_minute == c.calls_per_minute, "a clock set back turns nothing"


def test_events_alone_settle_who_left_long_ago() -> None:
    c = play(centre(), (0, joined("c1", 1, 1)), (9, caller("QueueCallerAbandon", position=1)), (9, left("c1", 1, 0)))
    assert c.left.keys() == {"c1"}
    assert play(c, (130, ev("RTCPSent"))).left == {}


def test_a_tick_keeps_the_totals() -> None:
    assert tick(centre(), T0).totals["free"] == 2


def test_an_event_nobody_knows_changes_nothing_but_the_time() -> None:
    c = centre()
    assert fold(c, ev("RTCPSent", uniqueid="c1"), T0).queues == c.queues
    assert fold(c, {}, T0 + 1).updated_at == T0 + 1

"""Lists laid over what was folded."""

from __future__ import annotations

import pytest

from ccops.callcentre.agents import agents
from ccops.callcentre.fold import fold
from ccops.callcentre.model import Centre
from ccops.callcentre.resync import resync
from tests.callcentre.ami import T0, ev, listed, member, params, play

ANA = "SIP/101"


def mark(date: str = "2023-11-14", time: str = "17:14:00") -> dict[str, list[dict[str, str]]]:
    return {"CoreStatus": [ev("", response="Success", corestartupdate=date, corestartuptime=time)]}


def test_what_only_ccops_knows_survives() -> None:
    c = listed(params("400"), member("400", ANA))
    c = play(
        c,
        (1, ev("AgentConnect", queue="400", uniqueid="c1", interface=ANA, holdtime=3)),
        (5, ev("AgentRingNoAnswer", queue="400", uniqueid="c2", interface=ANA)),
        (9, ev("AgentComplete", queue="400", uniqueid="c1", interface=ANA, talktime=8)),
        (10, ev("QueueMemberPause", queue="400", interface=ANA, paused=1, pausedreason="Lunch")),
    )
    again = member(
        "400", ANA, paused=1, pausedreason="Lunch", lastpause=int(T0 + 12), callstaken=1, lastcall=int(T0 + 9)
    )
    reported = {**params("400"), "completed": "512", "abandoned": "33"}
    after = resync(c, {"QueueStatus": [reported, again]}, T0 + 50)
    old, new = c.queues["400"], after.queues["400"]
    assert (new.handled, new.abandoned, new.counted_since, new.history) == (1, 0, T0, old.history)
    assert (new.reported_handled, new.reported_abandoned) == (512, 33)
    was, now = old.members[ANA], new.members[ANA]
    assert (now.paused_since, now.status_since, now.handled, now.missed) == (T0 + 10, was.status_since, 1, 1)
    assert (now.talk_total_s, now.calls_taken, now.last_call_at) == (8.0, 1, T0 + 9)


def test_a_first_list_dates_what_it_can() -> None:
    c = listed(
        params("400"),
        member("400", ANA, paused=1, lastpause=int(T0 - 300)),
        member("400", "SIP/102", paused=1, lastpause=int(T0 + 999)),
        member("400", "SIP/103", paused=1),
        ev("QueueEntry", queue="400", position=2, uniqueid="c2", wait=40),
        ev("QueueEntry", queue="400", position=1, uniqueid="c1", wait=90),
    )
    since = {m.interface: (m.paused_since, m.status_since) for m in c.queues["400"].members.values()}
    assert since == {ANA: (T0 - 300, None), "SIP/102": (T0, None), "SIP/103": (None, None)}
    assert [(w.uniqueid, w.position, w.joined_at) for w in c.queues["400"].callers] == [
        ("c1", 1, T0 - 90),
        ("c2", 2, T0 - 40),
    ]


def test_the_list_replaces_queues_members_and_callers() -> None:
    c = listed(params("400"), member("400", ANA), ev("QueueEntry", queue="400", position=1, uniqueid="c1", wait=0))
    c = play(c, (0, ev("AgentCalled", queue="400", uniqueid="c1", interface=ANA)))
    after = resync(c, {"QueueStatus": [params("500"), member("500", "SIP/102", 6)]}, T0 + 9)
    assert list(after.queues) == ["500"]
    assert [(a.interface, a.state) for a in agents(after, T0)] == [("SIP/102", "ringing")]
    assert after.ringing == {}
    assert after.synced_at == T0 + 9


def test_only_the_queues_list_ends_the_need() -> None:
    c = play(listed(params("400")), (0, ev("Reload", module="All")))
    peers = resync(c, {"SIPpeers": []}, T0 + 5)
    assert (peers.needs_resync, peers.synced_at) == ("Asterisk reloaded All", T0)
    refused = resync(c, {"QueueStatus": [{"response": "Error", "message": "Permission denied"}]}, T0 + 5)
    assert (list(refused.queues), refused.needs_resync) == (["400"], "Asterisk reloaded All")
    assert resync(c, {"QueueStatus": []}, T0 + 5).needs_resync is None


def test_a_summary_is_a_cheap_check() -> None:
    c = listed(params("400"), ev("QueueEntry", queue="400", position=1, uniqueid="c1", wait=0))
    agree = [ev("QueueSummary", queue="400", callers=1)]
    assert resync(c, {"QueueSummary": agree}, T0).needs_resync is None
    assert resync(c, {"QueueSummary": [ev("QueueSummary", queue="400", callers=2)]}, T0).needs_resync is not None
    assert resync(c, {"QueueSummary": [ev("QueueSummary", queue="new", callers=0)]}, T0).needs_resync is not None


def test_counters_survive_a_turn_of_the_minute_during_a_restart() -> None:
    c = resync(listed(params("400"), member("400", ANA)), mark(), T0)
    c = play(c, (1, ev("AgentConnect", queue="400", uniqueid="c1", interface=ANA, holdtime=3)))
    c = play(c, (2, ev("QueueCallerJoin", queue="400", uniqueid="c2", position=1, count=1)))
    lists = {**mark(time="17:20:00"), "QueueStatus": [params("400"), member("400", ANA)]}
    after = resync(c, lists, T0 + 90)
    assert (after.queues["400"].handled, after.queues["400"].callers, after.talks) == (1, (), {})
    assert after.queues["400"].history == (1, 0)


def test_a_queue_that_does_not_tell_of_its_calls_has_no_service_level() -> None:
    def reads(c: Centre, completed: int) -> Centre:
        return resync(c, {"QueueStatus": [{**params("400"), "completed": str(completed)}, member("400", ANA)]}, T0 + 20)

    c = play(reads(Centre(), 40), (1, ev("QueueCallerAbandon", queue="400", uniqueid="c1")))
    assert (c.queues["400"].service_level_pct, reads(c, 40).queues["400"].service_level_pct) == (0.0, 0.0)
    blind = reads(reads(c, 42), 43)
    assert (blind.queues["400"].unseen, blind.queues["400"].service_level_pct) == (3, None)
    assert reads(blind, 0).queues["400"].unseen == 3, "Asterisk began anew"
    seen = play(c, (2, ev("AgentComplete", queue="400", uniqueid="c0", interface=ANA, talktime=9)))
    assert reads(seen, 41).queues["400"].unseen == 0


def test_talks_at_once_end_one_by_one() -> None:
    c = listed(params("400"), member("400", ANA))
    for n in (1, 2, 3):
        c = play(c, (n, ev("AgentConnect", queue="400", uniqueid=f"c{n}", interface=ANA, holdtime=0)))
    alive = [ev("CoreShowChannel", channel=f"SIP/x-{n}", uniqueid=f"c{n}") for n in (1, 2)]
    c = resync(c, {"CoreShowChannels": alive}, T0 + 9)
    talk = c.talks[ANA]
    assert (talk.uniqueid, [one.uniqueid for one in talk.earlier]) == ("c2", ["c1"])
    c = play(c, (10, ev("Hangup", uniqueid="c1")))
    assert (c.talks[ANA].uniqueid, c.talks[ANA].earlier) == ("c2", ())
    assert play(c, (11, ev("Hangup", uniqueid="c2"))).talks == {}


def test_a_caller_answered_by_another_agent_leaves_the_first_talk() -> None:
    c = listed(params("400"), member("400", ANA), member("400", "SIP/102"))
    for who in (ANA, "SIP/102"):
        c = play(c, (0, ev("AgentConnect", queue="400", uniqueid="c1", interface=who, holdtime=0)))
    assert list(c.talks) == ["SIP/102"]


def test_a_start_date_needs_the_zone() -> None:
    # 1_700_000_040 is 2023-11-14 22:14:00 UTC.
    assert resync(Centre(), mark(), T0).started_at is None
    assert resync(Centre(), mark(), T0, utc_offset_s=-5 * 3600).started_at == T0
    assert resync(Centre(), mark("never", "now"), T0, utc_offset_s=0).started_at is None


def test_an_uptime_is_believed_before_a_zone() -> None:
    booted = fold(Centre(), ev("FullyBooted", uptime=100), T0 + 101.5)
    assert booted.started_at == T0 + 1.5
    assert resync(booted, mark(), T0 + 102, utc_offset_s=0).started_at == T0 + 1.5
    other = mark(time="17:21:00")
    assert resync(booted, other, T0 + 999, utc_offset_s=-5 * 3600).started_at == T0 + 420


@pytest.mark.parametrize("lists", [{}, {"Nonsense": [ev("X")]}, {"CoreStatus": []}, {"coresettings": [{}]}])
def test_lists_that_say_nothing_change_nothing(lists: dict[str, list[dict[str, str]]]) -> None:
    c = resync(listed(params("400"), member("400", ANA)), mark(), T0)
    after = resync(c, lists, T0)
    assert after == c


def test_names_of_lists_are_taken_in_any_case() -> None:
    assert list(resync(Centre(), {"queuestatus": [params("400")]}, T0).queues) == ["400"]

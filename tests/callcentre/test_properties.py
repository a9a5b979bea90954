"""Whatever Asterisk says, in whatever order: nothing raises, positions count from 1, a batch is its events in turn."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.fields import DEVICE_STATES, count, number, seconds
from ccops.callcentre.fold import HANDLERS, fold, fold_all, replay, tick
from ccops.callcentre.lines import lines
from ccops.callcentre.model import Centre
from ccops.callcentre.queues import queue_view
from ccops.callcentre.resync import actions_for, masked, resync, version_of
from tests.callcentre.ami import T0, listed, member, params

QUEUES, CALLS, AGENTS = ("400", "401", ""), ("c1", "c2", "c3", ""), ("SIP/101", "SIP/102", "")
ODD = st.one_of(st.text(max_size=8), st.sampled_from(("-1", "0", "1", "2", "9" * 5000, "1.5", "nan", "٣", "<unknown>")))
FREE_FIELDS = """
    holdtime talktime penalty callstaken lastcall lastpause wrapuptime reason pausedreason uptime time agent peerstatus
    contactstatus uri endpointname roundtripusec newname uniqueid1 uniqueid2 bridgeuniqueid calleridnum calleridname
    membername stateinterface incall
"""
FREE = FREE_FIELDS.split()
FIELDS: dict[str, st.SearchStrategy[str]] = {
    "queue": st.sampled_from(QUEUES),
    "uniqueid": st.sampled_from(CALLS),
    "channel": st.sampled_from(("SIP/101-1", "SIP/gw-2", "")),
    "interface": st.sampled_from(AGENTS),
    "location": st.sampled_from(AGENTS),
    "member": st.sampled_from(AGENTS),
    "device": st.sampled_from(AGENTS),
    "peer": st.sampled_from(("SIP/101", "SIP/", "x")),
    "state": st.one_of(st.sampled_from(tuple(DEVICE_STATES)), ODD),
    "position": st.one_of(st.sampled_from(("1", "2", "3")), ODD),
    "count": st.one_of(st.sampled_from(("0", "1", "2")), ODD),
    "status": st.one_of(st.sampled_from("0123456789"), ODD),
    "paused": st.one_of(st.sampled_from("01"), ODD),
    "exten": st.sampled_from(("h", "s", "400")),
    **dict.fromkeys(FREE, ODD),
}
EVENT = st.builds(
    lambda name, fields: {"event": name, **fields},
    st.one_of(st.sampled_from(sorted(HANDLERS)), st.text(max_size=5)),
    st.fixed_dictionaries({}, optional=FIELDS),
)
# Mostly what a queue says in earnest, so that callers do meet.
MOVE = st.builds(
    lambda name, queue, call, position, who: {
        "event": name,
        "queue": queue,
        "uniqueid": call,
        "position": position,
        "interface": who,
    },
    st.sampled_from(
        (
            "QueueCallerJoin",
            "QueueCallerLeave",
            "QueueCallerAbandon",
            "AgentCalled",
            "AgentConnect",
            "AgentComplete",
            "Hangup",
            "Newexten",
            "QueueMemberRemoved",
            "QueueMemberAdded",
        )
    ),
    st.sampled_from(QUEUES[:2]),
    st.sampled_from(CALLS[:3]),
    st.sampled_from(("1", "2", "3")),
    st.sampled_from(AGENTS[:2]),
)
EVENTS = st.lists(st.one_of(EVENT, MOVE), min_size=1, max_size=25)
STRAY = st.dictionaries(
    st.sampled_from(
        (*FIELDS, "objectname", "corestartupdate", "corestartuptime", "asteriskversion", "duration", "wait")
    ),
    ODD,
)
QUEUE_EVENTS = ("QueueParams", "QueueMember", "QueueEntry", "QueueSummary")
LIST_EVENTS = (*QUEUE_EVENTS, "PeerEntry", "EndpointList", "CoreShowChannel", "Status")
ACTIONS = ("QueueStatus", *(name for name, _ in actions_for(None)), "QueueSummary", "Status")
LISTED = st.builds(
    lambda name, fields: {"event": name, **fields},
    st.sampled_from(LIST_EVENTS),
    st.one_of(st.fixed_dictionaries({}, optional=FIELDS), STRAY),
)
LISTS = st.dictionaries(
    st.sampled_from(ACTIONS),
    st.lists(LISTED, max_size=6),
)
TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)


def start() -> Centre:
    return listed(params("400"), member("400", "SIP/101"), params("401"), member("401", "SIP/101"))


def check(centre: Centre, at: float) -> None:
    for name, queue in centre.queues.items():
        assert queue.name == name
        assert [caller.position for caller in queue.callers] == list(range(1, len(queue.callers) + 1))
        assert all(caller.queue == name and caller.uniqueid for caller in queue.callers)
        assert len({caller.uniqueid for caller in queue.callers}) == len(queue.callers)
        assert all(key == one.interface and one.queue == name for key, one in queue.members.items())
        assert min(queue.abandoned, queue.handled, queue.exited) >= 0
        assert len(queue.history) <= 60
        queue_view(queue, at)
    assert all(ring.interfaces for ring in centre.ringing.values())
    assert all(not one.earlier for talk in centre.talks.values() for one in talk.earlier)
    found = agents(centre, at)
    assert sum(totals(found).values()) == len(found)
    lines(centre, {"gw": 8, "": 1, "SIP/101": 2})
    masked(centre)


@settings(deadline=None, max_examples=150)
@given(EVENTS, TIMES)
def test_any_events_leave_a_sound_call_centre(events: list[dict[str, str]], at: float) -> None:
    for before in (Centre(), start()):
        after = tick(replay(fold_all(before, events, at), events, at), at + 61)
        check(after, at)
        waiting = [caller.uniqueid for queue in after.queues.values() for caller in queue.callers]
        assert len(waiting) == len(set(waiting)), "a caller waits in one queue"


@settings(deadline=None, max_examples=150)
@given(EVENTS, TIMES)
def test_a_batch_is_its_events_in_turn(events: list[dict[str, str]], at: float) -> None:
    single = start()
    for event in events:
        single = fold(single, event, at)
    batch = fold_all(start(), events, at)
    assert batch == single


@settings(deadline=None, max_examples=100)
@given(EVENTS, LISTS, TIMES, st.one_of(st.none(), st.integers(-50000, 50000)))
def test_any_lists_leave_a_sound_call_centre(
    events: list[dict[str, str]], lists: dict[str, list[dict[str, str]]], at: float, zone: int | None
) -> None:
    for before in (Centre(), fold_all(start(), events, T0)):
        check(resync(before, lists, at, zone), at)


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    found = number({"x": text}, "x")
    assert found is None or isinstance(found, int)
    assert count({"x": text}, "x") >= 0
    assert seconds(text) is None or seconds(text) == abs(seconds(text) or 0)
    assert version_of(text) is None or len(version_of(text) or ()) == 2


def test_numbers_and_durations() -> None:
    assert [number({"x": text}, "x") for text in ("7", "-1", "3.9", "", "x", "1" * 20)] == [7, -1, 3, None, None, None]
    assert [seconds(text) for text in ("83", "00:01:23", "100:00:00", "1:2", "-1", "")] == [
        83,
        83,
        360000,
        None,
        None,
        None,
    ]

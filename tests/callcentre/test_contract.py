"""Fold equals list: what a real Asterisk 16 listed is what its events had been folded to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import pytest

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.fold import fold, fold_all, replay
from ccops.callcentre.lines import lines
from ccops.callcentre.model import Centre, Queue
from ccops.callcentre.resync import resync
from tests.callcentre.ami import CAPTURED_AT, recorded

ACTIONS = {
    "a2": "CoreSettings",
    "a3": "CoreStatus",
    "a4": "QueueSummary",
    "a5": "QueueStatus",
    "a6": "SIPpeers",
    "a7": "CoreShowChannels",
}


def facts_of(queue: Queue) -> dict[str, object]:
    """What a list tells of a queue, without what only ccops counts and dates."""
    return {
        "waiting": [(c.position, c.uniqueid, c.number, c.name, c.channel) for c in queue.callers],
        "members": {
            m.interface: (
                m.name,
                m.membership,
                m.penalty,
                m.status,
                m.paused,
                m.pause_reason,
                m.calls_taken,
                m.last_call_at,
                m.in_call,
                m.state_interface,
            )
            for m in queue.members.values()
        },
    }


def runs() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The capture cut into live events ("") and lists (their ActionID), in order."""
    run: list[dict[str, str]] = []
    current = ""
    for message in recorded():
        action = message.get("actionid", "")
        if action != current:
            if run:
                yield current, run
            current, run = action, []
        run.append(message)
    yield current, run


def started() -> tuple[Centre, list[tuple[str, list[dict[str, str]]]]]:
    cut = list(runs())
    lists = {ACTIONS[action]: messages for action, messages in cut if action in ACTIONS}
    assert set(lists) == set(ACTIONS.values())
    first_live = max(i for i, (action, _) in enumerate(cut) if action in ACTIONS) + 1
    return resync(Centre(), lists, CAPTURED_AT), cut[first_live:]


def test_the_first_lists_are_read_whole() -> None:
    centre, _ = started()
    assert centre.asterisk_version == "16.28.0~dfsg-0+deb11u4"
    assert centre.start_mark == "2026-11-23 03:09:09"
    assert centre.synced_at == CAPTURED_AT
    assert centre.needs_resync is None
    assert {name: (q.strategy, q.service_level_s) for name, q in centre.queues.items()} == {
        "ventas": ("rrmemory", 20),
        "cobranza": ("ringall", 10),
        "soporte": ("leastrecent", 30),
    }
    assert centre.queues["ventas"].members["Local/101@agents"].name == "Ana Torres"
    assert [(e.tech, e.name, e.state, e.dynamic) for e in centre.endpoints.values()] == [
        ("SIP", "102", "unregistered", True),
        ("SIP", "gxw4108", "unreachable", False),
    ]
    assert [(line.kind, line.name, line.capacity, line.channels) for line in lines(centre, {"gxw4108": 8})] == [
        ("trunk", "gxw4108", 8, 0),
        ("extension", "102", None, 0),
    ]


def test_every_list_says_what_was_folded() -> None:
    centre, cut = started()
    at, compared = CAPTURED_AT, []
    for action, messages in cut:
        if messages[-1].get("event") == "QueueStatusComplete":
            fresh = resync(Centre(), {"QueueStatus": messages}, at)
            assert {name: facts_of(q) for name, q in centre.queues.items()} == {
                name: facts_of(q) for name, q in fresh.queues.items()
            }
            # Nor does laying the list over the folded state change anything.
            over = resync(centre, {"QueueStatus": messages}, at)
            assert {name: facts_of(q) for name, q in over.queues.items()} == {
                name: facts_of(q) for name, q in centre.queues.items()
            }
            compared.append(action)
        elif messages[-1].get("event") == "CoreShowChannelsComplete":
            fresh = resync(Centre(), {"CoreShowChannels": messages}, at)
            now = {c.uniqueid: (c.name, c.state, c.number, c.linkedid) for c in fresh.channels.values()}
            assert {c.uniqueid: (c.name, c.state, c.number, c.linkedid) for c in centre.channels.values()} == now
            assert len(now) == 20
            compared.append(action)
        else:
            for message in messages:
                at += 0.05
                centre = fold(centre, message, at)
            assert centre.needs_resync is None
    assert compared == ["a8", "a9", "a14", "a17"]


def last(cut: Sequence[tuple[str, list[dict[str, str]]]], centre: Centre) -> Centre:
    live = [m for _, messages in cut for m in messages if "actionid" not in m]
    return fold_all(centre, live, CAPTURED_AT + 30)


def test_calls_of_the_capture_are_counted() -> None:
    centre, cut = started()
    end = last(cut, centre)
    counted = {n: (q.handled, q.abandoned, q.exited, q.answered_within, q.completed) for n, q in end.queues.items()}
    assert counted == {"ventas": (7, 0, 0, 7, 7), "cobranza": (2, 0, 0, 2, 2), "soporte": (2, 0, 0, 2, 2)}
    assert end.queues["ventas"].wait_total_s == 4 + 4 + 4 + 1 + 2 + 3 + 3
    assert end.queues["ventas"].talk_total_s == 5 + 7 + 18 + 12 + 14 + 23 + 25
    assert end.queues["ventas"].service_level_pct == 100.0
    assert sum(end.calls_per_minute) == 11
    assert (end.channels, end.talks, end.ringing, end.left) == ({}, {}, {}, {})
    assert totals(agents(end, CAPTURED_AT + 31))["free"] == 4


def test_a_batch_is_the_same_as_one_by_one_on_the_capture() -> None:
    centre, cut = started()
    live = [m for _, messages in cut for m in messages if "actionid" not in m]
    single = centre
    for message in live:
        single = fold(single, message, CAPTURED_AT + 30)
    assert fold_all(centre, live, CAPTURED_AT + 30) == single


def test_the_counts_of_talks_at_once_follow_the_newest() -> None:
    """Ana answers three calls at once; Asterisk counted one of them, as its list says."""
    centre, cut = started()
    end = last(cut, centre)
    ana = end.queues["ventas"].members["Local/101@agents"]
    assert (ana.calls_taken, ana.handled) == (2, 7)


@pytest.mark.parametrize("cut_at", [0, 40, 130, 250])
def test_events_that_came_before_and_during_a_list_can_be_replayed_over_it(cut_at: int) -> None:
    """Buffered from anywhere on, the events lead to the last list's state, and no resync is asked for."""
    centre, cut = started()
    live = [m for _, messages in cut for m in messages if "actionid" not in m]
    listed_now = fold_all(centre, live[: cut_at + 60], CAPTURED_AT + 20)
    as_listed = msgspec.structs.replace(listed_now, needs_resync=None)
    end = replay(as_listed, live[cut_at:], CAPTURED_AT + 30)
    expected = fold_all(centre, live, CAPTURED_AT + 30)
    assert end.needs_resync is None
    assert {n: facts_of(q)["waiting"] for n, q in end.queues.items()} == {
        n: facts_of(q)["waiting"] for n, q in expected.queues.items()
    }
    assert end.talks == expected.talks

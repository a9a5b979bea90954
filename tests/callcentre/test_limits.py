"""Limits of queues: which are exceeded, and when that begins and ends."""

from __future__ import annotations

from ccops.callcentre.limits import GONE_AFTER_S, Episodes, Excess, exceeded
from ccops.callcentre.model import Caller, Centre, Queue
from ccops.config import QueueSettings
from tests.callcentre.ami import T0


def queue(name: str, waits: tuple[float, ...] = (), **fields: object) -> Queue:
    callers = tuple(Caller(f"{name}.{n}", name, "1", "", n, T0 - wait) for n, wait in enumerate(waits, 1))
    return Queue(name=name, callers=callers, service_level_s=20, **fields)  # type: ignore[arg-type]


def found(settings: dict[str, QueueSettings], *queues: Queue) -> dict[str, list[str]]:
    centre = Centre(queues={each.name: each for each in queues})
    return {name: [str(excess) for excess in all_] for name, all_ in exceeded(centre, settings, T0).items()}


def test_a_limit_is_exceeded_from_its_figure_on() -> None:
    limits = {"*": QueueSettings(waiting=2, longest_wait=60, service_level=80, abandoned=3)}
    assert found(limits, queue("a", (59.0,), handled=9, abandoned=1, answered_within=8)) == {}
    assert found(limits, queue("a", (10.0, 60.0), handled=7, abandoned=3, answered_within=7)) == {
        "a": [
            "2 waiting (limit 2)",
            "longest wait 60 s (limit 60 s)",
            "3 abandoned (limit 3)",
            "service level 70 % (at least 80 %)",
        ]
    }


def test_a_queue_has_its_own_limits_and_for_the_rest_those_of_all() -> None:
    limits = {"*": QueueSettings(waiting=2, longest_wait=30), "vip": QueueSettings(waiting=1)}
    assert found(limits, queue("vip", (31.0,)), queue("ventas", (5.0,))) == {
        "vip": ["1 waiting (limit 1)", "longest wait 31 s (limit 30 s)"]
    }
    assert found({"vip": QueueSettings(waiting=1)}, queue("ventas", (900.0,) * 9)) == {}
    assert found({}, queue("ventas", (900.0,) * 9)) == {}


def test_few_calls_are_no_service_level_and_one_that_is_unknown_is_none() -> None:
    limits = {"*": QueueSettings(service_level=80)}
    assert found(limits, queue("a", handled=5, abandoned=4)) == {}
    assert found(limits, queue("a", handled=50, unseen=1)) == {}


def test_what_comes_and_goes_is_one_episode() -> None:
    episodes, over = Episodes(), {"a": (Excess("waiting", 5, 5),)}
    assert episodes.heard(over, T0) == ([("a", over["a"][0])], [])
    assert episodes.heard({}, T0 + 5) == ([], [])
    assert episodes.heard(over, T0 + 10) == ([], [])
    assert episodes.heard({}, T0 + 10 + GONE_AFTER_S) == ([], [])
    assert episodes.heard({}, T0 + 11 + GONE_AFTER_S) == ([], [("a", "waiting", 10.0)])
    assert episodes.heard(over, T0 + 100)[0]

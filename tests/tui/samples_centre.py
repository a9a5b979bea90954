"""Call centres to paint: quiet, busy, sixty and a thousand agents, hostile names, unknown and old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ccops.callcentre.lines import lines
from ccops.callcentre.model import Caller, Centre, Channel, Endpoint, Member, Queue, Talk
from ccops.pair.model import NodeState, PairLayout, PairState, Reading
from ccops.triage.finding import Finding
from ccops.watch.snapshot import Snapshot

NOW = 1_783_046_400.0
_NODES = ("elaxtix-voip", "elaxtix-voip-2")
_FIRST = ("Ana", "Luís", "María", "Iván", "Zoë", "Jörg", "Noor", "Chloé", "Pía", "Teo")
_LAST = ("Torres", "Ñúñez", "Vega", "Mora", "Andrade", "Cárdenas", "Salazar", "Ortiz")
# Device states and pauses as a busy floor has them; the last two are seldom.
_FLOOR = (
    (2, ""),
    (1, ""),
    (2, ""),
    (6, ""),
    (1, "Lunch"),
    (2, ""),
    (8, ""),
    (1, ""),
    (2, ""),
    (5, ""),
    (1, "Training"),
)

HOSTILE = (
    "[/foo][bold]",
    "\x1b]0;owned\x07",
    "名前がとても長いお客様",
    "e\u0301\u0301\u0301" * 40,
    "👩\u200d👩\u200d👧 team",
    "a\u202eb",
)


def snapshot(
    centre: Centre | None, *, at: float = NOW, taken_at: float | None = NOW, problem: str | None = None
) -> Snapshot:
    """A snapshot of a pair of which only the call centre matters."""
    layout = PairLayout("lab", _NODES, "192.168.27.120")
    return Snapshot(
        at=at,
        pair=PairState(layout, (NodeState(_NODES[0]), NodeState(_NODES[1])), at),
        verdict=Finding("healthy", "ok", "both nodes are connected and up to date"),
        serving=_NODES[0],
        centre=Reading(centre, problem, taken_at),
        centre_node=_NODES[0],
        lines=lines(centre, {"SIP/gxw4108": 8}) if centre else (),
    )


def member(queue: str, number: int, **changes: Any) -> Member:
    """Agent `number` in a queue, free for a minute and some."""
    name = f"{_FIRST[number % 10]} {_LAST[number // 10 % 8]}" + (f" {number // 80}" if number >= 80 else "")
    found = Member(queue, f"SIP/{100 + number}", name, status=1, status_since=NOW - 61 - number)
    return msgspec.structs.replace(found, **changes)


def members(queue: str, numbers: range) -> Mapping[str, Member]:
    """A floor at work."""
    found = {}
    for number in numbers:
        status, reason = _FLOOR[number % len(_FLOOR)]
        one = member(
            queue,
            number,
            status=status,
            paused=bool(reason),
            pause_reason=reason,
            paused_since=NOW - 252 if reason else None,
            calls_taken=number * 7 % 31,
            last_call_at=NOW - 40 * (number % 90 + 1) if number % 5 else None,
            handled=number % 31,
            missed=number % 4,
            talk_total_s=120.0 * (number % 31),
        )
        found[one.interface] = one
    return found


def callers(queue: str, *waits: float) -> tuple[Caller, ...]:
    """Callers that have waited so many seconds."""
    return tuple(
        Caller(f"{queue}.{i}", queue, f"09912345{i:02d}", f"Caller {i}", i + 1, NOW - wait)
        for i, wait in enumerate(waits)
    )


def quiet() -> Centre:
    """Two queues, two agents, nobody waiting and nothing counted yet."""
    one, two = member("sales", 0), member("support", 1)
    queues = {
        "sales": Queue("sales", "ringall", 20, members={one.interface: one}, counted_since=NOW - 300),
        "support": Queue("support", "rrmemory", 20, members={two.interface: two}, counted_since=NOW - 300),
    }
    return Centre(queues, endpoints=_endpoints(2), synced_at=NOW - 300, updated_at=NOW - 120)


def busy(agents: int = 12) -> Centre:
    """Four queues in all conditions: late, quiet, with nobody to answer, and without calls."""
    sales, support = members("sales", range(agents)), members("support", range(agents // 2))
    away = {
        key: msgspec.structs.replace(one, queue="billing", status=5)
        for key, one in members("billing", range(agents, agents + 2)).items()
    }
    waves = tuple(3 + (i * 7) % 5 for i in range(60))
    queues = {
        "sales": Queue(
            "sales",
            "rrmemory",
            20,
            callers=callers("sales", 72, 31, 8),
            members=sales,
            handled=412,
            abandoned=23,
            answered_within=361,
            wait_total_s=5_800.0,
            completed=405,
            talk_total_s=70_000.0,
            counted_since=NOW - 28_800,
            history=waves,
        ),
        "support": Queue(
            "support",
            "leastrecent",
            20,
            callers=callers("support", 5),
            members=support,
            handled=97,
            abandoned=2,
            answered_within=90,
            wait_total_s=700.0,
            completed=95,
            talk_total_s=31_000.0,
            counted_since=NOW - 28_800,
            history=waves[::-1][:30],
        ),
        "billing": Queue(
            "billing", "ringall", 30, callers=callers("billing", 3_725), members=away, counted_since=NOW - 28_800
        ),
        "night": Queue("night", "ringall", None, counted_since=NOW - 28_800),
    }
    talks = {
        key: Talk(key, "sales", f"0987654{i:03d}", f"Customer {i}", NOW - 95 - i)
        for i, (key, one) in enumerate(sales.items())
        if one.status == 2
    }
    return Centre(
        queues, talks=talks, channels=_channels(5), endpoints=_endpoints(agents), synced_at=NOW - 3_600, updated_at=NOW
    )


def crowd(agents: int) -> Centre:
    """So many agents in two queues."""
    half = agents // 2
    queues = {
        "sales": Queue("sales", "rrmemory", 20, members=members("sales", range(half))),
        "support": Queue("support", "rrmemory", 20, members=members("support", range(half, agents))),
    }
    return Centre(queues, endpoints=_endpoints(agents), synced_at=NOW - 3_600, updated_at=NOW)


def hostile() -> Centre:
    """Names that are markup, control sequences, wide, combining, joined and turned round."""
    queues, channels, endpoints = {}, {}, {}
    for i, name in enumerate(HOSTILE):
        one = member(name, i, name=name, paused=i == 0, pause_reason=name)
        waiting = (Caller(f"u{i}", name, name, name, 1, NOW - 9),)
        queues[name] = Queue(name, name, 20, callers=waiting, members={one.interface: one})
        channels[f"u{i}"] = Channel(f"SIP/{name}-1", f"u{i}", state=name, number=name, connected=name, application=name)
        endpoints[f"SIP/{name}"] = Endpoint(name, "SIP", "reachable", 12, name)
    talks = {"SIP/102": Talk("SIP/102", HOSTILE[2], HOSTILE[0], HOSTILE[3], NOW - 5)}
    return Centre(queues, talks=talks, channels=channels, endpoints=endpoints, synced_at=NOW - 9, updated_at=NOW)


def unknown() -> Snapshot:
    """Asterisk runs nowhere."""
    return snapshot(None, taken_at=None, problem="Asterisk is not running on either node")


def old() -> Snapshot:
    """The last word of Asterisk came 42 s ago."""
    return snapshot(busy(), at=NOW + 42, problem="no answer to a ping for 5 s")


def _channels(count: int) -> dict[str, Channel]:
    found = {}
    for i in range(count):
        trunk = i < 3
        name = f"SIP/{'gxw4108' if trunk else 100 + i}-0000{i:04x}"
        found[f"u{i}"] = Channel(
            name, f"u{i}", state="Up" if i % 2 else "Ring", number=f"09876540{i:02d}", connected=str(100 + i),
            context="from-internal", extension="400", application="Queue" if trunk else "Dial", since=NOW - 30 * i,
        )  # fmt: skip
    return found


def _endpoints(agents: int) -> dict[str, Endpoint]:
    found = {
        "SIP/gxw4108": Endpoint("gxw4108", "SIP", "reachable", 23, "192.168.27.130"),
        "SIP/carrier": Endpoint("carrier", "SIP", "unreachable", None, "203.0.113.7"),
    }
    states = ("reachable", "reachable", "lagged", "unregistered", "reachable", "unmonitored")
    for number in range(agents):
        state = states[number % len(states)]
        found[f"SIP/{100 + number}"] = Endpoint(
            str(100 + number), "SIP", state, 5 + number % 40 if state in ("reachable", "lagged") else None,  # type: ignore[arg-type]
            f"192.168.27.{number % 200 + 20}" if state != "unregistered" else "", dynamic=True,
        )  # fmt: skip
    return found

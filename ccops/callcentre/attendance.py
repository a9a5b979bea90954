"""Who was logged in, on a break and talking, and for how long, within a period: united per agent, cut at its edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from ccops.callcentre.periods import HOUR_S, Period
from ccops.callcentre.records import CallRecord, Presence
from ccops.callcentre.spans import Span, clip, intersect, length, split, subtract, unite


class Times(msgspec.Struct, frozen=True):
    """Seconds logged in and on a break, those by the break's name; `occupancy` (0 to 1) is None where nobody was free.

    It is talking over being there for calls: logged in and not on a break, or talking all the same.
    """

    logged_in_s: float
    break_s: float
    breaks: Mapping[str, float]
    occupancy: float | None


class Spans(msgspec.Struct, frozen=True):
    """One agent's time; `available` is being logged in without breaks, and `busy` talking while logged in."""

    logged_in: list[Span]
    breaks: dict[str, list[Span]]
    on_break: list[Span]
    available: list[Span]
    busy: list[Span]


class Attendance:
    """Every agent's time in one period."""

    def __init__(self, agents: Mapping[str, Spans]) -> None:
        self.agents = agents

    def of(self, wanted: Iterable[str]) -> Times | None:
        """Together for these agents; None when nothing is known of any."""
        return _times([self.agents[name] for name in wanted if name in self.agents])

    def by(self, period: Period, place: Callable[[float], str]) -> Mapping[str, Times]:
        """Of all agents, by the local hour or day that it fell into; `place` names that of a moment."""
        pieces: defaultdict[str, list[Spans]] = defaultdict(list)
        for spans in self.agents.values():
            for key, part in _cut(spans, period, place).items():
                pieces[key].append(part)
        return {key: times for key, parts in pieces.items() if (times := _times(parts)) is not None}


def attend(
    calls: Iterable[CallRecord], presences: Iterable[Presence], start: float, end: float, now: float
) -> Attendance:
    """Each agent's time between `start` and `end`; what is open goes on until `now`. Who was not there is left out.

    A break of somebody of whom no log-in is known counts as it stands.
    """
    sessions: defaultdict[str, list[Span]] = defaultdict(list)
    breaks: defaultdict[str, defaultdict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    talks: defaultdict[str, list[Span]] = defaultdict(list)
    for each in presences:
        span = (each.began_at, now if each.ended_at is None else each.ended_at)
        if each.pause is None:
            sessions[each.agent].append(span)
        else:
            breaks[each.agent][each.pause].append(span)
    for call in calls:
        if call.answered and call.agent and call.answered_at is not None:
            talks[call.agent].append((call.answered_at, now if call.ended_at is None else call.ended_at))
    found = {}
    for agent in {*sessions, *breaks}:
        logged_in = clip(unite(sessions[agent]), start, end)
        named = {name: clip(unite(spans), start, end) for name, spans in breaks[agent].items()}
        if sessions[agent]:
            named = {name: intersect(spans, logged_in) for name, spans in named.items()}
        named = {name: spans for name, spans in named.items() if spans}
        on_break = unite(span for spans in named.values() for span in spans)
        busy = intersect(unite(talks[agent]), logged_in)
        if logged_in or on_break:
            found[agent] = Spans(logged_in, named, on_break, unite([*subtract(logged_in, on_break), *busy]), busy)
    return Attendance(found)


def _times(parts: list[Spans]) -> Times | None:
    if not parts:
        return None
    breaks: defaultdict[str, float] = defaultdict(float)
    for each in parts:
        for name, spans in each.breaks.items():
            breaks[name] += length(spans)
    available = sum(length(each.available) for each in parts)
    return Times(
        sum(length(each.logged_in) for each in parts),
        sum(length(each.on_break) for each in parts),
        dict(sorted(breaks.items())),
        sum(length(each.busy) for each in parts) / available if available else None,
    )


def _cut(spans: Spans, period: Period, place: Callable[[float], str]) -> Mapping[str, Spans]:
    """One agent's time, cut at every local hour; hours are small enough for days as well."""
    found: dict[str, Spans] = {}

    def part(begin: float) -> Spans:
        return found.setdefault(place(begin), Spans([], {}, [], [], []))

    def pieces(whole: list[Span]) -> Iterator[Span]:
        return split(whole, HOUR_S, period.utc_offset_s)

    for name in ("logged_in", "on_break", "available", "busy"):
        for span in pieces(getattr(spans, name)):
            getattr(part(span[0]), name).append(span)
    for name, whole in spans.breaks.items():
        for span in pieces(whole):
            part(span[0]).breaks.setdefault(name, []).append(span)
    return found

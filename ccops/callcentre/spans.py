"""Spans of time: united, cut, intersected. A span is (begin, end) in seconds; lists are in order and disjoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Span = tuple[float, float]


def unite(spans: Iterable[Span]) -> list[Span]:
    """The spans joined where they touch or overlap, in order; empty and reversed ones vanish."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def clip(spans: Iterable[Span], begin: float, end: float) -> list[Span]:
    """What of them lies between two moments."""
    return [(max(b, begin), min(e, end)) for b, e in spans if min(e, end) > max(b, begin)]


def intersect(first: list[Span], second: list[Span]) -> list[Span]:
    """What lies in both; each must be united."""
    found: list[Span] = []
    i = j = 0
    while i < len(first) and j < len(second):
        begin, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if end > begin:
            found.append((begin, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return found


def subtract(first: list[Span], second: list[Span]) -> list[Span]:
    """What lies in the first and not in the second; each must be united."""
    found: list[Span] = []
    for begin, end in first:
        for hole_begin, hole_end in second:
            if hole_end <= begin:
                continue
            if hole_begin >= end:
                break
            if hole_begin > begin:
                found.append((begin, hole_begin))
            begin = max(begin, hole_end)
        if end > begin:
            found.append((begin, end))
    return found


def split(spans: Iterable[Span], step: float, offset: float) -> Iterator[Span]:
    """The spans cut at every multiple of `step`, counted from `offset` before the epoch (a zone east of UTC)."""
    for begin, end in spans:
        while begin < end:
            edge = min(end, ((begin + offset) // step + 1) * step - offset)
            # Where a float has no room for the step left, one piece is enough.
            edge = edge if edge > begin else end
            yield (begin, edge)
            begin = edge


def length(spans: Iterable[Span]) -> float:
    """How long they are together, in seconds."""
    return sum(end - begin for begin, end in spans)

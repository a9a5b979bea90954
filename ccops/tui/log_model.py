"""The time line as the log view shows it: in the order of events, filtered, with late lines in their place."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final, NamedTuple

from ccops.pair.model import LogLine
from ccops.tui.filtering import matches
from ccops.watch.timeline import Timeline

SOURCES: Final = ("ha-log", "kernel", "ami", "ccops")
LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical")

_SPARE: Final = 1_000
_BULK: Final = 64


class Entry(NamedTuple):
    """A line with its number on the time line; ordered by time, then by number."""

    at: float
    number: int
    line: LogLine


class Choice(NamedTuple):
    """What of the log is wanted."""

    pattern: str = ""
    sources: frozenset[str] = frozenset(SOURCES)
    level: str = "debug"

    def takes(self, line: LogLine) -> bool:
        """True when the line is to be shown."""
        return (
            line.source in self.sources
            and LEVELS.index(line.level) >= LEVELS.index(self.level)
            and (
                not self.pattern or matches(self.pattern, line.text, line.tag, line.node or "", line.source, line.level)
            )
        )


class LogModel:
    """All lines kept, and those of them that are `shown`; both sorted by time."""

    def __init__(self) -> None:
        self.choice = Choice()
        self.shown: list[Entry] = []
        self.widest = 0
        self._all: list[Entry] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._all)

    def take(self, timeline: Timeline, end: int) -> bool:
        """Reads on to the line numbered `end`; True when `shown` changed."""
        first = max(self._next, timeline.start)
        lines = timeline.since(first)[: max(0, end - first)]
        if not lines:
            return False
        entries = [Entry(line.at, first + index, line) for index, line in enumerate(lines)]
        self._next = first + len(lines)
        self.widest = max(self.widest, *(len(line.text) for line in lines))
        taken = [entry for entry in entries if self.choice.takes(entry.line)]
        _merge(self._all, entries)
        _merge(self.shown, taken)
        return self._forget(timeline.start) or bool(taken)

    def choose(self, choice: Choice) -> None:
        """Shows what `choice` takes."""
        self.choice = choice
        self.shown = [entry for entry in self._all if choice.takes(entry.line)]

    def clear(self) -> None:
        """Forgets everything: another pair, another time line."""
        self._all, self.shown, self._next, self.widest = [], [], 0, 0

    def place(self, at: tuple[float, int]) -> int:
        """Where the entry of that time and number stands, or would stand, among those shown."""
        return bisect_left(self.shown, at, key=_order)

    def _forget(self, start: int) -> bool:
        """Drops what the time line dropped, now and then rather than each time."""
        if len(self._all) < _SPARE or not self._all or len(self._all) - (self._next - start) < _SPARE:
            return False
        self._all = [entry for entry in self._all if entry.number >= start]
        self.shown = [entry for entry in self.shown if entry.number >= start]
        return True


def _order(entry: Entry) -> tuple[float, int]:
    return entry[:2]


def _merge(into: list[Entry], entries: Sequence[Entry]) -> None:
    if len(entries) > _BULK:
        into.extend(entries)
        into.sort(key=_order)
        return
    for entry in entries:
        if not into or _order(into[-1]) <= _order(entry):
            into.append(entry)
        else:
            insort(into, entry, key=_order)

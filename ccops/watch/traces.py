"""Both nodes' traces, read while two sides are diverged: seldom, with a time limit, and never in the probe's way.

What is in a node's files comes from the script, rows of tables from MySQL, calls up now from the manager interface.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from ccops.links.errors import LinkError, TimedOut
from ccops.pair.model import PairLayout, Reading
from ccops.text import clean
from ccops.triage.finding import Traces
from ccops.watch.traces_script import TIMEOUT_S, Runner, parse_traces, read_output, unread

_EVERY_S = 30.0
_AFTER_TIMEOUT_S = 300.0
_FORGOTTEN_AFTER_S = 120.0
_TICK_S = 1.0
# Dates of one record differ by as much as the measured skew varies.
_SAME_S = 5.0
_LASTING = ("cdr", "queue_log", "calls", "recording")


class TracesCollector:
    """Reads one node's traces while `wanted()`, at most every 30 seconds, and seldom after it has not answered.

    `runner()` is the connection to the node, None while there is none. `in_tables()` asks MySQL, where that is set up.
    """

    def __init__(
        self,
        layout: PairLayout,
        runner: Callable[[], Runner | None],
        *,
        wanted: Callable[[], bool],
        on_change: Callable[[], None],
        skew_s: Callable[[], float | None],
        in_tables: Callable[[float], Awaitable[Traces]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._layout = layout
        self._runner = runner
        self._wanted = wanted
        self._on_change = on_change
        self._skew_s = skew_s
        self._in_tables = in_tables
        self._clock = clock
        self.traces = Traces()

    async def run(self) -> None:
        """Reads when it is wanted until it is cancelled; never two questions at once."""
        due = wanted_at = 0.0
        while True:
            now = self._clock()
            if self._wanted():
                wanted_at = now
                if now >= due:
                    due = self._clock() + await self._read()
            elif self.traces != Traces() and now - wanted_at > _FORGOTTEN_AFTER_S:
                self.traces = Traces()
            await asyncio.sleep(_TICK_S)

    async def _read(self) -> float:
        """Reads once; returns for how many seconds not to ask again."""
        runner, skew_s, pause_s = self._runner(), self._skew_s() or 0.0, _EVERY_S
        if runner is None:
            self._take(unread("no connection to the node"))
            return _TICK_S
        try:
            found = await read_traces(runner, self._layout, skew_s=skew_s, clock=self._clock)
        except TimedOut:
            # Its command may hang there still: another one would only hang beside it.
            found = unread(f"the node did not answer within {TIMEOUT_S:g} s", self._clock())
            pause_s = _AFTER_TIMEOUT_S
        self._take(merge(found, await self._in_tables(skew_s) if self._in_tables is not None else None))
        return pause_s

    def _take(self, found: Traces) -> None:
        told = remember(self.traces, found)
        if told != self.traces:
            self.traces = told
            self._on_change()


async def read_traces(
    runner: Runner,
    layout: PairLayout,
    *,
    skew_s: float = 0.0,
    timeout_s: float = TIMEOUT_S,
    clock: Callable[[], float] = time.time,
) -> Traces:
    """The traces in a node's files; `skew_s` as in `parse_traces`. Raises TimedOut; other failures are the reason."""
    try:
        output = await read_output(runner, layout, timeout_s)
    except TimedOut:
        raise
    except LinkError as error:
        return unread(clean(str(error), 200), clock())
    return parse_traces(output, clock(), skew_s)


def merge(in_files: Traces, in_tables: Traces | None = None, channels: Reading[int] | None = None) -> Traces:
    """One node's traces from all sources: of two dates the newer, without any both reasons."""
    merged = in_files if channels is None else replace(in_files, channels=channels)
    if in_tables is None:
        return merged
    return replace(merged, cdr=_newer(in_files.cdr, in_tables.cdr), calls=in_tables.calls)


def remember(before: Traces, now: Traces) -> Traces:
    """What was read before stays, with its age, where it cannot be read any more (the volume was unmounted since)."""
    return replace(now, **{name: _lasting(getattr(before, name), getattr(now, name)) for name in _LASTING})


def _lasting(before: Reading[float], now: Reading[float]) -> Reading[float]:
    """Records are only added: a date that is not told any more, or an older one, is less than was known."""
    if before.value is None or (now.value is not None and now.value > before.value - _SAME_S):
        return now
    return before


def _newer(file: Reading[float], table: Reading[float]) -> Reading[float]:
    known = [reading for reading in (file, table) if reading.value is not None]
    if known:
        return max(known, key=lambda reading: reading.value or 0.0)
    if table.problem is None:
        return file
    said = [f"Master.csv: {file.problem}"] if file.problem else []
    return Reading(None, "; ".join([*said, f"table: {table.problem}"]), file.taken_at)

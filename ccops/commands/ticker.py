"""A running operation, told as it goes: a line a step, and on a terminal one line that is painted anew."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ccops.commands import objects, terminal
from ccops.commands.prose import duration
from ccops.operations.plan import Progress, StepState
from ccops.operations.scene import resource_of
from ccops.pair.model import Sync
from ccops.watch.snapshot import Snapshot

_OVER = frozenset({"seen", "already", "failed"})
_SYNC_EVERY_S = 10.0


class Ticker:
    """Give `listen` to the executor, and `watch` to the store for the progress of a resync. Neither ever raises.

    `as_json`: each change is an object, a line on standard error.
    """

    def __init__(self, as_json: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.last: Progress | None = None
        self._as_json = as_json
        self._live = not as_json and sys.stdout.isatty()
        self._clock = clock
        self._told: set[int] = set()
        self._begun: set[int] = set()
        self._now = ""
        self._painted = ""
        self._sync_at = -_SYNC_EVERY_S

    def listen(self, progress: Progress) -> None:
        """Where the operation stands."""
        self.last = progress
        if self._as_json:
            terminal.tell(objects.encode(objects.progress_object(progress)), err=True)
            return
        for number, state in enumerate(progress.states):
            if state.word == "running" and number not in self._begun:
                self._begun.add(number)
                self._line(f"{_place(progress, number)} begins   {progress.plan.steps[number].text}")
            if state.word in _OVER and number not in self._told:
                self._told.add(number)
                self._line(f"{_place(progress, number)} {state.word:<8} {_took(state)}{_said(progress, number)}")
        if progress.now != self._now:
            self._now = progress.now
            if progress.now not in {step.text for step in progress.plan.steps}:
                self._line(f"       {progress.now}")

    def watch(self, snapshot: Snapshot) -> None:
        """What is seen meanwhile: how far a resync or a verify is."""
        if self.last is None or self._as_json or all(state.word != "running" for state in self.last.states):
            return
        found = next((sync for name in snapshot.pair.layout.nodes if (sync := _sync(snapshot, name))), None)
        if self._live:
            self._paint(f"       {_far(found)}" if found else f"       {self._now} …")
        elif found and self._clock() - self._sync_at >= _SYNC_EVERY_S:
            self._sync_at = self._clock()
            terminal.tell(f"       {_far(found)}")

    def close(self) -> None:
        """The line that was painted anew goes."""
        if self._live:
            terminal.tell("\r\x1b[K", nl=False)

    def _line(self, text: str) -> None:
        self._painted = ""
        terminal.tell(f"\r\x1b[K{text}" if self._live else text)

    def _paint(self, text: str) -> None:
        if text == self._painted:
            return
        self._painted = text
        terminal.tell(f"\r\x1b[K{text[: max(terminal.columns() - 1, 20)]}", nl=False)


def _place(progress: Progress, number: int) -> str:
    return f"{f'{number + 1}/{len(progress.states)}':>6}"


def _took(state: StepState) -> str:
    if state.word != "seen" or state.began_at is None or state.ended_at is None:
        return ""
    return f"after {duration(state.ended_at - state.began_at)}: "


def _said(progress: Progress, number: int) -> str:
    step, state = progress.plan.steps[number], progress.states[number]
    if state.word == "failed":
        return state.said
    return f"{step.effect.text}{f' ({state.said})' if state.said else ''}"


def _sync(snapshot: Snapshot, name: str) -> Sync | None:
    found = resource_of(snapshot, name)
    return None if found is None else found.sync


def _far(sync: Sync) -> str:
    parts = [f"{sync.percent:.1f} %" if sync.percent is not None else "progress not known"]
    parts += [f"{sync.left_kib / 1024:.1f} MiB left"] if sync.left_kib is not None else []
    parts += [f"{sync.speed_kib_s} KiB/s"] if sync.speed_kib_s is not None else []
    parts += [f"about {duration(sync.finish_s)}"] if sync.finish_s is not None else []
    parts += ["paused"] if sync.paused else []
    parts += ["stalled"] if sync.stalled else []
    return f"{sync.kind}: {', '.join(parts)}"

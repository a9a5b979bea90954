"""Frames: any number of snapshots become at most so many paints a second, the first of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

GAP_S: Final = 1 / 15


class Frames:
    """Calls `due` when something is to be painted; `request` and `done` are called in the event loop's thread.

    After `due` nothing more is asked for until `done`: a screen that is slow gets fewer frames, never a queue of them.
    """

    def __init__(self, due: Callable[[], object], gap_s: float = GAP_S) -> None:
        self._due = due
        self._gap_s = gap_s
        self._painted_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._painting = False
        self._again = False

    @property
    def idle(self) -> bool:
        """True when no frame is being painted, asked for or waited for."""
        return self._timer is None and not self._painting and not self._again

    def request(self) -> None:
        """Something changed: paint now if the last frame is `gap_s` old, else as soon as it is."""
        if self._painting:
            self._again = True
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            wait = self._painted_at + self._gap_s - loop.time()
            self._timer = loop.call_later(max(0.0, wait), self._fire)

    def done(self, painted: bool = True) -> None:
        """The frame was painted; or skipped, and then the next one need not wait for it."""
        if painted:
            self._painted_at = asyncio.get_running_loop().time()
        self._painting = False
        if self._again:
            self._again = False
            self.request()

    def stop(self) -> None:
        """No more frames."""
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        self._painting = True
        self._due()

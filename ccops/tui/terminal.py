"""The terminal as a place that may be slow, stop reading, or go: none of it may hold up the event loop.

Textual's driver hands what it writes to a thread through a queue of 30 pieces (textual.drivers._writer_thread). Where
that thread waits for a terminal that does not read, or has died of one that is gone, the queue fills, and the next
piece would wait for ever in the event loop: an operation under way would stop, and no signal would be heard.
"""

from __future__ import annotations

import contextlib
import os
import sys
from queue import Full
from typing import Any, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

_PARTING_S = 1.0


def driver_class(chosen: type[Driver]) -> type[Driver]:
    """What stands in for the driver that Textual chose; one for another place than a terminal is left as it is."""
    return TerminalDriver if chosen is LinuxDriver else chosen


class TerminalDriver(LinuxDriver):
    """Drops what a terminal has no room for, and draws all anew once it has read the rest. Ends the console that lost
    its terminal."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._behind = False
        self._file = cast("Any", _Terminal(self._gone))

    def write(self, data: str) -> None:
        """Hands it to the thread that writes, or drops it."""
        assert self._writer_thread is not None
        queue = self._writer_thread._queue
        if self._behind:
            if queue.qsize():
                return
            self._behind = False
            self._app.call_later(self._app.screen.refresh)
        try:
            queue.put_nowait(data)
        except Full:
            self._behind = True

    def close(self) -> None:
        """Ends the thread; one that still waits for its terminal is left behind, and ends with the process."""
        if self._writer_thread is not None:
            with contextlib.suppress(Full):
                self._writer_thread._queue.put_nowait(None)
            self._writer_thread.join(_PARTING_S)

    def _gone(self) -> None:
        """In the thread that writes: there is no terminal any more."""
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._app.exit)


class _Terminal:
    """Standard error as a file of text, without a lock that the process would wait for at its end."""

    encoding = "utf-8"

    def __init__(self, gone: Any) -> None:
        self._gone = gone
        self._lost = False

    def write(self, text: str) -> int:
        """Writes all of it, however long that takes; nothing any more once the terminal is gone."""
        data = text.encode("utf-8", "replace")
        while data and not self._lost:
            try:
                data = data[os.write(self.fileno(), data) :]
            except InterruptedError:
                continue
            except OSError:
                self._lost = True
                self._gone()
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        """That of standard error."""
        return 2 if sys.__stderr__ is None else sys.__stderr__.fileno()

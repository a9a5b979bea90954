"""The console in a terminal that is slow, does not read, or goes away."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from ccops.tui.terminal import TerminalDriver, driver_class

_STARTS_S = 40.0


class Terminal:
    """A terminal of 120×40 with a console on the simulated pair in it; it shows only what is read of it."""

    def __init__(self, folder: Path) -> None:
        self.process, self._fd = pty.fork()
        if self.process == 0:
            os.environ |= {"XDG_STATE_HOME": str(folder), "TERM": "xterm-256color"}
            os.execv(sys.executable, [sys.executable, "-m", "ccops", "demo", "--scenario", "busy-day"])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def read(self, until: bytes, limit_s: float = _STARTS_S) -> bytes:
        """Reads on until those bytes come."""
        found, end = b"", time.monotonic() + limit_s
        while until not in found:
            assert time.monotonic() < end, found[-2000:]
            if select.select([self._fd], [], [], 0.2)[0]:
                found += os.read(self._fd, 65536)
        return found

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def go(self) -> None:
        """The terminal is closed."""
        os.close(self._fd)

    def ended(self, limit_s: float = 15.0) -> bool:
        """Whether the console ends in time."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if os.waitpid(self.process, os.WNOHANG)[0]:
                self.process = 0
                return True
            time.sleep(0.05)
        return False

    def kill(self) -> None:
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path)
    found.read(b"SERVES")
    yield found
    found.kill()


def fill(terminal: Terminal) -> None:
    """Keys that paint much, of which nothing is read: more than the terminal and the queue before it can hold."""
    for _ in range(60):
        terminal.press(b"2345671")
        time.sleep(0.03)


def test_one_that_is_closed_ends_the_console(terminal: Terminal) -> None:
    fill(terminal)
    terminal.go()
    assert terminal.ended()


def test_one_that_does_not_read_holds_nothing_up(terminal: Terminal) -> None:
    """A signal is still heard, so the loop goes round."""
    fill(terminal)
    os.kill(terminal.process, signal.SIGTERM)
    assert terminal.ended()


class _Waiting:
    """A thread that waits for its terminal."""

    def __init__(self) -> None:
        self._queue: Queue[str] = Queue(2)


async def test_one_that_reads_again_gets_a_whole_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        await pilot.pause()
        driver = TerminalDriver(app)
        waiting = _Waiting()
        driver._writer_thread = waiting  # type: ignore[assignment]
        for text in "abc":
            driver.write(text)
        drawn: list[str] = []
        monkeypatch.setattr(app, "_display", lambda screen, update: drawn.append(type(update).__name__))
        await pilot.pause()
        assert [waiting._queue.get(), waiting._queue.get()] == ["a", "b"]
        drawn.clear()
        driver.write("d")
        await pilot.pause()
        assert waiting._queue.get() == "d"
        assert "LayoutUpdate" in drawn


def test_another_driver_is_left_alone() -> None:
    assert driver_class(LinuxDriver) is TerminalDriver
    assert driver_class(HeadlessDriver) is HeadlessDriver

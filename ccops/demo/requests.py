"""Commands that act: asked for through a FIFO in the node's root, answered through one of the asker's own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from ccops.demo.answer import Answer
from ccops.demo.commands import act
from ccops.demo.pair import SimulatedPair

_TRIES = 400
_PAUSE_S = 0.01


class Requests:
    """Reads node n's requests as they come; `poll()` looks after those that wait for something to happen.

    `changed` is called after a command has acted and before its asker hears of it.
    """

    def __init__(self, root: Path, pair: SimulatedPair, n: int, changed: Callable[[], None]) -> None:
        self._root = root
        self._changed = changed
        self._pair = pair
        self._n = n
        self._waiting: list[tuple[str, Callable[[], Answer | None]]] = []
        self._partial = b""
        # Opened for both, so that it never ends when an asker closes it.
        self._fifo = os.open(root / ".requests", os.O_RDWR | os.O_NONBLOCK)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fifo, self._read)

    def poll(self) -> None:
        """Answers those whose time has come."""
        if not self._waiting or not self._pair.machines[self._n].alive:
            return
        still = []
        for asker, outcome in self._waiting:
            answer = outcome()
            if answer is None:
                still.append((asker, outcome))
            else:
                self._reply(asker, answer)
        self._waiting = [w for w in still if (self._root / ".replies" / w[0]).exists()]

    def close(self) -> None:
        """Reads no more."""
        self._loop.remove_reader(self._fifo)
        os.close(self._fifo)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._partial += os.read(self._fifo, 65_536)
        *lines, self._partial = self._partial.split(b"\n")
        for line in lines:
            asker, *argv = line.decode("utf-8", "replace").rstrip("\x1f").split("\x1f")
            if asker.isdigit() and argv:
                outcome = act(self._pair, self._n, argv)
                self._changed()
                if isinstance(outcome, Answer):
                    self._reply(asker, outcome)
                else:
                    self._waiting.append((asker, outcome))

    def _reply(self, asker: str, answer: Answer, tries: int = _TRIES) -> None:
        """Writes as soon as the asker listens; one that went away is forgotten."""
        try:
            fifo = os.open(self._root / ".replies" / asker, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO and tries:
                self._loop.call_later(_PAUSE_S, self._reply, asker, answer, tries - 1)
            return
        text = f"{answer.code}\n"
        for mark, part in (("1", answer.out), ("2", answer.err)):
            text += "".join(f"{mark}{line}\n" for line in part.splitlines())
        self._write(fifo, text.encode())

    def _write(self, fifo: int, data: bytes) -> None:
        """All of it, as fast as the asker reads; a pipe takes 64 KiB at once."""
        try:
            data = data[os.write(fifo, data) :]
        except BlockingIOError:
            pass
        except OSError:
            data = b""
        if data:
            self._loop.call_later(_PAUSE_S, self._write, fifo, data)
        else:
            os.close(fifo)

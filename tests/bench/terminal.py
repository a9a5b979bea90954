"""A program in a pseudo-terminal, as a person runs it: what it paints and when, what it costs."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_TICK = os.sysconf("SC_CLK_TCK")
_ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]|\x1b.")


class Terminal:
    """`async with Terminal(argv, 120, 40) as terminal`: runs `argv`; its output is read as it comes."""

    def __init__(self, argv: Sequence[str], columns: int = 120, rows: int = 40, env: dict[str, str] | None = None):
        self._argv, self._columns, self._rows = argv, columns, rows
        self._env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        self.painted_bytes = 0
        self._raw = b""
        self._news = asyncio.Event()

    async def __aenter__(self) -> Terminal:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self._rows, self._columns, 0, 0))
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            self._argv, stdin=slave, stdout=slave, stderr=slave, env=self._env, start_new_session=True
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 1 << 20)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.painted_bytes += len(data)
        self._raw += data
        self._news.set()

    def send(self, keys: str) -> None:
        """Types `keys`."""
        os.write(self._master, keys.encode())

    def forget(self) -> None:
        """What was painted so far is not looked at any more."""
        self._raw = b""

    @property
    def text(self) -> str:
        """What was painted since `forget`, without escape sequences, in the order of painting."""
        return _ESCAPES.sub(b"", self._raw).decode(errors="replace")

    async def seen(self, words: str, timeout_s: float = 30.0) -> float:
        """Waits until `words` were painted; the moment (perf_counter) at which they were read."""
        async with asyncio.timeout(timeout_s):
            while words not in self.text:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the program ended with {self.process.returncode}: {self.text[-500:]}")
                self._news.clear()
                await self._news.wait()
        return time.perf_counter()

    def cpu_s(self) -> float:
        """Seconds of CPU of the process so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def rss_mib(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1024 / 1024

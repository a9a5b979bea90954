"""A command that runs on a node: its streams in bytes, its end, and what it left behind."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import asyncssh
import msgspec

from ccops.links.errors import LinkLost, Refused
from ccops.text import clean, decode

OUTPUT_LIMIT = 16 * 1024 * 1024
"""Bytes that `run` takes from one stream before it gives up."""

_STDERR_KEPT = 4096


class Completed(msgspec.Struct, frozen=True):
    """A command that ended. `exit_status` is None when a signal ended it; `took_s` is seconds."""

    stdout: bytes
    stderr: bytes
    exit_status: int | None
    took_s: float


class Carrier(Protocol):
    """The connection that a process runs over."""

    @property
    def closed(self) -> bool:
        """True once it is gone."""

    @property
    def reason(self) -> str:
        """Why it is gone."""


class RemoteProcess:
    """A command that runs on a node, in bytes. Standard error is always read, and its end kept in `stderr_tail`,
    because an unread one would stall standard output in the same channel.
    """

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], connection: Carrier) -> None:
        self._process = process
        self._connection = connection
        self.stdin = process.stdin
        self.stdout = RemoteReader(process.stdout, connection)
        self.stderr_tail = b""
        self._stderr: list[bytes] | None = None
        self._draining = asyncio.ensure_future(self._drain())

    @property
    def exit_status(self) -> int | None:
        """The exit status, None while it runs and when a signal ended it."""
        return self._process.exit_status

    @property
    def ended(self) -> bool:
        """True once the process or its connection is known to be gone."""
        return self._connection.closed or self._process.is_closing() or self._process.returncode is not None

    async def communicate(self, data: bytes | None, name: str) -> tuple[bytes, bytes]:
        """Send `data`, close standard input, and read both outputs to their end (each at most OUTPUT_LIMIT bytes)."""
        self._stderr = [self.stderr_tail]
        with contextlib.suppress(OSError):  # a command that does not read its input is no fault
            if data:
                self.stdin.write(data)
            self.stdin.write_eof()
        output = bytearray()
        while chunk := await self.stdout.read():
            output += chunk
            if len(output) > OUTPUT_LIMIT:
                raise Refused(f"`{clean(name, 80)}` printed more than {OUTPUT_LIMIT >> 20} MiB: stopped reading")
        await asyncio.shield(self._draining)
        return bytes(output), b"".join(self._stderr)

    async def wait(self) -> int | None:
        """Wait for its end; the exit status, None when a signal ended it. `LinkLost` when the connection ended
        first."""
        await self._process.wait_closed()
        if self._process.exit_status is None and self._process.exit_signal is None and self._connection.closed:
            raise LinkLost(self._connection.reason)
        status = self._process.exit_status
        return status if status is None or status >= 0 else None

    def close(self) -> None:
        """Close the channel; sshd then ends what still runs with SIGHUP or a closed pipe."""
        self._draining.cancel()
        self._process.close()

    async def _drain(self) -> None:
        kept = 0
        with contextlib.suppress(asyncssh.Error, OSError):
            while chunk := await self._process.stderr.read(65536):
                self.stderr_tail = (self.stderr_tail + chunk)[-_STDERR_KEPT:]
                if self._stderr is not None and kept <= OUTPUT_LIMIT:
                    kept += len(chunk)
                    self._stderr.append(chunk)

    def describe_stderr(self) -> str:
        """The end of standard error as one harmless line."""
        return clean(decode(self.stderr_tail).strip()[-300:])


class RemoteReader:
    """A stream of bytes from a node; at its end `b""`, and `LinkLost` when the connection broke."""

    def __init__(self, reader: asyncssh.SSHReader[bytes], connection: Carrier) -> None:
        self._reader = reader
        self._connection = connection

    async def read(self, limit: int = 65536) -> bytes:
        """What has come, at most `limit` bytes; waits for at least one."""
        try:
            data = await self._reader.read(limit)
        except (asyncssh.Error, OSError):
            raise LinkLost(self._connection.reason) from None
        if not data and self._connection.closed:
            raise LinkLost(self._connection.reason)
        return data

"""Forwards over SSH: a unix socket of ours here, a port or a socket as seen from the node there.

asyncssh's own forwarder drops the reason when the far side refuses; a console must say "nobody listens on 5038"
and "sshd forbids forwarding" apart, so the relay is ours and keeps the last refusal of each socket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh

from ccops.links.errors import LinkError, LinkLost, NotListening, Refused, Unreachable
from ccops.links.private import new_socket_path
from ccops.text import clean

Opened = tuple["asyncssh.SSHReader[bytes]", "asyncssh.SSHWriter[bytes]"]

_CHUNK = 128 * 1024
_refusals: dict[Path, LinkError] = {}


def refusal(path: Path) -> LinkError | None:
    """Why the far side of that forwarded socket refused last, None when it did not (or the socket is not ours)."""
    return _refusals.get(path)


class Forward:
    """One listening socket. `path` may be connected to as often as wanted until `close()`."""

    def __init__(self, open_far: Callable[[], Awaitable[Opened]], what: str) -> None:
        """`what` names the far end for errors, like `port 5038`."""
        self._open_far = open_far
        self._what = what
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[Any]] = set()
        self.path = new_socket_path()

    async def start(self) -> None:
        """Listen; OSError when the socket cannot be made."""
        self._server = await asyncio.start_unix_server(self._accept, str(self.path), limit=_CHUNK)

    def close(self) -> None:
        """Stop listening, drop what runs, remove the socket."""
        if self._server is not None:
            self._server.close()
        for relay in list(self._relays):
            relay.cancel()
        self.path.unlink(missing_ok=True)
        _refusals.pop(self.path, None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._relays.add(task)
        try:
            await self._relay(reader, writer)
        except asyncio.CancelledError:
            pass  # close() asked for it; a task of a server must not end cancelled, asyncio would log it
        finally:
            self._relays.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._open_far()
        except (asyncssh.Error, OSError) as error:
            _refusals[self.path] = explain(error, self._what)
            return
        _refusals.pop(self.path, None)
        directions = {
            asyncio.ensure_future(_pump(reader, far_writer)),
            asyncio.ensure_future(_pump(far_reader, writer)),
        }
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            far_writer.close()


def explain(error: Exception, what: str) -> LinkError:
    """The refusal of a channel (RFC 4254, 5.1) in our words."""
    if not isinstance(error, asyncssh.ChannelOpenError):
        return LinkLost(f"the SSH connection was lost while opening {what}")
    reason = clean(error.reason, 200)
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return Refused(f"the node's sshd forbids forwarding to {what}: set AllowTcpForwarding yes in its sshd_config")
    if error.code == asyncssh.OPEN_UNKNOWN_CHANNEL_TYPE:
        return Refused(f"the node's sshd cannot forward to {what} (OpenSSH before 6.7): use host and port instead")
    if error.code == asyncssh.OPEN_CONNECT_FAILED and _says_no_host(reason):
        return Unreachable(f"the node cannot reach {what}: {reason}")
    return NotListening(f"nobody listens on {what} there ({reason})")


def _says_no_host(reason: str) -> bool:
    lowered = reason.lower()
    return any(words in lowered for words in ("no route", "unreachable", "not known", "timed out", "resol"))


async def _pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(asyncssh.Error, OSError, EOFError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()

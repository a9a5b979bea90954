"""A door on loopback: a port that can be open, shut (refused), or frozen (connected, and nothing passes)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HOST = "127.0.0.1"
_CHUNK = 65_536
# Closing with this sends RST: what a machine without power, or a firewall that rejects, looks like.
_RESET = struct.pack("ii", 1, 0)


class Door:
    """One port of 127.0.0.1, kept for as long as the door exists; `handler` serves each connection.

    `flows` is clear while the door is frozen: what passes must wait for it.
    """

    def __init__(self, handler: Handler) -> None:
        self.flows = asyncio.Event()
        self.flows.set()
        self._handler = handler
        self._socket = _bind(0)
        self.port: int = self._socket.getsockname()[1]
        self._accepting: asyncio.Task[None] | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def is_open(self) -> bool:
        """Whether connections are taken."""
        return self._accepting is not None

    def open(self) -> None:
        """Takes connections from now on."""
        if self._accepting is None:
            self._socket.listen(64)
            self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def freeze(self) -> None:
        """Nothing passes any more; connections stay."""
        self.flows.clear()

    def thaw(self) -> None:
        """What was held passes on."""
        self.flows.set()

    def shut(self) -> None:
        """Resets every connection and refuses new ones; the port stays ours."""
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None
            self._socket.close()
            self._socket = _bind(self.port)
        self.reset()

    def reset(self) -> None:
        """Resets every connection."""
        for task, writer in list(self._connections.items()):
            _reset(writer)
            task.cancel()

    async def close(self) -> None:
        """The door is gone, its connections too."""
        accepting, self._accepting = self._accepting, None
        tasks = [*self._connections, *([accepting] if accepting else [])]
        self.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            connection.setblocking(False)
            await self.flows.wait()
            reader, writer = await asyncio.open_connection(sock=connection, limit=_CHUNK)
            task = loop.create_task(self._serve(reader, writer))
            self._connections[task] = writer
            task.add_done_callback(lambda done: self._connections.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._handler(reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError):  # ValueError: a line that never ends
            pass
        finally:
            writer.close()


async def relay(
    door: Door,
    outside: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    inside: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Passes bytes both ways while the door lets them, until either side ends."""
    ways = [
        asyncio.create_task(_pass(door, outside[0], inside[1])),
        asyncio.create_task(_pass(door, inside[0], outside[1])),
    ]
    try:
        await asyncio.gather(*ways)
    finally:
        for way in ways:
            way.cancel()
        inside[1].close()


async def _pass(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            await door.flows.wait()
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof() if writer.can_write_eof() else writer.close()


def _bind(port: int) -> socket.socket:
    """A socket that holds the port without listening: whoever connects is refused."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_HOST, port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()

"""A real SSH server on loopback for the tests, and a TCP proxy that can be cut and frozen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import asyncssh

from ccops.config import NodeSettings


class Keys:
    """Key pairs and known_hosts files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.identity = folder / "id"
        self.user_key.write_private_key(str(self.identity))
        self.empty_config = folder / "ssh_config"
        self.empty_config.write_text("")

    def known_hosts(self, port: int, key: asyncssh.SSHKey | None = None) -> Path:
        path = self.folder / f"known_hosts.{port}"
        shown = (key or self.host_key).export_public_key().decode().strip()
        path.write_text(f"[127.0.0.1]:{port} {shown}\n")
        return path

    def node(self, port: int, **changes: object) -> NodeSettings:
        settings: dict[str, object] = {
            "name": "node",
            "ssh": f"ops@127.0.0.1:{port}",
            "identity": str(self.identity),
            "ssh_config": str(self.empty_config),
            "known_hosts": str(self.folder / f"known_hosts.{port}"),
        }
        return NodeSettings(**(settings | changes))  # type: ignore[arg-type]


class _Server(asyncssh.SSHServer):
    def __init__(self, forwarding: bool) -> None:
        self._forwarding = forwarding

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        if not self._forwarding:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
        return True

    def unix_connection_requested(self, dest_path: str) -> bool:
        return self._forwarding


running: set[object] = set()
"""Commands that the servers of this process run now; empty when all have been cleaned up."""


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    running.add(process)
    try:
        await _run_locally(process)
    finally:
        running.discard(process)


async def _run_locally(process: asyncssh.SSHServerProcess[bytes]) -> None:
    child = await asyncio.create_subprocess_shell(
        process.command or "true",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    outputs = [
        asyncio.ensure_future(_copy(child.stdout, process.stdout)),
        asyncio.ensure_future(_copy(child.stderr, process.stderr)),
    ]
    feeding = asyncio.ensure_future(_feed(process, child.stdin))
    closed = asyncio.ensure_future(process.channel.wait_closed())
    try:
        ended = asyncio.gather(*outputs, child.wait())
        await asyncio.wait({closed, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            status = ended.result()[-1]
            process.exit_with_signal("KILL") if status == -9 else process.exit(status)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        for task in (*outputs, feeding, closed):
            task.cancel()


async def _copy(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
    assert source is not None
    while data := await source.read(65536):
        with contextlib.suppress(OSError, asyncssh.Error):
            sink.write(data)
            await sink.drain()


async def _feed(process: asyncssh.SSHServerProcess[bytes], sink: asyncio.StreamWriter | None) -> None:
    assert sink is not None
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await process.stdin.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()


async def serve(
    keys: Keys, *, host_key: asyncssh.SSHKey | None = None, forwarding: bool = True, port: int = 0
) -> asyncssh.SSHAcceptor:
    """An SSH server that runs commands locally; the caller closes it."""
    authorized = asyncssh.import_authorized_keys(keys.user_key.export_public_key().decode())
    return await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Server(forwarding),
        server_host_keys=[host_key or keys.host_key],
        authorized_client_keys=authorized,
        process_factory=_run,
        encoding=None,
    )


class Proxy:
    """Forwards 127.0.0.1:port to another port; `freeze()` stops passing bytes, `cut()` resets what is open."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.accepted = 0

    async def start(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def close(self) -> None:
        self.cut()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


async def until(condition: object, timeout_s: float = 15.0) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)

"""A node's SSH server: real shells in the node's fake root, and forwards to its AMI, MySQL and ECCP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh

from ccops.demo.network import Door, relay

if TYPE_CHECKING:
    from asyncssh import SSHServerProcess

USER = "root"
MYSQL_SOCKETS = ("/var/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")

_CHUNK = 65_536
_PORTS = {5038: "ami", 3306: "mysql", 20005: "eccp"}


class SshNode:
    """Serves connections that come through its door; `find_port(service)` is a loopback port, None while that is down.

    Every command runs in a session of its own, so that nothing of it outlives the channel.
    """

    def __init__(
        self,
        root: Path,
        key: asyncssh.SSHKey,
        authorized_keys: Path,
        find_port: Callable[[str], int | None],
    ) -> None:
        self.root = root
        self.door = Door(self._serve)
        self._find_port = find_port
        self._shells: set[int] = set()
        self._options: dict[str, Any] = {
            "server_factory": lambda: _Server(find_port),
            "server_host_keys": [key],
            "authorized_client_keys": str(authorized_keys),
            "process_factory": self._run,
            "encoding": None,
            "server_version": "OpenSSH_8.4p1",
            "login_timeout": 30,
            "agent_forwarding": False,
            "x11_forwarding": False,
            "allow_scp": False,
            "sftp_factory": None,
            "gss_host": None,
        }

    def freeze(self) -> None:
        """The node hangs: bytes stay where they are and its shells stand still."""
        self.door.freeze()
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The node goes on."""
        self._signal(signal.SIGCONT)
        self.door.thaw()

    def power_off(self) -> None:
        """Connections are reset, new ones refused, shells gone."""
        self.door.shut()
        self.door.thaw()
        self._signal(signal.SIGKILL)

    async def close(self) -> None:
        """Ends everything."""
        self._signal(signal.SIGKILL)
        await self.door.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        inside = await asyncio.open_connection(sock=ours, limit=_CHUNK)
        connecting = asyncio.create_task(self._log_in(theirs))
        try:
            await relay(self.door, (reader, writer), inside)
        finally:
            connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, asyncssh.Error):
                connection = await connecting
                connection.abort()
            theirs.close()

    async def _log_in(self, connection: socket.socket) -> asyncssh.SSHServerConnection:
        return await asyncssh.run_server(connection, **self._options)

    async def _run(self, process: SSHServerProcess[bytes]) -> None:
        command = self._rooted(process.command or "exec /bin/sh -s")
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
            cwd=self.root,
            start_new_session=True,
            limit=_CHUNK,
        )
        self._shells.add(shell.pid)
        feeding = asyncio.create_task(_feed(process, shell))
        try:
            await _print(process, shell)
            code = await shell.wait()
            process.exit(code if code >= 0 else 128 - code)
        finally:
            feeding.cancel()
            _kill(shell.pid, signal.SIGKILL)
            self._shells.discard(shell.pid)
            with contextlib.suppress(ProcessLookupError):
                await asyncio.shield(shell.wait())

    def _rooted(self, command: str) -> str:
        """A program that is named by its path is the node's own, where the node has it."""
        program = command.partition(" ")[0]
        is_here = program.startswith("/") and (self.root / program.lstrip("/")).exists()
        return f"{shlex.quote(str(self.root))}{command}" if is_here else command

    def _environment(self) -> dict[str, str]:
        inherited = os.environ.get("PATH", "/usr/bin:/bin")
        return {
            "CCOPS_ROOT": str(self.root),
            "PATH": f"{self.root}/bin:{inherited}",
            "LC_ALL": "C",
            "TZ": "UTC",
            "HOME": str(self.root),
            "USER": USER,
            "LOGNAME": USER,
            "SHELL": "/bin/sh",
        }

    def _signal(self, number: signal.Signals) -> None:
        for pid in tuple(self._shells):
            _kill(pid, number)


class _Server(asyncssh.SSHServer):
    """Forwards only to what the node itself runs."""

    def __init__(self, find_port: Callable[[str], int | None]) -> None:
        self._find_port = find_port

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        return self._forward(_PORTS.get(dest_port) if dest_host in {"127.0.0.1", "localhost", "::1"} else None)

    def unix_connection_requested(self, dest_path: str) -> Any:
        return self._forward("mysql" if dest_path in MYSQL_SOCKETS else None)

    def _forward(self, service: str | None) -> Awaitable[object]:
        port = self._find_port(service) if service else None
        if port is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")
        return self._connection.forward_connection("127.0.0.1", port)


async def _feed(process: SSHServerProcess[bytes], shell: asyncio.subprocess.Process) -> None:
    stdin = shell.stdin
    if stdin is None:
        return
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await process.stdin.read(_CHUNK):
            stdin.write(data)
            await stdin.drain()
    stdin.close()


async def _print(process: SSHServerProcess[bytes], shell: asyncio.subprocess.Process) -> None:
    async def pass_on(source: asyncio.StreamReader | None, target: asyncssh.SSHWriter[bytes]) -> None:
        while source is not None and (data := await source.read(_CHUNK)):
            target.write(data)
            await target.drain()

    with contextlib.suppress(OSError, asyncssh.Error):
        closing = asyncio.create_task(process.wait_closed())
        closing.add_done_callback(lambda done: None if done.cancelled() else _kill(shell.pid, signal.SIGKILL))
        try:
            await asyncio.gather(pass_on(shell.stdout, process.stdout), pass_on(shell.stderr, process.stderr))
        finally:
            closing.cancel()


def _kill(pid: int, number: signal.Signals) -> None:
    """Signals the whole session's group; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

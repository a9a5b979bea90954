"""SSH to a node: one connection that carries the probe, the commands and the forwards.

Everything of ~/.ssh/config that asyncssh knows is honoured (Host, Match, ProxyJump, ProxyCommand, IdentityFile,
IdentityAgent …), as is ssh-agent. Nothing is ever asked on the terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import asyncssh

from ccops.config import NodeSettings
from ccops.links.backoff import Backoff
from ccops.links.errors import AuthenticationFailed, HostKeyProblem, LinkError, LinkLost, Refused, TimedOut
from ccops.links.forward import Forward, Opened
from ccops.links.hostkeys import HostKeyWitness
from ccops.links.login import log_in
from ccops.links.process import Completed, RemoteProcess
from ccops.links.status import LinkStatus, Phase, StatusCallback
from ccops.text import clean

SLOW_RETRY_S = 30.0
"""Wait this long after a refused key or an untrusted host key: hammering locks accounts and helps nobody."""

_MEASURE_EVERY_S = 2.0
_SILENT_AFTER_S = 2.0


def quote(argv: Sequence[str]) -> str:
    """An argument list as one POSIX shell command line: the only place where commands are quoted.

    Raises:
        Refused: an empty list, or an argument with a NUL, which no program can receive.
    """
    if not argv:
        raise Refused("an empty command cannot be run")
    if any("\0" in word for word in argv):
        raise Refused(f"an argument of {argv[0]!r} holds a NUL character: no program can receive it")
    return shlex.join(argv)


async def connect(node: NodeSettings, *, timeout_s: float = 10.0) -> SshConnection:
    """Connect and log in within `timeout_s` seconds.

    Raises:
        HostKeyProblem, AuthenticationFailed, Unreachable, TimedOut, LinkLost: each says what to do.
    """
    connection, witness = await log_in(node, timeout_s)
    return SshConnection(connection, witness, node.name)


class SshConnection:
    """A live connection to one node. All methods raise `LinkLost` once it is gone."""

    def __init__(self, connection: asyncssh.SSHClientConnection, witness: HostKeyWitness, name: str) -> None:
        self._connection = connection
        self._witness = witness
        self._name = name
        self._forwards: dict[tuple[str, int] | str, Forward] = {}
        self._opening = asyncio.Lock()
        self.latency_s: float | None = None

    @property
    def closed(self) -> bool:
        """True once nothing can be sent any more."""
        return self._witness.ended

    @property
    def reason(self) -> str:
        """Why it is closed, for the person on call."""
        error = self._witness.reason
        if error is None:
            return f"the SSH connection to {self._name} was closed"
        if "keepalive" in str(error):
            return f"{self._name} stopped answering over SSH"
        return f"the SSH connection to {self._name} was lost: {clean(str(error), 200)}"

    async def open_process(self, command: str) -> RemoteProcess:
        """Start `command` (a shell command line; quote words with `quote`) in a channel of its own, without a terminal.

        Raises:
            Refused: the node allows no more channels. LinkLost: the connection is gone.
        """
        self._check()
        try:
            process = await self._connection.create_process(command, encoding=None, request_pty=False)
        except asyncssh.ChannelOpenError as error:
            if self.closed:
                raise LinkLost(self.reason) from None
            raise Refused(f"{self._name} refused to start a command: {clean(error.reason, 200)}") from None
        except (asyncssh.Error, OSError):
            raise LinkLost(self.reason) from None
        return RemoteProcess(process, self)

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> Completed:
        """Run one command to its end.

        Raises:
            TimedOut: not ended after `timeout_s` seconds (its channel is closed; the command may still run).
            Refused: it printed more than OUTPUT_LIMIT bytes, or could not be started. LinkLost: the connection is gone.
        """
        command = quote(argv)
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                process = await self.open_process(command)
                try:
                    stdout, stderr = await process.communicate(input, argv[0])
                    status = await process.wait()
                finally:
                    process.close()
        except TimeoutError:
            message = f"`{clean(argv[0], 80)}` on {self._name} did not end within {timeout_s:g} s"
            raise TimedOut(message) from None
        return Completed(stdout, stderr, status, time.monotonic() - began)

    async def forward_tcp(self, host: str, port: int) -> Path:
        """A local unix socket that leads to host:port as seen from the node; the same one for the same target."""

        async def open_far() -> Opened:
            return await self._connection.open_connection(host, port, encoding=None)

        return await self._forward((host, port), open_far, f"port {port}")

    async def forward_socket(self, remote_path: str) -> Path:
        """A local unix socket that leads to a unix socket on the node (needs OpenSSH 6.7 or newer there)."""

        async def open_far() -> Opened:
            return await self._connection.open_unix_connection(remote_path, encoding=None)

        return await self._forward(remote_path, open_far, remote_path)

    async def measure_latency(self) -> float:
        """Seconds that one round trip through the SSH connection takes (about 100 bytes on the wire).

        A global request that the server does not know must be answered all the same (RFC 4254, 4).
        """
        self._check()
        began = time.monotonic()
        # asyncssh has no public name for a global request; its keepalive is this very call.
        await self._connection._make_global_request(b"keepalive@openssh.com")
        self._check()
        self.latency_s = time.monotonic() - began
        return self.latency_s

    def close(self) -> None:
        """Say goodbye and close; use `abort` on a link that does not answer."""
        self._drop_forwards()
        self._connection.close()

    def abort(self) -> None:
        """Drop the connection at once, without waiting for the other side."""
        self._drop_forwards()
        self._connection.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone, for whatever reason."""
        await self._connection.wait_closed()
        self._drop_forwards()

    def _check(self) -> None:
        if self.closed:
            raise LinkLost(self.reason)

    async def _forward(
        self, target: tuple[str, int] | str, open_far: Callable[[], Awaitable[Opened]], what: str
    ) -> Path:
        async with self._opening:
            self._check()
            forward = self._forwards.get(target)
            if forward is None:
                forward = Forward(open_far, what)
                try:
                    await forward.start()
                except OSError as error:
                    raise LinkError(f"no socket can be made at {forward.path}: {error.strerror}") from None
                self._forwards[target] = forward
            return forward.path

    def _drop_forwards(self) -> None:
        while self._forwards:
            self._forwards.popitem()[1].close()


class SshLink:
    """Keeps a connection to `node` and says how it is.

    Use: `async for connection in link.connections(): …`. When the body ends, by itself or because something on the
    connection raised `LinkLost`, the connection is dropped and a new one is yielded when there is one.
    """

    def __init__(
        self,
        node: NodeSettings,
        on_status: StatusCallback,
        *,
        backoff: Backoff | None = None,
        timeout_s: float = 10.0,
        slow_retry_s: float = SLOW_RETRY_S,
    ) -> None:
        self._node = node
        self._on_status = on_status
        self._backoff = backoff or Backoff()
        self._timeout_s = timeout_s
        self._slow_retry_s = slow_retry_s
        self._connection: SshConnection | None = None
        self._reason: str | None = None
        self.status = LinkStatus("connecting", time.time())

    async def connections(self) -> AsyncIterator[SshConnection]:
        """Live connections, one after the other, for ever. Cancelling the consumer drops the connection."""
        while True:
            self._report("connecting", problem=self.status.problem)
            try:
                connection = await connect(self._node, timeout_s=self._timeout_s)
            except (AuthenticationFailed, HostKeyProblem) as error:
                await self._wait(self._slow_retry_s, str(error))
                continue
            except LinkError as error:
                await self._wait(self._backoff.next_delay(), str(error))
                continue
            began = time.monotonic()
            self._connection, self._reason = connection, None
            self._report("up")
            watching = asyncio.ensure_future(self._watch(connection))
            try:
                yield connection
            finally:
                watching.cancel()
                reason = self._reason or (connection.reason if connection.closed else None)
                connection.abort()
                self._connection = None
            self._backoff.ended(time.monotonic() - began)
            await self._wait(self._backoff.next_delay(), reason or f"the connection to {self._node.name} was given up")

    def lost(self, reason: str) -> None:
        """The consumer found the connection useless: drop it at once and say why. The loop's body should then end."""
        self._reason = reason
        if self._connection is not None:
            self._connection.abort()
        self._report("down", problem=reason)

    async def _watch(self, connection: SshConnection) -> None:
        """Measure the round trip; show silence before it is given up, and the loss as soon as it is known."""
        closed = asyncio.ensure_future(connection.wait_closed())
        try:
            while not closed.done():
                measured = asyncio.ensure_future(connection.measure_latency())
                try:
                    done, _ = await asyncio.wait(
                        {measured, closed}, timeout=_SILENT_AFTER_S, return_when="FIRST_COMPLETED"
                    )
                    if not done:
                        self._report("silent", problem=f"{self._node.name} has not answered for {_SILENT_AFTER_S:g} s")
                        await asyncio.wait({measured, closed}, return_when="FIRST_COMPLETED")
                    with contextlib.suppress(LinkError, asyncio.InvalidStateError):
                        self._report("up", latency_s=measured.result())
                finally:
                    measured.cancel()
                await asyncio.wait({closed}, timeout=_MEASURE_EVERY_S)
            self._report("down", problem=self._reason or connection.reason)
        finally:
            closed.cancel()

    async def _wait(self, delay_s: float, problem: str) -> None:
        self._report("down", problem=problem, retry_at=time.time() + delay_s)
        await asyncio.sleep(delay_s)

    def _report(
        self,
        phase: Phase,
        *,
        problem: str | None = None,
        latency_s: float | None = None,
        retry_at: float | None = None,
    ) -> None:
        since = self.status.since if phase == self.status.phase else time.time()
        status = LinkStatus(phase, since, problem, latency_s, retry_at)
        if status != self.status:
            self.status = status
            self._on_status(status)

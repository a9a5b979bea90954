"""An operation's own connections, beside those that watch, so that neither can hold up the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from ccops.config import PairSettings
from ccops.links import ssh
from ccops.links.errors import LinkError, TimedOut
from ccops.links.process import Completed
from ccops.links.ssh import SshConnection

_CONNECT_S = 15.0
# What sshd gives a command on old systems has no sbin, where drbdadm, service and ip are.
_WITH_SBIN = 'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; exec "$@"'


class Hands:
    """One connection to each node of a pair, made when it is first needed and again after it was lost.

    A command that was under way when its connection was lost is never sent again: what became of it must be seen.
    """

    def __init__(self, pair: PairSettings) -> None:
        self._pair = pair
        self._nodes = {node.name: node for node in pair.nodes}
        self._connections: dict[str, SshConnection] = {}
        self._making = {name: asyncio.Lock() for name in self._nodes}

    @property
    def names(self) -> tuple[str, ...]:
        """Both nodes' names, in the order of the settings: also the order in which they are locked."""
        return tuple(self._nodes)

    async def reach(self, node: str) -> SshConnection:
        """The live connection to that node. Raises LinkError, with what to do."""
        async with self._making[node]:
            connection = self._connections.get(node)
            if connection is None or connection.closed:
                connection = await ssh.connect(self._nodes[node], timeout_s=_CONNECT_S)
                self._connections[node] = connection
            return connection

    async def open(self) -> dict[str, str]:
        """Connects to both at once; node → why it could not be reached, for those that could not."""
        found = await asyncio.gather(*(self.reach(name) for name in self.names), return_exceptions=True)
        problems: dict[str, str] = {}
        for name, outcome in zip(self.names, found, strict=True):
            if isinstance(outcome, LinkError):
                problems[name] = str(outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
        return problems

    async def run(
        self, node: str, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None, as_root: bool = True
    ) -> Completed:
        """Runs one command to its end; through `sudo -n` where the settings say so. Raises LinkError."""
        connection = await self.reach(node)
        sent = self.spelt(argv, as_root)
        if "/" not in argv[0]:
            sent = ["/bin/sh", "-c", _WITH_SBIN, "ccops", *sent]
        try:
            return await connection.run(sent, timeout_s=timeout_s, input=input)
        except TimedOut:
            raise TimedOut(f"`{argv[0]}` on {node} did not end within {timeout_s:g} s") from None

    def spelt(self, argv: Sequence[str], as_root: bool = True) -> Sequence[str]:
        """The command as it is told, and recorded."""
        return ["sudo", "-n", *argv] if as_root and self._pair.sudo else argv

    async def close(self) -> None:
        """Ends both connections."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            with contextlib.suppress(LinkError, OSError):
                connection.close()

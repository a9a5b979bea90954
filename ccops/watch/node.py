"""One node's collector: keeps the SSH link, runs the probe over it, and folds what it says into a `NodeState`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from ccops.config import NodeSettings
from ccops.links.errors import LinkError, LinkLost, Unreachable
from ccops.links.process import RemoteProcess
from ccops.links.ssh import SshConnection, SshLink
from ccops.links.status import LinkStatus
from ccops.pair.model import Link, LogLine, NodeState, PairLayout
from ccops.text import clean
from ccops.watch.assembly import NodeAssembly
from ccops.watch.logs import NodeLogs
from ccops.watch.probe import (
    Again,
    Clock,
    Fresh,
    Hello,
    LogGap,
    LogOpened,
    LogText,
    Noise,
    Output,
    ProbeEvent,
    ProbeSettings,
    ProbeStream,
    Sample,
    command,
    script,
)

SILENT_AFTER_S = 3.0
GIVEN_UP_AFTER_S = 12.0
_FIRST_ANSWER_S = 20.0
_WAIT_FOR_CONNECTION_S = 5.0


class NodeCollector:
    """Reads one node for ever. `on_change(state)` after each sample, `on_log(line)` for each log line, in order.

    A sample is asked for only when the one before has come, so a slow node is never asked twice.
    """

    def __init__(
        self,
        node: NodeSettings,
        settings: ProbeSettings,
        layout: PairLayout,
        *,
        on_change: Callable[[], None],
        on_log: Callable[[LogLine], None],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._on_change = on_change
        self._clock = clock
        self._link = SshLink(node, self._on_status)
        self._assembly = NodeAssembly(settings, layout)
        self._logs = NodeLogs(settings.name, on_log)
        self._connection: SshConnection | None = None
        self._connected = asyncio.Event()
        self._silent = False
        self._asked_at: float | None = None
        self._noise = ""

    @property
    def state(self) -> NodeState:
        """What is known of the node now."""
        return self._assembly.state

    @property
    def utc_offset_s(self) -> int | None:
        """The node's zone in seconds east of UTC; None while it is not known."""
        return self._assembly.utc_offset_s

    @property
    def connection(self) -> SshConnection | None:
        """The live connection, None while there is none."""
        return self._connection

    async def run(self) -> None:
        """Connects, reads, and reconnects until it is cancelled."""
        async for connection in self._link.connections():
            self._connection = connection
            self._connected.set()
            try:
                await self._read(connection)
            except LinkError as error:
                self._link.lost(str(error))
            finally:
                self._connection = None
                self._connected.clear()
                self._silent = False
                self._asked_at = None

    async def forward(self, host: str, port: int, socket: str | None = None) -> Path:
        """A local unix socket to host:port (or to a socket) on the node; waits shortly for a connection.

        Raises:
            Unreachable: there is no connection to the node. LinkError: the forward was refused.
        """
        try:
            async with asyncio.timeout(_WAIT_FOR_CONNECTION_S):
                await self._connected.wait()
        except TimeoutError:
            raise Unreachable(f"no SSH connection to {self._settings.name}") from None
        connection = self._connection
        if connection is None:
            raise Unreachable(f"no SSH connection to {self._settings.name}")
        return await (connection.forward_socket(socket) if socket else connection.forward_tcp(host, port))

    async def _read(self, connection: SshConnection) -> None:
        while True:
            source = script(self._settings, self._logs.positions)
            process = await connection.open_process(command(source))
            try:
                process.stdin.write(source)
                self._logs.begin()
                self._noise = ""
                again = await self._follow(process)
            finally:
                process.close()
            if not again:
                said = process.describe_stderr() or self._noise or "the probe ended by itself"
                raise LinkLost(f"{self._settings.name} runs no probe: {said}")

    async def _follow(self, process: RemoteProcess) -> bool:
        """Until the channel ends; True when the script asked to be started again."""
        stream, again = ProbeStream(), False
        pacing = asyncio.ensure_future(self._pace(process))
        try:
            while data := await process.stdout.read():
                at = self._clock()
                for event in stream.feed(data):
                    again = again or isinstance(event, Again)
                    self._apply(event, at)
                if pacing.done():
                    pacing.result()
        finally:
            pacing.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkError):
                await pacing
        return again

    async def _pace(self, process: RemoteProcess) -> None:
        """Asks for a sample at each interval once the one before has come; says when the node is silent."""
        loop = asyncio.get_running_loop()
        started = due = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._asked_at = loop.time()
            with contextlib.suppress(OSError):
                process.stdin.write(b"\n")
            while self._asked_at is not None:
                waited = loop.time() - self._asked_at
                first = self._assembly.state.sampled_at is None or loop.time() - started < _FIRST_ANSWER_S
                if waited > (_FIRST_ANSWER_S if first else GIVEN_UP_AFTER_S):
                    self._link.lost(f"{self._settings.name} has not answered for {waited:.0f} s")
                    return
                if waited > SILENT_AFTER_S and not self._silent:
                    self._set_silent(True)
                await asyncio.sleep(min(0.05, self._settings.interval_s / 20))
            due = max(due + self._settings.interval_s, loop.time())

    def _apply(self, event: ProbeEvent, at: float) -> None:
        match event:
            case Hello():
                self._assembly.hello(event)
            case LogOpened() | LogText() | LogGap():
                self._logs.apply(event, at, self._assembly.log_clock(at))
            case Noise():
                self._noise = clean(event.text, 200).strip() or self._noise
            case Again():
                pass
            case Fresh() | Clock() | Output():
                before = _told_seldom(self._assembly.state)
                self._assembly.apply(event, at)
                self._flush_logs(at)
                # A confirmation of what is known need not be painted: the next sample carries its age.
                if _told_seldom(self._assembly.state) != before:
                    self._on_change()
            case Sample():
                self._assembly.apply(event, at)
                self._asked_at = None
                self._set_silent(False)
                self._flush_logs(at)
                self._on_change()

    def _flush_logs(self, at: float) -> None:
        if (clock := self._assembly.log_clock(at)) is not None:
            self._logs.flush(at, clock)

    def _set_silent(self, silent: bool) -> None:
        if silent != self._silent:
            self._silent = silent
            self._on_status(self._link.status)

    def _on_status(self, status: LinkStatus) -> None:
        link = Link(status.phase, status.since, _line(status.problem), status.latency_s, status.retry_at)
        if self._silent and link.phase == "up":
            link = Link(
                "silent", self._clock(), f"{self._settings.name} answers SSH but not the probe", status.latency_s
            )
        self._assembly.linked(link)
        self._on_change()


def _told_seldom(state: NodeState) -> tuple[object, ...]:
    readings = (state.heartbeat, state.services, state.space, state.gi, state.drbd)
    return (*((reading.value, reading.problem) for reading in readings), state.versions)


def _line(text: str | None) -> str | None:
    return clean(text, 300) if text else None

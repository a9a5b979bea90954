"""A link to Asterisk's manager interface that is kept up: log in, notice silence, back off, log in again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ccops.config import AmiSettings
from ccops.links import secrets
from ccops.links.ami_protocol import Events
from ccops.links.ami_session import AmiSession, EventsCallback
from ccops.links.backoff import Backoff
from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening
from ccops.links.status import LinkStatus, Phase, StatusCallback

__all__ = ["AmiLink", "AmiSession", "Dial", "Events", "EventsCallback"]

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]
"""Where to connect now: a forwarded unix socket, or host and port. May raise LinkError."""

OFF_RETRY_S = 2.0
SLOW_RETRY_S = 30.0
PING_AFTER_S = 2.0
SILENT_AFTER_S = 3.0
LOST_AFTER_S = 4.5
"""Seconds without a byte: then a ping is sent, silence is shown, the link is given up (a half-open one within 5 s)."""

_MEASURE_EVERY_S = 10.0
_TICK_S = 0.25


class AmiLink:
    """Keeps one AMI session up while `run()` runs; `session` is None while there is none."""

    def __init__(
        self,
        settings: AmiSettings,
        dial: Dial,
        on_status: StatusCallback,
        on_events: EventsCallback,
        on_connected: Callable[[AmiSession], Awaitable[None]] | None = None,
        wanted: frozenset[str] | None = None,
        *,
        allow_plain: bool | None = None,
        backoff: Backoff | None = None,
        off_retry_s: float = OFF_RETRY_S,
        slow_retry_s: float = SLOW_RETRY_S,
    ) -> None:
        """`on_events(events, received_at)` must not block: Asterisk throws out who does not read for 100 ms.

        `on_connected` runs beside the events, in a task of its own, after each log-in. `wanted` names the events to
        deliver. `allow_plain`: log in in clear where the server knows no MD5; by default only inside SSH.
        """
        self._settings = settings
        self._dial = dial
        self._on_status = on_status
        self._on_events = on_events
        self._on_connected = on_connected
        self._wanted = wanted
        self._allow_plain = settings.via == "ssh" if allow_plain is None else allow_plain
        self._backoff = backoff or Backoff()
        self._off_retry_s = off_retry_s
        self._slow_retry_s = slow_retry_s
        self.session: AmiSession | None = None
        self.status = LinkStatus("connecting", time.time())

    async def run(self) -> None:
        """Connect, serve, wait, for ever; ends by being cancelled, or by a fault in `on_connected`."""
        while True:
            if self.status.phase != "off":
                self._report("connecting", problem=self.status.problem)
            try:
                await self._serve()
            except NotListening as error:
                await self._wait("off", self._off_retry_s, str(error))
            except AuthenticationFailed as error:
                await self._wait("down", self._slow_retry_s, str(error))
            except LinkError as error:
                await self._wait("down", self._backoff.next_delay(), str(error))

    async def _serve(self) -> None:
        """One session from dialling to its end, which is always an exception."""
        secret = await secrets.resolve(self._settings.secret)
        address = await self._dial()
        session = AmiSession(self._on_events, self._wanted)
        began = time.monotonic()
        try:
            await session.open(address, self._settings.port)
            await session.log_in(self._settings.user, secret, allow_plain=self._allow_plain)
            self.session = session
            self._report("up")
            await self._attend(session)
        finally:
            self.session = None
            session.close()
            self._backoff.ended(time.monotonic() - began)

    async def _attend(self, session: AmiSession) -> None:
        tasks: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._beat(session))}
        if self._on_connected is not None:
            tasks.add(asyncio.ensure_future(self._on_connected(session)))
        waiting: set[asyncio.Future[Any]] = {session.lost, *tasks}
        try:
            while not session.lost.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done & tasks:
                    task.result()
            raise LinkLost(str(session.lost.result()))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self, session: AmiSession) -> None:
        """Ping when nothing comes, show silence, and give up before anybody waits for a dead link."""
        pinging: asyncio.Task[None] | None = None
        pinged_at = time.monotonic()
        try:
            while True:
                slept_at = time.monotonic()
                await asyncio.sleep(_TICK_S)
                now = time.monotonic()
                if now - slept_at > _TICK_S + 1.0:
                    continue  # we were held up ourselves: let what has come be read before judging
                self._judge(session)
                if session.lost.done():
                    return
                due = session.silent_s >= PING_AFTER_S or now - pinged_at >= _MEASURE_EVERY_S
                if due and (pinging is None or pinging.done()):
                    pinged_at = now
                    pinging = asyncio.ensure_future(self._measure(session))
        finally:
            if pinging is not None:
                pinging.cancel()

    def _judge(self, session: AmiSession) -> None:
        silent_s = session.silent_s
        if silent_s >= LOST_AFTER_S:
            session.fail(LinkLost(f"Asterisk has not answered for {silent_s:.1f} s (half-open connection)"))
        elif silent_s >= SILENT_AFTER_S:
            self._report("silent", problem=f"Asterisk has not answered for {SILENT_AFTER_S:g} s")
        elif self.status.phase == "silent":
            self._report("up", latency_s=session.latency_s)

    async def _measure(self, session: AmiSession) -> None:
        with contextlib.suppress(LinkError):  # what it means is judged by the silence, not by one ping
            await session.ping(timeout_s=_MEASURE_EVERY_S)
            self._report("up", latency_s=session.latency_s)

    async def _wait(self, phase: Phase, delay_s: float, problem: str) -> None:
        self._report(phase, problem=problem, retry_at=time.time() + delay_s)
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

"""Asterisk on one node: its events folded as they come, its lists read when the reference says that they must be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ccops.callcentre.fold import HANDLERS, fold_all, replay, tick
from ccops.callcentre.model import Centre
from ccops.callcentre.resync import actions_for, masked, resync, version_of_banner
from ccops.config import AmiSettings
from ccops.links.ami import AmiLink, AmiSession
from ccops.links.errors import LinkError, Refused
from ccops.links.status import LinkStatus
from ccops.pair.model import Link, LogLine, Reading
from ccops.watch.turning_points import TOLD, turning_point

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]
Event = Mapping[str, str]

_SOON_S = 1.0
_MASKED_EVERY_S = 3.0
_ENDPOINTS_EVERY_S = 15.0
_SAFETY_EVERY_S = 180.0
_BUFFER_LIMIT = 200_000
_RESPONSES = frozenset({"CoreSettings", "CoreStatus"})
_ENDPOINT_LISTS = frozenset({"SIPpeers", "PJSIPShowEndpoints", "IAXpeerlist"})


class CentreCollector:
    """Keeps `centre` true to the Asterisk on one node. A node without Asterisk is normal: its link is "off"."""

    def __init__(
        self,
        node: str,
        settings: AmiSettings,
        dial: Dial,
        *,
        on_change: Callable[[], None],
        on_log: Callable[[LogLine], None],
        utc_offset_s: Callable[[], int | None],
        clock: Callable[[], float],
    ) -> None:
        self._node = node
        self._on_change = on_change
        self._on_log = on_log
        self._utc_offset_s = utc_offset_s
        self._clock = clock
        self._centre = Centre()
        self._buffer: list[Event] | None = None
        self._heard_at: float | None = None
        self._mark = ""
        self.link = Link("connecting")
        self._ami = AmiLink(
            settings,
            dial,
            on_status=self._on_status,
            on_events=self._on_events,
            on_connected=self._on_connected,
            wanted=frozenset(HANDLERS) | TOLD,
        )

    def reading(self, now: float) -> Reading[Centre]:
        """The call centre, and when it was last known to be true."""
        if self._centre.synced_at is None:
            return Reading(None, self.link.problem or "not read yet", None)
        at = now if self.link.phase == "up" else self._heard_at
        return Reading(self._centre, self.link.problem, at)

    def reread(self, reason: str) -> None:
        """Has the lists read again within a second or so."""
        if self._centre.synced_at is not None:
            self._centre = replace(self._centre, needs_resync=self._centre.needs_resync or reason)

    async def run(self) -> None:
        """Connects, folds and re-reads until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ami.run())
            tasks.create_task(self._maintain())

    async def _maintain(self) -> None:
        read = polled = endpoints = 0.0
        while True:
            await asyncio.sleep(_SOON_S)
            session, now = self._ami.session, self._clock()
            if session is None or self.link.phase != "up" or self._buffer is not None:
                continue
            self._set(tick(self._centre, now))
            with contextlib.suppress(LinkError):
                if self._centre.needs_resync or self._centre.synced_at is None or now - read > _SAFETY_EVERY_S:
                    read = now
                    await self._read(session, self._lists(session))
                    endpoints = now
                elif now - polled > _MASKED_EVERY_S and masked(self._centre):
                    # A reason to read everything would have been seen above: this poll ends none.
                    polled = now
                    await self._read(session, ("QueueStatus",))
                elif now - endpoints > _ENDPOINTS_EVERY_S:
                    endpoints = now
                    lists = self._lists(session)
                    await self._read(session, [name for name in lists if name in _ENDPOINT_LISTS])

    async def _on_connected(self, session: AmiSession) -> None:
        self._heard_at = self._clock()
        await self._read(session, self._lists(session))

    async def _read(self, session: AmiSession, actions: Sequence[str]) -> None:
        """Reads lists; what happens meanwhile is kept back and folded over them."""
        self._buffer = []
        try:
            lists: dict[str, Sequence[Event]] = {}
            for name in actions:
                with contextlib.suppress(Refused):
                    if name in _RESPONSES:
                        lists[name] = [await session.action(name)]
                    else:
                        lists[name] = await session.list(name)
            at = self._clock()
            self._centre = resync(self._centre, lists, at, self._utc_offset_s())
            kept, self._buffer = self._buffer, None
            self._set(replay(self._centre, kept, at))
        finally:
            kept, self._buffer = self._buffer or [], None
            if kept:
                self._set(fold_all(self._centre, kept, self._clock()))
        self._tell_restart()

    def _on_events(self, events: Sequence[Event], at: float) -> None:
        self._heard_at = at
        for event in events:
            if event.get("event", "").lower() in TOLD and (line := turning_point(event, self._node, at)) is not None:
                self._on_log(line)
        if self._buffer is not None:
            self._buffer.extend(events)
            if len(self._buffer) > _BUFFER_LIMIT:
                self._buffer.clear()
                self._centre = Centre()
            return
        self._set(fold_all(self._centre, events, at))

    def _on_status(self, status: LinkStatus) -> None:
        link = Link(status.phase, status.since, status.problem, status.latency_s, status.retry_at)
        if link.phase != self.link.phase and "up" in (link.phase, self.link.phase):
            if link.phase == "up":
                line = LogLine(self._clock(), "ami", "Asterisk answers", self._node, "notice", "link")
            else:
                text = f"Asterisk no longer answers: {link.problem or link.phase}"
                line = LogLine(self._clock(), "ami", text, self._node, "warning", "link")
            self._on_log(line)
        self.link = link
        self._on_change()

    def _tell_restart(self) -> None:
        mark = self._centre.start_mark
        if mark and self._mark and mark != self._mark:
            text = f"Asterisk was started anew ({mark})"
            self._on_log(LogLine(self._clock(), "ami", text, self._node, "warning", "start"))
        self._mark = mark or self._mark

    def _set(self, centre: Centre) -> None:
        if centre is not self._centre and centre != self._centre:
            self._centre = centre
            self._on_change()

    def _lists(self, session: AmiSession) -> tuple[str, ...]:
        """What to ask this Asterisk for: by its version, else (it may know no CoreSettings) by its greeting."""
        version = self._centre.asterisk_version or version_of_banner(f"Asterisk Call Manager/{session.banner_version}")
        return tuple(name for name, _fields in actions_for(version))

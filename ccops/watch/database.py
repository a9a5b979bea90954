"""MySQL on one node: whether it answers, its version, and the names of the call-center module's agents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from ccops.config import MysqlSettings
from ccops.links.errors import LinkError
from ccops.links.mysql import MysqlLink
from ccops.links.status import LinkStatus
from ccops.pair.model import Link

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]

_EVERY_S = 5.0
_NAMES_EVERY = 12
_TIMEOUT_S = 4.0
_AGENTS = "SELECT type, number, name FROM call_center.agent WHERE estatus = 'A' LIMIT 5000"


class DatabaseCollector:
    """Asks MySQL on one node a little, seldom. A standby without MySQL is normal: its link is "off"."""

    def __init__(
        self, settings: MysqlSettings, dial: Dial, *, on_change: Callable[[], None], wanted: Callable[[], bool]
    ) -> None:
        self._on_change = on_change
        self._wanted = wanted
        self._settings, self._dial = settings, dial
        self._mysql: MysqlLink | None = None
        self.link = Link()
        self.version: str | None = None
        self.agent_names: Mapping[str, str] = {}

    async def run(self) -> None:
        """Asks until it is cancelled; never two questions at once."""
        turn = 0
        try:
            while True:
                if self._wanted():
                    self._mysql = self._mysql or MysqlLink(self._settings, self._dial, self._on_status)
                    await self._ask(self._mysql, names=turn % _NAMES_EVERY == 0)
                    turn += 1
                elif self._mysql is not None:
                    await self._close()
                    turn = 0
                await asyncio.sleep(_EVERY_S)
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._mysql is not None:
            # A closed link stays closed: the next one is another.
            mysql, self._mysql = self._mysql, None
            await mysql.close()
        self.link, self.version = Link("off"), None
        self._on_change()

    async def _ask(self, mysql: MysqlLink, *, names: bool) -> None:
        try:
            rows = await mysql.query("SELECT VERSION() AS version", timeout_s=_TIMEOUT_S)
            self.version = str(rows[0]["version"]) if rows else None
            if names:
                self.agent_names = await self._read_names(mysql)
            self._on_change()
        except LinkError:
            self.version = None

    async def _read_names(self, mysql: MysqlLink) -> Mapping[str, str]:
        try:
            rows = await mysql.query(_AGENTS, timeout_s=_TIMEOUT_S)
        except LinkError:
            return self.agent_names  # no call-center module, or no right to read it: names stay Asterisk's
        return {f"{row['type']}/{row['number']}": str(row["name"]) for row in rows if row["name"]}

    def _on_status(self, status: LinkStatus) -> None:
        self.link = Link(status.phase, status.since, status.problem, status.latency_s, status.retry_at)
        self._on_change()

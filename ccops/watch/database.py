"""MySQL on one node: whether it answers, its version, the names of the call-center module's agents, its last rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from ccops.config import MysqlSettings
from ccops.links.errors import LinkError, TimedOut
from ccops.links.mysql import MysqlLink
from ccops.links.status import LinkStatus
from ccops.pair.model import Link, Reading
from ccops.triage.finding import Traces

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]

_EVERY_S = 5.0
_NAMES_EVERY = 12
_TIMEOUT_S = 4.0
_AGENTS = "SELECT type, number, name FROM call_center.agent WHERE estatus = 'A' LIMIT 5000"

# When the last row was written, as cheaply as the schemas allow: FreePBX and Elastix index calldate (a call's begin;
# its row is written at its end, and the last one to begin is not the last to end); the call-center module's tables have
# no index on dates everywhere, but rows are added in the order of their ids.
_LAST_CDR = (
    "SELECT MAX(UNIX_TIMESTAMP(calldate) + duration) AS last_at FROM"
    " (SELECT calldate, duration FROM asteriskcdrdb.cdr ORDER BY calldate DESC LIMIT 200) AS newest"
)
_LAST_CALL = (
    "SELECT MAX(UNIX_TIMESTAMP(datetime_entry_queue)) AS last_at FROM"
    " (SELECT datetime_entry_queue FROM call_center.call_entry ORDER BY id DESC LIMIT 20) AS newest"
)
# Older modules do not have it; it also has the outgoing calls.
_LAST_PROGRESS = (
    "SELECT MAX(UNIX_TIMESTAMP(datetime_entry)) AS last_at FROM"
    " (SELECT datetime_entry FROM call_center.call_progress_log ORDER BY id DESC LIMIT 20) AS newest"
)


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
        self._too_slow: set[str] = set()
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

    async def last_rows(self, skew_s: float = 0.0) -> Traces:
        """When the last call detail record and the last row of the call-center module were written, or why not known.

        `skew_s`: the node's clock minus the jump host's, subtracted. Asked on demand; never raises LinkError.
        """
        cdr = await self._last_row(_LAST_CDR, skew_s)
        calls = await self._last_row(_LAST_CALL, skew_s)
        progress = await self._last_row(_LAST_PROGRESS, skew_s)
        if progress.value is not None and progress.value > (calls.value or 0.0):
            calls = progress
        return Traces(cdr=cdr, calls=calls)

    async def _last_row(self, sql: str, skew_s: float) -> Reading[float]:
        mysql, now = self._mysql, time.time()
        if mysql is None or not self._wanted():
            return Reading(None, "MySQL does not run there", now)
        if sql in self._too_slow:
            return Reading(None, f"the table is too slow to ask (no answer within {_TIMEOUT_S:g} s)", now)
        was_up = self.link.phase == "up"
        try:
            rows = await mysql.query(sql, timeout_s=_TIMEOUT_S)
        except LinkError as error:
            # The server may still be searching: asking again would only have it search twice.
            if isinstance(error, TimedOut) and was_up:
                self._too_slow.add(sql)
            return Reading(None, str(error), now)
        except RuntimeError:  # the link was closed while this waited for its turn
            return Reading(None, "MySQL does not run there any more", now)
        at = rows[0].get("last_at") if rows else None
        return Reading(float(at) - skew_s, None, now) if at else Reading(None, "no row", now)

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

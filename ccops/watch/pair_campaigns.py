"""Campaigns, sessions and breaks of a live pair, from the MySQL of the node that serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from ccops.callcentre.board import board
from ccops.callcentre.campaigns import Campaign, CampaignCall, Progress
from ccops.callcentre.periods import whole_days
from ccops.config import MysqlSettings
from ccops.links.errors import LinkError
from ccops.links.mysql import MysqlLink
from ccops.text import clean
from ccops.watch.archive import Standing, Unanswered
from ccops.watch.audit_tail import MOST_ROWS, AuditTail
from ccops.watch.campaign_source import Attendance, Overview
from ccops.watch.campaign_tables import MOST_CAMPAIGNS, CampaignTables
from ccops.watch.module_schema import NoModule
from ccops.watch.pair_archive import Dial

T = TypeVar("T")

# A connection that nobody needed for so long is ended.
_IDLE_S = 45.0


class PairCampaigns:
    """Asks the node that serves over one connection, which ends when nobody has asked for a while."""

    def __init__(
        self,
        settings: MysqlSettings | None,
        dials: Mapping[str, Dial],
        standing: Callable[[], Standing],
    ) -> None:
        self._settings = settings
        self._dials = dials
        self._standing = standing
        self._turn = asyncio.Lock()
        self._node = ""
        self._link: MysqlLink | None = None
        self._tables: CampaignTables | None = None
        self._tail = AuditTail()
        self._first: tuple[str, float, int] | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def standing(self) -> Standing:
        """Where and when is asked now. Raises Unanswered."""
        return self._standing()

    async def overview(self) -> Overview:
        """The campaigns, and the agents on their calls. Raises Unanswered."""

        async def read(tables: CampaignTables, standing: Standing) -> Overview:
            found = await tables.campaigns()
            problems = []
            if len(found) >= MOST_CAMPAIGNS:
                problems.append(f"more than {MOST_CAMPAIGNS} campaigns of a kind: the oldest are left out")
            if not tables.schema.has("call_entry", "id_campaign"):
                problems.append("this module's calls do not tell of which incoming campaign they are")
            return Overview(standing, found, await tables.links(standing.started_at), tuple(problems))

        return await self._ask(read)

    async def progress(self, campaign: Campaign) -> Progress:
        """Of an outgoing campaign. Raises Unanswered."""
        return await self._ask(lambda tables, standing: tables.progress(campaign, standing.started_at))

    async def today(self) -> Mapping[str, Progress]:
        """Of the incoming campaigns. Raises Unanswered."""

        async def read(tables: CampaignTables, standing: Standing) -> Mapping[str, Progress]:
            midnight = _midnight(standing)
            if self._first is None or self._first[:2] != (standing.node, midnight):
                self._first = (standing.node, midnight, await tables.first_call_of(midnight))
            return await tables.today(self._first[2], midnight, standing.started_at)

        return await self._ask(read)

    async def calls(self, campaign: Campaign) -> tuple[CampaignCall, ...]:
        """The last ones of a campaign. Raises Unanswered."""
        return await self._ask(lambda tables, standing: tables.calls(campaign, standing.started_at))

    async def attendance(self) -> Attendance:
        """Sessions and breaks of today. Raises Unanswered."""

        async def read(tables: CampaignTables, standing: Standing) -> Attendance:
            if not tables.schema.has("audit"):
                raise NoModule("MySQL shows no table call_center.audit: no right to read it")
            midnight = _midnight(standing)
            assert self._link is not None
            rows = await self._tail.read(self._link.query, tables.schema, standing.node, midnight, standing.now)
            found = board(rows, midnight, standing.now, standing.started_at)
            problems = []
            if self._tail.cut:
                problems.append(f"more than {MOST_ROWS:,} sessions and breaks: some are left out")
            if found.strange:
                problems.append(f"{found.strange} rows of audit cannot be used")
            if found.forgotten:
                problems.append(f"{found.forgotten} rows of audit were never closed, from more than a week ago")
            return Attendance(standing, found, await tables.breaks(), tuple(problems))

        return await self._ask(read)

    async def close(self) -> None:
        """Ends the connection."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        link, self._link, self._tables = self._link, None, None
        if link is not None:
            await link.close()
        for task in tuple(self._closing):
            await task

    async def _ask(self, read: Callable[[CampaignTables, Standing], Awaitable[T]]) -> T:
        async with self._turn:
            standing = self._standing()
            try:
                return await read(await self._opened(standing.node), standing)
            except NoModule as error:
                await self._drop()
                raise Unanswered(str(error)) from None
            except LinkError as error:
                # Whatever answers next may be another server: its tables are looked at again.
                self._tables = None
                raise Unanswered(f"the call-center module cannot be read: {clean(str(error), 200)}") from None
            finally:
                self._end_later()

    async def _opened(self, node: str) -> CampaignTables:
        dial = self._dials.get(node)
        if self._settings is None or dial is None:
            raise Unanswered("no MySQL user is set for this pair: add [pairs.NAME.mysql] to the settings")
        if node != self._node:
            await self._drop()
            self._tail, self._first = AuditTail(), None
        self._node = node
        if self._link is None:
            self._link = MysqlLink(self._settings, dial, lambda status: None)
        if self._tables is None:
            self._tables = await CampaignTables.of(self._link.query)
        return self._tables

    async def _drop(self) -> None:
        link, self._link, self._tables = self._link, None, None
        if link is not None:
            await link.close()

    def _end_later(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(_IDLE_S, self._end)

    def _end(self) -> None:
        self._ending = None
        if self._turn.locked():
            self._end_later()
            return
        task = asyncio.get_running_loop().create_task(self._drop())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _midnight(standing: Standing) -> float:
    return whole_days(standing.today, standing.today, standing.utc_offset_s).start

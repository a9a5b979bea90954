"""The past of a live pair's call centre, from the node that serves: its MySQL, or queue_log over SSH."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from ccops.callcentre.call_details import add_details
from ccops.callcentre.periods import Period
from ccops.callcentre.records import Records
from ccops.config import MysqlSettings
from ccops.links.errors import LinkError
from ccops.links.mysql import MysqlLink
from ccops.text import clean
from ccops.watch.archive import Source, Standing, Unanswered
from ccops.watch.module_tables import NoModule, read_details, read_module
from ccops.watch.queue_log_days import NoQueueLog, read_queue_log
from ccops.watch.snapshot import Snapshot
from ccops.watch.traces_script import Runner

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]


class Node(Protocol):
    """What is needed of a node's collector."""

    @property
    def connection(self) -> Runner | None:
        """The live connection, None while there is none."""
        ...

    @property
    def utc_offset_s(self) -> int | None:
        """The node's zone."""
        ...


class PairArchive:
    """Asks the node that serves. `dials` leads to each node's MySQL, where the settings have one."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        settings: MysqlSettings | None,
        dials: Mapping[str, Dial],
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._nodes = nodes
        self._settings = settings
        self._dials = dials
        self._snapshot = snapshot
        self._clock = clock
        self._turn = asyncio.Lock()

    def standing(self) -> Standing:
        """Where and when is asked now. Raises Unanswered."""
        snapshot = self._snapshot()
        name = snapshot.serving
        if name is None:
            raise Unanswered("no single node is seen to serve: `ccops status` says how the pair is")
        offset = self._nodes[name].utc_offset_s
        if offset is None:
            raise Unanswered(f"the zone of {name} is not known yet: try again")
        centre = snapshot.centre.value if snapshot.centre_node == name else None
        queues = centre.queues.values() if centre else ()
        return Standing(
            node=name,
            now=self._clock() + (snapshot.pair.node(name).clock_skew_s or 0.0),
            utc_offset_s=offset,
            started_at=centre.started_at if centre else None,
            levels={queue.name: float(queue.service_level_s) for queue in queues if queue.service_level_s},
        )

    async def read(self, period: Period, source: Source = "auto") -> Records:
        """The calls and log-ins of a period; `auto` is queue_log where the module tells nothing. Raises Unanswered."""
        async with self._turn:
            standing = self.standing()
            if source == "log":
                return await self._log(standing, period)
            try:
                found = await self._module(standing, period)
            except Unanswered as error:
                if source == "module":
                    raise
                why = str(error)
            else:
                if source == "module" or found.calls or found.presences:
                    return found
                why = "the call-center module has no calls of these days"
            try:
                records = await self._log(standing, period)
            except Unanswered as error:
                raise Unanswered(f"{why}; {error}") from None
            # Without settings for MySQL nobody expects its tables.
            note = () if self._settings is None else (f"from queue_log: {why}",)
            return replace(records, problems=(*note, *records.problems))

    async def _module(self, standing: Standing, period: Period) -> Records:
        dial = self._dials.get(standing.node)
        if self._settings is None or dial is None:
            raise Unanswered("no MySQL user is set for this pair: add [pairs.NAME.mysql] to the settings")
        mysql = MysqlLink(self._settings, dial, lambda status: None)
        try:
            return await read_module(mysql.query, period)
        except NoModule as error:
            raise Unanswered(str(error)) from None
        except LinkError as error:
            raise Unanswered(f"the call-center module cannot be read: {clean(str(error), 200)}") from None
        finally:
            await mysql.close()

    async def _log(self, standing: Standing, period: Period) -> Records:
        snapshot, runner = self._snapshot(), self._nodes[standing.node].connection
        if runner is None:
            raise Unanswered(f"there is no connection to {standing.node}")
        try:
            found = await read_queue_log(runner, snapshot.pair.layout, period, standing.now, _names(snapshot))
        except NoQueueLog as error:
            raise Unanswered(f"{error} on {standing.node}") from None
        except LinkError as error:
            raise Unanswered(f"queue_log cannot be read: {clean(str(error), 200)}") from None

        return await self._detailed(standing, period, found)

    async def _detailed(self, standing: Standing, period: Period, found: Records) -> Records:
        """With what the call detail records know beside, where they can be had: the figures do not need them."""
        dial = self._dials.get(standing.node)
        if self._settings is None or dial is None or not found.calls:
            return found
        mysql = MysqlLink(self._settings, dial, lambda status: None)
        try:
            return add_details(found, await read_details(mysql.query, period))
        except LinkError:
            return found
        finally:
            await mysql.close()


def _names(snapshot: Snapshot) -> Mapping[str, str]:
    """The agents' names by interface: Asterisk's, and over them the module's."""
    queues = snapshot.centre.value.queues.values() if snapshot.centre.value else ()
    members = {m.interface: m.name for queue in queues for m in queue.members.values() if m.name}
    return {**members, **snapshot.agent_names}

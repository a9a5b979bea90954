"""A live pair: both nodes, their Asterisk and MySQL, joined into snapshots."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from ccops.callcentre.limits import Episodes, exceeded
from ccops.callcentre.lines import lines
from ccops.callcentre.model import Centre
from ccops.config import AmiSettings, MysqlSettings, NodeSettings, PairSettings
from ccops.pair.model import LogLine, PairState, Reading
from ccops.triage.lint import lint
from ccops.watch.centre import CentreCollector
from ccops.watch.configuration import ConfigurationCollector
from ccops.watch.database import DatabaseCollector
from ccops.watch.joining import Joiner, changes_told
from ccops.watch.layout import layout_of
from ccops.watch.node import NodeCollector
from ccops.watch.pair_archive import PairArchive
from ccops.watch.pair_campaigns import PairCampaigns
from ccops.watch.probe import ProbeSettings
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store
from ccops.watch.traces import TracesCollector, merge

Address = Path | tuple[str, int]

# Events come in bursts: what changes within this time is published together.
_GATHER_S = 0.02
_TICK_S = 1.0
_CENTRE_UNKNOWN_AFTER_S = 15.0


class PairWatch:
    """Watches one pair; `store` (a new one, or the one given) has the newest snapshot and the time line."""

    def __init__(
        self, name: str, settings: PairSettings, *, store: Store | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._layout = layout_of(name, settings)
        self._joiner = Joiner(self._layout, settings.interval, settings.thresholds)
        self._tasks: list[asyncio.Task[None]] = []
        self._due: asyncio.TimerHandle | None = None
        self._episodes = Episodes()
        self._nodes = tuple(self._node_collector(node) for node in settings.nodes)
        self._centres = {
            node.name: self._centre(i, node, settings.ami) for i, node in enumerate(settings.nodes) if settings.ami
        }
        self._databases = {
            node.name: self._database(i, node, settings.mysql)
            for i, node in enumerate(settings.nodes)
            if settings.mysql
        }
        self._traces = {
            node.name: self._traces_collector(collector, node.name)
            for collector, node in zip(self._nodes, settings.nodes, strict=True)
        }
        salt = secrets.token_hex(8)
        self._configurations = tuple(
            ConfigurationCollector(self._layout, lambda c=c: c.connection, salt=salt, on_change=self._configured)  # type: ignore[misc]
            for c in self._nodes
        )
        self.store = store or Store(self._snapshot(0))
        self.store.reread = self._reread
        dials = {
            node.name: self._dial(i, node, settings.mysql) for i, node in enumerate(settings.nodes) if settings.mysql
        }
        archive = PairArchive(
            {node.name: collector for node, collector in zip(settings.nodes, self._nodes, strict=True)},
            settings.mysql,
            dials,
            lambda: self.store.snapshot,
            clock=clock,
        )
        self.store.archive = archive
        self._campaigns = PairCampaigns(settings.mysql, dials, archive.standing)
        self.store.campaigns = self._campaigns

    async def start(self) -> None:
        """Begins to watch; returns at once."""
        loop = asyncio.get_running_loop()
        runs = [c.run for c in self._nodes] + [c.run for c in self._centres.values()]
        runs += [c.run for c in self._databases.values()] + [c.run for c in self._traces.values()]
        runs += [c.run for c in self._configurations]
        self._tasks = [loop.create_task(self._run(run)) for run in runs]
        self._tasks.append(loop.create_task(self._tick()))

    async def stop(self) -> None:
        """Ends all collectors and their connections."""
        if self._due is not None:
            self._due.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._campaigns.close()

    async def _run(self, run: Callable[[], Awaitable[None]]) -> None:
        """One collector's failure stays its own: it is told, and the collector begins again."""
        while True:
            try:
                await run()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                text = f"a collector failed and begins again: {type(error).__name__}"
                self._log(LogLine(self._clock(), "ccops", text, None, "error", "collector"))
            await asyncio.sleep(_TICK_S)

    async def _tick(self) -> None:
        """Ages must be seen to grow even when nothing comes."""
        while True:
            await asyncio.sleep(_TICK_S)
            if self._clock() - self.store.snapshot.at >= _TICK_S * 0.9:
                self._publish()

    def _node_collector(self, node: NodeSettings) -> NodeCollector:
        first, second = self._settings.nodes
        probe = ProbeSettings(
            name=node.name,
            peer=second.name if node is first else first.name,
            resource=self._settings.resource,
            minor=self._settings.minor,
            mount=self._settings.mount,
            device=self._settings.device,
            services=self._settings.services,
            ha_log=self._settings.ha_log,
            kernel_log=self._settings.kernel_log,
            sudo=self._settings.sudo,
            interval_s=self._settings.interval,
        )
        return NodeCollector(node, probe, self._layout, on_change=self._changed, on_log=self._log, clock=self._clock)

    def _centre(self, index: int, node: NodeSettings, ami: AmiSettings) -> CentreCollector:
        collector = self._nodes[index]

        async def dial() -> Path | tuple[str, int]:
            if ami.via == "direct":
                return ami.direct_hosts.get(node.name, _host(node)), ami.port
            return await collector.forward(ami.host, ami.port)

        return CentreCollector(
            node.name,
            ami,
            dial,
            on_change=self._changed,
            on_log=self._log,
            utc_offset_s=lambda: collector.utc_offset_s,
            clock=self._clock,
        )

    def _database(self, index: int, node: NodeSettings, mysql: MysqlSettings) -> DatabaseCollector:
        collector = self._nodes[index]

        def wanted() -> bool:
            services = collector.state.services.value or {}
            return any(services.get(name) == "running" for name in services if name.startswith(("mysql", "mariadb")))

        dial = self._dial(index, node, mysql)
        return DatabaseCollector(mysql, dial, on_change=self._changed, wanted=wanted)

    def _dial(self, index: int, node: NodeSettings, mysql: MysqlSettings) -> Callable[[], Awaitable[Address]]:
        """What leads to the MySQL on a node."""
        collector = self._nodes[index]

        async def dial() -> Address:
            if mysql.via == "direct":
                return mysql.direct_hosts.get(node.name, _host(node)), mysql.port
            return await collector.forward(mysql.host, mysql.port, mysql.socket)

        return dial

    def _traces_collector(self, node: NodeCollector, name: str) -> TracesCollector:
        database = self._databases.get(name)
        return TracesCollector(
            self._layout,
            lambda: node.connection,
            wanted=lambda: self.store.snapshot.divergence is not None,
            on_change=self._changed,
            skew_s=lambda: node.state.clock_skew_s,
            in_tables=database.last_rows if database else None,
            clock=self._clock,
        )

    def _configured(self) -> None:
        """A configuration was read: when both are known they are examined together."""
        first, second = (c.configuration for c in self._configurations)
        if first is not None and second is not None:
            self._joiner.examined(lint((first, second), self._layout))
        self._changed()

    def _reread(self, reason: str) -> None:
        for collector in self._centres.values():
            collector.reread(reason)

    def _log(self, line: LogLine) -> None:
        self.store.timeline.append(line)
        self._joiner.logged(line)
        self._changed()

    def _changed(self) -> None:
        """Something is new: publish soon, with whatever else comes until then."""
        if self._due is None:
            with contextlib.suppress(RuntimeError):
                self._due = asyncio.get_running_loop().call_later(_GATHER_S, self._publish)

    def _publish(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        before = self.store.snapshot
        snapshot = self._snapshot(self.store.timeline.end)
        for line in (*changes_told(before, snapshot), *self._limits_told(snapshot)):
            self.store.timeline.append(line)
        self.store.publish(replace(snapshot, timeline_end=self.store.timeline.end))

    def _limits_told(self, snapshot: Snapshot) -> Iterator[LogLine]:
        """When a queue went beyond a limit, and when it was back for good."""
        if snapshot.centre.value is None:
            return
        began, ended = self._episodes.heard(snapshot.exceeded, snapshot.at)
        for queue, excess in began:
            yield LogLine(snapshot.at, "ccops", f"queue {queue}: {excess}", snapshot.centre_node, "warning", "limit")
        for queue, what, lasted_s in ended:
            text = f"queue {queue}: {what.replace('_', ' ')} within its limit again, after {lasted_s:.0f} s"
            yield LogLine(snapshot.at, "ccops", text, snapshot.centre_node, "notice", "limit")

    def _snapshot(self, timeline_end: int) -> Snapshot:
        now = self._clock()
        first, second = self._nodes
        self._joiner.traces = {name: merge(c.traces, None, self._channels(name)) for name, c in self._traces.items()}
        judged = self._joiner.join(PairState(self._layout, (first.state, second.state), now), now)
        node = self._centre_node(judged.serving)
        centre = self._centre_reading(node, now)
        links = {f"ami:{name}": collector.link for name, collector in self._centres.items()}
        links |= {f"mysql:{name}": collector.link for name, collector in self._databases.items()}
        return Snapshot(
            at=now,
            pair=judged.pair,
            verdict=judged.verdict,
            findings=judged.findings,
            divergence=judged.divergence,
            serving=judged.serving,
            serving_since=judged.serving_since,
            centre=centre,
            centre_node=node,
            lines=lines(centre.value, self._settings.trunks) if centre.value else (),
            links=links,
            sync_history=judged.sync_history,
            examined=self._joiner.configuration is not None,
            timeline_end=timeline_end,
            interval_s=self._settings.interval,
            exceeded=exceeded(centre.value, self._settings.queues, now) if centre.value else {},
            agent_names={key: name for d in self._databases.values() for key, name in d.agent_names.items()},
        )

    def _channels(self, name: str) -> Reading[int]:
        """How many channels are up on that node: none where its Asterisk is known not to run."""
        states = self._nodes[self._layout.nodes.index(name)].state.services.value or {}
        if states.get("asterisk") in ("stopped", "failed"):
            return Reading(0, None, self._clock())
        collector = self._centres.get(name)
        if collector is None:
            return Reading(None, "no AMI user is set")
        reading = collector.reading(self._clock())
        count = None if reading.value is None else len(reading.value.channels)
        return Reading(count, reading.problem, reading.taken_at)

    def _centre_reading(self, node: str | None, now: float) -> Reading[Centre]:
        if node is None:
            return Reading(None, "no AMI user is set for this pair: see `ccops init`")
        reading = self._centres[node].reading(now)
        if (
            reading.value is not None
            and reading.taken_at is not None
            and now - reading.taken_at > _CENTRE_UNKNOWN_AFTER_S
        ):
            problem = reading.problem or "no word from Asterisk"
            return Reading(None, f"{problem} (for {now - reading.taken_at:.0f} s)", reading.taken_at)
        return reading

    def _centre_node(self, serving: str | None) -> str | None:
        """The node whose Asterisk is shown: the one that serves, else the one that answers."""
        if serving in self._centres:
            return serving
        up = [name for name, collector in self._centres.items() if collector.link.phase == "up"]
        return next(iter(up or self._centres), None)


def _host(node: NodeSettings) -> str:
    return node.ssh.rpartition("@")[2].rpartition(":")[0] or node.ssh.rpartition("@")[2]

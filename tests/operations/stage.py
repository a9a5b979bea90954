"""A simulated pair without sockets and without waiting: what the executor's hands do to it, and what its eyes see.

Everything that a fault can do is done here: a node that cannot be reached from here, one that is frozen, one without
current, a command that lies, another console that has the lock.
"""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ccops.callcentre.model import Centre
from ccops.config import AmiSettings, NodeSettings, PairSettings, SecretRef
from ccops.demo.answer import Answer
from ccops.demo.commands import act
from ccops.demo.heartbeat import DEADTIME_S
from ccops.demo.machine import ADDRESS, HA_LOG, KERNEL_LOG, NAMES
from ccops.demo.pair import SimulatedPair
from ccops.demo.replica import print_proc
from ccops.links.errors import LinkLost, TimedOut, Unreachable
from ccops.links.process import Completed
from ccops.operations.audit import Audit
from ccops.operations.executor import Executor
from ccops.operations.permission import Authority
from ccops.operations.plan import Busy, Plan, Progress, Report, Request
from ccops.pair.clock import LogClock
from ccops.pair.drbd import parse_proc_drbd
from ccops.pair.halog import parse_ha_log
from ccops.pair.kernel import parse_kernel_log
from ccops.pair.model import (
    Address,
    GenerationIds,
    Heartbeat,
    Link,
    Mount,
    NodeState,
    PairState,
    Reading,
    Space,
)
from ccops.watch.joining import Joiner
from ccops.watch.layout import layout_of
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store

TICK_S = 0.5
_SERVICE = {"active": "running", "inactive": "stopped", "activating": "starting", "deactivating": "stopping"}
_DRBD = (
    "resource data { net { cram-hmac-alg sha1; } syncer { rate 10M; %s } device /dev/drbd1; disk /dev/vdb1; "
    "meta-disk /dev/vdb2[0]; on elaxtix-voip { address 192.168.27.121:7789; } "
    "on elaxtix-voip-2 { address 192.168.27.122:7789; } }\n"
)


def settings(**changes: Any) -> PairSettings:
    """The pair's settings."""
    nodes = (NodeSettings(NAMES[0], "root@one"), NodeSettings(NAMES[1], "root@two"))
    made = PairSettings(
        nodes=nodes,
        address=ADDRESS,
        services={"asterisk": "asterisk", "mysqld": "mariadb"},
        ami=AmiSettings("ccops", SecretRef(env="NONE")),
    )
    return replace(made, **changes)


class Stage:
    """`pair` is the simulation; `executor` acts on it. `survey` is what is read live, by node, to be changed by tests.

    `reach[n]` is "ok", "cut" (connections are refused and lost) or "frozen" (nothing is answered).
    """

    def __init__(self, folder: Path, pair_settings: PairSettings | None = None, **simulated: Any) -> None:
        self.settings = pair_settings or settings()
        self.pair = SimulatedPair(seed=3, size=simulated.pop("size", 1 << 17), **simulated)
        self.layout = layout_of("demo", self.settings)
        self.joiner = Joiner(self.layout, self.settings.interval, self.settings.thresholds)
        self.epoch = self.pair.schedule.wall()
        self.reach = ["ok", "ok"]
        self.survey: list[dict[str, tuple[str, int]]] = [_survey(), _survey()]
        self.lies: dict[str, Answer] = {}
        self.sent: list[tuple[str, str]] = []
        self.saved: list[str] = []
        self.starts = [0, 0]
        self.other_console: str | None = None
        self.broken: list[str] = []
        self.deaf = [False, False]
        self._ticks = 0
        self._pids: list[int | None] = [None, None]
        self._read: list[dict[str, int]] = [{}, {}]
        self._states: list[NodeState] = [NodeState(name, Link("up", self.epoch)) for name in NAMES]
        self._lost_at: list[float | None] = [None, None]
        self._ticking: asyncio.Task[None] | None = None
        self.store = Store(self._first())
        self.authority = Authority(self.settings, self.clock)
        self.audit = Audit(folder / "audit.jsonl", self.clock)
        self.executor = self.console()

    def console(self) -> Executor:
        """Another console on the same pair, with the same audit log."""
        self.locks: list[Lock] = getattr(self, "locks", [])
        return Executor(
            "demo",
            self.settings,
            self.store,
            self.authority,
            self.audit,
            clock=self.clock,
            hands=Hands(self),  # type: ignore[arg-type]
            make_lock=lambda hands, resource, holder: Lock(self, holder),  # type: ignore[arg-type,return-value]
        )

    def clock(self) -> float:
        """Simulated seconds since the epoch."""
        return self.epoch + self.pair.schedule.now

    async def __aenter__(self) -> Stage:
        self.authority.arm()
        self._ticking = asyncio.create_task(self._tick())
        await asyncio.sleep(3.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()

    async def operate(
        self, request: Request, on_progress: Callable[[Progress], None] = lambda progress: None
    ) -> Report:
        """Prepares and runs it; Refused is raised as the executor raises it."""
        plan = await self.executor.prepare(request)
        return await self.executor.run(plan, on_progress)

    async def wait(self, seconds: float) -> None:
        """Lets simulated time pass."""
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], bool], limit_s: float = 600.0) -> None:
        """Waits until it holds."""
        async with asyncio.timeout(limit_s):
            while not holds():
                await asyncio.sleep(TICK_S)

    @property
    def now(self) -> Snapshot:
        """What is seen."""
        return self.store.snapshot

    # What is seen

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.pair.step(TICK_S)
            self.broken += self.pair.check()
            # A log's line is here at once, a state with the next sample.
            self._ticks += 1
            self._publish(sample=self._ticks % 2 == 0)

    def _first(self) -> Snapshot:
        for n in (0, 1):
            self._states[n] = self._observe(n)
        return self._snapshot()

    def _publish(self, sample: bool) -> None:
        changed = False
        for n in (0, 1):
            before = self._states[n]
            if self.reach[n] == "ok" and self.pair.machines[n].alive:
                self._lost_at[n] = None
                after = self._observe(n) if sample or before.link.phase != "up" else before
                changed |= _content(after) != _content(before)
            else:
                after = self._unseen(n, before)
                changed |= after.link.phase != before.link.phase
            self._states[n] = after
            changed |= self._follow_logs(n)
        self.store.publish(self._snapshot() if changed else self._confirmed())

    def _unseen(self, n: int, before: NodeState) -> NodeState:
        now = self.clock()
        self._lost_at[n] = lost = self._lost_at[n] if self._lost_at[n] is not None else now
        hangs = self.reach[n] == "frozen" or self.pair.machines[n].frozen
        phase = "silent" if hangs and now - lost < 12 else "down"
        return replace(before, link=Link(phase, lost, f"{before.name} does not answer"))

    def _observe(self, n: int) -> NodeState:
        machine, side, now = self.pair.machines[n], self.pair.drbd.sides[n], self.clock()
        member = self.pair.heartbeat.members[n]
        peer = NAMES[1 - n]
        addresses = [Address("eth0", f"192.168.27.12{n + 1}", 24)]
        if machine.address:
            addresses.append(Address("eth0", ADDRESS, 24))
        mounts = (Mount("/dev/drbd1", "/data", "ext3", read_only=machine.read_only),) if machine.mounted else ()
        runs = member.phase != "stopped"
        beats = Heartbeat(
            running=runs,
            version="3.0.6",
            resources=self.pair.heartbeat.share(n) if runs else None,
            nodes={NAMES[n]: "active", peer: "dead" if self.deaf[n] else member.peer} if runs else {},
            links={"eth0": "up" if member.link else "dead"} if runs else {},
        )
        if machine.pids.get("asterisk") != self._pids[n]:
            self._pids[n] = machine.pids.get("asterisk")
            self.starts[n] += 1
        return NodeState(
            machine.name,
            Link("up", self.epoch),
            sampled_at=now,
            clock_skew_s=machine.skew,
            uptime_s=machine.uptime(),
            load=(0.1, 0.1, 0.1),
            drbd=Reading(parse_proc_drbd(print_proc(side, machine.wall())), None, now),
            gi=Reading(_identifiers(side), None, now),
            heartbeat=Reading(beats, None, now),
            addresses=Reading(tuple(addresses), None, now),
            mounts=Reading(mounts, None, now),
            space=Reading(Space(4_000_000, 100_000, 3_900_000), None, now),
            services=Reading({k: _SERVICE.get(v, "failed") for k, v in machine.services.items()}, None, now),
            versions={"drbd": "8.4.11", "heartbeat": "3.0.6", "asterisk": "16.28.0"},
            processors=2,
        )

    def _follow_logs(self, n: int) -> bool:
        if self.reach[n] != "ok" or not self.pair.machines[n].alive:
            return False
        machine = self.pair.machines[n]
        clock, new = LogClock(self.clock(), 0, machine.skew), False
        for path, parse in ((HA_LOG, parse_ha_log), (KERNEL_LOG, parse_kernel_log)):
            lines = machine.unwritten[path]
            for line in parse("\n".join(lines), machine.name, clock) if lines else ():
                self.store.timeline.append(line)
                self.joiner.logged(line)
                new = True
            lines.clear()
        return new

    def _snapshot(self) -> Snapshot:
        now = self.clock()
        judged = self.joiner.join(PairState(self.layout, (self._states[0], self._states[1]), now), now)
        links = {f"ami:{NAMES[n]}": Link("up" if self._answers(n) else "off") for n in (0, 1)}
        there = [n for n in (0, 1) if self._answers(n)]
        node = judged.serving or (NAMES[there[0]] if there else None)
        centre = Centre(start_mark=f"start {self.starts[NAMES.index(node)]}") if node else None
        return Snapshot(
            at=now,
            pair=judged.pair,
            verdict=judged.verdict,
            findings=judged.findings,
            divergence=judged.divergence,
            serving=judged.serving,
            centre=Reading(centre, None if centre else "nobody serves", now),
            centre_node=node,
            links=links,
            timeline_end=self.store.timeline.end if hasattr(self, "store") else 0,
        )

    def _confirmed(self) -> Snapshot:
        """What is known is the same and was read again."""
        before, now = self.store.snapshot, self.clock()
        nodes = tuple(
            replace(old, sampled_at=new.sampled_at, drbd=replace(old.drbd, taken_at=new.drbd.taken_at))
            for old, new in zip(before.pair.nodes, self._states, strict=True)
        )
        return replace(before, at=now, pair=replace(before.pair, nodes=(nodes[0], nodes[1]), at=now))

    def _answers(self, n: int) -> bool:
        return self.reach[n] == "ok" and self.pair.machines[n].alive and self.pair.machines[n].runs("asterisk")


class Hands:
    """Instead of SSH."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.names = NAMES

    async def open(self) -> dict[str, str]:
        """Which nodes cannot be reached."""
        problems = {}
        for n, name in enumerate(NAMES):
            try:
                await self._pass(n, 10.0)
            except (Unreachable, TimedOut) as error:
                problems[name] = str(error)
        return problems

    async def reach(self, node: str) -> _Connection:
        """A connection."""
        await self._pass(NAMES.index(node), 10.0)
        return _Connection(self._stage, NAMES.index(node))

    async def run(
        self, node: str, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None, as_root: bool = True
    ) -> Completed:
        """One command on the simulated pair."""
        n = NAMES.index(node)
        await self._pass(n, timeout_s)
        if list(argv) == ["/bin/sh", "-s"]:
            return Completed(_frames(self._stage.survey[n]), b"", 0, 0.1)
        self._stage.sent.append((node, " ".join(argv)))
        lie = self._stage.lies.pop(argv[0].rsplit("/", 1)[-1], None)
        outcome = lie if lie is not None else act(self._stage.pair, n, argv)
        began = asyncio.get_running_loop().time()
        while not isinstance(outcome, Answer):
            await asyncio.sleep(TICK_S)
            if self._stage.reach[n] == "cut" or not self._stage.pair.machines[n].powered:
                raise LinkLost(f"the SSH connection to {node} was lost")
            if asyncio.get_running_loop().time() - began > timeout_s:
                raise TimedOut(f"`{argv[0]}` on {node} did not end within {timeout_s:g} s")
            if self._stage.reach[n] == "ok" and self._stage.pair.machines[n].alive:
                outcome = outcome() or outcome
        return Completed(outcome.out.encode(), outcome.err.encode(), outcome.code, 0.1)

    def spelt(self, argv: Sequence[str], as_root: bool = True) -> Sequence[str]:
        """As it is sent."""
        return argv

    async def close(self) -> None:
        """Nothing is held."""

    async def _pass(self, n: int, timeout_s: float) -> None:
        await asyncio.sleep(0.05)
        stage = self._stage
        if stage.reach[n] == "cut" or not stage.pair.machines[n].powered:
            raise Unreachable(f"nothing answers at {NAMES[n]}")
        if stage.reach[n] == "frozen" or stage.pair.machines[n].frozen:
            await asyncio.sleep(min(timeout_s, 10.0))
            raise TimedOut(f"{NAMES[n]} did not answer")


class _Connection:
    """What a salvage needs of a connection."""

    def __init__(self, stage: Stage, n: int) -> None:
        self._stage, self._n = stage, n

    async def open_process(self, command: str) -> _Process:
        if "LIST=1" in command:
            return _Process(b"2 12\n")
        self._stage.saved.append(NAMES[self._n])
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in ("log/queue_log", "monitor/one.wav"):
                archive.addfile(tarfile.TarInfo(name))
        return _Process(buffer.getvalue())


class _Process:
    def __init__(self, output: bytes) -> None:
        self._output = output
        self.stdout = self

    async def read(self, limit: int = 65536) -> bytes:
        data, self._output = self._output, b""
        return data

    async def communicate(self, data: bytes | None, name: str) -> tuple[bytes, bytes]:
        return self._output, b""

    async def wait(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def describe_stderr(self) -> str:
        return ""


class Lock:
    """The lock of one console, as the real one behaves."""

    def __init__(self, stage: Stage, holder: str) -> None:
        self._stage, self._holder = stage, holder
        self._names: set[str] = set()

    @property
    def held(self) -> tuple[str, ...]:
        """Where it is held."""
        return tuple(n for n in NAMES if n in self._names and self._stage.reach[NAMES.index(n)] == "ok")

    async def prepare(self) -> None:
        """Nothing to prepare."""

    async def take(self) -> tuple[str, ...]:
        """Takes it wherever it can be reached."""
        missed = []
        for n, name in enumerate(NAMES):
            if self._stage.reach[n] != "ok" or not self._stage.pair.machines[n].alive:
                missed.append(name)
                continue
            others = [lock for lock in self._stage.locks if lock is not self and name in lock._names]
            if self._stage.other_console or others:
                await self.release()
                raise Busy(self._stage.other_console or others[0]._holder)
            self._names.add(name)
        if self not in self._stage.locks:
            self._stage.locks.append(self)
        return tuple(missed)

    async def release(self) -> None:
        """Gives it up."""
        self._names.clear()
        if self in self._stage.locks:
            self._stage.locks.remove(self)


def _content(state: NodeState) -> tuple[object, ...]:
    readings = (state.drbd, state.gi, state.heartbeat, state.addresses, state.mounts, state.services)
    return (state.link.phase, *(reading.value for reading in readings))


def _identifiers(side: Any) -> GenerationIds | None:
    if not side.configured:
        return None
    current, bitmap, *history = (f"{uuid:016X}" for uuid in side.shown_uuids())
    return GenerationIds(
        current,
        bitmap,
        tuple(history),
        consistent=side.disk != "Inconsistent",
        was_up_to_date=side.disk == "UpToDate",
        primary=side.primary,
        connected=side.connected,
        full_sync=False,
        peer_outdated=False,
        crashed_primary=side.crashed_primary,
    )


def _survey() -> dict[str, tuple[str, int]]:
    """What the script prints on a node that is well."""
    return {
        "tools.txt": (
            "hb_standby /usr/share/heartbeat/hb_standby\nhb_takeover /usr/share/heartbeat/hb_takeover\n",
            0,
        ),
        "ha.cf.txt": ("keepalive 2\ndeadtime 30\nauto_failback on\n", 0),
        "haresources.txt": (
            f"{NAMES[0]} IPaddr2::{ADDRESS}/24 drbddisk::data Filesystem::/dev/drbd1::/data::ext3 asterisk mysqld\n",
            0,
        ),
        "drbd.d_data.res.txt": (_DRBD % "verify-alg crc32c;", 0),
        "holders.txt": ("412 (asterisk)(safe_asterisk) cwd:/data/log\n530 (mysqld)(mysqld_safe) fd:/data/mysql/x\n", 0),
        "kernel_holders.txt": ("", 0),
        "missing.txt": ("", 0),
        "space.txt": ("/ 9000000\n", 0),
        "flock.txt": ("/usr/bin/flock\n", 0),
    }


def without_verify_alg() -> tuple[str, int]:
    """The resource's file of a pair that cannot verify."""
    return _DRBD % "", 0


def _frames(found: dict[str, tuple[str, int]]) -> bytes:
    return "".join(f"##### {name}\n{text}\n##### rc={code}\n" for name, (text, code) in found.items()).encode()


__all__ = ["DEADTIME_S", "Hands", "Lock", "Plan", "Stage", "settings", "without_verify_alg"]

"""The whole demo: a simulated pair, its sockets and its files, for as long as it is entered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ccops.config import (
    AmiControlSettings,
    AmiSettings,
    ConsoleSettings,
    EccpSettings,
    MysqlSettings,
    NodeSettings,
    PairSettings,
    PbxSettings,
    QueueSettings,
    SecretRef,
    Settings,
)
from ccops.demo.control import QUEUE_CONTEXT, SUPERVISOR
from ccops.demo.machine import ADDRESS, NAMES, Machine
from ccops.demo.node import NodeFiles
from ccops.demo.pair import SimulatedPair
from ccops.demo.requests import Requests
from ccops.demo.scenarios import Scenario, find_scenario, play
from ccops.demo.traffic import CallCentre

if TYPE_CHECKING:
    from ccops.demo.ami import AmiServer
    from ccops.demo.eccp import EccpServer
    from ccops.demo.mysql import Database
    from ccops.demo.ssh import SshNode

_TICK_S = 0.2
# The day has been going on for a while when the demo begins.
_PAST_S = 240.0
AMI_USER = "ccops"
CONTROL_USER = "ccops-control"
MYSQL_USER = "ccops"
ECCP_USER = "ccops"
_SECRET = "demo-only"  # noqa: S105 - it opens nothing but the simulator on loopback


class Demo:
    """`async with Demo(scenario=…, speed=…, agents=…, seed=…) as demo`: a pair that can be reached as a real one is.

    `settings` has one pair, "demo"; `pair` is the simulation behind it, to act on; `centre` its call centre.
    `speed` is simulated seconds a second. Nothing listens but on 127.0.0.1; leaving removes all of it.
    """

    settings: Settings

    def __init__(
        self,
        scenario: str = "quiet-day",
        speed: float = 1.0,
        agents: int | None = None,
        seed: int = 1,
        interval: float = 1.0,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed: expected a number above 0, found {speed}; 1 is real time")
        self.scenario: Scenario = find_scenario(scenario)
        self.speed = speed
        count = self.scenario.agents if agents is None else agents
        if not 10 <= count <= 1000:
            raise ValueError(f"agents: expected 10 to 1000, found {count}")
        self.interval = interval
        self._began = time.time()
        self._past_now: Callable[[], float] | None = lambda: 0.0
        self.pair = SimulatedPair(seed, self._wall, self.scenario.skews, cold=True)
        self._past_now = lambda: self.pair.schedule.now
        self.centre = CallCentre(self.pair, count, self.scenario.load, seed)
        self.nodes: list[NodeFiles] = []
        self.ssh: list[SshNode] = []
        self.ami: list[AmiServer] = []
        self.mysql: list[Database] = []
        self.eccp: list[EccpServer] = []
        self._requests: list[Requests] = []
        self._running: asyncio.Task[None] | None = None
        self._unreached: set[int] = set()
        self._stuck: set[int] = set()

    async def __aenter__(self) -> Demo:
        self.folder = _make_folder()
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def stop_time(self) -> None:
        """Nothing happens by itself any more; what listens goes on listening."""
        if self._running is not None:
            self._running.cancel()

    def cut_console(self, n: int) -> None:
        """Node n cannot be reached from here any more, and is well."""
        self._unreached.add(n)
        self._follow(self.pair.machines[n], "power")

    def mend_console(self, n: int) -> None:
        """Node n can be reached again."""
        self._unreached.discard(n)
        self._follow(self.pair.machines[n], "power")

    def freeze_console(self, n: int) -> None:
        """Nothing passes between here and node n any more, and nobody is told: connections stay, half open.

        The node itself goes on: what was begun there is done.
        """
        self._stuck.add(n)
        self._follow_console(n)

    def thaw_console(self, n: int) -> None:
        """What was held passes on."""
        self._stuck.discard(n)
        self._follow_console(n)

    def _follow_console(self, n: int) -> None:
        for door in (self.ssh[n].door, self.ami[n].door, self.mysql[n].door, self.eccp[n].door):
            if n in self._stuck or self.pair.machines[n].frozen:
                door.freeze()
            else:
                door.thaw()

    def _wall(self) -> float:
        """Real time; for the past before the demo began, simulated time that ends where real time begins."""
        return time.time() if self._past_now is None else self._began - _PAST_S + self._past_now()

    async def _open(self) -> None:
        import asyncssh

        from ccops.demo.ami import AmiServer
        from ccops.demo.campaigns import eccp_password
        from ccops.demo.eccp import EccpServer
        from ccops.demo.mysql import Database
        from ccops.demo.ssh import SshNode

        identity = asyncssh.generate_private_key("ssh-ed25519", comment="ccops demo")
        _write_secret(self.folder / "identity", identity.export_private_key().decode())
        authorized = self.folder / "authorized_keys"
        _write_secret(authorized, identity.export_public_key().decode())
        _write_secret(self.folder / "ssh_config", "")
        _write_secret(self.folder / "secret", _SECRET + "\n")
        self.pair.step(_PAST_S)
        self._past_now = None
        known_hosts = []
        for machine in self.pair.machines:
            n = machine.index
            files = NodeFiles(self.folder / f"node{n + 1}", self.pair, n)
            files.create()
            self.nodes.append(files)
            self._requests.append(Requests(files.root, self.pair, n, self._write_files))
            self.ami.append(
                AmiServer(machine, self.centre, {AMI_USER: _SECRET, CONTROL_USER: _SECRET, "viewer": _SECRET})
            )
            database = Database(machine, self.centre, {MYSQL_USER: _SECRET}, self.folder / f"mysql{n + 1}.sock")
            await database.start()
            self.mysql.append(database)
            dialer = self.centre.dialers[n]
            dialer.breaks = partial(_breaks_of, database)
            self.eccp.append(EccpServer(dialer, {ECCP_USER: _SECRET, "agentconsole": "agentconsole"}, eccp_password))
            key = asyncssh.generate_private_key("ssh-ed25519")
            self.ssh.append(SshNode(files.root, key, authorized, partial(self._port, n)))
            public = key.export_public_key().decode().strip()
            known_hosts.append(f"[127.0.0.1]:{self.ssh[n].door.port} {public}\n")
            machine.listeners.append(self._follow)
            for what in ("power", "asterisk", "mysqld"):
                self._follow(machine, what)
        _write_secret(self.folder / "known_hosts", "".join(known_hosts))
        self.pair.settle_files = lambda n: self.nodes[n].settle()
        self.settings = self._settings()
        play(self.scenario, self.pair, self.centre)
        self._running = asyncio.create_task(self._run())

    def _settings(self) -> Settings:
        nodes = [
            NodeSettings(
                name=NAMES[n],
                ssh=f"root@127.0.0.1:{self.ssh[n].door.port}",
                identity=str(self.folder / "identity"),
                ssh_config=str(self.folder / "ssh_config"),
                known_hosts=str(self.folder / "known_hosts"),
            )
            for n in (0, 1)
        ]
        secret = SecretRef(file=str(self.folder / "secret"))
        pair = PairSettings(
            nodes=(nodes[0], nodes[1]),
            address=ADDRESS,
            services={"asterisk": "asterisk", "mysqld": "mariadb"},
            interval=self.interval,
            ami=AmiSettings(user=AMI_USER, secret=secret),
            ami_control=AmiControlSettings(user=CONTROL_USER, secret=secret),
            mysql=MysqlSettings(user=MYSQL_USER, password=secret),
            pbx=PbxSettings(backend="files"),
            eccp=EccpSettings(user=ECCP_USER, password=secret),
            trunks=self.centre.capacities,
            queues={
                name: QueueSettings(context=QUEUE_CONTEXT, extension=str(400 + place))
                for place, name in enumerate(self.centre.exchanges[0].queues)
            },
        )
        return Settings(pairs={"demo": pair}, console=ConsoleSettings(extension=SUPERVISOR))

    def _port(self, n: int, service: str) -> int | None:
        door = {"ami": self.ami, "mysql": self.mysql, "eccp": self.eccp}[service][n].door  # type: ignore[index]
        return door.port if door.is_open else None

    def _follow(self, machine: Machine, what: str) -> None:
        """Sockets follow the machine: refused while it is off, silent while it is frozen, down with their daemon."""
        n = machine.index
        if what in {"power", "asterisk"}:
            self.ami[n].follow()
        if what in {"power", "mysqld"}:
            self.mysql[n].follow()
        self.eccp[n].follow()
        if what != "power":
            self._follow_console(n)
            return
        self.nodes[n].update()
        if not machine.powered or n in self._unreached:
            self.ssh[n].power_off()
        else:
            self.ssh[n].door.open()
            if machine.frozen:
                self.ssh[n].freeze()
            else:
                self.ssh[n].thaw()
        self._follow_console(n)

    async def _run(self) -> None:
        """Steps the simulation in real time, at five steps a second."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            # A laptop that slept does not play hours at once.
            self.pair.step(min(now - last, 5.0) * self.speed)
            last = now
            self.refresh()

    def refresh(self) -> None:
        """Brings files and answers up to the simulation's state at once."""
        self._write_files()
        for requests in self._requests:
            requests.poll()

    def _write_files(self) -> None:
        for files in self.nodes:
            files.update()

    async def _close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        for machine in self.pair.machines:
            machine.listeners.clear()
        for requests in self._requests:
            requests.close()
        closing = [*(each.close() for each in self.ssh), *(each.close() for each in self.ami)]
        closing += [*(each.close() for each in self.mysql), *(each.close() for each in self.eccp)]
        await asyncio.gather(*closing)
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


def _breaks_of(database: Database) -> list[dict[str, Any]]:
    return database.tables.find("call_center", "break") or []


def _make_folder() -> Path:
    """A folder of mode 0700, in memory where scripts may run from there; what dead demos left is swept out first."""
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]  # noqa: S108 - only as a parent of mkdtemp
    for place in places:
        if not os.access(place, os.W_OK | os.X_OK) or os.statvfs(place).f_flag & os.ST_NOEXEC:
            continue
        _sweep(place)
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=f"ccops-demo-{os.getpid()}-", dir=place))
    raise OSError("the demo needs a folder where scripts may run: set TMPDIR to one that is not mounted noexec")


def _sweep(place: Path) -> None:
    for folder in place.glob("ccops-demo-*-*"):
        pid = folder.name.split("-")[2]
        try:
            if folder.stat().st_uid == os.getuid() and pid.isdigit():
                os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _write_secret(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)

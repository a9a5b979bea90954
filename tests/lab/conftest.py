"""The real pair for tests: each test starts from the same healthy pair, and is watched by ccops as a user would."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ccops.config import (
    AmiControlSettings,
    AmiSettings,
    MysqlSettings,
    NodeSettings,
    PairSettings,
    QueueSettings,
    SecretRef,
)
from ccops.pair.model import LogLine
from ccops.watch.once import is_complete
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot

COMMAND = Path(__file__).with_name("lab")
# Software emulation on a busy machine: what takes a second on iron may take half a minute here.
QUEUES = {"ventas": "400", "soporte": "401", "cobranza": "402"}
"""Where the lab's dialplan leads into them, in from-trunk."""
LIMIT_S = float(os.environ.get("CCOPS_LAB_LIMIT", "400"))


class Lab:
    """The lab's command, and its environment."""

    def __init__(self) -> None:
        lines = self("env").splitlines()
        self.env = dict(re.fullmatch(r"export (\w+)=(.*)", line).groups() for line in lines)  # type: ignore[union-attr]

    def __call__(self, *words: str, limit_s: float = LIMIT_S) -> str:
        done = subprocess.run(
            [str(COMMAND), *words],
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"lab {' '.join(words)}: exit {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def ssh(self, node: int, line: str) -> str:
        """What a shell command prints on a node, as root."""
        return self("ssh", str(node), line)

    async def later(self, *words: str) -> str:
        """The same without holding up what watches."""
        return await asyncio.to_thread(self, *words)

    @property
    def names(self) -> tuple[str, str]:
        """The nodes' names."""
        return self.env["CCOPS_LAB_NODE1"], self.env["CCOPS_LAB_NODE2"]

    def settings(self, user: str = "root") -> PairSettings:
        """The pair as ccops.toml would have it."""
        os.environ["CCOPS_LAB_SECRET"] = self.env["CCOPS_LAB_AMI_VIEWER_SECRET"]
        os.environ["CCOPS_LAB_CONTROL_SECRET"] = self.env["CCOPS_LAB_AMI_SECRET"]
        os.environ["CCOPS_LAB_PASSWORD"] = self.env["CCOPS_LAB_MYSQL_PASSWORD"]
        nodes = [
            NodeSettings(
                name=name,
                ssh=f"{user}@127.0.0.1:{self.env[f'CCOPS_LAB_SSH{n}']}",
                identity=self.env["CCOPS_LAB_KEY"],
                known_hosts=self.env["CCOPS_LAB_KNOWN_HOSTS"],
                ssh_config=os.devnull,
            )
            for n, name in enumerate(self.names, 1)
        ]
        return PairSettings(
            nodes=(nodes[0], nodes[1]),
            address="192.168.27.120",
            services={"asterisk": "asterisk", "mysqld": "mariadb"},
            ami=AmiSettings(user=self.env["CCOPS_LAB_AMI_VIEWER"], secret=SecretRef(env="CCOPS_LAB_SECRET")),
            ami_control=AmiControlSettings(
                user=self.env["CCOPS_LAB_AMI_USER"], secret=SecretRef(env="CCOPS_LAB_CONTROL_SECRET")
            ),
            mysql=MysqlSettings(user=self.env["CCOPS_LAB_MYSQL_USER"], password=SecretRef(env="CCOPS_LAB_PASSWORD")),
            trunks={"gxw4108": 8},
            queues={name: QueueSettings(context="from-trunk", extension=at) for name, at in QUEUES.items()},
        )


class Watching:
    """A pair that is watched: what was told, and what is told now."""

    def __init__(self, watch: PairWatch) -> None:
        self.watch = watch
        self.verdicts: list[str] = []
        self.seen: list[Snapshot] = []
        watch.store.subscribe(self._note)

    def _note(self, snapshot: Snapshot) -> None:
        if not self.verdicts or self.verdicts[-1] != snapshot.verdict.code:
            self.verdicts.append(snapshot.verdict.code)
            self.seen.append(snapshot)

    @property
    def now(self) -> Snapshot:
        """The newest snapshot."""
        return self.watch.store.snapshot

    @property
    def lines(self) -> list[LogLine]:
        """The time line."""
        return self.watch.store.timeline.since(0)

    async def until(self, check: Callable[[Snapshot], bool], limit_s: float = LIMIT_S) -> float:
        """Waits until a snapshot passes; seconds that it took."""
        began, found = time.monotonic(), asyncio.Event()

        def listen(snapshot: Snapshot) -> None:
            if check(snapshot):
                found.set()

        end = self.watch.store.subscribe(listen)
        listen(self.now)
        try:
            await asyncio.wait_for(found.wait(), limit_s)
        except TimeoutError:
            states = [(n.name, n.link.phase, n.link.problem) for n in self.now.pair.nodes]
            pytest.fail(f"not seen within {limit_s:.0f} s; {self.now.verdict}; {states}; before: {self.verdicts}")
        finally:
            end()
        return time.monotonic() - began

    async def verdict(self, *codes: str) -> float:
        """Waits for one of these verdicts."""
        return await self.until(lambda snapshot: snapshot.verdict.code in codes)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab, started if need be and held for this session; skipped where it cannot be had."""
    done = subprocess.run([str(COMMAND), "ready"], capture_output=True, text=True, timeout=2400, check=False)
    if done.returncode == 3:
        pytest.skip(f"the lab cannot be had here: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr[-1000:]
    found = Lab()
    with Path(found.env["CCOPS_LAB_LOCK"]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield found
        with contextlib.suppress(AssertionError):
            found("reset")


@pytest.fixture
def pair(lab: Lab) -> Lab:
    """The lab, healthy."""
    lab("reset")
    return lab


@pytest.fixture
async def watching(pair: Lab) -> AsyncIterator[Watching]:
    """A healthy pair that ccops watches, read whole."""
    watch = PairWatch("lab", pair.settings())
    found = Watching(watch)
    await watch.start()
    try:
        await found.until(lambda s: is_complete(s) and s.verdict.code == "healthy")
        found.verdicts.clear()
        yield found
    finally:
        await watch.stop()


_shown: list[tuple[str, str, float]] = []


@pytest.fixture
def shown_after() -> Callable[[str, str, float], None]:
    """Keeps after how many seconds a condition was shown, for the summary."""
    return lambda code, how, seconds: _shown.append((code, how, seconds))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of what was provoked, in Markdown."""
    if _shown:
        terminalreporter.write_line("\n| code | how it was provoked | shown after |\n|---|---|---|")
        for code, how, seconds in _shown:
            terminalreporter.write_line(f"| `{code}` | {how} | {seconds:.0f} s |")

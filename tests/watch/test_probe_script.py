"""The probe's script, run for real under every shell at hand, against a folder that stands for a node."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from ccops.watch.probe import (
    Again,
    Clock,
    Fresh,
    Hello,
    LogGap,
    LogOpened,
    LogPosition,
    LogText,
    Noise,
    Output,
    ProbeEvent,
    ProbeSettings,
    ProbeStream,
    Sample,
    command,
    script,
)

E = TypeVar("E")
CAPTURES = Path(__file__).parent.parent / "captures"
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "ash"], "sh": ["/bin/sh"]}
SETTINGS = ProbeSettings(
    name="elaxtix-voip",
    peer="elaxtix-voip-2",
    resource="data",
    minor=1,
    mount="/data",
    device="/dev/drbd1",
    services={"asterisk": "asterisk", "mysqld": "mariadb"},
    ha_log="/var/log/ha-log",
    kernel_log="auto",
    sudo=False,
    interval_s=1.0,
)


class Node:
    """A folder with the files of a node, and fake commands in its `bin`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("proc/sys/kernel", "var/log", "var/run/asterisk", "bin"):
            (root / folder).mkdir(parents=True)
        taken = CAPTURES / "06-resync-early/node1"
        self.write("proc/drbd", (taken / "proc_drbd.txt").read_text())
        self.write("proc/mounts", "sysfs /sys sysfs rw 0 0\n/dev/drbd1 /data ext3 rw 0 0\n")
        self.write("proc/uptime", "3600.50 100.00\n")
        self.write("proc/loadavg", "0.10 0.20 0.30 1/99 4242\n")
        self.write("proc/sys/kernel/hostname", "elaxtix-voip\n")
        self.write("var/log/ha-log", "heartbeat[1]: 2026/11/23_10:00:00 info: old line\n")
        self.write(
            "var/log/kern.log", "Nov 23 10:00:00 n kernel: drbd data: conn( A -> B )\nNov 23 10:00:00 n kernel: usb\n"
        )
        self.fake("ip", "cat <<'X'\n" + (taken / "ip_addr.txt").read_text() + "X\n")
        self.fake(
            "cl_status",
            'case $1 in listhblinks) printf "\\teth0\\n";; hblinkstatus) echo up;; nodestatus) echo active;;'
            ' rscstatus) echo local;; *) echo "Heartbeat is running on this machine.";; esac\n',
        )
        self.fake("systemctl", "printf 'active\\nactive\\nactive\\n'\n")
        self.fake(
            "df",
            "printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/drbd1 100 40 60 40%% /data\\n'\n",
        )
        self.fake("drbdadm", "echo CB90FBD7FC15B9AB:0000000000000000:4898E9C83C0341BE:0000000000000004:1:1:1:1:0:0:0\n")
        self.fake("asterisk", "echo Asterisk 16.28.0\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name: str, text: str) -> None:
        with (self.root / name).open("a") as file:
            file.write(text)

    def fake(self, name: str, body: str) -> None:
        self.write(f"bin/{name}", f"#!/bin/sh\n{body}")
        (self.root / "bin" / name).chmod(0o755)


class Run:
    """A running probe: ask for samples, wait for events."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.stream = ProbeStream()
        self.events: list[ProbeEvent] = []

    def ask(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    async def until(self, kind: type[E], check: Callable[[E], bool] = lambda event: True) -> E:
        """The next event of that kind that passes the check; every event read stays in `events`."""
        async with asyncio.timeout(30):
            seen = 0
            while True:
                for event in self.events[seen:]:
                    seen += 1
                    if isinstance(event, kind) and check(event):
                        return event
                assert self.process.stdout is not None
                data = await self.process.stdout.read(65536)
                if not data:
                    pytest.fail(f"the probe ended; said {self.events[-5:]}")
                self.events += self.stream.feed(data)

    def forget(self) -> None:
        self.events.clear()

    def texts(self, log: str) -> list[str]:
        return [e.text for e in self.events if isinstance(e, LogText) and e.log == log]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "root")


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = SHELLS[request.param]
    if shutil.which(found[0]) is None:
        pytest.skip(f"{found[0]} is not installed here")
    return found


@contextlib.asynccontextmanager
async def running(node: Node, shell: list[str], positions: dict[str, LogPosition] | None = None) -> AsyncIterator[Run]:
    source = script(SETTINGS, positions or {})
    # As sshd does: the login shell runs the command, in a session of its own.
    line = command(source).removeprefix("exec /bin/sh -c ")
    process = await asyncio.create_subprocess_shell(
        f"exec {' '.join(shell)} -c {line}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "CCOPS_ROOT": str(node.root), "PATH": f"{node.root}/bin:{os.environ['PATH']}"},
    )
    assert process.stdin is not None
    process.stdin.write(source)
    try:
        yield Run(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def alive(group: int) -> list[str]:
    """Processes of a group that still run (not those that only wait to be collected)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            state, _ppid, pgrp = text.rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state != "Z":
                found.append(text[:60])
    return found


async def test_first_sample_tells_everything(node: Node, shell: list[str]) -> None:
    async with running(node, shell) as run:
        run.ask()
        sample = await run.until(Sample)
        assert sample.sections["drbd"] == (node.root / "proc/drbd").read_text()
        assert "192.168.27.120/24" in sample.sections["addresses"]
        assert sample.sections["mounts"] == "/dev/drbd1 /data ext3 rw 0 0\n"
        assert sample.sections["pids"].splitlines() == ["asterisk none", "mysqld none", "heartbeat none"]
        assert sample.uptime_s == 3600.5
        assert sample.load == (0.1, 0.2, 0.3)
        assert (await run.until(Hello)).host == "elaxtix-voip"
        clock = await run.until(Clock)
        assert abs(clock.seconds - time.time()) < 30
        await run.until(Fresh, lambda event: event.worker == "heartbeat")
        await run.until(Fresh, lambda event: event.worker == "host")
        told = {e.label: e for e in run.events if isinstance(e, Output)}
        assert told["rscstatus"].text == "local"
        assert told["node:elaxtix-voip-2"].text == "active"
        assert told["link:eth0"].text == "up"
        assert told["units"].text.split() == ["active"] * 3
        assert told["gi"].text.startswith("CB90FBD7FC15B9AB:")
        assert told["version:asterisk"].text == "Asterisk 16.28.0"
        assert not [e for e in run.events if isinstance(e, Noise)]


async def test_only_what_changed_is_told_again(node: Node, shell: list[str]) -> None:
    async with running(node, shell) as run:
        run.ask()
        await run.until(Sample)
        run.ask()
        second = await run.until(Sample, lambda event: event.number == 1)
        assert second.sections == {}
        node.write("proc/drbd", (CAPTURES / "01-healthy/node1/proc_drbd.txt").read_text())
        run.ask()
        third = await run.until(Sample, lambda event: event.number == 2)
        assert list(third.sections) == ["drbd"]
        (node.root / "proc/drbd").unlink()
        run.ask()
        fourth = await run.until(Sample, lambda event: event.number == 3)
        assert fourth.sections == {"drbd": "cat: /proc/drbd: No such file or directory\n"}


async def test_pid_file_of_a_living_process(node: Node, shell: list[str]) -> None:
    node.write("var/run/asterisk/asterisk.pid", "77\n")
    node.write("proc/77/stat", "77 (asterisk) S 1 77\n")
    node.write("var/run/heartbeat.pid", "   88\n")
    node.write("proc/88/stat", "88 (something) S 1 88\n")
    async with running(node, shell) as run:
        run.ask()
        sample = await run.until(Sample)
        assert sample.sections["pids"].splitlines() == ["asterisk running", "mysqld none", "heartbeat dead"]


async def test_a_hanging_command_holds_up_only_its_own(node: Node, shell: list[str]) -> None:
    node.fake("cl_status", "sleep 60\n")
    async with running(node, shell) as run:
        for number in range(4):
            run.ask()
            await run.until(Sample, lambda event, n=number: event.number == n)
        assert not [e for e in run.events if isinstance(e, Output) and e.label == "rscstatus"]
        assert len([p for p in alive(run.process.pid) if "cl_status" in p]) <= 1


async def test_ends_with_its_input(node: Node, shell: list[str]) -> None:
    node.fake("cl_status", "sleep 60\n")
    async with running(node, shell) as run:
        run.ask()
        await run.until(Sample)
        assert run.process.stdin is not None
        run.process.stdin.close()
        await asyncio.wait_for(run.process.wait(), 20)
        async with asyncio.timeout(10):
            while alive(run.process.pid):
                await asyncio.sleep(0.02)


async def test_log_history_then_new_lines(node: Node, shell: list[str]) -> None:
    async with running(node, shell) as run:
        run.ask()
        opened = await run.until(LogOpened, lambda event: event.log == "kern")
        assert opened.position is not None
        assert opened.position.offset == (node.root / "var/log/kern.log").stat().st_size
        await run.until(Sample)
        assert run.texts("ha") == ["heartbeat[1]: 2026/11/23_10:00:00 info: old line"]
        assert run.texts("kern") == ["Nov 23 10:00:00 n kernel: drbd data: conn( A -> B )"]
        node.append("var/log/ha-log", "half a li")
        node.append("var/log/ha-log", "ne\n")
        line = await run.until(LogText, lambda event: event.text == "half a line")
        assert line.position.offset == (node.root / "var/log/ha-log").stat().st_size


async def test_rotation_loses_and_repeats_nothing(node: Node, shell: list[str]) -> None:
    log = node.root / "var/log/ha-log"
    async with running(node, shell) as run:
        run.ask()
        await run.until(Sample)
        await run.until(LogOpened, lambda event: event.log == "ha")
        node.append("var/log/ha-log", "before\n")
        log.rename(log.with_name("ha-log.1"))
        node.append("var/log/ha-log.1", "late, to the old file\n")
        node.write("var/log/ha-log", "first of the new file\n")
        run.ask()
        await run.until(LogText, lambda event: event.text == "first of the new file")
        await run.until(LogText, lambda event: event.text == "late, to the old file")
        node.append("var/log/ha-log", "second\n")
        await run.until(LogText, lambda event: event.text == "second")
        assert sorted(run.texts("ha")[1:]) == ["before", "first of the new file", "late, to the old file", "second"]


async def test_resumes_where_it_stood(node: Node, shell: list[str]) -> None:
    async with running(node, shell) as run:
        run.ask()
        node.append("var/log/ha-log", "seen\n")
        line = await run.until(LogText, lambda event: event.text == "seen")
    node.append("var/log/ha-log", "while away\n")
    position = LogPosition(
        str((node.root / "var/log/ha-log").stat().st_ino), (node.root / "var/log/ha-log").stat().st_size - 11
    )
    assert line.text == "seen"
    async with running(node, shell, {"ha": position}) as run:
        run.ask()
        await run.until(LogText, lambda event: event.text == "while away")
        assert run.texts("ha") == ["while away"]


async def test_resumes_over_a_rotation_while_away(node: Node, shell: list[str]) -> None:
    log = node.root / "var/log/ha-log"
    position = LogPosition(str(log.stat().st_ino), log.stat().st_size)
    node.append("var/log/ha-log", "last of the old file\n")
    log.rename(log.with_name("ha-log.1"))
    node.write("var/log/ha-log", "first of the new file\n")
    async with running(node, shell, {"ha": position}) as run:
        run.ask()
        await run.until(LogText, lambda event: event.text == "first of the new file")
        assert run.texts("ha") == ["last of the old file", "first of the new file"]
        assert not [e for e in run.events if isinstance(e, LogGap)]


async def test_says_when_lines_may_be_missing(node: Node, shell: list[str]) -> None:
    async with running(node, shell, {"ha": LogPosition("1", 4000)}) as run:
        run.ask()
        await run.until(LogGap)
        await run.until(LogText, lambda event: event.text.endswith("old line"))


async def test_asks_to_be_started_again_some_time_after_a_rotation(node: Node) -> None:
    async with running(node, ["/bin/sh"]) as run:
        run.ask()
        await run.until(Sample)
        log = node.root / "var/log/ha-log"
        log.rename(log.with_name("ha-log.1"))
        node.write("var/log/ha-log", "new\n")
        for _ in range(64):
            run.ask()
        await run.until(Again)


async def test_without_logs_it_says_so(node: Node, shell: list[str]) -> None:
    for name in ("ha-log", "kern.log"):
        (node.root / "var/log" / name).unlink()
    async with running(node, shell) as run:
        run.ask()
        await run.until(Sample)
        opened = [e for e in run.events if isinstance(e, LogOpened)]
        assert [e.position for e in opened] == [None, None]


async def test_systems_with_init_scripts(node: Node, shell: list[str]) -> None:
    # Hide the systemctl of this machine too: a PATH of links to what the script needs.
    (node.root / "bin/systemctl").unlink()
    needed = ("dd", "sh", "cat", "tail", "head", "grep", "ls", "date", "sleep", "dash", "bash", "busybox")
    for tool in needed:
        if (found := shutil.which(tool)) is not None:
            (node.root / "bin" / tool).symlink_to(found)
    node.write("etc/init.d/asterisk", "#!/bin/sh\necho 'asterisk (pid 77) is running...'\n")
    node.write("etc/init.d/mariadb", "#!/bin/sh\necho 'mysqld is stopped'; exit 3\n")
    for name in ("asterisk", "mariadb"):
        (node.root / "etc/init.d" / name).chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = "/nonexistent"
    try:
        async with running(node, [str(node.root / "bin" / shell[0].rpartition("/")[2]), *shell[1:]]) as run:
            run.ask()
            told = await run.until(Output, lambda event: event.label == "units")
    finally:
        os.environ["PATH"] = path
    assert told.text.splitlines()[0] == "asterisk  asterisk (pid 77) is running..."
    assert told.text.splitlines()[1] == "mariadb  mysqld is stopped"

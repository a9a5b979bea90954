"""A simulated node's processes as folders below proc: names, parents, and what they have open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccops.demo.pair import SimulatedPair

_ROOT = (("exe", "/usr/sbin/{name}"), ("cwd", "/"), ("root", "/"), ("fd/0", "/dev/null"))
_OPEN = {
    "asterisk": (("fd/11", "/data/log/queue_log"), ("fd/14", "/data/log/messages")),
    "mysqld": (
        ("cwd", "/data/mysql/data"),
        ("fd/4", "/data/mysql/data/ib_logfile0"),
        ("fd/12", "/data/mysql/data/ibdata1"),
        ("fd/23", "/data/mysql/data/call_center/call_entry.MYD"),
    ),
}
_SHELLS = frozenset({"bash", "sh", "dash", "zsh"})


@dataclass(frozen=True)
class Process:
    """What /proc tells of one process; `links` are its symbolic links and their targets."""

    pid: int
    name: str
    state: str
    command: str
    links: tuple[tuple[str, str], ...]


def processes(pair: SimulatedPair, n: int) -> Iterator[Process]:
    """The daemons of node n and whoever else holds its volume."""
    machine, member = pair.machines[n], pair.heartbeat.members[n]
    running = dict(machine.pids)
    if member.phase != "stopped":
        running["heartbeat"] = member.pid
    for name, pid in running.items():
        opened = _OPEN.get(name, ()) if machine.mounted else ()
        yield Process(pid, name, "S", f"/usr/sbin/{name}", _links(name, opened))
    for holder in machine.holders.processes:
        command = f"-{holder.name}" if holder.name in _SHELLS else holder.name
        links = _links(holder.name, ((holder.link, holder.path),))
        yield Process(holder.pid, holder.name, "S" if holder.killable else "D", command, links)


def _links(name: str, more: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    links = {link: target.format(name=name) for link, target in _ROOT} | dict(more)
    return tuple(links.items())


class ProcessFiles:
    """Keeps `root`/proc/PID; a folder appears whole, by renaming."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._present: dict[int, Process] = {}

    def update(self, wanted: Iterator[Process]) -> None:
        """Brings the folders up to these processes."""
        now = {process.pid: process for process in wanted}
        for pid, process in list(self._present.items()):
            if now.get(pid) != process:
                shutil.rmtree(self.root / "proc" / str(pid), ignore_errors=True)
                del self._present[pid]
        for pid, process in now.items():
            if pid not in self._present:
                self._write(process)
                self._present[pid] = process

    def _write(self, process: Process) -> None:
        fresh = self.root / ".fresh-process"
        (fresh / "fd").mkdir(parents=True)
        zeros = " ".join(["0"] * 40)
        pid, name = process.pid, process.name
        (fresh / "comm").write_text(f"{name[:15]}\n")
        (fresh / "cmdline").write_text(f"{process.command}\0")
        (fresh / "stat").write_text(f"{pid} ({name[:15]}) {process.state} 1 {pid} {pid} 0 -1 4194560 {zeros}\n")
        for link, target in process.links:
            (fresh / link).symlink_to(target)
        (self.root / "proc").mkdir(exist_ok=True)
        fresh.rename(self.root / "proc" / str(pid))

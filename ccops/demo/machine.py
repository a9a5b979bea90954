"""One simulated machine: power, clock, logs, and what runs and is mounted on it."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable

from ccops.demo.configuration import Configuration
from ccops.demo.holders import Holders
from ccops.demo.schedule import Schedule, Work

NAMES = ("elaxtix-voip", "elaxtix-voip-2")
ADDRESS = "192.168.27.120"
HOSTS = ("192.168.27.121", "192.168.27.122")
SERVICES = ("asterisk", "mysqld")
HA_LOG = "var/log/ha-log"
KERNEL_LOG = "var/log/kern.log"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def syslog_date(at: float) -> str:
    """`Nov 23 02:35:29`, in UTC, in the C locale whatever the console's is."""
    t = time.gmtime(at)
    return f"{_MONTHS[t.tm_mon - 1]} {t.tm_mday:2d} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"


class Machine:
    """A node as the hardware and its daemons are; `skew` is how far its clock is off, in seconds.

    `services` maps a service to what `systemctl is-active` says of it. Listeners are told of every change of a
    service and of the power.
    """

    def __init__(self, index: int, schedule: Schedule, rng: random.Random, skew: float = 0.0) -> None:
        self.index = index
        self.name = NAMES[index]
        self.schedule = schedule
        self.skew = skew
        self.powered = True
        self.frozen = False
        self.address = False
        self.mounted = self.read_only = False
        self.configuration = Configuration()
        self.holders = Holders()
        self.services: dict[str, str] = {name: "inactive" for name in SERVICES}
        self.pids: dict[str, int] = {}
        self._restarting: set[str] = set()
        self.load = 0.12
        self.logs: dict[str, deque[str]] = {HA_LOG: deque(maxlen=4000), KERNEL_LOG: deque(maxlen=4000)}
        self.unwritten: dict[str, list[str]] = {HA_LOG: [], KERNEL_LOG: []}
        self.listeners: list[Callable[[Machine, str], None]] = []
        self._rng = rng
        self._next_pid = 360 + rng.randrange(60)
        self.booted_at = schedule.wall() - 187.0 + rng.random()

    @property
    def alive(self) -> bool:
        """Switched on and not frozen."""
        return self.powered and not self.frozen

    def wall(self) -> float:
        """What this node's own clock shows, in seconds since the epoch."""
        return self.schedule.wall() + self.skew

    def uptime(self) -> float:
        """Seconds since it booted."""
        return max(0.0, self.schedule.wall() - self.booted_at)

    def pid(self) -> int:
        """The next process id, some further than the last."""
        self._next_pid += self._rng.randrange(1, 40)
        return self._next_pid

    @property
    def last_pid(self) -> int:
        """The process id given last."""
        return self._next_pid

    def set_service(self, name: str, state: str) -> None:
        """Changes what systemd says of a service; a running one has a process, a stopped one none."""
        if self.services[name] == state:
            return
        self.services[name] = state
        self._restarting.discard(name)
        if state == "active":
            self.pids[name] = self.pid()
        elif state == "inactive":
            self.pids.pop(name, None)
        self._tell(name)

    def runs(self, name: str) -> bool:
        """Whether the service runs and could answer."""
        return self.powered and self.services[name] == "active" and name not in self._restarting

    def restart_in_place(self, name: str, seconds: float) -> Work:
        """The process loads itself anew, under the same id: systemd sees nothing of it."""
        if self.services[name] != "active":
            return
        self._restarting.add(name)
        self._tell(name)
        yield seconds
        if name in self._restarting:
            self._restarting.discard(name)
            self._tell(name)

    def power_off(self) -> None:
        """Everything that lived in memory is gone; the volume is neither mounted nor served."""
        self.powered = False
        self.frozen = False
        self.address = self.mounted = self.read_only = False
        self.holders.clear()
        for name in SERVICES:
            self.set_service(name, "inactive")
        self.pids.clear()
        self._restarting.clear()
        self._tell("power")

    def boot(self) -> None:
        """Switched on again: a new uptime and new process ids."""
        self.powered = True
        self.booted_at = self.schedule.wall()
        self._next_pid = 360 + self._rng.randrange(60)
        self._tell("power")

    def freeze(self) -> None:
        """Answers nothing from now on, and does nothing."""
        self.frozen = True
        self._tell("power")

    def thaw(self) -> None:
        """Goes on as if nothing had happened."""
        self.frozen = False
        self._tell("power")

    def log_heartbeat(self, level: str, text: str, pid: int) -> None:
        """A line of the daemon in ha-log, as Heartbeat 3.0 writes it."""
        self._log(HA_LOG, f"{syslog_date(self.wall())} {self.name} heartbeat: [{pid}]: {level}: {text}")

    def log_script(self, tag: str, pid: int, text: str) -> None:
        """A line of a resource script in ha-log; `text` begins with the level and a colon, where it has one."""
        stamp = time.strftime("%Y/%m/%d_%H:%M:%S", time.gmtime(self.wall()))
        self._log(HA_LOG, f"{stamp}  {tag}[{pid}]:    {text}")

    def log_kernel(self, text: str) -> None:
        """A line of the kernel as syslog writes it, with the seconds since boot."""
        uptime = self.uptime() + self._rng.random() / 1000
        self._log(KERNEL_LOG, f"{syslog_date(self.wall())} {self.name} kernel: [{uptime:12.6f}] {text}")

    def _log(self, path: str, line: str) -> None:
        self.logs[path].append(line)
        self.unwritten[path].append(line)

    def _tell(self, what: str) -> None:
        for listener in self.listeners:
            listener(self, what)

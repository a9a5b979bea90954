"""The resource group of haresources: taken and released step by step, with Heartbeat's and its scripts' words."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import NoReturn

from ccops.demo.drbd import Drbd
from ccops.demo.machine import ADDRESS, NAMES, Machine
from ccops.demo.schedule import Work

Stop = Generator[float, None, bool]
"""Work that tells whether it succeeded."""

GROUP = "IPaddr2::192.168.27.120/24 drbddisk::data Filesystem::/dev/drbd1::/data::ext3 asterisk mysqld"

_SIGNALS = ("TERM",) * 10 + ("KILL",) * 10
_OCF = "/usr/lib/ocf/resource.d//heartbeat/"
_IP = f"IPaddr2(IPaddr2_{ADDRESS})"
_FS = "Filesystem(Filesystem_/dev/drbd1)"
_ARP = (
    f"/usr/lib/heartbeat/send_arp  -i 200 -r 5 -p /run/resource-agents/send_arp-{ADDRESS} "
    f"eth0 {ADDRESS} auto not_used not_used"
)


class Resources:
    """Acquires and releases on one node; `acquire` leaves what it got in `complete`.

    A release that fails reboots the node, as Heartbeat does: `reboot(n)`.
    """

    def __init__(self, machine: Machine, drbd: Drbd, reboot: Callable[[int], object]) -> None:
        self.machine = machine
        self._reboot = reboot
        self.drbd = drbd
        self.complete = False

    @property
    def any_held(self) -> bool:
        """Whether the node holds any part of the group."""
        m = self.machine
        return m.address or m.mounted or self.drbd.sides[m.index].primary or "active" in m.services.values()

    def acquire(self, folder: str = "/etc/ha.d//resource.d") -> Work:
        """Address, volume, file system, Asterisk, MySQL; gives all up again when one fails."""
        m, pid = self.machine, self.machine.pid()
        self._manage(pid, f"info: Acquiring resource group: {NAMES[0]} {GROUP}")
        yield 0.8
        if not m.address:
            m.log_script(_OCF + _IP, m.pid(), "INFO:  Resource is stopped")
            yield 0.3
            self._manage(pid, f"info: Running {folder}/IPaddr2 {ADDRESS}/24 start")
            yield 0.7
            yield from self._add_address()
        else:
            m.log_script(_OCF + _IP, m.pid(), "INFO:  Running OK")
        if not self.drbd.sides[m.index].primary:
            self._manage(pid, f"info: Running {folder}/drbddisk data start")
            yield 0.6
            if self.drbd.primary(m.index) is not None:
                yield from self._give_up(pid, folder, "drbddisk", "drbddisk::data")
                return
        yield 0.8
        if not m.mounted:
            yield from self._mount(pid, folder)
        if not m.mounted:
            yield from self._give_up(pid, folder, "Filesystem", "Filesystem::/dev/drbd1::/data::ext3")
            return
        for name, seconds in (("asterisk", 2.5), ("mysqld", 3.0)):
            if m.services[name] != "active":
                self._manage(pid, f"info: Running {folder}/{name}  start")
                m.set_service(name, "activating")
                yield seconds
                m.set_service(name, "active" if m.mounted and not m.read_only else "failed")
        self.complete = True

    def release(self, folder: str = "/etc/ha.d/resource.d") -> Work:
        """The same backwards."""
        m, pid = self.machine, self.machine.pid()
        self.complete = False
        self._manage(pid, f"info: Releasing resource group: {NAMES[0]} {GROUP}")
        yield 0.3
        for name in ("mysqld", "asterisk"):
            self._manage(pid, f"info: Running {folder}/{name}  stop")
            if m.services[name] != "inactive":
                m.set_service(name, "deactivating")
                yield 1.2
                m.set_service(name, "inactive")
        yield from self._insist(pid, folder, "Filesystem", "/dev/drbd1 /data ext3", self._leave_volume)
        yield from self._insist(pid, folder, "drbddisk", "data", self._demote)
        self._manage(pid, f"info: Running {folder}/IPaddr2 {ADDRESS}/24 stop")
        yield 0.8
        m.address = False
        m.log_script(_IP, m.pid(), "INFO: IP status = ok, IP_CIP=")
        m.log_script(_OCF + _IP, m.pid(), "INFO:  Success")
        yield 0.3

    @property
    def busy(self) -> bool:
        """Whether anything would keep /data from being unmounted."""
        running = set(self.machine.services.values()) & {"active", "activating", "deactivating"}
        return bool(running or self.machine.holders.of_mount)

    def unmount(self) -> None:
        """/data is no longer mounted and the device no longer open."""
        self.machine.mounted = self.machine.read_only = False
        self.drbd.sides[self.machine.index].held_open = False

    def mount(self, read_only: bool = False) -> None:
        """Mounts /data, as the kernel tells."""
        m = self.machine
        m.log_kernel("EXT4-fs (drbd1): mounting ext3 file system using the ext4 subsystem")
        m.log_kernel("EXT4-fs (drbd1): mounted filesystem with ordered data mode. Opts: (null)")
        m.mounted, m.read_only = True, read_only
        self.drbd.sides[m.index].held_open = True

    def _insist(self, pid: int, folder: str, script: str, arguments: str, stop: Callable[[], Stop]) -> Work:
        """Stops, once more where that failed; where it fails again the node reboots, for the peer takes over."""
        for attempt in (1, 2):
            self._manage(pid, f"info: Running {folder}/{script} {arguments} stop")
            if (yield from stop()):
                return
            self._manage(pid, f"ERROR: Return code 1 from {folder}/{script}")
            if attempt == 1:
                yield 1.0
                self._manage(pid, f"info: Retrying failed stop operation [{script}::{arguments.replace(' ', '::')}]")
        yield from self._die(pid)

    def _die(self, pid: int) -> Generator[float, None, NoReturn]:
        self._manage(pid, "CRIT: Resource STOP failure. Reboot required!")
        self._manage(pid, "CRIT: Killing heartbeat ungracefully!")
        self._reboot(self.machine.index)
        while True:
            yield 1.0

    def _leave_volume(self) -> Stop:
        """The Filesystem agent: unmounts, and signals whoever is in the way for 10 s each with TERM and KILL."""
        m = self.machine
        yield 0.7
        if m.mounted:
            agent = m.pid()
            m.log_script(_FS, agent, "INFO: Running stop for /dev/drbd1 on /data")
            m.log_script(_FS, agent, "INFO: Trying to unmount /data")
            yield 0.4
            for signal in _SIGNALS:
                if not self.busy:
                    break
                m.log_script(_FS, agent, f"ERROR: Couldn't unmount /data; trying cleanup with {signal}")
                self._signal(agent, signal)
                yield 1.0
            if self.busy:
                m.log_script(_FS, agent, "ERROR: Couldn't unmount /data, giving up!")
                m.log_script(_OCF + _FS, m.pid(), "ERROR:  Generic error")
                return False
            self.unmount()
            m.log_script(_FS, agent, "INFO: unmounted /data successfully")
        m.log_script(_OCF + _FS, m.pid(), "INFO:  Success")
        yield 0.4
        return True

    def _signal(self, agent: int, signal: str) -> None:
        """What `fuser` finds on the mount is signalled; the kernel's own holders it does not find."""
        m = self.machine
        running = [name for name, state in m.services.items() if state != "inactive" and name in m.pids]
        found = [(m.pids[name], name) for name in running]
        found += [(holder.pid, holder.name) for holder in m.holders.of_mount if not holder.kernel]
        if not found:
            m.log_script(_FS, agent, "INFO: No processes on /data were signalled. force_unmount is set to 'yes'")
        for pid, name in found:
            line = f"root {pid:11d}       1  0 {time.strftime('%H:%M', time.gmtime(m.wall()))} ?        00:00:00 {name}"
            m.log_script(_FS, agent, f"INFO: sending signal {signal} to: {line}")
        for name in m.services:
            m.set_service(name, "inactive")
        m.holders.kill()

    def _demote(self) -> Stop:
        """drbddisk tries three times itself."""
        yield 0.3
        for _ in range(3):
            if self.drbd.secondary(self.machine.index) is None:
                return True
            yield 3.0
        return False

    def _add_address(self) -> Work:
        m, agent = self.machine, self.machine.pid()
        m.log_script(_IP, agent, f"INFO: Adding inet address {ADDRESS}/24 to device eth0")
        m.log_script(_IP, agent, "INFO: Bringing device eth0 up")
        m.address = True
        m.log_script(_IP, agent, f"INFO: {_ARP}")
        m.log_script(_OCF + _IP, m.pid(), "INFO:  Success")
        yield 0.3
        m.log_script(_IP, agent, "INFO: ")

    def _mount(self, pid: int, folder: str) -> Work:
        m = self.machine
        m.log_script(_OCF + _FS, m.pid(), "INFO:  Resource is stopped")
        self._manage(pid, f"info: Running {folder}/Filesystem /dev/drbd1 /data ext3 start")
        yield 0.7
        m.log_script(_FS, m.pid(), "INFO: Running start for /dev/drbd1 on /data")
        yield 0.4
        if self.drbd.sides[m.index].primary:
            self.mount()
            m.log_script(_OCF + _FS, m.pid(), "INFO:  Success")
        else:
            m.log_script(_FS, m.pid(), "ERROR: Couldn't mount filesystem /dev/drbd1 on /data")

    def _give_up(self, pid: int, folder: str, script: str, resource: str) -> Work:
        self._manage(pid, f"ERROR: Return code 1 from {folder}/{script}")
        self._manage(pid, f"CRIT: Giving up resources due to failure of {resource}")
        yield 0.2
        yield from self.release()

    def _manage(self, pid: int, text: str) -> None:
        self.machine.log_script("ResourceManager(default)", pid, text)

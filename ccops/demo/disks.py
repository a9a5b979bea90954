"""The backing disks below the replicated volume: taken, left, outdated, invalidated, and I/O held."""

from __future__ import annotations

from ccops.demo.kernel import KernelLog
from ccops.demo.link import Link
from ccops.demo.machine import Machine
from ccops.demo.replica import Refusal, Replica, uuids_text
from ccops.demo.resync import Resync

_DISKLESS = (138, "Device does not have a disk-config")
_BY_PEER = (-10, "State change was refused by peer node")
_NEED_DATA = (-2, "Need access to UpToDate data")


class Disks:
    """DRBD's verbs about disks and I/O on either node; each returns None or the kernel's refusal."""

    def __init__(
        self, machines: tuple[Machine, Machine], sides: tuple[Replica, Replica], link: Link, resync: Resync
    ) -> None:
        self.sides = sides
        self.link = link
        self.resync = resync
        self._kernel = KernelLog(machines)

    def attach(self, n: int) -> Refusal:
        """Takes the disk; while connected, what the peer wrote meanwhile is copied."""
        side, peer = self.sides[n], self.sides[1 - n]
        if side.disk != "Diskless":
            return 124, "Device is attached to a disk (use detach first)"
        if side.connected and not self.link.talks():
            return -18, "In transient state, retry after next state change"
        self._kernel.say(n, "disk( Diskless -> Attaching ) ")
        self._kernel.say_net(n, "Method to ensure write ordering: flush")
        self._kernel.say_marked(n, side, whole=True)
        if not side.connected or peer.disk == "Diskless":
            self._kernel.say(n, f"disk( Attaching -> {side.stored} ) ")
            self._kernel.say(n, f"attached to UUIDs {uuids_text(side.uuids)}")
            side.disk = side.stored
            self._tell(n, "Diskless", side.stored)
            return None
        self._kernel.say(n, "disk( Attaching -> Negotiating ) ")
        self._kernel.say(n, f"attached to UUIDs {uuids_text(side.uuids)}")
        side.disk = "Inconsistent" if side.stored == "Inconsistent" else "Negotiating"
        if not self.link.rejoin(n):
            self._kernel.say(n, "disk( Negotiating -> Failed ) ")
            self._kernel.say(n, "disk( Failed -> Diskless ) ")
            side.disk = "Diskless"
        return None

    def detach(self, n: int) -> Refusal:
        """Leaves the disk; a Primary then works on the peer's, and is refused where that is no good."""
        side, peer = self.sides[n], self.sides[1 - n]
        if side.disk == "Diskless":
            return None
        if side.primary and (not side.connected or side.peer_disk != "UpToDate"):
            return _NEED_DATA
        if side.connected and side.connection != "Connected":
            return -4, "Can not resync without local disk"
        if side.connected and (not self.link.talks() or (peer.primary and peer.disk != "UpToDate")):
            return _BY_PEER
        was = side.disk
        self._kernel.say(n, f"disk( {was} -> Failed ) ")
        self._kernel.say(n, "disk( Failed -> Diskless ) ")
        side.stored, side.disk = was, "Diskless"
        self._tell(n, was, "Diskless")
        if self.link.talks() and peer.disk == "UpToDate" and peer.uuids[1] == 0 and (side.primary or peer.primary):
            self.link.new_generation(1 - n, peer.uuids[0])
        return None

    def outdate(self, n: int) -> Refusal:
        """Marks this side's data as old; never while connected."""
        side = self.sides[n]
        if side.disk in {"Inconsistent", "Diskless"}:
            return -16, "Disk state is lower than outdated"
        if side.primary and not side.connected:
            return _NEED_DATA
        if side.connected:
            return -6, "Refusing to be Outdated while Connected"
        if side.disk != "Outdated":
            self._kernel.say(n, f"disk( {side.disk} -> Outdated ) ")
            side.disk = "Outdated"
        return None

    def invalidate(self, n: int) -> Refusal:
        """Makes this side the target of a full resync: at once when connected, else when it next is."""
        side = self.sides[n]
        if side.disk == "Diskless":
            return _DISKLESS
        if side.connection == "StandAlone" and not side.primary:
            if side.disk != "Inconsistent":
                self._kernel.say(n, f"disk( {side.disk} -> Inconsistent ) ")
            side.disk, side.out_of_sync = "Inconsistent", side.size
            self._kernel.say_marked(n, side, whole=True)
            return None
        if not side.connected or not self.link.talks():
            return -15, "Need a connection to start verify or resync"
        if side.connection != "Connected":
            return -8, "Can not start OV/resync since it is already active"
        if side.peer_disk == "Diskless":
            return -5, "Can not resync without remote disk"
        if side.peer_disk != "UpToDate":
            return _NEED_DATA
        for s in self.sides:
            s.out_of_sync = s.size
        self._kernel.say(n, "Writing the whole bitmap, invalidate")
        self.resync.become(1 - n, n)
        return None

    def suspend(self, n: int, on: bool) -> None:
        """`suspend-io` and `resume-io`: whoever writes waits."""
        side = self.sides[n]
        if side.suspended != on:
            self._kernel.say(n, f"susp( {int(not on)} -> {int(on)} ) ")
            side.suspended = on

    def _tell(self, n: int, was: str, now: str) -> None:
        """The peer hears of the disk."""
        if self.link.talks():
            self._kernel.say(1 - n, f"pdsk( {was} -> {now} ) ")
            self.sides[1 - n].peer_disk = now

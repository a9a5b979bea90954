"""The replicated volume as both sides live it: what is asked of it, and what nodes undergo."""

from __future__ import annotations

import random
from collections.abc import Callable

from ccops.demo.disks import Disks
from ccops.demo.kernel import KernelLog
from ccops.demo.link import Link
from ccops.demo.machine import Machine
from ccops.demo.replica import RESOURCE, VERSION, Refusal, Replica, new_uuid, uuids_text
from ccops.demo.resync import Resync
from ccops.demo.schedule import Schedule

_NEED_DATA = (-2, "Need access to UpToDate data")
_NO_LOCAL = "Can not resync without local disk"
_NO_REMOTE = "Can not resync without remote disk"


class Drbd:
    """Resource `data` on both nodes. `reaches()` tells whether packets pass between the nodes.

    Methods that take a node's index act there as a command would and return None, or the kernel's refusal as
    (code, text). Kernel lines go to the machines' logs in the form of DRBD 8.4.11. `disks` has the verbs that are
    about the backing disks; `damage` makes sides differ without anybody's knowledge.
    """

    def __init__(
        self,
        schedule: Schedule,
        machines: tuple[Machine, Machine],
        reaches: Callable[[], bool],
        rng: random.Random,
        size: int = 4 << 20,
        rate: int = 10_240,
    ) -> None:
        self.schedule = schedule
        self.machines = machines
        self.reaches = reaches
        self.size = size
        self._rng = rng
        first, history = new_uuid(rng), new_uuid(rng)
        self.sides = (Replica(size), Replica(size))
        for side, machine in zip(self.sides, machines, strict=True):
            side.uuids = [first, 0, history, 4]
            side.rate = machine.configuration.resync_rate = rate
        self.resync = Resync(schedule, machines, self.sides, reaches, rng)
        self.link = Link(schedule, machines, self.sides, self.resync, reaches, rng)
        self.disks = Disks(machines, self.sides, self.link, self.resync)
        self._kernel = KernelLog(machines)
        schedule.spawn(self.link.watch())

    # What the administrator and Heartbeat ask for.

    def primary(self, n: int, force: bool = False) -> Refusal:
        """Promotes; without the peer a new generation begins."""
        side, peer = self._both(n)
        if side.primary:
            return None
        if side.connected and side.peer_role == "Primary":
            return -1, "Multiple primaries not allowed by config"
        forced = ""
        if side.disk != "UpToDate" and not (side.connected and side.peer_disk == "UpToDate"):
            if not force or side.disk not in {"Inconsistent", "Outdated", "Consistent"}:
                return _NEED_DATA
            forced = f" disk( {side.disk} -> UpToDate )"
            side.disk = "UpToDate"
        side.role = "Primary"
        side.discard = False
        self._kernel.say(n, f"role( Secondary -> Primary ){forced} ")
        if forced:
            self._kernel.say(n, "Forced to consider local data as UpToDate!")
        if (not side.connected or side.peer_disk == "Diskless") and side.disk == "UpToDate":
            if side.uuids[1] == 0 or forced:
                self.link.new_generation(n, side.uuids[0] & ~1)
        elif forced:
            self.link.new_generation(n, side.uuids[0] & ~1)
        if self.link.talks():
            peer.peer_role = "Primary"
            peer.peer_disk = side.disk
            self._kernel.say(1 - n, "peer( Secondary -> Primary ) ")
            if forced and peer.disk == "Inconsistent" and side.connection == "Connected":
                self.resync.become(n, 1 - n, full=True)
        return None

    def secondary(self, n: int) -> Refusal:
        """Demotes; refused while the device is open."""
        side, peer = self._both(n)
        if not side.primary:
            return None
        if side.held_open or self.machines[n].holders.of_device:
            return -12, "Device is held open by someone"
        side.role = "Secondary"
        self._kernel.say(n, "role( Primary -> Secondary ) ")
        self._kernel.say_marked(n, side)
        if self.link.talks():
            peer.peer_role = "Secondary"
            self._kernel.say(1 - n, "peer( Primary -> Secondary ) ")
        return None

    def disconnect(self, n: int) -> Refusal:
        """Leaves the peer; it waits for us from then on. Refused where a Primary would be left without good data."""
        side, peer = self._both(n)
        if side.connection == "StandAlone":
            return None
        if side.connected:
            if side.primary and side.disk != "UpToDate":
                return _NEED_DATA
            if self.link.talks() and peer.primary and peer.disk != "UpToDate":
                return -10, "State change was refused by peer node"
            self.link.part(n, "Disconnecting", "StandAlone")
            if self.reaches():
                self.link.part(1 - n, "TearDown", "WFConnection")
        else:
            self._kernel.say_net(n, f"conn( {side.connection} -> Disconnecting ) ")
            self.link.close(n, "Disconnecting", "StandAlone")
        return None

    def connect(self, n: int, discard: bool = False, tentative: bool = False) -> Refusal:
        """Begins to look for the peer; with `discard`, this side's changes are given up; `tentative` only rehearses."""
        side, _ = self._both(n)
        if discard and side.primary:
            return 123, "--discard-my-data not allowed when primary."
        if side.connection != "StandAlone":
            return 125, "Device has a net-config (use disconnect first)"
        side.discard, side.tentative = discard, tentative
        self._kernel.say_net(n, "conn( StandAlone -> Unconnected ) ")
        self._kernel.say_net(n, f"Starting receiver thread (from drbd_w_{RESOURCE} [264])")
        self._kernel.say_net(n, "receiver (re)started")
        self._kernel.say_net(n, "conn( Unconnected -> WFConnection ) ")
        side.connection = "WFConnection"
        return None

    def pause(self, n: int, on: bool) -> Refusal:
        """`pause-sync` and `resume-sync`: the user's pause here is the peer's pause there."""
        side, peer = self._both(n)
        if side.user_paused == on:
            return (134, "Sync-pause flag is already set") if on else (135, "Sync-pause flag is already cleared")
        before = [s.connection for s in self.sides]
        side.user_paused = on
        told = (n, 1 - n) if self.link.talks() else (n,)
        if self.link.talks():
            peer.peer_paused = on
        for i in told:
            s, was = self.sides[i], before[i]
            self.resync.hold(s)
            moved = f"conn( {was} -> {s.connection} ) " if was != s.connection else ""
            word = "user_isp" if i == n else "peer_isp"
            self._kernel.say(i, f"{moved}{word}( {int(not on)} -> {int(on)} ) ")
            if moved:
                self._kernel.say(i, "Resync suspended" if on else "Syncer continues.")
        return None

    def verify(self, n: int) -> Refusal:
        """Compares all blocks with the peer's."""
        side = self.sides[n]
        if not side.connected or not self.link.talks():
            return -15, "Need a connection to start verify or resync"
        if "Diskless" in {side.disk, side.peer_disk}:
            return (-4, _NO_LOCAL) if side.disk == "Diskless" else (-5, _NO_REMOTE)
        if self.machines[n].configuration.verify_alg is None:
            return -14, "Need a verify algorithm to start online verify"
        if side.connection != "Connected":
            return -8, "Can not start OV/resync since it is already active"
        self.resync.verify(n)
        return None

    def set_rate(self, n: int, rate: int) -> Refusal:
        """What a resync towards this side copies, in KiB/s, until `adjust`."""
        if self.sides[n].disk == "Diskless":
            return 138, "Device does not have a disk-config"
        self.sides[n].rate = rate
        return None

    def damage(self, n: int, blocks: int) -> None:
        """So many blocks of 4 KiB on side n silently no longer are what was written; a verify will find them."""
        self.sides[n].damaged = min(self.size, self.sides[n].damaged + 4 * blocks)

    def write(self, n: int, kib: int, grows_kib: int = 0) -> None:
        """The Primary writes that much, and its files grow by so much."""
        side, peer = self._both(n)
        kib = kib // 4 * 4
        readable = side.disk == "UpToDate" or (side.connected and side.peer_disk == "UpToDate")
        if not side.primary or kib <= 0 or side.suspended or not readable:
            return
        side.content = min(self.size * 9 // 10, side.content + grows_kib)
        if side.disk != "Diskless":
            side.written += kib
        if not side.connected:
            side.out_of_sync = min(self.size, side.out_of_sync + kib)
            return
        peer.content = side.content
        side.sent += kib
        peer.received += kib
        if peer.disk != "Diskless":
            peer.written += kib
        # The side that has the only disk remembers what the other lacks.
        if side.disk == "Diskless":
            peer.out_of_sync = min(self.size, peer.out_of_sync + kib)
        elif peer.disk == "Diskless":
            side.out_of_sync = min(self.size, side.out_of_sync + kib)

    # What happens to a node as a whole.

    def power_off(self, n: int) -> None:
        """The node is gone in mid-sentence; what its meta-data says stays."""
        side = self.sides[n]
        self.link.lose(n)
        side.crashed_primary = side.primary
        self._forget(side)

    def boot(self, n: int) -> None:
        """Loads the module, attaches the disk and looks for the peer, as the init script does."""
        kernel = self.machines[n].log_kernel
        kernel(f"drbd: initialized. Version: {VERSION} (api:1/proto:86-101)")
        kernel("drbd: registered as block device major 147")
        self.up(n)

    def up(self, n: int) -> Refusal:
        """Takes the disk and looks for the peer; refused where either is done already."""
        side = self.sides[n]
        if side.configured:
            return self.disks.attach(n) or self.connect(n)
        self._kernel.say_net(n, f"Starting worker thread (from drbdsetup-84 [{self.machines[n].pid()}])")
        self._kernel.say(n, "disk( Diskless -> Attaching ) ")
        self._kernel.say_net(n, "Method to ensure write ordering: flush")
        self._kernel.say_marked(n, side, whole=True)
        side.disk = side.stored
        self._kernel.say(n, f"disk( Attaching -> {side.disk} ) ")
        self._kernel.say(n, f"attached to UUIDs {uuids_text(side.uuids)}")
        side.configured = True
        side.rate = self.machines[n].configuration.resync_rate
        side.sent = side.received = side.written = side.read = 0
        side.connection, side.peer_role, side.peer_disk = "StandAlone", "Unknown", "DUnknown"
        return self.connect(n)

    def down(self, n: int) -> Refusal:
        """Secondary, disconnected, detached and gone; stops at the first that is refused."""
        side = self.sides[n]
        if not side.configured:
            return None
        refused = self.secondary(n) or self.disconnect(n) or self.disks.detach(n)
        if refused is None:
            self._kernel.say_net(n, f"Terminating drbd_w_{RESOURCE}")
            self._forget(side)
        return refused

    def adjust(self, n: int) -> Refusal:
        """Makes what runs agree with the configuration: its rate, an attached disk, a connection."""
        side = self.sides[n]
        if not side.configured:
            return self.up(n)
        side.rate = self.machines[n].configuration.resync_rate
        if side.disk == "Diskless":
            refused = self.disks.attach(n)
            if refused is not None:
                return refused
        return self.connect(n) if side.connection == "StandAlone" else None

    def check(self) -> list[str]:
        """What can never be and yet is; empty when all is well."""
        one, two = self.sides
        wrong = []
        if one.connection == two.connection and one.connection not in {"Connected", "WFConnection", "StandAlone"}:
            wrong.append(f"both sides are {one.connection}")
        if self.link.talks() and one.primary and two.primary:
            wrong.append("both sides are Primary and connected")
        for side, other in ((one, two), (two, one)):
            if side.connection in {"SyncTarget", "PausedSyncT"} and side.disk != "Inconsistent":
                wrong.append(f"a {side.connection} is {side.disk}")
            if self.link.talks() and side.peer_role != other.role:
                wrong.append(f"peer seen as {side.peer_role}, is {other.role}")
            if self.link.talks() and side.peer_disk != other.disk:
                wrong.append(f"peer's disk seen as {side.peer_disk}, is {other.disk}")
        return wrong

    def _forget(self, side: Replica) -> None:
        """What lived in memory only; what the meta-data says comes back with the disk."""
        if side.disk != "Diskless":
            side.stored = side.disk
        side.configured = False
        side.role = "Secondary"
        side.held_open = side.user_paused = side.peer_paused = side.suspended = side.discard = side.tentative = False

    def _both(self, n: int) -> tuple[Replica, Replica]:
        return self.sides[n], self.sides[1 - n]

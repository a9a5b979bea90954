"""The replicated volume as both sides live it: roles, how they connect and part, and the kernel's words for it all."""

from __future__ import annotations

import random
from collections.abc import Callable

from ccops.demo.handshake import SPLIT_BRAIN, UNRELATED, compare
from ccops.demo.kernel import KernelLog
from ccops.demo.machine import Machine
from ccops.demo.replica import RESOURCE, VERSION, Replica, new_uuid, uuids_text
from ccops.demo.resync import Resync
from ccops.demo.schedule import Schedule, Work

Refusal = tuple[int, str] | None

_TICK = 0.25


class Drbd:
    """Resource `data` on both nodes. `reaches()` tells whether packets pass between the nodes.

    Methods that take a node's index act there as a command would and return None, or the kernel's refusal as
    (code, text). Kernel lines go to the machines' logs in the form of DRBD 8.4.11.
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
        self._session = 0
        first, history = new_uuid(rng), new_uuid(rng)
        self.sides = (Replica(size), Replica(size))
        self.resync = Resync(schedule, machines, self.sides, reaches, rng, rate)
        self._kernel = KernelLog(machines)
        for side in self.sides:
            side.uuids = [first, 0, history, 4]
        schedule.spawn(self._watch())

    # What the administrator and Heartbeat ask for.

    def primary(self, n: int, force: bool = False) -> Refusal:
        """Promotes; without the peer a new generation begins."""
        side, peer = self._both(n)
        if side.primary:
            return None
        if side.connected and side.peer_role == "Primary":
            return -1, "Multiple primaries not allowed by config"
        if side.disk != "UpToDate" and not force and not (side.connected and peer.disk == "UpToDate"):
            return -2, "Need access to UpToDate data"
        forced = f" disk( {side.disk} -> UpToDate )" if side.disk != "UpToDate" and not side.connected else ""
        if forced:
            side.disk = "UpToDate"
        side.role = "Primary"
        self._kernel.say(n, f"role( Secondary -> Primary ){forced} ")
        if forced:
            self._kernel.say(n, "Forced to consider local data as UpToDate!")
        if self._talks():
            peer.peer_role = "Primary"
            self._kernel.say(1 - n, "peer( Secondary -> Primary ) ")
        elif not side.connected and (side.uuids[1] == 0 or forced):
            self._new_generation(n, side.uuids[0] & ~1)
        return None

    def secondary(self, n: int) -> Refusal:
        """Demotes; refused while the device is open."""
        side, peer = self._both(n)
        if not side.primary:
            return None
        if side.held_open:
            return -12, "Device is held open by someone"
        side.role = "Secondary"
        self._kernel.say(n, "role( Primary -> Secondary ) ")
        bits = side.out_of_sync // 4
        size = f"{side.out_of_sync // 1024} MB" if side.out_of_sync >= 10_240 else f"{side.out_of_sync} KB"
        self._kernel.say(n, f"{size} ({bits} bits) marked out-of-sync by on disk bit-map.")
        if self._talks():
            peer.peer_role = "Secondary"
            self._kernel.say(1 - n, "peer( Primary -> Secondary ) ")
        return None

    def disconnect(self, n: int) -> Refusal:
        """Leaves the peer; it waits for us from then on."""
        side, _ = self._both(n)
        if side.connection == "StandAlone":
            return None
        if side.connected:
            self._part(n, "Disconnecting", "StandAlone")
            if self.reaches():
                self._part(1 - n, "TearDown", "WFConnection")
        else:
            self._kernel.say_net(n, f"conn( {side.connection} -> Disconnecting ) ")
            self._close(n, "Disconnecting", "StandAlone")
        return None

    def connect(self, n: int, discard: bool = False) -> Refusal:
        """Begins to look for the peer; with `discard`, this side's changes are given up."""
        side, _ = self._both(n)
        if discard and side.primary:
            return 123, "--discard-my-data not allowed when primary."
        if side.connection != "StandAlone":
            return 125, "Device has a net-config (use disconnect first)."
        side.discard = discard
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
            return (143, "Sync-pause flag is already set.") if on else (144, "Sync-pause flag is already cleared.")
        before = [s.connection for s in self.sides]
        side.user_paused = on
        told = (n, 1 - n) if self._talks() else (n,)
        if self._talks():
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
        if self.sides[n].connection != "Connected" or not self._talks():
            return -15, "Need a connection to start verify or resync"
        self.resync.verify(n)
        return None

    def invalidate(self, n: int) -> Refusal:
        """Makes this side the target of a full resync."""
        side, peer = self._both(n)
        if side.connection != "Connected" or side.primary or not self._talks():
            return -2, "Need access to UpToDate data"
        for s in (side, peer):
            s.out_of_sync = self.size
        self._kernel.say(n, "Writing the whole bitmap, invalidate")
        peer.uuids[1] = peer.uuids[1] or new_uuid(self._rng)
        self.resync.become(1 - n, n)
        return None

    def write(self, n: int, kib: int, grows_kib: int = 0) -> None:
        """The Primary writes that much, and its files grow by so much."""
        side, peer = self._both(n)
        kib = kib // 4 * 4
        if not side.primary or kib <= 0:
            return
        side.content = min(self.size * 9 // 10, side.content + grows_kib)
        side.written += kib
        if side.connected:
            peer.content = side.content
            side.sent += kib
            peer.received += kib
            peer.written += kib
        else:
            side.out_of_sync = min(self.size, side.out_of_sync + kib)

    # What happens to a node as a whole.

    def power_off(self, n: int) -> None:
        """The node is gone in mid-sentence; what its meta-data says stays."""
        side = self.sides[n]
        if side.connected:
            self._session += 1
            self.resync.end()
            side.connection, side.peer_role, side.peer_disk = "WFConnection", "Unknown", "DUnknown"
        side.crashed_primary = side.primary
        side.configured = False
        side.role = "Secondary"
        side.held_open = side.user_paused = side.peer_paused = False

    def boot(self, n: int) -> None:
        """Loads the module, attaches the disk and looks for the peer, as the init script does."""
        side = self.sides[n]
        kernel = self.machines[n].log_kernel
        kernel(f"drbd: initialized. Version: {VERSION} (api:1/proto:86-101)")
        kernel("drbd: registered as block device major 147")
        self._kernel.say_net(n, f"Starting worker thread (from drbdsetup-84 [{self.machines[n].pid()}])")
        self._kernel.say(n, "disk( Diskless -> Attaching ) ")
        self._kernel.say_net(n, "Method to ensure write ordering: flush")
        self._kernel.say(
            n, f"{side.out_of_sync // 1024} MB ({side.out_of_sync // 4} bits) marked out-of-sync by on disk bit-map."
        )
        self._kernel.say(n, f"disk( Attaching -> {side.disk} ) ")
        self._kernel.say(n, f"attached to UUIDs {uuids_text(side.uuids)}")
        side.configured = True
        side.sent = side.received = side.written = side.read = 0
        side.connection, side.peer_role, side.peer_disk = "StandAlone", "Unknown", "DUnknown"
        self.connect(n)

    def check(self) -> list[str]:
        """What can never be and yet is; empty when all is well."""
        one, two = self.sides
        wrong = []
        if one.connection == two.connection and one.connection not in {"Connected", "WFConnection", "StandAlone"}:
            wrong.append(f"both sides are {one.connection}")
        if self._talks() and one.primary and two.primary:
            wrong.append("both sides are Primary and connected")
        for side, other in ((one, two), (two, one)):
            if side.connection in {"SyncTarget", "PausedSyncT"} and side.disk != "Inconsistent":
                wrong.append(f"a {side.connection} is {side.disk}")
            if self._talks() and side.peer_role != other.role:
                wrong.append(f"peer seen as {side.peer_role}, is {other.role}")
            if self._talks() and side.peer_disk != other.disk:
                wrong.append(f"peer's disk seen as {side.peer_disk}, is {other.disk}")
        return wrong

    # How the two meet and part.

    def _watch(self) -> Work:
        lost: list[float | None] = [None, None]
        while True:
            yield _TICK
            reach = self.reaches()
            for n, side in enumerate(self.sides):
                if not side.connected or reach or not self.machines[n].alive:
                    lost[n] = None
                    continue
                since = lost[n]
                if since is None:
                    # The next keep-alive comes within ten seconds, its answer is awaited for two more.
                    lost[n] = self.schedule.now + 6.0 + self._rng.random() * 5.0
                elif self.schedule.now >= since:
                    self._kernel.say_net(n, "PingAck did not arrive in time.")
                    self._part(n, "NetworkFailure", "WFConnection")
                    lost[n] = None
            waiting = all(s.configured and s.connection == "WFConnection" for s in self.sides)
            if waiting and reach:
                yield from self._meet()
            elif reach:
                self._notice_reset()
                self._deliver()

    def _notice_reset(self) -> None:
        """A side that still thinks itself connected learns from the peer's new attempt that it is not."""
        for n, side in enumerate(self.sides):
            peer = self.sides[1 - n]
            if side.connected and peer.configured and not peer.connected:
                self._kernel.say_net(n, "sock was shut down by peer")
                self._part(n, "BrokenPipe", "WFConnection")

    def _deliver(self) -> None:
        """What one side said while packets were lost, and for less long than either would notice, arrives late."""
        if not self._talks():
            return
        for n, side in enumerate(self.sides):
            peer = self.sides[1 - n]
            if side.peer_role != peer.role:
                self._kernel.say(n, f"peer( {side.peer_role} -> {peer.role} ) ")
                side.peer_role = peer.role
            side.peer_paused = peer.user_paused

    def _meet(self) -> Work:
        session = self._session
        yield 1.5 + self._rng.random()
        if session != self._session or not self.reaches():
            return
        if not all(s.configured and s.connection == "WFConnection" for s in self.sides):
            return
        for n in (0, 1):
            self._kernel.say_net(n, "Handshake successful: Agreed network protocol version 101")
            self._kernel.say_net(
                n, "Feature flags enabled on protocol level: 0xf TRIM THIN_RESYNC WRITE_SAME WRITE_ZEROES."
            )
            self._kernel.say_net(n, "Peer authenticated using 20 bytes HMAC")
            self._kernel.say_net(n, "conn( WFConnection -> WFReportParams ) ")
            self._kernel.say_net(n, f"Starting ack_recv thread (from drbd_r_{RESOURCE} [{self.machines[n].pid()}])")
        verdict = self._judge()
        if verdict == SPLIT_BRAIN:
            self._refuse_split_brain()
        elif verdict == UNRELATED:
            self._drop_both("Unrelated data, aborting!")
        elif verdict == 0:
            self._agree()
        elif self.sides[0 if verdict < 0 else 1].primary:
            self._drop_both("I shall become SyncTarget, but I am primary!", 0 if verdict < 0 else 1)
        else:
            self.resync.become(*((0, 1) if verdict > 0 else (1, 0)), full=abs(verdict) == 2)

    def _judge(self) -> int:
        """Logs the handshake on both sides; the verdict is node 1's: positive when it is the source."""
        one, two = self.sides
        verdicts = []
        for n, (me, it) in enumerate(((one, two), (two, one))):
            self._kernel.say(n, "drbd_sync_handshake:")
            for word, side in (("self", me), ("peer", it)):
                bits = side.out_of_sync // 4
                self._kernel.say(n, f"{word} {uuids_text(side.shown_uuids())} bits:{bits} flags:0")
            verdict, rule = compare(me.uuids, it.uuids, me.crashed_primary, it.crashed_primary)
            self._kernel.say(n, f"uuid_compare()={verdict} by rule {rule}")
            verdicts.append(verdict)
        verdict = verdicts[0]
        if abs(verdict) == SPLIT_BRAIN:
            if one.discard == two.discard:
                return SPLIT_BRAIN
            verdict = -1 if one.discard else 1
            for n in (0, 1):
                word = "peer" if (n == 0) == one.discard else "this"
                self._kernel.say(n, f"Split-Brain detected, manually solved. Sync from {word} node")
        return verdict

    def _refuse_split_brain(self) -> None:
        for n in (0, 1):
            for helper in ("initial-split-brain", "split-brain"):
                if helper == "split-brain":
                    self._kernel.say(n, "Split-Brain detected but unresolved, dropping connection!")
                self._kernel.help(n, helper)
        self._drop_both()

    def _drop_both(self, complaint: str | None = None, who: int | None = None) -> None:
        for n in (0, 1):
            if complaint and who in {None, n}:
                self._kernel.say(n, complaint)
            self._kernel.say_net(n, "conn( WFReportParams -> Disconnecting ) ")
            self._kernel.say_net(n, "error receiving ReportState, e: -5 l: 0!")
            self._close(n, "Disconnecting", "StandAlone")
            self.sides[n].discard = False

    def _agree(self) -> None:
        for n in (0, 1):
            peer = self.sides[1 - n]
            self._kernel.say(
                n,
                f"peer( Unknown -> {peer.role} ) conn( WFReportParams -> Connected ) pdsk( DUnknown -> {peer.disk} ) ",
            )
        for n, side in enumerate(self.sides):
            peer = self.sides[1 - n]
            side.connection, side.peer_role, side.peer_disk = "Connected", peer.role, peer.disk
            side.crashed_primary = side.discard = False
            side.out_of_sync = 0

    def _part(self, n: int, through: str, to: str) -> None:
        """One side loses or leaves the connection; a Primary begins a new generation at once."""
        side = self.sides[n]
        was = side.connection
        self._session += 1
        self._kernel.say_net(
            n,
            f"peer( {side.peer_role} -> Unknown ) conn( {was} -> {through} ) pdsk( {side.peer_disk} -> DUnknown ) ",
        )
        side.peer_role, side.peer_disk, side.connection = "Unknown", "DUnknown", through
        side.peer_paused = False
        side.progress, side.pending, side.want = None, 0, 0
        if side.primary and side.disk == "UpToDate" and side.uuids[1] == 0:
            self._new_generation(n, side.uuids[0] | 1)
        self._close(n, through, to)

    def _close(self, n: int, through: str, to: str) -> None:
        side = self.sides[n]
        self._kernel.say_net(n, "ack_receiver terminated")
        self._kernel.say_net(n, f"Terminating drbd_a_{RESOURCE}")
        self._kernel.say_net(n, "Connection closed")
        if to == "StandAlone":
            self._kernel.say_net(n, f"conn( {through} -> StandAlone ) ")
            self._kernel.say_net(n, "receiver terminated")
            self._kernel.say_net(n, f"Terminating drbd_r_{RESOURCE}")
        else:
            self._kernel.say_net(n, f"conn( {through} -> Unconnected ) ")
            self._kernel.say_net(n, "receiver terminated")
            self._kernel.say_net(n, "Restarting receiver thread")
            self._kernel.say_net(n, "receiver (re)started")
            self._kernel.say_net(n, "conn( Unconnected -> WFConnection ) ")
        side.connection = to

    def _new_generation(self, n: int, base: int) -> None:
        side = self.sides[n]
        side.uuids = [new_uuid(self._rng), base, *side.uuids[2:]]
        self._kernel.say(n, f"new current UUID {uuids_text(side.shown_uuids())}")

    def _talks(self) -> bool:
        """Whether what one side says now arrives at the other."""
        return self.reaches() and all(side.configured and side.connected for side in self.sides)

    def _both(self, n: int) -> tuple[Replica, Replica]:
        return self.sides[n], self.sides[1 - n]

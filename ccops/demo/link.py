"""How the two sides of the volume meet, judge each other's data, part, and drop each other, in DRBD 8.4's words."""

from __future__ import annotations

import random
from collections.abc import Callable

from ccops.demo.handshake import SPLIT_BRAIN, UNRELATED, compare
from ccops.demo.kernel import KernelLog
from ccops.demo.machine import Machine
from ccops.demo.replica import RESOURCE, Replica, new_uuid, uuids_text
from ccops.demo.resync import Resync
from ccops.demo.schedule import Schedule, Work

_TICK = 0.25
_GOOD = frozenset({"UpToDate", "Consistent", "Outdated", "Negotiating"})


class Link:
    """The connection between both sides. `reaches()` tells whether packets pass between the nodes."""

    def __init__(
        self,
        schedule: Schedule,
        machines: tuple[Machine, Machine],
        sides: tuple[Replica, Replica],
        resync: Resync,
        reaches: Callable[[], bool],
        rng: random.Random,
    ) -> None:
        self.schedule = schedule
        self.machines = machines
        self.sides = sides
        self.resync = resync
        self.reaches = reaches
        self._rng = rng
        self._session = 0
        self._kernel = KernelLog(machines)

    def talks(self) -> bool:
        """Whether what one side says now arrives at the other."""
        return self.reaches() and all(side.configured and side.connected for side in self.sides)

    def watch(self) -> Work:
        """Notices lost packets and waiting peers, for ever."""
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
                    self.part(n, "NetworkFailure", "WFConnection")
                    lost[n] = None
            waiting = all(s.configured and s.connection == "WFConnection" for s in self.sides)
            if waiting and reach:
                yield from self._meet()
            elif reach:
                self._notice_reset()
                self._deliver()

    def part(self, n: int, through: str, to: str) -> None:
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
            self.new_generation(n, side.uuids[0] | 1)
        self.close(n, through, to)

    def close(self, n: int, through: str, to: str) -> None:
        """The connection's threads end; what was asked for with it is forgotten unless it is tried again."""
        side = self.sides[n]
        self._kernel.say_net(n, "ack_receiver terminated")
        self._kernel.say_net(n, f"Terminating drbd_a_{RESOURCE}")
        self._kernel.say_net(n, "Connection closed")
        if to == "StandAlone":
            self._kernel.say_net(n, f"conn( {through} -> StandAlone ) ")
            self._kernel.say_net(n, "receiver terminated")
            self._kernel.say_net(n, f"Terminating drbd_r_{RESOURCE}")
            side.discard = side.tentative = False
        else:
            self._kernel.say_net(n, f"conn( {through} -> Unconnected ) ")
            self._kernel.say_net(n, "receiver terminated")
            self._kernel.say_net(n, "Restarting receiver thread")
            self._kernel.say_net(n, "receiver (re)started")
            self._kernel.say_net(n, "conn( Unconnected -> WFConnection ) ")
        side.connection = to

    def lose(self, n: int) -> None:
        """A side that loses its power leaves without a word."""
        side = self.sides[n]
        if side.connected:
            self._session += 1
            self.resync.end()
            side.connection, side.peer_role, side.peer_disk = "WFConnection", "Unknown", "DUnknown"

    def new_generation(self, n: int, base: int) -> None:
        """From now on this side's data has an identity of its own; `base` is the one it grew from."""
        side = self.sides[n]
        side.uuids = [new_uuid(self._rng), base, *side.uuids[2:]]
        self._kernel.say(n, f"new current UUID {uuids_text(side.shown_uuids())}")

    def rejoin(self, n: int) -> bool:
        """A side that takes its disk back while connected: compares, and copies or is current; False: unsuitable."""
        verdict = self._judge()
        if self._complain(verdict):
            return False
        side, peer = self.sides[n], self.sides[1 - n]
        if verdict == 0:
            disk = "UpToDate" if side.disk == "Negotiating" else side.disk
            self._kernel.say(n, f"disk( Negotiating -> {disk} ) ")
            self._kernel.say(1 - n, f"pdsk( {peer.peer_disk} -> {disk} ) ")
            side.disk = peer.peer_disk = disk
        else:
            self.resync.become(*((0, 1) if verdict > 0 else (1, 0)), full=abs(verdict) == 2)
        return True

    # Looking for each other.

    def _notice_reset(self) -> None:
        """A side that still thinks itself connected learns from the peer's new attempt that it is not."""
        for n, side in enumerate(self.sides):
            peer = self.sides[1 - n]
            if side.connected and peer.configured and not peer.connected:
                self._kernel.say_net(n, "sock was shut down by peer")
                self.part(n, "BrokenPipe", "WFConnection")

    def _deliver(self) -> None:
        """What one side said while packets were lost, and for less long than either would notice, arrives late."""
        if not self.talks():
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
        if any(side.disk == "Diskless" for side in self.sides):
            self._agree()
            return
        verdict = self._judge()
        if self._complain(verdict):
            self._drop()
        elif any(side.tentative for side in self.sides):
            self._rehearse(verdict)
            self._drop()
        elif all(side.primary for side in self.sides):
            for n in (0, 1):
                self._kernel.say(n, "State change failed: Multiple primaries not allowed by config")
            self._drop()
        elif verdict == 0:
            self._agree()
        else:
            self.resync.become(*((0, 1) if verdict > 0 else (1, 0)), full=abs(verdict) == 2)

    def _judge(self) -> int:
        """Logs the handshake on both sides; the verdict is node 1's: positive when it is the source."""
        one, two = self.sides
        verdicts = []
        for n, (me, it) in enumerate(((one, two), (two, one))):
            self._kernel.say(n, "drbd_sync_handshake:")
            for word, side, flags in (("self", me, 0), ("peer", it, int(it.discard) | it.crashed_primary << 1)):
                bits = side.out_of_sync // 4
                self._kernel.say(n, f"{word} {uuids_text(side.shown_uuids())} bits:{bits} flags:{flags}")
            verdict, rule = compare(me.uuids, it.uuids, me.crashed_primary, it.crashed_primary)
            self._kernel.say(n, f"uuid_compare()={verdict} by rule {rule}")
            verdicts.append(verdict)
        verdict = verdicts[0]
        bad = [side.disk == "Inconsistent" for side in self.sides]
        if bad[0] != bad[1] and verdict != UNRELATED:
            full = 2 if abs(verdict) in {2, SPLIT_BRAIN} and verdict != SPLIT_BRAIN else 1
            verdict = full if bad[1] else -full
            for n in (0, 1):
                self._kernel.say(n, f"Becoming sync {'target' if bad[n] else 'source'} due to disk states.")
        elif abs(verdict) == SPLIT_BRAIN:
            for n in (0, 1):
                self._kernel.help(n, "initial-split-brain")
            if one.discard == two.discard:
                return SPLIT_BRAIN
            verdict = -1 if one.discard else 1
            for n in (0, 1):
                word = "peer" if (n == 0) == one.discard else "this"
                self._kernel.say(n, f"Split-Brain detected, manually solved. Sync from {word} node")
        return verdict

    def _complain(self, verdict: int) -> bool:
        """Says why the two cannot be connected, if so."""
        if verdict == UNRELATED:
            for n in (0, 1):
                self._kernel.say(n, "Unrelated data, aborting!")
            return True
        if verdict == SPLIT_BRAIN:
            for n in (0, 1):
                self._kernel.say(n, "Split-Brain detected but unresolved, dropping connection!")
                self._kernel.help(n, "split-brain")
            return True
        if verdict == 0:
            return False
        source, target = (0, 1) if verdict > 0 else (1, 0)
        if self.sides[source].disk == "Inconsistent":
            self._kernel.say(source, "I shall become SyncSource, but I am inconsistent!")
            return True
        # A Primary without data of its own may well become the target: it has worked on the peer's.
        if self.sides[target].primary and self.sides[target].disk in _GOOD - {"Outdated", "Negotiating"}:
            self._kernel.say(target, "I shall become SyncTarget, but I am primary!")
            return True
        return False

    def _rehearse(self, verdict: int) -> None:
        """Both sides tell what a real connect would have come to."""
        for n in (0, 1):
            if verdict == 0:
                self._kernel.say(n, "dry-run connect: No resync, would become Connected immediately.")
                continue
            word = "SyncSource" if (verdict > 0) == (n == 0) else "SyncTarget"
            kind = "full" if abs(verdict) == 2 else "bit-map based"
            self._kernel.say(n, f"dry-run connect: Would become {word}, doing a {kind} resync.")

    def _drop(self) -> None:
        """Both give the connection up; whose peer only rehearsed waits for it again."""
        rehearsing = [side.tentative for side in self.sides]
        for n in (0, 1):
            through = "ProtocolError" if rehearsing[1 - n] else "Disconnecting"
            failed = f"conn( WFReportParams -> {through} ) "
            if rehearsing[1 - n]:
                self._kernel.say_net(n, "error receiving ReportState, e: -5 l: 0!")
                self._kernel.say_net(n, failed)
                self.close(n, through, "WFConnection")
            else:
                self._kernel.say_net(n, failed)
                self._kernel.say_net(n, "error receiving ReportState, e: -5 l: 0!")
                self.close(n, through, "StandAlone")

    def _agree(self) -> None:
        for n in (0, 1):
            side, peer = self.sides[n], self.sides[1 - n]
            if side.out_of_sync and "Diskless" not in {side.disk, peer.disk}:
                self._kernel.say(n, f"No resync, but {side.out_of_sync // 4} bits in bitmap!")
        disks = [side.disk for side in self.sides]
        # What is the same as current data is current, however it was called before.
        if "UpToDate" in disks:
            disks = ["UpToDate" if disk in {"Outdated", "Consistent"} else disk for disk in disks]
        for n in (0, 1):
            side, peer = self.sides[n], self.sides[1 - n]
            own = f"disk( {side.disk} -> {disks[n]} ) " if disks[n] != side.disk else ""
            self._kernel.say(
                n,
                f"peer( Unknown -> {peer.role} ) conn( WFReportParams -> Connected ) {own}"
                f"pdsk( DUnknown -> {disks[1 - n]} ) ",
            )
        for n, side in enumerate(self.sides):
            side.connection, side.peer_role, side.peer_disk = "Connected", self.sides[1 - n].role, disks[1 - n]
            side.disk = disks[n]
            side.crashed_primary = side.discard = False

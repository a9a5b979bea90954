"""A resync or an online verify: how it starts, goes on, pauses and ends on both sides."""

from __future__ import annotations

import random
from collections.abc import Callable

from ccops.demo.campaigns import copied
from ccops.demo.kernel import KernelLog
from ccops.demo.machine import Machine
from ccops.demo.replica import Progress, Replica, new_uuid, uuids_text
from ccops.demo.schedule import Schedule, Task, Work

_NEXT_BITMAP = 1 << 48
_TICK = 0.25


class Resync:
    """Copies what differs from one side to the other, or compares everything; one at a time.

    How fast is the target's choice: its `rate` in KiB per simulated second.
    """

    def __init__(
        self,
        schedule: Schedule,
        machines: tuple[Machine, Machine],
        sides: tuple[Replica, Replica],
        reaches: Callable[[], bool],
        rng: random.Random,
    ) -> None:
        self.schedule = schedule
        self.machines = machines
        self.sides = sides
        self.reaches = reaches
        self._rng = rng
        self._kernel = KernelLog(machines)
        self._task: Task | None = None

    def verify(self, n: int) -> None:
        """Node n compares all blocks with its peer's."""
        for i, word in ((n, "VerifyS"), (1 - n, "VerifyT")):
            self._kernel.say(i, f"conn( Connected -> {word} ) ")
            self.sides[i].connection = word
        self._kernel.say(n, "Starting Online Verify from sector 0")
        self._kernel.say(1 - n, "Online Verify start sector: 0")
        self._begin("verify", n, self.sides[n].size)
        self.sides[n].pending = 231

    def become(self, source: int, target: int, full: bool = False) -> None:
        """Starts the resync: its states, UUIDs and lines on both sides."""
        s, t = self.sides[source], self.sides[target]
        # After a resync that broke off both bitmaps tell of the same blocks, after a split brain of different ones.
        # What a verify found is marked on both.
        apart = s.out_of_sync + t.out_of_sync - min(s.found, t.found)
        marked = apart if t.disk != "Inconsistent" else max(s.out_of_sync, t.out_of_sync)
        total = s.size if full else min(s.size, marked)
        fresh = not s.connected
        seen, had = s.peer_disk, t.disk
        if not fresh:
            # An invalidated side says so itself; one that took its disk back learns that it is behind.
            had = "Inconsistent" if had == "UpToDate" else had
            said = f"disk( {t.disk} -> {'Outdated' if had == 'Negotiating' else 'Inconsistent'} ) "
            self._kernel.say(source, f"conn( Connected -> WFBitMapS ) pdsk( {seen} -> Consistent ) ")
            self._kernel.say(target, f"conn( Connected -> WFBitMapT ) {said if t.disk != 'Inconsistent' else ''}")
            seen = "Consistent"
        else:
            seen, had = "Consistent", "Outdated" if t.disk == "UpToDate" else t.disk
            self._kernel.say(
                source,
                f"peer( Unknown -> {t.role} ) conn( WFReportParams -> WFBitMapS ) pdsk( DUnknown -> Consistent ) ",
            )
            lost = f"disk( {t.disk} -> Outdated ) " if t.disk == "UpToDate" else ""
            self._kernel.say(
                target,
                f"peer( Unknown -> {s.role} ) conn( WFReportParams -> WFBitMapT ) {lost}pdsk( DUnknown -> UpToDate ) ",
            )
        for n in (source, target):
            first, second = ("send", "receive") if n == source else ("receive", "send")
            for word in (first, second):
                self._kernel.say(
                    n,
                    f"{word} bitmap stats [Bytes(packets)]: plain 0(0), RLE 154(1), total 154; compression: 98.8%",
                )
        self._kernel.say(target, "conn( WFBitMapT -> WFSyncUUID ) ")
        base = s.uuids[1] or new_uuid(self._rng)
        following = (base + _NEXT_BITMAP) & 0xFFFF_FFFF_FFFF_FFFF
        s.uuids = [s.uuids[0], following, base, s.uuids[2]]
        t.uuids = [following & ~1, 0, t.uuids[2], t.uuids[3]]
        bits = total // 4
        self._kernel.help(source, "before-resync-source")
        self._kernel.say(source, f"conn( WFBitMapS -> SyncSource ) pdsk( {seen} -> Inconsistent ) ")
        self._kernel.say(source, f"Began resync as SyncSource (will sync {total} KB [{bits} bits set]).")
        self._kernel.say(source, f"updated sync UUID {uuids_text(s.shown_uuids())}")
        self._kernel.say(target, f"updated sync uuid {uuids_text(t.shown_uuids())}")
        self._kernel.help(target, "before-resync-target")
        had = "Outdated" if had == "Negotiating" else had
        fell = f"disk( {had} -> Inconsistent ) " if had != "Inconsistent" else ""
        self._kernel.say(target, f"conn( WFSyncUUID -> SyncTarget ) {fell}")
        self._kernel.say(target, f"Began resync as SyncTarget (will sync {total} KB [{bits} bits set]).")
        s.connection, s.peer_role, s.peer_disk = "SyncSource", t.role, "Inconsistent"
        t.connection, t.peer_role, t.peer_disk = "SyncTarget", s.role, s.disk
        t.disk = "Inconsistent"
        for side in (s, t):
            side.out_of_sync = total
            side.crashed_primary = side.discard = False
        s.peer_paused, t.peer_paused = t.user_paused, s.user_paused
        self._begin("resync", source, total)
        for side in self.sides:
            self.hold(side)

    def _begin(self, kind: str, leader: int, total: int) -> None:
        self.end()
        for n in (0, 1):
            self.sides[n].progress = Progress(kind, total, total, self.machines[n].wall())
        self._task = self.schedule.spawn(self._sync(kind, leader))

    def _sync(self, kind: str, leader: int) -> Work:
        while True:
            yield _TICK
            first, second = (self.sides[leader], self.sides[1 - leader])
            one, two = first.progress, second.progress
            if one is None or two is None:
                return
            paused = first.connection.startswith("Paused") or second.connection.startswith("Paused")
            if paused or not self.reaches():
                continue
            rate = first.rate if kind == "verify" else second.rate
            amount = min(one.left, rate * _TICK * (0.9 + 0.2 * self._rng.random()))
            one.left -= amount
            two.left = max(0.0, one.left - amount * 0.4)
            self._count_blocks(kind, first, second, amount)
            for side, machine in zip((first, second), (self.machines[leader], self.machines[1 - leader]), strict=True):
                progress = side.progress
                if progress is not None:
                    progress.marks.append((machine.wall(), progress.left))
                    del progress.marks[:-100]
            if one.left <= 0:
                self._finish(kind, leader)
                return

    def _count_blocks(self, kind: str, first: Replica, second: Replica, amount: float) -> None:
        kib = int(amount) // 4 * 4
        if kind == "verify":
            first.read += kib
            second.read += kib
            return
        first.sent += kib
        first.read += kib
        second.received += kib
        second.written += kib
        # At a fixed rate that rate is wanted; the controller of 8.4 wants what it has found to be good.
        configured = self.machines[0 if second is self.sides[0] else 1].configuration.resync_rate
        second.want = 14_280 if second.rate == configured else second.rate
        first.pending = 2
        for side in (first, second):
            progress = side.progress
            side.out_of_sync = int(progress.left) // 4 * 4 if progress else 0

    def _finish(self, kind: str, leader: int) -> None:
        progress = self.sides[leader].progress
        everything = progress is not None and progress.total >= self.sides[leader].size
        for n in (leader, 1 - leader):
            side, machine = self.sides[n], self.machines[n]
            progress = side.progress
            if progress is None:
                continue
            seconds = int(progress.elapsed(machine.wall()))
            speed = int(progress.total / max(1, seconds))
            paused = int(progress.paused_s)
            word = "Online verify" if kind == "verify" else "Resync"
            self._kernel.say(n, f"{word} done (total {seconds} sec; paused {paused} sec; {speed} K/sec)")
            side.progress = None
            side.pending = side.want = 0
            if kind == "verify":
                self._tell_found(n)
                self._kernel.say(n, f"conn( {side.connection} -> Connected ) ")
                side.connection = "Connected"
        if everything:
            for side in self.sides:
                side.damaged = 0
        if kind == "resync":
            self._complete(leader)

    def _tell_found(self, n: int) -> None:
        """What a verify found is marked out of sync, beside what was marked before."""
        side = self.sides[n]
        found = sum(s.damaged for s in self.sides)
        if found:
            self._kernel.say(n, f"Out of sync: start=8, size={2 * found} (sectors)")
        side.out_of_sync = min(side.size, side.out_of_sync + found)
        side.found = min(side.size, side.found + found)
        if side.out_of_sync:
            self._kernel.say(n, f"Online verify found {side.out_of_sync // 4} 4k block out of sync!")
            self._kernel.help(n, "out-of-sync")

    def _complete(self, source: int) -> None:
        s, t = self.sides[source], self.sides[1 - source]
        base, history = s.uuids[1], s.uuids[2]
        s.uuids = [s.uuids[0], 0, base, history]
        t.uuids = [s.uuids[0] & ~1, 0, base & ~1, history]
        s.out_of_sync = t.out_of_sync = s.found = t.found = 0
        t.content, t.calls, t.breaks, t.asterisk = s.content, list(s.calls), list(s.breaks), dict(s.asterisk)
        t.books = copied(s.books)
        self._kernel.say(source, f"updated UUIDs {uuids_text(s.shown_uuids())}")
        self._kernel.say(source, f"conn( {s.connection} -> Connected ) pdsk( Inconsistent -> UpToDate ) ")
        self._kernel.say(1 - source, f"updated UUIDs {uuids_text(t.shown_uuids())}")
        self._kernel.say(1 - source, f"conn( {t.connection} -> Connected ) disk( Inconsistent -> UpToDate ) ")
        self._kernel.help(1 - source, "after-resync-target")
        s.connection = t.connection = "Connected"
        s.peer_disk = t.disk = "UpToDate"

    def hold(self, side: Replica) -> None:
        """Moves a resync into or out of its paused state."""
        paused = side.user_paused or side.peer_paused
        progress = side.progress
        if progress is None or progress.kind != "resync":
            return
        wall = self.machines[self.sides.index(side)].wall()
        if paused and side.connection in {"SyncSource", "SyncTarget"}:
            side.connection = "PausedSyncS" if side.connection == "SyncSource" else "PausedSyncT"
            progress.paused_since = wall
        elif not paused and side.connection.startswith("PausedSync"):
            side.connection = "SyncSource" if side.connection == "PausedSyncS" else "SyncTarget"
            progress.paused_s += wall - (progress.paused_since or wall)
            progress.paused_since = None
            progress.marks.clear()

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for side in self.sides:
            side.progress, side.pending, side.want = None, 0, 0

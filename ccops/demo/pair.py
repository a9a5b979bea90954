"""The simulated pair: two machines, their volume and Heartbeat, and all that can be done to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ccops.demo.answer import Answer
from ccops.demo.calls import Break, Call, make_history
from ccops.demo.drbd import Drbd
from ccops.demo.faults import Faults
from ccops.demo.heartbeat import Heartbeat
from ccops.demo.holders import Holder
from ccops.demo.machine import SERVICES, Machine
from ccops.demo.schedule import Schedule, Work

# Linux gives no process a greater number: whoever sends a signal to a simulated one hits nobody.
_NO_REAL_PID = 1 << 22


class SimulatedPair:
    """Both nodes and what lies between them, healthy at first: node 1 serves. `cold`: both are just being started.

    `step(seconds)` lets simulated time pass. `skews` are how far the nodes' clocks are off, `size` and `rate` the
    volume in KiB and its resync in KiB/s, `writes` what the serving node writes in KiB/s. A call centre that moves in
    leaves its Asterisk's command line in `console`; `settle_files(n)` takes over what was written to node n's volume.
    """

    def __init__(
        self,
        seed: int = 1,
        wall: Callable[[], float] | None = None,
        skews: tuple[float, float] = (0.0, -0.2),
        size: int = 4 << 20,
        rate: int = 10_240,
        writes: int = 60,
        cold: bool = False,
    ) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a simulation that must repeat itself
        self.schedule = Schedule(wall)
        self.machines = (
            Machine(0, self.schedule, self.rng, skews[0]),
            Machine(1, self.schedule, self.rng, skews[1]),
        )
        self.network = True
        self.replication = True
        self.writes = writes
        self.drbd = Drbd(self.schedule, self.machines, self._replicates, self.rng, size, rate)
        for side in self.drbd.sides:
            side.calls = make_history(seed, self.schedule.wall())
        self.heartbeat = Heartbeat(self.schedule, self.machines, self.drbd, self._connects, self.reboot)
        self.resources = self.heartbeat.resources
        self.faults = Faults(self.schedule)
        self.console: Callable[[int, str], list[str]] | None = None
        self.settle_files: Callable[[int], None] = lambda n: None
        if cold:
            self._start_cold()
        else:
            self._start_healthy()
        self.schedule.spawn(self._write())

    def step(self, seconds: float) -> None:
        """Lets simulated time pass."""
        self.schedule.step(seconds)

    def record_call(self, n: int, call: Call) -> None:
        """A call has ended on node n and is written to its volume; while they are connected, to both."""
        for side in (0, 1):
            if side == n or self.drbd.sides[n].connected:
                self.drbd.sides[side].calls.append(call)

    def record_break(self, n: int, taken: Break) -> None:
        """A break has ended on node n: the same."""
        for side in (0, 1):
            if side == n or self.drbd.sides[n].connected:
                self.drbd.sides[side].breaks.append(taken)

    def write_file(self, n: int, name: str, content: bytes | None) -> None:
        """A file of Asterisk's configuration was written (None: deleted) on node n's volume: the same."""
        for side in (0, 1):
            if side == n or self.drbd.sides[n].connected:
                files = self.drbd.sides[side].asterisk
                if content is None:
                    files.pop(name, None)
                else:
                    files[name] = content

    def record_table(self, n: int, table: str, rows: list[dict[str, Any]]) -> None:
        """A statement on node n has made these of a table's rows: the same."""
        for side in (0, 1):
            if side == n or self.drbd.sides[n].connected:
                self.drbd.sides[side].books[table] = [dict(row) for row in rows]

    @property
    def serving(self) -> tuple[int, ...]:
        """The nodes that hold the address and run both services: one, none, or in a split brain both."""
        return tuple(m.index for m in self.machines if m.powered and m.address and all(m.runs(s) for s in SERVICES))

    def cut_network(self) -> None:
        """Nothing passes between the nodes any more; both can still be reached from outside."""
        self.network = False

    def cut_replication(self) -> None:
        """Only DRBD's packets are lost."""
        self.replication = False

    def heal(self) -> None:
        """Everything passes between the nodes again."""
        self.network = self.replication = True

    def power_off(self, n: int) -> None:
        """Pulls node n's plug (0 or 1)."""
        machine = self.machines[n]
        if not machine.powered:
            return
        self.schedule.thaw(n)
        self.schedule.drop(n)
        self.drbd.power_off(n)
        self.heartbeat.power_off(n)
        machine.power_off()

    def boot(self, n: int) -> None:
        """Switches node n on; its DRBD and Heartbeat start by themselves."""
        machine = self.machines[n]
        if machine.powered:
            return
        machine.boot()
        self.schedule.spawn(self._boot(n), owner=n)

    def reboot(self, n: int, down_s: float = 20.0) -> None:
        """Node n goes down at once, and boots after so many seconds."""
        self.schedule.after(0.5, lambda: self.power_off(n))
        self.schedule.after(down_s, lambda: self.boot(n))

    def freeze(self, n: int) -> None:
        """Node n hangs: its sockets stay open and nothing answers."""
        if self.machines[n].alive:
            self.schedule.freeze(n)
            self.machines[n].freeze()

    def thaw(self, n: int) -> None:
        """Node n goes on where it hung."""
        if self.machines[n].frozen:
            self.machines[n].thaw()
            self.schedule.thaw(n)

    def configure(self, n: int, **changes: Any) -> None:
        """Changes what node n's files say (`verify_alg`, `resync_rate`, `auto_failback`), in force at once."""
        self.machines[n].configuration = replace(self.machines[n].configuration, **changes)

    def hold(self, n: int, name: str = "bash", path: str = "/data", killable: bool = True, kernel: bool = False) -> int:
        """Something on node n keeps `path` busy from now on: a process, whose id is returned.

        Below /data it is in the way of an unmount, below /dev of `drbdadm secondary`. What is not `killable` survives
        the Filesystem agent's signals; what is the `kernel`'s own (an NFS export; in /dev a stacked device, seen
        among the holders in /sys) is no process at all, and 0 is returned.
        """
        machine = self.machines[n]
        holder = Holder(name, path, 0 if kernel else _NO_REAL_PID + machine.pid(), killable and not kernel, kernel)
        machine.holders.add(holder)
        return holder.pid

    def let_go(self, n: int) -> None:
        """Nothing but the services holds the volume of node n any more."""
        self.machines[n].holders.clear()

    def lie(self, n: int, words: Sequence[str], answer: Answer) -> None:
        """The next command on node n with these words (`("hb_standby",)`) prints that and does nothing."""
        self.faults.lie(n, words, answer)

    def delay(self, n: int, words: Sequence[str], seconds: float, done: bool = False) -> None:
        """The next command on node n with these words hangs so long (simulated) before it acts, or `done`, answers."""
        self.faults.delay(n, words, seconds, done)

    def stop_service(self, n: int, name: str, then_start: bool = False) -> None:
        """Stops a service as systemd does; Heartbeat does not notice."""
        self.schedule.spawn(self._cycle(n, name, then_start), owner=n)

    def start_service(self, n: int, name: str) -> None:
        """Starts a service as systemd does."""
        self.schedule.spawn(self._begin(n, name), owner=n)

    def check(self) -> list[str]:
        """What can never be and yet is; empty when all is well."""
        wrong = self.drbd.check()
        for machine, side in zip(self.machines, self.drbd.sides, strict=True):
            if machine.mounted and not side.primary:
                wrong.append(f"{machine.name} has /data mounted and is {side.role}")
            if machine.runs("mysqld") and not machine.mounted:
                wrong.append(f"{machine.name} runs mysqld without /data")
        return wrong

    def _connects(self) -> bool:
        return self.network and all(m.alive for m in self.machines)

    def _replicates(self) -> bool:
        return self._connects() and self.replication

    def _start_healthy(self) -> None:
        first = self.machines[0]
        self.drbd.sides[0].role = "Primary"
        self.drbd.sides[1].peer_role = "Primary"
        for side, (sent, received, written, read) in zip(
            self.drbd.sides, ((439_923, 0, 472_252, 415_246), (0, 439_923, 446_811, 0)), strict=True
        ):
            side.sent, side.received, side.written, side.read = sent, received, written, read
        self.drbd.sides[1].activity = 8
        first.address = True
        first.mounted = self.drbd.sides[0].held_open = True
        for name in SERVICES:
            first.set_service(name, "active")
        self.resources[0].complete = True

    def _start_cold(self) -> None:
        """The daemons start, on machines that have been up for long."""
        for machine in self.machines:
            self.power_off(machine.index)
            self.boot(machine.index)
            machine.booted_at -= 11 * 86_400

    def _boot(self, n: int) -> Work:
        yield 8.0
        self.drbd.boot(n)
        yield 4.0
        self.heartbeat.boot(n)

    def _write(self) -> Work:
        """What MySQL and the recordings write, in bursts."""
        while True:
            yield 1.0
            for machine in self.machines:
                if machine.alive and machine.runs("mysqld"):
                    kib = int(self.writes * (0.5 + self.rng.random()))
                    self.drbd.write(machine.index, kib, kib // 40)
                busy = 0.9 if machine.runs("asterisk") else 0.12
                machine.load += (busy * (0.6 + 0.8 * self.rng.random()) - machine.load) / 20

    def _cycle(self, n: int, name: str, then_start: bool) -> Work:
        machine = self.machines[n]
        machine.set_service(name, "deactivating")
        yield 1.2
        machine.set_service(name, "inactive")
        if then_start:
            yield from self._begin(n, name)

    def _begin(self, n: int, name: str) -> Work:
        machine = self.machines[n]
        machine.set_service(name, "activating")
        yield 2.0
        # MySQL's data directory is on the volume.
        writable = machine.mounted and not machine.read_only
        machine.set_service(name, "active" if writable or name != "mysqld" else "failed")

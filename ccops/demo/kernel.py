"""DRBD's lines in the kernel log: of the device, of the resource, of helper commands."""

from __future__ import annotations

from ccops.demo.machine import Machine
from ccops.demo.replica import MINOR, RESOURCE, Replica


class KernelLog:
    """Speaks in either node's kernel log, in the form of DRBD 8.4."""

    def __init__(self, machines: tuple[Machine, Machine]) -> None:
        self._machines = machines

    def say(self, n: int, text: str) -> None:
        """Of the device: `block drbd1: …`."""
        self._machines[n].log_kernel(f"block drbd{MINOR}: {text}")

    def say_net(self, n: int, text: str) -> None:
        """Of the connection: `drbd data: …`."""
        self._machines[n].log_kernel(f"drbd {RESOURCE}: {text}")

    def say_marked(self, n: int, side: Replica, whole: bool = False) -> None:
        """How much the bitmap marks; small amounts in KB unless `whole`."""
        kib = side.out_of_sync
        size = f"{kib // 1024} MB" if whole or kib >= 10_240 else f"{kib} KB"
        self.say(n, f"{size} ({kib // 4} bits) marked out-of-sync by on disk bit-map.")

    def help(self, n: int, helper: str) -> None:
        """A helper was called and ended well."""
        for end in ("", " exit code 0 (0x0)"):
            self.say(n, f"helper command: /sbin/drbdadm {helper} minor-{MINOR}{end}")

"""One side of the replicated volume, and what DRBD 8.4 prints of it (`drbd/drbd_proc.c`, drbd-utils 9.15)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from ccops.demo.calls import Break, Call

VERSION = "8.4.11"
SRCVERSION = "07B2B73308F5B02A759D097"
RESOURCE = "data"
MINOR = 1
JUST_CREATED = 4

Refusal = tuple[int, str] | None
"""None, or why the kernel does not do what was asked: its code and its words."""

_HEADER = f"version: {VERSION} (api:1/proto:86-101)\nsrcversion: {SRCVERSION} \n"
_CONNECTED = {"Connected", "SyncSource", "SyncTarget", "PausedSyncS", "PausedSyncT", "VerifyS", "VerifyT"}
_HANDSHAKE = {"WFBitMapS", "WFBitMapT", "WFSyncUUID"}


@dataclass
class Progress:
    """A resync or verify under way, as seen from one moment: KiB, and seconds of the node's clock."""

    kind: str
    total: int
    left: float
    started: float
    marks: list[tuple[float, float]] = field(default_factory=list)
    paused_s: float = 0.0
    paused_since: float | None = None

    def speed(self, wall: float) -> tuple[int, int]:
        """KiB/s lately (at most 18 s back) and since the start, without the pauses."""
        at, left = next(((t, k) for t, k in self.marks if wall - t <= 18.0), (self.started, float(self.total)))
        recent = (left - self.left) / max(1.0, wall - at)
        return max(0, int(recent)), self.average(wall)

    def average(self, wall: float) -> int:
        """KiB/s since the start."""
        return int((self.total - self.left) / max(1.0, self.elapsed(wall)))

    def elapsed(self, wall: float) -> float:
        """Seconds since the start without the pauses."""
        paused = self.paused_s + (wall - self.paused_since if self.paused_since is not None else 0.0)
        return max(0.0, wall - self.started - paused)


@dataclass
class Replica:
    """One node's DRBD device. UUIDs are current, bitmap, two of history; sizes are KiB, `content` that of the files.

    `stored` is the disk state that the meta-data of a detached disk tells; `rate` in KiB/s is that of a resync towards
    this side; `damaged` differs from what was written and nobody knows it, `found` is what a verify
    marked. `calls` and `breaks` are those whose traces are in the files, `asterisk` its configuration files by name,
    `books` the tables of the call-center module that people edit.
    """

    size: int
    configured: bool = True
    role: str = "Secondary"
    disk: str = "UpToDate"
    connection: str = "Connected"
    peer_role: str = "Secondary"
    peer_disk: str = "UpToDate"
    uuids: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    out_of_sync: int = 0
    content: int = 17_987
    sent: int = 0
    received: int = 0
    written: int = 0
    read: int = 0
    activity: int = 13
    pending: int = 0
    want: int = 0
    user_paused: bool = False
    peer_paused: bool = False
    crashed_primary: bool = False
    discard: bool = False
    tentative: bool = False
    held_open: bool = False
    suspended: bool = False
    stored: str = "UpToDate"
    rate: int = 10_240
    damaged: int = 0
    found: int = 0
    progress: Progress | None = None
    calls: list[Call] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    asterisk: dict[str, bytes] = field(default_factory=dict)
    books: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        """Whether the two sides talk of blocks now."""
        return self.connection in _CONNECTED or self.connection in _HANDSHAKE

    @property
    def primary(self) -> bool:
        """Whether this side is Primary."""
        return self.role == "Primary"

    def shown_uuids(self) -> list[int]:
        """The UUIDs with the role in the current one's bit 0."""
        current = self.uuids[0]
        if current != JUST_CREATED:
            current = current | 1 if self.primary else current & ~1
        return [current, *self.uuids[1:]]

    def flags(self) -> tuple[int, ...]:
        """The seven flags of the generation identifiers."""
        consistent = self.disk in {"UpToDate", "Outdated", "Consistent"}
        peer_bad = self.connected and self.peer_disk in {"Inconsistent", "Outdated"}
        facts = (
            consistent,
            self.disk == "UpToDate",
            self.primary,
            self.connected,
            False,
            peer_bad,
            self.crashed_primary,
        )
        return tuple(int(fact) for fact in facts)

    def generation(self) -> str:
        """`drbdadm get-gi`."""
        return ":".join([*(f"{u:016X}" for u in self.shown_uuids()), *map(str, self.flags())])


def new_uuid(rng: random.Random) -> int:
    """A generation's UUID: any number without the role bit."""
    return rng.getrandbits(64) & ~1 | 1 << 63


def uuids_text(uuids: list[int]) -> str:
    """Four UUIDs as the kernel logs them."""
    return ":".join(f"{u:016X}" for u in uuids)


def print_proc(side: Replica, wall: float) -> str:
    """/proc/drbd."""
    idle = side.connection == "StandAlone" and side.disk == "Diskless" and not side.primary
    if not side.configured or idle:
        return f"{_HEADER}\n {MINOR}: cs:Unconfigured\n"
    protocol = " " if side.connection == "StandAlone" else "C"
    flags = (
        ("s-" if side.suspended else "r-")
        + ("p" if side.peer_paused else "-")
        + ("u" if side.user_paused else "-")
        + "--"
    )
    return (
        f"{_HEADER}\n {MINOR}: cs:{side.connection} ro:{side.role}/{side.peer_role} "
        f"ds:{side.disk}/{side.peer_disk} {protocol} {flags}\n"
        f"    ns:{side.sent} nr:{side.received} dw:{side.written} dr:{side.read} al:{side.activity} bm:0 "
        f"lo:0 pe:{side.pending} ua:0 ap:0 ep:1 wo:f oos:{side.out_of_sync}\n{_progress(side, wall)}"
    )


def _progress(side: Replica, wall: float) -> str:
    progress = side.progress
    if progress is None or side.connection not in {"SyncSource", "SyncTarget", "VerifyS", "VerifyT"}:
        return ""
    left, total = int(progress.left) // 4 * 4, progress.total
    done = 1000 - left * 1000 // max(1, total)
    x = done // 50
    bar = "=" * max(0, x - 1) + ">" + "." * (20 - x)
    word = "verified" if progress.kind == "verify" else "sync'ed"
    unit = f"({left // 1024}/{total // 1024})M" if total > 4 << 20 else f"({left}/{total})K"
    recent, average = progress.speed(wall)
    seconds = int(left / max(1, recent))
    want = f" want: {side.want:,}" if side.connection in {"SyncTarget", "VerifyS"} else ""
    stalled = " (stalled)" if recent == 0 and wall - progress.started > 180 else ""
    return (
        f"\t[{bar}] {word}:{done // 10:3d}.{done % 10}% {unit}\n"
        f"\tfinish: {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} "
        f"speed: {recent:,} ({average:,}){want} K/sec{stalled}\n"
    )


def print_status(side: Replica) -> str:
    """`drbdadm status`."""
    if not side.configured:
        return f"# No currently configured DRBD found.\n{RESOURCE}: No such resource\n"
    lines = [f"{RESOURCE} role:{side.role}", f"  disk:{side.disk}"]
    if side.connected:
        paused = ",".join(w for w, on in (("user", side.user_paused), ("peer", side.peer_paused)) if on)
        replication = "Established" if side.connection == "Connected" else side.connection
        done = ""
        if side.progress is not None:
            done = f" done:{100.0 * (side.size - side.out_of_sync) / side.size:.2f}"
        suspended = f" resync-suspended:{paused}" if paused else ""
        lines.append(f"  peer role:{side.peer_role}")
        lines.append(f"    replication:{replication} peer-disk:{side.peer_disk}{suspended}{done}")
    elif side.connection != "StandAlone":
        word = "Connecting" if side.connection == "WFConnection" else side.connection
        lines.append(f"  peer connection:{word}")
    return "\n".join(lines) + "\n\n"


_SHOW_GI = """
       +--<  Current data generation UUID  >-
       |               +--<  Bitmap's base data generation UUID  >-
       |               |                 +--<  younger history UUID  >-
       |               |                 |         +-<  older history  >-
       V               V                 V         V
{gi}
                                                                    ^ ^ ^ ^ ^ ^ ^
                                      -<  Data consistency flag  >--+ | | | | | |
                             -<  Data was/is currently up-to-date  >--+ | | | | |
                                  -<  Node was/is currently primary  >--+ | | | |
                                  -<  Node was/is currently connected  >--+ | | |
         -<  Node was in the progress of setting all bits in the bitmap  >--+ | |
                        -<  The peer's disk was out-dated or inconsistent  >--+ |
      -<  This node was a crashed primary, and has not seen its peer since   >--+

flags: {words}
meta-data: need apply-al
"""


def print_generation(side: Replica) -> str:
    """`drbdadm show-gi`: the identifiers explained."""
    consistent, current, primary, connected, _, peer_bad, crashed = side.flags()
    words = [
        ("Crashed Primary" if crashed else "Primary") if primary or crashed else "Secondary",
        "Connected" if connected else "StandAlone",
        "UpToDate" if current else "Outdated" if consistent else "Inconsistent",
    ]
    if peer_bad:
        words.append("peer Outdated")
    return _SHOW_GI.format(gi=side.generation(), words=", ".join(words))

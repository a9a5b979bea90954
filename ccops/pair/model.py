"""What is known of a pair: frozen values, each with when it was read or why it is not known.

Times are seconds since the epoch (UTC) on the jump host's clock unless a name says otherwise; sizes
are KiB as DRBD prints them; a value that is not known is `None`, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

Service = Literal["running", "stopped", "failed", "starting", "stopping", "unknown"]
LinkPhase = Literal["connecting", "up", "silent", "down", "off"]


class Problem(msgspec.Struct, frozen=True):
    """Something that could not be understood or read: where, what was expected, and the text found.

    `line` is the line in a file, from 1. `fatal`: the program that the file is for refuses to start with it.
    """

    where: str
    message: str
    text: str = ""
    line: int | None = None
    fatal: bool = False


class Reading(msgspec.Struct, Generic[T], frozen=True):
    """One thing read from a node: a value, or the reason why there is none, and when.

    `taken_at` is None when it was never read.
    """

    value: T | None = None
    problem: str | None = None
    taken_at: float | None = None


class Sync(msgspec.Struct, frozen=True):
    """A resync or an online verify under way, as /proc/drbd counts it."""

    kind: Literal["resync", "verify"]
    percent: float | None = None
    left_kib: int | None = None
    total_kib: int | None = None
    speed_kib_s: int | None = None
    average_kib_s: int | None = None
    want_kib_s: int | None = None
    finish_s: int | None = None
    stalled: bool = False
    paused: bool = False


class DrbdResource(msgspec.Struct, frozen=True):
    """One minor of /proc/drbd. `protocol` is None without a network configuration."""

    minor: int
    connection: str
    role: str | None = None
    peer_role: str | None = None
    disk: str | None = None
    peer_disk: str | None = None
    protocol: str | None = None
    flags: str = ""
    out_of_sync_kib: int | None = None
    counters: Mapping[str, int] = {}
    write_order: str | None = None
    sync: Sync | None = None
    name: str | None = None

    @property
    def io_suspended(self) -> bool:
        """True when the first flag says that I/O is frozen (`s`)."""
        return self.flags[:1] == "s"

    @property
    def paused_by(self) -> tuple[str, ...]:
        """Who pauses the resync: "dependency" (a), "peer" (p), "user" (u), by the flags' positions 2 to 4."""
        marks = {1: ("a", "dependency"), 2: ("p", "peer"), 3: ("u", "user")}
        return tuple(word for i, (mark, word) in marks.items() if self.flags[i : i + 1] == mark)


class DrbdStatus(msgspec.Struct, frozen=True):
    """The whole of /proc/drbd (or of `drbdsetup status --json` on DRBD 9)."""

    version: str | None = None
    resources: tuple[DrbdResource, ...] = ()
    problems: tuple[Problem, ...] = ()

    def minor(self, number: int) -> DrbdResource | None:
        """The resource with that minor, or None."""
        return next((r for r in self.resources if r.minor == number), None)


class GenerationIds(msgspec.Struct, frozen=True):
    """`drbdadm get-gi`: current, bitmap and two history UUIDs (hexadecimal, 16 digits), and seven flags."""

    current: str
    bitmap: str
    history: tuple[str, ...]
    consistent: bool
    was_up_to_date: bool
    primary: bool
    connected: bool
    full_sync: bool
    peer_outdated: bool
    crashed_primary: bool


class Heartbeat(msgspec.Struct, frozen=True):
    """Heartbeat on one node: running, what it says it holds, and how it sees nodes and links.

    `nodes` maps a node's name to active|up|ping|dead|init; `links` maps an interface to up|dead
    (this node's sight of its peer over it).
    """

    running: bool | None = None
    version: str | None = None
    resources: str | None = None
    nodes: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    problems: tuple[Problem, ...] = ()


class Address(msgspec.Struct, frozen=True):
    """One address on an interface; `label` is the alias (eth0:0), where there is one."""

    interface: str
    address: str
    prefix: int | None = None
    label: str | None = None


class Mount(msgspec.Struct, frozen=True):
    """One line of /proc/mounts."""

    device: str
    point: str
    fstype: str
    read_only: bool = False


class Space(msgspec.Struct, frozen=True):
    """`df -P` of the mount: KiB."""

    total_kib: int
    used_kib: int
    free_kib: int


class Link(msgspec.Struct, frozen=True):
    """ccops' own connection to something: where it stands, since when, and why it does not work."""

    phase: LinkPhase = "off"
    since: float | None = None
    problem: str | None = None
    latency_s: float | None = None
    retry_at: float | None = None


class NodeState(msgspec.Struct, frozen=True):
    """All that is known of one node. `processors`: how many the load averages are shared among."""

    name: str
    link: Link = Link()
    sampled_at: float | None = None
    clock_skew_s: float | None = None
    uptime_s: float | None = None
    load: tuple[float, float, float] | None = None
    drbd: Reading[DrbdStatus] = Reading()
    gi: Reading[GenerationIds] = Reading()
    heartbeat: Reading[Heartbeat] = Reading()
    addresses: Reading[tuple[Address, ...]] = Reading()
    mounts: Reading[tuple[Mount, ...]] = Reading()
    space: Reading[Space] = Reading()
    services: Reading[Mapping[str, Service]] = Reading()
    versions: Mapping[str, str] = {}
    processors: int | None = None


class PairLayout(msgspec.Struct, frozen=True):
    """What the pair consists of: names of the two nodes, the virtual address, the volume, the services.

    `services` maps the name in haresources to the unit (or init script) that runs it.
    """

    name: str
    nodes: tuple[str, str]
    address: str
    resource: str = "data"
    minor: int = 1
    device: str = "/dev/drbd1"
    mount: str = "/data"
    services: Mapping[str, str] = msgspec.field(default_factory=lambda: {"asterisk": "asterisk", "mysqld": "mysqld"})


class PairState(msgspec.Struct, frozen=True):
    """Both nodes joined. `at` is the moment for which ages are reckoned."""

    layout: PairLayout
    nodes: tuple[NodeState, NodeState]
    at: float

    def node(self, name: str) -> NodeState:
        """The node of that name; KeyError when the pair has none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def peer(self, name: str) -> NodeState:
        """The other node."""
        first, second = self.nodes
        return second if first.name == name else first


class LogLine(msgspec.Struct, frozen=True):
    """One line of the time line. `at` is corrected for the node's clock skew; `node` is None for ccops' own."""

    at: float
    source: Literal["ha-log", "kernel", "ami", "ccops"]
    text: str
    node: str | None = None
    level: Literal["debug", "info", "notice", "warning", "error", "critical"] = "info"
    tag: str = ""
    dated: bool = True

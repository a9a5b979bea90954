"""The kernel's log: lines of syslog or of the journal, and what DRBD tells in them.

Source of the messages: DRBD 8.0 to 8.4 and the log of a running 8.4.11. The prefix is `drbdN:` (8.0),
`block drbdN:` (8.3, 8.4), and `drbd RESOURCE:` for messages of a connection (8.4); 9 names the peer too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from ccops.pair.clock import LogClock, parse_date
from ccops.pair.halog import Level
from ccops.pair.model import LogLine
from ccops.text import clean

KernelEventKind = Literal[
    "split-brain-detected",
    "split-brain-solved",
    "split-brain-helper",
    "unrelated-data",
    "target-but-primary",
    "source-but-inconsistent",
    "both-discard",
    "authentication-failed",
    "settings-differ",
    "rehearsed",
    "resync-began",
    "resync-done",
    "verify-began",
    "verify-done",
    "verify-found",
    "role",
    "connection",
    "disk",
    "peer-role",
    "pause",
    "uuids",
    "uuid-compare",
    "new-uuid",
    "ping-lost",
    "io-error",
    "state-refused",
]

_KERNEL = re.compile(r"(?:\S{1,255}\s+)?kernel:\s*", re.A)
_STAMP = re.compile(r"\[\s*\d{1,12}\.\d{1,9}\]\s*", re.A)
_DRBD = re.compile(
    r"(?:block )?drbd(?:(?P<minor>\d{1,7})"
    r"| (?P<resource>[^\s:/]{1,128})(?:/\d{1,5} drbd(?P<minor9>\d{1,7}))?(?: [\w.-]{1,255})?):\s*",
    re.A,
)
_CHANGE = re.compile(r"\b([a-z_]+)\( (\S+) -> (\S+) \)", re.A)
_UUIDS = r"(?P<uuids>(?:[0-9A-Fa-f]{16}:){3}[0-9A-Fa-f]{16})"
_CHANGE_KINDS: Mapping[str, KernelEventKind] = {
    "role": "role",
    "conn": "connection",
    "disk": "disk",
    "pdsk": "disk",
    "peer": "peer-role",
    "aftr_isp": "pause",
    "peer_isp": "pause",
    "user_isp": "pause",
}


class StateChange(msgspec.Struct, frozen=True):
    """`role( Secondary -> Primary )`: DRBD's word for what changed, from, to."""

    what: str
    old: str
    new: str


class KernelEvent(msgspec.Struct, frozen=True):
    """What one line of DRBD's tells. `on` is the node whose log it is; only the fields of its kind are set.

    A line can hold several state changes: all are in `changes`, and `kind` is the gravest (role, connection, disk,
    peer's role, pause). `side` is self|peer for UUIDs and for who is synced from. `blocks` are of 4 KiB.
    """

    kind: KernelEventKind
    at: float
    on: str | None = None
    minor: int | None = None
    resource: str | None = None
    changes: tuple[StateChange, ...] = ()
    side: str | None = None
    uuids: tuple[str, ...] = ()
    bits: int | None = None
    flags: str | None = None
    result: int | None = None
    rule: int | None = None
    blocks: int | None = None
    primaries: int | None = None
    automatic: bool | None = None
    role: str | None = None
    total_kib: int | None = None
    seconds: int | None = None
    outcome: str | None = None

    def change(self, what: str) -> StateChange | None:
        """The change of `what` (role, peer, conn, disk, pdsk) in this line, if there is one."""
        return next((change for change in self.changes if change.what == what), None)


def parse_kernel_log(text: str, node: str, clock: LogClock) -> tuple[LogLine, ...]:
    """Every line of a piece of the kernel's log, oldest first; an undated one has the time of the line before it."""
    return tuple(follow_kernel_log(text.splitlines(), node, clock))


def follow_kernel_log(lines: Iterable[str], node: str, clock: LogClock) -> Iterator[LogLine]:
    """The same line by line; blank lines are left out."""
    last = clock.now
    for line in lines:
        if line.strip():
            parsed = parse_kernel_line(line, node, clock, last)
            last = parsed.at
            yield parsed


def parse_kernel_line(line: str, node: str, clock: LogClock, fallback: float | None = None) -> LogLine:
    """One line of syslog (`Mon DD` or ISO 8601 dates), of the journal or of dmesg (undated).

    The level is that of what DRBD tells (a split brain is critical): syslog leaves the kernel's own out.
    """
    line = clean(line).strip()
    dated = parse_date(line, clock)
    at, rest = dated if dated else (clock.now if fallback is None else fallback, line)
    for prefix in (_KERNEL, _STAMP):
        if match := prefix.match(rest):
            rest = rest[match.end() :]
    tag = "drbd" if rest.startswith(("drbd", "block drbd")) else "kernel"
    parsed = LogLine(at, "kernel", rest.strip(), node, "info", tag, dated is not None)
    event = recognise(parsed)
    return msgspec.structs.replace(parsed, level=_level(event)) if event else parsed


def recognise(line: LogLine) -> KernelEvent | None:
    """What DRBD tells in the line; None when it is not DRBD's, or nothing that matters to the pair."""
    if line.source != "kernel" or not (prefix := _DRBD.match(line.text)):
        return None
    text = line.text[prefix.end() :].strip()
    minor = prefix["minor"] or prefix["minor9"]
    base = KernelEvent("role", line.at, line.node, int(minor) if minor else None, prefix["resource"])
    for pattern, kind in _MESSAGES:
        if match := pattern.search(text):
            return _filled(base, kind, match)
    return _changed(base, text)


def _level(event: KernelEvent) -> Level:
    if any(change.new in _LOSSES for change in event.changes):
        return "warning"
    return _LEVELS.get(event.kind, "info")


def _changed(base: KernelEvent, text: str) -> KernelEvent | None:
    changes = tuple(StateChange(*found) for found in _CHANGE.findall(text))
    present = {_CHANGE_KINDS[change.what] for change in changes if change.what in _CHANGE_KINDS}
    kinds: tuple[KernelEventKind, ...] = ("role", "connection", "disk", "peer-role", "pause")
    kind = next((kind for kind in kinds if kind in present), None)
    return msgspec.structs.replace(base, kind=kind, changes=changes) if kind else None


def _filled(base: KernelEvent, kind: KernelEventKind, match: re.Match[str]) -> KernelEvent:
    """The event with the groups of its pattern as fields: numbers as int, UUIDs as a tuple, words as they are."""
    fields: dict[str, object] = {}
    for name, word in match.groupdict().items():
        if word is None:
            continue
        if name in _NUMBERS:
            fields[name] = int(word)
        elif name == "uuids":
            fields[name] = tuple(word.upper().split(":"))
        elif name == "automatic":
            fields[name] = word == "automatically"
        elif name == "side":
            fields[name] = "self" if word in ("self", "this") else "peer"
        else:
            fields[name] = word
    return msgspec.structs.replace(base, kind=kind, **fields)


_NUMBERS = frozenset({"bits", "result", "rule", "blocks", "primaries", "total_kib", "seconds"})


def _message(pattern: str, kind: KernelEventKind) -> tuple[re.Pattern[str], KernelEventKind]:
    return re.compile(pattern, re.A), kind


# In the order in which they are tried; the wording is DRBD's own, 8.0 to 8.4.
_MESSAGES = (
    _message(r"Split-Brain detected(?: but unresolved)?, dropping connection", "split-brain-detected"),
    _message(
        r"Split-Brain detected, (?:(?P<primaries>\d{1,3}) primaries, )?(?P<automatic>automatically|manually) solved"
        r"\. Sync from (?P<side>peer|this) ?(?:node)?",
        "split-brain-solved",
    ),
    _message(r"helper command: \S+ split-brain minor-\d+(?: exit code (?P<result>\d{1,4}))?", "split-brain-helper"),
    _message(r"Unrelated data, aborting", "unrelated-data"),
    _message(r"I shall become SyncTarget, but I am primary", "target-but-primary"),
    _message(r"I shall become SyncSource, but I am inconsistent", "source-but-inconsistent"),
    _message(r"[Bb]oth sides have the 'want_lose' flag set", "both-discard"),
    _message(r"[Aa]uthentication of peer failed", "authentication-failed"),
    _message(r"^(?P<outcome>incompatible .{1,100})", "settings-differ"),
    _message(r"dry-run connect: (?P<outcome>.{1,200})", "rehearsed"),
    _message(r"Began resync as (?P<role>\w+)(?: \(will sync (?P<total_kib>\d{1,18}) KB)?", "resync-began"),
    _message(r"Resync done \(total (?P<seconds>\d{1,12}) sec", "resync-done"),
    _message(r"Starting Online Verify from sector|Online Verify start sector", "verify-began"),
    _message(r"Online verify found (?P<blocks>\d{1,18}) 4k block", "verify-found"),
    _message(r"Online [Vv]erify\s+done \(total (?P<seconds>\d{1,12}) sec", "verify-done"),
    _message(rf"(?P<side>self|peer) {_UUIDS}(?: bits:(?P<bits>\d{{1,18}}) flags:(?P<flags>\w+))?", "uuids"),
    _message(r"uuid_compare\(\)=(?P<result>-?\d{1,9})(?: by rule (?P<rule>\d{1,5}))?", "uuid-compare"),
    _message(rf"(?:new|Creating new) current UUID:? {_UUIDS}", "new-uuid"),
    _message(r"PingAck did not arrive in time", "ping-lost"),
    _message(r"State change failed: (?P<outcome>.{1,200})", "state-refused"),
    _message(r"Local IO failed|disk I/O error|IO ERROR", "io-error"),
)
# What a disk or a connection falls to; "DUnknown" and "Unknown" of the peer only follow from these.
_LOSSES = frozenset(
    {"NetworkFailure", "BrokenPipe", "Timeout", "ProtocolError", "StandAlone", "Failed", "Diskless", "Outdated"}
)
_LEVELS: Mapping[KernelEventKind, Level] = {
    "split-brain-detected": "critical",
    "split-brain-solved": "critical",
    "split-brain-helper": "critical",
    "unrelated-data": "critical",
    "target-but-primary": "critical",
    "source-but-inconsistent": "critical",
    "both-discard": "error",
    "authentication-failed": "error",
    "settings-differ": "error",
    "verify-found": "error",
    "io-error": "error",
    "ping-lost": "warning",
    "state-refused": "warning",
    "role": "notice",
}

"""What both nodes' logs tell of the past: the lines that matter to the pair, recognised once, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Generic, TypeVar

import msgspec

from ccops.pair import halog, kernel
from ccops.pair.halog import HeartbeatEvent
from ccops.pair.kernel import KernelEvent
from ccops.pair.model import LogLine
from ccops.triage.finding import Evidence, Period, quoted

_CONNECTED = frozenset(
    [
        "Connected",
        "StartingSyncS",
        "StartingSyncT",
        "WFBitMapS",
        "WFBitMapT",
        "WFSyncUUID",
        "SyncSource",
        "SyncTarget",
        "VerifyS",
        "VerifyT",
        "PausedSyncS",
        "PausedSyncT",
        "Ahead",
        "Behind",
    ]
)
_ADDRESS_SCRIPTS = ("IPaddr2", "IPaddr")


class KernelWord(msgspec.Struct, frozen=True):
    """A line of a kernel log and what it tells."""

    line: LogLine
    event: KernelEvent


class HeartbeatWord(msgspec.Struct, frozen=True):
    """A line of ha-log and what it tells."""

    line: LogLine
    event: HeartbeatEvent


Word = KernelWord | HeartbeatWord
W = TypeVar("W", KernelWord, HeartbeatWord)


def recognise(line: LogLine) -> Word | None:
    """What the line tells; None when it does not matter to the pair, or is of another log."""
    if line.source == "kernel" and (told := kernel.recognise(line)):
        return KernelWord(line, told)
    if line.source == "ha-log" and (said := halog.recognise(line)):
        return HeartbeatWord(line, said)
    return None


class _Shelf(Generic[W]):
    """One log's words by node and kind, so that forty rules need not go through all of them at every look."""

    def __init__(self, words: Iterable[W]) -> None:
        self._by: dict[tuple[str | None, str], list[tuple[int, W]]] = {}
        self._of: dict[str | None, list[W]] = {}
        for number, word in enumerate(words):
            self._by.setdefault((word.line.node, word.event.kind), []).append((number, word))
            self._of.setdefault(word.line.node, []).append(word)

    def of(self, node: str, kinds: tuple[str, ...]) -> tuple[W, ...]:
        if not kinds:
            return tuple(self._of.get(node, ()))
        found = [each for kind in dict.fromkeys(kinds) for each in self._by.get((node, kind), ())]
        return tuple(word for _, word in sorted(found, key=lambda each: each[0]))


class History(msgspec.Struct, frozen=True, dict=True):
    """Both nodes' words, each log's in the order of its lines (dates have whole seconds, and clocks differ)."""

    kernel: tuple[KernelWord, ...] = ()
    heartbeat: tuple[HeartbeatWord, ...] = ()

    def of_kernel(self, node: str, *kinds: str) -> tuple[KernelWord, ...]:
        """The words of DRBD on that node, of these kinds (all without any)."""
        return self._kernel.of(node, kinds)

    def of_heartbeat(self, node: str, *kinds: str) -> tuple[HeartbeatWord, ...]:
        """The words of Heartbeat on that node, of these kinds (all without any)."""
        return self._heartbeat.of(node, kinds)

    def since_connected(self, node: str) -> tuple[KernelWord, ...]:
        """DRBD's words on that node after it was last connected: why it is not. Empty while it is, by the log."""
        if node not in self._unconnected:
            words = self.of_kernel(node)
            after = max((i for i, word in enumerate(words) if _connects(word.event)), default=-1)
            self._unconnected[node] = words[after + 1 :]
        return self._unconnected[node]

    @cached_property
    def _kernel(self) -> _Shelf[KernelWord]:
        return _Shelf(self.kernel)

    @cached_property
    def _heartbeat(self) -> _Shelf[HeartbeatWord]:
        return _Shelf(self.heartbeat)

    @cached_property
    def _unconnected(self) -> dict[str, tuple[KernelWord, ...]]:
        return {}

    def parted_at(self) -> float | None:
        """When the sides were last connected: the earlier of both nodes' words of losing the connection."""
        nodes = dict.fromkeys(word.line.node for word in self.kernel if word.line.node)
        return min((at for node in nodes if (at := self.lost_at(node)) is not None), default=None)

    def lost_at(self, node: str) -> float | None:
        """When that node lost the connection to its peer, by its own log; None while it has one, or it is not told."""
        return next((w.line.at for w in self.since_connected(node) if _disconnects(w.event) and w.line.dated), None)

    def primary_periods(self, node: str) -> tuple[Period, ...]:
        """When that node was Primary, by DRBD's word."""
        changes = ((w.line.at, w.event.change("role")) for w in self.of_kernel(node) if w.line.dated)
        return tuple(_periods((at, change.new == "Primary") for at, change in changes if change is not None))

    def address_periods(self, node: str) -> tuple[Period, ...]:
        """When that node held the virtual address, by Heartbeat's word of starting and stopping its resource."""
        words = self.of_heartbeat(node, "resource-start", "resource-stop")
        return tuple(
            _periods(
                (w.line.at, w.event.kind == "resource-start")
                for w in words
                if w.line.dated and _is_address(w.event.resource)
            )
        )


def history_of(lines: Iterable[LogLine]) -> History:
    """The history in `lines`, which hold each log's in their order."""
    words = [word for line in lines if (word := recognise(line)) is not None]
    return History(
        tuple(word for word in words if isinstance(word, KernelWord)),
        tuple(word for word in words if isinstance(word, HeartbeatWord)),
    )


def evidence_of(words: Iterable[Word], most: int = 3) -> tuple[Evidence, ...]:
    """The last `most` of these words as evidence."""
    return tuple(quoted(word.line) for word in words)[-most:]


def _connects(event: KernelEvent) -> bool:
    change = event.change("conn")
    return change is not None and change.new in _CONNECTED


def _disconnects(event: KernelEvent) -> bool:
    change = event.change("conn")
    # A boot is no loss: it goes from StandAlone to Unconnected.
    return change is not None and change.old in _CONNECTED and change.new not in _CONNECTED


def _is_address(resource: str | None) -> bool:
    return (resource or "").partition(" ")[0] in _ADDRESS_SCRIPTS


def _periods(changes: Iterable[tuple[float, bool]]) -> Iterator[Period]:
    begin: float | None = None
    holds: bool | None = None
    for at, now in changes:
        if now and holds is not True:
            begin = at
        elif not now and holds is not False:
            yield Period(begin if holds else None, at)
        holds = now
    if holds:
        yield Period(begin, None)

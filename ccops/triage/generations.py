"""DRBD's generation identifiers, compared as the kernel compares them when two sides meet.

Source: the rules of drbd_uuid_compare and drbd_sync_handshake in DRBD 8.3 and 8.4 (the log names them: `by rule 90`).
"""

from __future__ import annotations

import re

import msgspec

from ccops.pair.model import GenerationIds

JUST_CREATED = 4
"""The current identifier of new meta-data: no data yet."""

_ROLE_BIT = 1
# A resync's own identifier is the common parent's plus this (protocol 96 and newer).
_NEW_BITMAP_OFFSET = 0x0001_0000_0000_0000
_COMMON_PARENT, _ONLY_HISTORIES, _UNRELATED = 100, -100, -1000
_WORD = re.compile(r"[0-9A-Fa-f]{1,16}", re.A)


class Identifiers(msgspec.Struct, frozen=True):
    """One side's identifiers without the bit that only tells the role: what its data is, and what it descends from."""

    current: int
    bitmap: int
    history: tuple[int, int]
    crashed_primary: bool = False

    @property
    def without_data(self) -> bool:
        """True for new meta-data."""
        return self.current in (0, JUST_CREATED)


class Comparison(msgspec.Struct, frozen=True):
    """What the kernel would find: `result` and `rule` as in `uuid_compare()=100 by rule 90`.

    Positive results make the first side the source of a resync, negative ones its target; 1 by bitmap, 2 in full.
    """

    result: int
    rule: int

    @property
    def diverged(self) -> bool:
        """True when both sides changed since they had the same data."""
        return self.result in (_COMMON_PARENT, _ONLY_HISTORIES)

    @property
    def unrelated(self) -> bool:
        """True when nothing tells that they ever had the same data."""
        return self.result == _UNRELATED

    @property
    def divergence_rule(self) -> int | None:
        """90 (a common parent), 100 (only histories meet), or None; old versions number the same rules otherwise."""
        return {_COMMON_PARENT: 90, _ONLY_HISTORIES: 100}.get(self.result)


def identifiers(words: tuple[str, ...], *, crashed_primary: bool = False) -> Identifiers | None:
    """Current, bitmap and two history identifiers, in hexadecimal; None when that is not what the words are."""
    if len(words) != 4 or not all(_WORD.fullmatch(word) for word in words):
        return None
    current, bitmap, first, second = (int(word, 16) & ~_ROLE_BIT for word in words)
    return Identifiers(current, bitmap, (first, second), crashed_primary)


def of_get_gi(found: GenerationIds) -> Identifiers | None:
    """What `drbdadm get-gi` printed; None when it cannot be understood."""
    return identifiers((found.current, found.bitmap, *found.history[:2]), crashed_primary=found.crashed_primary)


def compare(mine: Identifiers, theirs: Identifiers) -> Comparison:
    """What the kernel of the side `mine` would find. The rules are tried in their order, and the first decides.

    Rule 40's tie (both crashed as Primary) is decided by who accepted the connection, which identifiers do not tell;
    it counts as equal here. None of this needs the disks' states, which may overrule it (`decided_by_disks`).
    """
    if mine.current == JUST_CREATED and theirs.current == JUST_CREATED:
        return Comparison(0, 10)
    if mine.without_data and theirs.current != JUST_CREATED:
        return Comparison(-2, 20)
    if theirs.without_data:
        return Comparison(2, 30)
    if mine.current == theirs.current:
        return _same_data(mine, theirs)
    return _ancestry(mine, theirs) or _divergence(mine, theirs)


def decided_by_disks(mine: str | None, theirs: str | None) -> bool:
    """True when one side's disk is Inconsistent and the other's is better: then that decides, not the identifiers."""
    better = {"Outdated", "Consistent", "UpToDate"}
    return (mine == "Inconsistent" and theirs in better) or (theirs == "Inconsistent" and mine in better)


def _same_data(mine: Identifiers, theirs: Identifiers) -> Comparison:
    """Equal current identifiers: a resync whose end one side missed, or a crash of a Primary, or nothing to do."""
    if mine.bitmap and not theirs.bitmap:
        ended = (mine.bitmap, mine.history[0]) == theirs.history
        return Comparison(1, 34 if ended else 36)
    if theirs.bitmap and not mine.bitmap:
        ended = (theirs.bitmap, theirs.history[0]) == mine.history
        return Comparison(-1, 35 if ended else 37)
    return Comparison(mine.crashed_primary - theirs.crashed_primary, 40)


def _ancestry(mine: Identifiers, theirs: Identifiers) -> Comparison | None:
    """One side's data descends from the other's: only one of them changed."""
    if mine.current == theirs.bitmap:
        return Comparison(-1, 50)
    if mine.current == theirs.history[0] and _undone(theirs, mine):
        return Comparison(-1, 51)
    if mine.current in theirs.history:
        return Comparison(-2, 60)
    if mine.bitmap == theirs.current:
        return Comparison(1, 70)
    if mine.history[0] == theirs.current and _undone(mine, theirs):
        return Comparison(1, 71)
    return Comparison(2, 80) if theirs.current in mine.history else None


def _undone(source: Identifiers, target: Identifiers) -> bool:
    """True when a resync was begun by the source and the target never heard of it (by either protocol's test)."""
    return source.history[0] + _NEW_BITMAP_OFFSET == source.bitmap or target.history[0] == source.history[1]


def _divergence(mine: Identifiers, theirs: Identifiers) -> Comparison:
    if mine.bitmap == theirs.bitmap != 0:
        return Comparison(_COMMON_PARENT, 90)
    # Empty places of the history count too: the kernel takes two of them for a common ancestor.
    if set(mine.history) & set(theirs.history):
        return Comparison(_ONLY_HISTORIES, 100)
    return Comparison(_UNRELATED, 100)

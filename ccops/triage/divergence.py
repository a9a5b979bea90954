"""Whether two sides diverged, by DRBD's generation identifiers, compared as the kernel compares them."""

from __future__ import annotations

from ccops.pair.model import GenerationIds, PairState

_NONE = 0


def diverged(pair: PairState) -> str | None:
    """The evidence that the sides diverged, in one line; None when the identifiers do not say so or are not known.

    Rule 90: different current identifiers over an equal, non-zero bitmap identifier (a common parent). Rule 100: only
    the histories meet. Bit 0 of an identifier encodes the role and is masked (drbd_uuid_compare, DRBD 8.4).
    """
    first, second = (node.gi.value for node in pair.nodes)
    if first is None or second is None:
        return None
    rule = _rule(first, second)
    if rule is None:
        return None
    names = pair.layout.nodes
    return (
        f"drbdadm get-gi: {names[0]} {first.current}:{first.bitmap}, {names[1]} {second.current}:{second.bitmap}: "
        f"diverged (rule {rule})"
    )


def _rule(mine: GenerationIds, theirs: GenerationIds) -> int | None:
    current, their_current = _masked(mine.current), _masked(theirs.current)
    bitmap, their_bitmap = _masked(mine.bitmap), _masked(theirs.bitmap)
    if current == their_current or bitmap == their_current or their_bitmap == current:
        return None
    history = {_masked(word) for word in mine.history} - {_NONE}
    their_history = {_masked(word) for word in theirs.history} - {_NONE}
    if current in their_history or their_current in history:
        return None
    if bitmap != _NONE and bitmap == their_bitmap:
        return 90
    return 100 if history & their_history else None


def _masked(identifier: str) -> int:
    try:
        return int(identifier, 16) & ~1
    except ValueError:
        return _NONE

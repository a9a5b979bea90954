"""One side of a split brain as a card: what it has, and when it was Primary and held the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ccops.triage import prose
from ccops.triage.finding import Divergence, Period, Side
from ccops.tui.widgets.card import Face, Row

_SPANS: Final = 3
_PERIODS: Final[Mapping[str, Callable[[Side], tuple[Period, ...]]]] = {
    "Primary": lambda side: side.primary,
    "held the address": lambda side: side.address,
}
_SHORT: Final = {
    "held the address": "address",
    "calls up now": "calls up",
    "last CDR": "CDR",
    "last queue_log": "queue_log",
    "last call-center row": "module",
    "newest recording": "recorded",
}


def face(divergence: Divergence, at: int, chosen: str | None = None) -> Face:
    """The card of side `at` (0 or 1); the recommended victim says so in its corner, with a question mark.

    `chosen`: the victim that a person has chosen; then the corners say what becomes of each side.
    """
    side = divergence.sides[at]
    rows: list[Row] = []
    for label, *values in prose.side_rows(divergence):
        lines = [_spans(_PERIODS[label](each)) for each in divergence.sides] if label in _PERIODS else []
        texts = lines[at] if lines else [values[at]]
        texts += [""] * (max(map(len, lines), default=1) - len(texts))
        rows += [Row("" if n else _SHORT.get(label, label), ((text, ""),)) for n, text in enumerate(texts)]
    victim = divergence.victim == side.name
    corner = ("victim?", "bold $warning") if victim else ("", "")
    if chosen is not None:
        victim = side.name == chosen
        corner = ("GIVEN UP", "bold $critical") if victim else ("stays", "bold $ok")
    return Face(side.name, tuple(rows), corner, "$warning" if victim else "$frame")


def _spans(periods: Sequence[Period]) -> list[str]:
    """The newest periods, each for a line of its own."""
    told = prose.spans(periods)
    return told if len(told) <= _SPANS else [f"… {told[-_SPANS]}", *told[1 - _SPANS :]]

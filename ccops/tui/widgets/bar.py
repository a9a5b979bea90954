"""Bars and sparklines as plain characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_STEPS: Final = "▁▂▃▄▅▆▇█"


def bar(fraction: float, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar `width` cells wide; `fraction` is kept within 0 and 1."""
    full, half = divmod(round(min(1.0, max(0.0, fraction)) * width * 2), 2)
    return "━" * full + "╸" * half, "─" * (width - full - half)


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values, scaled from 0 to their greatest; 0 stays the lowest step, none at all is empty."""
    shown = values[-width:] if width > 0 else ()
    top = max(shown, default=0)
    if top <= 0:
        return _STEPS[0] * len(shown)
    return "".join(_STEPS[min(7, max(0, round(value / top * 7)))] for value in shown)

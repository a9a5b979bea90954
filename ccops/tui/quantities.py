"""Durations, sizes, rates and moments as the screens print them: short, aligned, local time."""

from __future__ import annotations

import time


def duration(seconds: float) -> str:
    """`8 s`, `4 min 12 s`, `3 h 5 min`, `12 d 4 h`; negative ones count as 0."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min {left % 60:d} s" if left % 60 else f"{left // 60} min"
    if left < 86_400:
        return f"{left // 3600} h {left % 3600 // 60} min" if left % 3600 >= 60 else f"{left // 3600} h"
    return f"{left // 86_400} d {left % 86_400 // 3600} h" if left % 86_400 >= 3600 else f"{left // 86_400} d"


def brief(seconds: float) -> str:
    """The largest unit only: `8 s`, `4 min`, `3 h`, `12 d`."""
    left = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if left >= size:
            return f"{left // size} {unit}"
    return f"{left} s"


def watch(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    left = max(0, int(seconds))
    hours, left = divmod(left, 3600)
    return f"{hours}:{left // 60:02d}:{left % 60:02d}" if hours else f"{left // 60}:{left % 60:02d}"


def size(kib: float) -> str:
    """A size in KiB as `812 KiB`, `61.3 MiB`, `7.4 GiB`, `1.2 TiB`."""
    amount = float(kib)
    for unit in ("KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{amount:.0f} {unit}" if unit == "KiB" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def latency(seconds: float) -> str:
    """`12 ms` below a second, else `1.3 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def moment(at: float, now: float, *, seconds: bool = True) -> str:
    """Local time `02:41:38`, with the date (`07-03 02:41:38`) when it is not `now`'s day; `?` for an impossible one."""
    try:
        then = time.localtime(at)
        today = time.localtime(now)
    except (OverflowError, ValueError, OSError):
        return "?"
    clock = "%H:%M:%S" if seconds else "%H:%M"
    return time.strftime(clock if then[:3] == today[:3] else f"%m-%d {clock}", then)

"""Whole local days of a call centre, and where a moment lies in them.

The zone is a fixed number of seconds east of UTC, as the node's probe tells it now: across a change to or from summer
time, days before the change begin an hour off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

DAY_S = 86_400.0
HOUR_S = 3600.0

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.A)
_BACK = re.compile(r"-(\d{1,4})", re.A)
_WORDS = {"today": 0, "yesterday": 1}


class Period(msgspec.Struct, frozen=True):
    """From `start` to before `end`, in seconds since the epoch, in a zone `utc_offset_s` seconds east of UTC."""

    start: float
    end: float
    utc_offset_s: int = 0

    def hour(self, at: float) -> str:
        """The hour of the day of a moment: `09:00`."""
        return f"{int((at + self.utc_offset_s) % DAY_S // HOUR_S):02d}:00"

    def day(self, at: float) -> str:
        """The day of a moment: `2026-11-27`; `?` where no calendar has it."""
        try:
            return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at + self.utc_offset_s)).date().isoformat()
        except (OverflowError, ValueError):
            return "?"

    def clock(self, at: float) -> str:
        """A moment as that zone's clocks show it: `2026-11-27 09:05:12`; `?` where no calendar has it."""
        try:
            moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(at + self.utc_offset_s))
        except (OverflowError, ValueError):
            return "?"
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def days(self) -> Iterator[str]:
        """The days that it has a part of, in order."""
        at = self.start
        while at < self.end:
            yield self.day(at)
            at += DAY_S

    @property
    def title(self) -> str:
        """`2026-11-27`, or `2026-11-21 to 2026-11-27`."""
        first, last = self.day(self.start), self.day(max(self.start, self.end - 1))
        return first if first == last else f"{first} to {last}"


def parse_day(text: str, today: date) -> date | str:
    """`today`, `yesterday`, `-7` (days before today) or `2026-11-27`; a sentence where it is none of them."""
    text = text.strip().lower()
    back = _WORDS.get(text)
    if (match := _BACK.fullmatch(text)) is not None:
        back = int(match[1])
    try:
        if back is not None:
            return today - timedelta(days=back)
        if (match := _DATE.fullmatch(text)) is not None:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except (ValueError, OverflowError):
        pass
    return f"expected a day as 2026-11-27, today, yesterday or -7 (days before today), found {text[:40]!r}"


def local_day(at: float, utc_offset_s: int) -> date:
    """The day that a zone's calendar shows at a moment."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at + utc_offset_s)).date()


def whole_days(first: date, last: date, utc_offset_s: int) -> Period:
    """From the beginning of one local day to the end of another; the same one for one day."""
    start = (datetime(first.year, first.month, first.day, tzinfo=UTC)).timestamp() - utc_offset_s
    end = (datetime(last.year, last.month, last.day, tzinfo=UTC)).timestamp() - utc_offset_s + DAY_S
    return Period(start, end, utc_offset_s)

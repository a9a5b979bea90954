"""Dates in a node's logs as seconds since the epoch: the year that syslog leaves out, the zone, the clock's error."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec

_MONTHS = dict(Jan=1, Feb=2, Mar=3, Apr=4, May=5, Jun=6, Jul=7, Aug=8, Sep=9, Oct=10, Nov=11, Dec=12)
_SYSLOG = re.compile(r"([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d\d):(\d\d):(\d\d)(?:\s+|$)", re.A)
_HEARTBEAT = re.compile(r"(\d{4})/(\d\d)/(\d\d)_(\d\d):(\d\d):(\d\d)(?:\s+|$)", re.A)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?:\s+|$)", re.A)


class LogClock(msgspec.Struct, frozen=True):
    """How a node's dates are read.

    `now`: seconds since the epoch when the log was read, on the jump host; it decides the year. `utc_offset_s`: the
    node's zone, seconds east of UTC. `skew_s`: the node's clock minus the jump host's, subtracted from every date.
    """

    now: float
    utc_offset_s: int = 0
    skew_s: float = 0.0


def parse_date(text: str, clock: LogClock) -> tuple[float, str] | None:
    """The date that `text` begins with, in seconds since the epoch, and the rest; None when it begins with none.

    Understood: `Nov 23 02:35:29` (the year is the one that brings it nearest to now, but not a day or more ahead),
    `2026/11/23_02:35:33` (Heartbeat) and ISO 8601 with or without a zone.
    """
    for pattern, read in ((_SYSLOG, _syslog), (_HEARTBEAT, _heartbeat), (_ISO, _iso)):
        if match := pattern.match(text):
            try:
                moment = read(match, clock)
            except (ValueError, OverflowError):
                return None
            return moment - clock.skew_s, text[match.end() :]
    return None


def _syslog(match: re.Match[str], clock: LogClock) -> float:
    month = _MONTHS.get(match[1])
    if month is None:
        raise ValueError(match[1])
    node_now = clock.now + clock.skew_s
    year = datetime.fromtimestamp(node_now, _zone(clock)).year
    day, hour, minute, second = (int(match[i]) for i in range(2, 6))
    moments: list[float] = []
    for candidate in (year + 1, year, year - 1, year - 2, year - 3, year - 4):
        try:
            moments.append(
                datetime(candidate, month, day, hour, minute, min(second, 59), tzinfo=_zone(clock)).timestamp()
            )
        except ValueError:  # 29 February of a year that has none
            continue
    past = [moment for moment in moments if moment < node_now + 86_400]
    if not past:
        raise ValueError("no such day")
    return past[0]


def _heartbeat(match: re.Match[str], clock: LogClock) -> float:
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=_zone(clock)).timestamp()


def _iso(match: re.Match[str], clock: LogClock) -> float:
    naive = datetime.fromisoformat(match[1])
    zone = _zone(clock)
    if match[3]:
        zone = UTC if match[3] == "Z" else _offset(match[3])
    return naive.replace(tzinfo=zone).timestamp() + float(f"0.{match[2] or 0}")


def _offset(word: str) -> timezone:
    digits = word[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-delta if word[0] == "-" else delta)


def _zone(clock: LogClock) -> timezone:
    return timezone(timedelta(seconds=clock.utc_offset_s))

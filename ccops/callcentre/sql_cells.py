"""Cells of the call-center module's tables as values: whatever a cell holds gives a value or None, no exception."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ccops.text import clean

_LATEST = 1e11
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.A)


def moment(value: Any) -> float | None:
    """Seconds since the epoch; None for NULL, and for the zero date (0) of old servers."""
    found = number(value)
    return found if found is not None and 0 < found < _LATEST else None


def span(value: Any) -> float | None:
    """A number of seconds, not below 0."""
    found = number(value)
    return found if found is not None and 0 <= found < _LATEST else None


def count(value: Any) -> int:
    """How many; SUM over no rows is NULL, which is 0."""
    return int(span(value) or 0)


def number(value: Any) -> float | None:
    """A finite number."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError):
        return None
    return found if math.isfinite(found) else None


def text(value: Any) -> str:
    """Clean text of at most 200 characters; "" for NULL."""
    return clean(str(value), 200).strip() if isinstance(value, str | int | float | Decimal) else ""


def day(value: Any) -> date | None:
    """A DATE, as such or as `2026-11-27`; None for NULL, the zero date and what no calendar has."""
    if isinstance(value, date):
        return value
    match = _DATE.match(value) if isinstance(value, str) else None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def time_of_day(value: Any) -> int | None:
    """Seconds from midnight of a TIME, as such or as TIME_TO_SEC gives it; None outside of a day."""
    found = value.total_seconds() if isinstance(value, timedelta) else number(value)
    return int(found) if found is not None and 0 <= found <= 86_400 else None

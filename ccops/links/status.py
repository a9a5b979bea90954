"""The state of one link, as the rooms above show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

Phase = Literal["connecting", "up", "silent", "down", "off"]


class LinkStatus(msgspec.Struct, frozen=True):
    """One link at one moment.

    `phase`: connecting; up; silent (up, but it has stopped answering and is not given up yet); down (failed or
    lost, see `problem`); off (the service does not run there, which is no fault). `since` and `retry_at` are
    seconds since the epoch, `latency_s` is the last measured round trip in seconds.
    """

    phase: Phase
    since: float
    problem: str | None = None
    latency_s: float | None = None
    retry_at: float | None = None


StatusCallback = Callable[[LinkStatus], None]

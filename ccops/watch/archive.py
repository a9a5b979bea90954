"""What a call centre's past can be asked for, and what must be known to ask: the port between reports and links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol

import msgspec

from ccops.callcentre.periods import Period, local_day
from ccops.callcentre.records import Records

Source = Literal["auto", "module", "log"]
SOURCES: tuple[Source, ...] = ("auto", "module", "log")
"""The call-center module's tables, queue_log, or the first of them that tells something."""


class Unanswered(Exception):
    """The past cannot be read now; the words say why and what to do."""


class Standing(msgspec.Struct, frozen=True):
    """The node that is asked, and its clock: `now` in seconds since the epoch, `utc_offset_s` seconds east of UTC.

    `started_at`: when its Asterisk started, None where unknown. `levels`: its queues' service levels in seconds.
    """

    node: str
    now: float
    utc_offset_s: int
    started_at: float | None = None
    levels: Mapping[str, float] = {}

    @property
    def today(self) -> date:
        """The day that it is there."""
        return local_day(self.now, self.utc_offset_s)


class Archive(Protocol):
    """Reads the past of one pair. It asks only when it is asked, and one question at a time."""

    def standing(self) -> Standing:
        """Where and when is asked now. Raises Unanswered while no single node is seen to serve."""
        ...

    async def read(self, period: Period, source: Source = "auto") -> Records:
        """The calls and log-ins of a period. Raises Unanswered."""
        ...

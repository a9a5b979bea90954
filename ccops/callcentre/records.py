"""The calls and log-ins that service times are computed from: one neutral row, whatever source told of it.

Times are seconds since the epoch by the clock of the node that wrote them, spans are seconds. Texts are clean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Outcome = Literal["waiting", "talking", "completed", "abandoned", "lost"]
Direction = Literal["in", "out"]
Origin = Literal["module", "log"]
Exit = Literal["", "timeout", "key", "empty", "moved"]


class CallRecord(msgspec.Struct, frozen=True):
    """One passage of a call through one queue; a call that overflows into another queue is two of them.

    `outcome`: still `waiting` or `talking`; `completed` (was answered and is over); `abandoned` (left the queue
    unanswered, for whatever reason; `exit` says which, where the source tells it); `lost`: Asterisk or the dialer
    ended in the middle of it, and nobody knows what became of it. `wait_s` is None until the wait is over, `talk_s` and
    `ended_at` until the talk is. `agent` is the interface or name that the source uses, "" without one. `direction`
    is `out` for a campaign's call, whose callee waits in the queue as a caller would.
    """

    uniqueid: str
    queue: str
    entered_at: float
    outcome: Outcome
    number: str = ""
    agent: str = ""
    answered_at: float | None = None
    ended_at: float | None = None
    wait_s: float | None = None
    talk_s: float | None = None
    trunk: str = ""
    direction: Direction = "in"
    exit: Exit = ""

    @property
    def answered(self) -> bool:
        """Whether an agent took it."""
        return self.outcome in ("talking", "completed")


class Presence(msgspec.Struct, frozen=True):
    """One log-in of an agent (`pause` is None), or one break (`pause` is its name, "" for one without).

    `ended_at` is None while it is open. `lost`: it was open when Asterisk or the dialer ended.
    """

    agent: str
    began_at: float
    ended_at: float | None = None
    pause: str | None = None
    lost: bool = False


class Records(msgspec.Struct, frozen=True):
    """What one source told. `names` has the agents' names by what `agent` says in the rows.

    `problems` are sentences about what is missing in it; `cut`: there was more than may be read.
    """

    origin: Origin
    calls: tuple[CallRecord, ...] = ()
    presences: tuple[Presence, ...] = ()
    names: Mapping[str, str] = {}
    problems: tuple[str, ...] = ()
    cut: bool = False

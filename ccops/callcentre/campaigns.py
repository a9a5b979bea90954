"""Campaigns of the call-center module: when each runs, how far it has come, and what became of its calls.

By the module's own rules (its dialer, CampaignProcess): an outgoing campaign calls while `estatus` is A, between its
dates and within its daily hours, each number again until it was a success or `retries` are used up; an incoming one
takes the calls of its queue. Daily hours that begin later than they end go over midnight. Times are local to the node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal

import msgspec

from ccops.callcentre.periods import DAY_S, HOUR_S, local_day

Direction = Literal["out", "in"]

PENDING = ""
"""The status of a call that was not tried yet (NULL)."""

UNDER_WAY = frozenset(["placing", "dialing", "ringing", "onqueue", "onhold"])
"""What the dialer does not call again because it believes that it goes on."""

_REACHED = frozenset(["success", "shortcall", "abandoned", "onqueue", "onhold"])
_TRIED = _REACHED | {"noanswer", "failure"}


class Schedule(msgspec.Struct, frozen=True):
    """From the day `first` to the day `last`, each day from `opens` to `closes` (seconds from midnight).

    None is what the tables do not tell (a zero date).
    """

    first: date | None
    last: date | None
    opens: int | None
    closes: int | None

    @property
    def wraps(self) -> bool:
        """Whether its hours go over midnight."""
        return self.opens is not None and self.closes is not None and self.opens > self.closes

    @property
    def days(self) -> str:
        """`2026-11-01 to 2026-12-31`."""
        return f"{self.first or 'not known'} to {self.last or 'not known'}"

    @property
    def hours(self) -> str:
        """`08:00 to 18:00`."""
        return f"{clock(self.opens)} to {clock(self.closes)}"


class Campaign(msgspec.Struct, frozen=True):
    """One campaign. `status` is its estatus: A started, I stopped, T finished (outgoing only; all calls are made).

    `retries`, `channels` (max_canales, 0 is as many as there are agents) and `trunk` are those of an outgoing one, ""
    where the dialplan chooses the trunk. `queue_id` is an incoming one's row of queue_call_entry, `queue_active` that
    row's estatus; None where it is not known.
    """

    direction: Direction
    id: int
    name: str
    queue: str
    status: str
    schedule: Schedule
    trunk: str = ""
    context: str = ""
    channels: int | None = None
    retries: int | None = None
    queue_id: int | None = None
    queue_active: bool | None = None

    @property
    def key(self) -> str:
        """`out:3`: ids of the two kinds are not one row of numbers."""
        return f"{self.direction}:{self.id}"


class Link(msgspec.Struct, frozen=True):
    """An agent who is on a call of a campaign now. `agent` is `Agent/9000`; `stale`: it is older than this Asterisk."""

    agent: str
    name: str
    number: str
    since: float | None
    held: bool = False
    stale: bool = False


class Progress(msgspec.Struct, frozen=True):
    """What became of a campaign's calls: all of an outgoing one's, today's of an incoming one.

    `outcomes` are counts by status as the module writes it, PENDING among them; calls that are lost are in `lost` and
    not there: they were open when Asterisk or the dialer ended (`fin-monitoreo`, and older than this Asterisk).
    `again`: calls that are still to be made, `retried` of them were tried before; `barred`: numbers that must not be
    called (dnc), with `paused` those of stopped lists. `attempts`: retries used so far. Means are in seconds, None
    without calls. `read_at` is when it was read (seconds since the epoch), `cost_s` how long the statement took.
    """

    outcomes: Mapping[str, int]
    lost: int = 0
    again: int = 0
    retried: int = 0
    barred: int = 0
    paused: int = 0
    attempts: int = 0
    talk_s: float | None = None
    wait_s: float | None = None
    read_at: float = 0.0
    cost_s: float = 0.0

    @property
    def total(self) -> int:
        """All calls, those that are lost too."""
        return sum(self.outcomes.values()) + self.lost

    @property
    def under_way(self) -> int:
        """Calls that go on: dialled, ringing, waiting, on hold, or (incoming) talking."""
        going_on = UNDER_WAY | {"en-cola", "activa", "hold"}
        return sum(n for status, n in self.outcomes.items() if status.lower() in going_on)

    @property
    def done(self) -> int:
        """Calls that need nothing more: those not to be made, under way or in a stopped list; also barred and lost."""
        return self.total - self.again - self.under_way - self.paused

    @property
    def contact(self) -> float | None:
        """Of the outgoing calls that were tried, the part that somebody answered; None where none was."""
        return _part(self._of(_REACHED), self._of(_TRIED))

    @property
    def success(self) -> float | None:
        """Of the outgoing calls that were tried, the part that an agent spoke to for long enough."""
        return _part(self._of(frozenset(["success"])), self._of(_TRIED))

    @property
    def answered(self) -> float | None:
        """Of the incoming calls that left the queue, the part that an agent took."""
        took = self._of(frozenset(["terminada", "activa", "hold"]))
        return _part(took, took + self._of(frozenset(["abandonada"])))

    def _of(self, statuses: frozenset[str]) -> int:
        return sum(n for status, n in self.outcomes.items() if status.lower() in statuses)


class CampaignCall(msgspec.Struct, frozen=True):
    """One call of a campaign, as its newest row tells it. `at`: its last event; `lost`: as in Progress."""

    id: int
    at: float | None
    number: str
    status: str
    agent: str = ""
    agent_name: str = ""
    wait_s: float | None = None
    talk_s: float | None = None
    trunk: str = ""
    retries: int | None = None
    cause: str = ""
    lost: bool = False


class Break(msgspec.Struct, frozen=True):
    """One kind of break that agents may take; `active`: its status is A. `id` 1 is the module's own, Hold."""

    id: int
    name: str
    description: str = ""
    active: bool = True


def why_not(campaign: Campaign, local: tuple[date, int]) -> str:
    """Why a campaign does not run at that local day and second of the day; "" where it does."""
    today, second = local
    schedule = campaign.schedule
    if campaign.status != "A":
        return {"I": "stopped", "T": "finished: no call is left to be made"}.get(
            campaign.status, f"its status {campaign.status!r} is none that is known"
        )
    if schedule.first is None or schedule.last is None:
        return "its dates are not known"
    if today < schedule.first:
        return f"begins on {schedule.first}"
    if today > schedule.last:
        return f"ended on {schedule.last}"
    if schedule.opens is None or schedule.closes is None:
        return "its hours are not known"
    if schedule.opens == schedule.closes:
        return f"it has no hours: {schedule.hours}"
    if not _open(campaign, schedule.opens, schedule.closes, second):
        return f"outside {schedule.hours}"
    return ""


def _open(campaign: Campaign, opens: int, closes: int, second: int) -> bool:
    # The dialer counts the last second of an outgoing campaign's hours in, that of an incoming one's out.
    before_end = second <= closes if campaign.direction == "out" or opens > closes else second < closes
    return (opens <= second or before_end) if opens > closes else (opens <= second and before_end)


def idle(progress: Progress | None) -> str:
    """Why an outgoing campaign that runs calls nobody, as far as its calls tell; "" where it calls, or is not known."""
    if progress is None or progress.again or progress.under_way:
        return ""
    if not progress.total:
        return "it has no numbers"
    paused = f", and {progress.paused:,} are in lists that are stopped" if progress.paused else ""
    return f"nobody is left to be called{paused}"


def rivals(campaigns: Iterable[Campaign], local: tuple[date, int]) -> Mapping[str, str]:
    """The incoming campaigns that run for a queue with another one, by key, with that one's name.

    The dialer serves only one of them.
    """
    running: defaultdict[str, list[Campaign]] = defaultdict(list)
    for each in campaigns:
        if each.direction == "in" and not why_not(each, local):
            running[each.queue].append(each)
    return {
        each.key: together[1 if each is together[0] else 0].name
        for together in running.values()
        if len(together) > 1
        for each in together
    }


def overlap(one: Schedule, other: Schedule) -> bool:
    """Whether there is a moment at which both may run; what is not known may."""
    if (one.last and other.first and one.last < other.first) or (other.last and one.first and other.last < one.first):
        return False
    parts = [_parts(each) for each in (one, other)]
    return any(a < d and c < b for a, b in parts[0] for c, d in parts[1])


def _parts(schedule: Schedule) -> list[tuple[int, int]]:
    """Its hours within one day: two parts where they go over midnight."""
    if schedule.opens is None or schedule.closes is None:
        return [(0, int(DAY_S))]
    if schedule.opens > schedule.closes:
        return [(0, schedule.closes), (schedule.opens, int(DAY_S))]
    return [(schedule.opens, schedule.closes)]


def clock(second: int | None) -> str:
    """`08:00`, with seconds where there are some; `?` where it is not known."""
    if second is None:
        return "?"
    hours, rest = divmod(second, int(HOUR_S))
    return f"{hours:02d}:{rest // 60:02d}" + (f":{rest % 60:02d}" if rest % 60 else "")


def local_moment(now: float, utc_offset_s: int) -> tuple[date, int]:
    """The local day and its second, as the module's dialer asks for them."""
    return local_day(now, utc_offset_s), int(now + utc_offset_s) % int(DAY_S)


def _part(some: int, of: int) -> float | None:
    return some / of if of else None

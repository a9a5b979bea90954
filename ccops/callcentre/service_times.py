"""The times of service: what was offered, answered and given up in a period, how long it took, and who was there.

One computation from `CallRecord` and `Presence`, whatever source they came from. A call belongs to the moment in which
it entered the queue; time logged in, on a break and talking is cut at the edges of whatever it is counted for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from ccops.callcentre.attendance import Attendance, Times, attend
from ccops.callcentre.periods import Period
from ccops.callcentre.records import CallRecord, Presence, Records

By = Literal["queue", "agent", "hour", "day"]
BY: tuple[By, ...] = ("queue", "agent", "hour", "day")

LOOK_BACK_CALLS_S = 4 * 3600.0
"""How long before a period calls are looked for that agents still talk on in it; nothing else is taken from them."""

LOOK_BACK_LOGINS_S = 7 * 86_400.0
"""How long before a period log-ins are looked for that last into it."""


class Question(msgspec.Struct, frozen=True):
    """What is asked. `now` and `started_at` (of Asterisk, None where unknown) are by the node's clock.

    `levels`: the service level of each queue in seconds; `level_s` stands for all of them where it is given. `short_s`:
    an answered call that lasted less is short. `queue`: only that queue's calls count.
    """

    period: Period
    now: float
    by: By = "queue"
    queue: str | None = None
    levels: Mapping[str, float] = {}
    level_s: float | None = None
    short_s: float = 10.0
    started_at: float | None = None


class Figures(msgspec.Struct, frozen=True):
    """One line of a report: `key` is a queue, an agent, an hour of the day or a day. Spans are in seconds.

    `offered`: calls that entered the queue (None for an agent: a queue offers to all). `handled`: answered, also those
    still talking. `abandoned`: left unanswered for whatever reason, `exited` those of them that the queue or a key sent
    on (None where the source cannot tell). `waiting`, `talking`: not over yet. `short`: completed in less than the
    question's limit. `within` of `judged`: answered within the queue's service level, of answered + abandoned of queues
    that have one. `longest_wait_s` counts all waits, also those that go on.
    `logged_in_s`, `break_s`, `breaks` (by name) and `occupancy` (talking over logged in and not on a break; holds and
    talks begun before a break count as talking) are None where nothing tells, or where they would mix queues.
    """

    key: str
    label: str
    offered: int | None = 0
    handled: int = 0
    abandoned: int | None = 0
    exited: int | None = None
    waiting: int = 0
    talking: int = 0
    short: int = 0
    within: int = 0
    judged: int = 0
    completed: int = 0
    wait_total_s: float = 0.0
    talk_total_s: float = 0.0
    longest_wait_s: float | None = None
    logged_in_s: float | None = None
    break_s: float | None = None
    breaks: Mapping[str, float] = {}
    occupancy: float | None = None

    @property
    def service_level(self) -> float | None:
        """Answered within the queue's own limit, over answered + abandoned; None before the first, or without limit."""
        return self.within / self.judged if self.judged else None

    @property
    def asa_s(self) -> float | None:
        """Average speed of answer: the mean wait of the answered."""
        return self.wait_total_s / self.handled if self.handled else None

    @property
    def aht_s(self) -> float | None:
        """Average handling time: the mean talk, holds included, of the completed (neither source has wrap-up times)."""
        return self.talk_total_s / self.completed if self.completed else None


class Report(msgspec.Struct, frozen=True):
    """The answer: lines in order, their total, the calls counted (oldest first), and what is known to be lost.

    `lost_calls` and `lost_presences` were open when Asterisk or the dialer ended; they are counted nowhere else.
    """

    question: Question
    lines: tuple[Figures, ...]
    total: Figures
    calls: tuple[CallRecord, ...]
    lost_calls: tuple[CallRecord, ...]
    lost_presences: tuple[Presence, ...]


def report(records: Records, question: Question) -> Report:
    """The times of service in the question's period."""
    period = question.period
    calls = [lose_older(call, question.started_at) for call in records.calls]
    # The log says itself when Asterisk started, and which members stayed.
    started_at = question.started_at if records.origin == "module" else None
    presences = [lose_left_open(each, started_at) for each in records.presences]
    asked = sorted(
        (c for c in calls if period.start <= c.entered_at < period.end and question.queue in (None, c.queue)),
        key=lambda call: (call.entered_at, call.uniqueid, call.queue),
    )
    counted = tuple(call for call in asked if call.outcome != "lost")
    alive = [each for each in presences if not each.lost]
    until = min(period.end, question.now)
    attendance = attend(calls, alive, period.start, until, question.now)
    tells_exits = records.origin == "log"
    lines = _lines(question, counted, attendance, records.names, tells_exits)
    return Report(
        question=question,
        lines=lines,
        # Whoever sits in one queue may sit in others as well: of one, nobody's time is known.
        total=_figures(
            "",
            "all",
            counted,
            question,
            tells_exits,
            attendance.of(attendance.agents) if question.queue is None else None,
        ),
        calls=counted,
        lost_calls=tuple(call for call in asked if call.outcome == "lost"),
        lost_presences=tuple(
            sorted(
                (each for each in presences if each.lost and period.start <= each.began_at < period.end),
                key=lambda each: (each.began_at, each.agent),
            )
        ),
    )


def lose_older(call: CallRecord, started_at: float | None) -> CallRecord:
    """A call that is open since before Asterisk started is over, and nobody knows how."""
    if call.outcome in ("waiting", "talking") and started_at is not None and call.entered_at < started_at:
        return msgspec.structs.replace(call, outcome="lost")
    return call


def lose_left_open(presence: Presence, started_at: float | None) -> Presence:
    """The same of a log-in or break."""
    if presence.ended_at is None and started_at is not None and presence.began_at < started_at:
        return msgspec.structs.replace(presence, lost=True)
    return presence


def _lines(
    question: Question,
    calls: Sequence[CallRecord],
    attendance: Attendance,
    names: Mapping[str, str],
    tells_exits: bool,
) -> tuple[Figures, ...]:
    if question.by == "agent":
        return _agent_lines(question, calls, attendance, names)
    groups: defaultdict[str, list[CallRecord]] = defaultdict(list)
    if question.by == "queue":
        for call in calls:
            groups[call.queue].append(call)
        return tuple(
            _figures(key, key or "no queue", groups[key], question, tells_exits, None)
            for key in sorted(groups, key=lambda name: (name.casefold(), name))
        )
    place = question.period.hour if question.by == "hour" else question.period.day
    for call in calls:
        groups[place(call.entered_at)].append(call)
    times = {} if question.queue is not None else attendance.by(question.period, place)
    keys = sorted({*groups, *times})
    if question.by == "hour" and keys:
        keys = [key for key in (f"{hour:02d}:00" for hour in range(24)) if keys[0] <= key <= keys[-1]]
    if question.by == "day":
        keys = [day for day in question.period.days() if day <= question.period.day(question.now) or day in keys]
    return tuple(_figures(key, key, groups.get(key, ()), question, tells_exits, times.get(key)) for key in keys)


def _agent_lines(
    question: Question, calls: Sequence[CallRecord], attendance: Attendance, names: Mapping[str, str]
) -> tuple[Figures, ...]:
    """Those who answered a call, and where no queue is asked for, whoever was there."""
    groups: defaultdict[str, list[CallRecord]] = defaultdict(list)
    for call in calls:
        if call.answered:
            groups[call.agent].append(call)
    keys = set(groups) if question.queue is not None else {*groups, *attendance.agents}
    found = []
    for key in keys:
        own = _figures(key, names.get(key) or key or "nobody", groups[key], question, False, attendance.of((key,)))
        found.append(msgspec.structs.replace(own, offered=None, abandoned=None))
    return tuple(sorted(found, key=lambda line: (line.label.casefold(), line.key)))


def _figures(
    key: str,
    label: str,
    calls: Sequence[CallRecord],
    question: Question,
    tells_exits: bool,
    times: Times | None,
) -> Figures:
    answered = [call for call in calls if call.answered]
    abandoned = [call for call in calls if call.outcome == "abandoned"]
    completed = [call for call in answered if call.outcome == "completed"]
    within = judged = 0
    for call in (*answered, *abandoned):
        limit = question.level_s if question.level_s is not None else question.levels.get(call.queue)
        if limit:
            judged += 1
            within += int(call.answered and (call.wait_s or 0.0) <= limit)
    return Figures(
        key=key,
        label=label,
        offered=len(calls),
        handled=len(answered),
        abandoned=len(abandoned),
        exited=sum(1 for call in abandoned if call.exit) if tells_exits else None,
        waiting=sum(1 for call in calls if call.outcome == "waiting"),
        talking=len(answered) - len(completed),
        short=sum(1 for call in completed if (call.talk_s or 0.0) < question.short_s),
        within=within,
        judged=judged,
        completed=len(completed),
        wait_total_s=sum(call.wait_s or 0.0 for call in answered),
        talk_total_s=sum(call.talk_s or 0.0 for call in completed),
        longest_wait_s=max((_waited(call, question.now) for call in calls), default=None),
        logged_in_s=times.logged_in_s if times else None,
        break_s=times.break_s if times else None,
        breaks=times.breaks if times else {},
        occupancy=times.occupancy if times else None,
    )


def _waited(call: CallRecord, now: float) -> float:
    if call.wait_s is not None:
        return call.wait_s
    return max(0.0, now - call.entered_at) if call.outcome == "waiting" else 0.0

"""Who of the module's agents is logged in and on a break, since when, and how long together today.

From the rows of `audit`: a session has no break, a break has one. Today begins at local midnight, and who logged in
before it is logged in all the same. What was open when Asterisk or the dialer ended is lost, and counted nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ccops.callcentre.attendance import attend
from ccops.callcentre.records import Presence
from ccops.callcentre.service_times import LOOK_BACK_LOGINS_S
from ccops.callcentre.sql_cells import moment, text

Row = Mapping[str, Any]


class Person(msgspec.Struct, frozen=True):
    """One agent's day; times in seconds, moments in seconds since the epoch.

    `sessions` and `pauses` are those that have a part in today, in order, holds left out. `since` is when the open
    session began (it may be yesterday), None without one; `pause` the open break, `pause_since` its begin.
    `open_sessions` above 1 is corruption: the module allows one. `lost` sessions and breaks are in no total.
    """

    agent: str
    name: str
    sessions: tuple[Presence, ...] = ()
    pauses: tuple[Presence, ...] = ()
    logged_in_s: float = 0.0
    break_s: float = 0.0
    breaks: Mapping[str, float] = {}
    since: float | None = None
    pause: str | None = None
    pause_since: float | None = None
    open_sessions: int = 0
    lost: int = 0


class BreakTotal(msgspec.Struct, frozen=True):
    """One kind of break today: how often, how long together, and who is in it now."""

    name: str
    times: int = 0
    total_s: float = 0.0
    now: tuple[str, ...] = ()


class Board(msgspec.Struct, frozen=True):
    """All agents who have a part in today, and the breaks that were taken.

    `strange` rows could not be used; `forgotten` ones were lost longer than a week ago and belong to nobody's day.
    """

    people: tuple[Person, ...] = ()
    breaks: tuple[BreakTotal, ...] = ()
    strange: int = 0
    forgotten: int = 0
    midnight: float = 0.0
    now: float = 0.0

    @property
    def doubled(self) -> int:
        """Agents with more than one open session."""
        return sum(1 for person in self.people if person.open_sessions > 1)

    def later(self, now: float) -> Board:
        """The same board at a later moment, as long as nothing else is known: what is open has gone on."""
        more = max(0.0, now - self.now)
        if not more:
            return self
        people = tuple(_later(person, more) for person in self.people)
        breaks = tuple(msgspec.structs.replace(e, total_s=e.total_s + more * len(e.now)) for e in self.breaks)
        return msgspec.structs.replace(self, people=people, breaks=breaks, now=now)


def board(rows: Iterable[Row], midnight: float, now: float, started_at: float | None) -> Board:
    """The board of a day from rows with agent, agent_name, began, ended, pause (NULL for a session) and kind."""
    names: dict[str, str] = {}
    found: defaultdict[str, list[Presence]] = defaultdict(list)
    strange = forgotten = 0
    for row in rows:
        agent, began, ended = text(row.get("agent")), moment(row.get("began")), moment(row.get("ended"))
        if not agent or began is None:
            strange += 1
            continue
        if (ended is not None and ended <= midnight) or began > now + _AHEAD_S:
            continue
        if text(row.get("kind")).upper() == "H":
            continue
        pause = None if row.get("pause") is None else text(row.get("pause"))
        lost = ended is None and started_at is not None and began < started_at
        if lost and now - began > LOOK_BACK_LOGINS_S:
            forgotten += 1
            continue
        found[agent].append(Presence(agent, began, None if ended is None else max(began, ended), pause, lost))
        names[agent] = text(row.get("agent_name")) or names.get(agent, "")
    people = tuple(_person(agent, names[agent], found[agent], midnight, now) for agent in found)
    ordered = tuple(sorted(people, key=lambda person: (person.name.casefold(), person.agent)))
    return Board(ordered, _totals(ordered), strange, forgotten, midnight, now)


def _later(person: Person, more: float) -> Person:
    changes: dict[str, Any] = {}
    if person.since is not None:
        changes["logged_in_s"] = person.logged_in_s + more
    if person.pause is not None:
        changes["break_s"] = person.break_s + more
        changes["breaks"] = {**person.breaks, person.pause: person.breaks.get(person.pause, 0.0) + more}
    return msgspec.structs.replace(person, **changes) if changes else person


# Of two clocks one is ahead of the other: what begins a little in the future has begun.
_AHEAD_S = 120.0


def _person(agent: str, name: str, presences: list[Presence], midnight: float, now: float) -> Person:
    presences.sort(key=lambda each: each.began_at)
    kept = [each for each in presences if not each.lost]
    sessions = tuple(each for each in presences if each.pause is None)
    pauses = tuple(each for each in presences if each.pause is not None)
    times = attend((), kept, midnight, max(midnight, now), now).of([agent])
    open_sessions = [each for each in kept if each.pause is None and each.ended_at is None]
    open_pause = next((each for each in reversed(kept) if each.pause is not None and each.ended_at is None), None)
    return Person(
        agent,
        name,
        sessions,
        pauses,
        times.logged_in_s if times else 0.0,
        times.break_s if times else 0.0,
        times.breaks if times else {},
        since=open_sessions[0].began_at if open_sessions else None,
        pause=open_pause.pause if open_pause else None,
        pause_since=open_pause.began_at if open_pause else None,
        open_sessions=len(open_sessions),
        lost=len(presences) - len(kept),
    )


def _totals(people: Iterable[Person]) -> tuple[BreakTotal, ...]:
    times: defaultdict[str, int] = defaultdict(int)
    total: defaultdict[str, float] = defaultdict(float)
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for person in people:
        for each in person.pauses:
            if not each.lost and each.pause is not None:
                times[each.pause] += 1
        for name, seconds in person.breaks.items():
            total[name] += seconds
        if person.pause is not None:
            inside[person.pause].append(person.name or person.agent)
    return tuple(BreakTotal(name, times[name], total[name], tuple(inside[name])) for name in sorted(times))

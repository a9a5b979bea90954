"""What a console knows of campaigns, sessions and breaks, what it asks next, and how old each answer is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from msgspec.structs import replace

from ccops.callcentre.board import Board
from ccops.callcentre.campaigns import Campaign, CampaignCall, Progress, local_moment, rivals, why_not
from ccops.tui.agenda import Agenda
from ccops.tui.widgets.campaign_rows import Standing
from ccops.watch.archive import Unanswered
from ccops.watch.campaign_source import Attendance, CampaignSource, Overview

Topic = Literal["campaigns", "agents", "breaks"]
TOPICS: Final[tuple[Topic, ...]] = ("campaigns", "agents", "breaks")

_OFTEN_S = 10.0
_COUNTS_S, _COSTLY_COUNTS_S, _COSTLY_S = 30.0, 60.0, 0.5
# What became of a campaign that does not run changes no more by itself.
_RESTING_S = 600.0
_AFTER_FAILURE_S = 20.0
# Of the time, counting takes a fifth at most; what takes no time at all need not rest.
_REST, _CHEAP_S = 4.0, 0.02
# Beside the campaigns that run, so many of the others are counted: those at the top of the list.
_MOST_RESTING = 30


class Inquiry:
    """Times are the console's clock. Questions are words: overview, attendance, today, count KEY, calls KEY."""

    def __init__(self) -> None:
        self._agenda = Agenda()
        self.overview: Overview | None = None
        self.attendance: Attendance | None = None
        self.progress: dict[str, Progress] = {}
        self.calls: dict[str, Sequence[CampaignCall]] = {}
        self.problems: dict[str, str] = {}
        self._overview_at = self._attendance_at = 0.0
        self._stand: tuple[tuple[date, int], list[Standing]] | None = None

    def next(self, now: float, topic: Topic, opened: str) -> str | None:
        """The question that is due for what is shown; None for none."""
        wanted = self._wanted(now, topic, opened)
        return self._agenda.next(now, wanted, [what for what in wanted if _counts(what)])

    async def answer(self, source: CampaignSource, what: str) -> Any:
        """Asks it. Raises Unanswered."""
        if what == "overview":
            return await source.overview()
        if what == "attendance":
            return await source.attendance()
        if what == "today":
            return await source.today()
        word, _, key = what.partition(" ")
        campaign = self.campaign(key)
        if campaign is None:
            raise Unanswered("that campaign is there no more")
        return await (source.progress(campaign) if word == "count" else source.calls(campaign))

    def failed(self, what: str, why: str, now: float) -> None:
        """It was not answered; what was known stays, and it is asked again in a while."""
        self.problems[what] = why
        self._agenda.answered(what, now, _AFTER_FAILURE_S)

    def answered(self, what: str, answer: Any, now: float, cost_s: float, opened: str) -> None:
        """Keeps an answer, and when it is to be asked again: the more it cost, the later."""
        self.problems.pop(what, None)
        self._keep(what, answer, now)
        every = _OFTEN_S
        if what.startswith("count ") and not self.runs(what[6:], now) and what[6:] != opened:
            every = _RESTING_S
        elif _counts(what):
            every = _COSTLY_COUNTS_S if cost_s > _COSTLY_S else _COUNTS_S
        elif what.startswith("calls "):
            every = _COUNTS_S
        self._agenda.answered(what, now, every, _REST * cost_s if _counts(what) and cost_s > _CHEAP_S else 0.0)

    def due(self) -> None:
        """Everything is asked anew; what is known stays until it was."""
        self._agenda.forget()

    # -- what is known

    def campaign(self, key: str) -> Campaign | None:
        """The campaign of that key."""
        found = self.overview.campaigns if self.overview else ()
        return next((each for each in found if each.key == key), None)

    def standings(self, now: float) -> list[Standing]:
        """Each campaign as it stands, those that run first."""
        overview = self.overview
        if overview is None:
            return []
        local = local_moment(self.node_now(now), overview.standing.utc_offset_s)
        if self._stand is not None and self._stand[0] == local:
            return self._stand[1]
        others = rivals(overview.campaigns, local)
        found = [
            Standing(
                campaign,
                why_not(campaign, local),
                others.get(campaign.key, ""),
                self.progress.get(campaign.key),
                overview.links.get(campaign.key, ()),
            )
            for campaign in overview.campaigns
        ]
        found.sort(key=lambda each: (not each.runs, each.campaign.status != "A", each.campaign.direction))
        self._stand = (local, found)
        return found

    def runs(self, key: str, now: float) -> bool:
        """Whether that campaign runs."""
        return any(each.runs for each in self.standings(now) if each.campaign.key == key)

    def board(self, now: float) -> Board | None:
        """The sessions and breaks, with what is open gone on."""
        if self.attendance is None:
            return None
        return self.attendance.board.later(self.attendance.standing.now + max(0.0, now - self._attendance_at))

    def node_now(self, now: float) -> float:
        """The node's clock: what it was when the campaigns were read, and what has passed since."""
        assert self.overview is not None
        return self.overview.standing.now + max(0.0, now - self._overview_at)

    def age(self, topic: Topic, now: float) -> float:
        """How long ago it was read, in seconds."""
        return max(0.0, now - (self._overview_at if topic == "campaigns" else self._attendance_at))

    def _wanted(self, now: float, topic: Topic, opened: str) -> list[str]:
        """The questions that what is shown gives rise to."""
        if topic != "campaigns":
            return ["attendance"]
        if self.overview is None:
            return ["overview"]
        if opened:
            return ["overview", f"calls {opened}", f"count {opened}" if opened.startswith("out:") else "today"]
        known = self.standings(now)
        today = ["today"] if any(each.campaign.direction == "in" for each in known) else []
        outgoing = [each for each in known if each.campaign.direction == "out"]
        running = [each.campaign.key for each in outgoing if each.runs]
        resting = [each.campaign.key for each in outgoing if not each.runs][:_MOST_RESTING]
        return ["overview", *today, *(f"count {key}" for key in (*running, *resting))]

    def _keep(self, what: str, answer: Any, now: float) -> None:
        self._stand = None
        if what == "overview":
            if self.overview is not None and answer.standing.node != self.overview.standing.node:
                # Another node serves: what the first one's tables told is asked of this one.
                self.progress, self.calls = {}, {}
                self._agenda.forget()
            self.overview, self._overview_at = answer, now
        elif what == "attendance":
            self.attendance, self._attendance_at = answer, now
        elif what == "today":
            found: Mapping[str, Progress] = answer
            for each in self.overview.campaigns if self.overview else ():
                if each.direction == "in":
                    self.progress[each.key] = replace(found.get(each.key, Progress({})), read_at=now)
        elif what.startswith("count "):
            self.progress[what[6:]] = replace(answer, read_at=now)
        else:
            self.calls[what[6:]] = answer


def _counts(what: str) -> bool:
    """Whether its answer takes reading many rows."""
    return what == "today" or what.startswith("count ")

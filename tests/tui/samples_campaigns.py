"""The campaigns, sessions and breaks of `tests.callcentre.campaign_day` as a console is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date

from ccops.callcentre.board import board
from ccops.callcentre.campaigns import Break, Campaign, CampaignCall, Link, Progress, Schedule
from ccops.watch.archive import Standing, Unanswered
from ccops.watch.campaign_source import Attendance, Overview
from tests.callcentre import campaign_day as day

STANDING = Standing("elaxtix-voip", day.NOW, day.OFFSET_S, day.STARTED_AT)


def schedule(first: str, last: str, opens: str, closes: str) -> Schedule:
    """One from texts."""
    seconds = [
        sum(int(part) * unit for part, unit in zip(t.split(":"), (3600, 60, 1), strict=True)) for t in (opens, closes)
    ]
    return Schedule(date.fromisoformat(first), date.fromisoformat(last), *seconds)


OUTGOING = tuple(
    Campaign("out", id, name, queue, status, schedule(first, last, opens, closes), trunk or "", "", channels, retries)
    for id, (name, queue, first, last, opens, closes, status, retries, trunk, channels) in enumerate(day.CAMPAIGNS, 1)
)
INCOMING = (
    Campaign("in", 1, "atención", "400", "A", schedule("2026-01-01", "2026-12-31", "00:00:00", "23:59:59"), queue_id=1),
    Campaign("in", 2, "doble", "400", "A", schedule("2026-01-01", "2026-12-31", "12:00:00", "16:00:00"), queue_id=1),
    Campaign("in", 3, "nocturna", "401", "I", schedule("2026-01-01", "2026-12-31", "22:00:00", "06:00:00"), queue_id=2),
)
LINKS = {
    "out:1": (Link("Agent/9000", "Ana Torres", "098011", day.at(14, 59, 30), held=True),),
    "in:1": (
        Link("SIP/102", "Eva Paz", "09919", day.at(13, 51), stale=True),
        Link("SIP/101", "Luis Vera", "099110", day.at(14, 50, 5)),
    ),
}
OUTCOMES = {"Success": 2, "ShortCall": 1, "Abandoned": 1, "NoAnswer": 2, "Failure": 1, "": 3, "Ringing": 1, "Paused": 1}
PROGRESS = Progress(OUTCOMES, 1, 6, 4, 1, 1, 15, 61.0, 8.5)
TODAY = Progress({"terminada": 3, "abandonada": 1, "activa": 1, "en-cola": 1}, 3, talk_s=60.0, wait_s=16.25)
CALLS = (
    CampaignCall(11, day.at(14, 59), "098011", "Ringing", retries=1),
    CampaignCall(12, day.at(13, 50), "098012", "OnQueue", retries=1, lost=True),
    CampaignCall(7, day.at(9, 13, 9), "098007", "Failure", retries=1, cause="No circuit", trunk="SIP/gw"),
    CampaignCall(1, day.at(9, 2), "098001", "Success", "Agent/9000", "Ana Torres", 4.0, 60.0, "SIP/gw", 1),
)
BREAKS = (Break(2, "Almuerzo", "an hour", True), Break(3, "Baño", "", True), Break(4, "Siesta", "", False))


class FakeSource:
    """Answers with the day; `held` keeps answers back, `refusal` refuses them, `cost_s` is how long counting takes."""

    def __init__(self, overview: Overview | None = None, attendance: Attendance | None = None) -> None:
        found = board(day.audit_rows(), day.MIDNIGHT, day.NOW, day.STARTED_AT)
        self.told = overview or Overview(STANDING, (*OUTGOING, *INCOMING), LINKS)
        self.there = attendance or Attendance(STANDING, found, BREAKS)
        self.known: Mapping[str, tuple[CampaignCall, ...]] = {"out:1": CALLS}
        self.asked: list[str] = []
        self.refusal = ""
        self.held: asyncio.Event | None = None
        self.at_once = self.most_at_once = 0
        self.cost_s = 0.0

    def standing(self) -> Standing:
        return STANDING

    async def overview(self) -> Overview:
        await self._asked("overview")
        return self.told

    async def progress(self, campaign: Campaign) -> Progress:
        await self._asked(f"count {campaign.key}")
        await asyncio.sleep(self.cost_s)
        return PROGRESS if campaign.key == "out:1" else Progress({})

    async def today(self) -> Mapping[str, Progress]:
        await self._asked("today")
        return {"in:1": TODAY}

    async def calls(self, campaign: Campaign) -> tuple[CampaignCall, ...]:
        await self._asked(f"calls {campaign.key}")
        return self.known.get(campaign.key, ())

    async def attendance(self) -> Attendance:
        await self._asked("attendance")
        return self.there

    async def _asked(self, what: str) -> None:
        self.asked.append(what)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.held is not None:
                await self.held.wait()
            if self.refusal:
                raise Unanswered(self.refusal)
        finally:
            self.at_once -= 1

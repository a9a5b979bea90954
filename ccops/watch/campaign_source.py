"""What campaigns, sessions and breaks can be asked for: the port between their view and the links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ccops.callcentre.board import Board
from ccops.callcentre.campaigns import Break, Campaign, CampaignCall, Link, Progress
from ccops.watch.archive import Standing


class Overview(msgspec.Struct, frozen=True):
    """All campaigns, and who is on a call of which now, by its key; `problems` say what is missing."""

    standing: Standing
    campaigns: tuple[Campaign, ...] = ()
    links: Mapping[str, tuple[Link, ...]] = {}
    problems: tuple[str, ...] = ()


class Attendance(msgspec.Struct, frozen=True):
    """Today's sessions and breaks, and the kinds of break that there are."""

    standing: Standing
    board: Board
    breaks: tuple[Break, ...] = ()
    problems: tuple[str, ...] = ()


class CampaignSource(Protocol):
    """Reads them from the node that serves. It asks only when it is asked, and one question at a time.

    Everything raises `ccops.watch.archive.Unanswered` where it cannot be read now.
    """

    def standing(self) -> Standing:
        """Where and when is asked now."""
        ...

    async def overview(self) -> Overview:
        """The campaigns and the calls of agents."""
        ...

    async def progress(self, campaign: Campaign) -> Progress:
        """What became of all calls of an outgoing campaign: it costs time on a large one."""
        ...

    async def today(self) -> Mapping[str, Progress]:
        """What became of today's calls of the incoming campaigns, by key."""
        ...

    async def calls(self, campaign: Campaign) -> tuple[CampaignCall, ...]:
        """A campaign's last calls, the newest first."""
        ...

    async def attendance(self) -> Attendance:
        """Today's sessions and breaks."""
        ...

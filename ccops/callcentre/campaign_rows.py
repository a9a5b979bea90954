"""Rows of the call-center module's campaign tables as campaigns, progress and calls: of Elastix 2.x and of Issabel 4.

Each row is what `ccops.watch.campaign_tables` asks for, moments as seconds since the epoch. A cell may hold anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ccops.callcentre.campaigns import PENDING, UNDER_WAY, Campaign, CampaignCall, Link, Progress, Schedule
from ccops.callcentre.sql_cells import count, day, moment, number, span, text, time_of_day

Row = Mapping[str, Any]

# The dialer's own condition for a call that is not made again, besides retries and dnc.
_FINAL = UNDER_WAY | {"success"}
_OPEN = UNDER_WAY | {"en-cola", "activa", "hold"}


def campaigns(rows: Iterable[Row]) -> tuple[Campaign, ...]:
    """The rows of `campaign` and `campaign_entry` (`direction` out or in), the outgoing first, by name."""
    found = [_campaign(row) for row in rows if number(row.get("id")) is not None]
    return tuple(sorted(found, key=lambda c: (c.direction == "in", c.name.casefold(), c.id)))


def links(rows: Iterable[Row], started_at: float | None) -> Mapping[str, tuple[Link, ...]]:
    """Who is on a call of which campaign, by its key; rows without a campaign are left out."""
    found: defaultdict[str, list[Link]] = defaultdict(list)
    for row in rows:
        campaign, since = number(row.get("campaign")), moment(row.get("since"))
        if campaign is None:
            continue
        key = f"{'out' if row.get('direction') == 'out' else 'in'}:{int(campaign)}"
        found[key].append(
            Link(
                text(row.get("agent")) or text(row.get("agentnum")),
                text(row.get("agent_name")),
                text(row.get("number")),
                since,
                held=text(row.get("hold")).upper() == "S",
                stale=_before(since, started_at),
            )
        )
    return {key: tuple(sorted(each, key=lambda link: (link.since or 0.0, link.agent))) for key, each in found.items()}


def outgoing(rows: Iterable[Row], read_at: float = 0.0, cost_s: float = 0.0) -> Progress:
    """A row a status: status, n, attempts, again, retried, barred, old, and sums with counts of talk and wait."""
    outcomes: defaultdict[str, int] = defaultdict(int)
    lost = again = retried = barred = paused = attempts = 0
    talk, wait = [0.0, 0], [0.0, 0]
    for row in rows:
        status = text(row.get("status")) or PENDING
        number_of, old = count(row.get("n")), 0
        attempts += count(row.get("attempts"))
        if status.lower() in _OPEN:
            old = min(number_of, count(row.get("old")))
            lost += old
        if status.lower() not in _FINAL:
            again += count(row.get("again"))
            retried += count(row.get("again")) if status != PENDING else 0
            # Those of a stopped list are barred as well until the list goes on.
            if status.lower() == "paused":
                paused += count(row.get("barred"))
            else:
                barred += count(row.get("barred"))
        if number_of - old:
            outcomes[status] += number_of - old
        if status.lower() in ("success", "shortcall"):
            _add(talk, row, "talk")
        if status.lower() in ("success", "shortcall", "abandoned"):
            _add(wait, row, "wait")
    return Progress(
        dict(outcomes), lost, again, retried, barred, paused, attempts, _mean(talk), _mean(wait), read_at, cost_s
    )


def incoming(rows: Iterable[Row], read_at: float = 0.0, cost_s: float = 0.0) -> Mapping[str, Progress]:
    """A row a campaign and status: campaign, status, n, old, and sums with counts of talk and wait; by key."""
    outcomes: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    lost: defaultdict[str, int] = defaultdict(int)
    talk: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    wait: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for row in rows:
        campaign = number(row.get("campaign"))
        if campaign is None:
            continue
        key, status, number_of = f"in:{int(campaign)}", text(row.get("status")), count(row.get("n"))
        gone = number_of if status.lower() == "fin-monitoreo" else 0
        if status.lower() in _OPEN:
            gone = min(number_of, count(row.get("old")))
        lost[key] += gone
        if number_of - gone:
            outcomes[key][status] += number_of - gone
        if status.lower() == "terminada":
            _add(talk[key], row, "talk")
        if status.lower() in ("terminada", "activa", "hold"):
            _add(wait[key], row, "wait")
    return {
        key: Progress(
            dict(outcomes[key]),
            lost[key],
            talk_s=_mean(talk[key]),
            wait_s=_mean(wait[key]),
            read_at=read_at,
            cost_s=cost_s,
        )
        for key in {*outcomes, *(key for key, n in lost.items() if n)}
    }


def calls(rows: Iterable[Row], started_at: float | None) -> tuple[CampaignCall, ...]:
    """The calls of one campaign, the newest first."""
    found = []
    for row in rows:
        id = number(row.get("id"))
        if id is None:
            continue
        status, at = text(row.get("status")), moment(row.get("at"))
        open_ = status.lower() in _OPEN and moment(row.get("ended")) is None
        cause = text(row.get("cause_text"))
        if not cause and number(row.get("cause")) is not None:
            cause = f"cause {text(row.get('cause'))}"
        found.append(
            CampaignCall(
                int(id),
                at,
                text(row.get("number")),
                status,
                text(row.get("agent")),
                text(row.get("agent_name")),
                span(row.get("wait")),
                span(row.get("talk")),
                text(row.get("trunk")),
                None if row.get("retries") is None else count(row.get("retries")),
                cause,
                lost=status.lower() == "fin-monitoreo" or (open_ and _before(at, started_at)),
            )
        )
    return tuple(found)


def _campaign(row: Row) -> Campaign:
    out = row.get("direction") == "out"
    channels, retries, queue_id = (number(row.get(name)) for name in ("channels", "retries", "queue_id"))
    active = text(row.get("queue_status")).upper()
    return Campaign(
        "out" if out else "in",
        int(number(row.get("id")) or 0),
        text(row.get("name")),
        text(row.get("queue")),
        text(row.get("status")).upper(),
        Schedule(
            day(row.get("first")), day(row.get("last")), time_of_day(row.get("opens")), time_of_day(row.get("closes"))
        ),
        trunk=text(row.get("trunk")),
        context=text(row.get("context")),
        channels=None if channels is None else int(channels),
        retries=None if retries is None else int(retries),
        queue_id=None if queue_id is None else int(queue_id),
        queue_active=None if not active else active == "A",
    )


def _before(at: float | None, started_at: float | None) -> bool:
    return at is not None and started_at is not None and at < started_at


def _add(to: list[float], row: Row, what: str) -> None:
    to[0] += span(row.get(f"{what}_sum")) or 0.0
    to[1] += count(row.get(f"{what}_n"))


def _mean(of: list[float]) -> float | None:
    return of[0] / of[1] if of[1] else None

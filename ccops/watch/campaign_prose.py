"""Campaigns, sessions and breaks as plain text for a terminal, and as objects for scripts. Times are the node's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ccops.callcentre.campaigns import (
    Break,
    Campaign,
    CampaignCall,
    Link,
    Progress,
    clock,
    idle,
    local_moment,
    rivals,
    why_not,
)
from ccops.callcentre.periods import Period
from ccops.callcentre.vocabulary import OUTCOME
from ccops.watch.campaign_source import Attendance, Overview
from ccops.watch.service_prose import amount, percent
from ccops.watch.service_prose import clock as span

NOTHING = "–"

Counts = Mapping[str, Progress]


def campaigns_page(overview: Overview, counts: Counts) -> str:
    """A line a campaign, those that run first."""
    local = local_moment(overview.standing.now, overview.standing.utc_offset_s)
    rows = [_line(each, overview, counts.get(each.key), local) for each in overview.campaigns]
    rows.sort(key=lambda row: row[2] != "runs")
    head = ("key", "campaign", "state", "done", "left", "contact", "success", "on it", "queue", "hours", "why not")
    lines = _table([head, *rows]) if rows else ["the module has no campaigns"]
    return "\n".join([*lines, *(f"note: {problem}" for problem in overview.problems)]) + "\n"


def campaign_page(
    overview: Overview, campaign: Campaign, progress: Progress | None, calls: Sequence[CampaignCall]
) -> str:
    """One campaign: when it runs, what became of its calls, who is on them, the last ones."""
    standing = overview.standing
    why = why_not(campaign, local_moment(standing.now, standing.utc_offset_s))
    schedule, out = campaign.schedule, campaign.direction == "out"
    lines = [
        f"{campaign.name} ({campaign.key}, {'outgoing' if out else 'incoming'})",
        f"  {'runs' if not why else f'does not run: {why}'}",
        f"  {schedule.days}, {schedule.hours}; queue {campaign.queue or '?'}",
    ]
    if out:
        channels = f"{campaign.channels} channels" if campaign.channels else "as many channels as agents"
        lines.append(f"  by {campaign.trunk or 'the dialplan'}, {channels}, {campaign.retries} tries each")
    remark = idle(progress) if out and not why else ""
    local = local_moment(standing.now, standing.utc_offset_s)
    if rival := rivals(overview.campaigns, local).get(campaign.key):
        remark = f"shares queue {campaign.queue} with {rival}: the dialer serves one of them"
    lines += [f"  note: {remark}"] if remark else []
    lines += _outcomes(progress, out) if progress is not None else []
    links = overview.links.get(campaign.key, ())
    lines += ["", "agents on its calls:"] if links else ["", "nobody is on a call of it"]
    lines += [f"  {_linked(link, standing.now)}" for link in links]
    period = Period(0.0, 0.0, standing.utc_offset_s)
    rows = [_call_line(call, period) for call in calls]
    head = ("last event", "number", "outcome", "agent", "wait", "talk", "tries", "cause")
    lines += ["", f"the last {len(rows)} calls:", *_table([head, *rows])] if rows else ["", "it has made no calls"]
    return "\n".join(lines) + "\n"


def sessions_page(found: Attendance) -> str:
    """A line an agent of today, then the breaks."""
    board, period = found.board, Period(0.0, 0.0, found.standing.utc_offset_s)
    rows = []
    for person in board.people:
        since = person.pause_since if person.pause is not None else person.since
        state = "logged in" if person.since is not None else "lost track" if person.lost else "gone"
        if person.pause is not None:
            state = f"break: {person.pause or 'no name'}"
        if person.open_sessions > 1:
            state = f"{person.open_sessions} open sessions"
        breaks = ", ".join(f"{name or 'no name'} {span(s)}" for name, s in person.breaks.items())
        begun = NOTHING if since is None else period.clock(since)
        for_ = NOTHING if since is None else span(board.now - since)
        rows.append(
            (person.name, person.agent, state, for_, begun, span(person.logged_in_s), span(person.break_s), breaks)
        )
    head = ("agent", "interface", "state", "for", "since", "logged in", "breaks", "by break")
    lines = _table([head, *rows]) if rows else ["nobody was logged in today"]
    if board.doubled:
        lines.append(f"corrupt: {board.doubled} with more than one open session")
    totals = [
        (e.name or "no name", amount(e.times), span(e.total_s), ", ".join(e.now) or NOTHING) for e in board.breaks
    ]
    if totals:
        lines += ["", *_table([("break", "times", "together", "now"), *totals])]
    return "\n".join([*lines, *(f"note: {problem}" for problem in found.problems)]) + "\n"


def breaks_page(breaks: Sequence[Break]) -> str:
    """A line a kind of break."""
    rows = [(str(b.id), b.name, "active" if b.active else "disabled", b.description) for b in breaks]
    return "\n".join(_table([("id", "break", "state", "description"), *rows])) + "\n" if rows else "there are none\n"


def campaign_object(overview: Overview, campaign: Campaign, progress: Progress | None) -> dict[str, Any]:
    """One campaign for scripts."""
    local = local_moment(overview.standing.now, overview.standing.utc_offset_s)
    schedule, why = campaign.schedule, why_not(campaign, local)
    found: dict[str, Any] = {
        "key": campaign.key, "id": campaign.id, "direction": campaign.direction, "name": campaign.name,
        "status": campaign.status, "runs": not why, "why_not": why or None, "queue": campaign.queue,
        "first_day": None if schedule.first is None else schedule.first.isoformat(),
        "last_day": None if schedule.last is None else schedule.last.isoformat(),
        "opens": clock(schedule.opens), "closes": clock(schedule.closes), "trunk": campaign.trunk or None,
        "channels": campaign.channels, "retries": campaign.retries,
        "shares_queue_with": rivals(overview.campaigns, local).get(campaign.key),
        "agents": [
            {"agent": e.agent, "name": e.name, "number": e.number, "since": e.since, "held": e.held, "stale": e.stale}
            for e in overview.links.get(campaign.key, ())
        ],
        "progress": None,
    }  # fmt: skip
    if progress is not None:
        found["progress"] = {
            "outcomes": {status or "pending": n for status, n in progress.outcomes.items()},
            "total": progress.total, "done": progress.done, "left": progress.again, "tried_before": progress.retried,
            "under_way": progress.under_way, "lost": progress.lost, "barred": progress.barred,
            "paused": progress.paused,
            "tries": progress.attempts, "contact": progress.contact, "success": progress.success,
            "answered": progress.answered, "talk_s": progress.talk_s, "wait_s": progress.wait_s,
            "of": "all" if campaign.direction == "out" else "today",
        }  # fmt: skip
    return found


def call_object(call: CampaignCall) -> dict[str, Any]:
    """One call for scripts."""
    return {
        "id": call.id, "at": call.at, "number": call.number, "status": call.status or "pending", "agent": call.agent,
        "agent_name": call.agent_name, "wait_s": call.wait_s, "talk_s": call.talk_s, "trunk": call.trunk,
        "tries": call.retries, "cause": call.cause or None, "lost": call.lost,
    }  # fmt: skip


def attendance_object(found: Attendance) -> dict[str, Any]:
    """Sessions and breaks for scripts."""
    return {
        "node": found.standing.node,
        "from": found.board.midnight,
        "now": found.board.now,
        "agents": [
            {
                "agent": p.agent, "name": p.name, "logged_in_s": p.logged_in_s, "break_s": p.break_s,
                "breaks": dict(p.breaks), "since": p.since, "break": p.pause, "break_since": p.pause_since,
                "open_sessions": p.open_sessions, "lost": p.lost,
                "sessions": [{"from": s.began_at, "to": s.ended_at, "lost": s.lost} for s in p.sessions],
            }
            for p in found.board.people
        ],
        "breaks": [
            {"name": b.name, "times": b.times, "total_s": b.total_s, "now": list(b.now)} for b in found.board.breaks
        ],
        "problems": list(found.problems),
    }  # fmt: skip


def break_object(each: Break) -> dict[str, Any]:
    """A kind of break for scripts."""
    return {"id": each.id, "name": each.name, "description": each.description, "active": each.active}


def _line(campaign: Campaign, overview: Overview, progress: Progress | None, local: Any) -> tuple[str, ...]:
    why, out = why_not(campaign, local), campaign.direction == "out"
    state = "runs" if not why else {"I": "stopped", "T": "finished"}.get(campaign.status, "waits")
    live = [link for link in overview.links.get(campaign.key, ()) if not link.stale]
    if progress is None:
        counts = (NOTHING,) * 4
    elif out:
        done = f"{progress.done:,}/{progress.total:,}"
        counts = (done, amount(progress.again), percent(progress.contact), percent(progress.success))
    else:
        counts = (f"{progress.total:,} today", NOTHING, percent(progress.answered), NOTHING)
    rival = rivals(overview.campaigns, local).get(campaign.key, "")
    remark = why or (f"shares its queue with {rival}" if rival else idle(progress) if out else "")
    hours = campaign.schedule.hours.replace(" to ", "-")
    return (campaign.key, campaign.name, state, *counts, str(len(live)), campaign.queue, hours, remark)


def _outcomes(progress: Progress, out: bool) -> list[str]:
    told = [f"  {progress.done:,} of {progress.total:,} done, {progress.again:,} left"] if out else []
    if out and (progress.retried or progress.barred or progress.paused):
        told[0] += f" ({progress.retried:,} tried before)"
        told.append(
            f"  {progress.barred:,} barred, {progress.paused:,} in stopped lists, {progress.attempts:,} tries made"
        )
    lines = ["", f"what became of {'all' if out else 'the'} calls{'' if out else ' of today'}:", *told]
    for status, n in sorted(progress.outcomes.items(), key=lambda each: -each[1]):
        word = OUTCOME.get(status.lower())
        lines.append(f"  {n:>9,}  {word.label if word else status}")
    if progress.lost:
        lines.append(f"  {progress.lost:>9,}  lost track: open when Asterisk or the dialer ended")
    rates = f"{progress.attempts:,} tries, contact {percent(progress.contact)}, success {percent(progress.success)}"
    rates = rates if out else f"answered {percent(progress.answered)}"
    lines.append(f"  {rates}, mean talk {span(progress.talk_s)}, mean wait {span(progress.wait_s)}")
    return lines


def _linked(link: Link, now: float) -> str:
    since = "" if link.since is None else f" for {span(now - link.since)}"
    more = f"{' on hold' if link.held else ''}{' (lost track)' if link.stale else ''}"
    return f"{link.name or '?'} ({link.agent or '?'}) with {link.number or '?'}{since}{more}"


def _call_line(call: CampaignCall, period: Period) -> tuple[str, ...]:
    word = OUTCOME["fin-monitoreo"] if call.lost else OUTCOME.get(call.status.lower())
    return (
        NOTHING if call.at is None else period.clock(call.at), call.number or NOTHING,
        word.label if word else call.status, call.agent_name or call.agent or NOTHING, span(call.wait_s),
        span(call.talk_s), NOTHING if call.retries is None else str(call.retries), call.cause,
    )  # fmt: skip


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    from rich.cells import cell_len

    widths = [max(cell_len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

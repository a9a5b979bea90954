"""Campaigns, their calls, sessions and breaks as rows of tables, and one campaign as a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ccops.callcentre.board import Board, Person
from ccops.callcentre.campaigns import Break, Campaign, CampaignCall, Link, Progress, idle
from ccops.callcentre.periods import Period
from ccops.callcentre.vocabulary import OUTCOME, Word
from ccops.tui import quantities
from ccops.tui.widgets.bar import bar
from ccops.tui.widgets.card import Face, Part, Row
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Role
from ccops.tui.widgets.cells import Row as TableRow

CAMPAIGNS: Final = (
    Column("name", "Campaign", 12, flex=2, most=30),
    Column("kind", "Dir", 3, priority=3),
    Column("state", "State", 10),
    Column("why", "Why not / agents on it", 22, flex=6, most=60),
    Column("done", "Done", 11, align="right", descending=True),
    Column("left", "Left", 6, align="right", descending=True, priority=1),
    Column("age", "Age", 4, align="right", priority=2),
    Column("contact", "Contact", 7, align="right", descending=True, priority=4),
    Column("success", "Success", 7, align="right", priority=5, descending=True),
    Column("queue", "Queue", 8, priority=6, most=14),
    Column("tried", "Again", 5, align="right", priority=7, descending=True),
    Column("lost", "Lost", 4, align="right", priority=8, descending=True),
    Column("talk", "Ø talk", 6, align="right", priority=9, descending=True),
    Column("wait", "Ø wait", 6, align="right", priority=10, descending=True),
    Column("trunk", "Trunk", 10, flex=1, priority=11, most=20),
)
CALLS: Final = (
    Column("at", "Last event", 19, descending=True),
    Column("number", "Number", 11, flex=1, most=18),
    Column("status", "Outcome", 12),
    Column("agent", "Agent", 12, flex=2, most=28),
    Column("wait", "Wait", 6, align="right", descending=True),
    Column("talk", "Talk", 6, align="right", descending=True),
    Column("tries", "Tries", 5, align="right", descending=True, priority=1),
    Column("cause", "Cause", 14, flex=1, most=32, priority=2),
    Column("trunk", "Trunk", 10, flex=1, most=20, priority=3),
)
AGENTS: Final = (
    Column("name", "Agent", 14, flex=3, most=30),
    Column("state", "State", 12),
    Column("for", "For", 8, align="right", descending=True),
    Column("since", "Since", 11),
    Column("logged", "Logged in", 9, align="right", descending=True),
    Column("paused", "Breaks", 8, align="right", descending=True),
    Column("each", "By break", 12, flex=6, most=60, priority=1),
    Column("sessions", "Log-ins", 7, align="right", descending=True, priority=2),
    Column("agent", "Interface", 12, flex=1, priority=3, most=24),
)
BREAKS: Final = (
    Column("name", "Break", 14, flex=2, most=30),
    Column("state", "State", 8),
    Column("now", "Now", 4, align="right", descending=True),
    Column("who", "Who", 20, flex=6, most=60),
    Column("times", "Times", 5, align="right", descending=True),
    Column("total", "Together", 9, align="right", descending=True),
    Column("about", "Description", 12, flex=2, most=40, priority=1),
)

NOTHING_KNOWN: Final = Face("", (), bare=True)

_ROLES: Final[dict[str, Role]] = {
    "ok": "ok", "info": "", "warning": "warning", "critical": "critical", "unknown": "unknown",
}  # fmt: skip
_STYLES: Final[dict[str, str]] = {
    "ok": "$ok", "info": "$info", "warning": "$warning", "critical": "$critical", "unknown": "$unknown",
}  # fmt: skip
_STATES: Final[dict[str, tuple[str, Role]]] = {"I": ("stopped", "muted"), "T": ("finished", "muted")}


class Standing(NamedTuple):
    """What is known of one campaign: why it does not run ("" where it does), its progress, and who is on its calls."""

    campaign: Campaign
    why: str
    crowded: str
    progress: Progress | None
    links: tuple[Link, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether it runs now."""
        return not self.why

    @property
    def remark(self) -> str:
        """What is odd about one that runs."""
        if not self.runs:
            return ""
        if self.crowded:
            return f"shares queue {self.campaign.queue} with {self.crowded}: the dialer serves one of them"
        return idle(self.progress) if self.campaign.direction == "out" else ""


def campaign_row(known: Standing, now: float) -> TableRow:
    """A line of the list; `now` is the console's clock."""
    campaign, progress = known.campaign, known.progress
    role: Role = "ok" if known.runs else "warning" if campaign.status == "A" else "muted"
    word = "runs" if known.runs else _STATES.get(campaign.status, ("waits", "warning"))[0]
    out = campaign.direction == "out"
    live = [link for link in known.links if not link.stale]
    # A word that stands beside it need not be said twice.
    reason = {"I": "", "T": "no call is left"}.get(campaign.status, known.why)
    why = known.remark or (reason if known.why else ", ".join(link.name or link.agent for link in live))
    cells = (
        Cell(campaign.name or NOTHING, "strong"),
        Cell(campaign.direction, "muted"),
        Cell(f"{'>' if known.runs else '.'} {word}", role, word),
        Cell(why, "warning" if known.remark or (known.why and campaign.status == "A") else ""),
        _done(progress, out),
        _count(progress.again if progress and out else None),
        _age(progress, now),
        _share(None if progress is None else progress.contact if out else progress.answered),
        _share(progress.success if progress and out else None),
        Cell(campaign.queue or NOTHING),
        _count(progress.retried if progress and out else None),
        _count(progress.lost if progress else None, "unknown"),
        _span(progress.talk_s if progress else None),
        _span(progress.wait_s if progress else None),
        Cell(campaign.trunk or ("dialplan" if out else NOTHING), "" if campaign.trunk else "muted"),
    )
    return TableRow(campaign.key, cells)


def call_row(call: CampaignCall, period: Period) -> TableRow:
    """One of a campaign's last calls."""
    word = OUTCOME["fin-monitoreo"] if call.lost else _word(call.status)
    cells = (
        Cell(NOTHING if call.at is None else period.clock(call.at), "muted", call.at),
        Cell(call.number or NOTHING, "strong" if call.number else "muted"),
        Cell(word.label, _ROLES[word.severity]),
        Cell(call.agent_name or call.agent or NOTHING, "" if call.agent else "muted"),
        _span(call.wait_s),
        _span(call.talk_s),
        _count(call.retries),
        Cell(call.cause),
        Cell(call.trunk or NOTHING, "muted"),
    )
    return TableRow(str(call.id), cells)


def person_row(person: Person, now: float, period: Period) -> TableRow:
    """An agent's day; `now` by the node's clock, so that open sessions and breaks run on."""
    since = person.pause_since if person.pause is not None else person.since
    more = 0.0 if person.since is None else now
    text, role = _presence(person)
    begun = NOTHING if since is None else _moment(since, now, period)
    cells = (
        Cell(person.name or person.agent, "strong"),
        Cell(text, role),
        Cell(NOTHING, "muted") if since is None else Cell(quantities.watch(now - since), "", now - since),
        Cell(begun, "muted", since),
        Cell(quantities.watch(person.logged_in_s), "", person.logged_in_s) if more or person.logged_in_s else _none(),
        Cell(quantities.watch(person.break_s), "", person.break_s) if person.break_s else _none(),
        Cell(", ".join(f"{name or 'no name'} {quantities.watch(s)}" for name, s in person.breaks.items())),
        _count(len(person.sessions)),
        Cell(person.agent, "muted"),
    )
    return TableRow(person.agent, cells)


def break_rows(kinds: Sequence[Break], board: Board) -> list[TableRow]:
    """The kinds of break, and what was taken of each today; also of those that are no kind any more."""
    totals = {each.name: each for each in board.breaks}
    rows = []
    for kind in kinds:
        total = totals.pop(kind.name, None)
        rows.append(
            TableRow(
                f"{kind.id}",
                (
                    Cell(kind.name, "strong"),
                    Cell("active" if kind.active else "disabled", "" if kind.active else "muted"),
                    _count(len(total.now) if total else 0),
                    Cell(", ".join(total.now) if total else ""),
                    _count(total.times if total else 0),
                    _span(total.total_s if total else None),
                    Cell(kind.description, "muted"),
                ),
            )
        )
    for name, total in totals.items():
        cells = (
            Cell(name or "no name", "strong"), Cell("gone", "unknown"), _count(len(total.now)),
            Cell(", ".join(total.now)), _count(total.times), _span(total.total_s), Cell(""),
        )  # fmt: skip
        rows.append(TableRow(f"gone {name}", cells))
    return rows


def face(known: Standing, now: float, node_now: float, width: int) -> Face:
    """One campaign: when it runs, how far it has come, what became of its calls, who is on them."""
    campaign, progress = known.campaign, known.progress
    out = campaign.direction == "out"
    schedule = campaign.schedule
    if known.runs:
        state: tuple[Part, ...] = (("runs", "bold $ok"),)
    else:
        state = (("does not run: ", "bold $warning" if campaign.status == "A" else "$label"), (known.why, ""))
    rows = [
        Row("now", (*state, (f"  {known.remark}" if known.remark else "", "$warning"))),
        Row("runs", ((f"{schedule.hours}", "bold"), (f", {schedule.days}", "$label"))),
    ]
    via: list[Part] = [("queue ", "$label"), (campaign.queue or "?", "bold")]
    if out:
        via += [("  by ", "$label"), (campaign.trunk or "the dialplan", "bold")]
        via.append((f"  {campaign.channels or 'as many channels as agents'}", ""))
        via += [(" channels" if campaign.channels else "", "$label"), (f"  {campaign.retries}", "bold")]
        via.append((" tries each", "$label"))
    rows.append(Row("calls", tuple(via)))
    if progress is None:
        rows.append(Row("progress", (("reading …", "$label"),)))
    else:
        rows += _progress(progress, out, now, width)
    rows.append(Row("agents", _links(known.links, node_now)))
    return Face("", tuple(rows), bare=True)


def _progress(progress: Progress, out: bool, now: float, width: int) -> list[Row]:
    room = max(8, min(40, width - 50))
    rows = []
    if out:
        filled, empty = bar(progress.done / progress.total if progress.total else 0.0, room)
        told: list[Part] = [(filled, "$ok"), (empty, "$frame"), (f" {progress.done:,}", "bold")]
        told.append((f" of {progress.total:,} done, {progress.again:,} left", "$label"))
        if progress.retried:
            told.append((f" ({progress.retried:,} tried before)", "$label"))
        rows.append(Row("progress", tuple(told)))
    most = max([*progress.outcomes.values(), progress.lost, 1])
    named = [(_word(status), status, n) for status, n in progress.outcomes.items()]
    if progress.lost:
        named.append((OUTCOME["fin-monitoreo"], "", progress.lost))
    order = list(OUTCOME.values())
    named.sort(key=lambda each: order.index(each[0]) if each[0] in order else len(order))
    for word, _, n in named:
        filled, empty = bar(n / most, room)
        share = f" {n / progress.total:.0%}" if progress.total else ""
        rows.append(
            Row(
                word.label,
                ((filled, _STYLES[word.severity]), (empty, "$frame"), (f" {n:,}", "bold"), (share, "$label")),
            )
        )
    means: list[Part] = []
    if out:
        means += [("contact ", "$label"), (_percent(progress.contact), "bold"), ("  success ", "$label")]
        means += [(_percent(progress.success), "bold"), (f"  {progress.attempts:,}", "bold"), (" tries", "$label")]
    else:
        means += [("answered ", "$label"), (_percent(progress.answered), "bold"), (" of today's", "$label")]
    for name, value in (("talk", progress.talk_s), ("wait", progress.wait_s)):
        means += [(f"  Ø {name} ", "$label"), (NOTHING if value is None else quantities.watch(round(value)), "bold")]
    means.append((f"  {quantities.brief(now - progress.read_at)} ago", "$label"))
    rows.append(Row("rates", tuple(means)))
    if progress.barred or progress.paused:
        rows.append(Row("not made", ((f"{progress.barred:,} barred, {progress.paused:,} in stopped lists", ""),)))
    return rows


def _links(links: Sequence[Link], now: float) -> tuple[Part, ...]:
    if not links:
        return (("nobody is on a call of it", "$label"),)
    parts: list[Part] = []
    for link in links:
        since = "" if link.since is None else f" {quantities.watch(now - link.since)}"
        held = " on hold" if link.held else ""
        stale = " lost track" if link.stale else ""
        parts += [(link.name or link.agent or "?", "bold"), (f"{since}{held}", ""), (stale, "$unknown"), ("  ", "")]
    return tuple(parts)


def _presence(person: Person) -> tuple[str, Role]:
    if person.open_sessions > 1:
        return f"{person.open_sessions} sessions!", "critical"
    if person.pause is not None:
        return f"- {person.pause or 'break'}", "warning"
    if person.since is not None:
        return "o logged in", "ok"
    return ("? lost track", "unknown") if person.lost else (". gone", "muted")


def _moment(at: float, now: float, period: Period) -> str:
    """`08:05`, with the day where it is another one's."""
    told = period.clock(at)
    return told[11:16] if told[:10] == period.clock(now)[:10] else told[5:16]


def _word(status: str) -> Word:
    return OUTCOME.get(status.lower(), Word("unknown", status, "?", "a status that is not known"))


def _done(progress: Progress | None, out: bool) -> Cell:
    if progress is None:
        return Cell("…", "muted")
    done, total = progress.done, progress.total
    if out:
        return Cell(f"{_short(done, total)}/{_short(total, total)}", "", done / total if total else 0.0)
    return Cell(f"{total:,} today", "", total)


def _short(number: int, of: int) -> str:
    """In five cells: `9,999`, `99999`, `1234k`; both sides of a fraction alike."""
    return f"{number:,}" if of < 10_000 else str(number) if of < 100_000 else f"{number / 1000:.0f}k"


def _age(progress: Progress | None, now: float) -> Cell:
    if progress is None:
        return _none()
    return Cell(quantities.brief(now - progress.read_at).replace(" ", ""), "muted", now - progress.read_at)


def _percent(part: float | None) -> str:
    return NOTHING if part is None else f"{part:.0%}"


def _count(number: int | None, role: Role = "") -> Cell:
    return _none() if number is None else Cell(f"{number:,}", role if number else "muted", number)


def _span(seconds: float | None) -> Cell:
    return _none() if seconds is None else Cell(quantities.watch(round(seconds)), "", seconds)


def _share(part: float | None) -> Cell:
    return _none() if part is None else Cell(f"{part:.0%}", "", part)


def _none() -> Cell:
    return Cell(NOTHING, "muted")

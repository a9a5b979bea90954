"""The queues: who waits, who serves, how well; and one queue's callers and members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical

from ccops.callcentre.agents import agents, member_state, totals
from ccops.callcentre.limits import Exceeded, Excess
from ccops.callcentre.model import AgentState, Caller, Centre, Member, Queue
from ccops.callcentre.queues import QueueView, queue_view
from ccops.callcentre.vocabulary import AGENT
from ccops.tui import keymap, quantities, themes
from ccops.tui.screens.centre import Belief, ago, count, elapsed
from ccops.tui.screens.supervised import Subject, SupervisedView, supervising_keys
from ccops.tui.widgets.bar import sparkline
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Role, Row
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch.snapshot import Snapshot

_GROUP = Binding.Group("Queues")
_WIDE = 120
_SPARKS = 24

_QUEUES = (
    Column("name", "Queue", 12, flex=3, most=28),
    Column("strategy", "Strategy", 10, priority=5, flex=1, most=14),
    Column("waiting", "Wait", 5, align="right", descending=True),
    Column("longest", "Longest", 7, align="right", descending=True),
    Column("free", "Free", 4, align="right", descending=True),
    Column("busy", "Busy", 4, align="right", descending=True),
    Column("paused", "Paused", 6, align="right", descending=True),
    Column("away", "Away", 4, align="right", priority=1, descending=True),
    Column("handled", "Handled", 7, align="right", descending=True),
    Column("abandoned", "Aband.", 6, align="right", descending=True),
    Column("service", "Service", 11, align="right"),
    Column("history", "Calls/min", 10, flex=1, align="tail", priority=4, descending=True, most=_SPARKS),
    Column("answer", "Ø wait", 6, align="right", priority=6, descending=True),
    Column("talk", "Ø talk", 6, align="right", priority=7, descending=True),
    Column("exited", "Exited", 6, align="right", priority=8, descending=True),
)
_CALLERS = (
    Column("position", "#", 3, align="right"),
    Column("number", "Number", 13, flex=1, most=20),
    Column("name", "Name", 12, flex=2),
    Column("wait", "Wait", 7, align="right", descending=True),
)
_MEMBERS = (
    Column("name", "Member", 12, flex=3, most=30),
    Column("interface", "Interface", 12, flex=1, priority=2, most=24),
    Column("state", "State", 9),
    Column("for", "For", 7, align="right", descending=True),
    Column("pause", "Pause", 12, flex=2, priority=1, most=24),
    Column("calls", "Calls", 5, align="right", descending=True),
    Column("last", "Last call", 9, align="right", priority=1),
)


class QueuesView(SupervisedView):
    """All queues with a total of those shown; Enter opens one, Esc closes it."""

    NAME = "queues"
    TITLE = "Queues"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("queues.close", "escape", "close", "Close queue", "Only the list of queues again", _GROUP),
        *supervising_keys("queues"),
        *TABLE_KEYS,
    ]
    DEFAULT_CSS: ClassVar[str] = """
    QueuesView { layout: vertical; }
    QueuesView #queue { display: none; height: 60%; }
    QueuesView.-open #queue { display: block; }
    QueuesView #queue > Vertical { height: 1fr; width: 1fr; }
    QueuesView #queue > #members-pane { height: 3fr; }
    QueuesView #queue > #callers-pane { height: 2fr; }
    QueuesView.-wide #queue { layout: horizontal; }
    QueuesView.-wide #queue > Vertical { height: 1fr; }
    QueuesView.-wide #queue > #callers-pane { width: 2fr; }
    QueuesView.-wide #queue > #members-pane { width: 3fr; margin-left: 1; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.opened: str | None = None

    def compose(self) -> ComposeResult:
        """The list above, the opened queue below."""
        yield Summary(id="summary")
        yield LineTable(_QUEUES, id="queues")
        with Container(id="queue"):
            with Vertical(id="callers-pane"):
                yield Summary(id="callers-title")
                yield LineTable(_CALLERS, id="callers")
            with Vertical(id="members-pane"):
                yield Summary(id="members-title")
                yield LineTable(_MEMBERS, id="members")

    def on_mount(self) -> None:
        """The pane is closed: its tables take no focus."""
        self._open(None)

    def on_resize(self, event: events.Resize) -> None:
        """Callers and members side by side where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    @on(LineTable.RowSelected, "#queues")
    def _chosen(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self._open(event.key)

    @on(LineTable.RowHighlighted, "#queues")
    def _moved(self, event: LineTable.RowHighlighted) -> None:
        event.stop()
        if self.opened is not None and self._table("queues").has_focus:
            self._open(event.key)

    def action_close(self) -> None:
        """Closes the opened queue; what else Esc does goes on when there is none."""
        if self.opened is None:
            raise SkipAction
        self._open(None)
        self._table("queues").focus()

    def subject(self) -> Subject:
        """The member or the caller under the cursor of the pane in use, else the queue."""
        members, callers = self._table("members"), self._table("callers")
        if self.opened is not None and members.has_focus and members.cursor_key:
            return Subject(agent=members.cursor_key, queue=self.opened)
        if self.opened is not None and callers.has_focus and callers.cursor_key:
            return Subject(queue=self.opened, caller=callers.cursor_key)
        return Subject(queue=self._table("queues").cursor_key or "")

    def paint(self, snapshot: Snapshot, belief: Belief) -> None:
        """The queues that the filter leaves, their total, and the opened one."""
        centre, now = belief.centre, belief.now
        queues = (
            [] if centre is None else [q for q in centre.queues.values() if self.filter.matches(q.name, q.strategy)]
        )
        views = {queue.name: queue_view(queue, now) for queue in queues}
        beyond = snapshot.exceeded
        rows = [
            _queue_row(queue, views[queue.name], beyond.get(queue.name, ()))
            for queue in sorted(queues, key=lambda q: q.name.casefold())
        ]
        table = self._table("queues")
        table.set_rows(rows, self.empty(belief, "no queues: Asterisk has none"))
        table.set_total(_total_row(centre, queues, list(views.values()), now) if centre and len(queues) > 1 else None)
        self.query_one("#summary", Summary).show(_summary(belief, list(views.values()), beyond))
        if self.opened is not None:
            self._paint_opened(snapshot, belief)

    def _paint_opened(self, snapshot: Snapshot, belief: Belief) -> None:
        queue = belief.centre.queues.get(self.opened or "") if belief.centre else None
        name = self.opened or ""
        callers = sorted(queue.callers, key=lambda caller: caller.position) if queue else []
        members = list(queue.members.values()) if queue else []
        gone = belief.reason if belief.centre is None else f"Asterisk has no queue {name} any more"
        talks = belief.centre.talks if belief.centre else {}
        ringing = belief.centre.ringing.values() if belief.centre else ()
        rings = {interface: ring for ring in ringing for interface in ring.interfaces}
        self.query_one("#callers-title", Summary).show((("Callers in ", "$label"), (name, "bold"), *_many(callers)))
        self.query_one("#members-title", Summary).show((("Members of ", "$label"), (name, "bold"), *_many(members)))
        self._table("callers").set_rows(
            [_caller_row(c, belief.now, queue) for c in callers] if queue else [], "nobody waits" if queue else gone
        )
        rows = []
        for member in members:
            talk, ring = talks.get(member.interface), rings.get(member.interface)
            state, since = member_state(member, belief.now, member.paused, talk, ring)
            rows.append(_member_row(member, state, since, belief.now, snapshot.agent_names.get(member.interface)))
        rows.sort(key=lambda row: row.cells[0].text.casefold())
        self._table("members").set_rows(rows, "no members" if queue else gone)

    def _open(self, name: str | None) -> None:
        self.opened = name
        self.set_class(name is not None, "-open")
        for pane in ("callers", "members"):
            self._table(pane).can_focus = name is not None
        self.repaint()

    def _table(self, name: str) -> LineTable:
        return self.query_one(f"#{name}", LineTable)


def _summary(belief: Belief, views: Sequence[QueueView], beyond: Exceeded) -> list[tuple[str, str]]:
    parts = list(belief.notice)
    if belief.centre is None:
        return parts
    over = [f"{view.name}: {excess}" for view in views for excess in beyond.get(view.name, ())]
    if over:
        parts.append((f"{themes.mark('warning')} {', '.join(over)}  ", themes.style("warning")))
    waiting = sum(view.waiting for view in views)
    longest = max((view.longest_wait_s for view in views if view.longest_wait_s is not None), default=None)
    parts += [(str(waiting), "bold"), (" waiting", "$label")]
    if longest is not None:
        parts += [("  longest ", "$label"), (quantities.watch(longest), "bold")]
    parts += [("  in ", "$label"), (str(len(views)), "bold"), (" queue" if len(views) == 1 else " queues", "$label")]
    since = min((view.counted_since for view in views if view.counted_since is not None), default=None)
    if since is not None:
        parts.append((f"  counted by ccops since {quantities.moment(since, belief.now)}", "$label"))
    return parts


def _queue_row(queue: Queue, view: QueueView, excesses: Sequence[Excess]) -> Row:
    role, mark = _pressure(view)
    beyond = {excess.what for excess in excesses}
    if "waiting" in beyond and not mark:
        role, mark = "warning", themes.mark("warning")
    waiting = Cell(
        f"{mark} {view.waiting}" if mark else str(view.waiting), role if view.waiting else "muted", view.waiting
    )
    longest = Cell(NOTHING, "muted")
    if view.longest_wait_s is not None:
        longest = _over(
            "longest_wait" in beyond, Cell(quantities.watch(view.longest_wait_s), role, view.longest_wait_s)
        )
    return Row(
        queue.name,
        (
            Cell(queue.name, "strong"),
            Cell(queue.strategy or NOTHING, "" if queue.strategy else "muted"),
            waiting,
            longest,
            count(view.free, "ok"),
            count(view.busy + view.ringing + view.wrapup),
            count(view.paused, "warning"),
            count(view.away + view.unknown, "warning"),
            count(view.handled),
            _over("abandoned" in beyond, count(view.abandoned, "warning")),
            _over("service_level" in beyond, _service(view.service_level_pct, view.service_level_s)),
            Cell(sparkline(view.history, _SPARKS), "info", float(view.history[-1]) if view.history else None),
            _average(view.average_wait_s),
            _average(view.average_talk_s),
            count(view.exited),
        ),
    )


def _over(is_over: bool, cell: Cell) -> Cell:
    """The cell, with a mark where its limit is exceeded."""
    if not is_over:
        return cell
    return Cell(f"{themes.mark('warning')}{cell.text}", "critical" if cell.role == "critical" else "warning", cell.sort)


def _pressure(view: QueueView) -> tuple[Role, str]:
    """How bad it is for who waits: nobody is there to answer, or it takes longer than it should."""
    if view.waiting and not view.free + view.ringing + view.busy + view.wrapup:
        return "critical", themes.mark("critical")
    if view.longest_wait_s is not None and view.longest_wait_s > (view.service_level_s or float("inf")):
        return "warning", themes.mark("warning")
    return "", ""


def _service(percent: float | None, seconds: int | None) -> Cell:
    if percent is None:
        return Cell(NOTHING, "muted")
    limit = f" <{seconds} s" if seconds is not None else ""
    return Cell(f"{percent:.0f} %{limit}", "ok" if percent >= 80 else "warning", percent)


def _average(seconds: float | None) -> Cell:
    return Cell(NOTHING, "muted") if seconds is None else Cell(quantities.watch(seconds), "", seconds)


def _total_row(centre: Centre, queues: Sequence[Queue], views: Sequence[QueueView], now: float) -> tuple[Cell, ...]:
    """The sum of the queues; an agent of several of them counts once."""
    shown = {queue.name for queue in queues}
    states = totals(agent for agent in agents(centre, now) if shown.intersection(agent.queues))
    limits = {queue.service_level_s for queue in queues if queue.service_level_s is not None}
    measured = [queue for queue in queues if queue.service_level_s is not None]
    ended = sum(queue.handled + queue.abandoned for queue in measured)
    percent = 100.0 * sum(queue.answered_within for queue in measured) / ended if ended else None
    longest = max((view.longest_wait_s for view in views if view.longest_wait_s is not None), default=None)
    handled, completed = sum(q.handled for q in queues), sum(q.completed for q in queues)
    minutes = _added([view.history for view in views])
    return (
        Cell(f"total of {len(queues)}"),
        Cell(""),
        count(sum(view.waiting for view in views)),
        _average(longest),
        count(states["free"], "ok"),
        count(states["busy"] + states["hold"] + states["ringing"] + states["wrapup"]),
        count(states["paused"], "warning"),
        count(states["away"] + states["unknown"], "warning"),
        count(handled),
        count(sum(queue.abandoned for queue in queues), "warning"),
        _service(percent, next(iter(limits)) if len(limits) == 1 else None),
        Cell(sparkline(minutes, _SPARKS), "info"),
        _average(sum(queue.wait_total_s for queue in queues) / handled if handled else None),
        _average(sum(queue.talk_total_s for queue in queues) / completed if completed else None),
        count(sum(queue.exited for queue in queues)),
    )


def _added(histories: Sequence[tuple[int, ...]]) -> list[int]:
    """Histories of different lengths, added minute by minute; all end now."""
    length = max(map(len, histories), default=0)
    return [sum(h[i - length] for h in histories if len(h) >= length - i) for i in range(length)]


def _caller_row(caller: Caller, now: float, queue: Queue) -> Row:
    late = queue.service_level_s is not None and now - caller.joined_at > queue.service_level_s
    return Row(
        caller.uniqueid or f"{caller.position} {caller.number}",
        (
            Cell(str(caller.position), "muted", caller.position),
            Cell(caller.number or "no number", "" if caller.number else "muted"),
            Cell(caller.name),
            elapsed(caller.joined_at, now, "warning" if late else ""),
        ),
    )


def _member_row(member: Member, state: AgentState, since: float | None, now: float, better_name: str | None) -> Row:
    word = AGENT[state]
    pause = ""
    if member.paused:
        pause = member.pause_reason or "no reason"
        if state != "paused" and member.paused_since is not None:
            pause += f" {quantities.watch(now - member.paused_since)}"
    return Row(
        member.interface,
        (
            Cell(better_name or member.name or member.interface, "strong"),
            Cell(member.interface, "muted"),
            Cell(f"{word.mark} {word.label}", word.severity),
            elapsed(since, now),
            Cell(pause, "warning"),
            count(member.calls_taken),
            ago(member.last_call_at, now),
        ),
    )


def _many(things: Sequence[object]) -> tuple[tuple[str, str], ...]:
    return (("  ", ""), (str(len(things)), "bold"))

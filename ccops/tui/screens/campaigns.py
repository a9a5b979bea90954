"""The call-center module's campaigns, and its agents' sessions and breaks of today; read while somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ccops.callcentre.periods import Period
from ccops.tui import keymap, quantities, themes
from ccops.tui.asking import Asking
from ccops.tui.campaign_inquiry import TOPICS, Inquiry, Topic
from ccops.tui.filtering import Filter
from ccops.tui.view import View
from ccops.tui.widgets import campaign_rows
from ccops.tui.widgets.campaign_rows import Standing
from ccops.tui.widgets.card import Card, Part
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch.campaign_source import CampaignSource, Overview
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

if TYPE_CHECKING:
    from ccops.tui.app import Console

_GROUP = Binding.Group("Campaigns")
_EDITS = Binding.Group("Editing")
_OLD_AFTER_S = 60.0
_MOST_COST_S = 30.0


class Subject:
    """What is under the cursor: one campaign, one agent or one kind of break, by its key and its name."""

    def __init__(self, topic: Topic, key: str, name: str, status: str = "") -> None:
        self.topic = topic
        self.key = key
        self.name = name
        self.status = status


class CampaignsView(View):
    """Campaigns in a list, of which Enter opens one; agents with sessions and breaks; kinds of break."""

    NAME = "campaigns"
    TITLE = "Campaigns"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("campaigns.part", "b", "part(1)", "Part", "Campaigns, agents' sessions, breaks", _GROUP),
        keymap.key("campaigns.close", "escape", "close", "Close", "From one campaign to the list again", _GROUP),
        keymap.key("campaigns.again", "r", "again", "Read anew", "Ask the node again, now", _GROUP),
        keymap.key("campaigns.menu", "e", "edit('')", "Act on", "What can be done here, and what not, and why", _EDITS),
        keymap.key("campaigns.start", "S", "edit('start')", "Start", "The campaign under the cursor", _EDITS),
        keymap.key("campaigns.stop", "H", "edit('stop')", "Stop", "The campaign under the cursor", _EDITS),
        keymap.key("campaigns.break_add", "N", "edit('add')", "New break", "Another kind of break", _EDITS),
        keymap.key("campaigns.break_rename", "M", "edit('rename')", "Rename", "The break under the cursor", _EDITS),
        keymap.key("campaigns.break_switch", "D", "edit('switch')", "Disable", "Or enable the break again", _EDITS),
        keymap.key("campaigns.register", "A", "edit('register')", "New agent", "Register one in the module", _EDITS),
        keymap.key("campaigns.retire", "Z", "edit('retire')", "Retire", "The agent under the cursor", _EDITS),
        *TABLE_KEYS,
    ]
    DEFAULT_CSS: ClassVar[str] = """
    CampaignsView { layout: vertical; }
    CampaignsView #one { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.topic: Topic = "campaigns"
        self.opened = ""
        self.filter = Filter()
        self._source: CampaignSource | None = None
        self._asking = Asking(self)
        self._now = 0.0
        self._known = Inquiry()

    def compose(self) -> ComposeResult:
        """A line of words, the tables and the card of one campaign, of which some are shown, and what the keys do."""
        yield Summary(id="summary")
        yield LineTable(campaign_rows.CAMPAIGNS, id="campaigns")
        yield Card(id="one")
        yield LineTable(campaign_rows.CALLS, id="calls")
        yield LineTable(campaign_rows.AGENTS, id="agents")
        yield LineTable(campaign_rows.BREAKS, id="breaks")
        yield Summary(id="notes")

    def on_mount(self) -> None:
        """One table takes the focus."""
        self._lay_out()

    # -- asking

    def show(self, snapshot: Snapshot, timeline: Timeline) -> None:
        """Asks for what is due, and paints what is known."""
        app = cast("Console", self.app)
        self._now = app.clock()
        source = app.store.campaigns
        if source is not self._source:
            self._source, self._known = source, Inquiry()
            self._asking.forget()
        self._ask()
        self.repaint()

    def _ask(self) -> None:
        source, known, clock = self._source, self._known, cast("Console", self.app).clock
        if source is None or self._asking.under_way:
            return
        what = known.next(self._now, self.topic, self.opened)
        if what is None:
            return

        async def read() -> tuple[Any, float]:
            began = clock()
            found = await known.answer(source, what)
            return found, min(max(0.0, clock() - began), _MOST_COST_S)  # a clock may be set meanwhile

        def answered(told: tuple[Any, float]) -> None:
            known.answered(what, told[0], self._now, told[1], self.opened)
            self._go_on()

        def failed(why: str) -> None:
            known.failed(what, why, self._now)
            self._go_on()

        self._asking.ask(read, answered, failed)

    def _go_on(self) -> None:
        self._ask()
        self.repaint()

    # -- keys

    def action_part(self, by: int) -> None:
        """The next of the three parts."""
        self.opened = ""
        self.topic = TOPICS[(TOPICS.index(self.topic) + by) % len(TOPICS)]
        self._lay_out()
        self._ask()

    def action_close(self) -> None:
        """From one campaign to the list; what else Esc does goes on where none is open."""
        if not self.opened:
            raise SkipAction
        self.opened = ""
        self._lay_out()

    def action_again(self) -> None:
        """Asks again, now; what is shown stays until the answer is there."""
        self._known.due()
        self._asking.forget()
        self._go_on()

    def action_edit(self, do: str) -> None:
        """Asks for a change of what is under the cursor, or for the menu of them."""
        cast("Console", self.app).desk.edit_module(do, self.subject(), self.action_again)

    def action_sort(self, by: int) -> None:
        """Sorts the table that is shown, as the palette asks for it."""
        self.table.action_sort(by)

    def action_reverse(self) -> None:
        """Turns the order of the table that is shown round."""
        self.table.action_reverse()

    def action_select(self) -> None:
        """Opens the campaign under the cursor."""
        if self.topic == "campaigns" and not self.opened and self.table.cursor_key:
            self.opened = self.table.cursor_key
            self._lay_out()
            self._ask()

    @on(LineTable.RowSelected)
    def _chosen(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self.action_select()

    def set_filter(self, pattern: str) -> None:
        """Shows only the lines that have all words of `pattern`; a leading `!` inverts."""
        self.filter = Filter.parse(pattern)
        self.repaint()

    def subject(self) -> Subject:
        """What is under the cursor."""
        key = self.opened or self.table.cursor_key or ""
        if self.topic == "campaigns":
            campaign = self._known.campaign(key)
            return Subject(self.topic, key, campaign.name if campaign else "", campaign.status if campaign else "")
        if self._known.attendance is None:
            return Subject(self.topic, "", "")
        if self.topic == "breaks":
            kind = next((each for each in self._known.attendance.breaks if str(each.id) == key), None)
            if kind is None:
                return Subject(self.topic, "", "")
            return Subject(self.topic, key, kind.name, "A" if kind.active else "I")
        person = next((each for each in self._known.attendance.board.people if each.agent == key), None)
        return Subject(self.topic, key, person.name if person else "")

    # -- painting

    @property
    def table(self) -> LineTable:
        """The table that is shown."""
        return self.query_one("#calls" if self.opened else f"#{self.topic}", LineTable)

    def repaint(self) -> None:
        """Paints what is known: the filter, the part or an answer changed."""
        self.query_one("#summary", Summary).show(self._about())
        what = "overview" if self.topic == "campaigns" else "attendance"
        self.table.set_old(what in self._known.problems or self._known.age(self.topic, self._now) > _OLD_AFTER_S)
        if self.topic == "campaigns":
            self._paint_campaigns()
        else:
            self._paint_attendance()

    def _paint_campaigns(self) -> None:
        overview, known = self._known.overview, self._known.standings(self._now)
        if self.opened and overview is not None:
            self._paint_one(overview, next((each for each in known if each.campaign.key == self.opened), None))
            return
        rows = [
            campaign_rows.campaign_row(each, self._now)
            for each in known
            if self.filter.matches(each.campaign.name, each.campaign.queue, each.why or "runs", each.campaign.key)
        ]
        self.table.set_rows(rows, self._why_empty("overview", "the module has no campaigns"))
        self._note("; ".join(overview.problems) if overview else "")

    def _paint_one(self, overview: Overview, known: Standing | None) -> None:
        calls, standing = self._known.calls.get(self.opened), overview.standing
        if known is None:
            self.query_one("#one", Card).show(campaign_rows.NOTHING_KNOWN)
            self.table.set_rows((), "that campaign is there no more (Esc)")
            return
        node_now = self._known.node_now(self._now)
        self.query_one("#one", Card).show(campaign_rows.face(known, self._now, node_now, self.size.width))
        period = Period(0.0, 0.0, standing.utc_offset_s)
        shown = [
            campaign_rows.call_row(call, period)
            for call in calls or ()
            if self.filter.matches(call.number, call.status, call.agent, call.agent_name, call.cause)
        ]
        self.table.set_rows(shown, self._why_empty(f"calls {self.opened}", "it has made no calls", calls is not None))
        self._note("")

    def _paint_attendance(self) -> None:
        found = self._known.attendance
        if found is None:
            self.table.set_rows((), self._why_empty("attendance", ""))
            self._note("")
            return
        board, period = self._known.board(self._now), Period(0.0, 0.0, found.standing.utc_offset_s)
        assert board is not None
        if self.topic == "agents":
            rows = [
                campaign_rows.person_row(person, board.now, period)
                for person in board.people
                if self.filter.matches(person.name, person.agent, person.pause or "", *person.breaks)
            ]
            self.table.set_rows(rows, self._why_empty("attendance", "nobody was logged in today", True))
        else:
            rows = [row for row in campaign_rows.break_rows(found.breaks, board) if self._matches(row.cells)]
            self.table.set_rows(rows, self._why_empty("attendance", "there are no kinds of break", True))
        self._note("; ".join(found.problems))

    def _matches(self, cells: Sequence[Any]) -> bool:
        return self.filter.matches(*(cell.text for cell in cells))

    def _about(self) -> list[Part]:
        """The part, the totals, from where and how old."""
        parts: list[Part] = []
        for topic in TOPICS:
            parts += [(f" {topic} ", "bold reverse" if topic == self.topic else "$label"), (" ", "")]
        what = "overview" if self.topic == "campaigns" else "attendance"
        known = self._known.overview if self.topic == "campaigns" else self._known.attendance
        if self._source is None:
            return [*parts, ("  not connected", "$label")]
        if known is not None:
            age = quantities.brief(self._known.age(self.topic, self._now))
            parts.append((f" {age} ago, {known.standing.node} ", "$label"))
        if problem := self._known.problems.get(what):
            return [*parts, (f" {themes.mark('unknown')} unknown: ", "$unknown"), (problem, "")]
        return [*parts, *self._totals()] if known is not None else [*parts, ("  reading …", "$label")]

    def _totals(self) -> list[Part]:
        if self.topic == "campaigns" and self.opened:
            campaign = self._known.campaign(self.opened)
            told = f"{'outgoing' if self.opened.startswith('out') else 'incoming'}, {self.opened}"
            return [(f" {campaign.name if campaign else '?'}", "bold"), (f"  {told}", "$label")]
        if self.topic == "campaigns":
            known = self._known.standings(self._now)
            live = sum(len([link for link in each.links if not link.stale]) for each in known)
            parts: list[Part] = [
                (f" {sum(1 for each in known if each.runs)}", "bold"),
                (f" of {len(known)} run  ", "$label"),
            ]
            parts += [(f"{live}", "bold"), (" agents on their calls", "$label")]
            lost = sum(each.progress.lost for each in known if each.progress)
            if lost:
                parts.append((f"  {themes.mark('warning')} lost track of {lost:,} calls", themes.style("warning")))
            return parts
        assert self._known.attendance is not None
        board = self._known.attendance.board
        there = sum(1 for person in board.people if person.since is not None)
        away = sum(1 for person in board.people if person.pause is not None)
        parts = [(f" {there}", "bold"), (" logged in  ", "$label"), (f"{away}", "bold"), (" on a break", "$label")]
        if board.doubled:
            words = f"  {themes.mark('critical')} {board.doubled} with more than one open session"
            parts.append((words, themes.style("critical")))
        lost = sum(person.lost for person in board.people)
        if lost:
            parts.append((f"  {themes.mark('warning')} lost track of {lost}", themes.style("warning")))
        return parts

    def _why_empty(self, what: str, none: str, known: bool | None = None) -> str:
        if self._source is None:
            return "campaigns can only be read of a live pair, once it is connected"
        if self._known.problems.get(what):
            return self._known.problems[what]
        if not (self._known.overview is not None if known is None else known):
            return "reading …"
        return "nothing matches the filter (Esc clears it)" if self.filter else none

    def _note(self, text: str) -> None:
        """What is to be said of what is shown; else what the keys do."""
        if text:
            self.query_one("#notes", Summary).show([(text, themes.style("warning"))])
            return
        keys = {key.id: key.keys.split(" ")[0] for key in keymap.listing(self.BINDINGS, self.app._keymap)}
        names: dict[str, tuple[tuple[str, str], ...]] = {
            "campaigns": (("start", "start"), ("stop", "stop"), ("menu", "more")),
            "agents": (("register", "new agent"), ("retire", "retire"), ("menu", "more")),
            "breaks": (("break_add", "new"), ("break_rename", "rename"), ("break_switch", "disable"), ("menu", "more")),
        }
        parts: list[Part] = [(keys["campaigns.part"], "bold"), (" part  ", "$label")]
        if self.topic == "campaigns":
            first = ("esc", " list  ") if self.opened else ("⏎", " open  ")
            parts += [(first[0], "bold"), (first[1], "$label")]
        for name, words in names[self.topic]:
            parts += [(keys[f"campaigns.{name}"], "bold"), (f" {words}  ", "$label")]
        self.query_one("#notes", Summary).show(parts)

    def _lay_out(self) -> None:
        """Shows one table, with the card where a campaign is open, and gives it the focus where this view has it."""
        had_focus = self.app.focused is not None and self in self.app.focused.ancestors
        for table in self.query(LineTable):
            table.display = table.can_focus = table is self.table
        self.query_one("#one", Card).display = bool(self.opened)
        if had_focus:
            self.table.focus()
        self.repaint()

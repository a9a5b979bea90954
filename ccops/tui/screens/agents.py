"""The agents: what each does and since when, as a table or as tiles for a wall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.model import Agent, AgentState
from ccops.callcentre.vocabulary import AGENT
from ccops.tui import keymap, quantities
from ccops.tui.screens.centre import Belief, ago, count, elapsed, tally
from ccops.tui.screens.supervised import Subject, SupervisedView, supervising_keys
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Row
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.tui.widgets.tiles import Group, Tile, Tiles
from ccops.watch.snapshot import Snapshot

_GROUP = Binding.Group("Agents")

# Who talks first, who is not there last: the order of sorting by state, of the totals and of the tiles.
ORDER: Final[tuple[AgentState, ...]] = ("busy", "hold", "ringing", "wrapup", "free", "paused", "away", "unknown")
_PLACE: Final[Mapping[AgentState, int]] = {state: place for place, state in enumerate(ORDER)}

_COLUMNS = (
    Column("name", "Agent", 14, flex=3, most=30),
    Column("state", "State", 9),
    Column("for", "For", 7, align="right", descending=True),
    Column("doing", "With / pause", 18, flex=6, most=44),
    Column("queues", "Queues", 10, flex=3, priority=1, most=40),
    Column("calls", "Calls", 5, align="right", descending=True),
    Column("last", "Last", 6, align="right"),
    Column("interface", "Interface", 12, flex=1, priority=2, most=24),
    Column("missed", "Missed", 6, align="right", priority=3, descending=True),
    Column("talk", "Ø talk", 6, align="right", priority=4, descending=True),
)


class AgentsView(SupervisedView):
    """A row an agent under the totals by state; `W` shows tiles instead."""

    NAME = "agents"
    TITLE = "Agents"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("agents.wall", "W", "wall", "Wall", "Tiles for a wall, or the table", _GROUP),
        *supervising_keys("agents"),
        *TABLE_KEYS,
    ]
    DEFAULT_CSS: ClassVar[str] = """
    AgentsView { layout: vertical; }
    AgentsView Tiles { display: none; }
    AgentsView.-wall Tiles { display: block; }
    AgentsView.-wall LineTable { display: none; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: dict[str, tuple[Agent, int, Row]] = {}

    @property
    def wall(self) -> bool:
        """True while tiles are shown."""
        return self.has_class("-wall")

    def compose(self) -> ComposeResult:
        """Totals above, table or tiles below."""
        yield Summary(id="summary")
        yield LineTable(_COLUMNS, sort="state", id="agents")
        yield Tiles(id="tiles")

    def on_mount(self) -> None:
        """The tiles are hidden and take no focus."""
        self.query_one(Tiles).can_focus = False

    def action_wall(self) -> None:
        """Changes between table and tiles."""
        self.toggle_class("-wall")
        table, tiles = self.query_one(LineTable), self.query_one(Tiles)
        table.can_focus, tiles.can_focus = not self.wall, self.wall
        (tiles if self.wall else table).focus()
        self.repaint()

    def subject(self) -> Subject:
        """The agent under the cursor; nobody on the wall."""
        return Subject() if self.wall else Subject(agent=self.query_one(LineTable).cursor_key or "")

    def paint(self, snapshot: Snapshot, belief: Belief) -> None:
        """Totals, and whichever of table and tiles is shown."""
        everyone = agents(belief.centre, belief.now, snapshot.agent_names) if belief.centre else ()
        shown = [agent for agent in everyone if self._wanted(agent)] if self.filter else everyone
        self.query_one("#summary", Summary).show(_summary(belief, shown, len(everyone)))
        empty = self.empty(belief, "no agents: no queue has members")
        if self.wall:
            self.query_one(Tiles).set_groups(_groups(shown, belief.now), empty)
        else:
            self.query_one(LineTable).set_rows(self._table_rows(shown, belief.now), empty)

    def _wanted(self, agent: Agent) -> bool:
        talk = (agent.talk.number, agent.talk.name) if agent.talk else ()
        word = AGENT[agent.state].label
        return self.filter.matches(agent.name, agent.interface, word, agent.pause_reason, *agent.queues, *talk)

    def _table_rows(self, shown: Sequence[Agent], now: float) -> list[Row]:
        """A row an agent; those of whom nothing changed within a second are taken over."""
        second = int(now)
        before, self._rows = self._rows, {}
        rows = []
        for agent in shown:
            kept = before.get(agent.interface)
            if kept is None or kept[1] != second or kept[0] != agent:
                kept = (agent, second, _row(agent, now))
            self._rows[agent.interface] = kept
            rows.append(kept[2])
        return rows


def _row(agent: Agent, now: float) -> Row:
    word = AGENT[agent.state]
    return Row(
        agent.interface,
        (
            Cell(agent.name, "strong"),
            Cell(f"{word.mark} {word.label}", word.severity, _PLACE[agent.state]),
            elapsed(agent.since, now),
            _doing(agent, now),
            Cell(" ".join(agent.queues)),
            count(agent.calls_taken),
            ago(agent.last_call_at, now),
            Cell(agent.interface, "muted"),
            count(agent.missed, "warning"),
            Cell(quantities.watch(agent.talk_total_s / agent.handled), "", agent.talk_total_s / agent.handled)
            if agent.handled
            else Cell(NOTHING, "muted"),
        ),
    )


def _doing(agent: Agent, now: float) -> Cell:
    """With whom the agent talks; else the pause with its reason and, where the state's time is another, its timer."""
    if agent.talk is not None:
        more = f" +{len(agent.talk.earlier)}" if agent.talk.earlier else ""
        return Cell(f"{agent.talk.number or 'no number'} {agent.talk.name}".rstrip() + more)
    if not agent.paused_in:
        return Cell("")
    text = agent.pause_reason or "no reason"
    if agent.state != "paused" and agent.paused_since is not None:
        text += f" {quantities.watch(now - agent.paused_since)}"
    return Cell(text if agent.paused else f"{text} in {' '.join(agent.paused_in)}", "warning")


def _summary(belief: Belief, shown: Sequence[Agent], of: int) -> list[Part]:
    parts = list(belief.notice)
    if belief.centre is None:
        return parts
    parts += [(str(len(shown)), "bold"), (" agents" if len(shown) == of else f" of {of} agents", "$label")]
    counts = totals(shown)
    for state in ORDER:
        if counts[state]:
            parts += tally(AGENT[state].label, counts[state], AGENT[state].severity, belief.old)
    return parts


def _groups(shown: Sequence[Agent], now: float) -> list[Group]:
    tiles: dict[AgentState, list[Tile]] = {state: [] for state in ORDER}
    for agent in shown:
        time = NOTHING if agent.since is None else quantities.watch(now - agent.since)
        tiles[agent.state].append(Tile(AGENT[agent.state].mark, agent.name, time))
    return [Group(AGENT[state].label, AGENT[state].severity, tuple(tiles[state])) for state in ORDER]

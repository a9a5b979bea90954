"""Extensions and trunks as rows: what can be edited joined with what Asterisk says of it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ccops.callcentre.model import Centre, Line
from ccops.callcentre.vocabulary import ENDPOINT
from ccops.pbx.model import TECHNOLOGIES, Entry, Extension, Kind, Trunk, key_of, kind_of
from ccops.tui.filtering import Filter
from ccops.tui.screens.lines import ports
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Row

TRUNKS: Final = (
    Column("name", "Trunk", 12, flex=2, most=30),
    Column("tech", "Tech", 5, priority=3),
    Column("state", "State", 16),
    Column("latency", "Latency", 7, align="right", descending=True, priority=1),
    Column("ports", "In use", 15, descending=True),
    Column("context", "Context", 13, flex=1, most=24, priority=2),
    Column("address", "Address", 19, flex=1, priority=4),
    Column("edit", "Edit", 9),
)
EXTENSIONS: Final = (
    Column("number", "Number", 8, flex=1, most=20),
    Column("name", "Name", 13, flex=3, most=36),
    Column("tech", "Tech", 5, priority=3),
    Column("state", "State", 16),
    Column("latency", "Latency", 7, align="right", descending=True, priority=1),
    Column("context", "Context", 13, flex=1, most=24, priority=2),
    Column("address", "Address", 19, flex=1, priority=4),
    Column("edit", "Edit", 9),
)
DISABLED: Final = Cell("/ disabled", "muted")


class Subscriber(NamedTuple):
    """One extension or trunk: what can be edited of it (None: it is only seen), what Asterisk says (None: nothing).

    `agent`: as whom the queues have it.
    """

    kind: Kind
    name: str
    tech: str
    entry: Entry | None
    line: Line | None
    agent: str = ""

    @property
    def key(self) -> str:
        """That of its row."""
        return f"{self.kind}:{self.tech}/{self.name}"

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.entry.name if isinstance(self.entry, Extension) else self.agent

    @property
    def context(self) -> str:
        """Where its calls enter the dialplan; "" where that is not known."""
        return self.entry.context if self.entry is not None else ""

    @property
    def address(self) -> str:
        """Where it is, or is configured to be."""
        if self.line is not None and self.line.address:
            return self.line.address
        host = self.entry.host if self.entry is not None else ""
        return "" if host == "dynamic" else host


def subscribers(
    entries: Sequence[Entry], lines: Sequence[Line], agents: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Subscriber]:
    """What can be edited, each with its line, then the lines that are left. `agents`: interface → name."""
    by_name = {(line.tech.casefold(), line.name.casefold()): line for line in lines}
    for entry in entries:
        tech = TECHNOLOGIES[entry.tech]
        line = by_name.pop((tech.casefold(), key_of(entry).casefold()), None)
        yield Subscriber(kind_of(entry), key_of(entry), tech, entry, None if entry.disabled else line)
    for line in by_name.values():
        yield Subscriber(
            line.kind, line.name, line.tech, None, line, agents.get(f"{line.tech}/{line.name}".casefold(), "")
        )


def agents_of(centre: Centre) -> Mapping[str, str]:
    """Names of the queues' members by interface, without regard to case."""
    members = (member for queue in centre.queues.values() for member in queue.members.values())
    return {member.interface.casefold(): member.name for member in members if member.name != member.interface}


def row(each: Subscriber) -> Row:
    """Its row."""
    line = each.line
    latency = line.latency_ms if line is not None else None
    common = (
        Cell(each.context or NOTHING, "" if each.context else "muted"),
        Cell(each.address or NOTHING, "" if each.address else "muted"),
        Cell("yes", "", 0) if each.entry is not None else Cell("seen only", "muted", 1),
    )
    shown = Cell(NOTHING, "muted") if latency is None else Cell(f"{latency} ms", "", latency)
    name = Cell(each.name, "strong" if each.entry is not None else "", _by_number(each.name))
    if each.kind == "trunk":
        return Row(each.key, (name, Cell(each.tech, "muted"), _state(each), shown, _ports(each), *common))
    label = Cell(each.label or NOTHING, "" if each.label else "muted")
    return Row(each.key, (name, label, Cell(each.tech, "muted"), _state(each), shown, *common))


def matches(each: Subscriber, wanted: Filter) -> bool:
    """Whether the filter leaves it."""
    edit = "yes" if each.entry is not None else "seen only"
    return wanted.matches(each.name, each.label, each.tech, _state(each).text, each.context, each.address, edit)


def _state(each: Subscriber) -> Cell:
    if each.entry is not None and each.entry.disabled:
        return DISABLED
    if each.line is None:
        return Cell("? not known", "unknown")
    if each.kind == "extension" and each.line.channels:
        return Cell("> in use", "info")
    word = ENDPOINT[each.line.state]
    return Cell(f"{word.mark} {word.label}", word.severity)


def _ports(each: Subscriber) -> Cell:
    if each.line is None:
        return Cell(NOTHING, "muted")
    limit = each.entry.channels if isinstance(each.entry, Trunk) else ""
    return ports(each.line.channels, int(limit) if limit.isdecimal() else each.line.capacity)


def _by_number(name: str) -> float | str:
    return float(name) if name.isascii() and name.isdecimal() and len(name) <= 15 else name

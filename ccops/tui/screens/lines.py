"""The lines: trunks, extensions and active channels as Asterisk sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from ccops.callcentre.model import Channel, Line
from ccops.callcentre.vocabulary import ENDPOINT
from ccops.tui.screens.centre import Belief, CentreView, count, elapsed, tally
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.cells import NOTHING, Cell, Column, Role, Row
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch.snapshot import Snapshot

_PORTS = 8
_MOST_TRUNKS = 6

_TRUNKS = (
    Column("name", "Trunk", 14, flex=2, most=30),
    Column("tech", "Tech", 6, priority=2),
    Column("state", "State", 16),
    Column("latency", "Latency", 8, align="right", descending=True),
    Column("ports", "In use", 18, descending=True),
    Column("address", "Address", 15, flex=1, priority=1),
)
_EXTENSIONS = (
    Column("name", "Extension", 12, flex=2, most=30),
    Column("tech", "Tech", 6, priority=2),
    Column("state", "State", 16),
    Column("latency", "Latency", 8, align="right", descending=True),
    Column("calls", "Calls", 5, align="right", descending=True),
    Column("address", "Address", 15, flex=1, priority=1),
)
_CHANNELS = (
    Column("name", "Channel", 20, flex=3, most=40),
    Column("state", "State", 8, flex=1, most=12),
    Column("number", "Number", 12, flex=1, most=20),
    Column("connected", "Connected", 10, flex=1, most=20),
    Column("where", "Where", 14, flex=3, priority=1),
    Column("for", "For", 7, align="right", descending=True),
)


class LinesView(CentreView):
    """Three tables; Tab moves among them."""

    NAME = "lines"
    TITLE = "Lines"
    BINDINGS: ClassVar[list[BindingType]] = [*TABLE_KEYS]
    DEFAULT_CSS: ClassVar[str] = """
    LinesView { layout: vertical; }
    LinesView #trunks { height: 3; }
    LinesView Vertical { height: 1fr; }
    """

    def compose(self) -> ComposeResult:
        """Trunks on top, as high as they need; the rest shared by extensions and channels."""
        yield Summary(id="trunks-title")
        yield LineTable(_TRUNKS, id="trunks")
        with Vertical():
            yield Summary(id="extensions-title")
            yield LineTable(_EXTENSIONS, id="extensions")
        with Vertical():
            yield Summary(id="channels-title")
            yield LineTable(_CHANNELS, sort="for", id="channels")

    def paint(self, snapshot: Snapshot, belief: Belief) -> None:
        """The rows that the filter leaves."""
        centre = belief.centre
        known = [line for line in snapshot.lines if self._wanted(line)] if centre else []
        trunks = [line for line in known if line.kind == "trunk"]
        extensions = [line for line in known if line.kind == "extension"]
        channels = [channel for channel in centre.channels.values() if self._carries(channel)] if centre else []
        table = self._show("trunks", [_trunk_row(line) for line in trunks], belief, "no trunks")
        height = 1 + max(2, min(len(trunks), _MOST_TRUNKS)) if centre else 4
        if table.styles.height is None or table.styles.height.value != height:
            table.styles.height = height
        self._show("extensions", [_extension_row(line) for line in extensions], belief, "no extensions")
        self._show(
            "channels", [_channel_row(channel, belief.now) for channel in channels], belief, "no active channels"
        )
        self._title("trunks", (*belief.notice, *_health("Trunks", trunks, belief.old)) if centre else belief.notice)
        self._title(
            "extensions", _health("Extensions", extensions, belief.old) if centre else (("Extensions", "bold"),)
        )
        number: tuple[Part, ...] = (("  ", ""), (str(len(channels)), "bold"), (" active", "$label")) if centre else ()
        self._title("channels", (("Channels", "bold"), *number))

    def _wanted(self, line: Line) -> bool:
        return self.filter.matches(line.name, line.tech, line.address, ENDPOINT[line.state].label)

    def _carries(self, channel: Channel) -> bool:
        return self.filter.matches(channel.name, channel.state, channel.number, channel.connected, _where(channel))

    def _show(self, name: str, rows: Sequence[Row], belief: Belief, nothing: str) -> LineTable:
        table = self.query_one(f"#{name}", LineTable)
        table.set_rows(rows, self.empty(belief, nothing))
        return table

    def _title(self, name: str, parts: Sequence[Part]) -> None:
        self.query_one(f"#{name}-title", Summary).show(parts)


def _health(title: str, lines: Sequence[Line], old: bool) -> tuple[Part, ...]:
    parts: list[Part] = [(title, "bold"), ("  ", ""), (str(len(lines)), "bold")]
    for state, word in ENDPOINT.items():
        number = sum(line.state == state for line in lines)
        if number:
            parts += tally(word.label, number, word.severity, old)
    return tuple(parts)


def _state(line: Line) -> Cell:
    word = ENDPOINT[line.state]
    return Cell(f"{word.mark} {word.label}", word.severity)


def _latency(line: Line) -> Cell:
    if line.latency_ms is None:
        return Cell(NOTHING, "muted")
    return Cell(f"{line.latency_ms} ms", "", line.latency_ms)


def _trunk_row(line: Line) -> Row:
    return Row(
        f"{line.tech}/{line.name}",
        (
            Cell(line.name, "strong"),
            Cell(line.tech, "muted"),
            _state(line),
            _latency(line),
            ports(line.channels, line.capacity),
            Cell(line.address or NOTHING, "" if line.address else "muted"),
        ),
    )


def ports(used: int, capacity: int | None) -> Cell:
    """`▮▮▮▯▯▯▯▯ 3/8`; many ports share eight marks, and without a capacity only the number is told."""
    if not capacity:
        return Cell(str(used), "" if used else "muted", used)
    marks = min(capacity, _PORTS)
    filled = used if capacity == marks else -(-used * marks // capacity)
    filled = max(0, min(marks, filled))
    full = used >= capacity
    role: Role = "warning" if full else ""
    return Cell(f"{'▮' * filled}{'▯' * (marks - filled)} {used}/{capacity}{' full' if full else ''}", role, used)


def _extension_row(line: Line) -> Row:
    return Row(
        f"{line.tech}/{line.name}",
        (
            Cell(line.name, "strong"),
            Cell(line.tech, "muted"),
            _state(line),
            _latency(line),
            count(line.channels),
            Cell(line.address or NOTHING, "" if line.address else "muted"),
        ),
    )


def _channel_row(channel: Channel, now: float) -> Row:
    number = f"{channel.number} {channel.caller_name}".strip()
    return Row(
        channel.uniqueid or channel.name,
        (
            Cell(channel.name, "strong"),
            Cell(channel.state),
            Cell(number or NOTHING, "" if number else "muted"),
            Cell(channel.connected or NOTHING, "" if channel.connected else "muted"),
            Cell(_where(channel)),
            elapsed(channel.since, now),
        ),
    )


def _where(channel: Channel) -> str:
    place = f"{channel.extension}@{channel.context}" if channel.context else channel.extension
    return f"{channel.application} {place}".strip()

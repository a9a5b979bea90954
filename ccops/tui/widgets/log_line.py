"""A line of the time line as parts: when, who says it, how grave, what."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from ccops.pair.model import LogLine
from ccops.tui.widgets.card import Part

_KINDS: Final = {"ha-log": "ha-log", "kernel": "kernel", "ami": "AMI", "ccops": "ccops"}
_LEVELS: Final = {
    "debug": ("debug", "$label"),
    "info": ("", ""),
    "notice": ("note", "$info"),
    "warning": ("warn", "$warning"),
    "error": ("ERROR", "bold $critical"),
    "critical": ("CRIT", "bold $critical"),
}


class Columns(NamedTuple):
    """How lines are laid out: milliseconds, dates, and the nodes' names in full or as 1 and 2."""

    nodes: tuple[str, str]
    milliseconds: bool = False
    dates: bool = False
    names: bool = False


def parts(line: LogLine, columns: Columns) -> tuple[Part, ...]:
    """The line in columns of fixed width, the text last. A line without a time of its own has `~` before its time."""
    word, style = _LEVELS[line.level]
    return (
        (stamp(line, columns), "$label"),
        (source(line, columns), tone(line, columns.nodes)),
        (f"{word:<6}", style),
        (f"{line.tag}: " if line.tag else "", "$label"),
        (
            line.text,
            "$label" if line.level == "debug" else style.removeprefix("bold ") if line.level != "notice" else "",
        ),
    )


def stamp(line: LogLine, columns: Columns) -> str:
    """Local time, ten cells and more."""
    text = time.strftime("%m-%d %H:%M:%S" if columns.dates else "%H:%M:%S", time.localtime(line.at))
    if columns.milliseconds:
        text += f".{int(line.at % 1 * 1000):03d}"
    return f"{' ' if line.dated else '~'}{text} "


def source(line: LogLine, columns: Columns) -> str:
    """`1 ha-log`, or `elaxtix-voip   ha-log` with names."""
    kind = _KINDS[line.source]
    if columns.names:
        width = min(24, max(len(name) for name in columns.nodes))
        return f"{(line.node or '')[:width]:<{width}} {kind:<7}"
    number = str(columns.nodes.index(line.node) + 1) if line.node in columns.nodes else " "
    return f"{number} {kind:<7}"


def tone(line: LogLine, nodes: Sequence[str]) -> str:
    """The style of who says it: one for each node, Asterisk and ccops their own."""
    if line.source in ("ami", "ccops"):
        return f"${line.source}"
    return "$node-2" if line.node == nodes[1] else "$node-1"

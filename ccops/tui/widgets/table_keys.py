"""The keys that every table of the call centre answers to."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding

from ccops.tui import keymap

_SORTING: Final = Binding.Group("Sorting")
TABLE_KEYS: Final[tuple[Binding, ...]] = (
    keymap.key("table.down", "j,down", "move(1)", "Down", "One row down", keymap.MOVING),
    keymap.key("table.up", "k,up", "move(-1)", "Up", "One row up", keymap.MOVING),
    keymap.key("table.page_down", "pagedown,ctrl+f", "page(1)", "Page down", "One page down", keymap.MOVING),
    keymap.key("table.page_up", "pageup,ctrl+b", "page(-1)", "Page up", "One page up", keymap.MOVING),
    keymap.key("table.first", "g,home", "first", "First", "The first row; stays there when rows move", keymap.MOVING),
    keymap.key("table.last", "G,end", "last", "Last", "The last row", keymap.MOVING),
    keymap.key("table.sort_left", "less_than_sign", "sort(-1)", "Sort left", "By the column before", _SORTING),
    keymap.key("table.sort_right", "greater_than_sign", "sort(1)", "Sort right", "By the next column", _SORTING),
    keymap.key("table.reverse", "z", "reverse", "Reverse", "Turn the order round", _SORTING),
    keymap.key("table.open", "enter", "select", "Open", "What belongs to the row", _SORTING),
)
"""The keys of every table; a view lists them as its own, for the help and the palette (see `ccops.tui.keymap`)."""

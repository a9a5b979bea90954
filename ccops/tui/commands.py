"""Everything that the palette offers: what the keys do now, operations, themes, pairs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ccops.tui import keymap
from ccops.tui.palette import Command

if TYPE_CHECKING:
    from ccops.tui.app import Console


def offered(app: Console) -> Iterator[Command]:
    """The commands that can be run now, each once."""
    root = app.root
    bindings = [*root.view.BINDINGS, *keymap.CONSOLE_KEYS, *root.BINDINGS]
    named = {binding.id: binding for binding in keymap.flat(bindings)}
    for key in root.listing():
        if key.id not in ("console.palette", "screen.back") and key.group != keymap.MOVING.description:
            target = next(owner for owner in (root.view, root, app) if named[key.id] in type(owner).BINDINGS)
            run = partial(app.run_action, named[key.id].action, target)
            yield Command(f"{key.group}: {key.description}", f"{key.tooltip} ({key.keys})", run)
    yield from app.desk.commands()
    for name in sorted(app.loaded_themes.themes):
        yield Command(
            f"Theme: {name}", "Colours from this theme until the console ends", partial(setattr, app, "theme", name)
        )
    for name in app.settings.pairs:
        if name != app.pair_name:
            yield Command(f"Pair: {name}", "Watch this pair", partial(app.watch_pair, name))
    yield Command("Screen: Screenshot", "Keep the screen as an SVG file", app.action_keep_screenshot)

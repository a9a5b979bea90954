"""What stands on a screen, and waiting until it does."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input


def lines(app: App[None]) -> list[str]:
    """The text of every line of the terminal, as it was composed."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def text(app: App[None]) -> str:
    """The whole terminal's text."""
    return "\n".join(lines(app))


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str = "") -> None:
    """Waits until `condition` holds; fails after some 10 s."""
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.025)
    raise AssertionError(f"never came true: {what or condition}\n{text(pilot.app)}")


async def filtered(pilot: Pilot[None], pattern: str) -> None:
    """Opens the filter bar and enters `pattern` as a paste would, which is quicker than key by key."""
    await pilot.press("slash")
    pilot.app.screen.query_one("#filter", Input).insert_text_at_cursor(pattern)
    await pilot.pause()

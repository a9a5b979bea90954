"""What stands on a screen, and waiting until it does."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from ccops.tui.app import Console


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


async def repainted(pilot: Pilot[None], app: Console, condition: Callable[[], object]) -> None:
    """Waits until `condition` holds while the console paints, as it does each second: a question that is due while
    another is not answered yet is asked at one of the next.
    """

    def met() -> object:
        app.repaint()
        return condition()

    await until(pilot, met)


async def settled(pilot: Pilot[None], value: Callable[[], object]) -> None:
    """Waits until `value` has stayed the same for a quarter of a second."""
    before, same = value(), 0
    for _ in range(400):
        await pilot.pause(0.025)
        before, same = (now := value()), same + 1 if now == before else 0
        if same == 10:
            return
    raise AssertionError(f"never stays the same: {before}")


async def filtered(pilot: Pilot[None], pattern: str) -> None:
    """Opens the filter bar and enters `pattern` as a paste would, which is quicker than key by key."""
    await pilot.press("slash")
    pilot.app.screen.query_one("#filter", Input).insert_text_at_cursor(pattern)
    await pilot.pause()

"""Pictures of the screens at 60×20, 80×24 and 120×40, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from ccops.tui.app import Console
from tests.tui import samples, seen
from tests.tui.conftest import Make

Compare = Callable[..., Any]

PICTURES = [
    ("healthy", "pair", (80, 24), "dark"),
    ("healthy", "pair", (120, 40), "dark"),
    ("healthy", "pair", (80, 24), "16-colours"),
    ("resync", "pair", (60, 20), "dark"),
    ("resync", "pair", (80, 24), "light"),
    ("resync", "pair", (120, 40), "dark"),
    ("split_brain", "pair", (80, 24), "high-contrast"),
    ("split_brain", "pair", (120, 40), "dark"),
    ("unreachable", "pair", (80, 24), "dark"),
    ("unknown", "pair", (80, 24), "dark"),
    ("resync", "log", (120, 40), "dark"),
    ("resync", "log", (80, 24), "dark"),
    ("diverged", "triage", (120, 40), "dark"),
    ("diverged", "triage", (80, 24), "dark"),
    ("diverged", "triage", (80, 24), "16-colours"),
    ("healthy", "triage", (80, 24), "light"),
]


@pytest.mark.parametrize(("sample", "view", "size", "theme"), PICTURES)
def test_picture(snap_compare: Compare, make: Make, sample: str, view: str, size: tuple[int, int], theme: str) -> None:
    app, _ = make(getattr(samples, sample)(), start_view=view, theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=settled)


def test_picture_of_the_help(snap_compare: Compare, make: Make) -> None:
    app, _ = make()
    assert snap_compare(app, terminal_size=(120, 40), run_before=helped)


def test_picture_without_colour(snap_compare: Compare, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = make(samples.split_brain())
    assert snap_compare(app, terminal_size=(80, 24), run_before=settled)


async def settled(pilot: Pilot[None]) -> None:
    """Waits until the view is laid out and no frame is to come."""
    app = pilot.app
    assert isinstance(app, Console)
    await seen.until(pilot, lambda: any(word in seen.text(app) for word in ("eth1", "unknown", "lines", "For callers")))
    await seen.until(pilot, lambda: app._frames.idle)
    await pilot.pause()


async def helped(pilot: Pilot[None]) -> None:
    """The help, over a settled screen."""
    await settled(pilot)
    await pilot.press("question_mark")
    await seen.until(pilot, lambda: "Keys of the view" in seen.text(pilot.app))

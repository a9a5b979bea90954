"""Pictures of the screens of an operation: menu, questions, confirmation, run and report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ccops.operations.plan import Plan
from tests.tui import fake_operator, samples, seen
from tests.tui.conftest import Make
from tests.tui.fake_operator import FakeOperator

Compare = Callable[..., Any]
Press = Callable[[Pilot[None]], Any]

SIZES = [(80, 24), (120, 40)]


def pressed(*steps: str) -> Press:
    """Presses keys (`<X>`), and waits for text in between."""

    async def run(pilot: Pilot[None]) -> None:
        await seen.until(pilot, lambda: "SERVES" in seen.text(pilot.app))
        for step in steps:
            if step.startswith("<"):
                await pilot.press(*step[1:-1].split(" "))
            else:
                await seen.until(pilot, lambda step=step: step in seen.text(pilot.app), step)  # type: ignore[misc]
        await pilot.pause(0.15)

    return run


def pictured(
    make: Make, folder: Path, plan: Plan | None = None, snapshot: Any = None, done: bool = False, **more: Any
) -> Any:
    """A console with a fake operator, on its first screen."""
    operator = FakeOperator(folder, plan)
    if done:
        operator.go.set()
    return make(snapshot, operator=operator, **{"write": True, **more})[0]


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_menu(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, write=False)
    assert snap_compare(app, terminal_size=size, run_before=pressed("<o>", "Audit log"))


@pytest.mark.parametrize("theme", ["dark", "16-colours"])
@pytest.mark.parametrize("size", SIZES)
def test_picture_of_a_failover(
    snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    app = pictured(make, tmp_path, theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=pressed("<F>", "checks hold"))


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_a_refusal(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, fake_operator.refused())
    assert snap_compare(app, terminal_size=size, run_before=pressed("<F>", "do not hold"))


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_victim(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, fake_operator.recover(), samples.diverged())
    assert snap_compare(app, terminal_size=size, run_before=pressed("<X>", "Give up what"))


@pytest.mark.parametrize("size", [*SIZES, (160, 45)])
def test_picture_of_a_recovery(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, fake_operator.recover(), samples.diverged())
    keys = pressed("<X>", "Give up what", "<j j enter>", "GIVEN UP" if size[1] > 24 else "checks hold")
    assert snap_compare(app, terminal_size=size, run_before=keys)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_a_run(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, snapshot=samples.resync())
    keys = pressed("<F>", "checks hold", "<y>", "running    0:05")
    assert snap_compare(app, terminal_size=size, run_before=keys)


def test_picture_of_a_run_without_colour(
    snap_compare: Compare, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = pictured(make, tmp_path)
    keys = pressed("<F>", "checks hold", "<y>", "running    0:05", "<escape>", "Go on")
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_a_report(snap_compare: Compare, make: Make, tmp_path: Path, size: tuple[int, int]) -> None:
    app = pictured(make, tmp_path, done=True)
    assert snap_compare(app, terminal_size=size, run_before=pressed("<F>", "checks hold", "<y>", "Recorded as"))

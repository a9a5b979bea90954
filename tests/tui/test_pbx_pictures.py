"""Pictures of the PBX view, its forms, the gateway assistant, and a secret that is shown once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ccops.config import Secret
from ccops.pair.model import Reading
from ccops.tui.app import Console
from ccops.tui.screens.page import SecretsScreen
from tests.tui import samples, samples_centre, samples_pbx, seen
from tests.tui.conftest import Make
from tests.tui.fake_operator import FakeOperator
from tests.tui.test_pbx_view import cursor_on, fill, opened

Compare = Callable[..., Any]
SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def console(make: Make, tmp_path: Path) -> Callable[..., Console]:
    """A console on the view, over an operator that reads three entries."""

    def made(problem: str = "", obstacles: bool = False, **more: Any) -> Console:
        operator = FakeOperator(tmp_path, samples_pbx.plan())
        operator.reading = Reading(None, problem, samples.NOW) if problem else samples_pbx.reading()
        operator.obstacles = samples_pbx.OBSTACLES if obstacles else ()
        snapshot = samples_centre.snapshot(samples_centre.busy())
        return make(snapshot, operator=operator, start_view="pbx", **{"write": True, **more})[0]

    return made


async def read(pilot: Pilot[None]) -> Console:
    """What can be edited is there, and no frame is to come."""
    app = pilot.app
    assert isinstance(app, Console)
    await seen.until(pilot, lambda: "Asterisk files" in seen.text(app))
    await pilot.pause(0.2)
    await seen.until(pilot, lambda: app._frames.idle)
    return app


@pytest.mark.parametrize("theme", ["dark", "16-colours"])
@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_view(
    snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int], theme: str
) -> None:
    assert snap_compare(console(theme=theme), terminal_size=size, run_before=read)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_what_is_in_the_way(
    snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int]
) -> None:
    assert snap_compare(console(obstacles=True, write=False), terminal_size=size, run_before=read)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_menu_of_one_that_is_only_seen(
    snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int]
) -> None:
    async def pressed(pilot: Pilot[None]) -> None:
        app = await read(pilot)
        await cursor_on(app, pilot, "101")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "Gateway" in seen.text(app))
        await pilot.pause(0.2)

    assert snap_compare(console(), terminal_size=size, run_before=pressed)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("size", [*SIZES, (60, 20)])
def test_picture_of_the_form(
    snap_compare: Compare,
    console: Callable[..., Console],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    colour: bool,
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")

    async def pressed(pilot: Pilot[None]) -> None:
        app = await read(pilot)
        await pilot.press("a")
        await opened(app, pilot)
        fill(app, number="101", name="Luis", secret="typed", secret_text="abc")
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: "to be corrected" in seen.text(app))
        await pilot.pause(0.2)

    assert snap_compare(console(), terminal_size=size, run_before=pressed)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_form_of_a_trunk(
    snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int]
) -> None:
    async def pressed(pilot: Pilot[None]) -> None:
        app = await read(pilot)
        await cursor_on(app, pilot, "gw2")
        await pilot.press("e")
        await opened(app, pilot)
        await pilot.press("down", "down", "down", "down")
        await pilot.pause(0.2)

    assert snap_compare(console(), terminal_size=size, run_before=pressed)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_a_secret(snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int]) -> None:
    async def pressed(pilot: Pilot[None]) -> None:
        app = await read(pilot)
        await app.push_screen(SecretsScreen({"202": Secret("kR7pw2mNx4")}))
        await seen.until(pilot, lambda: "shown this once" in seen.text(app))
        await pilot.pause(0.2)

    assert snap_compare(console(), terminal_size=size, run_before=pressed)


@pytest.mark.parametrize("size", SIZES)
def test_picture_of_the_gateway(snap_compare: Compare, console: Callable[..., Console], size: tuple[int, int]) -> None:
    async def pressed(pilot: Pilot[None]) -> None:
        app = await read(pilot)
        await pilot.press("A")
        await opened(app, pilot)
        fill(app, name="gw3", host="192.168.27.133", number="400")
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: "Add its trunk" in seen.text(app))
        await pilot.pause(0.2)

    assert snap_compare(console(), terminal_size=size, run_before=pressed)

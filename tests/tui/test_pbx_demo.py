"""Extensions and trunks by their keys on the simulated pair, through real sockets: from key to Asterisk and back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ccops.demo.answers import Answer
from ccops.demo.asterisk_files import OWNED
from ccops.demo.world import Demo
from ccops.tui.app import Console
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.page import SecretsScreen
from ccops.tui.screens.pbx import PbxView
from tests.tui import seen
from tests.tui.test_operating_demo import console
from tests.tui.test_pbx_view import cursor_on, fill, opened

SIZE = (110, 45)


async def opened_view(app: Console, pilot: Pilot[None]) -> PbxView:
    """The view is shown, and what can be edited was read."""
    await seen.until(pilot, lambda: "data now" in seen.text(app))
    await pilot.press("8")
    await seen.until(pilot, lambda: isinstance(app.root.view, PbxView) and app.root.view.exchange is not None)
    view = app.root.view
    assert isinstance(view, PbxView)
    return view


async def done(app: Console, pilot: Pilot[None]) -> str:
    """Confirms the plan, waits for its end, and goes back to the view; how it ended. A secret on the way is closed."""
    await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and "nothing has been done" in seen.text(app))
    await pilot.press("y")
    await seen.until(pilot, lambda: app.desk.run is not None and not app.desk.run.over)
    run = app.desk.run
    assert run is not None
    for _ in range(4):
        if not run.over:
            await pilot.pause(5.0)
    await seen.until(pilot, lambda: run.over)
    await pilot.pause(0.3)
    while app.screen is not app.root:
        await pilot.press("escape")
        await pilot.pause(0.3)
    return run.ending


def row(app: Console, name: str) -> str:
    """The line of the view that begins with that name."""
    return next((line for line in seen.lines(app) if line.replace("▸", " ").split()[:1] == [name]), "")


async def test_a_life_of_an_extension_and_a_trunk(tmp_path: Path) -> None:
    async with Demo(agents=12, speed=2) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=SIZE) as pilot:
            view = await opened_view(app, pilot)
            await pilot.press("a")
            await opened(app, pilot)
            await pilot.press(*"200", "down", *"Ana", "enter")
            await seen.until(pilot, lambda: isinstance(app.screen, Confirmation))
            assert not demo.pair.drbd.sides[0].asterisk[OWNED]
            await seen.until(pilot, lambda: "nothing has been done" in seen.text(app))
            await pilot.press("y")
            await seen.until(pilot, lambda: isinstance(app.screen, SecretsScreen))
            text = demo.pair.drbd.sides[1].asterisk[OWNED].decode()  # the other node has it at once
            secret = text.partition("secret=")[2].partition("\n")[0]
            await seen.until(pilot, lambda: secret in seen.text(app))
            await pilot.press("escape")
            await pilot.pause(0.2)
            await pilot.press("escape")
            assert secret not in seen.text(app)
            await seen.until(pilot, lambda: "o reachable" in row(app, "200"))
            assert row(app, "200").lstrip().startswith("▸")  # the cursor went to it
            assert "yes" in row(app, "200")
            await pilot.press("x")
            assert await done(app, pilot) == "done"
            await seen.until(pilot, lambda: "/ disabled" in row(app, "200"))
            assert "200" not in {name for name, *_ in demo.centre.exchanges[0].peers()}
            await cursor_on(app, pilot, "gxw4108")
            await pilot.press("a")
            await opened(app, pilot)
            fill(app, name="gw2", host="192.168.27.131", channels="8")
            await pilot.pause()
            await pilot.press("enter")
            assert await done(app, pilot) == "done"
            await seen.until(pilot, lambda: "o reachable" in row(app, "gw2"))
            demo.centre.flood("gw2", 3, 1.0)
            await seen.until(pilot, lambda: re.search("[3-8]/8", row(app, "gw2")))
            await cursor_on(app, pilot, "200")
            await pilot.press("D")
            assert await done(app, pilot) == "done"
            await seen.until(pilot, lambda: not row(app, "200"))
            assert view.exchange is not None
            assert [entry.host for entry in view.exchange.entries] == ["192.168.27.131"]
        assert [record.ending for record in audit.records("demo")] == ["done"] * 4
        assert secret not in audit.path.read_text()


@pytest.mark.parametrize("how", ["reload", "deaf"])
async def test_what_fails_is_taken_back_and_said(tmp_path: Path, how: str) -> None:
    async with Demo(agents=12, speed=2) as demo:
        app, audit = console(demo.settings, tmp_path)
        if how == "reload":
            demo.pair.lie(0, ("asterisk", "-rx", "sip reload"), Answer("", 1, "Unable to connect\n"))
        else:
            demo.centre.exchanges[0].sip.deaf = True
        async with app.run_test(size=SIZE) as pilot:
            await opened_view(app, pilot)
            await pilot.press("a")
            await opened(app, pilot)
            await pilot.press(*"200", "enter")
            await seen.until(pilot, lambda: "nothing has been done" in seen.text(app))
            await pilot.press("y")
            for _ in range(6):
                if app.desk.run is not None and app.desk.run.over:
                    break
                await pilot.pause(5.0)
            await seen.until(pilot, lambda: "so what was there before was put back" in " ".join(seen.text(app).split()))
            assert app.desk.run is not None
            assert app.desk.run.ending == "undone"
            await pilot.pause(0.5)
            assert not isinstance(app.screen, SecretsScreen)
        assert "[200]" not in demo.pair.drbd.sides[0].asterisk[OWNED].decode()
        assert [record.ending for record in audit.records("demo")] == ["undone"]


async def test_after_a_failover_it_is_read_of_the_other_node(tmp_path: Path) -> None:
    async with Demo(agents=12, speed=8) as demo:
        app, _ = console(demo.settings, tmp_path)
        async with app.run_test(size=SIZE) as pilot:
            await opened_view(app, pilot)
            await pilot.press("a")
            await opened(app, pilot)
            await pilot.press(*"200", "enter")
            assert await done(app, pilot) == "done"
            demo.pair.heartbeat.standby(0)
            for _ in range(4):
                if demo.pair.serving != (1,):
                    await pilot.pause(4.0)
            await seen.until(pilot, lambda: "on elaxtix-voip-2" in seen.text(app))
            await seen.until(pilot, lambda: "o reachable" in row(app, "200"))


async def test_who_has_no_file_of_ccops_own_is_told_the_way_out(tmp_path: Path) -> None:
    async with Demo(agents=12, speed=2) as demo:
        app, _ = console(demo.settings, tmp_path)
        (demo.nodes[0].root / "data/asterisk" / OWNED).unlink()
        async with app.run_test(size=SIZE) as pilot:
            await opened_view(app, pilot)
            await seen.until(pilot, lambda: "✖ not so: there is a file of ccops' own" in seen.text(app))
            assert "install -m 0640" in seen.text(app)
            (demo.nodes[0].root / "data/asterisk" / OWNED).touch(0o640)
            await pilot.press("r")
            await seen.until(pilot, lambda: "✖" not in seen.text(app))

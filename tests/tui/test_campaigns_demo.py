"""Campaigns on the simulated pair, through real sockets: from the key to MySQL, and to the other node."""

from __future__ import annotations

from pathlib import Path

from ccops.demo.world import Demo
from ccops.tui.screens.campaigns import CampaignsView
from ccops.tui.screens.running import RunningScreen
from tests.tui import seen
from tests.tui.test_operating_demo import ONE, TWO, console


async def test_a_campaign_is_started_and_is_so_after_a_failover(tmp_path: Path) -> None:
    async with Demo(speed=6, agents=12) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(140, 45)) as pilot:
            await seen.until(pilot, lambda: f"{ONE} serves" in seen.text(app) and "data now" in seen.text(app))
            await pilot.press("9")
            await seen.until(pilot, lambda: "Bienvenida" in seen.text(app) and "of 6 run" in seen.text(app))
            view = app.root.view
            assert isinstance(view, CampaignsView)
            assert view.table.move_to("out:4")
            await pilot.press("S")
            await seen.until(pilot, lambda: "nothing has been done yet" in seen.text(app))
            assert "UPDATE call_center.`campaign` SET `estatus` = 'A' WHERE `id` = 4" in seen.text(app)
            await pilot.press("y")
            await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen) and "✓ done" in seen.text(app))
            await pilot.press("escape")
            for n in (0, 1):
                assert demo.pair.drbd.sides[n].books["campaign"][3]["estatus"] == "A"
            (record,) = audit.records("demo")
            assert record.ending == "done"
            await seen.until(pilot, lambda: view.subject().status == "A")
            demo.pair.heartbeat.standby(0, "all")
            await seen.until(pilot, lambda: demo.pair.serving == (1,))
            await seen.until(pilot, lambda: f"{TWO} serves" in seen.lines(app)[0])
            await pilot.press("r")
            await seen.until(pilot, lambda: f"ago, {TWO}" in seen.text(app))
            assert view.table.move_to("out:4")
            assert view.subject().status == "A"

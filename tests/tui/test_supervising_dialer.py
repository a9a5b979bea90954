"""Agents of the call-center module acted on by keys, on the simulated pair through real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from ccops.demo.dialer import Seat
from ccops.demo.world import Demo
from ccops.tui.app import Console
from ccops.tui.screens.choice import ChoiceScreen
from tests.tui import seen
from tests.tui.test_operating_demo import console
from tests.tui.test_supervising import chosen, on, ready, told

CALLED, LOGGED = "SIP/105", "Agent/9106"


async def at_rest(pilot: Pilot[None], demo: Demo, name: str) -> Seat:
    """That agent is on no call and in no break, and stays so."""
    demo.centre.resting = True
    dialer = demo.centre.dialers[0]
    seat = dialer.find(name)
    assert seat is not None
    dialer.hang_up(seat)
    await seen.until(pilot, lambda: not seat.agent.in_call and seat.agent.status == 1)
    dialer.unpause(seat)
    return seat


def options(app: Console) -> dict[str, str]:
    screen = app.screen
    assert isinstance(screen, ChoiceScreen)
    return {option.label: option.about for option in screen._options}


async def test_a_break_is_chosen_and_taken_back_by_keys(tmp_path: Path) -> None:
    async with Demo(speed=2, agents=12) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot, app, "3")
            seat = await at_rest(pilot, demo, CALLED)
            on(app, CALLED)
            await pilot.press("P")
            await seen.until(pilot, lambda: "For which break?" in seen.text(app))
            assert list(options(app)) == ["Cancel", "Almuerzo", "Baño", "Capacitación", "Reunión"]
            assert "▶[ Cancel ]◀" in seen.text(app)
            await chosen(pilot, app, "Baño")
            await seen.until(pilot, lambda: "is paused in every queue" in told(app))
            assert (seat.break_id, seat.agent.reason) == (4, "Baño")
            assert f"undo: ccops agent unpause {CALLED}" in told(app)
            await pilot.press("P")
            await chosen(pilot, app, "Almuerzo")
            await seen.until(pilot, lambda: "is in the break Baño already" in told(app))
            await pilot.press("U")
            await seen.until(pilot, lambda: "is not paused in every queue" in told(app))
            assert seat.break_id is None
            assert [record.request.arguments for record in audit.records("demo")] == [
                {"agent": CALLED, "pause": "Baño"},
                {"agent": CALLED},
            ]


async def test_the_menu_of_a_module_agent(tmp_path: Path) -> None:
    async with Demo(speed=2, agents=12) as demo:
        app, _ = console(demo.settings, tmp_path)
        async with app.run_test(size=(160, 45)) as pilot:
            await ready(pilot, app, "3")
            seat = await at_rest(pilot, demo, LOGGED)
            on(app, LOGGED)
            await pilot.press("e")
            await seen.until(pilot, lambda: "Act on" in seen.text(app))
            shown = options(app)
            assert (shown["Pause"], shown["Unpause"], shown["Log out"]) == ("", "", "")
            assert "its queues are set in the PBX" in shown["Add to a queue"]
            assert "on no call" in shown["Hang up"]
            await chosen(pilot, app, "Log out")
            await seen.until(pilot, lambda: "the agent has to log in again" in seen.text(app))
            assert "eccp · logoutagent" in seen.text(app)
            assert "▶[ Cancel ]◀" in seen.text(app)
            await chosen(pilot, app, "Do it")
            await seen.until(pilot, lambda: "is logged out" in told(app))
            assert not seat.logged_in
            await pilot.press("e")
            await seen.until(pilot, lambda: "Act on" in seen.text(app))
            assert "is not logged in to it" in options(app)["Pause"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"eccp": None}, "no [pairs.NAME.eccp] is set"),
        ({"role": "viewer"}, 'the role in the settings is "viewer"'),
    ],
)
async def test_what_lacks_greys_the_menu_with_the_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    async with Demo(speed=1, agents=12) as demo:
        demo.stop_time()
        pair = replace(demo.settings.pairs["demo"], **changes)
        app, audit = console(replace(demo.settings, pairs={"demo": pair}), tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot, app, "3")
            on(app, CALLED)
            await pilot.press("e")
            await seen.until(pilot, lambda: "Act on" in seen.text(app))
            assert all(reason in options(app)[label] for label in ("Pause", "Unpause", "Log out"))
            await pilot.press("escape")
            await pilot.press("P")
            await seen.until(pilot, lambda: reason in told(app))
            assert not isinstance(app.screen, ChoiceScreen)
            assert audit.records("demo") == ()


async def test_a_break_may_be_called_anything(tmp_path: Path) -> None:
    name = "[b]x[/b] [link='x'] \u202e" + "ñ" * 200
    async with Demo(speed=2, agents=12) as demo:
        for side in demo.pair.drbd.sides:
            side.books["break"][1]["name"] = side.books["break"][2]["name"] = name
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            await ready(pilot, app, "3")
            seat = await at_rest(pilot, demo, CALLED)
            on(app, CALLED)
            await pilot.press("P")
            await seen.until(pilot, lambda: "For which break?" in seen.text(app))
            assert "[b]x[/b] [link='x'] ñ" in seen.text(app)
            # Two of the same name are told apart by their numbers.
            await chosen(pilot, app, "[b]x[/b]")
            await seen.until(pilot, lambda: "is paused in every queue" in told(app))
            assert seat.break_id in (2, 3)
            assert [record.request.arguments["pause"] for record in audit.records("demo")] == [str(seat.break_id)]

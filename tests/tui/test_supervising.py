"""Agents and callers acted on by keys, on the simulated pair through real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from ccops.demo.world import Demo
from ccops.tui.app import Console
from ccops.tui.screens.choice import ChoiceScreen
from ccops.tui.widgets.linetable import LineTable
from tests.tui import seen
from tests.tui.test_operating_demo import ONE, console


def told(app: Console) -> str:
    return "\n".join(f"{note.title}: {note.message}" for note in app._notifications)


async def ready(pilot: Pilot[None], app: Console, view: str) -> None:
    await seen.until(pilot, lambda: f"{ONE} serves" in seen.text(app) and "data now" in seen.text(app))
    await pilot.press(view)
    await seen.until(pilot, lambda: bool(app.root.view.query(LineTable)) and app.root.view.query(LineTable)[0].rows)


def on(app: Console, row: str, table: str = "agents") -> None:
    assert app.root.view.query_one(f"#{table}", LineTable).move_to(row)


async def chosen(pilot: Pilot[None], app: Console, label: str) -> None:
    """Chooses the answer whose label begins so."""
    await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
    screen = app.screen
    assert isinstance(screen, ChoiceScreen)
    index = next(i for i, option in enumerate(screen._options) if option.label.startswith(label))
    screen.query_one(f"#option-{index}").focus()
    await pilot.press("enter")
    await pilot.pause()


def free(demo: Demo) -> str:
    """An agent by configuration who does nothing."""
    agents = demo.centre.exchanges[0].agents.values()
    return next(agent.interface for agent in agents if agent.status == 1 and not agent.paused and not agent.module)


async def test_an_agent_is_paused_and_taken_back_by_keys(tmp_path: Path) -> None:
    async with Demo(speed=2, agents=12) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot, app, "3")
            who = free(demo)
            agent = demo.centre.exchanges[0].agents[who]
            on(app, who)
            await pilot.press("P")
            await seen.until(pilot, lambda: "Without a reason" in seen.text(app))
            assert "▶[ Cancel ]◀" in seen.text(app)
            screen = app.screen
            assert isinstance(screen, ChoiceScreen)
            screen.dismiss_typed("Reunión [b]x[/b]")
            await seen.until(pilot, lambda: "is paused in every queue" in told(app))
            assert (agent.paused, agent.reason) == (True, "Reunión [b]x[/b]")
            assert f"undo: ccops agent unpause {who}" in told(app)
            await pilot.press("U")
            await seen.until(pilot, lambda: "is not paused in every queue" in told(app))
            assert not agent.paused
            assert [record.request.operation for record in audit.records("demo")] == ["agent pause", "agent unpause"]


async def test_the_menu_says_what_is_not_possible_and_why(tmp_path: Path) -> None:
    async with Demo(speed=2, agents=12) as demo:
        app, _ = console(demo.settings, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot, app, "3")
            who = free(demo)
            on(app, who)
            await pilot.press("e")
            await seen.until(pilot, lambda: "Act on" in seen.text(app))
            shown = {line.split("[ ")[1].split(" ]")[0]: line for line in seen.lines(app) if "[ " in line}
            assert "member by configuration" in shown["Log out"]
            assert "on no call" in shown["Listen"]
            assert shown["Pause"].split("]")[-1].strip(" │") == ""
            await chosen(pilot, app, "Add to a queue")
            other = next(
                q for q in demo.centre.exchanges[0].queues if q not in demo.centre.exchanges[0].agents[who].memberships
            )
            await chosen(pilot, app, other)
            await seen.until(pilot, lambda: f"is a member of {other}" in told(app))
            # What takes something from somebody is asked about first, and Cancel has the focus.
            await pilot.press("minus")
            await chosen(pilot, app, other)
            await seen.until(pilot, lambda: "Do it" in seen.text(app))
            assert "▶[ Cancel ]◀" in seen.text(app)
            await pilot.press("enter")
            await pilot.pause(0.3)
            assert other in demo.centre.exchanges[0].agents[who].memberships


async def test_a_caller_is_moved_by_keys(tmp_path: Path) -> None:
    async with Demo("busy-day", speed=2, agents=12) as demo:
        demo.centre.resting = True
        app, _ = console(demo.settings, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot, app, "2")
            queues = demo.centre.exchanges[0].queues
            for _ in range(6):
                if any(len(queue.waiting) > 2 for queue in queues.values()):
                    break
                await pilot.pause(3.0)
            queue = max(queues.values(), key=lambda each: len(each.waiting))
            caller = queue.waiting[-1]
            on(app, queue.name, "queues")
            await pilot.press("enter")
            table = app.root.view.query_one("#callers", LineTable)
            await seen.until(pilot, lambda: table.move_to(caller.uniqueid))
            table.focus()
            await pilot.press("P")
            await seen.until(pilot, lambda: "that is done to agents" in told(app))
            await pilot.press("M")
            await chosen(pilot, app, "To the top")
            await chosen(pilot, app, "Do it")
            await seen.until(pilot, lambda: "has moved up" in told(app))


@pytest.mark.parametrize("key", ["P", "U", "plus", "minus", "percent_sign", "L", "H", "S"])
async def test_read_only_refuses_every_key(tmp_path: Path, key: str) -> None:
    async with Demo(speed=1, agents=12) as demo:
        demo.stop_time()
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(100, 30)) as pilot:
            await ready(pilot, app, "3")
            await pilot.press("w")  # it was opened armed
            await pilot.press(key)
            await seen.until(pilot, lambda: "read-only until it is armed" in told(app))
            assert not isinstance(app.screen, ChoiceScreen)
            assert audit.records("demo") == ()


async def test_a_viewer_sees_the_menu_greyed(tmp_path: Path) -> None:
    async with Demo(speed=1, agents=12) as demo:
        demo.stop_time()
        pair = replace(demo.settings.pairs["demo"], role="viewer")
        app, _ = console(replace(demo.settings, pairs={"demo": pair}), tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await ready(pilot, app, "3")
            await pilot.press("e")
            await seen.until(pilot, lambda: seen.text(app).count('the role in the settings is "viewer"') > 5)

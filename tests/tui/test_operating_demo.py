"""Operations by their keys on the simulated pair, through real sockets: from the key to the report."""

from __future__ import annotations

import re
from pathlib import Path

from ccops.config import Settings
from ccops.demo.world import Demo
from ccops.operations.audit import Audit
from ccops.operations.executor import Executor
from ccops.operations.permission import Authority
from ccops.tui.app import Console
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.running import RunningScreen
from ccops.watch.deferred import DeferredWatch
from ccops.watch.store import Store
from tests.tui import seen

ONE, TWO = "elaxtix-voip", "elaxtix-voip-2"


def console(settings: Settings, folder: Path) -> tuple[Console, Audit]:
    """A console on the demo as the command line makes it, with an audit log of its own."""
    audit = Audit(folder / "audit.jsonl")
    name = next(iter(settings.pairs))

    def open_operator(chosen: str, store: Store, authority: Authority) -> Executor:
        return Executor(chosen, settings.pairs[chosen], store, authority, audit)

    app = Console(
        settings,
        lambda chosen: DeferredWatch(chosen, settings.pairs[chosen]),
        name,
        open_operator=open_operator,
        write=True,
    )
    return app, audit


async def test_a_failover_from_the_key_to_the_report(tmp_path: Path) -> None:
    async with Demo(speed=6) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(120, 45)) as pilot:
            await seen.until(pilot, lambda: f"{ONE} serves" in seen.text(app) and "data now" in seen.text(app))
            await pilot.press("F")
            await seen.until(pilot, lambda: "nothing has been done yet" in seen.text(app))
            assert "channels are up" in seen.text(app)
            await pilot.press("y")
            await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))
            run = app.desk.run
            assert run is not None
            for _ in range(6):
                if run.over:
                    break
                await pilot.pause(2.0)
            await seen.until(pilot, lambda: "✓ done" in seen.text(app))
            assert demo.pair.machines[1].address
            (record,) = audit.records("demo")
            assert record.ending == "done"
            await seen.until(pilot, lambda: record.first.id in seen.text(app))
            await pilot.press("escape")
            await seen.until(pilot, lambda: f"{TWO} serves" in seen.lines(app)[0])


async def test_one_that_is_stopped_is_recorded_and_gone_on_with(tmp_path: Path) -> None:
    async with Demo(speed=2) as demo:
        app, audit = console(demo.settings, tmp_path)
        async with app.run_test(size=(120, 45)) as pilot:
            await seen.until(pilot, lambda: f"{ONE} serves" in seen.text(app) and "data now" in seen.text(app))
            await pilot.press("F")
            await seen.until(pilot, lambda: "nothing has been done yet" in seen.text(app))
            await pilot.press("y")
            await seen.until(
                pilot, lambda: app.desk.run is not None and any(state.word == "seen" for state in app.desk.run.states)
            )
            await pilot.press("escape")
            await seen.until(pilot, lambda: "Go on" in seen.text(app))
            await pilot.press("tab", "enter")
            await seen.until(pilot, lambda: "▲ interrupted" in seen.text(app))
            assert audit.records("demo")[-1].ending == "interrupted"
            await pilot.press("escape", "o")
            await seen.until(pilot, lambda: "▸ Resume" in seen.text(app))
            await pilot.press("enter")
            await seen.until(pilot, lambda: "Interrupted operation" in seen.text(app))
            await pilot.press("tab", "enter")
            await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
            while not isinstance(app.screen, RunningScreen):  # what was sent goes on by itself, so the pair may change
                await seen.until(pilot, lambda: re.search("nothing has been done yet|has changed", seen.text(app)))
                await pilot.press("r" if "has changed" in seen.text(app) else "y")
                await pilot.pause(0.5)
            for _ in range(3):
                await pilot.pause(4.0)
                if app.desk.run is not None and app.desk.run.over:
                    break
            await seen.until(pilot, lambda: "✓ done" in seen.text(app))
            assert [record.ending for record in audit.records("demo")] == ["done"]


async def test_a_shell_in_the_volume_refuses_it_with_a_way_out(tmp_path: Path) -> None:
    async with Demo(speed=4) as demo:
        app, audit = console(demo.settings, tmp_path)
        demo.pair.hold(0, "bash", "/data")
        async with app.run_test(size=(120, 45)) as pilot:
            await seen.until(pilot, lambda: f"{ONE} serves" in seen.text(app) and "data now" in seen.text(app))
            await pilot.press("F")
            await seen.until(pilot, lambda: "✖ refused: 1 of" in seen.text(app))
            assert "bash" in seen.text(app)
            assert "end it, or leave the folder, first" in seen.text(app)
            await pilot.press("y", "tab", "enter")
            await seen.until(pilot, lambda: app.screen is app.root)
            assert audit.records("demo") == ()

"""Extensions and trunks by their keys on a real pair: the console is run as it is, and its keys are pressed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ccops.config import Settings
from ccops.tui.app import Console
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.page import SecretsScreen
from ccops.tui.screens.pbx import PbxView
from tests.lab.conftest import LIMIT_S, Lab
from tests.lab.test_exchange import ANSWERS, LONG_CALLS, cut_short
from tests.lab.test_operations import Tell
from tests.tui import seen
from tests.tui.test_operating_demo import console
from tests.tui.test_pbx_demo import row
from tests.tui.test_pbx_view import cursor_on, fill, opened

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]


async def until(pilot: Pilot[None], condition: Callable[[], object], limit_s: float = LIMIT_S) -> float:
    """Waits as long as a real pair may take; seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit_s, seen.text(pilot.app)
        await pilot.pause(0.2)
    return time.monotonic() - began


async def agreed(app: Console, pilot: Pilot[None]) -> float:
    """Confirms the plan on the screen, waits for its end, and goes back to the view; how long it took."""
    await until(pilot, lambda: isinstance(app.screen, Confirmation) and "nothing has been done" in seen.text(app))
    await pilot.press("y")
    await until(pilot, lambda: app.desk.run is not None and not app.desk.run.over)
    run = app.desk.run
    assert run is not None
    took = await until(pilot, lambda: run.over)
    assert run.ending == "done", seen.text(app)
    await pilot.pause(0.5)
    while app.screen is not app.root:
        if isinstance(app.screen, SecretsScreen):
            assert "secret" in seen.text(app).lower()
        await pilot.press("escape")
        await pilot.pause(0.5)
    return took


async def test_an_extension_and_a_trunk_by_keys_under_calls(pair: Lab, tmp_path: Path, shown_after: Tell) -> None:
    def told(name: str) -> str:
        return pair.ssh(1, f"asterisk -rx 'sip show peer {name}'")

    app, audit = console(Settings({"lab": pair.settings()}), tmp_path)
    async with app.run_test(size=(130, 50)) as pilot:
        await until(pilot, lambda: app.store.snapshot.verdict.code == "healthy")
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.root.view, PbxView) and app.root.view.exchange is not None)
        view = app.root.view
        assert isinstance(view, PbxView)
        # As long as there is no file of ccops' own, the view says how to make one: exactly that is done.
        found = re.search(r"once, on \S+: (install .+? >> \S+)", " ".join(each.way_out for each in view.in_the_way))
        assert found is not None, view.in_the_way
        await pair.later("ssh", "1", found[1])
        await pair.later("ssh", "1", "asterisk -rx 'sip reload'")
        await pilot.press("r")
        await until(pilot, lambda: not view.in_the_way)

        await pair.later("ssh", "1", ANSWERS)
        await pair.later("calls", str(LONG_CALLS), "499")
        await pilot.press("a")
        await opened(app, pilot)
        await pilot.press(*"777", "down", *"Ana", "enter")
        took = [await agreed(app, pilot)]
        assert re.search(r'Callerid +: "Ana" <777>', told("777")), told("777")
        await until(pilot, lambda: row(app, "777").lstrip().startswith("▸"))
        await pilot.press("e")
        await opened(app, pilot)
        fill(app, name="Ana María", call_group="3")
        await pilot.pause()
        await pilot.press("enter")
        took.append(await agreed(app, pilot))
        assert re.search(r"Callgroup +: 3", told("777"))

        await cursor_on(app, pilot, "gxw4108")
        await pilot.press("a")
        await opened(app, pilot)
        fill(app, name="second", host="127.0.0.31", channels="8")
        await pilot.pause()
        await pilot.press("enter")
        took.append(await agreed(app, pilot))
        assert re.search(r"Call limit +: 8", told("second"))
        for name in ("777", "second"):
            for state in ("disabled", "enabled"):
                await cursor_on(app, pilot, name)
                await pilot.press("x")
                took.append(await agreed(app, pilot))
                assert ("not found" in told(name)) is (state == "disabled")
                await until(
                    pilot, lambda name=name, state=state: ("disabled" in row(app, name)) is (state == "disabled")
                )
            await cursor_on(app, pilot, name)
            await pilot.press("D")
            took.append(await agreed(app, pilot))
            assert "not found" in told(name)
            await until(pilot, lambda name=name: not row(app, name))
        shown_after(
            "extension, trunk", f"by keys, the slowest of {len(took)} edits, {LONG_CALLS} calls up at first", max(took)
        )
        await until(pilot, lambda: (centre := app.store.snapshot.centre.value) is not None and not centre.channels)
    assert not cut_short(pair, 1)
    assert [record.ending for record in audit.records("lab")] == ["done"] * len(took)

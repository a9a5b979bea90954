"""The console by its keys: views, filter, freeze, help, palette, pairs, quitting."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from ccops.config import ConsoleSettings, Settings
from ccops.triage.finding import Finding
from ccops.tui.app import Console
from ccops.tui.keymap import CONSOLE_KEYS
from ccops.tui.screens.help import HelpScreen
from ccops.tui.screens.root import VIEWS
from ccops.tui.themes import FALLBACK
from tests.tui import samples, seen
from tests.tui.conftest import Make, pair_settings
from tests.tui.fakes import FakeWatched


async def test_digits_show_the_views_and_tab_cycles(make: Make) -> None:
    app, watched = make()
    async with app.run_test(size=(120, 40)) as pilot:
        assert watched.started == 1
        keys = {binding.id: binding.key for binding in CONSOLE_KEYS}
        for name in VIEWS:
            await pilot.press(keys[f"view.{name}"].split(",")[0])
            assert name == app.root.view.NAME
            assert app.focused is not None
            assert app.root.view in (app.focused, *app.focused.ancestors)
        await pilot.press("6", "tab")  # to the details, the second pane of the view
        assert app.root.view.NAME == "triage"
        await pilot.press("tab")
        assert app.root.view.NAME == "reports"
        last = list(VIEWS)[-1]
        await app.root.select(last)
        await pilot.press(*["tab"] * len([each for each in app.root.view.query("*") if each.focusable]))
        assert app.root.view.NAME == "pair"
        await pilot.press("shift+tab")
        assert last == app.root.view.NAME
        await pilot.press("d")
        assert app.root.view.NAME == "triage"
    assert watched.stopped == 1


async def test_views_are_made_and_painted_only_when_shown(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    for view in VIEWS.values():
        monkeypatch.setattr(view, "show", lambda self, snapshot, timeline: shown.append(self.NAME))
    app, watched = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: shown)
        await pilot.press("5")
        await seen.until(pilot, lambda: "log" in shown)
        shown.clear()
        watched.publish(samples.resync())
        await seen.until(pilot, lambda: shown)
        assert set(shown) == {"log"}
        assert set(app.root._views) == {"pair", "log"}


async def test_a_snapshot_is_painted_at_once_and_a_storm_is_thinned_out(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, watched = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        paints: list[int] = []
        paint = app.root.paint
        monkeypatch.setattr(app.root, "paint", lambda *args: (paints.append(1), paint(*args)))
        for number in range(200):
            finding = Finding("x", "info", f"number {number}")
            watched.publish(msgspec.structs.replace(samples.healthy(), verdict=finding))
            if number % 20 == 0:
                await pilot.pause(0.005)
        await seen.until(pilot, lambda: "number 199" in seen.text(app))
        assert 1 <= len(paints) < 50


async def test_nothing_is_painted_behind_the_help_and_all_of_it_after(make: Make) -> None:
    app, watched = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "✓ OK" in seen.text(app))
        await pilot.press("question_mark")
        await seen.until(pilot, lambda: isinstance(app.screen, HelpScreen))
        before = app._painted_at, app.root.query_one("#first").face  # type: ignore[attr-defined]
        watched.publish(samples.split_brain())
        await pilot.pause(0.2)
        assert (app._painted_at, app.root.query_one("#first").face) == before  # type: ignore[attr-defined]
        await pilot.press("escape")
        await seen.until(pilot, lambda: "BOTH NODES SERVE" in seen.text(app))


async def test_the_help_lists_the_keys_of_the_view(make: Make) -> None:
    app, _ = make(start_view="log")
    async with app.run_test(size=(120, 80)) as pilot:
        await pilot.press("question_mark")
        await seen.until(pilot, lambda: "log.follow" in seen.text(app))
        text = seen.text(app)
        assert "view.queues" in text
        assert "console.quit" in text
        await pilot.press("q")
        await seen.until(pilot, lambda: app.screen is app.root)


async def test_a_filter_is_typed_kept_and_cleared(make: Make) -> None:
    app, _ = make(start_view="log")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.filtered(pilot, "drbd1")
        await seen.until(pilot, lambda: "16 of 40 lines" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: not app.root.query_one("#filter", Input).has_class("-open"))
        assert "filter drbd1" in seen.lines(app)[-1]
        await pilot.press("1", "5")
        assert "filter drbd1" in seen.text(app)
        await pilot.press("escape")
        await seen.until(pilot, lambda: "40 lines" in seen.text(app) and "of 40" not in seen.text(app))
        await seen.filtered(pilot, "!drbd1")
        await seen.until(pilot, lambda: "24 of 40 lines" in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: "of 40" not in seen.text(app))


async def test_typed_digits_question_marks_and_q_belong_to_the_filter(make: Make) -> None:
    app, _ = make(start_view="log")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", "1", "q", "question_mark", "space", "colon")
        assert app.root.query_one("#filter", Input).value == "1q? :"
        assert app.root.view.NAME == "log"
        assert app.screen is app.root


async def test_q_quits_only_at_the_root(make: Make) -> None:
    app, _ = make(start_view="log")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", "x", "enter", "q")
        await seen.until(pilot, lambda: "40 lines" in seen.text(app))
        assert app.is_running
        await pilot.press("question_mark", "q")
        await seen.until(pilot, lambda: app.screen is app.root)
        assert app._exit is False
        await pilot.press("q")
        await seen.until(pilot, lambda: app._exit)


async def test_space_freezes_the_screen_and_says_so(make: Make) -> None:
    app, watched = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "✓ OK" in seen.text(app))
        await pilot.press("space")
        await seen.until(pilot, lambda: "FROZEN since 02:41:38" in seen.text(app))
        watched.publish(samples.split_brain())
        await seen.until(pilot, lambda: "the verdict has changed" in seen.text(app))
        assert "✓ OK" in seen.text(app)
        watched.say(samples.lines(3))
        await pilot.press("5")
        await seen.until(pilot, lambda: "40 lines" in seen.text(app))
        await pilot.press("space")
        await seen.until(pilot, lambda: "SPLIT BRAIN" in seen.text(app) and "43 lines" in seen.text(app))
        assert "FROZEN" not in seen.text(app)


async def test_the_palette_opens_by_both_keys_and_finds_themes(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+p")
        await seen.until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)
        await pilot.press("colon")
        await seen.until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"light")
        await seen.until(pilot, lambda: "Theme: light" in seen.text(app))
        await pilot.press("enter", "enter")
        await seen.until(pilot, lambda: app.theme == "light")


async def test_every_command_of_the_palette_can_be_run(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(120, 40)) as pilot:
        for view in VIEWS:
            await app.root.select(view)
            for command in list(app.commands()):
                if "Quit" in command.name or command.name.startswith("Screen: Screenshot"):
                    continue
                result = command.run()
                if hasattr(result, "__await__"):
                    await result
                while app.screen is not app.root:
                    await app.pop_screen()
                await app.root.select(view)
        await pilot.pause()


async def test_a_screenshot_is_private(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        app.action_keep_screenshot()
        await seen.until(pilot, lambda: len(app._notifications) == 1)
        path = Path(next(iter(app._notifications)).message)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text().startswith("<svg")


async def test_t_goes_through_the_themes(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        found = {app.theme}
        for _ in range(3):
            await pilot.press("t")
            found.add(app.theme)
        assert {"dark", "light", "high-contrast", "16-colours"} <= found


async def test_p_switches_pairs_with_accent_and_theme_of_each() -> None:
    watched = {name: FakeWatched(samples.healthy(), samples.lines(5)) for name in ("lab", "production")}
    layout = msgspec.structs.replace(samples.LAYOUT, name="production")
    second = samples.split_brain()
    watched["production"].publish(
        msgspec.structs.replace(second, pair=msgspec.structs.replace(second.pair, layout=layout))
    )
    settings = Settings(
        {"lab": pair_settings(), "production": pair_settings(accent="#b3261e", theme="high-contrast")},
        ConsoleSettings(),
    )
    app = Console(settings, watched.__getitem__, "lab", clock=lambda: samples.NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: seen.lines(app)[0].startswith(" lab "))
        await pilot.press("p")
        await seen.until(pilot, lambda: seen.lines(app)[0].startswith(" production "))
        assert app.theme == "high-contrast"
        assert "SPLIT BRAIN" in seen.text(app)
        watched["lab"].publish(samples.unreachable())
        await pilot.press("p")
        await seen.until(pilot, lambda: "NODE UNREACHABLE" in seen.text(app))
        assert app.theme == FALLBACK
        assert [each.started for each in watched.values()] == [1, 1]
    assert [each.stopped for each in watched.values()] == [1, 1]


async def test_a_pair_that_cannot_be_opened_is_said_and_the_old_one_stays() -> None:
    first = FakeWatched(samples.healthy())

    def open_pair(name: str) -> FakeWatched:
        if name != "lab":
            raise RuntimeError("[/foo] no such host")
        return first

    settings = Settings({"lab": pair_settings(), "gone": pair_settings()})
    app = Console(settings, open_pair, "lab", clock=lambda: samples.NOW)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("p")
        await seen.until(pilot, lambda: "[/foo] no such host" in seen.text(app))
        assert app.pair_name == "lab"


async def test_too_small_a_terminal_is_said_and_growing_mends_it(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(50, 18)) as pilot:
        await seen.until(pilot, lambda: "terminal too small" in seen.text(app))
        assert "50×18 found, 60×20 needed" in seen.text(app)
        await pilot.resize_terminal(60, 20)
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        assert "too small" not in seen.text(app)


async def test_a_view_that_fails_is_reported_once_and_the_rest_goes_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("[/foo]")

    monkeypatch.setattr(VIEWS["pair"], "show", fail)
    app, watched = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: app._notifications)
        for _ in range(3):
            watched.publish(samples.resync())
            await pilot.pause(0.1)
        assert len(app._notifications) == 1
        assert "[/foo]" in next(iter(app._notifications)).message
        await pilot.press("5")
        await seen.until(pilot, lambda: "following" in seen.text(app) and "RESYNC" in seen.text(app))


async def test_what_stops_coming_grows_old_and_then_unknown(make: Make) -> None:
    now = [samples.NOW]
    app, _ = make(clock=lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "data now" in seen.text(app) and "Primary" in seen.text(app))
        now[0] += 8
        app._tick()
        await seen.until(pilot, lambda: "data 8 s old" in seen.text(app) and seen.text(app).count("8 s old") == 3)
        assert "Primary" in seen.text(app)
        now[0] += 60
        app._tick()
        await seen.until(pilot, lambda: "Primary" not in seen.text(app))
        assert "UpToDate" not in seen.text(app)
        assert seen.text(app).count("unknown · not read") >= 8


async def test_the_bell_rings_once_when_it_becomes_critical(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(Console, "bell", lambda self: rung.append(1))
    app, watched = make()
    async with app.run_test(size=(80, 24)) as pilot:
        for snapshot in (samples.healthy(), samples.split_brain(), samples.split_brain(), samples.healthy()):
            watched.publish(snapshot)
        await pilot.pause()
        assert rung == [1]


async def test_no_colour_keeps_every_word(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = make(samples.split_brain())
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "✖ SPLIT BRAIN" in seen.text(app))
        assert seen.text(app).count("SERVES") == 2
        styles = [segment.style for strip in app.screen._compositor.render_strips() for segment in strip]
        colours = [style.color.triplet for style in styles if style is not None and style.color is not None]
        assert all(each is None or each.red == each.green == each.blue for each in colours)


@pytest.mark.parametrize(("width", "titled"), [(160, True), (80, True), (60, False)])
async def test_the_tabs_fit_where_there_is_little_room(make: Make, width: int, titled: bool) -> None:
    app, _ = make(start_view="lines")
    async with app.run_test(size=(width, 24)) as pilot:
        await seen.until(pilot, lambda: "Lines" in seen.lines(app)[-1])
        last = seen.lines(app)[-1]
        assert all((view.TITLE in last) is (titled or view.NAME == "lines") for view in VIEWS.values()), last
        assert all(str(number) in last for number in range(1, len(VIEWS) + 1))

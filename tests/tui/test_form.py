"""The form: focus, typing, what is wrong beside its field, leaving it, and that what is hidden stays so."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from ccops.tui.app import Console
from ccops.tui.screens.choice import ChoiceScreen
from ccops.tui.screens.form import Field, Filled, FormScreen
from ccops.tui.widgets.chooser import Choice, Chooser
from tests.tui import samples, seen
from tests.tui.conftest import Make

T = samples.HOSTILE


def fields(count: int = 0) -> list[Field]:
    return [
        Field("number", "number", "two to twenty digits"),
        Field("kind", "kind", value="b", choices=[Choice("a"), Choice("b"), Choice("c", "the third")]),
        Field("word", "word", "anything", hidden=True, when=("kind", "c")),
        *(Field(f"more_{n}", f"more {n}") for n in range(count)),
        Field("last", "last", value="as it was"),
    ]


def check(filled: Filled) -> Mapping[str, str]:
    found = {} if filled.texts["number"].isdecimal() else {"number": "expected digits, found others"}
    if "word" in filled.secrets and len(filled.secrets["word"].reveal()) < 6:
        found["word"] = "expected six characters, found fewer"
    return found


async def opened(app: Console, pilot: Pilot[None], count: int = 0, title: str = "Add one") -> list[Filled | None]:
    """The form is open; what it ends with goes into the list."""
    ended: list[Filled | None] = []
    await app.push_screen(FormScreen(title, ["kept there"], fields(count), check, "Look"), ended.append)
    await seen.until(pilot, lambda: "kept there" in seen.text(app))
    return ended


async def test_enter_goes_on_once_nothing_is_wrong(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        ended = await opened(app, pilot)
        assert app.focused is app.screen.query_one("#field-number")
        assert "two to twenty digits" in seen.text(app)
        assert "✖" not in seen.text(app)  # nothing was touched yet
        await pilot.press(*"20x")
        await seen.until(pilot, lambda: "✖ expected digits, found others" in seen.text(app))
        await pilot.press("enter")
        assert not ended
        assert "to be corrected: number" in seen.text(app)
        await pilot.press("backspace", "enter")
        await seen.until(pilot, lambda: ended)
        assert ended[0] is not None
        assert ended[0].texts == {"number": "20", "kind": "b", "last": "as it was"}
        assert ended[0].secrets == {}


async def test_what_was_not_touched_is_told_when_it_is_wanted(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        ended = await opened(app, pilot)
        await pilot.press("tab", "tab", "enter")
        await pilot.pause()
        assert "✖ expected digits" in seen.text(app)
        assert app.focused is app.screen.query_one("#field-number")
        assert not ended


async def test_keys_move_among_the_fields_that_are_there(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        order = ["field-number", "field-kind", "field-last", "go-on", "leave"]
        for there, back in (("tab", "shift+tab"), ("down", "up")):
            walked = []
            for _ in order:
                walked.append(app.focused.id if app.focused else "")
                await pilot.press(there)
            assert walked == order
            await pilot.press(*[back] * 5)
            assert app.focused is app.screen.query_one("#field-number")
        await pilot.press("down", "right")
        assert app.screen.query_one("#field-kind", Chooser).value == "c"
        await pilot.press("down")
        assert app.focused is app.screen.query_one("#field-word")


async def test_choices_are_made_by_arrows_space_letters_and_clicks(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        chooser = app.screen.query_one("#field-kind", Chooser)
        chooser.focus()
        for key, value in (("right", "c"), ("space", "a"), ("left", "c"), ("b", "b"), ("t", "c"), ("q", "c")):
            await pilot.press(key)
            assert chooser.value == value
        await pilot.pause()
        assert "‹the third›" in seen.text(app)
        await pilot.click(chooser, offset=(1, 0))
        assert chooser.value == "a"


async def test_what_is_hidden_is_not_on_the_screen(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        ended = await opened(app, pilot)
        await pilot.press(*"20", "down", "right", "down", *"hunter2x")
        await pilot.pause()
        assert "hunter2x" not in seen.text(app)
        assert "hunter2x" not in app.export_screenshot()
        await pilot.press("enter")
        await seen.until(pilot, lambda: ended)
        assert ended[0] is not None
        assert ended[0].secrets["word"].reveal() == "hunter2x"
        assert "hunter2x" not in repr(ended)


async def test_escape_asks_only_where_something_was_typed(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        ended = await opened(app, pilot)
        await pilot.press("escape")
        await seen.until(pilot, lambda: ended == [None])
        ended = await opened(app, pilot)
        await pilot.press(*"20", "escape")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await pilot.press("enter")  # the harmless answer
        await seen.until(pilot, lambda: isinstance(app.screen, FormScreen))
        assert app.screen.query_one("#field-number", Input).value == "20"
        await pilot.press("escape")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await pilot.press("tab", "enter")
        await seen.until(pilot, lambda: ended == [None])


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 45)])
async def test_a_long_one_scrolls_to_the_field_with_the_focus(make: Make, size: tuple[int, int]) -> None:
    app, _ = make()
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, 40)
        await pilot.press(*["down"] * 42)
        await seen.until(pilot, lambda: "▸ last" in seen.text(app))
        assert "[ Look ]" in seen.text(app)
        await pilot.press("pageup")
        await seen.until(pilot, lambda: "last" not in "\n".join(seen.lines(app)[:-3]))


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_hostile_text_is_only_text(make: Make, size: tuple[int, int]) -> None:
    app, _ = make()
    async with app.run_test(size=size) as pilot:
        field = Field("a", T, T, T, known=[T])
        chosen = Field("b", T, T, T, choices=[Choice(T, T), Choice("x", T)])
        await app.push_screen(FormScreen(T, [T], [field, chosen], lambda _: {"a": T, "b": T}, T))
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: "[/foo]" in seen.text(app))
        for line in seen.lines(app):
            assert all(c.isprintable() for c in line), repr(line)
        assert app.is_running


async def test_it_can_be_read_without_colour(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press(*"x", "down")
        await seen.until(pilot, lambda: "▸ kind" in seen.text(app))
        assert "✖ number" in seen.text(app)
        assert "‹b›" in seen.text(app)


async def test_what_is_pasted_is_cleaned(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        app.screen.query_one("#field-number", Input).insert_text_at_cursor(f"2\x1b[31m\u202e0{T}")
        await pilot.pause()
        await pilot.pause()
        for line in seen.lines(app):
            assert all(c.isprintable() for c in line), repr(line)


async def test_what_no_field_is_to_blame_for_is_said(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(80, 24)) as pilot:
        ended: list[Filled | None] = []
        await app.push_screen(
            FormScreen("T", [], fields(), lambda _: {"driver": "expected one that is there"}), ended.append
        )
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: "driver: expected one that is there" in seen.text(app))
        assert not ended

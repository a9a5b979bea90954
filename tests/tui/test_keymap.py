"""Keys: every binding has what the help needs, and a keymap of the user is checked before it holds."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from ccops.tui import keymap
from ccops.tui.screens.root import VIEWS, scopes
from tests.tui import seen
from tests.tui.conftest import Make

SCOPES = scopes()


def test_every_binding_has_id_group_and_tooltip() -> None:
    for bindings in SCOPES.values():
        for binding in bindings:
            assert isinstance(binding, Binding)
            assert binding.id
            assert binding.description
            assert binding.tooltip
            assert binding.group


def test_ids_are_unique_and_default_keys_do_not_clash() -> None:
    for name, bindings in SCOPES.items():
        ids = [binding.id for binding in keymap.flat(bindings)]
        assert len(ids) == len(set(ids)), name
    console = {keymap._long(k) for binding in keymap.flat(keymap.CONSOLE_KEYS) for k in keymap.split(binding.key)}
    for name, view in VIEWS.items():
        own = [keymap._long(k) for binding in keymap.flat(view.BINDINGS) for k in keymap.split(binding.key)]
        assert len(own) == len(set(own)), name
        assert not console & set(own) - {"escape", "tab", "shift+tab"}, name


def test_good_keys_hold() -> None:
    good, faults = keymap.check(
        {"view.queues": "f2", "screen.filter": "ctrl+s,?", "log.follow": "E", "console.help": "f1"}, SCOPES
    )
    assert faults == []
    assert good == {
        "view.queues": "f2",
        "screen.filter": "ctrl+s,question_mark",
        "log.follow": "E",
        "console.help": "f1",
    }


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"view.nowhere": "x"}, "is no binding"),
        ({"view.pair": "no-such-key"}, "expected keys"),
        ({"view.pair": "ctrl+ctrl+x"}, "expected keys"),
        ({"view.pair": ""}, "expected keys"),
        ({"view.pair": "hyper+x"}, "expected keys"),
        ({"view.pair": "q"}, "is already console.quit"),
        ({"log.follow": "?"}, "is already console.help"),
        ({"log.follow": "H"}, "is already log.heartbeat"),
    ],
)
def test_faults_are_told_and_leave_the_default(wanted: dict[str, str], word: str) -> None:
    good, faults = keymap.check(wanted, SCOPES)
    assert good == {}
    assert len(faults) == 1
    assert word in faults[0]


@pytest.mark.parametrize(
    "name", ["x", "?", "+", "ctrl+x", "f5", "enter", "slash", "question_mark", "é", "<", "shift+tab"]
)
def test_what_is_a_key(name: str) -> None:
    assert keymap.is_key(name)


@pytest.mark.parametrize("name", ["", "xx", "ctrl+", "Enter", "f99", "\x1b", "[/foo]"])
def test_what_is_no_key(name: str) -> None:
    assert not keymap.is_key(name)


async def test_a_remapped_key_works_and_help_and_tabs_say_so(make: Make) -> None:
    app, _ = make(keys={"view.log": "f5", "console.help": "f1", "nowhere": "x", "view.pair": "wrong-key"})
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: len(app._notifications) == 1, "one message for all faults")
        message = next(iter(app._notifications)).message
        assert "'nowhere'" in message
        assert "view.pair" in message
        app.clear_notifications()
        await pilot.press("5")
        assert app.screen.view.NAME == "pair"  # type: ignore[attr-defined]
        await pilot.press("f5")
        await seen.until(pilot, lambda: "f5 Log" in seen.text(app) and "following" in seen.text(app))
        await pilot.press("f1")
        await seen.until(pilot, lambda: "f5 " in seen.text(app) and "view.log" in seen.text(app))

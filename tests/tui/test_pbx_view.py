"""The PBX view: what it lists, when it reads, each of its keys, what is refused, and that no secret stays anywhere."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from ccops.config import Secret
from ccops.pair.model import Reading
from ccops.pbx.model import Extension, Trunk
from ccops.tui import private
from ccops.tui.app import Console
from ccops.tui.screens.choice import ChoiceScreen
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.form import FormScreen
from ccops.tui.screens.page import PageScreen, SecretsScreen
from ccops.tui.screens.pbx import PbxView
from ccops.tui.widgets.chooser import Chooser
from tests.tui import samples, samples_centre, samples_pbx, seen
from tests.tui.conftest import Make
from tests.tui.fake_operator import FakeOperator

Started = Callable[..., tuple[Console, FakeOperator]]


@pytest.fixture
def start(make: Make, tmp_path: Path) -> Started:
    """A console on the view, over an operator that reads three entries."""

    def started(snapshot: Any = None, **more: Any) -> tuple[Console, FakeOperator]:
        operator = FakeOperator(tmp_path, samples_pbx.plan())
        operator.reading = samples_pbx.reading()
        app, _ = make(
            snapshot or samples_centre.snapshot(samples_centre.busy()),
            operator=operator,
            start_view="pbx",
            **{"write": True, **more},
        )
        return app, operator

    return started


def told(app: Console) -> str:
    """What was told in the corner."""
    return "\n".join(f"{note.title}: {note.message}" for note in app._notifications)


def view(app: Console) -> PbxView:
    assert isinstance(app.root.view, PbxView)
    return app.root.view


async def read(app: Console, pilot: Pilot[None]) -> None:
    """Until what can be edited is shown."""
    await seen.until(pilot, lambda: "Asterisk files" in seen.text(app) and "Ana Lucía" in seen.text(app))


async def cursor_on(app: Console, pilot: Pilot[None], name: str) -> None:
    """The cursor goes there."""
    for table in view(app).query("LineTable"):
        for row in table.rows:  # type: ignore[attr-defined]
            if row.key.endswith(f"/{name}"):
                table.focus()
                table.move_to(row.key)  # type: ignore[attr-defined]
    await pilot.pause()


async def opened(app: Console, pilot: Pilot[None]) -> None:
    """Until a form is there, with the focus on its first field."""
    await seen.until(
        pilot, lambda: isinstance(app.screen, FormScreen) and app.focused and app.focused in app.screen.query("*")
    )


def form(app: App[None]) -> FormScreen:
    assert isinstance(app.screen, FormScreen)
    return app.screen


def said(app: App[None]) -> str:
    """The words within the frame, as if no line had been wrapped."""
    within = (line.split("│")[1] for line in seen.lines(app) if line.count("│") > 1)
    return " ".join(" ".join(within).split())


def fill(app: App[None], **values: str) -> None:
    """As if it were typed."""
    for name, value in values.items():
        widget = form(app).query_one(f"#field-{name}")
        if isinstance(widget, Chooser):
            widget.choose(value)
        else:
            assert isinstance(widget, Input)
            widget.value = value


async def confirmed(app: Console, operator: FakeOperator, pilot: Pilot[None]) -> dict[str, str]:
    """The plan is looked at, confirmed and done; the arguments that it was asked for with."""
    await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
    operator.go.set()
    await pilot.press("y")
    await seen.until(pilot, lambda: app.desk.run is not None and app.desk.run.over)
    return dict(operator.asked[-1][0].arguments)


# What is listed, and when it is read


async def test_what_can_be_edited_is_told_apart_from_what_is_seen(start: Started) -> None:
    app, _ = start()
    async with app.run_test(size=(160, 45)) as pilot:
        await read(app, pilot)
        lines = {words[1]: line for line in seen.lines(app) if len(words := line.replace("▸", " ").split()) > 1}
        text = "\n".join(seen.lines(app))
        row = next(line for line in seen.lines(app) if " 200 " in line)
        assert "? not known" in row
        assert row.rstrip(" ▁▂▃▄▅▆▇█").endswith("yes")
        assert "/ disabled" in next(line for line in seen.lines(app) if " 201 " in line)
        assert "seen only" in next(line for line in seen.lines(app) if " 101 " in line)
        gateway = next(line for line in seen.lines(app) if " gw2 " in line)
        assert "192.168.27.131" in gateway
        assert "2 can be edited" in text
        assert "/etc/asterisk/sip_ccops.conf" in text
        assert lines


async def test_live_state_is_that_of_asterisk(start: Started) -> None:
    centre = samples_centre.busy()
    known = next(name for name in centre.endpoints if name.startswith("SIP/1"))
    number = known.removeprefix("SIP/")
    app, operator = start(samples_centre.snapshot(centre))
    operator.reading = samples_pbx.reading(Extension(number, "Somebody", Secret(samples_pbx.SECRET)))
    async with app.run_test(size=(160, 45)) as pilot:
        await seen.until(pilot, lambda: "Somebody" in seen.text(app))
        row = next(line for line in seen.lines(app) if "Somebody" in line)
        assert "yes" in row
        assert "not known" not in row
        assert sum(f" {number} " in line for line in seen.lines(app)) == 1


async def test_it_is_read_when_shown_on_r_and_after_an_edit_and_not_otherwise(make: Make, tmp_path: Path) -> None:
    operator = FakeOperator(tmp_path, samples_pbx.plan())
    operator.reading = samples_pbx.reading()
    now = [samples.NOW]
    app, watched = make(
        samples_centre.snapshot(samples_centre.busy()), operator=operator, write=True, clock=lambda: now[0]
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "Queue" in seen.text(app))
        assert operator.reads == 0
        await pilot.press("8")
        await read(app, pilot)
        for _ in range(3):
            now[0] += 60
            watched.publish(samples_centre.snapshot(samples_centre.busy()))
            await pilot.pause(0.1)
        assert operator.reads == 1
        assert "read 3 min ago" in seen.text(app)
        await pilot.press("r")
        await seen.until(pilot, lambda: operator.reads == 2)
        await cursor_on(app, pilot, "200")
        await pilot.press("x")
        assert await confirmed(app, operator, pilot) == {"do": "disable", "key": "200"}
        await seen.until(pilot, lambda: operator.reads == 3)
        await pilot.press("escape", "1")
        await pilot.pause(0.2)
        assert operator.reads == 3


async def test_another_node_serves_and_it_is_read_anew(start: Started, make: Make) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        assert operator.reads == 1
        moved = msgspec.structs.replace(app.snapshot, serving=samples.NODES[1])
        operator.ready.clear()
        app.store.publish(moved)
        await seen.until(pilot, lambda: operator.reads == 2)
        assert "it does not serve now" in seen.text(app)
        assert "not the one that serves" in seen.text(app)
        operator.reading = Reading(msgspec.structs.replace(samples_pbx.exchange(), node=samples.NODES[1]), None, 0.0)
        operator.ready.set()
        await seen.until(pilot, lambda: f"on {samples.NODES[1]}" in seen.text(app))
        assert "it does not serve now" not in seen.text(app)


async def test_what_could_not_be_read_says_why_and_is_tried_again_later(make: Make, tmp_path: Path) -> None:
    operator = FakeOperator(tmp_path)
    operator.reading = Reading(None, "Asterisk on one does not answer: connection refused", samples.NOW)
    now = [samples.NOW]
    app, watched = make(
        samples_centre.snapshot(samples_centre.busy()),
        operator=operator, start_view="pbx", write=True, clock=lambda: now[0],
    )  # fmt: skip
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "unknown: Asterisk on one does not answer" in seen.text(app))
        watched.publish(samples_centre.snapshot(samples_centre.busy()))
        await pilot.pause(0.1)
        assert operator.reads == 1
        await pilot.press("a")
        await seen.until(pilot, lambda: "was not read yet" in told(app))
        now[0] += 21
        watched.publish(samples_centre.snapshot(samples_centre.busy()))
        await seen.until(pilot, lambda: operator.reads == 2)


async def test_without_anything_to_act_on_it_only_shows(make: Make) -> None:
    app, _ = make(samples_centre.snapshot(samples_centre.busy()), start_view="pbx")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "only seen: what can be edited is read of a live pair" in seen.text(app))
        assert "seen only" in seen.text(app)
        await pilot.press("a", "r", "enter")
        await pilot.pause(0.2)
        assert app.is_running


async def test_filter_and_sort(start: Started) -> None:
    app, _ = start()
    async with app.run_test(size=(160, 45)) as pilot:
        await read(app, pilot)
        await seen.filtered(pilot, "ana luc")
        await pilot.press("enter")
        await seen.until(pilot, lambda: " 101 " not in seen.text(app))
        assert "Ana Lucía" in seen.text(app)
        await pilot.press("escape")
        await seen.filtered(pilot, "!seen only")
        await pilot.press("enter")
        await seen.until(pilot, lambda: " 101 " not in seen.text(app) and "gw2" in seen.text(app))
        await pilot.press("escape", "less_than_sign")
        await seen.until(pilot, lambda: "Edit▲" in seen.text(app) or "Edit▼" in seen.text(app))
        await pilot.press("z")
        await pilot.pause()


# What is in the way


async def test_what_is_in_the_way_is_shown_with_its_way_out(start: Started) -> None:
    app, operator = start()
    operator.obstacles = samples_pbx.OBSTACLES
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await seen.until(pilot, lambda: "✖ not so: there is a file of ccops' own" in seen.text(app))
        assert "install -m 0640" in seen.text(app)
        assert "cannot be edited yet" in seen.text(app)
        await pilot.press("a")
        await seen.until(pilot, lambda: "there is a file of ccops' own" in told(app))
        assert app.screen is app.root


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ({"write": False}, "read-only: w arms"),
        ({"pair": {"role": "operator"}}, "for the administrator"),
        ({"pair": {"role": "viewer"}}, "read-only for good"),
        ({"pair": {"read_only": True}}, "read-only for good"),
    ],
)
async def test_who_may_not_is_told_so_and_gets_no_form(start: Started, more: dict[str, Any], hint: str) -> None:
    app, operator = start(**more)
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        assert hint in seen.lines(app)[-2]
        await cursor_on(app, pilot, "200")
        for key in "aecnxDiA":
            await pilot.press(key)
            await pilot.pause()
            assert app.screen is app.root, key
        await pilot.press("enter")  # the menu says why
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        barred = [button for button in app.screen.query("PushButton") if button.disabled]
        assert len(barred) == 8
        await pilot.press("escape")
        assert not operator.asked


async def test_what_is_only_seen_cannot_be_edited(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, "101")
        for key in "ecnxD":
            await pilot.press(key)
            await seen.until(pilot, lambda: "101 is only seen" in told(app))
            app.clear_notifications()
        await pilot.press("enter")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        assert "is only seen" in seen.text(app)
        assert not operator.asked


# Each key


async def test_adding_one_asks_for_the_plan_and_shows_the_secret_once(start: Started, tmp_path: Path) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        await pilot.press(*"202", "down", *"Luis", "enter")
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
        arguments = dict(operator.asked[-1][0].arguments)
        token = arguments.pop("secret")
        assert arguments == {"do": "add", "key": "202", "name": "Luis"}
        secret = operator.vault.secret(token)
        assert secret is not None
        text = secret.reveal()
        assert len(text) == 16
        assert text not in seen.text(app)
        operator.go.set()
        await pilot.press("y")
        await seen.until(pilot, lambda: isinstance(app.screen, SecretsScreen))
        assert text in seen.text(app)
        # No picture of it is kept.
        assert private.screenshot(app) == "not kept: a secret is on the screen"
        app.action_keep_screenshot()
        await pilot.pause()
        assert not list((tmp_path / "state").rglob("*.svg"))
        await pilot.press("c")
        assert app.clipboard == text
        await pilot.press("escape")
        await seen.until(pilot, lambda: not isinstance(app.screen, SecretsScreen))
        assert text not in seen.text(app)
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)
        assert text not in seen.text(app)
        assert text not in operator.audit.path.read_text() if operator.audit.path.exists() else True
        assert "svg" in private.screenshot(app)


async def test_a_secret_of_a_failed_edit_is_not_shown(start: Started) -> None:
    app, operator = start()
    operator.outcome = RuntimeError("broken")
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        await pilot.press(*"202", "enter")
        arguments = await confirmed(app, operator, pilot)
        await pilot.pause(0.5)
        assert not isinstance(app.screen, SecretsScreen)
        secret = operator.vault.secret(arguments["secret"])
        assert secret is not None
        assert secret.reveal() not in seen.text(app)


async def test_a_secret_waits_until_nobody_is_in_the_middle_of_something(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        await pilot.press(*"202", "enter")
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
        await pilot.press("y")
        await pilot.pause(0.2)
        await pilot.press("b", "question_mark")  # it goes on behind the console
        await pilot.pause(0.2)
        operator.go.set()
        await pilot.pause(0.6)
        assert not isinstance(app.screen, SecretsScreen)
        await pilot.press("escape")
        await seen.until(pilot, lambda: isinstance(app.screen, SecretsScreen))


WRONG: tuple[tuple[dict[str, str], str], ...] = (
    ({"number": ""}, "two to twenty digits, found nothing"),
    ({"number": "2a"}, "two to twenty digits"),
    ({"number": "101"}, "101 in use: Asterisk has one of that name"),
    ({"number": "200"}, "200 in use: an extension"),
    ({"number": "400"}, "400 in use: the dialplan has it"),
    ({"context": "nowhere"}, "a context of the dialplan, found “nowhere”"),
    ({"context": ""}, "the name of a context"),
    ({"name": "a;b"}, "no ; within it"),
    ({"name": "é" * 200}, "at most 255 bytes"),
    ({"port": "70000"}, "from 1 to 65535"),
    ({"mailbox": "a b"}, "a mailbox such as"),
    ({"secret": "typed", "secret_text": "abc"}, "fewer than six characters"),
    ({"secret": "typed", "secret_text": "ab202cd34"}, "its own name within it"),
    ({"secret": "typed", "secret_text": "kR7pw2mN", "secret_again": "kR7pw2m"}, "the same once more"),
)
RIGHT = {"number": "202", "context": "from-internal", "name": "", "port": "5060", "mailbox": "", "secret": "made"}


async def test_what_is_wrong_is_said_beside_its_field(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(80, 45)) as pilot:
        await seen.until(pilot, lambda: view(app).exchange)
        await pilot.press("a")
        await opened(app, pilot)
        for typed, fault in WRONG:
            fill(app, **{**RIGHT, **typed})
            await pilot.pause()
            await pilot.press("enter")
            await seen.until(pilot, lambda fault=fault: fault in said(app))  # type: ignore[misc]
            for secret in ("abc", "ab202cd34", "kR7pw2mN"):
                assert secret not in said(app)
        assert not operator.asked
        fill(app, **RIGHT)
        await pilot.pause()
        assert not form(app).faults


async def test_a_typed_secret_goes_through_the_vault_alone(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        fill(app, number="202", secret="typed", secret_text="kR7pw2mNx9", secret_again="kR7pw2mNx9")
        await pilot.pause()
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        secret = operator.vault.secret(arguments["secret"])
        assert secret is not None
        assert secret.reveal() == "kR7pw2mNx9"
        assert "kR7pw2mNx9" not in repr(operator.asked)
        await pilot.pause(0.5)
        assert not isinstance(app.screen, SecretsScreen)  # whoever typed it knows it
        assert "kR7pw2mNx9" not in seen.text(app)


async def test_editing_sends_only_what_was_changed(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, "200")
        await pilot.press("e")
        await opened(app, pilot)
        assert not form(app).query("#field-number")
        assert samples_pbx.SECRET not in seen.text(app)
        fill(app, name="Ana María", qualify="no")
        await pilot.pause()
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        assert arguments == {"do": "edit", "key": "200", "name": "Ana María", "qualify": "no"}


async def test_what_others_made_otherwise_and_stays_is_not_judged(start: Started) -> None:
    app, operator = start()
    odd = Extension("200", "Ana", Secret("weak"), context="gone-long-ago", mailbox="a b")
    operator.reading = Reading(msgspec.structs.replace(samples_pbx.exchange(), entries=(odd,)), None, samples.NOW)
    async with app.run_test(size=(120, 45)) as pilot:
        await seen.until(pilot, lambda: view(app).exchange)
        await cursor_on(app, pilot, "200")
        await pilot.press("e")
        await opened(app, pilot)
        fill(app, name="Eva", port="x")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "to be corrected: port" in seen.text(app))
        fill(app, port="5070")
        await pilot.pause()
        await pilot.press("enter")
        assert await confirmed(app, operator, pilot) == {"do": "edit", "key": "200", "name": "Eva", "port": "5070"}


async def test_copying_begins_like_the_other_one(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, "200")
        await pilot.press("c")
        await opened(app, pilot)
        assert form(app).query_one("#field-name", Input).value == "Ana Lucía"
        fill(app, number="203")
        await pilot.pause()
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        assert arguments.pop("secret") is not None
        assert arguments == {"do": "copy", "key": "200", "to": "203"}
        await seen.until(pilot, lambda: isinstance(app.screen, SecretsScreen))
        assert "203" in seen.text(app)


async def test_renaming(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, "200")
        await pilot.press("n")
        await opened(app, pilot)
        for value, fault in (("200", "another number"), ("101", "101 in use"), ("x", "two to twenty digits")):
            fill(app, to=value)
            await pilot.press("enter")
            await seen.until(pilot, lambda fault=fault: fault in seen.text(app))  # type: ignore[misc]
        fill(app, to="204")
        await pilot.press("enter")
        assert await confirmed(app, operator, pilot) == {"do": "rename", "key": "200", "to": "204"}


@pytest.mark.parametrize(
    ("key", "name", "wanted"),
    [
        ("x", "200", {"do": "disable", "key": "200"}),
        ("x", "201", {"do": "enable", "key": "201"}),
        ("D", "200", {"do": "delete", "key": "200"}),
        ("D", "gw2", {"do": "delete", "key": "gw2"}),
        ("delete", "gw2", {"do": "delete", "key": "gw2"}),
    ],
)
async def test_nothing_is_done_by_a_key_alone(start: Started, key: str, name: str, wanted: dict[str, str]) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, name)
        await pilot.press(key)
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
        assert not operator.runs
        await pilot.press("enter")  # the focus is on Cancel
        await seen.until(pilot, lambda: app.screen is app.root)
        assert not operator.runs
        await pilot.press(key)
        assert await confirmed(app, operator, pilot) == wanted
        assert operator.asked[-1][0].operation == ("trunk" if name == "gw2" else "extension")


async def test_the_table_of_trunks_adds_trunks(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await cursor_on(app, pilot, "gw2")
        await pilot.press("a")
        await seen.until(pilot, lambda: "Add a trunk" in seen.text(app))
        fill(app, name="carrier", host="203.0.113.9", register="yes", channels="x")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "the user to register as" in seen.text(app))
        assert "a number from 1 to 9999" in seen.text(app)
        fill(app, username="me", channels="30", secret="made")
        await pilot.pause()
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        assert operator.vault.secret(arguments.pop("secret")) is not None
        wanted = {"do": "add", "key": "carrier", "host": "203.0.113.9", "register": "yes", "username": "me"}
        assert arguments == {**wanted, "channels": "30"}


async def test_another_driver_brings_its_own_defaults(start: Started) -> None:
    app, operator = start()
    operator.reading = Reading(samples_pbx.exchange(loaded=("sip", "iax2")), None, samples.NOW)
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        fill(app, number="202", tech="iax2")
        await pilot.pause()
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        arguments.pop("secret")
        assert arguments == {"do": "add", "key": "202", "tech": "iax2"}


async def test_the_gateway_assistant_tells_what_to_type_and_offers_the_trunk(start: Started) -> None:
    app, operator = start()
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: view(app).exchange)
        await pilot.press("A")
        await seen.until(pilot, lambda: "Gateway assistant" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "the gateway's address" in seen.text(app))
        fill(app, name="gw3", host="192.168.27.133", number="400")
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: isinstance(app.screen, PageScreen))
        assert f"SIP Server: {samples.LAYOUT.address}" in seen.text(app)
        await pilot.press("pagedown", "pagedown")
        await seen.until(pilot, lambda: "ch1-8:400;" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "Add a trunk" in seen.text(app))
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        assert arguments == {"do": "add", "key": "gw3", "host": "192.168.27.133", "channels": "8"}
        assert operator.asked[-1][0].operation == "trunk"


# Sheets


async def test_a_sheet_is_taken_whole_and_its_new_secrets_shown_once(start: Started, tmp_path: Path) -> None:
    app, operator = start()
    path = tmp_path / "new.csv"
    path.write_text("number,name\n202,Luis\n20x,Rosa\n")
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await pilot.press("i")
        await opened(app, pilot)
        fill(app, file=str(tmp_path / "none.csv"))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "expected a file that is there" in seen.text(app))
        fill(app, file=str(path))
        await pilot.pause()
        await pilot.press("enter")
        await seen.until(pilot, lambda: "line 3, column number" in seen.text(app))
        assert not operator.asked
        path.write_text("number,name\n202,Luis\n200,Ana\n")
        await pilot.press("enter")
        await opened(app, pilot)
        await pilot.press("enter")
        arguments = await confirmed(app, operator, pilot)
        rows = operator.vault.rows(arguments["rows"])
        assert rows is not None
        assert [(row.key, row.secret is not None) for row in rows] == [("202", True), ("200", False)]
        await seen.until(pilot, lambda: isinstance(app.screen, SecretsScreen))
        assert rows[0].secret is not None
        assert rows[0].secret.reveal() in seen.text(app)


async def test_new_secrets_of_a_sheet_go_to_a_file_where_that_is_wanted(start: Started, tmp_path: Path) -> None:
    app, operator = start()
    path, to = tmp_path / "new.csv", tmp_path / "secrets.csv"
    path.write_text("number\n202\n203\n")
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await pilot.press("i")
        await opened(app, pilot)
        fill(app, file=str(path), to=str(path))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "the name of a new file" in seen.text(app))
        fill(app, to=str(to))
        await pilot.pause()
        await pilot.press("enter")
        await confirmed(app, operator, pilot)
        await seen.until(pilot, to.exists)
        assert stat.S_IMODE(to.stat().st_mode) == 0o600
        assert [line.split(",")[0] for line in to.read_text().splitlines()] == ["202", "203"]
        await pilot.pause(0.4)
        assert not isinstance(app.screen, SecretsScreen)


async def test_an_export_has_no_secrets_unless_they_are_wanted(start: Started, tmp_path: Path) -> None:
    app, _ = start()
    path = tmp_path / "out.csv"
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        for secrets in ("no", "yes"):
            await pilot.press("E")
            await opened(app, pilot)
            fill(app, file=str(path), secrets=secrets)
            await pilot.pause()
            await pilot.press("enter")
            await seen.until(pilot, path.exists)
            assert ("Ana Lucía" in path.read_text(), samples_pbx.SECRET in path.read_text()) == (True, secrets == "yes")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            path.unlink()
            await pilot.pause(0.2)


async def test_who_is_no_administrator_exports_without_secrets(start: Started, tmp_path: Path) -> None:
    app, _ = start(pair={"role": "operator"})
    async with app.run_test(size=(120, 45)) as pilot:
        await read(app, pilot)
        await pilot.press("E")
        await opened(app, pilot)
        assert [choice.value for choice in form(app).query_one("#field-secrets", Chooser).choices] == ["no"]


# Hostile text


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_hostile_entries_are_only_text(start: Started, size: tuple[int, int]) -> None:
    app, operator = start()
    text = samples.HOSTILE
    entries = (
        Extension("200", text, Secret(samples_pbx.SECRET), context=text, codecs=text),
        Trunk("gw2", host=text, username=text, context=text),
    )
    exchange = msgspec.structs.replace(samples_pbx.exchange(), entries=entries, node=samples.NODES[0])
    operator.reading = Reading(exchange, None, samples.NOW)
    operator.obstacles = (msgspec.structs.replace(samples_pbx.OBSTACLES[0], text=text, found=text, way_out=text),)
    async with app.run_test(size=size) as pilot:
        await seen.until(pilot, lambda: "[/foo]" in seen.text(app))
        operator.obstacles = ()
        await pilot.press("r")
        await seen.until(pilot, lambda: operator.reads == 2 and not view(app).in_the_way)
        for name in ("200", "gw2"):
            await cursor_on(app, pilot, name)
            for key in ("e", "enter"):
                await pilot.press(key)
                await seen.until(pilot, lambda: app.screen is not app.root)
                for line in seen.lines(app):
                    assert all(c.isprintable() for c in line), repr(line)
                app.screen.dismiss(None)
                await seen.until(pilot, lambda: app.screen is app.root)
        assert app.is_running


async def test_a_crash_tells_no_secret(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails while a secret is at hand is reported without it."""
    app, operator = start()
    monkeypatch.setattr("ccops.tui.exchange_form.generated", lambda: Secret("Kn0wn2Everyb0dy9"))

    async def broken(*_: object) -> None:
        raise ValueError("broken")

    async with app.run_test(size=(120, 40)) as pilot:
        await read(app, pilot)
        await pilot.press("a")
        await opened(app, pilot)
        await pilot.press(*"202")
        monkeypatch.setattr(app.desk, "confirm", broken)
        await pilot.press("enter")
        await seen.until(pilot, lambda: "a fault of its own: ValueError: broken" in told(app))
        reports = await asyncio.to_thread(lambda: [p.read_text() for p in Path(private_folder()).rglob("crash-*")])
        assert len(reports) == 1
        assert "exchange.py" in reports[0]
        assert "Kn0wn2Everyb0dy9" not in reports[0] + told(app) + repr(operator.vault) + seen.text(app)
        assert app.is_running


def private_folder() -> str:
    import platformdirs

    return str(platformdirs.user_state_path("ccops"))

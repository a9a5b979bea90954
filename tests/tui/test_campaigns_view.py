"""The view of campaigns over a source that the test fills: it asks only while it is shown, one question at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from ccops.callcentre.board import board
from ccops.callcentre.campaigns import Break, Campaign, CampaignCall, Link, Schedule
from ccops.operations.plan import Check, Condition, Plan, Request, Step
from ccops.operations.vault import Vault
from ccops.tui.agenda import Agenda
from ccops.tui.app import Console
from ccops.tui.screens.campaigns import CampaignsView
from ccops.watch.campaign_source import Attendance, Overview
from tests.callcentre import campaign_day as day
from tests.tui import samples, samples_centre, seen
from tests.tui.conftest import Make
from tests.tui.fake_operator import FakeOperator
from tests.tui.samples_campaigns import STANDING, FakeSource


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = samples.NOW

    def __call__(self) -> float:
        return self.now


Opened = tuple[Console, FakeSource, Time]


@pytest.fixture
def opened(make: Make) -> Callable[..., Opened]:
    def open_(source: FakeSource | None = None, **options: Any) -> Opened:
        clock = Time()
        app, watched = make(clock=clock, **options)
        source = source or FakeSource()
        watched.store.campaigns = source
        return app, source, clock

    return open_


def view_of(app: Console) -> CampaignsView:
    view = app.root.view
    assert isinstance(view, CampaignsView)
    return view


async def listed(pilot: Pilot[None], app: Console) -> None:
    """The list, with all counts in it."""
    await pilot.press("9")
    await seen.until(pilot, lambda: "7/13" in seen.text(app) or "5/13" in seen.text(app))
    await seen.until(pilot, lambda: "9 today" in seen.text(app))


def row(app: Console, name: str) -> str:
    """The line that begins with `name`."""
    lines = (line.replace("▸", " ").strip() for line in seen.text(app).splitlines())
    return next(line for line in lines if line.startswith(name))


async def test_the_list_says_what_runs_and_why_not(opened: Callable[..., Opened]) -> None:
    app, _, _ = opened()
    async with app.run_test(size=(160, 30)) as pilot:
        await listed(pilot, app)
        assert row(app, "encuesta").split()[:4] == ["encuesta", "out", ">", "runs"]
        assert "Ana Torres" in row(app, "encuesta")
        assert "5/13" in row(app, "encuesta")
        assert "57%" in row(app, "encuesta")
        assert "29%" in row(app, "encuesta")
        assert "outside 22:00 to 06:00" in row(app, "noche")
        assert "stopped" in row(app, "parada")
        assert "finished" in row(app, "hecha")
        assert "no call is left" in row(app, "hecha")
        assert "ended on 2026-11-25" in row(app, "pasada")
        assert "begins on 2026-11-27" in row(app, "futura")
        assert "shares queue 400 with" in row(app, "atención")
        assert "80%" in row(app, "atención")
        text = seen.text(app)
        assert "3 of 9 run" in text
        assert "2 agents on their calls" in text
        assert "lost track of 4 calls" in text


async def test_one_campaign_with_its_outcomes_and_calls(opened: Callable[..., Opened]) -> None:
    app, source, _ = opened()
    async with app.run_test(size=(100, 40)) as pilot:
        await listed(pilot, app)
        view_of(app).table.move_to("out:1")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "098007" in seen.text(app))
        text = seen.text(app)
        for words in (
            "08:00 to 18:00, 2026-11-01 to 2026-12-31", "SIP/gw  4 channels  5 tries each",
            "5 of 13 done, 6 left (4 tried before)", "contact 57%  success 29%  15 tries  Ø talk 1:01  Ø wait 0:08",
            "1 barred, 1 in stopped lists", "Ana Torres 0:30 on hold", "lost track", "no answer", "No circuit",
        ):  # fmt: skip
            assert words in text, words
        assert "calls out:1" in source.asked
        await pilot.press("escape")
        await seen.until(pilot, lambda: "noche" in seen.text(app))
        view_of(app).table.move_to("in:1")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "answered 80% of today's" in seen.text(app))
        assert "Eva Paz 1:09:00 lost track" in seen.text(app)
        assert "Luis Vera 9:55" in seen.text(app)


async def test_sessions_run_on_and_corruption_is_marked(opened: Callable[..., Opened]) -> None:
    app, source, clock = opened()
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press("9", "b")
        await seen.until(pilot, lambda: "Ana Torres" in seen.text(app))
        assert "attendance" in source.asked
        ana = row(app, "Ana Torres").split()
        assert ana[2:8] == ["-", "Baño", "10:00", "14:50", "6:55:00", "40:00"]
        assert "Almuerzo 30:00, Baño 10:00" in row(app, "Ana Torres")
        assert "2 sessions!" in row(app, "Luis Vera")
        assert "lost track" in row(app, "Eva Paz")
        assert "1 with more than one open session" in seen.text(app)
        asked = len(source.asked)
        clock.now += 5
        await seen.repainted(pilot, app, lambda: row(app, "Ana Torres").split()[4] == "10:05")
        assert "40:05" in row(app, "Ana Torres")
        assert "6:55:05" in row(app, "Ana Torres")
        assert len(source.asked) == asked, "timers run without a question"
        await pilot.press("b")
        await seen.until(pilot, lambda: "Siesta" in seen.text(app))
        assert row(app, "Baño").split()[:5] == ["Baño", "active", "1", "Ana", "Torres"]
        assert "disabled" in row(app, "Siesta")
        await pilot.press("b")
        await seen.until(pilot, lambda: "encuesta" in seen.text(app))


async def test_it_asks_only_while_it_is_shown_and_costly_things_seldom(opened: Callable[..., Opened]) -> None:
    app, source, clock = opened()
    async with app.run_test(size=(120, 30)) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        assert source.asked == []
        await listed(pilot, app)
        await seen.until(pilot, lambda: source.asked.count("count out:1") == 1 and "count out:6" in source.asked)
        await seen.settled(pilot, lambda: len(source.asked))
        first = len(source.asked)
        app.repaint()
        await pilot.pause(0.1)
        assert len(source.asked) == first
        clock.now += 11
        await seen.repainted(pilot, app, lambda: source.asked.count("overview") == 2)
        assert source.asked.count("count out:1") == 1
        clock.now += 20
        await seen.repainted(pilot, app, lambda: source.asked.count("count out:1") == 2)
        await pilot.pause(0.1)
        assert source.asked.count("count out:4") == 1, "one that does not run changes no more by itself"
        assert source.most_at_once == 1
        before = len(source.asked)
        await pilot.press("1")
        clock.now += 1000
        app.repaint()
        await pilot.pause(0.1)
        assert len(source.asked) == before, "nobody looks"


async def test_never_two_questions_at_once(opened: Callable[..., Opened]) -> None:
    app, source, _ = opened()
    source.held = asyncio.Event()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("9")
        await seen.until(pilot, lambda: source.asked)
        for key in ("b", "b", "b", "r", "enter", "r"):
            await pilot.press(key)
        assert "reading …" in seen.text(app)
        source.held.set()
        await listed(pilot, app)
        assert source.most_at_once == 1


async def test_why_nothing_is_known_is_told_and_what_was_known_stays(opened: Callable[..., Opened], make: Make) -> None:
    app, source, clock = opened()
    source.refusal = "MySQL shows no table call_center.agent: no call-center module, or no right to read it"
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press("9")
        await seen.until(pilot, lambda: "no table call_center.agent" in seen.text(app))
        source.refusal = ""
        clock.now += 21
        await seen.repainted(pilot, app, lambda: "9 today" in seen.text(app))
        await listed(pilot, app)
        source.refusal = "no single node is seen to serve"
        clock.now += 40
        await seen.repainted(pilot, app, lambda: "no single node is seen to serve" in seen.text(app))
        assert "encuesta" in seen.text(app)
        assert "40 s ago" in seen.text(app)
    app, _ = make(start_view="campaigns")
    async with app.run_test(size=(100, 30)) as pilot:
        await seen.until(pilot, lambda: "not connected" in seen.text(app))


async def test_the_filter_works_on_every_part(opened: Callable[..., Opened]) -> None:
    app, _, _ = opened()
    async with app.run_test(size=(120, 30)) as pilot:
        await listed(pilot, app)
        await seen.filtered(pilot, "outside")
        await seen.until(pilot, lambda: "encuesta" not in seen.text(app))
        assert "noche" in seen.text(app)
        await pilot.press("enter", "escape", "b")
        await seen.until(pilot, lambda: "Luis Vera" in seen.text(app))
        await seen.filtered(pilot, "baño")
        await seen.until(pilot, lambda: "Luis Vera" not in seen.text(app))
        assert "Ana Torres" in seen.text(app)


async def test_hostile_texts_are_only_shown(opened: Callable[..., Opened]) -> None:
    hostile = samples_centre.HOSTILE
    wide = Schedule(None, None, None, None)
    campaigns = tuple(Campaign("out", n, name, name, name, wide, name, name) for n, name in enumerate(hostile, 1))
    links = {c.key: (Link(c.name, c.name, c.name, day.NOW),) for c in campaigns}
    rows = [
        {"agent": f"{n}{name}", "agent_name": name, "began": day.at(14, 1), "pause": name}
        for n, name in enumerate(hostile)
    ]
    people = Attendance(
        STANDING, board(rows, day.MIDNIGHT, day.NOW, None), tuple(Break(n, t, t) for n, t in enumerate(hostile))
    )
    source = FakeSource(Overview(STANDING, campaigns, links), people)
    source.known = {
        c.key: (CampaignCall(1, day.NOW, c.name, c.name, c.name, c.name, cause=c.name, trunk=c.name),)
        for c in campaigns
    }
    app, _, _ = opened(source)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("9")
        await seen.until(pilot, lambda: "[/foo][bold]" in seen.text(app))
        for keys in (("enter",), ("escape", "j", "enter"), ("b",), ("b",)):
            await pilot.press(*keys)
            await pilot.pause()
            assert not any(character in seen.text(app) for character in "\x1b\x07\u202e")


# Editing


def plan(operation: str) -> Plan:
    """What the fake operator prepares."""
    there = Condition("it is there", lambda look: True)
    return Plan(Request(operation), f"Plan of {operation}", "It changes a row.", (Step("apply", "write it", there),))


@pytest.fixture
def operated(opened: Callable[..., Opened], tmp_path: Path) -> Callable[..., tuple[Console, FakeSource, FakeOperator]]:
    def open_(write: bool = True, **options: Any) -> tuple[Console, FakeSource, FakeOperator]:
        operator = FakeOperator(tmp_path, plan("campaign"))
        operator.vault = Vault()  # type: ignore[attr-defined]
        app, source, _ = opened(operator=operator, write=write, **options)
        return app, source, operator

    return open_


async def test_keys_ask_for_plans_of_what_is_under_the_cursor(
    operated: Callable[..., tuple[Console, FakeSource, FakeOperator]],
) -> None:
    app, _, operator = operated()
    async with app.run_test(size=(110, 36)) as pilot:
        await listed(pilot, app)
        for key, under, do in (("S", "out:3", "start"), ("H", "in:1", "stop")):
            view_of(app).table.move_to(under)
            await pilot.press(key)
            await seen.until(pilot, lambda: "It changes a row." in seen.text(app))
            assert operator.asked[-1][0] == Request("campaign", arguments={"do": do, "key": under})
            await pilot.press("escape")
        await pilot.press("S")
        await seen.until(pilot, lambda: "it is so already" in str([n.message for n in app._notifications]))
        await pilot.press("b", "b")
        await seen.until(pilot, lambda: "Siesta" in seen.text(app))
        view_of(app).table.move_to("3")
        await pilot.press("M")
        await seen.until(pilot, lambda: "Rename Baño" in seen.text(app))
        await pilot.press(*"Aseo", "enter")
        await seen.until(pilot, lambda: operator.asked[-1][0].operation == "break")
        assert operator.asked[-1][0].arguments == {"do": "rename", "key": "3", "name": "Aseo"}
        await pilot.press("escape", "D")
        await seen.until(pilot, lambda: operator.asked[-1][0].arguments.get("do") == "disable")
        await pilot.press("escape")
        view_of(app).table.move_to("4")
        await pilot.press("D")
        await seen.until(pilot, lambda: operator.asked[-1][0].arguments == {"do": "enable", "key": "4"})
        await pilot.press("escape", "N")
        await seen.until(pilot, lambda: "How is it called?" in seen.text(app))
        await pilot.press(*"Té", "enter")
        await seen.until(pilot, lambda: operator.asked[-1][0].arguments == {"do": "add", "key": "Té"})


async def test_an_agent_is_registered_and_the_passwords_shown_once(
    operated: Callable[..., tuple[Console, FakeSource, FakeOperator]],
) -> None:
    app, source, operator = operated()
    operator.plan = plan("module-agent")
    operator.go.set()
    async with app.run_test(size=(110, 36)) as pilot:
        await pilot.press("9", "b")
        await seen.until(pilot, lambda: "Luis Vera" in seen.text(app))
        await pilot.press("A")
        await seen.until(pilot, lambda: "Which type?" in seen.text(app))
        await pilot.press("down", "enter")
        await seen.until(pilot, lambda: "number of the SIP agent" in seen.text(app))
        await pilot.press(*"9001", "enter")
        await seen.until(pilot, lambda: "name of SIP/9001" in seen.text(app))
        await pilot.press(*"Eva", "enter")
        await seen.until(pilot, lambda: "It changes a row." in seen.text(app))
        given = operator.asked[-1][0].arguments
        assert (given["do"], given["key"], given["name"], given["kind"]) == ("register", "9001", "Eva", "SIP")
        secret = operator.vault.secret(given["password"])  # type: ignore[attr-defined]
        assert secret is not None
        assert secret.reveal() not in seen.text(app)
        asked = source.asked.count("attendance")
        await pilot.press("y")
        await seen.until(pilot, lambda: "They are shown this once" in seen.text(app))
        assert f"password of 9001: {secret.reveal()}" in seen.text(app)
        assert "ECCP password of 9001" in seen.text(app)
        await pilot.press("enter")
        await seen.until(pilot, lambda: "shown this once" not in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: source.asked.count("attendance") > asked)


async def test_what_cannot_be_done_is_said_and_barred(
    operated: Callable[..., tuple[Console, FakeSource, FakeOperator]],
) -> None:
    app, _, _ = operated(write=False, pair={"role": "supervisor"})
    async with app.run_test(size=(110, 36)) as pilot:
        await listed(pilot, app)
        view_of(app).table.move_to("out:1")
        await pilot.press("e")
        await seen.until(pilot, lambda: "Act on encuesta" in seen.text(app))
        text = seen.text(app)
        assert "Start the campaign" in text
        assert "it is so already" in text
        assert "for the operator" in text
        await pilot.press("escape", "A")
        await seen.until(pilot, lambda: "that is done to agents" in str([n.message for n in app._notifications]))
    app, _, operator = operated()
    operator.plan = replace(plan("campaign"), checks=(Check("the MySQL user may", False, "no right", "GRANT UPDATE"),))
    async with app.run_test(size=(110, 36)) as pilot:
        await listed(pilot, app)
        view_of(app).table.move_to("out:3")
        await pilot.press("S")
        await seen.until(pilot, lambda: "GRANT UPDATE" in seen.text(app))
        await pilot.press("y")
        await pilot.pause()
        assert not operator.runs


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_small_and_without_colour(
    opened: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _, _ = opened()
    async with app.run_test(size=size) as pilot:
        await listed(pilot, app)
        for words in ("> runs", ". stopped", "5/13", "9 today"):
            assert words in seen.text(app), words
        view_of(app).table.move_to("out:1")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "no answer" in seen.text(app))
        await pilot.press("b")
        await seen.until(pilot, lambda: "2 sessions!" in seen.text(app))
        await pilot.press("b")
        await seen.until(pilot, lambda: "disabled" in seen.text(app))


async def test_another_node_is_asked_anew(opened: Callable[..., Opened]) -> None:
    app, source, clock = opened()
    async with app.run_test(size=(120, 30)) as pilot:
        await listed(pilot, app)
        await seen.until(pilot, lambda: "count out:6" in source.asked)
        source.told = replace(source.told, standing=replace(STANDING, node="elaxtix-voip-2"))
        clock.now += 11
        await seen.repainted(pilot, app, lambda: source.asked.count("count out:4") == 2)
        assert "elaxtix-voip-2" in seen.text(app)


async def test_many_campaigns_are_painted_in_no_time(opened: Callable[..., Opened]) -> None:
    at = Schedule(None, None, None, None)
    campaigns = tuple(Campaign("in" if n % 2 else "out", n, f"c{n}", f"{n % 9}", "I", at) for n in range(1000))
    app, source, clock = opened(FakeSource(Overview(STANDING, campaigns)))
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("9")
        await seen.until(pilot, lambda: source.asked.count("overview") == 1 and "of 1000 run" in seen.text(app))
        await seen.until(pilot, lambda: sum(what.startswith("count") for what in source.asked) == 30)
        clock.now += 1
        began = time.thread_time()  # of this thread alone, as the machine may be busy
        view_of(app).repaint()
        assert time.thread_time() - began < 0.5


def test_the_agenda() -> None:
    agenda = Agenda()
    assert agenda.next(0, ["a", "b"]) == "a"
    agenda.answered("a", 0, 10)
    assert agenda.next(0, ["a", "b"]) == "b"
    agenda.answered("b", 0, 30, rest_s=8)
    assert agenda.next(5, ["a", "b"]) is None
    assert agenda.next(5, ["a", "b", "c"], costly=["c"]) is None, "costly ones rest"
    assert agenda.next(9, ["a", "b", "c"], costly=["c"]) == "c"
    agenda.answered("c", 9, 100)
    assert agenda.next(31, ["a", "b", "c"]) == "a", "the one that has waited longest"
    agenda.forget()
    assert agenda.next(31, ["c"], costly=["c"]) == "c"


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((120, 40), "dark"), ((80, 24), "16-colours")])
@pytest.mark.parametrize("keys", [(), ("enter",), ("b",), ("b", "b")], ids=["list", "one", "agents", "breaks"])
def test_picture(
    snap_compare: Callable[..., Any],
    opened: Callable[..., Opened],
    size: tuple[int, int],
    theme: str,
    keys: tuple[str, ...],
) -> None:
    app, _, _ = opened(theme=theme)

    async def settled(pilot: Pilot[None]) -> None:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        await listed(pilot, app)
        view_of(app).table.move_to("out:1")
        await pilot.press(*keys)
        await seen.until(pilot, lambda: view_of(app).table.rows)
        await pilot.pause()
        await seen.until(pilot, lambda: app._frames.idle)

    assert snap_compare(app, terminal_size=size, run_before=settled)

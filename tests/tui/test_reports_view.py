"""The reports view over an archive that the test fills: it asks only while it is shown, and never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.periods import Period
from ccops.callcentre.records import CallRecord, Records
from ccops.tui.app import Console
from ccops.tui.screens.reports import SPANS, ReportsView
from ccops.watch.archive import Source, Standing, Unanswered
from tests.callcentre import service_day as day
from tests.tui import samples, samples_centre, seen
from tests.tui.conftest import Make

RECORDS = read_rows(day.call_rows(), day.presence_rows())


class FakeArchive:
    """Answers with the day computed by hand; `held` keeps answers back, `refusal` refuses them."""

    def __init__(self, records: Records = RECORDS) -> None:
        self.records = records
        self.asked: list[tuple[str, Source]] = []
        self.refusal = ""
        self.held: asyncio.Event | None = None
        self.at_once = self.most_at_once = 0

    def standing(self) -> Standing:
        if self.refusal:
            raise Unanswered(self.refusal)
        return Standing("elaxtix-voip", day.NOW, day.OFFSET_S, day.STARTED_AT, day.LEVELS)

    async def read(self, period: Period, source: Source = "auto") -> Records:
        self.asked.append((period.title, source))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.held is not None:
                await self.held.wait()
        finally:
            self.at_once -= 1
        return self.records


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = samples.NOW

    def __call__(self) -> float:
        return self.now


Opened = tuple[Console, FakeArchive, Time]


@pytest.fixture
def opened(make: Make) -> Callable[..., Opened]:
    def open_(records: Records = RECORDS, **options: Any) -> Opened:
        clock = Time()
        app, watched = make(clock=clock, **options)
        archive = FakeArchive(records)
        watched.store.archive = archive
        return app, archive, clock

    return open_


def view_of(app: Console) -> ReportsView:
    view = app.root.view
    assert isinstance(view, ReportsView)
    return view


async def yesterday(pilot: Pilot[None], app: Console) -> None:
    """The reports view on the hand-computed day."""
    await pilot.press("7", "left_square_bracket")
    await seen.until(pilot, lambda: "50%" in seen.text(app) and "lost track" in seen.text(app))


def row(app: Console, name: str) -> list[str]:
    """The words of the line that begins with `name`."""
    lines = (line.replace("▸", " ").strip() for line in seen.text(app).splitlines())
    return next(line for line in lines if line.startswith(name)).split()


async def test_figures_are_those_computed_by_hand(opened: Callable[..., Opened]) -> None:
    app, _, _ = opened()
    async with app.run_test(size=(120, 40)) as pilot:
        await yesterday(pilot, app)
        await seen.until(pilot, lambda: "all" in seen.text(app))
        assert row(app, "400 ")[:9] == ["400", "4", "3", "1", "50%", "0:22", "1:17", "0:40", "0"]
        assert row(app, "all ")[:9] == ["all", "7", "5", "2", "57%", "0:18", "1:08", "1:00", "1"]
        text = seen.text(app)
        assert "lost track of 1 call, 1 log-in" in text
        assert "most 3 at 09:00" in text
        assert "71% of 7" in text
        await pilot.press("b")
        await seen.until(pilot, lambda: "Ana Torres" in seen.text(app))
        assert row(app, "Ana Torres")[2:] == ["4", "75%", "0:18", "1:00", "0:40", "1", "5:00:00", "30:00", "2%"]
        await pilot.press("b")
        await seen.until(pilot, lambda: "09:00 " in seen.text(app))
        assert row(app, "09:00")[1:4] == ["3", "2", "1"]
        await pilot.press("b")
        await seen.until(pilot, lambda: "2026-11-26 " in seen.text(app))


async def test_it_asks_only_while_it_is_shown(opened: Callable[..., Opened]) -> None:
    app, archive, clock = opened()
    async with app.run_test(size=(100, 30)) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        assert archive.asked == []
        await pilot.press("7")
        await seen.until(pilot, lambda: archive.asked)
        await pilot.pause()
        assert archive.asked == [("2026-11-27", "auto")]
        app.repaint()
        await pilot.pause(0.1)
        assert len(archive.asked) == 1, "what was read holds for a minute"
        clock.now += 61
        await seen.repainted(pilot, app, lambda: len(archive.asked) == 2)
        await pilot.press("1")
        clock.now += 600
        app.repaint()
        await pilot.pause(0.1)
        assert len(archive.asked) == 2, "nobody looks"
        await pilot.press("7", "left_square_bracket")
        await seen.until(pilot, lambda: archive.asked[-1] == ("2026-11-26", "auto"))
        clock.now += 600
        app.repaint()
        await pilot.pause(0.1)
        assert archive.asked[-1] == ("2026-11-26", "auto"), "a day that is over is read once"


async def test_never_two_questions_at_once(opened: Callable[..., Opened]) -> None:
    app, archive, _ = opened()
    archive.held = asyncio.Event()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("7")
        await seen.until(pilot, lambda: archive.asked)
        for key in ("left_square_bracket", "left_square_bracket", "u", "r", "right_square_bracket"):
            await pilot.press(key)
        await seen.until(pilot, lambda: archive.asked[-1] == ("2026-11-26", "module"))
        assert archive.most_at_once == 1
        assert "reading …" in seen.text(app)
        archive.held.set()
        await seen.until(pilot, lambda: "from the module" in seen.text(app))
        assert "only module" in seen.text(app)


async def test_why_there_is_nothing_is_told(opened: Callable[..., Opened], make: Make) -> None:
    app, archive, clock = opened()
    archive.refusal = "no single node is seen to serve: `ccops status` says how the pair is"
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("7")
        await seen.until(pilot, lambda: "no single node is seen to serve" in seen.text(app))
        archive.refusal = ""
        clock.now += 21
        await seen.repainted(pilot, app, lambda: "from the module" in seen.text(app))
    app, _ = make(start_view="reports")
    async with app.run_test(size=(100, 30)) as pilot:
        await seen.until(pilot, lambda: "not connected" in seen.text(app))


async def test_the_calls_one_by_one_with_search(opened: Callable[..., Opened]) -> None:
    app, _, _ = opened()
    async with app.run_test(size=(120, 30)) as pilot:
        await yesterday(pilot, app)
        await pilot.press("c")
        await seen.until(pilot, lambda: "2026-11-26 09:10:00" in seen.text(app))
        assert "Offered" not in seen.text(app)
        assert row(app, "2026-11-26 14:04:50")[2:7] == ["400", "09921090", "–", "lost", "track"]
        await pilot.press("slash", *"luis")
        await seen.until(pilot, lambda: "09:10:00" not in seen.text(app) and "23:59:30" in seen.text(app))
        await pilot.press("enter", "b")
        assert view_of(app).table.id == "by-queue"


async def test_export_is_private(opened: Callable[..., Opened]) -> None:
    app, _, _ = opened()
    async with app.run_test(size=(100, 30)) as pilot:
        await yesterday(pilot, app)
        await pilot.press("e")
        await seen.until(pilot, lambda: len(app._notifications) == 1)
        await pilot.press("c", "e")
        await seen.until(pilot, lambda: len(app._notifications) == 2)
        figures, calls = (Path(note.message) for note in sorted(app._notifications, key=lambda n: n.raised_at))
        for path in (figures, calls):
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.suffix == ".csv"
        assert figures.read_text().startswith("queue,name,offered,handled,abandoned")
        assert len(calls.read_text().splitlines()) == 1 + 8


async def test_hostile_texts_are_only_shown(opened: Callable[..., Opened]) -> None:
    calls = tuple(
        CallRecord(str(n), name, day.MIDNIGHT + 60 * n, "abandoned", number=name, wait_s=5.0)
        for n, name in enumerate(samples_centre.HOSTILE)
    )
    app, _, _ = opened(Records("module", calls))
    async with app.run_test(size=(100, 30)) as pilot:
        await yesterday_of(pilot, app)
        for key in ("b", "b", "b", "c"):
            await pilot.press(key)
            await pilot.pause()
            assert not any(character in seen.text(app) for character in "\x1b\x07\u202e")
        assert "[/foo][bold]" in seen.text(app)


async def yesterday_of(pilot: Pilot[None], app: Console) -> None:
    await pilot.press("7", "left_square_bracket")
    await seen.until(pilot, lambda: "from the module" in seen.text(app))


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_small_and_without_colour(
    opened: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _, _ = opened()
    async with app.run_test(size=size) as pilot:
        await yesterday(pilot, app)
        text = seen.text(app)
        for words in ("Queue", "Offered", "57%", "most 3", "71% of 7", "lost track"):
            assert words in text, words
        await pilot.press("b", "b")
        await pilot.pause()
        assert "Hour" in seen.text(app)


def test_the_spans_are_whole_local_days() -> None:
    standing = FakeArchive().standing()
    titles = {span.words: span.period(standing).title for span in SPANS}
    assert titles == {
        "today": "2026-11-27",
        "yesterday": "2026-11-26",
        "2 days ago": "2026-11-25",
        "7 days": "2026-11-21 to 2026-11-27",
        "30 days": "2026-10-29 to 2026-11-27",
    }


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((120, 40), "dark"), ((80, 24), "16-colours")])
@pytest.mark.parametrize("keys", [(), ("b",), ("c",)], ids=["queues", "agents", "calls"])
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
        await yesterday(pilot, app)
        await pilot.press(*keys)
        await pilot.pause()
        await seen.until(pilot, lambda: app._frames.idle)

    assert snap_compare(app, terminal_size=size, run_before=settled)

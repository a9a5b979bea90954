"""The log: order of events, filters, following; and that only what is in sight costs."""

from __future__ import annotations

import time

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ccops.pair.model import LogLine
from ccops.tui.log_model import LogModel
from ccops.tui.screens.log import LogView
from ccops.tui.widgets.log_table import LogTable
from ccops.watch.timeline import Timeline
from tests.tui import samples, seen
from tests.tui.conftest import Make


def line(at: float, text: str = "text") -> LogLine:
    """A kernel line."""
    return LogLine(at, "kernel", text, samples.NODES[0])


@given(st.lists(st.lists(st.floats(0, 100), max_size=90), max_size=6))
def test_lines_stand_in_the_order_of_events_however_they_come(batches: list[list[float]]) -> None:
    timeline, model = Timeline(), LogModel()
    for batch in batches:
        for at in batch:
            timeline.append(line(at))
        model.take(timeline, timeline.end)
    times = [at for batch in batches for at in batch]
    assert [entry.at for entry in model.shown] == sorted(times)
    assert len({entry.number for entry in model.shown}) == len(times)


def test_what_the_time_line_forgets_is_forgotten() -> None:
    timeline, model = Timeline(limit=500), LogModel()
    for number in range(5_000):
        timeline.append(line(number))
        model.take(timeline, timeline.end)
    assert len(model) <= 500 + 1_000
    assert model.shown[-1].at == 4_999


def test_a_model_reads_no_further_than_it_is_told() -> None:
    timeline, model = Timeline(), LogModel()
    for number in range(10):
        timeline.append(line(number))
    assert model.take(timeline, 4)
    assert [entry.number for entry in model.shown] == [0, 1, 2, 3]
    assert not model.take(timeline, 4)
    assert model.take(timeline, 10)
    assert len(model.shown) == 10


async def test_sources_and_levels_are_toggled(make: Make) -> None:
    app, _ = make(start_view="log")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "40 lines" in seen.text(app))
        for key, gone, left in (
            ("H", "heartbeat:", 32),
            ("K", "drbd1", 16),
            ("A", "callers wait", 8),
            ("C", "ssh to", 0),
        ):
            await pilot.press(key)
            await seen.until(pilot, lambda left=left: f"{left} of 40 lines" in seen.text(app))
            assert gone not in seen.text(app)
        await pilot.press("H", "K", "A", "C", "L")
        await seen.until(pilot, lambda: "24 of 40 lines" in seen.text(app) and "notice and worse" in seen.text(app))
        await pilot.press("L")
        await seen.until(pilot, lambda: "16 of 40 lines" in seen.text(app))
        await pilot.press("L", "L")
        await seen.until(pilot, lambda: " 40 lines" in seen.text(app))


async def test_the_end_is_followed_until_scrolled_up_and_again_after_end(make: Make) -> None:
    app, watched = make(start_view="log", lines=100)
    async with app.run_test(size=(100, 30)) as pilot:
        table = app.query_one(LogTable)
        await seen.until(pilot, lambda: "following" in seen.text(app) and table.scroll_y == table.max_scroll_y > 0)
        watched.say([line(samples.NOW, "the newest")])
        await seen.until(pilot, lambda: "the newest" in seen.text(app))
        await pilot.press("k")
        await seen.until(pilot, lambda: "stays here · G follows" in seen.text(app))
        top = seen.lines(app)[3]
        watched.say([line(samples.NOW - 1_000, "late"), line(samples.NOW + 1, "even newer")])
        await seen.until(pilot, lambda: "103 lines" in seen.text(app))
        assert seen.lines(app)[3] == top
        assert "even newer" not in seen.text(app)
        await pilot.press("G")
        await seen.until(pilot, lambda: "even newer" in seen.text(app) and "following" in seen.text(app))
        await pilot.press("f")
        await seen.until(pilot, lambda: "stays here" in seen.text(app))
        watched.say([line(samples.NOW + 2, "unseen")])
        await seen.until(pilot, lambda: "104 lines" in seen.text(app))
        assert "unseen" not in seen.text(app)
        await pilot.press("g")
        await seen.until(pilot, lambda: "late" in seen.lines(app)[3])


async def test_long_lines_milliseconds_dates_and_undated_lines(make: Make) -> None:
    app, watched = make(start_view="log", lines=1)
    async with app.run_test(size=(80, 24)) as pilot:
        watched.say(
            [line(samples.NOW - 0.5, "x" * 100 + "END"), msgspec.structs.replace(line(samples.NOW), dated=False)]
        )
        await seen.until(pilot, lambda: "~02:41:38" in seen.text(app))
        assert "END" not in seen.text(app)
        await pilot.press("l", "l", "l", "l")
        await seen.until(pilot, lambda: "END" in seen.text(app))
        await pilot.press("h", "h", "h", "h", "m")
        await seen.until(pilot, lambda: "02:41:37.500" in seen.text(app))
        watched.say([line(samples.NOW - 86_400, "yesterday")])
        await seen.until(pilot, lambda: "07-02 02:41:38.000" in seen.text(app))


async def test_twenty_thousand_lines_are_cheap(make: Make) -> None:
    app, watched = make(start_view="log", lines=0)
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: app.root.view.is_mounted)
        for number in range(20_000):
            watched.store.timeline.append(line(samples.NOW + number, f"line {number}"))
        watched.publish(samples.healthy())
        await seen.until(pilot, lambda: "line 19999" in seen.text(app))
        view = app.root.view
        assert isinstance(view, LogView)
        table = view.table
        drawn: list[int] = []
        draw = table._draw
        table._draw = lambda each: (drawn.append(1), draw(each))[1]  # type: ignore[method-assign,return-value]
        start = time.process_time()
        for number in range(20):
            watched.say([line(samples.NOW + 30_000 + number, f"new {number}")])
            view.show(app.root.app.snapshot, watched.store.timeline)  # type: ignore[attr-defined]
        spent = time.process_time() - start
        await seen.until(pilot, lambda: "new 19" in seen.text(app))
        assert len(drawn) < 100, "only lines in sight are drawn"
        assert spent < 1.0, "an append does not cost by the thousand"


async def test_another_pair_is_another_log(make: Make) -> None:
    app, _ = make(start_view="log", lines=10)
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "10 lines" in seen.text(app))
        other = Timeline()
        other.append(line(samples.NOW, "the other pair's"))
        app.root.view.show(samples.healthy(timeline_end=1), other)
        await seen.until(pilot, lambda: "the other pair's" in seen.text(app))
        assert "ssh to" not in seen.text(app)

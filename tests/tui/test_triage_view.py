"""The triage view: the gravest first, the chosen one in full, every key."""

from __future__ import annotations

import msgspec
import pytest

from ccops.triage.finding import Finding, Period
from ccops.tui.app import Console
from ccops.tui.screens.triage import TriageView
from tests.tui import samples, seen
from tests.tui.conftest import Make


async def test_says_what_it_is_and_what_to_do(make: Make) -> None:
    app, _ = make(samples.diverged())
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("6")
        await seen.until(pilot, lambda: "What to do" in seen.text(app))
        text = seen.text(app)
        assert "✖ critical · split-brain" in text
        assert "For callers:" in text
        assert "Careful: Do not fail over" in text
        assert "drbdadm connect --discard-my-data data" in text
        assert "kernel log of elaxtix-voip-2" in text
        assert "recommended victim (whose changes are given up): elaxtix-voip-2" in text
        assert "3128 KiB" in text
        assert "20.2 MiB" in text
        assert "└ partition-healed" in text
        # What follows from it stands below it, remarks on the configuration at the end.
        rows = [text.index(code) for code in ("split-brain ", "└ partition-healed", "configuration-single-link")]
        assert rows == sorted(rows)


async def test_each_time_as_primary_has_its_line(make: Make) -> None:
    snapshot = samples.diverged()
    assert snapshot.divergence is not None
    first, second = snapshot.divergence.sides
    times = tuple(Period(samples.NOW - 900 + 100 * n, samples.NOW - 850 + 100 * n) for n in range(4))
    parted = msgspec.structs.replace(
        snapshot.divergence, sides=(first, msgspec.structs.replace(second, primary=times, address=times[:1]))
    )
    app, _ = make(msgspec.structs.replace(snapshot, divergence=parted), start_view="triage")
    async with app.run_test(size=(120, 60)) as pilot:
        await seen.until(pilot, lambda: "critical · split-brain" in seen.text(app))
        lines = seen.text(app).splitlines()
        start = next(n for n, line in enumerate(lines) if "│ Primary" in line)
        assert [line.count(" to ") for line in lines[start : start + 4]] == [2, 1, 1, 2]
        assert "… " in lines[start]
        assert lines[start + 3].count("address") == 2


async def test_moving_chooses_and_the_details_follow(make: Make) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "critical · split-brain" in seen.text(app))
        await pilot.press("j")
        await seen.until(pilot, lambda: "It only follows from split-brain." in seen.text(app))
        await pilot.press("j")
        await seen.until(pilot, lambda: "A single cable decides." in seen.text(app))
        assert "elaxtix-voip ─" not in seen.text(app)
        await pilot.press("g")
        await seen.until(pilot, lambda: "critical · split-brain" in seen.text(app))


async def test_enter_shows_it_in_full_and_escape_brings_the_list_back(make: Make) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "Gravity" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "Gravity" not in seen.text(app))
        await pilot.press("end")
        await seen.until(pilot, lambda: "How it is known" in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: "Gravity" in seen.text(app))


async def test_details_scroll_from_the_list(make: Make) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "For callers" in seen.text(app))
        await pilot.press("J", "J", "J")
        await seen.until(pilot, lambda: "For callers" not in seen.text(app))
        await pilot.press("K", "K", "K")
        await seen.until(pilot, lambda: "For callers" in seen.text(app))


async def test_acknowledging_calms_the_header_until_it_changes(make: Make) -> None:
    app, watched = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "✖ critical" in seen.text(app))
        assert "(seen)" not in seen.text(app)
        await pilot.press("a")
        await seen.until(pilot, lambda: "(seen)" in seen.text(app) and "✖ seen" in seen.text(app))
        snapshot = samples.diverged()
        changed = msgspec.structs.replace(snapshot.verdict, nodes=samples.NODES[:1])
        watched.publish(msgspec.structs.replace(snapshot, verdict=changed, findings=(changed,)))
        await seen.until(pilot, lambda: "(seen)" not in seen.text(app))


async def test_a_grave_finding_notifies_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    rung: list[int] = []
    monkeypatch.setattr(Console, "notify", lambda self, message, **_: told.append(message))
    monkeypatch.setattr(Console, "bell", lambda self: rung.append(1))
    app, watched = make()
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(3):
            watched.publish(samples.diverged())
        await pilot.pause()
        assert len(told) == len(rung) == 1
        assert told[0].startswith("split-brain: the two sides have diverged")


async def test_the_bell_can_be_off(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(Console, "bell", lambda self: rung.append(1))
    app, watched = make(bell=False)
    async with app.run_test(size=(80, 24)) as pilot:
        watched.publish(samples.diverged())
        await seen.until(pilot, lambda: any("split-brain: the two" in note.message for note in app._notifications))
        assert rung == []


async def test_copies_markdown(make: Make) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "critical · split-brain" in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: any("as Markdown" in note.message for note in app._notifications))
        assert app.clipboard.startswith("## split-brain (critical)")
        assert "`drbdadm connect --discard-my-data data`" in app.clipboard


async def test_filters(make: Make) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "configuration-single-link" in seen.text(app))
        await pilot.press("slash", *"single", "enter")
        await seen.until(pilot, lambda: "A single cable decides." in seen.text(app))
        assert "└ partition-healed" not in seen.text(app)


async def test_healthy_is_calm(make: Make) -> None:
    app, _ = make(samples.healthy(), start_view="triage")
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "✓ ok · healthy" in seen.text(app))
        assert "6 triage" not in seen.text(app)
        await pilot.press("a")
        await pilot.pause()
        assert "(seen)" not in seen.text(app)


async def test_hostile_text_is_only_text(make: Make) -> None:
    finding = Finding(
        "split-brain",
        "critical",
        samples.HOSTILE,
        (samples.HOSTILE,),
        meaning=samples.HOSTILE,
        avoid=samples.HOSTILE,
    )
    snapshot = msgspec.structs.replace(samples.diverged(), verdict=finding, findings=(finding,))
    app, _ = make(snapshot, start_view="triage")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "For callers:" in seen.text(app))
        assert "[/foo] [@click=app.quit]x[/]" in seen.text(app)
        assert "\x1b" not in seen.text(app)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 45)])
async def test_fits(make: Make, size: tuple[int, int]) -> None:
    app, _ = make(samples.diverged(), start_view="triage")
    async with app.run_test(size=size) as pilot:
        await seen.until(pilot, lambda: "split-brain" in seen.text(app))
        view = app.query_one(TriageView)
        assert view.chosen is not None
        assert max(map(len, seen.text(app).splitlines())) <= size[0]

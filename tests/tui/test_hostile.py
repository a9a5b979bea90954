"""Text from outside is data: on every view, in every size, nothing of it is markup and nothing reaches the terminal."""

from __future__ import annotations

import re

import msgspec
import pytest

from ccops.callcentre.model import Caller, Centre, Endpoint, Line, Member, Queue
from ccops.pair.model import LogLine, Reading
from ccops.watch.snapshot import Snapshot
from tests.tui import samples, seen
from tests.tui.conftest import Make

HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
T = samples.HOSTILE


def everywhere() -> Snapshot:
    """Hostile text in the pair and in the call centre."""
    members = {T: Member(T, T, T, T, status=2, paused=True, pause_reason=T)}
    queue = Queue(T, T, 60, callers=(Caller(T, T, T, T, 1, samples.NOW - 5, T),), members=members)
    centre = Centre({T: queue}, endpoints={T: Endpoint(T, T, address=T)}, asterisk_version=T, synced_at=samples.NOW)
    lines = (Line(T, T, "trunk", "unknown", None, 1, 2, T),)
    return msgspec.structs.replace(
        samples.hostile(), centre=Reading(centre, None, samples.NOW), lines=lines, centre_node=samples.NODES[0]
    )


@pytest.mark.parametrize("size", [(60, 20), (160, 45)])
async def test_hostile_text_is_shown_as_it_is_and_nothing_else(make: Make, size: tuple[int, int]) -> None:
    app, watched = make(everywhere())
    sources = ("ha-log", "kernel", "ami", "ccops")
    watched.say(LogLine(samples.NOW, source, T, T, "error", T) for source in sources)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        for digit in "123458":
            await pilot.press(digit)
            await seen.until(pilot, lambda: "[/foo]" in "\n".join(seen.lines(app)[3:-1]))
            for line in seen.lines(app):
                assert not HARMFUL.search(line), repr(line)
            metas = [s.style.meta for strip in app.screen._compositor.render_strips() for s in strip if s.style]
            assert not any("@click" in meta for meta in metas)
        await seen.filtered(pilot, "[/foo]")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "filter [/foo]" in seen.text(app) or size[0] < 100)
        await pilot.press("question_mark")
        await pilot.pause()
        assert app.is_running


async def test_hostile_pair_names_in_the_palette(make: Make) -> None:
    app, _ = make()
    app.settings = msgspec.structs.replace(
        app.settings, pairs={T: app.settings.pairs["lab"], "lab": app.settings.pairs["lab"]}
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+p", *"[/f")
        await seen.until(pilot, lambda: "Pair: [/foo] [@click=app.quit]" in seen.text(app))
        assert not any(HARMFUL.search(line) for line in seen.lines(app))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_nothing_known_is_never_shown_as_fine(make: Make, size: tuple[int, int]) -> None:
    app, _ = make(samples.unknown())
    async with app.run_test(size=size) as pilot:
        await seen.until(pilot, lambda: "UNKNOWN" in seen.text(app) and "Reach" in seen.text(app))
        text = seen.text(app)
        assert "who serves is not known" in text
        assert "unknown" in text
        for word in ("✓", "UpToDate", "in sync", "running", "stopped", "not here", "dead", " 0 "):
            assert word not in text, word

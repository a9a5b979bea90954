"""Frames: the first at once, the rest thinned out, never a queue of them."""

from __future__ import annotations

import asyncio

from ccops.tui.frames import Frames


async def test_an_idle_screen_paints_at_once() -> None:
    loop, painted = asyncio.get_running_loop(), asyncio.Event()
    frames = Frames(painted.set)
    start = loop.time()
    frames.request()
    await asyncio.wait_for(painted.wait(), 2)
    assert loop.time() - start < 0.02 + 0.05, "one turn of the loop, and what a busy machine adds"


async def test_a_storm_is_thinned_and_its_last_word_is_painted() -> None:
    wanted, seen = 0, []

    def paint() -> None:
        seen.append(wanted)
        frames.done()

    frames = Frames(paint, gap_s=0.05)
    loop = asyncio.get_running_loop()
    start = loop.time()
    for wanted in range(300):  # noqa: B007
        frames.request()
        await asyncio.sleep(0.001)
    while not seen or seen[-1] != 299:
        await asyncio.wait_for(asyncio.sleep(0.01), 2)
    assert seen[0] == 0
    assert len(seen) <= (loop.time() - start) / 0.05 + 2


async def test_a_slow_screen_gets_fewer_frames_not_a_queue() -> None:
    due: list[int] = []
    frames = Frames(lambda: due.append(1), gap_s=0)
    for _ in range(5):
        frames.request()
        await asyncio.sleep(0.002)
    assert due == [1], "no second frame before the first is done"
    frames.done()
    await asyncio.sleep(0.01)
    assert due == [1, 1], "what came meanwhile is one frame"
    frames.done()
    await asyncio.sleep(0.01)
    assert due == [1, 1]


async def test_stopped_frames_do_not_come() -> None:
    due: list[int] = []
    frames = Frames(lambda: due.append(1))
    frames.request()
    frames.stop()
    await asyncio.sleep(0.01)
    assert due == []


async def test_a_skipped_frame_does_not_hold_up_the_next() -> None:
    due: list[int] = []
    frames = Frames(lambda: due.append(1), gap_s=3_600)
    for _ in range(2):
        frames.request()
        await asyncio.sleep(0.01)
        frames.done(painted=False)
    assert due == [1, 1]
    assert frames.idle

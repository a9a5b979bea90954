"""One complete look at a pair: watches until everything was read once, or is known to be unreadable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from ccops.pair.model import NodeState, Reading
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Watched

_PARTING_S = 0.8
_SETTLED_LINKS = frozenset({"down", "off"})


async def look(watched: Watched, timeout_s: float = 15.0, whole: Callable[[Snapshot], bool] | None = None) -> Snapshot:
    """The first snapshot that is `whole` (`is_complete`), or the newest one; after `timeout_s` seconds at the latest.

    Of these the last are for parting from what does not answer: it is left when they are over.
    """
    parting_s = min(_PARTING_S, timeout_s / 2)
    complete = asyncio.Event()

    def check(snapshot: Snapshot) -> None:
        if (whole or is_complete)(snapshot):
            complete.set()

    end = watched.store.subscribe(check)
    await watched.start()
    try:
        async with asyncio.timeout(timeout_s - parting_s):
            await complete.wait()
    except TimeoutError:
        pass
    finally:
        end()
        snapshot = watched.store.snapshot
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(parting_s):
                await watched.stop()
    return snapshot


def is_complete(snapshot: Snapshot) -> bool:
    """True when each node was read whole or cannot be, and the call centre likewise."""
    if not all(_settled(node) for node in snapshot.pair.nodes):
        return False
    if snapshot.centre.value is not None:
        return True
    return all(link.phase in _SETTLED_LINKS for key, link in snapshot.links.items() if key.startswith("ami:"))


def is_diagnosed(snapshot: Snapshot) -> bool:
    """True when beside that the configuration was examined and, in a split brain, what each side wrote last was read.

    What a node that cannot be reached would have told is not waited for.
    """
    if not is_complete(snapshot):
        return False
    lost = any(node.link.phase in _SETTLED_LINKS for node in snapshot.pair.nodes)
    sides = snapshot.divergence.sides if snapshot.divergence else ()
    return lost or (snapshot.examined and all(side.traces.queue_log.taken_at is not None for side in sides))


def _settled(node: NodeState) -> bool:
    if node.link.phase == "down":
        return True
    readings: tuple[Reading[Any], ...] = (
        node.drbd,
        node.heartbeat,
        node.addresses,
        node.mounts,
        node.services,
        node.gi,
    )
    return all(reading.taken_at is not None for reading in readings)


async def repeat(watched: Watched, show: Callable[[Snapshot], None], interval_s: float) -> None:
    """Shows a snapshot at each interval, from the first complete one on, until it is cancelled."""
    await watched.start()
    try:
        while True:
            await asyncio.sleep(interval_s)
            if is_complete(watched.store.snapshot):
                show(watched.store.snapshot)
    finally:
        await watched.stop()

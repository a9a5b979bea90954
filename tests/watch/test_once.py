"""One look at a pair ends when it is to end, whatever does not answer."""

from __future__ import annotations

import asyncio
import time

from ccops.triage.verdict import examine, verdict
from ccops.watch.once import look
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store
from tests.triage.pairs import healthy


class Silent:
    """A pair of which nothing comes, and from which there is no parting."""

    def __init__(self) -> None:
        pair = healthy()
        self.store = Store(Snapshot(pair.at, pair, verdict(examine(pair))))

    async def start(self) -> None:
        """Begins nothing."""

    async def stop(self) -> None:
        """Would take long."""
        await asyncio.sleep(60)


async def test_it_ends_in_time_though_nothing_answers_and_nothing_ends() -> None:
    began = time.monotonic()
    watched = Silent()
    assert await look(watched, 1.0, lambda _snapshot: False) is watched.store.snapshot
    assert time.monotonic() - began < 1.5


async def test_what_is_whole_is_not_waited_for() -> None:
    class Told(Silent):
        async def start(self) -> None:
            self.store.publish(self.store.snapshot)

        async def stop(self) -> None:
            """Ends at once."""

    began = time.monotonic()
    await look(Told(), 10.0, lambda _snapshot: True)
    assert time.monotonic() - began < 1.0

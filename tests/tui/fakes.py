"""A watched pair without a pair: its store is fed by the test."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccops.pair.model import LogLine
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store


class FakeWatched:
    """What `open_pair` returns in tests; counts starts and stops."""

    def __init__(self, first: Snapshot, lines: Iterable[LogLine] = ()) -> None:
        self.store = Store(first)
        self.started = 0
        self.stopped = 0
        self.say(lines)

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    def say(self, lines: Iterable[LogLine]) -> None:
        """Puts lines on the time line and publishes that."""
        for line in lines:
            self.store.timeline.append(line)
        self.publish(self.store.snapshot)

    def publish(self, snapshot: Snapshot) -> None:
        """Publishes, with the time line's end as it is."""
        self.store.publish(msgspec.structs.replace(snapshot, timeline_end=self.store.timeline.end))

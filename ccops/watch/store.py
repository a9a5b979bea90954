"""The store: one writer, immutable snapshots, any number of readers that are told of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ccops.watch.archive import Archive
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline

if TYPE_CHECKING:
    from ccops.watch.campaign_source import CampaignSource

Listener = Callable[[Snapshot], None]


class Store:
    """Holds the newest snapshot and the time line; a listener that raises is dropped from nobody else's way.

    `archive` answers questions about the past and `campaigns` such about campaigns, sessions and breaks; None where
    nothing can (a bundle, or links that are not loaded yet).
    """

    def __init__(self, first: Snapshot) -> None:
        self.snapshot = first
        self.timeline = Timeline()
        self.archive: Archive | None = None
        self.campaigns: CampaignSource | None = None
        self._listeners: list[Listener] = []
        self.reread: Callable[[str], None] = lambda reason: None
        """Asks whoever writes here to read the call centre's lists anew, and says why: not all is told by events."""

    def publish(self, snapshot: Snapshot) -> None:
        """Makes `snapshot` the newest and tells every listener, in the order they came."""
        self.snapshot = snapshot
        for listener in tuple(self._listeners):
            listener(snapshot)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every snapshot from now on; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None


class Watched(Protocol):
    """Something that can be watched: a live pair, a simulated one, a recording, a bundle."""

    store: Store

    async def start(self) -> None:
        """Begins to watch; returns at once."""

    async def stop(self) -> None:
        """Ends everything that `start` began."""

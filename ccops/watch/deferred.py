"""A pair to be watched whose links are loaded only after it was asked for: the first frame need not wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from importlib import import_module

from ccops.config import PairSettings
from ccops.pair.model import Link, NodeState, PairState
from ccops.watch.joining import Joiner
from ccops.watch.layout import layout_of
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store, Watched


class DeferredWatch:
    """Stands for a `PairWatch` until that is loaded; both have the same store, which says "connecting" at first."""

    def __init__(self, name: str, settings: PairSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._name, self._settings = name, settings
        self._loading: asyncio.Task[Watched] | None = None
        now = clock()
        layout = layout_of(name, settings)
        first, second = (NodeState(node.name, Link("connecting", now)) for node in settings.nodes)
        judged = Joiner(layout, settings.interval, settings.thresholds).join(
            PairState(layout, (first, second), now), now
        )
        self.store = Store(Snapshot(now, judged.pair, judged.verdict, judged.findings, interval_s=settings.interval))

    async def start(self) -> None:
        """Begins to load and to watch; returns at once."""
        self._loading = asyncio.create_task(self._load())

    async def stop(self) -> None:
        """Ends everything that `start` began."""
        if self._loading is not None:
            watch = await self._loading
            await watch.stop()

    async def _load(self) -> Watched:
        # In a thread: what is on the screen goes on meanwhile.
        module = await asyncio.to_thread(import_module, "ccops.watch.pair")
        watch: Watched = module.PairWatch(self._name, self._settings, store=self.store)
        await watch.start()
        return watch

"""What an operation sees: the same snapshots that a screen shows, waited for until one shows what must be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ccops.operations.plan import Condition, Look, Surprise
from ccops.triage.history import History, history_of
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store

_ANEW_S = 15.0


def _monotonic() -> float:
    """The loop's own clock: seconds since whenever, which a test can let pass faster."""
    return asyncio.get_running_loop().time()


def _is_fresh(snapshot: Snapshot, after: float, nodes: tuple[str, ...] = ()) -> bool:
    """Whether each node that answers, and `nodes` in any case, was read after that."""
    wanted = (node for node in snapshot.pair.nodes if node.name in nodes or node.link.phase == "up")
    return all(node.sampled_at is not None and node.sampled_at > after for node in wanted)


class Eyes:
    """Looks at a store. `clock` is that of the snapshots, seconds since the epoch."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    @property
    def now(self) -> Snapshot:
        """The newest snapshot."""
        return self._store.snapshot

    def mark(self) -> int:
        """The place in the time line that is its end now."""
        return self._store.timeline.end

    def look(self, since: int | None = None) -> Look:
        """The newest snapshot with what the logs told from `since` (a mark) on."""
        return Look(self.now, History() if since is None else history_of(self._store.timeline.since(since)))

    async def anew(self, limit_s: float = _ANEW_S, after: float | None = None) -> Snapshot:
        """A snapshot in which each node that answers was read after `after` (this call); the newest after `limit_s`."""
        asked = self._clock() if after is None else after

        def fresh(snapshot: Snapshot) -> bool:
            return _is_fresh(snapshot, asked)

        try:
            async with asyncio.timeout(limit_s):
                return await self._first(fresh)
        except TimeoutError:
            return self.now

    async def until(
        self,
        condition: Condition,
        *,
        limit_s: float,
        after: float = 0.0,
        nodes: tuple[str, ...] = (),
        since: int | None = None,
        moving: Callable[[Look], Any] | None = None,
    ) -> Snapshot:
        """The first snapshot that shows it, read after `after`, with the logs from the mark `since` on.

        A log's line is here sooner than the state it tells of: a node that answers must have been read after `after`,
        and `nodes` must in any case.
        `limit_s` seconds may pass; with `moving`, so many since that value last changed. Raises Surprise: it was not
        seen in time, or something was that means it will not be.
        """
        began = changed = _monotonic()
        value = moving(self.look()) if moving else None
        while True:

            def seen(snapshot: Snapshot) -> bool:
                nonlocal changed, value
                look = self.look(since)
                if moving is not None and (new := moving(look)) != value:
                    value, changed = new, _monotonic()
                fresh = _is_fresh(snapshot, after, nodes)
                if fresh and condition.holds(look) is True:
                    return True
                if condition.never is not None and (why := condition.never(look)):
                    raise Surprise(f"waited for: {condition.text}; but {why}")
                return False

            left = (changed if moving else began) + limit_s - _monotonic()
            try:
                async with asyncio.timeout(max(left, 0.0)):
                    return await self._first(seen)
            except TimeoutError:
                if _monotonic() < changed + limit_s and moving:
                    continue
                still = "nothing moved" if moving else "it was not seen"
                lacking = condition.lacking(self.look(since)) if condition.lacking else ""
                more = f" ({lacking})" if lacking else ""
                raise Surprise(f"waited for: {condition.text}; {still} for {limit_s:.0f} s{more}") from None

    async def _first(self, passes: Callable[[Snapshot], bool]) -> Snapshot:
        """The present snapshot or the first to come that passes; what `passes` raises is raised."""
        found: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()

        def listen(snapshot: Snapshot) -> None:
            if found.done():
                return
            try:
                if passes(snapshot):
                    found.set_result(snapshot)
            except Exception as error:
                found.set_exception(error)

        end = self._store.subscribe(listen)
        try:
            listen(self._store.snapshot)
            return await found
        finally:
            end()

"""Simulated time: work that is done in steps, by whom, and what happens to it when its node stops."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from itertools import count

Work = Generator[float, None, None]


class Task:
    """Work under way; `cancel()` ends it before its next step."""

    def __init__(self, work: Work, owner: int | None) -> None:
        self.work = work
        self.owner = owner
        self.done = False

    def cancel(self) -> None:
        """Nothing of this task runs any more."""
        if not self.done:
            self.done = True
            self.work.close()


class Schedule:
    """Runs generators that yield how many simulated seconds they wait; `now` counts from 0.

    `wall` gives the time that nodes print (seconds since the epoch); without it, it is `epoch + now`, so that a
    pair can be stepped through hours in a moment and still print consistent dates. With it, simulated time only
    decides how soon things happen, and all that is printed is measured in real seconds.
    """

    def __init__(self, wall: Callable[[], float] | None = None, epoch: float = 1_795_401_431.0) -> None:
        self.now = 0.0
        self._wall = wall
        self._epoch = epoch
        self._heap: list[tuple[float, int, Task]] = []
        self._count = count()
        self._frozen: dict[int, list[Task]] = {}

    def wall(self) -> float:
        """The time that an exact clock would show."""
        return self._wall() if self._wall is not None else self._epoch + self.now

    def spawn(self, work: Work, owner: int | None = None, delay: float = 0.0) -> Task:
        """Begins `work` after `delay`; `owner` is the node whose freezing or death stops it."""
        task = Task(work, owner)
        self._push(task, delay)
        return task

    def after(self, delay: float, action: Callable[[], object], owner: int | None = None) -> Task:
        """Calls `action` once, `delay` simulated seconds from now."""

        def once() -> Work:
            action()
            return
            yield 0.0

        return self.spawn(once(), owner, delay)

    def step(self, seconds: float) -> None:
        """Lets `seconds` of simulated time pass, running what falls due in order."""
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end:
            due, _, task = heapq.heappop(self._heap)
            self.now = max(self.now, due)
            self._run(task)
        self.now = end

    def freeze(self, owner: int) -> None:
        """Holds all work of that node."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: int) -> None:
        """Goes on with what was held, at once for what fell due meanwhile."""
        for task in self._frozen.pop(owner, []):
            self._push(task, 0.0)

    def drop(self, owner: int) -> None:
        """Ends all work of that node, as a power cut does."""
        for task in self._frozen.pop(owner, []):
            task.cancel()
        for _, _, task in self._heap:
            if task.owner == owner:
                task.cancel()

    def _push(self, task: Task, delay: float) -> None:
        heapq.heappush(self._heap, (self.now + max(0.0, delay), next(self._count), task))

    def _run(self, task: Task) -> None:
        if task.done:
            return
        if task.owner is not None and task.owner in self._frozen:
            self._frozen[task.owner].append(task)
            return
        try:
            delay = next(task.work)
        except StopIteration:
            task.done = True
            return
        if not task.done:
            self._push(task, delay)

"""Limits of queues: which are exceeded now, and when that began and ended, with short interruptions passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccops.callcentre.model import Centre, Queue
from ccops.config import QueueSettings

What = Literal["waiting", "longest_wait", "service_level", "abandoned"]
Exceeded = Mapping[str, "tuple[Excess, ...]"]

GONE_AFTER_S = 30.0
"""A limit that was kept for less is exceeded still."""

MEASURED_FROM = 10
"""Ended calls from which on a service level is judged: one lost call of two says nothing."""


class Excess(msgspec.Struct, frozen=True):
    """One limit that is exceeded: callers, seconds or percent as `found`, and the `limit` of the settings."""

    what: What
    found: float
    limit: float

    def __str__(self) -> str:
        found, limit = round(self.found), f"{self.limit:g}"
        return {
            "waiting": f"{found} waiting (limit {limit})",
            "longest_wait": f"longest wait {found} s (limit {limit} s)",
            "service_level": f"service level {found} % (at least {limit} %)",
            "abandoned": f"{found} abandoned (limit {limit})",
        }[self.what]


def exceeded(centre: Centre, settings: Mapping[str, QueueSettings], now: float) -> Exceeded:
    """The limits that are exceeded at `now`, by queue; those without any are left out.

    A queue has the limits of its own settings, and for those it does not set, the ones of `"*"`.
    """
    if not settings:
        return {}
    every = settings.get("*", QueueSettings())
    found = {name: _of(queue, settings.get(name, every), every, now) for name, queue in centre.queues.items()}
    return {name: excesses for name, excesses in found.items() if excesses}


def _of(queue: Queue, own: QueueSettings, every: QueueSettings, now: float) -> tuple[Excess, ...]:
    ended = queue.handled + queue.abandoned
    level = queue.service_level_pct if ended >= MEASURED_FROM else None
    waits = max((now - caller.joined_at for caller in queue.callers), default=0.0)
    measured: tuple[tuple[What, float, float | None], ...] = (
        ("waiting", len(queue.callers), _first(own.waiting, every.waiting)),
        ("longest_wait", waits, _first(own.longest_wait, every.longest_wait)),
        ("abandoned", queue.abandoned, _first(own.abandoned, every.abandoned)),
    )
    found = [Excess(what, value, limit) for what, value, limit in measured if limit is not None and value >= limit]
    least = _first(own.service_level, every.service_level)
    if level is not None and least is not None and level < least:
        found.append(Excess("service_level", level, least))
    return tuple(found)


def _first(own: float | None, every: float | None) -> float | None:
    return every if own is None else own


class Episodes:
    """What is exceeded over time. To be told only of a call centre that is known."""

    def __init__(self) -> None:
        self._began: dict[tuple[str, What], float] = {}
        self._last: dict[tuple[str, What], float] = {}

    def heard(self, now: Exceeded, at: float) -> tuple[list[tuple[str, Excess]], list[tuple[str, What, float]]]:
        """What began at `at`, and what has ended: queue, what, and how many seconds it lasted."""
        began = []
        for queue, excesses in now.items():
            for excess in excesses:
                key = (queue, excess.what)
                if key not in self._began:
                    self._began[key] = at
                    began.append((queue, excess))
                self._last[key] = at
        ended = [key for key, last in self._last.items() if at - last > GONE_AFTER_S]
        return began, [(*key, self._last.pop(key) - self._began.pop(key)) for key in ended]

"""How long to wait before the next attempt: exponential, with jitter, forgotten once a connection has lasted."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Waiting times in seconds between attempts.

    Attempt n waits between half of and the whole of `first_s * 2**n`, never more than `max_s`; the jitter keeps two
    consoles from knocking in step after a failover. `uniform` returns a number in [0, 1).
    """

    def __init__(
        self,
        first_s: float = 0.5,
        max_s: float = 10.0,
        *,
        lasting_s: float = 10.0,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._lasting_s = lasting_s
        self._uniform = uniform
        self._failures = 0

    def next_delay(self) -> float:
        """Seconds to wait now; the next call waits longer."""
        ceiling = min(self._max_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return ceiling * (0.5 + 0.5 * self._uniform())

    def ended(self, lasted_s: float) -> None:
        """A connection ended after `lasted_s`: start again from the first delay if it had lasted.

        One that dies at once keeps the delays growing, so a service that accepts and drops is not hammered.
        """
        if lasted_s >= self._lasting_s:
            self._failures = 0

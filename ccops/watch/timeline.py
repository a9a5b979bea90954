"""One bounded time line of what both nodes' logs, Asterisk and ccops itself said."""

from __future__ import annotations

from collections import deque
from itertools import islice

from ccops.pair.model import LogLine


class Timeline:
    """The last `limit` lines in the order they became known; every line has a number that never changes."""

    def __init__(self, limit: int = 20_000) -> None:
        self._lines: deque[LogLine] = deque(maxlen=limit)
        self.end = 0

    def append(self, line: LogLine) -> None:
        """Adds a line; the oldest falls out when the limit is reached."""
        self._lines.append(line)
        self.end += 1

    @property
    def start(self) -> int:
        """The number of the oldest line still kept."""
        return self.end - len(self._lines)

    def since(self, number: int) -> list[LogLine]:
        """The lines from `number` on that are still kept."""
        skip = max(0, number - self.start)
        return list(islice(self._lines, skip, None))

"""A node's two logs as the probe tells them: where each stands, and its lines in the words of the time line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ccops.pair.clock import LogClock
from ccops.pair.halog import parse_ha_line
from ccops.pair.kernel import parse_kernel_line
from ccops.pair.model import LogLine
from ccops.watch.probe import LogGap, LogOpened, LogPosition, LogText

_PARSERS = {"ha": parse_ha_line, "kern": parse_kernel_line}
_MOST_WAITING = 5000
_NAMES = {"ha": "ha-log", "kern": "kernel log"}


class NodeLogs:
    """Follows over reconnects and rotations: nothing twice, nothing lost without saying so.

    The node's dates need its clock, which the probe tells after the first lines: until then lines wait.
    """

    def __init__(self, node: str, on_line: Callable[[LogLine], None]) -> None:
        self._node = node
        self._on_line = on_line
        self.positions: dict[str, LogPosition] = {}
        self._opened: set[str] = set()
        self._resuming: set[str] = set()
        self._last_at: dict[str, float] = {}
        self._unreadable: set[str] = set()
        self._waiting: deque[LogText | LogGap] = deque(maxlen=_MOST_WAITING)

    def begin(self) -> None:
        """A new run of the probe: what it tells before it has opened a log carries no position."""
        self._opened.clear()
        self._resuming = set(self.positions)

    def apply(self, event: LogOpened | LogText | LogGap, at: float, clock: LogClock | None) -> None:
        """Takes one event; `clock` is None while the node's clock is not known."""
        if isinstance(event, LogOpened):
            self._open(event, at)
            return
        if isinstance(event, LogText) and (event.log in self._opened or event.log in self._resuming):
            position = self.positions.get(event.log)
            if position is None or position.inode == event.position.inode:
                self.positions[event.log] = event.position
        if clock is None:
            self._waiting.append(event)
            return
        self.flush(at, clock)
        self._tell(event, at, clock)

    def flush(self, at: float, clock: LogClock) -> None:
        """Tells what waited for the clock."""
        while self._waiting:
            self._tell(self._waiting.popleft(), at, clock)

    def _open(self, event: LogOpened, at: float) -> None:
        name = _NAMES.get(event.log, event.log)
        if event.position is None:
            if event.log not in self._unreadable:
                self._unreadable.add(event.log)
                where = f" ({event.path})" if event.path else ""
                self._warn(at, f"the {name} of {self._node} cannot be read{where}: see `ccops sudoers`")
            return
        self._unreadable.discard(event.log)
        self._opened.add(event.log)
        self._resuming.discard(event.log)
        self.positions[event.log] = event.position

    def _tell(self, event: LogText | LogGap, at: float, clock: LogClock) -> None:
        if isinstance(event, LogGap):
            name = _NAMES.get(event.log, event.log)
            self._warn(at, f"the {name} of {self._node} was rotated away or cut: lines may be missing")
            return
        parse = _PARSERS.get(event.log)
        if parse is None or not event.text.strip():
            return
        line = parse(event.text, self._node, clock, self._last_at.get(event.log))
        self._last_at[event.log] = line.at
        self._on_line(line)

    def _warn(self, at: float, text: str) -> None:
        self._on_line(LogLine(at, "ccops", text, self._node, "warning", "logs"))

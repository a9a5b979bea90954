"""Asterisk's command line on both nodes, and restarts that wait for the last call."""

from __future__ import annotations

from collections.abc import Callable

from ccops.demo.exchange import Exchange
from ccops.demo.lists import run_command
from ccops.demo.pair import SimulatedPair
from ccops.demo.schedule import Task, Work
from ccops.demo.sip import Peer

_POLL = 0.25
_WAYS = frozenset({"now", "gracefully", "when convenient"})


class Console:
    """Runs commands on either node's Asterisk, one shutdown or restart pending on each at most.

    `gracefully` takes no new calls from then on; `when convenient` waits for a moment without any. `reloaded` is told
    of the peers that are new after chan_sip has read its files again.
    """

    def __init__(self, pair: SimulatedPair, exchanges: tuple[Exchange, Exchange]) -> None:
        self.pair = pair
        self.exchanges = exchanges
        self.reloaded: Callable[[int, list[Peer]], None] = lambda n, peers: None
        self._pending: list[Task | None] = [None, None]
        pair.console = self.run

    def run(self, n: int, command: str) -> list[str]:
        """The lines that the command prints."""
        exchange, words = self.exchanges[n], command.split()
        if words[:1] == ["core"] and words[1:2] in (["restart"], ["stop"]) and " ".join(words[2:]) in _WAYS:
            return self._end(n, words[1] == "restart", " ".join(words[2:]))
        if words == ["core", "abort", "shutdown"]:
            self.forget(n)
            return []
        if words == ["core", "show", "channels", "count"]:
            calls = sum(1 for channel in exchange.channels.values() if channel.context == "from-trunk")
            return [
                _count(len(exchange.channels), "active channel"),
                _count(calls, "active call"),
                f"{_count(exchange.processed, 'call')} processed",
            ]
        if words[:3] == ["core", "show", "uptime"]:
            return [
                _span("System uptime", exchange.wall() - exchange.started_at, words[3:] == ["seconds"]),
                _span("Last reload", exchange.wall() - exchange.reloaded_at, words[3:] == ["seconds"]),
            ]
        if words in (["sip", "reload"], ["module", "reload", "chan_sip.so"]):
            self.pair.settle_files(n)
            self.reloaded(n, exchange.reload_sip())
            return []
        return run_command(exchange, command)

    def forget(self, n: int) -> None:
        """Nothing is pending any more, and new calls are taken."""
        task, self._pending[n] = self._pending[n], None
        if task is not None:
            task.cancel()
        self.exchanges[n].refuses = False

    def _end(self, n: int, restart: bool, how: str) -> list[str]:
        self.forget(n)
        self.exchanges[n].refuses = how == "gracefully"
        self._pending[n] = self.pair.schedule.spawn(self._wait(n, restart, how), owner=n)
        return [f"Waiting for inactivity to perform {'restart' if restart else 'halt'}"] if how[0] == "w" else []

    def _wait(self, n: int, restart: bool, how: str) -> Work:
        while how != "now" and self.exchanges[n].channels:
            yield _POLL
        yield 0.3
        self._pending[n] = None
        self.exchanges[n].refuses = False
        if restart:
            self.pair.schedule.spawn(self.pair.machines[n].restart_in_place("asterisk", 2.0), owner=n)
        else:
            self.pair.machines[n].set_service("asterisk", "inactive")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _span(what: str, seconds: float, plain: bool) -> str:
    whole = max(0, int(seconds))
    if plain:
        return f"{what}: {whole}"
    parts: list[str] = []
    for size, noun in ((604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, whole = divmod(whole, size)
        if count or (noun == "second" and not parts):
            parts.append(_count(count, noun))
    return f"{what}: {', '.join(parts)}"

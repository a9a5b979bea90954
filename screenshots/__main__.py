"""Makes the screenshots anew: the real console on scenarios of the simulated pair. `python -m screenshots [NAME…]`.

Each picture waits for what it is to show, never for a time.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from ccops.demo.world import Demo
from ccops.tui.app import Console
from ccops.tui.screens.reports import ReportsView
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot

HERE = Path(__file__).parent
_LIMIT_S = 240.0


def _at_once(console: Console) -> bool:
    return True


class Picture(msgspec.Struct, frozen=True):
    """One picture: its scenario, the keys pressed, the size, what must be true before keys and what must be shown."""

    name: str
    scenario: str
    ready: Callable[[Snapshot], bool]
    keys: tuple[str, ...] = ()
    columns: int = 120
    rows: int = 34
    theme: str = "dark"
    agents: int = 24
    speed: float = 4.0
    shown: Callable[[Console], bool] = _at_once


def _reported(console: Console) -> bool:
    return isinstance(console.root.view, ReportsView) and bool(console.root.view.table.rows)


def _verdict(code: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: snapshot.verdict.code == code


def _lively(snapshot: Snapshot) -> bool:
    centre = snapshot.centre.value
    if centre is None or snapshot.verdict.code != "healthy":
        return False
    handled = sum(queue.handled for queue in centre.queues.values())
    return handled >= 25 and any(queue.callers for queue in centre.queues.values())


def _resyncing(snapshot: Snapshot) -> bool:
    return snapshot.verdict.code == "resyncing" and len(snapshot.sync_history) >= 12


def _both_wrote(snapshot: Snapshot) -> bool:
    if snapshot.verdict.code != "split-brain-active":
        return False
    resources = [node.drbd.value.minor(1) for node in snapshot.pair.nodes if node.drbd.value]
    return len(resources) == 2 and all(r is not None and (r.out_of_sync_kib or 0) > 2000 for r in resources)


def _diagnosed(snapshot: Snapshot) -> bool:
    """Healed for some time: Heartbeat is done with its restart, and what each side wrote last has been read."""
    if snapshot.verdict.code != "split-brain" or snapshot.serving is None or snapshot.divergence is None:
        return False
    told = {finding.code for finding in snapshot.findings}
    return "in-transition" not in told and all(s.traces.queue_log.taken_at for s in snapshot.divergence.sides)


PICTURES = (
    Picture("pair", "quiet-day", _lively),
    Picture("pair-80x24", "quiet-day", _lively, columns=80, rows=24),
    Picture("pair-split-brain", "split-brain", _both_wrote),
    Picture("pair-split-brain-healed", "split-brain", _verdict("split-brain")),
    Picture("pair-resync", "resync", _resyncing, speed=2.0),
    Picture("pair-node-dead", "node-dead", _verdict("running-on-one-node")),
    Picture("queues", "busy-day", _lively, ("2", "enter"), agents=60),
    Picture("agents", "busy-day", _lively, ("3",), agents=60),
    Picture("agents-tiles", "busy-day", _lively, ("3", "W"), agents=60, rows=40),
    Picture("lines", "busy-day", _lively, ("4",), agents=60),
    Picture("log", "failover", lambda s: s.serving == "elaxtix-voip-2" and s.verdict.code == "healthy", ("5",)),
    Picture("triage", "split-brain", _diagnosed, ("6",), columns=140, rows=46),
    Picture("triage-80x24", "resync", _resyncing, ("6",), columns=80, rows=24, speed=2.0),
    Picture("reports", "busy-day", _lively, ("7", *["left_square_bracket"] * 3, "b", "b"), agents=60, shown=_reported),
    Picture("help", "quiet-day", _verdict("healthy"), ("question_mark",)),
    Picture("light", "quiet-day", _lively, theme="light"),
    Picture("high-contrast", "quiet-day", _lively, theme="high-contrast"),
)


async def take(picture: Picture) -> None:
    """Runs the console until the picture can be taken, and writes NAME.svg."""
    async with Demo(scenario=picture.scenario, speed=picture.speed, agents=picture.agents) as demo:
        console = msgspec.structs.replace(demo.settings.console, theme=picture.theme)
        settings = msgspec.structs.replace(demo.settings, console=console)
        watch = PairWatch("demo", settings.pairs["demo"])
        ready = asyncio.Event()
        watch.store.subscribe(lambda snapshot: ready.set() if picture.ready(snapshot) else None)
        app = Console(settings, lambda _name: watch, "demo")
        async with app.run_test(size=(picture.columns, picture.rows)) as pilot:
            await asyncio.wait_for(ready.wait(), _LIMIT_S)
            await pilot.press(*picture.keys)
            async with asyncio.timeout(_LIMIT_S):
                while not picture.shown(app):
                    await pilot.pause(0.1)
            app.clear_notifications()
            await pilot.pause(0.3)
            (HERE / f"{picture.name}.svg").write_text(app.export_screenshot(title="ccops"), encoding="utf-8")
            app.exit()


def main() -> None:
    """Takes the pictures named on the command line, else all."""
    wanted = sys.argv[1:]
    for picture in PICTURES:
        if not wanted or picture.name in wanted:
            asyncio.run(take(picture))
            print(f"screenshots/{picture.name}.svg")


if __name__ == "__main__":
    main()

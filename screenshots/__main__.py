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
from ccops.operations.audit import Audit
from ccops.operations.executor import Executor
from ccops.operations.permission import Authority
from ccops.tui.app import Console
from ccops.tui.screens.campaigns import CampaignsView
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.form import FormScreen
from ccops.tui.screens.pbx import PbxView
from ccops.tui.screens.reports import ReportsView
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store

HERE = Path(__file__).parent
_LIMIT_S = 240.0


def _at_once(console: Console) -> bool:
    return True


class Picture(msgspec.Struct, frozen=True):
    """One picture: its scenario, what must be true before the keys are pressed, its size, what must be shown then."""

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


def _planned(console: Console) -> bool:
    return isinstance(console.screen, Confirmation) and console.screen.plan is not None


def _moving(console: Console) -> bool:
    run = console.desk.run
    return run is not None and run.progress is not None and run.progress.states[1].word == "running"


def _reported(console: Console) -> bool:
    return isinstance(console.root.view, ReportsView) and bool(console.root.view.table.rows)


def _counted(console: Console) -> bool:
    view = console.root.view
    return isinstance(view, CampaignsView) and len(view.table.rows) == 6 and "…" not in str(view.table.rows)


def _opened(console: Console) -> bool:
    view = console.root.view
    return isinstance(view, CampaignsView) and bool(view.opened and view.table.rows)


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
    moving = [node.heartbeat.value is None or node.heartbeat.value.resources != "local" for node in snapshot.pair.nodes]
    return not any(moving) and all(s.traces.queue_log.taken_at for s in snapshot.divergence.sides)


# Each key is followed by a second in which what it began goes on.
_WAIT = ("G", "g", "G", "g")
_ADDED = (
    *("a", *"200", "down", *"Ana", "enter", *("tab", "shift+tab") * 2, "y", *("down", "up") * 3),
    *("escape", "escape", "tab", "a", *"gw2", "down", *"192.168.27.131", "enter", *("tab", "shift+tab") * 2, "y"),
    *("down", "up", "down", "up", "escape"),
)


def _filled(console: Console) -> bool:
    return isinstance(console.screen, FormScreen) and bool(console.screen.faults)


def _registered(console: Console) -> bool:
    view = console.root.view
    own = [] if not isinstance(view, PbxView) or view.exchange is None else view.exchange.entries
    return len(own) == 2 and console.screen is console.root


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
    Picture("failover", "quiet-day", _lively, ("F",), shown=_planned),
    Picture("failover-80x24", "quiet-day", _lively, ("F",), columns=80, rows=24, shown=_planned),
    Picture("failover-running", "quiet-day", _lively, ("F", "y"), shown=_moving),
    Picture("recover", "split-brain", _diagnosed, ("X", "down", "down", "enter"), columns=140, rows=46, shown=_planned),
    Picture("operations", "quiet-day", _lively, ("o",)),
    Picture("reports", "busy-day", _lively, ("7", *["left_square_bracket"] * 3, "b", "b"), agents=60, shown=_reported),
    Picture("campaigns", "busy-day", _lively, ("9",), agents=60, shown=_counted),
    Picture("campaign", "busy-day", _lively, ("9", "G", "k", "k", "k", "enter"), agents=60, shown=_opened),
    Picture("pbx-form", "quiet-day", _lively, ("8", *_WAIT, "a", *"101", "down", *"Ana"), shown=_filled),
    Picture("pbx", "quiet-day", _lively, ("8", *_WAIT, *_ADDED), shown=_registered),
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
        audit = Audit(Path(demo.folder) / "audit.jsonl")

        def operate(name: str, store: Store, authority: Authority) -> Executor:
            return Executor(name, settings.pairs[name], store, authority, audit)

        app = Console(settings, lambda _name: watch, "demo", open_operator=operate, write=True)
        async with app.run_test(size=(picture.columns, picture.rows)) as pilot:
            await asyncio.wait_for(ready.wait(), _LIMIT_S)
            for key in picture.keys:
                await pilot.press(key)
                await pilot.pause(1.0 if picture.shown is not _at_once else 0.1)
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

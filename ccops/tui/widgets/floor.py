"""The floor of the call centre in a line or two: who waits, what the agents do, how many calls a minute."""

from __future__ import annotations

from typing import Final

from ccops.callcentre.agents import agents, totals
from ccops.callcentre.model import AgentState, Centre
from ccops.callcentre.vocabulary import AGENT
from ccops.tui import quantities
from ccops.tui.widgets.bar import sparkline
from ccops.tui.widgets.card import Face, Part, Row
from ccops.watch.snapshot import Snapshot

_ONE_ROW: Final = 130
_GAP: Final[Part] = ("   ", "")
_ORDER: Final[tuple[AgentState, ...]] = ("busy", "ringing", "hold", "wrapup", "free", "paused", "away", "unknown")


def face(snapshot: Snapshot, width: int, bare: bool = False) -> Face:
    """One row where it fits into `width` cells, else two; words when nothing is known of the call centre."""
    centre = snapshot.centre.value
    if centre is None or centre.synced_at is None:
        why = f" · {snapshot.centre.problem}" if snapshot.centre.problem else ""
        rows: list[tuple[Part, ...]] = [(("nothing is known of the queues", "$unknown"), (why, "$label"))]
    else:
        waiting, people = _waiting(centre, snapshot.at), _agents(centre, snapshot.at)
        calls = _calls(centre, 30 if width >= _ONE_ROW else 20)
        rows = [(*waiting, _GAP, *people, _GAP, *calls)] if width >= _ONE_ROW else [(*waiting, _GAP, *calls), people]
    return Face("call centre", tuple(Row(None, row) for row in rows), title_style="$label", bare=bare)


def _waiting(centre: Centre, now: float) -> tuple[Part, ...]:
    callers = [caller for queue in centre.queues.values() for caller in queue.callers]
    found: tuple[Part, ...] = (("calls waiting ", "$label"), (str(len(callers)), "bold"))
    if callers:
        found += (
            (" longest ", "$label"),
            (quantities.watch(now - min(caller.joined_at for caller in callers)), "bold"),
        )
    return found


def _agents(centre: Centre, now: float) -> tuple[Part, ...]:
    counts = totals(agents(centre, now))
    found: list[Part] = []
    for state in _ORDER:
        if counts[state]:
            found += [(" · ", "$label")] if found else []
            word = AGENT[state]
            found += [(str(counts[state]), "bold"), (f" {word.label}", "$unknown" if state == "unknown" else "")]
    return (("agents ", "$label"), *found) if found else (("no agents", "$label"),)


def _calls(centre: Centre, width: int) -> tuple[Part, ...]:
    if not centre.calls_per_minute:
        return ()
    return (
        (sparkline(centre.calls_per_minute, width), "$label"),
        (f" {centre.calls_per_minute[-1]}", "bold"),
        (" calls/min", "$label"),
    )

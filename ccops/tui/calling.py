"""Calling for attention: the bell and a notice for a new grave finding, a notice for a queue beyond its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccops.text import clean
from ccops.tui.alarms import Alarms
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.tui.app import Console


def call(app: Console, alarms: Alarms, snapshot: Snapshot) -> None:
    """Tells what is new, once; what an operation does to the pair under somebody's eyes calls nobody."""
    new = alarms.heard(snapshot.findings, snapshot.at)
    if new and not app.desk.watching:
        if app.settings.console.bell:
            app.bell()
        told = "\n".join(f"{each.code}: {each.summary}" for each in new)
        app.notify(told, title="→ 6 triage", severity="error", markup=False, timeout=10)
    if snapshot.centre.value is not None and (began := alarms.heard_queues(snapshot.exceeded, snapshot.at)):
        told = "\n".join(clean(f"{queue}: {excess}", 120) for queue, excess in began)
        app.notify(told, title="→ 2 queues over their limits", severity="warning", markup=False, timeout=10)

"""What may still be believed of a snapshot when no newer one comes."""

from __future__ import annotations

from typing import Final

import msgspec

from ccops.pair.freshness import age_out
from ccops.tui.widgets.node_panel import stale_after
from ccops.watch.snapshot import Snapshot

# Read less often than the rest, so old later.
_SLOW_READINGS: Final = {"gi": 600.0, "space": 600.0}
_UNKNOWN_AFTER: Final = 4


def believed(snapshot: Snapshot, now: float) -> Snapshot:
    """The snapshot as it may be believed at `now`: what stopped coming is old, then unknown."""
    old = stale_after(snapshot)
    if now - snapshot.at <= old:
        return msgspec.structs.replace(snapshot, at=max(now, snapshot.at))
    aged = age_out(snapshot.pair, now, old, _UNKNOWN_AFTER * old, _SLOW_READINGS)
    return msgspec.structs.replace(snapshot, at=now, pair=aged)

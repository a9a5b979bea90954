"""What a screen paints: one immutable value for everything that is known at one moment."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccops.callcentre.limits import Exceeded
from ccops.callcentre.model import Centre, Line
from ccops.pair.model import Link, PairState, Reading
from ccops.triage.finding import Divergence, Finding


class SpeedSample(msgspec.Struct, frozen=True):
    """One point of a resync's history: when, KiB/s, KiB left."""

    at: float
    speed_kib_s: int
    left_kib: int


class Snapshot(msgspec.Struct, frozen=True):
    """The pair, the call centre and ccops' own links at `at` (seconds since the epoch).

    `pair` has old readings already turned to unknown (see `ccops.pair.freshness`); `centre.taken_at` is when
    the last word came from Asterisk. `links` is keyed `ami:NODE` and `mysql:NODE`; the SSH links are the nodes'.
    `findings` holds all that are true, the gravest first, also those that follow from another (`cause`). `divergence`
    is there while the verdict or a finding is a split brain.
    `examined`: both nodes' configurations have been read, and what the lint found is among the findings.
    `agent_names` has the call-center module's names by interface (Agent/9000).
    `exceeded` has the limits that queues are beyond, by queue.
    `timeline_end` counts all lines ever put on the store's time line.
    """

    at: float
    pair: PairState
    verdict: Finding
    findings: tuple[Finding, ...] = ()
    divergence: Divergence | None = None
    examined: bool = False
    serving: str | None = None
    serving_since: float | None = None
    centre: Reading[Centre] = Reading()
    centre_node: str | None = None
    lines: tuple[Line, ...] = ()
    links: Mapping[str, Link] = {}
    sync_history: tuple[SpeedSample, ...] = ()
    timeline_end: int = 0
    interval_s: float = 1.0
    recording: str | None = None
    agent_names: Mapping[str, str] = {}
    exceeded: Exceeded = {}

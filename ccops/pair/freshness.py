"""How old a reading may be: live, old, or so old that it is not known any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccops.pair.model import Link, NodeState, PairState, Reading

READINGS = ("drbd", "gi", "heartbeat", "addresses", "mounts", "space", "services")


def freshness(
    taken_at: float | None, now: float, old_after_s: float, unknown_after_s: float
) -> Literal["live", "old", "unknown"]:
    """What the age of something read at `taken_at` makes of it; never read is unknown."""
    if taken_at is None or now - taken_at > unknown_after_s:
        return "unknown"
    return "old" if now - taken_at > old_after_s else "live"


def age_out(
    pair: PairState,
    now: float,
    old_after_s: float,
    unknown_after_s: float,
    limits: Mapping[str, float] | None = None,
) -> PairState:
    """The pair as it may be believed at `now` (which becomes `at`).

    A reading older than `unknown_after_s` loses its value and says since when it was not read; so do load and uptime,
    which come with the sample. `limits` gives readings that are taken less often (`gi`, `space`) their own limit in
    seconds. A link that is up but brought no sample for `old_after_s` is silent.
    """
    first, second = (_aged(node, now, old_after_s, unknown_after_s, limits or {}) for node in pair.nodes)
    return msgspec.structs.replace(pair, nodes=(first, second), at=now)


def _aged(node: NodeState, now: float, old: float, unknown: float, limits: Mapping[str, float]) -> NodeState:
    changes: dict[str, object] = {}
    for field in READINGS:
        reading: Reading[object] = getattr(node, field)
        if reading.value is not None and freshness(reading.taken_at, now, old, limits.get(field, unknown)) == "unknown":
            changes[field] = Reading(None, _not_read(reading.taken_at, now), reading.taken_at)
    state = freshness(node.sampled_at, now, old, unknown)
    if state == "unknown":
        changes |= {"load": None, "uptime_s": None}
    if state != "live" and node.link.phase == "up" and node.sampled_at is not None:
        changes["link"] = _silent(node.link, node.sampled_at, now)
    return msgspec.structs.replace(node, **changes) if changes else node


def _silent(link: Link, sampled_at: float, now: float) -> Link:
    return msgspec.structs.replace(link, phase="silent", problem=f"no sample for {now - sampled_at:.0f} s")


def _not_read(taken_at: float | None, now: float) -> str:
    return "never read" if taken_at is None else f"not read for {now - taken_at:.0f} s"

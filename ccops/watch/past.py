"""What a single look at a pair cannot tell: since when it is as it is, and how its volume grows."""

from __future__ import annotations

from ccops.pair import joined
from ccops.pair.model import NodeState, PairState
from ccops.triage.case import Memory

_GROWTH_EVERY_S = 60.0
_GROWTH_OVER_S = 3600.0
_GROWTH_AFTER_S = 300.0


class Past:
    """Follows a pair from look to look. Times are of the clock that `memory` is given."""

    def __init__(self) -> None:
        self._transition_at: float | None = None
        self._connections: dict[str, tuple[str, float]] = {}
        self._settled_at: float | None = None
        self._used: dict[str, list[tuple[float, int]]] = {}

    def settled(self, now: float) -> None:
        """The pair was seen well."""
        self._settled_at = now

    def memory(self, pair: PairState, now: float, *, unserved_s: float | None) -> Memory:
        """What is remembered at `now`, this look included."""
        moving = any(n.heartbeat.value is not None and n.heartbeat.value.resources == "transition" for n in pair.nodes)
        self._transition_at = (self._transition_at or now) if moving else None
        for node in pair.nodes:
            self._follow(pair, node, now)
        return Memory(
            unserved_s=unserved_s,
            transition_s=None if self._transition_at is None else now - self._transition_at,
            connection_s={name: now - since for name, (_, since) in self._connections.items()},
            settled_s=None if self._settled_at is None else now - self._settled_at,
            growth_kib_s={name: speed for name in self._used if (speed := self._growth(name)) is not None},
        )

    def _follow(self, pair: PairState, node: NodeState, now: float) -> None:
        found = joined.resource(node, pair.layout)
        if found is None:
            self._connections.pop(node.name, None)
        elif self._connections.get(node.name, ("", 0.0))[0] != found.connection:
            self._connections[node.name] = (found.connection, now)
        space = node.space.value
        if space is None:
            self._used.pop(node.name, None)
            return
        seen = self._used.setdefault(node.name, [])
        if not seen or now - seen[-1][0] >= _GROWTH_EVERY_S:
            seen.append((now, space.used_kib))
            while now - seen[0][0] > _GROWTH_OVER_S:
                seen.pop(0)

    def _growth(self, name: str) -> float | None:
        """KiB a second over the last hour; None before a few minutes have been seen."""
        (first_at, first), (last_at, last) = self._used[name][0], self._used[name][-1]
        return (last - first) / (last_at - first_at) if last_at - first_at >= _GROWTH_AFTER_S else None

"""What one node's Heartbeat believes and holds."""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING: frozenset[int] = frozenset()


@dataclass
class Member:
    """The daemon on one node. `holds` are the shares it is responsible for, named by the node that owns them.

    `unit` is what systemd says: a daemon that restarts itself is active all the while.
    """

    pid: int
    unit: str = "active"
    phase: str = "running"
    holds: frozenset[int] = NOTHING
    flux: bool = False
    peer: str = "active"
    link: bool = True
    heard_at: float = 0.0
    heard_wall: float = 0.0
    jobs: set[str] = field(default_factory=set)

"""When the console calls for attention: once for each grave finding, never for one that somebody has seen, and once for
each limit that a queue goes beyond."""

from __future__ import annotations

from collections.abc import Sequence

from ccops.callcentre.limits import Episodes, Exceeded, Excess
from ccops.triage.finding import Finding

GONE_AFTER_S = 30.0
"""A finding that was away for less is the same one still."""


class Alarms:
    """The grave findings of one pair. Times are those of its snapshots."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}
        self._called: set[str] = set()
        self._acknowledged: set[str] = set()
        self._queues = Episodes()

    def heard(self, findings: Sequence[Finding], at: float) -> tuple[Finding, ...]:
        """Takes the findings at `at`; returns the grave ones (critical, following from no other) that are new.

        One that only followed from another until now is new when it no longer does.
        """
        now = {mark(f): f for f in findings}
        new = tuple(f for key, f in now.items() if _is_grave(f) and key not in self._called)
        self._called |= {mark(f) for f in new}
        self._heard_at |= dict.fromkeys(now, at)
        for key in [key for key, last in self._heard_at.items() if at - last > GONE_AFTER_S]:
            del self._heard_at[key]
            self._acknowledged.discard(key)
            self._called.discard(key)
        return new

    def heard_queues(self, exceeded: Exceeded, at: float) -> list[tuple[str, Excess]]:
        """Takes the limits that queues are beyond at `at`; returns those that are new."""
        return self._queues.heard(exceeded, at)[0]

    def acknowledge(self, finding: Finding) -> bool:
        """Somebody has seen it (or, the second time, wants it unseen); True when it is acknowledged now."""
        self._acknowledged ^= {mark(finding)}
        return mark(finding) in self._acknowledged

    @property
    def acknowledged(self) -> frozenset[str]:
        """The marks of what somebody has seen and that has not changed since."""
        return frozenset(self._acknowledged)


def mark(finding: Finding) -> str:
    """What makes a finding the same to whoever has seen it: its code, nodes and severity, not its numbers."""
    return f"{finding.severity} {finding.key}"


def _is_grave(finding: Finding) -> bool:
    return finding.severity == "critical" and finding.cause is None

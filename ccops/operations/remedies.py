"""Which operation is the remedy of which finding: one table, so that the triage view can offer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ccops.operations.plan import Request
from ccops.pair import joined
from ccops.triage.finding import Finding
from ccops.watch.snapshot import Snapshot

_Remedy = Callable[[Finding, Snapshot], "Request | None"]


def remedy_of(finding: Finding, snapshot: Snapshot) -> Request | None:
    """What to ask for; what it still takes (a victim) is asked of the person. None where no operation mends it."""
    remedy = _REMEDIES.get(finding.code)
    return None if remedy is None else remedy(finding, snapshot)


def _plain(operation: str) -> _Remedy:
    return lambda finding, snapshot: Request(operation)


def _rejoin(finding: Finding, snapshot: Snapshot) -> Request | None:
    """Only where it is clear which node is to be started: of two that are stopped, a person chooses the first."""
    known = [name for name in finding.nodes if name in snapshot.pair.layout.nodes]
    return Request("rejoin", known[0]) if len(known) == 1 else Request("rejoin")


def _isolate(finding: Finding, snapshot: Snapshot) -> Request | None:
    spare = [name for name in snapshot.pair.layout.nodes if joined.is_primary(snapshot.pair, name) is False]
    return Request("isolate", spare[0]) if len(spare) == 1 else None


def _restart(finding: Finding, snapshot: Snapshot) -> Request | None:
    """The first service that is down where the volume is; with two down, the next finding tells of the other."""
    for name in finding.nodes:
        for service in snapshot.pair.layout.services:
            if joined.service_state(snapshot.pair, name, service) == "stopped":
                return Request("service", arguments={"name": service})
    return None


def _demote(finding: Finding, snapshot: Snapshot) -> Request | None:
    idle = [name for name in snapshot.pair.layout.nodes if joined.has_mount(snapshot.pair, name) is False]
    return Request("secondary", idle[0]) if len(idle) == 1 else None


_REMEDIES: Final[Mapping[str, _Remedy]] = {
    "split-brain": _plain("recover"),
    "split-brain-active": _plain("recover"),
    "disconnected-by-administrator": _plain("resync"),
    "verify-found-blocks": _plain("resync"),
    "resyncing": _plain("resync"),
    "resync-paused": _plain("resume-sync"),
    "heartbeat-stopped": _rejoin,
    "address-on-both": _isolate,
    "both-primary": _demote,
    "service-down": _restart,
}

"""The one table of states: how grave each is, and short words for it. Screens, commands and triage share it.

Sources: the connection, disk and role states of DRBD 8.0 to 8.4 (and the two names DRBD 9 adds), the states that
`cl_status` of Heartbeat 2.1.3 and 3.0.6 prints. A grave state can be harmless in its context: that is triage's subject.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccops.text import clean

Severity = Literal["ok", "info", "warning", "critical", "unknown"]
Kind = Literal["connection", "disk", "role", "node", "resources", "link", "service", "phase"]


class Word(msgspec.Struct, frozen=True):
    """A state as it is shown: how grave, and in which words."""

    severity: Severity
    text: str


def describe(kind: Kind, value: str | None) -> Word:
    """The words for a state. `None` is "not known"; a state not in the table is unknown, and shown as it came."""
    if value is None:
        return Word("unknown", "not known")
    return TABLE[kind].get(value) or Word("unknown", clean(value, 64).strip() or "not known")


def worst(severities: tuple[Severity, ...]) -> Severity:
    """The gravest; unknown is graver than warning, as it can hide anything, but not than critical."""
    return max(severities, key=_ORDER.index, default="unknown")


_ORDER: tuple[Severity, ...] = ("ok", "info", "warning", "unknown", "critical")

_CONNECTIONS: Mapping[str, Word] = {
    "Connected": Word("ok", "connected"),
    "VerifyS": Word("info", "verifying (source)"),
    "VerifyT": Word("info", "verifying (target)"),
    "SyncSource": Word("warning", "resync, source"),
    "SyncTarget": Word("warning", "resync, target: not safe to promote"),
    "WFBitMapS": Word("warning", "resync begins (source)"),
    "WFBitMapT": Word("warning", "resync begins (target)"),
    "WFSyncUUID": Word("warning", "resync begins (target)"),
    "StartingSyncS": Word("warning", "full resync begins (source)"),
    "StartingSyncT": Word("warning", "full resync begins (target)"),
    "PausedSyncS": Word("warning", "resync paused (source)"),
    "PausedSyncT": Word("warning", "resync paused (target)"),
    "Ahead": Word("warning", "not replicating: ahead of the peer"),
    "Behind": Word("warning", "not replicating: behind the peer"),
    "WFConnection": Word("critical", "waiting for the peer"),
    "Connecting": Word("critical", "waiting for the peer"),
    "StandAlone": Word("critical", "standing alone: replication is off"),
    "Unconnected": Word("warning", "connecting"),
    "Timeout": Word("warning", "the peer timed out"),
    "BrokenPipe": Word("warning", "the link broke"),
    "NetworkFailure": Word("warning", "the network failed"),
    "ProtocolError": Word("warning", "protocol error"),
    "TearDown": Word("warning", "the peer disconnects"),
    "Disconnecting": Word("warning", "disconnecting"),
    "WFReportParams": Word("warning", "handshake"),
    "Unconfigured": Word("critical", "not up"),
    "Off": Word("warning", "not replicating"),
}
_DISKS: Mapping[str, Word] = {
    "UpToDate": Word("ok", "up to date"),
    "Consistent": Word("warning", "consistent, perhaps old"),
    "Negotiating": Word("warning", "negotiating"),
    "Attaching": Word("warning", "attaching"),
    "Detaching": Word("warning", "detaching"),
    "Outdated": Word("critical", "outdated"),
    "Inconsistent": Word("critical", "inconsistent"),
    "Failed": Word("critical", "failed"),
    "Diskless": Word("critical", "no disk"),
    "DUnknown": Word("unknown", "not known"),
}
_ROLES: Mapping[str, Word] = {
    "Primary": Word("ok", "Primary"),
    "Secondary": Word("ok", "Secondary"),
    "Unknown": Word("unknown", "not known"),
}
_NODES: Mapping[str, Word] = {
    "active": Word("ok", "active"),
    "up": Word("warning", "up, not active yet"),
    "ping": Word("ok", "answers pings"),
    "init": Word("warning", "starting"),
    "dead": Word("critical", "seen as dead"),
}
_RESOURCES: Mapping[str, Word] = {
    "all": Word("info", "all"),
    "local": Word("ok", "its own share"),
    "foreign": Word("info", "the peer's share"),
    "none": Word("ok", "none"),
    "transition": Word("warning", "in flux"),
}
_LINKS: Mapping[str, Word] = {
    "up": Word("ok", "up"),
    "dead": Word("critical", "dead"),
}
_SERVICES: Mapping[str, Word] = {
    "running": Word("ok", "running"),
    "stopped": Word("info", "stopped"),
    "failed": Word("critical", "failed"),
    "starting": Word("warning", "starting"),
    "stopping": Word("warning", "stopping"),
    "unknown": Word("unknown", "not known"),
}
_PHASES: Mapping[str, Word] = {
    "up": Word("ok", "connected"),
    "connecting": Word("info", "connecting"),
    "silent": Word("warning", "connected, but silent"),
    "down": Word("critical", "unreachable from here"),
    "off": Word("unknown", "not connected"),
}

TABLE: Mapping[Kind, Mapping[str, Word]] = {
    "connection": _CONNECTIONS,
    "disk": _DISKS,
    "role": _ROLES,
    "node": _NODES,
    "resources": _RESOURCES,
    "link": _LINKS,
    "service": _SERVICES,
    "phase": _PHASES,
}

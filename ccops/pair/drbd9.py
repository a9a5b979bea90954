"""`drbdsetup status --json` of DRBD 9, in the terms of DRBD 8: sizes in KiB.

Source: drbd-utils 9 (`drbdsetup status --json`), whose states are those of 8.4 but for three names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ccops.pair.drbd import PAUSED, SYNCING, VERIFYING
from ccops.pair.model import DrbdResource, DrbdStatus, Problem, Sync
from ccops.text import clean

WHERE = "drbdsetup status --json"

# DRBD 9's names for states that DRBD 8 calls otherwise.
_CONNECTIONS = {"Connecting": "WFConnection", "Established": "Connected"}
_WRITE_ORDERS = {"flush": "f", "barrier": "b", "drain": "d", "none": "n"}
_COUNTERS = {"read": "dr", "written": "dw", "al-writes": "al", "bm-writes": "bm", "upper-pending": "ap"}
_PEER_COUNTERS = {"sent": "ns", "received": "nr", "pending": "pe", "unacked": "ua"}
_MAX_RESOURCES = 1000


def parse_drbdsetup_status(text: str, minor: int | None = None) -> DrbdStatus:
    """Every volume of every resource as one `DrbdResource` (only `minor`'s, when given).

    DRBD 9 counts a resync against the whole device: `sync.percent` is the share of the device in sync and `total_kib`
    its size. Of a verify's progress it tells nothing here. With more than one peer the first is shown, and a problem
    says so. `protocol` is not told.
    """
    try:
        status = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return DrbdStatus(problems=(Problem(WHERE, f"JSON was expected: {error}", clean(text.strip(), 200)),))
    if not isinstance(status, list):
        return DrbdStatus(problems=(Problem(WHERE, "a list of resources was expected", clean(text.strip(), 200)),))
    resources: list[DrbdResource] = []
    problems: list[Problem] = []
    for entry in _dicts(status):
        name, connections = _word(entry, "name"), list(_dicts(entry.get("connections")))
        if len(connections) > 1:
            problems.append(Problem(WHERE, f"{name}: {len(connections)} peers; only the first is shown"))
        for device in _dicts(entry.get("devices")):
            number = device.get("minor")
            if isinstance(number, int) and minor in (None, number):
                resources.append(_resource(entry, device, number, connections[0] if connections else {}))
    if not resources:
        problems.append(Problem(WHERE, "no volume was found" if minor is None else f"minor {minor} was not found"))
    return DrbdStatus(resources=tuple(resources), problems=tuple(problems))


def _resource(
    entry: Mapping[str, Any], device: Mapping[str, Any], minor: int, connection: Mapping[str, Any]
) -> DrbdResource:
    volume = device.get("volume")
    peers = list(_dicts(connection.get("peer_devices")))
    peer = next((p for p in peers if p.get("volume") == volume), {})
    state = _connection(connection, peer)
    oos = _number(peer, "out-of-sync")
    return DrbdResource(
        minor=minor,
        connection=state,
        role=_word(entry, "role"),
        peer_role=_word(connection, "peer-role") or "Unknown",
        disk=_word(device, "disk-state"),
        peer_disk=_word(peer, "peer-disk-state") or "DUnknown",
        flags=_flags(entry, peer),
        out_of_sync_kib=oos,
        counters=dict(_counters(device, peer)),
        write_order=_WRITE_ORDERS.get(_word(entry, "write-ordering") or ""),
        sync=_sync(state, oos, _number(device, "size"), peer),
        name=_word(entry, "name"),
    )


def _connection(connection: Mapping[str, Any], peer: Mapping[str, Any]) -> str:
    state = _word(connection, "connection-state") or "StandAlone"
    if state == "Connected":
        state = _word(peer, "replication-state") or state
    return _CONNECTIONS.get(state, state)


def _sync(state: str, oos: int | None, size: int | None, peer: Mapping[str, Any]) -> Sync | None:
    if state in VERIFYING:
        return Sync(kind="verify")
    if state not in SYNCING | PAUSED:
        return None
    percent = peer.get("percent-in-sync")
    known = isinstance(percent, int | float) and 0 <= percent <= 100
    return Sync(
        kind="resync",
        percent=float(percent) if known and percent is not None else None,
        left_kib=oos,
        total_kib=size,
        paused=state in PAUSED,
    )


def _flags(entry: Mapping[str, Any], peer: Mapping[str, Any]) -> str:
    """The six flags of DRBD 8.4's line, as far as DRBD 9 tells of them: I/O suspended, resync paused by whom."""
    suspended = any(value not in (False, "no", None) for key, value in entry.items() if key.startswith("suspended"))
    paused = _word(peer, "resync-suspended") or ""
    marks = (("dependency", "a"), ("peer", "p"), ("user", "u"))
    return ("s" if suspended else "r") + "".join(mark if word in paused else "-" for word, mark in marks) + "--"


def _counters(device: Mapping[str, Any], peer: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for source, names in ((peer, _PEER_COUNTERS), (device, _COUNTERS)):
        for theirs, ours in names.items():
            if (number := _number(source, theirs)) is not None:
                yield ours, number


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value[:_MAX_RESOURCES] if isinstance(item, dict))


def _word(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return clean(value, 128) if isinstance(value, str) else None


def _number(source: Mapping[str, Any], key: str) -> int | None:
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None

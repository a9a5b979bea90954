"""What lies between the nodes: DRBD's connection, the resync over it, and Heartbeat's links."""

from __future__ import annotations

import textwrap
from typing import Final

from ccops.pair.joined import best_sync, resource
from ccops.pair.model import Sync
from ccops.pair.vocabulary import describe
from ccops.tui import quantities, themes
from ccops.tui.widgets.bar import sparkline
from ccops.tui.widgets.card import AnyRow, Face, Gauge, Joint, Part, Row
from ccops.tui.widgets.node_panel import is_old, said
from ccops.watch.snapshot import Snapshot

_FLAT: Final = 56

# A side in one of these states sends to, or receives from, the other one.
_SENDS: Final = frozenset({"SyncSource", "VerifyS", "PausedSyncS", "Ahead", "WFBitMapS", "StartingSyncS"})
_TAKES: Final = frozenset(
    {"SyncTarget", "VerifyT", "PausedSyncT", "Behind", "WFBitMapT", "StartingSyncT", "WFSyncUUID"}
)


def face(snapshot: Snapshot, width: int, bare: bool = False) -> Face:
    """The panel for a card `width` cells wide: one line a fact when narrow, fewer and longer ones when it lies flat."""
    joined = best_sync(snapshot.pair)
    flat = width >= _FLAT
    rows: list[AnyRow] = [_replication(snapshot)]
    if joined is not None:
        rows += _progress(joined.sync, snapshot, flat)
    else:
        rows += _meaning(snapshot, width - 4)
    links = _heartbeat(snapshot)
    if links and not flat:
        rows.append(Row(None, ()))
    return Face("between the nodes", (*rows, *links), title_style="$label", bare=bare)


def _replication(snapshot: Snapshot) -> Joint:
    layout = snapshot.pair.layout
    sides = [resource(node, layout) for node in snapshot.pair.nodes]
    left, right = (_side(snapshot, index) for index in (0, 1))
    old = any(is_old(node.drbd, snapshot) for node in snapshot.pair.nodes) or None in sides
    states = [side.connection if side else None for side in sides]
    if states[0] in _SENDS or states[1] in _TAKES:
        flow = "right"
    elif states[0] in _TAKES or states[1] in _SENDS:
        flow = "left"
    else:
        flow = "both" if states == ["Connected", "Connected"] and not old else "none"
    protocol = next((side.protocol for side in sides if side and side.protocol), None)
    name = f"{layout.resource} {protocol}" if protocol else layout.resource
    style = "$unknown" if old else {"both": "$label", "none": "$critical"}.get(flow, "$info")
    return Joint(left, name, right, flow, style)


def _side(snapshot: Snapshot, index: int) -> Part:
    """The connection's state as one node tells it; dim when that is old."""
    reading = snapshot.pair.nodes[index].drbd
    side = resource(snapshot.pair.nodes[index], snapshot.pair.layout)
    text, style = said("connection", side.connection if side else None)
    return (text, "dim") if is_old(reading, snapshot) else (text, style)


def _meaning(snapshot: Snapshot, width: int) -> list[AnyRow]:
    """What the connection's states mean, unless they are as they should be."""
    sides = (resource(node, snapshot.pair.layout) for node in snapshot.pair.nodes)
    states = dict.fromkeys(side.connection for side in sides if side)
    words = [word for state in states if (word := describe("connection", state)).severity != "ok"]
    lines = textwrap.wrap("; ".join(word.text for word in words), width)
    return [Row(None, ((line, "$label"),)) for line in lines]


def _progress(sync: Sync, snapshot: Snapshot, flat: bool) -> list[AnyRow]:
    bar = Gauge((sync.percent or 0.0) / 100, f"{sync.percent:5.1f} %" if sync.percent is not None else "? %")
    speeds = [sample.speed_kib_s for sample in snapshot.sync_history]
    rate: list[Part] = [
        (f"{quantities.size(sync.speed_kib_s)}/s" if sync.speed_kib_s is not None else "rate unknown", "")
    ]
    if speeds:
        rate += [(" ", ""), (sparkline(speeds, 16), "$label")]
    if sync.stalled:
        left: list[Part] = [("stalled", themes.style("critical"))]
    elif sync.paused:
        left = [("paused", "$warning")]
    else:
        time_left = quantities.watch(sync.finish_s) if sync.finish_s is not None else "?"
        left = [(time_left, "bold"), (" left", "$label")]
    amount: list[Part] = [
        (f"{sync.left_kib:,} KiB" if sync.left_kib is not None else "? KiB", ""),
        (" out of sync", "$label"),
    ]
    what: Part = (f"{sync.kind} ", "$label")
    gap: Part = ("  ", "")
    if flat:
        return [bar, Row(None, (what, *rate, gap, *left, gap, *amount))]
    return [bar, Row(None, (what, *rate)), Row(None, (*left,)), Row(None, (*amount,))]


def _heartbeat(snapshot: Snapshot) -> list[AnyRow]:
    """Each of Heartbeat's links, with what either node says of it."""
    first, second = (node.heartbeat.value for node in snapshot.pair.nodes)
    names = dict.fromkeys([*(first.links if first else ()), *(second.links if second else ())])
    old = [is_old(node.heartbeat, snapshot) or node.heartbeat.value is None for node in snapshot.pair.nodes]
    rows: list[AnyRow] = []
    for name in names:
        states = [beat.links.get(name) if beat else None for beat in (first, second)]
        left, right = (
            (text, "dim" if age else style)
            for (text, style), age in zip((said("link", state) for state in states), old, strict=True)
        )
        alive = [state == "up" and not age for state, age in zip(states, old, strict=True)]
        flow = {(True, True): "both", (True, False): "left", (False, True): "right"}.get((alive[0], alive[1]), "none")
        style = "$label" if all(alive) else "$critical" if "dead" in states else "$unknown"
        rows.append(Joint(left, name, right, flow, style))
    return rows

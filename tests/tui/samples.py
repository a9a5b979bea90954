"""Snapshots of a pair as the screens get them: healthy, in resync, split, half seen, unknown, hostile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from ccops.callcentre.model import Caller, Centre, Channel, Member, Queue
from ccops.pair.model import (
    Address,
    DrbdResource,
    DrbdStatus,
    Heartbeat,
    Link,
    LogLine,
    Mount,
    NodeState,
    PairLayout,
    PairState,
    Reading,
    Service,
    Space,
    Sync,
)
from ccops.triage.finding import Divergence, Evidence, Finding, Period, Side, Step, Traces
from ccops.watch.snapshot import Snapshot, SpeedSample

NOW = 1_783_046_498.0  # 2026-07-03 02:41:38 UTC
NODES = ("elaxtix-voip", "elaxtix-voip-2")
LAYOUT = PairLayout("lab", NODES, "192.168.27.120")

HEALTHY = Finding(
    "healthy",
    "ok",
    "both nodes are connected and up to date",
    meaning="Calls go on, and the other node could take over.",
)

HOSTILE = "[/foo] [@click=app.quit]x[/] \x1b]0;owned\x07\x1b[31m\u202egnp.exe"


def drbd(connection: str = "Connected", role: str = "Primary", **changes: Any) -> DrbdResource:
    """One side of the resource."""
    peer = "Secondary" if role == "Primary" else "Primary"
    values: dict[str, Any] = {
        "minor": 1,
        "connection": connection,
        "role": role,
        "peer_role": peer,
        "disk": "UpToDate",
        "peer_disk": "UpToDate",
        "protocol": "C",
        "flags": "r-----",
        "out_of_sync_kib": 0,
    }
    return DrbdResource(**(values | changes))


def node(
    name: str,
    *,
    serves: bool,
    resource: DrbdResource | None = None,
    heartbeat: Heartbeat | None = None,
    at: float = NOW,
    **changes: Any,
) -> NodeState:
    """One node, all of it read at `at`."""
    peer = NODES[1] if name == NODES[0] else NODES[0]
    addresses = [Address("eth0", "192.168.27.121" if name == NODES[0] else "192.168.27.122", 24)]
    if serves:
        addresses.append(Address("eth0", "192.168.27.120", 24, "eth0:0"))
    state: Service = "running" if serves else "stopped"
    services: Mapping[str, Service] = {"asterisk": state, "mysqld": state}
    beat = heartbeat or Heartbeat(
        True, "3.0.6", "local", {name: "active", peer: "active"}, {"eth0": "up", "eth1": "up"}
    )
    mounts = (Mount("/dev/drbd1", "/data", "ext3"),) if serves else ()
    found = NodeState(
        name,
        Link("up", NOW - 7200, latency_s=0.012),
        at,
        0.1 if name == NODES[0] else -0.2,
        1_051_200.0,
        (0.42, 0.40, 0.31),
        Reading(DrbdStatus("8.4.11", (resource or drbd(role="Primary" if serves else "Secondary"),)), None, at),
        heartbeat=Reading(beat, None, at),
        addresses=Reading(tuple(addresses), None, at),
        mounts=Reading(mounts, None, at),
        space=Reading(Space(386_000, 323_000, 63_000) if serves else None, None if serves else "not mounted", at),
        services=Reading(services, None, at),
        versions={"asterisk": "16.28.0", "mysqld": "10.5.29", "drbd": "8.4.11"} if serves else {},
    )
    return msgspec.structs.replace(found, **changes)


def centre() -> Centre:
    """A small call centre with three callers waiting and six agents."""
    states = ((2, False), (2, False), (1, False), (6, False), (1, True), (5, False))
    members = {
        f"SIP/{100 + i}": Member(
            "sales", f"SIP/{100 + i}", f"Agent {i}", status=status, status_since=NOW - 60, paused=paused
        )
        for i, (status, paused) in enumerate(states)
    }
    callers = tuple(
        Caller(f"17830464{i}.{i}", "sales", f"3906123456{i}", f"Caller {i}", i + 1, NOW - 72 + 20 * i) for i in range(3)
    )
    channels = {f"SIP/trunk-{i}": Channel(f"SIP/trunk-{i}", f"17830464{i}.{i}") for i in range(9)}
    rates = tuple(round(6 + 4 * math.sin(i / 4)) for i in range(60))
    queue = Queue("sales", "rrmemory", 60, callers=callers, members=members)
    return Centre({"sales": queue}, channels=channels, synced_at=NOW - 3600, updated_at=NOW, calls_per_minute=rates)


def snapshot(first: NodeState, second: NodeState, **changes: Any) -> Snapshot:
    """A snapshot of the pair of these two nodes."""
    values: dict[str, Any] = {
        "at": NOW,
        "pair": PairState(LAYOUT, (first, second), NOW),
        "verdict": HEALTHY,
        "findings": (HEALTHY,),
        "serving": NODES[0],
        "serving_since": NOW - 11_520,
        "centre": Reading(centre(), None, NOW),
        "centre_node": NODES[0],
    }
    return Snapshot(**(values | changes))


def healthy(**changes: Any) -> Snapshot:
    """Node 1 serves, node 2 stands by."""
    return snapshot(node(NODES[0], serves=True), node(NODES[1], serves=False), **changes)


def resync() -> Snapshot:
    """Node 2 catches up, two thirds done."""
    sync = Sync("resync", 63.2, 12_345, 33_560, 11_280, 10_400, finish_s=73)
    source = drbd("SyncSource", peer_disk="Inconsistent", out_of_sync_kib=12_345, sync=sync)
    target = drbd("SyncTarget", "Secondary", disk="Inconsistent", out_of_sync_kib=12_345, sync=sync)
    speeds = tuple(
        SpeedSample(NOW - 30 + i, round(9000 + 2500 * math.sin(i / 3)), 400_000 - 9000 * i) for i in range(30)
    )
    finding = Finding(
        "resync", "warning", "elaxtix-voip-2 is being brought up to date: not safe to fail over", since=NOW - 42
    )
    return snapshot(
        node(NODES[0], serves=True, resource=source),
        node(NODES[1], serves=False, resource=target),
        verdict=finding,
        findings=(finding,),
        sync_history=speeds,
    )


def split_brain() -> Snapshot:
    """Both nodes serve and cannot see each other."""

    def side(index: int, connection: str, kib: int) -> NodeState:
        name, peer = NODES[index], NODES[1 - index]
        beat = Heartbeat(True, "3.0.6", "all", {name: "active", peer: "dead"}, {"eth0": "dead", "eth1": "dead"})
        resource = drbd(connection, peer_role="Unknown", peer_disk="DUnknown", protocol=None, out_of_sync_kib=kib)
        return node(name, serves=True, resource=resource, heartbeat=beat)

    finding = Finding(
        "split-brain",
        "critical",
        "both nodes are Primary and hold 192.168.27.120; they cannot see each other",
        NODES,
        since=NOW - 72,
    )
    space = Finding("space-low", "warning", "/data on elaxtix-voip has 16 % left", (NODES[0],))
    return snapshot(
        side(0, "StandAlone", 3_172),
        side(1, "WFConnection", 20_580),
        verdict=finding,
        findings=(finding, space),
        serving=None,
        serving_since=None,
    )


def unreachable() -> Snapshot:
    """Node 2 does not answer SSH; what was read of it is 12 s old."""
    gone = node(NODES[1], serves=False, at=NOW - 12, link=Link("down", NOW - 11, "connection timed out"))
    finding = Finding("node-unreachable", "warning", "elaxtix-voip-2 is unreachable from here; it may well be running")
    return snapshot(node(NODES[0], serves=True), gone, verdict=finding, findings=(finding,))


def unknown() -> Snapshot:
    """Nothing has been read yet."""
    first, second = (NodeState(name, Link("connecting")) for name in NODES)
    finding = Finding("unknown", "unknown", "nothing has been read yet")
    return snapshot(
        first, second, verdict=finding, serving=None, serving_since=None, centre=Reading(), centre_node=None
    )


def hostile() -> Snapshot:
    """Markup, escape sequences, bidi and wide characters in every text there is."""
    text = HOSTILE
    layout = msgspec.structs.replace(
        LAYOUT, name=text, mount=text, resource=text, services={"asterisk": text, text: text}
    )
    beat = Heartbeat(True, text, text, {NODES[0]: text, NODES[1]: text}, {text: text})
    resource = drbd(text, text, disk=text, peer_disk=text, protocol=text, flags=text)
    services: Any = {"asterisk": text, text: text}
    sides = [
        node(
            name,
            serves=True,
            resource=resource,
            heartbeat=beat,
            mounts=Reading((Mount("/dev/drbd1", text, text),), None, NOW),
            services=Reading(services, None, NOW),
            addresses=Reading((Address(text, LAYOUT.address, 24, text),), None, NOW),
            versions={"asterisk": text},
            link=Link("silent", NOW, text),
            space=Reading(None, text, NOW),
        )
        for name in NODES
    ]
    finding = Finding(text, "critical", text, (text,), (text,), NOW)
    sides[1] = msgspec.structs.replace(sides[1], name=f"漢字-é-{text}")
    return snapshot(
        sides[0],
        sides[1],
        pair=PairState(msgspec.structs.replace(layout, nodes=(NODES[0], sides[1].name)), (sides[0], sides[1]), NOW),
        verdict=finding,
        findings=(finding, Finding("b" + text, "warning", text)),
        serving=text,
        centre=Reading(None, text, NOW),
        recording=text,
    )


def lines(count: int = 40) -> list[LogLine]:
    """Lines of all four sources, one each 0.25 s, the last one at NOW."""
    texts = (
        ("ha-log", NODES[0], "info", "heartbeat", "Link elaxtix-voip-2:eth1 up."),
        ("kernel", NODES[1], "warning", "", "block drbd1: conn( WFConnection -> WFReportParams )"),
        ("ami", None, "notice", "", "queue sales: 3 callers wait, the first since 1:12"),
        ("ccops", None, "info", "", "ssh to elaxtix-voip-2 is up"),
        ("kernel", NODES[0], "error", "", "block drbd1: Split-Brain detected but unresolved, dropping connection!"),
    )
    found = []
    for index in range(count):
        source, name, level, tag, text = texts[index % len(texts)]
        at = NOW - (count - 1 - index) * 0.25
        found.append(LogLine(at, source, text, name, level, tag))  # type: ignore[arg-type]
    return found


def diverged() -> Snapshot:
    """A split brain as it is diagnosed: what it is, what it hides, how far the sides parted."""
    first, second = NODES
    parted = NOW - 620
    traces = Traces(
        cdr=Reading(NOW - 700, None, NOW),
        queue_log=Reading(NOW - 95, None, NOW),
        calls=Reading(None, "no right to read the table", NOW),
        recording=Reading(NOW - 130, None, NOW),
        channels=Reading(4, None, NOW),
    )
    sides = (
        Side(first, True, True, 3128, "/proc/drbd", (Period(NOW - 9000, None),), (Period(NOW - 9000, None),), traces),
        Side(
            second,
            False,
            False,
            20_708,
            "/proc/drbd",
            (Period(parted + 10, parted + 57),),
            (Period(parted + 8, parted + 57),),
            Traces(cdr=Reading(None, "not mounted here", NOW), channels=Reading(0, None, NOW)),
        ),
    )
    split = Finding(
        "split-brain",
        "critical",
        f"the two sides have diverged and DRBD refuses to join them (only here: {first} 3128 KiB, {second} 20708 KiB)",
        NODES,
        (
            Evidence("/proc/drbd", "cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown r----- oos:3128", first, NOW),
            Evidence(
                "kernel log",
                "block drbd1: Split-Brain detected but unresolved, dropping connection!",
                second,
                NOW - 560,
            ),
        ),
        meaning=f"{first} serves; calls go on, without a copy of anything that is written.",
        avoid="Do not fail over, and do not connect by force: whichever side is discarded loses what only it has.",
        remedy=(
            Step("compare both sides and choose whose changes are given up (the victim)"),
            Step("stop Heartbeat on the victim", second, "service heartbeat stop"),
            Step("discard its changes and connect", second, "drbdadm connect --discard-my-data data"),
        ),
        since=parted,
    )
    follows = Finding(
        "partition-healed",
        "warning",
        "the nodes were cut off from each other and have met again after 63 s",
        NODES,
        cause="split-brain",
        since=NOW - 570,
    )
    remark = Finding(
        "configuration-single-link",
        "warning",
        "Heartbeat has one link only (eth0)",
        NODES,
        meaning="A single cable decides.",
        remedy=(Step("add a second one"),),
    )
    divergence = Divergence(
        sides,
        90,
        (),
        parted,
        second,
        (f"{first} serves now, with 4 calls up", f"{second} was Primary for 47 s since they parted"),
    )
    return msgspec.structs.replace(
        split_brain(), verdict=split, findings=(split, follows, remark), divergence=divergence
    )

"""One small rule a condition: facts of both nodes → a finding, or None when it does not hold.

Codes are stable: scripts and people know them. A rule never guesses: what is not known makes no finding here,
`blind.py` says what is not known.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ccops.pair import joined
from ccops.pair.model import PairState, Sync
from ccops.triage.divergence import diverged
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Finding

_SYNC_STATES = ("SyncSource", "SyncTarget", "WFBitMapS", "WFBitMapT", "WFSyncUUID", "StartingSyncS", "StartingSyncT")
_UNSAFE_DISKS = ("Inconsistent", "Outdated", "Failed", "Diskless", "Detaching")
_SKEW_S = 5.0
_FULL_PCT, _FILLING_PCT = 95.0, 85.0


class Case(msgspec.Struct, frozen=True):
    """What every rule looks at. `unserved_s`: how long nobody was seen serving, None when somebody is or never was."""

    pair: PairState
    facts: tuple[NodeFacts, NodeFacts]
    splits: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    unserved_s: float | None = None
    patience_s: float = 60.0
    start_s: float = 15.0

    @property
    def names(self) -> tuple[str, str]:
        """The two nodes' names."""
        return self.facts[0].name, self.facts[1].name

    def drbd(self) -> tuple[str, ...]:
        """DRBD's evidence from both."""
        return tuple(f.drbd_evidence() for f in self.facts)

    def heartbeat(self) -> tuple[str, ...]:
        """Heartbeat's evidence from both."""
        first, second = self.facts
        return first.heartbeat_evidence(second.name), second.heartbeat_evidence(first.name)

    def holding(self) -> tuple[str, ...]:
        """Who was seen to hold what."""
        return tuple(f.holding_evidence() for f in self.facts)

    @property
    def in_flux(self) -> bool:
        """True while Heartbeat on either node says that it moves resources."""
        return any(f.in_transition for f in self.facts)

    @property
    def moving(self) -> bool:
        """True while Heartbeat moves resources, or while they were seen moving a short while ago."""
        return self.in_flux or (self.unserved_s is not None and self.unserved_s < self.patience_s)


Rule = Callable[[Case], Finding | None]


def split_brain_active(case: Case) -> Finding | None:
    """Both sides are Primary and cut off from each other: data is diverging now."""
    a, b = case.facts
    if not (a.primary and b.primary and (a.cut_off or b.cut_off)):
        return None
    both = " and hold the address" if a.address and b.address else ""
    summary = f"data is diverging now: both nodes are Primary{both}, cut off from each other"
    return Finding("split-brain-active", "critical", summary, case.names, case.drbd() + case.heartbeat())


def split_brain(case: Case) -> Finding | None:
    """The sides have diverged and DRBD refuses to join them: by generation identifiers, or by the kernel's word."""
    a, b = case.facts
    if not (a.cut_off or b.cut_off) or (a.primary and b.primary):
        return None
    identifiers = diverged(case.pair)
    if not identifiers and not case.splits:
        return None
    evidence = case.drbd() + ((identifiers,) if identifiers else ()) + case.splits
    only = [
        f"{f.name} {f.resource.out_of_sync_kib} KiB" for f in case.facts if f.resource and f.resource.out_of_sync_kib
    ]
    extra = f" (only here: {', '.join(only)})" if only else ""
    summary = f"the two sides have diverged and DRBD refuses to join them{extra}"
    return Finding("split-brain", "critical", summary, case.names, evidence)


def address_on_both(case: Case) -> Finding | None:
    """The virtual address on both nodes."""
    if not all(f.address for f in case.facts):
        return None
    summary = f"{case.pair.layout.address} is on both nodes: phones reach one or the other by chance"
    return Finding("address-on-both", "critical", summary, case.names, case.holding())


def disk_failed(case: Case) -> Finding | None:
    """A side has no disk."""
    bad = [f for f in case.facts if f.resource and f.resource.disk in ("Failed", "Diskless")]
    if not bad:
        return None
    names = tuple(f.name for f in bad)
    disks = ", ".join(f"{f.name} {f.resource.disk}" for f in bad if f.resource)
    return Finding("disk-failed", "critical", f"DRBD works without its own disk: {disks}", names, case.drbd())


def io_frozen(case: Case) -> Finding | None:
    """I/O on the volume is suspended (the first flag is `s`)."""
    bad = tuple(f.name for f in case.facts if f.resource and f.resource.io_suspended)
    if not bad:
        return None
    return Finding("io-frozen", "critical", f"I/O is frozen on {', '.join(bad)}: nothing is written", bad, case.drbd())


def nobody_serves(case: Case) -> Finding | None:
    """Address, mount and Primary role are seen on neither node, and nothing moves."""
    if case.moving or any(f.holds_anything for f in case.facts):
        return None
    if any(x is None for f in case.facts for x in (f.address, f.mount, f.primary)):
        return None
    summary = "nobody serves: neither node holds the address, the volume or the Primary role"
    return Finding("nobody-serves", "critical", summary, case.names, case.holding() + case.heartbeat())


def served_apart(case: Case) -> Finding | None:
    """Address, mount and Primary role are not together."""
    if case.moving or joined.serving(case.pair) is not None:
        return None
    for f in case.facts:
        parts = (f.address, f.mount, f.primary)
        if None not in parts and any(parts) and not all(parts):
            missing = [w for w, held in zip(("address", "mount", "Primary role"), parts, strict=True) if not held]
            code = "address-missing" if missing == ["address"] else "served-apart"
            summary = f"{f.name} serves without the {' and the '.join(missing)}"
            return Finding(code, "critical", summary, (f.name,), case.holding())
    return None


def service_down(case: Case) -> Finding | None:
    """Asterisk or MySQL down on the node that holds everything else."""
    # Services start last, within a takeover; what Heartbeat does not move is given only this long to come up.
    if case.in_flux or (case.unserved_s is not None and case.unserved_s < case.start_s):
        return None
    for f in case.facts:
        if f.address and f.mount and f.primary and f.services_down:
            words = " and ".join(f.services_down)
            summary = f"{words} {'is' if len(f.services_down) == 1 else 'are'} down on {f.name}, which holds the rest"
            return Finding("service-down", "critical", summary, (f.name,), case.holding())
    return None


def heartbeat_split(case: Case) -> Finding | None:
    """Heartbeat runs on both nodes, and each takes the other for dead."""
    a, b = case.facts
    if not all(f.heartbeat and f.heartbeat.running for f in case.facts):
        return None
    if a.peer_alive is not False or b.peer_alive is not False:
        return None
    summary = "Heartbeat runs on both nodes, but each takes the other for dead (cable, firewall, authkeys or names)"
    return Finding("heartbeat-split", "critical", summary, case.names, case.heartbeat())


def heartbeat_stopped(case: Case) -> Finding | None:
    """Heartbeat stopped on a node that can be reached."""
    stopped = tuple(f.name for f in case.facts if f.heartbeat and f.heartbeat.running is False)
    if not stopped:
        return None
    summary = f"Heartbeat is stopped on {' and '.join(stopped)}: no failover will happen"
    return Finding(
        "heartbeat-stopped", "critical" if len(stopped) == 2 else "warning", summary, stopped, case.heartbeat()
    )


def heartbeat_link_down(case: Case) -> Finding | None:
    """A Heartbeat link is dead, while the peer is still taken for alive."""
    dead = [
        (f.name, [link for link, state in f.heartbeat.links.items() if state == "dead"])
        for f in case.facts
        if f.heartbeat and f.peer_alive is not False
    ]
    named = {name: links for name, links in dead if links}
    if not named:
        return None
    where = ", ".join(f"{' and '.join(links)} on {name}" for name, links in named.items())
    evidence = tuple(
        f"cl_status hblinkstatus on {name}: {link} dead" for name, links in named.items() for link in links
    )
    summary = f"the Heartbeat link {where} is dead: without another the peer will soon be taken for dead"
    return Finding("heartbeat-link-down", "warning", summary, tuple(named), evidence)


def running_on_one_node(case: Case) -> Finding | None:
    """The peer is seen dead by the survivor, which serves."""
    serving = joined.serving(case.pair)
    for f in case.facts:
        if f.name == serving and f.peer_alive is False:
            peer = case.pair.peer(f.name).name
            summary = f"{f.name} serves alone: its Heartbeat takes {peer} for dead"
            return Finding("running-on-one-node", "warning", summary, (f.name, peer), case.heartbeat() + case.drbd())
    return None


def disconnected(case: Case) -> Finding | None:
    """DRBD does not replicate: the administrator's doing, the link, or a cause that the log must tell."""
    cut = [f for f in case.facts if f.cut_off]
    if not cut:
        return None
    names = tuple(f.name for f in cut)
    states = ", ".join(f"{f.name} {f.connection}" for f in cut)
    alone = [f for f in cut if f.connection == "StandAlone"]
    if alone and case.administrators:
        summary = f"replication was disconnected by an administrator ({states})"
        evidence = case.drbd() + case.administrators
        return Finding("disconnected-by-administrator", "critical", summary, names, evidence)
    if alone:
        return Finding(
            "replication-refused",
            "critical",
            f"replication has stopped and will not start by itself ({states})",
            names,
            case.drbd(),
        )
    sighted = any(f.peer_alive for f in case.facts)
    why = "though Heartbeat still sees the peer: do not fail over" if sighted else "and the peer is not seen"
    return Finding(
        "replication-link-down",
        "critical",
        f"the sides do not replicate ({states}), {why}",
        names,
        case.drbd() + case.heartbeat(),
    )


def resync(case: Case) -> Finding | None:
    """A resync under way, paused or stalled: which side is unsafe to promote, and until when."""
    under_way = joined.best_sync(case.pair)
    if under_way is not None and under_way.sync.kind == "resync":
        source, target, sync = under_way.source, under_way.target, under_way.sync
        code, word = _resync_word(sync)
        summary = f"{target} is unsafe to promote: {word} from {source}, {_progress(sync)}"
        return Finding(code, "warning", summary, (source, target), case.drbd())
    starting = [f for f in case.facts if f.connection in _SYNC_STATES]
    if starting:
        return Finding("resyncing", "warning", "a resync is starting", case.names, case.drbd())
    return None


def verifying(case: Case) -> Finding | None:
    """An online verify."""
    under_way = joined.best_sync(case.pair)
    if under_way is None or under_way.sync.kind != "verify":
        return None
    return Finding(
        "verifying", "info", f"the two sides are being compared, {_progress(under_way.sync)}", case.names, case.drbd()
    )


def disk_outdated(case: Case) -> Finding | None:
    """A side's data is not usable for a promotion, and no resync mends it."""
    if joined.best_sync(case.pair) is not None:
        return None
    bad = [f for f in case.facts if f.resource and f.resource.disk in _UNSAFE_DISKS]
    if not bad:
        return None
    disks = ", ".join(f"{f.name} {f.resource.disk}" for f in bad if f.resource)
    return Finding("disk-outdated", "warning", f"not safe to promote: {disks}", tuple(f.name for f in bad), case.drbd())


def pause_flags(case: Case) -> Finding | None:
    """The resync is switched off for the next time it is needed."""
    paused = [f for f in case.facts if f.resource and "user" in f.resource.paused_by]
    if not paused or joined.best_sync(case.pair) is not None:
        return None
    names = tuple(f.name for f in paused)
    return Finding(
        "resync-paused", "warning", f"resync is paused by an administrator on {', '.join(names)}", names, case.drbd()
    )


def out_of_sync(case: Case) -> Finding | None:
    """Connected, both UpToDate, and yet blocks differ: what a verify found."""
    found = [f for f in case.facts if f.connection == "Connected" and f.resource and f.resource.out_of_sync_kib]
    if not found:
        return None
    kib = max(f.resource.out_of_sync_kib or 0 for f in found if f.resource)
    summary = f"the two sides differ by {kib} KiB that nothing will repair by itself"
    return Finding("verify-found-blocks", "warning", summary, case.names, case.drbd())


def in_transition(case: Case) -> Finding | None:
    """Resources are moving: not a fault until its time is over."""
    if not case.moving:
        return None
    for_s = f" for {case.unserved_s:.0f} s" if case.unserved_s is not None else ""
    what = "resources are moving between the nodes"
    if not case.in_flux:
        lacking = next((f for f in case.facts if f.address and f.mount and f.primary and f.services_down), None)
        what = (
            f"{' and '.join(lacking.services_down)} on {lacking.name} not running" if lacking else "nobody seen serving"
        )
    return Finding(
        "in-transition",
        "info",
        what + for_s,
        case.names,
        case.heartbeat() + case.holding(),
    )


def clock_skew(case: Case) -> Finding | None:
    """The clocks of the two nodes differ."""
    first, second = (node.clock_skew_s for node in case.pair.nodes)
    if first is None or second is None or abs(first - second) < _SKEW_S:
        return None
    summary = f"the nodes' clocks differ by {abs(first - second):.0f} s: logs and CDR are hard to compare"
    evidence = tuple(f"date on {n.name}: {n.clock_skew_s:+.1f} s" for n in case.pair.nodes)
    return Finding("clock-skew", "info", summary, case.names, evidence)


def volume_filling(case: Case) -> Finding | None:
    """The mounted volume is nearly full."""
    for node in case.pair.nodes:
        space = node.space.value
        if space is None or space.total_kib <= 0:
            continue
        used = 100.0 * space.used_kib / max(1, space.used_kib + space.free_kib)
        if used >= _FILLING_PCT:
            code, grave = ("data-full", "critical") if used >= _FULL_PCT else ("data-filling", "warning")
            summary = f"{case.pair.layout.mount} on {node.name} is {used:.0f} % full"
            evidence = (f"df -P on {node.name}: {space.free_kib} KiB free of {space.total_kib}",)
            return Finding(code, "critical" if grave == "critical" else "warning", summary, (node.name,), evidence)
    return None


def _resync_word(sync: Sync) -> tuple[str, str]:
    if sync.paused:
        return "resync-paused", "resync paused"
    return ("resync-stalled", "resync stalled") if sync.stalled else ("resyncing", "resync")


def _progress(sync: Sync) -> str:
    parts = [f"{sync.percent:.1f} %"] if sync.percent is not None else []
    if sync.left_kib is not None:
        parts.append(f"{sync.left_kib} KiB left")
    if sync.finish_s is not None and not (sync.paused or sync.stalled):
        parts.append(f"about {sync.finish_s // 60}:{sync.finish_s % 60:02d} to go")
    return ", ".join(parts) or "progress not known"


GRAVEST_FIRST: tuple[Rule, ...] = (
    split_brain_active,
    split_brain,
    io_frozen,
    address_on_both,
    disk_failed,
    nobody_serves,
    served_apart,
    service_down,
    heartbeat_split,
    running_on_one_node,
    disconnected,
    heartbeat_stopped,
    heartbeat_link_down,
    in_transition,
    resync,
    disk_outdated,
    pause_flags,
    out_of_sync,
    volume_filling,
    verifying,
    clock_skew,
)

HIDES: dict[str, frozenset[str]] = {
    "split-brain-active": frozenset(
        {
            "split-brain",
            "address-on-both",
            "heartbeat-split",
            "replication-refused",
            "replication-link-down",
            "disconnected-by-administrator",
            "running-on-one-node",
            "in-transition",
            "disk-outdated",
        }
    ),
    "split-brain": frozenset(
        {"replication-refused", "replication-link-down", "disconnected-by-administrator", "disk-outdated"}
    ),
    "running-on-one-node": frozenset({"replication-link-down", "disk-outdated"}),
    "nobody-serves": frozenset({"served-apart"}),
    "service-down": frozenset({"in-transition"}),
    "resyncing": frozenset({"disk-outdated"}),
}

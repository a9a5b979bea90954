"""Rules about the two copies of the data: resyncs, verifies, disks, and what DRBD refuses because of them."""

from __future__ import annotations

from ccops.pair import joined
from ccops.pair.model import Sync
from ccops.triage.case import Case
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.history import evidence_of

_SYNC_STATES = ("SyncSource", "SyncTarget", "WFBitMapS", "WFBitMapT", "WFSyncUUID", "StartingSyncS", "StartingSyncT")
_UNSAFE_DISKS = ("Inconsistent", "Outdated", "Failed", "Diskless", "Detaching")
_FAILED_DISKS = ("Failed", "Diskless")


def resync(case: Case) -> Finding | None:
    """A resync under way, paused or stalled: which side is unsafe to promote, and until when."""
    under_way = joined.best_sync(case.pair)
    if under_way is None or under_way.sync.kind != "resync":
        return _resync_begins(case)
    source, target, sync = under_way.source, under_way.target, under_way.sync
    if sync.paused:
        return _paused(case, f"{target} is unsafe to promote: resync paused from {source}, {_progress(sync)}")
    if sync.stalled or (sync.speed_kib_s == 0 and not _is_young(case, target)):
        return _stalled(case, source, target, sync)
    return Finding(
        "resyncing",
        "warning",
        f"{target} is unsafe to promote: resync from {source}, {_progress(sync)}",
        (source, target),
        case.drbd(),
        meaning=f"Calls go on. Until it is over there is one whole copy of the data, on {source}.",
        avoid=f"Do not fail over to {target}, and do not restart {source} or its DRBD.",
        remedy=(
            Step("wait; it ends by itself"),
            case.drbd_step("if calls suffer from it, slow it down", target, case.drbdadm(target).rate("10M")),
            case.drbd_step("and put the rate of the configuration back", target, case.drbdadm(target).adjust()),
        ),
    )


def _is_young(case: Case, name: str) -> bool:
    """True while a resync has only begun: then nothing has moved yet, and its speed is 0."""
    lasted = case.memory.connection_s.get(name)
    return lasted is not None and lasted < case.thresholds.connecting


def _resync_begins(case: Case) -> Finding | None:
    if not any(f.connection in _SYNC_STATES for f in case.facts):
        return None
    return Finding(
        "resyncing",
        "warning",
        "a resync is starting",
        case.names,
        case.drbd(),
        meaning="Calls go on.",
        avoid="Do not fail over before it is seen which side is brought up to date.",
        remedy=(Step("wait"),),
    )


def resync_paused(case: Case) -> Finding | None:
    """The resync is switched off for the next time it is needed."""
    paused = [f for f in case.facts if f.resource and "user" in f.resource.paused_by]
    if not paused or joined.best_sync(case.pair) is not None:
        return None
    return _paused(case, f"resync is paused by an administrator on {' and '.join(f.name for f in paused)}")


def _paused(case: Case, summary: str) -> Finding:
    steps: list[Step] = []
    for f in case.facts:
        by = f.resource.paused_by if f.resource else ()
        if "user" in by:
            steps.append(case.drbd_step("take the pause away", f.name, case.drbdadm(f.name).resume_sync()))
        if "dependency" in by:
            steps.append(Step("it waits for another resource's resync (`after` in its configuration)", f.name))
    return Finding(
        "resync-paused",
        "warning",
        summary,
        case.names,
        case.drbd() + _pauses(case),
        meaning="Calls go on. The other side stays without what is missing there for as long as the pause lasts.",
        avoid="Do not fail over: the target's data is not whole.",
        remedy=tuple(steps) or (Step("find out who paused it: the flags tell (a: dependency, p: peer, u: user)"),),
    )


def _pauses(case: Case) -> tuple[Evidence, ...]:
    return tuple(e for name in case.names for e in evidence_of(case.lately_kernel(name, "pause"), 1))


def _stalled(case: Case, source: str, target: str, sync: Sync) -> Finding:
    waiting = ", ".join(_waiting(f) for f in case.facts if f.resource)
    return Finding(
        "resync-stalled",
        "warning",
        f"{target} is unsafe to promote: resync from {source} stalled, {_progress(sync)}",
        (source, target),
        (*case.drbd(), Evidence("/proc/drbd", f"waiting requests: {waiting}")),
        meaning=f"Calls go on, with one whole copy of the data, on {source}.",
        avoid=f"Do not fail over to {target}, and do not disconnect on {source}.",
        remedy=(
            Step("look at the target's disk: errors, load", target, "dmesg | tail -n 50"),
            Step("look at the link between the nodes", source, "ip -s link"),
            case.drbd_step("see whether the rate is the limit", target, case.drbdadm(target).rate("30M")),
            case.drbd_step("if nothing moves: disconnect the target", target, case.drbdadm(target).disconnect()),
            case.drbd_step("and connect it again; it goes on where it stood", target, case.drbdadm(target).connect()),
        ),
    )


def _waiting(facts: NodeFacts) -> str:
    counters = facts.resource.counters if facts.resource else {}
    return f"{facts.name} " + " ".join(f"{key}:{counters[key]}" for key in ("lo", "pe", "ua") if key in counters)


def replication_behind(case: Case) -> Finding | None:
    """DRBD has given up replicating for a while because the link is too slow (8.3.10 on, `on-congestion`)."""
    if not any(f.connection in ("Ahead", "Behind") for f in case.facts):
        return None
    behind = next((f.name for f in case.facts if f.connection == "Behind"), None)
    return Finding(
        "replication-behind",
        "warning",
        f"{behind or 'the peer'} is behind: the link is too slow for what is written, and DRBD replicates later",
        case.names,
        case.drbd(),
        meaning="Calls go on; what is written now is on one node only until a resync has brought it over.",
        avoid="Do not fail over.",
        remedy=(Step("look at what loads the link or the disk"), Step("it catches up by itself when there is room")),
    )


def verifying(case: Case) -> Finding | None:
    """An online verify."""
    under_way = joined.best_sync(case.pair)
    if under_way is None or under_way.sync.kind != "verify":
        return None
    return Finding(
        "verifying",
        "info",
        f"the two sides are being compared, {_progress(under_way.sync)}",
        case.names,
        case.drbd(),
        meaning="Calls go on; both sides stay usable. It costs the disks and the link some of their speed.",
        remedy=(Step("wait; what it finds is told when it is over"),),
    )


def verify_found_blocks(case: Case) -> Finding | None:
    """Connected, and yet blocks differ: what a verify found."""
    found = [f for f in case.facts if f.connection == "Connected" and f.resource and f.resource.out_of_sync_kib]
    if not found:
        return None
    kib = max(f.resource.out_of_sync_kib or 0 for f in found if f.resource)
    told = tuple(e for name in case.names for e in evidence_of(case.history.of_kernel(name, "verify-found"), 1))
    secondary = next((f.name for f in case.facts if f.primary is False), case.names[1])
    drbdadm = case.drbdadm(secondary)
    return Finding(
        "verify-found-blocks",
        "warning",
        f"the two sides differ by {kib} KiB ({kib // 4} blocks of 4 KiB) that nothing will repair by itself",
        case.names,
        case.drbd() + told,
        meaning="Calls go on. After a failover those blocks would be read as the other side has them.",
        avoid="Do not fail over before it is decided which side is right, and do not invalidate: it copies everything.",
        remedy=(
            Step("decide whose blocks are right: normally the Primary's, which is in use all the time"),
            case.drbd_step("disconnect the other side", secondary, drbdadm.disconnect()),
            case.drbd_step("and connect it: only those blocks are copied to it", secondary, drbdadm.connect()),
            case.drbd_step("verify once more", secondary, drbdadm.verify()),
            Step("look for the cause: memory, disk, controller, a network card that computes checksums"),
        ),
    )


def disk_failed(case: Case) -> Finding | None:
    """A side has no disk."""
    bad = [f for f in case.facts if f.resource and f.resource.disk in _FAILED_DISKS]
    if not bad:
        return None
    f = bad[0]
    peer, drbdadm = case.peer(f.name), case.drbdadm(f.name)
    disks = ", ".join(f"{f.name} {f.resource.disk}" for f in bad if f.resource)
    hand_over = (
        (case.standby_step(f"{f.name} serves from its peer's disk: hand over while the link holds", f.name),)
        if f.primary and peer.resource and peer.resource.disk == "UpToDate"
        else ()
    )
    told = tuple(e for g in bad for e in evidence_of(case.history.of_kernel(g.name, "io-error", "disk"), 2))
    return Finding(
        "disk-failed",
        "critical",
        f"DRBD works without its own disk: {disks}",
        tuple(f.name for f in bad),
        case.drbd() + told,
        meaning=f"Calls go on over the network, from {peer.name}'s disk; if the link breaks, they end."
        if f.primary
        else f"Calls go on, on {peer.name}; there is no second copy.",
        avoid=f"Do not restart {peer.name} or its DRBD: it has the only disk.",
        remedy=(
            *hand_over,
            Step("see what the disk says", f.name, "dmesg | tail -n 50"),
            Step(f"replace {f.name}'s disk, with a partition of the same size"),
            case.drbd_step("make new meta-data on the new disk", f.name, drbdadm.create_metadata()),
            case.drbd_step("attach it: everything is copied to it", f.name, drbdadm.attach()),
        ),
    )


def disk_outdated(case: Case) -> Finding | None:
    """A side's data is not usable for a promotion, and no resync mends it."""
    if joined.best_sync(case.pair) is not None or case.starting:
        return None
    bad = [
        f
        for f in case.facts
        if f.resource and f.resource.disk in _UNSAFE_DISKS and f.resource.disk not in _FAILED_DISKS
    ]
    if not bad:
        return None
    disks = ", ".join(f"{f.name} {f.resource.disk}" for f in bad if f.resource)
    serving = case.serving
    return Finding(
        "disk-outdated",
        "warning" if serving else "critical",
        f"not safe to promote: {disks}",
        tuple(f.name for f in bad),
        case.drbd(),
        meaning=f"Calls go on, on {serving.name}, without a copy that could take over."
        if serving
        else "The data here is known to be old or half copied; the good copy is on the other node.",
        avoid="Do not promote by force: what was written since on the other side would be lost.",
        remedy=(
            Step("bring the other side back; the two connect, and a resync mends this one"),
            *(
                case.drbd_step(
                    "only if the other side is lost for good, and its loss is accepted", f.name, _force(case, f)
                )
                for f in bad
                if not serving
            ),
        ),
    )


def _force(case: Case, facts: NodeFacts) -> tuple[str, ...]:
    return case.drbdadm(facts.name).force_primary()


def promotion_refused(case: Case, name: str) -> Finding | None:
    """DRBD has refused to make a side Primary, and it is not Primary yet."""
    f = case.facts_of(name)
    told = tuple(w for w in case.lately_kernel(f.name, "state-refused") if _is_promotion(w.event.outcome or ""))
    failed = [
        w
        for w in case.lately(f.name, "resource-failed", "giving-up")
        if (w.event.resource or "").startswith("drbddisk")
    ]
    if (not told and not failed) or f.primary or case.serving is not None:
        return None
    peer = case.peer(f.name)
    return Finding(
        "promotion-refused",
        "critical",
        f"DRBD refuses to make {f.name} Primary: its data is not known to be good",
        (f.name,),
        case.drbd() + evidence_of(told, 2) + evidence_of(failed, 2),
        meaning="Nobody can serve from this side: no calls until a side with good data is there.",
        avoid="Do not force it before everything was tried to bring the other side back: force accepts the loss.",
        remedy=(
            Step(f"bring {peer.name} back (power, disk, network): it has the good data"),
            Step("let the resync end"),
            case.drbd_step(
                f"last resort, if {peer.name} is lost for good: promote what is here", f.name, _force(case, f)
            ),
        ),
        since=(evidence_of(told, 99) + evidence_of(failed, 99))[0].at,
    )


def _is_promotion(outcome: str) -> bool:
    return "UpToDate" in outcome or "Primary while peer" in outcome


def io_frozen(case: Case) -> Finding | None:
    """I/O on the volume is suspended (the first flag is `s`)."""
    bad = tuple(f.name for f in case.facts if f.resource and f.resource.io_suspended)
    if not bad:
        return None
    return Finding(
        "io-frozen",
        "critical",
        f"I/O is frozen on {', '.join(bad)}: nothing is written",
        bad,
        case.drbd(),
        meaning="Calls that are up may go on for a while, but nothing is recorded or logged, and MySQL and Asterisk "
        "stand still as soon as they write.",
        avoid="Do not kill processes that wait for the disk, and do not fail over: they cannot let go of the volume.",
        remedy=(
            Step("find out what the peer is: dead, or alive and only cut off (its power, its console)"),
            *(
                case.drbd_step("when it is known that the peer does not serve", name, case.drbdadm(name).resume_io())
                for name in bad
            ),
        ),
    )


def drbd_not_up(case: Case) -> Finding | None:
    """The resource is not configured in the kernel: DRBD was not started, or not for this resource."""
    # One that its peer is connected to is up, whatever was read of it.
    bad = tuple(f.name for f in case.facts if f.without_drbd and not _is_connected(case.peer(f.name)))
    if not bad or case.starting:
        return None
    serving = case.serving
    return Finding(
        "drbd-not-up",
        "critical",
        f"DRBD's resource {case.pair.layout.resource} is not up on {' and '.join(bad)}",
        bad,
        case.drbd(),
        meaning=_NOT_UP_SERVED if serving else "No calls: the volume is not there.",
        avoid="Do not mount the backing disk past DRBD.",
        remedy=(
            *(Step("see that the module is there and fits the kernel", name, "modprobe drbd") for name in bad),
            *(case.drbd_step("bring the resource up", name, case.drbdadm(name).up()) for name in bad),
            Step("a boot that hangs waits for the peer: wfc-timeout in startup {} limits it"),
        ),
    )


def _is_connected(facts: NodeFacts) -> bool:
    return facts.resource is not None and not facts.cut_off and not facts.without_drbd


_NOT_UP_SERVED = "Calls go on where they are, without a copy."


def _progress(sync: Sync) -> str:
    parts = [f"{sync.percent:.1f} %"] if sync.percent is not None else []
    if sync.left_kib is not None:
        parts.append(f"{sync.left_kib} KiB left")
    if sync.finish_s is not None and not (sync.paused or sync.stalled):
        parts.append(f"about {sync.finish_s // 60}:{sync.finish_s % 60:02d} to go")
    return ", ".join(parts) or "progress not known"

"""Rules about replication: connections that are lost, refused, or were taken away."""

from __future__ import annotations

from ccops.pair.drbdadm import spelt
from ccops.pair.kernel import KernelEvent
from ccops.triage.case import Case
from ccops.triage.facts import PASSING, NodeFacts
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.history import evidence_of
from ccops.triage.split_brains import split_brain, split_brain_active


def unrelated_data(case: Case) -> Finding | None:
    """The two disks never belonged together."""
    told = case.since_parted("unrelated-data")
    if not told or not any(f.cut_off for f in case.facts):
        return None
    drbdadm = case.drbdadm(case.names[1])
    return Finding(
        "unrelated-data",
        "critical",
        "DRBD refuses to connect: the two disks hold unrelated data (a wrong disk, or new meta-data)",
        case.names,
        case.drbd() + told,
        meaning="There is no copy: what is written exists on one node only, and a failover would bring other data.",
        avoid="Do not fail over, and do not invalidate before it is certain which disk holds the call centre's data.",
        remedy=(
            Step("find out on both nodes which disk was changed or initialised, and which holds the data"),
            Step("when it is certain, copy everything to the other one, on that node", None, spelt(drbdadm.connect())),
            Step("and, still there, have everything copied from the peer", None, spelt(drbdadm.invalidate())),
        ),
    )


def authentication_failed(case: Case) -> Finding | None:
    """The shared secrets or their algorithm differ."""
    told = case.since_parted("authentication-failed")
    if not told or not any(f.cut_off for f in case.facts):
        return None
    names = case.names
    return Finding(
        "authentication-failed",
        "critical",
        "DRBD's nodes refuse each other: shared-secret or cram-hmac-alg differ",
        names,
        case.drbd() + told,
        meaning=_NO_COPY,
        avoid=_NO_FAILOVER,
        remedy=(
            Step("make `shared-secret` and `cram-hmac-alg` in net {} the same on both nodes"),
            *(case.drbd_step("take the configuration over", name, case.drbdadm(name).adjust()) for name in names),
        ),
    )


_NO_COPY = "Calls go on where they are; nothing that is written reaches the other node."
_NO_FAILOVER = (
    "Do not fail over: the other side lacks what was written since, and promoting it would make a split brain."
)


def disconnected_by_administrator(case: Case) -> Finding | None:
    """StandAlone because somebody disconnected."""
    alone = [f for f in case.facts if f.connection == "StandAlone"]
    told = [evidence for name in case.names for evidence in _disconnections(case, name)]
    if not alone or not told:
        return None
    states = ", ".join(f"{f.name} {f.connection}" for f in case.facts if f.cut_off)
    return Finding(
        "disconnected-by-administrator",
        "critical",
        f"replication was disconnected by an administrator ({states})",
        case.names,
        case.drbd() + tuple(told),
        meaning=_NO_COPY,
        avoid=_NO_FAILOVER,
        remedy=(
            Step("ask who did it and why; it does not come back by itself"),
            *(case.drbd_step("connect again", f.name, case.drbdadm(f.name).connect()) for f in alone),
            Step("follow the resync to its end"),
        ),
        since=case.history.parted_at(),
    )


def _disconnections(case: Case, name: str) -> tuple[Evidence, ...]:
    """The line of a disconnection that was asked for: the first that was told after the connection was there."""
    changed = [w for w in case.history.since_connected(name) if w.event.change("conn") or _refused(w.event)]
    return evidence_of(changed[:1]) if changed and _asked(changed[0].event) else ()


def _asked(event: KernelEvent) -> bool:
    change = event.change("conn")
    return change is not None and change.new == "Disconnecting"


def _refused(event: KernelEvent) -> bool:
    return event.kind in (
        "split-brain-detected",
        "unrelated-data",
        "authentication-failed",
        "settings-differ",
        "target-but-primary",
    )


def replication_refused(case: Case) -> Finding | None:
    """StandAlone because the nodes' settings do not fit, or for a cause that no log tells."""
    alone = [f for f in case.facts if f.connection == "StandAlone"]
    if not alone or any(rule(case) for rule in _KNOWN_CAUSES) or any(stale_primary(case, name) for name in case.names):
        return None
    told = case.since_parted("settings-differ")
    if not told and disconnected_by_administrator(case):
        return None
    states = ", ".join(f"{f.name} {f.connection}" for f in case.facts if f.cut_off)
    why = f"DRBD's settings differ: {told[-1].text.split(': ', 1)[-1]}" if told else _NOT_TOLD
    return Finding(
        "replication-refused",
        "critical",
        f"replication has stopped and will not start by itself ({states}); {why}",
        case.names,
        case.drbd() + told + case.heartbeat(),
        meaning=_NO_COPY,
        avoid=_NO_FAILOVER + " Do not discard anything before it is known whether the sides diverged.",
        remedy=_make_settings_equal(case) if told else _find_the_cause(case, alone),
    )


_NOT_TOLD = "the cause is not in what could be read"


def _make_settings_equal(case: Case) -> tuple[Step, ...]:
    return (
        Step("see where DRBD's configuration differs, and make it the same on both nodes", None, "ccops lint"),
        *(case.drbd_step("take it over, which connects", name, case.drbdadm(name).adjust()) for name in case.names),
        Step("follow the resync to its end"),
    )


def _find_the_cause(case: Case, alone: list[NodeFacts]) -> tuple[Step, ...]:
    read = "grep -i drbd /var/log/messages /var/log/kern.log"
    connect = case.drbdadm(alone[0].name).connect()
    return (
        *(Step("read what DRBD said when it stopped", f.name, read) for f in alone),
        *(
            case.drbd_step("compare the identifiers of both sides", name, case.drbdadm(name).generation_ids())
            for name in case.names
        ),
        case.drbd_step("if neither tells of a split brain: a plain connect", alone[0].name, connect),
    )


def stale_primary(case: Case, name: str) -> Finding | None:
    """A side that is Primary would have to be overwritten: DRBD refuses until it is demoted."""
    f, peer = case.facts_of(name), case.peer(name)
    told = tuple(w for w in case.history.since_connected(name) if w.event.kind == "target-but-primary")
    if not told or not f.cut_off or f.primary is False:
        return None
    return Finding(
        "stale-primary",
        "critical",
        f"{name} is Primary with older data than {peer.name} has: DRBD refuses to connect",
        (name,),
        case.drbd() + evidence_of(told, 2),
        meaning=f"If {name} serves, it serves old data, and nothing is replicated.",
        avoid="Do not promote the other side while this one is Primary: both would serve.",
        remedy=(
            case.heartbeat_step("let it give up what it holds", name, "stop"),
            case.drbd_step("make it Secondary", name, case.drbdadm(name).secondary()),
            case.drbd_step("connect: it will be brought up to date", name, case.drbdadm(name).connect()),
            case.heartbeat_step("when the resync is over, start Heartbeat again", name, "start"),
        ),
    )


_KNOWN_CAUSES = (
    split_brain_active,
    split_brain,
    unrelated_data,
    authentication_failed,
)


def replication_link_down(case: Case) -> Finding | None:
    """DRBD waits for its peer, or has not managed to connect for some time. StandAlone has a cause of its own."""
    limit = case.thresholds.connecting
    cut = [f for f in case.facts if f.cut_off and not _passes(case, f, limit)]
    if not cut or case.starting or any(f.connection == "StandAlone" for f in case.facts):
        return None
    states = ", ".join(f"{f.name} {f.connection}" for f in cut)
    sighted = any(f.peer_alive for f in case.facts)
    why = "though Heartbeat still sees the peer: do not fail over" if sighted else "and the peer is not seen"
    return Finding(
        "replication-link-down",
        "critical",
        f"the sides do not replicate ({states}), {why}",
        case.names,
        case.drbd() + case.heartbeat() + _losses(case),
        meaning=_NO_COPY,
        avoid=_NO_FAILOVER if sighted else "Do not promote the other side unless it is known that this one is dead.",
        remedy=(
            *(
                Step(
                    "see what DRBD is there, as it was not read: StandAlone has another cause", f.name, "cat /proc/drbd"
                )
                for f in case.facts
                if f.resource is None
            ),
            Step("look at cable, switch, firewall and the port of DRBD's address between the nodes"),
            *(Step("see whether DRBD listens", f.name, "netstat -tan | grep -E ':77[0-9]{2}'") for f in cut),
            Step("it connects by itself when the link is back; follow the resync to its end"),
        ),
        since=case.history.parted_at(),
    )


def _passes(case: Case, facts: NodeFacts, limit: float) -> bool:
    """True while a state that normally lasts moments has not lasted too long."""
    lasted = case.memory.connection_s.get(facts.name)
    return facts.connection in PASSING and (lasted is None or lasted < limit)


def _losses(case: Case) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for name in case.names:
        words = [w for w in case.history.since_connected(name) if w.event.kind == "ping-lost" or w.event.change("conn")]
        found += evidence_of(words[:2])
    return tuple(found)


def replication_flapping(case: Case) -> Finding | None:
    """The connection was lost again and again in a short time."""
    for name in case.names:
        lost = [w for w in case.lately_kernel(name, "connection", "role", "disk") if _lost(w.event)]
        if len(lost) >= case.thresholds.bounces:
            return Finding(
                "replication-flapping",
                "warning",
                f"the replication link was lost {len(lost)} times within {case.thresholds.recent / 60:.0f} minutes",
                case.names,
                evidence_of(lost, 5) + case.drbd(),
                meaning="Calls go on; each loss is followed by a resync, during which the target is unsafe to promote.",
                avoid="Do not fail over while a resync runs.",
                remedy=(
                    Step("look at the link: errors of the interfaces, the switch", name, "ip -s link"),
                    Step("a ping-timeout of 500 ms can be too short on a loaded machine: net { ping-timeout 20; }"),
                ),
            )
    return None


def _lost(event: KernelEvent) -> bool:
    change = event.change("conn")
    return (
        change is not None
        and change.old in ("Connected", "SyncSource", "SyncTarget")
        and change.new in ("NetworkFailure", "BrokenPipe", "Timeout", "ProtocolError")
    )

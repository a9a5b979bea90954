"""Rules about split brains: diverging now, found diverged, nearly so, and what a policy has discarded."""

from __future__ import annotations

from ccops.pair.drbdadm import spelt
from ccops.triage.case import Case
from ccops.triage.divergence import diverged, measure
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.history import evidence_of

_WHAT_ONLY_IT_HAS = "copy what only that side has: its CDR, queue_log, recordings and call-center rows"


def split_brain_active(case: Case) -> Finding | None:
    """Both sides are Primary, or serve, cut off from each other: data is diverging now."""
    a, b = case.facts
    if not ((a.primary and b.primary) or (a.mount and b.mount)) or not (a.cut_off or b.cut_off):
        return None
    both = " and hold the address" if a.address and b.address else ""
    seen = "they do not see each other" if not (a.peer_alive or b.peer_alive) else "though Heartbeat sees the peer"
    return Finding(
        "split-brain-active",
        "critical",
        f"data is diverging now: both nodes are Primary{both}, {seen}",
        case.names,
        case.drbd() + case.heartbeat() + case.holding() + _both_own(case),
        meaning="Calls go to either node by chance. Each writes records and recordings that the other will never get: "
        "one side's will have to be given up, and every minute makes it more.",
        avoid="Do not mend the network before one side has stopped writing if that can be done from here, do not "
        "promote, fail over or restart anything, and do not discard a side that still serves.",
        remedy=(
            Step("compare both sides and choose whose changes are given up (the victim)"),
            Step("stop Heartbeat on the victim: it lets go of services, volume and address", None, _STOP),
            Step("see there that the volume is unmounted, the address gone and the role Secondary"),
            Step("mend the network between the nodes; the sides will find that they have diverged"),
            Step(_WHAT_ONLY_IT_HAS),
            *_rejoin(case, _victim(case)),
        ),
        since=case.history.parted_at(),
    )


def split_brain(case: Case) -> Finding | None:
    """The sides have diverged and DRBD refuses to join them: by generation identifiers, or by the kernel's word."""
    a, b = case.facts
    if not (a.cut_off or b.cut_off):
        return None
    told = case.since_parted("split-brain-detected")
    identifiers = diverged(case.pair)
    met = told or any(f.connection == "StandAlone" for f in case.facts)
    if not (identifiers or told) or (a.primary and b.primary and not met):
        return None
    evidence = case.drbd() + ((Evidence("drbdadm get-gi", identifiers),) if identifiers else ()) + told
    only = [
        f"{f.name} {f.resource.out_of_sync_kib} KiB" for f in case.facts if f.resource and f.resource.out_of_sync_kib
    ]
    extra = f" (only here: {', '.join(only)})" if only else ""
    return Finding(
        "split-brain",
        "critical",
        f"the two sides have diverged and DRBD refuses to join them{extra}",
        case.names,
        evidence,
        meaning=_split_meaning(case),
        avoid="Do not fail over, and do not connect by force: whichever side is discarded loses what only it has. "
        "Nothing repairs this by itself.",
        remedy=(
            Step("compare both sides and choose whose changes are given up (the victim)"),
            Step("stop Heartbeat on the victim and see its volume unmounted and its role Secondary", None, _STOP),
            Step(_WHAT_ONLY_IT_HAS),
            *_rejoin(case, _victim(case)),
        ),
        since=case.history.parted_at(),
    )


_STOP = "service heartbeat stop"


def _rejoin(case: Case, victim: NodeFacts | None) -> tuple[Step, ...]:
    """The last steps of joining the sides: exact commands where it is known on which node each has to run."""
    if victim is None:
        first, second = (case.drbdadm(name) for name in case.names)
        discard = second.discard()
        return (
            Step("on the victim: leave the connection", None, spelt(first.disconnect())),
            Step("on the victim: discard its changes and connect", None, spelt(discard)),
            Step("on the survivor, if it is StandAlone: connect", None, spelt(first.connect())),
            Step("follow the resync to its end, then start Heartbeat on the victim", None, "service heartbeat start"),
        )
    name, survivor = victim.name, case.peer(victim.name)
    drbdadm = case.drbdadm(name)
    steps = [Step(f"if {name} is the victim: leave the connection", name, spelt(drbdadm.disconnect()))]
    if victim.primary is not False:
        steps.append(case.drbd_step("see it Secondary", name, drbdadm.secondary()))
    steps.append(case.drbd_step("discard its changes and connect", name, drbdadm.discard()))
    if survivor.connection in (None, "StandAlone"):
        steps.append(
            case.drbd_step(
                "let the survivor connect (only where it is StandAlone)",
                survivor.name,
                case.drbdadm(survivor.name).connect(),
            )
        )
    steps.append(Step(f"see {name} become SyncTarget, and follow the resync to its end"))
    steps.append(case.heartbeat_step("start Heartbeat again", name, "start"))
    return tuple(steps)


def _victim(case: Case) -> NodeFacts | None:
    """The side whose changes are recommended to be given up, if the evidence decides."""
    name = measure(case.pair, case.history, case.memory.traces).victim
    return next((f for f in case.facts if f.name == name), None)


def _split_meaning(case: Case) -> str:
    serving = case.serving
    where = f"{serving.name} serves" if serving else "It is not seen who serves"
    return (
        f"{where}; calls go on, without a copy of anything that is written. A failover would bring the other side's "
        "data: everything since the sides parted would be missing there."
    )


def _both_own(case: Case) -> tuple[Evidence, ...]:
    """Heartbeat's word of an overlap; alone it is no fault, as it is also said for a moment after a takeover."""
    return tuple(e for name in case.names for e in evidence_of(case.lately(name, "both-own"), 1))


def both_primary(case: Case) -> Finding | None:
    """Both sides are Primary and connected: two mounts of one file system destroy it."""
    a, b = case.facts
    if not (a.primary and b.primary) or a.cut_off or b.cut_off:
        return None
    spare = next((f for f in case.facts if not f.address), None)
    steps = (
        (
            Step("see that nothing is mounted there", spare.name, f"grep {case.pair.layout.device} /proc/mounts"),
            case.drbd_step("make it Secondary", spare.name, case.drbdadm(spare.name).secondary()),
        )
        if spare
        else (Step("stop Heartbeat on the node that is not to serve", None, _STOP),)
    )
    return Finding(
        "both-primary",
        "critical",
        "both nodes are Primary while connected: mounting the volume on both destroys its file system",
        case.names,
        case.drbd() + case.holding(),
        meaning="Calls go on; the volume is one mistake away from being destroyed.",
        avoid=f"Do not mount {case.pair.layout.mount} on a second node.",
        remedy=(*steps, Step("take allow-two-primaries out of DRBD's configuration on both nodes")),
    )


def auto_resolved(case: Case) -> Finding | None:
    """A policy has joined the sides by discarding one side's changes."""
    for name in case.names:
        told = [
            w
            for w in case.history.of_kernel(name, "split-brain-solved")
            if w.event.automatic and w.line.dated and case.pair.at - w.line.at < case.thresholds.discarded
        ]
        if told:
            lost = name if told[-1].event.side == "peer" else case.peer(name).name
            return Finding(
                "auto-resolved",
                "warning",
                f"a policy has solved a split brain by discarding the changes of {lost}",
                (lost,),
                evidence_of(told, 2),
                meaning=f"Calls go on. What {lost} alone had written (records, recordings, the call-center module's "
                "rows) is gone from the volume.",
                avoid="Do not take the pair for untouched because it says UpToDate.",
                remedy=(
                    Step("find out from when to when both sides were Primary, and what is missing from that time"),
                    Step("restore it from a backup, if there is one"),
                    Step("set after-sb-0pri, after-sb-1pri and after-sb-2pri to disconnect on both nodes"),
                ),
                since=told[-1].line.at,
            )
    return None

"""Rules about Heartbeat: whether it runs and sees its peer, and what its log tells of things that went wrong."""

from __future__ import annotations

from ccops.triage.case import Case
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.history import HeartbeatWord, evidence_of

_DONE = ("standby-done", "standby-acquired", "standby-taken-over", "takeover-complete", "resources-acquired")


def heartbeat_split(case: Case) -> Finding | None:
    """Heartbeat runs on both nodes, and each takes the other for dead."""
    a, b = case.facts
    if not all(f.heartbeat and f.heartbeat.running for f in case.facts):
        return None
    if a.peer_alive is not False or b.peer_alive is not False:
        return None
    return Finding(
        "heartbeat-split",
        "critical",
        "Heartbeat runs on both nodes, but each takes the other for dead (cable, firewall, authkeys or names)",
        case.names,
        case.heartbeat() + case.drbd(),
        meaning="Each node believes that it is alone and takes everything: the next moment both may serve.",
        avoid="Do not start, stop or move resources before it is seen who is Primary.",
        remedy=(
            Step("see who is Primary and has the volume: that node stays as it is"),
            Step("look at cable, switch and firewall (Heartbeat's port is UDP 694)", None, "tcpdump -ni any port 694"),
            Step("compare authkeys and the names in ha.cf with `uname -n`, on both nodes", None, "ccops lint"),
            Step("Heartbeat restarts by itself on both when they see each other again"),
        ),
    )


def heartbeat_stopped(case: Case) -> Finding | None:
    """Heartbeat stopped on a node that can be reached."""
    if case.starting:
        return None
    stopped = tuple(f.name for f in case.facts if f.heartbeat and f.heartbeat.running is False)
    if not stopped:
        return None
    serving = case.serving
    told = tuple(e for name in stopped for e in evidence_of(case.lately(name, "shutdown-began", "shutdown-done"), 1))
    served_here = serving is not None and serving.name in stopped
    return Finding(
        "heartbeat-stopped",
        "critical" if len(stopped) == 2 else "warning",
        f"Heartbeat is stopped on {' and '.join(stopped)}: no failover will happen",
        stopped,
        case.heartbeat() + case.holding() + told,
        meaning="Calls go on where they are; if that node fails, nobody takes over."
        if serving
        else "Nobody moves the service: if it is down, it stays down.",
        avoid="Do not start it on a node whose data is not UpToDate, nor on both at once while it is not known who is "
        "Primary." + (" What serves now was started by hand: Heartbeat does not know of it." if served_here else ""),
        remedy=tuple(
            case.heartbeat_step("when its DRBD is Connected and UpToDate: start Heartbeat", name, "start")
            for name in stopped
        ),
    )


def heartbeat_link_down(case: Case) -> Finding | None:
    """A Heartbeat link is dead, while the peer is still taken for alive."""
    if case.starting:
        return None
    dead = {
        f.name: [link for link, state in f.heartbeat.links.items() if state == "dead"]
        for f in case.facts
        if f.heartbeat and f.peer_alive is not False
    }
    named = {name: links for name, links in dead.items() if links}
    if not named:
        return None
    where = ", ".join(f"{' and '.join(links)} on {name}" for name, links in named.items())
    told = tuple(e for name in named for e in evidence_of(case.lately(name, "link-dead"), 1))
    return Finding(
        "heartbeat-link-down",
        "warning",
        f"the Heartbeat link {where} is dead: without another the peer will soon be taken for dead",
        tuple(named),
        case.heartbeat() + told,
        meaning="Calls go on. If no other link is left, the standby will take over in seconds while this side serves.",
        avoid="Do not unplug or restart anything else between the nodes.",
        remedy=(
            *(Step("see whether it is up", name, f"ip link show {links[0]}") for name, links in named.items()),
            Step("look at its cable and switch, and whether a firewall drops UDP 694"),
        ),
    )


def partition_healed(case: Case) -> Finding | None:
    """The nodes had taken each other for dead and have found each other again."""
    told = [w for name in case.names for w in case.lately(name, "returning-after-partition")]
    if not told:
        return None
    late = [w for name in case.names for w in case.lately(name, "late-heartbeat")]
    longest = max((w.event.milliseconds or 0 for w in late), default=0)
    lasted = f" after {longest / 1000:.0f} s" if longest else ""
    return Finding(
        "partition-healed",
        "warning",
        f"the nodes were cut off from each other and have met again{lasted}",
        case.names,
        evidence_of(told, 2) + evidence_of(late, 2) + case.drbd(),
        meaning="Heartbeat restarts itself on both. Meanwhile each may have served: the data may have diverged.",
        avoid="Do not fail over before DRBD is seen Connected and UpToDate on both.",
        remedy=(
            Step("see whether DRBD is Connected; if it refuses, it is a split brain and has its own finding"),
            Step("see that Heartbeat runs on both again", None, "cl_status hbstatus"),
            Step("find out what cut them: switch, cable, firewall, a machine that stood still"),
        ),
        since=told[0].line.at,
    )


def late_heartbeats(case: Case) -> Finding | None:
    """Heartbeats arrive late: load, or a deadtime that is too short."""
    late = [w for name in case.names for w in case.lately(name, "late-heartbeat")]
    if len(late) < case.thresholds.late_heartbeats:
        return None
    worst = max(w.event.milliseconds or 0 for w in late)
    about = tuple(dict.fromkeys(w.event.node for w in late if w.event.node))
    return Finding(
        "late-heartbeats",
        "warning",
        f"{len(late)} late heartbeats of {' and '.join(about)} within {case.thresholds.recent / 60:.0f} minutes, "
        f"the worst {worst / 1000:.1f} s",
        about,
        evidence_of(late, 4) + _loads(case),
        meaning="Calls go on. At the deadtime the node will be taken for dead though it lives, and both would serve.",
        avoid="Do not fail over: it would come on top of the load that makes them late.",
        remedy=(
            *(Step("look for what takes the time: load, swapping, the disk", name, "vmstat 1 5") for name in about),
            Step("if it is normal there: raise deadtime (and warntime) in ha.cf on both nodes, and reload Heartbeat"),
        ),
        since=late[0].line.at,
    )


def _loads(case: Case) -> tuple[Evidence, ...]:
    return tuple(
        Evidence("/proc/loadavg", " ".join(f"{part:.2f}" for part in node.load), node.name, node.sampled_at)
        for node in case.pair.nodes
        if node.load is not None and case.pair.at - (node.sampled_at or 0.0) < 60
    )


def standby_ignored(case: Case) -> Finding | None:
    """A request to hand over was ignored or not answered. Both nodes tell of one request: it is told once."""
    for name in case.names:
        told = case.lately(name, "standby-ignored", "standby-impossible", "standby-unanswered")
        if not told or any(w.line.at > told[-1].line.at for w in case.lately(name, *_DONE)):
            continue
        why, steps = _why_ignored(case, told[-1])
        return Finding(
            "standby-ignored",
            "warning",
            f"a request to hand over was ignored on {name}: {why}",
            (name,),
            evidence_of(told, 2) + case.heartbeat(),
            meaning="Calls go on where they are; nothing was moved, although the command said nothing of it.",
            avoid="Do not repeat the command before its cause is gone: it fails silently again or acts too late.",
            remedy=steps,
            since=told[-1].line.at,
        )
    return None


def _why_ignored(case: Case, word: HeartbeatWord) -> tuple[str, tuple[Step, ...]]:
    match word.event.kind:
        case "standby-impossible":
            return "auto_failback is legacy, or not set", (
                Step("set `auto_failback on` (or off) in /etc/ha.d/ha.cf on both nodes"),
                Step("let Heartbeat read it, first on the standby", None, "service heartbeat reload"),
            )
        case "standby-unanswered":
            return "the other side did not answer", (Step("see whether the peer lives and runs Heartbeat"),)
        case _:
            return "resources were still moving", (Step("wait until both sides are stable, then ask again"),)


def start_failed(case: Case, name: str) -> Finding | None:
    """A resource could not be started, and Heartbeat gave up what it had."""
    told = case.lately(name, "giving-up")
    if not told:
        return None
    resource = told[-1].event.resource or "a resource"
    codes = [w for w in case.lately(name, "resource-failed") if w.line.at <= told[-1].line.at]
    serving = case.serving
    return Finding(
        "start-failed",
        "warning" if serving else "critical",
        f"{resource} could not be started on {name}: Heartbeat gave its resources up there",
        (name,),
        evidence_of(codes, 2) + evidence_of(told, 2),
        meaning=f"Calls go on, on {serving.name}; {name} cannot take over." if serving else "No calls.",
        avoid=f"Do not fail over to {name}: it would fail again, and cost the calls.",
        remedy=(
            Step(f"read what {resource} said", name, "tail -n 100 /var/log/ha-log"),
            Step("mend it"),
            Step("let Heartbeat take its resources again, when it is wanted there", name, _TAKEOVER),
        ),
        since=told[-1].line.at,
    )


_TAKEOVER = "/usr/share/heartbeat/hb_takeover local"


def stop_failed(case: Case, name: str) -> Finding | None:
    """A resource could not be stopped: Heartbeat restarts the machine to be sure that it is gone."""
    told = case.lately(name, "stop-failure")
    if not told:
        return None
    held = case.lately(name, "unmount-failed", "resource-failed")
    return Finding(
        "stop-failed",
        "critical" if case.serving is None else "warning",
        f"a resource could not be stopped on {name}, which Heartbeat answers by restarting that machine",
        (name,),
        evidence_of(held, 3) + evidence_of(told, 2),
        meaning="The calls of that node are lost; the other node takes over once it takes this one for dead.",
        avoid="Do not ask for another hand-over before it is known what was in the way.",
        remedy=(
            Step("find what held the volume or did not end", name, f"fuser -vm {case.pair.layout.mount}"),
            Step("look for it before the next hand-over: shells, backups, exports in the volume"),
        ),
        since=told[-1].line.at,
    )


def device_held(case: Case, name: str) -> Finding | None:
    """Something outside the resources holds the volume, so that it cannot be given up."""
    facts = case.facts_of(name)
    if facts.mount is False:
        return None
    told = case.lately(name, "unmount-failed")
    if not told or any(w.line.at >= told[-1].line.at for w in case.lately(name, "unmounted")):
        refused = [w for w in case.lately_kernel(name, "state-refused") if "held open" in (w.event.outcome or "")]
        if not refused or facts.primary is not True:
            return None
        evidence, since = evidence_of(refused, 2), refused[-1].line.at
    else:
        evidence, since = evidence_of(told, 3), told[-1].line.at
    mount, stopped = case.pair.layout.mount, bool(facts.services_down) or case.serving is None
    return Finding(
        "device-held",
        "critical" if stopped else "warning",
        f"{mount} could not be given up on {name}: something outside the resources holds it",
        (name,),
        (*evidence, facts.holding_evidence()),
        meaning="No calls: the services were stopped for a hand-over that cannot go on. Heartbeat tries for minutes, "
        "then restarts the machine."
        if stopped
        else "A hand-over from this node hangs or fails, and may end with its restart.",
        avoid="Do not ask for a hand-over now, and do not kill what serves calls.",
        remedy=(
            Step("see who holds it: a shell, a backup, an export", name, f"fuser -vm {mount}"),
            Step(
                "mounts, loop devices and swap inside it hold it too",
                name,
                f"grep {mount} /proc/mounts /proc/swaps",
            ),
            Step("end that, then hand over"),
        ),
        since=since,
    )


def resources_bouncing(case: Case) -> Finding | None:
    """Resources move to and fro for no other reason than that they fail to start, or for none that is told.

    A hand-over, a takeover from a dead node and a start of Heartbeat each explain one start of the resources.
    """
    gone = [w for name in case.names for w in case.lately(name, "giving-up")]
    starts = [w for name in case.names for w in case.lately(name, "resource-start") if _is_address(w)]
    asked = max((len(case.lately(name, "standby-wanted")) for name in case.names), default=0)
    explained = asked + sum(len(case.lately(name, "acquiring-from", "started", "restarting")) for name in case.names)
    if max(len(gone), len(starts) - explained) < case.thresholds.bounces:
        return None
    failing = gone[-1].event.resource if gone else None
    why = f": {failing} fails to start" if failing else ""
    return Finding(
        "resources-bouncing",
        "critical",
        f"resources were moved {max(len(gone), len(starts))} times within "
        f"{case.thresholds.recent / 60:.0f} minutes{why}",
        case.names,
        evidence_of(gone, 3) + evidence_of(starts, 4),
        meaning="Each move costs every call that is up.",
        avoid="Do not fail over again.",
        remedy=(
            Step("choose the node on which everything does start, and let it be there"),
            Step("hold it there: stop Heartbeat on the other node", None, "service heartbeat stop"),
            Step("mend what fails to start, then start Heartbeat there again", None, "tail -n 100 /var/log/ha-log"),
        ),
    )


def _is_address(word: HeartbeatWord) -> bool:
    return (word.event.resource or "").startswith("IPaddr")

"""Rules about the service: who holds address, volume and role, whether together, and moves."""

from __future__ import annotations

from ccops.triage.case import Case
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.history import HeartbeatWord, evidence_of


def address_on_both(case: Case) -> Finding | None:
    """The virtual address on both nodes."""
    if not all(f.address for f in case.facts):
        return None
    address, spare = case.pair.layout.address, next((f for f in case.facts if f.primary is False), None)
    steps: tuple[Step, ...] = (Step("see which node is Primary with the volume mounted: it keeps the address"),)
    if spare is not None:
        device = _interface(case, spare)
        steps = (
            case.heartbeat_step(f"{spare.name} is not Primary: stop Heartbeat there", spare.name, "stop"),
            Step("if the address stays: take it away", spare.name, f"ip addr del {device}"),
            Step("see that the other node answers for it", None, f"arping -c 3 {address}"),
        )
    told = tuple(e for name in case.names for e in evidence_of(case.lately(name, "both-own"), 1))
    return Finding(
        "address-on-both",
        "critical",
        f"{address} is on both nodes: phones reach one or the other by chance",
        case.names,
        case.holding() + told,
        meaning="Some phones and the gateway register with the wrong node; their calls fail or disappear.",
        avoid="Do not take the address from the node that is Primary.",
        remedy=steps,
    )


def _interface(case: Case, facts: NodeFacts) -> str:
    """`ADDRESS/PREFIX dev INTERFACE`, as `ip addr del` wants it."""
    layout, found = case.pair.layout, case.node(facts.name).addresses.value or ()
    held = next((a for a in found if a.address == layout.address), None)
    if held is None:
        return layout.address
    return f"{held.address}{f'/{held.prefix}' if held.prefix else ''} dev {held.interface}"


def nobody_serves(case: Case) -> Finding | None:
    """Address, mount and Primary role are seen on neither node, and nothing moves."""
    if case.settling or any(f.holds_anything for f in case.facts):
        return None
    if any(x is None for f in case.facts for x in (f.address, f.mount, f.primary)):
        return None
    steps: list[Step] = []
    for f in case.facts:
        if f.heartbeat and f.heartbeat.running is False:
            disk = f.resource.disk if f.resource else None
            if disk == "UpToDate":
                steps.append(case.heartbeat_step("start Heartbeat: its data is up to date", f.name, "start"))
            else:
                steps.append(Step(f"not first on {f.name}: its data is {disk or 'not known to be good'}"))
    steps.append(Step("read in ha-log why nothing was taken over", None, "tail -n 100 /var/log/ha-log"))
    return Finding(
        "nobody-serves",
        "critical",
        "nobody serves: neither node holds the address, the volume or the Primary role",
        case.names,
        case.holding() + case.heartbeat() + case.drbd(),
        meaning="No calls: phones and gateway reach nobody.",
        avoid="Do not start services or mount the volume by hand: Heartbeat would then do it a second time.",
        remedy=tuple(steps),
        since=None if case.memory.unserved_s is None else case.pair.at - case.memory.unserved_s,
    )


def served_apart(case: Case) -> Finding | None:
    """Address, mount and Primary role are not together."""
    if case.settling or case.serving is not None:
        return None
    lacking = [(f, missing) for f in case.facts if (missing := _lacking(f))]
    for f, missing in lacking:
        if missing == ["address"]:
            return _address_missing(case, f)
    return _apart(case, *lacking[0]) if lacking else None


def _lacking(facts: NodeFacts) -> list[str]:
    """What a node that holds a part of the service was seen not to hold."""
    parts = (facts.address, facts.mount, facts.primary)
    if None in parts or not any(parts):
        return []
    return [word for word, held in zip(("address", "mount", "Primary role"), parts, strict=True) if not held]


def _address_missing(case: Case, facts: NodeFacts) -> Finding:
    address = case.pair.layout.address
    other = case.peer(facts.name)
    where = f"it is on {other.name}" if other.address else "it is on neither node"
    return Finding(
        "address-missing",
        "critical",
        f"{facts.name} serves without {address}: {where}",
        (facts.name,),
        case.holding(),
        meaning="Phones and gateway do not reach Asterisk: no new calls, and calls that are up break off.",
        avoid="Do not restart Asterisk: it runs, and would lose the calls that are left.",
        remedy=(
            *(
                (Step("it stands on the wrong node: stop Heartbeat there", other.name, "service heartbeat stop"),)
                if other.address
                else ()
            ),
            Step("put the address back", facts.name, f"/etc/ha.d/resource.d/IPaddr2 {address} start"),
            Step("see in ha-log who took it away", facts.name, f"grep {address} /var/log/ha-log | tail"),
        ),
    )


def _apart(case: Case, facts: NodeFacts, missing: list[str]) -> Finding:
    held = [
        w
        for w, has in zip(
            ("the address", "the mount", "the Primary role"), (facts.address, facts.mount, facts.primary), strict=True
        )
        if has
    ]
    return Finding(
        "served-apart",
        "critical",
        f"{facts.name} has {' and '.join(held)} without the {' and the '.join(missing)}",
        (facts.name,),
        case.holding() + case.drbd() + case.heartbeat(),
        meaning="No calls, or calls that nothing is recorded of: the service works only where all of it is together.",
        avoid="Do not mount or promote by hand on the other node while this one holds a part.",
        remedy=(
            Step("read in ha-log which resource failed", facts.name, "tail -n 100 /var/log/ha-log"),
            case.heartbeat_step("let it give up what it holds, in order", facts.name, "stop"),
            Step("see that it is given up, and that the peer takes over if it is well"),
            case.heartbeat_step("start Heartbeat again", facts.name, "start"),
        ),
    )


def service_down(case: Case) -> Finding | None:
    """Asterisk or MySQL down on the node that holds the rest. Just after a move they may still be starting."""
    unserved = case.memory.unserved_s
    if case.in_flux or case.starting or (unserved is not None and unserved < case.thresholds.service):
        return None
    f = case.serving
    if f is None or not f.services_down:
        return None
    words = " and ".join(f.services_down)
    calls = "No calls: Asterisk does not run." if "asterisk" in f.services_down else _NO_DATABASE
    return Finding(
        "service-down",
        "critical",
        f"{words} {'is' if len(f.services_down) == 1 else 'are'} down on {f.name}, which holds the rest",
        (f.name,),
        case.holding(),
        meaning=calls,
        avoid="Do not fail over before it is known why: what is wrong on the volume moves with it. Heartbeat itself "
        "does not watch services, and will not do anything.",
        remedy=(
            *(case.service_step(f"see why {name} ended", f.name, name, "status") for name in f.services_down),
            *(case.service_step(f"start {name}", f.name, name, "start") for name in f.services_down),
            Step("if it does not start here, and the peer is Connected and UpToDate: fail over"),
        ),
    )


_NO_DATABASE = (
    "Calls go on, but the call-center module, its consoles and reports stand still, and call records may be missing."
)


def running_on_one_node(case: Case) -> Finding | None:
    """The peer is seen dead by the survivor, which serves."""
    f = case.serving
    if f is None or f.peer_alive is not False or case.peer(f.name).peer_alive is False:
        return None
    peer = case.peer(f.name).name
    told = evidence_of(case.history.of_heartbeat(f.name, "node-dead"), 1)
    return Finding(
        "running-on-one-node",
        "warning",
        f"{f.name} serves alone: its Heartbeat takes {peer} for dead",
        (f.name, peer),
        case.heartbeat() + case.drbd() + told,
        meaning="Calls go on. There is no second node: if this one fails, they end.",
        avoid=f"Do not restart {f.name}. When {peer} comes back, let it come back as Secondary: with auto_failback on "
        "it takes the service again as soon as Heartbeat starts there.",
        remedy=(
            Step("see that the services do work here: place a call"),
            Step(f"look at {peer}'s power, console and network cables"),
            Step(f"while {peer} comes back: follow the resync before anything is moved"),
        ),
        since=told[0].at if told else None,
    )


def in_transition(case: Case) -> Finding | None:
    """Resources are moving, or a node is starting: not a fault until its time is over."""
    if case.in_flux or case.unserved_shortly:
        unserved = case.memory.unserved_s
        word = case.move_began()
        told = (word,) if word else ()
        by_the_log = case.pair.at - word.line.at if word else case.memory.transition_s
        seconds = unserved if unserved is not None else by_the_log
        return _moving(case, _what(case, word), seconds, evidence_of(told))
    well = case.serving and not case.serving.services_down and not any(f.cut_off for f in case.facts)
    names = case.starting
    if not names or well:
        return None
    return _moving(case, f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} starting", case.started_s(), ())


def _moving(case: Case, what: str, seconds: float | None, told: tuple[Evidence, ...]) -> Finding:
    for_s = "" if seconds is None else f", for {seconds:.0f} s"
    return Finding(
        "in-transition",
        "info",
        what + for_s,
        case.names,
        told + case.heartbeat() + case.holding(),
        meaning="Calls that were up break off; new ones are taken when Asterisk is up on the other side."
        if case.serving is None
        else "Calls go on where they are.",
        avoid="Do not ask for another move meanwhile: Heartbeat ignores it, or ends it half done.",
        remedy=(
            Step(
                f"wait: it counts as a fault after {case.thresholds.unserved:.0f} s without service "
                f"({case.thresholds.transition:.0f} s while Heartbeat still moves things)"
            ),
        ),
    )


def _what(case: Case, word: HeartbeatWord | None) -> str:
    """The move in words, by what Heartbeat said when it began."""
    event = word.event if word else None
    if event is None or word is None:
        lacking = case.serving
        if lacking is not None and lacking.services_down and not case.in_flux:
            return f"{' and '.join(lacking.services_down)} on {lacking.name} not running"
        return "resources are moving between the nodes" if case.in_flux else "nobody seen serving"
    on = word.line.node or "a node"
    match event.kind:
        case "standby-wanted":
            return f"{event.node} gives its resources to the other node"
        case "acquiring-from":
            return f"{on} takes over from {event.node}"
        case "shutdown-began":
            return f"Heartbeat on {on} is stopping and gives its resources up"
        case _:
            return f"Heartbeat on {on} is starting"

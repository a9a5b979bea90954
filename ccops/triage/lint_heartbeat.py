"""Rules about Heartbeat's configuration: ha.cf, authkeys, haresources, and the nodes' names in them.

Sources: the checks at start and the defaults of Heartbeat 2.1.3 and 3.0.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ccops.pair.configuration import AUTHKEYS, HA_CF, HARESOURCES, NOT_THERE, NodeConfiguration
from ccops.pair.hacf import HaCf
from ccops.pair.haresources import Haresources, ResourceGroup
from ccops.triage.configured import ConfiguredPair, Fault, faulty, gathered, stands, worst
from ccops.triage.finding import Evidence, Finding, Severity, Step

_WILL_NOT_START = (
    "Heartbeat runs on as it was started, but will not start again: after a restart the node takes no part."
)
_RESTART = Step(
    "let Heartbeat read it: first on the node that does not serve, then in a quiet hour on the other",
    None,
    "service heartbeat restart",
)
_NO_RESTART = "Do not restart Heartbeat on the node that serves while calls are up: it gives everything to its peer."


def ha_cf(pair: ConfiguredPair) -> Finding | None:
    """Faults in ha.cf; its times have a code of their own."""
    faults: list[Fault] = []
    for name, node in pair.each():
        faults += _absent(name, node.ha_cf.problem, HA_CF, "ha.cf")
        if (cf := node.ha_cf.value) is None:
            continue
        faults += faulty(name, node, HA_CF, cf.problems)
        if cf.resource_manager == "crm":
            line = cf.lines.get("crm") or cf.lines.get("pacemaker")
            text = "ha.cf switches a cluster resource manager on, and haresources is not read; ccops knows haresources"
            faults.append(Fault("warning", text, (stands(name, node, HA_CF, line),)))
    meaning = _WILL_NOT_START if worst(faults) == "critical" else "Heartbeat starts, but not all of it works as meant."
    return gathered("configuration-ha-cf", pair, faults, meaning=meaning, avoid=_NO_RESTART, closing=(_RESTART,))


def deadtime(pair: ConfiguredPair) -> Finding | None:
    """Times that do not fit each other."""
    faults: list[Fault] = []
    for name, node in pair.each():
        faults += faulty(name, node, HA_CF, node.ha_cf.value.timing if node.ha_cf.value else ())
    meaning = (
        _WILL_NOT_START
        if worst(faults) == "critical"
        else "A busy node or a slow boot can be taken for a dead one: then both nodes take the service."
    )
    return gathered("configuration-deadtime", pair, faults, meaning=meaning, avoid=_NO_RESTART, closing=(_RESTART,))


def ha_cf_differs(pair: ConfiguredPair) -> Finding | None:
    """What must be the same in ha.cf on both nodes."""
    (first, one), (second, two) = pair.each()
    if one.ha_cf.value is None or two.ha_cf.value is None:
        return None
    mine, theirs = _essence(one.ha_cf.value), _essence(two.ha_cf.value)
    faults: list[Fault] = []
    for directive in mine.keys() & theirs.keys():
        if mine[directive] == theirs[directive]:
            continue
        evidence = (
            _directive(first, one, one.ha_cf.value, directive, mine[directive]),
            _directive(second, two, two.ha_cf.value, directive, theirs[directive]),
        )
        text = f"{directive} in ha.cf differs: {mine[directive]} on {first}, {theirs[directive]} on {second}"
        remedy = Step(f"choose one value of {directive} and write it to {HA_CF} on both nodes")
        faults.append(Fault("warning", text, evidence, (remedy,)))
    faults.sort(key=lambda fault: fault.text)
    return gathered(
        "configuration-ha-cf-differs",
        pair,
        faults,
        meaning="The nodes judge each other by different rules: one can take over while the other still serves.",
        avoid=_NO_RESTART,
        closing=(_RESTART,),
    )


def _essence(cf: HaCf) -> Mapping[str, str]:
    """What must agree, by directive. Interfaces and the peer's address may differ; how the peer is reached may not."""
    kinds = sorted({link.kind for link in cf.links})
    groups = sorted({f"{link.address}:{link.port}" for link in cf.links if link.kind == "mcast"})
    return {
        "keepalive": f"{cf.keepalive_s:g} s",
        "deadtime": f"{cf.deadtime_s:g} s",
        "warntime": f"{cf.warntime_s:g} s",
        "initdead": "the default" if cf.initdead_s is None else f"{cf.initdead_s:g} s",
        "udpport": " ".join(sorted({str(link.port) for link in cf.links if link.kind in ("ucast", "bcast")})) or "none",
        "baud": str(cf.baud or "the default"),
        "auto_failback": cf.auto_failback or "absent",
        "node": " ".join(sorted(cf.nodes)),
        "crm": cf.resource_manager,
        "mcast": " ".join(groups) or "none",
        "links": "broadcast or unicast" if {"ucast", "bcast"} & set(kinds) else " ".join(kinds),
    }


def _directive(name: str, node: NodeConfiguration, cf: HaCf, directive: str, value: str) -> Evidence:
    return stands(name, node, HA_CF, cf.lines.get(directive), f"{directive}: {value}")


def auto_failback(pair: ConfiguredPair) -> Finding | None:
    """Legacy failback, in which a hand-over is ignored."""
    faults: list[Fault] = []
    for name, node in pair.each():
        cf = node.ha_cf.value
        if cf is None or not cf.ignores_standby:
            continue
        line = cf.lines.get("auto_failback")
        evidence = stands(name, node, HA_CF, line, "there is no line auto_failback: that means legacy")
        where = f"{HA_CF}, line {line}" if line else HA_CF
        step = Step(f"in {where}: write `auto_failback off` (or `on`: the resources go home by themselves)", name)
        text = "auto_failback is legacy: Heartbeat ignores requests to hand over"
        faults.append(Fault("warning", text, (evidence,), (step,)))
    return gathered(
        "configuration-auto-failback",
        pair,
        faults,
        meaning="A planned failover with hb_standby does nothing, and a node that comes back takes everything at once.",
        avoid="Do not rely on hb_standby: it leaves with 0 all the same. " + _NO_RESTART,
        closing=(_RESTART,),
    )


def single_link(pair: ConfiguredPair) -> Finding | None:
    """One way only by which the nodes hear of each other."""
    faults: list[Fault] = []
    for name, node in pair.each():
        cf = node.ha_cf.value
        if cf is None or len(cf.paths) != 1:
            continue
        evidence = tuple(stands(name, node, HA_CF, link.line, f"{link.kind} {link.device}") for link in cf.links)
        severity: Severity = "info" if cf.paths[0].startswith("bond") else "warning"
        text = f"the nodes hear of each other by {cf.paths[0]} only"
        faults.append(Fault(severity, text, evidence))
    return gathered(
        "configuration-single-link",
        pair,
        faults,
        meaning="When this one path breaks, each node takes the other for dead and both serve: a split brain.",
        avoid="Do not unplug or restart switches on this path without stopping Heartbeat on the node that stands by.",
        closing=(
            Step(
                "add a second path that shares no cable and no switch with the first, on both nodes: in "
                f"{HA_CF} `ucast eth1 PEER-ADDRESS`, or `baud 19200` and `serial /dev/ttyS0`"
            ),
            _RESTART,
        ),
    )


def authkeys(pair: ConfiguredPair) -> Finding | None:
    """Faults in authkeys, and who may read it."""
    faults: list[Fault] = []
    for name, node in pair.each():
        faults += _absent(name, node.authkeys_mode.problem, AUTHKEYS, "authkeys")
        faults += _permissions(name, node)
        if (keys := node.authkeys.value) is None:
            continue
        faults += faulty(name, node, AUTHKEYS, keys.problems)
        cf = node.ha_cf.value
        wired = cf is not None and any(link.kind != "serial" for link in cf.links)
        if keys.method == "crc" and wired:
            evidence = (Evidence(AUTHKEYS, f"auth {keys.index}: crc", name),)
            text = "authkeys signs with crc over a network: anybody there can speak as the peer"
            step = Step(f"on both nodes the same in {AUTHKEYS}: `auth 1` and `1 sha1 SECRET`", name)
            faults.append(Fault("warning", text, evidence, (step,)))
    meaning = (
        _WILL_NOT_START
        if worst(faults) == "critical"
        else "Who can read or forge the key can make a node believe that its peer lives or died."
    )
    return gathered("configuration-authkeys", pair, faults, meaning=meaning, avoid=_NO_RESTART)


def _permissions(name: str, node: NodeConfiguration) -> Iterator[Fault]:
    mode = node.authkeys_mode.value
    if mode is None:
        return
    evidence = (Evidence(f"ls -l {AUTHKEYS}", f"{mode.mode} {mode.owner} {mode.group}", name),)
    if not mode.owner_only:
        step = Step("let only its owner read it", name, f"chmod 600 {AUTHKEYS}")
        severity: Severity = "critical" if mode.others_read else "warning"
        refuses = ": Heartbeat refuses to start" if mode.others_read else ""
        yield Fault(severity, f"authkeys has mode {mode.mode}, and is not its owner's only{refuses}", evidence, (step,))
    if mode.owner not in ("root", "0"):
        step = Step("give it to root", name, f"chown root:root {AUTHKEYS}")
        yield Fault("warning", f"authkeys belongs to {mode.owner}, not to root", evidence, (step,))


def authkeys_differ(pair: ConfiguredPair) -> Finding | None:
    """Different keys: neither node believes the other."""
    (first, one), (second, two) = pair.each()
    prints, keys = (one.fingerprint.value, two.fingerprint.value), (one.authkeys.value, two.authkeys.value)
    faults: list[Fault] = []
    if None not in prints and prints[0] != prints[1]:
        evidence = tuple(Evidence(AUTHKEYS, "its keys are not the peer's", name) for name in (first, second))
        copy = Step("copy the file of the node that serves to the other one, keeping its mode 600")
        faults.append(Fault("warning", "the keys in authkeys differ", evidence, (copy,)))
    elif keys[0] and keys[1] and (keys[0].index, keys[0].keys) != (keys[1].index, keys[1].keys):
        evidence = tuple(
            Evidence(
                AUTHKEYS, f"auth {k.index}, keys " + ", ".join(f"{key.index} {key.method}" for key in k.keys), name
            )
            for name, k in ((first, keys[0]), (second, keys[1]))
        )
        same_keys = keys[0].keys == keys[1].keys
        severity: Severity = "info" if same_keys else "warning"
        text = "authkeys differs: " + ("the nodes sign with different keys" if same_keys else "not the same keys")
        faults.append(Fault(severity, text, evidence, (Step(f"make {AUTHKEYS} the same on both nodes"),)))
    return gathered(
        "configuration-authkeys-differ",
        pair,
        faults,
        meaning="After the next start of Heartbeat the nodes do not believe each other, and both take the service.",
        avoid="Do not restart or reload Heartbeat on either node before the files are the same.",
        closing=(Step("compare them, as root on both nodes", None, f"sha1sum {AUTHKEYS}"),),
    )


def haresources(pair: ConfiguredPair) -> Finding | None:
    """Faults in haresources, and where it is about something else than what is watched."""
    faults: list[Fault] = []
    for name, node in pair.each():
        if _has_crm(node):
            continue
        faults += _absent(name, node.haresources.problem, HARESOURCES, "haresources")
        if (found := node.haresources.value) is None:
            continue
        faults += faulty(name, node, HARESOURCES, found.problems)
        faults += _strangers(name, node, found)
        faults += _watched_otherwise(pair, name, node, found)
    meaning = (
        _WILL_NOT_START
        if worst(faults) == "critical"
        else "At a failover something is started too early, not at all, or elsewhere than is watched."
    )
    return gathered("configuration-haresources", pair, faults, meaning=meaning, avoid=_NO_RESTART)


def _strangers(name: str, node: NodeConfiguration, found: Haresources) -> Iterator[Fault]:
    """Groups of nodes that ha.cf does not know, but for those that the parser took for no node at all."""
    known = node.ha_cf.value.nodes if node.ha_cf.value else ()
    wrong = {problem.line for problem in found.problems if problem.fatal}
    for group in found.groups if known else ():
        if group.node.lower() in known or group.line in wrong:
            continue
        text = f"haresources begins a line with {group.node}, which is no node of ha.cf"
        step = Step(f"in {HARESOURCES}, line {group.line}: write the node's name as in ha.cf, in small letters", name)
        yield Fault("critical", text, (stands(name, node, HARESOURCES, group.line, group.node),), (step,))


def _watched_otherwise(pair: ConfiguredPair, name: str, node: NodeConfiguration, found: Haresources) -> Iterator[Fault]:
    layout, groups = pair.layout, found.groups
    moved = {
        "the address": ([a.address for g in groups for a in g.addresses], layout.address),
        "the DRBD resource": ([g.drbd for g in groups if g.drbd], layout.resource),
        "the mount point": ([m.mount for g in groups for m in g.mounts], layout.mount),
    }
    line = groups[0].line if groups else None
    for what, (have, wanted) in moved.items():
        if not groups or not wanted or wanted in have:
            continue
        text = f"haresources moves {' and '.join(have)}" if have else f"haresources does not move {what}"
        told = f"{text}; ccops watches {what} {wanted}"
        step = Step(f"write {what} that is right to {HARESOURCES} on both nodes, or to ccops.toml")
        yield Fault("warning", told, (stands(name, node, HARESOURCES, line),), (step,))
    for service in layout.services:
        if groups and service not in {s for g in groups for s in g.services}:
            step = Step(
                f"add {service} at the end of the line in {HARESOURCES} on both nodes, or take it off ccops.toml"
            )
            told = f"haresources does not start {service}, which ccops watches"
            yield Fault("warning", told, (stands(name, node, HARESOURCES, line),), (step,))


def haresources_differs(pair: ConfiguredPair) -> Finding | None:
    """Heartbeat wants the same file on both nodes."""
    (first, one), (second, two) = pair.each()
    if one.haresources.value is None or two.haresources.value is None or _has_crm(one) or _has_crm(two):
        return None
    mine, theirs = one.haresources.value.groups, two.haresources.value.groups
    if [_named(group) for group in mine] == [_named(group) for group in theirs]:
        return None
    evidence = (*_only_here(first, one, mine, theirs), *_only_here(second, two, theirs, mine))
    fault = Fault(
        "warning",
        "haresources differs between the nodes",
        evidence,
        (Step(f"copy {HARESOURCES} of the node that serves to the other one"),),
    )
    return gathered(
        "configuration-haresources-differs",
        pair,
        [fault],
        meaning="Each node starts what its own file names: both may hold a resource, or none.",
        avoid="Do not fail over before they are the same.",
        closing=(_RESTART,),
    )


def _named(group: ResourceGroup) -> tuple[object, ...]:
    return group.node.lower(), group.resources


def _only_here(
    name: str, node: NodeConfiguration, groups: Sequence[ResourceGroup], others: Sequence[ResourceGroup]
) -> Iterator[Evidence]:
    """The lines that the other node lacks; all of them where only their order differs."""
    there = {_named(group) for group in others}
    only = [group for group in groups if _named(group) not in there] or groups
    return (stands(name, node, HARESOURCES, group.line, group.node) for group in only)


def _absent(name: str, problem: str | None, path: str, word: str) -> Iterator[Fault]:
    if problem == NOT_THERE:
        step = Step(f"copy {path} from the other node, with its mode", name)
        yield Fault("critical", f"there is no {word}", (Evidence(path, NOT_THERE, name),), (step,))


def _has_crm(node: NodeConfiguration) -> bool:
    return node.ha_cf.value is not None and node.ha_cf.value.resource_manager == "crm"

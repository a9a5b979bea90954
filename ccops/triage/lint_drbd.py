"""Rules about DRBD's configuration.

Sources: drbd.conf(5) of 8.0 to 8.4; which automatic policies discard what, from the DRBD user's guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ccops.pair.configuration import DRBD_CONF, NOT_THERE, NodeConfiguration
from ccops.pair.drbdadm import Drbdadm, spelt
from ccops.pair.drbdconf import ConfResource, DrbdConf
from ccops.triage.configured import ConfiguredPair, Fault, faulty, gathered, stands, worst
from ccops.triage.finding import Evidence, Finding, Severity, Step

_NO_FAILOVER = "Do not fail over before it is mended: the other node may not become Primary."
_ZERO_CHANGES = frozenset({"disconnect", "discard-zero-changes"})
# Of each policy what it does without asking; `disconnect`, the default of all of them, leaves it to a person.
_POLICIES: Mapping[str, Mapping[str, str]] = {
    "after-sb-0pri": {
        "discard-younger-primary": "discards what was written on the node that became Primary last",
        "discard-older-primary": "discards what was written on the node that became Primary first",
        "discard-least-changes": "discards the side on which less was written, be it what matters",
        "discard-local": "discards the side on which the connection is made",
        "discard-remote": "discards the other side than that on which the connection is made",
    },
    "after-sb-1pri": {
        "discard-secondary": "discards what was written on the node that is Secondary by then",
        "call-pri-lost-after-sb": "has a script end the Primary that lost, usually by a reboot",
        "violently-as0p": "changes the data below a mounted file system",
    },
    "after-sb-2pri": {
        "call-pri-lost-after-sb": "has a script end the Primary that lost, usually by a reboot",
        "violently-as0p": "changes the data below a mounted file system",
    },
    "rr-conflict": {
        "violently": "changes the data below a mounted file system",
        "call-pri-lost": "has a script end the Primary that lost, usually by a reboot",
        "auto-discard": "discards the data of the side that would have to be Secondary",
    },
}
_MATTERS = ("net.", "protocol")


def drbd(pair: ConfiguredPair) -> Finding | None:
    """Faults in DRBD's configuration, and where it is about something else than what is watched."""
    faults: list[Fault] = []
    for name, node in pair.each():
        if node.drbd.problem == NOT_THERE:
            step = Step(f"copy {DRBD_CONF} and what it includes from the other node", name)
            faults.append(
                Fault("warning", f"there is no {DRBD_CONF}", (Evidence(DRBD_CONF, NOT_THERE, name),), (step,))
            )
        if (conf := node.drbd.value) is None:
            continue
        for problem in conf.problems:
            faults += faulty(name, node, problem.where, (problem,), fatal="warning")
        faults += _watched_otherwise(pair, name, node, conf)
        faults += _protocols(name, node, conf)
    return gathered(
        "configuration-drbd",
        pair,
        faults,
        meaning="drbdadm refuses the whole of a file with a fault: then no failover works and no boot brings DRBD up."
        if any(fault.severity == "warning" for fault in faults)
        else "What was written in the last moments before a crash may be lost.",
        avoid=_NO_FAILOVER if worst(faults) == "warning" else "",
        closing=(Step("see what drbdadm makes of it", None, "drbdadm dump"),),
    )


def _watched_otherwise(pair: ConfiguredPair, name: str, node: NodeConfiguration, conf: DrbdConf) -> Iterator[Fault]:
    wanted = pair.layout
    resource = next((r for r in conf.resources if r.name == wanted.resource), None)
    if resource is None:
        have = " and ".join(r.name for r in conf.resources) or "none at all"
        text = f"DRBD's configuration has no resource {wanted.resource}, which ccops watches; it has {have}"
        step = Step("write the name of the right resource to ccops.toml, or the resource to DRBD's configuration")
        yield Fault("warning", text, (Evidence(DRBD_CONF, f"resources: {have}", name),), (step,))
        return
    minors = {volume.minor for volume in resource.volumes_of(node.name.value or name)} - {None}
    if minors and wanted.minor not in minors:
        told = " and ".join(str(minor) for minor in sorted(m for m in minors if m is not None))
        text = f"resource {resource.name} is minor {told}, ccops watches minor {wanted.minor}"
        evidence = stands(name, node, resource.source, resource.line)
        yield Fault("warning", text, (evidence,), (Step(f"write minor {told} to ccops.toml"),))


def _protocols(name: str, node: NodeConfiguration, conf: DrbdConf) -> Iterator[Fault]:
    """A: acknowledged when it left; B: when it is in the peer's memory."""
    for resource in conf.resources:
        protocol = (resource.protocol or "C").upper()
        if protocol in ("A", "B"):
            source, line = _where(resource, "protocol")
            severity: Severity = "warning" if protocol == "A" else "info"
            text = f"resource {resource.name} replicates by protocol {protocol}: the last writes can be lost"
            step = Step(f"in {source}, line {line}: write `protocol C;` on both nodes", name)
            yield Fault(severity, text, (stands(name, node, source, line, f"protocol {protocol}"),), (step,))


def drbd_differs(pair: ConfiguredPair) -> Finding | None:
    """What drbd.conf says on one node and not, or otherwise, on the other."""
    (first, one), (second, two) = pair.each()
    if one.drbd.value is None or two.drbd.value is None:
        return None
    mine, theirs = ({r.name: r for r in conf.resources} for conf in (one.drbd.value, two.drbd.value))
    faults: list[Fault] = []
    for resource in mine.keys() ^ theirs.keys():
        has, node, found = (first, one, mine[resource]) if resource in mine else (second, two, theirs[resource])
        text = f"resource {resource} is configured on {has} only"
        faults.append(Fault("warning", text, (stands(has, node, found.source, found.line),)))
    for resource in mine.keys() & theirs.keys():
        here, there = _essence(mine[resource]), _essence(theirs[resource])
        for key in sorted(here.keys() | there.keys()):
            if here.get(key) == there.get(key):
                continue
            values = (here.get(key, "not set"), there.get(key, "not set"))
            evidence = (
                stands(first, one, *_where(mine[resource], key), f"{key}: {values[0]}"),
                stands(second, two, *_where(theirs[resource], key), f"{key}: {values[1]}"),
            )
            severity: Severity = "warning" if key.startswith(_MATTERS) or "." not in key else "info"
            text = f"{key} of resource {resource} differs: {values[0]} on {first}, {values[1]} on {second}"
            faults.append(Fault(severity, text, evidence))
    faults.sort(key=lambda fault: fault.text)
    adjust = spelt(Drbdadm(pair.layout.resource, pair.layout.minor).adjust())
    return gathered(
        "configuration-drbd-differs",
        pair,
        faults,
        meaning="At the next connect the nodes may refuse each other, and then nothing is replicated.",
        avoid="Do not run `drbdadm adjust` or restart DRBD on either node before the files agree.",
        closing=(
            Step("copy the files of the node that is right to the other one"),
            Step("take them over on both nodes", None, adjust),
        ),
    )


def _essence(resource: ConfResource) -> Mapping[str, str]:
    """All that is set, whichever way it is written: options, and what each host has."""
    found = {key: value for key, value in resource.options.items() if key != "net.protocol"}
    found["protocol"] = resource.protocol or "C"
    for host in resource.hosts:
        name = host.name or f"floating {host.address}"
        found[f"address on {name}"] = f"{host.address}:{host.port}"
        for volume in resource.volumes_of(host.name or ""):
            found[f"volume {volume.number} on {name}"] = (
                f"{volume.device} of {volume.disk}, meta-data {volume.meta_disk}"
            )
    return found


def _where(resource: ConfResource, key: str) -> tuple[str, int]:
    """The file and the line of an option, else of the resource."""
    return resource.lines.get(key) or resource.lines.get(f"net.{key}") or (resource.source, resource.line)


def partitions(pair: ConfiguredPair) -> Finding | None:
    """Disks below DRBD, or their meta-data's, that are not of one size."""
    (first, one), (second, two) = pair.each()
    conf, peers = one.drbd.value or two.drbd.value, two.drbd.value or one.drbd.value
    if conf is None or peers is None or one.sizes.value is None or two.sizes.value is None:
        return None
    faults: list[Fault] = []
    theirs = {resource.name: _disks(resource, two.name.value or second) for resource in peers.resources}
    for resource in conf.resources:
        for key, path in _disks(resource, one.name.value or first).items():
            other = theirs.get(resource.name, {}).get(key)
            sizes = one.sizes.value.get(path), two.sizes.value.get(other or "")
            if other is None or sizes[0] is None or sizes[1] is None or sizes[0] == sizes[1]:
                continue
            evidence = (
                Evidence("/proc/partitions", f"{path}: {sizes[0]} KiB", first),
                Evidence("/proc/partitions", f"{other}: {sizes[1]} KiB", second),
            )
            of_data = key.startswith("disk")
            what = "disks of the data" if of_data else "disks of the meta-data"
            text = f"the {what} of resource {resource.name} differ: {sizes[0]} KiB on {first}, {sizes[1]} on {second}"
            faults.append(Fault("warning" if of_data else "info", text, evidence))
    return gathered(
        "configuration-partitions",
        pair,
        faults,
        meaning="The volume is as large as the smaller disk; made anew on the larger one, DRBD refuses to connect.",
        avoid="Do not create meta-data or resize the resource before both are of one size.",
        closing=(Step("make the larger partition as small as the other, or enlarge the other, node by node"),),
    )


def _disks(resource: ConfResource, host: str) -> Mapping[str, str]:
    """The devices below a resource on one host: those of the data and of the meta-data, by volume."""
    found: dict[str, str] = {}
    for volume in resource.volumes_of(host):
        if volume.disk and volume.disk.startswith("/"):
            found[f"disk {volume.number}"] = volume.disk
        if volume.meta_disk and volume.meta_disk.startswith("/"):
            found[f"meta-disk {volume.number}"] = volume.meta_disk.partition("[")[0]
    return found


def verify_alg(pair: ConfiguredPair) -> Finding | None:
    """Nothing is configured by which both copies could be compared."""
    faults: list[Fault] = []
    for name, node, resource in _resources(pair):
        version = node.versions["drbd"].value if "drbd" in node.versions else None
        if resource.option("verify-alg") is not None or _before(version, (8, 2)):
            continue
        section = "net" if not _before(version, (8, 4)) else "syncer"
        hint = "" if version else " (in `syncer` before DRBD 8.4)"
        algorithm = "crc32c" if section == "net" else "sha1"
        step = Step(
            f"in {resource.source}, in resource {resource.name} or in `common`: "
            f"write `{section} {{ verify-alg {algorithm}; }}`{hint}",
            name,
        )
        evidence = stands(name, node, resource.source, resource.line, f"resource {resource.name}")
        text = f"resource {resource.name} has no verify-alg: whether both copies are equal cannot be checked"
        faults.append(Fault("info", text, (evidence,), (step,)))
    drbdadm = Drbdadm(pair.layout.resource, pair.layout.minor)
    return gathered(
        "configuration-verify-alg",
        pair,
        faults,
        meaning="Blocks that came to differ unnoticed are found at a failover only, by whoever reads them.",
        avoid="Do not run a verify in busy hours: it reads both disks whole.",
        closing=(
            Step("take it over on both nodes", None, spelt(drbdadm.adjust())),
            Step("compare both copies in a quiet hour, from one node", None, spelt(drbdadm.verify())),
        ),
    )


def after_split_brain(pair: ConfiguredPair) -> Finding | None:
    """Policies by which DRBD itself decides whose data are given up after a split brain."""
    faults: list[Fault] = []
    for name, node, resource in _resources(pair):
        faults += _policies(name, node, resource)
    grave = worst(faults) == "warning"
    return gathered(
        "configuration-after-split-brain",
        pair,
        faults,
        meaning="After a split brain what one side recorded is gone before anybody can look at it."
        if grave
        else "A side on which nothing was written is brought up to date by itself; nothing is lost by that.",
        avoid="Do not reconnect nodes that diverged while such a policy is set: it acts then." if grave else "",
        closing=(
            (
                Step("take it over on both nodes", None, spelt(Drbdadm(pair.layout.resource, 0).adjust())),
                Step("keep copies of what a split brain may cost: records and recordings, off the pair"),
            )
            if grave
            else ()
        ),
    )


def _policies(name: str, node: NodeConfiguration, resource: ConfResource) -> Iterator[Fault]:
    chosen = {policy: resource.option(policy) for policy in _POLICIES}
    mild = chosen["after-sb-0pri"] in (None, *_ZERO_CHANGES)
    for policy, value in chosen.items():
        if value in (None, "disconnect", "retry-connect"):
            continue
        what = _POLICIES[policy].get(value)
        severity: Severity = "warning"
        if value == "discard-zero-changes":
            what, severity = "discards a side only if nothing was written there", "info"
        elif value == "consensus":
            what = "discards the Secondary's side where after-sb-0pri would"
            severity = "info" if mild else "warning"
        elif value.startswith("discard-node-"):
            what = f"always discards what {value.removeprefix('discard-node-')} has"
        yield _policy(name, node, resource, policy, value, what or "is not known to be harmless", severity)
    if resource.option("always-asbp") in (None, "no"):
        return
    acting = [
        value for policy, value in chosen.items() if policy != "rr-conflict" and value not in (None, "disconnect")
    ]
    what = "lets these policies act even on data of which it is not known that they belong together"
    yield _policy(name, node, resource, "always-asbp", "yes", what, "warning" if acting else "info")


def _policy(
    name: str,
    node: NodeConfiguration,
    resource: ConfResource,
    policy: str,
    value: str,
    what: str,
    severity: Severity,
) -> Fault:
    source, line = _where(resource, resource.key(policy) or policy)
    written = policy if value == "yes" else f"{policy} {value}"
    better = "no line `always-asbp`" if value == "yes" else f"`{policy} disconnect;`"
    steps = () if severity == "info" else (Step(f"in {source}, line {line}: write {better}", name),)
    return Fault(severity, f"{written}: DRBD {what}", (stands(name, node, source, line, written),), steps)


def two_primaries(pair: ConfiguredPair) -> Finding | None:
    """Both nodes may be Primary at once."""
    faults: list[Fault] = []
    for name, node, resource in _resources(pair):
        if resource.option("allow-two-primaries") in (None, "no"):
            continue
        source, line = _where(resource, resource.key("allow-two-primaries") or "")
        step = Step(f"in {source}, line {line}: take `allow-two-primaries` out", name)
        text = f"resource {resource.name} allows two Primaries at once"
        faults.append(Fault("warning", text, (stands(name, node, source, line, "allow-two-primaries"),), (step,)))
    return gathered(
        "configuration-two-primaries",
        pair,
        faults,
        meaning="DRBD does not stop the second node from mounting: ext3 that is mounted twice is destroyed.",
        avoid="Do not mount the volume on both nodes, and do not start services by hand on the one that stands by.",
        closing=(Step("take it over on both nodes", None, spelt(Drbdadm(pair.layout.resource, 0).adjust())),),
    )


def _resources(pair: ConfiguredPair) -> Iterator[tuple[str, NodeConfiguration, ConfResource]]:
    for name, node in pair.each():
        for resource in node.drbd.value.resources if node.drbd.value else ():
            yield name, node, resource


def _before(version: str | None, wanted: tuple[int, ...]) -> bool:
    """Whether a known version is older than that; an unknown one is not."""
    return version is not None and tuple(int(part) for part in version.split(".")) < wanted

"""Rules about the nodes themselves: their names, what they start at boot, what they run, where the data really are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ccops.pair.configuration import DRBD_CONF, FSTAB, HA_CF, HARESOURCES, NodeConfiguration, Setting
from ccops.triage.configured import ConfiguredPair, Fault, gathered, stands
from ccops.triage.finding import Evidence, Finding, Severity, Step

_STARTED = frozenset({"enabled", "enabled-runtime", "linked"})
_NOT_STARTED = frozenset({"disabled", "unlinked", "masked", "not-found"})
_CARRIERS = ("heartbeat", "drbd")
_WORDS = {"drbd": "DRBD", "heartbeat": "Heartbeat", "asterisk": "Asterisk", "mysql": "MySQL"}
_DATADIR = "/var/lib/mysql"
_ASTERISK: Sequence[tuple[str, str, str, Severity]] = (
    ("astetcdir", "/etc/asterisk", "the configuration", "warning"),
    ("astdbdir", "/var/lib/asterisk", "the database of phones, agents and forwardings (astdb)", "warning"),
    ("astspooldir", "/var/spool/asterisk", "recordings and voice mail", "info"),
    ("astlogdir", "/var/log/asterisk", "the logs, the queues' among them,", "info"),
)


def node_name(pair: ConfiguredPair) -> Finding | None:
    """A node that is not called by its own name."""
    faults: list[Fault] = []
    for name, node in pair.each():
        if (own := node.name.value) is None:
            continue
        uname = Evidence("uname -n", own, name)
        if own.lower() != name.lower():
            step = Step(f'write name = "{own}" for this node to ccops.toml, or give the node its name back', name)
            faults.append(Fault("warning", f"it calls itself {own}, and is {name} in ccops.toml", (uname,), (step,)))
        faults += _misnamed(name, node, own, uname)
    grave = any(fault.severity == "critical" for fault in faults)
    return gathered(
        "configuration-node-name",
        pair,
        faults,
        meaning="Heartbeat does not start on a node that ha.cf does not name: after a restart it takes no part."
        if grave
        else "What is written for a node by another name does not hold for it.",
        avoid="Do not rename a node while Heartbeat or DRBD runs there.",
    )


def _misnamed(name: str, node: NodeConfiguration, own: str, uname: Evidence) -> Iterator[Fault]:
    cf, conf, groups = node.ha_cf.value, node.drbd.value, node.haresources.value
    if cf is not None and cf.nodes and own.lower() not in cf.nodes:
        line = cf.lines.get("node")
        step = Step(f"in {HA_CF} on both nodes: write `node {own}`", name)
        text = f"ha.cf does not name {own}: Heartbeat does not start there"
        yield Fault("critical", text, (uname, stands(name, node, HA_CF, line, " ".join(cf.nodes))), (step,))
    for group in groups.groups if groups else ():
        if group.node.lower() == own.lower() and group.node != group.node.lower():
            evidence = (uname, stands(name, node, HARESOURCES, group.line, group.node))
            step = Step(f"in {HARESOURCES}, line {group.line}, on both nodes: write {group.node.lower()}", name)
            text = f"haresources writes {group.node} with capitals, Heartbeat goes by small letters"
            yield Fault("info", text, evidence, (step,))
    for resource in conf.resources if conf else ():
        hosts = [host.name for host in resource.hosts if host.name is not None]
        if not hosts or own in hosts or any(host.name is None for host in resource.hosts):
            continue
        evidence = (uname, stands(name, node, resource.source, resource.line, f"on {', on '.join(hosts)}"))
        step = Step(f"in {resource.source or DRBD_CONF} on both nodes: write `on {own} {{ ... }}`", name)
        cased = own.lower() in {host.lower() for host in hosts}
        why = "other capitals" if cased else f"it has {' and '.join(hosts)}"
        text = f"resource {resource.name} has no `on {own}` ({why}): drbdadm ignores it there"
        yield Fault("warning", text, evidence, (step,))


def started_by_init(pair: ConfiguredPair) -> Finding | None:
    """What init starts that Heartbeat should, and what it does not start that it should."""
    faults: list[Fault] = []
    for name, node in pair.each():
        faults += _started(pair, name, node)
        faults += _mounted_at_boot(pair, name, node)
    clashes = any(fault.severity == "warning" for fault in faults)
    return gathered(
        "configuration-init",
        pair,
        faults,
        meaning="After a boot it runs where nobody serves, without its data, or stops Heartbeat from starting."
        if clashes
        else "After a boot the node takes no part until somebody starts it by hand.",
        avoid="Do not reboot the node before it is mended." if clashes else "",
    )


def _started(pair: ConfiguredPair, name: str, node: NodeConfiguration) -> Iterator[Fault]:
    if (states := node.init.value) is None:
        return
    groups = node.haresources.value.groups if node.haresources.value else ()
    services = [service for group in groups for service in group.services] or list(pair.layout.services)
    for service in dict.fromkeys(services):
        unit = pair.layout.services.get(service, service)
        if (state := states.get(unit)) in _STARTED:
            text = f"{unit} is started by init and by Heartbeat"
            yield Fault("warning", text, (_state(name, unit, state),), (_switch(name, unit, state, on=False),))
    for unit in _CARRIERS:
        if (state := states.get(unit)) in _NOT_STARTED:
            text = f"{unit} is not started by init"
            yield Fault("info", text, (_state(name, unit, state),), (_switch(name, unit, state, on=True),))


def _state(name: str, unit: str, state: str | None) -> Evidence:
    if state in ("linked", "unlinked"):
        text = "there is a link that starts it" if state == "linked" else "there is no link that starts it"
        return Evidence(f"/etc/rc?.d/S??{unit}", text, name)
    return Evidence(f"systemctl is-enabled {unit}", state or "", name)


def _switch(name: str, unit: str, state: str | None, on: bool) -> Step:
    if state in ("linked", "unlinked"):
        command = f"chkconfig {unit} {'on' if on else 'off'} || update-rc.d {unit} {'enable' if on else 'disable'}"
    else:
        command = f"systemctl {'enable' if on else 'disable'} {unit}"
    return Step("let init start it" if on else "let init leave it to Heartbeat", name, command)


def _mounted_at_boot(pair: ConfiguredPair, name: str, node: NodeConfiguration) -> Iterator[Fault]:
    layout = pair.layout
    for line in node.fstab.value or ():
        of_volume = line.device == layout.device or line.point == layout.mount
        if of_volume and "noauto" not in line.options:
            evidence = stands(name, node, FSTAB, line.line, f"{line.device} {line.point}")
            step = Step(f"in {FSTAB}, line {line.line}: add the option `noauto`, or take the line out", name)
            yield Fault("warning", f"{line.point} is mounted at boot, not by Heartbeat", (evidence,), (step,))


def versions(pair: ConfiguredPair) -> Finding | None:
    """Programs that are not the same on both nodes."""
    (first, one), (second, two) = pair.each()
    faults: list[Fault] = []
    for program, word in _WORDS.items():
        mine, theirs = (node.versions[program].value if program in node.versions else None for node in (one, two))
        if mine is None or theirs is None or mine == theirs:
            continue
        minor = mine.split(".")[:2] == theirs.split(".")[:2]
        evidence = (Evidence(word, mine, first), Evidence(word, theirs, second))
        text = f"{word} differs: {mine} on {first}, {theirs} on {second}"
        step = Step(f"install the same {word} on both nodes, the one that stands by first")
        faults.append(Fault("info" if minor else "warning", text, evidence, (step,)))
    return gathered(
        "configuration-versions",
        pair,
        faults,
        meaning="After a failover the same data and configuration are read by another program.",
        avoid="Do not update a program on the node that serves while calls are up.",
    )


def mysql_datadir(pair: ConfiguredPair) -> Finding | None:
    """MySQL's data on a disk of one node only."""
    if not pair.has_service("mysql", "mariadb"):
        return None
    faults: list[Fault] = []
    for name, node in pair.each():
        options = node.mysql.value
        if options is None:
            continue
        setting = options.get("datadir", Setting(_DATADIR, "the default of MySQL", 0))
        fault = _off_volume(pair, name, node, "MySQL's data", setting, "warning")
        faults += [fault] if fault else []
    return gathered(
        "configuration-mysql-datadir",
        pair,
        faults,
        meaning="After a failover the other node has another database: records, agents and campaigns are not there.",
        avoid="Do not fail over: what the databases of both nodes hold would have to be put together by hand.",
        closing=(Step("in a quiet hour stop MySQL and Heartbeat, move the folder to the volume, and leave a link"),),
    )


def asterisk(pair: ConfiguredPair) -> Finding | None:
    """What Asterisk keeps on a disk of one node only."""
    if not pair.has_service("asterisk"):
        return None
    # asterisk.conf mostly is on the volume: what the node that serves says of the folders holds for both.
    told = next((node.folders.value for _, node in pair.each() if node.folders.value is not None), None)
    faults: list[Fault] = []
    for name, node in pair.each():
        mine = {**(told or {}), **(node.folders.value or {})}
        for key, usual, what, severity in _ASTERISK if told is not None else _ASTERISK[:1]:
            usual_setting = mine.get("astvarlibdir") if key == "astdbdir" else None
            setting = mine.get(key) or usual_setting or Setting(usual, "", 0)
            fault = _off_volume(pair, name, node, f"Asterisk's {what}", setting, severity)
            faults += [fault] if fault else []
    return gathered(
        "configuration-asterisk",
        pair,
        faults,
        meaning="After a failover the other node goes by its own: what was changed or recorded here is not there.",
        avoid="Do not change Asterisk's configuration by hand on one node only."
        if any(fault.severity == "warning" for fault in faults)
        else "",
        closing=(Step("in a quiet hour stop Asterisk, move the folder to the volume, and leave a link in its place"),),
    )


def _off_volume(
    pair: ConfiguredPair, name: str, node: NodeConfiguration, what: str, setting: Setting, severity: Severity
) -> Fault | None:
    """A folder that is known to be somewhere else than on a volume that DRBD replicates."""
    if node.places.value is None:
        return None
    path = setting.value
    real = node.places.value.real(path)
    groups = [group for _, each in pair.each() if each.haresources.value for group in each.haresources.value.groups]
    volumes = {pair.layout.mount, *node.places.value.mounted, *(m.mount for group in groups for m in group.mounts)}
    if real is None or any(_inside(real, volume) for volume in volumes):
        return None
    leads = "" if real == path.rstrip("/") else f", which leads to {real}"
    evidence = [Evidence(path, f"it is {real}, not on {pair.layout.mount}", name)]
    if setting.line:
        evidence.append(Evidence(f"{setting.source}, line {setting.line}", path, name))
    return Fault(severity, f"{what} is not on {pair.layout.mount}: {path}{leads}", tuple(evidence))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")

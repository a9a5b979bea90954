"""What is worth knowing about a pair before it is watched: differences between the nodes, rights that lack, traps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

import msgspec

from ccops.config import SHIPPED_ECCP_USER
from ccops.pair.drbdconf import ConfResource, parse_drbd_conf
from ccops.pair.hacf import parse_ha_cf
from ccops.pair.haresources import parse_haresources
from ccops.pair.model import Problem
from ccops.setup.facts import ManagerUser, NodeFacts
from ccops.setup.findings import HA_CF, HARESOURCES, Findings, may_sudo

_WORDS = {"drbd": "DRBD", "heartbeat": "Heartbeat", "asterisk": "Asterisk", "mysql": "MySQL"}


def remarks(nodes: Sequence[NodeFacts], found: Findings) -> Iterator[str]:
    """Sentences for the person who sets the pair up, the gravest first."""
    first, second = nodes
    if first.name is not None and first.name == second.name:
        yield f"{first.target} and {second.target} are both {first.name}: is one of them the virtual address?"
    for node in nodes:
        yield from _faults(node)
    yield from _differences(first, second)
    yield from _failback(found)
    for node in nodes:
        yield from _rights(node)
    yield from _manager(found)
    if found.call_center:
        yield (
            f"the call-center module is shipped with a log-in to its dialer, {SHIPPED_ECCP_USER} (the password is the "
            "same), and the dialer listens on all addresses, port 20005: `ccops amiuser --eccp` prints how to change "
            "that, and a user by which ccops acts on the module's agents"
        )
    for address in found.other_addresses:
        yield f"haresources also moves the address {address}; ccops watches {found.address}"


def _name(node: NodeFacts) -> str:
    return node.name or node.target


def _faults(node: NodeFacts) -> Iterator[str]:
    if not node.complete:
        yield f"{_name(node)}: the inspection broke off; what it did not reach counts as not found"
    problems: list[Problem] = []
    if node.file(HA_CF).state == "read":
        cf = parse_ha_cf(node.file(HA_CF).text, node.name)
        problems += (*cf.problems, *cf.timing)
        if cf.resource_manager == "crm":
            yield f"{_name(node)}: ha.cf switches a cluster resource manager on; ccops knows haresources only"
        if node.file(HARESOURCES).state == "read":
            problems += parse_haresources(node.file(HARESOURCES).text, cf.nodes).problems
    problems += parse_drbd_conf(*node.drbd_conf).problems
    for problem in problems:
        if problem.fatal:
            line = f", line {problem.line}" if problem.line else ""
            text = f": {problem.text}" if problem.text else ""
            yield f"{_name(node)}, {problem.where}{line}: {problem.message}{text}"
    mode = node.authkeys[:10] if node.authkeys else ""
    if mode[4:].strip("-"):
        yield f"{_name(node)}: authkeys has mode {mode}; Heartbeat refuses it unless only root may read it"


def _differences(first: NodeFacts, second: NodeFacts) -> Iterator[str]:
    if first.file(HARESOURCES).state == second.file(HARESOURCES).state == "read":
        groups = [
            [(g.node, g.resources) for g in parse_haresources(n.file(HARESOURCES).text).groups] for n in (first, second)
        ]
        if groups[0] != groups[1]:
            yield "haresources differs between the nodes; it must be the same, or both may hold a resource"
    if first.drbd_conf and second.drbd_conf:
        parsed = [parse_drbd_conf(*n.drbd_conf).resources for n in (first, second)]
        if [_essence(r) for r in parsed[0]] != [_essence(r) for r in parsed[1]]:  # line numbers may differ
            yield "DRBD's configuration differs between the nodes"
    for key, word in _WORDS.items():
        versions = first.versions.get(key), second.versions.get(key)
        if None not in versions and versions[0] != versions[1]:
            yield f"{word} differs: {versions[0]} on {_name(first)}, {versions[1]} on {_name(second)}"
    for name in sorted(first.services.keys() & second.services.keys()):
        if first.services[name] != second.services[name]:
            yield (
                f"{name} is run by {first.services[name]} on {_name(first)} and by {second.services[name]} on "
                f"{_name(second)}; ccops looks for the first on both"
            )


def _essence(resource: ConfResource) -> ConfResource:
    """A resource without where it stands in its file."""
    return msgspec.structs.replace(resource, line=0)


def _failback(found: Findings) -> Iterator[str]:
    if found.ha_cf and found.ha_cf.resource_manager == "haresources" and found.ha_cf.auto_failback in (None, "legacy"):
        yield (
            "auto_failback is legacy (that is what it is when ha.cf does not say): Heartbeat then ignores requests to "
            "hand over; set it to on or off on both nodes before a planned failover"
        )


def _rights(node: NodeFacts) -> Iterator[str]:
    """What the user may not do on a node; `ccops sudoers` prints what gives it."""
    user = f"{node.user or 'the user'} on {_name(node)}"
    if node.root:
        yield f"{_name(node)}: logged in as root; watching needs a plain user only, see `ccops sudoers`"
        return
    if "cl_status" not in node.programs:
        yield f"{_name(node)}: cl_status was not found; Heartbeat's own view will be missing"
    elif not node.cl_status and not may_sudo(node):
        yield f"{user} may not ask Heartbeat ({node.refusals.get('cl_status') or 'it refused'}); see `ccops sudoers`"
    if not may_sudo(node):
        yield f"{user} may not run `drbdadm get-gi`, which tells how far the sides parted; see `ccops sudoers`"
    logs = [log for log in node.logs if log.kind == "kernel"]
    if logs and all(log.state != "readable" for log in logs):
        yield f"{user} may read no kernel log, where DRBD tells of a split brain; see `ccops sudoers`"
    for path in sorted(
        {log.path for log in node.logs if log.kind in ("heartbeat", "logd") and log.state == "unreadable"}
    ):
        yield f"{user} may not read {path}; see `ccops sudoers`"


def _manager(found: Findings) -> Iterator[str]:
    if found.manager.state == "read" and not found.manager.enabled:
        yield "the manager interface is off: set enabled = yes in manager.conf and reload"
    if found.ami_user and _shut_out(found.ami_user):
        yield f"manager user {found.ami_user.name} is not permitted from 127.0.0.1, where ccops' tunnel comes out"


def _shut_out(user: ManagerUser) -> bool:
    """Denied from everywhere, and no permit that covers the node itself."""
    return any(_covers(entry) for entry in user.deny) and not any(_covers(entry) for entry in user.permit)


def _covers(entry: str) -> bool:
    """Whether one of a line's networks has 127.0.0.1 in it."""
    for word in entry.replace(",", " ").split():
        try:
            if ip_address("127.0.0.1") in ip_network(word, strict=False):
                return True
        except ValueError:
            continue
    return False

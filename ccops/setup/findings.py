"""What the inspections of both nodes say of the pair, put together; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from ccops.pair.drbdconf import ConfResource, parse_drbd_conf
from ccops.pair.hacf import HaCf, parse_ha_cf
from ccops.pair.haresources import ResourceGroup, VolumeMount, parse_haresources
from ccops.setup.facts import Manager, ManagerUser, NodeFacts

T = TypeVar("T")

HA_CF = "/etc/ha.d/ha.cf"
HARESOURCES = "/etc/ha.d/haresources"
WATCHING = frozenset({"system", "call", "agent"})
"""The read classes of a manager user that are needed to watch calls, queues and agents."""

_AUTO_KERNEL_LOGS = ("/var/log/kern.log", "/var/log/messages")


class Findings(msgspec.Struct, frozen=True):
    """The pair as its nodes are configured; None and empty mean not found.

    `services` maps a name in haresources to the unit or init script; `interfaces` are Heartbeat's links.
    `kernel_log` is None when "auto" finds one. `sudo`: every node lets its user run the watching commands by sudo.
    """

    address: str | None = None
    other_addresses: tuple[str, ...] = ()
    resource: str | None = None
    device: str | None = None
    minor: int | None = None
    mount: str | None = None
    services: Mapping[str, str] = {}
    ha_log: str | None = None
    kernel_log: str | None = None
    sudo: bool = False
    ha_cf: HaCf | None = None
    interfaces: tuple[str, ...] = ()
    manager: Manager = Manager()
    ami_user: ManagerUser | None = None
    mysql: bool = False
    mysql_socket: str | None = None
    mysql_port: int | None = None
    call_center: bool | None = None


def gather(nodes: Sequence[NodeFacts]) -> Findings:
    """Findings from the facts of the nodes; where they differ, the first that knows something is believed."""
    ha_cf = _first(nodes, _ha_cf)
    group = _first(nodes, _group)
    drbd = _first(nodes, lambda node: _resource(node, group))
    mount = _mount(group, drbd)
    device = (drbd.device if drbd else None) or (mount.device if mount else None)
    minor = drbd.minor if drbd else None
    numbered = re.fullmatch(r"/dev/drbd(\d{1,7})", device or "", re.A)
    addresses = tuple(address.address for address in group.addresses) if group else ()
    manager = _first(nodes, lambda n: n.manager if n.manager.state == "read" else None)
    return Findings(
        address=addresses[0] if addresses else None,
        other_addresses=addresses[1:],
        resource=(group.drbd if group else None) or (drbd.name if drbd else None),
        device=device or (f"/dev/drbd{minor}" if minor is not None else None),
        minor=int(numbered[1]) if numbered else minor,
        mount=mount.mount if mount else None,
        services=_services(nodes, group),
        ha_log=_ha_log(nodes, ha_cf),
        kernel_log=_kernel_log(nodes),
        sudo=any(not node.root for node in nodes) and all(node.root or may_sudo(node) for node in nodes),
        ha_cf=ha_cf,
        interfaces=tuple(dict.fromkeys(link.device for link in ha_cf.links)) if ha_cf else (),
        manager=manager or _first(nodes, lambda n: n.manager if n.manager.state == "unreadable" else None) or Manager(),
        ami_user=_ami_user(manager) if manager else None,
        mysql=any("mysql" in node.versions or "mysqld" in node.services or node.mysql for node in nodes),
        mysql_socket=_first(nodes, lambda n: n.mysql.get("socket") or next(iter(n.mysql_sockets), None)),
        mysql_port=_first(nodes, lambda n: _port(n.mysql.get("port"))),
        call_center=_call_center(nodes),
    )


def can_watch(user: ManagerUser) -> bool:
    """Whether a manager user's read classes are enough to watch."""
    return "all" in user.read or set(user.read) >= WATCHING


def may_sudo(node: NodeFacts) -> bool:
    """Whether `sudo -n -l` offers what watching needs without a password: everything, or the commands by name."""
    granted = " ".join(" ".join(node.sudo or ()).split())  # sudo wraps its lines
    if "NOPASSWD" not in granted:
        return False
    free = granted[granted.index("NOPASSWD") :]
    return bool(re.search(r"NOPASSWD:\s*ALL\b", free)) or ("cl_status" in free and "drbdadm get-gi" in free)


def _first(nodes: Sequence[NodeFacts], known: Callable[[NodeFacts], T | None]) -> T | None:
    return next((value for node in nodes if (value := known(node)) is not None), None)


def _ha_cf(node: NodeFacts) -> HaCf | None:
    file = node.file(HA_CF)
    return parse_ha_cf(file.text, node.name) if file.state == "read" else None


def _group(node: NodeFacts) -> ResourceGroup | None:
    """The group that holds the service: the first with an address, and DRBD if any has it."""
    file = node.file(HARESOURCES)
    groups = parse_haresources(file.text).groups if file.state == "read" else ()
    ranked = sorted(groups, key=lambda group: (group.drbd is None, not group.addresses))
    return ranked[0] if ranked else None


def _resource(node: NodeFacts, group: ResourceGroup | None) -> ConfResource | None:
    """The DRBD resource that haresources names; else the only one there is."""
    resources = parse_drbd_conf(*node.drbd_conf).resources
    named = next((r for r in resources if group and r.name == group.drbd), None)
    return named or (resources[0] if len(resources) == 1 else None)


def _mount(group: ResourceGroup | None, drbd: ConfResource | None) -> VolumeMount | None:
    """The file system on the DRBD device; else the only one mounted."""
    mounts = group.mounts if group else ()
    fitting = next((m for m in mounts if drbd and m.device in (drbd.device, f"/dev/drbd/by-res/{drbd.name}")), None)
    return fitting or (mounts[0] if len(mounts) == 1 else None)


def _services(nodes: Sequence[NodeFacts], group: ResourceGroup | None) -> Mapping[str, str]:
    """Each daemon of haresources with what runs it on the nodes; its own name when that was not found."""
    run_by: dict[str, str] = {}
    for node in reversed(nodes):
        run_by |= node.services
    return {name: run_by.get(name, name) for name in (group.services if group else ())}


def _ha_log(nodes: Sequence[NodeFacts], ha_cf: HaCf | None) -> str | None:
    """Where Heartbeat logs: ha.cf's logfile, the log daemon's, or the usual file if it is there."""
    if ha_cf and ha_cf.log_file:
        return ha_cf.log_file
    logs = [log for node in nodes for log in node.logs]
    named = next((log.path for log in logs if log.kind in ("heartbeat", "logd")), None)
    return named or next((log.path for log in logs if log.kind == "usual" and log.state != "missing"), None)


def _kernel_log(nodes: Sequence[NodeFacts]) -> str | None:
    """A kernel log that every node has readable and "auto" would not take; None when "auto" does, or none is."""
    readable = [{log.path for log in node.logs if log.kind == "kernel" and log.state == "readable"} for node in nodes]
    common = set.intersection(*readable) if readable else set()
    if all(paths & set(_AUTO_KERNEL_LOGS) for paths in readable):
        return None
    return min(common, default=None)


def _ami_user(manager: Manager) -> ManagerUser | None:
    """A user for watching: the one called ccops, else the one that may write least."""
    able = [user for user in manager.users if can_watch(user) and user.has_secret]
    return min(able, key=lambda u: (u.name != "ccops", "all" in u.write, len(u.write), u.name), default=None)


def _call_center(nodes: Sequence[NodeFacts]) -> bool | None:
    """Whether the call centre's database is there; None when no data folder could be looked into."""
    answers = {answer for node in nodes for answer in node.call_center.values()}
    return True if "yes" in answers else False if "no" in answers and "hidden" not in answers else None


def _port(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[1-9]\d{0,4}", text, re.A) and int(text) < 65536 else None

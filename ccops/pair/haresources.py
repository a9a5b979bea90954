"""Heartbeat's haresources: which node prefers which resources, and what the resources are.

Source of the format: Heartbeat 2.1.3 and 3.0.6: `NODE R1 R2::ARG::ARG`, continued with a backslash; started from left
to right, stopped in reverse; a bare IP address means IPaddr. The file must be identical on both nodes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator

import msgspec

from ccops.pair.model import Problem
from ccops.pair.network import prefix_length
from ccops.text import clean

ADDRESS_SCRIPTS = frozenset({"IPaddr", "IPaddr2", "IPv6addr"})
# What carries the service, as opposed to the daemons that are the service.
CARRIERS = ADDRESS_SCRIPTS | {
    "drbddisk",
    "drbdupper",
    "Filesystem",
    "LVM",
    "Raid1",
    "IPsrcaddr",
    "MailTo",
    "SendArp",
    "portblock",
    "Delay",
    "AudibleAlarm",
    "LinuxSCSI",
    "WinPopup",
}
_MAX_LINES = 5000


class HaResource(msgspec.Struct, frozen=True):
    """One resource: the script that starts it and its arguments."""

    script: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "::".join((self.script, *self.arguments))


class VirtualAddress(msgspec.Struct, frozen=True):
    """`IP/mask/interface/broadcast`; only the address is always there."""

    address: str
    prefix: int | None = None
    interface: str | None = None
    broadcast: str | None = None


class VolumeMount(msgspec.Struct, frozen=True):
    """`Filesystem::DEVICE::MOUNT::TYPE::OPTIONS`."""

    device: str
    mount: str
    fstype: str | None = None
    options: str | None = None


class ResourceGroup(msgspec.Struct, frozen=True):
    """One line: the node that holds the resources when all is well, and the resources in the order of starting."""

    node: str
    resources: tuple[HaResource, ...]
    line: int

    @property
    def addresses(self) -> tuple[VirtualAddress, ...]:
        """The virtual addresses."""
        found = (_virtual(r.arguments[0]) for r in self.resources if r.script in ADDRESS_SCRIPTS and r.arguments)
        return tuple(address for address in found if address is not None)

    @property
    def drbd(self) -> str | None:
        """The DRBD resource that drbddisk makes Primary."""
        return next((r.arguments[0] for r in self.resources if r.script == "drbddisk" and r.arguments), None)

    @property
    def mounts(self) -> tuple[VolumeMount, ...]:
        """The file systems that are mounted."""
        found = (r.arguments for r in self.resources if r.script == "Filesystem" and len(r.arguments) >= 2)
        return tuple(VolumeMount(*arguments[:4]) for arguments in found)

    @property
    def services(self) -> tuple[str, ...]:
        """The daemons: every script that is not known to carry them."""
        return tuple(r.script for r in self.resources if r.script not in CARRIERS)


class Haresources(msgspec.Struct, frozen=True):
    """The whole file."""

    groups: tuple[ResourceGroup, ...] = ()
    problems: tuple[Problem, ...] = ()


def parse_haresources(text: str, nodes: Collection[str] | None = None) -> Haresources:
    """haresources; with `nodes` (those of ha.cf) also whether each line begins with one of them."""
    groups: list[ResourceGroup] = []
    problems: list[Problem] = []
    for number, line in _joined(text):
        if not (words := line.split()):
            continue
        group = ResourceGroup(words[0], tuple(_resource(word) for word in words[1:]), number)
        groups.append(group)
        problems += _faults(group, nodes)
    if not groups:
        problems.append(Problem("haresources", "no line names a node and its resources", clean(text.strip(), 200)))
    problems += _repeated(groups)
    return Haresources(tuple(groups), tuple(problems))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones put together, with the number of the first."""
    start, parts = 0, ""
    for number, raw in enumerate(text.splitlines()[:_MAX_LINES], 1):
        line = clean(raw.partition("#")[0]).rstrip()
        start = start if parts else number
        if line.endswith("\\"):
            parts += line[:-1] + " "
            continue
        yield start, parts + line
        parts = ""
    if parts:
        yield start, parts


def _resource(word: str) -> HaResource:
    if _virtual(word) is not None:
        return HaResource("IPaddr", (word,))
    script, *arguments = word.split("::")
    return HaResource(script, tuple(arguments))


def _virtual(word: str) -> VirtualAddress | None:
    ip, *rest = word.split("/")
    try:
        address = str(ipaddress.ip_address(ip))
    except ValueError:
        return None
    mask, interface, broadcast = (*rest, "", "", "")[:3]
    return VirtualAddress(address, prefix_length(mask), interface or None, broadcast or None)


def _faults(group: ResourceGroup, nodes: Collection[str] | None) -> Iterator[Problem]:
    def wrong(message: str, text: str = "", fatal: bool = False) -> Problem:
        return Problem("haresources", message, clean(text, 200), group.line, fatal)

    if "::" in group.node or group.node in CARRIERS or _virtual(group.node) is not None:
        yield wrong("a node's name must stand first: does the line before lack its backslash?", group.node, True)
    elif nodes is not None and group.node.lower() not in {node.lower() for node in nodes}:
        yield wrong("this node is not one of ha.cf's", group.node, True)
    if not group.resources:
        yield wrong("the node has no resources", group.node)
    for resource in group.resources:
        if resource.script in ADDRESS_SCRIPTS and not (resource.arguments and _virtual(resource.arguments[0])):
            yield wrong(f"{resource.script} wants an IP address", str(resource))
        elif resource.script == "drbddisk" and not resource.arguments:
            yield wrong("drbddisk without a name makes every DRBD resource Primary", str(resource))
        elif resource.script == "Filesystem" and len(resource.arguments) < 2:
            yield wrong("Filesystem wants a device and a mount point", str(resource))
        elif not resource.script:
            yield wrong("a resource without a script's name", str(resource))
    yield from (wrong(message) for message in _out_of_order(group))


def _out_of_order(group: ResourceGroup) -> Iterator[str]:
    """Resources start from left to right."""
    scripts = [resource.script for resource in group.resources]
    first = {script: scripts.index(script) for script in scripts}
    service = next(iter(group.services), None)
    address = next((script for script in scripts if script in ADDRESS_SCRIPTS), None)
    if first.get("Filesystem", len(scripts)) < first.get("drbddisk", 0):
        yield "drbddisk must stand left of Filesystem: resources start from left to right"
    if service and "Filesystem" in first and first[service] < first["Filesystem"]:
        yield f"{service} must stand right of Filesystem: it would start before its data are mounted"
    if service and address and first[service] < first[address]:
        yield f"{service} must stand right of {address}: what binds to the address would start without it"


def _repeated(groups: list[ResourceGroup]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for group in groups:
        for resource in group.resources:
            first = seen.setdefault(str(resource), group.line)
            if first != group.line:
                yield Problem(
                    "haresources", f"this resource stands on line {first} too", str(resource)[:200], group.line
                )

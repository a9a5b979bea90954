"""`bundle.toml`: what a reader has to know of the pair to understand a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from ccops.pair.model import PairLayout
from ccops.pair.services import asked_units

SETTINGS = "bundle.toml"


class BundleError(Exception):
    """What was given is no bundle that can be read: which file, what was expected, what was found."""


class _Pair(msgspec.Struct):
    name: str
    address: str
    resource: str = "data"
    minor: int = 1
    mount: str = "/data"
    device: str | None = None


class _Nodes(msgspec.Struct):
    node1: str
    node2: str


class _Settings(msgspec.Struct):
    pair: _Pair
    nodes: _Nodes
    services: Mapping[str, str] = {}
    sums: bool = False


def parse_layout(text: str, where: str) -> PairLayout:
    """The layout of the pair. Raises BundleError with `where`, the key and what was expected."""
    found = _parse(text, where)
    if found.nodes.node1 == found.nodes.node2:
        raise BundleError(f"{where}: {SETTINGS}: two different nodes were expected, both are {found.nodes.node1!r}")
    pair = found.pair
    return PairLayout(
        name=pair.name,
        nodes=(found.nodes.node1, found.nodes.node2),
        address=pair.address,
        resource=pair.resource,
        minor=pair.minor,
        device=pair.device or f"/dev/drbd{pair.minor}",
        mount=pair.mount,
        services=found.services,
    )


def promises_sums(text: str, where: str) -> bool:
    """Whether a bundle with these settings was written with checksums. Raises BundleError as `parse_layout` does."""
    return _parse(text, where).sums


def _parse(text: str, where: str) -> _Settings:
    try:
        return msgspec.toml.decode(text, type=_Settings)
    except (msgspec.DecodeError, ValueError) as error:
        raise BundleError(f"{where}: {SETTINGS}: {error}") from error


def format_layout(layout: PairLayout) -> str:
    """The same as text, of a bundle with checksums; a string of JSON is a string of TOML."""
    quoted = json.dumps
    device = f"device = {quoted(layout.device)}\n" if layout.device != f"/dev/drbd{layout.minor}" else ""
    units = ", ".join(unit if unit.isprintable() else "?" for unit in asked_units(layout))
    services = "".join(f"{quoted(name)} = {quoted(unit)}\n" for name, unit in layout.services.items())
    return (
        "# what ccops needs to know of the pair to read this bundle\n"
        "sums = true            # SHA256SUMS lists every file; without it none is believed\n"
        f"[pair]\nname = {quoted(layout.name)}\naddress = {quoted(layout.address)}\n"
        f"resource = {quoted(layout.resource)}\nminor = {layout.minor}\n{device}mount = {quoted(layout.mount)}\n\n"
        f"[nodes]\nnode1 = {quoted(layout.nodes[0])}\nnode2 = {quoted(layout.nodes[1])}\n\n"
        f"[services]            # name in haresources = unit in units.txt, which lists: {units}\n{services}"
    )

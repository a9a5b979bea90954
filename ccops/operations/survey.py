"""What an operation must know of a node beside what is watched: who holds the volume, what could not start."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from ccops.links.errors import LinkError
from ccops.pair.drbdconf import parse_drbd_conf
from ccops.pair.hacf import parse_ha_cf
from ccops.pair.haresources import parse_haresources
from ccops.pair.model import PairLayout, Reading
from ccops.text import clean
from ccops.watch.configuration import cut_frames, source

if TYPE_CHECKING:
    from ccops.operations.hands import Hands

TIMEOUT_S = 45.0
# A name may hold anything, parentheses too.
_CHAIN = re.compile(r"(\d{1,9}) \((.*)\) ([a-z]+(?::.*)?)", re.A)
_SERVICES = frozenset(
    ["asterisk", "safe_asterisk", "mysqld", "mysqld_safe", "mariadbd", "mariadbd-safe", "mysqld_multi"]
)


class Holder(msgspec.Struct, frozen=True):
    """A process that has something of the volume open: `what` is like `cwd:/data` or `5:/data/log/x`.

    `chain` has its own name and those of the processes that started it, the nearest first.
    """

    pid: int
    chain: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.chain[0]} (pid {self.pid}, {self.what})"


class Survey(msgspec.Struct, frozen=True):
    """One node. What could not be read is None.

    `standby`, `takeover`: the paths of Heartbeat's commands; `auto_failback`: on, off, legacy (also when it is absent);
    `home`: the node that haresources prefers for the pair's address; `verify_alg`; `rate`: the configured resync rate;
    `holders`: processes that have the volume open, services' own included (`outsiders` are the others);
    `kernel_holders`: what else has; `missing`: services that could not be started there, with the reason; `free_kib` by
    mount point.
    """

    standby: str | None = None
    takeover: str | None = None
    auto_failback: str | None = None
    home: str | None = None
    verify_alg: str | None = None
    configured: bool = False
    rate: str | None = None
    services: tuple[str, ...] = ()
    holders: tuple[Holder, ...] | None = None
    kernel_holders: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    free_kib: Mapping[str, int] = {}
    has_flock: bool = False

    @property
    def outsiders(self) -> tuple[Holder, ...] | None:
        """Those that no service of the pair started: Heartbeat does not stop them, and they hold the device."""
        if self.holders is None:
            return None
        ours = _SERVICES | set(self.services)
        return tuple(holder for holder in self.holders if not ours & set(holder.chain))


async def survey(hands: Hands, node: str, layout: PairLayout, taken_at: float) -> Reading[Survey]:
    """Reads one node; a Reading without a value says why."""
    sudo = "sudo" in hands.spelt(["fuser"])
    try:
        done = await hands.run(
            node, ["/bin/sh", "-s"], timeout_s=TIMEOUT_S, input=script(layout, sudo).encode(), as_root=False
        )
    except LinkError as error:
        return Reading(None, clean(str(error), 300), taken_at)
    frames = cut_frames(done.stdout)
    if not frames:
        said = clean(done.stderr.decode("utf-8", "replace"), 200).strip()
        return Reading(None, f"the script that looks at {node} did not run there{': ' if said else ''}{said}", taken_at)
    return Reading(parse_survey(frames, layout), None, taken_at)


def script(layout: PairLayout, sudo: bool = False) -> str:
    """The script as it is sent; `sudo`: it may ask as root who has the volume open."""
    values = {
        "MOUNT": layout.mount,
        "MINOR": str(layout.minor),
        "SERVICES": " ".join(layout.services),
        "SUDO": "yes" if sudo else "",
    }
    settings = "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
    body = files("ccops.operations").joinpath("survey.sh").read_text(encoding="utf-8").splitlines()
    return settings + source("files.sh") + "".join(f"{line}\n" for line in body if not line.lstrip().startswith("#"))


def parse_survey(frames: Mapping[str, tuple[str, int]], layout: PairLayout) -> Survey:
    """The script's frames as values; whatever they hold gives a Survey."""
    tools = dict(_pairs(frames.get("tools.txt", ("", 1))[0]))
    ha_cf, ha_code = frames.get("ha.cf.txt", ("", 2))
    groups = parse_haresources(frames.get("haresources.txt", ("", 2))[0]).groups
    mine = next((g for g in groups if any(a.address == layout.address for a in g.addresses)), None)
    drbd = "\n".join(text for name, (text, code) in frames.items() if name.startswith("drbd") and code == 0)
    options = next((r.options for r in parse_drbd_conf(drbd).resources if r.name == layout.resource), None)
    holders_text, holders_code = frames.get("holders.txt", ("", 2))
    return Survey(
        standby=tools.get("hb_standby"),
        takeover=tools.get("hb_takeover"),
        auto_failback=(parse_ha_cf(ha_cf).auto_failback or "legacy") if ha_code == 0 else None,
        home=_known(mine.node, layout) if mine else None,
        verify_alg=None if options is None else options.get("net.verify-alg", options.get("syncer.verify-alg")),
        configured=options is not None,
        rate=None if options is None else options.get("disk.resync-rate", options.get("syncer.rate")),
        services=mine.services if mine else (),
        holders=tuple(_holders(holders_text)) if holders_code == 0 else None,
        kernel_holders=_lines(frames.get("kernel_holders.txt", ("", 0))[0]),
        missing=_lines(frames.get("missing.txt", ("", 0))[0]),
        free_kib={name: int(kib) for name, kib in _pairs(frames.get("space.txt", ("", 1))[0]) if kib.isdecimal()},
        has_flock=frames.get("flock.txt", ("", 1))[1] == 0,
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    split = (line.split(" ") for line in text.splitlines()[:100])
    return [(clean(words[0], 200), clean(words[1], 200)) for words in split if len(words) == 2]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(clean(line, 200) for line in text.splitlines()[:20] if line.strip())


def _holders(text: str) -> list[Holder]:
    found = []
    for line in text.splitlines()[:500]:
        if match := _CHAIN.fullmatch(line):
            names = tuple(clean(name, 40) for name in match[2].split(")("))
            found.append(Holder(int(match[1]), names, clean(match[3], 120)))
    return found


def _known(name: str, layout: PairLayout) -> str | None:
    return next((node for node in layout.nodes if node.lower() == name.lower()), None)

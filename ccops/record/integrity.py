"""Which files of a bundle can be believed: whether they are still what was collected.

`SHA256SUMS` in the bundle's top folder, in the format of sha256sum(1), names every file that was written. Bundles
without it are older, or put together by hand: of them only what contradicts itself is told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from ccops.pair.model import Problem
from ccops.pair.network import parse_addresses
from ccops.text import decode

SUMS = "SHA256SUMS"
ALTERED = "altered or cut off since it was collected"
REMOVED = "removed since it was collected"
UNSUMMED = "not to be told from an altered file: SHA256SUMS was removed"
ADDED = "added since the rest was collected"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S{1,200})", re.A)
_LOOPBACK = ("127.", "::1")
# These always print something when they succeed.
_TELLING = re.compile(
    r"proc_drbd|drbdadm_\S+|cl_hbstatus|cl_rscstatus(?:-m)?|cl_listnodes|cl_node[12]|cl_link(?:_\S+)?|ip_addr|ifconfig"
    r"|df|units|uptime|loadavg|date|zone|uname_n|partitions|drbd_files|places|init"
)


def format_sums(files: Mapping[str, bytes]) -> bytes:
    """`SHA256SUMS` of these files, by path from the bundle's top folder."""
    return "".join(f"{_sum(data)}  {name}\n" for name, data in files.items()).encode()


def faults(files: Mapping[str, bytes]) -> Mapping[str, str]:
    """The files that are not as they were collected, and what befell each.

    Without sums, a file that does not end with its line is taken as cut off.
    """
    if SUMS not in files:
        return {name: ALTERED for name, data in files.items() if data and not data.endswith(b"\n")}
    listed = {m[2]: m[1] for line in decode(files[SUMS]).splitlines() if (m := _LINE.fullmatch(line))}
    found = {name: REMOVED for name in listed if name not in files}
    for name, data in files.items():
        if name != SUMS and name not in listed:
            found[name] = ADDED
        elif name != SUMS and _sum(data) != listed[name]:
            found[name] = ALTERED
    return found


def contradiction(stem: str, text: str, code: int | None) -> str | None:
    """Why what a command printed cannot be the whole of it, its exit code being what it is; None when it can."""
    if not text.strip():
        if stem == "mounts" and code != 1:  # grep leaves with 1 when it finds no line
            return "it is empty, and the exit code does not say that nothing is mounted"
        if code == 0 and _TELLING.fullmatch(stem):
            return "it is empty, though the command succeeded"
    if stem in ("ip_addr", "ifconfig") and code in (0, None):
        found = parse_addresses(text)
        if isinstance(found, Problem) or all(address.address.startswith(_LOOPBACK) for address in found):
            return "it holds no address but the loopback's"
    return None


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

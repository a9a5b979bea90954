"""Addresses, mounts, free space, uptime and load of a node: text of the usual Unix commands to values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import msgspec

from ccops.pair.model import Address, Mount, Problem, Space
from ccops.text import clean

_MAX_LINES = 5000
_IP = re.compile(r"\s*\d+:\s+(\S+)\s+(?:inet6?)\s+(\S+)(.*)", re.A)
_BLOCK = re.compile(r"(\S+?):?(?:\s|$)", re.A)
_OLD_INET = re.compile(r"inet6? addr:\s*(\S+)(?:.*?Mask:(\S+))?", re.A)
_NEW_INET = re.compile(r"inet6?\s+([0-9A-Fa-f.:/%\w]+)(?:\s+netmask\s+(\S+))?(?:.*?prefixlen\s+(\d{1,3}))?", re.A)
_OCTAL = re.compile(r"\\([0-3][0-7]{2})", re.A)
_DECIMAL = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.A)


def parse_ip_addr(text: str) -> tuple[Address, ...] | Problem:
    """`ip -o addr show` (iproute2): every IPv4 and IPv6 address, in the order printed."""
    found: list[Address] = []
    for line in text.splitlines()[:_MAX_LINES]:
        if (match := _IP.match(line)) and (address := _address(match[1], match[2], None)):
            words = match[3].split("\\", 1)[0].split()
            label = words[-1] if words and ":" in words[-1] and words[-1].startswith(match[1] + ":") else None
            found.append(msgspec.structs.replace(address, label=clean(label, 32) if label else None))
    return tuple(found) or _nothing("ip -o addr", "addresses, one a line, were expected", text)


def parse_ifconfig(text: str) -> tuple[Address, ...] | Problem:
    """`ifconfig` of old net-tools (`inet addr:`) and new (`inet 192.0.2.1  netmask`). An alias is `eth0:0`."""
    found: list[Address] = []
    name = ""
    for line in text.splitlines()[:_MAX_LINES]:
        if line[:1].strip() and (block := _BLOCK.match(line)):
            name = clean(block[1], 32)
        if not name:
            continue
        if old := _OLD_INET.search(line):
            address = _address(name, old[1], old[2])
        elif new := _NEW_INET.search(line):
            address = _address(name, new[1], new[2] or new[3])
        else:
            continue
        if address:
            found.append(address)
    return tuple(found) or _nothing("ifconfig", "interfaces with addresses were expected", text)


def parse_addresses(text: str) -> tuple[Address, ...] | Problem:
    """Whichever of `ip -o addr` and `ifconfig` the node had."""
    found = parse_ip_addr(text)
    if isinstance(found, Problem) and not isinstance(other := parse_ifconfig(text), Problem):
        return other
    return found


def parse_mounts(text: str) -> tuple[Mount, ...] | Problem:
    r"""/proc/mounts, whole or only some lines of it; no lines are no mounts. `\040` and the like are undone."""
    mounts: list[Mount] = []
    for line in text.splitlines()[:_MAX_LINES]:
        words = line.split()
        if not words:
            continue
        if len(words) != 6 or not (words[4].isdigit() and words[5].isdigit()):
            return _nothing("/proc/mounts", "device, mount point, type, options and two numbers were expected", line)
        device, point, fstype = (clean(_unescaped(word)) for word in words[:3])
        mounts.append(Mount(device, point, fstype, "ro" in words[3].split(",")))
    return tuple(mounts)


def parse_df(text: str, mount: str | None = None) -> Space | Problem:
    """`df -P [-k] MOUNT`: KiB. With `mount`, space of another file system is a problem: then it is not mounted.

    A df that counts in blocks of 512 bytes (POSIXLY_CORRECT) says so in its header and is converted.
    """
    unit = 2 if "512-blocks" in text else 1
    for line in text.splitlines()[:_MAX_LINES]:
        words = line.rsplit(None, 5) if mount is None else line.split(None, 5)
        if len(words) != 6 or not all(word.isascii() and word.isdigit() and len(word) < 20 for word in words[1:4]):
            continue
        if mount is not None and words[5].strip() != mount:
            message = f"{mount} is not mounted: df shows the file system that the folder lies on"
            return Problem("df", message, clean(line, 200))
        return Space(*(int(word) // unit for word in words[1:4]))
    return _nothing("df", "a line with three sizes in KiB was expected", text)


def parse_uptime(text: str) -> float | Problem:
    """/proc/uptime: seconds since the start."""
    words = text.split()
    if words and _DECIMAL.fullmatch(words[0]):
        return float(words[0])
    return _nothing("/proc/uptime", "seconds were expected", text)


def parse_loadavg(text: str) -> tuple[float, float, float] | Problem:
    """/proc/loadavg: the means over 1, 5 and 15 minutes."""
    words = text.split()[:3]
    if len(words) == 3 and all(_DECIMAL.fullmatch(word) for word in words):
        return float(words[0]), float(words[1]), float(words[2])
    return _nothing("/proc/loadavg", "three numbers were expected", text)


def prefix_length(word: str) -> int | None:
    """24 of `24` or of `255.255.255.0`; None of anything else."""
    if word.isascii() and word.isdigit() and len(word) <= 3:
        return int(word)
    try:
        return ipaddress.ip_network(f"0.0.0.0/{word}").prefixlen if "." in word else None
    except ValueError:
        return None


def _address(interface: str, word: str, mask: str | None) -> Address | None:
    text, _, prefix = word.partition("/")
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    name, colon, _ = interface.partition(":")
    label = clean(interface, 32) if colon else None
    return Address(clean(name.partition("@")[0], 32), str(address), prefix_length(prefix or mask or ""), label)


def _unescaped(word: str) -> str:
    raw = b"".join(_bytes(word))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _bytes(word: str) -> Iterator[bytes]:
    for i, part in enumerate(_OCTAL.split(word)):
        yield bytes([int(part, 8)]) if i % 2 else part.encode("utf-8", "replace")


def _nothing(where: str, message: str, text: str) -> Problem:
    return Problem(where, message, clean(text.strip(), 200))

"""/proc/drbd of DRBD 8.0 to 8.4, and `drbdadm get-gi`: text to values.

Source of the formats: `drbd_proc.c` of DRBD 8.0, 8.2, 8.3 and 8.4, and the output of a running 8.4.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from ccops.pair.model import DrbdResource, DrbdStatus, GenerationIds, Problem, Sync
from ccops.text import clean

WHERE = "/proc/drbd"
KIB_PER_BIT = 4
PAUSED = frozenset({"PausedSyncS", "PausedSyncT", "Ahead", "Behind"})
VERIFYING = frozenset({"VerifyS", "VerifyT"})
SYNCING = frozenset({"SyncSource", "SyncTarget"})

_MAX_LINES = 2000
_MAX_PROBLEMS = 20
_NUMBER = r"([\d,]{1,24})"
_VERSION = re.compile(r"version:\s*(\S+)", re.A)
_HEADER = re.compile(r"(GIT-hash|SVN Revision|srcversion|built-in|Transports)\b", re.A)
_DEVICE = re.compile(r"\s*(\d{1,9}):\s+cs:(\S+)(.*)", re.A)
_STATES = re.compile(r"\s+(?:st|ro):([^\s/]+)/(\S+)\s+ds:([^\s/]+)/(\S+)(.*)", re.A)
_COUNTER = re.compile(r"([a-z]+):(\S+)", re.A)
_COUNTERS = re.compile(r"\s*ns:\d", re.A)
_BAR = re.compile(rf"\s*\[[=>.]*\]\s*(sync'ed|verified):\s*(\d+\.\d+)%\s*\({_NUMBER}/{_NUMBER}\)\s*([KM]?)", re.A)
_OLD_VERIFY = re.compile(r"\s*(\d{1,3})%\s+(?:oos:(\d{1,18})\s+)?(\d{1,18})/(\d{1,18})\s*$", re.A)
_FINISH = re.compile(
    rf"\s*finish:\s*(\d{{1,12}}):(\d\d):(\d\d)\s+speed:\s*{_NUMBER}\s*\((?:[\d,]+\s+--\s+)*{_NUMBER}\)"
    rf"(?:\s*want:\s*{_NUMBER})?\s*K/sec(\s*\(stalled\))?",
    re.A,
)
_DETAIL = re.compile(r"\s*(resync:|act_log:|blocked on |\d{1,3}% sector pos:|queue_delay:|delay_probe:)", re.A)
_GI = re.compile(r"((?:[0-9A-Fa-f]{16}:){3}[0-9A-Fa-f]{16})((?::[01]){7}):?\s*$", re.A)


NOT_LOADED = "the file is missing: the module is not loaded (modprobe drbd)"
"""What is said of /proc/drbd on a node whose kernel has no DRBD."""


def parse_proc_drbd(text: str) -> DrbdStatus:
    """The whole of /proc/drbd, any 8.x version, in KiB and KiB/s; what was not understood is in `problems`.

    DRBD 9 prints no resources there: the status then holds the version and a problem that says what to read instead.
    """
    lines = text.splitlines()[:_MAX_LINES]
    version = next((clean(m[1], 64) for m in map(_VERSION.match, lines) if m), None)
    if fault := _whole_fault(lines, version):
        return DrbdStatus(version=version, problems=(fault,))
    resources: list[DrbdResource] = []
    problems: list[Problem] = []
    for line in lines:
        if not line.strip() or _VERSION.match(line) or _HEADER.match(line):
            continue
        if device := _DEVICE.match(line):
            resource, problem = _device(device)
            resources.append(resource)
        elif resources and (grown := _grow(resources[-1], line)) is not None:
            resources[-1], problem = grown, None
        else:
            problem = Problem(WHERE, "a line was expected that this version of DRBD prints", clean(line, 200))
        if problem:
            problems.append(problem)
    return DrbdStatus(version, tuple(_settled(r) for r in resources), tuple(problems[:_MAX_PROBLEMS]))


def parse_get_gi(text: str) -> GenerationIds | Problem:
    """`drbdadm get-gi`: four UUIDs and seven flags, `CUR:BM:H1:H2:1:1:0:1:0:0:0`; also found inside `show-gi`."""
    for line in text.splitlines()[:_MAX_LINES]:
        if match := _GI.match(line.strip()):
            uuids = match[1].upper().split(":")
            flags = [flag == "1" for flag in match[2].split(":")[1:]]
            return GenerationIds(uuids[0], uuids[1], tuple(uuids[2:]), *flags)
    return Problem("drbdadm get-gi", "four UUIDs and seven flags were expected", clean(text.strip(), 200))


def name_resources(status: DrbdStatus, names: Mapping[int, str]) -> DrbdStatus:
    """The same status with the resources' names put in: /proc/drbd knows minors only."""
    named = tuple(msgspec.structs.replace(r, name=names.get(r.minor, r.name)) for r in status.resources)
    return msgspec.structs.replace(status, resources=named)


def _whole_fault(lines: Iterable[str], version: str | None) -> Problem | None:
    text = "\n".join(lines)
    if not text.strip():
        return Problem(WHERE, "nothing was read: is the module loaded? (modprobe drbd)")
    if (version or "").startswith("9.") or "Transports (api:" in text:
        return Problem(
            WHERE, "DRBD 9 lists no resources here: read `drbdsetup status --json`", clean(version or "", 64)
        )
    if "No such file or directory" in text:
        return Problem(WHERE, NOT_LOADED, clean(text, 200))
    return None


def _device(match: re.Match[str]) -> tuple[DrbdResource, Problem | None]:
    """` 1: cs:C ro:L/P ds:L/P PROTO FLAGS`; the protocol is a space without a network configuration."""
    resource = DrbdResource(minor=int(match[1]), connection=clean(match[2], 32))
    states = _STATES.match(match[3])
    if states is None:
        if resource.connection == "Unconfigured":
            return resource, None
        return resource, Problem(
            WHERE, f"minor {resource.minor}: roles and disk states were expected", clean(match[0], 200)
        )
    role, peer_role, disk, peer_disk = (clean(states[i], 32) for i in range(1, 5))
    words = clean(states[5], 64).split()
    protocol = words.pop(0) if words and len(words[0]) == 1 else None
    return msgspec.structs.replace(
        resource,
        role=role,
        peer_role=peer_role,
        disk=disk,
        peer_disk=peer_disk,
        protocol=protocol,
        flags=words[0] if words else "",
    ), None


def _grow(resource: DrbdResource, line: str) -> DrbdResource | None:
    """The resource with one more of its lines read; None when the line is not one of a resource."""
    if _COUNTERS.match(line):
        return _with_counters(resource, line)
    sync = resource.sync or Sync(kind="verify" if resource.connection in VERIFYING else "resync")
    if bar := _BAR.match(line):
        unit = 1024 if bar[5] == "M" else 1
        kind: Literal["resync", "verify"] = "verify" if bar[1] == "verified" else "resync"
        left, total = _int(bar[3]), _int(bar[4])
        sync = msgspec.structs.replace(
            sync,
            kind=kind,
            percent=min(float(bar[2]), 100.0),
            left_kib=None if left is None else left * unit,
            total_kib=None if total is None else total * unit,
        )
    elif finish := _FINISH.match(line):
        sync = msgspec.structs.replace(
            sync,
            finish_s=int(finish[1]) * 3600 + int(finish[2]) * 60 + int(finish[3]),
            speed_kib_s=_int(finish[4]),
            average_kib_s=_int(finish[5]),
            want_kib_s=_int(finish[6]),
            stalled=bool(finish[7]),
        )
    elif line.strip() == "stalled":
        sync = msgspec.structs.replace(sync, stalled=True)
    elif old := _OLD_VERIFY.match(line):
        return _with_old_verify(resource, old)
    elif _DETAIL.match(line):
        return resource
    else:
        return None
    return msgspec.structs.replace(resource, sync=sync)


def _with_old_verify(resource: DrbdResource, match: re.Match[str]) -> DrbdResource:
    """Verify before 8.3.10 counts what is done, in bits of 4 KiB; 8.2.4 and 8.2.5 add out-of-sync in bits too."""
    done, total = int(match[3]), int(match[4])
    sync = Sync(
        kind="verify",
        percent=min(float(match[1]), 100.0),
        left_kib=max(total - done, 0) * KIB_PER_BIT,
        total_kib=total * KIB_PER_BIT,
    )
    oos = resource.out_of_sync_kib if match[2] is None else int(match[2]) * KIB_PER_BIT
    return msgspec.structs.replace(resource, sync=sync, out_of_sync_kib=oos)


def _with_counters(resource: DrbdResource, line: str) -> DrbdResource:
    counters: dict[str, int] = {}
    order: str | None = None
    for key, word in _COUNTER.findall(line):
        number = _int(word)
        if key == "wo":
            order = clean(word, 8)
        elif number is not None:
            counters[key] = number
    oos = counters.pop("oos", resource.out_of_sync_kib)
    return msgspec.structs.replace(resource, counters=counters, write_order=order, out_of_sync_kib=oos)


def _settled(resource: DrbdResource) -> DrbdResource:
    """A resync that prints no progress (paused, or not yet counted) is a resync all the same; what is left is oos."""
    if resource.connection in PAUSED:
        sync = resource.sync or Sync(kind="resync", left_kib=resource.out_of_sync_kib)
        return msgspec.structs.replace(resource, sync=msgspec.structs.replace(sync, paused=True))
    if resource.sync is None and resource.connection in SYNCING | VERIFYING:
        kind: Literal["resync", "verify"] = "verify" if resource.connection in VERIFYING else "resync"
        return msgspec.structs.replace(resource, sync=Sync(kind=kind))
    return resource


def _int(word: str | None) -> int | None:
    """Digits with any grouping (`1024,000` was printed up to 8.3.9); None for anything else."""
    digits = (word or "").replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None

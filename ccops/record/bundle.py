"""Bundles: what the commands of both nodes printed, in files, to be read later or elsewhere.

A bundle is a folder, or a .tar.gz of one: `bundle.toml` (what the pair consists of), one folder a node with one file a
command (`ccops.pair.node` names them; also date, zone, ha_log, kern, traces) and `exit_codes.txt` (`NAME CODE` a line).
A file that is missing: the command could not be run. A node's folder that is missing or empty: the node could not be
reached. The clocks of the nodes cannot be compared from a bundle, so their skew is not known. `ccops.record.integrity`
says which files are not believed; what they would tell is not known.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from ccops.pair.clock import LogClock
from ccops.pair.configuration import NodeConfiguration, configuration_of
from ccops.pair.configuration import unread as unread_configuration
from ccops.pair.halog import parse_ha_log
from ccops.pair.heartbeat import Output
from ccops.pair.kernel import parse_kernel_log
from ccops.pair.model import Link, LogLine, NodeState, PairLayout, PairState, Reading
from ccops.pair.node import observe
from ccops.record.bundle_toml import SETTINGS, BundleError, format_layout, parse_layout, promises_sums
from ccops.record.integrity import SUMS, UNSUMMED, contradiction, faults, format_sums
from ccops.text import clean, decode
from ccops.triage.finding import Traces
from ccops.watch.traces_script import FILE as TRACES
from ccops.watch.traces_script import parse_traces, unread

EXIT_CODES = "exit_codes.txt"
FOLDERS = ("node1", "node2")
MAX_FILE = 16 << 20
MAX_TOTAL = 64 << 20
MAX_FILES = 2000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.txt", re.A)
_CODE = re.compile(r"(\S{1,64})\s+(\d{1,3})\s*", re.A)
_DATE = re.compile(r"\s*(\d{1,11}(?:\.\d{1,9})?)\s*", re.A)
_ZONE = re.compile(r"\s*([+-])(\d\d):?(\d\d)\s*", re.A)
_VERSIONS = {
    "heartbeat": ("ha_log.txt", re.compile(r"(?:heartbeat: version|Starting heartbeat) (\d[\d.]{0,20})", re.A)),
    "asterisk": ("asterisk_version.txt", re.compile(r"Asterisk (\d[\d.]{0,20})", re.A)),
}
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "drbd": ("proc_drbd",),
    "gi": ("drbdadm_get-gi",),
    "heartbeat": ("cl_hbstatus",),
    "addresses": ("ip_addr", "ifconfig"),
    "mounts": ("mounts",),
    "space": ("df",),
    "services": ("units",),
}

_NOT_HELD = "the bundle does not hold it"
_LOGS = ("ha_log.txt", "kern.txt")

T = TypeVar("T")
Texts = Mapping[str, Mapping[str, str]]


class Bundle(msgspec.Struct, frozen=True):
    """What a bundle holds: the pair's state, both logs by time, and every file as it stood (`texts[node][file]`).

    `lost[node][file]`: the files that are not believed, and why. `traces`: by node, when its call centre wrote last.
    """

    pair: PairState
    log: tuple[LogLine, ...]
    texts: Texts
    configurations: tuple[NodeConfiguration, NodeConfiguration]
    lost: Texts = {}
    traces: Mapping[str, Traces] = {}


def read_bundle(path: Path | str) -> Bundle:
    """A bundle's folder or .tar.gz. Raises BundleError when it is none; what its files do not tell is not known.

    Neither is what a file would tell that is not as it was collected.
    """
    path = Path(path)
    try:
        files = dict(_folder_files(path) if path.is_dir() else _archive_files(path))
        written_at = path.stat().st_mtime
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}") from error
    if SETTINGS not in files:
        raise BundleError(f"{path}: this is no bundle: it has no {SETTINGS} (expected beside node1/ and node2/)")
    found = faults(files)
    if SETTINGS in found:
        raise BundleError(f"{path}: {SETTINGS} was {found[SETTINGS]}: without it nothing else can be understood")
    settings = decode(files[SETTINGS])
    layout = parse_layout(settings, str(path))
    if SUMS not in files and promises_sums(settings, str(path)):
        found = dict.fromkeys(files, UNSUMMED)
    texts = {node: {name: decode(data) for name, data in _inside(files, folder)} for node, folder in _folders(layout)}
    lost = {node: _disbelieved(dict(_inside(found, folder)), texts[node]) for node, folder in _folders(layout)}
    return _joined(layout, texts, lost, written_at)


def write_bundle(
    path: Path | str, layout: PairLayout, outputs: Mapping[str, Mapping[str, tuple[str, int | None]]]
) -> None:
    """Writes a bundle as .tar.gz (a path that ends so, or in .tgz), else as a folder; readable by its owner only.

    `outputs[node][file]` is (text, exit code): `proc_drbd.txt`, ...; a node that could not be reached has no entry.
    An existing file or folder is not overwritten: FileExistsError.
    """
    files = dict(_written(layout, outputs))
    files[SUMS] = format_sums(files)
    path = Path(path)
    if path.name.endswith((".tar.gz", ".tgz")):
        _write_archive(path, files)
    else:
        _write_folder(path, files)


def _folders(layout: PairLayout) -> Iterator[tuple[str, str]]:
    return zip(layout.nodes, FOLDERS, strict=True)


def _inside(files: Mapping[str, T], folder: str) -> Iterator[tuple[str, T]]:
    return ((name.split("/", 1)[1], value) for name, value in files.items() if name.startswith(f"{folder}/"))


def _disbelieved(found: Mapping[str, str], files: Mapping[str, str]) -> Mapping[str, str]:
    """A node's files that are not believed: those found not to be as they were, and what contradicts itself."""
    lost = dict(found)
    codes = {} if EXIT_CODES in lost else _codes(files.get(EXIT_CODES, ""))
    if any(text.strip() for text in files.values()):
        for name, text in files.items():
            stem = name.removesuffix(".txt")
            if name not in lost and (reason := contradiction(stem, text, codes.get(stem))):
                lost[name] = reason
    if "zone.txt" in lost:
        reason = f"it cannot be dated, as zone.txt is lost: {lost['zone.txt']}"
        lost |= {name: reason for name in _LOGS if name in files}
    return lost


def _joined(layout: PairLayout, texts: Texts, lost: Texts, written_at: float) -> Bundle:
    believed = {node: {n: text for n, text in files.items() if n not in lost[node]} for node, files in texts.items()}
    dates = {node: _date(files.get("date.txt", "")) for node, files in believed.items()}
    known = [date for date in dates.values() if date is not None]
    now = max(known, default=written_at)
    states: list[NodeState] = []
    configurations: list[NodeConfiguration] = []
    log: list[LogLine] = []
    found: dict[str, Traces] = {}
    for node in layout.nodes:
        date, files = dates[node], believed[node]
        taken_at = now if date is None else date
        states.append(_node(node, layout, files, lost[node], taken_at))
        configurations.append(_configuration(node, files, lost[node]))
        found[node] = _traces(files, lost[node], taken_at)
        clock = LogClock(taken_at, _zone(files.get("zone.txt", "")))
        log += parse_ha_log(files.get("ha_log.txt", ""), node, clock)
        log += parse_kernel_log(files.get("kern.txt", ""), node, clock)
    log.sort(key=lambda line: line.at)
    pair = PairState(layout, (states[0], states[1]), now)
    return Bundle(pair, tuple(log), texts, (configurations[0], configurations[1]), lost, found)


def _configuration(name: str, files: Mapping[str, str], lost: Mapping[str, str]) -> NodeConfiguration:
    if not _reached(files, lost):
        return unread_configuration(_unreached(name))
    return configuration_of(files, _codes(files.get(EXIT_CODES, "")), lost)


def _traces(files: Mapping[str, str], lost: Mapping[str, str], taken_at: float) -> Traces:
    """The bundle's logs are dated by the node's own clock, and so are these."""
    found = parse_traces(files[TRACES], taken_at) if TRACES in files else unread(lost.get(TRACES, _NOT_HELD), taken_at)
    missing = Reading[Any](None, _NOT_HELD, taken_at)
    return msgspec.structs.replace(found, calls=missing, channels=missing)


def _reached(files: Mapping[str, str], lost: Mapping[str, str]) -> bool:
    return bool(lost) or any(text.strip() for text in files.values())


def _unreached(name: str) -> str:
    return f"{name} could not be reached when the bundle was made"


def _node(
    name: str, layout: PairLayout, files: Mapping[str, str], lost: Mapping[str, str], taken_at: float
) -> NodeState:
    if not _reached(files, lost):
        problem = _unreached(name)
        nothing: dict[str, Reading[object]] = {field: Reading(None, problem, None) for field in _COMMANDS}
        return msgspec.structs.replace(NodeState(name, Link("down", problem=problem)), **nothing)
    found = {name: pattern.search(files.get(file, "")) for name, (file, pattern) in _VERSIONS.items()}
    node = NodeState(name, Link("up"), versions={name: match[1] for name, match in found.items() if match})
    codes = _codes(files.get(EXIT_CODES, ""))
    outputs = {
        stem: Output(text, codes.get(stem)) for file, text in files.items() for stem in (file.removesuffix(".txt"),)
    }
    node = observe(node, layout, outputs, taken_at)
    return msgspec.structs.replace(node, **_missing(node, outputs, lost, taken_at))


def _missing(
    node: NodeState, outputs: Mapping[str, Output], lost: Mapping[str, str], taken_at: float
) -> Mapping[str, Reading[object]]:
    """A reason for everything that no file tells."""
    reasons: dict[str, Reading[object]] = {}
    for field, names in _COMMANDS.items():
        reason = next((f"{name}: {lost[f'{name}.txt']}" for name in names if f"{name}.txt" in lost), None)
        if reason and not any(name in outputs for name in names):
            reasons[field] = Reading(None, reason, taken_at)
        elif getattr(node, field) == Reading():
            reasons[field] = Reading(None, f"{' or '.join(names)}: the command could not be run", taken_at)
    return reasons


def _codes(text: str) -> Mapping[str, int]:
    return {match[1]: int(match[2]) for line in text.splitlines() if (match := _CODE.fullmatch(line))}


def _date(text: str) -> float | None:
    match = _DATE.fullmatch(text)
    return float(match[1]) if match else None


def _zone(text: str) -> int:
    """`date +%z`: seconds east of UTC; 0 when the bundle does not tell (servers mostly keep UTC)."""
    match = _ZONE.fullmatch(text)
    if not match or int(match[2]) > 15:
        return 0
    return (int(match[2]) * 3600 + int(match[3]) * 60) * (-1 if match[1] == "-" else 1)


def _folder_files(path: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    names = [
        path / SETTINGS,
        path / SUMS,
        *(file for folder in FOLDERS for file in sorted((path / folder).glob("*.txt"))),
    ]
    for file in names[:MAX_FILES]:
        if file.is_symlink() or (file.parent != path and file.parent.is_symlink()):
            raise BundleError(f"{file}: a bundle holds no links; copy what it points at")
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
        total += len(data)
        if len(data) > MAX_FILE or total > MAX_TOTAL:
            raise BundleError(f"{file}: too large for a bundle ({MAX_FILE >> 20} MiB a file, {MAX_TOTAL >> 20} in all)")
        yield str(PurePosixPath(*file.relative_to(path).parts)), data


def _archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Read in memory, nothing is unpacked; the folder that holds `bundle.toml` is the bundle."""
    try:
        with gzip.open(path, "rb") as stream:
            data = stream.read(MAX_TOTAL + 1)
        if len(data) > MAX_TOTAL:
            raise BundleError(f"{path}: unpacked it is larger than {MAX_TOTAL >> 20} MiB: no bundle of ccops")
        members = dict(_members(path, data))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BundleError(f"{path}: a folder or a .tar.gz was expected, and this is neither: {error}") from error
    top = min((PurePosixPath(name).parent for name in members if PurePosixPath(name).name == SETTINGS), default=None)
    if top is not None:
        for name, content in members.items():
            if PurePosixPath(name).is_relative_to(top):
                yield str(PurePosixPath(name).relative_to(top)), content


def _members(path: Path, data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for count, member in enumerate(archive):
            name = PurePosixPath(member.name)
            if count >= MAX_FILES:
                raise BundleError(f"{path}: more than {MAX_FILES} files: no bundle of ccops")
            if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
                shown = clean(member.name, 100)
                raise BundleError(f"{path}: {shown!r} is a link, a device or leads outside: no bundle of ccops")
            if member.size > MAX_FILE:
                raise BundleError(f"{path}: {clean(member.name, 100)!r} is larger than {MAX_FILE >> 20} MiB")
            if member.isfile() and (stream := archive.extractfile(member)):
                yield str(name), stream.read(MAX_FILE)


def _written(
    layout: PairLayout, outputs: Mapping[str, Mapping[str, tuple[str, int | None]]]
) -> Iterator[tuple[str, bytes]]:
    yield SETTINGS, format_layout(layout).encode()
    for node, folder in zip(layout.nodes, FOLDERS, strict=True):
        codes: list[str] = []
        for name, (text, code) in outputs.get(node, {}).items():
            if not _NAME.fullmatch(name) or name == EXIT_CODES:
                raise ValueError(f"{name!r}: a bundle's file is named like proc_drbd.txt")
            yield f"{folder}/{name}", text.encode("utf-8", "replace")
            if code is not None:
                codes.append(f"{name.removesuffix('.txt')} {code}\n")
        if outputs.get(node):
            yield f"{folder}/{EXIT_CODES}", "".join(codes).encode()


def _write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    with open(path, "xb", opener=_private) as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o600
            archive.addfile(member, io.BytesIO(data))


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    path.mkdir(mode=0o700)
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with open(file, "xb", opener=_private) as stream:
            stream.write(data)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

"""One node's configuration as far as it was read: what a lint judges, from the texts of a bundle's files.

| file | what |
|---|---|
| uname_n | `uname -n` |
| ha.cf, haresources, fstab, asterisk.conf | the files; of asterisk.conf the folders, of fstab the volume's lines |
| authkeys, authkeys_mode, authkeys_fingerprint | indices and methods; `ls -ln`; 4 digits of a salted sum of its keys |
| drbd_files, drbd.conf, drbd.d_NAME | what drbd.conf includes; the files, without shared-secret |
| devices, partitions | the disks below DRBD: path and `ls -lLn`; /proc/partitions |
| my.cnf, my.cnf.d_NAME, mysql_my.cnf, mysql_... | option files of MySQL |
| places | `PATH -> TARGET`, `PATH directory` and the like, `mounted DEVICE PATH` |
| init | `NAME WORD`: systemctl's word, or whether a link of a run level starts it (linked, unlinked) |
| drbd_version, heartbeat_version, asterisk_version, mysql_version | what they call themselves |
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from ccops.pair.drbdconf import DrbdConf, parse_drbd_conf
from ccops.pair.hacf import AuthKeys, HaCf, parse_authkeys, parse_ha_cf
from ccops.pair.haresources import Haresources, parse_haresources
from ccops.pair.model import Reading
from ccops.text import clean

T = TypeVar("T")

HA_CF = "/etc/ha.d/ha.cf"
HARESOURCES = "/etc/ha.d/haresources"
AUTHKEYS = "/etc/ha.d/authkeys"
DRBD_CONF = "/etc/drbd.conf"
ASTERISK_CONF = "/etc/asterisk/asterisk.conf"
FSTAB = "/etc/fstab"

NOT_THERE = "it is not there"
NO_RIGHT = "no right to read it"
NOT_COLLECTED = "it was not looked at"
"""Why a file tells nothing; any other reason is in words of its own."""

_NAMED = {"ha.cf": HA_CF, "haresources": HARESOURCES, "authkeys": AUTHKEYS, "asterisk.conf": ASTERISK_CONF}
_MYSQL = ("my.cnf", "mysql_my.cnf", "my.cnf.d_", "mysql_conf.d_", "mysql_mysql.conf.d_", "mysql_mariadb.conf.d_")
_SERVER_GROUPS = frozenset({"mysqld", "mariadb", "server", "mysqld_safe"})
_VERSIONS = {
    "drbd": ("drbd_version", "proc_drbd"),
    "heartbeat": ("heartbeat_version",),
    "asterisk": ("asterisk_version",),
    "mysql": ("mysql_version",),
}
_VERSION = re.compile(r"(?:Distrib )?(\d{1,9}\.\d{1,9}(?:\.\d{1,9}){0,4})", re.A)
_DISTRIB = re.compile(r"Distrib (\d{1,9}(?:\.\d{1,9}){1,4})", re.A)
_MODE = re.compile(r"[-l](?:[r-][w-][xsStT-]){3}", re.A)
_DEVICE = re.compile(r"(/\S{1,300}) b\S+ \d+ \S+ \S+ +(\d{1,9}), *(\d{1,9}) ", re.A)
_PARTITION = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,18})\s+\S+\s*", re.A)
_FOLDER = re.compile(r"\s*(ast[a-z]{1,20}dir)\s*=>?\s*(/\S*)\s*", re.A)
_FINGERPRINT = re.compile(r"[0-9a-f]{4}", re.A)
_MAX_LINES = 5000
_MAX_LINKS = 20


class Setting(msgspec.Struct, frozen=True):
    """One value of a configuration file, and where it stands."""

    value: str
    source: str
    line: int


class Permissions(msgspec.Struct, frozen=True):
    """A file as `ls -l` lists it: `-rw-------`, owner and group by name or number."""

    mode: str
    owner: str
    group: str

    @property
    def others_read(self) -> bool:
        """True when its group or others may read it."""
        return self.mode[4] == "r" or self.mode[7] == "r"

    @property
    def owner_only(self) -> bool:
        """True when nobody but its owner has any right on it."""
        return not self.mode[4:10].strip("-")


class Places(msgspec.Struct, frozen=True):
    """Where files really are: links to their targets, what stands at the end of a path, DRBD's mount points."""

    links: Mapping[str, str] = {}
    kinds: Mapping[str, str] = {}
    mounted: tuple[str, ...] = ()

    def real(self, path: str) -> str | None:
        """The path without links; None when it was not looked at."""
        followed = self._followed(path)
        return followed if followed in self.kinds else None

    def _followed(self, path: str) -> str:
        done, todo = "/", posixpath.normpath(path)
        for _ in range(_MAX_LINKS):
            parts = [part for part in todo.split("/") if part]
            for number, part in enumerate(parts):
                done = posixpath.join(done, part)
                if done in self.links:
                    target = posixpath.join(posixpath.dirname(done), self.links[done], *parts[number + 1 :])
                    done, todo = "/", posixpath.normpath(target)
                    break
            else:
                return done
        return done


class FstabLine(msgspec.Struct, frozen=True):
    """One line of fstab."""

    device: str
    point: str
    options: tuple[str, ...]
    line: int


class NodeConfiguration(msgspec.Struct, frozen=True):
    """What one node is configured to be; a reading without a value has the reason.

    `sizes`: KiB by path of a device below DRBD. `mysql`: the server's options; `folders`: Asterisk's, by name
    (`astdbdir`). `init` maps a service to systemctl's word, linked or unlinked; `versions` is keyed drbd, heartbeat,
    asterisk, mysql. `lines` has the files' text, without secrets, by path.
    """

    name: Reading[str] = Reading()
    ha_cf: Reading[HaCf] = Reading()
    haresources: Reading[Haresources] = Reading()
    authkeys_mode: Reading[Permissions] = Reading()
    authkeys: Reading[AuthKeys] = Reading()
    fingerprint: Reading[str] = Reading()
    drbd: Reading[DrbdConf] = Reading()
    sizes: Reading[Mapping[str, int]] = Reading()
    mysql: Reading[Mapping[str, Setting]] = Reading()
    folders: Reading[Mapping[str, Setting]] = Reading()
    places: Reading[Places] = Reading()
    init: Reading[Mapping[str, str]] = Reading()
    fstab: Reading[tuple[FstabLine, ...]] = Reading()
    versions: Mapping[str, Reading[str]] = {}
    lines: Mapping[str, tuple[str, ...]] = {}

    @property
    def readings(self) -> Mapping[str, Reading[object]]:
        """All that can be known, by name."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("versions", "lines")}
        return fields | {f"{name} version": reading for name, reading in self.versions.items()}

    def line(self, path: str, number: int | None) -> str:
        """That line of a file; empty when it is not known."""
        lines = self.lines.get(path, ())
        return lines[number - 1].strip() if number and number <= len(lines) else ""


def configuration_of(
    files: Mapping[str, str], codes: Mapping[str, int], lost: Mapping[str, str] | None = None
) -> NodeConfiguration:
    """A node's configuration from a bundle's files (`ha.cf.txt`) and their exit codes (`ha.cf`).

    `lost`: files that are not to be believed, and why. Of files that hold secrets only the cut text is expected; what
    slips through is dropped.
    """
    folder = _Folder(files, codes, lost or {})
    drbd = folder.drbd()
    return NodeConfiguration(
        name=folder.read("uname_n", lambda text: clean(text.strip(), 64) or None),
        ha_cf=folder.read("ha.cf", parse_ha_cf),
        haresources=folder.read("haresources", parse_haresources),
        authkeys_mode=folder.read("authkeys_mode", _permissions),
        authkeys=folder.read("authkeys", parse_authkeys),
        fingerprint=folder.read("authkeys_fingerprint", lambda text: _matched(_FINGERPRINT, text)),
        drbd=drbd,
        sizes=folder.sizes(),
        mysql=folder.mysql(),
        folders=folder.read("asterisk.conf", lambda text: dict(_folders(text))),
        places=folder.read("places", _places),
        init=folder.read("init", _init),
        fstab=folder.read("fstab", lambda text: tuple(_fstab(text))),
        versions={name: folder.version(*stems) for name, stems in _VERSIONS.items()},
        lines=folder.lines(),
    )


def unread(reason: str) -> NodeConfiguration:
    """The configuration of a node that could not be looked at."""
    return configuration_of({}, {}, {f"{stem}.txt": reason for stem in _STEMS})


def path_of(file: str) -> str:
    """Where on the node a bundle's file comes from: /etc/drbd.d/data.res of drbd.d_data.res.txt."""
    stem = file.removesuffix(".txt")
    for prefix in ("my.cnf.d_", "drbd.d_"):
        if stem.startswith(prefix):
            return f"/etc/{prefix[:-1]}/{stem.removeprefix(prefix)}"
    for prefix in _MYSQL[1:]:
        if stem.startswith(prefix):
            return "/etc/" + prefix.replace("_", "/") + stem.removeprefix(prefix)
    return _NAMED.get(stem, f"/etc/{stem}")


class _Folder:
    """A node's folder of a bundle."""

    def __init__(self, files: Mapping[str, str], codes: Mapping[str, int], lost: Mapping[str, str]) -> None:
        self.files, self.codes, self.lost = files, codes, lost

    def text(self, stem: str) -> tuple[str | None, str]:
        """What was read of a file, or why nothing was."""
        name = f"{stem}.txt"
        if name in self.lost:
            return None, self.lost[name]
        if name not in self.files:
            return None, NOT_COLLECTED
        text, code = self.files[name], self.codes.get(stem, 0)
        if code == 0:
            return text, ""
        said = clean(text.strip().partition("\n")[0], 200)
        if "denied" in said.lower() or (code == 2 and not said):
            return None, NO_RIGHT
        if "no such file" in said.lower() or (code == 1 and not said):
            return None, NOT_THERE
        if code == 127:
            return None, "the command is not there"
        return None, f"exit code {code}{f': {said}' if said else ''}"

    def read(self, stem: str, parse: Callable[[str], T | None]) -> Reading[T]:
        text, reason = self.text(stem)
        if text is None:
            return Reading(None, reason)
        value = parse(text)
        return Reading(value) if value is not None else Reading(None, "what was printed was not understood")

    def drbd(self) -> Reading[DrbdConf]:
        """Of all files in effect: drbd.conf and, where it is known, only those that it includes."""
        listed, reason = self.text("drbd_files")
        if listed is not None:
            stems = [_stem(line) for line in listed.splitlines()[:_MAX_LINES] if line.startswith("/etc/")]
        elif reason == NOT_COLLECTED:
            names = {*self.files, *self.lost}
            stems = ["drbd.conf", *sorted(n.removesuffix(".txt") for n in names if n.startswith("drbd.d_"))]
        else:
            return Reading(None, reason)
        texts: list[str] = []
        for stem in stems:
            text, reason = self.text(stem)
            if text is None:
                return Reading(None, reason if stem == "drbd.conf" else f"{path_of(stem)}: {reason}")
            texts.append(text)
        return Reading(parse_drbd_conf(*texts, sources=[path_of(stem) for stem in stems]))

    def sizes(self) -> Reading[Mapping[str, int]]:
        devices, reason = self.text("devices")
        partitions, reason_partitions = self.text("partitions")
        if devices is None or partitions is None:
            return Reading(None, reason or reason_partitions)
        kib = {(m[1], m[2]): int(m[3]) for line in partitions.splitlines() if (m := _PARTITION.fullmatch(line))}
        found = {m[1]: (m[2], m[3]) for line in devices.splitlines() if (m := _DEVICE.match(line))}
        return Reading({path: kib[number] for path, number in found.items() if number in kib})

    def mysql(self) -> Reading[Mapping[str, Setting]]:
        """The server's options; a later file wins, as in MySQL. Without any option file there are none."""
        names = [name for prefix in _MYSQL for name in sorted({*self.files, *self.lost}) if _is_mysql(name, prefix)]
        if not names and "places.txt" not in self.files:
            return Reading(None, self.lost.get("places.txt", NOT_COLLECTED))
        options: dict[str, Setting] = {}
        for name in names:
            text, reason = self.text(name.removesuffix(".txt"))
            if text is None and reason != NOT_THERE:
                return Reading(None, f"{path_of(name)}: {reason}")
            options |= _mysql_options(text or "", path_of(name))
        return Reading(options)

    def version(self, *stems: str) -> Reading[str]:
        reading: Reading[str] = Reading(None, NOT_COLLECTED)
        for stem in stems:
            if reading.problem == NOT_COLLECTED:
                reading = self.read(stem, _version)
        return reading

    def lines(self) -> Mapping[str, tuple[str, ...]]:
        """The lines of the files that findings quote; of those that hold secrets, none."""
        quotable = [n for n in self.files if n.startswith(("ha.cf", "haresources", "fstab", "drbd.conf", "drbd.d_"))]
        lines: dict[str, tuple[str, ...]] = {}
        for name in quotable:
            text, _ = self.text(name.removesuffix(".txt"))
            shown = (_quotable(line) for line in (text or "").splitlines()[:_MAX_LINES])
            lines[path_of(name)] = tuple(shown)
        return lines


_STEMS = (
    *("uname_n", "ha.cf", "haresources", "authkeys_mode", "authkeys", "authkeys_fingerprint", "drbd_files", "devices"),
    *("partitions", "places", "asterisk.conf", "init", "fstab"),
    *(stems[0] for stems in _VERSIONS.values()),
)


def _stem(path: str) -> str:
    """As the script that reads the configuration names a file of /etc."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", path.removeprefix("/etc/"))[:60]


def _quotable(line: str) -> str:
    """A line without the secrets that can stand in ha.cf and drbd.conf, were they not cut on the node."""
    shown = clean(line, 300)
    shown = re.sub(r"(shared-secret\s*)[^;]*", r"\1***", shown)
    return re.sub(r"(?i)^(\s*stonith\w*).*", r"\1 ***", shown)


def _permissions(text: str) -> Permissions | None:
    words = clean(text).split()
    return Permissions(words[0][:10], words[2], words[3]) if len(words) > 3 and _MODE.match(words[0]) else None


def _matched(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.fullmatch(text.strip())
    return match[0] if match else None


def _version(text: str) -> str | None:
    first = text.partition("\n")[0][:400]
    match = _DISTRIB.search(first) or _VERSION.search(first)
    return match[1] if match else None


def _is_mysql(name: str, prefix: str) -> bool:
    return name.startswith(prefix) if prefix.endswith("_") else name == f"{prefix}.txt"


def _mysql_options(text: str, path: str) -> Mapping[str, Setting]:
    options: dict[str, Setting] = {}
    group = ""
    for number, line in _numbered(text):
        if line.lstrip().startswith("["):
            group = line.strip().strip("[]").split("-")[0].lower()
        elif "=" in line and group in _SERVER_GROUPS:
            key, _, value = (part.strip() for part in line.partition("="))
            options[key.replace("_", "-").lower()] = Setting(value.strip("\"'"), path, number)
    return options


def _folders(text: str) -> Iterator[tuple[str, Setting]]:
    """The [directories] of asterisk.conf: Asterisk 1.4 to 16."""
    group = "directories"
    for number, line in _numbered(text):
        if line.lstrip().startswith("["):
            group = line.strip().lstrip("[").partition("]")[0].lower()
        elif group == "directories" and (match := _FOLDER.fullmatch(line.partition(";")[0])):
            yield match[1], Setting(match[2], ASTERISK_CONF, number)


def _places(text: str) -> Places:
    links: dict[str, str] = {}
    kinds: dict[str, str] = {}
    mounted: list[str] = []
    for _, line in _numbered(text):
        if line.startswith("mounted ") and len(words := line.split()) == 3:
            mounted.append(words[2])
        elif line.startswith("/") and " -> " in line:
            path, _, target = line.partition(" -> ")
            links[posixpath.normpath(path)] = target
        elif line.startswith("/"):
            path, _, kind = line.rpartition(" ")
            kinds[posixpath.normpath(path)] = kind
    return Places(links, kinds, tuple(mounted))


def _init(text: str) -> Mapping[str, str]:
    found = (line.split() for _, line in _numbered(text))
    return {words[0]: words[1] for words in found if len(words) == 2 and words[1] != "?"}


def _fstab(text: str) -> Iterator[FstabLine]:
    for number, line in _numbered(text):
        words = line.partition("#")[0].split()
        if len(words) >= 2:
            options = words[3] if len(words) > 3 else "defaults"
            yield FstabLine(words[0], words[1], tuple(options.split(",")), number)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines()[:_MAX_LINES], 1):
        yield number, clean(line)

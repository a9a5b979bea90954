"""DRBD's configuration, drbd.conf and drbd.d/*.res: text to resources.

Source of the format: drbd.conf(5) of DRBD 8.0 to 8.4. `shared-secret` is dropped at the parser: its value is `***`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

import msgspec

from ccops.pair.model import Problem
from ccops.text import clean

NAME = "drbd.conf"
SECRET = "***"  # noqa: S105 - what is shown in its place

_SECRETS = frozenset({"shared-secret"})
_MAX_CHARS = 1_000_000
_MAX_DEPTH = 20
_TOKEN = re.compile(
    r"""[ \t\r\n]+|\#[^\n]*|"(?P<quoted>[^"\n]*)"|(?P<mark>[{};])|(?P<word>[^\s{};"\#]+)|(?P<stray>")"""
)
_DEVICE_MINOR = re.compile(r"(?:/dev/)?drbd(\d{1,7})", re.A)
_VOLUME_KEYS = frozenset({"device", "disk", "meta-disk", "flexible-meta-disk"})


class ConfVolume(msgspec.Struct, frozen=True):
    """One volume: its device and minor, the disk below, and where its meta-data are (`internal` or a device)."""

    number: int = 0
    device: str | None = None
    minor: int | None = None
    disk: str | None = None
    meta_disk: str | None = None


class ConfHost(msgspec.Struct, frozen=True):
    """`on NAME` or `floating ADDRESS` (then `name` is None): the address replication uses, and its own volumes."""

    name: str | None
    address: str | None = None
    port: int | None = None
    volumes: tuple[ConfVolume, ...] = ()


class ConfResource(msgspec.Struct, frozen=True):
    """One resource. `options` is keyed `section.option` (`net.verify-alg`), those of `common` included.

    `source` is the file it stands in; `lines` tells of the options that are set where: file and line.
    """

    name: str
    protocol: str | None = None
    volumes: tuple[ConfVolume, ...] = ()
    hosts: tuple[ConfHost, ...] = ()
    options: Mapping[str, str] = {}
    line: int = 0
    source: str = NAME
    lines: Mapping[str, tuple[str, int]] = {}

    def volumes_of(self, host: str) -> tuple[ConfVolume, ...]:
        """The volumes as that host has them (`on HOST`, whatever the case of its letters)."""
        theirs = next((h.volumes for h in self.hosts if h.name is not None and h.name.lower() == host.lower()), ())
        by_number = {volume.number: volume for volume in theirs}
        own = {volume.number: volume for volume in self.volumes}
        numbers = sorted(by_number.keys() | own.keys())
        return tuple(_merged(by_number.get(n, ConfVolume(n)), own.get(n, ConfVolume(n))) for n in numbers)

    @property
    def first(self) -> ConfVolume:
        """The first volume, with what only the first host sets."""
        own = self.volumes[0] if self.volumes else ConfVolume()
        theirs = next((host.volumes[0] for host in self.hosts if host.volumes), own)
        return _merged(own, theirs)

    @property
    def device(self) -> str | None:
        """The first volume's device."""
        return self.first.device

    @property
    def minor(self) -> int | None:
        """The first volume's minor."""
        return self.first.minor

    @property
    def disk(self) -> str | None:
        """The first volume's disk."""
        return self.first.disk

    @property
    def meta_disk(self) -> str | None:
        """Where the first volume's meta-data are."""
        return self.first.meta_disk

    def option(self, name: str) -> str | None:
        """An option by name in whichever section it stands (`verify-alg` moved from syncer to net in 8.4)."""
        key = self.key(name)
        return None if key is None else self.options[key]

    def key(self, name: str) -> str | None:
        """The key in `options` that an option of that name has."""
        return next((key for key in self.options if key.rpartition(".")[2] == name), None)


class DrbdConf(msgspec.Struct, frozen=True):
    """All that was read. `includes` are patterns of further files, as they stand."""

    resources: tuple[ConfResource, ...] = ()
    includes: tuple[str, ...] = ()
    options: Mapping[str, str] = {}
    problems: tuple[Problem, ...] = ()


class _Statement(msgspec.Struct):
    """`words...;` or, with `body`, `words... { body }`."""

    words: list[str]
    line: int
    source: str
    body: list[_Statement] | None = None


_Options = dict[str, tuple[str, str, int]]
"""Key → value, file, line."""


def parse_drbd_conf(*texts: str, sources: Sequence[str] = ()) -> DrbdConf:
    """One or several files, read as if they were one; `common` holds for the resources of all of them.

    `sources` are the files' names, for problems and lines.
    """
    statements: list[_Statement] = []
    problems: list[Problem] = []
    for text, source in zip_longest(texts, sources[: len(texts)], fillvalue=NAME):
        statements += _statements(text, source, problems)
    common: _Options = {}
    options: dict[str, str] = {}
    for statement in statements:
        if statement.words[:1] == ["common"]:
            common |= _options(statement.body or [])
        elif statement.words[:1] == ["global"]:
            options |= {f"global.{key}": value for key, (value, _, _) in _options(statement.body or []).items()}
    resources = tuple(
        _resource(statement, common, problems) for statement in statements if statement.words[:1] == ["resource"]
    )
    includes = tuple(s.words[1] for s in statements if s.words[:1] == ["include"] and len(s.words) == 2)
    for statement in statements:
        if statement.words[:1] and statement.words[0] not in ("common", "global", "resource", "include", "skip"):
            problems.append(_wrong("resource, common, global or include was expected", statement))
    problems += _shared_minors(resources)
    return DrbdConf(resources, includes, options | {k: value for k, (value, _, _) in common.items()}, tuple(problems))


def _statements(text: str, source: str, problems: list[Problem]) -> list[_Statement]:
    """The tree of statements; what does not close is closed at the end, with a problem."""
    root: list[_Statement] = []
    levels = [root]
    words: list[str] = []
    started = 1
    for line, mark, word in _tokens(text, source, problems):
        if word is not None:
            started = started if words else line
            words.append(word)
        elif mark == "{":
            if len(levels) > _MAX_DEPTH:
                problems.append(Problem(source, "braces are nested too deeply", line=line, fatal=True))
                return root
            body: list[_Statement] = []
            levels[-1].append(_Statement(words, started, source, body))
            levels.append(body)
            words = []
        elif words:
            levels[-1].append(_Statement(words, started, source))
            if mark == "}":
                problems.append(Problem(source, "`;` is missing before `}`", _shown(words), line, True))
            words = []
        if mark == "}":
            if len(levels) == 1:
                problems.append(Problem(source, "`}` closes nothing", line=line, fatal=True))
            else:
                levels.pop()
    if words:
        problems.append(Problem(source, "the file ends within a statement", _shown(words), started, True))
    if len(levels) > 1:
        problems.append(Problem(source, f"{len(levels) - 1} `{{` are not closed at the end", fatal=True))
    return root


def _tokens(text: str, source: str, problems: list[Problem]) -> Iterator[tuple[int, str | None, str | None]]:
    line = 1
    for match in _TOKEN.finditer(text[:_MAX_CHARS]):
        if match["stray"]:
            problems.append(Problem(source, "a quoted string does not end on its line", line=line, fatal=True))
        elif match["mark"]:
            yield line, match["mark"], None
        elif match["quoted"] is not None:
            yield line, None, clean(match["quoted"])
        elif match["word"]:
            yield line, None, clean(match["word"])
        line += match[0].count("\n")


def _resource(statement: _Statement, common: _Options, problems: list[Problem]) -> ConfResource:
    body = statement.body or []
    name = statement.words[1] if len(statement.words) > 1 else ""
    if not name or statement.body is None:
        problems.append(_wrong("`resource NAME { ... }` was expected", statement))
    hosts = tuple(host for inner in body for host in _hosts(inner, problems))
    if hosts and len(hosts) < 2:
        problems.append(_wrong(f"resource {name}: two hosts were expected, one was found", statement))
    found = {**common, **_options(body)}
    lines = {key: (source, line) for key, (_, source, line) in found.items()}
    options = {key: value for key, (value, _, _) in found.items()}
    protocol = options.pop("protocol", None) or options.get("net.protocol")
    return ConfResource(name, protocol, _volumes(body), hosts, options, statement.line, statement.source, lines)


def _hosts(statement: _Statement, problems: list[Problem]) -> Iterator[ConfHost]:
    body = statement.body
    if body is None or statement.words[:1] not in (["on"], ["floating"]):
        return
    found = next((inner.words[1:] for inner in body if inner.words[:1] == ["address"]), [])
    if statement.words[0] == "floating":
        address, port = _endpoint(statement.words[1:])
        yield ConfHost(None, address, port, _volumes(body))
        return
    address, port = _endpoint(found)
    if address is None:
        problems.append(_wrong("an address with port was expected in `on`", statement))
    for name in statement.words[1:]:
        yield ConfHost(name, address, port, _volumes(body))


def _endpoint(words: list[str]) -> tuple[str | None, int | None]:
    """`192.0.2.1:7789`, `ipv6 [2001:db8::1]:7789`."""
    host, colon, port = (words[-1] if words else "").rpartition(":")
    if not colon or not re.fullmatch(r"\d{1,5}", port, re.A):
        return None, None
    return host.strip("[]") or None, int(port)


def _volumes(body: list[_Statement]) -> tuple[ConfVolume, ...]:
    """Those of `volume N { }`, else one of the statements that stand directly in the body."""
    numbered = [s for s in body if s.words[:1] == ["volume"] and s.body is not None]
    if numbered:
        return tuple(_volume(s.body or [], _int(s.words[1]) if len(s.words) > 1 else 0) for s in numbered)
    volume = _volume(body, 0)
    return (volume,) if volume != ConfVolume() else ()


def _volume(body: list[_Statement], number: int | None) -> ConfVolume:
    words = {
        s.words[0]: s.words[1:] for s in body if s.body is None and s.words[0] in _VOLUME_KEYS and len(s.words) > 1
    }
    device = words.get("device", [])
    path = device[0] if device and device[0] != "minor" else None
    minor = _int(device[device.index("minor") + 1]) if "minor" in device[:-1] else None
    if minor is None and path and (match := _DEVICE_MINOR.fullmatch(path)):
        minor = int(match[1])
    if path is None and minor is not None:
        path = f"/dev/drbd{minor}"
    disk = words.get("disk")
    meta = words.get("meta-disk") or words.get("flexible-meta-disk")
    return ConfVolume(number or 0, path, minor, disk[0] if disk else None, "".join(meta) if meta else None)


def _options(body: Iterable[_Statement], prefix: str = "") -> _Options:
    options: _Options = {}
    for statement in body:
        name, *values = statement.words or [""]
        if statement.body is not None:
            if name not in ("on", "floating", "volume", "stacked-on-top-of"):
                options |= _options(statement.body, f"{prefix}{name}.")
        elif prefix or name not in (*_VOLUME_KEYS, "address"):
            value = SECRET if name in _SECRETS else " ".join(values) or "yes"
            options[prefix + name] = (value, statement.source, statement.line)
    return options


def _shared_minors(resources: Iterable[ConfResource]) -> Iterator[Problem]:
    seen: dict[int, str] = {}
    for resource in resources:
        for number in {volume.minor for volume in resource.volumes or (resource.first,)} - {None}:
            if number is not None and seen.setdefault(number, resource.name) != resource.name:
                message = f"minor {number} is used by {seen[number]} and by {resource.name}"
                yield Problem(resource.source, message, line=resource.line, fatal=True)


def _merged(own: ConfVolume, theirs: ConfVolume) -> ConfVolume:
    return ConfVolume(
        own.number,
        own.device or theirs.device,
        own.minor if own.minor is not None else theirs.minor,
        own.disk or theirs.disk,
        own.meta_disk or theirs.meta_disk,
    )


def _int(word: str) -> int | None:
    return int(word) if re.fullmatch(r"\d{1,7}", word, re.A) else None


def _shown(words: list[str]) -> str:
    """A statement for a message: never the value, which could be the secret."""
    return f"{words[0][:64]} {SECRET}" if len(words) > 1 else words[0][:64]


def _wrong(message: str, statement: _Statement) -> Problem:
    return Problem(statement.source, message, _shown(statement.words) if statement.words else "", statement.line, True)

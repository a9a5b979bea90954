"""Heartbeat's ha.cf and authkeys: text to values, with what is wrong in them by line.

Source: the directives, defaults and checks at start of Heartbeat 2.1.3 and 3.0.6.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from ccops.pair.model import Problem
from ccops.text import clean

LinkKind = Literal["ucast", "bcast", "mcast", "serial"]
DEFAULT_KEEPALIVE_S = 1.0
DEFAULT_DEADTIME_S = 30.0
DEFAULT_PORT = 694

_MAX_LINES = 5000
_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6, "m": 60.0, "min": 60.0}
_TIME = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([a-z]*)", re.A | re.I)
_SAID = {
    "on": True,
    "yes": True,
    "true": True,
    "1": True,
    "y": True,
    "off": False,
    "no": False,
    "false": False,
    "n": False,
    "0": False,
}
_TIMES = ("keepalive", "deadtime", "warntime", "initdead", "deadping")
_KEY_METHODS = {"crc": False, "md5": True, "sha1": True}


class HaLink(msgspec.Struct, frozen=True):
    """One way to the peer: `device` is an interface or a serial port; `address` the peer (ucast) or group (mcast)."""

    kind: LinkKind
    device: str
    address: str | None = None
    port: int | None = None
    line: int = 0


class HaCf(msgspec.Struct, frozen=True):
    """ha.cf. Times in seconds, with Heartbeat's defaults; `warntime_s` is half the deadtime when absent.

    `nodes` are in lower case, as Heartbeat compares them. `auto_failback` is on|off|legacy, None when absent, which
    Heartbeat takes as legacy: hb_standby is ignored then. `resource_manager` is "crm" when crm or pacemaker is
    switched on, else "haresources". `other` holds the rest. `lines` tells where a directive first stands. What is wrong
    with the times among each other is in `timing`, all other faults are in `problems`.
    """

    keepalive_s: float = DEFAULT_KEEPALIVE_S
    deadtime_s: float = DEFAULT_DEADTIME_S
    warntime_s: float = DEFAULT_DEADTIME_S / 2
    initdead_s: float | None = None
    deadping_s: float | None = None
    port: int = DEFAULT_PORT
    baud: int | None = None
    links: tuple[HaLink, ...] = ()
    nodes: tuple[str, ...] = ()
    ping_nodes: tuple[str, ...] = ()
    auto_failback: Literal["on", "off", "legacy"] | None = None
    autojoin: str | None = None
    resource_manager: Literal["haresources", "crm"] = "haresources"
    log_file: str | None = None
    debug_file: str | None = None
    log_facility: str | None = None
    stonith: bool = False
    watchdog: str | None = None
    other: tuple[tuple[str, str], ...] = ()
    lines: Mapping[str, int] = {}
    timing: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The ways to the peer that can break by themselves: an alias or a VLAN shares its interface's cable."""
        return tuple(
            dict.fromkeys(link.device if link.kind == "serial" else _cable(link.device) for link in self.links)
        )

    @property
    def ignores_standby(self) -> bool:
        """True when Heartbeat would ignore hb_standby and hb_takeover."""
        return self.resource_manager == "haresources" and self.auto_failback in (None, "legacy")


class AuthKey(msgspec.Struct, frozen=True):
    """One key of authkeys: its index and method. The key itself is not kept."""

    index: int
    method: str


class AuthKeys(msgspec.Struct, frozen=True):
    """authkeys: which index signs (`auth N`), and the keys there are, without their secrets."""

    index: int | None = None
    keys: tuple[AuthKey, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def method(self) -> str | None:
        """The method that signs; None when it is not defined."""
        return next((key.method for key in self.keys if key.index == self.index), None)


def parse_ha_cf(text: str, own_name: str | None = None) -> HaCf:
    """ha.cf; with `own_name` (`uname -n`) also whether this node is in it."""
    reading = _Reading()
    for number, line in enumerate(text.splitlines()[:_MAX_LINES], 1):
        words = clean(line.partition("#")[0]).split()
        if words:
            reading.directive(words[0].lower(), words[1:], number)
    return reading.result(own_name)


def parse_authkeys(text: str) -> AuthKeys:
    """authkeys. The keys' material is dropped here: neither the value nor its problems hold it.

    Only a whole line is a comment, and what stands after a key does not count: so Heartbeat reads it.
    """
    index: int | None = None
    keys: list[AuthKey] = []
    problems: list[Problem] = []

    def wrong(number: int, message: str) -> None:
        problems.append(Problem("authkeys", message, line=number, fatal=True))

    for number, line in enumerate(text.splitlines()[:_MAX_LINES], 1):
        words = clean(line).split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].lower() == "auth":
            if len(words) < 2 or _index(words[1]) is None:
                wrong(number, "`auth` wants one index from 0 to 15")
            elif keys:
                wrong(number, "`auth` must stand before the keys")
            else:
                index = _index(words[1])
        elif (found := _index(words[0])) is None:
            wrong(number, "a line `auth N` or `N METHOD KEY` with N from 0 to 15 was expected")
        elif len(words) < 2 or (method := words[1].lower()) not in _KEY_METHODS:
            wrong(number, f"key {found}: the method must be sha1, md5 or crc")
        else:
            if index is None:
                wrong(number, "`auth N` must stand before the keys")
            if _KEY_METHODS[method] != (len(words) > 2):
                wrong(number, f"key {found}: {method} {'needs a key' if _KEY_METHODS[method] else 'takes no key'}")
            keys.append(AuthKey(found, method))
    if index is None:
        wrong(0, "no line `auth N` says which key signs")
    elif index not in {key.index for key in keys}:
        wrong(0, f"`auth {index}` names a key that is not defined")
    return AuthKeys(index, tuple(keys), tuple(problems))


def parse_seconds(word: str) -> float | None:
    """`2`, `1.5`, `1500ms`, `250us` in seconds (a bare number is seconds); None for anything else."""
    match = _TIME.fullmatch(word)
    unit = _UNITS.get(match[2].lower()) if match else None
    return float(match[1]) * unit if match and unit else None


class _Reading:
    """ha.cf as far as it was read: order matters (udpport holds for the links after it)."""

    def __init__(self) -> None:
        self.times: dict[str, tuple[float, int]] = {}
        self.links: list[HaLink] = []
        self.nodes: list[str] = []
        self.pings: list[str] = []
        self.fields: dict[str, object] = {}
        self.lines: dict[str, int] = {}
        self.other: list[tuple[str, str]] = []
        self.timing: list[Problem] = []
        self.problems: list[Problem] = []
        self.port = DEFAULT_PORT

    def wrong(self, line: int | None, message: str, text: str = "", fatal: bool = False) -> None:
        self.problems.append(Problem("ha.cf", message, text[:200], line, fatal))

    def directive(self, name: str, words: list[str], line: int) -> None:
        if name in _TIMES:
            self._time(name, words, line)
        elif handler := _HANDLERS.get(name):
            handler(self, name, words, line)
        elif field := _FIELDS.get(name):
            self.fields[field] = " ".join(words)
        else:
            self.other.append((name, " ".join(words)))
        self.lines.setdefault(name, line)

    def _time(self, name: str, words: list[str], line: int) -> None:
        seconds = parse_seconds("".join(words))
        if seconds is None:
            self.wrong(line, f"{name} wants a time such as 2 or 500ms", " ".join(words), fatal=True)
        else:
            self.times[name] = (seconds, line)

    def node(self, _: str, words: list[str], line: int) -> None:
        if not words:
            self.wrong(line, "node wants names", fatal=True)
        for word in words:
            if word.lower() in self.nodes:
                self.wrong(line, "this node is named twice", word)
            else:
                self.nodes.append(word.lower())

    def ping(self, _: str, words: list[str], line: int) -> None:
        self.pings.extend(words)

    def ucast(self, _: str, words: list[str], line: int) -> None:
        if len(words) != 2:
            self.wrong(line, "ucast wants an interface and the peer's address", " ".join(words), fatal=True)
            return
        if not _is_address(words[1]):
            self.wrong(line, "ucast wants the peer's IP address", words[1], fatal=True)
        self.links.append(HaLink("ucast", words[0], words[1], self.port, line))

    def bcast(self, _: str, words: list[str], line: int) -> None:
        if not words:
            self.wrong(line, "bcast wants interfaces", fatal=True)
        self.links.extend(HaLink("bcast", word, None, self.port, line) for word in words)

    def mcast(self, _: str, words: list[str], line: int) -> None:
        if len(words) < 3 or not _is_address(words[1]) or (port := _port(words[2])) is None:
            self.wrong(line, "mcast wants interface, group, port, ttl and loop", " ".join(words), fatal=True)
            return
        self.links.append(HaLink("mcast", words[0], words[1], port, line))

    def serial(self, _: str, words: list[str], line: int) -> None:
        if not words:
            self.wrong(line, "serial wants devices", fatal=True)
        self.links.extend(HaLink("serial", word, None, None, line) for word in words)

    def udpport(self, _: str, words: list[str], line: int) -> None:
        port = _port(words[0]) if len(words) == 1 else None
        if port is None:
            self.wrong(line, "udpport wants one port from 1 to 65535", " ".join(words), fatal=True)
            return
        late = [link for link in self.links if link.kind in ("ucast", "bcast") and link.port != port]
        if late:
            self.wrong(line, f"udpport must stand before the links: line {late[0].line} uses port {late[0].port}")
        self.port = port

    def baud(self, _: str, words: list[str], line: int) -> None:
        if len(words) == 1 and words[0].isascii() and words[0].isdigit() and len(words[0]) < 9:
            self.fields["baud"] = int(words[0])
        else:
            self.wrong(line, "baud wants a rate", " ".join(words), fatal=True)

    def auto_failback(self, _: str, words: list[str], line: int) -> None:
        word = words[0].lower() if len(words) == 1 else ""
        if word == "legacy":
            self.fields["auto_failback"] = word
        elif word in _SAID:
            self.fields["auto_failback"] = "on" if _SAID[word] else "off"
        else:
            self.wrong(line, "auto_failback wants on, off or legacy", " ".join(words), fatal=True)

    def manager(self, _: str, words: list[str], line: int) -> None:
        if words and words[0].lower() not in ("off", "no", "false", "0", "n"):
            self.fields["resource_manager"] = "crm"

    def stonith(self, _: str, words: list[str], line: int) -> None:
        self.fields["stonith"] = bool(words)

    def result(self, own_name: str | None) -> HaCf:
        seconds = {name: value for name, (value, _) in self.times.items()}
        deadtime = seconds.get("deadtime", DEFAULT_DEADTIME_S)
        result = HaCf(
            keepalive_s=seconds.get("keepalive", DEFAULT_KEEPALIVE_S),
            deadtime_s=deadtime,
            warntime_s=seconds.get("warntime", deadtime / 2),
            initdead_s=seconds.get("initdead"),
            deadping_s=seconds.get("deadping"),
            port=self.port,
            links=tuple(self.links),
            nodes=tuple(self.nodes),
            ping_nodes=tuple(self.pings),
            other=tuple(self.other),
            lines=self.lines,
        )
        result = msgspec.structs.replace(result, **self.fields)
        self._check_times(result)
        self._check_rest(result, own_name)
        return msgspec.structs.replace(result, timing=tuple(self.timing), problems=tuple(self.problems))

    def _check_times(self, cf: HaCf) -> None:
        twice = 2 * cf.keepalive_s
        if cf.deadtime_s <= twice:
            self._mistimed("deadtime", f"deadtime must be more than {twice:g} s, twice keepalive", fatal=True)
        if cf.deadping_s is not None and cf.deadping_s <= twice:
            self._mistimed("deadping", f"deadping must be more than {twice:g} s, twice keepalive", fatal=True)
        if cf.initdead_s is not None and cf.initdead_s < cf.deadtime_s:
            self._mistimed("initdead", f"initdead must be {cf.deadtime_s:g} s (deadtime) or more", fatal=True)
        elif cf.initdead_s is not None and cf.initdead_s < 10:
            self._mistimed("initdead", "initdead under 10 s: a slow boot of the network looks like a dead peer")
        if not cf.keepalive_s <= cf.warntime_s <= cf.deadtime_s:
            self._mistimed("warntime", "warntime should lie between keepalive and deadtime")

    def _mistimed(self, name: str, message: str, fatal: bool = False) -> None:
        line = self.times[name][1] if name in self.times else None
        self.timing.append(Problem("ha.cf", message, line=line, fatal=fatal))

    def _check_rest(self, cf: HaCf, own_name: str | None) -> None:
        if not cf.links:
            self.wrong(None, "no link to the peer: one of ucast, bcast, mcast, serial is needed", fatal=True)
        if not cf.nodes:
            self.wrong(None, "no node is named", fatal=True)
        elif own_name is not None and own_name.lower() not in cf.nodes:
            self.wrong(self.lines.get("node"), "this node (`uname -n`) is not named", clean(own_name, 64), fatal=True)
        if cf.autojoin not in (None, "none") and cf.resource_manager == "haresources":
            self.wrong(self.lines.get("autojoin"), "autojoin cannot be used with haresources", fatal=True)


def _index(word: str) -> int | None:
    return int(word) if re.fullmatch(r"\d{1,2}", word, re.A) and int(word) < 16 else None


def _cable(interface: str) -> str:
    """eth0 of eth0, eth0:1 and eth0.100."""
    return re.split(r"[:.]", interface, maxsplit=1)[0] or interface


def _port(word: str) -> int | None:
    return int(word) if re.fullmatch(r"\d{1,5}", word, re.A) and 0 < int(word) < 65536 else None


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


_FIELDS = {
    "autojoin": "autojoin",
    "logfile": "log_file",
    "debugfile": "debug_file",
    "logfacility": "log_facility",
    "watchdog": "watchdog",
}
_HANDLERS: dict[str, Callable[[_Reading, str, list[str], int], None]] = {
    "node": _Reading.node,
    "ping": _Reading.ping,
    "ping_group": _Reading.ping,
    "ucast": _Reading.ucast,
    "bcast": _Reading.bcast,
    "mcast": _Reading.mcast,
    "serial": _Reading.serial,
    "udpport": _Reading.udpport,
    "baud": _Reading.baud,
    "auto_failback": _Reading.auto_failback,
    "crm": _Reading.manager,
    "pacemaker": _Reading.manager,
    "stonith": _Reading.stonith,
    "stonith_host": _Reading.stonith,
}

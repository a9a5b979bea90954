"""The probe: the script that loops on a node, and what it prints, cut into events.

One channel a node. The script is sent over it and read with `dd`, one byte at a time, so that no shell reads
ahead into the lines that ask for samples. The format of what it prints stands at the head of `probe.sh`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from importlib.resources import files

import msgspec

from ccops.text import decode

_LONGEST_LINE = 65_536
# Process names for pid files: a prefix of what the kernel calls the process (MariaDB's is mariadbd, MySQL's mysqld).
_PID_FILES = {
    "heartbeat": "/var/run/heartbeat.pid=heartbeat",
    "asterisk": "/var/run/asterisk/asterisk.pid=asterisk",
    "mysqld": "/var/run/mysqld/mysqld.pid=m",
}
_SAME_SERVICE = {"mysql": "mysqld", "mariadb": "mysqld", "mariadbd": "mysqld"}


class LogPosition(msgspec.Struct, frozen=True):
    """Where reading of a log stands: the file's inode and the byte after the last line read."""

    inode: str
    offset: int


class ProbeSettings(msgspec.Struct, frozen=True):
    """What the probe on one node has to know. `services` maps names in haresources to units."""

    name: str
    peer: str
    resource: str
    minor: int
    mount: str
    device: str
    services: Mapping[str, str]
    ha_log: str
    kernel_log: str
    sudo: bool
    interval_s: float


class Hello(msgspec.Struct, frozen=True):
    """The script runs; `host` is the node's own name for itself (empty: not known), `processors` how many it has."""

    version: str
    pid: str
    host: str
    processors: int | None = None


class Sample(msgspec.Struct, frozen=True):
    """One complete sample: the sections that changed since the last, uptime (seconds) and load averages."""

    number: int
    sections: Mapping[str, str]
    uptime_s: float | None
    load: tuple[float, float, float] | None


class Clock(msgspec.Struct, frozen=True):
    """The node's clock (seconds since the epoch) and its offset from UTC in seconds."""

    seconds: float
    utc_offset_s: int


class Output(msgspec.Struct, frozen=True):
    """What a command printed and its exit status, when that changed."""

    label: str
    status: int
    text: str


class Fresh(msgspec.Struct, frozen=True):
    """A worker ran all its commands; what is not told anew is as it was."""

    worker: str


class LogOpened(msgspec.Struct, frozen=True):
    """A log is followed from `position` on; None: it cannot be read."""

    log: str
    path: str
    position: LogPosition | None


class LogText(msgspec.Struct, frozen=True):
    """One line of a log, and where it ends."""

    log: str
    position: LogPosition
    text: str


class LogGap(msgspec.Struct, frozen=True):
    """The file that was being read is gone: lines may be missing."""

    log: str


class Again(msgspec.Struct, frozen=True):
    """The script asks to be started again (a log was rotated)."""

    reason: str


class Noise(msgspec.Struct, frozen=True):
    """A line that is not the probe's: a login banner, an error of the shell."""

    text: str


ProbeEvent = Hello | Sample | Clock | Output | Fresh | LogOpened | LogText | LogGap | Again | Noise


def script(settings: ProbeSettings, positions: Mapping[str, LogPosition]) -> bytes:
    """The script for one node, going on in its logs from `positions` ("ha", "kern")."""
    values = {
        "RES": settings.resource,
        "MINOR": str(settings.minor),
        "MOUNT": settings.mount,
        "DEVICE": settings.device,
        "SELF": settings.name,
        "PEER": settings.peer,
        "UNITS": "\n".join(units(settings)),
        "PIDS": "\n".join(f"{name}={path}" for name, path in _pid_files(settings).items()),
        "SUDO": "1" if settings.sudo else "",
        "HALOG": settings.ha_log,
        "KERNLOG": settings.kernel_log,
        "PACE": f"{max(1, round(settings.interval_s))}",
    }
    for log in ("ha", "kern"):
        position = positions.get(log)
        values[f"INODE_{log}"] = position.inode if position else ""
        values[f"OFFSET_{log}"] = str(position.offset) if position else "0"
    body = files("ccops.watch").joinpath("probe.sh").read_text(encoding="utf-8")
    lines = [f"{key}={shlex.quote(value)}" for key, value in values.items()]
    lines += [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    return ("\n".join(lines) + "\n").encode()


def command(source: bytes) -> str:
    """What to run on the node so that it reads `source` from its input and nothing more, and becomes it."""
    return "exec /bin/sh -c " + shlex.quote(f's=$(dd ibs=1 obs=8192 count={len(source)} 2>/dev/null); eval "$s"')


def units(settings: ProbeSettings) -> tuple[str, ...]:
    """The units asked for, in the order of the answer: the services', then Heartbeat's."""
    return (*settings.services.values(), "heartbeat")


def _pid_files(settings: ProbeSettings) -> dict[str, str]:
    known = {name: _PID_FILES.get(_SAME_SERVICE.get(name, name)) for name in (*settings.services, "heartbeat")}
    return {name: path for name, path in known.items() if path is not None}


class ProbeStream:
    """Bytes from the channel → events. Any bytes will do: what is not understood comes out as `Noise`."""

    def __init__(self) -> None:
        self._rest = b""
        self._sections: dict[str, list[str]] = {}
        self._section: list[str] | None = None
        self._printed: dict[str, list[str]] = {}

    def feed(self, data: bytes) -> Iterator[ProbeEvent]:
        """The events that `data` completes, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
        for line in lines:
            event = self._line(decode(line[:_LONGEST_LINE]))
            if event is not None:
                yield event

    def _line(self, line: str) -> ProbeEvent | None:
        kind, _, rest = line.partition(" ")
        handler = _HANDLERS.get(kind)
        if handler is None:
            return Noise(line)
        try:
            return handler(self, rest)
        except (ValueError, IndexError):
            return Noise(line)

    def _hello(self, rest: str) -> ProbeEvent:
        version, pid, host, cpus = [*rest.split(" "), "", "", ""][:4]
        known = cpus.isascii() and cpus.isdigit() and len(cpus) < 6 and int(cpus) > 0
        return Hello(version, pid, "" if host == "-" else host, int(cpus) if known else None)

    def _begin(self, _rest: str) -> None:
        self._sections, self._section = {}, None

    def _name(self, rest: str) -> None:
        self._section = self._sections.setdefault(rest, [])

    def _data(self, rest: str) -> None:
        if self._section is not None:
            self._section.append(rest)

    def _end(self, rest: str) -> ProbeEvent:
        number, uptime, *load = rest.split(" ")
        sections = {name: "".join(f"{line}\n" for line in lines) for name, lines in self._sections.items()}
        self._sections, self._section = {}, None
        averages = tuple(float(word) for word in load[:3])
        return Sample(
            number=int(number),
            sections=sections,
            uptime_s=float(uptime) if uptime else None,
            load=(averages[0], averages[1], averages[2]) if len(averages) == 3 else None,
        )

    def _clock(self, rest: str) -> ProbeEvent:
        seconds, _, zone = rest.partition(" ")
        # date of busybox and of very old systems knows no %N and leaves it in the text.
        whole, _, fraction = seconds.partition(".")
        value = float(f"{whole}.{fraction}") if fraction.isdigit() else float(whole)
        sign = -1 if zone[:1] == "-" else 1
        offset = sign * (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60) if len(zone) >= 5 else 0
        return Clock(value, offset)

    def _printed_line(self, rest: str) -> None:
        label, _, text = rest.partition(" ")
        lines = self._printed.setdefault(label, [])
        if len(lines) < 1000:
            lines.append(text)

    def _output(self, rest: str) -> ProbeEvent:
        label, _, status = rest.partition(" ")
        return Output(label, int(status), "\n".join(self._printed.pop(label, [])))

    def _fresh(self, rest: str) -> ProbeEvent:
        return Fresh(rest)

    def _log_opened(self, rest: str) -> ProbeEvent:
        log, inode, offset, path = [*rest.split(" ", 3), ""][:4]
        return LogOpened(log, path, None if inode == "-" else LogPosition(inode, int(offset)))

    def _log_text(self, rest: str) -> ProbeEvent:
        log, inode, offset, text = [*rest.split(" ", 3), ""][:4]
        return LogText(log, LogPosition(inode, int(offset)), text)

    def _log_gap(self, rest: str) -> ProbeEvent:
        return LogGap(rest)

    def _again(self, rest: str) -> ProbeEvent:
        return Again(rest)


_HANDLERS = {
    "H": ProbeStream._hello,
    "B": ProbeStream._begin,
    "X": ProbeStream._name,
    "D": ProbeStream._data,
    "E": ProbeStream._end,
    "T": ProbeStream._clock,
    "w": ProbeStream._printed_line,
    "W": ProbeStream._output,
    "K": ProbeStream._fresh,
    "O": ProbeStream._log_opened,
    "L": ProbeStream._log_text,
    "G": ProbeStream._log_gap,
    "Q": ProbeStream._again,
}

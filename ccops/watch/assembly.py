"""What the probe tells, folded into the state of one node: parsed when it changes, dated when it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from ccops.pair.clock import LogClock
from ccops.pair.heartbeat import Output as Printed
from ccops.pair.model import Heartbeat, Link, NodeState, PairLayout, Reading, Service
from ccops.pair.node import observe
from ccops.pair.services import parse_init_status, parse_is_active
from ccops.text import clean
from ccops.watch.probe import Clock, Fresh, Hello, Output, ProbeSettings, Sample, units

T = TypeVar("T")

# The probe's names for sections and commands, and those that `ccops.pair.node` knows them by.
_SECTIONS = {"drbd": "proc_drbd", "addresses": "ip_addr", "mounts": "mounts"}
_COMMANDS = {"hbstatus": "cl_hbstatus", "rscstatus": "cl_rscstatus", "df": "df", "gi": "drbdadm_get-gi"}
_OF_WORKER = {"heartbeat": ("cl_",), "host": ("df", "drbdadm_get-gi")}
# A clock's reading is as wrong as the way here was slow: small differences are smoothed, a jump is taken at once.
_JUMP_S = 0.5
_SMOOTHING = 0.3
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*", re.A)
_INIT_LINE = re.compile(r"(\S+) (\d*) ?(.*)", re.A)


class NodeAssembly:
    """Holds one node's `state`; every method takes one event of the probe."""

    def __init__(self, settings: ProbeSettings, layout: PairLayout) -> None:
        self._settings = settings
        self._layout = layout
        self.state = NodeState(settings.name, Link("connecting"))
        self.utc_offset_s: int | None = None
        self._printed: dict[str, Printed] = {}
        self._pids: Mapping[str, str] = {}
        self._had_pid: set[str] = set()
        self._units: Mapping[str, Service] = {}
        self._samples = 0
        self._link = self.state.link
        self._stranger: str | None = None

    def linked(self, link: Link) -> None:
        """The SSH link changed."""
        self._link = link
        self.state = replace(self.state, link=replace(link, problem=link.problem or self._stranger))

    def hello(self, event: Hello) -> None:
        """The probe began anew: everything will be told again."""
        self._samples = 0
        self._printed, self._units = {}, {}
        host, name = clean(event.host), self._settings.name
        stranger = host and host.split(".")[0].lower() != name.split(".")[0].lower()
        self._stranger = (
            f"this is {host}, not {name}: check the node's name and address in the settings" if stranger else None
        )
        self.state = replace(self.state, processors=event.processors)
        self.linked(self._link)

    def log_clock(self, at: float) -> LogClock | None:
        """How dates in the node's logs are read; None while its clock is not known."""
        if self.utc_offset_s is None:
            return LogClock(at) if self._samples > 1 else None
        return LogClock(at, self.utc_offset_s, self.state.clock_skew_s or 0.0)

    def apply(self, event: Sample | Clock | Output | Fresh, at: float) -> None:
        """Takes one event that was received at `at`."""
        match event:
            case Sample():
                self._sample(event, at)
            case Clock():
                self._clock(event, at)
            case Output():
                self._output(event, at)
            case Fresh():
                self._fresh(event.worker, at)

    def _sample(self, event: Sample, at: float) -> None:
        self._samples += 1
        printed = {_SECTIONS[name]: Printed(text) for name, text in event.sections.items() if name in _SECTIONS}
        drbd9 = self._printed.get("drbdsetup_status")
        if drbd9 is not None and "proc_drbd" in printed:
            printed["drbdsetup_status"] = drbd9
        if "pids" in event.sections:
            self._pids = _pids(event.sections["pids"])
            self._had_pid |= {name for name, pid in self._pids.items() if pid == "running"}
        state = observe(self.state, self._layout, printed, at)
        self.state = replace(
            state,
            uptime_s=event.uptime_s,
            load=event.load,
            drbd=_dated(state.drbd, at),
            addresses=_dated(state.addresses, at),
            mounts=_dated(state.mounts, at),
        )
        self._services(at)
        # A daemon that is seen dead need not wait for cl_status.
        beat = self.state.heartbeat.value
        if self._pids.get("heartbeat") == "dead" and (beat is None or beat.running):
            self._heartbeat_dead(at)

    def _clock(self, event: Clock, at: float) -> None:
        skew = event.seconds - (at - (self.state.link.latency_s or 0.0) / 2)
        before = self.state.clock_skew_s
        if before is not None and abs(skew - before) < _JUMP_S:
            skew = before + (skew - before) * _SMOOTHING
        self.utc_offset_s = event.utc_offset_s
        self.state = replace(self.state, clock_skew_s=skew)

    def _output(self, event: Output, at: float) -> None:
        label, _, argument = event.label.partition(":")
        printed = Printed(event.text, event.status)
        if label == "version":
            self._version(argument, printed)
        elif label == "units":
            self._units = self._unit_states(event.text)
            self._services(at)
        elif label == "node" and argument in self._layout.nodes:
            self._printed[f"cl_node{self._layout.nodes.index(argument) + 1}"] = printed
        elif label == "link":
            self._printed[f"cl_link_{argument}"] = printed
        elif label == "drbd9":
            self._printed["drbdsetup_status"] = printed
            self._observe({"drbdsetup_status": printed}, at)
        elif label in _COMMANDS:
            self._printed[_COMMANDS[label]] = printed

    def _fresh(self, worker: str, at: float) -> None:
        self._observe({k: v for k, v in self._printed.items() if k.startswith(_OF_WORKER.get(worker, ("?",)))}, at)
        if worker == "heartbeat" and self._pids.get("heartbeat") == "dead":
            self._heartbeat_dead(at)

    def _observe(self, printed: Mapping[str, Printed], at: float) -> None:
        """Takes what was printed beside the samples: it does not make the sample newer."""
        self.state = replace(observe(self.state, self._layout, printed, at), sampled_at=self.state.sampled_at)

    def _heartbeat_dead(self, at: float) -> None:
        dead = Heartbeat(False, self.state.versions.get("heartbeat"))
        self.state = replace(self.state, heartbeat=Reading(dead, None, at))

    def _services(self, at: float) -> None:
        found = {
            name: _service(self._pids.get(name), self._units.get(unit), had_pid=name in self._had_pid)
            for name, unit in self._layout.services.items()
        }
        self.state = replace(self.state, services=Reading(found, None, at))

    def _version(self, argument: str, printed: Printed) -> None:
        if printed.code == 0 and (found := _VERSION.search(printed.text)) is not None:
            self.state = replace(self.state, versions={**self.state.versions, argument: found[0]})

    def _unit_states(self, text: str) -> Mapping[str, Service]:
        """`systemctl is-active` prints one word a line; for init scripts the probe prints `NAME CODE TEXT`."""
        asked = units(self._settings)
        lines = [found for line in text.splitlines() if (found := _INIT_LINE.fullmatch(line)) and found[1] in asked]
        if lines:
            return {f[1]: parse_init_status(f[3], int(f[2]) if f[2] else None) for f in lines}
        return parse_is_active(text, asked)


def _pids(text: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name: state for name, _, state in pairs}


def _service(pid: str | None, unit: Service | None, *, had_pid: bool) -> Service:
    """A living process of the right name says more than a unit, and sooner; without one the unit does.

    `had_pid`: the pid file is known to be where it was looked for, so that its absence means the daemon's end.
    """
    if pid == "running":
        return "running"
    if pid == "dead" or (pid == "none" and had_pid and unit in (None, "unknown", "running")):
        return "stopped"
    return unit or "unknown"


def _dated(reading: Reading[Any], at: float) -> Reading[Any]:
    return replace(reading, taken_at=at) if reading.taken_at is not None else reading

"""When a node's call centre wrote last: the script that is run there on demand, and what it printed, cut into dates.

The script is `traces.sh`, which says what it prints; only dates leave the node. Calls up now come from the manager
interface, rows of tables from MySQL: `ccops.watch.traces` puts them together.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from typing import Protocol

from ccops.pair.model import PairLayout, Reading
from ccops.text import clean, decode
from ccops.triage.finding import Traces

FILE = "traces.txt"
"""The script's output in a bundle."""

TIMEOUT_S = 15.0
_FROM_FILES = ("cdr", "queue_log", "recording")
_TOLD = re.compile(r"T (cdr|queue_log|recording) (\d{1,11})\s*", re.A)
_UNTOLD = re.compile(r"N (cdr|queue_log|recording) (.+)", re.A)
_END = re.compile(r"^E\s*$", re.M)


class Finished(Protocol):
    """A command that has ended."""

    @property
    def stdout(self) -> bytes: ...


class Runner(Protocol):
    """Whatever can run a command on a node; an SSH connection does."""

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> Finished:
        """Run `argv` with `input` on its standard input."""
        ...


def script(layout: PairLayout) -> bytes:
    """The script for a node of that pair, as it is sent."""
    return volume_script(layout, "traces.sh")


def volume_script(layout: PairLayout, name: str, **values: int) -> bytes:
    """A script of this folder that reads the volume, with `volume.sh` and `values` as variables before it."""
    lines = [f"MOUNT={shlex.quote(layout.mount)}", f"MINOR={layout.minor}", *(f"{k}={v:d}" for k, v in values.items())]
    for part in ("volume.sh", name):
        body = files("ccops.watch").joinpath(part).read_text(encoding="utf-8")
        lines += [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    return ("\n".join(lines) + "\n").encode()


async def read_output(runner: Runner, layout: PairLayout, timeout_s: float = TIMEOUT_S) -> str:
    """What the script prints there. What `runner` raises is let through."""
    done = await runner.run(["/bin/sh", "-s"], timeout_s=timeout_s, input=script(layout))
    return decode(done.stdout)


def parse_traces(output: str, taken_at: float | None, skew_s: float = 0.0) -> Traces:
    """What the script printed. `skew_s`: the node's clock minus the jump host's, subtracted from every date.

    Lines of others (a banner) are passed over; what was not told has a reason.
    """
    lines = output.splitlines()[:1000]
    reason = "not told" if _END.search(output) else "the script on the node did not come to its end"
    readings: dict[str, Reading[float]] = {name: Reading(None, reason, taken_at) for name in _FROM_FILES}
    for line in lines:
        if told := _TOLD.fullmatch(line):
            readings[told[1]] = Reading(int(told[2]) - skew_s, None, taken_at)
        elif untold := _UNTOLD.fullmatch(line):
            readings[untold[1]] = Reading(None, clean(untold[2], 100).strip() or reason, taken_at)
    return Traces(cdr=readings["cdr"], queue_log=readings["queue_log"], recording=readings["recording"])


def unread(reason: str, taken_at: float | None = None) -> Traces:
    """Traces of which no file could be read, for one reason."""
    nothing: Reading[float] = Reading(None, reason, taken_at)
    return Traces(cdr=nothing, queue_log=nothing, recording=nothing)

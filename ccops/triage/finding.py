"""What triage says: findings, how each is known, what it means and what to do; how far two sides diverged."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ccops.pair.model import LogLine, Reading

Severity = Literal["ok", "info", "warning", "critical", "unknown"]


class Evidence(msgspec.Struct, frozen=True):
    """One line that a finding rests on: the file or command that said it, where, and when (seconds since the epoch).

    `at` is the line's own date, or when a state was read; None when neither is known.
    """

    source: str
    text: str
    node: str | None = None
    at: float | None = None

    def __str__(self) -> str:
        where = f" of {self.node}" if self.node else ""
        when = f", {datetime.fromtimestamp(self.at).astimezone():%H:%M:%S}" if self.at is not None else ""
        return f"{self.source}{where}{when}: {self.text}"


def quoted(line: LogLine) -> Evidence:
    """A line of a log as evidence."""
    source = "kernel log" if line.source == "kernel" else line.source
    return Evidence(source, line.text, line.node, line.at if line.dated else None)


class Step(msgspec.Struct, frozen=True):
    """One step of a remedy: what to do, and the exact command for a shell on `node`, where there is one."""

    text: str
    node: str | None = None
    command: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """A condition that holds.

    `code` is stable: scripts and people know it. `meaning`: what it means for callers now; `avoid`: what not to do;
    `remedy`: steps in their order. `cause` is the code of the finding that this one only follows from.
    `since`: seconds since the epoch, by the logs where they tell, else when ccops first saw it.
    """

    code: str
    severity: Severity
    summary: str
    nodes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    meaning: str = ""
    avoid: str = ""
    remedy: tuple[Step, ...] = ()
    cause: str | None = None
    since: float | None = None

    @property
    def key(self) -> str:
        """What makes it the same finding a moment later, whatever its numbers say by then."""
        return f"{self.code} {' '.join(self.nodes)}"


class Period(msgspec.Struct, frozen=True):
    """From when to when something held, seconds since the epoch; None: before the log begins, or still."""

    begin: float | None = None
    end: float | None = None


class Traces(msgspec.Struct, frozen=True):
    """The last that a side's call centre wrote, by itself: dates in seconds since the epoch, or why there is none.

    `cdr`: the last call detail record; `queue_log`: its last entry; `calls`: the last row of the call-center module;
    `recording`: the newest recording; `channels`: calls up now.
    """

    cdr: Reading[float] = Reading()
    queue_log: Reading[float] = Reading()
    calls: Reading[float] = Reading()
    recording: Reading[float] = Reading()
    channels: Reading[int] = Reading()


class Side(msgspec.Struct, frozen=True):
    """One side of a divergence.

    `only_here_kib`: what was changed here that the other side lacks, and `only_here_from` where that stands (None: not
    known). `primary`, `address`: when it was Primary and held the address since the sides parted.
    """

    name: str
    is_primary: bool | None = None
    serves: bool | None = None
    only_here_kib: int | None = None
    only_here_from: str = ""
    primary: tuple[Period, ...] = ()
    address: tuple[Period, ...] = ()
    traces: Traces = Traces()


class Divergence(msgspec.Struct, frozen=True):
    """How far two sides diverged. `parted_at`: when they last were connected, seconds since the epoch.

    `rule` is that of DRBD's comparison of generation identifiers (90: a common parent; 100: only histories meet), None
    when they are not known. `victim` is the side whose changes are recommended to be given up, None when the evidence
    does not decide; `reasons` say why, in sentences, in either case.
    """

    sides: tuple[Side, Side]
    rule: int | None = None
    rule_evidence: tuple[Evidence, ...] = ()
    parted_at: float | None = None
    victim: str | None = None
    reasons: tuple[str, ...] = ()

"""Two nodes' states joined into one statement about the pair, with what only time tells: who served, since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ccops.pair import joined
from ccops.pair.freshness import age_out
from ccops.pair.kernel import recognise
from ccops.pair.model import Link, LogLine, PairLayout, PairState
from ccops.triage.finding import Finding
from ccops.triage.verdict import Causes, causes_in, examine, verdict
from ccops.watch.snapshot import Snapshot, SpeedSample

_HISTORY = 240
_UNKNOWN_AFTER_S = 10.0
# These are read less often than a sample is.
_LIMITS = {"heartbeat": 15.0, "space": 30.0, "gi": 30.0}


class Judgement(msgspec.Struct, frozen=True):
    """A pair as it may be believed at one moment, and what follows from it."""

    pair: PairState
    findings: tuple[Finding, ...]
    verdict: Finding
    serving: str | None
    serving_since: float | None
    sync_history: tuple[SpeedSample, ...]


class Joiner:
    """Remembers what a single look cannot tell."""

    def __init__(self, layout: PairLayout, interval_s: float) -> None:
        self._layout = layout
        self._old_after_s = max(3.0 * interval_s, 2.0)
        self._unknown_after_s = max(_UNKNOWN_AFTER_S, 5.0 * interval_s)
        self._causes = Causes()
        self._promoted: dict[str, float] = {}
        self._serving: str | None = None
        self._serving_since: float | None = None
        self._served_at: float | None = None
        self._found_since: dict[str, float] = {}
        self._history: tuple[SpeedSample, ...] = ()

    def logged(self, kernel: Sequence[LogLine]) -> None:
        """Takes the kernel lines known so far, of both nodes."""
        self._causes = causes_in(kernel, self._layout.nodes)
        for line in kernel:
            event = recognise(line)
            change = event.change("role") if event else None
            if change is not None and change.new == "Primary" and line.node and line.dated:
                self._promoted[line.node] = max(line.at, self._promoted.get(line.node, 0.0))

    def join(self, state: PairState, now: float) -> Judgement:
        """The pair at `now`: old readings are unknown, findings and verdict are drawn, and serving is dated."""
        pair = age_out(state, now, self._old_after_s, self._unknown_after_s, _LIMITS)
        serving = joined.serving(pair)
        self._date_serving(serving, now)
        unserved = None if serving or self._served_at is None else now - self._served_at
        findings = self._dated(examine(pair, self._causes, unserved_s=unserved), now)
        self._record_speed(pair, now)
        return Judgement(
            pair=pair,
            findings=findings,
            verdict=verdict(findings),
            serving=serving,
            serving_since=self._serving_since if serving else None,
            sync_history=self._history,
        )

    def _date_serving(self, serving: str | None, now: float) -> None:
        if serving is None:
            return
        if serving != self._serving:
            # Who already served when ccops came is dated by the kernel's word of the promotion, if there is one.
            first = self._serving is None and self._served_at is None
            self._serving_since = None if first else now
            self._serving = serving
        promoted = self._promoted.get(serving)
        if promoted is not None and (self._serving_since is None or self._served_at is None):
            self._serving_since = promoted
        self._served_at = now

    def _dated(self, findings: tuple[Finding, ...], now: float) -> tuple[Finding, ...]:
        keys = {f"{f.code} {' '.join(f.nodes)}": f for f in findings}
        self._found_since = {key: self._found_since.get(key, now) for key in keys}
        return tuple(replace(f, since=self._found_since[key]) for key, f in keys.items())

    def _record_speed(self, pair: PairState, now: float) -> None:
        under_way = joined.best_sync(pair)
        if under_way is None:
            self._history = ()
            return
        sync = under_way.sync
        if sync.left_kib is None:
            return
        sample = SpeedSample(now, sync.speed_kib_s or 0, sync.left_kib)
        last = self._history[-1] if self._history else None
        if last is None or now - last.at >= 0.9 or last.left_kib != sample.left_kib:
            self._history = (*self._history, sample)[-_HISTORY:]


def changes_told(before: Snapshot, after: Snapshot) -> Iterator[LogLine]:
    """ccops' own lines for the time line: links that came or went, and each change of the verdict."""
    at = after.at
    for old, new in zip(before.pair.nodes, after.pair.nodes, strict=True):
        if old.link.phase != new.link.phase:
            yield _link_line(f"SSH to {new.name}", new.link, new.name, at)
    for key, link in after.links.items():
        kind, _, node = key.partition(":")
        was = before.links.get(key, Link())
        if kind == "mysql" and was.phase != link.phase and "up" in (was.phase, link.phase):
            yield _link_line(f"MySQL on {node}", link, node, at)
    if before.verdict.code != after.verdict.code:
        level = {"critical": "critical", "warning": "warning", "unknown": "warning"}.get(
            after.verdict.severity, "notice"
        )
        text = f"{after.verdict.code}: {after.verdict.summary}"
        yield msgspec.convert({"at": at, "source": "ccops", "text": text, "level": level, "tag": "verdict"}, LogLine)
    if before.serving != after.serving and after.serving is not None:
        yield LogLine(at, "ccops", f"{after.serving} serves", after.serving, "notice", "serving")


def _link_line(what: str, link: Link, node: str, at: float) -> LogLine:
    if link.phase == "up":
        return LogLine(at, "ccops", f"{what} is up", node, "notice", "link")
    why = f": {link.problem}" if link.problem else ""
    return LogLine(at, "ccops", f"{what} is {link.phase}{why}", node, "warning" if link.problem else "info", "link")

"""Two nodes' states joined into one statement about the pair, with what only time tells: who served, since when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from ccops.config import Thresholds
from ccops.pair import joined
from ccops.pair.freshness import age_out
from ccops.pair.halog import Level
from ccops.pair.model import Link, LogLine, NodeState, PairLayout, PairState
from ccops.triage.divergence import measure
from ccops.triage.finding import Divergence, Finding, Severity, Traces
from ccops.triage.history import HeartbeatWord, History, KernelWord, recognise
from ccops.triage.verdict import examine, verdict
from ccops.watch.past import Past
from ccops.watch.snapshot import Snapshot, SpeedSample

_HISTORY = 240
_WORDS = 2000
_UNKNOWN_AFTER_S = 10.0
_JUDGED_FOR_S = 0.5
# These are read less often than a sample is.
_LIMITS = {"heartbeat": 15.0, "space": 30.0, "gi": 30.0}
_DIVERGED = frozenset({"split-brain", "split-brain-active"})
_LEVELS: Mapping[Severity, Level] = {
    "critical": "critical",
    "warning": "warning",
    "unknown": "warning",
    "info": "info",
    "ok": "notice",
}


class Judgement(msgspec.Struct, frozen=True):
    """A pair as it may be believed at one moment, and what follows from it."""

    pair: PairState
    findings: tuple[Finding, ...]
    verdict: Finding
    divergence: Divergence | None
    serving: str | None
    serving_since: float | None
    sync_history: tuple[SpeedSample, ...]


class Joiner:
    """Remembers what a single look cannot tell."""

    def __init__(self, layout: PairLayout, interval_s: float, thresholds: Thresholds | None = None) -> None:
        self._layout = layout
        self._old_after_s = max(3.0 * interval_s, 2.0)
        self._unknown_after_s = max(_UNKNOWN_AFTER_S, 5.0 * interval_s)
        self._thresholds = thresholds or Thresholds()
        self._past = Past()
        self._kernel: deque[KernelWord] = deque(maxlen=_WORDS)
        self._heartbeat: deque[HeartbeatWord] = deque(maxlen=_WORDS)
        self._told: History | None = History()
        self._judged: Judgement | None = None
        self._judged_at = 0.0
        self._of: tuple[NodeState, ...] = ()
        self._promoted: dict[str, float] = {}
        self._serving: str | None = None
        self._serving_since: float | None = None
        self._served_at: float | None = None
        self._found_since: dict[str, float] = {}
        self._speeds: tuple[SpeedSample, ...] = ()
        self.configuration: tuple[Finding, ...] | None = None
        self.traces: Mapping[str, Traces] = {}

    def logged(self, line: LogLine) -> None:
        """Takes a line of either log of either node; each log's lines in their order."""
        word = recognise(line)
        if word is None:
            return
        self._told = None
        if isinstance(word, HeartbeatWord):
            self._heartbeat.append(word)
            return
        self._kernel.append(word)
        change = word.event.change("role")
        if change is not None and change.new == "Primary" and line.node and line.dated:
            self._promoted[line.node] = max(line.at, self._promoted.get(line.node, 0.0))

    def examined(self, configuration: tuple[Finding, ...]) -> None:
        """Takes what the lint found in both nodes' configuration."""
        self.configuration, self._judged = configuration, None

    @property
    def history(self) -> History:
        """What both nodes' logs have told."""
        if self._told is None:
            self._told = History(tuple(self._kernel), tuple(self._heartbeat))
        return self._told

    def join(self, state: PairState, now: float) -> Judgement:
        """The pair at `now`: old readings are unknown, findings and verdict are drawn, and serving is dated.

        Where neither node nor log said anything new it is judged anew after half a second only: events of Asterisk
        come by the thousand, and change nothing of it.
        """
        same = self._judged is not None and self._told is not None and _is_same(self._of, state)
        if self._judged is None or not same or not 0 <= now - self._judged_at < _JUDGED_FOR_S:
            self._judged, self._of, self._judged_at = self._judge(state, now), state.nodes, now
        return self._judged

    def _judge(self, state: PairState, now: float) -> Judgement:
        pair = age_out(state, now, self._old_after_s, self._unknown_after_s, _LIMITS)
        serving = joined.serving(pair)
        self._date_serving(serving, now)
        memory = replace(self._past.memory(pair, now, unserved_s=self._unserved_s(serving, now)), traces=self.traces)
        found = examine(pair, self.history, memory, self._thresholds, self.configuration or ())
        findings = self._dated(found, now)
        grave = verdict(findings)
        if grave.severity == "ok":
            self._past.settled(now)
        self._record_speed(pair, now)
        return Judgement(
            pair=pair,
            findings=findings,
            verdict=grave,
            divergence=self._divergence(pair, findings),
            serving=serving,
            serving_since=self._serving_since if serving else None,
            sync_history=self._speeds,
        )

    def _unserved_s(self, serving: str | None, now: float) -> float | None:
        return None if serving or self._served_at is None else now - self._served_at

    def _divergence(self, pair: PairState, findings: Sequence[Finding]) -> Divergence | None:
        if not any(finding.code in _DIVERGED for finding in findings):
            return None
        return measure(pair, self.history, self.traces)

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
        keys = {finding.key: finding for finding in findings}
        self._found_since = {key: self._found_since.get(key, now) for key in keys}
        return tuple(
            replace(finding, since=self._found_since[key]) if finding.since is None else finding
            for key, finding in keys.items()
        )

    def _record_speed(self, pair: PairState, now: float) -> None:
        under_way = joined.best_sync(pair)
        if under_way is None:
            self._speeds = ()
            return
        sync = under_way.sync
        if sync.left_kib is None:
            return
        sample = SpeedSample(now, sync.speed_kib_s or 0, sync.left_kib)
        last = self._speeds[-1] if self._speeds else None
        if last is None or now - last.at >= 0.9 or last.left_kib != sample.left_kib:
            self._speeds = (*self._speeds, sample)[-_HISTORY:]


def _is_same(before: tuple[NodeState, ...], state: PairState) -> bool:
    return all(old is new for old, new in zip(before, state.nodes, strict=True))


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
    yield from _findings_told(before.findings, after.findings, at)
    if before.serving != after.serving and after.serving is not None:
        yield LogLine(at, "ccops", f"{after.serving} serves", after.serving, "notice", "serving")


def _link_line(what: str, link: Link, node: str, at: float) -> LogLine:
    if link.phase == "up":
        return LogLine(at, "ccops", f"{what} is up", node, "notice", "link")
    why = f": {link.problem}" if link.problem else ""
    return LogLine(at, "ccops", f"{what} is {link.phase}{why}", node, "warning" if link.problem else "info", "link")


def _findings_told(before: Sequence[Finding], after: Sequence[Finding], at: float) -> Iterator[LogLine]:
    """When a finding began and when it ended; being well only begins."""
    old, new = ({f.key: f for f in findings} for findings in (before, after))
    for key, finding in new.items():
        if key not in old:
            began = "" if finding.severity == "ok" else "began: "
            text = f"{began}{finding.code}: {finding.summary}"
            yield LogLine(at, "ccops", text, _one(finding), _LEVELS[finding.severity], "finding")
    for key, finding in old.items():
        if key not in new and finding.severity != "ok":
            lasted = "" if finding.since is None else f", after {_duration(at - finding.since)}"
            yield LogLine(at, "ccops", f"ended: {finding.code}{lasted}", _one(finding), "notice", "finding")


def _one(finding: Finding) -> str | None:
    return finding.nodes[0] if len(finding.nodes) == 1 else None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

"""The two lines that are always there: pair, who serves, how fresh it all is, and the verdict."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.color import Color
from textual.content import Content
from textual.widget import Widget

from ccops.pair.joined import serves
from ccops.text import clean
from ccops.triage.finding import Finding
from ccops.triage.verdict import beside
from ccops.tui import quantities, themes
from ccops.tui.alarms import mark
from ccops.tui.widgets.card import Part, assemble
from ccops.tui.widgets.node_panel import stale_after
from ccops.watch.snapshot import Snapshot

_APART: Part = (" · ", "$label")


class Standing(NamedTuple):
    """What the header says beside the snapshot: the console's own state.

    `arming`: read-only, or armed and for how long; `running`: the operation that goes on behind, "" for none;
    `operable`: there is something that operations can act on.
    """

    accent: str | None = None
    arming: Part = ("read-only", "$label")
    running: str = ""
    operable: bool = False
    frozen_at: float | None = None
    moved_on: bool = False
    acknowledged: frozenset[str] = frozenset()


class Line(NamedTuple):
    """One line: the left part is cut where there is no room, the right one never; `extra` only stands where it fits."""

    left: tuple[Part, ...]
    right: tuple[Part, ...]
    extra: Part = ("", "")


class Header(Widget):
    """Draws two lines, and only when one of them changed."""

    DEFAULT_CSS: ClassVar[str] = """
    Header { height: 2; width: 1fr; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(id="header")
        self._lines: tuple[Line, ...] = ()

    def show(self, snapshot: Snapshot, standing: Standing) -> None:
        """Paints the snapshot's first facts."""
        name = chip(snapshot.pair.layout.name, standing.accent)
        lines = (
            Line((name, (" ▸ ", "$label"), *serving(snapshot)), state(snapshot, standing), _since(snapshot)),
            Line(verdict(snapshot.verdict, mark(snapshot.verdict) in standing.acknowledged), _more(snapshot)),
        )
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        """Both lines at the present width."""
        return Content("\n").join([_spread(line, self.size.width) for line in self._lines])


def chip(name: str, accent: str | None) -> Part:
    """The pair's name on its accent colour, in ink that can be read on it."""
    if accent is None or not themes.is_colour(accent):
        return f" {name} ", "bold reverse"
    ground = Color.parse(accent)
    ink = "ansi_black" if ground.ansi is not None else ground.get_contrast_text(1.0).hex
    return f" {name} ", f"bold {ink} on {accent}"


def serving(snapshot: Snapshot) -> tuple[Part, ...]:
    """Who serves and since when, or that nobody does as far as can be seen."""
    if snapshot.serving is None:
        seen = [serves(snapshot.pair, node) for node in snapshot.pair.nodes]
        if all(seen):
            return (("BOTH NODES SERVE", themes.style("critical")),)
        return (
            (("who serves is not known", "$unknown"),)
            if None in seen
            else (("NO NODE SERVES", themes.style("critical")),)
        )
    parts: tuple[Part, ...] = ((snapshot.serving, "bold"), (" serves", ""))
    if snapshot.serving_since is not None:
        parts += ((f" for {quantities.duration(snapshot.at - snapshot.serving_since)}", ""),)
    return parts


def _since(snapshot: Snapshot) -> Part:
    if snapshot.serving is None or snapshot.serving_since is None:
        return "", ""
    return f" (since {quantities.moment(snapshot.serving_since, snapshot.at, seconds=False)})", "$label"


def state(snapshot: Snapshot, standing: Standing) -> tuple[Part, ...]:
    """Frozen, read-only or armed, the data's age, recording."""
    parts: list[Part] = [(" ", "")]
    if standing.frozen_at is not None:
        parts += [
            (f" FROZEN since {quantities.moment(standing.frozen_at, snapshot.at)} ", "bold reverse $info"),
            _APART,
        ]
        if standing.moved_on:
            parts += [("the verdict has changed", themes.style("warning")), _APART]
    if standing.running:
        parts += [(f"▶ {standing.running}", "bold $info"), _APART]
    parts += [standing.arming, _APART, age(snapshot)]
    if snapshot.recording is not None:
        parts += [_APART, ("● recording", "$critical")]
    return (*parts, (" ", ""))


def age(snapshot: Snapshot) -> Part:
    """How old the newest word of the nodes is: `data now`, `data of 1 node`, `data 34 s old`."""
    ages = [snapshot.at - node.sampled_at for node in snapshot.pair.nodes if node.sampled_at is not None]
    limit = stale_after(snapshot)
    fresh = sum(1 for each in ages if each <= limit)
    if fresh == 2:
        return "data now", "$label"
    if fresh == 1:
        return "data of 1 node only", "$warning"
    return (
        (f"data {quantities.duration(min(ages))} old", themes.style("warning")) if ages else ("no data yet", "$unknown")
    )


def verdict(finding: Finding, seen: bool = False) -> tuple[Part, ...]:
    """Mark, word and summary: the word says it before the colour does. What was seen is said calmly."""
    style = themes.style(finding.severity)
    word = finding.severity.upper() if finding.severity in ("ok", "unknown") else title(finding.code)
    loud = f"{style} reverse" if finding.severity == "critical" and not seen else f"bold {style}"
    said: Part = ("(seen) ", "$label") if seen else ("", "")
    return (" ", ""), (f" {themes.mark(finding.severity)} {word} ", loud), (" ", ""), said, (finding.summary, "")


def title(code: str) -> str:
    """A finding's code as a heading: `split-brain` is `SPLIT BRAIN`."""
    return clean(code).replace("-", " ").replace("_", " ").replace(".", " ").upper()


def _more(snapshot: Snapshot) -> tuple[Part, ...]:
    finding = snapshot.verdict
    parts: list[Part] = []
    if finding.since is not None and finding.severity != "ok":
        parts.append((f" for {quantities.duration(snapshot.at - finding.since)}", "$label"))
    others = sum(1 for other in beside(snapshot.findings) if other.severity != "info")
    if others:
        parts.append((f" +{others} more", "$warning"))
    if finding.severity in ("warning", "critical"):
        parts.append((" → 6 triage", "bold"))
    return (*parts, (" ", ""))


def _spread(line: Line, width: int) -> Content:
    end = assemble(line.right)
    room = max(0, width - end.cell_length)
    start, whole = assemble(line.left), assemble((*line.left, line.extra))
    start = (whole if whole.cell_length <= room else start).truncate(room, ellipsis=True, pad=True)
    return Content("").join([start, end]).truncate(width)

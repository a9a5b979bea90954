"""All findings that hold, which of them follow from others, and the gravest as the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ccops.config import Thresholds
from ccops.pair import joined
from ccops.pair.model import PairState
from ccops.triage.blind import unknowns
from ccops.triage.case import Case, Memory
from ccops.triage.facts import node_facts
from ccops.triage.finding import Finding
from ccops.triage.history import History
from ccops.triage.rules import FOLLOWS, holding

# Between findings of one severity the order of the rules decides.
_GRAVITY = {"critical": 0, "warning": 1, "unknown": 2, "info": 3, "ok": 4}
_CONFIGURATION = "configuration-"
ALTERED = "bundle-altered"
"""The code of what is found of a bundle that is not as it was collected."""


def examine(
    pair: PairState,
    history: History | None = None,
    memory: Memory | None = None,
    thresholds: Thresholds | None = None,
    configuration: Sequence[Finding] = (),
) -> tuple[Finding, ...]:
    """The findings over both nodes, the gravest first; `healthy` when nothing else holds, beside remarks.

    `history` is what the logs tell, `memory` what only time tells, `configuration` what the lint found. Findings that
    follow from another name it as their `cause`.
    """
    first, second = pair.nodes
    facts = (node_facts(pair, first), node_facts(pair, second))
    case = Case(pair, facts, history or History(), memory or Memory(), thresholds or Thresholds())
    found = _with_causes(list(holding(case)))
    found += unknowns(pair, facts)
    if not any(_matters(finding) for finding in found):
        found.append(_otherwise(pair))
    found += configuration
    return tuple(sorted(found, key=lambda finding: _GRAVITY[finding.severity]))


def verdict(findings: Sequence[Finding]) -> Finding:
    """The finding that names the pair's condition: the gravest that follows from no other; `healthy` before remarks.

    The configuration is never the verdict: it says what will go wrong some day, not what does. Nor is what is found of
    a bundle that was altered: what is missing could tell otherwise.
    """
    own = [f for f in findings if f.cause is None and not f.code.startswith(_CONFIGURATION)]
    altered = [f for f in own if f.code == ALTERED]
    if altered:
        return altered[0]
    grave = [f for f in own if f.severity not in ("info", "ok")]
    if grave:
        return grave[0]
    moving = [f for f in own if f.code in ("in-transition", "verifying")]
    return (moving or [f for f in own if f.severity == "ok"] or own or list(findings))[0]


def beside(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What stands beside the verdict: what follows from nothing else and is not the configuration's, `healthy` neither.

    What is only a remark (info) is among them.
    """
    chosen = verdict(findings).key if findings else ""
    own = (f for f in findings if f.cause is None and not f.code.startswith(_CONFIGURATION))
    return tuple(f for f in own if f.key != chosen and f.severity != "ok")


def _matters(finding: Finding) -> bool:
    return finding.severity in ("warning", "critical", "unknown") or finding.code == "in-transition"


def _with_causes(found: list[Finding]) -> list[Finding]:
    """Each consequence names what it follows from: rather what follows from nothing itself."""
    direct = {f.code: [c.code for c in found if f.code in FOLLOWS.get(c.code, ())] for f in found}
    return [
        replace(f, cause=next((c for c in direct[f.code] if not direct[c]), next(iter(direct[f.code]), None)))
        for f in found
    ]


def _otherwise(pair: PairState) -> Finding:
    serving = joined.serving(pair)
    unseen = [node.name for node in pair.nodes if node.sampled_at is None]
    if serving is None:
        summary = "not everything is known yet" if unseen else "nobody was seen serving, and it is not known why"
        return Finding("not-known", "unknown", summary, pair.layout.nodes)
    if unseen:
        summary = f"{serving} serves; nothing is known of {' and '.join(unseen)} yet"
        return Finding("not-known", "unknown", summary, pair.layout.nodes)
    return Finding(
        "healthy",
        "ok",
        f"{serving} serves, both sides are up to date",
        (serving,),
        meaning="Calls go on, and the other node could take over.",
    )

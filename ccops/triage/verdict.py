"""All findings that hold, and the gravest as the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ccops.pair import joined
from ccops.pair.kernel import recognise
from ccops.pair.model import LogLine, PairState
from ccops.triage.blind import unknowns
from ccops.triage.facts import node_facts
from ccops.triage.finding import Finding
from ccops.triage.rules import GRAVEST_FIRST, HIDES, Case

# Between findings of one severity the order of the rules decides.
_GRAVITY = {"critical": 0, "unknown": 2, "warning": 1, "info": 3, "ok": 4}


class Causes(msgspec.Struct, frozen=True):
    """Why DRBD is not connected, as the kernel logs of both nodes tell it: the lines, each with its node."""

    splits: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()


_CONNECTED = frozenset({"Connected", "SyncSource", "SyncTarget", "WFBitMapS", "WFBitMapT", "VerifyS", "VerifyT"})


def examine(
    pair: PairState, causes: Causes | None = None, *, unserved_s: float | None = None, patience_s: float = 60.0
) -> tuple[Finding, ...]:
    """The findings over both nodes, the gravest first; `healthy` alone when nothing else holds.

    `causes` is what the kernel logs tell (`causes_in`). `unserved_s`: seconds since somebody was last seen
    serving (None: somebody serves, or nobody was ever seen to); less than `patience_s` of it is a move, not a fault.
    """
    first, second = pair.nodes
    facts = (node_facts(pair, first), node_facts(pair, second))
    told = causes or Causes()
    case = Case(pair, facts, told.splits, told.administrators, unserved_s, patience_s)
    found = [finding for rule in GRAVEST_FIRST if (finding := rule(case)) is not None]
    hidden = frozenset[str]().union(*(HIDES.get(finding.code, frozenset()) for finding in found))
    found = [finding for finding in found if finding.code not in hidden]
    found += unknowns(pair, facts)
    if not any(
        finding.severity in ("warning", "critical", "unknown") or finding.code == "in-transition" for finding in found
    ):
        found.append(_otherwise(pair))
    return tuple(sorted(found, key=lambda finding: _GRAVITY[finding.severity]))


def verdict(findings: Sequence[Finding]) -> Finding:
    """The finding that names the pair's condition: the gravest; `healthy` rather than a remark beside it."""
    grave = [f for f in findings if f.severity not in ("info", "ok")]
    if grave:
        return grave[0]
    moving = [f for f in findings if f.code in ("in-transition", "verifying")]
    return (moving or [f for f in findings if f.severity == "ok"] or list(findings))[0]


def _otherwise(pair: PairState) -> Finding:
    serving = joined.serving(pair)
    if serving is None:
        summary = (
            "not everything is known yet" if not _sampled(pair) else "nobody was seen serving, and it is not known why"
        )
        return Finding("not-known", "unknown", summary, pair.layout.nodes)
    return Finding("healthy", "ok", f"{serving} serves, both sides are up to date", (serving,))


def _sampled(pair: PairState) -> bool:
    return all(node.sampled_at is not None for node in pair.nodes)


def causes_in(log: Sequence[LogLine], nodes: tuple[str, str]) -> Causes:
    """Split brains and administrators' disconnections that DRBD told of after it was last connected, on each node.

    `log` holds lines of both nodes' kernel logs, in any order.
    """
    splits: list[str] = []
    administrators: list[str] = []
    for name in nodes:
        since: list[tuple[str, LogLine]] = []
        for line in sorted((x for x in log if x.node == name and x.source == "kernel"), key=lambda x: x.at):
            event = recognise(line)
            if event is None:
                continue
            change = event.change("conn")
            if change is not None and change.new in _CONNECTED:
                since.clear()
            if event.kind == "split-brain-detected":
                since.append(("split", line))
            if change is not None and change.new == "Disconnecting":
                since.append(("administrator", line))
        splits += [f"kernel log of {name}: {line.text}" for kind, line in since if kind == "split"][-2:]
        if since and since[0][0] == "administrator":
            administrators.append(f"kernel log of {name}: {since[0][1].text}")
    return Causes(tuple(splits), tuple(administrators))

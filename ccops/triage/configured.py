"""What every rule about the configuration looks at, and how its faults become a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ccops.pair.configuration import NodeConfiguration
from ccops.pair.model import PairLayout, Problem
from ccops.triage.finding import Evidence, Finding, Severity, Step

GRAVITY: Mapping[Severity, int] = {"critical": 0, "warning": 1, "unknown": 2, "info": 3, "ok": 4}


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong, how it is known, and the change that mends it."""

    severity: Severity
    text: str
    evidence: tuple[Evidence, ...]
    remedy: tuple[Step, ...] = ()


class ConfiguredPair(msgspec.Struct, frozen=True):
    """Both nodes' configurations, in the order of the layout's nodes."""

    layout: PairLayout
    configurations: tuple[NodeConfiguration, NodeConfiguration]

    def each(self) -> Iterator[tuple[str, NodeConfiguration]]:
        """Each node's name and configuration."""
        return zip(self.layout.nodes, self.configurations, strict=True)

    def has_service(self, *names: str) -> bool:
        """True when the pair runs a service whose name or unit begins so."""
        return any(word.startswith(names) for service in self.layout.services.items() for word in service)


def stands(name: str, node: NodeConfiguration, path: str, line: int | None, otherwise: str = "") -> Evidence:
    """A line of a file of a node as evidence; `otherwise` is said where the line is not known."""
    return Evidence(f"{path}, line {line}" if line else path, node.line(path, line) or otherwise, name)


def faulty(
    name: str, node: NodeConfiguration, path: str, problems: Iterable[Problem], fatal: Severity = "critical"
) -> Iterator[Fault]:
    """What a parser found wrong in a file; what the program refuses to start with has the severity `fatal`."""
    for problem in problems:
        evidence = stands(name, node, path, problem.line, problem.text or problem.message)
        where = f"{path}, line {problem.line}" if problem.line else path
        found = f" (found: {problem.text})" if problem.text else ""
        yield Fault(
            fatal if problem.fatal else "warning",
            f"{problem.where}: {problem.message}{found}",
            (evidence,),
            (Step(f"mend {where}: {problem.message}", name),),
        )


def gathered(
    code: str,
    pair: ConfiguredPair,
    faults: Sequence[Fault],
    *,
    meaning: str,
    avoid: str = "",
    closing: tuple[Step, ...] = (),
) -> Finding | None:
    """One finding of all faults of one kind, as grave as the gravest; None without any. `closing`: the last steps."""
    if not faults:
        return None
    ranked = sorted(faults, key=lambda fault: GRAVITY[fault.severity])
    lead = ranked[0]
    told = {e.node for fault in faults if fault.text == lead.text for e in fault.evidence}
    on = [name for name in pair.layout.nodes if name in told]
    more = len({fault.text for fault in faults}) - 1
    evidence = tuple(dict.fromkeys(e for fault in ranked for e in fault.evidence))
    named = {e.node for e in evidence}
    return Finding(
        code,
        lead.severity,
        f"{f'{on[0]}: ' if len(on) == 1 else ''}{lead.text}{f' (and {more} more)' if more else ''}",
        tuple(name for name in pair.layout.nodes if name in named) or pair.layout.nodes,
        evidence,
        meaning,
        avoid,
        tuple(dict.fromkeys(step for fault in ranked for step in fault.remedy)) + closing,
    )


def worst(faults: Sequence[Fault]) -> Severity:
    """The gravest severity among them."""
    return min((fault.severity for fault in faults), key=lambda severity: GRAVITY[severity], default="ok")

"""Rules about the machines: space on the volume, clocks, load."""

from __future__ import annotations

from collections.abc import Sequence

from ccops.pair.model import NodeState, Space
from ccops.triage.case import Case
from ccops.triage.finding import Evidence, Finding, Step

_A_DAY_S = 86_400.0


def volume_filling(case: Case, name: str) -> Finding | None:
    """The mounted volume is nearly full, or soon will be."""
    node = case.node(name)
    space = node.space.value
    if space is None or space.total_kib <= 0:
        return None
    used = 100.0 * space.used_kib / max(1, space.used_kib + space.free_kib)
    if used >= case.thresholds.filling:
        return _full(case, node, space, used)
    return None


def _full(case: Case, node: NodeState, space: Space, used: float) -> Finding:
    full, mount = used >= case.thresholds.full, case.pair.layout.mount
    evidence = Evidence(
        f"df -P {mount}", f"{space.free_kib} KiB free of {space.total_kib}", node.name, node.space.taken_at
    )
    return Finding(
        "data-full" if full else "data-filling",
        "critical" if full else "warning",
        f"{mount} on {node.name} is {used:.0f} % full, {space.free_kib // 1024} MiB left{_trend(case, node, space)}",
        (node.name,),
        (evidence,),
        meaning="When it is full MySQL stops, recordings and call records are lost, and Asterisk may refuse calls.",
        avoid="Do not fail over for it: it is the same volume there. Do not delete databases' files by hand.",
        remedy=(
            Step("see what takes the room", node.name, f"du -xk {mount} | sort -n | tail -n 20"),
            Step("move old recordings and logs off the volume"),
            Step("if it grows by design: enlarge the backing disks on both nodes, then the resource and file system"),
        ),
    )


def _trend(case: Case, node: NodeState, space: Space) -> str:
    """How fast it fills and until when, where that has been seen."""
    speed = case.memory.growth_kib_s.get(node.name)
    if speed is None:
        return ""
    if speed <= 0:
        return ", not growing"
    left = space.free_kib / speed
    until = f"{left / 3600:.1f} h" if left < 2 * _A_DAY_S else f"{left / _A_DAY_S:.0f} days"
    return f", growing {speed * 3600 / 1024:.0f} MiB an hour: full in {until}"


def clock_skew(case: Case) -> Finding | None:
    """The clocks of the two nodes differ."""
    first, second = (node.clock_skew_s for node in case.pair.nodes)
    if first is None or second is None or abs(first - second) < case.thresholds.clock_skew:
        return None
    evidence = tuple(
        Evidence("date", f"{node.clock_skew_s:+.1f} s from this machine's clock", node.name, node.sampled_at)
        for node in case.pair.nodes
    )
    return Finding(
        "clock-skew",
        "info",
        f"the nodes' clocks differ by {abs(first - second):.0f} s: logs and CDR are hard to compare",
        case.names,
        evidence,
        meaning="Calls go on. Records written before and after a failover overlap or leave a gap.",
        avoid="Do not set a clock back in one leap while Asterisk and MySQL run there.",
        remedy=(
            Step("see whether ntpd or chronyd runs and reaches its servers", None, "ntpq -p || chronyc sources"),
            Step("let it slew the clock, and start it at boot on both nodes"),
        ),
    )


def load_high(case: Case, name: str) -> Finding | None:
    """More waits for the processor or the disk than the machine can do, for minutes."""
    node = case.node(name)
    if node.load is None or not node.processors:
        return None
    limit = case.thresholds.load * node.processors
    if node.load[0] < limit or node.load[1] < limit:
        return None
    trend = "rising" if node.load[0] > node.load[1] > node.load[2] else "not rising"
    return Finding(
        "load-high",
        "warning",
        f"load on {node.name} is {node.load[1]:.1f} on {node.processors} processors, {trend}",
        (node.name,),
        (Evidence("/proc/loadavg", _spelt(node.load), node.name, node.sampled_at),),
        meaning="Sound may stutter, and heartbeats become late: at the deadtime the node is taken for dead.",
        avoid="Do not start a verify or raise the resync rate.",
        remedy=(
            Step("see what runs and what waits for the disk", node.name, "top -bn1 | head -n 20; vmstat 1 5"),
            Step("end or move it: backups, reports, transcoding of recordings"),
        ),
    )


def _spelt(load: Sequence[float]) -> str:
    return " ".join(f"{part:.2f}" for part in load)

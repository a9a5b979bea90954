"""24 hours of a healthy pair and 10,000 calls, as fast as they can be folded; prints MiB after 1 h and after 24 h."""

from __future__ import annotations

import os
from pathlib import Path

from ccops.callcentre.fold import fold_all, tick
from ccops.pair.model import LogLine, PairState
from ccops.watch.joining import Joiner
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store
from tests.bench.fold import AT, call, centre
from tests.triage.pairs import LAYOUT, healthy
from tests.watch.test_joining import at

HOURS, CALLS_AN_HOUR, STEP_S = 24, 416, 2


def resident_mib() -> float:
    """Resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024 / 1024


def main() -> None:
    """Plays the day."""
    joiner, folded, store = Joiner(LAYOUT, 1.0), centre(), None
    calls, first = 0, 0.0
    for second in range(0, HOURS * 3600, STEP_S):
        now = AT + second
        pair: PairState = at(healthy(), now)
        judged = joiner.join(pair, now)
        snapshot = Snapshot(now, judged.pair, judged.verdict, judged.findings, judged.serving, judged.serving_since)
        store = store or Store(snapshot)
        store.publish(snapshot)
        if second * CALLS_AN_HOUR // 3600 > calls:
            calls += 1
            folded = fold_all(folded, call(calls), now)
            store.timeline.append(LogLine(now, "ha-log", f"line {calls} of a quiet day", "one"))
        if second % 60 == 0:
            folded = tick(folded, now)
        if second == 3600:
            first = resident_mib()
    print(first, resident_mib())


if __name__ == "__main__":
    main()

"""Some days of a node's queue_log: the script that is run there on demand, and what it printed as calls and log-ins.

The script is `queue_log.sh`, which says what it prints. It reads what the days need, however large the file is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ccops.callcentre.periods import Period
from ccops.callcentre.queue_log import parse_queue_log
from ccops.callcentre.queue_log_calls import fold_queue_log
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import LOOK_BACK_CALLS_S
from ccops.pair.model import PairLayout
from ccops.text import clean, decode
from ccops.watch.traces_script import Runner, volume_script

LOOK_BACK_S = 2 * 86_400.0
"""How long before the days log-ins are looked for: their lines have all to be sent."""

LIMIT = 12 * 1024 * 1024
"""Bytes that are sent at most."""

TIMEOUT_S = 30.0
_MARK = re.compile(r"##### (from|none|packed|cut|end)(?: (.*))?")


class NoQueueLog(Exception):
    """The node has no queue_log that can be read; the words say why."""


def script(layout: PairLayout, period: Period) -> bytes:
    """The script for those days."""
    return volume_script(
        layout,
        "queue_log.sh",
        LOGINS=int(period.start - LOOK_BACK_S),
        CALLS=int(period.start - LOOK_BACK_CALLS_S),
        END=int(period.end),
        AFTER=int(period.end + LOOK_BACK_CALLS_S),
        LIMIT=LIMIT,
    )


async def read_queue_log(
    runner: Runner, layout: PairLayout, period: Period, now: float, names: Mapping[str, str]
) -> Records:
    """The calls and log-ins of a period; `now` is the node's clock, `names` the agents' by interface.

    Raises NoQueueLog, and whatever `runner` raises.
    """
    done = await runner.run(["/bin/sh", "-s"], timeout_s=TIMEOUT_S, input=script(layout, period))
    return parse_days(decode(done.stdout), period, now, names)


def parse_days(output: str, period: Period, now: float, names: Mapping[str, str]) -> Records:
    """What the script printed. Raises NoQueueLog."""
    marks: dict[str, str] = {}
    packed: list[str] = []
    lines: list[str] = []
    for line in output.split("\n"):
        if not line.startswith("##### "):
            lines.append(line)
        elif (match := _MARK.fullmatch(line.rstrip())) is not None:
            if match[1] == "packed":
                packed.append(clean(match[2] or "", 60))
            else:
                marks.setdefault(match[1], clean(match[2] or "", 100))
    if "none" in marks:
        raise NoQueueLog(f"queue_log: {marks['none']}")
    problems = [f"{name} is left out: nothing there unpacks it" for name in packed[:3]]
    if "end" not in marks:
        problems.append("the script on the node did not come to its end: the last lines are missing")
    begins = marks.get("from", "")
    oldest = float(begins) if begins.isdecimal() and len(begins) < 12 else None
    if oldest is not None and oldest > period.start:
        problems.append(f"queue_log begins at {period.clock(oldest)}: what was before is not there")
    if "cut" in marks:
        problems.append(f"more than {LIMIT >> 20} MiB of queue_log: the last lines are left out; ask for fewer days")
    events, bad = parse_queue_log("\n".join(lines))
    records = fold_queue_log(
        events,
        bad,
        since=max(period.start - LOOK_BACK_S, oldest or 0.0),
        until=period.end if period.end <= now else None,
        names=names,
        cut="cut" in marks,
    )
    return Records("log", records.calls, records.presences, records.names, (*problems, *records.problems), records.cut)

"""States of the services: `systemctl is-active`, and `service X status` of the init scripts of old systems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ccops.pair.model import PairLayout, Service

_ACTIVE: Mapping[str, Service] = {
    "active": "running",
    "reloading": "running",
    "refreshing": "running",
    "inactive": "stopped",
    "failed": "failed",
    "activating": "starting",
    "deactivating": "stopping",
    "maintenance": "stopping",
    "unknown": "unknown",
}
# Exit codes of `status` by the Linux Standard Base: 1 and 2 are dead with a pid or lock file left behind.
_LSB: Mapping[int, Service] = {0: "running", 1: "failed", 2: "failed", 3: "stopped"}
_DEAD = re.compile(r"\bdead\b|but subsys locked|but (?:the )?pid file exists|lock file .{0,80}exists", re.A | re.I)
_STOPPED = re.compile(
    r"\bis stopped\b|\bnot running\b|\bisn't running\b|\bno process\b|\bis not started\b", re.A | re.I
)
_ABSENT = re.compile(r"unrecognized service|not found|no such file|^usage:", re.A | re.I)
_RUNNING = re.compile(r"\brunning\b|\bOK \[pid", re.A | re.I)


def parse_is_active(text: str, units: Sequence[str]) -> Mapping[str, Service]:
    """`systemctl is-active A B C`: one word a line, in the order asked for, keyed by unit.

    Exit codes say nothing here (they speak of all units at once). Lines that are not states (warnings) are passed
    over; with more or fewer states than units nothing can be told apart, and all are unknown.
    """
    words = [line.strip() for line in text.splitlines()[:1000]]
    states = [_ACTIVE[word] for word in words if word in _ACTIVE]
    if len(states) != len(units):
        return dict.fromkeys(units, "unknown")
    return dict(zip(units, states, strict=True))


def parse_init_status(text: str, code: int | None) -> Service:
    """`service X status` (asterisk, mysqld, heartbeat on CentOS 5): the words first, as old scripts always exit 0."""
    if _ABSENT.search(text):
        return "unknown"
    if _DEAD.search(text):
        return "failed"
    if _STOPPED.search(text):
        return "stopped"
    if _RUNNING.search(text) and code in (0, None):
        return "running"
    return _LSB.get(code, "unknown") if code is not None else "unknown"


def name_services(states: Mapping[str, Service], layout: PairLayout) -> Mapping[str, Service]:
    """States by unit turned to the pair's services by their names in haresources (`mysqld`, not `mariadb`)."""
    return {name: states[unit] for name, unit in layout.services.items() if unit in states}


def asked_units(layout: PairLayout, others: Iterable[str] = ("heartbeat", "drbd")) -> tuple[str, ...]:
    """The units that are asked for, in that order: the services of the pair, then what carries them."""
    return (*layout.services.values(), *others)

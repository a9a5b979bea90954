"""Heartbeat's log: lines of ha-log, and what they tell.

Source of the formats: Heartbeat 2.1.3 (`TAG[PID]: YYYY/MM/DD_HH:MM:SS LEVEL: text`) and 3.0.6
(`Mon DD HH:MM:SS host TAG: [PID]: LEVEL: text`; through syslog the date can be ISO 8601), and the scripts of 3.0.6
(`YYYY/MM/DD_HH:MM:SS  TAG(..)[PID]:    LEVEL: text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from ccops.pair.clock import LogClock, parse_date
from ccops.pair.model import LogLine
from ccops.text import clean

Level = Literal["debug", "info", "notice", "warning", "error", "critical"]
HeartbeatEventKind = Literal[
    "node-dead",
    "node-status",
    "node-active",
    "link-dead",
    "link-up",
    "late-heartbeat",
    "returning-after-partition",
    "no-local-heartbeat",
    "dead-node-released",
    "acquiring-from",
    "acquiring-group",
    "releasing-group",
    "resource-start",
    "resource-stop",
    "resource-failed",
    "resources-acquired",
    "resources-released",
    "transition-complete",
    "takeover-complete",
    "standby-wanted",
    "standby-accepted",
    "standby-acquiring",
    "standby-done",
    "standby-acquired",
    "standby-taken-over",
    "standby-ignored",
    "standby-unanswered",
    "standby-impossible",
    "both-own",
    "nobody-owns",
    "no-stonith",
    "giving-up",
    "stop-failure",
    "active-and-should-not",
    "unmount-failed",
    "unmounted",
    "shutdown-began",
    "shutdown-delayed",
    "shutdown-notice",
    "shutdown-done",
    "restarting",
    "started",
]

_LEVELS: dict[str, Level] = {
    "debug": "debug",
    "info": "info",
    "notice": "notice",
    "warn": "warning",
    "warning": "warning",
    "err": "error",
    "error": "error",
    "crit": "critical",
    "critical": "critical",
    "alert": "critical",
    "emerg": "critical",
    "emergency": "critical",
}
_LEVEL = re.compile(rf"\s*({'|'.join(_LEVELS)}):\s*", re.A | re.I)
_TAG_BEFORE = re.compile(r"(\S{1,200}?)(?:\[\d{1,9}\])?:?\s+(?=\d{4}/\d\d/\d\d_)", re.A)
_TAG_AFTER = re.compile(r"(\S{1,200}?)(?:\[(\d{1,9})\])?:(?:\s+\[\d{1,9}\]:)?(?:\s+|$)", re.A)
_SYSLOG_HOST = re.compile(r"\S{1,255}\s+", re.A)


class HeartbeatEvent(msgspec.Struct, frozen=True):
    """What one line of ha-log tells. `on` is the node whose log it is, `node` the one it speaks of.

    `scope` is all|local|foreign; `milliseconds` the interval of a late heartbeat; `resource` as in haresources.
    """

    kind: HeartbeatEventKind
    at: float
    on: str | None = None
    node: str | None = None
    interface: str | None = None
    milliseconds: int | None = None
    resource: str | None = None
    scope: str | None = None
    status: str | None = None
    reason: str | None = None


def parse_ha_log(text: str, node: str, clock: LogClock) -> tuple[LogLine, ...]:
    """Every line of a piece of ha-log, oldest first; an undated one has the time of the line before it."""
    return tuple(follow_ha_log(text.splitlines(), node, clock))


def follow_ha_log(lines: Iterable[str], node: str, clock: LogClock) -> Iterator[LogLine]:
    """The same line by line; blank lines are left out."""
    last = clock.now
    for line in lines:
        if line.strip():
            parsed = parse_ha_line(line, node, clock, last)
            last = parsed.at
            yield parsed


def parse_ha_line(line: str, node: str, clock: LogClock, fallback: float | None = None) -> LogLine:
    """One line. Without a date that is understood it is undated, and `at` is `fallback` (else the clock's now)."""
    line = clean(line).strip()
    tag = ""
    if before := _TAG_BEFORE.match(line):
        tag, line = before[1], line[before.end() :]
    dated = parse_date(line, clock)
    at, rest = dated if dated else (clock.now if fallback is None else fallback, line)
    if dated and not tag:
        if line[4:5] != "/" and (host := _SYSLOG_HOST.match(rest)):
            rest = rest[host.end() :]
        if after := _TAG_AFTER.match(rest):
            tag, rest = after[1], rest[after.end() :]
    level: Level = "info"
    if found := _LEVEL.match(rest):
        level, rest = _LEVELS[found[1].lower()], rest[found.end() :]
    return LogLine(at, "ha-log", rest.strip(), node, level, _short(tag), dated is not None)


def recognise(line: LogLine) -> HeartbeatEvent | None:
    """What the line tells; None when it is nothing that matters to the pair."""
    if line.source != "ha-log":
        return None
    for pattern, kind in _MESSAGES:
        if match := pattern.search(line.text):
            words = {name: word for name, word in match.groupdict().items() if name != "ms"}
            late = match.groupdict().get("ms")
            if kind == "node-status" and words.get("status") == "active":
                kind = "node-active"
            return HeartbeatEvent(kind, line.at, line.node, milliseconds=int(late) if late else None, **words)
    return None


def _short(tag: str) -> str:
    """`/usr/lib/ocf/resource.d//heartbeat/IPaddr2(IPaddr2_192.168.27.120)` is `IPaddr2`."""
    return tag.split("(", 1)[0].rsplit("/", 1)[-1]


def _message(pattern: str, kind: HeartbeatEventKind) -> tuple[re.Pattern[str], HeartbeatEventKind]:
    names = {
        "NODE": r"(?P<node>\S{1,255}?)",
        "SCOPE": r"(?P<scope>all|local|foreign|our|none)",
        "REST": r"(?P<resource>\S.{0,500}?)",
    }
    for name, expression in names.items():
        pattern = pattern.replace(name, expression)
    return re.compile(pattern, re.A), kind


# In the order in which they are tried; the wording is Heartbeat's own, 2.1.3 and 3.0.6.
_MESSAGES = (
    _message(r"^node NODE:? is dead", "node-dead"),
    _message(r"^Status update for node NODE: status (?P<status>\w+)", "node-status"),
    _message(r"^Link NODE:(?P<interface>\S+?) dead\.", "link-dead"),
    _message(r"^Link NODE:(?P<interface>\S+?) up\.", "link-up"),
    _message(r"^Late heartbeat: Node NODE: interval (?P<ms>\d{1,12}) ms", "late-heartbeat"),
    _message(r"^Cluster node NODE returning after partition", "returning-after-partition"),
    _message(r"^No local heartbeat\. Forcing restart", "no-local-heartbeat"),
    _message(r"^Dead node NODE gave up resources", "dead-node-released"),
    _message(r"^Resources being acquired from NODE\.?$", "acquiring-from"),
    _message(r"^Acquiring resource group: NODE REST$", "acquiring-group"),
    _message(r"^Releasing resource group: NODE REST$", "releasing-group"),
    _message(r"^Running /\S*/resource\.d/+REST\s{1,8}start$", "resource-start"),
    _message(r"^Running /\S*/resource\.d/+REST\s{1,8}stop$", "resource-stop"),
    _message(r"^Running /\S*/init\.d/+REST\s{1,8}start$", "resource-start"),
    _message(r"^Running /\S*/init\.d/+REST\s{1,8}stop$", "resource-stop"),
    _message(r"^mach_down takeover complete(?: for node NODE)?\.$", "takeover-complete"),
    _message(r"foreign resources acquired", "resources-acquired"),
    _message(r"^Local Resource acquisition completed", "resources-acquired"),
    _message(r"^SCOPE HA resource acquisition completed", "resources-acquired"),
    _message(r"^SCOPE HA resource release completed", "resources-released"),
    _message(r"^All HA resources relinquished", "resources-released"),
    _message(r"^(?P<scope>local|remote) resource transition completed", "transition-complete"),
    _message(r"^Initial resource acquisition complete", "transition-complete"),
    _message(r"^NODE wants to go standby(?: \[(?P<scope>\w+)\])?", "standby-wanted"),
    _message(r"^standby: NODE can take our SCOPE resources", "standby-accepted"),
    _message(r"^standby: acquire \[(?P<scope>\w+)\] resources from NODE$", "standby-acquiring"),
    _message(r"^Local standby process completed(?: \[(?P<scope>\w+)\])?", "standby-done"),
    _message(r"^Standby resource acquisition done(?: \[(?P<scope>\w+)\])?", "standby-acquired"),
    _message(r"^Other node completed standby takeover of SCOPE resources", "standby-taken-over"),
    _message(
        r"^standby message \[.*?\] (?:from NODE )?ignored\.\s+(?P<reason>(?:Other|local|Local).* in flux)",
        "standby-ignored",
    ),
    _message(r"^(?P<reason>Standby in progress)\s*- new request from NODE ignored", "standby-ignored"),
    _message(r"^Ignored standby message '.*?' from NODE ", "standby-ignored"),
    _message(r"^No reply to standby request", "standby-unanswered"),
    _message(r"^Standby mode only implemented when nice_failback on", "standby-impossible"),
    _message(r"^Both machines own SCOPE resources", "both-own"),
    _message(r"^No one owns (?:our )?SCOPE resources", "nobody-owns"),
    _message(r"^No STONITH device configured", "no-stonith"),
    _message(
        r"^Return code (?P<status>\d{1,5}) from \S*/(?:resource|init)\.d/+(?P<resource>\S{1,255})$", "resource-failed"
    ),
    _message(r"^Giving up resources due to failure of REST$", "giving-up"),
    _message(r"^Resource STOP failure\. Reboot required", "stop-failure"),
    _message(r"^Resource REST is active, and should not be", "active-and-should-not"),
    _message(r"^Could(?:n't| not) unmount (?P<resource>\S{1,255}?)[;,.!]?(?:\s|$)", "unmount-failed"),
    _message(r"^unmounted (?P<resource>\S{1,255}) successfully", "unmounted"),
    _message(r"^Heartbeat shutdown in progress", "shutdown-began"),
    _message(r"^Shutdown delayed until current resource activity finishes", "shutdown-delayed"),
    _message(r"^Received shutdown notice from 'NODE'", "shutdown-notice"),
    _message(r"^NODE Heartbeat shutdown complete", "shutdown-done"),
    _message(r"^Restarting heartbeat", "restarting"),
    _message(r"^Configuration validated\. Starting heartbeat (?P<status>\S+)", "started"),
)

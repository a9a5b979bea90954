"""How far two sides diverged: since when, by which rule, what is only on each side, and what each did meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ccops.pair import joined
from ccops.pair.drbd import KIB_PER_BIT
from ccops.pair.model import PairLayout, PairState, Reading
from ccops.triage.facts import NodeFacts, node_facts
from ccops.triage.finding import Divergence, Evidence, Period, Side, Traces, quoted
from ccops.triage.generations import Comparison, Identifiers, compare, decided_by_disks, identifiers, of_get_gi
from ccops.triage.history import History, KernelWord
from ccops.triage.victim import Standing, recommend

_CALLS_OLD_AFTER_S = 60.0


def diverged(pair: PairState) -> str | None:
    """What `drbdadm get-gi` says on both, when it says that the sides diverged; None when not, or not known."""
    first, second = (node.gi.value for node in pair.nodes)
    if first is None or second is None:
        return None
    mine, theirs = of_get_gi(first), of_get_gi(second)
    if mine is None or theirs is None or decided_by_disks(*_disks(pair)):
        return None
    found = compare(mine, theirs)
    if not found.diverged:
        return None
    one, two = pair.layout.nodes
    said = f"{one} {first.current}:{first.bitmap}, {two} {second.current}:{second.bitmap}"
    return f"{said}: diverged (rule {found.rule})"


def measure(pair: PairState, history: History, traces: Mapping[str, Traces]) -> Divergence:
    """What is known of the divergence now; `traces` by node. Times are those of the logs, corrected for skew."""
    told = _about(history, pair.layout)
    parted_at = told.parted_at()
    one, two = (_standing(pair, node_facts(pair, node), told, parted_at, traces) for node in pair.nodes)
    found, evidence = _compared(pair, told)
    excuse = _no_split_brain(pair, found, one.side.is_primary is True and two.side.is_primary is True)
    rule = found.divergence_rule if found is not None else None
    victim, reasons = (None, excuse) if excuse else recommend(one, two, rule)
    if found is not None and not excuse and not found.diverged:
        reasons = (*reasons, f"as last read, the identifiers do not show it yet (rule {found.rule})")
    return Divergence((one.side, two.side), rule, evidence, parted_at, victim, reasons)


def _about(history: History, layout: PairLayout) -> History:
    """The history without what it tells of other resources and other addresses."""
    return History(
        tuple(
            word
            for word in history.kernel
            if word.event.minor in (None, layout.minor) and word.event.resource in (None, layout.resource)
        ),
        tuple(word for word in history.heartbeat if _is_ours(word.event.resource, layout.address)),
    )


def _is_ours(resource: str | None, address: str) -> bool:
    script, _, argument = (resource or "").partition(" ")
    return not script.startswith("IPaddr") or argument.split("/")[0].strip() in ("", address)


# One side


def _standing(
    pair: PairState, facts: NodeFacts, told: History, parted_at: float | None, traces: Mapping[str, Traces]
) -> Standing:
    name, node = facts.name, pair.node(facts.name)
    lost_at = told.lost_at(name)
    kib, where = _only_here(facts, told, pair.peer(name).name)
    primary, sure = _primary_periods(told, facts, node.uptime_s, pair.at)
    primary = _reaching(primary, parted_at if lost_at is None else lost_at)
    side = Side(
        name=name,
        is_primary=facts.primary,
        serves=joined.serves(pair, node) if node.link.phase in ("up", "silent") else None,
        only_here_kib=kib,
        only_here_from=where,
        primary=primary,
        address=_reaching(_address_periods(told, facts), parted_at if lost_at is None else lost_at),
        traces=_traces(pair, name, traces.get(name, Traces())),
    )
    known = sure and lost_at is not None
    return Standing(
        side=side,
        now=pair.at,
        parted_at=parted_at if lost_at is None else lost_at,
        counted_now=where == _proc_drbd(name),
        was_primary=_holds_at(primary, lost_at) if known and lost_at is not None else None,
        primary_s=_seconds(primary, lost_at, pair.at) if known and lost_at is not None else None,
    )


def _only_here(facts: NodeFacts, told: History, peer: str) -> tuple[int | None, str]:
    """KiB that only this side has, and where that stands; or None, and why."""
    resource = facts.resource
    if resource is not None and not facts.cut_off:
        return None, f"it is not counted while the connection is {resource.connection}"
    if resource is not None and resource.disk == "Inconsistent":
        return None, "a resync here was not ended: what DRBD counts is what this side lacks"
    if resource is not None and resource.out_of_sync_kib is not None:
        return resource.out_of_sync_kib, _proc_drbd(facts.name)
    word = _newest(_handshakes(told, peer, "peer") + _handshakes(told, facts.name, "self"))
    if word is None or word.event.bits is None:
        return None, "/proc/drbd was not read and no handshake since they parted is in the kernel logs"
    moment = f"the handshake in the kernel log of {word.line.node}, which may be less than now"
    return word.event.bits * KIB_PER_BIT, moment


def _proc_drbd(name: str) -> str:
    return f"/proc/drbd of {name}"


def _primary_periods(
    told: History, facts: NodeFacts, uptime_s: float | None, now: float
) -> tuple[tuple[Period, ...], bool]:
    """When it was Primary, and whether that is sure: the log and what is seen now must agree.

    A node that lost its current wrote no word of its demotion: then it was Primary until it booted at the latest.
    """
    periods = told.primary_periods(facts.name)
    if facts.primary is None:
        return periods, False
    last = periods[-1] if periods else None
    is_open = last is not None and last.end is None
    if facts.primary == is_open:
        return periods, True
    if facts.primary:
        return (Period(),) if last is None else periods, last is None
    booted = None if uptime_s is None else now - uptime_s
    if last is not None and booted is not None and last.begin is not None and last.begin < booted:
        return (*periods[:-1], Period(last.begin, booted)), True
    return (*periods[:-1], Period(last.begin, facts.read_at or now)) if last is not None else (), False


def _address_periods(told: History, facts: NodeFacts) -> tuple[Period, ...]:
    periods = told.address_periods(facts.name)
    return periods or ((Period(),) if facts.address else ())


def _reaching(periods: Iterable[Period], parted_at: float | None) -> tuple[Period, ...]:
    """Those that reach past the parting; they may have begun before it."""
    return tuple(p for p in periods if p.end is None or parted_at is None or p.end > parted_at)


def _holds_at(periods: Iterable[Period], at: float) -> bool:
    return any((p.begin is None or p.begin < at) and (p.end is None or p.end > at) for p in periods)


def _seconds(periods: Iterable[Period], since: float, now: float) -> float:
    spans = ((max(p.begin or since, since), now if p.end is None else p.end) for p in periods)
    return sum(max(0.0, end - begin) for begin, end in spans)


def _traces(pair: PairState, name: str, traces: Traces) -> Traces:
    """The traces, with the calls that are up as far as they are known now."""
    calls = traces.channels
    if calls.value is not None and calls.taken_at is not None and pair.at - calls.taken_at > _CALLS_OLD_AFTER_S:
        calls = Reading(None, f"last told {pair.at - calls.taken_at:.0f} s ago", calls.taken_at)
    stopped = (s for s in pair.layout.services if "asterisk" in s)
    if calls.value is None and any(joined.service_state(pair, name, s) in ("stopped", "failed") for s in stopped):
        calls = Reading(0, None, pair.node(name).services.taken_at)
    return replace(traces, channels=calls)


# Both sides


class _Known(msgspec.Struct, frozen=True):
    """A side's identifiers and where they stand."""

    found: Identifiers
    evidence: Evidence


def _compared(pair: PairState, told: History) -> tuple[Comparison | None, tuple[Evidence, ...]]:
    """DRBD's comparison: from both sides' identifiers, else in the kernel's own word; and the evidence for it."""
    one, two = pair.layout.nodes
    first, second = _known(pair, told, one, two), _known(pair, told, two, one)
    said = _newest([w for name in (one, two) for w in told.since_connected(name) if w.event.kind == "uuid-compare"])
    evidence = tuple(known.evidence for known in (first, second) if known is not None)
    if said is not None:
        evidence += (quoted(said.line),)
    told_so = None if said is None else _told_so(said, one)
    if first is None or second is None:
        return told_so, evidence
    found = compare(first.found, second.found)
    # What was read before the sides met is older than the kernel's word; that ends with the next connection.
    return told_so if told_so is not None and told_so.diverged and not found.diverged else found, evidence


def _told_so(word: KernelWord, first: str) -> Comparison | None:
    """`uuid_compare()=` as the first side sees it; other results than these are about versions."""
    result = word.event.result
    if result not in (-1000, -100, -2, -1, 0, 1, 2, 100):
        return None
    # The sign of a resync is that of the node whose log it is.
    return Comparison(-result if word.line.node != first and abs(result) < 100 else result, word.event.rule or 0)


def _known(pair: PairState, told: History, name: str, peer: str) -> _Known | None:
    """By `drbdadm get-gi`; else by the newest kernel line of either node that has this side's identifiers."""
    reading = pair.node(name).gi
    if reading.value is not None and (found := of_get_gi(reading.value)) is not None:
        text = ":".join((reading.value.current, reading.value.bitmap, *reading.value.history))
        return _Known(found, Evidence("drbdadm get-gi", text, name, reading.taken_at))
    made = [word for word in told.since_connected(name) if word.event.kind == "new-uuid"]
    word = _newest(_handshakes(told, peer, "peer") + _handshakes(told, name, "self") + made)
    parsed = identifiers(word.event.uuids) if word is not None else None
    return _Known(parsed, quoted(word.line)) if word is not None and parsed is not None else None


def _handshakes(told: History, name: str, side: str) -> list[KernelWord]:
    """Lines in that node's log, since the sides parted, that tell one side's identifiers and bits."""
    return [word for word in told.since_connected(name) if word.event.kind == "uuids" and word.event.side == side]


def _newest(words: list[KernelWord]) -> KernelWord | None:
    """The newest; of those of one moment the last."""
    return max(reversed(words), key=lambda word: word.line.at, default=None)


def _no_split_brain(pair: PairState, found: Comparison | None, both_primary: bool) -> tuple[str, ...]:
    """Why nothing has to be given up, in a sentence; empty when something has to be, or it is not known."""
    one, two = pair.layout.nodes
    facts = tuple(node_facts(pair, node) for node in pair.nodes)
    if all(f.resource is not None and not f.cut_off for f in facts):
        return ("the sides are connected: nothing has to be given up",)
    disks = _disks(pair)
    if decided_by_disks(*disks):
        bad, good = (one, two) if disks[0] == "Inconsistent" else (two, one)
        return (f"the disk of {bad} is Inconsistent: it takes what {good} has, whatever the identifiers say",)
    if found is None or found.diverged or both_primary:
        return ()
    if found.unrelated:
        return ("the identifiers have nothing in common: by them, neither side is a copy of the other",)
    if found.result == 0:
        return (f"by the identifiers both sides have the same data (rule {found.rule}): a connection needs no resync",)
    ahead, behind = (one, two) if found.result > 0 else (two, one)
    return (
        f"by the identifiers this is no split brain (rule {found.rule}): {behind} has only what {ahead} had before, "
        f"and a connection resyncs it from {ahead}",
    )


def _disks(pair: PairState) -> tuple[str | None, str | None]:
    first, second = (joined.resource(node, pair.layout) for node in pair.nodes)
    return first.disk if first else None, second.disk if second else None

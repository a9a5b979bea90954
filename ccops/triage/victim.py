"""Whose changes to give up after a split brain: signs for keeping each side, and whether they decide.

A sign either decides or only hints. A victim is named when at least one sign decides for keeping its peer and none
speaks for keeping it; else nobody is, and the reasons say what speaks for whom and what is not known. The amount that
was changed decides nothing, unless it is zero: mounting a volume and starting MySQL write some by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from ccops.pair.model import Reading
from ccops.triage.finding import Side

# The loss of a connection is noticed late; what was written meanwhile may be on one side alone.
_NOTICE_S = 30.0
# A record that was old when the sides parted tells of nothing: it may not be kept up to date at all.
_STALE_S = 86_400.0
# A short time as Primary costs few calls, even if it is not known which.
_SHORT_S = 600.0
_SHORT_SHARE = 0.1
_OLD_AFTER_S = 90.0
# Services are stopped before the volume: nothing is recorded in the last seconds as Primary.
_STOPPING_S = 15.0
_KINDS = {
    "cdr": "last CDR",
    "queue_log": "last call in queue_log",
    "calls": "last call-center row",
    "recording": "newest recording",
}


class Standing(msgspec.Struct, frozen=True):
    """One side and what its choice needs besides.

    `parted_at`: when it lost its peer, by its own log if that tells; `now`: both in seconds since the epoch.
    `counted_now`: `side.only_here_kib` is what DRBD counts at this moment. `was_primary`: at the parting.
    `primary_s`: seconds as Primary since then. None where the log does not tell.
    """

    side: Side
    now: float
    parted_at: float | None = None
    counted_now: bool = False
    was_primary: bool | None = None
    primary_s: float | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.side.name

    @property
    def changed_nothing(self) -> bool:
        """True when DRBD counts, now, that nothing was changed here."""
        return self.counted_now and self.side.only_here_kib == 0

    @property
    def wrote(self) -> bool | None:
        """Whether its call centre recorded a call since the sides parted; None when the records do not tell."""
        told = [self.wrote_in(kind) for kind in _KINDS if self._is_kept(getattr(self.side.traces, kind))]
        if True in told:
            return True
        return None if None in told or not told else False

    @property
    def may_hold_calls(self) -> bool:
        """True when neither its records nor a short time as Primary say that little can be lost with it."""
        was_short = self.primary_s is not None and self.primary_s <= _SHORT_S
        return self.wrote is None and not was_short and not self.changed_nothing

    def wrote_in(self, kind: str) -> bool | None:
        """The same of one kind of record: a field of `Traces`."""
        reading: Reading[float] = getattr(self.side.traces, kind)
        if reading.value is None or self.parted_at is None:
            return None
        if reading.value > self.parted_at:
            return True
        near = reading.value > self.parted_at - _NOTICE_S and self.was_primary is not False
        return None if near or not self._is_kept(reading) or self._read_too_early(reading) else False

    def _is_kept(self, reading: Reading[float]) -> bool:
        """Whether that kind of record was written at all in the last day before the sides parted."""
        return reading.value is not None and reading.value >= (self.parted_at or 0.0) - _STALE_S

    def _read_too_early(self, reading: Reading[float]) -> bool:
        """Whether more could have been written after it was read: until it was Primary last."""
        last = self.side.primary[-1] if self.side.primary else None
        if last is None and self.side.is_primary is False:
            return False
        until = self.now - _OLD_AFTER_S if last is None or last.end is None else last.end - _STOPPING_S
        return reading.taken_at is None or reading.taken_at < until


class _Sign(msgspec.Struct, frozen=True):
    """Something that speaks for keeping a side."""

    keeps: str
    text: str
    decides: bool = False


def recommend(first: Standing, second: Standing, rule: int | None) -> tuple[str | None, tuple[str, ...]]:
    """The side whose changes to give up, or None, and the reasons. Which side comes first makes no difference.

    `rule`: that of DRBD's comparison (90 or 100), None when it is not known.
    """
    signs = [*_signs(first, second, rule), *_signs(second, first, rule)]
    kept = {sign.keeps for sign in signs}
    about = tuple(_amounts(first, second)) + tuple(line for side in (first, second) for line in _not_known(side))
    if len(kept) == 1 and any(sign.decides for sign in signs):
        victim = second if first.name in kept else first
        texts = sorted(signs, key=lambda sign: not sign.decides)
        return victim.name, (*(sign.text for sign in texts), *about, _before_giving_up(victim))
    return None, (*_undecided(signs, first.name, second.name), *about)


def _undecided(signs: list[_Sign], first: str, second: str) -> Iterator[str]:
    if not signs:
        yield "nothing that is known speaks for one side rather than the other"
    kept = {sign.keeps for sign in signs}
    for name in (first, second):
        for sign in signs:
            if sign.keeps == name:
                yield f"for keeping {name}: {sign.text}"
    if len(kept) == 2:
        yield "the signs contradict each other: choose by what each side's callers did, and copy the other's records"
    elif kept:
        yield f"that alone is not enough to give {second if first in kept else first} up"


# Signs for keeping one side and giving the other up


def _signs(keep: Standing, give_up: Standing, rule: int | None) -> Iterator[_Sign]:
    for sign in (
        _changed_nothing(keep, give_up, rule),
        _calls_up(keep, give_up),
        _records(keep, give_up),
        _never_primary(keep, give_up, rule),
        _serves(keep, give_up, rule),
    ):
        if sign is not None:
            yield sign


def _changed_nothing(keep: Standing, give_up: Standing, rule: int | None) -> _Sign | None:
    # With rule 100 the bitmap does not count from a common parent: its zero tells nothing.
    if not give_up.changed_nothing or keep.side.only_here_kib == 0 or rule == 100:
        return None
    text = f"{give_up.name} changed nothing since the sides parted (0 KiB by /proc/drbd): nothing is lost with it"
    return _Sign(keep.name, text, decides=True)


def _calls_up(keep: Standing, give_up: Standing) -> _Sign | None:
    here, there = keep.side.traces.channels.value, give_up.side.traces.channels.value
    if not here or there:
        return None
    if there is None:
        return _Sign(keep.name, f"{_count(here)} up now on {keep.name}; whether any are on {give_up.name} is not known")
    text = f"{_count(here)} up now on {keep.name}, and none on {give_up.name}"
    if give_up.may_hold_calls:
        return _Sign(keep.name, f"{text}; but it is not known what calls {give_up.name} recorded since they parted")
    return _Sign(keep.name, text, decides=True)


def _records(keep: Standing, give_up: Standing) -> _Sign | None:
    new = [kind for kind in _KINDS if keep.wrote_in(kind)]
    if not new:
        return None
    text = f"{keep.name} recorded calls since the sides parted ({_dates(keep, new)})"
    if give_up.wrote is True:
        return _Sign(keep.name, text)
    older = [kind for kind in new if give_up.wrote_in(kind) is False]
    if give_up.wrote is False and older:
        return _Sign(keep.name, f"{text}; {give_up.name} recorded none ({_dates(give_up, older)})", decides=True)
    return _Sign(keep.name, f"{text}; whether {give_up.name} did is not known")


def _never_primary(keep: Standing, give_up: Standing, rule: int | None) -> _Sign | None:
    was = keep.side.is_primary or bool(keep.primary_s)
    if give_up.primary_s != 0.0 or not was:
        return None
    text = f"{give_up.name} was never Primary since the sides parted, by its kernel log, and {keep.name} was"
    # A new generation is only begun by a Primary: with a common parent both must have been.
    if rule == 90:
        return _Sign(keep.name, f"{text}; but its identifiers say that it changed data")
    return _Sign(keep.name, text, decides=True)


def _serves(keep: Standing, give_up: Standing, rule: int | None) -> _Sign | None:
    if not keep.side.serves or give_up.side.serves is not False:
        return None
    text = f"{keep.name} serves now, and {give_up.name} does not"
    if keep.changed_nothing and give_up.changed_nothing and rule != 100:
        return _Sign(keep.name, f"{text}; neither changed anything (0 KiB by /proc/drbd)", decides=True)
    if give_up.wrote is False:
        return _Sign(keep.name, f"{text}, nor did it record a call since they parted", decides=True)
    if give_up.primary_s is None or keep.primary_s is None:
        return _Sign(keep.name, f"{text}; how long {give_up.name} was Primary since they parted is not known")
    if give_up.primary_s == 0.0:
        return _Sign(keep.name, text)
    times = f"{give_up.name} was Primary for {_span(give_up.primary_s)} since they parted"
    short = give_up.primary_s <= min(_SHORT_S, keep.primary_s * _SHORT_SHARE)
    if short:
        return _Sign(keep.name, f"{text}; {times}, {keep.name} for {_span(keep.primary_s)}", decides=True)
    return _Sign(keep.name, f"{text}; but {times}, {keep.name} for {_span(keep.primary_s)}")


# What is said in either case


def _amounts(first: Standing, second: Standing) -> Iterator[str]:
    counts = [(s.name, s.side.only_here_kib) for s in (first, second)]
    if first.wrote is False and second.wrote is False:
        yield "neither side recorded a call since they parted: no record of a call is lost with either"
    if all(kib for _, kib in counts):
        said = ", ".join(f"{kib} KiB only on {name}" for name, kib in counts)
        yield f"the amounts ({said}) do not decide: mounting and starting MySQL write some by themselves"
    for standing in (first, second):
        if standing.side.only_here_kib is None:
            yield f"how much is only on {standing.name} is not known: {standing.side.only_here_from}"
    if first.parted_at is None and second.parted_at is None:
        yield "when the sides parted is not in the logs: records and times as Primary cannot be weighed"


def _not_known(standing: Standing) -> Iterator[str]:
    """Which evidence of that side could not be read, by reason."""
    reasons: dict[str, list[str]] = {}
    traces = standing.side.traces
    for field, words in (*_KINDS.items(), ("channels", "calls up now")):
        reading = getattr(traces, field)
        if reading.value is None:
            reasons.setdefault(reading.problem or "not read", []).append(words)
    for reason, kinds in reasons.items():
        yield f"not known of {standing.name}: {', '.join(kinds)} ({reason})"


def _before_giving_up(victim: Standing) -> str:
    if victim.changed_nothing:
        return f"nothing has to be copied from {victim.name} first"
    copy = f"copy what only {victim.name} has before it is given up: CDR, queue_log, recordings, call-center rows"
    if victim.wrote is False:
        return f"{copy}; its records show no call since the sides parted"
    return f"{copy}; it {'holds' if victim.wrote else 'may hold'} calls"


def _dates(standing: Standing, kinds: list[str]) -> str:
    return ", ".join(f"{_KINDS[kind]} {_moment(standing, kind)}" for kind in kinds)


def _moment(standing: Standing, kind: str) -> str:
    reading: Reading[float] = getattr(standing.side.traces, kind)
    said = _local(reading.value or 0.0, "%Y-%m-%d %H:%M:%S")
    if reading.taken_at is None or standing.now - reading.taken_at <= _OLD_AFTER_S:
        return said
    return f"{said} as read at {_local(reading.taken_at, '%H:%M:%S')}"


def _local(at: float, form: str) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime(form)


def _count(calls: int) -> str:
    return f"{calls} call{'s are' if calls != 1 else ' is'}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

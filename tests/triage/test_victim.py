"""Whose changes to give up: each sign alone, signs that contradict each other, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from ccops.pair.model import Reading
from ccops.triage.finding import Period, Side, Traces
from ccops.triage.victim import Standing, recommend

NOW = 1_764_000_000.0
PARTED = NOW - 7200
BEFORE, AFTER = PARTED - 3600, PARTED + 3600
NONE: Reading[float] = Reading(None, "not mounted here", NOW)


def at(date: float | None, taken_at: float = NOW) -> Reading[float]:
    return NONE if date is None else Reading(date, None, taken_at)


def side(name: str, *, kib: int | None = 3000, calls: int | None = None, **more: Any) -> Standing:
    """A side that served all the time, wrote some, and of whose calls nothing is known: unless told otherwise."""
    records = {kind: at(more.pop(kind, None)) for kind in ("cdr", "queue_log", "calls", "recording")}
    channels: Reading[int] = Reading(None, "no AMI user") if calls is None else Reading(calls, None, NOW)
    of_side = {"is_primary": True, "serves": True, "primary": (Period(None, None),)}
    of_side |= {key: more.pop(key) for key in ("is_primary", "serves", "primary") if key in more}
    standing = {"parted_at": PARTED, "counted_now": True, "was_primary": True, "primary_s": 7200.0, **more}
    traces = Traces(**records, channels=channels)
    return Standing(Side(name, only_here_kib=kib, only_here_from="x", traces=traces, **of_side), NOW, **standing)


def down(name: str, seconds: float = 47.0, **more: Any) -> Standing:
    """A side that took over as they parted, and serves no more."""
    primary = (Period(PARTED + 10, PARTED + 10 + seconds),)
    given = {"is_primary": False, "serves": False, "primary": primary, "was_primary": False, "primary_s": seconds}
    return side(name, **{**given, **more})


def chosen(one: Standing, two: Standing, rule: int | None = 90) -> tuple[str | None, str]:
    """The victim and all reasons; the same whichever side comes first."""
    victim, reasons = recommend(one, two, rule)
    other, mirrored = recommend(two, one, rule)
    assert victim == other
    assert {r for r in reasons if "amounts" not in r} == {r for r in mirrored if "amounts" not in r}
    assert all(reason == reason.strip() and reason for reason in reasons)
    return victim, "\n".join(reasons)


def test_amounts_alone_decide_nothing() -> None:
    victim, why = chosen(side("one", kib=4), side("two", kib=2_000_000))
    assert victim is None
    assert "do not decide" in why
    assert "nothing that is known speaks for one side" in why


# Nothing was changed


def test_a_side_that_changed_nothing_is_given_up_and_nothing_is_lost() -> None:
    victim, why = chosen(side("one"), side("two", kib=0))
    assert victim == "two"
    assert "two changed nothing since the sides parted (0 KiB by /proc/drbd): nothing is lost with it" in why
    assert "nothing has to be copied from two first" in why


def test_zero_at_an_earlier_handshake_is_not_zero_now() -> None:
    assert chosen(side("one"), side("two", kib=0, counted_now=False))[0] is None


def test_zero_counts_from_nothing_when_there_is_no_common_parent() -> None:
    assert chosen(side("one"), side("two", kib=0), rule=100)[0] is None
    assert chosen(side("one", kib=0), down("two", kib=0, seconds=3000), rule=100)[0] is None


def test_of_two_that_changed_nothing_the_one_that_serves_is_kept() -> None:
    assert chosen(side("one", kib=0), side("two", kib=0))[0] is None
    victim, why = chosen(side("one", kib=0), down("two", seconds=7000, kib=0))
    assert victim == "two"
    assert "neither changed anything" in why


def test_an_unknown_amount_is_not_zero() -> None:
    victim, why = chosen(side("one"), side("two", kib=None))
    assert victim is None
    assert "how much is only on two is not known: x" in why


# Calls up now


def test_the_side_on_which_calls_are_up_is_kept() -> None:
    victim, why = chosen(side("one", calls=14), down("two", calls=0))
    assert victim == "two"
    assert "14 calls are up now on one, and none on two" in why
    assert "copy what only two has before it is given up" in why
    assert "it may hold calls" in why


def test_calls_up_do_not_decide_against_hours_of_unread_records() -> None:
    victim, why = chosen(side("one", calls=1), side("two", calls=0))
    assert victim is None
    assert "1 call is up now on one, and none on two; but it is not known what calls two recorded" in why
    assert chosen(side("one", calls=1), side("two", calls=0, cdr=BEFORE))[0] == "two"


def test_calls_not_known_are_not_none() -> None:
    victim, why = chosen(side("one", calls=14), down("two", seconds=3000))
    assert victim is None
    assert "whether any are on two is not known" in why
    assert "not known of two: calls up now (no AMI user)" in why


def test_calls_on_both_speak_for_neither() -> None:
    victim, why = chosen(side("one", calls=14), side("two", calls=1))
    assert victim is None
    assert "nothing that is known speaks" in why


# Records


def test_the_side_with_records_since_they_parted_is_kept() -> None:
    victim, why = chosen(side("one", cdr=AFTER, queue_log=AFTER), side("two", cdr=BEFORE, queue_log=BEFORE))
    assert victim == "two"
    assert "one recorded calls since the sides parted (last CDR " in why
    assert "; two recorded none (last CDR " in why
    assert "its records show no call since the sides parted" in why


def test_records_on_both_contradict_each_other() -> None:
    victim, why = chosen(side("one", cdr=AFTER), side("two", recording=AFTER, cdr=BEFORE))
    assert victim is None
    assert "for keeping one: one recorded calls since the sides parted (last CDR" in why
    assert "for keeping two: two recorded calls since the sides parted (newest recording" in why
    assert "is not known" not in why
    assert "contradict each other" in why


def test_records_that_cannot_be_read_weaken_the_others() -> None:
    victim, why = chosen(side("one", cdr=AFTER), down("two", seconds=3000))
    assert victim is None
    assert "whether two did is not known" in why
    assert "not known of two: last CDR, last call in queue_log, last call-center row, newest recording" in why
    # Another kind of record than the one that is new on the other side tells too little.
    assert chosen(side("one", cdr=AFTER), side("two", recording=BEFORE))[0] is None


def test_what_was_written_just_before_the_loss_was_noticed_may_be_on_one_side_alone() -> None:
    assert chosen(side("one", cdr=AFTER), side("two", cdr=PARTED - 5))[0] is None
    # Who was not Primary then has it from its peer.
    assert chosen(side("one", cdr=AFTER), side("two", cdr=PARTED - 5, was_primary=False))[0] == "two"


def test_a_record_that_was_old_when_they_parted_tells_nothing() -> None:
    assert chosen(side("one", cdr=AFTER), side("two", cdr=PARTED - 100_000))[0] is None
    both = side("two", cdr=BEFORE, queue_log=PARTED - 10_000_000)
    assert chosen(side("one", cdr=AFTER), both)[0] == "two"


def test_what_was_read_before_the_side_stopped_writing_does_not_tell_that_nothing_came_after() -> None:
    def read_at(when: float, seconds: float) -> Standing:
        base = down("two", seconds=seconds)
        traces = Traces(cdr=Reading(BEFORE, None, when), channels=Reading(0, None, NOW))
        return Standing(
            Side("two", False, False, 3000, "x", base.side.primary, (), traces), NOW, PARTED, True, False, seconds
        )

    assert chosen(side("one", cdr=AFTER), read_at(PARTED + 2980, seconds=3000))[0] is None
    victim, why = chosen(side("one", cdr=AFTER), read_at(PARTED + 3000, seconds=3000))
    assert victim == "two"
    assert " as read at " in why


def test_without_the_moment_of_parting_no_record_tells_anything() -> None:
    unknown = {"parted_at": None, "was_primary": None, "primary_s": None}
    victim, why = chosen(side("one", cdr=AFTER, **unknown), side("two", cdr=BEFORE, **unknown))
    assert victim is None
    assert "when the sides parted is not in the logs" in why


def test_that_neither_recorded_a_call_is_said() -> None:
    victim, why = chosen(side("one", cdr=BEFORE), side("two", cdr=BEFORE))
    assert victim is None
    assert "neither side recorded a call since they parted" in why


# Roles


def test_a_side_that_was_never_primary_since_is_given_up() -> None:
    never = down("two", seconds=0.0, primary=())
    victim, why = chosen(side("one"), never, rule=None)
    assert victim == "two"
    assert "two was never Primary since the sides parted, by its kernel log, and one was" in why
    # Identifiers with a common parent say that both began a generation: then the log lacks something.
    victim, why = chosen(side("one"), never, rule=90)
    assert victim is None
    assert "but its identifiers say that it changed data" in why


def test_a_side_whose_log_does_not_reach_back_may_have_been_primary() -> None:
    assert chosen(side("one"), down("two", primary=(), primary_s=None), rule=None)[0] is None


@pytest.mark.parametrize(
    ("mine", "theirs", "victim"),
    [
        (7200.0, 47.0, "two"),
        (7200.0, 600.0, "two"),
        (7200.0, 601.0, None),  # too long to be little
        (61.0, 47.0, None),  # too near to each other
        (36_000.0, 3000.0, None),
    ],
)
def test_serving_now_decides_only_against_a_short_time_as_primary(
    mine: float, theirs: float, victim: str | None
) -> None:
    found, why = chosen(side("one", primary_s=mine), down("two", seconds=theirs))
    assert found == victim
    assert "one serves now, and two does not" in why


def test_serving_now_decides_when_the_other_recorded_no_call() -> None:
    victim, why = chosen(side("one"), down("two", seconds=3000, queue_log=BEFORE))
    assert victim == "two"
    assert "nor did it record a call since they parted" in why


def test_that_one_is_not_known_to_serve_is_no_sign() -> None:
    assert "serves now" not in chosen(side("one"), down("two", serves=None))[1]
    assert "serves now" not in chosen(side("one", serves=None), down("two"))[1]


# Contradictions


@pytest.mark.parametrize(
    ("one", "two", "for_one", "for_two"),
    [
        (side("one", calls=14), side("two", calls=0, cdr=AFTER), "14 calls are up", "two recorded calls"),
        (side("one", kib=0, calls=3), side("two", calls=0), "3 calls are up", "one changed nothing"),
        (side("one"), down("two", cdr=AFTER), "one serves now", "two recorded calls"),
        (
            side("one", cdr=AFTER),
            side("two", cdr=BEFORE, calls=2),
            "one recorded calls",
            "2 calls are up now on two; whether any are on one is not known",
        ),
    ],
)
def test_signs_that_contradict_each_other_name_nobody(one: Standing, two: Standing, for_one: str, for_two: str) -> None:
    victim, why = chosen(one, two)
    assert victim is None
    assert f"for keeping one: {for_one}" in why
    assert f"for keeping two: {for_two}" in why
    assert "contradict each other" in why


def test_signs_that_agree_are_all_told_the_deciding_ones_first() -> None:
    one = side("one", calls=9, cdr=AFTER)
    two = down("two", seconds=3000, calls=0, cdr=BEFORE)
    victim, reasons = recommend(one, two, 90)
    assert victim == "two"
    assert ["calls are up" in reasons[0], "recorded calls" in reasons[1], "serves now" in reasons[2]] == [True] * 3
    assert reasons[-1].startswith("copy what only two has")

"""When a campaign runs, and what its rows give: midnight, unknown dates, anything in any cell."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.callcentre import campaign_rows
from ccops.callcentre.board import board
from ccops.callcentre.campaigns import Campaign, Progress, Schedule, clock, idle, local_moment, overlap, rivals, why_not
from tests.callcentre import campaign_day as day
from tests.callcentre.campaign_day import check_board

TODAY = date(2026, 11, 26)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def campaign(
    opens: int | None, closes: int | None, status: str = "A", direction: str = "out", **more: date
) -> Campaign:
    dates = {"first": YEAR[0], "last": YEAR[1], **more}
    return Campaign(direction, 1, "one", "400", status, Schedule(opens=opens, closes=closes, **dates))  # type: ignore[arg-type]


def second(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


@pytest.mark.parametrize(
    ("hours", "direction", "runs", "rests"),
    [
        (("08:00:00", "18:00:00"), "out", ["08:00:00", "12:00:00", "18:00:00"], ["07:59:59", "18:00:01", "00:00:00"]),
        (("08:00:00", "18:00:00"), "in", ["08:00:00", "17:59:59"], ["07:59:59", "18:00:00"]),
        (("22:00:00", "06:00:00"), "out", ["22:00:00", "23:59:59", "00:00:00", "06:00:00"], ["21:59:59", "06:00:01"]),
        (("22:00:00", "06:00:00"), "in", ["22:00:00", "00:00:00", "05:59:59", "06:00:00"], ["12:00:00", "06:00:01"]),
        (("00:00:00", "23:59:59"), "out", ["00:00:00", "23:59:59"], []),
        (("10:00:00", "10:00:00"), "out", [], ["10:00:00", "09:59:59"]),
    ],
)
def test_hours(hours: tuple[str, str], direction: str, runs: list[str], rests: list[str]) -> None:
    one = campaign(second(hours[0]), second(hours[1]), direction=direction)
    assert [why_not(one, (TODAY, second(at))) for at in runs] == [""] * len(runs)
    assert all(why_not(one, (TODAY, second(at))) for at in rests)


def test_why_it_does_not_run() -> None:
    at = (TODAY, second("12:00:00"))
    assert why_not(campaign(0, 86_399, "I"), at) == "stopped"
    assert why_not(campaign(0, 86_399, "T"), at) == "finished: no call is left to be made"
    assert why_not(campaign(0, 86_399, "?"), at) == "its status '?' is none that is known"
    assert why_not(campaign(0, 86_399, last=date(2026, 11, 25)), at) == "ended on 2026-11-25"
    assert why_not(campaign(0, 86_399, last=TODAY), at) == ""
    assert why_not(campaign(0, 86_399, first=date(2026, 11, 27)), at) == "begins on 2026-11-27"
    assert why_not(campaign(28_800, 36_000), at) == "outside 08:00 to 10:00"
    assert why_not(campaign(28_830, 28_830), at) == "it has no hours: 08:00:30 to 08:00:30"
    assert why_not(campaign(None, 36_000), at) == "its hours are not known"
    unknown = Campaign("in", 1, "one", "400", "A", Schedule(None, None, 0, 1))
    assert why_not(unknown, at) == "its dates are not known"
    assert clock(None) == "?"
    assert local_moment(day.at(15, 30), day.OFFSET_S) == (TODAY, 15 * 3600 + 1800)
    assert local_moment(day.at(24), day.OFFSET_S) == (TODAY + timedelta(days=1), 0)


def test_two_for_one_queue() -> None:
    at = (TODAY, 43_200)
    first, second_ = campaign(0, 86_399, direction="in"), campaign(0, 86_399, direction="in")
    second_ = Campaign("in", 2, "two", "400", "A", second_.schedule)
    assert rivals([first, second_], at) == {"in:1": "two", "in:2": "one"}
    assert rivals([first, Campaign("in", 2, "two", "400", "I", second_.schedule)], at) == {}
    assert rivals([first, Campaign("in", 2, "two", "401", "A", second_.schedule)], at) == {}
    assert rivals([campaign(0, 86_399), second_], at) == {}, "an outgoing one has its queue for itself"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("08:00:00", "12:00:00"), ("12:00:00", "18:00:00"), False),
        (("08:00:00", "12:00:01"), ("12:00:00", "18:00:00"), True),
        (("22:00:00", "06:00:00"), ("06:00:00", "22:00:00"), False),
        (("22:00:00", "06:00:00"), ("05:00:00", "07:00:00"), True),
        (("22:00:00", "06:00:00"), ("23:00:00", "01:00:00"), True),
    ],
)
def test_hours_that_overlap(one: tuple[str, str], other: tuple[str, str], together: bool) -> None:
    first, second_ = (campaign(*map(second, hours)).schedule for hours in (one, other))
    assert overlap(first, second_) is overlap(second_, first) is together
    apart = Schedule(date(2027, 1, 1), date(2027, 2, 1), second_.opens, second_.closes)
    assert not overlap(first, apart)
    assert overlap(first, Schedule(None, None, None, None))


def test_why_nobody_is_called() -> None:
    assert idle(None) == ""
    assert idle(Progress({"": 1}, again=1)) == ""
    assert idle(Progress({})) == "it has no numbers"
    assert idle(Progress({"Success": 2, "Paused": 3}, paused=3)) == (
        "nobody is left to be called, and 3 are in lists that are stopped"
    )
    assert idle(Progress({"Success": 1, "Ringing": 1})) == ""


def test_the_board_of_the_day() -> None:
    check_board(board(day.audit_rows(), day.MIDNIGHT, day.NOW, day.STARTED_AT))


def test_no_midnight_for_who_is_logged_in_through_it() -> None:
    """One who logged in at 20:00 is logged in at 00:10, since 20:00, and for 10 minutes of today."""
    rows = [row for row in day.audit_rows() if row["id"] == 3]
    rows[0]["ended"] = None
    (ana,) = board(rows, day.MIDNIGHT, day.at(0, 10), None).people
    assert (ana.since, ana.logged_in_s, ana.open_sessions) == (day.at(-4), 600.0, 1)
    assert board(day.audit_rows()[2:3], day.at(24), day.at(25), None).people == ()


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.binary(max_size=9), st.dates(),
    st.timedeltas(), st.decimals(), st.just(Decimal("NaN")),
)  # fmt: skip
NAMES = (
    *("id", "name", "queue", "status", "first", "last", "opens", "closes", "trunk", "channels", "retries", "hold"),
    *("queue_id", "queue_status", "direction", "campaign", "since", "agent", "agentnum", "agent_name", "number", "n"),
    *("attempts", "again", "barred", "old", "talk_sum", "talk_n", "wait_sum", "wait_n", "at", "ended", "wait", "talk"),
    *("cause", "cause_text", "began", "pause", "kind"),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional={name: anything for name in NAMES}), max_size=4))
def test_any_cell_gives_a_value(rows: list[dict[str, object]]) -> None:
    at = (TODAY, 43_200)
    for one in campaign_rows.campaigns(rows):
        assert isinstance(why_not(one, at), str)
    campaign_rows.links(rows, 5.0)
    progress = campaign_rows.outgoing(rows)
    assert progress.lost >= 0
    for each in (progress, *campaign_rows.incoming(rows).values()):
        assert each.contact is None or 0 <= each.contact <= 1
        assert each.answered is None or 0 <= each.answered <= 1
    for call in campaign_rows.calls(rows, 5.0):
        assert "\x1b" not in call.number + call.status + call.cause
    found = board(rows, 0.0, 1e9, 5.0)
    assert all(person.logged_in_s >= 0 for person in found.people)

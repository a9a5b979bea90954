"""Figures against those computed by hand in `service_day`, from both sources, and at every edge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.periods import Period, local_day, parse_day, whole_days
from ccops.callcentre.queue_log import parse_queue_log
from ccops.callcentre.queue_log_calls import fold_queue_log
from ccops.callcentre.records import CallRecord, Presence, Records
from ccops.callcentre.service_times import BY, By, Figures, Question, Report, report
from tests.callcentre import service_day as day


def from_module() -> Records:
    return read_rows(day.call_rows(), day.presence_rows())


def from_log() -> Records:
    events, bad = parse_queue_log(day.queue_log())
    return fold_queue_log(events, bad, names=day.NAMES)


SOURCES = pytest.mark.parametrize("records", [from_module(), from_log()], ids=["module", "log"])


def ask(by: By, **changes: object) -> Question:
    found = Question(day.PERIOD, day.NOW, by, levels=day.LEVELS, started_at=day.STARTED_AT)
    return replace(found, **changes)


def lines(found: Report) -> dict[str, Figures]:
    return {line.key: line for line in found.lines}


@SOURCES
def test_queues(records: Records) -> None:
    found = lines(report(records, ask("queue")))
    assert list(found) == ["400", "401"]
    first, second = found["400"], found["401"]
    assert (first.offered, first.handled, first.abandoned, first.short) == (4, 3, 1, 0)
    assert first.service_level == 2 / 4
    assert first.asa_s == pytest.approx(65 / 3)
    assert first.aht_s == pytest.approx(230 / 3)
    assert first.longest_wait_s == 40
    assert (second.offered, second.handled, second.abandoned, second.short) == (3, 2, 1, 1)
    assert second.service_level == 2 / 3
    assert (second.asa_s, second.aht_s, second.longest_wait_s) == (12.5, 54, 60)
    assert first.logged_in_s is None  # agents are not logged in to one queue
    assert second.exited == (1 if records.origin == "log" else None)


@SOURCES
def test_total(records: Records) -> None:
    total = report(records, ask("queue")).total
    assert (total.offered, total.handled, total.abandoned, total.short) == (7, 5, 2, 1)
    assert total.service_level == 4 / 7
    assert (total.asa_s, total.aht_s) == (18, pytest.approx(67.6))
    assert (total.logged_in_s, total.break_s) == (18_000 + 7_200, 1_800 + 600)
    assert total.occupancy == pytest.approx((298 + 10) / (16_200 + 6_610))


@SOURCES
def test_agents(records: Records) -> None:
    found = report(records, ask("agent"))
    assert [line.label for line in found.lines] == ["Ana Torres", "Luis Vera"]
    ana, luis = found.lines
    assert (ana.handled, ana.offered, ana.abandoned) == (4, None, None)
    assert (ana.asa_s, ana.aht_s) == (17.5, 59.5)
    assert (ana.logged_in_s, ana.break_s, ana.breaks) == (18_000, 1_800, {"Almuerzo": 1_800})
    assert ana.occupancy == pytest.approx(298 / 16_200)
    assert (luis.handled, luis.logged_in_s, luis.breaks) == (1, 7_200, {"Baño": 600})
    assert luis.occupancy == pytest.approx(10 / 6_610)


@SOURCES
def test_hours(records: Records) -> None:
    found = report(records, ask("hour"))
    hours = lines(found)
    assert [line.key for line in found.lines] == [f"{hour:02d}:00" for hour in range(24)]
    assert {key: line.offered for key, line in hours.items() if line.offered} == {
        "08:00": 1, "09:00": 3, "11:00": 2, "23:00": 1,
    }  # fmt: skip
    assert hours["09:00"].occupancy == pytest.approx((120 + 60 + 8) / 3600)
    assert (hours["10:00"].logged_in_s, hours["10:00"].break_s) == (3600, 1800)
    assert (hours["00:00"].logged_in_s, hours["00:00"].occupancy) == (3600, pytest.approx(60 / 3600))
    assert hours["05:00"].logged_in_s is None
    assert hours["13:00"].logged_in_s is None, "a log-in that was lost counts nowhere"


@SOURCES
def test_across_midnight(records: Records) -> None:
    three = whole_days(day.DAY - timedelta(days=1), day.DAY + timedelta(days=1), day.OFFSET_S)
    found = lines(report(records, ask("day", period=three)))
    assert {key: line.offered for key, line in found.items()} == {"2026-11-25": 1, "2026-11-26": 7, "2026-11-27": 0}
    before, _, after = found.values()
    assert (before.logged_in_s, before.break_s) == (3600, 0)
    assert before.occupancy == pytest.approx(30 / 3600)
    assert (after.logged_in_s, after.break_s) == (7200, 600)
    assert after.occupancy == pytest.approx(90 / 6690)
    assert sum(line.logged_in_s or 0 for line in found.values()) == 2 * 3600 + 4 * 3600 + 4 * 3600


@SOURCES
def test_what_was_lost_stands_apart(records: Records) -> None:
    found = report(records, ask("queue"))
    assert [(call.queue, call.entered_at) for call in found.lost_calls] == [("400", day.MIDNIGHT + day.hms("14:04:50"))]
    assert [(each.agent, each.began_at, each.pause) for each in found.lost_presences] == [
        (day.LUIS, day.MIDNIGHT + day.hms("13:00:00"), None)
    ]
    assert all(call.outcome != "lost" for call in found.calls)


@SOURCES
def test_one_queue(records: Records) -> None:
    found = report(records, ask("agent", queue="401"))
    assert {line.key: line.handled for line in found.lines} == {day.ANA: 1, day.LUIS: 1}
    assert found.total.offered == 3
    assert found.total.logged_in_s is None
    assert report(records, ask("hour", queue="401")).lines[0].key == "09:00"


def test_both_sources_agree_on_every_figure() -> None:
    for by in BY:
        for queue in (None, "400", "401"):
            module, log = (report(records, ask(by, queue=queue)) for records in (from_module(), from_log()))
            for ours, theirs in zip((*module.lines, module.total), (*log.lines, log.total), strict=True):
                assert ours == replace(theirs, exited=None), (by, queue)
            assert len(module.calls) == len(log.calls)
            for one, other in zip(module.calls, log.calls, strict=True):
                assert one == replace(other, exit="")


def test_what_is_open_counts_up_to_now() -> None:
    at = day.MIDNIGHT
    calls = (
        CallRecord("1", "400", at + 100, "waiting"),
        CallRecord("2", "400", at + 100, "talking", agent="A", answered_at=at + 110, wait_s=10),
    )
    records = Records("module", calls, (Presence("A", at + 60), Presence("A", at + 160, pause="Lunch")))
    line = report(records, ask("queue", now=at + 260, started_at=None)).total
    assert (line.offered, line.handled, line.waiting, line.talking, line.abandoned) == (2, 1, 1, 1, 0)
    assert line.longest_wait_s == 160
    assert line.aht_s is None, "a talk that goes on has no length yet"
    assert (line.logged_in_s, line.break_s) == (200, 100)
    assert line.occupancy == pytest.approx(150 / 200), "the break began while talking"


def test_open_rows_of_before_the_start_are_lost() -> None:
    at = day.MIDNIGHT
    records = Records(
        "module",
        (CallRecord("1", "400", at + 100, "waiting"), CallRecord("2", "400", at + 300, "waiting")),
        (Presence("A", at + 60), Presence("A", at + 210)),
    )
    found = report(records, ask("queue", now=at + 310, started_at=at + 200))
    assert [call.uniqueid for call in found.lost_calls] == ["1"]
    assert found.total.offered == 1
    assert found.total.logged_in_s == 100
    assert [each.began_at for each in found.lost_presences] == [at + 60]


def test_without_a_service_level_none_is_told() -> None:
    assert report(from_log(), ask("queue", levels={})).total.service_level is None
    assert report(from_log(), ask("queue", levels={"400": 20.0})).total.service_level == 2 / 4
    assert report(from_log(), ask("queue", level_s=4.0)).total.service_level == 0
    assert report(from_log(), ask("queue", short_s=55)).total.short == 2


def test_nothing_at_all() -> None:
    found = report(Records("log"), ask("hour"))
    assert found.lines == ()
    assert (found.total.offered, found.total.asa_s, found.total.service_level) == (0, None, None)


def test_days() -> None:
    today = local_day(day.NOW, day.OFFSET_S)
    assert parse_day("yesterday", today) == day.DAY
    assert parse_day("-1", today) == day.DAY
    assert parse_day("2026-11-26", today) == day.DAY
    for wrong in ("", "26.11.2026", "2026-02-30", "-99999", "0000-00-00", "-9999\x1b"):
        assert isinstance(parse_day(wrong, today), str), wrong
    assert Period(0, 0, 0).title == "1970-01-01"
    assert day.PERIOD.title == "2026-11-26"
    assert day.PERIOD.clock(day.MIDNIGHT + 59) == "2026-11-26 00:00:59"
    half = whole_days(day.DAY, day.DAY, 19_800)  # India: half an hour off
    assert (half.day(half.start), half.hour(half.start), half.hour(half.start - 1)) == ("2026-11-26", "00:00", "23:00")

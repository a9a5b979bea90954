"""queue_log of Asterisk 1.4 to 22, line by line; and whatever else may stand in such a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.callcentre.call_details import add_details
from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.queue_log import AGENT_EVENTS, CALL_EVENTS, BadLine, LogEvent, parse_line, parse_queue_log
from ccops.callcentre.queue_log_calls import fold_queue_log
from ccops.callcentre.records import CallRecord, Presence, Records
from ccops.callcentre.service_times import BY, Question, report
from tests.callcentre import service_day as day

T = 1_700_000_000


def fold(text: str, **window: Any) -> Records:
    events, bad = parse_queue_log(text)
    return fold_queue_log(events, bad, **window)


def call(*lines: str) -> CallRecord:
    found = fold("\n".join(lines)).calls
    assert len(found) == 1, found
    return found[0]


ENTER = f"{T}|{T}.1|400|NONE|ENTERQUEUE||0991234567"


@pytest.mark.parametrize(
    ("end", "talk"),
    [
        (f"{T + 70}|{T}.1|400|Agent/9000|COMPLETEAGENT|10|60|1", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|COMPLETECALLER|10|60", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|TRANSFER|300|from-internal|10|60", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|TRANSFER|300|from-internal|10|60|1", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|BLINDTRANSFER|300|from-internal|10|60|1", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|ATTENDEDTRANSFER|BRIDGE|5f1b-2|10|60|1", 60),
        (f"{T + 70}|{T}.1|400|Agent/9000|ATTENDEDTRANSFER|LINK|SIP/1-1|SIP/2-1|10|60|1", 60),
    ],
)
@pytest.mark.parametrize("connect", ["10|1700000000.2", "10|1700000000.2|7"])
def test_answered(end: str, talk: float, connect: str) -> None:
    found = call(ENTER, f"{T + 10}|{T}.1|400|Agent/9000|CONNECT|{connect}", end)
    assert (found.outcome, found.wait_s, found.talk_s, found.agent) == ("completed", 10, talk, "Agent/9000")
    assert (found.entered_at, found.answered_at, found.ended_at, found.number) == (T, T + 10, T + 70, "0991234567")
    # The end alone tells as much, where the beginning was not read; an attended transfer's wait stands before its talk.
    assert call(end) == CallRecord(f"{T}.1", "400", T, "completed", "", "Agent/9000", T + 10, T + 70, 10, talk)


@pytest.mark.parametrize(
    ("end", "exit"),
    [
        ("ABANDON|1|1|30", ""),
        ("EXITWITHTIMEOUT|1", "timeout"),
        ("EXITWITHTIMEOUT|1|1|30", "timeout"),
        ("EXITWITHKEY|9|1", "key"),
        ("EXITWITHKEY|9|1|1|30", "key"),
        ("EXITEMPTY|1|1|30", "empty"),
    ],
)
def test_unanswered(end: str, exit: str) -> None:
    found = call(ENTER, f"{T + 30}|{T}.1|400|NONE|{end}")
    assert (found.outcome, found.wait_s, found.exit, found.agent) == ("abandoned", 30, exit, "")


def test_the_rest_of_a_call_that_was_not_read() -> None:
    assert call(f"{T + 30}|{T}.1|400|NONE|ABANDON|1|1|30").entered_at == T
    assert call(f"{T + 30}|{T}.1|400|SIP/1|CONNECT|12|x|3").entered_at == T + 18
    assert fold(f"{T + 30}|{T}.1|400|NONE|EXITWITHTIMEOUT|1").calls == ()


def test_a_caller_who_is_moved_is_two_passages() -> None:
    found = fold(f"{ENTER}\n{T + 9}|{T}.1|401|NONE|ENTERQUEUE||0991234567|1\n").calls
    assert [(c.queue, c.outcome, c.exit) for c in found] == [("400", "abandoned", "moved"), ("401", "waiting", "")]


def test_a_start_of_asterisk_loses_what_was_open() -> None:
    found = fold(
        f"{ENTER}\n{T + 1}|NONE|400|SIP/1|ADDMEMBER|\n{T + 2}|NONE|400|SIP/1|PAUSE|Lunch\n"
        f"{T + 3}|NONE|400|SIP/2|ADDMEMBER|\n{T + 3}|NONE|400|SIP/4|ADDMEMBER|\n"
        f"{T + 9}|NONE|NONE|NONE|QUEUESTART|\n{T + 12}|{T}.7|400|SIP/4|CONNECT|3|x|1\n"
        f"{T + 20}|NONE|400|SIP/2|REMOVEMEMBER|\n"
    )
    assert [c.outcome for c in found.calls] == ["lost", "talking"]
    lost = [(p.agent, p.pause) for p in found.presences if p.lost]
    assert sorted(lost, key=str) == [("SIP/1", "Lunch"), ("SIP/1", None)]
    assert Presence("SIP/2", T + 3, T + 20) in found.presences, "a persistent member stays through a start"
    assert Presence("SIP/4", T + 3) in found.presences, "a call shows that they are still there"


def test_log_ins() -> None:
    text = (
        f"{T}|NONE|NONE|Agent/9000|AGENTLOGIN|SIP/7-1\n{T + 10}|NONE|400|Agent/9000|PAUSE|Lunch\n"
        f"{T + 10}|NONE|401|Agent/9000|PAUSE|Lunch\n{T + 20}|NONE|400|Agent/9000|UNPAUSE|\n"
        f"{T + 30}|NONE|NONE|Agent/9000|UNPAUSEALL|\n{T + 40}|NONE|NONE|Agent/9000|PAUSEALL|Bath\n"
        f"{T + 50}|NONE|NONE|Agent/9000|AGENTLOGOFF|SIP/7-1|50\n"
        f"{T + 60}|NONE|NONE|Agent/9001|AGENTCALLBACKLOGIN|300@default\n"
        f"{T + 90}|NONE|NONE|Agent/9001|AGENTCALLBACKLOGOFF|300@default|30|CommandLogoff\n"
        f"{T + 99}|NONE|NONE|Agent/9002|AGENTLOGOFF|SIP/8-1|900\n{T + 99}|NONE|400|SIP/3|REMOVEMEMBER|\n"
    )
    found = set(fold(text, since=T - 5_000).presences)
    assert found == {
        Presence("Agent/9000", T, T + 50),
        Presence("Agent/9000", T + 10, T + 30, "Lunch"),
        Presence("Agent/9000", T + 40, T + 50, "Bath"),
        Presence("Agent/9001", T + 60, T + 90),
        Presence("Agent/9002", T - 801, T + 99),
        Presence("SIP/3", T - 5_000, T + 99),
    }


def test_a_member_of_two_queues_is_there_until_the_last_is_left() -> None:
    text = "".join(
        f"{T + at}|NONE|{queue}|SIP/1|{event}|\n"
        for at, queue, event in ((0, "400", "ADDMEMBER"), (5, "401", "ADDMEMBER"), (9, "400", "REMOVEMEMBER"))
    )
    assert fold(text).presences == (Presence("SIP/1", T),)
    assert fold(text, until=T + 60).presences == (Presence("SIP/1", T, T + 60),), "of the past it is read no further"
    assert fold(f"{text}{T + 20}|NONE|401|SIP/1|REMOVEMEMBER|").presences == (Presence("SIP/1", T, T + 20),)


def test_a_members_name_and_interface_are_one_agent() -> None:
    text = (
        f"{T}|NONE|400|SIP/1|ADDMEMBER|\n{T}|NONE|400|Ana|PAUSE|Lunch\n{T + 5}|NONE|400|Ana|UNPAUSE|\n"
        f"{ENTER}\n{T + 10}|{T}.1|400|Ana|CONNECT|10|x|3\n{T + 30}|{T}.1|400|Ana|COMPLETECALLER|10|20|1\n"
        f"{T + 60}|NONE|400|SIP/1|REMOVEMEMBER|\n{T + 61}|NONE|400|Eva|PAUSE|\n"
    )
    found = fold(text, names={"SIP/1": "Ana", "SIP/2": "Eva", "SIP/3": "Eva"})
    assert {c.agent for c in found.calls} == {"SIP/1"}
    assert {p.agent for p in found.presences} == {"SIP/1", "Eva"}, "a name that two have is nobody's"


def test_lines_in_the_order_of_their_dates() -> None:
    lines = day.queue_log().splitlines()
    assert fold("\n".join(reversed(lines))).calls  # rotated files may come in any order
    assert {c.uniqueid for c in fold("\n".join(lines)).calls} == {c.uniqueid for c in day.CALLS}


def test_what_is_none_is_told() -> None:
    found = fold(f"hello\n{ENTER}\n|||\n12|a|b|c|d\n")
    assert len(found.calls) == 1
    assert found.problems == ("3 lines of queue_log are none (the first: 'hello')",)
    assert parse_line("") is None
    assert isinstance(parse_line("x" * 100_000), BadLine)


def test_hostile_names_come_out_clean() -> None:
    text = f"{T}|{T}.1|q\x1b[2J|NONE|ENTERQUEUE||\x1b]0;x\x07'; DROP TABLE x--\u202e|1"
    found = call(text)
    assert found.queue == "q[2J"
    assert found.number == "]0;x'; DROP TABLE x--"


FIELD = st.one_of(
    st.sampled_from(("NONE", "400", "401", "Agent/9000", f"{T}.1", "", "10", "-1", "9" * 40, "nan", "٣")),
    st.text(max_size=6),
)
LINE = st.builds(
    lambda at, fields, event, data: "|".join([str(at), *fields, event, *data]),
    st.one_of(st.integers(T, T + 100), st.integers(), st.text(max_size=4)),
    st.lists(FIELD, min_size=3, max_size=3),
    st.one_of(st.sampled_from(sorted(CALL_EVENTS | AGENT_EVENTS)), st.text(max_size=5)),
    st.lists(FIELD, max_size=6),
)


@given(st.one_of(st.binary(max_size=300), st.lists(LINE, max_size=30).map("\n".join)))
def test_anything_gives_a_value_or_a_problem(data: bytes | str) -> None:
    events, bad = parse_queue_log(data)
    assert all(isinstance(event, LogEvent) for event in events)
    found = fold_queue_log(events, bad, since=T, until=T + 50)
    question = Question(day.PERIOD, day.NOW)
    for by in BY:
        for line in report(found, Question(question.period, question.now, by)).lines:
            assert line.service_level is None or 0 <= line.service_level <= 1
            assert line.occupancy is None or 0 <= line.occupancy <= 1.000001


CELL = st.one_of(
    st.none(), st.integers(), st.floats(), st.decimals(), st.text(max_size=6), st.binary(max_size=4), st.booleans(),
    st.sampled_from(("terminada", "abandonada", "activa", "fin-monitoreo", "Success", "out", "in", T, T + 50)),
)  # fmt: skip
COLUMNS = (
    *("direction", "uniqueid", "queue", "number", "agent", "agent_name", "status", "entered", "answered", "ended"),
    *("talk", "wait", "trunk", "began", "pause", "kind"),
)


@given(st.lists(st.fixed_dictionaries({name: CELL for name in COLUMNS}), max_size=8))
def test_any_rows_give_a_value_or_a_problem(rows: list[dict[str, Any]]) -> None:
    found = read_rows(rows, rows)
    assert len(found.calls) <= len(rows)
    for by in BY:
        report(found, Question(day.PERIOD, day.NOW, by, level_s=20.0))


@given(st.lists(st.dictionaries(st.sampled_from(("uniqueid", "src", "channel")), CELL), max_size=5))
def test_any_details_give_records(rows: list[dict[str, Any]]) -> None:
    records = fold(day.queue_log())
    assert len(add_details(records, rows).calls) == len(records.calls)


def test_details_tell_the_trunk_and_a_missing_number() -> None:
    records = fold(f"{T}|{T}.1|400|NONE|ENTERQUEUE|||1\n{T}|{T}.2|400|NONE|ENTERQUEUE||0991|1")
    rows = [
        {"uniqueid": f"{T}.1", "src": "0992\x1b[2J", "channel": "SIP/gxw4108-0000001f"},
        {"uniqueid": f"{T}.1", "src": "other", "channel": "SIP/other-1"},
        {"uniqueid": f"{T}.2", "src": "0993", "channel": "DAHDI/i1/0991234567-3"},
    ]
    found = add_details(records, rows).calls
    assert [(c.number, c.trunk) for c in found] == [("0992[2J", "SIP/gxw4108"), ("0991", "DAHDI/i1/0991234567")]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("Success", "completed"), ("ShortCall", "completed"), ("OnHold", "talking"), ("OnQueue", "waiting"),
        ("Abandoned", "abandoned"),
    ],
)  # fmt: skip
def test_calls_of_a_campaign(status: str, outcome: str) -> None:
    over = outcome in ("completed", "abandoned")
    row = {
        "direction": "out", "status": status, "entered": T, "answered": T + 5 if outcome != "abandoned" else None,
        "ended": T + 20 if over else None, "talk": 15 if outcome == "completed" else None, "wait": 5, "queue": "400",
        "agent": "Agent/1",
    }  # fmt: skip
    assert [c.outcome for c in read_rows([row], []).calls] == [outcome]
    for never in ("NoAnswer", "Failure", "Placing", "Ringing", None):
        assert read_rows([{**row, "status": never}], []).calls == ()


def test_success_without_an_end_is_a_talk_that_goes_on() -> None:
    row = {"direction": "out", "status": "Success", "entered": T, "answered": T + 5, "wait": 5, "queue": "400"}
    assert [c.outcome for c in read_rows([row], []).calls] == ["talking"]


def test_holds_are_no_breaks() -> None:
    rows = [{"agent": "Agent/1", "began": T, "ended": T + 9, "pause": "Hold", "kind": "H"}]
    assert read_rows([], rows).presences == ()

"""Where a node's logs stand, and what of them reaches the time line."""

from __future__ import annotations

from ccops.pair.clock import LogClock
from ccops.pair.model import LogLine
from ccops.watch.logs import NodeLogs
from ccops.watch.probe import LogGap, LogOpened, LogPosition, LogText

CLOCK = LogClock(1_800_000_000.0)


def logs() -> tuple[NodeLogs, list[LogLine]]:
    told: list[LogLine] = []
    return NodeLogs("one", told.append), told


def text(offset: int, words: str, inode: str = "7") -> LogText:
    return LogText("ha", LogPosition(inode, offset), words)


def test_history_carries_no_position() -> None:
    followed, told = logs()
    followed.begin()
    followed.apply(text(40, "heartbeat[1]: 2026/11/23_10:00:00 info: old"), 0.0, CLOCK)
    assert followed.positions == {}
    followed.apply(LogOpened("ha", "/var/log/ha-log", LogPosition("7", 900)), 0.0, CLOCK)
    assert followed.positions["ha"] == LogPosition("7", 900)
    followed.apply(text(950, "heartbeat[1]: 2026/11/23_10:00:01 info: new"), 0.0, CLOCK)
    assert followed.positions["ha"] == LogPosition("7", 950)
    assert [line.text for line in told] == ["old", "new"]


def test_lines_wait_for_the_clock_and_keep_their_order() -> None:
    followed, told = logs()
    followed.begin()
    followed.apply(text(1, "first"), 0.0, None)
    followed.apply(text(2, "second"), 0.0, None)
    assert told == []
    followed.flush(5.0, CLOCK)
    followed.apply(text(3, "third"), 0.0, CLOCK)
    assert [line.text for line in told] == ["first", "second", "third"]


def test_late_lines_of_a_rotated_file_do_not_move_the_position() -> None:
    followed, told = logs()
    followed.begin()
    followed.apply(LogOpened("ha", "p", LogPosition("7", 100)), 0.0, CLOCK)
    followed.apply(LogOpened("ha", "p", LogPosition("8", 0)), 0.0, CLOCK)
    followed.apply(text(130, "late", inode="7"), 0.0, CLOCK)
    followed.apply(text(20, "new", inode="8"), 0.0, CLOCK)
    assert followed.positions["ha"] == LogPosition("8", 20)
    assert [line.text for line in told] == ["late", "new"]


def test_resumed_lines_move_the_position_at_once() -> None:
    followed, _told = logs()
    followed.positions["ha"] = LogPosition("7", 100)
    followed.begin()
    followed.apply(text(130, "the rest of the old file"), 0.0, CLOCK)
    assert followed.positions["ha"] == LogPosition("7", 130)


def test_says_once_what_cannot_be_read_and_what_may_be_missing() -> None:
    followed, told = logs()
    for _ in range(3):
        followed.begin()
        followed.apply(LogOpened("kern", "/var/log/kern.log", None), 0.0, CLOCK)
    followed.apply(LogGap("ha"), 0.0, CLOCK)
    assert [line.level for line in told] == ["warning", "warning"]
    assert "ccops sudoers" in told[0].text
    assert "may be missing" in told[1].text


def test_hostile_line() -> None:
    followed, told = logs()
    followed.apply(text(1, "\x1b]0;owned\x07[red]\u202etxet"), 0.0, CLOCK)
    assert told[0].text == "]0;owned[red]txet"

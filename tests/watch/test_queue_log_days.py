"""Days of queue_log under every shell at hand: rotated, packed, large, cut off, and only what is wanted of it."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.callcentre.periods import whole_days
from ccops.callcentre.queue_log import parse_queue_log
from ccops.callcentre.queue_log_calls import fold_queue_log
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import BY, Question, report
from ccops.watch import queue_log_days
from ccops.watch.queue_log_days import NoQueueLog, parse_days, script
from tests.callcentre import service_day as day
from tests.watch.test_traces import LAYOUT, SHELLS, Node

AVAILABLE = [name for name, command in SHELLS.items() if shutil.which(command[0])]


@pytest.fixture(params=AVAILABLE)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[request.param]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "root")


def run(node: Node, shell: list[str], period: Any = day.PERIOD) -> str:
    done = subprocess.run(
        [str(shutil.which(shell[0])), *shell[1:], "-s"], input=script(LAYOUT, period), capture_output=True, timeout=60,
        env={"PATH": node.path(shell), "CCOPS_ROOT": str(node.root)},
    )  # fmt: skip
    assert done.stderr == b"", done.stderr
    return done.stdout.decode()


def read(node: Node, shell: list[str], period: Any = day.PERIOD) -> Records:
    return parse_days(run(node, shell, period), period, day.NOW, day.NAMES)


def around(days: range, step: float = 60.0) -> str:
    """Calls of other days, one a minute."""
    lines = []
    for number in days:
        at = day.MIDNIGHT + number * 86_400 + 43_200
        while at < day.MIDNIGHT + number * 86_400 + 72_000:
            lines.append(
                f"{at:.0f}|{at:.0f}.9|400|NONE|ENTERQUEUE||0|1\n{at + 9:.0f}|{at:.0f}.9|400|NONE|ABANDON|1|1|9\n"
            )
            at += step
    return "".join(lines)


def check(found: Records) -> None:
    expected = fold_queue_log(*parse_queue_log(day.queue_log()), names=day.NAMES)
    for by in BY:
        question = Question(day.PERIOD, day.NOW, by, levels=day.LEVELS, started_at=day.STARTED_AT)
        ours, theirs = report(found, question), report(expected, question)
        assert ours.lines == theirs.lines
        assert (ours.total, ours.lost_calls) == (theirs.total, theirs.lost_calls)


def test_one_file(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", around(range(-5, -1)) + day.queue_log() + around(range(2, 4)))
    found = read(node, shell)
    assert found.problems == ()
    check(found)


def test_of_a_large_file_little_is_read(node: Node, shell: list[str], tmp_path: Path) -> None:
    past = around(range(-300, -2), 20.0)
    assert len(past) > 30_000_000
    node.write("data/log/queue_log", past + day.queue_log())
    del past
    counted = tmp_path / "counted"
    counter = tmp_path / "count" / "dd"
    counter.parent.mkdir()
    real = shutil.which("dd", path=node.path(shell))
    counter.write_text(f'#!/bin/sh\necho x >>{counted}\nexec {real} "$@"\n')
    counter.chmod(0o755)
    done = subprocess.run(
        [str(shutil.which(shell[0])), *shell[1:], "-s"],
        input=script(LAYOUT, day.PERIOD), capture_output=True, timeout=60,
        env={"PATH": f"{counter.parent}:{node.path(shell)}", "CCOPS_ROOT": str(node.root)},
    )  # fmt: skip
    check(parse_days(done.stdout.decode(), day.PERIOD, day.NOW, day.NAMES))
    assert len(done.stdout) < 10_000
    if shell[0] != "busybox":  # its shell prefers the applet to the PATH
        assert len(counted.read_text().split()) <= 20


def test_rotated_and_packed(node: Node, shell: list[str]) -> None:
    lines = day.queue_log().splitlines(keepends=True)
    third = len(lines) // 3
    first, second, last = lines[:third], lines[third : 2 * third], lines[2 * third :]
    (node.root / "data/log/queue_log-old.txt").write_text("1795721090|x\n")
    packed = node.root / "data/log/queue_log-20261126.gz"
    packed.write_bytes(gzip.compress("".join(first).encode()))
    os.utime(packed, (day.MIDNIGHT + 40_000,) * 2)
    cut_off = "".join(second)
    node.write("data/log/queue_log.1", cut_off, int(day.MIDNIGHT + 60_000))
    node.write("data/log/queue_log.2", around(range(-9, -7)), int(day.MIDNIGHT - 7 * 86_400))
    node.write("data/log/queue_log", "".join(last), int(day.NOW))
    found = read(node, shell)
    check(found)


def test_what_is_not_there_any_more_is_told(node: Node, shell: list[str]) -> None:
    lines = [line for line in day.queue_log().splitlines(keepends=True) if float(line[:10]) > day.MIDNIGHT + 40_000]
    node.write("data/log/queue_log", "".join(lines))
    (problem,) = read(node, shell).problems
    assert problem.startswith("queue_log begins at 2026-11-26 1")


def test_no_more_is_sent_than_the_limit(node: Node, shell: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_log_days, "LIMIT", 400)
    node.write("data/log/queue_log", day.queue_log())
    output = run(node, shell)
    assert len(output) < 600
    found = parse_days(output, day.PERIOD, day.NOW, {})
    assert found.cut


def test_only_wanted_lines_leave_the_node(node: Node, shell: list[str]) -> None:
    noise = "".join(
        f"{day.MIDNIGHT + n:.0f}|x.1|400|SIP/1|{event}|1000\n"
        for n in range(50)
        for event in ("RINGNOANSWER", "CONFIGRELOAD", "DID", "SOMETHING")
    )
    node.write("data/log/queue_log", noise + "not a line\n" + day.queue_log())
    output = run(node, shell)
    assert not any(word in output for word in ("RINGNOANSWER", "CONFIGRELOAD", "not a line"))


@pytest.mark.parametrize("what", ["missing", "frozen", "unmounted"])
def test_why_there_is_none(node: Node, shell: list[str], what: str) -> None:
    if what == "frozen":
        node.write("data/log/queue_log", day.queue_log())
        node.write("proc/drbd", " 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C s-----\n")
    if what == "unmounted":
        node.unmount()
    told = {"missing": "not there", "frozen": "frozen", "unmounted": "not mounted here"}[what]
    with pytest.raises(NoQueueLog, match=told):
        read(node, shell)


def test_a_script_that_did_not_end_is_told() -> None:
    found = parse_days(day.queue_log(), day.PERIOD, day.NOW, {})
    assert "did not come to its end" in found.problems[0]
    assert found.calls


@given(st.text(max_size=200))
def test_whatever_is_printed(text: str) -> None:
    period = whole_days(day.DAY, day.DAY, 0)
    with contextlib.suppress(NoQueueLog):
        assert parse_days(text, period, day.NOW, {}).origin == "log"

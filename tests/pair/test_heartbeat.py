"""cl_status: every sub-command's words and exit codes."""

import pytest

from ccops.pair import heartbeat
from ccops.pair.heartbeat import Answers, Output
from ccops.pair.model import Problem

REFUSES = "Heartbeat is apparently running on this machine, but refuses my connection.\n"


@pytest.mark.parametrize(
    ("text", "code", "running"),
    [
        ("Heartbeat is running on this machine.\n", 0, True),
        ("Heartbeat is stopped on this machine.\n", 1, False),
    ],
)
def test_hbstatus(text: str, code: int, running: bool) -> None:
    assert heartbeat.parse_hbstatus(Output(text, code)) is running


@pytest.mark.parametrize("output", [Output(REFUSES, 0), Output("", 127), Output("Heartbeat is running", 12)])
def test_hbstatus_that_is_not_known(output: Output) -> None:
    assert isinstance(heartbeat.parse_hbstatus(output), Problem)


def test_refused_connection_is_neither_running_nor_stopped() -> None:
    found = heartbeat.parse_heartbeat(Answers(Output(REFUSES, 0), Output("", 13)))
    assert found.running is None
    assert found.resources is None
    assert [problem.where for problem in found.problems] == ["cl_status hbstatus", "cl_status rscstatus"]
    assert "refuses" in found.problems[0].text


@pytest.mark.parametrize("word", ["all", "local", "foreign", "none", "transition"])
def test_rscstatus_with_and_without_m(word: str) -> None:
    assert heartbeat.parse_rscstatus(Output(f"{word}\n", 0)) == word
    assert heartbeat.parse_rscstatus(Output(f"This node is holding {word} resources.\n", 0)) == word


@pytest.mark.parametrize(("word", "code"), [("active", 0), ("up", 0), ("ping", 0), ("dead", 1), ("init", 1)])
def test_nodestatus_is_a_value_whatever_the_code(word: str, code: int) -> None:
    assert heartbeat.parse_nodestatus(Output(f"{word}\n", code)) == word


@pytest.mark.parametrize(("word", "code"), [("up", 0), ("dead", 1)])
def test_linkstatus(word: str, code: int) -> None:
    assert heartbeat.parse_linkstatus(Output(f"{word}\n", code)) == word


@pytest.mark.parametrize(("code", "reason"), [(11, "wrong parameter"), (12, "within 5 s"), (13, "could not say")])
def test_exit_codes_are_told_in_words(code: int, reason: str) -> None:
    text = "Nov 23 02:42:40 n1 cl_status: [3282]: ERROR: Cannot signon with heartbeat\n"
    problem = heartbeat.parse_nodestatus(Output(text, code))
    assert isinstance(problem, Problem)
    assert reason in problem.message
    assert "Cannot signon" in problem.text


def test_names_one_a_line() -> None:
    assert heartbeat.parse_listnodes(Output("elaxtix-voip-2\nelaxtix-voip\n", 0)) == ("elaxtix-voip-2", "elaxtix-voip")
    assert heartbeat.parse_listhblinks(Output("\teth0\n\t/dev/ttyS0\n", 0)) == ("eth0", "/dev/ttyS0")
    assert isinstance(heartbeat.parse_listnodes(Output("ERROR: no such thing\n", 13)), Problem)
    assert isinstance(heartbeat.parse_listnodes(Output("", 0)), Problem)


def test_a_stopped_heartbeat_is_no_problem_of_its_nodes() -> None:
    stopped = Output("Heartbeat is stopped on this machine.\n", 1)
    error = Output("Cannot signon with heartbeat\n", 13)
    found = heartbeat.parse_heartbeat(Answers(stopped, error, {"a": error}, {"eth0": error}))
    assert (found.running, found.resources, found.nodes, found.links, found.problems) == (False, None, {}, {}, ())


def test_what_is_not_understood_is_left_out_and_named() -> None:
    running = Output("Heartbeat is running on this machine.\n", 0)
    answers = Answers(running, Output("local\n", 0), {"a": Output("active\n", 0), "b": Output("\x1b[2Jodd\n", 0)})
    found = heartbeat.parse_heartbeat(answers)
    assert (found.running, found.resources, found.nodes) == (True, "local", {"a": "active"})
    assert [problem.text for problem in found.problems] == ["[2Jodd"]

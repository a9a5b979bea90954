"""What `cl_status` says of Heartbeat on a node: each sub-command's text and exit code to a value.

Source: `cl_status` of Heartbeat 2.1.3 and 3.0.6. Exit codes: 0 yes, 1 no, 11 wrong parameter, 12 timed out (5 s),
13 unknown. A word that is understood counts whatever the code; without one the code is the problem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from ccops.pair.model import Heartbeat, Problem
from ccops.text import clean

K = TypeVar("K", bool, str)

NODE_STATES = frozenset({"active", "up", "ping", "dead", "init"})
LINK_STATES = frozenset({"up", "dead"})
HOLDINGS = frozenset({"all", "local", "foreign", "none", "transition"})

_CODES = {
    1: "it answered no",
    11: "it was called with a wrong parameter",
    12: "Heartbeat did not answer within 5 s",
    13: "it could not say",
    126: "it may not be run by this user",
    127: "the command was not found",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,254}", re.A)
_HOLDING = re.compile(r"This node is holding (\w+) resources", re.A)
_MAX_LINES = 200


class Output(msgspec.Struct, frozen=True):
    """What a command printed and its exit code; the code is None when it is not known."""

    text: str
    code: int | None = None


class Answers(msgspec.Struct, frozen=True):
    """What `cl_status` answered on one node; None or a missing key when it was not asked.

    `nodes` is keyed by the node asked for, `links` by the interface of the link to the peer.
    """

    hbstatus: Output | None = None
    rscstatus: Output | None = None
    nodes: Mapping[str, Output] = {}
    links: Mapping[str, Output] = {}
    version: str | None = None


def parse_heartbeat(answers: Answers) -> Heartbeat:
    """Heartbeat on one node. What was not understood is left out, or None, and named in `problems`."""
    problems: list[Problem] = []
    running: bool | None = None
    resources: str | None = None
    if answers.hbstatus is not None:
        running = _keep(parse_hbstatus(answers.hbstatus), problems)
    if answers.rscstatus is not None and running is not False:
        resources = _keep(parse_rscstatus(answers.rscstatus), problems)
    nodes: dict[str, str] = {}
    links: dict[str, str] = {}
    if running is not False:
        for name, output in answers.nodes.items():
            if (state := _keep(parse_nodestatus(output), problems)) is not None:
                nodes[name] = state
        for interface, output in answers.links.items():
            if (state := _keep(parse_linkstatus(output), problems)) is not None:
                links[interface] = state
    return Heartbeat(running, answers.version, resources, nodes, links, tuple(problems))


def parse_hbstatus(output: Output) -> bool | Problem:
    """`cl_status hbstatus`: running or not. 3.x can refuse the connection and exit 0 all the same: a problem."""
    text = output.text
    if "refuses" in text:
        return _problem("hbstatus", "Heartbeat seems to run but refuses to talk: its state is not known", output)
    if "Heartbeat is running" in text and output.code in (0, None):
        return True
    if "Heartbeat is stopped" in text:
        return False
    return _problem("hbstatus", "`Heartbeat is running` or `is stopped` was expected", output)


def parse_rscstatus(output: Output) -> str | Problem:
    """`cl_status rscstatus`, with or without `-m`: all|local|foreign|none|transition.

    `local` does not mean that the node serves: in a healthy pair both can say it.
    """
    if match := _HOLDING.search(output.text):
        word = match[1].lower()
        return word if word in HOLDINGS else _problem("rscstatus", "a known holding was expected", output)
    return _word("rscstatus", output, HOLDINGS)


def parse_nodestatus(output: Output) -> str | Problem:
    """`cl_status nodestatus NODE`: active|up|ping|dead|init."""
    return _word("nodestatus", output, NODE_STATES)


def parse_linkstatus(output: Output) -> str | Problem:
    """`cl_status hblinkstatus NODE IF`: up|dead."""
    return _word("hblinkstatus", output, LINK_STATES)


def parse_listnodes(output: Output) -> tuple[str, ...] | Problem:
    """`cl_status listnodes`: the nodes' names, one a line."""
    return _names("listnodes", output)


def parse_listhblinks(output: Output) -> tuple[str, ...] | Problem:
    """`cl_status listhblinks NODE`: the interfaces (or serial ports) of the links to it, one a line, indented."""
    return _names("listhblinks", output)


def _names(command: str, output: Output) -> tuple[str, ...] | Problem:
    words = [line.strip() for line in output.text.splitlines()[:_MAX_LINES] if line.strip()]
    names = tuple(word for word in words if _NAME.fullmatch(word) or re.fullmatch(r"/dev/[\w/]{1,64}", word, re.A))
    if output.code not in (0, None) or len(names) != len(words) or not names:
        return _problem(command, "names, one a line, were expected", output)
    return names


def _word(command: str, output: Output, known: frozenset[str]) -> str | Problem:
    """The one line that is a known word: the lines of an error can stand beside it."""
    for line in output.text.splitlines()[:_MAX_LINES]:
        if line.strip().lower() in known:
            return line.strip().lower()
    return _problem(command, f"one of {', '.join(sorted(known))} was expected", output)


def _problem(command: str, message: str, output: Output) -> Problem:
    if output.code:
        message += f"; exit code {output.code}: {_CODES.get(output.code, 'not one of its own')}"
    return Problem(f"cl_status {command}", message, clean(output.text.strip(), 200))


def _keep(answer: K | Problem, problems: list[Problem]) -> K | None:
    if isinstance(answer, Problem):
        problems.append(answer)
        return None
    return answer

"""One look at one server: a POSIX sh script over `/bin/sh -s`, and what it printed cut into sections.

Nothing is installed or changed there, and no secret is sent: the script leaves them out on the server. The one trace
that it may leave is sudo's own log entry of `sudo -n -l`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Protocol

from ccops.setup.facts import NodeFacts, Section, read_facts
from ccops.text import clean, decode

_MAX_BYTES = 2_000_000
_MAX_LINES = 5_000


class InspectionError(Exception):
    """A server that could be reached and not be inspected: what was expected, what came, what to do."""


class Finished(Protocol):
    """A command that has ended; `exit_status` is None when a signal ended it."""

    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...
    @property
    def exit_status(self) -> int | None: ...


class Runner(Protocol):
    """Whatever can run a command on a node; an SSH connection does."""

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> Finished:
        """Run `argv` with `input` on its standard input."""
        ...


def script() -> bytes:
    """The script as it is sent."""
    return (files("ccops.setup") / "inspect.sh").read_bytes()


async def inspect_node(runner: Runner, target: str, *, timeout_s: float = 60.0) -> NodeFacts:
    """What the server reached by `runner` is and has; `target` is how it was reached, `[user@]host[:port]`.

    What is not there or not readable is said so in the facts and is no error. Raises InspectionError when the script
    did not run at all; what `runner` raises is let through.
    """
    done = await runner.run(["/bin/sh", "-s"], timeout_s=timeout_s, input=script())
    sections = cut(done.stdout)
    if not sections:
        said = clean(decode(done.stderr or done.stdout)[:400]).strip() or "nothing"
        raise InspectionError(
            f"{target}: expected /bin/sh to run the inspection, found exit status {done.exit_status} and: {said}; "
            f"check that `ssh {target} /bin/sh -c true` works without a menu or a forced command"
        )
    return read_facts(target, sections)


def cut(output: bytes) -> Mapping[str, Section]:
    """The sections of the script's output by name. Lines outside of sections (a login's banner) are dropped.

    A section that breaks off has the exit status None.
    """
    sections: dict[str, Section] = {}
    name: str | None = None
    lines: list[str] = []
    for line in decode(output[:_MAX_BYTES]).split("\n"):
        if line.startswith("#begin "):
            name, lines = clean(line[7:], 300), []
            sections[name] = Section()
        elif name is None:
            continue
        elif line.startswith("#end "):
            code = line[5:].strip()
            number = int(code) if code.isascii() and code.isdigit() and len(code) < 4 else None
            sections[name] = Section(tuple(lines), number)
            name = None
        elif line.startswith("|") and len(lines) < _MAX_LINES:
            lines.append(clean(line[1:]).rstrip())
    return sections

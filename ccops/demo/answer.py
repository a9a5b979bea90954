"""What a command on a simulated node printed, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Answer(NamedTuple):
    """Output, exit code, and what went to standard error."""

    out: str
    code: int = 0
    err: str = ""


Outcome = Answer | Callable[[], Answer | None]
"""An answer, or something to ask at every step until it gives one."""

OK = Answer("")

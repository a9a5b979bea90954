"""What is left of a crash: a report without anybody's values in it, and one line that says where it is."""

from __future__ import annotations

import platform
import time
import traceback
from pathlib import Path

import textual

from ccops import __version__
from ccops.text import clean
from ccops.tui import private


def report(error: BaseException, folder: Path | None = None) -> str:
    """Writes the report (mode 0600, the traceback without local variables) and returns the line for the terminal."""
    what = f"{type(error).__name__}: {clean(str(error), 200)}"
    try:
        path = private.keep("crash", "txt", _text(error), folder)
    except OSError as problem:
        return (
            f"ccops stopped by a fault of its own: {what}. The report could not be written: {clean(str(problem), 200)}"
        )
    return f"ccops stopped by a fault of its own: {what}. The nodes are not touched by this. Report: {path}"


def place(error: BaseException) -> str:
    """`FILE:LINE` of where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def _text(error: BaseException) -> str:
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    head = (
        f"ccops {__version__}, textual {textual.__version__}, Python {platform.python_version()}, {platform.platform()}"
    )
    body = "".join(lines)
    return "\n".join(
        [head, time.strftime("%Y-%m-%d %H:%M:%S %z"), "", *(clean(line) for line in body.splitlines()), ""]
    )

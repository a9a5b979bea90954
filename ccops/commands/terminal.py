"""The terminal of a command: questions that do not stop the event loop, and a pipe that is closed stops nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from typing import IO

import click


def is_there() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str) -> str:
    """The line that is typed; "" at the end of input. What was typed before the question does not count."""
    import termios

    handle = sys.stdin.fileno()
    with contextlib.suppress(termios.error):
        termios.tcflush(handle, termios.TCIFLUSH)
    click.echo(question, nl=False, err=True)
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not typed.done():
            typed.set_result(os.read(handle, 4096))

    loop.add_reader(handle, read)
    try:
        return (await typed).decode("utf-8", "replace").strip()
    finally:
        loop.remove_reader(handle)


def tell(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Prints. Where nobody reads any more it goes nowhere: an operation does not stop in the middle for that."""
    try:
        click.echo(text, err=err, nl=nl)
    except OSError:
        _mute(sys.stderr if err else sys.stdout)


def columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def _mute(stream: IO[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

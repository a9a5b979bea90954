"""Secrets from where the settings say they are kept; errors name the place and never show the contents."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from pathlib import Path

from ccops.config import Secret, SecretRef
from ccops.links.errors import AuthenticationFailed

_MAX_BYTES = 4096


async def resolve(ref: SecretRef, *, timeout_s: float = 10.0) -> Secret:
    """The secret itself, without the newline that editors and commands add.

    `env`: an environment variable. `command`: an argument list, run without a shell, its first line of standard
    output, within `timeout_s`. `file`: must be ours and closed to others (mode 0600 or stricter).

    Raises:
        AuthenticationFailed: it cannot be had, with what to do; never with any of its text.
    """
    given = [name for name in ("env", "command", "file") if getattr(ref, name)]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise AuthenticationFailed(f"a secret needs exactly one of env, command or file, found {found}: correct it")
    if ref.env is not None and given == ["env"]:
        return _from_environment(ref.env)
    if ref.command is not None and given == ["command"]:
        return await _from_command(ref.command, timeout_s)
    return await asyncio.to_thread(_from_file, ref.file or "")


def _from_environment(name: str) -> Secret:
    value = os.environ.get(name)
    if value is None:
        raise AuthenticationFailed(f"the environment variable {name} should hold the secret and is not set: export it")
    return _checked(value, f"the environment variable {name}")


async def _from_command(argv: tuple[str, ...], timeout_s: float) -> Secret:
    where = f"the secret's command {argv[0]!r}"  # arguments are left out: people put tokens in them
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a valid command"
        raise AuthenticationFailed(f"{where} cannot be run: {reason}; check the command in the settings") from None
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        message = f"{where} gave nothing within {timeout_s:g} s; it must not ask questions: unlock its store first"
        raise AuthenticationFailed(message) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise AuthenticationFailed(f"{where} ended with status {process.returncode}; run it by hand to see why")
    return _checked(_text(output.split(b"\n", 1)[0], where), where)


def _from_file(name: str) -> Secret:
    path = Path(name).expanduser()
    where = f"the secret's file {path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise AuthenticationFailed(f"{where} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)  # of what was opened, so that nobody swaps it in between
        if not stat.S_ISREG(found.st_mode):
            raise AuthenticationFailed(f"{where} is not a regular file")
        if found.st_uid != os.getuid():
            raise AuthenticationFailed(f"{where} belongs to uid {found.st_uid}, expected {os.getuid()}: chown it")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise AuthenticationFailed(f"{where} has mode {mode:04o}, others can read it: chmod 600 {path}")
        data = os.read(descriptor, _MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    return _checked(_text(data.split(b"\n", 1)[0], where), where)


def _text(data: bytes, where: str) -> str:
    try:
        return data.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        raise AuthenticationFailed(f"{where} does not hold UTF-8 text") from None


def _checked(value: str, where: str) -> Secret:
    if not value:
        raise AuthenticationFailed(f"{where} holds an empty secret")
    if len(value) > _MAX_BYTES or any(c in value for c in "\r\n\0"):
        raise AuthenticationFailed(f"{where} does not hold one line of text shorter than {_MAX_BYTES} characters")
    return Secret(value)

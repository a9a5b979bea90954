"""Secrets are found where the settings say, and no error shows one."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest

from ccops.config import Secret, SecretRef
from ccops.links.errors import AuthenticationFailed
from ccops.links.secrets import resolve

HIDDEN = "s3cr3t-value"


async def fails(ref: SecretRef, expected: str, **limits: float) -> None:
    with pytest.raises(AuthenticationFailed, match=expected) as caught:
        await resolve(ref, **limits)
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


async def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOPS_TEST", HIDDEN)
    found = await resolve(SecretRef(env="CCOPS_TEST"))
    assert found == Secret(HIDDEN)
    assert HIDDEN not in f"{found} {found!r}"
    monkeypatch.setenv("CCOPS_TEST", HIDDEN + "\r\nAction: Originate")
    await fails(SecretRef(env="CCOPS_TEST"), "one line")
    monkeypatch.delenv("CCOPS_TEST")
    await fails(SecretRef(env="CCOPS_TEST"), "not set")


async def test_command_runs_without_a_shell() -> None:
    script = f"import sys; print({HIDDEN!r} + sys.argv[1]); print('second line')"
    assert await resolve(SecretRef(command=(sys.executable, "-c", script, "$HOME"))) == Secret(HIDDEN + "$HOME")


async def test_command_that_fails_shows_neither_output_nor_arguments() -> None:
    script = f"import sys; print({HIDDEN!r}); print({HIDDEN!r}, file=sys.stderr); sys.exit(4)"
    await fails(SecretRef(command=(sys.executable, "-c", script)), "status 4")
    await fails(SecretRef(command=("/nowhere/pass", HIDDEN)), "No such file")
    await fails(SecretRef(command=("true",)), "empty")
    await fails(SecretRef(command=("sleep", "60")), "within 0.1 s", timeout_s=0.1)


async def test_file_must_be_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(HIDDEN + "\n")
    path.chmod(0o600)
    assert await resolve(SecretRef(file=str(path))) == Secret(HIDDEN)
    path.chmod(0o640)
    await fails(SecretRef(file=str(path)), "0640.*chmod 600")
    path.chmod(0o400)
    path.unlink()
    await fails(SecretRef(file=str(path)), "No such file")
    await fails(SecretRef(file=str(tmp_path)), "not a regular file")
    path.write_bytes(b"\xff" + HIDDEN.encode())
    path.chmod(0o600)
    await fails(SecretRef(file=str(path)), "UTF-8")
    path.write_text("")
    await fails(SecretRef(file=str(path)), "empty")


async def test_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text(HIDDEN)
    path.chmod(0o600)
    monkeypatch.setattr("os.getuid", lambda: path.stat().st_uid + 1)
    await fails(SecretRef(file=str(path)), "belongs to uid")


async def test_exactly_one_source() -> None:
    await fails(SecretRef(), "found none")
    await fails(SecretRef(env="A", file="b"), "found env and file")

"""The script that looks at a node before an operation, under every shell at hand: who has the volume open."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccops.operations.survey import Survey, parse_survey, script
from ccops.pair.model import PairLayout
from ccops.watch.configuration import cut_frames

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "ash"], "sh": ["/bin/sh"]}
MOUNTED = "/proc"
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []

pytestmark = pytest.mark.skipif(bool(AS_NOBODY) and shutil.which("setpriv") is None, reason="needs another user")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"there is no {argv[0]} here")
    return argv


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where another user may look too."""
    with tempfile.TemporaryDirectory(prefix="ccops-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def look(shell: list[str], folder: Path, sudo: str | None, mount: str = MOUNTED) -> Survey:
    """What an ordinary user learns where sudo answers so (None: it is not to be asked)."""
    fake = folder / "sudo"
    fake.write_text(f'#!/bin/sh\necho "$*" >>{folder}/asked\n{sudo or "exit 1"}\n')
    fake.chmod(0o755)
    layout = PairLayout("demo", ("n1", "n2"), "10.0.0.1", mount=mount)
    done = subprocess.run(
        [*AS_NOBODY, *shell, "-s"],
        input=script(layout, sudo=sudo is not None).encode(),
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        timeout=60,
        cwd="/",
    )
    return parse_survey(cut_frames(done.stdout), layout)


def test_whoever_sudo_tells_of_is_told(shell: list[str], folder: Path) -> None:
    found = look(shell, folder, f'echo "{MOUNTED}: c  e" >&2; echo " {os.getpid()} 4194305"')
    assert found.holders is not None
    me, gone = found.holders
    assert (me.pid, me.what) == (os.getpid(), "open")
    assert me.chain[0] == Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    assert (gone.pid, gone.chain, gone.what) == (4194305, ("?",), "open")
    assert found.outsiders == found.holders
    assert set((folder / "asked").read_text().splitlines()) == {f"-n fuser -m {MOUNTED}"}


def test_nobody_is_there_when_sudo_says_so(shell: list[str], folder: Path) -> None:
    assert look(shell, folder, "exit 1").holders == ()


def test_it_is_not_known_when_sudo_refuses(shell: list[str], folder: Path) -> None:
    assert look(shell, folder, "echo 'sudo: a password is required' >&2; exit 1").holders is None


def test_sudo_is_not_asked_unless_the_settings_say_so(shell: list[str], folder: Path) -> None:
    assert look(shell, folder, None).holders is None
    assert not (folder / "asked").exists()


def test_sudo_is_not_asked_of_a_folder_that_is_no_mount(shell: list[str], folder: Path) -> None:
    assert look(shell, folder, "echo 1", mount=str(folder)).holders is None
    assert not (folder / "asked").exists()

"""The folder of the forwarded sockets: ours alone, short, gone at exit."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ccops.links import private

SHOW = "from ccops.links import private; print(private.new_socket_path())"


def made_with(environment: dict[str, str]) -> Path:
    """Where another process makes its folder, in that environment."""
    keep = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=keep | environment, cwd=root, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_a_runtime_folder_of_ours_is_used_and_left_clean(tmp_path: Path) -> None:
    runtime = Path("/tmp") / f"ccops-test-{os.getpid()}"
    runtime.mkdir(mode=0o700)
    try:
        path = made_with({"XDG_RUNTIME_DIR": str(runtime)})
        assert path.parent.parent == runtime
        assert list(runtime.iterdir()) == []
        runtime.chmod(0o755)
        assert made_with({"XDG_RUNTIME_DIR": str(runtime)}).parent.parent != runtime
    finally:
        runtime.rmdir()


@pytest.mark.parametrize("name", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_a_path_too_long_for_a_socket_is_not_used(name: str, tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir(mode=0o700)
    path = made_with({name: str(deep)})
    assert len(os.fsencode(path)) <= private.SUN_PATH_LIMIT
    assert deep not in path.parents
    assert not path.parent.exists()


def test_the_folder_is_closed_to_others_and_names_are_new() -> None:
    first, second = private.new_socket_path(), private.new_socket_path()
    assert first != second
    assert first.parent == second.parent == private.folder()
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700

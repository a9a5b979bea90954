"""What must not creep in: heavy imports where they cost, and pictures or themes that are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("textual", "rich", "asyncssh", "panoramisk", "pymysql", "mysql_mimic", "cryptography")


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import ccops.__main__",
        "import ccops.cli",
        "import ccops.config",
        "import ccops.triage.verdict",
        "import ccops.watch.status, ccops.watch.prose, ccops.watch.deferred",
        "import ccops.record.bundle",
        "import ccops.demo.scenarios",
        "import ccops.commands.operate",
    ],
)
def test_light_imports(statement: str) -> None:
    assert loaded_by(statement) == set()


def test_the_console_loads_no_link() -> None:
    assert loaded_by("import ccops.tui.app") & {"asyncssh", "panoramisk", "pymysql", "mysql_mimic"} == set()


def test_version_needs_nothing() -> None:
    done = subprocess.run([sys.executable, "-m", "ccops", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("ccops, version ")

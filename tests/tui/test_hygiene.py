"""The room's borders: screens know nothing of links, and hold no markup from data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).parents[2] / "ccops" / "tui"


def test_the_console_imports_no_link_and_nothing_that_links_need() -> None:
    code = (
        "import sys, ccops.tui.app;"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('asyncssh', 'panoramisk', 'pymysql')"
        " or m.startswith(('ccops.links', 'ccops.operations', 'ccops.demo'))];"
        "print(bad); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short_and_wiring_is_shorter() -> None:
    for path in ROOM.rglob("*.py"):
        count = len(path.read_text(encoding="utf-8").splitlines())
        assert count <= (300 if path.name == "app.py" else 400), f"{path.name}: {count} lines"


def test_no_screen_parses_markup() -> None:
    for path in ROOM.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from_markup" not in text, path
        assert "markup=True" not in text, path
        if "notify(" in text:
            assert text.count(".notify(") == text.count("markup=False"), path

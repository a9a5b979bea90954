"""Commands of another process reach the simulated pair by its settings file."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from ccops.demo.asterisk_files import OWNED
from ccops.demo.settings_file import settings_file
from ccops.demo.world import Demo


async def typed(path: Path, home: Path, *words: str) -> tuple[int, str]:
    """`ccops -c PATH …`: its exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ccops", "-c", str(path), *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home)},
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode()


async def test_an_extension_is_added_listed_and_deleted(tmp_path: Path) -> None:
    async with Demo(agents=12, speed=2) as demo:
        console = replace(demo.settings.console, audit=str(tmp_path / "audit.jsonl"))
        path = tmp_path / "demo.toml"
        with settings_file(replace(demo.settings, console=console), path):
            code, said = await typed(path, tmp_path, "ext", "add", "200", "--name", "Ana", "--yes")
            assert code == 0, said
            assert "secret of 200: " in said
            assert b"[200]" in demo.pair.drbd.sides[1].asterisk[OWNED]
            code, said = await typed(path, tmp_path, "ext", "list")
            assert (code, "from-internal" in said) == (0, True), said
            code, said = await typed(path, tmp_path, "ext", "add", "101", "--yes")
            assert (code, "101 in use" in said) == (1, True), said
            code, said = await typed(path, tmp_path, "ext", "delete", "200", "--yes")
            assert code == 0, said
            assert "200" not in {name for name, *_ in demo.centre.exchanges[0].peers()}

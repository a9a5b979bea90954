"""The call-center module's tables on a real pair: what is edited there is there on the other node too."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccops.operations.audit import Audit
from ccops.operations.plan import Request
from tests.lab.conftest import COMMAND, Lab, Watching
from tests.lab.test_operations import calm, console, toml
from tests.mariadb.schema import statements

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]

_DAYS = "datetime_init, datetime_end, daytime_init, daytime_end, estatus"
_ALWAYS = "CURDATE(), CURDATE() + INTERVAL 9 DAY, '00:00:00', '23:59:59', 'I'"
FILL = (
    "INSERT INTO queue_call_entry (id, queue) VALUES (1, 'ventas')",
    f"INSERT INTO campaign_entry (id, name, id_queue_call_entry, {_DAYS}) VALUES (3, 'Atención', 1, {_ALWAYS})",
    "INSERT INTO agent (type, number, name, password, eccp_password) VALUES ('SIP', '101', 'Ana Torres', '4242', 'x')",
    "INSERT INTO `break` (name, tipo) VALUES ('Hold', 'H'), ('Almuerzo', 'B')",
)
SEEN = (
    "SELECT name FROM break ORDER BY id; SELECT number, name, estatus FROM agent ORDER BY id; "
    "SELECT name, estatus FROM campaign_entry"
)


async def ccops(folder: Path, *words: str) -> Any:
    """What a command of ccops prints as JSON; it must end well."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "ccops", "-c", str(folder / "ccops.toml"), *words, "--json"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    print(words, done.returncode, done.stderr[-800:])
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    return json.loads(done.stdout)


async def test_the_module_is_edited_and_the_other_node_has_it_after_a_failover(
    pair: Lab, watching: Watching, tmp_path: Path
) -> None:
    (tmp_path / "ccops.toml").write_text(toml(pair, tmp_path))
    (tmp_path / "fill.sql").write_text(";\n".join([*statements("elastix"), *FILL, ""]), encoding="utf-8")
    with (tmp_path / "fill.sql").open() as text:
        subprocess.run([str(COMMAND), "ssh", "1", "mysql --default-character-set=utf8"], stdin=text, check=True)
    edits = (
        ("break", "add", "Capacitación"),
        ("break", "rename", "Almuerzo", "Comida"),
        ("campaign", "start", "in:3"),
        ("agent", "register", "9001", "--name", "Iván Ruiz"),
        ("agent", "retire", "9001"),
        ("agent", "register", "9002", "--name", "Eva"),
    )
    for words in edits:
        await ccops(tmp_path, *words, "--yes", "--timeout", "60")
    wanted = [
        *("Hold", "Comida", "Capacitación", "101\tAna Torres\tA", "9001\tIván Ruiz\tI", "9002\tEva\tA", "Atención\tA")
    ]
    line = f'mysql --default-character-set=utf8 -N call_center -e "{SEEN}"'
    assert pair.ssh(1, line).splitlines() == wanted
    async with console(pair, watching, tmp_path) as it:
        assert (await it.operate(Request("failover"))).ending == "done"
        await calm(watching)
    assert pair.ssh(2, line).splitlines() == wanted
    (campaign,) = await ccops(tmp_path, "campaign", "list", "--timeout", "60")
    assert (campaign["name"], campaign["status"], campaign["runs"]) == ("Atención", "A", True)
    await ccops(tmp_path, "campaign", "stop", "in:3", "--yes", "--timeout", "60")
    assert "Atención\tI" in pair.ssh(2, line)
    records = Audit(tmp_path / "audit.jsonl").records()
    assert [record.ending for record in records] == ["done"] * len(records)
    assert len(records) == len(edits) + 2

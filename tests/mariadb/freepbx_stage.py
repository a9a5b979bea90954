"""A stage whose serving node has FreePBX: its tables in a real MariaDB, and an Asterisk that reads what was applied."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from ccops.config import MysqlSettings, PbxSettings
from ccops.demo.machine import NAMES
from ccops.links.process import Completed
from ccops.operations.executor import Executor
from ccops.operations.plan import Plan, Report, Request
from tests.mariadb import freepbx
from tests.mariadb.server import Server
from tests.operations.stage import Hands, Lock, Stage, settings


class FreepbxStage(Stage):
    """`asterisk` and `books` are what tests break; `php` has what `php` is run with, None where there is none."""

    def __init__(self, folder: Path, server: Server, version: str, backend: str | None = "freepbx-sql") -> None:
        freepbx.make(server, version)
        self.asterisk = freepbx.Asterisk(server)
        self.books = freepbx.Tables(server)
        self.php: dict[str, str] | None = None
        pbx = PbxSettings(backend=backend)  # type: ignore[arg-type]
        super().__init__(folder, replace(settings(), ami=None, mysql=MysqlSettings("ccops"), pbx=pbx))

    def with_php(self, folder: Path, server: Server, brought_up_by: str) -> FreepbxStage:
        """With a stand-in for FreePBX' functions that the real `php` runs: see `freepbx_stub.php`."""
        stub = Path(__file__).with_name("freepbx_stub.php")
        etc = folder / "root" / "etc"
        etc.mkdir(parents=True)
        if brought_up_by == "amportal":
            web = folder / "root" / "web" / "admin"
            (etc / "amportal.conf").write_text(f"# settings\nAMPWEBROOT={web.parent}\n")
            for name in ("functions.inc.php", "common/db_connect.php", "common/php-asmanager.php"):
                (web / name).parent.mkdir(parents=True, exist_ok=True)
                (web / name).write_text(f"<?php require_once('{stub}');\n")
        else:
            none = "getenv('STUB_NO_MANAGER') && !getenv('STUB_NEW')"  # from 13 on there is always an object
            made = f"$astman = {none} ? null : new AGI_AsteriskManager();"
            (etc / f"{brought_up_by}.conf").write_text(f"<?php require_once('{stub}'); {made}\n")
        self.asterisk.file = folder / "astdb"
        self.asterisk.file.write_text(json.dumps(freepbx.ASTDB))
        self.php = {
            "CCOPS_ROOT": str(folder / "root"),
            "STUB_HOME": str(folder),
            "STUB_SOCKET": str(server.socket),
            "STUB_DATABASE": "asterisk",
        }
        self.calls_file = folder / "calls"
        return self

    @property
    def calls(self) -> list[str]:
        """The functions of FreePBX that were called."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def console(self) -> Executor:
        """Another console."""
        self.locks: list[Lock] = getattr(self, "locks", [])
        return Executor(
            "demo", self.settings, self.store, self.authority, self.audit, clock=self.clock,
            hands=_Hands(self), books=self.books,  # type: ignore[arg-type]
            make_lock=lambda hands, resource, holder: Lock(self, holder),  # type: ignore[arg-type,return-value]
        )  # fmt: skip

    async def plan(self, operation: str = "extension", **arguments: str) -> Plan:
        """What would be done."""
        return await self.executor.prepare(Request(operation, arguments=arguments))

    async def edit(self, operation: str = "extension", **arguments: str) -> Report:
        """Prepares and runs it."""
        return await self.operate(Request(operation, arguments=arguments))


class _Hands(Hands):
    def __init__(self, stage: FreepbxStage) -> None:
        super().__init__(stage)
        self._pbx = stage

    async def run(
        self, node: str, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None, as_root: bool = True
    ) -> Completed:
        """Asterisk's console, FreePBX' commands and PHP; the rest as the stage does."""
        stage = self._pbx
        words = list(argv)
        if words[0] == "asterisk":
            await self._pass(NAMES.index(node), timeout_s)
            stage.sent.append((node, " ".join(words)))
            return _said(stage.asterisk.console(words[2]))
        if words[0].endswith("/amportal"):
            await self._pass(NAMES.index(node), timeout_s)
            stage.sent.append((node, " ".join(words)))
            return Completed(b"", b"it says why", stage.asterisk.apply(), 0.1)
        if words[:2] == ["/bin/sh", "-c"] and "command -v" in words[2]:
            return _said("/usr/sbin/amportal\n")
        if words[:2] == ["/bin/sh", "-c"] and "php" in words[2]:
            await self._pass(NAMES.index(node), timeout_s)
            stage.sent.append((node, " ".join(words)))
            if stage.php is None:
                return Completed(b"", b"php: not found", 127, 0.1)
            environment = {**os.environ, **stage.php}
            done = subprocess.run(["php"], input=input or b"", capture_output=True, timeout=60, env=environment)
            return Completed(done.stdout, done.stderr, done.returncode, 0.1)
        return await super().run(node, argv, timeout_s=timeout_s, input=input, as_root=as_root)


def _said(text: str) -> Completed:
    return Completed(text.encode(), b"", 0, 0.1)

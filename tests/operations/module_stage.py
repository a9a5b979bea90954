"""A stage whose nodes have a call-center module: its tables in SQLite, replicated as the volume is, and an agents.conf.

Beside the faults of the stage: an answer of MySQL that is lost, before or after it was done; a right that is missing; a
server that writes something else than it was told.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pymysql.converters import escape_item

from ccops.demo.campaigns import DEFAULTS
from ccops.demo.machine import NAMES
from ccops.demo.statements import NoTable, change, select
from ccops.demo.tables import Tables
from ccops.demo.traffic import CallCentre
from ccops.links.errors import LinkLost, Refused
from ccops.links.process import Completed
from ccops.operations.executor import Executor
from ccops.operations.module import AGENTS_CONF
from ccops.operations.plan import Report, Request
from tests.operations.stage import Hands, Lock, Stage

GRANTS = ("GRANT SELECT, INSERT, UPDATE, DELETE ON `call_center`.* TO `ccops-control`@`localhost`",)


class ModuleStage(Stage):
    """`books` is the MySQL of both nodes; `agents` the path of agents.conf, `known` the agents that Asterisk has."""

    def __init__(self, folder: Path, version: str = "11.25.0", **simulated: Any) -> None:
        self.home = folder
        self.agents = folder / "root" / AGENTS_CONF.lstrip("/")
        self.agents.parent.mkdir(parents=True)
        self.agents.write_text("[general]\npersistentagents=yes\n[agents]\nagent => 8000,1234,Vieja Alta\n")
        self.version = version
        self.known = {"8000"}
        self.deaf_to_reload = False
        self.books: TableBooks | None = None
        super().__init__(folder, **simulated)
        self.centre = CallCentre(self.pair, 10, 0.01, 1)
        self.books = TableBooks(self)
        self.executor = self.console()

    def console(self) -> Executor:
        """As the stage's, with this MySQL."""
        self.locks: list[Lock] = getattr(self, "locks", [])
        return Executor(
            "demo",
            self.settings,
            self.store,
            self.authority,
            self.audit,
            clock=self.clock,
            hands=ModuleHands(self),  # type: ignore[arg-type]
            books=self.books,  # type: ignore[arg-type]
            make_lock=lambda hands, resource, holder: Lock(self, holder),  # type: ignore[arg-type,return-value]
        )

    def rows(self, table: str, n: int = 0) -> list[dict[str, Any]]:
        """What a node's table has."""
        return self.pair.drbd.sides[n].books[table]

    def row(self, table: str, id: int, n: int = 0) -> dict[str, Any]:
        """One row of it."""
        return next(row for row in self.rows(table, n) if row["id"] == id)

    async def edit(self, operation: str, **arguments: str) -> Report:
        """Prepares and runs it."""
        return await self.operate(Request(operation, arguments=arguments))


class TableBooks:
    """Instead of MySQL. `lost`: the next answer to a change is lost `before` or `after` it was done; `mangle`: what is
    written is another text; `down`: nothing is answered any more; `denied`: the server refuses changes."""

    user = "ccops-control"

    def __init__(self, stage: ModuleStage) -> None:
        self._stage = stage
        self._tables = [
            Tables(stage.centre.exchanges[n], stage.centre.dialers[n], side)
            for n, side in enumerate(stage.pair.drbd.sides)
        ]
        self.changes: list[str] = []
        self.grants: tuple[str, ...] | None = GRANTS
        self.lost = ""
        self.mangle: Mapping[str, str] = {}
        self.down = False
        self.denied = ""

    async def query(
        self, node: str, sql: str, params: Sequence[Any] = (), *, timeout_s: float = 5.0
    ) -> list[dict[str, Any]]:
        """As `Books.query`."""
        await asyncio.sleep(0.01)
        if self.down:
            raise LinkLost("the MySQL connection was lost")
        if sql == "SHOW GRANTS":
            if self.grants is None:
                raise Refused("MySQL refused the statement: 1290 --skip-grant-tables")
            return [{"Grants": line} for line in self.grants]
        if sql.startswith("SELECT CURRENT_USER()"):
            return [{"user": "ccops-control@localhost"}]
        rows, names = self._run(lambda: select(_spelt(sql, params), "call_center", self._find(node)))
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def change(self, node: str, sql: str, params: Sequence[Any] = (), *, timeout_s: float = 5.0) -> int:
        """As `Books.change`."""
        await asyncio.sleep(0.01)
        if self.down:
            raise LinkLost("the MySQL connection was lost")
        if self.denied:
            raise Refused(f"MySQL refused the statement: 1142 {self.denied}")
        lost, self.lost = self.lost, ""
        if lost == "before":
            raise LinkLost("the MySQL connection was lost")
        spelt = _spelt(sql, params)
        self.changes.append(spelt)
        for text, other in self.mangle.items():
            spelt = spelt.replace(text, other)
        self.mangle = {}
        changed = self._run(lambda: change(spelt, "call_center", self._find(node), DEFAULTS))
        table, rows, count = changed
        self._stage.pair.record_table(NAMES.index(node), table, rows)
        if lost == "after":
            raise LinkLost("the MySQL connection was lost")
        return int(count)

    async def close(self) -> None:
        """Nothing is held."""

    def _find(self, node: str) -> Any:
        return self._tables[NAMES.index(node)].find

    @staticmethod
    def _run(work: Any) -> Any:
        try:
            return work()
        except NoTable as error:
            raise Refused(f"MySQL refused the statement: {error}") from None


class ModuleHands(Hands):
    """The stage's, with a small Asterisk that has agents and a file of them."""

    async def run(
        self, node: str, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None, as_root: bool = True
    ) -> Completed:
        """One command."""
        stage = self._stage
        assert isinstance(stage, ModuleStage)
        words = list(argv)
        if words == ["cat", AGENTS_CONF]:
            await self._pass(NAMES.index(node), timeout_s)
            if not stage.agents.exists():
                return Completed(b"", b"cat: no such file", 1, 0.1)
            return Completed(stage.agents.read_bytes(), b"", 0, 0.1)
        if words[:2] == ["asterisk", "-rx"]:
            await self._pass(NAMES.index(node), timeout_s)
            stage.sent.append((node, " ".join(words)))
            return Completed(_asterisk(stage, words[2]).encode(), b"", 0, 0.1)
        if words[:2] == ["/bin/sh", "-c"] and AGENTS_CONF in words:
            await self._pass(NAMES.index(node), timeout_s)
            environment = {**os.environ, "CCOPS_ROOT": str(stage.home / "root")}
            done = subprocess.run(words, input=input or b"", capture_output=True, timeout=60, env=environment)
            return Completed(done.stdout, done.stderr, done.returncode, 0.1)
        return await super().run(node, argv, timeout_s=timeout_s, input=input, as_root=as_root)


def _asterisk(stage: ModuleStage, command: str) -> str:
    from ccops.pbx.agents_conf import numbers

    if command == "core show version":
        return f"Asterisk {stage.version} built by nobody\n"
    if command.startswith("module reload"):
        if not stage.deaf_to_reload:
            stage.known = set(numbers(stage.agents.read_text()))
        return ""
    return "".join(f"{n:<12} (Somebody) not logged in (musiconhold is 'default')\n" for n in sorted(stage.known))


def _spelt(sql: str, params: Sequence[Any]) -> str:
    return sql % tuple(escape_item(value, "utf8") for value in params) if params else sql

"""MySQL on a simulated node: enough of it to log in, and to read the call-center module's tables."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mysql_mimic import IdentityProvider, MysqlServer, NativePasswordAuthPlugin, Session, User  # type: ignore[import-untyped]

from ccops.demo.answers import MYSQL
from ccops.demo.campaigns import DEFAULTS
from ccops.demo.machine import Machine
from ccops.demo.network import Door, relay
from ccops.demo.statements import NoTable, Rows, change, select
from ccops.demo.tables import Tables
from ccops.demo.traffic import CallCentre

_SHOW = re.compile(r"show\s+(?:global\s+|session\s+)?(status|variables)(?:\s+like\s+'([^']*)')?\s*;?\s*$", re.I)
_INFORMATION = re.compile(r"\bfrom\s+information_schema\s*\.", re.I)
_DENIED = 1142
_WRITES = re.compile(r"\s*(?:insert|update|delete)\b", re.I)
_GRANTS = re.compile(r"\s*show\s+grants\b", re.I)
_VERSION = re.compile(r"select\s+(?:version\(\)|@@version)(?:\s+as\s+`?(\w+)`?)?\s*;?\s*$", re.I)


class Database:
    """Listens while mysqld runs on its node; `accounts` maps users to passwords, `path` is a socket of its own."""

    def __init__(self, machine: Machine, centre: CallCentre, accounts: Mapping[str, str], path: Path) -> None:
        self.machine = machine
        self.centre = centre
        side = centre.pair.drbd.sides[machine.index]
        exchange, dialer = centre.exchanges[machine.index], centre.dialers[machine.index]
        clients = {"agentconsole": "agentconsole"} | dict(accounts)
        self.tables = Tables(exchange, dialer, side, clients)
        self.readers: set[str] = set()
        """Users that may only read."""
        self.door = Door(self._serve)
        self._path = path
        self._server = MysqlServer(session_factory=lambda: _Session(self), identity_provider=_Accounts(accounts))
        logging.getLogger("mysql_mimic").setLevel(logging.CRITICAL)

    async def start(self) -> None:
        """Ready to be opened."""
        await self._server.start_unix_server(path=str(self._path))

    def write(self, table: str, rows: Rows) -> None:
        """A statement has changed a table: it is on this side of the volume, and while they are connected on both."""
        self.centre.pair.record_table(self.machine.index, table, rows)

    def follow(self) -> None:
        """Opens, shuts or freezes with the node and its mysqld."""
        if not self.machine.runs("mysqld"):
            self.door.shut()
            return
        self.door.open()
        if self.machine.frozen:
            self.door.freeze()
        else:
            self.door.thaw()

    async def close(self) -> None:
        """Ends every connection."""
        await self.door.close()
        self._server.close()

    def show(self, what: str) -> dict[str, str]:
        """SHOW STATUS or SHOW VARIABLES."""
        if what == "variables":
            return {"version": MYSQL, "datadir": "/data/mysql/data/", "log_bin": "ON", "server_id": "1"}
        uptime = int(self.machine.wall() - self.centre.exchanges[self.machine.index].started_at)
        return {"Uptime": str(uptime), "Threads_connected": "3", "Questions": str(uptime * 40), "Slow_queries": "0"}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.open_unix_connection(str(self._path))
        await relay(self.door, (reader, writer), inside)


class _Accounts(IdentityProvider):  # type: ignore[misc]
    def __init__(self, accounts: Mapping[str, str]) -> None:
        self._accounts = accounts

    async def get_user(self, username: str) -> User | None:
        password = self._accounts.get(username)
        if password is None:
            return None
        return User(username, NativePasswordAuthPlugin.create_auth_string(password), NativePasswordAuthPlugin.name)


class _Session(Session):  # type: ignore[misc]
    def __init__(self, database: Database) -> None:
        super().__init__()
        self.variables.set("version", MYSQL, force=True)
        self._database = database

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        version = _VERSION.match(sql.strip())
        if version:
            return [(MYSQL,)], [version[1] or "VERSION()"]
        if _GRANTS.match(sql):
            rights = "SELECT" if self.username in self._database.readers else "SELECT, INSERT, UPDATE, DELETE"
            return [(f"GRANT {rights} ON *.* TO `{self.username}`@`localhost`",)], ["Grants"]
        show = _SHOW.match(sql.strip())
        if show:
            pattern = re.compile((show[2] or "%").replace("%", ".*").replace("_", "."), re.I)
            rows = [(k, v) for k, v in self._database.show(show[1].lower()).items() if pattern.fullmatch(k)]
            return rows, ["Variable_name", "Value"]
        if _INFORMATION.search(sql):
            return self._select(sql)
        if _WRITES.match(sql):
            return self._change(sql)
        return await super().handle_query(sql, attrs)

    async def query(self, expression: Any, sql: str, attrs: dict[str, str]) -> Any:
        from sqlglot import exp

        if not isinstance(expression, exp.Query) or not expression.find(exp.Table):
            return [], []
        return self._select(sql)

    def _select(self, sql: str) -> Any:
        from mysql_mimic.errors import ErrorCode, MysqlError  # type: ignore[import-untyped]

        try:
            return select(sql.strip().rstrip(";"), self.database or "call_center", self._database.tables.find)
        except NoTable as error:
            raise MysqlError(f"Table '{error}' doesn't exist", code=ErrorCode.UNKNOWN_ERROR) from None
        except sqlite3.Error as error:
            raise MysqlError(f"not simulated: {error}", code=ErrorCode.UNKNOWN_ERROR) from None

    def _change(self, sql: str) -> Any:
        from mysql_mimic.errors import ErrorCode, MysqlError

        if self.username in self._database.readers:
            verb = sql.split(None, 1)[0].upper()
            raise MysqlError(f"{verb} command denied to user '{self.username}'@'localhost'", code=_DENIED)
        try:
            changed = change(
                sql.strip().rstrip(";"), self.database or "call_center", self._database.tables.find, DEFAULTS
            )
        except NoTable as error:
            raise MysqlError(f"command denied for table '{error}'", code=_DENIED) from None
        except sqlite3.Error as error:
            raise MysqlError(f"not simulated: {error}", code=ErrorCode.UNKNOWN_ERROR) from None
        assert changed is not None
        table, rows, count = changed
        self._database.write(table, rows)
        # The library's answer to what is no SELECT knows of no rows.
        connection, ok = self.connection, self.connection.ok

        def counted(**told: Any) -> bytes:
            del connection.ok
            return bytes(ok(**{**told, "affected_rows": max(count, 0)}))

        connection.ok = counted
        return [], []

    async def schema(self) -> Any:
        return self._database.tables.columns()

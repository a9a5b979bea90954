"""A real MariaDB of the tests' own: its data in a folder of its own, on a socket of its own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

SERVER = next(
    (path for name in ("mariadbd", "mysqld") if (path := shutil.which(name, path=os.defpath + ":/usr/sbin"))), None
)
MISSING = "MariaDB is not installed: apt-get install mariadb-server-core; nothing was tested against real tables"
_STARTS_S = 60.0


class Server:
    """A running server; `socket` is where it listens, for user root without a password."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def connect(self, database: str | None = None) -> pymysql.connections.Connection[Any]:
        """A new connection."""
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)

    def run(self, *statements: str) -> None:
        """Runs statements, one after the other."""
        connection = self.connect()
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()

    def fill(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table, many at once."""
        connection = self.connect()
        marks = ", ".join(["%s"] * len(columns))
        try:
            connection.cursor().executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        finally:
            connection.close()


_TABLES = Path("/usr/share/mysql")
_SCRIPTS = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")


def has_grants() -> bool:
    """Whether a server can be made here that asks who one is."""
    return SERVER is not None and all((_TABLES / name).exists() for name in _SCRIPTS)


def _grant_tables(arguments: Sequence[str]) -> None:
    """The system tables, as mysql_install_db makes them: root has no password."""
    head = "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
    text = head + "".join((_TABLES / name).read_text() for name in _SCRIPTS)
    done = subprocess.run([*arguments, "--bootstrap"], input=text.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@contextmanager
def running(zone: str = "+00:00", *options: str, grants: bool = False) -> Iterator[Server]:
    """A server for as long as this is entered; its zone is `zone`, which is what FROM_UNIXTIME goes by.

    `grants`: it has grant tables, and asks who one is (`has_grants`).
    """
    assert SERVER is not None, MISSING
    # A socket's path may have 107 characters only: pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="ccops-mariadb-"))
    user = "root" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    data, socket, log = folder / "data", folder / "sock", folder / "log.err"
    process = None
    try:
        common = [
            *(SERVER, "--no-defaults", f"--datadir={data}", f"--user={user}", "--skip-log-bin"),
            "--innodb-flush-log-at-trx-commit=0",
        ]
        if grants:
            data.mkdir(parents=True)
            _grant_tables(common)
        else:
            # An empty folder will do: nobody is asked who they are, and nothing else can reach it.
            (data / "mysql").mkdir(parents=True)
        arguments = [
            *(*common, f"--socket={socket}", "--skip-networking", f"--default-time-zone={zone}"),
            *([] if grants else ["--skip-grant-tables"]),
            *(f"--pid-file={folder / 'pid'}", f"--log-error={log}", *options),
        ]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server, until = Server(socket), time.monotonic() + _STARTS_S
        while True:
            try:
                server.run("SELECT 1")
                break
            except pymysql.MySQLError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, "MariaDB did not start"
                time.sleep(0.05)
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)

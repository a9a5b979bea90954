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


@contextmanager
def running(zone: str = "+00:00", *options: str) -> Iterator[Server]:
    """A server for as long as this is entered; its zone is `zone`, which is what FROM_UNIXTIME goes by."""
    assert SERVER is not None, MISSING
    # A socket's path may have 107 characters only: pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="ccops-mariadb-"))
    user = "root" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    data, socket, log = folder / "data", folder / "sock", folder / "log.err"
    process = None
    try:
        # An empty folder will do: without grant tables nobody is asked who they are, and nothing else can reach it.
        (data / "mysql").mkdir(parents=True)
        arguments = [
            *(SERVER, "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--user={user}"),
            *("--skip-grant-tables", "--skip-networking", "--skip-log-bin", f"--default-time-zone={zone}"),
            "--innodb-flush-log-at-trx-commit=0",
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

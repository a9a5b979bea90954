"""A link to MySQL: one connection, one query at a time, in a thread of its own.

Works with MySQL 5.0 (utf8, no read-only transactions) to 9 and MariaDB. Statements are parameterised by pymysql; all
text that comes back is decoded as UTF-8, else Latin-1, and made harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import DictCursor

from ccops.config import MysqlSettings, Secret
from ccops.links import forward, secrets
from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening, Refused, TimedOut, Unreachable
from ccops.links.status import LinkStatus, Phase, StatusCallback
from ccops.text import clean, decode

Dial = Callable[[], Awaitable[Path | tuple[str, int]]]
Row = dict[str, Any]
T = TypeVar("T")

SLOW_RETRY_S = 30.0
CONNECT_TIMEOUT_S = 5.0

_LIMITS = ("SET SESSION max_statement_time = 30", "SET SESSION max_execution_time = 30000")
_READ_ONLY = "SET SESSION TRANSACTION READ ONLY"
_NOT_LET_IN = {
    ER.ACCESS_DENIED_ERROR,
    ER.DBACCESS_DENIED_ERROR,
    ER.HOST_NOT_PRIVILEGED,
    ER.NOT_SUPPORTED_AUTH_MODE,
    1698,  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    CR.CR_AUTH_PLUGIN_CANNOT_LOAD,
}
_GONE = {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR, ER.SERVER_SHUTDOWN, 0}

# With use_unicode=False every cell arrives as bytes, so that one badly encoded name cannot fail a whole query.
_CONVERSIONS: dict[Any, Any] = conversions | {
    kind: lambda data: Decimal(data.decode("ascii")) for kind in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
}


@dataclasses.dataclass
class _Attempt:
    """One connection, from the first try to its end, shared between the loop and the thread."""

    socket: socket.socket | None = None
    connection: pymysql.connections.Connection[DictCursor] | None = None
    abandoned: bool = False

    def abandon(self) -> None:
        """Give it up; shutting the socket down wakes the thread if it still waits there."""
        self.abandoned = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class MysqlLink:
    """Queries MySQL where `dial` leads; connects at the first query and again after a loss."""

    def __init__(
        self,
        settings: MysqlSettings,
        dial: Dial,
        on_status: StatusCallback,
        *,
        read_only: bool = True,
        slow_retry_s: float = SLOW_RETRY_S,
    ) -> None:
        """`dial` gives a forwarded unix socket, or host and port; it may raise LinkError. `read_only` asks the server
        to refuse writes, where it can (MySQL 5.6, MariaDB 10.0)."""
        self._settings = settings
        self._dial = dial
        self._on_status = on_status
        self._read_only = read_only
        self._slow_retry_s = slow_retry_s
        self._turn = asyncio.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ccops-mysql")
        self._attempt: _Attempt | None = None
        self._charset = "utf8mb4"
        self._barred: tuple[float, str] | None = None
        self.server_version: str | None = None
        self.status = LinkStatus("connecting", time.time())

    async def query(
        self, sql: str, params: Sequence[Any] | Mapping[str, Any] = (), *, timeout_s: float = 5.0
    ) -> list[Row]:
        """Run one statement; the rows as dicts of column name to None, int, float, Decimal, date, time or clean text.

        Waits for its turn outside `timeout_s`; connecting has a limit of its own (CONNECT_TIMEOUT_S).

        Raises:
            Refused: the server refuses the statement; the connection lives. TimedOut: not done in `timeout_s` seconds,
            LinkLost: the connection broke (after both it is dropped, and the next query connects again).
            NotListening, Unreachable, AuthenticationFailed: no connection can be made.
        """
        rows: list[Row] = await self._do(_execute, sql, params, timeout_s)
        return rows

    async def change(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = (), *, timeout_s: float = 5.0) -> int:
        """Run one statement that writes, on a link that is not `read_only`; the number of rows that it changed.

        MySQL counts a row that is set to what it already was as not changed. Raises as `query` does; after TimedOut and
        LinkLost it may have been done all the same.
        """
        count: int = await self._do(_change, sql, params, timeout_s)
        return count

    async def _do(
        self,
        work: Callable[[_Attempt, str, Sequence[Any] | Mapping[str, Any]], Any],
        sql: str,
        params: Sequence[Any] | Mapping[str, Any],
        timeout_s: float,
    ) -> Any:
        async with self._turn:
            attempt = self._attempt or await self._connect()
            began = time.monotonic()
            try:
                found = await self._in_thread(functools.partial(work, attempt, sql, params), timeout_s)
            except TimeoutError:
                raise self._lose(TimedOut(f"MySQL did not answer within {timeout_s:g} s")) from None
            except Refused:
                raise
            except LinkError as error:
                raise self._lose(error) from None
            except asyncio.CancelledError:
                self._drop()
                raise
            self._report("up", latency_s=time.monotonic() - began)
            return found

    async def close(self) -> None:
        """Drop the connection and end the thread."""
        self._drop()
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _connect(self) -> _Attempt:
        if self._barred is not None and time.monotonic() < self._barred[0]:
            raise AuthenticationFailed(self._barred[1])
        if self.status.phase != "off":
            self._report("connecting", problem=self.status.problem)
        attempt = self._attempt = _Attempt()
        try:
            secret = await secrets.resolve(self._settings.password) if self._settings.password else None
            address = await self._dial()
            try:
                await self._in_thread(functools.partial(self._open, attempt, address, secret), CONNECT_TIMEOUT_S)
            except TimeoutError:
                raise TimedOut(f"MySQL did not greet within {CONNECT_TIMEOUT_S:g} s") from None
        except NotListening as error:
            self._drop()
            self._report("off", problem=str(error))
            raise
        except LinkError as error:
            if isinstance(error, AuthenticationFailed):
                self._barred = (time.monotonic() + self._slow_retry_s, str(error))
            raise self._lose(error) from None
        except asyncio.CancelledError:
            self._drop()
            raise
        self._barred = None
        self._report("up")
        return attempt

    async def _in_thread(self, work: Callable[[], Any], timeout_s: float) -> Any:
        """Run `work` in the thread. Whoever stops waiting must abandon the attempt, so that the thread comes back."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._worker, work), timeout_s)

    def _open(self, attempt: _Attempt, address: Path | tuple[str, int], secret: Secret | None) -> None:
        """In the thread: connect and log in, with utf8 where the server is older than utf8mb4 (5.5.3)."""
        try:
            try:
                self._open_with(attempt, self._charset, address, secret)
            except pymysql.MySQLError as error:
                if _code(error) != ER.UNKNOWN_CHARACTER_SET or self._charset == "utf8":
                    raise
                self._charset = "utf8"
                self._open_with(attempt, self._charset, address, secret)
        except LinkError:
            raise
        except Exception as error:  # pymysql meets bytes of another protocol with whatever comes
            raise self._explain_opening(error, address) from None

    def _open_with(
        self, attempt: _Attempt, charset: str, address: Path | tuple[str, int], secret: Secret | None
    ) -> None:
        connection = pymysql.connections.Connection(
            user=self._settings.user,
            password=secret.reveal() if secret is not None else "",
            charset=charset,
            use_unicode=False,
            conv=_CONVERSIONS,
            autocommit=True,
            local_infile=False,
            cursorclass=DictCursor,
            ssl_disabled=True,
            defer_connect=True,
            program_name="ccops",
        )
        attempt.socket = _connect_socket(address)
        if attempt.abandoned:
            attempt.abandon()
            raise LinkLost("the MySQL connection was given up")
        connection.connect(attempt.socket)
        self.server_version = clean(str(connection.get_server_info()), 80)  # type: ignore[no-untyped-call]
        for statement in (*_LIMITS, *([_READ_ONLY] if self._read_only else ())):
            try:
                connection.cursor().execute(statement)
            except pymysql.MySQLError as error:  # an older server does not know it
                if _code(error) in _GONE:
                    raise
        attempt.connection = connection

    def _explain_opening(self, error: Exception, address: Path | tuple[str, int]) -> LinkError:
        code = _code(error)
        cause = getattr(error, "original_exception", error)
        where = self._settings.socket or f"port {self._settings.port}"
        if "auth switch" in str(error):
            return AuthenticationFailed(
                f"the password of {clean(self._settings.user, 60)} is stored in the format from before MySQL 4.1: "
                "on the server, SET old_passwords = 0 and set the password again"
            )
        if code in _NOT_LET_IN or isinstance(cause, RuntimeError):
            return AuthenticationFailed(
                f"MySQL does not let {clean(self._settings.user, 60)} in ({_say(error)}): check user, password and "
                "the host it is granted for"
            )
        refusal = forward.refusal(address) if isinstance(address, Path) else None
        if refusal is not None and not isinstance(refusal, NotListening):
            return refusal
        nobody = isinstance(cause, ConnectionRefusedError | FileNotFoundError)
        if nobody or refusal is not None or (code == CR.CR_SERVER_LOST and isinstance(address, Path)):
            return NotListening(f"MySQL is not listening on {where}")
        if isinstance(cause, TimeoutError):
            return TimedOut(f"MySQL on {where} did not greet within {CONNECT_TIMEOUT_S:g} s")
        if isinstance(cause, OSError):
            return Unreachable(f"MySQL on {where} cannot be reached: {clean(cause.strerror or str(cause), 200)}")
        if code == ER.HOST_IS_BLOCKED:
            return Refused(
                f"MySQL has blocked this host after failed connections: run `mysqladmin flush-hosts` ({where})"
            )
        if isinstance(error, pymysql.MySQLError):
            return LinkLost(f"MySQL on {where} refused the connection: {_say(error)}")
        return Unreachable(f"what answers on {where} does not speak MySQL ({type(error).__name__}): is the port right?")

    def _lose(self, error: LinkError) -> LinkError:
        self._drop()
        self._report("down", problem=str(error))
        return error

    def _drop(self) -> None:
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None

    def _report(self, phase: Phase, *, problem: str | None = None, latency_s: float | None = None) -> None:
        since = self.status.since if phase == self.status.phase else time.time()
        status = LinkStatus(phase, since, problem, latency_s)
        if status != self.status:
            self.status = status
            self._on_status(status)


def _connect_socket(address: Path | tuple[str, int]) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, CONNECT_TIMEOUT_S)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(CONNECT_TIMEOUT_S)
        made.connect(str(address))
    except OSError:
        made.close()
        raise
    return made


def _execute(attempt: _Attempt, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """In the thread: one statement, all its rows."""
    return _with_cursor(attempt, sql, params, _rows)


def _change(attempt: _Attempt, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> int:
    """In the thread: one statement, how many rows it changed."""
    return _with_cursor(attempt, sql, params, lambda cursor: max(cursor.rowcount, 0))


def _rows(cursor: DictCursor) -> list[Row]:
    rows = cursor.fetchall()
    names = [_text(key) for key in rows[0]] if rows else []
    return [dict(zip(names, map(_cell, row.values()), strict=True)) for row in rows]


def _with_cursor(
    attempt: _Attempt, sql: str, params: Sequence[Any] | Mapping[str, Any], read: Callable[[DictCursor], T]
) -> T:
    if attempt.connection is None or attempt.abandoned:
        raise LinkLost("the MySQL connection is gone")
    cursor = attempt.connection.cursor()
    try:
        statement = cursor.mogrify(sql, params or None)
    except Exception as error:
        raise Refused(f"statement and parameters do not fit: {clean(str(error), 200)}") from None
    try:
        cursor.execute(statement)
        return read(cursor)
    except pymysql.MySQLError as error:
        if _code(error) in _GONE or isinstance(error, pymysql.InterfaceError):
            raise LinkLost(f"the MySQL connection was lost: {_say(error)}") from None
        raise Refused(f"MySQL refused the statement: {_say(error)}") from None
    except Exception as error:  # a result that is none leaves the stream in an unknown place
        raise LinkLost(f"MySQL sent what is not its protocol ({type(error).__name__})") from None


def _code(error: Exception) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else -1


def _say(error: Exception) -> str:
    """The server's words, harmless; they name the user and never the password."""
    return clean(" ".join(str(part) for part in error.args), 300)


def _text(value: str | bytes) -> str:
    return clean(decode(value) if isinstance(value, bytes) else value)


def _cell(value: Any) -> Any:
    return _text(value) if isinstance(value, str | bytes) else value

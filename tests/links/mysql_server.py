"""A fake MySQL on loopback, as far as a client of one connection sees it (protocol 4.1, text results)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
from pathlib import Path
from typing import Any

from ccops.config import MysqlSettings, SecretRef

PASSWORD = "s3cr3t-of-mysql"
SALT = b"abcdefgh" + b"ijklmnopqrst"
COLUMN_TYPES = {"int": 3, "decimal": 246, "datetime": 12, "text": 253}
Column = tuple[bytes, str]
Result = tuple[list[Column], list[list[bytes | None]]]


class FakeMysql:
    """`results` maps a statement to (columns, rows), `errors` to (code, message); a statement in `hanging` gets
    nothing, one in `dropping` a closed connection, one in `garbling` bytes that are no result."""

    def __init__(self, version: str = "8.0.36", *, utf8mb4: bool = True, old_passwords: bool = False) -> None:
        self.version = version
        self.utf8mb4 = utf8mb4
        self.old_passwords = old_passwords
        self.results: dict[str, Result] = {}
        self.errors: dict[str, tuple[int, str]] = {}
        self.hanging: set[str] = set()
        self.dropping: set[str] = set()
        self.garbling: set[str] = set()
        self.statements: list[str] = []
        self.connections = 0
        self.greeting: bytes | None = None
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, path: Path | None = None) -> FakeMysql:
        if path is not None:
            self._server = await asyncio.start_unix_server(self._serve, str(path))
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def dial(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def settings(self, **changes: Any) -> MysqlSettings:
        values: dict[str, Any] = {"user": "ccops", "password": SecretRef(env="CCOPS_SQL"), "port": self.port or 3306}
        return MysqlSettings(**(values | changes))

    def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if self.greeting is not None:
                writer.write(self.greeting)
                await reader.read()
                return
            writer.write(_packet(0, self._handshake()))
            sequence, login = await _read(reader)
            user, _, rest = login[32:].partition(b"\0")
            if self.old_passwords:
                writer.write(_packet(sequence + 1, b"\xfe"))
            elif rest[1 : 1 + rest[0]] != _scramble(PASSWORD.encode()):
                message = f"Access denied for user '{user.decode()}'@'localhost' (using password: YES)"
                writer.write(_packet(sequence + 1, _error(1045, message)))
            else:
                writer.write(_packet(sequence + 1, _OK))
                while True:
                    _, command = await _read(reader)
                    self._answer(command[1:].decode(), writer)
            await reader.read()
        writer.close()

    def _handshake(self) -> bytes:
        low = 0x0001 | 0x0004 | 0x0200 | 0x2000 | 0x8000
        return (
            b"\x0a" + self.version.encode() + b"\0" + struct.pack("<I", 7) + SALT[:8] + b"\0"
            + struct.pack("<HBHHB", low, 8, 0, 0, 21) + b"\0" * 10 + SALT[8:] + b"\0"
        )  # fmt: skip

    def _answer(self, statement: str, writer: asyncio.StreamWriter) -> None:
        self.statements.append(statement)
        if statement in self.hanging:
            return
        if statement in self.dropping:
            writer.transport.abort()
        elif statement in self.garbling:
            writer.write(_packet(1, b"\x05") + _packet(2, b"\xff\xff nonsense") * 7)
        elif statement == "SET NAMES utf8mb4" and not self.utf8mb4:
            writer.write(_packet(1, _error(1115, "Unknown character set: 'utf8mb4'")))
        elif statement in self.errors:
            writer.write(_packet(1, _error(*self.errors[statement])))
        elif statement in self.results:
            payloads = _result(*self.results[statement])
            writer.write(b"".join(_packet(n, payload) for n, payload in enumerate(payloads, 1)))
        else:
            writer.write(_packet(1, _OK))


_OK = b"\0\0\0\2\0\0\0"
_EOF = b"\xfe\0\0\2\0"


def _packet(sequence: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([sequence & 255]) + payload


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    header = await reader.readexactly(4)
    return header[3], await reader.readexactly(int.from_bytes(header[:3], "little"))


def _error(code: int, message: str) -> bytes:
    return b"\xff" + struct.pack("<H", code) + b"#HY000" + message.encode()


def _string(value: bytes | None) -> bytes:
    return b"\xfb" if value is None else bytes([len(value)]) + value


def _result(columns: list[Column], rows: list[list[bytes | None]]) -> list[bytes]:
    described = [
        b"".join(map(_string, (b"def", b"", b"", b"", name, name)))
        + struct.pack("<BHIBHBH", 12, 33, 255, COLUMN_TYPES[kind], 0, 0, 0)
        for name, kind in columns
    ]
    return [bytes([len(columns)]), *described, _EOF, *(b"".join(map(_string, row)) for row in rows), _EOF]


def _scramble(password: bytes) -> bytes:
    first = hashlib.sha1(password).digest()
    mask = hashlib.sha1(SALT + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, mask, strict=True))

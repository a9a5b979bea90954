"""What writes to MySQL, against a real server: what it changed is told, what was refused is said."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from ccops.config import MysqlControlSettings, MysqlSettings, NodeSettings, PairSettings
from ccops.links.errors import Refused, Unreachable
from ccops.operations.books import Books
from ccops.operations.hands import Hands
from tests.mariadb.server import Server

NODE = "elaxtix-voip"
PAIR = PairSettings(
    nodes=(NodeSettings(NODE, "127.0.0.1"), NodeSettings("elaxtix-voip-2", "127.0.0.2")), address="192.168.27.120"
)


class _Here(Hands):
    """The node is this host: its socket needs no forwarding."""

    def __init__(self, server: Server) -> None:
        super().__init__(PAIR)
        self._server = server

    async def reach(self, node: str) -> _Here:  # type: ignore[override]
        return self

    async def forward_socket(self, path: str) -> object:
        assert path == str(self._server.socket)
        return self._server.socket


@pytest.fixture
async def books(mariadb: Server) -> AsyncIterator[Books]:
    mariadb.run("DROP DATABASE IF EXISTS books", "CREATE DATABASE books", "CREATE TABLE books.b (id INT, t TEXT)")
    mysql = MysqlSettings(user="watcher", socket=str(mariadb.socket))
    books = Books(replace(PAIR, mysql=mysql, mysql_control=MysqlControlSettings(user="writer")), _Here(mariadb))
    yield books
    await books.close()


async def test_it_writes_as_its_own_user_and_tells_how_much(books: Books) -> None:
    nasty = "x'; DROP TABLE books.b; -- \\"
    assert books.user == "writer"
    assert (await books.query(NODE, "SELECT USER() AS u"))[0]["u"].startswith("writer@")
    assert await books.change(NODE, "INSERT INTO books.b VALUES (%s, %s), (2, 'b')", (1, nasty)) == 2
    assert await books.change(NODE, "UPDATE books.b SET t = 'b'") == 1
    assert await books.change(NODE, "DELETE FROM books.b WHERE t = %s", (nasty,)) == 0
    assert [row["t"] for row in await books.query(NODE, "SELECT t FROM books.b")] == ["b", "b"]


async def test_what_is_refused_is_said_and_the_session_lives(books: Books) -> None:
    with pytest.raises(Refused, match="nowhere"):
        await books.change(NODE, "INSERT INTO books.nowhere VALUES (1)")
    assert await books.change(NODE, "INSERT INTO books.b VALUES (1, NULL)") == 1


async def test_without_a_user_it_says_what_to_do(mariadb: Server) -> None:
    with pytest.raises(Unreachable, match="ccops init"):
        await Books(PAIR, _Here(mariadb)).query(NODE, "SELECT 1")

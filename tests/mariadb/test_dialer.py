"""What acting through the dialer reads of the call-center module, from real tables of three installations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from ccops.callcentre.campaigns import Break
from ccops.config import EccpSettings, MysqlSettings, SecretRef
from ccops.operations.books import Books
from ccops.operations.dialer import Dialer
from ccops.setup.eccpuser import statements as eccp_statements
from tests.links.eccp_server import PASSWORD, USER, FakeDialer
from tests.mariadb.schema import KINDS, Kind, statements
from tests.mariadb.server import Server
from tests.mariadb.test_books import NODE, PAIR, _Here

CLIENTS = (
    "CREATE TABLE eccp_authorized_clients (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, username VARCHAR(64) NOT NULL,"
    " md5_password VARCHAR(32) NOT NULL)"
)
ODD = 'cl\'av\\e "ñ" %s'


class _Forwarded(_Here):
    def __init__(self, server: Server, dialer: FakeDialer) -> None:
        super().__init__(server)
        self._dialer = dialer

    async def forward_tcp(self, host: str, port: int) -> tuple[str, int]:
        return self._dialer.address


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDialer]:
    monkeypatch.setenv("CCOPS_TEST_ECCP", PASSWORD)
    server = await FakeDialer().start()
    yield server
    server.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_tables_of_each_installation(mariadb: Server, fake: FakeDialer, kind: Kind) -> None:
    mariadb.run(*statements(kind))
    column, types = ("", "") if kind == "old" else (", eccp_password", "type, ")
    values = [
        ("Agent", "9000", "c1", "A"),
        ("SIP", "102", ODD, "A"),
        ("SIP", "103", None, "A"),
        ("SIP", "104", "", "I"),
    ]
    for type_, number, password, status in values:
        row = [*([type_] if types else []), number, "Ana", status, *([password] if column else [])]
        mariadb.fill("call_center.agent", f"{types}number, name, estatus{column}".split(", "), [row])
    mariadb.fill(
        "call_center.`break`",
        ("id", "name", "description", "status", "tipo"),
        [(1, "Hold", "Hold", "A", "H"), (2, "Baño'", None, "A", "B"), (3, "Vieja", "", "I", "B")],
    )
    if kind != "old":
        mariadb.run("USE call_center", CLIENTS)
    ref = SecretRef(env="CCOPS_TEST_ECCP")
    mysql = MysqlSettings(user="ccops", socket=str(mariadb.socket))
    hands = _Forwarded(mariadb, fake)
    pair = replace(PAIR, mysql=mysql, eccp=EccpSettings(USER, ref))
    books = Books(pair, hands)
    dialer = Dialer(pair, hands, books)
    try:
        agents = await dialer.agents(NODE)
        if kind == "old":
            assert agents == {"Agent/9000", "Agent/102", "Agent/103"}
            assert "too old for ECCP" in (await dialer.look(NODE, "Agent/9000")).why_not
            return
        assert agents == {"Agent/9000", "SIP/102", "SIP/103"}
        fake.passwords = {"Agent/9000": "c1", "SIP/102": ODD}
        by = await dialer.look(NODE, "SIP/102")
        assert (by.why_not, by.breaks, by.open_to_all, by.shipped) == ("", (Break(2, "Baño'"),), False, False)
        assert await dialer.send(NODE, "pauseagent", {"agent_number": "SIP/102", "pause_type": "2"}) == "success"
        assert (await dialer.look(NODE, "SIP/103")).open_to_all
        assert "no active agent SIP/104" in (await dialer.look(NODE, "SIP/104")).why_not
        assert "no active agent SIP/1" in (await dialer.look(NODE, "SIP/1' OR '1'='1")).why_not
        # The statements that are printed make a user, and the shipped one is found.
        mariadb.run(*eccp_statements(lambda: "s3cret").split(";\n")[:2])
        mariadb.run(
            "INSERT INTO call_center.eccp_authorized_clients VALUES (NULL, 'agentconsole', MD5('agentconsole'))"
        )
        assert (await dialer.look(NODE, "SIP/102")).shipped
        rows = await books.query(NODE, "SELECT md5_password AS p FROM call_center.eccp_authorized_clients ORDER BY id")
        assert rows[0]["p"] == "33e1b232a4e6fa0028a6670753749a17"
    finally:
        dialer.close()
        await books.close()


async def test_without_a_module_nobody_is_its_agent(mariadb: Server, fake: FakeDialer) -> None:
    mariadb.run("DROP DATABASE IF EXISTS call_center")
    pair = replace(PAIR, mysql=MysqlSettings(user="ccops", socket=str(mariadb.socket)))
    hands = _Forwarded(mariadb, fake)
    books = Books(pair, hands)
    try:
        assert await Dialer(pair, hands, books).agents(NODE) == frozenset()
        mariadb.run("CREATE DATABASE call_center")
        assert await Dialer(pair, hands, books).agents(NODE) == frozenset()
    finally:
        await books.close()

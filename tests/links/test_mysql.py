"""The MySQL link: old and new servers, loss, silence, refusal, and hostile cells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening, Refused, TimedOut, Unreachable
from ccops.links.mysql import MysqlLink
from ccops.links.status import LinkStatus
from tests.links.mysql_server import PASSWORD, FakeMysql
from tests.links.ssh_server import until

Link = Callable[..., MysqlLink]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOPS_SQL", PASSWORD)


@pytest.fixture
def statuses() -> list[LinkStatus]:
    return []


@pytest.fixture
async def server() -> AsyncIterator[FakeMysql]:
    made = await FakeMysql().start()
    yield made
    made.close()


@pytest.fixture
async def link(statuses: list[LinkStatus]) -> AsyncIterator[Link]:
    made: list[MysqlLink] = []

    def begin(server: FakeMysql, **changes: Any) -> MysqlLink:
        settings = changes.pop("settings", None) or server.settings()
        made.append(MysqlLink(settings, changes.pop("dial", server.dial), statuses.append, **changes))
        return made[-1]

    yield begin
    for each in made:
        await each.close()


async def test_cells_have_types_and_hostile_text_is_harmless(server: FakeMysql, link: Link) -> None:
    server.results["SELECT 1"] = (
        [(b"id", "int"), (b"n\x1bame", "text"), (b"sum", "decimal"), (b"at", "datetime"), (b"none", "text")],
        [
            [b"7", b"\x1b[31mJos\xc3\xa9\x00", b"1.50", b"2026-11-23 03:09:26", None],
            [b"8", b"Mar\xeda \xe2\x80\xaex", b"2", b"2026-11-23 03:09:26", None],
        ],
    )
    rows = await link(server).query("SELECT 1")
    at = datetime(2026, 11, 23, 3, 9, 26)
    assert rows[0] == {"id": 7, "name": "[31mJosé", "sum": Decimal("1.50"), "at": at, "none": None}
    assert rows[1]["name"].startswith("María")


async def test_parameters_are_escaped_not_pasted(server: FakeMysql, link: Link) -> None:
    made = link(server)
    await made.query("SELECT * FROM agent WHERE name = %s AND n > %s", ("x' OR '1'='1", 3))
    assert server.statements[-1] == "SELECT * FROM agent WHERE name = 'x\\' OR \\'1\\'=\\'1' AND n > 3"
    await made.query("SELECT '%'")
    assert server.statements[-1] == "SELECT '%'"
    with pytest.raises(Refused, match="do not fit"):
        await made.query("SELECT %s", (1, 2))
    assert server.connections == 1


async def test_the_session_is_utf8mb4_autocommit_and_read_only(server: FakeMysql, link: Link) -> None:
    made = link(server)
    await made.query("SELECT 1")
    assert "SET NAMES utf8mb4" in server.statements
    assert "SET AUTOCOMMIT = 1" in server.statements
    assert "SET SESSION TRANSACTION READ ONLY" in server.statements
    assert made.server_version == "8.0.36"
    server.statements.clear()
    await link(server, read_only=False).query("SELECT 1")
    assert not any("READ ONLY" in statement for statement in server.statements)


async def test_mysql_5_0_gets_utf8_and_no_complaint(link: Link) -> None:
    server = await FakeMysql("5.0.95", utf8mb4=False).start()
    for statement in ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_execution_time = 30000"):
        server.errors[statement] = (1064, "You have an error in your SQL syntax")
    made = link(server)
    await made.query("SELECT 1")
    assert server.statements[-1] == "SELECT 1"
    assert "SET NAMES utf8" in server.statements
    assert server.connections == 2
    server.close()
    again = await FakeMysql("5.0.95", utf8mb4=False).start()
    server.port = again.port
    with pytest.raises(LinkLost):
        await made.query("SELECT 1")
    await made.query("SELECT 1")
    assert again.connections == 1
    again.close()


async def test_password_of_before_4_1_says_what_to_do(link: Link) -> None:
    server = await FakeMysql("5.0.95", old_passwords=True).start()
    with pytest.raises(AuthenticationFailed, match="old_passwords = 0"):
        await link(server).query("SELECT 1")
    server.close()


async def test_a_refused_statement_leaves_the_connection(
    server: FakeMysql, link: Link, statuses: list[LinkStatus]
) -> None:
    server.errors["SELECT x"] = (1146, "Table 'call_center.x' doesn't\x1b exist")
    made = link(server)
    with pytest.raises(Refused, match=r"Table 'call_center\.x' doesn't exist"):
        await made.query("SELECT x")
    await made.query("SELECT 1")
    assert server.connections == 1
    assert made.status.phase == "up"


@pytest.mark.parametrize("how", ["dropping", "garbling"])
async def test_a_lost_connection_is_made_again_by_the_next_query(
    how: str, server: FakeMysql, link: Link, statuses: list[LinkStatus]
) -> None:
    getattr(server, how).add("SELECT x")
    made = link(server)
    with pytest.raises(LinkLost):
        await made.query("SELECT x")
    assert made.status.phase == "down"
    await made.query("SELECT 1")
    assert made.status.phase == "up"
    assert server.connections == 2
    assert server.statements.count("SELECT x") == 1


async def test_a_query_that_hangs_is_given_up_in_time_and_its_thread_too(server: FakeMysql, link: Link) -> None:
    server.hanging.add("SELECT SLEEP(60)")
    made = link(server)
    await made.query("SELECT 1")
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"within 0\.2 s"):
        await made.query("SELECT SLEEP(60)", timeout_s=0.2)
    await made.query("SELECT 1", timeout_s=3)
    assert time.monotonic() - began < 3
    assert len([t for t in threading.enumerate() if t.name.startswith("ccops-mysql")]) == 1


async def test_cancelling_a_query_frees_the_thread(server: FakeMysql, link: Link) -> None:
    server.hanging.add("SELECT SLEEP(60)")
    made = link(server)
    waiting = asyncio.ensure_future(made.query("SELECT SLEEP(60)", timeout_s=60))
    await until(lambda: "SELECT SLEEP(60)" in server.statements)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await made.query("SELECT 1", timeout_s=3)


async def test_never_two_statements_in_flight(server: FakeMysql, link: Link) -> None:
    made = link(server)
    await asyncio.gather(*(made.query(f"SELECT {n}") for n in range(20)))
    assert server.connections == 1
    assert sorted(s for s in server.statements if s.startswith("SELECT")) == sorted(f"SELECT {n}" for n in range(20))


async def test_wrong_password_is_named_without_it_and_not_hammered(
    server: FakeMysql, link: Link, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CCOPS_SQL", "wr0ng-value")
    made = link(server, slow_retry_s=0.2)
    shown = ""
    for _ in range(3):
        with pytest.raises(AuthenticationFailed, match="Access denied for user 'ccops'") as caught:
            await made.query("SELECT 1")
        shown += f"{caught.value!r}"
    assert server.connections == 1
    assert made.status.phase == "down"
    assert "wr0ng-value" not in shown + caplog.text + repr(made.status)
    monkeypatch.setenv("CCOPS_SQL", PASSWORD)
    async with asyncio.timeout(10):
        while made.status.phase != "up":
            with contextlib.suppress(AuthenticationFailed):
                await made.query("SELECT 1")
            await asyncio.sleep(0.02)
    assert server.connections == 2


async def test_nobody_listening_is_off(link: Link, statuses: list[LinkStatus]) -> None:
    server = await FakeMysql().start()
    server.close()
    made = link(server)
    for _ in range(2):
        with pytest.raises(NotListening, match=f"MySQL is not listening on port {server.port}"):
            await made.query("SELECT 1")
    assert [s.phase for s in statuses] == ["connecting", "off"] or [s.phase for s in statuses] == ["off"]


async def test_a_forward_that_closes_before_the_greeting_is_off(link: Link, tmp_path: Path) -> None:
    server = FakeMysql()
    far = await asyncio.start_unix_server(lambda r, w: w.close(), str(tmp_path / "s"))

    async def dial() -> Path:
        return tmp_path / "s"

    with pytest.raises(NotListening, match=r"mysql\.sock"):
        await link(server, dial=dial, settings=server.settings(socket="/var/lib/mysql/mysql.sock")).query("SELECT 1")
    far.close()


async def test_works_through_a_unix_socket(link: Link, tmp_path: Path) -> None:
    server = await FakeMysql().start(tmp_path / "s")

    async def dial() -> Path:
        return tmp_path / "s"

    await link(server, dial=dial).query("SELECT 1")
    assert server.statements[-1] == "SELECT 1"
    server.close()


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH\r\n", b"\x00" * 64, b"\x01\x00\x00\x00\x0a", b"\x05\x00\x00\x00\x0aabcd"]
)
async def test_something_else_on_that_port_is_an_error_not_a_crash(
    greeting: bytes, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccops.links.mysql.CONNECT_TIMEOUT_S", 0.3)
    server = FakeMysql()
    server.greeting = greeting
    await server.start()
    with pytest.raises(LinkError):
        await link(server).query("SELECT 1")
    server.close()


async def test_a_dial_that_fails_is_passed_on(server: FakeMysql, link: Link, statuses: list[LinkStatus]) -> None:
    async def dial() -> Path:
        raise Unreachable("no way there")

    with pytest.raises(Unreachable, match="no way there"):
        await link(server, dial=dial).query("SELECT 1")
    assert statuses[-1].problem == "no way there"

"""AMI and MySQL through SSH forwards, as they run by default, and who is told what when a part of it fails."""

from __future__ import annotations

import asyncio
import time

import asyncssh
import msgspec
import pytest

from ccops.links.ami import AmiLink
from ccops.links.backoff import Backoff
from ccops.links.errors import LinkLost, NotListening, Refused
from ccops.links.mysql import MysqlLink
from ccops.links.ssh import SshConnection, connect
from ccops.links.status import LinkStatus
from ccops.pair import model
from tests.links.ami_server import SECRET, FakeAmi
from tests.links.mysql_server import PASSWORD, FakeMysql
from tests.links.ssh_server import Keys, Proxy, serve, until


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOPS_AMI_SECRET", SECRET)
    monkeypatch.setenv("CCOPS_SQL", PASSWORD)


def ami_over(
    connection: SshConnection, ami: FakeAmi, statuses: list[LinkStatus], events: list[dict[str, str]]
) -> AmiLink:
    return AmiLink(
        ami.settings(),
        lambda: connection.forward_tcp("127.0.0.1", ami.port),
        statuses.append,
        lambda batch, received_at: events.extend(batch),
        backoff=Backoff(0.01, 0.05),
        off_retry_s=0.02,
    )


async def test_ami_runs_through_the_forward_and_falls_with_the_node(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    connection = await connect(keys.node(proxy.port))
    ami = await FakeAmi().start()
    statuses: list[LinkStatus] = []
    events: list[dict[str, str]] = []
    link = ami_over(connection, ami, statuses, events)
    running = asyncio.ensure_future(link.run())
    await until(lambda: link.session is not None)
    ami.send(b"Event: Hangup\r\nCause: 16\r\n\r\n" * 5000)
    await until(lambda: len(events) == 5000)
    began = time.monotonic()
    proxy.cut()
    await until(lambda: link.status.phase == "down")
    assert time.monotonic() - began < 4
    await until(lambda: "SSH connection to node" in (link.status.problem or ""))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    proxy.close()
    ami.close()


async def test_a_standby_without_asterisk_and_mysql_is_off(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    connection = await connect(keys.node(server.get_port()))
    ami, sql = await FakeAmi().start(), await FakeMysql().start()
    ami.close()
    sql.close()
    statuses: list[LinkStatus] = []
    link = ami_over(connection, ami, statuses, [])
    running = asyncio.ensure_future(link.run())
    await until(lambda: link.status.phase == "off")
    assert link.status.problem == f"Asterisk is not listening on port {ami.port}"
    mysql = MysqlLink(sql.settings(), lambda: connection.forward_tcp("127.0.0.1", sql.port), statuses.append)
    with pytest.raises(NotListening, match=f"MySQL is not listening on port {sql.port}"):
        await mysql.query("SELECT 1")
    assert mysql.status.phase == "off"
    again = await FakeAmi().start(ami.port)
    await until(lambda: link.status.phase == "up")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await mysql.close()
    again.close()
    connection.abort()


async def test_mysql_runs_through_the_forward_and_falls_with_the_node(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    connection = await connect(keys.node(server.get_port()))
    sql = await FakeMysql().start()
    sql.results["SELECT 1"] = ([(b"one", "int")], [[b"1"]])
    sql.hanging.add("SELECT SLEEP(60)")
    mysql = MysqlLink(sql.settings(), lambda: connection.forward_tcp("127.0.0.1", sql.port), lambda status: None)
    assert await mysql.query("SELECT 1") == [{"one": 1}]
    hanging = asyncio.ensure_future(mysql.query("SELECT SLEEP(60)", timeout_s=60))
    await until(lambda: "SELECT SLEEP(60)" in sql.statements)
    connection.abort()
    with pytest.raises(LinkLost):
        await hanging
    await mysql.close()
    sql.close()


async def test_sshd_that_forbids_forwarding_is_named_by_both(keys: Keys) -> None:
    acceptor = await serve(keys, forwarding=False)
    keys.known_hosts(acceptor.get_port())
    connection = await connect(keys.node(acceptor.get_port()))
    ami, sql = await FakeAmi().start(), await FakeMysql().start()
    statuses: list[LinkStatus] = []
    link = ami_over(connection, ami, statuses, [])
    running = asyncio.ensure_future(link.run())
    await until(lambda: link.status.phase == "down")
    assert "AllowTcpForwarding" in (link.status.problem or "")
    mysql = MysqlLink(sql.settings(), lambda: connection.forward_tcp("127.0.0.1", sql.port), statuses.append)
    with pytest.raises(Refused, match="AllowTcpForwarding"):
        await mysql.query("SELECT 1")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await mysql.close()
    connection.abort()
    acceptor.close()
    ami.close()
    sql.close()


def test_a_status_says_the_same_as_the_pair_model() -> None:
    status = LinkStatus("up", 1.0, "x", 0.5, 2.0)
    assert msgspec.structs.asdict(status) == msgspec.structs.asdict(model.Link(**msgspec.structs.asdict(status)))

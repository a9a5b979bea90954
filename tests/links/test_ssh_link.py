"""A link that is kept up: reconnects, says how it is, and never hammers."""

from __future__ import annotations

import asyncio
import time

import asyncssh
import pytest

from ccops.links.backoff import Backoff
from ccops.links.errors import LinkLost
from ccops.links.ssh import SshConnection, SshLink
from ccops.links.status import LinkStatus
from tests.links.ssh_server import Keys, Proxy, until


def quick() -> Backoff:
    return Backoff(0.01, 0.05)


def phases(statuses: list[LinkStatus]) -> list[str]:
    found: list[str] = []
    for status in statuses:
        if not found or found[-1] != status.phase:
            found.append(status.phase)
    return found


async def test_reconnects_after_a_cut_and_reports_each_change(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    statuses: list[LinkStatus] = []
    link = SshLink(keys.node(proxy.port), statuses.append, backoff=quick())
    seen: list[SshConnection] = []

    async def consume() -> None:
        async for connection in link.connections():
            seen.append(connection)
            try:
                process = await connection.open_process("echo ready; sleep 60")
                assert await process.stdout.read() == b"ready\n"
                if len(seen) == 1:
                    proxy.cut()
                await process.stdout.read()
            except LinkLost as error:
                link.lost(str(error))

    task = asyncio.ensure_future(consume())
    await until(lambda: len(seen) == 2 and link.status.phase == "up" and link.status.latency_s is not None)
    assert phases(statuses)[:4] == ["up", "down", "connecting", "up"]
    down = next(s for s in statuses if s.retry_at)
    assert "lost" in (down.problem or "")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: seen[-1].closed)
    proxy.close()


async def test_leaving_the_body_normally_drops_the_connection(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    link = SshLink(keys.node(server.get_port()), lambda status: None, backoff=quick())
    seen: list[SshConnection] = []
    async for connection in link.connections():
        seen.append(connection)
        if len(seen) == 2:
            assert seen[0].closed
            assert not connection.closed
            break
    await until(lambda: seen[1].closed)


async def test_loss_is_reported_while_the_consumer_is_busy_elsewhere(
    keys: Keys, server: asyncssh.SSHAcceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccops.links.login.KEEPALIVE_INTERVAL_S", 0.5)
    monkeypatch.setattr("ccops.links.ssh._SILENT_AFTER_S", 0.3)
    monkeypatch.setattr("ccops.links.ssh._MEASURE_EVERY_S", 0.2)
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    link = SshLink(keys.node(proxy.port), lambda status: None, backoff=quick())
    async for _ in link.connections():
        await until(lambda: link.status.latency_s is not None)
        proxy.freeze()
        began = time.monotonic()
        await until(lambda: link.status.phase == "silent")
        assert "has not answered" in (link.status.problem or "")
        await until(lambda: link.status.phase == "down")
        assert "stopped answering" in (link.status.problem or "")
        assert time.monotonic() - began < 4
        break
    proxy.close()


async def test_silence_is_told_within_five_seconds(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    link = SshLink(keys.node(proxy.port), lambda status: None, backoff=quick())
    async for _ in link.connections():
        await until(lambda: link.status.latency_s is not None)
        proxy.freeze()
        began = time.monotonic()
        await until(lambda: link.status.phase == "silent")
        assert time.monotonic() - began < 5
        assert "has not answered" in (link.status.problem or "")
        break
    proxy.close()


async def test_a_short_silence_ends_up_again(
    keys: Keys, server: asyncssh.SSHAcceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccops.links.ssh._SILENT_AFTER_S", 0.3)
    monkeypatch.setattr("ccops.links.ssh._MEASURE_EVERY_S", 0.2)
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    statuses: list[LinkStatus] = []
    link = SshLink(keys.node(proxy.port), statuses.append, backoff=quick())
    async for connection in link.connections():
        proxy.freeze()
        await until(lambda: link.status.phase == "silent")
        proxy.thaw()
        await until(lambda: link.status.phase == "up")
        assert not connection.closed
        assert link.status.problem is None
        break
    assert phases(statuses)[-3:] == ["up", "silent", "up"]
    proxy.close()


async def test_wrong_key_is_named_and_retried_slowly(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    proxy = await Proxy(server.get_port()).start()
    other = keys.folder / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(other))
    keys.known_hosts(proxy.port)
    link = SshLink(keys.node(proxy.port, identity=str(other)), lambda status: None, backoff=quick())
    task = asyncio.ensure_future(anext(aiter(link.connections())))
    await until(lambda: link.status.phase == "down")
    assert "does not let ops in" in (link.status.problem or "")
    assert link.status.retry_at is not None
    assert 25 < link.status.retry_at - time.time() <= 30
    assert proxy.accepted == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    proxy.close()


async def test_unknown_host_key_is_retried_slowly_until_it_is_accepted(
    keys: Keys, server: asyncssh.SSHAcceptor
) -> None:
    node = keys.node(server.get_port(), known_hosts=str(keys.folder / "later"))
    link = SshLink(node, lambda status: None, backoff=quick(), slow_retry_s=0.05)
    task = asyncio.ensure_future(anext(aiter(link.connections())))
    await until(lambda: link.status.phase == "down")
    assert "is not known" in (link.status.problem or "")
    (keys.folder / "later").write_text(keys.known_hosts(server.get_port()).read_text())
    connection = await asyncio.wait_for(task, 10)
    connection.abort()


async def test_node_that_comes_back_is_found(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    mute = await asyncio.start_server(lambda r, w: w.transport.abort(), "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    statuses: list[LinkStatus] = []
    link = SshLink(keys.node(port), statuses.append, backoff=quick())
    task = asyncio.ensure_future(anext(aiter(link.connections())))
    await until(lambda: sum(s.phase == "down" for s in statuses) >= 3)
    mute.close()
    assert all(s.problem for s in statuses if s.phase == "down")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_backoff_grows_to_its_limit_and_forgets_after_a_lasting_connection() -> None:
    backoff = Backoff(0.5, 10.0, uniform=lambda: 1.0)
    assert [backoff.next_delay() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    backoff.ended(lasted_s=0.1)
    assert backoff.next_delay() == 10.0
    backoff.ended(lasted_s=60.0)
    assert backoff.next_delay() == 0.5
    assert Backoff(0.5, uniform=lambda: 0.0).next_delay() == 0.25
    worn = Backoff()
    assert all(worn.next_delay() <= 10.0 for _ in range(2000))

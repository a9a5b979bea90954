"""AMI and MySQL of a simulated node, over plain sockets and through SSH."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import pymysql
import pytest

from ccops.demo.calls import sql_date
from ccops.demo.world import Demo
from tests.demo.conftest import log_in, secret_of, until

# AMI.


async def read_block(reader: asyncio.StreamReader) -> dict[str, str]:
    data = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    return {k: v.strip() for k, _, v in (line.partition(":") for line in data.decode().split("\r\n") if line)}


async def answer_to(reader: asyncio.StreamReader, identity: str) -> dict[str, str]:
    while True:
        block = await read_block(reader)
        if block.get("ActionID") == identity:
            return block


async def open_ami(demo: Demo, n: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.ami[n].door.port)
    assert await reader.readline() == b"Asterisk Call Manager/5.0.4\r\n"
    return reader, writer


def action(name: str, **headers: str) -> bytes:
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"Action: {name}\r\n{lines}\r\n".encode()


async def test_ami_md5_login_lists_and_goodbye(demo: Demo) -> None:
    reader, writer = await open_ami(demo)
    writer.write(action("QueueStatus", ActionID="0"))
    assert (await read_block(reader))["Message"] == "Permission denied"
    writer.write(action("Challenge", AuthType="MD5"))
    challenge = (await read_block(reader))["Challenge"]
    key = hashlib.md5((challenge + secret_of(demo)).encode(), usedforsecurity=False).hexdigest()
    writer.write(action("Login", ActionID="1", AuthType="MD5", Username="ccops", Key=key))
    assert (await read_block(reader))["Message"] == "Authentication accepted"
    assert (await read_block(reader))["Event"] == "FullyBooted"
    for name, end in (("QueueStatus", "QueueStatusComplete"), ("SIPpeers", "PeerlistComplete")):
        writer.write(action(name, ActionID=name))
        assert (await answer_to(reader, name))["EventList"] == "start"
        count = 0
        while (block := await answer_to(reader, name))["Event"] != end:
            count += 1
        assert int(block["ListItems"]) == count > 20
    writer.write(action("Ping", ActionID="2"))
    assert (await answer_to(reader, "2"))["Ping"] == "Pong"
    writer.write(action("CoreStatus", ActionID="3"))
    assert (await answer_to(reader, "3"))["CoreStartupDate"].count("-") == 2
    writer.write(action("Nonsense", ActionID="4"))
    assert (await answer_to(reader, "4"))["Response"] == "Error"
    writer.write(action("Logoff", ActionID="5"))
    assert (await answer_to(reader, "5"))["Message"] == "Thanks for all the fish."
    assert await reader.read() is not None
    writer.close()


async def test_ami_pause_is_answered_and_announced(demo: Demo) -> None:
    reader, writer = await open_ami(demo)
    writer.write(action("Login", ActionID="1", Username="ccops", Secret=secret_of(demo)))
    await answer_to(reader, "1")
    writer.write(action("QueuePause", ActionID="2", Interface="SIP/101", Paused="true", Reason="Almuerzo"))
    assert (await answer_to(reader, "2"))["Message"] == "Interface paused successfully"
    while (block := await read_block(reader)).get("Interface") != "SIP/101":
        pass
    assert (block["Event"], block["Paused"], block["PausedReason"]) == ("QueueMemberPause", "1", "Almuerzo")
    writer.write(action("Command", ActionID="3", Command="core show version"))
    assert "Asterisk 16.28" in (await answer_to(reader, "3"))["Output"]
    writer.close()


async def test_ami_viewer_may_not_act_and_wrong_secrets_are_refused(demo: Demo) -> None:
    reader, writer = await open_ami(demo)
    writer.write(action("Login", ActionID="1", Username="viewer", Secret=secret_of(demo)))
    await answer_to(reader, "1")
    writer.write(action("QueuePause", ActionID="2", Interface="SIP/101", Paused="true", Reason="of mine"))
    assert (await answer_to(reader, "2"))["Message"] == "Permission denied"
    assert demo.centre.exchanges[0].agents["SIP/101"].reason != "of mine"
    writer.close()
    reader, writer = await open_ami(demo)
    writer.write(action("Login", ActionID="1", Username="ccops", Secret="wrong"))
    assert (await answer_to(reader, "1"))["Message"] == "Authentication failed"
    assert await reader.read() == b""
    writer.close()


async def test_ami_is_refused_where_asterisk_does_not_run(demo: Demo) -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", demo.ami[1].door.port)
    reader, writer = await open_ami(demo)
    demo.pair.machines[0].set_service("asterisk", "inactive")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await read_block(reader)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", demo.ami[0].door.port)
    writer.close()


# MySQL.


def query(demo: Demo, *statements: str, password: str | None = None) -> list[tuple[dict[str, object], ...]]:
    connection = pymysql.connect(
        host="127.0.0.1",
        port=demo.mysql[0].door.port,
        user="ccops",
        password=secret_of(demo) if password is None else password,
        cursorclass=pymysql.cursors.DictCursor,
        connect_timeout=10,
    )
    with connection, connection.cursor() as cursor:
        results = []
        for statement in statements:
            cursor.execute(statement)
            results.append(tuple(cursor.fetchall()))
        return results


async def test_mysql_answers(demo: Demo) -> None:
    version, agents, uptime, breaks = await asyncio.to_thread(
        query,
        demo,
        "SELECT VERSION() AS version",
        "SELECT type, number, name FROM call_center.agent WHERE estatus = 'A' LIMIT 5000",
        "SHOW GLOBAL STATUS LIKE 'Uptime'",
        "SELECT name FROM call_center.break WHERE tipo = 'B'",
    )
    assert "MariaDB" in str(version[0]["version"])
    assert len(agents) == 20
    assert agents[0] == {"type": "SIP", "number": "101", "name": "Ana Torres"}
    assert int(str(uptime[0]["Value"])) > 0
    assert {row["name"] for row in breaks} >= {"Almuerzo", "Capacitación"}


async def test_mysql_has_the_rows_of_its_own_side(demo: Demo) -> None:
    calls = demo.pair.drbd.sides[0].calls
    since = sql_date(calls[10].entered)
    everything, entries, records, counted, sessions, outgoing = await asyncio.to_thread(
        query,
        demo,
        "SELECT * FROM call_entry",
        f"SELECT * FROM call_entry WHERE datetime_entry_queue >= '{since}' ORDER BY id",
        f"SELECT uniqueid, calldate FROM asteriskcdrdb.cdr WHERE calldate >= '{since}' AND calldate < '2100-01-01'",
        f"SELECT COUNT(*) AS n, MAX(datetime_entry_queue) AS last FROM call_center.call_entry "
        f"WHERE datetime_entry_queue BETWEEN '{since}' AND '2100-01-01 00:00:00'",
        "SELECT id_agent, datetime_init FROM audit WHERE datetime_init > '2000-01-01'",
        "SELECT phone FROM calls WHERE fecha_llamada > '2000-01-01' LIMIT 3",
    )
    later = [call.uniqueid for call in calls if sql_date(call.entered) >= since]
    assert len(everything) >= 24
    assert [row["uniqueid"] for row in entries][: len(later)] == later
    assert {row["uniqueid"] for row in records} >= set(later)
    assert counted[0]["n"] == len(entries)
    assert str(entries[0]["datetime_entry_queue"]) >= since
    assert len(entries[0]) == 15
    assert sessions
    assert len(outgoing) == 3


async def test_mysql_refuses(demo: Demo) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        await asyncio.to_thread(query, demo, "SELECT 1", password="wrong")
    with pytest.raises(pymysql.err.Error, match="doesn't exist"):
        await asyncio.to_thread(query, demo, "SELECT * FROM call_center.nothing")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", demo.mysql[1].door.port)


async def test_mysql_can_be_reached_by_its_socket(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        reader, _ = await connection.open_unix_connection("/var/run/mysqld/mysqld.sock", encoding=None)
        greeting = await reader.read(100)
        assert b"10.5.23-MariaDB" in greeting


async def test_noise_hurts_nobody(demo: Demo, caplog: pytest.LogCaptureFixture) -> None:
    noise = bytes(range(256)) * 400 + b"\r\n\r\n"
    for door in (demo.ssh[0].door, demo.ami[0].door, demo.mysql[0].door):
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        with contextlib.suppress(ConnectionError):
            writer.write(noise * 4)
            writer.write_eof()
            await writer.drain()
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
    with (demo.nodes[0].root / ".requests").open("wb", buffering=0) as fifo:
        fifo.write(b"\x1f\x1f\nx\x1fdrbdadm\n12\x1fdrbdadm\x1f\xff\xfe\n\n1\n")
    async with log_in(demo, 0) as connection:
        assert (await connection.run("drbdadm role data")).stdout == "Primary/Secondary\n"
    reader, writer = await open_ami(demo)
    writer.close()
    assert await asyncio.to_thread(query, demo, "SELECT VERSION() AS version")
    assert "never retrieved" not in caplog.text


# Asterisk's command line.


async def test_asterisk_restarts_when_the_last_call_is_over(demo: Demo) -> None:
    centre, machine = demo.centre, demo.pair.machines[0]
    pid, started = machine.pids["asterisk"], centre.exchanges[0].started_at
    demo.centre.load = 0.0
    demo.centre.flood("gxw4108", 2, 0.1)
    demo.pair.step(1.0)
    demo.refresh()
    assert centre.exchanges[0].channels
    reader, writer = await open_ami(demo)
    async with log_in(demo, 0) as connection:
        done = await connection.run("asterisk -rx 'core show channels count'; asterisk -rx 'core show uptime seconds'")
        calls, _, processed, uptime, _ = str(done.stdout).splitlines()
        assert calls == f"{len(centre.exchanges[0].channels)} active channels"
        assert processed.endswith("calls processed")
        assert uptime == f"System uptime: {int(centre.exchanges[0].wall() - started)}"
        done = await connection.run("asterisk -rx 'core restart when convenient'; systemctl is-active asterisk")
        assert done.stdout == "Waiting for inactivity to perform restart\nactive\n"
        await connection.run("asterisk -rx 'core abort shutdown'")
        demo.speed = 100
        await asyncio.sleep(1.0)
        assert centre.exchanges[0].started_at == started
        await connection.run("asterisk -rx 'core restart when convenient'")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await answer_to(reader, "nothing was asked")
        await until(lambda: machine.runs("asterisk"))
        assert centre.exchanges[0].started_at > started
        assert machine.pids["asterisk"] == pid
        assert machine.services["asterisk"] == "active"
        await connection.run("asterisk -rx 'core stop now'")
        await until(lambda: machine.services["asterisk"] == "inactive")
        done = await connection.run("asterisk -rx 'core show channels count'")
        assert (done.exit_status, str(done.stderr).partition(" (")[0]) == (1, "Unable to connect to remote asterisk")
    writer.close()


async def test_a_frozen_console_holds_what_passes_and_the_node_goes_on(demo: Demo) -> None:
    reader, writer = await open_ami(demo)
    writer.write(action("Login", ActionID="1", Username="ccops", Secret=secret_of(demo)))
    await answer_to(reader, "1")
    async with log_in(demo, 0) as connection:
        demo.freeze_console(0)
        asking = asyncio.create_task(connection.run("drbdadm pause-sync data; echo done"))
        with contextlib.suppress(asyncio.TimeoutError):
            while True:
                await asyncio.wait_for(reader.read(65_536), 0.3)
        demo.pair.step(30)
        demo.refresh()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        assert not asking.done()
        before = demo.pair.schedule.now
        await asyncio.sleep(0.5)
        assert demo.pair.schedule.now > before
        demo.thaw_console(0)
        assert (await asyncio.wait_for(asking, 10)).stdout == "done\n"
        writer.write(action("Ping", ActionID="2"))
        assert (await answer_to(reader, "2"))["Ping"] == "Pong"
    writer.close()

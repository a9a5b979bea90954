"""Asterisks for the benchmarks: a client that acts on the simulated one, and a busy one that plays 1,000 agents."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from itertools import count
from typing import Protocol

from msgspec.structs import replace

from ccops.config import Settings
from ccops.demo.world import Demo
from tests.bench.fold import call, members


class Say(Protocol):
    """Sends an action to the simulated Asterisk."""

    def __call__(self, action: str, **fields: str) -> Awaitable[None]: ...


@contextlib.asynccontextmanager
async def client(demo: Demo) -> AsyncIterator[Say]:
    """A manager connection to the Asterisk that serves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.ami[0].door.port)
    secret = demo.settings.pairs["demo"].ami
    assert secret is not None
    assert secret.secret.file is not None
    with open(secret.secret.file) as file:
        word = file.read().strip()

    async def drain() -> None:
        while await reader.read(65536):
            pass

    async def say(action: str, **fields: str) -> None:
        lines = [f"Action: {action}", *(f"{key}: {value}" for key, value in fields.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()

    draining = asyncio.create_task(drain())
    await say("Login", Username=secret.user, Secret=word, Events="off")
    try:
        yield say
    finally:
        draining.cancel()
        writer.close()


def directed(settings: Settings, port: int) -> Settings:
    """The settings with the manager interface of the first node at a port of this machine."""
    pair = settings.pairs["demo"]
    assert pair.ami is not None
    hosts = {pair.nodes[0].name: "127.0.0.1", pair.nodes[1].name: "127.0.0.2"}
    ami = replace(pair.ami, via="direct", port=port, direct_hosts=hosts)
    return replace(settings, pairs={"demo": replace(pair, ami=ami)})


def through(settings: Settings, port: int) -> Settings:
    """The settings with SSH of the first node at another port, under the same host key."""
    pair = settings.pairs["demo"]
    first, second = pair.nodes
    hosts = first.known_hosts
    assert hosts is not None
    old = first.ssh.rpartition(":")[2]
    with open(hosts) as file:
        lines = file.read()
    with open(hosts, "a") as file:
        file.writelines(
            line.replace(f":{old} ", f":{port} ") + "\n" for line in lines.splitlines() if f"]:{old} " in line
        )
    moved = replace(first, ssh=f"root@127.0.0.1:{port}")
    return replace(settings, pairs={"demo": replace(pair, nodes=(moved, second))})


class Busy:
    """An Asterisk of 1,000 agents: answers log-in and lists, and plays calls to whoever is connected."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.calls = 0
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: a block for a block."""
        writer.write(b"Asterisk Call Manager/5.0.4\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
                self._answer(writer, fields)

    def _answer(self, writer: asyncio.StreamWriter, fields: dict[str, str]) -> None:
        action, mark = fields["Action"].lower(), fields.get("ActionID", "")
        found = {
            "challenge": {"Challenge": "1234"},
            "coresettings": {"AsteriskVersion": "16.28.0"},
            "corestatus": {"CoreStartupDate": "2026-01-01", "CoreStartupTime": "00:00:00"},
        }.get(action, {"Message": "ok"})
        if action == "login":
            self._writer = writer
        listed = members() if action == "queuestatus" else []
        is_list = action in ("queuestatus", "coreshowchannels", "sippeers", "iaxpeerlist", "pjsipshowendpoints")
        extra = {"EventList": "start"} if is_list else {}
        writer.write(_block({"Response": "Success", "ActionID": mark, **found, **extra}))
        for event in listed:
            writer.write(_block({**event, "actionid": mark}))
        if is_list:
            writer.write(_block({"Event": f"{action}Complete", "EventList": "Complete", "ActionID": mark}))

    async def play(self, seconds: float) -> int:
        """Plays whole calls for so long at `rate` events a second; how many events that were."""
        assert self._writer is not None
        began, sent = time.perf_counter(), 0
        for number in count():
            block = b"".join(_block(event) for event in call(number))
            self._writer.write(block)
            sent += block.count(b"\r\n\r\n")
            self.calls += 1
            ahead = sent / self.rate - (time.perf_counter() - began)
            if ahead > 0:
                await asyncio.sleep(ahead)
            if sent / self.rate >= seconds:
                await self._writer.drain()
                return sent
        raise AssertionError


@contextlib.asynccontextmanager
async def busy(rate: int) -> AsyncIterator[Busy]:
    """A busy Asterisk on a port of loopback."""
    asterisk = Busy(rate)
    server = await asyncio.start_server(asterisk.serve, "127.0.0.1", 0)
    asterisk.port = server.sockets[0].getsockname()[1]
    async with server:
        yield asterisk


def _block(fields: dict[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n"

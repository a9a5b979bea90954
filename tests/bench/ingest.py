"""How many AMI events a second ccops takes in, against plain panoramisk, in the same run over loopback.

`python -m tests.bench.ingest [events]` prints both rates and their ratio. A child process plays Asterisk: it answers
the log-in and sends the events (18 kinds, about 411 bytes each) as fast as the socket takes them. Both sides listen
to the same 18 kinds and read the same six fields of each event.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
import socket
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from panoramisk import Manager

from ccops.config import AmiSettings, SecretRef
from ccops.links.ami import AmiLink

KINDS = (
    "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentCalled", "AgentConnect", "AgentComplete",
    "AgentRingNoAnswer", "QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded", "QueueMemberRemoved",
    "QueueMemberPenalty", "Newchannel", "Newstate", "Hangup", "PeerStatus", "Reload", "FullyBooted",
)  # fmt: skip
FIELDS = ("queue", "uniqueid", "channel", "interface", "status", "calleridnum")


def play_asterisk(ready: Connection, events: int) -> None:
    """In the child: serve two clients, one after the other, the same stream."""
    server = socket.create_server(("127.0.0.1", 0))
    ready.send(server.getsockname()[1])
    block = b"".join(_event(KINDS[n % len(KINDS)], n) for n in range(900))
    for _ in range(2):
        client, _address = server.accept()
        client.sendall(b"Asterisk Call Manager/5.0.4\r\n")
        heard = b""
        while b"Action: Login" not in heard or not heard.endswith(b"\r\n\r\n"):
            heard += client.recv(65536)
            if b"Action: Challenge" in heard and b"Action: Login" not in heard and heard.endswith(b"\r\n\r\n"):
                client.sendall(_response(heard, b"Challenge: 1234"))
        client.sendall(_response(heard, b"Message: Authentication accepted"))
        ready.recv()
        for _ in range(events // 900):
            client.sendall(block)
        client.sendall(f"Event: {KINDS[0]}\r\nQueue: the last one\r\n\r\n".encode())
        ready.recv()
        client.close()


def _response(heard: bytes, line: bytes) -> bytes:
    action_id = re.findall(rb"ActionID: ([^\r]*)", heard)[-1]
    return b"Response: Success\r\nActionID: " + action_id + b"\r\n" + line + b"\r\n\r\n"


def _event(kind: str, number: int) -> bytes:
    return (
        f"Event: {kind}\r\nPrivilege: agent,all\r\nChannel: SIP/gxw4108-{number:08x}\r\nChannelState: 6\r\n"
        f"ChannelStateDesc: Up\r\nCallerIDNum: 5512345678\r\nCallerIDName: Maria Lopez\r\nConnectedLineNum: 8001\r\n"
        f"ConnectedLineName: Agent 8001\r\nLanguage: es\r\nAccountCode: \r\nContext: from-queue\r\nExten: 400\r\n"
        f"Priority: 1\r\nUniqueid: 1795403366.{number}\r\nLinkedid: 1795403366.{number}\r\nQueue: ventas\r\n"
        f"Interface: Local/8001@from-queue/n\r\nStatus: 2\r\n\r\n"
    ).encode()


async def take_with_ccops(port: int, child: Connection) -> float:
    """Seconds for the whole stream, with ccops."""
    done = asyncio.Event()
    read = 0

    def on_events(batch: list[dict[str, str]], received_at: float) -> None:
        nonlocal read
        for event in batch:
            for field in FIELDS:
                read += len(event.get(field, ""))
        if batch[-1].get("queue") == "the last one":
            done.set()

    async def dial() -> tuple[str, int]:
        return ("127.0.0.1", port)

    settings = AmiSettings(user="ccops", secret=SecretRef(env="CCOPS_BENCH_SECRET"), port=port)
    link = AmiLink(settings, dial, lambda status: None, on_events, wanted=frozenset(KINDS))
    running = asyncio.ensure_future(link.run())
    while link.session is None:
        await asyncio.sleep(0.01)
    began = time.perf_counter()
    child.send("go")
    await done.wait()
    took = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took


async def take_with_panoramisk(port: int, child: Connection) -> float:
    """Seconds for the whole stream, with panoramisk as its documentation uses it."""
    done = asyncio.Event()
    logged_in = asyncio.Event()
    read = 0

    def on_event(manager: Any, event: Any) -> None:
        nonlocal read
        for field in FIELDS:
            read += len(event.get(field, ""))
        if event.get("queue") == "the last one":
            done.set()

    manager = Manager(
        host="127.0.0.1", port=port, username="ccops", secret="x", on_login=lambda manager: logged_in.set()
    )
    for kind in KINDS:
        manager.register_event(kind, on_event)
    manager.loop = asyncio.get_running_loop()
    manager.connect()
    await logged_in.wait()
    began = time.perf_counter()
    child.send("go")
    await done.wait()
    took = time.perf_counter() - began
    manager.connection_lost = lambda exc: None
    manager.close()
    return took


def measure(events: int = 60_000) -> tuple[float, float]:
    """Events a second with ccops and with plain panoramisk."""
    os.environ["CCOPS_BENCH_SECRET"] = "x"
    logging.disable(logging.CRITICAL)
    here, there = multiprocessing.Pipe()
    events -= events % 900
    child = multiprocessing.get_context("fork").Process(target=play_asterisk, args=(there, events), daemon=True)
    child.start()
    try:
        port = here.recv()
        ours = asyncio.run(take_with_ccops(port, here))
        here.send("next")
        theirs = asyncio.run(take_with_panoramisk(port, here))
        here.send("end")
    finally:
        child.terminate()
        child.join()
        logging.disable(logging.NOTSET)
    return events / ours, events / theirs


def main() -> None:
    """Measure and print."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    print(f"one event: {len(_event(KINDS[0], 1))} bytes, {events} events")
    ours, theirs = measure(events)
    print(f"ccops {ours:,.0f} events/s, panoramisk {theirs:,.0f} events/s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()

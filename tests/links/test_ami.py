"""The AMI link against a server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ccops.config import Secret, SecretRef
from ccops.links.ami import AmiLink, AmiSession
from ccops.links.ami_protocol import AmiProtocol
from ccops.links.ami_wire import Cutter, parse
from ccops.links.backoff import Backoff
from ccops.links.errors import LinkLost, Refused, TimedOut
from ccops.links.status import LinkStatus
from tests.links.ami_server import SECRET, FakeAmi
from tests.links.ssh_server import until
from tests.links.test_ami_wire import CAPTURE, FOLLOWS

Start = Callable[..., "Running"]


class Running:
    """A link that runs, and all that it said."""

    def __init__(self, server: FakeAmi, **changes: Any) -> None:
        self.statuses: list[LinkStatus] = []
        self.events: list[dict[str, str]] = []
        self.stamps: list[float] = []
        settings = changes.pop("settings", None) or server.settings()
        dial = changes.pop("dial", server.dial)
        changes.setdefault("backoff", Backoff(0.01, 0.05))
        on_events = changes.pop("on_events", self.receive)
        self.link = AmiLink(settings, dial, self.statuses.append, on_events, **changes)
        self.task = asyncio.ensure_future(self.link.run())

    def receive(self, events: list[dict[str, str]], received_at: float) -> None:
        self.events += events
        self.stamps.append(received_at)

    async def session(self) -> AmiSession:
        await until(lambda: self.link.session is not None)
        assert self.link.session is not None
        return self.link.session

    async def down(self) -> LinkStatus:
        await until(lambda: any(s.phase == "down" for s in self.statuses))
        return next(s for s in self.statuses if s.phase == "down")


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOPS_AMI_SECRET", SECRET)


@pytest.fixture
async def server() -> AsyncIterator[FakeAmi]:
    made = await FakeAmi().start()
    yield made
    made.close()


@pytest.fixture
async def start(server: FakeAmi) -> AsyncIterator[Start]:
    made: list[Running] = []

    def begin(**changes: Any) -> Running:
        made.append(Running(changes.pop("server", server), **changes))
        return made[-1]

    yield begin
    for running in made:
        running.task.cancel()
    await asyncio.gather(*(r.task for r in made), return_exceptions=True)


def digits(name: str, count: int = 1) -> bytes:
    return b"".join(f"Event: {name}\r\nUniqueID: {n}\r\n\r\n".encode() for n in range(count))


@pytest.mark.parametrize(
    ("version", "pong"), [("1.0", "Response: Pong"), ("1.1", "Response: Pong"), ("5.0.4", "Response: Success")]
)
async def test_logs_in_by_md5_and_never_sends_the_secret(version: str, pong: str, start: Start) -> None:
    server = await FakeAmi(version).start()
    server.answers["ping"] = f"{pong}\r\nActionID: {{id}}\r\n\r\n".encode()
    running = start(server=server)
    session = await running.session()
    assert session.banner_version == version
    assert server.actions()[:2] == ["Challenge", "Login"]
    assert SECRET.encode() not in server.raw
    assert 0 < await session.ping() < 5
    assert running.link.status.phase == "up"
    server.close()


async def test_falls_back_to_plain_only_where_allowed(start: Start) -> None:
    server = await FakeAmi("1.0", knows_challenge=False).start()
    await start(server=server).session()
    assert server.requests[-1]["secret"] == SECRET
    strict = start(server=server, settings=server.settings(via="direct"))
    status = await strict.down()
    assert "in clear" in (status.problem or "")
    assert server.raw.count(SECRET.encode()) == 1
    server.close()


async def test_wrong_secret_is_named_without_it_and_retried_slowly(
    server: FakeAmi, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CCOPS_AMI_SECRET", "wr0ng-value")
    running = start()
    status = await running.down()
    assert "does not let ccops log in" in (status.problem or "")
    assert "Authentication failed" in (status.problem or "")
    assert status.retry_at is not None
    assert 25 < status.retry_at - time.time() <= 30
    assert server.connections == 1
    assert "wr0ng-value" not in f"{running.statuses} {caplog.text}"


async def test_missing_secret_is_named(server: FakeAmi, start: Start) -> None:
    status = await start(settings=server.settings(secret=SecretRef(env="NOT_THERE"))).down()
    assert "NOT_THERE" in (status.problem or "")
    assert server.connections == 0


async def test_the_capture_gives_the_same_events_in_any_segmentation(server: FakeAmi, start: Start) -> None:
    data = CAPTURE.read_bytes().partition(b"\r\n")[2]
    expected = [e for e in map(parse, Cutter().cut(data)) if "event" in e and "actionid" not in e]
    running = start()
    await running.session()
    dice, at = random.Random(3), 0
    while at < len(data):
        size = dice.choice([1, 2, 3, 50, 5000])
        server.send(data[at : at + size])
        at += size
        if dice.random() < 0.3:
            await asyncio.sleep(0)
    await until(lambda: len([e for e in running.events if "actionid" not in e]) >= len(expected))
    assert [e for e in running.events if "actionid" not in e] == expected
    assert abs(running.stamps[-1] - time.time()) < 30


async def test_hostile_and_accented_text_split_anywhere_reads_alike() -> None:
    def read(segments: list[bytes]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        session = AmiSession(lambda events, received_at: found.extend(events))
        protocol = session.protocol = AmiProtocol(session)
        protocol.connection_made(asyncio.Transport())
        for segment in segments:
            protocol.data_received(segment)
        assert not session.lost.done()
        return found

    stream = (
        b"Asterisk Call Manager/5.0.4\r\n"
        + "Event: A\r\nName: José\x1b \u202e日\r\n\r\nEvent: B\r\nX: 1\r\n\r\n".encode()
        + b"Event: C\r\nName: Jos\xe9\r\n\r\nEvent: D\r\nX: 2\r\n\r\n"
    )
    expected = [{"event": "A", "name": "José 日"}, {"event": "B", "x": "1"}, {"event": "C", "name": "José"}]
    expected.append({"event": "D", "x": "2"})
    assert read([stream]) == expected
    for at in range(len(stream)):
        assert read([stream[:at], stream[at:]]) == expected


async def test_only_wanted_events_are_delivered(server: FakeAmi, start: Start) -> None:
    running = start(wanted=frozenset({"QueueCallerJoin"}))
    await running.session()
    server.send(
        digits("RTCPSent", 5) + digits("QUEUECALLERJOIN") + b"\r\n" + digits("QueueCallerJoin") + digits("Hangup")
    )
    await until(lambda: len(running.events) == 2)
    assert {e["event"].lower() for e in running.events} == {"queuecallerjoin"}
    assert running.events[0]["uniqueid"] == "0"


async def test_half_open_is_noticed_within_five_seconds(server: FakeAmi, start: Start) -> None:
    running = start()
    session = await running.session()
    server.freeze()
    began = time.monotonic()
    pending = asyncio.ensure_future(session.action("QueueRemove", timeout_s=30, Queue="ventas", Interface="SIP/1"))
    await until(lambda: running.link.status.phase == "silent")
    with pytest.raises(LinkLost, match="QueueRemove"):
        await pending
    assert time.monotonic() - began < 5.5
    assert "half-open" in ((await running.down()).problem or "")
    assert await running.session() is not session
    await until(lambda: server.logged_in == 2)
    assert server.actions().count("QueueRemove") == 1
    with pytest.raises(LinkLost):
        await session.ping()


async def test_what_was_pending_is_not_sent_again_after_a_reconnect(server: FakeAmi, start: Start) -> None:
    server.answers["queueremove"] = b""
    running = start()
    first = await running.session()
    pending = asyncio.ensure_future(first.action("QueueRemove", timeout_s=30, Queue="ventas"))
    listing = asyncio.ensure_future(first.list("QueueStatus", timeout_s=30))
    server.answers["queuestatus"] = b""
    await until(lambda: server.actions()[-2:] == ["QueueRemove", "QueueStatus"])
    server.drop()
    for task in (pending, listing):
        with pytest.raises(LinkLost):
            await task
    await until(lambda: running.link.session not in (None, first))
    second = await running.session()
    server.send(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
    await second.ping()
    assert server.actions().count("QueueRemove") == 1
    assert server.actions().count("QueueStatus") == 1


async def test_injection_is_refused_before_anything_is_sent(server: FakeAmi, start: Start) -> None:
    session = await start().session()
    before = server.raw
    with pytest.raises(Refused, match="line break"):
        await session.action("QueueAdd", Queue="ventas\r\nAction: Originate")
    await session.ping()
    assert b"QueueAdd" not in server.raw[len(before) :]
    assert not session.protocol.responses


async def test_refusal_and_time_out_of_an_action(server: FakeAmi, start: Start) -> None:
    server.answers["slow"] = b""
    session = await start().session()
    with pytest.raises(Refused, match="Asterisk refused Nonsense: Invalid/unknown command"):
        await session.action("Nonsense")
    with pytest.raises(TimedOut, match=r"did not answer Slow within 0\.05 s"):
        await session.action("Slow", timeout_s=0.05)
    assert not session.protocol.responses
    server.send(b"Response: Success\r\nActionID: ccops-4\r\n\r\n")
    assert await session.ping() > 0


async def test_a_modern_list_takes_its_events_and_leaves_the_others_in_order(server: FakeAmi, start: Start) -> None:
    server.answers["queuestatus"] = (
        b"Response: Success\r\nActionID: {id}\r\nEventList: start\r\nMessage: Queue status will follow\r\n\r\n"
        b"Event: Hangup\r\nN: 1\r\n\r\n"
        b"Event: QueueMember\r\nQueue: ventas\r\nActionID: {id}\r\n\r\n"
        b"Event: Hangup\r\nN: 2\r\n\r\n"
        b"Event: OriginateResponse\r\nActionID: other\r\n\r\n"
        b"Event: QueueStatusComplete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
        b"Event: Hangup\r\nN: 3\r\n\r\n"
    )
    running = start()
    session = await running.session()
    place: list[int] = []
    found = await session.list("QueueStatus", on_complete=lambda events: place.append(len(running.events)))
    assert [e["event"] for e in found] == ["QueueMember"]
    await until(lambda: len(running.events) == 4)
    assert [e.get("n", e["event"]) for e in running.events] == ["1", "2", "OriginateResponse", "3"]
    assert place == [3]


async def test_an_old_list_ends_at_its_complete_event(server: FakeAmi, start: Start) -> None:
    server.answers["queuestatus"] = (
        b"Response: Success\r\nActionID: {id}\r\nMessage: Queue status will follow\r\n\r\n"
        b"Event: QueueParams\r\nQueue: ventas\r\nActionID: {id}\r\n\r\n"
        b"Event: QueueStatusComplete\r\nActionID: {id}\r\n\r\n"
    )
    session = await start().session()
    assert [e["event"] for e in await session.list("QueueStatus")] == ["QueueParams"]


@pytest.mark.parametrize("completes", [False, True])
async def test_dbget_ends_with_or_without_a_completion_event(completes: bool, server: FakeAmi, start: Start) -> None:
    end = b"Event: DBGetComplete\r\nEventList: Complete\r\nActionID: {id}\r\n\r\n" if completes else b""
    server.answers["dbget"] = (
        b"Response: Success\r\nActionID: {id}\r\nMessage: Result will follow\r\n\r\n"
        b"Event: DBGetResponse\r\nFamily: AMPUSER\r\nKey: 8001/cidname\r\nVal: Ana\r\nActionID: {id}\r\n\r\n" + end
    )
    running = start()
    session = await running.session()
    found = await session.list("DBGet", Family="AMPUSER", Key="8001/cidname")
    assert [e["val"] for e in found] == ["Ana"]
    await session.ping()
    assert running.events == []


async def test_a_list_that_is_late_does_not_leak_into_the_events(server: FakeAmi, start: Start) -> None:
    server.answers["queuestatus"] = b"Response: Success\r\nActionID: {id}\r\n\r\n"
    running = start()
    session = await running.session()
    with pytest.raises(TimedOut):
        await session.list("QueueStatus", timeout_s=0.05)
    late = server.requests[-1]["actionid"].encode()
    server.send(b"Event: QueueMember\r\nActionID: " + late + b"\r\n\r\n" + digits("Hangup"))
    await until(lambda: running.events)
    assert [e["event"] for e in running.events] == ["Hangup"]


async def test_a_refused_list(server: FakeAmi, start: Start) -> None:
    server.answers["queuestatus"] = b"Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\r\n\r\n"
    session = await start().session()
    with pytest.raises(Refused, match="Permission denied"):
        await session.list("QueueStatus")
    assert session.protocol.lists == 0


async def test_command_of_old_and_new_versions(server: FakeAmi, start: Start) -> None:
    session = await start().session()
    server.answers["command"] = FOLLOWS.replace(b"a1", b"{id}")
    assert (await session.action("Command", Command="queue show"))["output"].startswith("ventas has 1 calls\n")
    server.answers["command"] = (
        b"Response: Success\r\nActionID: {id}\r\nMessage: Command output follows\r\nOutput: a\r\nOutput: b\r\n\r\n"
    )
    assert (await session.action("Command", Command="queue show"))["output"] == "a\nb"


async def test_a_slow_listener_loses_nothing_and_no_link(server: FakeAmi, start: Start) -> None:
    events: list[dict[str, str]] = []

    def slow(batch: list[dict[str, str]], received_at: float) -> None:
        events.extend(batch)
        time.sleep(0.02)

    running = start(on_events=slow)
    await running.session()
    for _ in range(20):
        server.send(digits("Newexten", 500))
        await asyncio.sleep(0)
    await until(lambda: len(events) == 10_000)
    assert all(s.phase not in ("down", "silent") for s in running.statuses)


async def test_a_listener_that_fails_is_logged_and_the_link_lives(
    server: FakeAmi, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(batch: list[dict[str, str]], received_at: float) -> None:
        raise ValueError("boom")

    session = await start(on_events=broken).session()
    server.send(digits("Hangup"))
    await until(lambda: "boom" in caplog.text)
    assert await session.ping() > 0


async def test_garbage_without_end_is_given_up_with_clear_words(server: FakeAmi, start: Start) -> None:
    running = start()
    await running.session()
    server.send(b"A" * 1_500_000)
    assert "without the end of one" in ((await running.down()).problem or "")
    await until(lambda: server.logged_in >= 2)


async def test_secrets_are_in_no_log_and_no_repr(
    server: FakeAmi, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers["dbput"] = b""
    running = start()
    session = await running.session()
    waiting = asyncio.ensure_future(session.action("DBPut", timeout_s=30, Val=Secret("hidden-1"), Secret="hidden-2"))
    await until(lambda: "DBPut" in server.actions())
    shown = f"{session!r} {session.protocol.responses!r} {session.config!r}"
    server.drop()
    with pytest.raises(LinkLost) as caught:
        await waiting
    shown += f"{caught.value!r} {running.statuses!r} {caplog.text}"
    assert not re.search(f"hidden|{SECRET}", shown)


async def test_nobody_listening_is_off_and_no_fault(start: Start) -> None:
    server = await FakeAmi().start()
    server.close()
    running = start(server=server, off_retry_s=0.02)
    await until(lambda: running.link.status.phase == "off")
    assert running.link.status.problem == f"Asterisk is not listening on port {server.port}"
    await until(lambda: len([s for s in running.statuses if s.phase == "off"]) >= 3)
    assert {s.phase for s in running.statuses} == {"off"}
    again = await FakeAmi().start(server.port)
    await running.session()
    assert running.link.status.phase == "up"
    again.close()


async def test_closed_before_the_greeting_is_off(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "s"
    far = await asyncio.start_unix_server(lambda r, w: w.close(), str(path))

    async def dial() -> Path:
        return path

    running = start(dial=dial)
    await until(lambda: running.link.status.phase == "off")
    far.close()


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_4.3\r\n", b"\x00" * 20, b"x" * 1000, b"HTTP/1.1 400 \x1b[31m\r\n\r\n"]
)
async def test_something_else_on_that_port_is_named(greeting: bytes, start: Start) -> None:
    server = FakeAmi()
    server.banner = greeting
    await server.start()
    status = await start(server=server).down()
    assert "expected the greeting of Asterisk's manager" in (status.problem or "")
    assert "\x1b" not in (status.problem or "")
    server.close()


async def test_banner_in_single_bytes(start: Start) -> None:
    server = FakeAmi()
    server.banner = b""
    await server.start()
    running = start(server=server)
    await until(lambda: server.writers)
    for byte in b"Asterisk Call Manager/1.3\r\n":
        server.send(bytes([byte]))
        await asyncio.sleep(0.001)
    assert (await running.session()).banner_version == "1.3"
    server.close()


async def test_on_connected_runs_beside_the_events_after_each_log_in(server: FakeAmi, start: Start) -> None:
    seen: list[str] = []

    async def resync(session: AmiSession) -> None:
        seen.append(session.banner_version)
        await session.ping()
        seen.append("pinged")

    running = start(on_connected=resync)
    await until(lambda: len(seen) == 2)
    server.drop()
    await until(lambda: len(seen) == 4)
    assert seen == ["5.0.4", "pinged"] * 2
    assert running.link.status.phase == "up"


async def test_a_fault_in_on_connected_is_not_swallowed(server: FakeAmi, start: Start) -> None:
    async def broken(session: AmiSession) -> None:
        raise ValueError("boom")

    running = start(on_connected=broken)
    with pytest.raises(ValueError, match="boom"):
        await asyncio.wait_for(running.task, 10)
    assert running.link.session is None


async def test_cancelling_closes_the_connection(server: FakeAmi, start: Start) -> None:
    running = start()
    session = await running.session()
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    assert session.protocol.transport.is_closing()
    assert running.link.session is None
    with pytest.raises(LinkLost, match="closed"):
        await session.ping()

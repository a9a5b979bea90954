"""The simulated dialer's ECCP: what it answers, what it undoes, and that it lives where Asterisk and MySQL do."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import asyncssh
import pytest

from ccops.demo.campaigns import eccp_password
from ccops.demo.dialer import PASS_S
from ccops.demo.eccp import _read_request
from ccops.demo.world import Demo
from tests.demo.conftest import log_in, secret_of, until

CALLED, LOGGED = "SIP/105", "Agent/9106"


class Client:
    """One connection through the node's SSH server, as plain as it can be."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.cookie = ""
        self.events: list[str] = []
        self._number = 0

    async def send(self, name: str, **fields: str) -> ElementTree.Element:
        self._number += 1
        request = ElementTree.Element("request", id=str(self._number))
        command = ElementTree.SubElement(request, name)
        for key, value in fields.items():
            ElementTree.SubElement(command, key).text = value
        self.writer.write(ElementTree.tostring(request))
        return await self.answer()

    async def answer(self) -> ElementTree.Element:
        while True:
            assert await asyncio.wait_for(self.reader.readline(), 5) == b'<?xml version="1.0"?>\n'
            root = ElementTree.fromstring(await asyncio.wait_for(self.reader.readline(), 5))
            if root.tag == "response":
                return root
            self.events.append(root[0].tag)

    async def do(self, name: str, agent: str, **fields: str) -> ElementTree.Element:
        sign = hashlib.md5(f"{self.cookie}{agent}{eccp_password(agent)}".encode()).hexdigest()
        return await self.send(name, agent_number=agent, agent_hash=sign, **fields)


@contextlib.asynccontextmanager
async def client(demo: Demo, password: str | None = None) -> AsyncIterator[Client]:
    async with log_in(demo, 0) as connection:
        reader, writer = await connection.open_connection("127.0.0.1", 20005, encoding=None)
        found = Client(reader, writer)  # type: ignore[arg-type]
        if password is not None:
            answer = await found.send("login", username="ccops", password=password)
            found.cookie = answer.findtext("login_response/app_cookie") or ""
        yield found


def code(answer: ElementTree.Element) -> str:
    return answer.findtext(".//failure/code") or ""


@pytest.fixture
async def still() -> AsyncIterator[Demo]:
    async with Demo(agents=12) as demo:
        demo.stop_time()
        demo.centre.resting = True
        for seat in demo.centre.dialers[0].seats.values():
            demo.centre.dialers[0].hang_up(seat)
        demo.pair.step(20)
        for seat in demo.centre.dialers[0].seats.values():
            demo.centre.dialers[0].unpause(seat)
        yield demo


async def test_an_application_logs_in_and_acts_for_an_agent(still: Demo) -> None:
    async with client(still, secret_of(still)) as found:
        assert len(found.cookie) == 32
        listed = await found.send("getrequestlist")
        assert "pauseagent" in {each.text for each in listed.iter("request")}
        pauses = await found.send("getpauses")
        names = {each.attrib["id"]: (each.findtext("name"), each.findtext("status")) for each in pauses.iter("pause")}
        assert names["4"] == ("Baño", "A")
        assert names["6"][1] == "I"
        assert (await found.send("getagentstatus", agent_number=CALLED)).findtext(".//status") == "online"
        assert (await found.do("pauseagent", CALLED, pause_type="4")).find(".//success") is not None
        state = await found.send("getagentstatus", agent_number=CALLED)
        assert (state.findtext(".//status"), state.findtext(".//pauseinfo/pausename")) == ("paused", "Baño")
        assert still.centre.exchanges[0].agents[CALLED].paused
        assert code(await found.do("pauseagent", CALLED, pause_type="2")) == "417"
        assert (await found.do("unpauseagent", CALLED)).find(".//success") is not None
        assert code(await found.do("hangup", CALLED)) == "417"
        assert (await found.do("logoutagent", LOGGED)).findtext(".//status") == "logged-out"
        assert still.centre.exchanges[0].agents[LOGGED].status == 5
        assert found.events == ["pausestart", "pauseend", "agentloggedout"]


@pytest.mark.parametrize(
    ("name", "agent", "fields", "told"),
    [
        ("pauseagent", CALLED, {"pause_type": "1"}, "404"),
        ("pauseagent", CALLED, {"pause_type": "6"}, "404"),
        ("pauseagent", CALLED, {"pause_type": "x"}, "404"),
        ("pauseagent", CALLED, {}, "404"),
        ("pauseagent", "SIP/101", {"pause_type": "2"}, "404"),
        ("hangup", "SIP/<x>&", {}, "404"),
        ("transfercall", CALLED, {}, "501"),
    ],
)
async def test_what_it_refuses(still: Demo, name: str, agent: str, fields: dict[str, str], told: str) -> None:
    async with client(still, secret_of(still)) as found:
        assert code(await found.do(name, agent, **fields)) == told


async def test_nobody_acts_without_the_words_it_takes(still: Demo) -> None:
    async with client(still) as found:
        assert code(await found.do("pauseagent", CALLED, pause_type="2")) == "401"
        assert code(await found.send("login", username="ccops", password="wrong")) == "401"
        assert code(await found.send("getpauses")) == "401"
        md5 = hashlib.md5(secret_of(still).encode()).hexdigest()
        answer = await found.send("login", username="ccops", password=md5)
        found.cookie = answer.findtext(".//app_cookie") or ""
        assert code(await found.send("pauseagent", agent_number=CALLED, pause_type="2")) == "401"
        assert code(await found.send("pauseagent", agent_number=CALLED, agent_hash="0", pause_type="2")) == "401"
        assert not still.centre.exchanges[0].agents[CALLED].paused
        answer = await found.send("login", username="agentconsole", password="agentconsole")
        assert answer.find(".//success") is not None


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"<request><a></request>", b"<request " + b"x" * 70_000])
async def test_what_is_none_ends_the_connection(still: Demo, data: bytes) -> None:
    async with client(still) as found:
        found.writer.write(data)
        assert code(await found.answer()) == "400"
        assert await asyncio.wait_for(found.reader.read(), 5) == b""


def test_a_request_is_read_whatever_is_in_it() -> None:
    assert _read_request(b'<request id="1"><hangup><agent_number>&#60;&amp;</agent_number></hangup></request>') == (
        "1",
        "hangup",
        {"agent_number": "<&"},
    )
    assert _read_request(b"<request></request>") == ("", "", {})
    assert _read_request(b"<request>&x;</request>") is None


async def test_it_puts_right_what_others_do_to_its_agents(still: Demo) -> None:
    exchange, dialer = still.centre.exchanges[0], still.centre.dialers[0]
    called, logged = exchange.agents[CALLED], exchange.agents[LOGGED]
    exchange.pause(called, True, "foreign")
    exchange.pause(logged, True)
    own = dict(called.queues)
    other = next(name for name in exchange.queues if name not in own)
    exchange.add_member(called, other)
    exchange.remove_member(called, next(iter(own)))
    still.pair.step(PASS_S + 0.5)
    assert not called.paused
    assert not logged.paused
    assert set(called.memberships) == set(own)
    seat = dialer.find(CALLED)
    assert seat is not None
    dialer.pause(seat, 2)
    exchange.pause(called, False)
    still.pair.step(PASS_S + 0.5)
    assert called.paused
    # A member by configuration is none of its.
    static = exchange.agents["SIP/101"]
    exchange.pause(static, True, "theirs")
    still.pair.step(PASS_S + 0.5)
    assert static.paused


async def test_breaks_are_written_open_and_closed(still: Demo) -> None:
    dialer = still.centre.dialers[0]
    seat = dialer.find(CALLED)
    assert seat is not None

    def rows() -> list[tuple[object, bool]]:
        found = still.mysql[0].tables.find("call_center", "audit") or []
        return [(row["id_break"], row["datetime_end"] is None) for row in found if row["id_break"] is not None]

    before = rows().count((5, False))
    dialer.pause(seat, 5)
    assert rows().count((5, True)) == 1
    still.pair.step(5)
    dialer.unpause(seat)
    assert (5, True) not in rows()
    assert rows().count((5, False)) == before + 1


async def test_it_listens_where_asterisk_and_mysql_run(demo: Demo) -> None:
    def listens(n: int) -> bool:
        return demo.eccp[n].door.is_open

    assert (listens(0), listens(1)) == (True, False)
    demo.pair.stop_service(0, "mysqld", then_start=True)
    await until(lambda: not listens(0))
    async with log_in(demo, 0) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", 20005)
    await until(lambda: listens(0))
    await until(lambda: demo.centre.dialers[0].seats)
    demo.centre.dialers[0].stopped = True
    demo.eccp[0].follow()
    assert not listens(0)
    demo.centre.dialers[0].stopped = False
    demo.pair.power_off(0)
    assert not listens(0)
    demo.pair.step(90)
    await until(lambda: listens(1))
    assert demo.centre.dialers[1].find(CALLED) is not None


async def test_an_agent_of_chan_agent_logs_off_by_the_manager_and_comes_back(still: Demo) -> None:
    changes, agent = still.ami[0].changes, still.centre.exchanges[0].agents[LOGGED]
    assert changes.do("ccops-control", {"action": "AgentLogoff", "agent": "9999"}) == (False, "No such agent")
    assert changes.do("viewer", {"action": "AgentLogoff", "agent": "9106"}) == (False, "Permission denied")
    done = changes.do("ccops-control", {"action": "AgentLogoff", "agent": "9106", "soft": "true"})
    assert done is not None
    assert len(done) == 3
    done[2]()
    assert agent.status == 5
    assert changes.do("ccops-control", {"action": "AgentLogoff", "agent": "9106"}) == (False, "No such agent")
    still.pair.step(PASS_S + 0.5)
    seat = still.centre.dialers[0].find(LOGGED)
    assert seat is not None
    assert not seat.logged_in
    still.pair.step(120)
    assert (seat.logged_in, agent.status) == (True, 1)

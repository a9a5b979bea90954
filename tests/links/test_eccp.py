"""One ECCP connection against a fake dialer that splits, lies, drops and hangs."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ccops.config import Secret
from ccops.links.eccp import EccpSession, Failure, Unclear
from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening, Refused, TimedOut
from tests.links.eccp_server import COOKIE, DONE, PASSWORD, REQUESTS, USER, FakeDialer, bare_failure, event, failed

AGENT = ("Agent/9000", Secret("clave&<ñ>"))


@pytest.fixture
async def dialer() -> AsyncIterator[FakeDialer]:
    server = await FakeDialer().start()
    server.passwords[AGENT[0]] = AGENT[1].reveal()
    yield server
    server.close()


@pytest.fixture
async def session(dialer: FakeDialer) -> AsyncIterator[EccpSession]:
    made = await log_in(dialer)
    yield made
    made.close()


async def log_in(dialer: FakeDialer, password: str = PASSWORD, user: str = USER) -> EccpSession:
    made = EccpSession()
    await made.open(dialer.address, dialer.port)
    try:
        await made.log_in(user, Secret(password))
    except BaseException:
        made.close()
        raise
    return made


@pytest.mark.parametrize("pieces", [0, 1, 5])
async def test_a_request_is_made_in_an_agents_name(dialer: FakeDialer, pieces: int) -> None:
    dialer.pieces = pieces
    session = await log_in(dialer)
    answer = await session.request("pauseagent", {"pause_type": "3"}, agent=AGENT)
    assert answer.child("success") is not None
    name, fields = dialer.requests[-1]
    assert (name, fields["agent_number"], fields["pause_type"]) == ("pauseagent", "Agent/9000", "3")
    assert fields["agent_hash"] == hashlib.md5(f"{COOKIE}Agent/9000clave&<ñ>".encode()).hexdigest()
    assert "clave" not in dialer.raw.decode()
    assert PASSWORD not in dialer.raw.decode()
    assert await session.known_requests() == set(REQUESTS)
    session.close()


async def test_an_md5_is_sent_as_the_table_has_it(dialer: FakeDialer) -> None:
    session = await log_in(dialer, hashlib.md5(PASSWORD.encode()).hexdigest())
    session.close()


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong-s3cr3t"), ("nobody", PASSWORD)])
async def test_wrong_credentials_are_told_in_words(dialer: FakeDialer, user: str, password: str) -> None:
    with pytest.raises(AuthenticationFailed, match="eccp_authorized_clients") as caught:
        await log_in(dialer, password, user)
    assert password not in str(caught.value)
    assert repr(caught.value).find(PASSWORD) < 0


async def test_events_are_passed_over_and_other_answers_too(dialer: FakeDialer, session: EccpSession) -> None:
    other = DONE.replace("{id}", "999").replace("{name}", "pauseagent")
    broken = "<event><x>&nobody;</x></event>"
    dialer.answers["pauseagent"] = event() + broken + other + event("\u202eAgent/9") + DONE + event()
    answer = await session.request("pauseagent", {"pause_type": "1"}, agent=AGENT)
    assert answer.name == "pauseagent_response"
    await asyncio.sleep(0.05)
    assert session.events == 4
    assert not session.lost.done()


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (failed(417, "Agent already in incompatible break"), Failure, "417 Agent already in incompatible break"),
        (bare_failure(401, "Unauthorized"), Failure, "401 Unauthorized"),
        (bare_failure(501, "Not Implemented"), Failure, "501"),
        (failed(500, "No AMI connection"), Failure, "No AMI"),
        (failed(503, "Internal server error - database failure"), Unclear, "may have been done"),
        (DONE.replace("{name}_", "hangup_"), Unclear, "something else"),
        ('<response id="{id}"/>', Unclear, "something else"),
        ('<response id="{id}"><{name}_response>', TimedOut, "did not answer"),
        (DONE.replace("{id}", "12345"), TimedOut, "did not answer"),
        (None, TimedOut, "did not answer"),
        ("<response><failure><code>400</code></failure></response>", LinkLost, "did not understand"),
        ('<response id="{id}">&x;</response>', LinkLost, "not well formed"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><response id="{id}">&x;</response>', LinkLost, "document type"),
        ("<html><body>hello</body></html>", LinkLost, "neither a response nor an event"),
        (b"\x00\x01\x02garbage", LinkLost, "no XML"),
        (failed(417, "x" * 5000), Failure, "x" * 100),
        (failed(99999999, "\u009b2J[red]odd"), Failure, "odd"),
    ],
)
async def test_answers_that_are_none(
    dialer: FakeDialer, session: EccpSession, answer: Any, error: type[LinkError], told: str
) -> None:
    dialer.answers["pauseagent"] = answer
    with pytest.raises(error, match=told) as caught:
        await session.request("pauseagent", {"pause_type": "1"}, agent=AGENT, timeout_s=0.3)
    assert dialer.names().count("pauseagent") == 1
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


async def test_a_huge_answer_is_given_up(dialer: FakeDialer, session: EccpSession) -> None:
    dialer.answers["getpauses"] = b'<response id="{id}"><getpauses_response>' + b"<pause/>" * 400_000
    with pytest.raises(LinkLost, match="more than 2 MiB"):
        await session.request("getpauses")
    assert session.lost.done()


async def test_a_late_answer_is_nobodys(dialer: FakeDialer, session: EccpSession) -> None:
    dialer.answers["hangup"] = None
    with pytest.raises(TimedOut):
        await session.request("hangup", agent=AGENT, timeout_s=0.1)
    dialer.answers["unpauseagent"] = DONE.replace("{id}", "2").replace("{name}", "hangup") + DONE
    answer = await session.request("unpauseagent", agent=AGENT)
    assert answer.name == "unpauseagent_response"


async def test_a_connection_lost_in_the_middle_is_told_and_nothing_is_sent_again(
    dialer: FakeDialer, session: EccpSession
) -> None:
    def drop(command: Any) -> None:
        dialer.drop()

    dialer.answers["pauseagent"] = drop
    with pytest.raises(LinkLost, match="lost before the answer"):
        await session.request("pauseagent", {"pause_type": "1"}, agent=AGENT)
    with pytest.raises(LinkLost):
        await session.request("unpauseagent", agent=AGENT)
    await asyncio.sleep(0.1)
    assert dialer.names() == ["login", "pauseagent"]
    assert dialer.connections == 1


@pytest.mark.parametrize("text", ["Agent/1\nx", "a\0b", "\x1b[2J", "Agent/1\r\n<login/>"])
async def test_control_characters_never_leave(dialer: FakeDialer, session: EccpSession, text: str) -> None:
    before = dialer.raw
    for fields, agent in (({"pause_type": text}, AGENT), ({}, (text, AGENT[1]))):
        with pytest.raises(Refused, match="nothing was sent"):
            await session.request("pauseagent", fields, agent=agent)
    assert dialer.raw == before


async def test_a_tag_in_a_value_stays_a_value(dialer: FakeDialer, session: EccpSession) -> None:
    hostile = "</agent_number></hangup><logout/><!--&amp;]]>"
    dialer.passwords[hostile] = "x"
    await session.request("hangup", agent=(hostile, Secret("x")))
    assert dialer.requests[-1][1]["agent_number"] == hostile
    assert dialer.names() == ["login", "hangup"]


async def test_the_first_dialers_do_not_tell_their_requests(dialer: FakeDialer, session: EccpSession) -> None:
    dialer.answers["getrequestlist"] = bare_failure(501, "Not Implemented")
    assert await session.known_requests() is None


@pytest.mark.parametrize("inner", ["", "<success/>", "<app_cookie>x</app_cookie>", "<success/><app_cookie/>"])
async def test_a_log_in_without_a_cookie_is_none(dialer: FakeDialer, inner: str) -> None:
    dialer.answers["login"] = DONE.replace("<success/>", inner)
    with pytest.raises(Unclear, match="app_cookie"):
        await log_in(dialer)


async def test_nobody_listens(tmp_path: Path) -> None:
    server = await FakeDialer().start()
    server.close()
    session = EccpSession()
    with pytest.raises(NotListening, match="dialer is not listening on port 20005"):
        await session.open(server.address, 20005)
    with pytest.raises(NotListening):
        await session.open(tmp_path / "none", 20005)


async def test_a_server_that_says_nothing_is_given_up_in_time(dialer: FakeDialer) -> None:
    dialer.answers["login"] = None
    session = EccpSession()
    await session.open(dialer.address, dialer.port)
    with pytest.raises(TimedOut, match=r"did not answer login within 0\.2 s"):
        await session.log_in(USER, Secret(PASSWORD), timeout_s=0.2)
    session.close()
    session.close()


async def test_no_secret_is_ever_logged_or_shown(dialer: FakeDialer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session = await log_in(dialer)
    dialer.answers["pauseagent"] = b"\xff"
    with pytest.raises(LinkLost) as caught:
        await session.request("pauseagent", {"pause_type": "1"}, agent=AGENT)
    for told in (repr(session), repr(caught.value), caplog.text, str(vars(session))):
        assert all(secret not in told for secret in (PASSWORD, COOKIE, "clave"))

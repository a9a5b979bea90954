"""The manager session that may write, against one that lies, drops and hangs: once sent is sent once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ccops.config import AmiControlSettings, NodeSettings, PairSettings, SecretRef
from ccops.links.errors import AuthenticationFailed, LinkLost, Refused
from ccops.operations.control import Control
from ccops.operations.hands import Hands
from tests.links.ami_server import SECRET, FakeAmi

ONE, TWO = "elaxtix-voip", "elaxtix-voip-2"
GOOD = b"Response: Success\r\nActionID: {id}\r\nMessage: done\r\n\r\n"


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeAmi]:
    monkeypatch.setenv("CCOPS_AMI_SECRET", SECRET)
    server = await FakeAmi("1.1").start()
    server.answers["events"] = server.answers["queuepause"] = GOOD
    server.answers["listcommands"] = (
        b"Response: Success\r\nActionID: {id}\r\nPing: Keepalive command  (Priv: <none>)\r\n"
        b"QueuePause: Makes a queue member temporarily unavailable.  (Priv: agent,all)\r\n\r\n"
    )
    yield server
    server.close()


def control(server: FakeAmi, **changes: object) -> Control:
    hosts = {ONE: "127.0.0.1", TWO: "127.0.0.1"}
    pair = PairSettings(
        (NodeSettings(ONE, ONE), NodeSettings(TWO, TWO)),
        "192.168.27.120",
        ami=server.settings(via="direct", direct_hosts=hosts),
        **changes,  # type: ignore[arg-type]
    )
    return Control(pair, Hands(pair))


async def test_the_rights_are_those_that_asterisk_lists(asterisk: FakeAmi) -> None:
    own = AmiControlSettings("ccops-control", SecretRef(env="CCOPS_AMI_SECRET"))
    acting = control(asterisk, ami_control=own)
    await acting.open(ONE)
    assert acting.allowed == {"ping", "queuepause"}
    assert (acting.user, acting.version) == ("ccops-control", "1.6")
    assert "ccops-control" in {request.get("username") for request in asterisk.requests}
    await acting.open(ONE)
    assert asterisk.connections == 1  # one session for all that is done there
    await acting.open(TWO)
    assert asterisk.connections == 2
    acting.close()


async def test_an_action_whose_link_is_lost_is_not_sent_again(asterisk: FakeAmi) -> None:
    acting = control(asterisk)

    def drop(request: dict[str, str]) -> bytes:
        asterisk.drop()
        return b""

    asterisk.answers["queuepause"] = drop
    with pytest.raises(LinkLost):
        await acting.send(ONE, "QueuePause", {"Interface": "SIP/101", "Paused": "true"})
    asterisk.answers["queuepause"] = GOOD
    await acting.open(ONE)
    assert asterisk.actions().count("QueuePause") == 1
    assert await acting.send(ONE, "QueuePause", {"Interface": "SIP/102", "Paused": "true"}) == "done"
    assert asterisk.actions().count("QueuePause") == 2
    acting.close()


@pytest.mark.parametrize("text", ["SIP/1\r\nAction: Command\r\nCommand: core stop now", "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_never_leaves(asterisk: FakeAmi, text: str) -> None:
    acting = control(asterisk)
    await acting.open(ONE)
    before = len(asterisk.requests)
    with pytest.raises(Refused, match="nothing was sent"):
        await acting.send(ONE, "QueuePause", {"Interface": text})
    assert len(asterisk.requests) == before
    acting.close()


async def test_a_refusal_leaves_the_session_and_a_wrong_secret_is_told(
    asterisk: FakeAmi, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting = control(asterisk)
    asterisk.answers["queuepause"] = b"Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\r\n\r\n"
    with pytest.raises(Refused, match="Permission denied"):
        await acting.send(ONE, "QueuePause", {"Interface": "SIP/101"})
    await acting.open(ONE)
    assert asterisk.connections == 1
    acting.close()
    monkeypatch.setenv("CCOPS_AMI_SECRET", "another")
    with pytest.raises(AuthenticationFailed) as caught:
        await acting.open(ONE)
    assert "another" not in str(caught.value)

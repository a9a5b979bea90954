"""`ccops agent` and `ccops queue` as they are typed, against a simulated pair's real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ccops.callcentre.deeds import Impossible, agent_called, caller_called
from ccops.callcentre.model import Caller
from ccops.cli import main
from ccops.commands.prose import command_line
from ccops.operations.plan import Request
from tests.callcentre.ami import T0, listed, member, params
from tests.operations.test_commands import Desk, desk


def free(here: Desk) -> str:
    exchange = here.demo.centre.exchanges[0]
    return next(a.interface for a in exchange.agents.values() if a.status == 1 and not a.paused and not a.module)


async def test_an_agent_is_paused_as_it_is_typed(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        exchange = here.demo.centre.exchanges[0]
        agent = free(here)
        number = agent.partition("/")[2]
        code, out, err = await here.ccops("agent", "pause", number, "--reason", "Reunión [x]", "--dry-run")
        assert code == 0, err
        assert f"QueuePause 'Interface: {agent}' 'Paused: true' 'Reason: Reunión [x]'" in out
        assert "sudo" not in out
        assert not exchange.agents[agent].paused

        code, report = await here.object("agent", "pause", number, "--reason", "Reunión [x]", "--yes")
        assert (code, report["ending"]) == (0, "done")
        assert report["request"]["command"] == f"ccops agent pause {agent} --reason 'Reunión [x]'"
        assert (exchange.agents[agent].paused, exchange.agents[agent].reason) == (True, "Reunión [x]")

        _, out, _ = await here.ccops("audit")
        assert f"agent pause {agent} --reason 'Reunión [x]'" in out
        _, out, _ = await here.ccops("resume")
        assert "no operation is unfinished" in out

        code, _, err = await here.ccops("agent", "unpause", agent, "--yes")
        assert (code, exchange.agents[agent].paused) == (0, False), err


async def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        agent = free(here)
        static = next(iter(here.demo.centre.exchanges[0].agents[agent].memberships))
        code, _, err = await here.ccops("agent", "remove", agent, static, "--yes")
        assert code == 1
        assert "static member" in err
        code, _, err = await here.ccops("agent", "pause", "nobody", "--yes")
        assert code == 1
        assert "no queue has an agent called 'nobody'" in err
        code, _, err = await here.ccops("agent", "listen", agent, "--extension", "SIP/1&SIP/2", "--yes")
        assert code == 1
        assert "expected a telephone" in err
        code, _, err = await here.ccops("agent", "pause", f"{agent}\r\nAction: Command", "--yes")
        assert code == 1
        assert "expected an interface" in err
        here.settle(role='"viewer"')
        code, _, err = await here.ccops("agent", "pause", agent, "--yes")
        assert code == 1
        assert "viewer" in err
        assert not here.demo.centre.exchanges[0].agents[agent].paused


def test_without_a_terminal_it_must_be_said() -> None:
    result = CliRunner().invoke(main, ["agent", "pause", "101"])
    assert result.exit_code == 2
    assert "no terminal to ask on" in result.output
    result = CliRunner().invoke(main, ["agent", "hangup", "--yes"])
    assert result.exit_code == 2


def test_a_deed_is_told_as_it_is_typed() -> None:
    assert command_line(Request("queue move", None, {"caller": "1.2", "to": "a b"})) == "queue move 1.2 --to 'a b'"


def test_agents_and_callers_go_by_what_they_are_called() -> None:
    c = listed(params("400"), member("400", "SIP/101"), member("400", "PJSIP/101"), member("400", "SIP/102"))
    assert agent_called(c, "102") == "SIP/102"
    assert agent_called(c, "agent sip/102") == "SIP/102"
    assert agent_called(c, "ana", {"SIP/102": "Ana", "SIP/555": "Ana"}) == "SIP/102"
    assert agent_called(c, "SIP/999") == "SIP/999"
    with pytest.raises(Impossible, match="PJSIP/101, SIP/101"):
        agent_called(c, "101")
    queue = c.queues["400"]
    callers = tuple(Caller(f"1.{n}", "400", number, "", n, T0) for n, number in ((1, "099"), (2, "088"), (3, "099")))
    c = type(c)(queues={"400": type(queue)(name="400", callers=callers)})
    assert caller_called(c, "088") == caller_called(c, "400:2") == caller_called(c, "1.2") == "1.2"
    with pytest.raises(Impossible, match="several callers"):
        caller_called(c, "099")
    with pytest.raises(Impossible, match="nobody who waits"):
        caller_called(c, "401:1")

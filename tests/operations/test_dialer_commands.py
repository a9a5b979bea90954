"""`ccops agent` on agents of the call-center module, as it is typed, against a simulated pair's real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.demo.settings_file import text_of
from ccops.demo.world import Demo
from tests.operations.test_commands import Desk, until
from tests.operations.test_dialer import CALLED, LOGGED


class FullDesk(Desk):
    """A jump host whose settings have MySQL and ECCP too."""

    def settle(self, **changes: Any) -> None:
        settings = self.demo.settings
        pair = replace(settings.pairs["demo"], **changes)
        console = replace(settings.console, audit=str(self.audit.path))
        self.config.write_text(text_of(replace(settings, pairs={"demo": pair}, console=console)))
        self.config.chmod(0o600)


async def rest(demo: Demo, name: str) -> Any:
    """The agent is on no call and in no break, and nobody calls or sends on a break any more."""
    demo.centre.resting = True
    dialer = demo.centre.dialers[0]
    seat = dialer.find(name)
    assert seat is not None
    dialer.hang_up(seat)
    await until(lambda: not seat.agent.in_call and seat.agent.status == 1)
    dialer.unpause(seat)
    return seat


async def test_an_agent_is_paused_for_a_break_as_it_is_typed(tmp_path: Path) -> None:
    async with Demo(speed=5, agents=12) as demo:
        here = FullDesk(demo, tmp_path)
        seat = await rest(demo, CALLED)
        code, out, err = await here.ccops("agent", "pause", "105", "--break", "almuerzo", "--dry-run")
        assert code == 0, err
        assert f"eccp pauseagent 'agent_number: {CALLED}' 'pause_type: 2'" in out
        assert "the call-center module's dialer on elaxtix-voip (ECCP) by its user ccops" in " ".join(out.split())
        assert "lets in agentconsole" in out
        assert "demo-105" not in out
        assert seat.break_id is None

        code, report = await here.object("agent", "pause", seat.agent.name, "--break", "Almuerzo", "--yes")
        assert (code, report["ending"]) == (0, "done"), report
        assert report["request"]["command"] == f"ccops agent pause {CALLED} --break Almuerzo"
        assert (seat.break_id, seat.agent.paused, seat.agent.reason) == (2, True, "Almuerzo")
        _, out, _ = await here.ccops("audit")
        assert f"agent pause {CALLED} --break Almuerzo" in out

        code, _, err = await here.ccops("agent", "pause", CALLED, "--break", "Baño", "--yes")
        assert code == 1
        assert "is in the break Almuerzo already" in err
        code, out, err = await here.ccops("agent", "unpause", "105", "--yes")
        assert (code, seat.agent.paused) == (0, False), err
        assert "demo-105" not in here.audit.path.read_text()


async def test_what_is_not_possible_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with Demo(speed=5, agents=12) as demo:
        here = FullDesk(demo, tmp_path)
        seat = await rest(demo, LOGGED)
        for words, told in (
            (
                ("pause", LOGGED),
                "a break is needed, for an agent of the call-center module: Almuerzo, Baño, Capacitación, Reunión",
            ),
            (("pause", LOGGED, "--break", "Siesta"), "there is no active break 'Siesta'"),
            (("pause", LOGGED, "--break", "<x>&\x1b[2J"), "there is no active break"),
            (("pause", "SIP/101", "--break", "Almuerzo"), "give a reason instead"),
            (("add", CALLED, "ventas"), "its queues are set in the PBX"),
        ):
            code, _, err = await here.ccops("agent", *words, "--yes")
            assert code == 1
            assert told in " ".join(err.split())
            assert "\x1b" not in err
        here.settle(role="viewer")
        code, _, err = await here.ccops("agent", "logout", LOGGED, "--yes")
        assert (code, seat.logged_in) == (1, True)
        assert "viewer" in err
        here.settle(role="supervisor", eccp=None)
        code, _, err = await here.ccops("agent", "logout", LOGGED, "--yes")
        assert (code, seat.logged_in) == (1, True)
        assert "no [pairs.NAME.eccp] is set" in " ".join(err.split())
        here.settle(role="supervisor")
        code, _, err = await here.ccops("agent", "logout", LOGGED, "--yes")
        assert (code, seat.logged_in) == (0, False), err


@pytest.mark.parametrize("kind", ["logout"])
async def test_an_agent_of_chan_agent_alone_logs_out_by_asterisk(tmp_path: Path, kind: str) -> None:
    """Where there is no module, Asterisk's own AgentLogoff is sent."""
    async with Demo(speed=5, agents=12) as demo:
        here = FullDesk(demo, tmp_path)
        await rest(demo, LOGGED)
        here.settle(eccp=None, mysql=None)
        code, out, err = await here.ccops("agent", kind, "9106", "--yes")
        assert code == 0, err
        assert "AgentLogoff 'Agent: 9106' 'Soft: true'" in out
        assert "is not known; if it does, it undoes this" in " ".join(out.split())


async def test_a_break_that_was_just_made_is_taken(tmp_path: Path) -> None:
    async with Demo(speed=5, agents=12) as demo:
        here = FullDesk(demo, tmp_path)
        seat = await rest(demo, CALLED)
        code, _, err = await here.ccops("break", "add", "Pausa activa", "--yes")
        assert code == 0, err
        code, report = await here.object("agent", "pause", CALLED, "--break", "pausa activa", "--yes")
        assert (code, report["ending"]) == (0, "done"), report
        assert seat.agent.reason == "Pausa activa"
        code, _, err = await here.ccops("break", "disable", "Pausa activa", "--yes")
        assert code == 0, err
        code, _, err = await here.ccops("agent", "pause", LOGGED, "--break", "Pausa activa", "--yes")
        assert code == 1
        assert "there is no active break 'Pausa activa'" in " ".join(err.split())

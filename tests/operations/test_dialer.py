"""Agents of the call-center module acted on through its dialer: on the simulated pair, and on one that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ccops.callcentre.deeds import Deed
from ccops.config import EccpSettings, MysqlSettings, SecretRef
from ccops.demo.dialer import PASS_S, Seat
from ccops.links.errors import LinkLost, Refused, TimedOut
from ccops.operations import dialer as dialers
from ccops.operations import switchboard as boards
from ccops.operations.dialer import Dialer
from ccops.operations.plan import NotPermitted
from ccops.operations.supervising import request_of
from tests.links.eccp_server import DONE, PASSWORD, REQUESTS, USER, FakeDialer, bare_failure, failed
from tests.operations.test_switchboard import OWN, Room, room

NODE = "elaxtix-voip"
CALLED, LOGGED = "SIP/105", "Agent/9106"
"""Of twelve agents: one that is called back, one of chan_agent."""


def seat(here: Room, name: str) -> Seat:
    found = here.demo.centre.dialers[0].find(name)
    assert found is not None
    return found


async def quiet(here: Room, name: str) -> None:
    """That agent is on no call and in no break, and stays so."""
    here.demo.centre.resting = True
    found = seat(here, name)
    here.demo.centre.dialers[0].hang_up(found)
    await here.until(lambda: not found.agent.in_call and found.agent.status == 1, 60)
    here.demo.centre.dialers[0].unpause(found)
    await here.until(lambda: not paused(here, name))


def paused(here: Room, name: str) -> bool:
    return any(q.members[name].paused for q in here.centre.queues.values() if name in q.members)


def open_breaks(here: Room, n: int = 0) -> list[Any]:
    rows = here.demo.mysql[n].tables.find("call_center", "audit") or []
    return [row["id_break"] for row in rows if row["datetime_end"] is None and row["id_break"] is not None]


@pytest.mark.parametrize("agent", [CALLED, LOGGED])
async def test_an_agent_is_paused_for_a_break_and_taken_back(tmp_path: Path, agent: str) -> None:
    async with room(tmp_path, role="supervisor") as here:
        await quiet(here, agent)
        plan = await here.board.prepare(request_of(Deed("pause", agent, pause="almuerzo")))
        assert not plan.refusals
        assert [step.command for step in plan.steps] == [
            ("eccp", "pauseagent", f"agent_number: {agent}", "pause_type: 2")
        ]
        assert "(ECCP) by its user ccops" in plan.purpose
        before = len(open_breaks(here))
        report = await here.board.run(plan)
        assert report.ending == "done", report.summary
        assert here.events(report.id) == ["began", "step", "answered", "seen", "ended"]
        assert report.plan.undo_text == f"ccops agent unpause {agent}"
        assert (seat(here, agent).agent.paused, seat(here, agent).agent.reason) == (True, "Almuerzo")
        assert 2 in open_breaks(here)
        assert len(open_breaks(here)) == before + 1
        # It stays: several passes of the dialer later it is as it was wanted.
        here.demo.centre.pair.step(4 * PASS_S)
        assert paused(here, agent)
        assert "is in the break Almuerzo already" in await here.refusal(Deed("pause", agent, pause="Baño"))
        again = await here.do(Deed("pause", agent, pause="Almuerzo"))
        assert again.ending == "done"

        report = await here.do(Deed("unpause", agent))
        assert report.ending == "done", report.summary
        assert report.plan.undo_text == f"ccops agent pause {agent} --break Almuerzo"
        assert not paused(here, agent)
        rows = here.demo.mysql[0].tables.find("call_center", "audit") or []
        assert any(row["id_break"] == 2 and row["datetime_end"] is not None for row in rows)


async def test_a_pause_beside_the_dialer_does_not_last(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        await quiet(here, CALLED)
        member = seat(here, CALLED).agent
        here.demo.centre.exchanges[0].pause(member, True, "foreign")
        await here.until(lambda: paused(here, CALLED))
        await here.until(lambda: not paused(here, CALLED))
        queue = next(iter(member.memberships))
        here.demo.centre.exchanges[0].remove_member(member, queue)
        await here.until(lambda: CALLED not in here.centre.queues[queue].members)
        await here.until(lambda: CALLED in here.centre.queues[queue].members)


@pytest.mark.parametrize("agent", [CALLED, LOGGED])
async def test_an_agent_is_logged_out_and_comes_back(tmp_path: Path, agent: str) -> None:
    async with room(tmp_path, speed=4.0) as here:
        await quiet(here, agent)
        report = await here.do(Deed("logout", agent))
        assert report.ending == "done", report.summary
        assert report.plan.irrevocable
        assert not seat(here, agent).logged_in
        if agent == LOGGED:
            assert "not logged in" in await here.refusal(Deed("pause", agent, pause="2"))
        else:
            assert "no member of any queue" in await here.refusal(Deed("unpause", agent))
        await here.until(lambda: seat(here, agent).logged_in, 40)


@pytest.mark.parametrize("agent", [CALLED, LOGGED])
async def test_a_call_is_hung_up_and_listened_to(tmp_path: Path, agent: str) -> None:
    async with room(tmp_path, "busy-day", speed=2.0) as here:
        await here.until(lambda: agent in here.centre.talks, 90)
        # Listening, whispering and joining are Asterisk's own, whoever the agent is.
        for kind, flags in (("listen", ",qES"), ("whisper", ",qwES"), ("barge", ",qBES")):
            if agent not in here.centre.talks:
                await here.until(lambda: agent in here.centre.talks, 90)
            before = set(here.demo.centre.exchanges[0].channels)
            report = await here.do(Deed(kind, agent, extension=OWN))  # type: ignore[arg-type]
            assert report.ending == "done", report.summary
            exchange = here.demo.centre.exchanges[0]
            (own,) = [c for u, c in exchange.channels.items() if c.name.startswith(f"{OWN}-") and u not in before]
            await here.until(lambda own=own: own.application == "ChanSpy")
            assert own.data.endswith(flags)
            assert own.data.startswith(f"{agent}-")
        await here.until(lambda: agent in here.centre.talks, 90)
        plan = await here.board.prepare(request_of(Deed("hangup", agent)))
        assert plan.steps[0].command == ("eccp", "hangup", f"agent_number: {agent}")
        report = await here.board.run(plan)
        assert report.ending == "done", report.summary


async def test_its_queues_are_the_dialers(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        other = next(name for name, queue in here.centre.queues.items() if CALLED not in queue.members)
        own = next(name for name, queue in here.centre.queues.items() if CALLED in queue.members)
        for deed in (Deed("add", CALLED, other), Deed("remove", CALLED, own)):
            assert "its queues are set in the PBX" in await here.refusal(deed)
        assert (await here.do(Deed("penalty", CALLED, own, penalty=3))).ending == "done"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"eccp": None}, "no [pairs.NAME.eccp] is set"),
        ({"eccp": EccpSettings("nobody", SecretRef(env="CCOPS_TEST_ECCP"))}, "the dialer does not let nobody log in"),
        ({"eccp": EccpSettings("ccops", SecretRef(env="CCOPS_TEST_ECCP"))}, "the dialer does not let ccops log in"),
        ({"eccp": EccpSettings("ccops", SecretRef(env="CCOPS_NO_SUCH"))}, "CCOPS_NO_SUCH should hold the secret"),
        ({"eccp": EccpSettings("ccops", SecretRef(env="CCOPS_TEST_ECCP"), port=20006)}, "not listening on port 20006"),
    ],
)
async def test_without_a_way_to_the_dialer_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv("CCOPS_TEST_ECCP", "wr0ng-secret")
    async with room(tmp_path, **changes) as here:
        for deed in (Deed("pause", CALLED, pause="2"), Deed("unpause", LOGGED), Deed("logout", LOGGED)):
            found = await here.refusal(deed)
            assert told in found
            assert "wr0ng" not in found
        assert await here.board.look(CALLED) == ""
        by = await here.board.breaks_for(CALLED)
        assert by is not None
        assert by.why_not
        assert await here.board.breaks_for("SIP/101") is None


async def test_a_dialer_that_does_not_run_is_told(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        here.demo.centre.dialers[0].stopped = True
        here.demo.eccp[0].follow()
        assert "the call-center module's dialer is not listening on port 20005" in await here.refusal(
            Deed("unpause", CALLED)
        )


async def test_a_viewer_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    for changes, told in (({"role": "viewer"}, "viewer"), ({"read_only": True}, "read-only in the settings")):
        async with room(tmp_path, **changes) as here:
            await quiet(here, CALLED)
            plan = await here.board.prepare(request_of(Deed("pause", CALLED, pause="2")))
            assert plan.role == "supervisor"
            with pytest.raises(NotPermitted, match=told):
                await here.board.run(plan)
            assert seat(here, CALLED).break_id is None
            assert here.board.audit.records() == ()


async def test_after_a_failover_it_is_the_other_nodes_dialer(tmp_path: Path) -> None:
    async with room(tmp_path, speed=10.0) as here:
        assert (here.demo.eccp[0].door.is_open, here.demo.eccp[1].door.is_open) == (True, False)
        await quiet(here, CALLED)
        assert (await here.do(Deed("pause", CALLED, pause="2"))).ending == "done"
        here.demo.pair.heartbeat.standby(0)
        await here.until(lambda: here.watch.store.snapshot.serving == "elaxtix-voip-2", 60)
        await here.until(lambda: here.demo.eccp[1].door.is_open and here.watch.store.snapshot.centre.value, 60)
        assert not here.demo.eccp[0].door.is_open
        assert open_breaks(here, 1) == []
        await here.until(lambda: _unread(here) == "", 60)
        report = await here.do(Deed("pause", CALLED, pause="4"))
        assert (report.ending, report.plan.steps[0].node) == ("done", "elaxtix-voip-2"), report.summary
        assert here.demo.centre.exchanges[1].agents[CALLED].reason == "Baño"


def _unread(here: Room) -> str:
    checks = (here.board._serves(), here.board._read())
    return "; ".join(check.found for check in checks if not check.holds)


# A dialer that misbehaves


class FakeBooks:
    """The agent's row and the breaks, as a test wants them."""

    user = "ccops"

    def __init__(self, password: str | None = "clave-9") -> None:
        self.password = password
        self.asked: list[tuple[str, Any]] = []
        self.failing: dict[str, Exception] = {}
        self.shipped = False

    async def query(self, node: str, sql: str, params: Any = (), *, timeout_s: float = 1.0) -> list[dict[str, Any]]:
        self.asked.append((sql, params))
        for part, error in self.failing.items():
            if part in sql:
                raise error
        if "eccp_authorized_clients" in sql:
            return [{"username": params[0]}] if self.shipped else []
        if "number = %s" not in sql and "`break`" not in sql:
            return [{"type": "SIP", "number": "105"}]
        if "`break`" in sql:
            return [
                {"id": 2, "name": "Almuerzo\x1b[2J", "status": "A", "tipo": "B"},
                {"id": 1, "name": "Hold", "status": "A", "tipo": "H"},
                {"id": 3, "name": "Vieja", "status": "I", "tipo": "B"},
            ]
        kind = "Agent" if "'Agent'" in sql else "SIP"
        return [{"type": kind, "number": params[0], "eccp_password": self.password}]

    async def close(self) -> None:
        return


class FakeConnection:
    def __init__(self, server: FakeDialer) -> None:
        self.server = server

    async def forward_tcp(self, host: str, port: int) -> tuple[str, int]:
        return self.server.address


class FakeHands:
    def __init__(self, server: FakeDialer) -> None:
        self.server = server
        self.reached: list[str] = []

    async def reach(self, node: str) -> FakeConnection:
        self.reached.append(node)
        return FakeConnection(self.server)


class Desk:
    def __init__(self, server: FakeDialer, books: FakeBooks, pair: Any) -> None:
        self.server, self.books, self.hands = server, books, FakeHands(server)
        self.dialer = Dialer(pair, self.hands, books)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def desk(monkeypatch: pytest.MonkeyPatch, password: str | None = "clave-9") -> AsyncIterator[Desk]:
    from tests.operations.stage import settings

    monkeypatch.setenv("CCOPS_TEST_ECCP", PASSWORD)
    server = await FakeDialer().start()
    if password is not None:
        server.passwords[CALLED] = password
    ref = SecretRef(env="CCOPS_TEST_ECCP")
    pair = settings(eccp=EccpSettings(USER, ref), mysql=MysqlSettings("ccops", ref))
    found = Desk(server, FakeBooks(password), pair)
    try:
        yield found
    finally:
        found.dialer.close()
        server.close()


FIELDS = {"agent_number": CALLED, "pause_type": "2"}


async def test_one_session_does_all_and_keeps_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch) as here:
        by = await here.dialer.look(NODE, CALLED)
        assert (by.why_not, by.standing, [each.name for each in by.breaks]) == ("", "online", ["Almuerzo[2J"])
        assert by.requests == set(REQUESTS)
        assert await here.dialer.send(NODE, "pauseagent", FIELDS) == "success"
        assert await here.dialer.send(NODE, "logoutagent", {"agent_number": CALLED}) == "logged-out"
        assert here.server.connections == 1
        assert all("clave-9" not in str(each) for each in (vars(here.dialer), by, here.server.raw))
        await here.dialer.look("elaxtix-voip-2", CALLED)
        assert here.server.connections == 2


async def test_a_lost_link_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch) as here:

        def drop(command: Any) -> None:
            here.server.drop()

        here.server.answers["pauseagent"] = drop
        with pytest.raises(LinkLost):
            await here.dialer.send(NODE, "pauseagent", FIELDS)
        here.server.answers.clear()
        await here.dialer.look(NODE, CALLED)
        assert here.server.names().count("pauseagent") == 1
        assert await here.dialer.send(NODE, "unpauseagent", {"agent_number": CALLED}) == "success"


async def test_a_dialer_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialers, "_LIMIT_S", 0.2)
    async with desk(monkeypatch) as here:
        here.server.answers["pauseagent"] = None
        with pytest.raises(TimedOut):
            await here.dialer.send(NODE, "pauseagent", FIELDS)
        here.server.answers["getagentstatus"] = None
        assert "did not answer getagentstatus" in (await here.dialer.look(NODE, CALLED)).why_not
        here.server.answers["login"] = None
        here.dialer.close()
        with pytest.raises(Refused, match="nothing was sent"):
            await here.dialer.send(NODE, "pauseagent", FIELDS)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (failed(417, "Agent already in incompatible break"), "417 Agent already in incompatible break"),
        (failed(401, "Unauthorized agent"), "another ECCP password for SIP/105"),
        (failed(404, "Break ID not found or not active"), "404"),
        (bare_failure(501, "Not Implemented"), "501"),
    ],
)
async def test_a_refusal_is_told_and_leaves_the_session(
    monkeypatch: pytest.MonkeyPatch, answer: str, told: str
) -> None:
    async with desk(monkeypatch) as here:
        here.server.answers["pauseagent"] = answer
        with pytest.raises(Refused, match=told):
            await here.dialer.send(NODE, "pauseagent", FIELDS)
        await here.dialer.send(NODE, "unpauseagent", {"agent_number": CALLED})
        assert here.server.connections == 1


@pytest.mark.parametrize(
    ("part", "error", "told"),
    [
        ("agent", Refused("1142 SELECT command denied"), "GRANT SELECT ON call_center.* to MySQL's user ccops"),
        ("eccp_password", Refused("1054 Unknown column"), "too old for ECCP"),
        ("agent", TimedOut("MySQL did not answer"), "cannot be read (MySQL did not answer)"),
        ("`break`", Refused("no such table"), "no such table"),
    ],
)
async def test_what_mysql_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch, part: str, error: Exception, told: str
) -> None:
    async with desk(monkeypatch) as here:
        here.books.failing[part] = error
        by = await here.dialer.look(NODE, CALLED)
        assert told in f"{by.why_not} {by.way_out}"
        assert "pauseagent" not in here.server.names()


async def test_an_early_module_has_static_agents_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch) as here:
        here.books.failing["SELECT type"] = Refused("Unknown column 'type'")
        here.server.passwords["Agent/9000"] = "clave-9"
        here.server.answers["getrequestlist"] = bare_failure(501, "Not Implemented")
        by = await here.dialer.look(NODE, "Agent/9000")
        assert (by.why_not, by.requests) == ("", None)
        assert "no active agent SIP/105" in (await here.dialer.look(NODE, CALLED)).why_not


async def test_the_shipped_log_in_is_told_where_it_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with desk(monkeypatch) as here:
        assert not (await here.dialer.look(NODE, CALLED)).shipped
        here.books.shipped = True
        assert (await here.dialer.look(NODE, CALLED)).shipped
        here.books.failing["eccp_authorized"] = Refused("denied")
        assert not (await here.dialer.look(NODE, CALLED)).shipped
    async with room(tmp_path) as there:
        plan = await there.board.prepare(request_of(Deed("unpause", CALLED)))
        assert "lets in agentconsole with the password it is shipped with" in plan.evidence[0]
        assert not (await there.board.prepare(request_of(Deed("unpause", "SIP/101")))).evidence


async def test_an_agent_without_a_password_is_said_to_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch, None) as here:
        assert (await here.dialer.look(NODE, CALLED)).open_to_all
        assert await here.dialer.send(NODE, "pauseagent", FIELDS) == "success"


@pytest.mark.parametrize(
    ("inner", "standing", "pause"),
    [
        ("<status>paused</status><pauseinfo><pauseid>2</pauseid><pausename>A</pausename></pauseinfo>", "paused", 2),
        ("<status>oncall</status><onhold>0</onhold>", "oncall", None),
        ("<status>[red]</status>", "unknown", None),
        ("<status>paused</status><pauseinfo><pauseid>-2</pauseid></pauseinfo>", "paused", None),
        ("<status>paused</status><pauseinfo><pauseid>99999999999999</pauseid></pauseinfo>", "paused", None),
        ("", "unknown", None),
    ],
)
async def test_any_standing_is_read(
    monkeypatch: pytest.MonkeyPatch, inner: str, standing: str, pause: int | None
) -> None:
    async with desk(monkeypatch) as here:
        here.server.answers["getagentstatus"] = DONE.replace("<success/>", inner)
        by = await here.dialer.look(NODE, CALLED)
        assert (by.standing, by.break_id) == (standing, pause)


async def test_an_answer_without_success_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(monkeypatch) as here:
        here.server.answers["pauseagent"] = DONE.replace("<success/>", "<status>logged-out</status>")
        with pytest.raises(dialers.Unclear):
            await here.dialer.send(NODE, "pauseagent", FIELDS)


@pytest.mark.parametrize("text", ["SIP/1\n", "a\0b", "\x1b"])
async def test_control_characters_never_leave(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async with desk(monkeypatch) as here:
        for fields in ({"agent_number": CALLED, "pause_type": text}, {"agent_number": f"SIP/{text}"}):
            with pytest.raises(Refused):
                await here.dialer.send(NODE, "pauseagent", fields)
        assert "pauseagent" not in here.server.names()


async def test_a_session_that_nobody_needs_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialers, "_IDLE_S", 0.1)
    async with desk(monkeypatch) as here:
        await here.dialer.look(NODE, CALLED)
        await asyncio.sleep(0.3)
        assert here.dialer._session is None


class Liar(Dialer):
    """A dialer of which the test says what becomes of a request."""

    def __init__(self, real: Dialer, outcome: Exception | str) -> None:
        self._real, self.outcome = real, outcome
        self.sent: list[str] = []

    user = "ccops"

    async def agents(self, node: str) -> Any:
        return await self._real.agents(node)

    async def look(self, node: str, interface: str) -> Any:
        return await self._real.look(node, interface)

    async def send(self, node: str, request: str, fields: Any) -> str:
        self.sent.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize(
    ("outcome", "ending", "events"),
    [
        ("success", "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (LinkLost("the ECCP link was lost"), "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (TimedOut("no answer"), "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (dialers.Unclear("half way"), "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (Refused("the dialer refuses pauseagent: no"), "refused", ["began", "step", "answered", "ended"]),
    ],
)
async def test_success_is_not_believed_and_nothing_is_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Any, ending: str, events: list[str]
) -> None:
    monkeypatch.setattr(boards, "SEEN_WITHIN_S", 0.5)
    async with room(tmp_path) as here:
        await quiet(here, CALLED)
        here.board.dialer = liar = Liar(here.board.dialer, outcome)
        report = await here.do(Deed("pause", CALLED, pause="2"))
        assert (report.ending, here.events(report.id), liar.sent) == (ending, events, ["pauseagent"])
        assert here.board.audit.unfinished("demo") is None
    assert "demo-105" not in (tmp_path / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (Refused("MySQL refused the statement: 1146 Table 'call_center.agent' doesn't exist"), frozenset()),
        (Refused("MySQL refused the statement: 1049 Unknown database 'call_center'"), frozenset()),
        (Refused("MySQL refused the statement: 1142 SELECT command denied to user"), None),
        (TimedOut("MySQL did not answer"), None),
    ],
)
async def test_whose_agents_they_are_is_known_or_not(
    monkeypatch: pytest.MonkeyPatch, error: Exception, known: frozenset[str] | None
) -> None:
    async with desk(monkeypatch) as here:
        assert await here.dialer.agents(NODE) == {"SIP/105"}
        here.books.failing["agent"] = error
        assert await here.dialer.agents(NODE) == known

"""What a supervisor does, on the simulated pair through real sockets, and on a manager that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.callcentre.deeds import Deed, Site
from ccops.callcentre.drawing import is_the_dialers
from ccops.callcentre.model import Centre
from ccops.config import PairSettings
from ccops.demo.world import Demo
from ccops.links.errors import LinkLost, TimedOut
from ccops.links.errors import Refused as NotTaken
from ccops.operations import switchboard as boards
from ccops.operations.audit import Audit
from ccops.operations.control import Control
from ccops.operations.hands import Hands
from ccops.operations.permission import Authority
from ccops.operations.plan import NotPermitted, OperationError, Refused, Report, Request
from ccops.operations.supervising import deed_of, request_of, words
from ccops.operations.switchboard import Switchboard
from ccops.watch.once import is_complete
from ccops.watch.pair import PairWatch

OWN = "SIP/90"
SITE = Site(dialer=frozenset({"SIP/105", "SIP/111", "Agent/9106", "Agent/9112"}))


class Room:
    """A supervisor before a demo's console."""

    def __init__(self, demo: Demo, watch: PairWatch, board: Switchboard) -> None:
        self.demo, self.watch, self.board = demo, watch, board

    @property
    def centre(self) -> Centre:
        found = self.watch.store.snapshot.centre.value
        assert found is not None
        return found

    async def do(self, deed: Deed) -> Report:
        plan = await self.board.prepare(request_of(deed))
        assert not plan.refusals, plan.refusals
        return await self.board.run(plan)

    async def refusal(self, deed: Deed) -> str:
        plan = await self.board.prepare(request_of(deed))
        return " ".join(f"{check.found} {check.way_out}" for check in plan.refusals)

    def events(self, id: str) -> list[str]:
        record = self.board.audit.record(id)
        assert record is not None
        return [entry.event for entry in record.entries]

    async def until(self, holds: Callable[[], object], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def room(
    folder: Path, scenario: str = "quiet-day", speed: float = 3.0, user: str | None = None, **changes: Any
) -> AsyncIterator[Room]:
    async with Demo(scenario=scenario, speed=speed, agents=12) as demo:
        pair: PairSettings = replace(demo.settings.pairs["demo"], **changes)
        if user is not None and pair.ami is not None:
            pair = replace(pair, ami=replace(pair.ami, user=user), ami_control=None)
        watch = PairWatch("demo", pair)
        authority = Authority(pair)
        with contextlib.suppress(NotPermitted):
            authority.arm()
        hands = Hands(pair)
        board = Switchboard("demo", pair, watch.store, authority, Audit(folder / "audit.jsonl"), hands)
        await watch.start()
        try:
            found = Room(demo, watch, board)
            await found.until(lambda: is_complete(watch.store.snapshot) and watch.store.snapshot.centre.value)
            yield found
        finally:
            await board.close()
            await hands.close()
            await watch.stop()


def free(room: Room) -> str:
    """An agent by configuration who is not paused, and does nothing; from now on nobody is given a call or a break."""
    room.demo.centre.resting = True
    for queue in room.centre.queues.values():
        for member in queue.members.values():
            if member.status == 1 and not member.paused and not is_the_dialers(member.interface, room.centre, SITE):
                return member.interface
    raise AssertionError("nobody is free")


async def test_members_are_paused_added_given_a_penalty_and_removed(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        agent = free(here)
        exchange = here.demo.centre.exchanges[0]
        report = await here.do(Deed("pause", agent, reason="Almuerzo"))
        assert (report.ending, exchange.agents[agent].reason) == ("done", "Almuerzo")
        assert here.events(report.id) == ["began", "step", "answered", "seen", "ended"]
        assert all(q.members[agent].paused for q in here.centre.queues.values() if agent in q.members)
        assert report.plan.undo_text == f"ccops agent unpause {agent}"
        assert (await here.do(Deed("unpause", agent))).ending == "done"
        again = await here.do(Deed("unpause", agent))
        assert here.events(again.id) == ["began", "seen", "ended"]  # nothing is sent for what is so already

        other = next(name for name, queue in here.centre.queues.items() if agent not in queue.members)
        assert (await here.do(Deed("add", agent, other, penalty=2))).ending == "done"
        assert here.centre.queues[other].members[agent].penalty == 2
        assert (await here.do(Deed("penalty", agent, other, penalty=7))).ending == "done"
        assert exchange.agents[agent].memberships[other].penalty == 7
        report = await here.do(Deed("remove", agent, other))
        assert report.ending == "done"
        assert report.plan.undo_text == f"ccops agent add {agent} {other} --penalty 7"
        assert other not in exchange.agents[agent].memberships
        static = next(iter(exchange.agents[agent].memberships))
        assert "static member" in await here.refusal(Deed("remove", agent, static))
        assert "never logs in or out" in await here.refusal(Deed("logout", agent))


async def test_a_call_is_listened_to_and_hung_up(tmp_path: Path) -> None:
    async with room(tmp_path, speed=2.0) as here:
        await here.until(lambda: here.centre.talks)
        agent = next(reversed(here.centre.talks))
        report = await here.do(Deed("listen", agent, extension=OWN))
        assert report.ending == "done", report.summary
        (own,) = [c for c in here.demo.centre.exchanges[0].channels.values() if c.name.startswith(f"{OWN}-")]
        await here.until(lambda: own.application == "ChanSpy")
        assert own.data.endswith(",qES")
        assert own.data.startswith(f"{agent}-")
        report = await here.do(Deed("hangup", agent))
        assert report.ending == "done", report.summary
        assert report.plan.irrevocable
        await here.until(lambda: own.uniqueid not in here.demo.centre.exchanges[0].channels)
        assert "on no call" in await here.refusal(Deed("whisper", free(here), extension=OWN))


async def test_a_waiting_caller_is_moved_up_and_to_another_queue(tmp_path: Path) -> None:
    async with room(tmp_path, "busy-day", speed=2.0) as here:
        here.demo.centre.resting = True
        await here.until(lambda: any(len(q.callers) > 2 for q in here.centre.queues.values()))
        queue = next(q for q in here.centre.queues.values() if len(q.callers) > 2)
        last = queue.callers[-1]
        plan = await here.board.prepare(request_of(Deed("move", caller=last.uniqueid)))
        assert [step.command[0] for step in plan.steps] == ["Setvar", "Redirect"]
        report = await here.board.run(plan)
        assert report.ending == "done", report.summary
        other = next(name for name in here.centre.queues if name != queue.name)
        report = await here.do(Deed("move", caller=last.uniqueid, to=other))
        assert report.ending == "done", report.summary
        assert last.uniqueid in {c.uniqueid for c in here.centre.queues[other].callers}
        assert "does not wait" in await here.refusal(Deed("move", caller="1.2"))


async def test_who_may_not_is_told_why_and_nothing_is_sent(tmp_path: Path) -> None:
    async with room(tmp_path, user="viewer") as here:
        found = await here.refusal(Deed("pause", free(here)))
        assert "write=agent" in found
        assert "amiuser" in found
    for changes, told in (
        ({"role": "viewer"}, "viewer"),
        ({"read_only": True}, "read-only in the settings"),
    ):
        async with room(tmp_path, **changes) as here:
            agent = free(here)
            plan = await here.board.prepare(request_of(Deed("pause", agent)))
            with pytest.raises(NotPermitted, match=told):
                await here.board.run(plan)
            assert not here.demo.centre.exchanges[0].agents[agent].paused
            assert here.board.audit.records() == ()


async def test_a_supervisor_acts_on_agents_and_not_on_the_pair(tmp_path: Path) -> None:
    async with room(tmp_path, role="supervisor") as here:
        assert (await here.do(Deed("pause", free(here)))).ending == "done"
        with pytest.raises(NotPermitted, match='for the role "operator"'):
            here.board.authority.demand_for("failover", "operator")
        here.board.authority.disarm()
        with pytest.raises(NotPermitted, match="until it is armed"):
            await here.do(Deed("pause", free(here)))


class Liar(Control):
    """A manager session of which the test says what becomes of an action."""

    def __init__(self, outcome: Exception | str) -> None:
        self.outcome = outcome
        self.sent: list[str] = []
        self.allowed = None
        self._pair = None  # type: ignore[assignment]

    user = "ccops"
    version = None

    async def open(self, node: str) -> None:
        return

    async def send(self, node: str, name: str, fields: Any) -> str:
        self.sent.append(name)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("outcome", "ending", "events"),
    [
        ("Success", "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (LinkLost("the AMI link was lost"), "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (TimedOut("no answer"), "surprised", ["began", "step", "answered", "surprise", "ended"]),
        (NotTaken("Asterisk refused QueuePause: no"), "refused", ["began", "step", "answered", "ended"]),
    ],
)
async def test_success_is_not_believed_and_nothing_is_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Any, ending: str, events: list[str]
) -> None:
    monkeypatch.setattr(boards, "SEEN_WITHIN_S", 0.5)
    async with room(tmp_path) as here:
        here.board.control = liar = Liar(outcome)
        report = await here.do(Deed("pause", free(here)))
        assert (report.ending, here.events(report.id), liar.sent) == (ending, events, ["QueuePause"])
        # It is over: nothing of it is offered to be resumed.
        assert here.board.audit.unfinished("demo") is None


async def test_what_changed_since_it_was_shown_is_not_done(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        agent = free(here)
        other = next(name for name, queue in here.centre.queues.items() if agent not in queue.members)
        plan = await here.board.prepare(request_of(Deed("add", agent, other)))
        assert (await here.do(Deed("add", agent, other))).ending == "done"
        with pytest.raises(Refused, match="already"):
            await here.board.run(plan)


@pytest.mark.parametrize(
    ("deed", "typed"),
    [
        (Deed("pause", "SIP/101", reason="Almuerzo"), "agent pause SIP/101 --reason Almuerzo"),
        (Deed("unpause", "SIP/101", "ventas"), "agent unpause SIP/101 --queue ventas"),
        (Deed("add", "SIP/101", "ventas", penalty=3), "agent add SIP/101 ventas --penalty 3"),
        (Deed("penalty", "SIP/101", penalty=0), "agent penalty SIP/101 0"),
        (Deed("hangup", caller="1.2"), "agent hangup --caller 1.2"),
        (Deed("barge", "SIP/101", extension=OWN), "agent barge SIP/101 --extension SIP/90"),
        (Deed("move", caller="1.2", to="vip"), "queue move 1.2 --to vip"),
    ],
)
def test_a_deed_is_a_request_and_back(deed: Deed, typed: str) -> None:
    assert deed_of(request_of(deed)) == deed
    assert " ".join(words(deed)) == typed


@pytest.mark.parametrize(
    "request_",
    [
        Request("failover"),
        Request("agent explode"),
        Request("agent pause", arguments={"no_such": "x"}),
        Request("agent penalty", arguments={"agent": "SIP/1", "penalty": "much"}),
    ],
)
def test_another_request_is_none(request_: Request) -> None:
    with pytest.raises(OperationError):
        deed_of(request_)

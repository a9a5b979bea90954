"""Agents and callers on a real pair: each deed is seen in what Asterisk itself lists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from ccops.callcentre.deeds import Deed
from ccops.callcentre.model import Caller
from ccops.operations.plan import Report
from ccops.operations.supervising import request_of
from ccops.watch.snapshot import Snapshot
from tests.lab.conftest import Lab, Watching
from tests.lab.test_operations import Console, Tell, console

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]

# An agent who talks for as long as the caller does, and callers who stay for ten minutes.
AGENT = "Local/199@agents"
LONG = (
    "dialplan add extension 199,1,Answer() into agents",
    "dialplan add extension 199,2,Wait(900) into agents",
    "dialplan add extension 402,2,Queue(cobranza,,,,900) into from-trunk replace",
)
CALLS = "channel originate Local/402@from-trunk application Wait 600"


def doing(it: Console) -> Callable[[Deed], Awaitable[Report]]:
    """Does a deed as a supervisor would: look, then do it."""
    board = it.executor.switchboard

    async def do(deed: Deed) -> Report:
        await it.watching.until(lambda s: s.serving is not None)
        plan = await board.prepare(request_of(deed))
        assert not plan.refusals, plan.refusals
        report = await board.run(plan)
        print(deed.kind, f"{report.took_s:.1f} s", report.summary)
        assert report.ending == "done", report
        return report

    return do


def waiting(snapshot: Snapshot, queue: str = "cobranza") -> Sequence[Caller]:
    """The callers of the queue that nobody answers."""
    return snapshot.centre.value.queues[queue].callers if snapshot.centre.value is not None else ()


def asterisk(pair: Lab, *lines: str) -> str:
    """What the first node's Asterisk prints."""
    return "".join(pair.ssh(1, f"asterisk -rx '{line}'") for line in lines)


async def test_an_agent_is_paused_with_a_reason_and_moved_between_queues(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    async with console(pair, watching, tmp_path) as it:
        do = doing(it)
        paused = await do(Deed("pause", agent="SIP/101", reason="Almuerzo"))
        shown_after("agent pause", "with a reason, seen in Asterisk", paused.took_s)
        told = pair.ssh(1, "asterisk -rx 'queue show ventas'")
        assert re.search(r"Ana Torres.*paused:Almuerzo", told), told
        agents = watching.now.centre.value
        assert agents is not None
        assert any(
            m.paused and m.pause_reason == "Almuerzo" for q in agents.queues.values() for m in q.members.values()
        )
        await do(Deed("unpause", agent="SIP/101"))
        assert "paused" not in pair.ssh(1, "asterisk -rx 'queue show ventas'")
        await do(Deed("add", agent="SIP/101", queue="cobranza", penalty=2))
        assert "SIP/101" in pair.ssh(1, "asterisk -rx 'queue show cobranza'")
        await do(Deed("penalty", agent="SIP/101", queue="cobranza", penalty=5))
        assert "penalty 5" in pair.ssh(1, "asterisk -rx 'queue show cobranza'")
        await do(Deed("remove", agent="SIP/101", queue="cobranza"))
        assert "SIP/101" not in pair.ssh(1, "asterisk -rx 'queue show cobranza'")
        await pair.later("calls", "2", "402")
        await watching.until(lambda s: len(waiting(s)) >= 2)
        last = waiting(watching.now)[-1]
        await do(Deed("hangup", caller=last.uniqueid))
        assert last.uniqueid not in {caller.uniqueid for caller in waiting(watching.now)}
        log = pair.ssh(1, "cat /var/log/asterisk/queue_log")
        assert re.search(r"SIP/101\|PAUSE\w*\|Almuerzo|Ana Torres\|PAUSE\w*\|Almuerzo", log), log


async def test_a_call_is_listened_to_by_telephones_that_ring(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    """Each from a telephone of its own: without sound, and there is none in the lab, ChanSpy goes on by itself."""
    asterisk(pair, *LONG, f"queue add member {AGENT} to cobranza", CALLS)
    async with console(pair, watching, tmp_path) as it:
        do = doing(it)
        await watching.until(lambda s: s.centre.value is not None and AGENT in s.centre.value.talks)
        for kind, own, options in (
            ("listen", "SIP/104", "qES"),
            ("whisper", "SIP/102", "qESw"),
            ("barge", "SIP/101", "qESB"),
        ):
            report = await do(Deed(kind, agent=AGENT, extension=own))
            shown_after(f"agent {kind}", "the telephone rings", report.took_s)
            found: list[str] = []
            for _ in range(60):
                # The telephone rings for some seconds first.
                if found := re.findall(rf"{own}-.*!ChanSpy!([^!]*)", asterisk(pair, "core show channels concise")):
                    break
                await asyncio.sleep(2)
            assert len(found) == 1, found
            spied, _, given = found[0].partition(",")
            assert spied.startswith(f"{AGENT}-"), found
            assert set(given) == set(options), found
            assert AGENT in watching.now.centre.value.talks  # type: ignore[union-attr]
        await do(Deed("hangup", agent=AGENT))
        assert AGENT not in watching.now.centre.value.talks  # type: ignore[union-attr]


async def test_callers_who_wait_are_moved(pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell) -> None:
    asterisk(pair, *LONG, "queue pause member SIP/104", "queue pause member Local/103@agents", CALLS, CALLS, CALLS)
    async with console(pair, watching, tmp_path) as it:
        do = doing(it)
        await watching.until(lambda s: len(waiting(s)) == 3)
        last = waiting(watching.now)[-1]
        report = await do(Deed("move", caller=last.uniqueid))
        shown_after("caller move", "to the top of the queue", report.took_s)
        assert waiting(watching.now)[0].uniqueid == last.uniqueid
        callers = re.findall(r"\d+\. (Local/402\S+)", asterisk(pair, "queue show cobranza"))
        assert (len(callers), callers[0]) == (3, last.channel)
        report = await do(Deed("move", caller=last.uniqueid, to="soporte"))
        shown_after("caller move", "to another queue", report.took_s)
        assert last.channel in asterisk(pair, "queue show soporte")
        assert last.channel not in asterisk(pair, "queue show cobranza")

"""The simulated pair's call-center module: its campaigns, sessions and breaks as a console asks for them; edits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ccops.demo.world import MYSQL_USER, Demo
from ccops.links.errors import Refused
from ccops.links.mysql import MysqlLink
from ccops.watch.archive import Standing
from ccops.watch.pair_campaigns import PairCampaigns


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with Demo(agents=12) as world:
        world.stop_time()
        yield world


def dial(demo: Demo, n: int) -> Any:
    async def address() -> tuple[str, int]:
        return "127.0.0.1", demo.mysql[n].door.port

    return address


def source(demo: Demo, n: int = 0) -> PairCampaigns:
    started_at = demo.centre.exchanges[n].started_at
    standing = Standing("n", demo.pair.machines[n].wall(), 0, started_at)
    return PairCampaigns(demo.settings.pairs["demo"].mysql, {"n": dial(demo, n)}, lambda: standing)


def link(demo: Demo, n: int = 0) -> MysqlLink:
    settings = demo.settings.pairs["demo"].mysql
    assert settings is not None
    return MysqlLink(settings, dial(demo, n), lambda status: None, read_only=False)


async def test_it_answers_what_a_console_asks(demo: Demo) -> None:
    asked = source(demo)
    found = await asked.overview()
    names = [campaign.name for campaign in found.campaigns]
    assert names[:4] == ["Bienvenida", "Cobranza nocturna", "Encuesta de octubre", "Renovaciones"]
    assert names[4] == "Atención soporte"
    first = found.campaigns[3]
    progress = await asked.progress(first)
    assert progress.outcomes["Success"] > 20
    assert progress.again > 20
    calls = await asked.calls(first)
    assert len(calls) == 50
    assert calls[0].at is not None
    assert "in:1" in await asked.today()
    attendance = await asked.attendance()
    there = {person.agent for person in attendance.board.people if person.since is not None}
    assert there == set(demo.centre.dialers[0].seats)
    assert len(there) == 4
    assert all(person.open_sessions <= 1 for person in attendance.board.people)
    assert [(each.name, each.active) for each in attendance.breaks] == [
        *(("Almuerzo", True), ("Auto-Pause", False), ("Baño", True), ("Capacitación", True), ("Reunión", True)),
    ]
    talking = [agent for agent in demo.centre.exchanges[0].agents.values() if agent.in_call]
    assert len(found.links.get("out:1", ())) == min(2, len(talking))
    await asked.close()


async def test_it_takes_edits_and_replicates_them(demo: Demo) -> None:
    mysql = link(demo)
    try:
        count = await mysql.change("UPDATE call_center.campaign SET estatus = %s WHERE id = %s", ("A", 4))
        assert count == 1
        name = "Café; DROP TABLE `break`"
        sql = "INSERT INTO call_center.`break` (name, description) VALUES (%s, %s)"
        assert await mysql.change(sql, (name, "")) == 1
        rows = await mysql.query("SELECT * FROM call_center.`break` WHERE name = %s", (name,))
        assert rows == [{"id": 7, "name": name, "description": "", "status": "A", "tipo": "B"}]
        assert await mysql.change("DELETE FROM call_center.`break` WHERE id = %s AND name = %s", (7, "x")) == 0
        for side in demo.pair.drbd.sides:
            assert side.books["campaign"][3]["estatus"] == "A"
            assert side.books["break"][6]["name"] == name
        demo.mysql[0].readers.add(MYSQL_USER)
        with pytest.raises(Refused, match="UPDATE command denied"):
            await mysql.change("UPDATE call_center.campaign SET estatus = 'I'")
        with pytest.raises(Refused, match="denied"):
            await mysql.change("DELETE FROM call_center.audit")
    finally:
        await mysql.close()


async def test_the_other_node_has_what_was_replicated_to_it(demo: Demo) -> None:
    mysql = link(demo)
    await mysql.change("UPDATE call_center.campaign SET estatus = 'A' WHERE id = 4")
    await mysql.close()
    demo.pair.cut_replication()
    demo.pair.step(30)
    mysql = link(demo)
    await mysql.change("UPDATE call_center.campaign SET estatus = 'I' WHERE id = 1")
    await mysql.close()
    ours, theirs = (side.books["campaign"] for side in demo.pair.drbd.sides)
    assert [row["estatus"] for row in theirs] == ["A", "A", "T", "A"], "written while it was cut off"
    assert [row["estatus"] for row in ours] == ["I", "A", "T", "A"]
    demo.pair.heal()
    demo.pair.step(120)
    assert demo.pair.drbd.sides[1].books["campaign"][0]["estatus"] == "I", "and copied when it is back"

"""The source of the view of campaigns over real tables: one connection, ended when nobody asks, and no server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.config import MysqlSettings
from ccops.watch import pair_campaigns
from ccops.watch.archive import Standing, Unanswered
from ccops.watch.pair_campaigns import PairCampaigns
from tests.callcentre import campaign_day as day
from tests.mariadb.campaign_fill import fill
from tests.mariadb.server import Server

STANDING = Standing("n1", day.NOW, day.OFFSET_S, day.STARTED_AT)


class Pair:
    """Both nodes' MySQL are the one server, unless `sockets` says otherwise; `dialled` tells who was connected to."""

    def __init__(self, server: Server) -> None:
        self.sockets = {"n1": server.socket, "n2": server.socket}
        self.dialled: list[str] = []
        self.now: Standing | Exception = STANDING

    def dial(self, name: str) -> Callable[[], Any]:
        async def dial() -> Path:
            self.dialled.append(name)
            return self.sockets[name]

        return dial

    def standing(self) -> Standing:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def source(self, settings: MysqlSettings | None) -> PairCampaigns:
        return PairCampaigns(settings, {name: self.dial(name) for name in self.sockets}, self.standing)


@pytest.fixture
def pair(mariadb: Server) -> Pair:
    fill(mariadb, "issabel")
    return Pair(mariadb)


async def test_all_questions_over_one_connection(pair: Pair) -> None:
    source = pair.source(MysqlSettings(user="root", socket="s"))
    overview, attendance, today = await asyncio.gather(source.overview(), source.attendance(), source.today())
    assert len(overview.campaigns) == 9
    assert overview.problems == ()
    day.check_board(attendance.board)
    assert attendance.problems == ("1 rows of audit were never closed, from more than a week ago",)
    assert today["in:1"].lost == 3
    first = next(each for each in overview.campaigns if each.key == "out:1")
    assert (await source.progress(first)).again == 6
    assert len(await source.calls(first)) == 9
    assert pair.dialled == ["n1"]
    await source.close()


async def test_it_ends_when_nobody_asks_and_begins_again(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_campaigns, "_IDLE_S", 0.05)
    source = pair.source(MysqlSettings(user="root", socket="s"))
    await source.overview()
    await asyncio.sleep(0.3)
    assert source._link is None
    await source.overview()
    assert pair.dialled == ["n1", "n1"]
    await source.close()


async def test_another_node_is_another_connection(pair: Pair, mariadb: Server) -> None:
    source = pair.source(MysqlSettings(user="root", socket="s"))
    await source.attendance()
    mariadb.run("UPDATE call_center.audit SET datetime_end = NOW() WHERE id = 11")
    pair.now = replace(STANDING, node="n2")
    found = await source.attendance()
    assert pair.dialled == ["n1", "n2"]
    assert found.standing.node == "n2"
    assert found.board.breaks[1].now == ()
    await source.close()


async def test_why_nothing_is_told(pair: Pair, mariadb: Server, tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="no MySQL user is set"):
        await pair.source(None).overview()
    source = pair.source(MysqlSettings(user="root", socket="s"))
    pair.now = Unanswered("no single node is seen to serve")
    with pytest.raises(Unanswered, match="no single node"):
        await source.overview()
    pair.now = STANDING
    pair.sockets["n1"] = tmp_path / "nothing"
    with pytest.raises(Unanswered, match="cannot be read: MySQL is not listening"):
        await source.overview()
    pair.sockets["n1"] = mariadb.socket
    assert len((await source.overview()).campaigns) == 9, "and it is asked again"
    await source.close()
    mariadb.run("DROP DATABASE call_center")
    source = pair.source(MysqlSettings(user="root", socket="s"))
    with pytest.raises(Unanswered, match=r"no table call_center\.agent"):
        await source.attendance()
    await source.close()

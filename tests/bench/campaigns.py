"""Measures the questions of the view of campaigns on a large call-center module, each against the plain way to ask it.

1 M call_entry, 0.5 M calls of five campaigns, 1 M audit, 0.5 M entries of the log of progress, in a real MariaDB. Run
it: `python -m tests.bench.campaigns`. It is also a test: `pytest -m bench tests/bench/campaigns.py`.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from ccops.callcentre.board import board
from ccops.callcentre.periods import whole_days
from ccops.config import MysqlSettings
from ccops.links.mysql import MysqlLink
from ccops.watch.audit_tail import AuditTail
from ccops.watch.campaign_tables import CampaignTables
from tests.bench.module import AUDIT, CALLS, DAYS, OUT, _timed, fill
from tests.mariadb.server import MISSING, SERVER, Server, running

LAST_DAY = date(2026, 7, 19)
CHEAPER = 10.0
OPEN = 150

NAIVE = {
    "today": "SELECT id_campaign, status, COUNT(*) FROM call_center.call_entry"
    " WHERE DATE(datetime_entry_queue) = '2026-07-19' GROUP BY id_campaign, status",
    "last calls": "SELECT c.id, c.phone, c.status, a.name, c.duration FROM call_center.calls c"
    " JOIN call_center.campaign p ON p.id = c.id_campaign LEFT JOIN call_center.agent a ON a.id = c.id_agent"
    " WHERE p.id = 3 ORDER BY c.datetime_originate DESC LIMIT 50",
    "sessions": "SELECT a.name, b.name AS pause, e.datetime_init, e.datetime_end FROM call_center.audit e"
    " JOIN call_center.agent a ON a.id = e.id_agent LEFT JOIN call_center.`break` b ON b.id = e.id_break"
    " WHERE e.datetime_end IS NULL OR DATE(e.datetime_init) = '2026-07-19'",
}

PLAINLY = {
    "today": "asked by DATE(column)",
    "last calls": "asked by JOIN … LIMIT",
    "sessions": "asked by datetime_end IS NULL and DATE(column)",
}


def fill_more(server: Server) -> None:
    """Beside the tables of `tests.bench.module`: what was called in which order, and who is logged in."""
    server.run(
        "USE call_center",
        "INSERT INTO call_progress_log (datetime_entry, id_campaign_outgoing, id_call_outgoing, new_status)"
        f" SELECT '2026-07-01', 1 + seq % 5, seq, 'x' FROM seq_1_to_{DAYS * OUT}",
        "INSERT INTO audit (id_agent, id_break, datetime_init)"
        f" SELECT 1 + seq, NULL, '2026-07-19 07:00:00' FROM seq_1_to_{OPEN}",
        "ANALYZE TABLE call_progress_log, audit",
    )


async def _measure(server: Server) -> dict[str, float]:
    async def dial() -> Any:
        return server.socket

    link = MysqlLink(MysqlSettings(user="root"), dial, lambda status: None)
    day = whole_days(LAST_DAY, LAST_DAY, 0)
    now = day.start + 20 * 3600

    async def plainly(what: str) -> int:
        return len(await link.query(NAIVE[what], timeout_s=60))

    try:
        tables = await CampaignTables.of(link.query)
        campaigns = [each for each in await tables.campaigns() if each.direction == "out"]
        found: dict[str, float] = {}

        async def counted() -> int:
            return sum([(await tables.progress(each, None)).total for each in campaigns])

        found["counts of 5 campaigns"], total = await _timed(counted)
        assert total == DAYS * OUT
        first = await tables.first_call_of(day.start)
        found["today"], today = await _timed(lambda: tables.today(first, day.start, None))
        assert sum(each.total for each in today.values()) == CALLS
        third = next(each for each in campaigns if each.id == 3)
        found["last calls"], calls = await _timed(lambda: tables.calls(third, None))
        assert len(calls) == 50

        async def whole() -> int:
            return len(await AuditTail().read(link.query, tables.schema, "n", day.start, now))

        found["sessions, all of the day"], rows = await _timed(whole)
        assert rows >= AUDIT
        tail = AuditTail()
        await tail.read(link.query, tables.schema, "n", day.start, now)
        found["sessions"], told = await _timed(lambda: tail.read(link.query, tables.schema, "n", day.start, now + 10))
        assert len(told) == rows
        assert sum(1 for each in board(told, day.start, now, None).people if each.since) == OPEN
        for what in NAIVE:
            found[f"{what}, plainly"], _ = await _timed(lambda what=what: plainly(what))  # type: ignore[misc]
    finally:
        await link.close()
    return found


def measure() -> dict[str, float]:
    """Milliseconds of each question, and of three of them asked the plain way."""
    with running("+00:00", "--innodb-buffer-pool-size=512M") as server:
        fill(server)
        fill_more(server)
        return asyncio.run(_measure(server))


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_the_questions_are_cheap() -> None:
    if SERVER is None:
        pytest.skip(MISSING)
    found = measure()
    for what in NAIVE:
        assert found[f"{what}, plainly"] / found[what] >= CHEAPER, found


if __name__ == "__main__":
    for name, milliseconds in measure().items():
        print(f"{milliseconds:12,.1f} ms  {name}")

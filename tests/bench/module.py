"""Measures a day's report on a large call-center module: 1 M call_entry, 0.5 M calls, 1 M audit rows in a real MariaDB.

Run it: `python -m tests.bench.module`. The baseline asks the plain way, by DATE(column), for the same day's rows. It is
also a test: `pytest -m bench tests/bench/module.py`.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from ccops.callcentre.periods import whole_days
from ccops.callcentre.service_times import Question, report
from ccops.config import MysqlSettings
from ccops.links.mysql import MysqlLink
from ccops.watch.module_tables import read_module
from tests.mariadb.schema import statements
from tests.mariadb.server import MISSING, SERVER, Server, running

DAYS, CALLS, OUT, AUDIT = 200, 5_000, 2_500, 5_000
FIRST = "2026-01-01 08:00:00"
DAY = date(2026, 7, 1)
TIMES = 7
CHEAPER = 10.0
# Twelve hours a day, evenly; the day of row n of so many a day, and its second in it.
_AT = "TIMESTAMPADD(SECOND, ((seq - 1) DIV {a}) * 86400 + ((seq - 1) % {a}) * 43200 DIV {a} + {more}, '{first}')"


def at(rows: int, more: str = "0") -> str:
    """When row `seq` of `rows` a day happened."""
    return _AT.format(a=rows, more=more, first=FIRST)


def fill(server: Server, kind: str = "elastix") -> None:
    """The tables, by MariaDB's own sequences."""
    server.run(
        *statements(kind),  # type: ignore[arg-type]
        "SET unique_checks = 0, foreign_key_checks = 0",
        "INSERT INTO agent (type, number, name) SELECT 'Agent', 9000 + seq, CONCAT('Agent ', seq) FROM seq_1_to_200",
        "INSERT INTO queue_call_entry (queue) SELECT 399 + seq FROM seq_1_to_10",
        "INSERT INTO `break` (name, tipo) VALUES ('Hold', 'H'), ('Lunch', 'B'), ('Bath', 'B')",
        "INSERT INTO campaign (name, queue, retries) SELECT CONCAT('c', seq), 399 + seq, 5 FROM seq_1_to_5",
        "INSERT INTO campaign_entry (name, id_queue_call_entry) SELECT CONCAT('e', seq), seq FROM seq_1_to_10",
        "INSERT INTO call_entry (id_agent, id_queue_call_entry, callerid, datetime_init, datetime_end, duration,"
        " status, datetime_entry_queue, duration_wait, uniqueid, id_campaign, trunk)"
        f" SELECT IF(seq % 10, 1 + seq % 200, NULL), 1 + seq % 10, 0990000000 + seq,"
        f" IF(seq % 10, {at(CALLS, '12')}, NULL), {at(CALLS, 'IF(seq % 10, 132, 12)')}, IF(seq % 10, 120, NULL),"
        f" IF(seq % 10, 'terminada', 'abandonada'), {at(CALLS)}, 12, CONCAT(1700000000 + seq, '.', seq), 1 + seq % 10,"
        " 'SIP/gw'"
        f" FROM seq_1_to_{DAYS * CALLS}",
        "INSERT INTO calls (id_campaign, phone, status, uniqueid, start_time, end_time, duration, id_agent,"
        " datetime_entry_queue, duration_wait, datetime_originate)"
        f" SELECT 1 + seq % 5, 0980000000 + seq, IF(seq % 2, 'Success', 'NoAnswer'), CONCAT(seq, '.1'),"
        f" IF(seq % 2, {at(OUT, '3')}, NULL), IF(seq % 2, {at(OUT, '63')}, NULL), IF(seq % 2, 60, NULL),"
        f" IF(seq % 2, 1 + seq % 200, NULL), IF(seq % 2, {at(OUT)}, NULL), 3, {at(OUT)} FROM seq_1_to_{DAYS * OUT}",
        "INSERT INTO audit (id_agent, id_break, datetime_init, datetime_end)"
        f" SELECT 1 + seq % 200, IF(seq % 3, 2 + seq % 2, NULL), {at(AUDIT)}, {at(AUDIT, '300')}"
        f" FROM seq_1_to_{DAYS * AUDIT}",
        "ANALYZE TABLE call_entry, calls, audit",
    )


NAIVE = (
    "SELECT q.queue, e.callerid, a.name, e.status, UNIX_TIMESTAMP(e.datetime_entry_queue) AS entered,"
    " UNIX_TIMESTAMP(e.datetime_init) AS answered, UNIX_TIMESTAMP(e.datetime_end) AS ended, e.duration,"
    " e.duration_wait, e.uniqueid, e.trunk FROM call_center.call_entry e JOIN call_center.queue_call_entry q"
    " ON q.id = e.id_queue_call_entry LEFT JOIN call_center.agent a ON a.id = e.id_agent"
    " WHERE DATE(e.datetime_entry_queue) = %s ORDER BY e.datetime_entry_queue",
    "SELECT c.queue, e.phone, a.name, e.status, UNIX_TIMESTAMP(e.datetime_entry_queue) AS entered,"
    " UNIX_TIMESTAMP(e.start_time) AS answered, UNIX_TIMESTAMP(e.end_time) AS ended, e.duration, e.duration_wait,"
    " e.uniqueid FROM call_center.calls e JOIN call_center.campaign c ON c.id = e.id_campaign"
    " LEFT JOIN call_center.agent a ON a.id = e.id_agent"
    " WHERE DATE(e.datetime_entry_queue) = %s ORDER BY e.datetime_entry_queue",
    "SELECT a.name, b.name AS pause, UNIX_TIMESTAMP(e.datetime_init) AS began, UNIX_TIMESTAMP(e.datetime_end) AS ended"
    " FROM call_center.audit e JOIN call_center.agent a ON a.id = e.id_agent"
    " LEFT JOIN call_center.`break` b ON b.id = e.id_break WHERE DATE(e.datetime_init) = %s ORDER BY e.id",
)


async def _timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """The median of some runs in ms, after one that does not count; and what the last gave."""
    found = await work()
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        found = await work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), found


async def _measure(server: Server) -> dict[str, float]:
    async def dial() -> Any:
        return server.socket

    link = MysqlLink(MysqlSettings(user="root"), dial, lambda status: None)
    period = whole_days(DAY, DAY, 0)
    now = period.end + 86_400

    async def naive() -> int:
        return sum([len(await link.query(sql, (DAY.isoformat(),), timeout_s=60)) for sql in NAIVE])

    try:
        ours, records = await _timed(lambda: read_module(link.query, period))
        began = time.perf_counter()
        answer = report(records, Question(period, now, "agent", level_s=20.0))
        computed = (time.perf_counter() - began) * 1000
        theirs, rows = await _timed(naive)
        day = await _timed(lambda: read_module(link.query, whole_days(DAY.replace(month=6), DAY, 0)))
    finally:
        await link.close()
    assert answer.total.offered == CALLS + OUT // 2, answer.total
    assert rows >= CALLS + OUT // 2 + AUDIT
    return {"report": ours + computed, "read": ours, "compute": computed, "naive": theirs, "31 days": day[0]}


def measure(kind: str = "elastix") -> dict[str, float]:
    """Milliseconds of a 5,000-call day's report: read, computed, and read the plain way; and of a month's reading."""
    with running("+00:00", "--innodb-buffer-pool-size=512M") as server:
        fill(server, kind)
        return asyncio.run(_measure(server))


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_days_report_is_cheap() -> None:
    if SERVER is None:
        pytest.skip(MISSING)
    found = measure()
    assert found["naive"] / found["read"] >= CHEAPER, found


if __name__ == "__main__":
    for name, milliseconds in measure().items():
        print(f"{milliseconds:12,.1f} ms  {name}")

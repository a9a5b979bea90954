"""Reports from real tables: both schemas and an old one, the hand-computed day, bounds, hostile names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.periods import whole_days
from ccops.callcentre.records import Records
from ccops.callcentre.service_times import BY, Question, report
from ccops.config import MysqlSettings
from ccops.links.errors import Refused
from ccops.links.mysql import MysqlLink
from ccops.watch import module_tables
from ccops.watch.module_schema import first_id
from ccops.watch.module_tables import NoModule, read_module
from tests.callcentre import service_day as day
from tests.mariadb.schema import KINDS, Kind, statements
from tests.mariadb.server import Server


def sql_date(at: float | None) -> str | None:
    """A DATETIME of the server's zone."""
    if at is None:
        return None
    return datetime.fromtimestamp(at + day.OFFSET_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def fill(server: Server, kind: Kind) -> None:
    """The day of `service_day`, among days before and after it that must not be seen."""
    server.run(*statements(kind))
    agents = [key.split("/") for key in day.NAMES]
    if kind == "old":
        server.fill(
            "call_center.agent",
            ["number", "name"],
            [(n, name) for (_, n), name in zip(agents, day.NAMES.values(), strict=True)],
        )
    else:
        rows = [(*key, name) for key, name in zip(agents, day.NAMES.values(), strict=True)]
        server.fill("call_center.agent", ["type", "number", "name"], rows)
    server.fill("call_center.`break`", ["name", "tipo"], [("Hold", "H"), ("Almuerzo", "B"), ("Baño", "B")])
    server.fill("call_center.queue_call_entry", ["queue"], [("400",), ("401",)])
    number = {key: i for i, key in enumerate(day.NAMES, 1)}
    entries = []
    for row in day.call_rows():
        entries.append(
            (
                number.get(row["agent"] or ""), 1 if row["queue"] == "400" else 2, row["number"],
                sql_date(row["answered"]), sql_date(row["ended"]), row["talk"], row["status"], sql_date(row["entered"]),
                row["wait"], row["uniqueid"],
            )
        )  # fmt: skip
    others = [
        (1, 1, "0", sql_date(at), sql_date(at + 60), 60, "terminada", sql_date(at - 10), 10, f"{at}.0")
        for at in (day.MIDNIGHT - 86_400 * n - 40_000 for n in range(40, 0, -1))
    ]
    columns = [
        *("id_agent", "id_queue_call_entry", "callerid", "datetime_init", "datetime_end", "duration", "status"),
        *("datetime_entry_queue", "duration_wait", "uniqueid"),
    ]
    server.fill("call_center.call_entry", columns, [*others, *entries])
    breaks = {None: None, "Almuerzo": 2, "Baño": 3}
    sessions = [
        (number[row["agent"]], breaks[row["pause"]], sql_date(row["began"]), sql_date(row["ended"]))
        for row in sorted(day.presence_rows(), key=lambda row: row["began"])
    ]
    old = [
        (1, None, sql_date(day.MIDNIGHT - 86_400 * n), sql_date(day.MIDNIGHT - 86_400 * n + 9))
        for n in range(30, 1, -1)
    ]
    hold = [(1, 1, sql_date(day.MIDNIGHT + 32_600), sql_date(day.MIDNIGHT + 32_610))]
    server.fill(
        "call_center.audit", ["id_agent", "id_break", "datetime_init", "datetime_end"], [*old, *sessions, *hold]
    )


@pytest.fixture
async def link(mariadb: Server) -> AsyncIterator[MysqlLink]:
    async def dial() -> Any:
        return mariadb.socket

    made = MysqlLink(MysqlSettings(user="root"), dial, lambda status: None)
    yield made
    await made.close()


def normal(records: Records, kind: Kind) -> Records:
    """Before agents had types, all were of type Agent."""
    if kind != "old":
        return records
    rename = {day.LUIS: "Agent/101"}
    return replace(
        records,
        calls=tuple(replace(c, agent=rename.get(c.agent, c.agent)) for c in records.calls),
        presences=tuple(replace(p, agent=rename.get(p.agent, p.agent)) for p in records.presences),
        names={rename.get(key, key): name for key, name in records.names.items()},
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_the_day_from_real_tables(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    fill(mariadb, kind)
    found = await read_module(link.query, day.PERIOD)
    expected = normal(read_rows(day.call_rows(), day.presence_rows()), kind)
    for by in BY:
        question = Question(day.PERIOD, day.NOW, by, levels=day.LEVELS, started_at=day.STARTED_AT)
        ours, theirs = report(found, question), report(expected, question)
        assert ours.lines == theirs.lines
        assert ours.total == theirs.total
        assert ours.lost_presences == theirs.lost_presences
        assert [c.uniqueid for c in ours.lost_calls] == [c.uniqueid for c in theirs.lost_calls]
    told = "calls of campaigns are left out" if kind == "old" else "nobody answered are left out"
    assert [told in problem for problem in found.problems] == ([] if kind == "elastix" else [True])


@pytest.mark.parametrize("kind", ["elastix", "issabel"])
async def test_calls_of_campaigns(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    fill(mariadb, kind)
    mariadb.fill("call_center.campaign", ["name", "queue"], [("one", "777"), ("two", "401")])
    if kind == "issabel":
        mariadb.fill("call_center.campaign_lists", ["id_campaign"], [(1,), (2,), (2,)])
    at = day.MIDNIGHT + 50_000
    owner, second = ("id_list", 3) if kind == "issabel" else ("id_campaign", 2)
    rows: Sequence[Sequence[Any]] = [
        (second, "0991", "Success", "1.1", sql_date(at + 5), sql_date(at + 65), 60, 1, sql_date(at), 5),
        (second, "0992", "ShortCall", "1.2", sql_date(at + 9), sql_date(at + 12), 3, 1, sql_date(at), 9),
        (second, "0993", "NoAnswer", "1.3", None, None, None, None, None, None),
        (second, "0994", None, None, None, None, None, None, None, None),
        (second, "0995", "Abandoned", "1.5", None, sql_date(at + 20), None, None, sql_date(at), 20),
        (second, "0996", "Success", "1.6", sql_date(at - 90_000), sql_date(at), 60, 1, sql_date(at - 90_005), 5),
    ]
    columns = [
        *(owner, "phone", "status", "uniqueid", "start_time", "end_time", "duration", "id_agent"),
        *("datetime_entry_queue", "duration_wait"),
    ]
    mariadb.fill("call_center.calls", columns, rows)
    found = await read_module(link.query, day.PERIOD)
    out = [call for call in found.calls if call.direction == "out"]
    assert {(c.number, c.queue, c.outcome, c.talk_s) for c in out if c.outcome == "completed"} == {
        ("0991", "401", "completed", 60),
        ("0992", "401", "completed", 3),
    }
    # Where only answered ones can be found cheaply, the abandoned are missing, and that is told.
    assert [c.number for c in out if c.outcome == "abandoned"] == (["0995"] if kind == "elastix" else [])


async def test_the_zone_is_the_servers(mariadb: Server, link: MysqlLink) -> None:
    fill(mariadb, "elastix")
    utc = whole_days(day.DAY, day.DAY, 0)
    found = report(await read_module(link.query, utc), Question(utc, day.NOW, started_at=day.STARTED_AT))
    # 24 h that begin at 19:00 of the day before, by the call centre's clocks: c6 is in, c5 is not.
    assert {c.uniqueid for c in found.calls} == {c.uniqueid for c in day.CALLS if c.uniqueid[-1] in "612347"}


async def test_more_than_may_be_read_is_cut_and_told(
    mariadb: Server, link: MysqlLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(mariadb, "elastix")
    monkeypatch.setattr(module_tables, "MOST_ROWS", 3)
    found = await read_module(link.query, day.PERIOD)
    assert found.cut
    assert len(found.calls) == 3
    assert any("more than 3 incoming calls" in problem for problem in found.problems)


async def test_a_server_without_the_module(mariadb: Server, link: MysqlLink) -> None:
    mariadb.run("DROP DATABASE IF EXISTS call_center")
    with pytest.raises(NoModule, match=r"no table call_center\.agent"):
        await read_module(link.query, day.PERIOD)


HOSTILE = (
    "'; DROP TABLE call_center.audit; --",
    "\x1b]0;owned\x07",
    "[bold red]x[/]",
    "%s %(x)s",
    "a\u202eb\nc",
    '`\\"',
)


async def test_hostile_names_do_nothing(mariadb: Server, link: MysqlLink) -> None:
    fill(mariadb, "elastix")
    server = mariadb
    for name in HOSTILE:
        server.fill("call_center.agent", ["type", "number", "name"], [("SIP", name[:40], name)])
        server.fill("call_center.queue_call_entry", ["queue"], [(name[:50],)])
        server.fill("call_center.`break`", ["name"], [(name,)])
    agents = range(3, 3 + len(HOSTILE))
    at = sql_date(day.MIDNIGHT + 60_000)
    server.fill(
        "call_center.call_entry",
        ["id_agent", "id_queue_call_entry", "callerid", "status", "datetime_entry_queue", "datetime_init", "uniqueid"],
        [(n, n, name[:40], "terminada", at, at, name[:32]) for n, name in zip(agents, HOSTILE, strict=True)],
    )
    server.fill(
        "call_center.audit",
        ["id_agent", "id_break", "datetime_init"],
        [(n, n + 1, at) for n in agents],
    )
    found = await read_module(link.query, day.PERIOD)
    assert len(report(found, Question(day.PERIOD, day.NOW, "queue")).lines) == 2 + len(HOSTILE)
    texts = [*found.names.values(), *(c.queue for c in found.calls), *(p.pause or "" for p in found.presences)]
    assert not any(ch in text for text in texts for ch in "\x1b\x07\u202e\n")
    assert "'; DROP TABLE call_center.audit; --" in found.names.values()
    assert await link.query("SELECT COUNT(*) AS n FROM call_center.audit"), "the tables are still there"


async def test_nothing_can_be_written(mariadb: Server, link: MysqlLink) -> None:
    fill(mariadb, "elastix")
    with pytest.raises(Refused):
        await link.query("DELETE FROM call_center.audit")


async def test_the_first_id_of_a_date(mariadb: Server, link: MysqlLink) -> None:
    fill(mariadb, "old")
    rows = await link.query("SELECT id, UNIX_TIMESTAMP(datetime_init) AS at FROM call_center.audit ORDER BY id")
    for offset in (-1, 0, 1):
        for row in rows[:30]:
            at = row["at"] + offset
            expected = next((r["id"] for r in rows if r["at"] >= at), rows[-1]["id"] + 1)
            assert await first_id(link.query, "audit", "datetime_init", at) == expected

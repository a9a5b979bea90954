"""Campaigns, sessions and breaks from real tables: both schemas and an old one, hand-computed, bounded, hostile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ccops.callcentre.board import board
from ccops.callcentre.campaigns import Campaign, Schedule
from ccops.config import MysqlSettings
from ccops.links.mysql import MysqlLink
from ccops.watch.audit_tail import AuditTail
from ccops.watch.campaign_tables import CampaignTables
from ccops.watch.module_schema import NoModule
from tests.callcentre import campaign_day as day
from tests.mariadb.campaign_fill import fill, sql_date
from tests.mariadb.schema import KINDS, Kind
from tests.mariadb.server import Server
from tests.mariadb.test_module_tables import HOSTILE


@pytest.fixture
async def link(mariadb: Server) -> AsyncIterator[MysqlLink]:
    async def dial() -> Any:
        return mariadb.socket

    made = MysqlLink(MysqlSettings(user="root"), dial, lambda status: None)
    yield made
    await made.close()


async def opened(server: Server, link: MysqlLink, kind: Kind) -> CampaignTables:
    fill(server, kind)
    return await CampaignTables.of(link.query)


def named(found: Sequence[Campaign], name: str) -> Campaign:
    return next(campaign for campaign in found if campaign.name == name)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_campaigns(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    found = await tables.campaigns()
    assert [c.name for c in found] == [
        *("encuesta", "futura", "hecha", "noche", "parada", "pasada"),
        *("atención", "doble", "nocturna"),
    ]
    first = named(found, "encuesta")
    assert (first.key, first.queue, first.status, first.trunk, first.channels, first.retries) == (
        *("out:1", "777", "A", "SIP/gw", 4, 5),
    )
    assert (first.schedule.opens, first.schedule.closes, first.schedule.days) == (
        *(28_800, 64_800, "2026-11-01 to 2026-12-31"),
    )
    assert named(found, "noche").schedule.wraps
    assert named(found, "noche").trunk == ""
    night = named(found, "nocturna")
    assert (night.key, night.queue, night.queue_id, night.queue_active, night.status) == ("in:3", "401", 2, False, "I")


@pytest.mark.parametrize("kind", KINDS)
async def test_progress_of_an_outgoing_campaign(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    found = await tables.progress(named(await tables.campaigns(), "encuesta"), day.STARTED_AT)
    assert found.total == 13
    assert found.under_way == 1
    assert found.lost == 1
    assert found.retried == 4 + (kind == "old")
    assert found.attempts == 15
    assert (found.talk_s, found.wait_s) == (61.0, 8.5)
    assert found.contact == pytest.approx(4 / 7)
    assert found.success == pytest.approx(2 / 7)
    if kind == "old":  # knows neither numbers that must not be called nor lists
        assert (found.again, found.barred) == (8, 0)
    else:
        assert (found.again, found.barred, found.paused, found.done) == (6, 1, 1, 5)
    assert (found.outcomes["Success"], found.outcomes["NoAnswer"], found.outcomes[""]) == (2, 2, 3)
    assert "OnQueue" not in found.outcomes
    empty = await tables.progress(named(await tables.campaigns(), "noche"), day.STARTED_AT)
    assert (empty.total, empty.contact, empty.talk_s) == (0, None, None)


@pytest.mark.parametrize("kind", KINDS)
async def test_todays_calls_of_incoming_campaigns(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    first = await tables.first_call_of(day.MIDNIGHT)
    found = (await tables.today(first, day.MIDNIGHT, day.STARTED_AT))["in:1"]
    assert found.outcomes == {"terminada": 3, "abandonada": 1, "activa": 1, "en-cola": 1}
    assert found.lost == 3, "two that the dialer gave up, and one that this Asterisk never had"
    assert (found.total, found.under_way) == (9, 2)
    assert found.talk_s == 60.0
    assert found.wait_s == pytest.approx(65 / 4)
    assert found.answered == pytest.approx(4 / 5)


@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_on_their_calls(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    found = await tables.links(day.STARTED_AT)
    (out,) = found["out:1"]
    assert (out.agent, out.name, out.number, out.held, out.stale) == ("Agent/9000", "Ana Torres", "098011", True, False)
    stale, live = found["in:1"]
    assert (stale.name, stale.stale) == ("Eva Paz", True)
    assert (live.name, live.since, live.stale) == ("Luis Vera", day.at(14, 50, 5), False)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_last_calls(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    found = await tables.campaigns()
    calls = await tables.calls(named(found, "encuesta"), day.STARTED_AT)
    if kind == "old":
        assert [call.id for call in calls] == [12, 11, 7, 6, 5, 4, 3, 2, 1]
    else:
        assert [call.id for call in calls] == [11, 12, 7, 4, 3, 2, 1, 6, 5]
        assert calls[2].cause == "No circuit"
    one = {call.id: call for call in calls}
    assert (one[1].agent_name, one[1].talk_s, one[1].wait_s, one[1].retries) == ("Ana Torres", 60.0, 4.0, 1)
    assert (one[12].lost, one[11].lost) == (True, False)
    calls = await tables.calls(named(found, "atención"), day.STARTED_AT)
    assert [(call.number, call.lost) for call in calls][:5] == [
        ("099111", False), ("099110", False), ("09919", True), ("09918", True), ("09917", True),
    ]  # fmt: skip
    assert len(calls) == 10


async def test_the_last_calls_are_the_newest_fifty(mariadb: Server, link: MysqlLink) -> None:
    tables = await opened(mariadb, link, "issabel")
    mariadb.fill(
        "call_center.call_entry",
        ["id_queue_call_entry", "callerid", "status", "datetime_entry_queue", "id_campaign"],
        [(1, str(n), "abandonada", sql_date(day.at(14, 59)), 1) for n in range(100)],
    )
    calls = await tables.calls(named(await tables.campaigns(), "atención"), None)
    assert [call.number for call in calls] == [str(n) for n in range(99, 49, -1)]


@pytest.mark.parametrize("kind", KINDS)
async def test_sessions_and_breaks_of_the_day(mariadb: Server, link: MysqlLink, kind: Kind) -> None:
    tables = await opened(mariadb, link, kind)
    rows = await AuditTail().read(link.query, tables.schema, "n1", day.MIDNIGHT, day.NOW)
    day.check_board(board(rows, day.MIDNIGHT, day.NOW, day.STARTED_AT))
    rosa = {p.name: p for p in board(rows, day.MIDNIGHT, day.NOW, None).people}["Rosa Mora"]
    assert (rosa.since, rosa.logged_in_s) == (day.at(-240), 15 * 3600), "the oldest open one counts from midnight"
    assert [(each.name, each.active) for each in await tables.breaks()] == [("Almuerzo", True), ("Baño", True)]


async def test_what_is_over_is_read_once(mariadb: Server, link: MysqlLink) -> None:
    tables = await opened(mariadb, link, "elastix")
    asked: list[str] = []

    async def query(sql: str, params: Sequence[Any] = (), *, timeout_s: float = 5.0) -> list[dict[str, Any]]:
        rows = await link.query(sql, params, timeout_s=timeout_s)
        asked.append(sql)
        rows_read.append(len(rows))
        return rows

    rows_read: list[int] = []
    tail = AuditTail()
    await tail.read(query, tables.schema, "n1", day.MIDNIGHT, day.NOW)
    asked.clear()
    rows_read.clear()
    # The break ends, a new one begins, and somebody deletes the second session.
    mariadb.run(
        f"UPDATE call_center.audit SET datetime_end = '{sql_date(day.NOW)}' WHERE id = 11",
        "DELETE FROM call_center.audit WHERE id = 10",
    )
    mariadb.fill("call_center.audit", ["id_agent", "id_break", "datetime_init"], [(day.LUIS, 2, sql_date(day.NOW))])
    rows = await tail.read(query, tables.schema, "n1", day.MIDNIGHT, day.NOW + 60)
    assert len(asked) == 2
    assert all("id > " in sql or "id IN" in sql for sql in asked)
    assert sum(rows_read) == 6, "one that is new, five that were open"
    fresh = await AuditTail().read(link.query, tables.schema, "n1", day.MIDNIGHT, day.NOW + 60)
    later = board(rows, day.MIDNIGHT, day.NOW + 60, day.STARTED_AT)
    assert later == board(fresh, day.MIDNIGHT, day.NOW + 60, day.STARTED_AT)
    people = {person.name: person for person in later.people}
    assert people["Ana Torres"].pause is None
    assert (people["Luis Vera"].pause, people["Luis Vera"].open_sessions) == ("Almuerzo", 1)
    asked.clear()
    await tail.read(query, tables.schema, "n2", day.MIDNIGHT, day.NOW + 61)
    assert len(asked) > 2, "on another node all is read anew"


async def test_servers_without_the_module_or_with_half_of_it(mariadb: Server, link: MysqlLink) -> None:
    mariadb.run("DROP DATABASE IF EXISTS call_center")
    with pytest.raises(NoModule, match=r"no table call_center\.agent"):
        await CampaignTables.of(link.query)
    tables = await opened(mariadb, link, "elastix")
    mariadb.run(
        "DROP TABLE call_center.current_calls",
        "DROP TABLE call_center.current_call_entry",
        "DROP TABLE call_center.campaign_entry",
        "ALTER TABLE call_center.call_entry DROP COLUMN id_campaign",
        "ALTER TABLE call_center.calls DROP COLUMN datetime_originate, DROP COLUMN dnc, DROP COLUMN failure_cause_txt",
        "ALTER TABLE call_center.`break` DROP COLUMN description, DROP COLUMN tipo",
    )
    tables = await CampaignTables.of(link.query)
    found = await tables.campaigns()
    assert len(found) == 6
    assert await tables.links(None) == {}
    assert await tables.today(0, day.MIDNIGHT, None) == {}
    assert (await tables.progress(found[0], day.STARTED_AT)).total == 13
    assert len(await tables.calls(found[0], None)) == 9
    assert await tables.calls(Campaign("in", 1, "", "", "A", Schedule(None, None, None, None)), None) == ()
    assert [each.name for each in await tables.breaks()] == ["Almuerzo", "Baño"]


async def test_hostile_texts_do_nothing(mariadb: Server, link: MysqlLink) -> None:
    tables = await opened(mariadb, link, "issabel")
    for n, name in enumerate(HOSTILE):
        mariadb.fill("call_center.agent", ["type", "number", "name"], [("SIP", name[:40], name)])
        mariadb.fill("call_center.`break`", ["name", "description"], [(name, name)])
        mariadb.fill("call_center.campaign", ["name", "queue", "trunk"], [(name[:64], name[:16], name)])
        mariadb.fill("call_center.campaign_entry", ["name", "id_queue_call_entry"], [(name[:64], 1)])
        agent = len(day.AGENTS) + 1 + n
        mariadb.fill(
            "call_center.call_entry",
            ["id_queue_call_entry", "callerid", "status", "datetime_entry_queue", "id_campaign", "id_agent"],
            [(1, name[:40], name[:32], sql_date(day.at(14, 58)), 1, agent)],
        )
        mariadb.fill(
            "call_center.calls", ["id_list", "phone", "status", "id_agent"], [(2, name[:32], name[:32], agent)]
        )
        mariadb.fill(
            "call_center.audit",
            ["id_agent", "id_break", "datetime_init"],
            [(agent, None, sql_date(day.at(14, 1))), (agent, 4 + n, sql_date(day.at(14, 2)))],
        )
        mariadb.fill(
            "call_center.current_calls", ["id_call", "fecha_inicio", "agentnum"], [(1, sql_date(day.NOW), name[:16])]
        )
    found = await tables.campaigns()
    texts = [text for c in found for text in (c.name, c.queue, c.trunk)]
    first = named(found, "encuesta")
    texts += [status for status in (await tables.progress(first, None)).outcomes]
    texts += [text for link_ in (await tables.links(None))["out:1"] for text in (link_.agent, link_.name)]
    for campaign in (first, named(found, "atención")):
        texts += [
            text for call in await tables.calls(campaign, None) for text in (call.number, call.status, call.agent)
        ]
    rows = await AuditTail().read(link.query, tables.schema, "n1", day.MIDNIGHT, day.NOW)
    people = board(rows, day.MIDNIGHT, day.NOW, day.STARTED_AT).people
    assert len(people) == 3 + len(HOSTILE)
    texts += [text for person in people for text in (person.agent, person.name, person.pause or "")]
    texts += [text for each in await tables.breaks() for text in (each.name, each.description)]
    assert "'; DROP TABLE call_center.audit; --" in texts
    assert not any(ch in text for text in texts for ch in "\x1b\x07\u202e\n")
    assert len(await link.query("SELECT id FROM call_center.audit")) == len(day.AUDIT) + 2 * len(HOSTILE)

"""Extensions and trunks in FreePBX' tables, on a real MariaDB, in each version: each deed, and each failure of it."""

from __future__ import annotations

import asyncio
import re
import stat
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from ccops.config import AmiSettings, Secret, SecretRef
from ccops.demo.machine import NAMES
from ccops.operations.exchange import Exchange
from ccops.operations.plan import OperationError, Refused, Request
from ccops.pbx import sheet
from ccops.pbx.freepbx_rows import Tables, numbers
from ccops.pbx.model import Extension, Trunk
from ccops.setup.facts import NodeFacts
from ccops.setup.sudoers import sudoers
from tests.mariadb.freepbx import VERSIONS, cell
from tests.mariadb.freepbx_stage import FreepbxStage
from tests.mariadb.server import Server
from tests.operations.stage import settings
from tests.operations.virtual import play

SECRET = "Zq4vT8xx9"
PEER = {"2.5": "9999", "2.8": "tr-peer-", "2.11": "tr-peer-", "issabel": "tr-peer-"}
REGISTRATION = {"2.5": "9999999", "2.8": "tr-reg-", "2.11": "tr-reg-", "issabel": "tr-reg-"}


def told(stage: FreepbxStage, folder: Path) -> str:
    """All that is recorded, and all that was sent as arguments."""
    journals = "".join(path.read_text() for path in folder.glob("demo-*/*.journal"))
    return stage.audit.path.read_text() + journals + "\n".join(words for _, words in stage.sent)


async def exchange_of(stage: FreepbxStage) -> Exchange:
    found = await stage.executor.exchange()
    assert found.value is not None, found.problem
    return found.value


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_there(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            exchange = await exchange_of(stage)
            assert (exchange.backend, exchange.where) == ("FreePBX tables", "FreePBX' database asterisk")
            assert exchange.tech == "sip"
            ana, eva = exchange.find("extension", "101"), exchange.find("extension", "102")
            assert isinstance(ana, Extension)
            assert isinstance(eva, Extension)
            assert (ana.name, ana.secret, ana.codecs) == ("Ana Lucia", Secret("kR7pw2mNx4"), "ulaw,alaw")
            assert (eva.tech, eva.port, eva.direct_media) == ("iax2", "4569", "no")
            gateway, voip = exchange.find("trunk", "gxw4108"), exchange.find("trunk", "voip")
            assert isinstance(gateway, Trunk)
            assert isinstance(voip, Trunk)
            assert (gateway.channels, gateway.host, gateway.register) == ("8", "192.168.27.130", "no")
            assert (voip.register, voip.username, voip.secret) == ("yes", "u7", Secret("aa22bbcc"))
            assert len(exchange.entries) == 4  # what is on other channels is not edited, but in use
            known = exchange.known("150")
            for number, why in (("400", "the queue Ventas"), ("600", "the ring group All of us"),
                                ("8000", "the conference The room"), ("555", "the feature code ChanSpy"),
                                ("887", "the feature code ZapBarge")):  # fmt: skip
                assert known.numbers[number] == why
            assert "888" not in known.numbers
            assert "666" not in known.numbers
            assert "150" in known.names
            assert "kR7pw2mNx4" not in repr(exchange)

    play(act())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_life_of_an_extension(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            token = stage.executor.vault.put(Secret(SECRET))
            asked = {"do": "add", "key": "201", "name": "Eva d'Or; DROP", "secret": token}
            plan = await stage.plan(**{**asked, "name": "Eva d'Or"})
            assert not plan.refusals, plan.refusals
            assert stage.asterisk.all_rows() == before
            assert "amportal a r" in plan.purpose
            assert any(line.startswith("INSERT INTO users") and "'Eva d''Or'" in line for line in plan.statements)
            assert SECRET not in repr(plan)
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            assert "seen in Asterisk: 201" in report.states[1].said
            user = cell(stage.asterisk.rows("users"), extension="201")
            assert (user["name"], user["voicemail"]) == ("Eva d'Or", "novm")
            assert user["recording"] == ("" if version in ("2.11", "issabel") else "out=Adhoc|in=Adhoc")
            device = cell(stage.asterisk.rows("devices"), id="201")
            assert (device["tech"], device["dial"], device["devicetype"], device["user"]) == (
                "sip",
                "SIP/201",
                "fixed",
                "201",
            )
            words = {row["keyword"]: row for row in stage.asterisk.rows("sip") if row["id"] == "201"}
            assert words["secret"]["data"] == SECRET
            assert words["account"]["data"] == "201"
            assert words["mailbox"]["data"] == "201@device"
            assert words["callerid"]["data"] == "device <201>"
            assert ("record_in" in words) is (version in ("2.5", "2.8"))
            assert ("deny" in words) is (version != "2.5")
            assert words["secret"]["flags"] == 2
            assert stage.asterisk.astdb["AMPUSER/201/cidname"] == "Eva d'Or"
            assert stage.asterisk.astdb["AMPUSER/201/voicemail"] == "novm"
            assert stage.asterisk.astdb["DEVICE/201/dial"] == "SIP/201"
            assert stage.asterisk.astdb["CW/201"] == "ENABLED"
            assert ("AMPUSER/201/recording/in/external" in stage.asterisk.astdb) is (version in ("2.11", "issabel"))
            assert cell(stage.asterisk.rows("admin"), variable="need_reload")["value"] == "false"
            report = await stage.edit(do="edit", key="201", codecs="alaw,gsm", qualify="no", name="Eva")
            assert report.ending == "done", report.summary
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "201"}
            assert (words["allow"], words["disallow"], words["qualify"]) == ("alaw&gsm", "all", "no")
            assert cell(stage.asterisk.rows("devices"), id="201")["description"] == "Eva"
            report = await stage.edit(do="delete", key="201")
            assert report.ending == "done", report.summary
            assert stage.asterisk.all_rows() == before
            assert stage.asterisk.astdb == tree
            assert SECRET not in told(stage, tmp_path)
            kept = list(tmp_path.glob("demo-*/freepbx.*"))
            assert len(kept) == 9
            assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)

    play(act())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_has_no_field_stays(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            before = stage.asterisk.all_rows()
            assert (await stage.edit(do="edit", key="101", qualify="2000")).ending == "done"
            after = stage.asterisk.all_rows()
            assert {name for name in before if before[name] != after[name]} == {"sip"}
            gone, come = set(before["sip"]) - set(after["sip"]), set(after["sip"]) - set(before["sip"])
            assert (len(gone), len(come)) == (1, 1)
            assert come == {next(iter(gone)).replace("'data', 'yes'", "'data', '2000'")}
            assert (await stage.edit(do="edit", key="101", qualify="yes", name="Ana")).ending == "done"
            user = cell(stage.asterisk.rows("users"), extension="101")
            assert (user["name"], user["outboundcid"], user["ringtimer"], user["sipname"]) == (
                "Ana",
                '"Ana" <555>',
                20,
                "anal",
            )
            assert stage.asterisk.astdb["AMPUSER/101/cidname"] == "Ana"
            assert stage.asterisk.astdb["AMPUSER/101/noanswer"] == ""
            report = await stage.edit(do="edit", key="102", direct_media="yes")
            assert report.ending == "done", report.summary
            assert cell(stage.asterisk.rows("iax"), id="102", keyword="notransfer")["data"] == "no"

    play(act())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_rename_and_a_delete_of_what_others_made(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            plan = await stage.plan(do="rename", key="101", to="111")
            assert any("member of the queues 400" in line for line in plan.notices)
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            user = cell(stage.asterisk.rows("users"), extension="111")
            assert (user["sipname"], user["ringtimer"]) == ("anal", 20)
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "111"}
            assert (words["account"], words["dial"], words["mailbox"]) == ("111", "SIP/111", "111@device")
            assert (words["callerid"], words["videosupport"]) == ("device <111>", "yes")
            assert stage.asterisk.astdb["AMPUSER/111/cidnum"] == "111"
            assert stage.asterisk.astdb["CFB/111"] == "0445566"
            assert stage.asterisk.astdb["DEVICE/111/dial"] == "SIP/111"
            assert not any("/101/" in path or path.endswith("/101") for path in stage.asterisk.astdb)
            assert "AMPUSER/1010/cidname" in stage.asterisk.astdb
            report = await stage.edit(do="delete", key="111")
            assert report.ending == "done", report.summary
            for table, column in (("users", "extension"), ("devices", "id"), ("sip", "id"), ("findmefollow", "grpnum")):
                assert not [row for row in stage.asterisk.rows(table) if row[column] in ("101", "111")]
            assert not any("/111" in path for path in stage.asterisk.astdb)
            plan = await stage.plan(do="delete", key="102")
            assert any("voicemail.conf" in line for line in plan.notices)

    play(act())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_life_of_a_trunk(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            before = stage.asterisk.all_rows()
            peer, registration = PEER[version], REGISTRATION[version]
            token = stage.executor.vault.put(Secret(SECRET))
            report = await stage.edit(
                "trunk",
                do="add",
                key="line2",
                host="10.0.0.9",
                username="u9",
                secret=token,
                register="yes",
                channels="4",
            )
            assert report.ending == "done", report.summary
            rows = {row["keyword"]: row for row in stage.asterisk.rows("sip") if row["id"] == f"{peer}4"}
            assert rows["account"]["data"] == "line2"
            assert rows["account"]["flags"] == 2
            assert {"type": "peer", "host": "10.0.0.9", "secret": SECRET, "allow": "ulaw&alaw"}.items() <= {
                word: row["data"] for word, row in rows.items()
            }.items()
            assert cell(stage.asterisk.rows("sip"), id=f"{registration}4")["data"] == f"u9:{SECRET}@10.0.0.9"
            if version == "2.5":
                assert cell(stage.asterisk.rows("globals"), variable="OUT_4")["value"] == "SIP/line2"
                assert cell(stage.asterisk.rows("globals"), variable="OUTMAXCHANS_4")["value"] == "4"
            else:
                row = cell(stage.asterisk.rows("trunks"), trunkid="4")
                assert (row["channelid"], row["tech"], row["maxchans"], row["disabled"]) == ("line2", "sip", "4", "off")
            report = await stage.edit("trunk", do="disable", key="line2")
            assert report.ending == "done", report.summary
            flags = {r["flags"] for r in stage.asterisk.rows("sip") if r["id"] in (f"{peer}4", f"{registration}4")}
            assert flags == {1}
            assert "line2" not in stage.asterisk.loaded["sip"]
            assert (await stage.edit("trunk", do="enable", key="line2")).ending == "done"
            rows = {row["keyword"]: row for row in stage.asterisk.rows("sip") if row["id"] == f"{peer}4"}
            assert rows["account"]["flags"] == 2
            assert sorted(row["flags"] for row in rows.values()) == list(range(2, len(rows) + 2))
            report = await stage.edit("trunk", do="rename", key="line2", to="line3")
            assert report.ending == "done", report.summary
            assert "line3" in stage.asterisk.loaded["sip"]
            report = await stage.edit("trunk", do="delete", key="line3")
            assert report.ending == "done", report.summary
            assert stage.asterisk.all_rows() == before
            assert SECRET not in told(stage, tmp_path)

    play(act())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_trunk_has_of_others(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            registration = REGISTRATION[version]
            other = stage.executor.vault.put(Secret("bb33ccdd"))
            report = await stage.edit("trunk", do="edit", key="voip", secret=other, host="sip2.example.org")
            assert report.ending == "done", report.summary
            # Its port and the number behind it are not ccops' fields.
            assert (
                cell(stage.asterisk.rows("sip"), id=f"{registration}3")["data"]
                == "u7:bb33ccdd@sip2.example.org:5070/400"
            )
            words = {
                row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == f"{PEER[version]}3"
            }
            assert (words["sendrpid"], words["host"], words["secret"]) == ("yes", "sip2.example.org", "bb33ccdd")
            mariadb.run(f"UPDATE asterisk.sip SET data = 'x?y' WHERE id = '{registration}3'")
            with pytest.raises(Refused, match="of a known form"):
                await stage.edit("trunk", do="edit", key="voip", host="sip3.example.org")
            plan = await stage.plan("trunk", do="delete", key="gxw4108")
            named = " ".join(plan.notices)
            assert "the routes" in named
            assert "gxw4108" in named
            assert ("is taken out of them" in named) is (version != "2.5")
            assert ("localprefixes.conf" in named) is (version == "2.5")
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            if version == "2.5":
                assert not [row for row in stage.asterisk.rows("globals") if row["variable"].endswith("_1")]
            else:
                assert {row["trunk_id"] for row in stage.asterisk.rows("outbound_route_trunks")} == {3}
                assert not stage.asterisk.rows("trunk_dialpatterns")
            # The lowest free number is the one that was freed.
            assert (await stage.edit("trunk", do="add", key="gxw", host="10.0.0.1")).ending == "done"
            assert cell(stage.asterisk.rows("sip"), id=f"{PEER[version]}1", keyword="account")["data"] == "gxw"

    play(act())


def test_iax2(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            token = stage.executor.vault.put(Secret(SECRET))
            report = await stage.edit(do="add", key="301", name="Leo", tech="iax2", secret=token)
            assert report.ending == "done", report.summary
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("iax") if row["id"] == "301"}
            assert (words["port"], words["dial"], words["setvar"]) == ("4569", "IAX2/301", "REALCALLERIDNUM=301")
            assert cell(stage.asterisk.rows("devices"), id="301")["tech"] == "iax2"
            report = await stage.edit("trunk", do="add", key="office", tech="iax2", host="10.1.1.1", channels="2")
            assert report.ending == "done", report.summary
            assert cell(stage.asterisk.rows("trunks"), trunkid="4")["tech"] == "iax2"
            assert cell(stage.asterisk.rows("iax"), id="tr-peer-4", keyword="type")["data"] == "friend"
            with pytest.raises(Refused, match="call group is nothing with chan_iax2"):
                await stage.edit(do="edit", key="301", call_group="1")
            with pytest.raises(Refused, match="knows PJSIP"):
                await stage.edit(do="add", key="302", tech="pjsip", secret=token)

    play(act())


def test_pjsip_where_it_is_issabel(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "issabel") as stage:
            stage.asterisk.modules.append("chan_pjsip.so")
            before = stage.asterisk.all_rows()
            token = stage.executor.vault.put(Secret(SECRET))
            report = await stage.edit(do="add", key="301", name="Leo", tech="pjsip", secret=token)
            assert report.ending == "done", report.summary
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "301"}
            assert (words["dial"], words["mailbox"], words["direct_media"]) == ("PJSIP/301", "301", "no")
            assert "host" not in words
            with pytest.raises(Refused, match="host is “dynamic” with PJSIP"):
                await stage.edit(do="edit", key="301", host="10.0.0.1")
            assert (await stage.edit(do="delete", key="301")).ending == "done"
            assert stage.asterisk.all_rows() == before

    play(act())


# What fails


DEEDS: dict[str, tuple[str, dict[str, str]]] = {
    "add": ("extension", {"do": "add", "key": "201", "name": "Leo", "secret": SECRET}),
    "edit": ("extension", {"do": "edit", "key": "101", "name": "Eva", "qualify": "no", "call_group": ""}),
    "rename": ("extension", {"do": "rename", "key": "101", "to": "111"}),
    "delete": ("extension", {"do": "delete", "key": "101"}),
    "add-trunk": ("trunk", {"do": "add", "key": "line2", "host": "10.0.0.9", "channels": "4"}),
    "delete-trunk": ("trunk", {"do": "delete", "key": "gxw4108"}),
    "disable-trunk": ("trunk", {"do": "disable", "key": "voip"}),
}


@pytest.mark.parametrize(("version", "how"), [("2.5", "refused"), ("2.8", "lost"), ("2.11", "lost-after")])
@pytest.mark.parametrize("deed", DEEDS)
def test_each_statement_that_fails_leaves_the_very_rows(
    tmp_path: Path, mariadb: Server, version: str, deed: str, how: str
) -> None:
    """MyISAM has no rollback: whichever statement fails, all rows and astdb are as they were, and it is said so."""

    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, version) as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            operation, arguments = DEEDS[deed]
            struck = 0
            while True:
                given = dict(arguments)
                if "secret" in given:
                    given["secret"] = stage.executor.vault.put(Secret(SECRET))
                plan = await stage.plan(operation, **given)
                stage.books.how, stage.books.fail_at = how, struck
                report = await stage.executor.run(plan)
                if stage.books.fail_at is not None:  # it has fewer statements than that
                    assert report.ending == "done", report.summary
                    break
                assert report.ending == "undone", report.summary
                rows = stage.asterisk.all_rows()
                assert {n: r for n, r in rows.items() if n != "admin"} == {
                    n: r for n, r in before.items() if n != "admin"
                }
                assert stage.asterisk.astdb == tree
                assert stage.executor.unfinished() is None
                # need_reload is not somebody else's work: the next edit is not held back by it.
                mariadb.run("UPDATE asterisk.admin SET value = 'false' WHERE variable = 'need_reload'")
                struck += 1 if struck < 4 else 3
            assert struck >= 4
            assert stage.asterisk.all_rows() != before

    play(act())


@pytest.mark.parametrize("after", range(0, 12, 3))
def test_astdb_that_refuses(tmp_path: Path, mariadb: Server, after: int) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            plan = await stage.plan(do="delete", key="101")
            stage.asterisk.refuse_at = after
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert stage.asterisk.all_rows() == before
            assert stage.asterisk.astdb == tree

    play(act())


@pytest.mark.parametrize("what", ["exit", "deaf"])
def test_what_is_not_applied_is_taken_back(tmp_path: Path, mariadb: Server, what: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            token = stage.executor.vault.put(Secret(SECRET))
            plan = await stage.plan(do="add", key="201", secret=token)
            applying, times = stage.asterisk.apply, 0

            def once() -> int:
                nonlocal times
                times += 1
                stage.asterisk.exit = 1 if what == "exit" and times == 1 else 0
                stage.asterisk.deaf = what == "deaf" and times == 1
                return applying()

            stage.asterisk.apply = once  # type: ignore[method-assign]
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert ("did not apply it (exit 1): it says why" if what == "exit" else "is not seen") in report.summary
            assert stage.asterisk.all_rows() == before
            assert stage.asterisk.astdb == tree

    play(act())


def test_where_it_cannot_be_taken_back_it_is_undone_later(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            plan = await stage.plan(do="edit", key="101", name="Eva", qualify="no")
            stage.asterisk.exit = 1
            report = await stage.executor.run(plan)
            assert report.ending == "surprised"
            assert "is not seen to be back" in report.summary
            stage.asterisk.exit = 0
            record = stage.executor.unfinished()
            assert record is not None
            stage.executor = stage.console()  # another process
            mariadb.run("UPDATE asterisk.users SET name = 'Somebody' WHERE extension = '101'")
            assert (await stage.executor.undo(record)).ending == "surprised"  # somebody else's change stays
            assert cell(stage.asterisk.rows("users"), extension="101")["name"] == "Somebody"
            mariadb.run("UPDATE asterisk.users SET name = 'Ana Lucia' WHERE extension = '101'")
            report = await stage.executor.undo(record)
            assert report.ending == "done", report.summary
            assert stage.asterisk.all_rows() == before
            assert stage.asterisk.astdb == tree

    play(act())


@pytest.mark.parametrize("after", [0, 1, 4, 9])
def test_killed_at_a_statement_it_is_undone(tmp_path: Path, mariadb: Server, after: int) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            plan = await stage.plan(do="delete", key="101")
            change, times = stage.books.change, 0

            async def killed(node: str, sql: str, params: object = (), **more: float) -> int:
                nonlocal times
                times += 1
                if times == after + 1:
                    raise asyncio.CancelledError
                return await change(node, sql, params, **more)

            stage.books.change = killed  # type: ignore[method-assign]
            with pytest.raises(asyncio.CancelledError):
                await stage.executor.run(plan)
            stage.books.change = change  # type: ignore[method-assign]
            stage.executor = stage.console()  # another process
            record = stage.executor.unfinished()
            assert record is not None
            # What somebody else has changed since is neither as it was nor as it was to become: it stays.
            mariadb.run("UPDATE asterisk.sip SET data = '3000' WHERE id = '101' AND keyword = 'qualify'")
            there = [row for row in stage.asterisk.rows("sip") if row["id"] == "101" and row["keyword"] == "qualify"]
            report = await stage.executor.undo(record)
            assert report.ending == ("surprised" if there else "done"), report.summary
            if there:
                mariadb.run("UPDATE asterisk.sip SET data = 'yes' WHERE id = '101' AND keyword = 'qualify'")
                report = await stage.executor.undo(record)
                assert report.ending == "done", report.summary
            assert stage.asterisk.all_rows() == before
            assert stage.asterisk.astdb == tree

    play(act())


def test_a_row_that_somebody_changes_in_the_last_moment_is_not_overwritten(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            plan = await stage.plan(do="edit", key="101", qualify="no")
            change, times = stage.books.change, 0

            async def late(node: str, sql: str, params: object = (), **more: float) -> int:
                nonlocal times
                times += 1
                if times == 2:
                    mariadb.run("UPDATE asterisk.sip SET data = '3000' WHERE id = '101' AND keyword = 'qualify'")
                return await change(node, sql, params, **more)

            stage.books.change = late  # type: ignore[method-assign]
            report = await stage.executor.run(plan)
            assert report.ending != "done"
            assert "0 rows instead of one" in report.summary

    play(act())


# What is refused


def test_somebody_elses_work_is_not_applied(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            mariadb.run("UPDATE asterisk.admin SET value = 'true' WHERE variable = 'need_reload'")
            plan = await stage.plan(do="edit", key="101", name="Eva")
            assert "need_reload" in plan.refusals[0].text
            assert not plan.steps

    play(act())


def test_two_consoles(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            plan = await stage.plan(do="edit", key="101", name="Eva")
            mariadb.run("UPDATE asterisk.users SET sipname = 'x' WHERE extension = '101'")
            with pytest.raises(Refused, match="this was planned from"):
                await stage.executor.run(plan)

    play(act())


@pytest.mark.parametrize(
    ("operation", "arguments", "why"),
    [
        ("extension", {"key": "101"}, "101 in use: an extension"),
        ("extension", {"key": "150"}, "150 in use"),
        ("extension", {"key": "400"}, "400 in use: the queue Ventas"),
        ("extension", {"key": "600"}, "the ring group"),
        ("extension", {"key": "8000"}, "the conference"),
        ("extension", {"key": "555"}, "the feature code"),
        ("extension", {"key": "201", "name": "x" * 51}, "more than 50 bytes"),
        ("extension", {"key": "201", "name": "a&b"}, "“a&b”"),
        ("extension", {"key": "201", "disabled": "yes"}, "no extensions that are disabled"),
        ("extension", {"key": "201", "context": "nowhere"}, "“nowhere”"),
        ("trunk", {"key": "gxw4108", "host": "10.0.0.1"}, "gxw4108 in use"),
        ("trunk", {"key": "GXW4108", "host": "10.0.0.1"}, "GXW4108 in use"),
    ],
)
def test_what_is_refused(tmp_path: Path, mariadb: Server, operation: str, arguments: dict[str, str], why: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            before = stage.asterisk.all_rows()
            secret = {"secret": stage.executor.vault.put(Secret(SECRET))} if operation == "extension" else {}
            plan = await stage.plan(operation, do="add", **secret, **arguments)
            assert why in " ".join(f"{check.found} {check.text}" for check in plan.refusals)
            assert stage.asterisk.all_rows() == before

    play(act())


NASTY = [
    "x'; DROP TABLE users; --", "x\\' OR 1=1 #", "$(touch /tmp/x)`id`", "%s%d%%", "x\r\nAction: Command", "a\x00b",
    "\x1b[2J", "[red]x[/red]", "${SHELL(id)}", "a,b|c", "-x", "--name", "x\n[evil]", "𝔘nicode", "ñandú",
]  # fmt: skip


def test_any_text_is_refused_or_only_text(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before = stage.asterisk.all_rows()
            done = 0
            for text in NASTY:
                plan = await stage.plan(do="edit", key="101", name=text)
                if plan.refusals:
                    continue
                report = await stage.executor.run(plan)
                assert report.ending == "done", report.summary
                done += 1
                name = str(cell(stage.asterisk.rows("users"), extension="101")["name"])
                # As FreePBX' own pages store it: UTF-8 in a column that calls itself latin1.
                assert not text.isascii() or name == text
                found = await exchange_of(stage)
                assert getattr(found.find("extension", "101"), "name", "") == text
                assert stage.asterisk.astdb["AMPUSER/101/cidname"] == text
                other = stage.asterisk.all_rows()
                assert {table for table in before if before[table] != other[table]} <= {"users", "devices"}
            assert 5 <= done < len(NASTY)

    play(act())


def test_other_fields_take_none_of_it(tmp_path: Path, mariadb: Server) -> None:
    fields = ("context", "host", "port", "dtmf", "nat", "codecs", "account_code", "mailbox", "deny", "permit")

    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8") as stage:
            before = stage.asterisk.all_rows()
            for field in (*fields, "call_group"):
                for text in ("x'; DROP TABLE sip; --", "a\nb", "x;y", "$(id)", "\x1b[2J"):
                    plan = await stage.plan(do="edit", key="101", **{field: text})
                    assert plan.refusals, (field, text)
            assert stage.asterisk.all_rows() == before

    play(act())


def test_a_sheet(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            before, tree = stage.asterisk.all_rows(), dict(stage.asterisk.astdb)
            lines = [f"{n},Agent {n},aabb{n % 7}77,{'iax2' if n % 2 else 'sip'}" for n in range(200, 212)]
            rows = sheet.parse(
                "\n".join(["number,name,secret,tech", "101,Eva,,", *lines]).replace("101,Eva,,", "101,Eva,,sip"),
                "extension",
            )
            stage.books.fail_at = 40
            asked = Request("extension", arguments={"do": "import", "rows": stage.executor.vault.put(rows)})
            report = await stage.executor.run(await stage.executor.prepare(asked))
            assert report.ending == "undone", report.summary
            assert {n: r for n, r in stage.asterisk.all_rows().items() if n != "admin"} == {
                n: r for n, r in before.items() if n != "admin"
            }
            assert stage.asterisk.astdb == tree
            report = await stage.executor.run(await stage.executor.prepare(asked))
            assert report.ending == "done", report.summary
            assert len((await exchange_of(stage)).entries) == 16

    play(act())


@pytest.mark.parametrize("version", ["2.3.1", "12.0.76", "17.0.1", "", "x"])
def test_a_version_whose_tables_are_not_known(tmp_path: Path, mariadb: Server, version: str) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            mariadb.run(f"UPDATE asterisk.admin SET value = '{version}' WHERE variable = 'version'")
            found = await stage.executor.exchange()
            assert found.value is None
            assert "the tables of FreePBX 2.5 to 2.11 and of IssabelPBX are known" in (found.problem or "")

    play(act())


def test_a_database_that_is_none_of_freepbx(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            mariadb.run("DROP TABLE asterisk.devices")
            found = await stage.executor.exchange()
            assert "it has no devices that may be read" in (found.problem or "")
            with pytest.raises(OperationError):
                await stage.edit(do="burn", key="101")

    play(act())


def test_numbers_of_the_parking_lot() -> None:
    row = {"parkext": "70", "parkpos": "71", "numslots": "3"}
    tables = Tables(columns={"parkplus": {}}, rows={"parkplus": (row,)})
    assert set(numbers(tables)) == {"70", "71", "72", "73"}


def test_what_is_sent_is_what_is_granted(tmp_path: Path, mariadb: Server) -> None:
    """Every command on the node, except what goes to MySQL and to the manager; a console that writes astdb is not."""

    async def act() -> list[str]:
        async with FreepbxStage(tmp_path, mariadb, "2.11") as stage:
            stage.executor.switchboard.control = _Manager(stage)  # type: ignore[assignment]
            stage.executor._settings = replace(stage.settings, ami=AmiSettings("ccops", SecretRef(env="X")))
            token = stage.executor.vault.put(Secret(SECRET))
            assert (await stage.edit(do="add", key="201", name="Leo", secret=token)).ending == "done"
            assert (await stage.edit(do="delete", key="102")).ending == "done"
            assert (await stage.edit("trunk", do="add", key="line2", host="10.0.0.1")).ending == "done"
            assert stage.asterisk.astdb["AMPUSER/201/cidname"] == "Leo"
            assert not any(path.startswith("AMPUSER/102") for path in stage.asterisk.astdb)
            assert ("DBPut", {"Family": "AMPUSER", "Key": "201/cidname", "Val": "Leo"}) in _Manager.sent
            return [command for _, command in stage.sent]

    sent = play(act())
    facts = NodeFacts("h", name=NAMES[0], freepbx={"/etc/freepbx.conf": "readable"})
    text = sudoers("admin", settings(), facts, ["eth0"], operating=True)
    found = re.findall(r"(?m)^Cmnd_Alias CCOPS_\w+_\d+ = (.*)$", text)
    grants = {re.sub(r"^\S*/", "", command) for command in found}
    bare = {re.sub(r"^\S*/(?=amportal)", "", command) for command in sent}
    assert {command for command in bare if not any(fnmatch(command, grant) for grant in grants)} == set()
    assert 'admin ALL = (asterisk) NOPASSWD: /usr/bin/php ""' in text
    assert not any(fnmatch("asterisk -rx sip show peer 101 -x core stop now", grant) for grant in grants)
    assert not any(fnmatch("asterisk -rx database put CW 101 x", grant) for grant in grants)


class _Manager:
    """Asterisk's manager, with a user that may write astdb."""

    sent: ClassVar[list[tuple[str, dict[str, str]]]] = []
    allowed = frozenset(["dbput", "dbdel"])

    def __init__(self, stage: FreepbxStage) -> None:
        self._stage = stage

    async def open(self, node: str) -> None:
        """It is there."""

    async def send(self, node: str, name: str, fields: dict[str, str]) -> str:
        self.sent.append((name, fields))
        self._stage.asterisk.set(f"{fields['Family']}/{fields['Key']}", fields.get("Val"))
        return "Success"

    def close(self) -> None:
        """Nothing is held."""

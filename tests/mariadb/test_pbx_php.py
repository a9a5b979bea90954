"""FreePBX' functions called in the real `php`. What they do is a stand-in's (`freepbx_stub.php`), over real tables."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

from ccops.config import Secret
from ccops.operations import pbx_php
from ccops.operations.plan import Refused
from ccops.pbx import sheet
from ccops.pbx.model import Extension, Trunk
from tests.mariadb.freepbx import cell
from tests.mariadb.freepbx_stage import FreepbxStage
from tests.mariadb.server import Server
from tests.mariadb.test_pbx_tables import NASTY, PEER, SECRET, exchange_of, told
from tests.operations.virtual import play

MISSING = "php with mysqli is not installed: apt-get install php-cli php-mysql; FreePBX' functions were not tried"
_PHP = shutil.which("php")
_ABLE = _PHP is not None and "mysqli" in subprocess.run([_PHP, "-m"], capture_output=True, text=True).stdout
if not _ABLE:
    warnings.warn(MISSING, stacklevel=1)
pytestmark = pytest.mark.skipif(not _ABLE, reason=MISSING)

WAYS = [("2.5", "amportal"), ("2.8", "amportal"), ("2.11", "freepbx"), ("issabel", "issabelpbx")]


def stage_of(folder: Path, server: Server, version: str, by: str) -> FreepbxStage:
    return FreepbxStage(folder, server, version, "freepbx").with_php(folder, server, by)


def without_flag(stage: FreepbxStage) -> dict[str, list[str]]:
    return {name: rows for name, rows in stage.asterisk.all_rows().items() if name != "admin"}


@pytest.mark.parametrize(("version", "by"), WAYS)
def test_a_life_of_an_extension(tmp_path: Path, mariadb: Server, version: str, by: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            exchange = await exchange_of(stage)
            assert exchange.backend == "FreePBX functions"
            assert [type(entry) for entry in exchange.entries] == [Extension, Extension, Trunk, Trunk]
            before, tree = without_flag(stage), stage.asterisk.astdb
            token = stage.executor.vault.put(Secret(SECRET))
            name = "Eva dOr" if version == "issabel" else "Eva d'Or"
            plan = await stage.plan(do="add", key="201", name=name, secret=token)
            assert not plan.refusals, plan.refusals
            assert any(line.startswith("core_devices_add(id=201") for line in plan.statements)
            assert SECRET not in "\n".join(plan.statements) + repr(plan)
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            assert stage.calls == ["core_users_add", "core_devices_add", "needreload"]
            assert cell(stage.asterisk.rows("users"), extension="201")["name"] == name
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "201"}
            assert (words["secret"], words["account"], words["mailbox"]) == (SECRET, "201", "201@device")
            assert stage.asterisk.astdb["AMPUSER/201/device"] == "201"
            report = await stage.edit(do="edit", key="201", name="Eva", codecs="alaw")
            assert report.ending == "done", report.summary
            assert cell(stage.asterisk.rows("users"), extension="201")["name"] == "Eva"
            report = await stage.edit(do="copy", key="201", to="203", secret=token)
            assert report.ending == "done", report.summary
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "203"}
            assert (words["mailbox"], words["allow"]) == ("203@device", "alaw")
            assert (await stage.edit(do="delete", key="203")).ending == "done"
            report = await stage.edit(do="rename", key="201", to="202")
            assert report.ending == "done", report.summary
            report = await stage.edit(do="delete", key="202")
            assert report.ending == "done", report.summary
            assert without_flag(stage) == before
            assert {path: value for path, value in stage.asterisk.astdb.items() if value} == {
                path: value for path, value in tree.items() if value
            }
            assert SECRET not in told(stage, tmp_path)
            assert SECRET not in " ".join(words for _, words in stage.sent)

    play(act())


@pytest.mark.parametrize(("version", "by"), WAYS)
def test_what_has_no_field_stays(tmp_path: Path, mariadb: Server, version: str, by: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            report = await stage.edit(do="edit", key="101", name="Ana", qualify="no")
            assert report.ending == "done", report.summary
            user = cell(stage.asterisk.rows("users"), extension="101")
            assert (user["name"], user["outboundcid"], user["ringtimer"], user["sipname"]) == (
                "Ana",
                '"Ana" <555>',
                20,
                "anal",
            )
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == "101"}
            assert (words["videosupport"], words["qualify"], words["secret"]) == ("yes", "no", "kR7pw2mNx4")
            report = await stage.edit(do="edit", key="102", direct_media="yes")
            assert report.ending == "done", report.summary
            assert cell(stage.asterisk.rows("devices"), id="102")["emergency_cid"] == "911"

    play(act())


@pytest.mark.parametrize(("version", "by"), WAYS)
def test_a_life_of_a_trunk(tmp_path: Path, mariadb: Server, version: str, by: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            before, peer = without_flag(stage), PEER[version]
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
            words = {row["keyword"]: row["data"] for row in stage.asterisk.rows("sip") if row["id"] == f"{peer}4"}
            assert (words["host"], words["secret"], words["account"]) == ("10.0.0.9", SECRET, "line2")
            for do, more in (("disable", {}), ("enable", {}), ("edit", {"channels": "6"}), ("rename", {"to": "line3"})):
                report = await stage.edit("trunk", do=do, key="line2", **more)
                assert report.ending == "done", report.summary
            assert (await stage.edit("trunk", do="delete", key="line3")).ending == "done"
            assert without_flag(stage) == before
            plan = await stage.plan("trunk", do="delete", key="gxw4108")
            assert any("the routes" in line for line in plan.notices)
            assert (await stage.executor.run(plan)).ending == "done"
            if version != "2.5":
                assert {row["trunk_id"] for row in stage.asterisk.rows("outbound_route_trunks")} == {3}
            assert SECRET not in told(stage, tmp_path)

    play(act())


@pytest.mark.parametrize(("version", "by"), WAYS[2:])
def test_what_is_in_astdb_and_where_calls_go_stay(tmp_path: Path, mariadb: Server, version: str, by: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            places = {"noanswer_dest": "ext-queues,400,1", "busy_dest": "", "chanunavail_dest": "ext-group,600,1"}
            sets = ", ".join(f"{column} = '{place}'" for column, place in places.items())
            mariadb.run(f"UPDATE asterisk.users SET {sets} WHERE extension = '101'")
            options: str | None = "tr"
            kept = {"answermode": "intercom", "recording/in/external": "force"}
            for key, value in {**kept, "dialopts": options}.items():
                stage.asterisk.set(f"AMPUSER/101/{key}", value)
            for name in ("Ana", "Ana Luz"):
                report = await stage.edit(do="edit", key="101", name=name)
                assert report.ending == "done", report.summary
                user = cell(stage.asterisk.rows("users"), extension="101")
                assert {column: user[column] for column in places} == places
                assert {key: stage.asterisk.astdb.get(f"AMPUSER/101/{key}") for key in kept} == kept
                assert stage.asterisk.astdb.get("AMPUSER/101/dialopts") == options
                # Where there is none the system's are used: the dialplan asks whether it is there, be it empty.
                options = None
                stage.asterisk.set("AMPUSER/101/dialopts", None)

    play(act())


@pytest.mark.parametrize(("version", "by"), WAYS[2:])
@pytest.mark.parametrize("options", ["Tt", ""])
def test_the_dial_options_of_a_trunk_stay(tmp_path: Path, mariadb: Server, version: str, by: str, options: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            stage.asterisk.set("TRUNK/3/dialopts", options)
            report = await stage.edit("trunk", do="edit", key="voip", channels="6")
            assert report.ending == "done", report.summary
            assert stage.asterisk.astdb["TRUNK/3/dialopts"] == options
            tree = stage.asterisk.astdb
            plan = await stage.plan("trunk", do="delete", key="voip")
            applying, times = stage.asterisk.apply, 0

            def once() -> int:
                nonlocal times
                times += 1
                stage.asterisk.exit = 1 if times == 1 else 0
                return applying()

            stage.asterisk.apply = once  # type: ignore[method-assign]
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert stage.asterisk.astdb == tree
            assert (await stage.edit("trunk", do="delete", key="voip")).ending == "done"
            assert "TRUNK/3/dialopts" not in stage.asterisk.astdb

    play(act())


def test_issabel_would_mar_a_name(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "issabel", "issabelpbx") as stage:
            plan = await stage.plan(do="edit", key="101", name="Ana d'Or")
            assert any("would put" in check.found for check in plan.refusals)

    play(act())


@pytest.mark.parametrize(
    ("switch", "name", "told"),
    [("STUB_MAGIC", "Ana d'Or", "magic_quotes_gpc"), ("STUB_DEAF", "Ana", "reads nothing of 101")],
    ids=["nothing is quoted by FreePBX up to 2.11", "all in astdb would be written as if there was none"],
)
def test_where_an_edit_would_mar_it(tmp_path: Path, mariadb: Server, switch: str, name: str, told: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            assert stage.php is not None
            stage.php[switch] = "1"
            before, tree = without_flag(stage), stage.asterisk.astdb
            report = await stage.edit(do="edit", key="101", name=name)
            assert report.ending == "undone"
            assert told in report.summary
            assert not stage.calls
            assert (without_flag(stage), stage.asterisk.astdb) == (before, tree)
            if switch == "STUB_MAGIC":
                assert (await stage.edit(do="edit", key="101", name="Ana")).ending == "done"

    play(act())


def newer(stage: FreepbxStage, server: Server) -> None:
    """As FreePBX is from 13 on."""
    assert stage.php is not None
    stage.php["STUB_NEW"] = "1"
    stage.asterisk.modules.append("chan_pjsip.so")
    server.run(
        "UPDATE asterisk.admin SET value = '13.0.197' WHERE variable = 'version'",
        "ALTER TABLE asterisk.devices ADD hint_override VARCHAR(100)",
        "ALTER TABLE asterisk.trunks ADD routedisplay VARCHAR(4) DEFAULT 'on'",
    )


@pytest.mark.parametrize("tech", ["sip", "pjsip", "iax2"])
def test_from_13_on(tmp_path: Path, mariadb: Server, tech: str) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            newer(stage, mariadb)
            table = "iax" if tech == "iax2" else "sip"

            def words(id: str) -> dict[str, str]:
                return {row["keyword"]: row["data"] for row in stage.asterisk.rows(table) if row["id"] == id}

            before = without_flag(stage)
            token = stage.executor.vault.put(Secret(SECRET))
            groups = {} if tech == "iax2" else {"call_group": "2"}
            report = await stage.edit(do="add", key="201", name="Leo", tech=tech, secret=token, **groups)
            assert report.ending == "done", report.summary
            made = words("201")
            assert (made["secret"], made["sipdriver"], made["callerid"]) == (SECRET, f"chan_{tech}", "Leo <201>")
            assert made["mailbox"] == "201@device"
            assert ("host" in made) is (tech != "pjsip")
            if tech == "pjsip":  # FreePBX has no transport of the name that IssabelPBX' form has
                assert (made["transport"], made["dtmfmode"]) == ("", "rfc4733")
                assert not {"nat", "deny", "permit"} & set(made)
            if groups:
                assert made["namedcallgroup"] == "2"
                assert "callgroup" not in made
            mariadb.run(
                f"INSERT INTO asterisk.{table} VALUES ('201', 'their_own', 'x', 40)",
                "UPDATE asterisk.devices SET hint_override = 'SIP/9', emergency_cid = '911' WHERE id = '201'",
            )
            stage.asterisk.apply()
            report = await stage.edit(do="edit", key="201", codecs="alaw", **{name: "3" for name in groups})
            assert report.ending == "done", report.summary
            assert (words("201")["allow"], words("201")["their_own"]) == ("alaw", "x")
            assert words("201").get("namedcallgroup") == ("3" if groups else "")
            stage.asterisk.set("AMPUSER/201/intercom", "disabled")
            for changed, account in (
                ({"account_code": "7"}, "7"),
                ({"name": "Leo B"}, "7"),
                ({"account_code": ""}, ""),
            ):
                report = await stage.edit(do="edit", key="201", **changed)
                assert report.ending == "done", report.summary
                assert words("201")["accountcode"] == stage.asterisk.astdb["AMPUSER/201/accountcode"] == account
            assert stage.asterisk.astdb["AMPUSER/201/intercom"] == "disabled"
            device = cell(stage.asterisk.rows("devices"), id="201")
            assert (device["hint_override"], device["emergency_cid"]) == ("SIP/9", "911")
            report = await stage.edit(do="rename", key="201", to="202")
            assert report.ending == "done", report.summary
            moved = words("202")
            assert (moved["callerid"], moved["mailbox"], moved["account"]) == ("Leo B <202>", "202@device", "202")
            assert moved.get("setvar", "REALCALLERIDNUM=202") == "REALCALLERIDNUM=202"
            assert (await stage.edit(do="delete", key="202")).ending == "done"
            assert without_flag(stage) == before

    play(act())


def test_what_newer_ones_have_no_place_for(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            newer(stage, mariadb)
            token = stage.executor.vault.put(Secret(SECRET))
            plan = await stage.plan(do="add", key="201", name="Leo", tech="pjsip", secret=token, nat="no")
            assert any("three settings" in check.found for check in plan.refusals)
            with pytest.raises(Refused, match="a trunk of chan_sip or IAX2"):
                await stage.edit("trunk", do="add", key="line", host="10.0.0.1", tech="pjsip")

    play(act())


def test_a_trunk_that_routes_do_not_show_stays_so(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            newer(stage, mariadb)
            mariadb.run("UPDATE asterisk.trunks SET routedisplay = 'off' WHERE channelid = 'voip'")
            for key, shown in (("voip", "off"), ("gxw4108", "on")):
                report = await stage.edit("trunk", do="edit", key=key, channels="6")
                assert report.ending == "done", report.summary
                assert cell(stage.asterisk.rows("trunks"), channelid=key)["routedisplay"] == shown

    play(act())


def test_newer_ones_tell_a_browser_what_they_refuse(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            newer(stage, mariadb)
            assert stage.php is not None
            before, tree = without_flag(stage), stage.asterisk.astdb
            token = stage.executor.vault.put(Secret(SECRET))
            plan = await stage.plan(do="add", key="201", name="Leo", secret=token)
            stage.php["STUB_FAIL"] = "0:alert"
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert "it is in use" in report.summary
            assert stage.calls == ["core_users_add"]
            assert (without_flag(stage), stage.asterisk.astdb) == (before, tree)
            del stage.php["STUB_FAIL"]
            stage.php["STUB_NO_MANAGER"] = "1"
            report = await stage.edit(do="edit", key="101", qualify="no")
            assert report.ending == "undone"
            assert "manager user is not let in" in report.summary

    play(act())


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize(
    ("version", "by", "how"),
    [("2.8", "amportal", "die"), ("2.11", "freepbx", "fault"), ("2.11", "freepbx", "false")],
)
def test_a_function_that_fails_leaves_the_very_rows(
    tmp_path: Path, mariadb: Server, version: str, by: str, after: int, how: str
) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, version, by) as stage:
            before, tree = without_flag(stage), stage.asterisk.astdb
            plan = await stage.plan(do="edit", key="101", name="Eva", qualify="no")
            assert stage.php is not None
            stage.php["STUB_FAIL"] = f"{after}:{how}"
            report = await stage.executor.run(plan)
            if how == "false" and after in (1, 3):  # core_users_del and core_devices_del tell nothing
                assert report.ending == "done"
                return
            assert report.ending == "undone", report.summary
            if how == "die":
                assert "FATAL it died" in report.summary
            assert without_flag(stage) == before
            assert stage.asterisk.astdb == tree

    play(act())


def test_what_is_not_seen_is_taken_back(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            before, tree = without_flag(stage), stage.asterisk.astdb
            plan = await stage.plan(do="delete", key="101")
            applying, times = stage.asterisk.apply, 0

            def once() -> int:
                nonlocal times
                times += 1
                stage.asterisk.exit = 1 if times == 1 else 0
                return applying()

            stage.asterisk.apply = once  # type: ignore[method-assign]
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert without_flag(stage) == before
            assert stage.asterisk.astdb == tree

    play(act())


def test_what_somebody_changed_meanwhile_is_left(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            plan = await stage.plan(do="edit", key="101", qualify="no")
            run = stage.executor._hands.run

            async def late(node: str, argv: list[str], **more: object) -> object:
                if b"ccops_asked" in (more.get("input") or b"") and stage.audit.path.exists():  # type: ignore[operator]
                    mariadb.run("UPDATE asterisk.sip SET data = '3000' WHERE id = '101' AND keyword = 'qualify'")
                return await run(node, argv, **more)  # type: ignore[arg-type]

            stage.executor._hands.run = late  # type: ignore[method-assign,assignment]
            report = await stage.executor.run(plan)
            assert report.ending == "undone", report.summary
            assert "somebody has changed it meanwhile" in report.summary
            assert cell(stage.asterisk.rows("sip"), id="101", keyword="qualify")["data"] == "3000"
            assert not stage.calls

    play(act())


def test_what_cannot_be_had(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            assert stage.php is not None
            kept = stage.php
            stage.php = None
            assert "php: not found" in ((await stage.executor.exchange()).problem or "")
            stage.php = {**kept, "CCOPS_ROOT": str(tmp_path)}
            assert "no freepbx.conf" in ((await stage.executor.exchange()).problem or "")
            stage.php = {**kept, "STUB_NO_MANAGER": "1"}
            report = await stage.edit(do="edit", key="101", qualify="no")
            assert report.ending == "undone"
            assert "manager user is not let in" in report.summary

    play(act())


def test_the_most_robust_that_is_there_is_taken(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with FreepbxStage(tmp_path, mariadb, "2.8", None).with_php(tmp_path, mariadb, "amportal") as stage:
            assert (await exchange_of(stage)).backend == "FreePBX functions"  # type: ignore[arg-type]
            stage.php = None  # type: ignore[attr-defined]
            assert (await exchange_of(stage)).backend == "FreePBX tables"  # type: ignore[arg-type]
            mariadb.run("DROP TABLE asterisk.users")
            found = await stage.executor.exchange()
            assert "nor is there FreePBX" in (found.problem or "")

    play(act())


def test_any_text_is_refused_or_only_text(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.8", "amportal") as stage:
            done = 0
            for text in NASTY:
                plan = await stage.plan(do="edit", key="101", name=text)
                if plan.refusals:
                    continue
                report = await stage.executor.run(plan)
                assert report.ending == "done", report.summary
                done += 1
                assert getattr((await exchange_of(stage)).find("extension", "101"), "name", "") == text
                assert {len(stage.asterisk.rows(table)) for table in ("users", "devices")} == {3}
            assert 5 <= done < len(NASTY)

    play(act())


def test_a_sheet(tmp_path: Path, mariadb: Server) -> None:
    async def act() -> None:
        async with stage_of(tmp_path, mariadb, "2.11", "freepbx") as stage:
            lines = [f"{n},Agent {n},aabb{n % 7}77" for n in range(200, 206)]
            rows = sheet.parse("\n".join(["number,name,secret", *lines]), "extension")
            report = await stage.edit(do="import", rows=stage.executor.vault.put(rows))
            assert report.ending == "done", report.summary
            assert len((await exchange_of(stage)).entries) == 10
            with pytest.raises(Refused, match="something would change"):
                await stage.edit(do="import", rows=stage.executor.vault.put(rows))

    play(act())


@pytest.mark.parametrize(
    "value",
    [
        {}, [], "", "a\"b\\c/\n\t\x08", "ñ€𝔘", ["", None, True, False, 0, -12, 1.5], {"a": {"b": [[], {}]}},
        "</script>", "'; $x = 1; ?>", "\u2028", "x" * 5000,
    ],
)  # fmt: skip
def test_its_json_is_json(value: object) -> None:
    """PHP 5.1 has none, so the script has its own: whatever goes in comes out again."""
    code = pbx_php.script({"do": value}).split("register_shutdown_function")[0]
    code += "$at = 0; $found = ccops_value(base64_decode($ccops_asked), $at); ccops_tell($found['do']);\n"
    done = subprocess.run(["php"], input=code.encode(), capture_output=True, timeout=30, check=True)
    answer = done.stdout.decode().rpartition(pbx_php.MARK)[2]
    wanted = [] if value == {} else value
    assert json.loads(answer.replace("1.5", "1.5")) == _as_php_has_it(wanted)


def _as_php_has_it(value: object) -> object:
    """An empty object is an empty list there, and a fraction a text."""
    if isinstance(value, float):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_php_has_it(each) for key, each in value.items()} or []
    return [_as_php_has_it(each) for each in value] if isinstance(value, list) else value

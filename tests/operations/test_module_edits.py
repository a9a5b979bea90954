"""Edits of the call-center module through the executor: seen, taken back, refused, killed, after a failover."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest

from ccops.commands.prose import command_line
from ccops.config import Secret
from ccops.demo.machine import NAMES
from ccops.operations.agent_edit import passwords
from ccops.operations.audit import Record
from ccops.operations.plan import NotPermitted, OperationError, Plan, Progress, Refused, Request
from tests.operations.module_stage import ModuleStage
from tests.operations.stage import settings
from tests.operations.virtual import play

HOSTILE = (
    "'; DROP TABLE call_center.break; --",
    '`\\" %s %(x)s',
    "[bold red]x[/]",
    "$(reboot) `reboot` && reboot",
    "x" * 251,
    "a\x1b]0;owned\x07b",
    "a\nb",
    "a\u202eb",
    "",
    "   ",
)


def refused(plan: Plan) -> str:
    return "; ".join(f"{check.text}: {check.found} → {check.way_out}" for check in plan.refusals)


async def planned(stage: ModuleStage, operation: str, **arguments: str) -> Plan:
    return await stage.executor.prepare(Request(operation, arguments=arguments))


def set_campaign(stage: ModuleStage, id: int, table: str = "campaign", **fields: object) -> None:
    rows = [{**row, **(fields if row["id"] == id else {})} for row in stage.rows(table)]
    stage.pair.record_table(0, table, rows)


# Campaigns


def test_a_campaign_is_started_and_stopped(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert stage.books is not None
            plan = await planned(stage, "campaign", do="start", key="Bienvenida")
            assert not plan.refusals, refused(plan)
            assert plan.role == "operator"
            assert plan.statements == (
                "UPDATE call_center.`campaign` SET `estatus` = 'A' WHERE `id` = 4 AND `estatus` = 'I'",
            )
            assert stage.row("campaign", 4)["estatus"] == "I"
            assert not stage.books.changes, "a plan writes nothing"
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            assert [stage.row("campaign", 4, n)["estatus"] for n in (0, 1)] == ["A", "A"]
            for do, key, table, id, status in (
                ("stop", "out:4", "campaign", 4, "I"),
                ("stop", "in:2", "campaign_entry", 2, "I"),
                ("start", "atención SOPORTE", "campaign_entry", 2, "A"),
            ):
                report = await stage.edit("campaign", do=do, key=key)
                assert report.ending == "done", report.summary
                assert stage.row(table, id)["estatus"] == status
            kept = list(tmp_path.glob("demo-*/campaign*.before.json"))
            assert len(kept) == 4
            assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)
            told = stage.audit.path.read_text()
            assert "SET `estatus` = 'A' WHERE `id` = 4" in told
            assert command_line(stage.audit.records()[0].request) == "campaign start out:4"

    play(act())


def test_what_would_be_undone_by_the_dialer_or_go_wrong_is_refused(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            today = date.fromtimestamp(stage.clock())
            assert "it is so already" in refused(await planned(stage, "campaign", do="start", key="out:1"))
            assert "it ended on" in refused(await planned(stage, "campaign", do="start", key="out:3"))
            set_campaign(stage, 4, daytime_init="09:00:00", daytime_end="09:00:00")
            assert "09:00 to 09:00" in refused(await planned(stage, "campaign", do="start", key="out:4"))
            # Another one of the same queue, at hours that overlap only over midnight.
            first = stage.row("campaign_entry", 1)
            night = {
                **first,
                "id": 9,
                "name": "noche",
                "daytime_init": "20:00:00",
                "daytime_end": "02:00:00",
                "estatus": "I",
            }
            stage.pair.record_table(0, "campaign_entry", [*stage.rows("campaign_entry"), night])
            set_campaign(stage, 1, "campaign_entry", daytime_init="01:00:00", daytime_end="10:00:00")
            assert "stop it first: ccops campaign stop in:1" in refused(
                await planned(stage, "campaign", do="start", key="in:9")
            )
            set_campaign(stage, 1, "campaign_entry", daytime_init="02:00:00", daytime_end="10:00:00")
            assert not refused(await planned(stage, "campaign", do="start", key="in:9"))
            set_campaign(stage, 9, "campaign_entry", datetime_end=today - timedelta(2))
            with pytest.raises(Refused, match="last day is not over"):
                await stage.edit("campaign", do="start", key="in:9")
            for key in ("out:77", "nothing", "x' OR '1'='1"):
                with pytest.raises(OperationError, match="the module has no campaign"):
                    await planned(stage, "campaign", do="start", key=key)
            with pytest.raises(OperationError, match=r"more than one campaign; name it by its key: out:1 .*in:1"):
                await planned(stage, "campaign", do="start", key="1")
            with pytest.raises(OperationError, match="nothing that can be done"):
                await planned(stage, "campaign", do="delete", key="1")
            assert not stage.books.changes if stage.books else False

    play(act())


def test_who_may_and_what_mysql_allows(tmp_path: Path) -> None:
    async def act() -> None:
        for role, who in (("supervisor", "operator"), ("operator", "administrator")):
            (tmp_path / role).mkdir()
            async with ModuleStage(tmp_path / role, pair_settings=settings(role=role)) as stage:
                what = "campaign" if who == "operator" else "module-agent"
                arguments = {"do": "start", "key": "out:4"} if who == "operator" else await agent(stage)
                with pytest.raises(NotPermitted, match=f'"{who}"'):
                    await stage.edit(what, **arguments)
                assert stage.row("campaign", 4)["estatus"] == "I"
        (tmp_path / "right").mkdir()
        async with ModuleStage(tmp_path / "right") as stage:
            assert stage.books is not None
            stage.books.grants = ("GRANT SELECT ON `call_center`.* TO `ccops-control`@`localhost`",)
            plan = await planned(stage, "campaign", do="start", key="out:4")
            assert "GRANT UPDATE (estatus) ON call_center.campaign TO 'ccops-control'@'localhost'" in refused(plan)
            # Where its rights are not told, MySQL itself refuses, and the report says the same.
            stage.books.grants, stage.books.denied = None, "UPDATE command denied to user"
            report = await stage.edit("campaign", do="start", key="out:4")
            assert report.ending == "undone"
            assert "GRANT UPDATE (estatus) ON call_center.campaign" in report.summary
            stage.authority.disarm()
            with pytest.raises(NotPermitted, match="read-only until it is armed"):
                await stage.edit("campaign", do="start", key="out:4")

    play(act())


# Breaks


def test_a_life_of_a_break(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            for arguments, name, status in (
                ({"do": "add", "key": "Siesta", "about": "after lunch"}, "Siesta", "A"),
                ({"do": "disable", "key": "siesta"}, "Siesta", "I"),
                ({"do": "enable", "key": "7"}, "Siesta", "A"),
                ({"do": "rename", "key": "Siesta", "name": "Café"}, "Café", "A"),
            ):
                report = await stage.edit("break", **arguments)
                assert report.ending == "done", report.summary
                for n in (0, 1):
                    row = stage.row("break", 7, n)
                    assert (row["name"], row["status"], row["tipo"]) == (name, status, "B")
            assert stage.row("break", 7)["description"] == "after lunch"
            assert "is called so" in refused(await planned(stage, "break", do="add", key="CAFÉ"))
            assert "is called so" in refused(await planned(stage, "break", do="rename", key="Baño", name="hold"))
            with pytest.raises(OperationError, match="no break 'Hold'"):
                await planned(stage, "break", do="disable", key="Hold")
            assert command_line(stage.audit.records()[3].request) == "break rename 7 'Café'"

    play(act())


def test_any_text_is_a_name_or_refused(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            for n, name in enumerate(HOSTILE):
                plan = await planned(stage, "break", do="add", key=name, about=name)
                if n >= 4:
                    assert "the name is text of at most 250" in refused(plan), name
                    with pytest.raises(Refused):
                        await stage.edit("break", do="add", key=name)
                    continue
                assert not plan.refusals, refused(plan)
                report = await stage.executor.run(plan)
                assert report.ending == "done", report.summary
                assert stage.rows("break")[-1]["name"] == name
                for do in ("disable", "enable"):
                    assert (await stage.edit("break", do=do, key=name)).ending == "done"
                assert (await stage.edit("break", do="rename", key=name, name=f"{name} 2")).ending == "done"
                assert stage.rows("break")[-1]["name"] == f"{name} 2"
            assert len(stage.rows("break")) == 6 + 4
            assert "\x1b" not in stage.audit.path.read_text()

    play(act())


# Agents


async def agent(stage: ModuleStage, number: str = "9000", **more: str) -> dict[str, str]:
    """The arguments of a registration."""
    vault = stage.executor.vault
    tokens = {name: vault.put(secret) for name, secret in zip(("password", "eccp"), passwords(), strict=True)}
    return {"do": "register", "key": number, "name": "Ana Torres", **tokens, **more}


@pytest.mark.parametrize("version", ["1.4.44", "1.8.20.1", "11.25.0", "16.28.0", "unreadable"])
def test_an_agent_is_registered_and_retired(tmp_path: Path, version: str) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path, version) as stage:
            before = stage.agents.read_text()
            given = await agent(stage)
            secret = stage.executor.vault.secret(given["password"])
            eccp = stage.executor.vault.secret(given["eccp"])
            assert secret is not None
            assert eccp is not None
            assert secret.reveal().isdecimal()
            plan = await planned(stage, "module-agent", **given)
            assert not plan.refusals, refused(plan)
            assert plan.role == "administrator"
            assert "'9000', 'Ana Torres', ***, ***" in plan.statements[0]
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            row = stage.rows("agent")[-1]
            assert (row["type"], row["number"], row["name"], row["estatus"]) == ("Agent", "9000", "Ana Torres", "A")
            assert (row["password"], row["eccp_password"]) == (secret.reveal(), eccp.reveal())
            line = (
                "\n[9000]\nfullname=Ana Torres\n"
                if version == "16.28.0"
                else f"agent => 9000,{secret.reveal()},Ana Torres\n"
            )
            assert stage.agents.read_text() == before + line
            assert stage.known == {"8000", "9000"}
            told = stage.audit.path.read_text() + "\n".join(words for _, words in stage.sent) + repr(plan)
            told += "".join(path.read_text() for path in tmp_path.glob("demo-*/agent.before.json"))
            assert secret.reveal() not in told
            assert eccp.reveal() not in told
            assert "no active agent has that number" in refused(
                await planned(stage, "module-agent", **await agent(stage))
            )
            report = await stage.edit("module-agent", do="retire", key="9000")
            assert report.ending == "done", report.summary
            assert stage.rows("agent")[-1]["estatus"] == "I"
            assert stage.known == {"8000"}
            assert stage.agents.read_text().strip() == before.strip()
            report = await stage.edit("module-agent", **await agent(stage))
            assert report.ending == "done", "a number that was retired is free"

    play(act())


def test_what_an_agent_must_be(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            for number, name, kind, why in (
                ("90a0", "Ana", "Agent", "its number is digits"),
                ("٩٠٠", "Ana", "Agent", "its number is digits"),
                ("", "Ana", "Agent", "its number is digits"),
                ("9000", "Ana, Torres", "Agent", "one line of text without , and ;"),
                ("9000", "Ana;drop", "Agent", "one line of text"),
                ("9000", "Ana\nagent => 1,1,x", "Agent", "one line of text"),
                ("9000", "Ana", "Sip", "its type is one of Agent, SIP, PJSIP, IAX2"),
                ("8000", "Ana", "Agent", "does not have it yet: agent 8000 is there"),
                ("103", "Ana", "Agent", "no active agent has that number: SIP/103"),
                ("9000", "Ana", "SIP", "Asterisk has the telephone SIP/9000: it has none of that name"),
            ):
                given = await agent(stage, number, name=name, kind=kind)
                assert why in refused(await planned(stage, "module-agent", **given)), number + name
            stage.agents.write_bytes(b"agent => 8000,1,Mu\xf1oz\n")
            assert "no UTF-8" in refused(await planned(stage, "module-agent", **await agent(stage)))
            stage.agents.unlink()
            assert "could be read" in refused(await planned(stage, "module-agent", **await agent(stage)))
            with pytest.raises(OperationError, match="passwords are not known any more"):
                await planned(stage, "module-agent", **{**await agent(stage), "eccp": "kept-0"})
            with pytest.raises(OperationError, match="no active agent '555'"):
                await planned(stage, "module-agent", do="retire", key="555")
            assert "log out first: ccops agent logout SIP/105" in refused(
                await planned(stage, "module-agent", do="retire", key="105")
            )

    play(act())


# What fails


@pytest.mark.parametrize("lost", ["before", "after"])
@pytest.mark.parametrize(("operation", "arguments"), [
    ("campaign", {"do": "start", "key": "out:4"}),
    ("break", {"do": "add", "key": "Siesta"}),
])  # fmt: skip
def test_a_lost_answer_is_never_sent_again(
    tmp_path: Path, lost: str, operation: str, arguments: dict[str, str]
) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert stage.books is not None
            stage.books.lost = lost
            report = await stage.edit(operation, **arguments)
            assert report.ending == ("done" if lost == "after" else "undone"), report.summary
            assert len(stage.books.changes) == (1 if lost == "after" else 0)
            assert len(stage.rows("break")) == (7 if operation == "break" and lost == "after" else 6)
            assert stage.row("campaign", 4)["estatus"] == ("A" if operation == "campaign" and lost == "after" else "I")

    play(act())


def test_what_is_not_as_it_was_written_is_taken_back(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert stage.books is not None
            stage.books.mangle = {"'after lunch'": "'after lun'"}  # a server that cuts what is too long
            report = await stage.edit("break", do="add", key="Siesta", about="after lunch")
            assert report.ending == "undone", report.summary
            assert "so it was taken back, and that is seen" in report.summary
            assert len(stage.rows("break")) == 6
            assert stage.books.changes[-1] == "DELETE FROM call_center.`break` WHERE `id` = 7"
            stage.books.mangle = {"'Café'": "'Caf?'"}
            report = await stage.edit("break", do="rename", key="Baño", name="Café")
            assert report.ending == "undone"
            assert stage.executor.unfinished() is None

    play(act())


def test_a_file_that_asterisk_does_not_read_takes_the_row_back(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            before, rows = stage.agents.read_text(), len(stage.rows("agent"))
            stage.deaf_to_reload = True
            report = await stage.edit("module-agent", **await agent(stage))
            assert report.ending == "undone", report.summary
            assert "Asterisk does not know agent 9000" in report.summary
            assert stage.agents.read_text() == before
            assert len(stage.rows("agent")) == rows

    play(act())


def test_two_consoles_and_one_campaign(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            plan = await planned(stage, "campaign", do="start", key="out:4")
            set_campaign(stage, 4, estatus="T")
            with pytest.raises(Refused, match="as it was when this was planned"):
                await stage.executor.run(plan)
            assert stage.row("campaign", 4)["estatus"] == "T"

    play(act())


async def killed_in(stage: ModuleStage, request: Request, step: int) -> Record | None:
    """Runs it and kills it when it has written; None where it was over in the same moment."""
    plan = await stage.executor.prepare(request)
    struck = asyncio.Event()

    def on_progress(progress: Progress) -> None:
        if progress.states[step].word == "running" and progress.now.startswith(("it changed", "MySQL")):
            struck.set()

    running = asyncio.create_task(stage.executor.run(plan, on_progress))
    await asyncio.wait({running, asyncio.create_task(struck.wait())}, return_when="FIRST_COMPLETED")
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        return stage.executor.unfinished()
    return None


@pytest.mark.parametrize("what", ["campaign", "add", "rename", "register", "retire"])
def test_one_that_was_killed_is_not_done_twice_and_can_be_undone(tmp_path: Path, what: str) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert stage.books is not None
            if what == "retire":
                assert (await stage.edit("module-agent", **await agent(stage))).ending == "done"
            before = json.dumps([stage.rows(t) for t in ("break", "agent")]), stage.row("campaign", 4)["estatus"]
            request = {
                "campaign": Request("campaign", arguments={"do": "start", "key": "out:4"}),
                "add": Request("break", arguments={"do": "add", "key": "Siesta"}),
                "rename": Request("break", arguments={"do": "rename", "key": "Baño", "name": "Aseo"}),
                "register": Request("module-agent", arguments=await agent(stage, "9001")),
                "retire": Request("module-agent", arguments={"do": "retire", "key": "9000"}),
            }[what]
            stage.books.lost = "after"
            record = await killed_in(stage, request, 1)
            assert record is not None
            await stage.wait(5)
            stage.executor = stage.console()
            again = await stage.executor.prepare(record.request, resuming=True)
            written = len(stage.books.changes) > (what == "retire")
            if written:
                assert again.refusals, "what was written is not written again"
            report = await stage.executor.undo(record)
            assert report.ending == "done", report.summary
            after = json.dumps([stage.rows(t) for t in ("break", "agent")]), stage.row("campaign", 4)["estatus"]
            assert after == before
            assert stage.executor.unfinished() is None

    play(act())


def test_after_a_failover_it_is_there_and_goes_to_the_other_node(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert (await stage.edit("campaign", do="start", key="out:4")).ending == "done"
            assert (await stage.operate(Request("failover"))).ending == "done"
            assert stage.now.serving == NAMES[1]
            assert "it is so already" in refused(await planned(stage, "campaign", do="start", key="out:4"))
            report = await stage.edit("campaign", do="stop", key="out:4")
            assert report.ending == "done"
            assert report.plan.request.node == NAMES[1]
            assert stage.row("campaign", 4, 1)["estatus"] == "I"

    play(act())


def test_nothing_is_written_where_nobody_serves_or_mysql_is_gone(tmp_path: Path) -> None:
    async def act() -> None:
        async with ModuleStage(tmp_path) as stage:
            assert stage.books is not None
            stage.books.down = True
            assert "tables on elaxtix-voip could be read" in refused(await planned(stage, "break", do="add", key="x"))
            stage.books.down = False
            plan = await planned(stage, "break", do="add", key="x")
            stage.pair.power_off(0)
            stage.pair.power_off(1)
            await stage.wait(20)
            with pytest.raises((Refused, OperationError)):
                await stage.executor.run(plan)
            assert not stage.books.changes

    play(act())


def test_what_is_typed_for_a_request() -> None:
    arguments = {
        "do": "register",
        "key": "9000",
        "name": "Ana B",
        "kind": "SIP",
        "password": "kept-1",
        "eccp": "kept-2",
    }
    assert command_line(Request("module-agent", "n1", arguments)) == "agent register 9000 --type SIP --name 'Ana B'"
    arguments = {"do": "add", "key": "1\x1b[2J", "about": "a\nb\u202e", "was": "x"}
    assert command_line(Request("break", arguments=arguments)) == "break add '1[2J' --description 'a b'"
    assert str(Secret("x")) == "***"

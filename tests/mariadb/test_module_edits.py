"""Edits of the module in real tables, by a user with no more rights than it takes: both schemas and an old one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from ccops.config import MysqlControlSettings, MysqlSettings
from ccops.links.process import Completed
from ccops.operations.agent_edit import passwords
from ccops.operations.books import Books
from ccops.operations.catalogue import plan_for
from ccops.operations.module import Module, read_module
from ccops.operations.plan import Look, OperationError, Plan, Request, Surprise
from ccops.operations.scene import Scene
from ccops.operations.vault import Vault
from tests.callcentre import campaign_day as day
from tests.mariadb.campaign_fill import fill
from tests.mariadb.schema import KINDS, Kind
from tests.mariadb.server import Server
from tests.mariadb.test_books import PAIR, _Here
from tests.tui import samples

NODE = samples.NODES[0]
USER = "'ccops-control'@'localhost'"
READ = f"GRANT SELECT ON call_center.* TO {USER}"
WRITE = (
    f"GRANT UPDATE (estatus) ON call_center.campaign TO {USER}",
    f"GRANT UPDATE (estatus) ON call_center.campaign_entry TO {USER}",
    f"GRANT INSERT, UPDATE, DELETE ON call_center.`break` TO {USER}",
    f"GRANT INSERT, UPDATE (estatus), DELETE ON call_center.agent TO {USER}",
)
"""As the README has them."""


class Hands(_Here):
    """A node with an agents.conf and an Asterisk that reads it at once."""

    file = "agent => 8000,1,Vieja\n"

    async def run(self, node: str, argv: Sequence[str], **_: Any) -> Completed:  # type: ignore[override]
        if argv[0] == "cat":
            return Completed(self.file.encode(), b"", 0, 0.1)
        if argv[0] == "/bin/sh":
            self.file = _["input"].decode()
            return Completed(b"", b"", 0, 0.1)
        if argv[-1] == "core show version":
            return Completed(b"Asterisk 1.8.20.0 built by x\n", b"", 0, 0.1)
        lines = [line.split("=>")[1].split(",")[0].strip() for line in self.file.splitlines() if "=>" in line]
        return Completed("".join(f"{n} (x) not logged in\n" for n in lines).encode(), b"", 0, 0.1)


class Desk:
    """What the executor does, without an executor: plans from what is read now, and a step's deed."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.hands = Hands(server)
        mysql = MysqlSettings(user="ccops", socket=str(server.socket))
        self.books = Books(
            replace(PAIR, mysql=mysql, mysql_control=MysqlControlSettings(user="ccops-control")), self.hands
        )
        self.vault = Vault()
        self.noted: list[str] = []
        self.snapshot = samples.healthy()
        self.bench: Any = SimpleNamespace(
            hands=self.hands, books=self.books, eyes=SimpleNamespace(look=lambda: Look(self.snapshot)), folder=folder,
            note=self.noted.append, send=lambda node, argv, limit_s: self.hands.run(node, argv),
        )  # fmt: skip

    async def plan(self, operation: str, resuming: bool = False, **arguments: str) -> Plan:
        request = Request(operation, arguments=arguments)
        module = await read_module(self.books, self.hands, NODE, request, day.NOW, day.STARTED_AT)
        assert module.value is not None, module.problem
        self.module: Module = module.value
        return plan_for(request, Scene(self.snapshot, PAIR, resuming=resuming, module=module, vault=self.vault))

    async def do(self, plan: Plan) -> None:
        assert not plan.refusals, plan.refusals
        for step in plan.steps:
            assert step.deed is not None
            await step.deed(self.bench)

    async def edit(self, operation: str, **arguments: str) -> Plan:
        plan = await self.plan(operation, **arguments)
        await self.do(plan)
        return plan

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.server.connect("call_center")
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            return list(cursor.fetchall())
        finally:
            connection.close()


@pytest.fixture
async def desk(strict_mariadb: Server, tmp_path: Path) -> AsyncIterator[Desk]:
    server = strict_mariadb
    fill(server, "elastix")
    server.run(f"DROP USER IF EXISTS {USER}", f"CREATE USER {USER}", READ, *WRITE)
    made = Desk(server, tmp_path)
    yield made
    await made.books.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_all_edits_with_the_least_rights(desk: Desk, kind: Kind) -> None:
    fill(desk.server, kind)
    await desk.edit("campaign", do="start", key="parada")
    await desk.edit("campaign", do="stop", key="encuesta")
    assert desk.rows("SELECT id, estatus FROM campaign WHERE id IN (1, 3) ORDER BY id") == [(1, "I"), (3, "A")]
    await desk.edit("campaign", do="stop", key="in:2")
    assert desk.rows("SELECT estatus FROM campaign_entry WHERE id = 2") == [("I",)]
    nasty = "Café '; DROP TABLE break; -- \\ %s"
    await desk.edit("break", do="add", key=nasty, about="x")
    assert desk.rows("SELECT name, description, status, tipo FROM `break` WHERE id = 4") == [(nasty, "x", "A", "B")]
    await desk.edit("break", do="disable", key=nasty)
    await desk.edit("break", do="enable", key="4")
    await desk.edit("break", do="rename", key=nasty, name="Té")
    assert desk.rows("SELECT name, status FROM `break` WHERE id = 4") == [("Té", "A")]
    tokens = {name: desk.vault.put(secret) for name, secret in zip(("password", "eccp"), passwords(), strict=True)}
    plan = await desk.edit("module-agent", do="register", key="9005", name="Nueva", **tokens)
    secret, eccp = (desk.vault.secret(tokens[name]) for name in ("password", "eccp"))
    assert secret is not None
    assert eccp is not None
    assert f"agent => 9005,{secret.reveal()},Nueva" in desk.hands.file
    assert desk.rows("SELECT number, name, password, estatus FROM agent WHERE number = '9005'") == [
        ("9005", "Nueva", secret.reveal(), "A")
    ]
    if kind != "old":
        assert desk.rows("SELECT type, eccp_password FROM agent WHERE number = '9005'") == [("Agent", eccp.reveal())]
    assert secret.reveal() not in repr(plan) + "".join(desk.noted)
    await desk.edit("module-agent", do="retire", key="9005")
    assert desk.rows("SELECT estatus FROM agent WHERE number = '9005'") == [("I",)]
    assert "9005" not in desk.hands.file
    assert desk.module.user == "ccops-control@localhost"
    assert "PJSIP" in desk.module.kinds if kind == "issabel" else "PJSIP" not in desk.module.kinds


async def test_what_is_refused_is_what_the_grant_that_is_told_mends(desk: Desk) -> None:
    for operation, arguments in (
        ("campaign", {"do": "start", "key": "parada"}),
        ("campaign", {"do": "stop", "key": "in:1"}),
        ("break", {"do": "rename", "key": "Baño", "name": "Aseo"}),
        ("break", {"do": "disable", "key": "Almuerzo"}),
        ("module-agent", {"do": "retire", "key": "103"}),
    ):
        desk.server.run(f"DROP USER IF EXISTS {USER}", f"CREATE USER {USER}", READ)
        await desk.books.close()
        plan = await desk.plan(operation, **arguments)
        (check,) = (check for check in plan.refusals if "may" in check.text)
        told = check.way_out.partition(": ")[2]
        # Where its rights cannot be told, MySQL itself says no, and the same words come out.
        with pytest.raises(Surprise, match="denied") as caught:
            await desk.do(replace(plan, checks=()))
        assert caught.value.undone
        assert told.split(" TO ")[0] in str(caught.value)
        desk.server.run(told)
        await desk.books.close()
        await desk.edit(operation, **arguments)


async def test_who_is_logged_in_or_in_a_break_is_known(desk: Desk) -> None:
    plan = await desk.plan("module-agent", do="retire", key="Agent/9000")
    assert any("is not logged in" in check.text for check in plan.refusals)
    plan = await desk.plan("break", do="disable", key="Baño")
    assert "Ana Torres on that break now: it goes on" in plan.notices
    with pytest.raises(OperationError, match="more than one campaign"):
        await desk.plan("campaign", do="start", key="1")
    assert any(agent.name != "Vieja" or agent.status == "I" for agent in desk.module.agents)


async def test_a_started_campaign_of_the_same_queue_is_in_the_way(desk: Desk) -> None:
    desk.server.run(
        "UPDATE call_center.campaign_entry SET estatus = 'I' WHERE id = 2",
        "UPDATE call_center.queue_call_entry SET estatus = 'I' WHERE id = 2",
    )
    plan = await desk.plan("campaign", do="start", key="doble")
    assert any("no other started campaign has queue 400" in check.text for check in plan.refusals)
    plan = await desk.plan("campaign", do="start", key="nocturna")
    assert any("its queue 401 is an active one" in check.text for check in plan.refusals)
    plan = await desk.plan("campaign", do="start", key="pasada")
    assert any("its last day is not over" in check.text for check in plan.refusals)


async def test_a_name_that_is_cut_is_taken_back(desk: Desk) -> None:
    desk.server.run("ALTER TABLE call_center.`break` MODIFY name VARCHAR(9) NOT NULL", "SET GLOBAL sql_mode = ''")
    await desk.books.close()
    plan = await desk.plan("break", do="add", key="Capacitación")
    with pytest.raises(Surprise) as caught:
        await desk.do(plan)
    assert caught.value.undone, caught.value
    desk.server.run("SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES'")
    assert "so it was taken back" in str(caught.value)
    assert [name for (name,) in desk.rows("SELECT name FROM `break`")] == ["Hold", "Almuerzo", "Baño"]

"""Extensions and trunks edited through the executor, on files in a real shell: seen, taken back, refused, raced for."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ccops.config import Secret
from ccops.demo.machine import NAMES
from ccops.operations.plan import Busy, NotPermitted, OperationError, Refused, Request
from ccops.pbx import sheet
from ccops.pbx.owned import FIRST_LINE, parse
from tests.operations.exchange_stage import ExchangeStage
from tests.operations.stage import settings
from tests.operations.virtual import play

SECRET = "kR7pw2mNx4"
LATIN = f"{FIRST_LINE}\n;ccops extension 7\n[7]\nx=\xf1\n".encode("latin-1")


def told(stage: ExchangeStage) -> str:
    """All that is recorded, and all that was sent as arguments."""
    return stage.audit.path.read_text() + "\n".join(words for _, words in stage.sent)


async def add(stage: ExchangeStage, key: str = "101", operation: str = "extension", **fields: str) -> str:
    if operation == "extension":
        fields = {"secret": stage.executor.vault.put(Secret(SECRET)), **fields}
    return (await stage.edit(operation, do="add", key=key, **fields)).ending


@pytest.mark.parametrize("tech", ["sip", "pjsip", "iax2"])
def test_a_life_of_an_extension(tmp_path: Path, tech: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path, tech) as stage:
            token = stage.executor.vault.put(Secret(SECRET))
            asked = {"do": "add", "key": "101", "name": "Ana", "secret": token}
            plan = await stage.executor.prepare(Request("extension", arguments=asked))
            assert not plan.refusals
            assert SECRET not in repr(plan)
            assert not stage.owned.read_text()
            report = await stage.executor.run(plan)
            assert report.ending == "done", report.summary
            assert "seen in Asterisk: 101" in report.states[1].said
            assert SECRET in stage.owned.read_text()
            assert stat.S_IMODE(stage.owned.stat().st_mode) == 0o640
            reloads = {"sip": "sip reload", "pjsip": "module reload res_pjsip.so", "iax2": "iax2 reload"}
            assert reloads[tech] in stage.asked
            for do, extra, seen in (
                ("edit", {"name": "Eva", "qualify": "no"}, '"Eva" <101>'),
                ("disable", {}, ";off [101]"),
                ("enable", {}, "\n[101]"),
                ("rename", {"to": "102"}, "[102]"),
            ):
                report = await stage.edit(do=do, key="101", **extra)
                assert report.ending == "done", report.summary
                assert seen in stage.owned.read_text()
            other = stage.executor.vault.put(Secret("zz88yy77"))
            assert (await stage.edit(do="copy", key="102", to="105", secret=other)).ending == "done"
            keys = [entry.number for entry in parse(stage.owned.read_text(), tech).entries]  # type: ignore[union-attr,arg-type]
            assert keys == ["102", "105"]
            assert (await stage.edit(do="delete", key="102")).ending == "done"
            assert "102" not in stage.owned.read_text()
            assert stage.executor.unfinished() is None
            assert SECRET not in told(stage)
            assert "zz88yy77" not in told(stage)
            kept = list((tmp_path).glob("demo-*/*.before"))
            assert len(kept) == 7
            assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)

    play(act())


@pytest.mark.parametrize("tech", ["sip", "pjsip"])
def test_a_trunk_and_its_limit(tmp_path: Path, tech: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path, tech) as stage:
            assert await add(stage, "gxw4108", "trunk", host="192.168.27.130", channels="8") == "done"
            assert "=8\n" in stage.owned.read_text()
            report = await stage.edit("trunk", do="edit", key="gxw4108", host="192.168.27.131")
            assert report.ending == "done"

    play(act())


def test_two_drivers_beside_one_another(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path, "sip+iax2") as stage:
            assert await add(stage) == "done"
            assert await add(stage, "201", tech="iax2") == "done"
            iax = stage.files / "iax_ccops.conf"
            assert "[201]\ntype=friend\nhost=dynamic\nport=4569\n" in iax.read_text()
            rows = "number,name,tech\n101,Eva,sip\n201,Leo,iax2\n"
            before = stage.owned.read_text(), iax.read_text()
            broken = stage.home / "broken-deaf"
            puts: list[int] = []

            def strike() -> None:
                puts.append(1)
                if len(puts) == 2:  # both files are there, and Asterisk reads neither
                    broken.touch()
                elif len(puts) == 3:
                    broken.unlink()

            stage.put_hook = strike
            report = await stage.edit(do="import", rows=stage.executor.vault.put(sheet.parse(rows, "extension")))
            assert report.ending == "undone", report.summary
            assert (stage.owned.read_text(), iax.read_text()) == before
            stage.put_hook = lambda: None
            report = await stage.edit(do="import", rows=stage.executor.vault.put(sheet.parse(rows, "extension")))
            assert report.ending == "done", report.summary
            assert '"Eva" <101>' in stage.owned.read_text()
            assert '"Leo" <201>' in iax.read_text()
            with pytest.raises(OperationError, match="iax2's and stays so"):
                await stage.edit(do="edit", key="201", tech="sip")
            with pytest.raises(Refused, match="call group is nothing with chan_iax2"):
                await stage.edit(do="edit", key="201", call_group="1")
            with pytest.raises(Refused, match="101 in use"):
                await add(stage, "101", tech="iax2")
            with pytest.raises(Refused, match="PJSIP is loaded"):
                await add(stage, "301", tech="pjsip")

    play(act())


def test_what_is_written_is_told_beforehand_without_secrets(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            token = stage.executor.vault.put(Secret(SECRET))
            asked = {"do": "add", "key": "101", "name": "Ana", "secret": token}
            plan = await stage.executor.prepare(Request("extension", arguments=asked))
            assert "+ secret=***" in plan.statements
            assert '+ callerid="Ana" <101>' in plan.statements
            assert "asterisk -rx 'sip reload'" in plan.statements
            assert SECRET not in "\n".join(plan.statements)

    play(act())


def test_it_is_there_on_the_other_node_after_a_failover(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            assert (await stage.operate(Request("failover"))).ending == "done"
            report = await stage.edit(do="edit", key="101", name="Eva")
            assert report.ending == "done"
            assert report.plan.request.node == NAMES[1]
            assert {node for node, words in stage.sent if "ccops.conf" in words} == set(NAMES)

    play(act())


# What fails


@pytest.mark.parametrize("what", ["reload", "deaf", "asterisk"])
def test_what_is_not_seen_is_taken_back_and_said_so(tmp_path: Path, what: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            before = stage.owned.read_text()
            broken = stage.home / f"broken-{what}"
            mended: list[int] = []

            def strike() -> None:
                mended.append(1)
                broken.touch() if len(mended) == 1 else broken.unlink()

            stage.put_hook = strike
            report = await stage.edit(do="edit", key="101", name="Eva")
            assert report.ending == "undone"
            assert "what was there before was put back, and is seen in Asterisk" in report.summary
            assert stage.owned.read_text() == before
            assert stage.executor.unfinished() is None
            assert stage.audit.records()[-1].ending == "undone"
            stage.put_hook = lambda: None
            assert (await stage.edit(do="edit", key="101", name="Eva")).ending == "done"

    play(act())


def test_where_it_cannot_be_taken_back_that_is_said_and_undone_later(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            before = stage.owned.read_text()
            stage.put_hook = (stage.home / "broken-reload").touch
            report = await stage.edit(do="edit", key="101", name="Eva")
            assert report.ending == "surprised"
            assert "is not seen to be back" in report.summary
            assert "ccops resume --undo" in report.safe_next
            record = stage.executor.unfinished()
            assert record is not None
            stage.put_hook = lambda: None
            (stage.home / "broken-reload").unlink()
            stage.owned.write_text(before.replace("qualify=yes", "qualify=no"))
            assert (
                await stage.executor.undo(record)
            ).ending == "surprised"  # somebody else's change is not overwritten
            stage.owned.write_text(before)
            assert (await stage.executor.undo(record)).ending == "done"
            assert stage.owned.read_text() == before
            assert stage.executor.unfinished() is None

    play(act())


@pytest.mark.parametrize("after", range(5))
def test_a_link_that_is_lost_at_any_moment(tmp_path: Path, after: int) -> None:
    """Its answer is lost, and the command was done: the file is the old or the new one, and what is said is true."""

    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            before = stage.owned.read_text()
            token = stage.executor.vault.put(Secret("zz88yy77"))
            plan = await stage.executor.prepare(
                Request("extension", arguments={"do": "edit", "key": "101", "name": "Eva", "secret": token})
            )
            stage.lost = after
            report = await stage.executor.run(plan)
            assert report.ending in ("done", "undone"), report.summary
            assert (stage.owned.read_text() == before) is (report.ending == "undone")
            assert not list(stage.files.glob("*.ccops-new"))
            assert SECRET not in told(stage)

    play(act())


@pytest.mark.parametrize("pause", [0.02, 0.06, 0.12, 0.2, 0.3])
def test_killed_at_any_moment_it_is_undone(tmp_path: Path, pause: float) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            before = stage.owned.read_text()
            token = stage.executor.vault.put(Secret("zz88yy77"))
            plan = await stage.executor.prepare(
                Request("extension", arguments={"do": "add", "key": "102", "secret": token})
            )
            struck = asyncio.Event()

            async def strike() -> None:
                await struck.wait()
                await asyncio.sleep(pause)
                running.cancel()

            running = asyncio.create_task(
                stage.executor.run(plan, lambda p: struck.set() if p.states[1].word == "running" else None)
            )
            striking = asyncio.create_task(strike())
            await asyncio.wait({running})
            striking.cancel()
            if not running.cancelled():
                assert running.result().ending == "done"
                return
            stage.executor = stage.console()  # another process: its vault knows nothing
            record = stage.executor.unfinished()
            assert record is not None
            plan = await stage.executor.prepare(record.request, resuming=True)
            assert "is not known any more" in str(plan.refusals) or "in use" in str(plan.refusals)
            assert (await stage.executor.undo(record)).ending == "done"
            assert stage.owned.read_text() == before
            assert stage.executor.unfinished() is None

    play(act())


def test_what_was_written_before_it_was_killed_is_not_written_twice(tmp_path: Path) -> None:
    """In a console that lives on, the vault still has the secret: going on would be possible, and is refused."""

    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            token = stage.executor.vault.put(Secret(SECRET))
            plan = await stage.executor.prepare(
                Request("extension", arguments={"do": "add", "key": "102", "secret": token})
            )
            running = asyncio.create_task(stage.executor.run(plan))
            while not stage.owned.read_text():
                await asyncio.sleep(0.01)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            record = stage.executor.unfinished()
            assert record is not None
            again = await stage.executor.prepare(record.request, resuming=True)
            assert "by this very edit" in again.refusals[0].found
            with pytest.raises(Refused):
                await stage.executor.run(again, record=record)
            assert (await stage.executor.undo(record)).ending == "done"
            assert not stage.owned.read_text()

    play(act())


# What is refused


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda s: s.owned.write_text("[101]\n"), "not written by ccops"),
        (lambda s: s.owned.write_bytes(LATIN), "no UTF-8"),
        (lambda s: s.owned.unlink(), "install -m 0640"),
        (lambda s: (s.files / "sip.conf").write_text("[general]\n"), "#include sip_ccops.conf\\n' >> /etc/asterisk"),
        (lambda s: (s.files / "sip.conf").write_text("#include sip_ccops.conf\nx=1\n[a]\n"), "other keys follow it"),
        (lambda s: (s.home / "broken-asterisk").touch(), "does not answer"),
        (lambda s: (s.home / "bin" / "asterisk").unlink(), "does not answer"),
    ],
)  # fmt: skip
def test_grounds(tmp_path: Path, prepare: Callable[[ExchangeStage], object], why: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            prepare(stage)
            plan = await stage.executor.prepare(Request("extension", arguments={"do": "delete", "key": "101"}))
            told = " ".join(f"{check.found} {check.way_out}" for check in plan.refusals)
            assert why in told
            assert not plan.steps
            with pytest.raises(Refused):
                await stage.executor.run(plan)

    play(act())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"key": "101"}, "101 in use: an extension"),
        ({"key": "400"}, "the dialplan has it"),
        ({"key": "10;x"}, "“10;x”"),
        ({"key": "102", "context": "nowhere"}, "“nowhere”"),
        ({"key": "102", "name": "x\r\n[evil]\n"}, "“x [evil]"),
        ({"key": "102", "name": "$(touch /tmp/x)`id`"}, ""),
        ({"key": "102", "name": "[red]x[/red]"}, ""),
    ],
)
def test_numbers_and_fields(tmp_path: Path, arguments: dict[str, str], why: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            before = stage.owned.read_text()
            asked = {"do": "add", "secret": stage.executor.vault.put(Secret("zz88yy77")), **arguments}
            plan = await stage.executor.prepare(Request("extension", arguments=asked))
            assert why in " ".join(check.found for check in plan.refusals)
            assert bool(plan.refusals) is bool(why)
            if not why:
                assert (await stage.executor.run(plan)).ending == "done"
                assert stage.owned.read_text().startswith(before)
                assert f'callerid="{arguments["name"]}" <102>\n' in stage.owned.read_text()

    play(act())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"do": "burn"}, "nothing that can be done"),
        ({"do": "edit", "key": "999"}, "has no extension '999'"),
        ({"do": "edit", "key": "101", "colour": "red"}, "'colour' is no field"),
        ({"do": "rename", "key": "101"}, "to which number"),
        ({"do": "copy", "key": "101", "to": "102"}, "a secret of its own"),
        ({"do": "add", "key": "102", "secret": "abc"}, "not known any more"),
        ({"do": "import", "rows": "abc"}, "sheet is not known"),
        ({"do": "add"}, "which extension"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, arguments: dict[str, str], why: str) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            with pytest.raises(OperationError, match=why):
                await stage.edit(**arguments)

    play(act())


def test_only_an_administrator_edits(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path, pair_settings=settings(role="operator")) as stage:
            with pytest.raises(NotPermitted):
                await add(stage)
            assert not stage.owned.read_text()

    play(act())


# Two consoles


def test_of_two_consoles_the_second_is_refused_and_looks_again(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            other = stage.console()
            asked = [
                Request("extension", arguments={"do": "edit", "key": "101", "name": name}) for name in ("Eva", "Leo")
            ]
            both = (stage.executor, other)
            plans = [(each, await each.prepare(request)) for each, request in zip(both, asked, strict=True)]
            outcomes = await asyncio.gather(*(e.run(plan) for e, plan in plans), return_exceptions=True)
            assert any(isinstance(outcome, Busy) for outcome in outcomes)
            assert stage.owned.read_text().count("callerid") == 1
            with pytest.raises(Refused, match="this was planned from"):
                await other.run(plans[1][1])
            assert '"Eva"' in stage.owned.read_text()

    play(act())


def test_a_change_by_hand_in_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage) == "done"
            by_hand = stage.owned.read_text() + "; a note\n"
            stage.put_hook = lambda: stage.owned.write_text(by_hand) and None
            report = await stage.edit(do="edit", key="101", name="Eva")
            assert report.ending == "undone"
            assert "another one by now" in report.summary
            assert stage.owned.read_text() == by_hand

    play(act())


# Sheets


def test_a_sheet_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    async def act() -> None:
        async with ExchangeStage(tmp_path) as stage:
            assert await add(stage, name="Ana") == "done"
            before = stage.owned.read_text()
            lines = [f"{number},Agent {number},aabb{number % 7}77" for number in range(200, 230)]
            text = "\n".join(["number,name,secret", "101,Eva,", *lines])
            bad = sheet.parse(text + "\n400,Queue,aa55bb77\n", "extension")
            plan = await stage.executor.prepare(
                Request("extension", arguments={"do": "import", "rows": stage.executor.vault.put(bad)})
            )
            assert "400" in plan.refusals[0].found
            assert stage.owned.read_text() == before
            good = stage.executor.vault.put(sheet.parse(text, "extension"))
            report = await stage.edit(do="import", rows=good)
            assert report.ending == "done", report.summary
            file = parse(stage.owned.read_text(), "sip")
            assert len(file.entries) == 31
            found = file.find("extension", "101")
            assert found is not None
            assert (getattr(found, "name", ""), found.secret) == ("Eva", Secret(SECRET))
            assert "aabb477" not in told(stage)
            again = stage.executor.vault.put(sheet.parse(text, "extension"))
            with pytest.raises(Refused, match="something would change"):
                await stage.edit(do="import", rows=again)

    play(act())

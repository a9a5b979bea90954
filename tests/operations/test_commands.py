"""The commands of operations, as they are typed: in processes of their own, against a simulated pair's real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ccops.cli import main
from ccops.commands.operate import COMMANDS
from ccops.commands.prose import DRBD_VERBS, command_line
from ccops.demo.machine import NAMES
from ccops.demo.world import Demo
from ccops.operations.audit import Audit
from ccops.operations.catalogue import OPERATIONS
from ccops.operations.plan import Request
from tests.bench.console import settings_text
from tests.bench.terminal import Terminal

ONE, TWO = NAMES


class Desk:
    """A jump host: the settings, the audit log, and commands that are typed there."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.demo = demo
        self.folder = folder
        self.config = folder / "ccops.toml"
        self.audit = Audit(folder / "audit.jsonl")
        self.settle()

    def settle(self, **changes: str) -> None:
        """Writes the settings, with these lines in the pair's."""
        text = settings_text(self.demo.settings)
        lines = "".join(f"{key} = {value}\n" for key, value in changes.items())
        text = text.replace("[pairs.demo]\n", f"[pairs.demo]\n{lines}", 1)
        self.config.write_text(f'[console]\naudit = "{self.audit.path}"\n{text}')
        self.config.chmod(0o600)

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "ccops", "-c", str(self.config), *words]

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self.argv(*words), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )

    async def ccops(self, *words: str) -> tuple[int | None, str, str]:
        process = await self.start(*words)
        out, err = await asyncio.wait_for(process.communicate(), 90)
        return process.returncode, out.decode(), err.decode()

    async def object(self, *words: str) -> tuple[int | None, Any]:
        code, out, err = await self.ccops(*words, "--json")
        assert out, err
        return code, json.loads(out)


@contextlib.asynccontextmanager
async def desk(folder: Path, scenario: str = "quiet-day", speed: float = 5.0) -> AsyncIterator[Desk]:
    async with Demo(scenario=scenario, speed=speed, agents=12) as demo:
        yield Desk(demo, folder)


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.05)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


# What is typed


def test_every_operation_is_a_command_with_its_line_of_the_catalogue() -> None:
    helps = {name: command.get_short_help_str(200) for name, command in COMMANDS.items()}
    drbd = COMMANDS["drbd"]
    assert isinstance(drbd, click.Group)
    helps |= {name: command.get_short_help_str(200) for name, command in drbd.commands.items()}
    for operation in OPERATIONS.values():
        assert helps[operation.name] == operation.does
    assert set(drbd.commands) == set(DRBD_VERBS)
    told = run("--help").output
    for name in COMMANDS:
        assert f"\n  {name} " in told


@pytest.mark.parametrize(
    ("request_", "typed"),
    [
        (Request("failover", arguments={"from": ONE}), "failover"),
        (Request("recover", arguments={"victim": TWO, "salvage": "no"}), f"recover --victim {TWO} --no-salvage"),
        (Request("resync", arguments={"full": TWO}), f"resync --full {TWO}"),
        (Request("rate", arguments={"rate": "30M"}), "rate 30M"),
        (Request("rate", arguments={"revert": "yes"}), "rate --revert"),
        (Request("service", ONE, {"name": "asterisk", "when": "idle"}), "service asterisk --when-idle"),
        (Request("verify", TWO), f"verify {TWO}"),
        (Request("detach", TWO), f"drbd detach {TWO}"),
    ],
)
def test_a_request_is_told_as_it_is_typed(request_: Request, typed: str) -> None:
    assert command_line(request_) == typed


def test_what_the_texts_tell_to_type_can_be_typed() -> None:
    import re

    root = Path(__file__).parents[2]
    texts = [*sorted(root.glob("ccops/**/*.py")), root / "README.md"]
    told = {m for path in texts for m in re.findall(r"`ccops ([a-z][a-z-]*)(?: ([a-z][a-z0-9-]*))?", path.read_text())}
    context = click.Context(main)
    for name, second in told:
        command = main.get_command(context, name)
        assert command is not None, f"ccops {name}"
        if isinstance(command, click.Group) and second:
            assert command.get_command(context, second) is not None, f"ccops {name} {second}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("failover",), "there is no terminal to ask on"),
        (("recover", "--yes"), "Missing option '--victim'"),
        (("rate", "--yes"), "either a rate such as 30M, or --revert"),
        (("rate", "30M", "--revert", "--yes"), "either a rate such as 30M, or --revert"),
        (("release", "--yes"), "Missing argument 'NODE'"),
        (("drbd", "explode"), "No such command"),
    ],
)
def test_a_wrong_use_is_exit_2(words: tuple[str, ...], said: str) -> None:
    told = run(*words)
    assert told.exit_code == 2
    assert said in told.output


# Plans


async def test_every_plan_can_be_printed_instead_of_run(tmp_path: Path) -> None:
    words = {
        "failover": (0, ["failover"]),
        "failback": (1, ["failback"]),
        "resync": (1, ["resync"]),
        "resync full": (0, ["resync", "--full", TWO]),
        "verify": (0, ["verify", TWO]),
        "pause-sync": (1, ["pause-sync"]),
        "resume-sync": (1, ["resume-sync"]),
        "rate": (1, ["rate", "30M"]),
        "recover": (1, ["recover", "--victim", TWO]),
        "release": (0, ["release", TWO]),
        "rejoin": (1, ["rejoin", TWO]),
        "isolate": (1, ["isolate", ONE]),
        "service": (0, ["service", "asterisk", "--when-idle"]),
        "connect": (0, ["drbd", "connect", TWO]),
        "disconnect": (0, ["drbd", "disconnect", TWO]),
        "attach": (0, ["drbd", "attach", TWO]),
        "detach": (0, ["drbd", "detach", TWO]),
        "primary": (1, ["drbd", "primary", TWO]),
        "secondary": (0, ["drbd", "secondary", TWO]),
    }
    keys = {"schema", "pair", "request", "title", "purpose", "role", "may_run", "not_permitted", "checks", "steps"}
    keys |= {"notices", "irrevocable", "evidence", "typed", "undo", "took_s", "statements"}
    async with desk(tmp_path) as at:
        turns = asyncio.Semaphore(3)

        async def one(name: str, code: int, typed: list[str]) -> None:
            async with turns:
                found, plan = await at.object(*typed, "--dry-run")
            assert (name, found) == (name, code)
            assert set(plan) == keys
            assert plan["may_run"] is (code == 0)
            assert plan["request"]["command"] == f"ccops {' '.join(typed)}"
            assert plan["steps"]
            for check in plan["checks"]:
                assert check["holds"] is True or check["found"]

        await asyncio.gather(*(one(name, code, typed) for name, (code, typed) in words.items()))
        code, out, _ = await at.ccops("failover", "--dry-run")
        assert code == 0
        assert "\n         /usr/share/heartbeat/hb_standby all\n" in out
        assert "channels are up" in out
        assert at.audit.records() == ()


async def test_refusals_are_told_with_the_way_out_and_do_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        code, out, err = await at.ccops("rejoin", TWO, "--yes")
        assert code == 1
        assert "NO       Heartbeat is stopped on" in out
        assert "found: it runs already" in err
        assert "way out: nothing is to be done" in err
        code, found = await at.object("rejoin", TWO, "--yes")
        assert code == 1
        assert (found["ending"], found["id"]) == ("refused", None)
        assert found["checks"][0]["found"] == "it runs already"

        code, _, err = await at.ccops("service", "httpd", "--yes")
        assert code == 2
        assert "there are asterisk, mysqld" in err

        for changes, said in (
            ({"role": '"viewer"'}, 'the role in the settings is "viewer"'),
            ({"role": '"operator"'}, 'is for the role "administrator"'),
            ({"read_only": "true"}, "read-only in the settings"),
        ):
            at.settle(**changes)
            code, out, err = await at.ccops("release", TWO, "--yes")
            assert code == 1
            assert said in err
        at.settle()
        assert at.audit.records() == ()
        assert at.demo.pair.heartbeat.members[1].phase == "running"


async def test_what_must_be_typed_must_be_spelled_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        for wrong in ((), ("--confirm", ONE)):
            code, _, err = await at.ccops("resync", "--full", TWO, "--yes", *wrong)
            assert code == 2
            assert f"--confirm {TWO}" in err
        assert at.demo.pair.drbd.sides[1].disk == "UpToDate"
        code, found = await at.object("resync", "--full", TWO, "--yes", "--confirm", TWO, "--dry-run")
        assert (code, found["typed"]) == (0, TWO)


async def test_a_pair_that_cannot_be_reached_is_exit_3(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.demo.cut_console(0)
        at.demo.cut_console(1)
        code, _, err = await at.ccops("failover", "--yes")
        assert code == 3
        assert "neither node can be reached" in err


# To the end


async def test_failover_and_failback_to_the_end(tmp_path: Path) -> None:
    async with desk(tmp_path, speed=10.0) as at:
        code, out, err = await at.ccops("failover", "--yes")
        assert code == 0, out + err
        assert at.demo.pair.serving == (1,)
        assert " 1/3 begins" in out
        assert " 3/3 seen " in out or " 3/3 already " in out
        assert "true now:" in out
        (record,) = at.audit.records("demo")
        assert f"in the audit log as {record.first.id}" in out

        code, out, err = await at.ccops("failback", "--yes", "--json")
        assert code == 0, out + err
        report = json.loads(out)
        assert report["ending"] == "done"
        assert {step["state"] for step in report["steps"]} <= {"seen", "already"}
        assert report["truth"][0] == f"{ONE} serves"
        progress = [json.loads(line) for line in err.splitlines()]
        assert {line["id"] for line in progress} == {report["id"]}
        assert progress[-1]["steps"] == {step["name"]: step["state"] for step in report["steps"]}
        assert at.demo.pair.serving == (0,)

        code, plan = await at.object("failover", "--dry-run")
        assert code == 0
        assert len(plan["took_s"]) == 1
        assert [r["ending"] for r in json.loads((await at.ccops("audit", "--json"))[1])] == ["done", "done"]


async def test_a_resync_is_paced_and_followed(tmp_path: Path) -> None:
    async with desk(tmp_path, speed=2.0) as at:
        drbd = at.demo.pair.drbd
        assert (await at.ccops("drbd", "disconnect", TWO, "--yes"))[0] == 0
        drbd.write(0, 2000 << 10, 0)
        assert (await at.ccops("drbd", "connect", TWO, "--yes"))[0] == 0
        await until(lambda: drbd.sides[1].connection == "SyncTarget")
        code, refused = await at.object("failover", "--yes")
        assert code == 1
        assert any("resync is under way" in check["found"] for check in refused["checks"])
        for words in (("rate", "8M"), ("pause-sync",), ("resume-sync",), ("rate", "60M")):
            code, out, err = await at.ccops(*words, "--yes")
            assert code == 0, out + err
        code, out, err = await at.ccops("resync", "--yes")
        assert code == 0, out + err
        assert "resync: " in out
        assert "MiB left" in out
        assert drbd.sides[1].disk == "UpToDate"


async def test_a_split_brain_is_recovered(tmp_path: Path) -> None:
    async with desk(tmp_path, "split-brain", speed=10.0) as at:
        drbd = at.demo.pair.drbd
        await until(lambda: at.demo.pair.serving == (0, 1))
        await until(lambda: at.demo.pair.serving == (0,) and drbd.sides[1].connection == "StandAlone")
        await asyncio.sleep(6)
        code, plan = await at.object("recover", "--victim", TWO, "--dry-run")
        assert code == 0, plan["checks"]
        assert plan["typed"] == TWO
        assert any("only here" in line for line in plan["evidence"])
        code, out, err = await at.ccops("recover", "--victim", TWO, "--yes")
        assert code == 0, out + err
        assert [side.disk for side in drbd.sides] == ["UpToDate", "UpToDate"]
        assert list(tmp_path.glob(f"demo-*/salvage-{TWO}/README.txt"))


# On a terminal


async def test_on_a_terminal_it_asks_and_no_is_the_default(tmp_path: Path) -> None:
    async with desk(tmp_path, speed=10.0) as at:
        async with Terminal(at.argv("failover")) as terminal:
            await terminal.seen("do it? [y/N]")
            terminal.send("\n")
            await terminal.seen("not confirmed: nothing was done")
            assert await asyncio.to_thread(terminal.process.wait, 20) == 1
        assert at.audit.records() == ()
        async with Terminal(at.argv("resync", "--full", TWO)) as terminal:
            await terminal.seen(f"type {TWO} to go on:")
            terminal.send("y\n")
            await terminal.seen("not confirmed: nothing was done")
        async with Terminal(at.argv("failover")) as terminal:
            await terminal.seen("do it? [y/N]")
            terminal.send("y\n")
            await terminal.seen("in the audit log as")
            assert await asyncio.to_thread(terminal.process.wait, 20) == 0
        assert at.demo.pair.serving == (1,)


# Interrupted


async def _in_the_middle(at: Desk, *words: str) -> asyncio.subprocess.Process:
    """The command once its first step was seen."""
    process = await at.start(*words)

    def first_is_seen() -> bool:
        record = at.audit.unfinished("demo")
        return record is not None and bool(record.steps_done)

    await until(first_is_seen)
    return process


async def _parted(at: Desk) -> None:
    """A resync that takes a while must be followed."""
    assert (await at.ccops("drbd", "disconnect", TWO, "--yes"))[0] == 0
    at.demo.pair.drbd.write(0, 2 << 20, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves_it_recorded(tmp_path: Path, number: signal.Signals) -> None:
    async with desk(tmp_path, speed=1.0) as at:
        await _parted(at)
        process = await _in_the_middle(at, "resync", "--yes")
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 130, err
        assert b"interrupted: " in out
        assert b"ccops resume" in out
        record = at.audit.unfinished("demo")
        assert record is not None
        assert record.ending == "interrupted"


async def test_killed_in_the_middle_it_is_gone_on_with(tmp_path: Path) -> None:
    async with desk(tmp_path, speed=1.0) as at:
        await _parted(at)
        process = await _in_the_middle(at, "resync", "--yes")
        _, _, busy = await at.ccops("drbd", "disconnect", TWO, "--yes")
        assert "another operation is under way" in busy
        code, _, err = await at.ccops("resume", "--leave", "--yes")
        assert code == 1
        assert "another operation is under way" in err
        process.kill()
        await process.wait()

        code, out, err = await at.ccops("resume", "--dry-run")
        assert code == 0
        assert out.startswith("unfinished: Resync: connect")
        assert "seen         connect-1 on" in out
        assert (await at.ccops("resume"))[0] == 2
        code, plan = await at.object("resume", "--undo", "--dry-run")
        assert code == 0
        assert plan["title"].startswith("Undo: Resync")
        at.demo.speed = 20.0
        code, out, err = await at.ccops("resume", "--go-on", "--yes")
        assert code == 0, out + err
        assert "already" in out
        assert at.demo.pair.drbd.sides[1].disk == "UpToDate"
        assert (await at.ccops("resume"))[1] == "demo: no operation is unfinished\n"


async def test_killed_in_the_middle_it_is_undone_or_left(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await _parted(at)
        process = await _in_the_middle(at, "resync", "--yes")
        process.kill()
        await process.wait()
        code, out, err = await at.ccops("resume", "--undo", "--yes")
        assert code == 0, out + err
        assert at.demo.pair.drbd.sides[1].connection == "StandAlone"
        assert at.audit.records("demo")[-1].ending == "undone"

        process = await _in_the_middle(at, "resync", "--yes")
        process.kill()
        await process.wait()
        code, out, err = await at.ccops("resume", "--leave", "--yes")
        assert code == 0, out + err
        assert "left as it stands" in out
        assert at.audit.unfinished("demo") is None


# The audit log


def _kept(path: Path) -> Path:
    log = Audit(path / "audit.jsonl")
    for number, pair in ((1, "office"), (2, "office"), (3, "lab")):
        id = f"2026112{number}-024138-000{number}"
        log.write(
            id, pair, "began", request=Request("verify", "n2"), title="Verify", steps=("verify on n2: drbdadm …",)
        )
        log.write(id, pair, "step", step="verify", node="n2", command="drbdadm verify data")
        log.write(id, pair, "answered", step="verify", node="n2", exit=0, output="one\ntwo", took_s=0.2)
        if number != 2:
            log.write(id, pair, "ended", ending="done", text="Verify: done", took_s=51.0)
    config = path / "ccops.toml"
    nodes = "".join(f'[[pairs.office.nodes]]\nname = "{n}"\nssh = "{n}.invalid"\n' for n in ("n1", "n2"))
    config.write_text(f'[console]\naudit = "{log.path}"\n[pairs.office]\naddress = "10.0.0.1"\n{nodes}')
    config.chmod(0o600)
    return config


def test_the_audit_log_is_listed_and_shown_without_a_network(tmp_path: Path) -> None:
    config = str(_kept(tmp_path))
    listed = run("-c", config, "audit").output.splitlines()
    assert len(listed) == 3
    assert "20261122-024138-0002  office" in listed[1]
    assert "verify n2  unfinished" in listed[1]
    assert listed[2].endswith("verify n2  done        51.0 s")
    assert len(run("-c", config, "audit", "--all").output.splitlines()) == 4
    assert len(run("-c", config, "audit", "--pair", "lab").output.splitlines()) == 2
    assert len(run("-c", config, "audit", "--all", "-n", "1").output.splitlines()) == 2
    found = json.loads(run("-c", config, "audit", "--all", "--json").stdout)
    assert [each["pair"] for each in found] == ["lab", "office", "office"]
    assert found[1]["unfinished"] is True
    assert found[0]["request"]["command"] == "ccops verify n2"

    shown = run("-c", config, "audit", "20261121").output
    assert "pair office: ccops verify n2" in shown
    assert "step      verify: on n2: drbdadm verify data" in shown
    assert [line.strip() for line in shown.splitlines() if "| " in line][-2:] == ["| one", "| two"]
    whole = json.loads(run("-c", config, "audit", "20261121", "--json").stdout)
    assert [entry["event"] for entry in whole["entries"]] == ["began", "step", "answered", "ended"]
    unknown = run("-c", config, "audit", "2026112")
    assert unknown.exit_code == 3
    assert "or several begin so" in unknown.output


def test_without_settings_the_usual_log_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    told = run("-c", str(tmp_path / "none.toml"), "audit")
    assert told.exit_code == 0
    assert "nothing was done yet" in told.output
    assert str(tmp_path) in told.output

"""`ccops ext` and `ccops trunk` as they are typed, on a stage whose Asterisk reads real files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import Result

from ccops.commands.prose import command_line
from ccops.operations.plan import Request
from tests.operations.exchange_stage import ExchangeHands, ExchangeStage
from tests.operations.typed import Typed, typed_on


@pytest.fixture
def stage(tmp_path: Path) -> ExchangeStage:
    return ExchangeStage(tmp_path)


@pytest.fixture
def ccops(stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setattr("ccops.operations.hands.Hands", lambda pair: ExchangeHands(stage))
    return typed_on(stage, monkeypatch)


def secret_of(result: Result, key: str) -> str:
    line = next(line for line in result.stderr.splitlines() if line.startswith(f"secret of {key}: "))
    return line.split(": ")[1].split(" ")[0]


def test_a_secret_is_made_and_shown_once(ccops: Typed, stage: ExchangeStage) -> None:
    result = ccops("ext", "add", "101", "--name", "Ana", "--yes")
    assert result.exit_code == 0, result.output
    secret = secret_of(result, "101")
    assert len(secret) == 16
    assert secret not in result.stdout
    assert f"secret={secret}\n" in stage.owned.read_text()
    for words in (("list",), ("show", "101"), ("list", "--json"), ("export",)):
        told = ccops("ext", *words)
        assert told.exit_code == 0, told.output
        assert "Ana" in told.output
        assert secret not in told.output
    assert json.loads(ccops("ext", "list", "--json").stdout)[0]["has_secret"] is True
    assert secret in ccops("ext", "export", "--secrets").output
    assert secret not in stage.audit.path.read_text()
    assert command_line(stage.audit.records()[0].request) == "ext add 101 --name Ana"


def test_what_is_written_is_shown_on_request(ccops: Typed, stage: ExchangeStage) -> None:
    words = ("ext", "add", "101", "--name", "Ana", "--dry-run")
    assert "secret=***" not in ccops(*words).stdout
    told = ccops(*words, "--statements").stdout
    assert "what is written and sent, secrets as ***:" in told
    assert "+ secret=***" in told
    assert "asterisk -rx 'sip reload'" in told
    assert "+ secret=***" in json.loads(ccops(*words, "--json").stdout)["statements"]
    assert not stage.owned.read_text()


def test_the_driver_is_told(ccops: Typed) -> None:
    assert ccops("ext", "add", "101", "--name", "Ana", "--yes").exit_code == 0
    rows = [line.split() for line in ccops("ext", "list").stdout.splitlines()]
    assert rows[0] == ["number", "what", "driver", "context", "state"]
    assert rows[1][:4] == ["101", "Ana", "sip", "from-internal"]
    assert json.loads(ccops("ext", "list", "--json").stdout)[0]["tech"] == "sip"
    assert "sip, pjsip or iax2" in ccops("ext", "add", "--help").output


def test_a_plan_is_printed_and_nothing_is_done(ccops: Typed, stage: ExchangeStage) -> None:
    result = ccops("ext", "add", "101", "--name", "Ana", "--dry-run")
    assert result.exit_code == 0
    assert "extension 101 added: name Ana, secret ***, context from-internal" in " ".join(result.stdout.split())
    assert not stage.owned.read_text()
    plan = json.loads(ccops("ext", "add", "400", "--dry-run", "--json").stdout)
    assert plan["may_run"] is False
    assert "400 in use" in json.dumps(plan["checks"])
    assert ccops("ext", "add", "400", "--yes").exit_code == 1
    assert ccops("ext", "add", "101").exit_code == 2  # nobody to ask
    assert ccops("ext", "edit", "999", "--name", "x", "--yes").exit_code == 2
    assert not stage.owned.read_text()


def test_secrets_come_from_a_file_or_standard_input_and_go_to_a_file(
    ccops: Typed, stage: ExchangeStage, tmp_path: Path
) -> None:
    assert ccops("ext", "add", "101", "--secret-file", "-", "--yes", input="kR7pw2mNx4\n").exit_code == 0
    assert "secret=kR7pw2mNx4\n" in stage.owned.read_text()
    weak = ccops("ext", "add", "102", "--secret-file", "-", "--yes", input="abc12\n")
    assert weak.exit_code == 2
    assert "fewer than six characters" in weak.output
    assert "abc12" not in weak.output
    out = tmp_path / "new.csv"
    result = ccops("ext", "add", "102", "--secret-to", str(out), "--yes")
    assert result.exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    secret = out.read_text().strip().removeprefix("102,")
    assert f"secret={secret}" in stage.owned.read_text()
    assert secret not in result.output
    assert ccops("ext", "add", "103", "--secret-to", str(out), "--yes").exit_code == 3
    assert "[103]" not in stage.owned.read_text()


def test_a_life_of_one(ccops: Typed, stage: ExchangeStage) -> None:
    for words in (
        ("add", "101", "--name", "Ana"),
        ("edit", "101", "--qualify", "no", "--new-secret"),
        ("copy", "101", "102", "--name", "Eva"),
        ("disable", "101"),
        ("enable", "101"),
        ("rename", "101", "103"),
        ("delete", "102"),
    ):
        result = ccops("ext", *words, "--yes", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["ending"] == "done"
    assert "[103]" in stage.owned.read_text()
    assert "[102]" not in stage.owned.read_text()


def test_sheets(ccops: Typed, stage: ExchangeStage, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("number,name\n101,Ana\n10x,Eva\n")
    result = ccops("ext", "import", str(path), "--yes")
    assert result.exit_code == 3
    assert f"{path}, line 3, column number: expected two to twenty digits" in result.output
    assert not stage.owned.read_text()
    path.write_text("number,name\n101,Ana\n102,Eva\n")
    result = ccops("ext", "import", str(path), "--yes")
    assert result.exit_code == 0, result.output
    assert secret_of(result, "101") != secret_of(result, "102")
    assert ccops("ext", "import", str(path), "--yes").exit_code == 1  # nothing would change
    out = tmp_path / "out.csv"
    assert ccops("ext", "export", str(out), "--secrets").exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert ccops("ext", "export", str(out)).exit_code == 3


def test_a_gateway(ccops: Typed, stage: ExchangeStage) -> None:
    result = ccops("trunk", "gxw4108", "gw", "192.168.27.130", "--number", "400")
    assert "SIP Server" in result.output
    assert stage.settings.address in result.output
    assert "ccops trunk add gw --host 192.168.27.130 --channels 8" in result.output
    assert ccops("trunk", "gxw4108", "gw", "1.2.3.4;reboot").exit_code == 2
    assert ccops("trunk", "add", "gw", "--host", "192.168.27.130", "--channels", "8", "--yes").exit_code == 0
    assert "192.168.27.130" in ccops("trunk", "list").output
    assert ccops("ext", "list").output.endswith("has none yet\n")


def test_what_fails_is_taken_back_and_said_so(ccops: Typed, stage: ExchangeStage) -> None:
    assert ccops("ext", "add", "101", "--yes").exit_code == 0
    before = stage.owned.read_text()
    broken = stage.home / "broken-reload"
    struck: list[int] = []

    def strike() -> None:
        struck.append(1)
        broken.touch() if len(struck) == 1 else broken.unlink()

    stage.put_hook = strike
    result = ccops("ext", "edit", "101", "--new-secret", "--yes")
    assert result.exit_code == 4
    assert "was put back, and is seen in Asterisk" in result.stdout
    assert "secret of" not in result.stderr
    assert "resume" not in result.stdout
    assert stage.owned.read_text() == before


def test_hostile_text_in_the_file_reaches_no_terminal(ccops: Typed, stage: ExchangeStage) -> None:
    assert ccops("ext", "add", "101", "--name", "Ana", "--yes").exit_code == 0
    stage.owned.write_text(stage.owned.read_text().replace("Ana", "A\x1b[2J\u202ena"))
    for words in (("list",), ("show", "101"), ("list", "--json"), ("export",), ("delete", "101", "--dry-run")):
        told = ccops("ext", *words).output
        assert "[2J" in told
        assert "\x1b" not in told
        assert "\u202e" not in told


def test_what_is_typed_for_a_request() -> None:
    arguments = {"do": "edit", "key": "101", "name": "Ana B", "secret": "kept-1", "was": "abc", "call_group": "1"}
    assert command_line(Request("extension", "n1", arguments)) == "ext edit 101 --call-group 1 --name 'Ana B'"
    assert command_line(Request("trunk", arguments={"do": "rename", "key": "a", "to": "b"})) == "trunk rename a b"
    assert command_line(Request("extension", arguments={"do": "import", "rows": "kept-2"})) == "ext import"
    hostile = {"do": "add", "key": "1\x1b[2J", "name": "a\nb\u202e"}
    assert command_line(Request("extension", arguments=hostile)) == "ext add '1[2J' --name 'a b'"

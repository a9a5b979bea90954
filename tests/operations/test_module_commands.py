"""`ccops campaign`, `ccops break` and `ccops agent sessions|register|retire` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.operations.module_stage import ModuleStage
from tests.operations.typed import Typed, typed_on
from tests.tui.samples_campaigns import FakeSource


@pytest.fixture
def stage(tmp_path: Path) -> ModuleStage:
    return ModuleStage(tmp_path)


@pytest.fixture
def ccops(stage: ModuleStage, monkeypatch: pytest.MonkeyPatch) -> Typed:
    stage.store.campaigns = FakeSource()
    return typed_on(stage, monkeypatch)


def test_campaigns_are_listed_and_shown(ccops: Typed, stage: ModuleStage) -> None:
    result = ccops("campaign", "list")
    assert result.exit_code == 0, result.output
    lines = {line.split()[1]: " ".join(line.split()) for line in result.stdout.splitlines()[1:]}
    assert lines["encuesta"] == "out:1 encuesta runs 5/13 6 57 % 29 % 1 777 08:00-18:00"
    assert lines["noche"].endswith("waits 0/0 0 – – 0 778 22:00-06:00 outside 22:00 to 06:00")
    assert lines["atención"].startswith("in:1 atención runs 9 today – 80 % – 1 400")
    assert lines["atención"].endswith("shares its queue with doble")
    found = json.loads(ccops("campaign", "list", "--json", "--no-counts").stdout)
    one = next(each for each in found if each["key"] == "out:1")
    assert (one["runs"], one["why_not"], one["progress"], one["retries"]) == (True, None, None, 5)
    assert one["agents"][0]["name"] == "Ana Torres"
    text = ccops("campaign", "show", "encuesta").stdout
    for words in (
        "5 of 13 done, 6 left (4 tried before)",
        "1 barred, 1 in stopped lists",
        "contact 57 %, success 29 %",
        "Ana Torres (Agent/9000) with 098011 for 0:30 on hold",
        "the last 4 calls",
        "No circuit",
    ):
        assert words in text, words
    shown = json.loads(ccops("campaign", "show", "in:1", "--json").stdout)
    assert shown["progress"]["lost"] == 3
    assert shown["progress"]["of"] == "today"
    assert shown["calls"] == []
    assert ccops("campaign", "show", "nothing").exit_code == 3
    assert "name it by its key" in ccops("campaign", "show", "1").stderr
    source = stage.store.campaigns
    assert isinstance(source, FakeSource)
    source.refusal = "no MySQL user is set for this pair"
    result = ccops("campaign", "list")
    assert result.exit_code == 3
    assert "no MySQL user is set" in result.stderr


def test_sessions_and_breaks_are_listed(ccops: Typed) -> None:
    text = ccops("agent", "sessions").stdout
    for words in ("break: Baño", "2 open sessions", "lost track", "corrupt: 1 with more than one open session",
                  "Almuerzo 30:00, Baño 10:00", "6:55:00"):  # fmt: skip
        assert words in text, words
    found = json.loads(ccops("agent", "sessions", "--json").stdout)
    ana = next(each for each in found["agents"] if each["name"] == "Ana Torres")
    assert (ana["logged_in_s"], ana["break"], len(ana["sessions"])) == (24_900, "Baño", 3)
    assert "Siesta    disabled" in ccops("break", "list").stdout
    assert json.loads(ccops("break", "list", "--json").stdout)[0] == {
        "id": 2, "name": "Almuerzo", "description": "an hour", "active": True,
    }  # fmt: skip


def test_a_plan_is_printed_and_nothing_is_done(ccops: Typed, stage: ModuleStage) -> None:
    result = ccops("campaign", "start", "Bienvenida", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "UPDATE call_center.`campaign` SET `estatus` = 'A' WHERE `id` = 4 AND `estatus` = 'I'" in result.stdout
    assert "ccops campaign stop out:4" in result.stdout
    plan = json.loads(ccops("campaign", "start", "out:3", "--dry-run", "--json").stdout)
    assert plan["may_run"] is False
    assert ccops("campaign", "start", "out:3", "--yes").exit_code == 1
    assert ccops("campaign", "start", "out:4").exit_code == 2  # nobody to ask
    assert ccops("campaign", "start", "77", "--yes").exit_code == 2
    assert stage.books is not None
    assert not stage.books.changes


def test_edits_are_done_and_reported(ccops: Typed, stage: ModuleStage) -> None:
    for words in (
        ("campaign", "start", "out:4"),
        ("campaign", "stop", "Renovaciones"),
        ("break", "add", "Siesta", "--description", "after lunch"),
        ("break", "rename", "Siesta", "Café"),
        ("break", "disable", "café"),
        ("break", "enable", "7"),
    ):
        result = ccops(*words, "--yes", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["ending"] == "done"
    assert stage.row("campaign", 4)["estatus"] == "A"
    assert stage.row("campaign", 1)["estatus"] == "I"
    assert stage.row("break", 7)["name"] == "Café"
    assert stage.books is not None
    stage.books.denied = "UPDATE command denied to user"
    stage.books.grants = None
    result = ccops("campaign", "start", "out:1", "--yes")
    assert result.exit_code == 4
    assert "GRANT UPDATE (estatus) ON call_center.campaign TO" in result.stdout


def test_an_agents_passwords_are_shown_once(ccops: Typed, stage: ModuleStage) -> None:
    result = ccops("agent", "register", "9000", "--name", "Ana Torres", "--yes")
    assert result.exit_code == 0, result.output
    told = dict(line.split(" of 9000: ") for line in result.stderr.splitlines() if "shown this once" in line)
    password, eccp = (told[name].split(" ")[0] for name in ("password", "eccp_password"))
    row = stage.rows("agent")[-1]
    assert (row["password"], row["eccp_password"]) == (password, eccp)
    assert len(eccp) == 40
    for secret in (password, eccp):
        assert secret not in result.stdout
        assert secret not in stage.audit.path.read_text()
    result = ccops("agent", "register", "9001", "--name", "Eva", "--yes", "--json")
    found = json.loads(next(line for line in result.stderr.splitlines() if "secrets" in line))
    assert found["secrets"]["password"].isdecimal()
    assert ccops("agent", "retire", "9000", "--yes").exit_code == 0
    assert ccops("agent", "retire", "9000", "--yes").exit_code == 2
    assert ccops("agent", "register", "90;1", "--name", "x", "--yes").exit_code == 1
    assert ccops("agent", "register", "9002", "--yes").exit_code == 2


@pytest.mark.parametrize("text", ["'; DROP TABLE x; --", "$(reboot)", "\x1b[2J", "%s", "--yes"])
def test_hostile_arguments_do_nothing(ccops: Typed, stage: ModuleStage, text: str) -> None:
    for words in (("campaign", "start", "--yes", "--", text), ("campaign", "show", "--", text)):
        result = ccops(*words)
        assert result.exit_code in (2, 3), result.output
        assert "\x1b" not in result.output
    result = ccops("break", "add", "--yes", "--", text)
    assert result.exit_code == (1 if "\x1b" in text else 0)
    assert "\x1b" not in result.output
    assert len(stage.rows("campaign")) == 4

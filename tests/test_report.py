"""`ccops report` as a user types it, on a simulated pair; and what it prints, on the day computed by hand."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from ccops.callcentre.module_rows import read_rows
from ccops.callcentre.records import CallRecord, Records
from ccops.callcentre.service_times import By, Question, report
from ccops.cli import main
from ccops.demo.world import Demo
from ccops.watch import service_prose, service_tables
from ccops.watch.archive import Standing
from tests.bench.console import settings_text
from tests.callcentre import service_day as day

STANDING = Standing("one", day.NOW, day.OFFSET_S, day.STARTED_AT, day.LEVELS)
RECORDS = read_rows(day.call_rows(), day.presence_rows())


def question(by: By = "queue") -> Question:
    return Question(day.PERIOD, day.NOW, by, levels=day.LEVELS, started_at=day.STARTED_AT)


def test_the_page() -> None:
    page = service_prose.page("lab", STANDING, RECORDS, report(RECORDS, question()))
    lines = page.splitlines()
    assert lines[0] == "lab · 2026-11-26 · from the call-center module on one"
    assert lines[3].split() == ["400", "4", "3", "1", "–", "50", "%", "0:22", "1:17", "0:40", "0"]
    assert lines[5].split() == ["all", "7", "5", "2", "–", "57", "%", "0:18", "1:08", "1:00", "1"]
    assert "lost track of 1 call, 1 log-in, counted nowhere" in page
    assert "  call    2026-11-26 14:04:50  400" in page
    assert "  log-in  2026-11-26 13:00:00  Luis Vera" in page
    agents = service_prose.page("lab", STANDING, RECORDS, report(RECORDS, question("agent")))
    assert "breaks of Ana Torres: Almuerzo 30:00" in agents
    ana = next(line for line in agents.splitlines() if line.startswith("Ana Torres"))
    assert ana.split()[2:] == ["4", "75", "%", "0:18", "1:00", "0:40", "1", "5:00:00", "30:00", "2", "%"]


def test_a_queue_without_calls_names_those_with_calls() -> None:
    page = service_prose.page("lab", STANDING, RECORDS, report(RECORDS, replace(question(), queue="999")))
    assert "no calls of queue 999; queues with calls then: 400, 401" in page


def test_the_calls() -> None:
    found = report(RECORDS, question())
    calls = service_prose.search((*found.calls, *found.lost_calls), RECORDS.names, "LUIS 401")
    page = service_prose.calls_page("lab", STANDING, RECORDS, calls, day.PERIOD, 8)
    assert "2026-11-26 23:59:30  401" in page
    assert page.splitlines()[-1] == "1 of 8 calls"
    assert [c.queue for c in service_prose.search(found.lost_calls, {}, "lost")] == ["400"]


def test_the_object() -> None:
    found = service_tables.report_object("lab", STANDING, RECORDS, report(RECORDS, question("agent")), calls=True)
    text = json.loads(json.dumps(found))
    assert text["lines"][0] | {"x": 1} == text["lines"][0] | {"x": 1, "key": "Agent/9000", "logged_in_s": 18_000.0}
    assert text["total"]["service_level"] == 0.5714
    assert len(text["calls"]) == 7
    assert [call["queue"] for call in text["lost"]["calls"]] == ["400"]


def test_csv_runs_nothing_in_a_spreadsheet() -> None:
    hostile = ("=1+2", "+cmd|' /C calc'!A1", "@SUM(1)", "-2+3", 'a"b', "a,b", "+593 99 123-456")
    calls = tuple(CallRecord("1", name, day.MIDNIGHT, "abandoned", number=name, wait_s=1) for name in hostile)
    records = Records("log", calls)
    rows = list(csv.reader(io.StringIO(service_tables.calls_csv(calls, {}, day.PERIOD))))
    numbers = [row[3] for row in rows[1:]]
    assert numbers == ["'=1+2", "'+cmd|' /C calc'!A1", "'@SUM(1)", "'-2+3", 'a"b', "a,b", "+593 99 123-456"]
    assert len(list(csv.reader(io.StringIO(service_tables.report_csv(report(records, question())))))) == 9
    times = list(csv.DictReader(io.StringIO(service_tables.report_csv(report(RECORDS, question("agent"))))))
    told = [(row["name"], row["break Baño"]) for row in times]
    assert told == [("Ana Torres", ""), ("Luis Vera", "600.0"), ("all", "600.0")]


def test_hostile_names_print_as_they_are() -> None:
    rows = [{**row, "queue": "[bold]\x1b[2J\u202eq"} for row in day.call_rows()]
    records = read_rows(rows, [])
    page = service_prose.page("lab", STANDING, records, report(records, question()))
    assert "[bold][2Jq" in page
    assert not any(character in page for character in "\x1b\u202e")


def test_wrong_uses() -> None:
    for words in (["--csv", "--json"], ["--search", "x"], ["--by", "nothing"], ["--source", "x"], ["--within", "0"]):
        assert CliRunner().invoke(main, ["report", *words]).exit_code == 2, words
    told = CliRunner().invoke(main, ["-c", "/nonexistent.toml", "report"])
    assert told.exit_code == 3
    assert "ccops init" in told.output


async def test_on_a_simulated_pair(tmp_path: Path) -> None:
    async with Demo(scenario="quiet-day", agents=12) as demo:
        config = tmp_path / "ccops.toml"
        mysql = demo.settings.pairs["demo"].mysql
        assert mysql is not None
        assert mysql.password is not None
        text = f'{settings_text(demo.settings)}[pairs.demo.mysql]\nuser = "{mysql.user}"\n'
        config.write_text(f'{text}password = {{ file = "{mysql.password.file}" }}\n')
        config.chmod(0o600)
        demo.stop_time()
        demo.refresh()

        async def ccops(*words: str) -> tuple[int | None, str, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ccops", "-c", str(config), "report", "--from", "-3", *words,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(process.communicate(), 60)
            return process.returncode, out.decode(), err.decode()

        ran = demo.pair.drbd.sides[0].calls
        code, out, err = await ccops("--json")
        assert code == 0, err
        module = json.loads(out)
        assert module["source"] == "module"
        assert module["total"]["offered"] == len(ran)
        code, out, err = await ccops("--json", "--source", "log")
        assert code == 0, err
        log = json.loads(out)
        assert log["source"] == "log"
        assert [{**line, "exited": None} for line in log["lines"]] == module["lines"]
        code, out, err = await ccops("--calls", "--search", ran[0].number)
        assert code == 0, err
        assert ran[0].number in out
        assert out.rstrip().splitlines()[-1] == f"1 of {len(ran)} calls"
        code, out, err = await ccops("--from", "soon")
        assert (code, out) == (2, "")
        assert "expected a day as 2026-11-27" in err
        log_file = demo.nodes[0].root / "data/log/queue_log"
        log_file.unlink()
        code, out, err = await ccops("--source", "log")
        assert (code, out, err) == (3, "", "Error: queue_log: not there on elaxtix-voip\n")


def test_what_goes_on_is_told() -> None:
    at = day.MIDNIGHT
    records = Records("log", (CallRecord("1", "400", at + 10, "waiting"),))
    asked = replace(question(), now=at + 40, started_at=None)
    page = service_prose.page("lab", replace(STANDING, now=at + 40), records, report(records, asked))
    assert ", until 00:00:40 ·" in page
    assert "now: 1 waiting, 0 talking" in page

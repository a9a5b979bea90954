"""When a node's call centre wrote last: the script under every shell at hand, and what becomes of what it prints."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.links.errors import LinkLost, TimedOut
from ccops.pair.model import PairLayout, Reading
from ccops.record.bundle import read_bundle, write_bundle
from ccops.record.collect import collect
from ccops.record.evidence import of_bundle
from ccops.triage.finding import Traces
from ccops.watch import database, traces
from ccops.watch.database import DatabaseCollector
from ccops.watch.traces import TracesCollector, merge, read_traces, remember
from ccops.watch.traces_script import parse_traces, script, unread
from tests.links.mysql_server import PASSWORD, FakeMysql

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
LAYOUT = PairLayout("lab", ("one", "two"), "192.168.27.120")
CALL = "1764000123|1764000100.7|support|SIP/101|COMPLETEAGENT|3|20|1\n"
QUIET = "1764000999|NONE|NONE|NONE|QUEUESTART|\n1764001000|1764000100.9|NONE|Agent/9|AGENTLOGIN|SIP/101\n"
NOBODY = 65534


class Node:
    """A folder that stands for a node with a mounted volume; its call centre's folders are links into the volume."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mount()
        self.write(
            "proc/drbd", "version: 8.4.11\n 1: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----\n"
        )
        for link, target in (("var/log/asterisk", "log"), ("var/spool/asterisk", "spool")):
            (root / link).parent.mkdir(parents=True, exist_ok=True)
            (root / "data" / target).mkdir(parents=True)
            (root / link).symlink_to(Path("../../data") / target)

    def mount(self) -> None:
        self.write("proc/mounts", "sysfs /sys sysfs rw 0 0\n/dev/drbd1 /data ext3 rw 0 0\n")

    def unmount(self, *, empty: bool = True) -> None:
        """As after a demotion: the mount point is there, and what was below it is not."""
        self.write("proc/mounts", "sysfs /sys sysfs rw 0 0\n/dev/sda1 /data/other ext3 rw 0 0\n")
        if empty:
            shutil.rmtree(self.root / "data")
            (self.root / "data").mkdir()

    def write(self, name: str, text: str, at: int | None = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if at is not None:
            os.utime(path, (at, at))
        return path

    def path(self, shell: Sequence[str]) -> str:
        """Where the shell finds commands: busybox its own ones only."""
        if shell[0] != "busybox":
            return os.environ["PATH"]
        own = self.root.parent / "applets"
        if not own.exists():
            own.mkdir(mode=0o755)
            subprocess.run(["busybox", "--install", "-s", str(own)], check=True)
        return str(own)

    def ask(self, shell: Sequence[str], **options: object) -> dict[str, str]:
        """What the script says, by name; the end must be told."""
        done = subprocess.run(
            [shutil.which(shell[0]) or shell[0], *shell[1:], "-s"],
            input=script(LAYOUT),
            capture_output=True,
            timeout=60,
            env={"CCOPS_ROOT": str(self.root), "PATH": self.path(shell)},
            check=False,
            **options,  # type: ignore[call-overload]
        )
        assert done.stderr == b""
        *lines, end = done.stdout.decode().splitlines()
        assert end == "E"
        return {name: f"{kind} {rest}" for kind, name, rest in (line.split(" ", 2) for line in lines)}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "root")


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = SHELLS[request.param]
    if shutil.which(found[0]) is None:
        pytest.skip(f"{found[0]} is not installed here")
    return found


# The script


def test_the_last_of_each_is_told(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL + QUIET)
    node.write("data/log/cdr-csv/Master.csv", '"","5551234","100"\n', at=1764000222)
    node.write("data/spool/monitor/old.wav", "x", at=1764000300)
    node.write("data/spool/monitor/a new one.wav", "x", at=1764000333)
    assert node.ask(shell) == {"queue_log": "T 1764000123", "cdr": "T 1764000222", "recording": "T 1764000333"}


def test_only_dates_leave_the_node(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL)
    node.write("data/log/cdr-csv/Master.csv", '"","5551234","100"\n')
    node.write("data/spool/monitor/5551234-Maria.wav", "x")
    said = " ".join(node.ask(shell).values())
    assert not any(secret in said for secret in ("5551234", "Maria", "SIP", "support"))


def test_nothing_is_written_there(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL)
    before = {path: path.lstat().st_mtime_ns for path in node.root.rglob("*")}
    node.ask(shell)
    assert {path: path.lstat().st_mtime_ns for path in node.root.rglob("*")} == before


def test_what_is_not_there_is_said_to_be_not_there(node: Node, shell: list[str]) -> None:
    assert node.ask(shell) == {name: "N not there" for name in ("queue_log", "cdr", "recording")}
    shutil.rmtree(node.root / "var")
    assert node.ask(shell) == {name: "N not there" for name in ("queue_log", "cdr", "recording")}


def test_without_the_volume_the_links_lead_nowhere(node: Node, shell: list[str]) -> None:
    node.unmount()
    assert node.ask(shell) == {name: "N not mounted here" for name in ("queue_log", "cdr", "recording")}


def test_what_lies_below_an_empty_mount_point_is_no_part_of_the_volume(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL)
    node.write("data/log/cdr-csv/Master.csv", "x\n", at=1764000222)
    node.unmount(empty=False)
    said = node.ask(shell)
    assert said == {name: "N not mounted here" for name in ("queue_log", "cdr")} | {"recording": said["recording"]}


def test_another_volume_at_its_place_is_not_it(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL)
    node.write("proc/mounts", "/dev/sda5 /data ext3 rw 0 0\n")
    assert node.ask(shell)["queue_log"] == "N not mounted here"


def test_a_log_of_the_nodes_own_is_read_without_the_volume(node: Node, shell: list[str]) -> None:
    (node.root / "var/log/asterisk").unlink()
    node.write("var/log/asterisk/queue_log", CALL)
    node.unmount()
    said = node.ask(shell)
    assert (said["queue_log"], said["cdr"]) == ("T 1764000123", "N not there")


def test_a_start_of_asterisk_is_no_call(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", QUIET)
    assert node.ask(shell)["queue_log"] == "N no call in its last 2000 lines"
    node.write("data/log/queue_log.1", CALL)
    assert node.ask(shell)["queue_log"] == "T 1764000123"
    node.write("data/log/queue_log", "")
    assert node.ask(shell)["queue_log"] == "T 1764000123"
    node.write("data/log/queue_log", "1764005555|node-1764005550.3|q|NONE|ENTERQUEUE||1\nnot a line\n\n")
    assert node.ask(shell)["queue_log"] == "T 1764005555"


def test_an_empty_file_of_records_has_no_date(node: Node, shell: list[str]) -> None:
    node.write("data/log/cdr-csv/Master.csv", "", at=1764000222)
    assert node.ask(shell)["cdr"] == "N empty"


def test_recordings_in_a_folder_a_day(node: Node, shell: list[str]) -> None:
    monitor = "data/spool/monitor"
    node.write(f"{monitor}/2025/11/23/b.wav", "x", at=1764000100)
    node.write(f"{monitor}/2025/11/24/a.wav", "x", at=1764000200)
    node.write(f"{monitor}/2024/12/31/c.wav", "x", at=1764000900)  # touched since: only the newest day is looked at
    assert node.ask(shell)["recording"] == "T 1764000200"
    node.write(f"{monitor}/loose.wav", "x", at=1764000300)
    assert node.ask(shell)["recording"] == "T 1764000300"


def test_a_folder_without_a_recording(node: Node, shell: list[str]) -> None:
    (node.root / "data/spool/monitor/2025/11/24").mkdir(parents=True)
    assert node.ask(shell)["recording"] == "N no recording there"


def test_a_very_large_folder_is_not_sorted(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.write("data/spool/monitor/a.wav", "x")
    ls = '#!/bin/sh\ncase $1 in -t) echo sorted >&2 ;; *) echo "drwx 2 0 0 9000000 x" ;; esac\n'
    node.write("bin/ls", ls).chmod(0o755)
    monkeypatch.setenv("PATH", f"{node.root}/bin:{os.environ['PATH']}")
    assert node.ask(["/bin/sh"])["recording"] == "N too many files in one folder"


def test_frozen_io_is_not_touched(node: Node, shell: list[str]) -> None:
    node.write("data/log/queue_log", CALL)
    node.write("proc/drbd", " 1: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s-----\n    ns:0 oos:0\n")
    assert set(node.ask(shell).values()) == {"N I/O on the volume is frozen"}
    node.write("proc/drbd", " 0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s-----\n")
    assert node.ask(shell)["queue_log"] == "T 1764000123"


@pytest.fixture
def open_node() -> Iterator[Node]:
    """A node that a user without rights can look at."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Node(folder / "root")
    shutil.rmtree(folder)


def test_what_may_not_be_read_is_not_said_to_be_missing(open_node: Node, shell: list[str]) -> None:
    node = open_node
    node.write("data/log/queue_log", CALL).chmod(0o600)
    node.write("data/log/cdr-csv/Master.csv", "x\n")
    (node.root / "data/log/cdr-csv").chmod(0o700)
    node.write("data/spool/monitor/a.wav", "x")
    (node.root / "data/spool").chmod(0o750)
    refused = {name: "N not readable" for name in ("queue_log", "cdr", "recording")}
    assert node.ask(shell, user=NOBODY, group=NOBODY, extra_groups=[]) == refused
    (node.root / "data").chmod(0o700)
    (node.root / "data/spool").chmod(0o755)
    assert node.ask(shell, user=NOBODY, group=NOBODY, extra_groups=[]) == refused


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    done = subprocess.run(["shellcheck", "-s", "sh", "-S", "warning", "-"], input=script(LAYOUT), capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


# What it printed


def test_dates_are_corrected_for_the_nodes_clock() -> None:
    told = parse_traces("T cdr 1000\nN queue_log not mounted here\nN recording no recording there\nE\n", 5000.0, 30.0)
    assert told.cdr == Reading(970.0, None, 5000.0)
    assert told.queue_log == Reading(None, "not mounted here", 5000.0)
    assert told.calls == Reading()


def test_a_script_that_did_not_end_leaves_reasons() -> None:
    told = parse_traces("Welcome to one!\nT cdr 1000\n", 5000.0)
    assert told.cdr.value == 1000.0
    assert told.queue_log.problem == "the script on the node did not come to its end"
    assert parse_traces("", None).cdr.problem == "the script on the node did not come to its end"


@pytest.mark.parametrize("line", ["T cdr", "T cdr x", "T cdr -1", "T cdr 10 20", "T other 10", "T cdr 999999999999"])
def test_what_is_no_date_is_none(line: str) -> None:
    assert parse_traces(f"{line}\nE\n", 1.0).cdr == Reading(None, "not told", 1.0)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["T cdr ", "N cdr ", "E", "\n", "7", "\x1b[2J"])).map("".join)))
def test_any_text_gives_traces(text: str) -> None:
    told = parse_traces(text, 1.0)
    for reading in (told.cdr, told.queue_log, told.recording):
        assert (reading.value is None) != (reading.problem is None)
        assert "\x1b" not in (reading.problem or "")


# From several sources, and over time


def test_of_two_dates_of_a_record_the_newer_counts() -> None:
    files = Traces(cdr=Reading(100.0, None, 5.0), queue_log=Reading(1.0))
    tables = Traces(cdr=Reading(200.0, None, 6.0), calls=Reading(300.0, None, 6.0))
    merged = merge(files, tables, Reading(4, None, 7.0))
    assert merged.cdr == Reading(200.0, None, 6.0)
    assert merged.calls.value == 300.0
    assert (merged.queue_log.value, merged.channels.value) == (1.0, 4)
    assert merge(tables, files).cdr.value == 200.0


def test_without_a_date_both_reasons_are_told() -> None:
    merged = merge(unread("not there", 5.0), Traces(cdr=Reading(None, "MySQL does not run there", 6.0)))
    assert merged.cdr.problem == "Master.csv: not there; table: MySQL does not run there"
    assert merge(unread("not there")).cdr.problem == "not there"
    assert merge(Traces(cdr=Reading(100.0)), Traces(cdr=Reading(None, "no right"))).cdr.value == 100.0


def test_what_was_read_while_it_was_mounted_stays_with_its_age() -> None:
    before = Traces(cdr=Reading(100.0, None, 5.0), queue_log=Reading(90.0, None, 5.0), channels=Reading(3, None, 5.0))
    now = Traces(cdr=Reading(None, "not mounted here", 40.0), queue_log=Reading(120.0, None, 40.0))
    kept = remember(before, now)
    assert kept.cdr == Reading(100.0, None, 5.0)
    assert kept.queue_log == Reading(120.0, None, 40.0)
    assert kept.channels == Reading()  # calls do not last


def test_a_date_read_again_is_the_newer_reading_even_if_the_skew_varies() -> None:
    kept = remember(Traces(cdr=Reading(100.3, None, 5.0)), Traces(cdr=Reading(100.0, None, 40.0)))
    assert kept.cdr == Reading(100.0, None, 40.0)
    # A table that had newer rows cannot be read any more: the file's older date is not the last.
    kept = remember(Traces(cdr=Reading(200.0, None, 5.0)), Traces(cdr=Reading(100.0, None, 40.0)))
    assert kept.cdr == Reading(200.0, None, 5.0)


class Local:
    """Runs on a folder that stands for a node; or raises what it is told to."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.error: Exception | None = None
        self.asked = 0

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> SimpleNamespace:
        self.asked += 1
        if self.error is not None:
            raise self.error
        env = {"CCOPS_ROOT": str(self.node.root), "PATH": os.environ["PATH"]}
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        stdout, _ = await asyncio.wait_for(process.communicate(input), timeout_s)
        return SimpleNamespace(stdout=stdout)


async def test_a_node_is_read(node: Node) -> None:
    node.write("data/log/queue_log", CALL)
    told = await read_traces(Local(node), LAYOUT, skew_s=23.0, clock=lambda: 7.0)
    assert told.queue_log == Reading(1764000100.0, None, 7.0)


async def test_a_link_that_is_lost_is_the_reason(node: Node) -> None:
    runner = Local(node)
    runner.error = LinkLost("one is gone")
    assert (await read_traces(runner, LAYOUT, clock=lambda: 7.0)).cdr == Reading(None, "one is gone", 7.0)


class Collecting:
    """A collector whose seconds pass in a hundredth."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(traces, "_TICK_S", 0.01)
        monkeypatch.setattr(traces, "_EVERY_S", 0.3)
        monkeypatch.setattr(traces, "_FORGOTTEN_AFTER_S", 0.2)
        self.runner: Local | None = Local(node)
        self.wanted, self.changes = False, 0
        self.collector = TracesCollector(
            LAYOUT, lambda: self.runner, wanted=lambda: self.wanted, on_change=self.change, skew_s=lambda: None
        )
        self.task = asyncio.create_task(self.collector.run())

    def change(self) -> None:
        self.changes += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.01)


@pytest.fixture
async def collecting(node: Node, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collecting]:
    made = Collecting(node, monkeypatch)
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_it_reads_seldom_and_keeps_what_it_read_until_it_is_long_not_wanted(
    node: Node, collecting: Collecting
) -> None:
    node.write("data/log/queue_log", CALL)
    runner = collecting.runner
    assert runner is not None
    await asyncio.sleep(0.05)
    assert runner.asked == 0
    collecting.wanted = True
    await collecting.until(lambda: collecting.collector.traces.queue_log.value == 1764000123)
    await asyncio.sleep(0.15)
    assert runner.asked == 1
    node.unmount()
    await collecting.until(lambda: runner.asked == 2)
    await asyncio.sleep(0.05)
    assert collecting.collector.traces.queue_log.value == 1764000123
    collecting.wanted = False
    asked = runner.asked
    await collecting.until(lambda: collecting.collector.traces == Traces())
    await asyncio.sleep(0.4)
    assert runner.asked == asked


async def test_a_node_that_does_not_answer_is_not_asked_again_soon(collecting: Collecting) -> None:
    assert collecting.runner is not None
    collecting.runner.error = TimedOut("`/bin/sh` on one did not end within 15 s")
    collecting.wanted = True
    await collecting.until(lambda: collecting.changes > 0)
    assert collecting.collector.traces.cdr.problem == "the node did not answer within 15 s"
    asked = collecting.runner.asked
    await asyncio.sleep(0.6)
    assert collecting.runner.asked == asked == 1


async def test_without_a_connection_it_says_so_once(collecting: Collecting) -> None:
    collecting.runner, collecting.wanted = None, True
    await collecting.until(lambda: collecting.collector.traces.cdr.problem == "no connection to the node")
    changes = collecting.changes
    await asyncio.sleep(0.2)
    assert collecting.changes == changes


# The last rows of the tables


class Tables:
    """A collector on a fake MySQL."""

    def __init__(self, server: FakeMysql) -> None:
        self.server = server
        self.runs = True
        self.collector = DatabaseCollector(
            server.settings(), server.dial, on_change=lambda: None, wanted=lambda: self.runs
        )
        self.task = asyncio.create_task(self.collector.run())

    def holds(self, sql: str, value: bytes | None) -> None:
        self.server.results[sql] = ([(b"last_at", "decimal")], [[value]])

    async def up(self) -> None:
        async with asyncio.timeout(10):
            while self.collector.link.phase != "up":
                await asyncio.sleep(0.01)


@pytest.fixture
async def tables(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tables]:
    monkeypatch.setenv("CCOPS_SQL", PASSWORD)
    server = await FakeMysql().start()
    made = Tables(server)
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)
    server.close()


async def test_the_last_rows_are_dated(tables: Tables) -> None:
    tables.holds(database._LAST_CDR, b"1764000500")
    tables.holds(database._LAST_CALL, b"1764000600")
    tables.holds(database._LAST_PROGRESS, b"1764000700")
    await tables.up()
    told = await tables.collector.last_rows(skew_s=100.0)
    assert (told.cdr.value, told.calls.value) == (1764000400.0, 1764000600.0)
    assert told.queue_log == Reading()


async def test_a_missing_table_a_missing_right_and_no_row_are_reasons(tables: Tables) -> None:
    tables.server.errors[database._LAST_CDR] = (1146, "Table 'asteriskcdrdb.cdr' doesn't exist")
    tables.server.errors[database._LAST_PROGRESS] = (1142, "SELECT command denied to user 'ccops'@'localhost'")
    tables.holds(database._LAST_CALL, None)
    await tables.up()
    told = await tables.collector.last_rows()
    assert told.cdr.value is None
    assert "doesn't exist" in (told.cdr.problem or "")
    assert told.calls == Reading(None, "no row", told.calls.taken_at)
    tables.holds(database._LAST_CALL, b"1764000600")
    assert (await tables.collector.last_rows()).calls.value == 1764000600


async def test_a_table_that_is_too_slow_is_not_asked_again(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_TIMEOUT_S", 0.2)
    tables.server.hanging.add(database._LAST_CDR)
    tables.holds(database._LAST_CALL, b"1764000600")
    await tables.up()
    told = await tables.collector.last_rows()
    assert "did not answer" in (told.cdr.problem or "")
    assert told.calls.value == 1764000600
    await tables.collector.last_rows()
    assert tables.server.statements.count(database._LAST_CDR) == 1


async def test_where_mysql_does_not_run_it_is_not_asked(tables: Tables) -> None:
    await tables.up()
    tables.runs = False
    told = await tables.collector.last_rows()
    assert (told.cdr.problem, told.calls.problem) == ("MySQL does not run there",) * 2
    assert database._LAST_CDR not in tables.server.statements


# In a bundle


async def test_a_bundle_holds_them(node: Node, tmp_path: Path) -> None:
    node.write("data/log/queue_log", CALL)
    found = await collect(Local(node), LAYOUT, "one", ha_log="/var/log/ha-log", sudo=False)
    assert found["traces.txt"][0].startswith("T queue_log 1764000123\n")
    write_bundle(tmp_path / "bundle", LAYOUT, {"one": dict(found), "two": {"date.txt": ("1764000000.5\n", 0)}})
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.traces["one"].queue_log.value == 1764000123
    assert bundle.traces["one"].cdr.problem == "not there"
    assert bundle.traces["two"].cdr.problem == "the bundle does not hold it"
    assert of_bundle(bundle).pair.layout == LAYOUT


async def test_a_node_whose_traces_hang_still_gives_the_rest(node: Node) -> None:
    class Hanging(Local):
        async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> SimpleNamespace:
            if input == script(LAYOUT):
                raise TimedOut("did not end")
            return await super().run(argv, timeout_s=timeout_s, input=input)

    found = await collect(Hanging(node), LAYOUT, "one", ha_log="/var/log/ha-log", sudo=False)
    assert "traces.txt" not in found
    assert "proc_drbd.txt" in found


def test_old_bundles_have_no_traces() -> None:
    bundle = read_bundle(Path(__file__).parent.parent / "captures/12-healed-8s")
    assert {told.cdr.problem for told in bundle.traces.values()} == {"the bundle does not hold it"}
    assert msgspec.structs.fields(bundle)[-1].name == "traces"

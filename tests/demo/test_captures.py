"""The same command on the same state prints the same text and exits alike on the simulated pair and on the real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ccops.demo.machine import HA_LOG, KERNEL_LOG
from tests.demo.story import CAPTURES, Story

STEPS = (
    "01-healthy",
    "02-standby-in-flux",
    "03-failed-over",
    "04-failed-back",
    "05-admin-disconnected",
    "06-resync-early",
    "07-resync-later",
    "08-resync-paused",
    "09-verify",
    "11-cut-both-active",
    "12-healed-8s",
)
# Moments that the captures caught between two commands: another state, or a client that asked for a second time.
MOMENTS = {
    ("02-standby-in-flux", 0): {
        "drbdadm_status",
        "ip_addr",
        "proc_drbd",
        "drbdadm_role",
        "drbdadm_get-gi",
        "drbdadm_show-gi",
    },
    ("02-standby-in-flux", 1): {"proc_drbd", "drbdadm_role", "drbdadm_status"},
    ("04-failed-back", 1): {"cl_client"},
    ("12-healed-8s", 1): {"cl_rscstatus-m", "cl_client", "ip_addr"},
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    told = Story(tmp_path_factory.mktemp("story"))
    told.tell()
    return told


@pytest.mark.parametrize("n", [0, 1], ids=["node1", "node2"])
@pytest.mark.parametrize("step", STEPS)
def test_prints_what_the_real_pair_printed(story: Story, step: str, n: int) -> None:
    folder = CAPTURES / step / f"node{n + 1}"
    codes = dict(line.split() for line in (folder / "exit_codes.txt").read_text().splitlines())
    told = story.told[step, n]
    skipped = MOMENTS.get((step, n), set())
    expected = {
        name: (form(name, (folder / f"{name}.txt").read_text()), int(codes[name]))
        for name in told
        if name not in skipped
    }
    found = {name: (form(name, text), code) for name, (text, code) in told.items() if name not in skipped}
    assert found == expected


def test_covers_every_command_of_the_captures(story: Story) -> None:
    captured = {path.stem for path in (CAPTURES / "01-healthy/node1").glob("*.txt")}
    assert captured - {"exit_codes", "ha_log", "kern"} == set(story.told["01-healthy", 0])


def form(name: str, text: str) -> str:
    """The text with what legitimately differs replaced: counters, times, process ids, generations' numbers."""
    text = name_generations(text)
    text = re.sub(r"^\w{3} +\d+ [\d:]{8}", "DATE", text, flags=re.M)
    text = re.sub(r"\[\d+\]", "[PID]", text)
    if name == "proc_drbd":
        text = re.sub(r"\[[=>.]{20,21}\]", "[BAR]", text)
        text = re.sub(r"(?<=:) *[\d,.]+(?=%)", "N", text)
        text = re.sub(r"(?<=finish: )[\d:]+", "N", text)
        text = re.sub(r"\b\d[\d,]*(?= |/|\)|$)", "N", text, flags=re.M)
        return re.sub(r"\b(ns|nr|dw|dr|al|pe|oos):\d+", r"\1:N", text)
    if name == "drbdadm_status":
        return re.sub(r"done:(?!100\.00)\d+\.\d\d", "done:N", text)
    if name == "df":
        return re.sub(r" *\d+%?", " N", text.replace("  Used", " Used").replace("  Used", " Used"))
    if name in {"uptime", "loadavg", "date"}:
        return re.sub(r"\d+", "N", text)
    return re.sub(r"\b\d+sec", "Nsec", text)


def name_generations(text: str) -> str:
    """UUIDs by the order in which they appear, so that what is equal stays equal; `+` marks the role bit."""
    names: dict[int, str] = {}

    def name(match: re.Match[str]) -> str:
        value = int(match[0], 16)
        if value in (0, 4):
            return f"U{value}"
        return names.setdefault(value & ~1, f"U{chr(65 + len(names))}") + "+" * (value & 1)

    return re.sub(r"\b[0-9A-F]{16}\b", name, text)


# Logs: every form of line that the real pair wrote during the same story is one that the simulated pair writes.

NOT_SIMULATED_KERNEL = re.compile(
    r"recovery complete|bitmap WRITE|meta connection shut down|WFReportParams -> NetworkFailure|"
    r"NetworkFailure -> Disconnecting"
)
NOT_SIMULATED_HEARTBEAT = re.compile(
    r"Gmain|G_CH_|lost packet|No pkts missing|Core dumps|Consider setting|Logging daemon|No Previous generation|"
    r"No uuid found|Creating FIFO|glib: ucast: (?!started)|ip-request-resp|status up$|Running OK|can take our|"
    r"Received shutdown notice|Resource takeover cancelled"
)


@pytest.mark.parametrize("n", [0, 1], ids=["node1", "node2"])
def test_writes_the_kernel_lines_of_the_real_pair(story: Story, n: int) -> None:
    captured = captured_lines("kern", n, since="02:37:")
    forms = {log_form(line) for line in captured if not NOT_SIMULATED_KERNEL.search(line)}
    assert len(forms) > 50
    assert forms - {log_form(line) for line in story.pair.machines[n].logs[KERNEL_LOG]} == set()


@pytest.mark.parametrize("n", [0, 1], ids=["node1", "node2"])
def test_writes_the_heartbeat_lines_of_the_real_pair(story: Story, n: int) -> None:
    captured = captured_lines("ha_log", n, since="02:37:")
    forms = {log_form(line) for line in captured if not NOT_SIMULATED_HEARTBEAT.search(line)}
    assert len(forms) > 50
    assert forms - {log_form(line) for line in story.pair.machines[n].logs[HA_LOG]} == set()


def test_writes_the_split_brain_in_the_real_order(story: Story) -> None:
    real = [log_form(line) for line in captured_lines("kern", 0, since="02:42:27")]
    ours = [log_form(line) for line in story.pair.machines[0].logs[KERNEL_LOG]]
    start = len(ours) - 1 - ours[::-1].index(real[0])
    assert ours[start : start + len(real)] == real


def captured_lines(name: str, n: int, since: str) -> list[str]:
    """All captured lines of one log, each once, from that time of day on."""
    lines: dict[str, None] = {}
    for folder in sorted(CAPTURES.glob("[01]*")):
        lines |= dict.fromkeys((folder / f"node{n + 1}/{name}.txt").read_text().splitlines())
    return [line for line in lines if (found := re.search(r"\d\d:\d\d:\d\d", line)) and found[0] >= since]


def log_form(line: str) -> str:
    """A log line without its numbers, dates and host."""
    line = re.sub(r"^(\w{3} +\d+|\d{4}/\d\d/\d\d_)[ ]?[\d:]{8}", "DATE", line)
    line = re.sub(r"^DATE (vm|elaxtix-voip(-2)?) ", "DATE HOST ", line)
    line = re.sub(r"kernel: \[ *[\d.]+\]", "kernel: [T]", line)
    line = re.sub(r"\b[0-9A-F]{16}\b", "U", line)
    line = re.sub(r"\[\d+\]|\(\d+\)", "[N]", line)
    # 0 KB and 20 MB are the same line; how often and how long is not its form.
    line = re.sub(r"\d+ (KB|MB) \(\d+ bits\)", "SIZE", line)
    return re.sub(r"(?<![\w.-])\d+(\.\d+)?(?![\w.]*:)", "N", line)


def test_a_bundle_made_of_the_answers_is_complete(story: Story, tmp_path: Path) -> None:
    """The answers, laid out as files, are a folder like those of the captures."""
    for n in (0, 1):
        folder = tmp_path / f"node{n + 1}"
        folder.mkdir()
        for name, (text, _) in story.told["01-healthy", n].items():
            (folder / f"{name}.txt").write_text(text)
    real = {p.name for p in (CAPTURES / "01-healthy/node2").iterdir()} - {"exit_codes.txt", "ha_log.txt", "kern.txt"}
    assert {p.name for p in (tmp_path / "node2").iterdir()} == real

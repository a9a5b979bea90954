"""The commands, as a user types them."""

from __future__ import annotations

import asyncio
import json
import sys
import tarfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccops.cli import main
from ccops.demo.world import Demo
from tests.bench.console import settings_text

CAPTURES = Path(__file__).parent / "captures"
SCHEMA = {"schema", "pair", "taken_at", "serving", "verdict", "findings", "nodes", "queues", "agents", "trunks"}


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("01-healthy", 0),
        ("06-resync-early", 1),
        ("11-cut-both-active", 2),
        ("12-healed-8s", 2),
        ("02-standby-in-flux", 0),
    ],
)
def test_status_of_a_bundle(folder: str, code: int) -> None:
    told = run("status", "--json", "--from", str(CAPTURES / folder))
    assert told.exit_code == code
    found = json.loads(told.stdout)
    assert set(found) == SCHEMA
    assert found["schema"] == 1
    assert found["taken_at"].endswith("Z")
    page = run("status", "--from", str(CAPTURES / folder))
    assert page.exit_code == code
    assert found["verdict"]["code"] in page.stdout
    assert max(len(line) for line in page.stdout.splitlines()) <= 200


@pytest.mark.parametrize(("folder", "code"), [("01-healthy", 0), ("08-resync-paused", 1), ("12-healed-8s", 2)])
def test_triage_of_a_bundle(folder: str, code: int) -> None:
    source = ("--from", str(CAPTURES / folder))
    told = run("triage", "--json", *source)
    assert told.exit_code == code
    found = json.loads(told.stdout)
    assert found == json.loads(run("status", "--json", *source).stdout)
    page = run("triage", *source)
    assert page.exit_code == code
    assert found["verdict"]["code"] in page.stdout
    # Commands stay on a line of their own, to be copied.
    commands = {s["command"] for f in found["findings"] if not f["cause"] for s in f["remedy"] if s["command"]}
    assert commands <= {line.strip() for line in page.stdout.splitlines()}
    ticket = run("triage", "--markdown", *source)
    assert ticket.exit_code == code
    assert ticket.stdout.startswith(f"# lab: {found['verdict']['code']} (")
    for command in commands:
        assert f"`{command}`" in ticket.stdout


def test_a_split_brain_is_told_with_both_sides() -> None:
    found = json.loads(run("triage", "--json", "--from", str(CAPTURES / "12-healed-8s")).stdout)
    finding = next(f for f in found["findings"] if f["code"] == "split-brain")
    assert finding["cause"] is None
    assert finding["since"] == "2026-11-23T02:41:34.000Z"
    parted = finding["divergence"]
    assert parted["rule"] == 90
    assert {name: side["only_here_kib"] for name, side in parted["sides"].items()} == {
        "elaxtix-voip": 3128,
        "elaxtix-voip-2": 20708,
    }
    page = run("triage", "--from", str(CAPTURES / "12-healed-8s")).stdout
    assert "the two sides:" in page
    ticket = run("triage", "--markdown", "--from", str(CAPTURES / "12-healed-8s")).stdout
    assert "| | elaxtix-voip | elaxtix-voip-2 |" in ticket


def test_triage_of_what_is_no_bundle(tmp_path: Path) -> None:
    told = run("triage", "--from", str(tmp_path))
    assert told.exit_code == 3
    assert "bundle.toml" in told.output


def test_check_without_settings_is_one_line_of_unknown(tmp_path: Path) -> None:
    told = run("-c", str(tmp_path / "none.toml"), "check")
    assert told.exit_code == 3
    assert told.stdout.startswith("CCOPS UNKNOWN - ")
    assert len(told.stdout.splitlines()) == 1


def test_resync_in_the_object() -> None:
    found = json.loads(run("status", "--json", "--from", str(CAPTURES / "06-resync-early")).stdout)
    data = found["nodes"]["elaxtix-voip"]["drbd"]["resources"]["data"]
    assert data == {
        "minor": 1,
        "connection": "SyncSource",
        "role": "Primary",
        "peer_role": "Secondary",
        "disk": "UpToDate",
        "peer_disk": "Inconsistent",
        "protocol": "C",
        "flags": "r-----",
        "out_of_sync_kib": 116076,
        "sync": {
            "kind": "resync",
            "percent": 9.7,
            "left_kib": 116076,
            "total_kib": 123516,
            "speed_kib_s": 3720,
            "finish_s": 30,
            "stalled": False,
            "paused": False,
        },
    }
    assert found["nodes"]["elaxtix-voip"]["heartbeat"]["links"] == {"eth0": "up"}
    assert found["queues"] is None


def test_what_is_no_bundle(tmp_path: Path) -> None:
    told = run("status", "--from", str(tmp_path))
    assert told.exit_code == 3
    assert "bundle.toml" in told.output


def test_no_settings_yet(tmp_path: Path) -> None:
    told = run("-c", str(tmp_path / "none.toml"), "status")
    assert told.exit_code == 3
    assert "ccops init" in told.output
    assert "ccops demo" in told.output


def test_wrong_settings_name_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    path.write_text('[pairs.x]\naddress = "192.168.27.120"\ninterval = "often"\n')
    told = run("-c", str(path), "status")
    assert told.exit_code == 3
    assert "line 3, pairs.x.interval: expected" in told.output
    assert '"often"' in told.output


def test_pair_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    nodes = "".join(f'[[pairs.x.nodes]]\nname = "{n}"\nssh = "{n}"\n' for n in "ab")
    path.write_text(f'[pairs.x]\naddress = "192.168.27.120"\n{nodes}')
    told = run("-c", str(path), "-p", "y", "status")
    assert told.exit_code == 3
    assert "there is no pair 'y'; there are: x" in told.output


def test_lists() -> None:
    told = run("demo", "--list")
    assert told.exit_code == 0
    for name in (
        "quiet-day",
        "busy-day",
        "failover",
        "resync",
        "replication-lost",
        "split-brain",
        "node-dead",
        "node-frozen",
        "trunk-down",
    ):
        assert name in told.output
    assert run("demo", "--scenario", "nonsense").exit_code == 3
    themes = run("themes")
    assert themes.exit_code == 0
    for name in ("dark", "light", "high-contrast", "16-colours"):
        assert name in themes.output


async def test_live_commands_on_a_simulated_pair(tmp_path: Path) -> None:
    async with Demo(scenario="quiet-day", agents=12) as demo:
        config = tmp_path / "ccops.toml"
        config.write_text(settings_text(demo.settings))
        config.chmod(0o600)
        made = tmp_path / "bundle.tar.gz"

        async def ccops(*words: str) -> tuple[int | None, str, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ccops", "-c", str(config), *words,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(process.communicate(), 60)
            return process.returncode, out.decode(), err.decode()

        code, out, err = await ccops("status", "--json")
        assert code == 0, err
        live = json.loads(out)
        assert live["serving"] == "elaxtix-voip"
        assert len(live["agents"]) == 12
        assert all(queue["members"].keys() == {"free", "busy", "paused", "away"} for queue in live["queues"])

        began = time.monotonic()
        assert (await ccops("check"))[0] in (0, 3)  # 3: this machine was too busy for its limit of 2.5 s
        assert time.monotonic() - began < 15
        code, out, err = await ccops("check", "--timeout", "30")
        assert code == 0, err
        assert out.startswith("CCOPS OK - demo: healthy: ")
        assert out.count("\n") == 1
        numbers = dict(part.split("=") for part in out.split(" | ")[1].split())
        assert numbers["oos"] == "0KB;;;0"
        assert numbers["sync"] == "100%;;;0;100"
        assert numbers.keys() == {"oos", "sync", "waiting", "channels", "agents", "age_node1", "age_node2"}

        code, out, err = await ccops("triage")
        assert code == 0, err
        assert out.startswith("demo: OK  healthy")

        code, out, err = await ccops("bundle", str(made))
        assert code == 0, err
        with tarfile.open(made) as archive:
            names = set(archive.getnames())
            text = b"".join(f.read() for member in archive if (f := archive.extractfile(member)))
        for name in ("proc_drbd.txt", "ha.cf.txt", "haresources.txt", "drbd.conf.txt", "asterisk_version.txt"):
            assert {f"node1/{name}", f"node2/{name}"} <= names
        assert b"***" in text
        assert (await ccops("bundle", str(made)))[0] == 3

        code, out, err = await ccops("status", "--json", "--from", str(made))
        assert code == 0, err
        assert json.loads(out)["serving"] == "elaxtix-voip"

        code, out, err = await ccops("sudoers")
        assert code == 0, err
        assert "Cmnd_Alias CCOPS_WATCH" in out
        assert out.index("haclient") < out.index("Cmnd_Alias CCOPS_WATCH")


async def test_init_meets_two_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ccops.setup import dialogue
    from ccops.setup.dialogue import introduce

    async with Demo(scenario="quiet-day", agents=12) as demo:
        nodes = {node.ssh: node for node in demo.settings.pairs["demo"].nodes}
        real = dialogue.connect
        monkeypatch.setattr(dialogue, "connect", lambda node: real(nodes[node.ssh]))
        asked: list[str] = []

        def ask(why: str, default: str | None) -> str:
            asked.append(why)
            return default if default is not None else "env:CCOPS_SECRET"

        first, second = nodes
        proposal = await introduce("office", (first, second), ask, lambda _text: None)
        from ccops.config import parse

        pair = parse(proposal.settings, None).pairs["office"]
        assert pair.address == "192.168.27.120"
        assert [node.name for node in pair.nodes] == ["elaxtix-voip", "elaxtix-voip-2"]
        assert (pair.resource, pair.device, pair.mount) == ("data", "/dev/drbd1", "/data")
        assert set(pair.services) == {"asterisk", "mysqld"}
        assert "demo-only" not in proposal.settings

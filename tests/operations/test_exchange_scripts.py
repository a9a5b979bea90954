"""The scripts that read and write Asterisk's files, under every shell at hand."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ccops.config import Secret
from ccops.operations import pbx_files, pbx_files_read
from ccops.operations.exchange import digest_of
from ccops.pbx.owned import FIRST_LINE
from ccops.watch.configuration import cut_frames
from tests.operations.exchange_stage import ExchangeStage
from tests.operations.test_scripts import SHELLS

OLD, NEW = "; old\n", "; ñew\n\n\n"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = SHELLS[request.param]
    if shutil.which(found[0]) is None:
        pytest.skip(f"{found[0]} is not installed")
    return found


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    path = tmp_path / "sip_ccops.conf"
    path.write_text(OLD)
    path.chmod(0o604)
    return path


def put(shell: list[str], path: Path, was: str, new: str, sent: str) -> subprocess.CompletedProcess[bytes]:
    words = [*shell, "-c", pbx_files.put_script(), "ccops", str(path), digest_of(was), digest_of(new)]
    return subprocess.run(words, input=sent.encode(), capture_output=True, timeout=60, check=False)


def test_a_file_is_replaced_with_its_mode(shell: list[str], owned: Path) -> None:
    done = put(shell, owned, OLD, NEW, NEW)
    assert (done.returncode, done.stderr) == (0, b"")
    assert owned.read_text() == NEW
    assert stat.S_IMODE(owned.stat().st_mode) == 0o604
    assert os.listdir(owned.parent) == [owned.name]


@pytest.mark.parametrize(
    ("was", "sent", "code"),
    [("; another\n", NEW, 4), (OLD, NEW[:-3], 5), (OLD, "", 5)],
    ids=["changed", "cut", "empty"],
)
def test_it_is_replaced_whole_or_not_at_all(shell: list[str], owned: Path, was: str, sent: str, code: int) -> None:
    done = put(shell, owned, was, NEW, sent)
    assert done.returncode == code
    assert done.stderr
    assert owned.read_text() == OLD
    assert os.listdir(owned.parent) == [owned.name]


def test_no_link_is_followed(shell: list[str], owned: Path) -> None:
    """Neither in the place of the file, nor in that of the one that is being written."""
    target = owned.parent / "elsewhere"
    target.write_text("mine\n")
    (owned.parent / "sip_ccops.conf.ccops-new").symlink_to(target)
    assert put(shell, owned, OLD, NEW, NEW).returncode == 0
    assert target.read_text() == "mine\n"
    owned.unlink()
    owned.symlink_to(target)
    assert put(shell, owned, "mine\n", NEW, NEW).returncode == 3
    assert target.read_text() == "mine\n"


def test_what_is_there_is_read_as_it_is(shell: list[str], tmp_path: Path) -> None:
    stage = ExchangeStage(tmp_path)
    text = ";ccops\n##### rc=0\n; secret=abc\n\n\n"
    stage.owned.write_text(text)
    (stage.files / "sip.conf").write_text(
        "[general]\nregister => u:secret@host\n[101](phone) ; x\nsecret=topsecret\n"
        " #include sip_ccops.conf\n;secret=x\n"
    )
    script = pbx_files_read.script().replace("/etc/asterisk", str(stage.files))
    path = f"{stage.home}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        [*shell, "-s"], input=script.encode(), capture_output=True, env={"PATH": path}, timeout=60, check=True
    )
    assert b"topsecret" not in done.stdout
    assert b"u:secret" not in done.stdout
    found = pbx_files_read.parse_exchange("n1", cut_frames(done.stdout))
    assert "changes right now" in str(found)  # a line like a frame's mark is not ours; by the digest that is seen
    assert "secret=abc" not in str(found)
    text = f"{FIRST_LINE}\n;ccops extension 102\n[102]\nsecret=abc\n; ñ\n\n\n"
    stage.owned.write_text(text)
    done = subprocess.run(
        [*shell, "-s"], input=script.encode(), capture_output=True, env={"PATH": path}, timeout=60, check=True
    )
    again = pbx_files_read.parse_exchange("n1", cut_frames(done.stdout))
    assert isinstance(again, pbx_files.FilesExchange)
    assert (again.tech, again.asterisk.version, again.of("sip").included) == ("sip", "16.28.0", True)
    assert again.of("sip").sections == ("general", "101")
    assert again.folder == str(stage.files)
    assert again.digest == digest_of(text)
    assert again.of("sip").text == Secret(text)
    assert [entry.secret for entry in again.entries] == [Secret("abc")]
    assert "secret=abc" not in repr(again)


def test_a_simulated_node_has_files_of_its_own(shell: list[str], tmp_path: Path) -> None:
    """Its scripts run on this machine, whose own /etc/asterisk is none of their business."""
    files = tmp_path / "etc" / "asterisk"
    files.mkdir(parents=True)
    (files / "sip_ccops.conf").write_text(OLD)
    environment = {**os.environ, "CCOPS_ROOT": str(tmp_path)}
    done = subprocess.run(
        [*shell, "-s"],
        input=pbx_files_read.script().encode(),
        capture_output=True,
        env=environment,
        timeout=60,
        check=True,
    )
    frames = cut_frames(done.stdout)
    assert frames["folder.txt"][0].strip() == "/etc/asterisk"
    assert frames["sip.digest.txt"][0].strip() == digest_of(OLD)
    path = "/etc/asterisk/sip_ccops.conf"
    words = [*shell, "-c", pbx_files.put_script(), "ccops", path, digest_of(OLD), digest_of(NEW)]
    subprocess.run(words, input=NEW.encode(), env=environment, timeout=60, check=True)
    assert (files / "sip_ccops.conf").read_text() == NEW

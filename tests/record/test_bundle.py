"""Bundles written and read back, and everything that is no bundle."""

import contextlib
import gzip
import io
import itertools
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccops.pair import joined
from ccops.pair.model import PairLayout
from ccops.record import bundle as module
from ccops.record.bundle import read_bundle, write_bundle
from ccops.record.bundle_toml import BundleError, format_layout, parse_layout

CAPTURES = Path(__file__).parent.parent / "captures"
HEALTHY = CAPTURES / "01-healthy"
LAYOUT = PairLayout(
    'a "pair"',
    ("elaxtix-voip", "elaxtix-voip-2"),
    "192.168.27.120",
    services={"asterisk": "asterisk", "mysqld": "mariadb"},
)
Outputs = dict[str, dict[str, tuple[str, int | None]]]


def outputs(folder: Path = HEALTHY) -> Outputs:
    """What is in a capture, as a collector would hand it over."""
    found: Outputs = {}
    for node, name in zip(LAYOUT.nodes, ("node1", "node2"), strict=True):
        lines = (folder / name / "exit_codes.txt").read_text().splitlines()
        codes = {stem: int(code) for stem, code in (line.split() for line in lines)}
        texts = {path.name: path.read_text() for path in (folder / name).glob("*.txt") if path.name != "exit_codes.txt"}
        found[node] = {file: (text, codes[file.removesuffix(".txt")]) for file, text in sorted(texts.items())}
    return found


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    write_bundle(tmp_path / name, LAYOUT, outputs())
    found, capture = read_bundle(tmp_path / name), read_bundle(HEALTHY)
    assert found.pair.layout == LAYOUT
    assert found.pair.nodes == capture.pair.nodes
    assert found.pair.at == capture.pair.at
    assert found.log == capture.log
    assert {node: set(texts) for node, texts in found.texts.items()} == {
        node: set(texts) for node, texts in capture.texts.items()
    }


def test_it_is_private_and_never_overwrites(tmp_path: Path) -> None:
    for path in (tmp_path / "b.tar.gz", tmp_path / "b"):
        write_bundle(path, LAYOUT, outputs())
        with pytest.raises(FileExistsError):
            write_bundle(path, LAYOUT, outputs())
    assert stat.S_IMODE((tmp_path / "b.tar.gz").stat().st_mode) == 0o600
    files = [path for path in (tmp_path / "b").rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/b.txt", "evil", "exit_codes.txt", ".txt", "x\n.txt"])
def test_only_plain_names_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="proc_drbd"):
        write_bundle(tmp_path / "b", LAYOUT, {"elaxtix-voip": {name: ("", 0)}})


def test_a_capture_packed_with_its_folder_is_read_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        archive.add(HEALTHY, "some/folder/01-healthy")
    assert joined.serving(read_bundle(tmp_path / "b.tar.gz").pair) == "elaxtix-voip"


def test_a_missing_file_is_a_command_that_could_not_be_run(tmp_path: Path) -> None:
    folder = shutil.copytree(HEALTHY, tmp_path / "b")
    for name in ("proc_drbd", "mounts", "cl_hbstatus", "cl_rscstatus", "cl_node1", "cl_node2", "cl_link"):
        (folder / "node1" / f"{name}.txt").unlink()
    found = read_bundle(folder)
    node = found.pair.node("elaxtix-voip")
    assert node.link.phase == "up"
    for field in ("drbd", "mounts", "heartbeat"):
        reading = getattr(node, field)
        assert reading.value is None
        assert "could not be run" in reading.problem
        assert reading.taken_at == node.sampled_at
    assert joined.serves(found.pair, node) is None
    assert node.addresses.value is not None


@pytest.mark.parametrize("leave", ["nothing", "an empty folder", "empty files"])
def test_a_missing_or_empty_node_could_not_be_reached(tmp_path: Path, leave: str) -> None:
    folder = shutil.copytree(HEALTHY, tmp_path / "b")
    shutil.rmtree(folder / "node1")
    if leave != "nothing":
        (folder / "node1").mkdir()
    if leave == "empty files":
        (folder / "node1" / "proc_drbd.txt").write_text("")
    found = read_bundle(folder)
    node = found.pair.node("elaxtix-voip")
    assert node.link.phase == "down"
    assert "could not be reached" in str(node.link.problem)
    assert "could not be reached" in str(node.drbd.problem)
    assert node.sampled_at is None
    assert joined.serving(found.pair) is None
    assert joined.reachable(found.pair) == ("elaxtix-voip-2",)


def test_both_nodes_unreachable_is_a_bundle_all_the_same(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b.tar.gz", LAYOUT, {})
    found = read_bundle(tmp_path / "b.tar.gz")
    assert {node.link.phase for node in found.pair.nodes} == {"down"}
    assert found.log == ()
    assert joined.servers(found.pair) == ()
    assert found.pair.at == pytest.approx((tmp_path / "b.tar.gz").stat().st_mtime)


def test_without_its_date_a_node_is_dated_by_the_other(tmp_path: Path) -> None:
    folder = shutil.copytree(HEALTHY, tmp_path / "b")
    (folder / "node1" / "date.txt").unlink()
    found = read_bundle(folder)
    assert found.pair.nodes[0].sampled_at == found.pair.nodes[1].sampled_at


@pytest.mark.parametrize(("zone", "seconds"), [("+0100\n", 3600), ("-0330\n", -12600), ("+9900\n", 0), ("?\n", 0)])
def test_the_zone_dates_the_logs(tmp_path: Path, zone: str, seconds: int) -> None:
    folder = shutil.copytree(HEALTHY, tmp_path / "b")
    for name in ("node1", "node2"):
        (folder / name / "zone.txt").write_text(zone)
    assert read_bundle(folder).log[0].at == read_bundle(HEALTHY).log[0].at - seconds


def test_layouts_survive_their_file() -> None:
    layout = PairLayout("p", ("a", "b"), "::1", "r", 7, "/dev/drbd/by-res/r", "/mnt/x y", {"my.svc": 'odd"unit'})
    assert parse_layout(format_layout(layout), "x") == layout


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return raw.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = (entry("bundle.toml"), (HEALTHY / "bundle.toml").read_bytes())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither"),
        (b"not a tar", "neither"),
        (gzip.compress(b"not a tar either" * 100), "neither"),
        (tar(GOOD)[:60], "neither"),
        (tar((entry("node1/date.txt"), b"1")), "has no bundle.toml"),
        (tar(GOOD, (entry("../out.txt"), b"x")), "leads outside"),
        (tar(GOOD, (entry("/etc/passwd"), b"x")), "leads outside"),
        (tar(GOOD, (entry("node1/x.txt", tarfile.SYMTYPE, "/etc/passwd"), b"")), "is a link"),
        (tar(GOOD, (entry("node1/x.txt", tarfile.LNKTYPE, "bundle.toml"), b"")), "is a link"),
        (tar(GOOD, (entry("node1/x.txt", tarfile.FIFOTYPE), b"")), "device"),
        (tar((entry("bundle.toml"), b"[pair]\nname = 3\n")), "bundle.toml"),
        (tar((entry("bundle.toml"), b"\xff\xfe")), "bundle.toml"),
    ],
    ids=map(str, itertools.count()),  # what is packed tells when it was packed
)
def test_what_is_no_bundle(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(data)
    with pytest.raises(BundleError, match=words) as raised:
        read_bundle(path)
    assert str(path) in str(raised.value)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(tar(GOOD, (entry("node1/x.txt"), b"\0" * 3000)))
    read_bundle(path)
    for limit, value, words in (
        ("MAX_FILE", 2000, "larger than"),
        ("MAX_TOTAL", 2000, "larger than"),
        ("MAX_FILES", 1, "more"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            with pytest.raises(BundleError, match=words):
                read_bundle(path)


def _file(folder: Path) -> Path:
    target = folder / "file"
    target.write_text("")
    return target


def _no_settings(folder: Path) -> Path:
    (folder / "bundle.toml").unlink()
    return folder


def _linked_file(folder: Path) -> Path:
    (folder / "node1" / "date.txt").unlink()
    (folder / "node1" / "date.txt").symlink_to("/etc/hostname")
    return folder


def _linked_folder(folder: Path) -> Path:
    shutil.move(folder / "node1", folder / "elsewhere")
    (folder / "node1").symlink_to(folder / "elsewhere")
    return folder


def _same_nodes(folder: Path) -> Path:
    text = (folder / "bundle.toml").read_text()
    (folder / "bundle.toml").write_text(text.replace('"elaxtix-voip-2"', '"elaxtix-voip"'))
    return folder


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: folder / "missing", "cannot be read"),
        (_file, "neither"),
        (_no_settings, "has no bundle.toml"),
        (_linked_file, "no links"),
        (_linked_folder, "no links"),
        (_same_nodes, "two different nodes"),
    ],
)
def test_a_folder_that_is_no_bundle(tmp_path: Path, spoil: Callable[[Path], Path], words: str) -> None:
    path = spoil(shutil.copytree(HEALTHY, tmp_path / "b"))
    with pytest.raises(BundleError, match=words):
        read_bundle(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 20_000), junk=st.binary(min_size=1, max_size=40))
def test_a_damaged_archive_is_a_bundle_or_an_error_of_its_own(tmp_path: Path, at: int, junk: bytes) -> None:
    good = tmp_path / "good.tar.gz"
    if not good.exists():
        write_bundle(good, LAYOUT, outputs())
    data = good.read_bytes()
    (tmp_path / "bad.tar.gz").write_bytes(data[: at % len(data)] + junk + data[at % len(data) + len(junk) :])
    with contextlib.suppress(BundleError):
        read_bundle(tmp_path / "bad.tar.gz")


def test_versions_are_found_where_they_are_told(tmp_path: Path) -> None:
    folder = shutil.copytree(HEALTHY, tmp_path / "b")
    (folder / "node1" / "asterisk_version.txt").write_text("Asterisk 16.28.0~dfsg-0+deb11u4\n")
    assert read_bundle(folder).pair.nodes[0].versions == {"drbd": "8.4.11", "heartbeat": "3.0.6", "asterisk": "16.28.0"}

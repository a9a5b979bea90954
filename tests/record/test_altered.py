"""A bundle that was altered since it was collected is not believed, and never cries wolf."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccops.record.bundle import Bundle, read_bundle, write_bundle
from ccops.record.bundle_toml import BundleError
from ccops.record.evidence import of_bundle
from ccops.triage.finding import Finding

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(path.parent.name for path in CAPTURES.glob("*/bundle.toml"))
# Nothing is at fault in these: whatever is cut off them, no fault may be found.
WELL = ("01-healthy", "03-failed-over", "04-failed-back", "07-resync-later", "09-verify")
Alteration = tuple[str, int, float]
ALTERATION = st.tuples(
    st.sampled_from(["remove", "cut", "cut in a line", "cut at a line", "flip"]), st.integers(0, 199), st.floats(0, 1)
)


def outputs_of(bundle: Bundle) -> dict[str, dict[str, tuple[str, int | None]]]:
    """What the commands printed and their exit codes, by node and file."""
    outputs: dict[str, dict[str, tuple[str, int | None]]] = {}
    for node, files in bundle.texts.items():
        codes = dict(line.split() for line in files["exit_codes.txt"].splitlines() if line.strip())
        kept = {file: text for file, text in files.items() if file != "exit_codes.txt"}
        found = {file: codes.get(file.removesuffix(".txt")) for file in kept}
        outputs[node] = {file: (text, int(code) if (code := found[file]) else None) for file, text in kept.items()}
    return outputs


def collected(name: str, folder: Path) -> Path:
    """A bundle with checksums of what the real pair printed."""
    bundle = read_bundle(CAPTURES / name)
    made = folder / "bundle"
    write_bundle(made, bundle.pair.layout, outputs_of(bundle))
    return made


def altered(made: Path, alterations: list[Alteration]) -> int:
    """Alters files of a bundle; how many are not as they were."""
    files = {file: file.read_bytes() for file in sorted(made.rglob("*")) if file.is_file()}
    names = list(files)
    for way, which, where in alterations:
        file = names[which % len(names)]
        data = file.read_bytes() if file.exists() else b""
        at = int(where * len(data))
        if way == "remove":
            file.unlink(missing_ok=True)
        elif way == "cut" and file.exists():
            file.write_bytes(data[:at])
        elif way == "cut in a line" and file.exists():
            file.write_bytes(data[:at].rstrip(b"\n"))
        elif way == "cut at a line" and file.exists():
            file.write_bytes(data[: data.rfind(b"\n", 0, at) + 1])
        elif data and file.exists():
            file.write_bytes(data[: max(0, at - 1)] + bytes([data[max(0, at - 1)] ^ 1]) + data[max(1, at) :])
    return sum(1 for file, data in files.items() if not file.exists() or file.read_bytes() != data)


def verdict_of(made: Path) -> Finding | None:
    """The verdict; None where it is no bundle any more."""
    try:
        return of_bundle(read_bundle(made)).verdict
    except BundleError:
        return None


@pytest.mark.parametrize("name", FOLDERS)
def test_as_collected_it_is_believed(name: str, tmp_path: Path) -> None:
    found = verdict_of(collected(name, tmp_path))
    assert found is not None
    assert found.code == of_bundle(read_bundle(CAPTURES / name)).verdict.code


@pytest.mark.parametrize("name", FOLDERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alterations=st.lists(ALTERATION, min_size=1, max_size=40))
def test_whatever_is_altered_cut_off_or_removed_makes_it_unknown(name: str, alterations: list[Alteration]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = collected(name, Path(folder))
        changed = altered(made, alterations)
        found = verdict_of(made)
        assert found is None or not changed or found.severity == "unknown", found


@pytest.mark.parametrize("name", WELL)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    alterations=st.lists(ALTERATION.filter(lambda each: each[0] in ("remove", "cut in a line")), min_size=1, max_size=9)
)
def test_without_checksums_what_is_missing_makes_no_fault(name: str, alterations: list[Alteration]) -> None:
    """That a file ends where one of its lines does, without the rest, cannot be seen in such a bundle."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "bundle"
        shutil.copytree(CAPTURES / name, made)
        altered(made, alterations)
        found = verdict_of(made)
        assert found is None or found.severity in ("ok", "info", "unknown"), found


@settings(max_examples=25, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True))
def test_an_archive_that_was_cut_off_is_no_bundle_or_unknown(where: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = read_bundle(CAPTURES / "01-healthy")
        whole = Path(folder) / "whole.tar.gz"
        write_bundle(whole, bundle.pair.layout, outputs_of(bundle))
        data = whole.read_bytes()
        cut = Path(folder) / "cut.tar.gz"
        cut.write_bytes(data[: int(where * len(data))])
        found = verdict_of(cut)
        assert found is None or found.severity == "unknown", found

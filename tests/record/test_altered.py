"""A bundle that was altered since it was collected is not believed, and never cries wolf."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ccops.record.bundle import read_bundle, write_bundle
from ccops.record.bundle_toml import BundleError
from ccops.record.evidence import of_bundle

CAPTURES = Path(__file__).parents[1] / "captures"


def collected(folder: Path) -> Path:
    """A bundle with checksums of what the healthy pair printed."""
    bundle = read_bundle(CAPTURES / "01-healthy")
    outputs: dict[str, dict[str, tuple[str, int | None]]] = {}
    for node, files in bundle.texts.items():
        codes = dict(line.split() for line in files["exit_codes.txt"].splitlines() if line.strip())
        kept = {name: text for name, text in files.items() if name != "exit_codes.txt"}
        found = {name: codes.get(name.removesuffix(".txt")) for name in kept}
        outputs[node] = {name: (text, int(code) if (code := found[name]) else None) for name, text in kept.items()}
    made = folder / "bundle"
    write_bundle(made, bundle.pair.layout, outputs)
    return made


def test_as_collected_it_is_believed(tmp_path: Path) -> None:
    assert of_bundle(read_bundle(collected(tmp_path))).verdict.code == "healthy"


@pytest.mark.parametrize("seed", range(12))
def test_altered_cut_or_missing_files_make_it_unknown(tmp_path: Path, seed: int) -> None:
    made, chance = collected(tmp_path), random.Random(seed)
    files = [file for file in sorted(made.glob("node*/*.txt")) if file.stat().st_size > 1]
    for file in chance.sample(files, 3):
        data = bytearray(file.read_bytes())
        at = chance.randrange(len(data))
        way = chance.randrange(3)
        if way == 0:
            file.unlink()
        elif way == 1:
            file.write_bytes(bytes(data[:at]))
        else:
            data[at] ^= 1 << chance.randrange(8)
            file.write_bytes(bytes(data))
    try:
        verdict = of_bundle(read_bundle(made)).verdict
    except BundleError:
        return
    assert verdict.severity == "unknown", verdict

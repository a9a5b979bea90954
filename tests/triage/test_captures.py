"""What each recorded step of a real pair amounts to: the verdict, and nothing that cries wolf beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ccops.record.bundle import read_bundle
from ccops.record.evidence import of_bundle
from ccops.watch.status import exit_code, status

CAPTURES = Path(__file__).parent.parent / "captures"
FIRST, SECOND = "elaxtix-voip", "elaxtix-voip-2"

EXPECTED = {
    "01-healthy": (FIRST, "healthy", ["healthy"], 0),
    "02-standby-in-flux": (None, "in-transition", ["in-transition"], 0),
    "03-failed-over": (SECOND, "healthy", ["healthy"], 0),
    "04-failed-back": (FIRST, "healthy", ["healthy"], 0),
    "05-admin-disconnected": (FIRST, "disconnected-by-administrator", ["disconnected-by-administrator"], 2),
    "06-resync-early": (FIRST, "resyncing", ["resyncing"], 1),
    "07-resync-later": (FIRST, "healthy", ["healthy"], 0),
    "08-resync-paused": (FIRST, "resync-paused", ["resync-paused"], 1),
    "09-verify": (FIRST, "verifying", ["healthy", "verifying"], 0),
    "10-cut-early": (FIRST, "heartbeat-link-down", ["heartbeat-link-down"], 1),
    "11-cut-both-active": (None, "split-brain-active", ["split-brain-active"], 2),
    "12-healed-8s": (FIRST, "split-brain", ["in-transition", "split-brain"], 2),
}


def test_every_capture_is_expected() -> None:
    folders = {path.parent.name for path in CAPTURES.glob("*/bundle.toml")}
    assert folders == set(EXPECTED)


@pytest.mark.parametrize("folder", sorted(EXPECTED))
def test_capture(folder: str) -> None:
    serving, code, codes, leaves = EXPECTED[folder]
    snapshot = of_bundle(read_bundle(CAPTURES / folder))
    told = status(snapshot)
    assert told["serving"] == serving
    assert told["verdict"]["code"] == code
    assert sorted(finding["code"] for finding in told["findings"] if not _aside(finding)) == codes
    assert exit_code(snapshot) == leaves


def _aside(finding: dict[str, Any]) -> bool:
    """What follows from another finding, and what the captures cannot tell: they hold no configuration."""
    return finding["cause"] is not None or finding["code"] == "configuration-not-known"


def test_split_brain_says_how_it_is_known() -> None:
    snapshot = of_bundle(read_bundle(CAPTURES / "12-healed-8s"))
    evidence = "\n".join(map(str, snapshot.verdict.evidence))
    assert "cs:StandAlone ro:Primary/Unknown" in evidence
    assert "E6E7580D4894B4F3:094CE509312CD44F" in evidence
    assert "rule 90" in evidence
    assert "kernel log of elaxtix-voip" in evidence
    assert "3128 KiB" in snapshot.verdict.summary
    assert "20708 KiB" in snapshot.verdict.summary


def test_serving_is_dated_by_the_kernel() -> None:
    snapshot = of_bundle(read_bundle(CAPTURES / "04-failed-back"))
    lines = [x for x in (CAPTURES / "04-failed-back/node1/kern.txt").read_text().splitlines() if "-> Primary" in x]
    assert snapshot.serving_since is not None
    from datetime import UTC, datetime

    assert datetime.fromtimestamp(snapshot.serving_since, UTC).strftime("%H:%M:%S") == lines[-1].split()[2]

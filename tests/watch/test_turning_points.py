"""Which of Asterisk's events belong on the time line, and in what words."""

from __future__ import annotations

import pytest

from ccops.watch.turning_points import turning_point


@pytest.mark.parametrize(
    ("event", "level", "text"),
    [
        ({"event": "FullyBooted"}, "notice", "Asterisk has fully booted"),
        ({"event": "Shutdown", "shutdown": "Cleanly", "restart": "True"}, "warning", "Asterisk restarts (Cleanly)"),
        ({"event": "Reload", "module": "app_queue"}, "notice", "Asterisk reloaded app_queue"),
        ({"event": "PeerStatus", "peer": "SIP/gw", "peerstatus": "Unreachable"}, "warning", "SIP/gw is unreachable"),
        (
            {"event": "QueueMemberPause", "queue": "q", "membername": "Ana", "paused": "1", "pausedreason": "Lunch"},
            "info",
            "Ana paused in q (Lunch)",
        ),
        (
            {"event": "QueueMemberPaused", "queue": "q", "location": "SIP/1", "paused": "0", "reason": "x"},
            "info",
            "SIP/1 back in q",
        ),
        ({"event": "QueueMemberAdded", "queue": "q", "interface": "SIP/1"}, "info", "SIP/1 joined queue q"),
        ({"event": "QueueMemberRemoved", "queue": "q", "membername": "Ana"}, "info", "Ana left queue q"),
    ],
)
def test_told(event: dict[str, str], level: str, text: str) -> None:
    line = turning_point(event, "one", 5.0)
    assert line is not None
    assert (line.level, line.text, line.node, line.at, line.source) == (level, text, "one", 5.0, "ami")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "PeerStatus", "peer": "SIP/1", "peerstatus": "Registered"},
        {"event": "Newchannel"},
        {},
        {"event": "PeerStatus"},
    ],
)
def test_traffic_is_not_told(event: dict[str, str]) -> None:
    assert turning_point(event, "one", 5.0) is None

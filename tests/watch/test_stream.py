"""The probe's output cut into events: in any segments, and whatever it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccops.watch.probe import (
    Clock,
    Fresh,
    Hello,
    LogOpened,
    LogPosition,
    LogText,
    Noise,
    Output,
    ProbeEvent,
    ProbeStream,
    Sample,
)

SAID = b"""Welcome to the jungle
H 1 4242 elaxtix-voip 8
O ha 77 120 /var/log/ha-log
O kern - 0 /var/log/kern.log
B 0
X drbd
D version: 8.4.11
L ha 77 133 in the middle
D
E 0 12.50 0.10 0.20 0.30 1/99 4242
T 1700000000.250000000 -0530
w gi first line
W gi 0
w df a
K host
"""
TOLD: list[ProbeEvent] = [
    Noise("Welcome to the jungle"),
    Hello("1", "4242", "elaxtix-voip", 8),
    LogOpened("ha", "/var/log/ha-log", LogPosition("77", 120)),
    LogOpened("kern", "/var/log/kern.log", None),
    LogText("ha", LogPosition("77", 133), "in the middle"),
    Sample(0, {"drbd": "version: 8.4.11\n\n"}, 12.5, (0.1, 0.2, 0.3)),
    Clock(1700000000.25, -19800),
    Output("gi", 0, "first line"),
    Fresh("host"),
]


def test_whole() -> None:
    assert list(ProbeStream().feed(SAID)) == TOLD


@given(st.lists(st.integers(min_value=0, max_value=len(SAID)), max_size=12))
def test_in_any_segments(cuts: list[int]) -> None:
    stream, events, last = ProbeStream(), [], 0
    for cut in [*sorted(cuts), len(SAID)]:
        events += list(stream.feed(SAID[last:cut]))
        last = cut
    assert events == TOLD


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(SAID.split(b"\n"))), max_size=30))
def test_anything_is_an_event(lines: list[bytes]) -> None:
    for event in ProbeStream().feed(b"\n".join(lines) + b"\n"):
        assert isinstance(event, ProbeEvent)


def test_clock_of_a_date_without_nanoseconds() -> None:
    assert list(ProbeStream().feed(b"T 1700000000.%N +0000\n")) == [Clock(1700000000.0, 0)]


def test_endless_line_is_dropped() -> None:
    stream = ProbeStream()
    for _ in range(40):
        assert list(stream.feed(b"x" * 10_000)) == []
    assert list(stream.feed(b"\nK host\n"))[-1] == Fresh("host")

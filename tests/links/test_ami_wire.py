"""AMI's bytes: any segmentation gives the same messages, and nothing harmful passes either way."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.config import Secret
from ccops.links import ami_wire
from ccops.links.ami_wire import Cutter, check_fields, encode, is_plain, parse
from ccops.links.errors import LinkLost, Refused

CAPTURE = Path(__file__).parents[1] / "captures" / "ami" / "asterisk16-calls.txt"

FOLLOWS = (
    b"Response: Follows\r\nPrivilege: Command\r\nActionID: a1\r\n"
    b"ventas has 1 calls\n   Members: \n      Jos\xc3\xa9: \x1b[1;32mReady\x1b[0m\n\r\n\r\n\n--END COMMAND--\r\n\r\n"
)


def test_the_capture_is_read_alike_in_any_segmentation() -> None:
    data = CAPTURE.read_bytes().partition(b"\r\n")[2]
    whole = Cutter().cut(data)
    assert len(whole) > 900
    expected = [parse(message) for message in whole]
    assert {e["event"] for e in expected if "event" in e} >= {"QueueCallerJoin", "QueueMemberStatus", "AgentConnect"}
    assert all("event" in e or "response" in e for e in expected)
    dice = random.Random(5)
    for longest in (7, 400, 70_000):
        cutter, found, at = Cutter(), [], 0
        while at < len(data):
            size = dice.randint(1, longest)
            segment = data[at : at + size]
            found += [parse(message) for message in cutter.cut(segment)]
            at += size
        assert found == expected


def test_a_character_split_at_each_byte_is_whole() -> None:
    message = "Event: QueueCallerJoin\r\nCallerIDName: José Núñez 日本 \U0001f600\r\nQueue: ventas\r\n\r\n".encode()
    for at in range(len(message) + 1):
        cutter = Cutter()
        cut = cutter.cut(message[:at]) + cutter.cut(message[at:])
        assert [parse(m) for m in cut] == [
            {"event": "QueueCallerJoin", "calleridname": "José Núñez 日本 \U0001f600", "queue": "ventas"}
        ]


def test_one_byte_at_a_time_with_a_raw_command() -> None:
    data = FOLLOWS + b"Event: X\r\nA: 1\r\n\r\n"
    cutter = Cutter()
    found = [parse(m) for i in range(len(data)) for m in cutter.cut(data[i : i + 1])]
    assert found == [parse(m) for m in Cutter().cut(data)]
    assert found[0]["actionid"] == "a1"
    assert found[0]["output"] == "ventas has 1 calls\n   Members: \n      José: [1;32mReady[0m"
    assert found[1] == {"event": "X", "a": "1"}


@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes_are_read_alike_in_two_segments(data: bytes, at: int) -> None:
    whole = Cutter().cut(data)
    cutter = Cutter()
    assert cutter.cut(data[:at]) + cutter.cut(data[at:]) == whole
    for message in whole:
        for key, value in parse(message).items():
            assert key == key.lower()
            assert not any(ord(c) < 32 and c != "\n" for c in key + value)
            assert parse(message, plain=is_plain(message)) == parse(message)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Queue", "Uniqueid", "UniqueID", "X"]),
            st.text(max_size=20) | st.sampled_from(["", " x", "a: b", "a\r", "\n", "x:"]),
        ),
        min_size=1,
    )
)
def test_the_quick_and_the_careful_reading_agree(pairs: list[tuple[str, str]]) -> None:
    message = "\r\n".join(f"{key}: {value}" for key, value in pairs).encode("utf-8", "surrogatepass")
    if is_plain(message):
        careful: dict[str, str] = {}
        for key, value in pairs:
            ami_wire._add(careful, key, value)
        assert parse(message, plain=True) == careful


def test_keys_are_lower_case_and_repeated_ones_are_joined() -> None:
    found = parse(
        b"Event: Varset\r\nUniqueID: 1.2\r\nChanVariable: a=1\r\nChanVariable: b=2\r\nEmpty: \r\nBare:\r\nno colon"
    )
    assert found == {"event": "Varset", "uniqueid": "1.2", "chanvariable": "a=1\nb=2", "empty": "", "bare": ""}
    assert parse(b"Response: Success\r\nOutput: one\r\nOutput: \r\nOutput: three")["output"] == "one\n\nthree"


def test_invalid_utf8_is_read_as_latin_1_and_controls_are_cut() -> None:
    found = parse(b"Event: X\r\nName: Jos\xe9\r\nEvil: a\x1b[2J\x00\x9b\tb\nAction: c\rd")
    assert found["name"] == "José"
    assert found["evil"] == "a[2J b Action: cd"
    assert parse("Event: X\r\nName: \u202eevil\u2066".encode())["name"] == "evil"


@pytest.mark.parametrize("size", [1, 1000, 262_144])
def test_endless_garbage_is_bounded(size: int) -> None:
    cutter = Cutter()
    with pytest.raises(LinkLost, match="without the end of one"):
        repeat(cutter, b"x" * size, ami_wire.MESSAGE_LIMIT // size + 2)
    held = sum(map(len, cutter._pieces))
    assert held <= ami_wire.MESSAGE_LIMIT + size


def test_endless_command_is_bounded() -> None:
    cutter = Cutter()
    cutter.cut(b"Response: Follows\r\n")
    with pytest.raises(LinkLost):
        repeat(cutter, b"x" * 1000 + b"\r\n\r\n", 5000)


def repeat(cutter: Cutter, segment: bytes, times: int) -> None:
    for _ in range(times):
        cutter.cut(segment)


@pytest.mark.parametrize("bad", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
def test_line_breaks_are_refused_in_values_keys_and_names(bad: str) -> None:
    for name, fields in (
        ("QueueAdd", {"Queue": bad}),
        ("QueueAdd", {"Queue": ["fine", bad]}),
        ("QueueAdd", {"Queue": Secret(bad)}),
        ("QueueAdd", {bad: "x"}),
        (bad, {}),
    ):
        with pytest.raises(Refused, match="nothing was sent") as caught:
            check_fields(name, fields)
        assert "Originate" not in str(caught.value) or name == bad or bad in fields


def test_what_asterisk_cannot_take_is_refused() -> None:
    check_fields("DBPut", {"Val": "x" * 1000})
    with pytest.raises(Refused, match="longer than"):
        check_fields("DBPut", {"Val": "é" * 600})
    with pytest.raises(Refused, match="no AMI key"):
        check_fields("DBPut", {"Val: x": "y"})
    with pytest.raises(Refused, match="no AMI key"):
        check_fields("DBPut", {"": "y"})
    with pytest.raises(Refused, match="ours to choose"):
        check_fields("DBPut", {"actionid": "y"})
    with pytest.raises(Refused, match="NoneType, expected text"):
        check_fields("DBPut", {"Val": None})  # type: ignore[dict-item]


def test_encoding_keeps_order_and_repeats() -> None:
    fields = {"Zeta": 1, "Paused": True, "Variable": ["a=1", "b=é"], "Secret": Secret("x")}
    assert encode("Originate", "id", fields).decode().split("\r\n") == [
        "Action: Originate",
        "ActionID: id",
        "Zeta: 1",
        "Paused: true",
        "Variable: a=1",
        "Variable: b=é",
        "Secret: x",
        "",
        "",
    ]

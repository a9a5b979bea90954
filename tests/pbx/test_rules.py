"""What may stand in a field, what is in use, what is told of it; sheets; what Asterisk says."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccops.config import Secret
from ccops.pbx import heard, sheet
from ccops.pbx.changes import diff
from ccops.pbx.model import Extension, Tech, Trunk
from ccops.pbx.rules import Known, faults
from ccops.pbx.secret import generated, weakness
from tests.pbx import samples

ANA = Extension("101", "Ana", Secret("kR7pw2mNx4"))
KNOWN = Known({"gxw4108": "a trunk"}, {"400": "the queue ventas"}, frozenset(["from-internal", "from-trunk"]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"number": "10a"}, "number: expected two to twenty digits"),
        ({"number": "1"}, "number: expected two to twenty digits"),
        ({"number": "１０１"}, "number: expected two to twenty digits"),
        ({"number": "400"}, "400 in use: the queue ventas"),
        ({"name": "x\n[evil]"}, "name: expected one line without control characters"),
        ({"name": "x;y"}, "name: expected no ; within it"),
        ({"name": "#x"}, "name: expected no # at its beginning"),
        ({"name": "a&b"}, "name: expected no & within it"),
        ({"name": "ñ" * 128}, "name: expected at most 255 bytes, found 256 bytes"),
        ({"context": "nowhere"}, "context: expected a context of the dialplan, found “nowhere”; there are"),
        ({"secret": None}, "secret: expected a secret, found none"),
        ({"secret": Secret("abc12")}, "fewer than six characters"),
        ({"secret": Secret("abcdef1")}, "fewer than two letters or two digits"),
        ({"secret": Secret("ab101cd")}, "its own name within it"),
        ({"secret": Secret("ab22cd;x")}, "secret: expected printable ASCII"),
        ({"secret": Secret("ab22cd\nx")}, "secret: expected printable ASCII"),
        ({"port": "70000"}, "port: expected a port's number, from 1 to 65535"),
        ({"qualify": "maybe"}, "qualify: expected yes, no or milliseconds"),
    ],
)  # fmt: skip
def test_an_extension(changes: dict[str, object], told: str) -> None:
    found = "\n".join(str(fault) for fault in faults(replace(ANA, **changes), KNOWN))
    assert told in found
    assert bool(found) is bool(told)
    for secret in ("abc12", "abcdef1", "ab101cd", "ab22cd"):
        assert secret not in found


def test_a_name_that_would_hide_another() -> None:
    for name in ("gxw4108", "GXW4108"):
        assert "would hide the first" in str(faults(Trunk(name, "10.0.0.1"), KNOWN)[0])
    assert not faults(Trunk("gxw4108", "10.0.0.1"), KNOWN, instead_of="gxw4108")
    assert "Asterisk does not use itself" in str(faults(Trunk("general", "10.0.0.1"), KNOWN)[0])
    assert "the gateway's or provider's address" in str(faults(Trunk("two"), KNOWN)[0])


def test_secrets_are_made_strong_and_never_told() -> None:
    made = {generated().reveal() for _ in range(200)}
    assert len(made) == 200
    assert all(weakness(secret) is None and len(secret) == 16 for secret in made)
    told = "\n".join([*diff(None, ANA), *diff(ANA, replace(ANA, secret=Secret("zz99zz99"), name="Eva")), repr(ANA)])
    assert "kR7pw2mNx4" not in told
    assert "zz99" not in told
    assert "extension 101: name: Ana → Eva" in told
    assert "extension 101: secret: another one" in told
    assert diff(ANA, ANA) == ()


# Sheets


def parsed(text: str) -> tuple[sheet.Row, ...] | None:
    """Its rows; None where it is refused, which tells lines."""
    try:
        return sheet.parse(text, "extension")
    except sheet.SheetError as error:
        told = error.faults
    assert told
    assert all(fault.startswith("line ") for fault in told)
    return None


def test_a_sheet_is_read_as_it_was_written() -> None:
    many = (ANA, replace(ANA, number="102", name="+1-1", disabled=True), replace(ANA, number="103", name="'-x"))
    text = sheet.written(many, "extension", with_secrets=True)
    assert "'+1-1" in text
    rows = sheet.parse(text, "extension")
    assert [Extension(row.key, secret=row.secret, **row.given) for row in rows] == list(many)  # type: ignore[arg-type]
    assert "kR7p" not in sheet.written(many, "extension")


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_name_survives_a_sheet_and_is_no_formula_in_it(names: list[str]) -> None:
    many = [replace(ANA, number=str(100 + n), name=name) for n, name in enumerate(names)]
    text = sheet.written(many, "extension")
    rows = parsed(text)
    assert rows is None or [row.given["name"] for row in rows] == names
    for cells in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_all_faults_of_a_sheet_with_line_and_column() -> None:
    with pytest.raises(sheet.SheetError) as caught:
        sheet.parse("number,name,qualify\n101,Ana,yes\n1x,b;c,maybe\n101,Eva,no\n104,Eva\n", "extension")
    assert caught.value.faults == (
        "line 3, column number: expected two to twenty digits, found “1x”",
        "line 3, column name: expected no ; within it, found “b;c”",
        "line 3, column qualify: expected yes, no or milliseconds, found “maybe”",
        "line 4, column number: “101” stands in line 2",
        "line 5: expected 3 cells, found 2",
    )
    with pytest.raises(sheet.SheetError, match="line 1, column 2: expected one of number, "):
        sheet.parse("number,nmae\n", "extension")
    with pytest.raises(sheet.SheetError, match="expected a column number"):
        sheet.parse("", "extension")


@given(st.text(max_size=200))
def test_any_text_is_a_sheet_or_not(text: str) -> None:
    for whole in (text, f"number,name,secret\n{text}"):
        parsed(whole)


# What Asterisk says


def test_the_dialplan_and_what_uses_a_number() -> None:
    plan = heard.dialplan(samples.DIALPLAN)
    assert plan.contexts == {"from-internal", "from-trunk"}
    assert heard.used_otherwise("400", plan) == "the dialplan has it (from-internal: Queue(ventas,t))"
    assert heard.used_otherwise("101", plan) is None
    assert heard.used_otherwise("103", plan) is None
    assert heard.used_otherwise("102", plan) is None
    assert heard.queues(samples.QUEUES) == ("ventas",)
    assert heard.peers(samples.SIP_PEERS, "sip") == ("101", "gxw4108")
    assert heard.peers(samples.IAX2_PEERS, "iax2") == ("101", "office")
    shown = samples.PJSIP_ENDPOINT.format(blank=" ", name="101", callerid="", context="x")
    assert heard.peers(shown, "pjsip") == ("101",)
    assert heard.version("Asterisk 16.28.0~dfsg-0+deb11u4 built by nobody") == "16.28.0"


def test_what_asterisk_tells_of_a_peer() -> None:
    right = {"name": "101", "context": "from-internal", "limit": "0", "callerid": '"Ana" <101>', "secret": "<Set>"}
    told: tuple[tuple[Tech, str], ...] = (
        ("sip", samples.SIP_PEER),
        ("pjsip", samples.PJSIP_ENDPOINT),
        ("iax2", samples.IAX2_PEER),
    )
    for tech, sample in told:
        assert heard.differs(ANA, heard.told(sample.format(blank=" ", **right), tech), tech) is None
        other = heard.told(sample.format(blank=" ", **{**right, "context": "other"}), tech)
        assert "context other" in (heard.differs(ANA, other, tech) or "")
        for gone in ("Peer 101 not found.\n", "Unable to find object 101.\n", ""):
            assert heard.differs(ANA, heard.told(gone, tech), tech) == "Asterisk does not know 101"
    said = heard.told(
        samples.SIP_PEER.format(blank=" ", **{**right, "name": "gw", "context": "from-trunk", "limit": "8"}), "sip"
    )
    assert heard.differs(Trunk("gw", "10.0.0.1", channels="8", secret=Secret("x")), said, "sip") is None
    assert "secret <Set>" in (heard.differs(Trunk("gw", "10.0.0.1", channels="8"), said, "sip") or "")
    assert "call limit 8" in (heard.differs(Trunk("gw", "10.0.0.1", channels="4"), said, "sip") or "")


@given(st.text(max_size=400))
def test_anything_that_asterisk_says_gives_values(text: str) -> None:
    for said in (text, samples.DIALPLAN + text, samples.SIP_PEER + text):
        plan = heard.dialplan(said)
        told = [*plan.contexts, *heard.queues(said), *heard.peers(said, "sip"), *heard.peers(said, "pjsip")]
        told += [*heard.told(said, "sip").values(), *heard.told(said, "pjsip").values()]
        assert not any("\x1b" in word or "\n" in word for word in told)

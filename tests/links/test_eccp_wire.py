"""Documents cut out of a stream in any pieces, bombs refused, and requests that carry any text."""

from __future__ import annotations

import contextlib
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.config import Secret
from ccops.links import eccp_wire
from ccops.links.eccp_wire import Document, Documents, Malformed, parse, write_request
from ccops.links.errors import Refused

RESPONSE = (
    b'<?xml version="1.0"?>\n<response id="7"><getpauses_response><pause id="2"><name>Ba&#xF1;o</name>'
    b"<status>A</status><type>B</type><description/></pause></getpauses_response></response>\n"
)
EVENT = b'<?xml version="1.0"?>\n<event><agentloggedout><agent>Agent/9000</agent></agentloggedout></event>\n'
ODD = b"<response id='1>2'><!-- </response> --><a b=\"/>\">x<![CDATA[</a></response>]]></a><c/></response>"
STREAM = RESPONSE + EVENT + ODD + b" \n" + EVENT


def kinds(found: list[Document]) -> list[str]:
    return [each.kind for each in found]


def read(*pieces: bytes) -> None:
    documents = Documents()
    for piece in pieces:
        for found in documents.feed(piece):
            parse(found)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_documents_are_whole_in_whatever_pieces_they_come(size: int) -> None:
    documents = Documents()
    found = [d for at in range(0, len(STREAM), size) for d in documents.feed(STREAM[at : at + size])]
    assert kinds(found) == ["response", "event", "response", "event"]
    first, _, odd, _ = map(parse, found)
    assert first.attributes == {"id": "7"}
    (pause,) = first.children[0].children
    assert (pause.attributes["id"], pause.said("name"), pause.said("no")) == ("2", "Baño", "")
    assert (odd.attributes["id"], odd.said("a")) == ("1>2", "x</a></response>")


@settings(max_examples=200, deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cuts_give_the_same(cuts: list[int]) -> None:
    documents, at = Documents(), 0
    found: list[Document] = []
    for cut in [*sorted(cuts), len(STREAM)]:
        found += documents.feed(STREAM[at:cut])
        at = cut
    assert kinds(found) == ["response", "event", "response", "event"]


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"<", b"<a>", b"</a>", b"<!--", b"<?x", b"'"])))
)
def test_any_bytes_give_documents_or_malformed(pieces: list[bytes]) -> None:
    with contextlib.suppress(Malformed):
        read(*pieces)


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<response id="1">&b;</response>'
)
OUTSIDE = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><response id="1"><m>&x;</m></response>'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (LAUGHS, "document type"),
        (OUTSIDE, "document type"),
        (b'<response id="1"><!ENTITY a "b"></response>', "document type"),
        (b"Asterisk Call Manager/5.0.4\r\n", "no XML"),
        (b"SSH-2.0-OpenSSH_8.4p1\r\n", "no XML"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no XML"),
        (b"</response>", "do not close"),
        (b"<a>" * 40, "too deep"),
        (b"<response <a>", "a tag that is none"),
        (b'<response x="' + b"a" * 5000, "a tag that is none"),
    ],
)
@pytest.mark.parametrize("size", [1, 4096])
def test_bombs_and_other_protocols_are_refused(data: bytes, told: str, size: int) -> None:
    with pytest.raises(Malformed, match=told):
        read(*(data[at : at + size] for at in range(0, len(data), size)))


@pytest.mark.parametrize("filling", [b"x", b"<a/>", b"<!-- -->", b" "])
def test_a_document_without_an_end_is_given_up(filling: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eccp_wire, "MOST_BYTES", 100_000)
    began = time.monotonic()
    with pytest.raises(Malformed, match="a document of more than"):
        read(b'<response id="1">', *[filling * 200] * 1000)
    assert time.monotonic() - began < 5


def test_white_space_between_documents_is_not_kept() -> None:
    documents = Documents()
    for _ in range(200):
        assert documents.feed(b"\n" * 65_536) == []
    assert kinds(documents.feed(EVENT)) == ["event"]


@pytest.mark.parametrize(
    "data",
    [
        b"<response><a></b></response>",
        b'<response id="1" id="2"/>',
        b"<response>&nobody;</response>",
        b"<response>\xff\xfe</response>",
        b"<response>&#1;</response>",
        b'<?xml version="1.0" encoding="no-such"?><response/>',
    ],
)
def test_what_is_not_well_formed_is_malformed(data: bytes) -> None:
    (found,) = Documents().feed(data)
    with pytest.raises(Malformed, match="not well formed"):
        parse(found)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eccp_wire, "MOST_ELEMENTS", 50)
    with pytest.raises(Malformed, match="more than 50 elements"):
        parse(Document("response", b"<response>" + b"<a/>" * 60 + b"</response>"))


def test_text_from_outside_is_made_harmless() -> None:
    found = parse(Document("response", "<response><m>\u202eno\u009b2J\tx</m></response>".encode()))
    assert found.said("m") == "no2J x"


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_carried_as_itself_or_refused(text: str) -> None:
    fields = {"agent_number": text, "agent_hash": Secret("x")}
    if text and not text.isprintable():
        with pytest.raises(Refused, match="nothing was sent"):
            write_request(3, "pauseagent", fields)
        return
    data = write_request(3, "pauseagent", fields)
    assert data.isascii()
    assert kinds(Documents().feed(data)) == ["request"]
    root = ElementTree.fromstring(data)
    assert (root[0].tag, root[0].findtext("agent_number") or "") == ("pauseagent", text)
    assert len(root) == 1


@pytest.mark.parametrize("name", ["", "a b", "x/><login", "login>"])
def test_a_request_has_a_plain_name(name: str) -> None:
    with pytest.raises(Refused):
        write_request(1, name, {})
    with pytest.raises(Refused):
        write_request(1, "hangup", {name: "x"})

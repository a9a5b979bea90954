"""ECCP on the wire: XML documents one after the other, cut out of the stream, and requests written.

Source: "Protocolo ECCP" revision 5 and ECCPProxyConn.class.php, ECCP.class.php of the call-center module (Elastix 2.x,
Issabel 4). A document is a `request`, a `response` or an `event`; nothing but white space stands between two of them.
Documents come from a server that may be anything: no document type (so no entity of anybody's), and everything has a
limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from ccops.config import Secret
from ccops.links.errors import LinkLost, Refused
from ccops.text import clean

MOST_BYTES = 2 << 20
"""Of one document; the longest honest ones list a campaign's calls."""

MOST_ELEMENTS = 50_000
_DEEPEST = 24
_LONGEST_TAG = 4096
_TEXT_LIMIT = 4096

_SPACE = b" \t\r\n"
_TAG = re.compile(rb"""<(/?)([^\s<>"'/]+)(?:[^<>"']|"[^"<]*"|'[^'<]*')*>""")
_NAME = re.compile(r"[a-z_]+")
_BLOCKS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))


class Malformed(LinkLost):
    """What came is not ECCP: the stream cannot be trusted any more."""


class Document(NamedTuple):
    """One whole document as it came; `kind` is its root's name."""

    kind: str
    data: bytes


class Element(NamedTuple):
    """An element of a document; its text is harmless and has no white space around it."""

    name: str
    attributes: Mapping[str, str]
    text: str
    children: tuple[Element, ...]

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((each for each in self.children if each.name == name), None)

    def said(self, name: str) -> str:
        """The text of the first child of that name; "" where there is none."""
        found = self.child(name)
        return found.text if found is not None else ""


class Documents:
    """Cuts documents out of a stream that comes in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # all before it has been looked at
        self._seek = 0  # where the end of a comment or the like is looked for next
        self._depth = 0
        self._root = ""

    def feed(self, data: bytes) -> list[Document]:
        """The documents that these bytes complete. Raises Malformed."""
        self._buffer += data
        found: list[Document] = []
        while self._step(found):
            pass
        if len(self._buffer) > MOST_BYTES:
            raise Malformed(f"the dialer sent a document of more than {MOST_BYTES >> 20} MiB")
        return found

    def _step(self, found: list[Document]) -> bool:
        """Passes over one tag, comment or instruction; False where more must come first."""
        buffer = self._buffer
        start = buffer.find(b"<", self._at)
        if not self._depth and buffer[self._at : start if start >= 0 else len(buffer)].strip(_SPACE):
            raise Malformed("the dialer sent what is no XML: is it ECCP that listens on that port?")
        if start < 0:
            if not self._depth:
                buffer.clear()
            self._at = len(buffer)
            return False
        self._at = start
        head = bytes(buffer[start : start + 9])
        for opening, closing in _BLOCKS:
            if head.startswith(opening):
                return self._skip(opening, closing)
            if opening.startswith(head):
                return False
        if head.startswith(b"<!"):
            raise Malformed("the dialer sent a document type declaration, which ECCP does not have: it is not read")
        return self._tag(found)

    def _skip(self, opening: bytes, closing: bytes) -> bool:
        end = self._buffer.find(closing, max(self._seek, self._at + len(opening)))
        if end < 0:
            self._seek = max(self._at + len(opening), len(self._buffer) - len(closing) + 1)
            return False
        self._at, self._seek = end + len(closing), 0
        return True

    def _tag(self, found: list[Document]) -> bool:
        tag = _TAG.match(self._buffer, self._at, self._at + _LONGEST_TAG)
        if tag is None:
            if len(self._buffer) - self._at >= _LONGEST_TAG or self._buffer.find(b"<", self._at + 1) >= 0:
                raise Malformed("the dialer sent a tag that is none")
            return False
        if not self._depth:
            self._root = clean(tag[2].decode("ascii", "replace"), 60)
        if tag[1]:
            self._depth -= 1
        elif not tag[0].endswith(b"/>"):
            self._depth += 1
        if self._depth < 0 or self._depth > _DEEPEST:
            raise Malformed("the dialer sent tags that do not close, or too deep ones")
        self._at = tag.end()
        if not self._depth:
            found.append(Document(self._root, bytes(self._buffer[: self._at])))
            del self._buffer[: self._at]
            self._at = 0
        return True


def parse(document: Document) -> Element:
    """The document's root. Raises Malformed: no well-formed XML, or more of it than is read."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    tree = _Tree()
    parser.StartElementHandler = tree.begin
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.say
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(document.data.lstrip(_SPACE), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise Malformed(f"the dialer sent XML that is not well formed: {clean(str(error), 100)}") from None
    return tree.root


def write_request(number: int, name: str, fields: Mapping[str, str | Secret]) -> bytes:
    """One request. Raises Refused (nothing was sent) where a value holds control characters.

    It has no XML declaration and ends with its last tag: the server takes white space that comes alone for the
    beginning of the next document, in which a declaration would then be out of place.
    """
    parts = []
    for key, value in fields.items():
        text = value.reveal() if isinstance(value, Secret) else value
        if not _NAME.fullmatch(key) or (text and not text.isprintable()):
            raise Refused(f"{key} of {name} holds what ECCP cannot carry (control characters): nothing was sent")
        parts.append(f"<{key}>{_escaped(text)}</{key}>")
    if not _NAME.fullmatch(name):
        raise Refused(f"{clean(name, 60)!r} is no request of ECCP: nothing was sent")
    text = f'<request id="{number}"><{name}>{"".join(parts)}</{name}></request>'
    return text.encode("ascii", "xmlcharrefreplace")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refuse(*_: Any) -> None:
    raise Malformed("the dialer sent a document type or an entity, which ECCP does not have: it is not read")


class _Tree:
    """Builds elements from what the parser tells."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, str], list[str], list[Element]]] = [("", {}, [], [])]
        self._count = 0

    @property
    def root(self) -> Element:
        found = self._open[0][3]
        if len(found) != 1:
            raise Malformed("the dialer sent a document without an element")
        return found[0]

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) > _DEEPEST:
            raise Malformed(f"the dialer sent a document of more than {MOST_ELEMENTS:,} elements, or too deep ones")
        kept = {clean(key, 60): clean(value, 200) for key, value in attributes.items()}
        self._open.append((clean(name, 60), kept, [], []))

    def end(self, _: str) -> None:
        name, attributes, texts, children = self._open.pop()
        text = clean("".join(texts), _TEXT_LIMIT).strip()
        self._open[-1][3].append(Element(name, attributes, text, tuple(children)))

    def say(self, text: str) -> None:
        self._open[-1][2].append(text)

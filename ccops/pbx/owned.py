"""The files of Asterisk that ccops owns (`sip_ccops.conf` and the like), read and written without a loss.

The first line says whose it is; each extension or trunk begins with a line of its own (`;ccops extension 101`), and all
up to the next such line is its block. A block keeps its lines: keys that have no field stay as they are, and of those
that have one only what changes is written anew. A disabled one has each line behind `;off `, which Asterisk takes for a
comment. A file that holds anything else is not ccops' own, and is refused rather than mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from ccops.pbx.model import Entry, Kind, Tech, key_of, kind_of
from ccops.pbx.spelling import Section, spelt, understood
from ccops.text import clean

FIRST_LINE = ";ccops 1: extensions and trunks. Written by ccops: change them with `ccops ext` and `ccops trunk`."
_MARK = re.compile(r";ccops (extension|trunk) ([A-Za-z0-9_-]{1,40})( off)?", re.A)
_HEAD = re.compile(r"\[([^\]]*)\](.*)")
_OFF = ";off "
MOST_BYTES = 4 << 20


class NotOwned(Exception):
    """A file that ccops did not write, or that was changed in a way it cannot keep; says the line and what to do."""


class Block(msgspec.Struct, frozen=True):
    """One extension or trunk, as its lines stand in the file (those of a disabled one without `;off `)."""

    kind: Kind
    key: str
    off: bool
    lines: tuple[str, ...]


class OwnedFile(msgspec.Struct, frozen=True):
    """All of a file: the blocks in its order."""

    tech: Tech
    blocks: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        """The file itself."""
        return "\n".join([FIRST_LINE, *(line for block in self.blocks for line in _written(block)), ""])

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is in it, in its order."""
        return tuple(self._entry(block) for block in self.blocks)

    def find(self, kind: Kind, key: str) -> Entry | None:
        """The one of that name."""
        return next((self._entry(block) for block in self.blocks if (block.kind, block.key) == (kind, key)), None)

    def added(self, entry: Entry, version: str | None = None) -> OwnedFile:
        """With it at the end."""
        lines = [""]
        for section in spelt(entry, self.tech, version):
            lines += [f"[{key_of(entry)}]", *(f"{key}={value}" for key, value in section.keys), ""]
        block = Block(kind_of(entry), key_of(entry), entry.disabled, tuple(lines[1:]))
        return replace(self, blocks=(*self.blocks, block))

    def edited(self, kind: Kind, key: str, entry: Entry, version: str | None = None) -> OwnedFile:
        """With `entry` in the place of the one of that name, also under another; what has no field is kept."""
        return replace(
            self,
            blocks=tuple(
                _edited(block, self._entry(block), entry, self.tech, version)
                if (block.kind, block.key) == (kind, key)
                else block
                for block in self.blocks
            ),
        )

    def deleted(self, kind: Kind, key: str) -> OwnedFile:
        """Without it."""
        return replace(self, blocks=tuple(block for block in self.blocks if (block.kind, block.key) != (kind, key)))

    def _entry(self, block: Block) -> Entry:
        return understood(block.kind, block.key, _sections(block, self.tech), self.tech, block.off)


def parse(text: str, tech: Tech) -> OwnedFile:
    """The file's text; "" is an empty one. Raises NotOwned."""
    if not text:
        return OwnedFile(tech)
    lines = text.split("\n")
    if lines[0] != FIRST_LINE:
        raise NotOwned(
            "its first line is not that of ccops: it was not written by ccops, which changes no file of others"
        )
    if lines[-1] != "":
        raise NotOwned("it does not end with a newline: it was cut off, or changed by something else")
    blocks: list[Block] = []
    open_block: tuple[Kind, str, bool] | None = None
    body: list[str] = []
    for number, line in enumerate(lines[1:-1], 2):
        mark = _MARK.fullmatch(line)
        if mark is not None:
            blocks += _closed(open_block, body)
            open_block, body = ("extension" if mark[1] == "extension" else "trunk", mark[2], bool(mark[3])), []
        elif open_block is None:
            raise NotOwned(f"line {number} stands before the first extension or trunk: ccops did not write it")
        else:
            body.append(_body_line(number, line, open_block))
    blocks += _closed(open_block, body)
    names = [block.key.lower() for block in blocks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise NotOwned(f"{twice} stands in it twice, and one hides the other: take one of them out")
    found = OwnedFile(tech, tuple(blocks))
    if found.text != text:
        raise NotOwned("it cannot be written again as it is: something else has changed it")
    return found


def _body_line(number: int, line: str, block: tuple[Kind, str, bool]) -> str:
    _, key, off = block
    if off:
        if line and not line.startswith(_OFF):
            raise NotOwned(
                f"line {number} is in force within {key}, which is disabled: put `{_OFF}` before it, or take it out"
            )
        line = line.removeprefix(_OFF)
    if line.lstrip().startswith("#"):
        raise NotOwned(f"line {number} is an instruction (#) within {key}: it belongs into the main file")
    if ";--" in line:
        raise NotOwned(f"line {number} begins a comment of many lines: take it out")
    head = _HEAD.match(line.lstrip())
    if head is not None and head[1] != key:
        raise NotOwned(f"line {number} is a section that ccops did not write: it belongs into another file")
    return line


def _closed(block: tuple[Kind, str, bool] | None, body: list[str]) -> Iterable[Block]:
    return [] if block is None else [Block(*block, tuple(body))]


def _written(block: Block) -> Iterator[str]:
    yield f";ccops {block.kind} {block.key}{' off' if block.off else ''}"
    for line in block.lines:
        yield f"{_OFF}{line}" if block.off and line else line


# Sections within a block


def _pair(line: str) -> tuple[str, str] | None:
    """Key and value of a line, as Asterisk reads it; None of any other."""
    text = re.sub(r"(?<!\\);.*", "", line)
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or _HEAD.match(text.lstrip()):
        return None
    return clean(key.strip().lower(), 80), clean(value.removeprefix(">").strip())


def _spans(block: Block, tech: Tech) -> list[tuple[str, range]]:
    """The sections of a block: type, and the lines below its head."""
    heads = [n for n, line in enumerate(block.lines) if _HEAD.match(line.lstrip())]
    spans = []
    for n, end in zip(heads, [*heads[1:], len(block.lines)], strict=True):
        lines = range(n + 1, end)
        pairs = [pair for index in lines if (pair := _pair(block.lines[index]))]
        spans.append(("" if tech != "pjsip" else dict(pairs).get("type", ""), lines))
    return spans


def _sections(block: Block, tech: Tech) -> tuple[Section, ...]:
    return tuple(
        Section(kind, tuple(pair for n in lines if (pair := _pair(block.lines[n])) is not None))
        for kind, lines in _spans(block, tech)
    )


def _edited(block: Block, before: Entry, after: Entry, tech: Tech, version: str | None) -> Block:
    """Only keys whose spelling changes are touched, in their own section; new ones go to its end."""
    old = {section.type: dict(section.keys) for section in spelt(before, tech, version)}
    new = {section.type: dict(section.keys) for section in spelt(after, tech, version)}
    spans = _spans(block, tech)
    lines: list[str] = list(block.lines[: spans[0][1].start - 1] if spans else block.lines)
    for kind, span in spans:
        if kind in old and kind not in new:
            continue
        lines.append(block.lines[span.start - 1].replace(f"[{block.key}]", f"[{key_of(after)}]", 1))
        lines += _changed([block.lines[n] for n in span], old.get(kind, {}), new.get(kind, {}))
    there = {kind for kind, _ in spans}
    for kind, keys in new.items():
        if kind not in there:
            lines += [f"[{key_of(after)}]", *(f"{key}={value}" for key, value in keys.items()), ""]
    return Block(block.kind, key_of(after), after.disabled, tuple(lines))


def _changed(lines: list[str], old: dict[str, str], new: dict[str, str]) -> list[str]:
    gone = {key for key in old if key not in new}
    wanted = {key: value for key, value in new.items() if old.get(key) != value}
    kept: list[str] = []
    changed = gone | wanted.keys()
    for line in lines:
        pair = _pair(line)
        if pair is None or pair[0] not in changed:
            kept.append(line)
        elif pair[0] in wanted:  # where it stands twice, the second one would win
            kept.append(f"{pair[0]}={wanted.pop(pair[0])}")
    end = len(kept)
    while end and not kept[end - 1]:
        end -= 1
    return [*kept[:end], *(f"{key}={value}" for key, value in wanted.items()), *kept[end:]]

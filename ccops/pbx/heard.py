"""What Asterisk's console says of its dialplan, its peers and queues, and of one peer: text to values.

Formats: chan_sip's PEERS_FORMAT2 and `sip show peer` (channels/chan_sip.c of 1.4 to 16), res_pjsip's `pjsip show
endpoints` and `pjsip show endpoint` (13 to 22), chan_iax2's `iax2 show peers` and `iax2 show peer` (1.4 to 22), pbx.c's
`dialplan show`, app_queue's `queue show`. Whatever a text holds gives values; control characters are cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ccops.pbx.model import Entry, Extension, Tech
from ccops.text import clean

_CONTEXT = re.compile(r"\[ Context '([^']{1,80})' created by")
_EXTENSION = re.compile(r"\s+'([^']{1,80})' =>\s+(?:hint: )?(.*)")
_PRIORITY = re.compile(r"\s+(?:\[[^\]]*\]\s*)?\d+\. (.*)")
_QUEUE = re.compile(r"(\S+) +has \d+ calls")
_FIELD = re.compile(r"  [* ]?\s?([A-Za-z0-9>\- ]+?)\s*: ?(.*)")
_ENDPOINT = re.compile(r" Endpoint:  ([^\s/]+)")
_PATH = re.compile(r"/(\S+)\s*:(?: (.*))?")
_VERSION = re.compile(r"Asterisk (?:certified/)?([0-9][0-9.]*)")


class Dialplan(msgspec.Struct, frozen=True):
    """`contexts` by name; `numbers`: each number that stands in it literally → what it does there, `context: app`."""

    contexts: frozenset[str] = frozenset()
    numbers: Mapping[str, tuple[str, ...]] = {}


def dialplan(text: str) -> Dialplan:
    """`dialplan show`: contexts, and numbers that are written out (patterns are none)."""
    contexts: list[str] = []
    numbers: dict[str, list[str]] = {}
    number = ""
    for line in text.split("\n"):
        if match := _CONTEXT.match(line):
            contexts.append(clean(match[1]))
            number = ""
        elif match := _EXTENSION.match(line):
            number = match[1] if match[1].isdecimal() and match[1].isascii() else ""
            _note(numbers, number, contexts, re.sub(r"^\d+\. ", "", match[2]))
        elif match := _PRIORITY.match(line):
            _note(numbers, number, contexts, match[1])
    return Dialplan(frozenset(contexts), {number: tuple(deeds) for number, deeds in numbers.items()})


def _note(numbers: dict[str, list[str]], number: str, contexts: list[str], deed: str) -> None:
    if number and contexts:
        what = clean(re.sub(r"\s{2,}\[[^\]]*\]\s*$", "", deed), 120).strip()
        numbers.setdefault(number, []).append(f"{contexts[-1]}: {what}")


def used_otherwise(number: str, plan: Dialplan) -> str | None:
    """What the dialplan does with a number beside ringing its own telephone; None where it may be an extension's."""
    deeds = plan.numbers.get(number, ())
    rings = re.compile(rf"(?:(?:PJ)?SIP|IAX2)/{number}(?![0-9A-Za-z_])")
    if not deeds or any(rings.search(deed) for deed in deeds):
        return None
    return f"the dialplan has it ({deeds[0]})"


def queues(text: str) -> tuple[str, ...]:
    """`queue show`: their names."""
    return tuple(clean(m[1], 80) for line in text.split("\n") if (m := _QUEUE.match(line)))


def peers(text: str, tech: Tech) -> tuple[str, ...]:
    """The names in `sip show peers` (cut at 25 characters by Asterisk), `iax2 show peers` or `pjsip show endpoints`.

    chan_iax2 cuts at 15 characters, user's name included.
    """
    if tech == "pjsip":
        return tuple(
            clean(m[1], 80) for line in text.split("\n") if (m := _ENDPOINT.match(line)) and m[1] != "<Endpoint"
        )
    names = []
    for line in text.split("\n"):
        word = line.split(" ", 1)[0].split("/", 1)[0]
        if word and not line.lower().startswith(("name/username", " ")) and not re.match(r"\d+ (sip|iax2) peers", line):
            names.append(clean(word, 80))
    return tuple(names)


def astdb(text: str) -> Mapping[str, str]:
    """`database show FAMILY`: each path, without the slash in front, and its value."""
    return {m[1]: clean(m[2] or "") for line in text.split("\n") if (m := _PATH.fullmatch(line.rstrip()))}


def version(text: str) -> str | None:
    """`core show version`."""
    match = _VERSION.search(text)
    return match[1] if match else None


def told(text: str, tech: Tech) -> Mapping[str, str]:
    """`sip show peer X`, `iax2 show peer X` or `pjsip show endpoint X` as key → value, keys in lower case."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if tech == "pjsip":
            key, colon, value = line.partition(":")
            if not colon or line.startswith(("  ", " <")) or not re.fullmatch(r" ?[A-Za-z_]+\s*", key):
                continue
            if not value.startswith("  <"):  # the list's own heading
                found.setdefault(clean(key.strip().lower(), 60), clean(value.strip(), 300))
        elif match := _FIELD.match(line):
            found.setdefault(clean(match[1].strip().lower(), 60), clean(match[2].strip(), 300))
    return found


def differs(entry: Entry, said: Mapping[str, str], tech: Tech) -> str | None:
    """What Asterisk says otherwise than it should be; None where it is seen as it is wanted."""
    key = entry.number if isinstance(entry, Extension) else entry.name
    wanted = {"context": entry.context}
    if isinstance(entry, Extension) and entry.name:
        wanted["callerid"] = f'"{entry.name}" <{entry.number}>'
    if tech != "pjsip":
        wanted["name"] = key
        if tech == "sip" and not isinstance(entry, Extension) and entry.channels:
            wanted["call limit"] = entry.channels
        if "secret" in said:
            wanted["secret"] = "<Set>" if entry.secret else "<Not set>"
    elif said.get("endpoint", "").split(" ")[0].split("/")[0] != key:
        return f"Asterisk does not know {key}"
    if tech != "pjsip" and said.get("name") != key:
        return f"Asterisk does not know {key}"
    for field, value in wanted.items():
        if said.get(field, "") != value:
            return f"Asterisk has {field} {said.get(field) or 'not set'} for {key}, and not {value}"
    return None

"""What may stand in a field, and what may not be used twice. One fault a condition, in words, never with a secret.

Asterisk's files (main/config.c): `;` begins a comment, `#` at the beginning of a line an instruction, blanks around a
value are cut, `=>` is the same as `=`. FreePBX besides splits values at `&` and cuts them at 255 bytes. A section of a
name that another has hides one of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from ccops.config import Secret
from ccops.pbx.model import LABELS, Entry, Kind, fields, identity, key_of, kind_of
from ccops.pbx.secret import weakness
from ccops.text import clean

LONGEST = 255
_RESERVED = frozenset(
    ["general", "global", "globals", "system", "authentication", "default", "transport", "anonymous", "acl", "ccops"]
)


class Known(msgspec.Struct, frozen=True):
    """What there is already. `names`: a section's name → what has it; `numbers`: a number → what uses it.

    `contexts` of the dialplan; None where they could not be read.
    """

    names: Mapping[str, str] = {}
    numbers: Mapping[str, str] = {}
    contexts: frozenset[str] | None = None


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one field: what was expected, what was found, and what to do."""

    field: str
    expected: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        way = f"; {self.remedy}" if self.remedy else ""
        return f"{LABELS.get(self.field, self.field)}: expected {self.expected}, found {self.found}{way}"


_WORD = r"[A-Za-z0-9_.-]+"
_SHAPES: Mapping[str, tuple[str, str]] = {
    "context": (r"[A-Za-z0-9_-]{1,79}", "the name of a context: letters, digits, _ and -"),
    "type": (r"friend|peer", "friend or peer"),
    "host": (r"dynamic|[A-Za-z0-9][A-Za-z0-9.:-]*", "dynamic, an address or a host's name"),
    "port": (r"[0-9]{1,5}", "a port's number"),
    "dtmf": (r"rfc2833|rfc4733|inband|info|auto", "rfc2833, inband, info or auto"),
    "direct_media": (r"yes|no|nonat|update", "yes, no, nonat or update"),
    "nat": (r"[a-z_]+(,[a-z_]+)*", "yes or no"),
    "qualify": (r"yes|no|[0-9]{1,6}", "yes, no or milliseconds"),
    "call_group": (r"[0-9]{1,2}([,-][0-9]{1,2})*", "groups such as 1,3-5"),
    "pickup_group": (r"[0-9]{1,2}([,-][0-9]{1,2})*", "groups such as 1,3-5"),
    "codecs": (r"[a-z0-9.]+(,[a-z0-9.]+)*", "codecs such as ulaw,alaw"),
    "account_code": (rf"{_WORD}", "letters, digits, _ . -"),
    "mailbox": (rf"{_WORD}(@{_WORD})?", "a mailbox such as 101@default"),
    "deny": (r"[0-9A-Fa-f.:]+(/[0-9.]+)?", "a network such as 0.0.0.0/0.0.0.0"),
    "permit": (r"[0-9A-Fa-f.:]+(/[0-9.]+)?", "a network such as 192.168.27.0/255.255.255.0"),
    "username": (rf"{_WORD}(@{_WORD})?", "a user's name"),
    "from_user": (rf"{_WORD}", "a user's name"),
    "channels": (r"[1-9][0-9]{0,3}", "a number from 1 to 9999, or nothing"),
    "register": (r"yes|no", "yes or no"),
    "tech": (r"sip|pjsip|iax2", "sip, pjsip or iax2"),
    "insecure": (r"(no|port|invite|very)(,(port|invite))*", "port,invite or no"),
}
_NEEDED = frozenset(["context", "register", "tech"])


def faults(entry: Entry, known: Known, instead_of: str | None = None) -> tuple[Fault, ...]:
    """All that is wrong with it; none where it may be written. `instead_of`: the name it has now, if it has one."""
    found = [*_name(entry), *_values(entry)]
    if not found and key_of(entry) != instead_of:
        found += _taken(entry, known)
    found += _context(entry, known)
    return tuple(found)


def value_fault(kind: Kind, field: str, value: str) -> Fault | None:
    """What is wrong with a field's text by itself."""
    if field not in fields(kind):
        return Fault(field, f"a field: {', '.join(fields(kind))}", shown(field))
    if field == identity(kind):
        return _key_fault(kind, value)
    if fault := _text_fault(field, value):
        return fault
    shape = _SHAPES.get(field)
    if shape is not None and value and not re.fullmatch(shape[0], value, re.A):
        return Fault(field, shape[1], shown(value))
    if field in _NEEDED and not value:
        return Fault(field, shape[1] if shape else "a value", "nothing")
    if field == "port" and value and not 1 <= int(value) <= 65535:
        return Fault(field, "a port's number, from 1 to 65535", shown(value))
    return None


def shape_of(field: str) -> str:
    """What is expected of a field, in words; "" where any text will do."""
    return _SHAPES[field][1] if field in _SHAPES else ""


def secret_fault(secret: Secret, key: str) -> Fault | None:
    """What is wrong with a secret, in words that tell nothing of it."""
    text = secret.reveal()
    if len(text.encode("utf-8", "replace")) > LONGEST:
        return Fault("secret", f"at most {LONGEST} bytes", "more")
    if not re.fullmatch(r"[\x21-\x7e]*", text, re.A) or ";" in text or "\\" in text or text[:1] in ("#", "=", ">"):
        return Fault(
            "secret",
            "printable ASCII without blanks, ; and \\, and none of # = > at its beginning",
            "another character",
            "let ccops make one",
        )
    if why := weakness(text, key):
        return Fault("secret", "six characters, of them two letters and two digits, without its name", why)
    return None


def shown(text: str) -> str:
    """A value in quotes, harmless and short."""
    return f"“{clean(text, 60)}”" if text else "nothing"


def _name(entry: Entry) -> Iterator[Fault]:
    if fault := _key_fault(kind_of(entry), key_of(entry)):
        yield fault


def _key_fault(kind: Kind, key: str) -> Fault | None:
    if kind == "extension":
        right = re.fullmatch(r"[0-9]{2,20}", key, re.A) is not None
        return None if right else Fault("number", "two to twenty digits", shown(key))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", key, re.A):
        return Fault("name", "a letter, then letters, digits, _ and -, at most 40", shown(key))
    if key.lower() in _RESERVED:
        return Fault("name", "a name that Asterisk does not use itself", shown(key), "choose another")
    return None


def _values(entry: Entry) -> Iterator[Fault]:
    kind = kind_of(entry)
    for field in fields(kind):
        value = getattr(entry, field)
        if isinstance(value, str) and field != identity(kind) and (fault := value_fault(kind, field, value)):
            yield fault
    secret = entry.secret
    if kind == "extension" and secret is None:
        yield Fault("secret", "a secret", "none", "let ccops make one")
    if secret is not None and (fault := secret_fault(secret, key_of(entry))):
        yield fault
    if entry.tech == "iax2" and entry.direct_media not in ("yes", "no", ""):
        yield Fault("direct_media", "yes or no with chan_iax2", shown(entry.direct_media))
    if kind == "trunk" and not entry.host:
        yield Fault("host", "the gateway's or provider's address, or dynamic", "nothing")
    if kind == "trunk" and getattr(entry, "register", "no") == "yes" and not getattr(entry, "username", ""):
        yield Fault("username", "the user to register as", "nothing", "or register = no")
    if kind == "trunk" and getattr(entry, "register", "no") == "yes" and entry.host == "dynamic":
        yield Fault("host", "where to register", "“dynamic”", "or register = no")


def _text_fault(field: str, value: str) -> Fault | None:
    if len(value.encode("utf-8", "replace")) > LONGEST:
        return Fault(field, f"at most {LONGEST} bytes", f"{len(value.encode('utf-8', 'replace'))} bytes")
    if clean(value, len(value) + 1) != value:
        return Fault(field, "one line without control characters", shown(value))
    if value != value.strip():
        return Fault(field, "no blanks at its ends", shown(value))
    if forbidden := next((mark for mark in (";", "&", '"', "<", ">", "\\", "${", "$[", "|") if mark in value), None):
        return Fault(field, f"no {forbidden} within it", shown(value), "Asterisk would read it as something else")
    if value.startswith(("#", "=")):
        return Fault(field, f"no {value[0]} at its beginning", shown(value), "Asterisk would read it as something else")
    return None


def _taken(entry: Entry, known: Known) -> Iterator[Fault]:
    key, field = key_of(entry), identity(kind_of(entry))
    by_case = {name.lower(): what for name, what in known.names.items()}
    if (what := by_case.get(key.lower())) is not None:
        yield Fault(field, "one that is free", f"{key} in use: {what}", "a second one would hide the first")
    elif (what := known.numbers.get(key)) is not None:
        yield Fault(field, "one that is free", f"{key} in use: {what}", "choose another")


def _context(entry: Entry, known: Known) -> Iterator[Fault]:
    if known.contexts is not None and entry.context not in known.contexts:
        near = ", ".join(sorted(name for name in known.contexts if name.startswith("from-"))[:6])
        yield Fault(
            "context",
            "a context of the dialplan",
            shown(entry.context),
            f"there are for instance {near}" if near else "",
        )

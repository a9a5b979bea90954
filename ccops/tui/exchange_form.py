"""The forms of extensions and trunks: their fields, what is wrong with them, and the request that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ccops.config import Secret
from ccops.pbx.model import DRIVERS, LABELS, Entry, Kind, fields, identity, key_of, made, renamed
from ccops.pbx.rules import faults, secret_fault, shape_of
from ccops.pbx.secret import generated
from ccops.tui.screens.form import Field, Filled
from ccops.tui.widgets.chooser import Choice

if TYPE_CHECKING:
    from ccops.operations.exchange import Exchange

_YES_NO: Final = (Choice("yes"), Choice("no"))
_CHOICES: Final[Mapping[str, Sequence[Choice]]] = {
    "type": (Choice("friend"), Choice("peer")),
    "dtmf": (Choice("rfc2833"), Choice("inband"), Choice("info"), Choice("auto")),
    "direct_media": (Choice("no"), Choice("yes"), Choice("nonat"), Choice("update")),
    "nat": _YES_NO,
    "register": _YES_NO,
    "insecure": (Choice("port,invite"), Choice("no")),
}
_ABOUT: Final[Mapping[str, str]] = {
    "name": "the caller's name, any text; may be empty",
    "context": "where its calls enter the dialplan",
    "type": "friend: it calls and is called; peer: as a trunk",
    "host": "dynamic (it registers here), an address or a host's name",
    "dtmf": "how keys are sent during a call",
    "direct_media": "whether the voice may go past this server",
    "nat": "yes: it may stand behind a router that changes addresses",
    "qualify": "whether it is asked if it is there: yes, no, or its limit in milliseconds",
    "codecs": "in order of preference, such as ulaw,alaw; empty: as the server has it",
    "channels": "calls at once, a number; empty: no limit",
    "register": "yes: this server logs in there",
    "insecure": "port,invite: calls from its address are taken without a secret",
    "username": "the user to log in as",
    "from_user": "the user that its calls are said to be from",
}
_MADE, _TYPED, _KEPT, _NONE = "made", "typed", "kept", "none"
_SECRETS: Final = {
    _MADE: Choice(_MADE, "made at random"),
    _TYPED: Choice(_TYPED, "typed"),
    _KEPT: Choice(_KEPT, "as it is"),
    _NONE: Choice(_NONE, "none"),
}


class EntryForm:
    """One form: `old` is what it begins with. `do`: add, edit or copy; a copy begins like `old` under no name.

    `secret` is the one that was made, None where none was.
    """

    def __init__(self, kind: Kind, do: str, exchange: Exchange, old: Entry | None = None) -> None:
        self.kind = kind
        self.do = do
        self.secret: Secret | None = None
        self._exchange = exchange
        self._old = old
        key = key_of(old) if old is not None and do != "copy" else ""
        self._blank = made(kind, key, {"tech": exchange.tech})
        self._first = old if old is not None else self._blank
        self._key = identity(kind)
        self._made = generated()

    @property
    def title(self) -> str:
        """What it is for."""
        if self.do == "add":
            return f"Add {_a(self.kind)}"
        assert self._old is not None
        return f"{self.do.capitalize()} {self.kind} {key_of(self._old)}"

    @property
    def about(self) -> Sequence[str]:
        """Where it is kept."""
        return (f"kept in {self._exchange.where} on {self._exchange.node} ({self._exchange.backend})",)

    @property
    def fields(self) -> Sequence[Field]:
        """Its fields, in the order of the model."""
        found: list[Field] = []
        for name in fields(self.kind):
            if name == "disabled" or (name in (self._key, "tech") and self.do == "edit"):
                continue
            if name == "secret":
                found += self._secret_fields()
            elif name == "tech":
                if self.do == "add" and len(self._exchange.asterisk.loaded) > 1:
                    choices = [Choice(tech, DRIVERS[tech]) for tech in self._exchange.asterisk.loaded]
                    found.insert(1, Field("tech", LABELS["tech"], "", self._exchange.tech, choices))
            else:
                found.append(self._field(name))
        return found

    def check(self, filled: Filled) -> Mapping[str, str]:
        """What is wrong: field → in words."""
        found: dict[str, str] = {}
        source, typed = filled.texts.get("secret", _KEPT), filled.secrets.get("secret_text")
        again = filled.secrets.get("secret_again")
        entry = self._entry(filled)
        key = key_of(entry)
        if source == _TYPED and typed is not None:
            if fault := secret_fault(typed, key):
                found["secret_text"] = _told(fault)
            elif again is None or again.reveal() != typed.reveal():
                found |= {"secret_again": "expected the same once more, found another one"}
        known, stays = self._exchange.known(key), set[tuple[str, str]]()
        instead_of = None
        if self._old is not None and self.do == "edit":
            instead_of = key_of(self._old)
            # What is there already and stays is not judged: others may have made it otherwise.
            stays = {(fault.field, fault.expected) for fault in faults(self._old, known, instead_of)}
        for fault in faults(entry, known, instead_of):
            if fault.field != "secret" and (fault.field, fault.expected) not in stays:
                found.setdefault(fault.field, _told(fault))
        return found

    def arguments(self, filled: Filled) -> dict[str, str]:
        """Those of the request, but for the secret; what was not changed is not among them."""
        texts = dict(filled.texts)
        key = texts.pop(self._key, "")
        texts.pop("secret", None)
        first = self._first
        given = {name: value for name, value in texts.items() if value != _text(first, name)}
        if self.do == "add":
            blank = made(self.kind, key, {"tech": texts.get("tech", self._exchange.tech)})
            known = {name: value for name, value in texts.items() if value != _text(self._blank, name)}
            given = {name: value for name, value in known.items() if value != _text(blank, name) or name == "tech"}
            return {"do": "add", "key": key, **given}
        assert self._old is not None
        return {"do": self.do, "key": key_of(self._old), **({"to": key} if self.do == "copy" else {}), **given}

    def secret_of(self, filled: Filled) -> Secret | None:
        """The secret that it is to have; None where that is not changed. `secret` has one that was made."""
        source = filled.texts.get("secret")
        if source == _TYPED:
            return filled.secrets["secret_text"]
        if source != _MADE:
            return None
        key = key_of(self._entry(filled))
        while secret_fault(self._made, key):
            self._made = generated()
        self.secret = self._made
        return self._made

    def _entry(self, filled: Filled) -> Entry:
        """What it would be; a secret that is not typed yet stands for one that is right."""
        texts = dict(filled.texts)
        key = texts.pop(self._key, None)
        source = texts.pop("secret", _KEPT)
        secret: dict[str, Any] = {"secret": self._made} if source in (_MADE, _TYPED) else {}
        if self.do == "add":
            given = {name: value for name, value in texts.items() if value != _text(self._blank, name)}
            return made(self.kind, key or "", {**given, **secret})
        assert self._old is not None
        like = renamed(self._old, key or "") if self.do == "copy" else self._old
        return replace(like, **texts, **secret)

    def _field(self, name: str) -> Field:
        value = "" if name == self._key and self.do == "copy" else _text(self._first, name)
        known: Sequence[str] = ()
        if name == "context":
            plan = self._exchange.asterisk.dialplan
            known = sorted(plan.contexts) if plan is not None else ()
        about = _ABOUT.get(name) or shape_of(name)
        if name == self._key:
            about = "two to twenty digits, free" if self.kind == "extension" else "a letter, then letters, digits, _ -"
        return Field(name, LABELS[name], about, value, _CHOICES.get(name, ()), known)

    def _secret_fields(self) -> Sequence[Field]:
        ways: tuple[str, ...]
        if self.do == "edit":
            ways = (_KEPT, _MADE, _TYPED)
        elif self.kind == "extension":
            ways = (_MADE, _TYPED)
        else:
            ways = (_NONE, _MADE, _TYPED)
        about = "made at random: shown once when it is done"
        return (
            Field("secret", "secret", about, ways[0], [_SECRETS[way] for way in ways]),
            Field(
                "secret_text", "typed secret", "six characters, of them two letters and two digits; it is not shown",
                hidden=True, when=("secret", _TYPED),
            ),
            Field("secret_again", "once more", "the same", hidden=True, when=("secret", _TYPED)),
        )  # fmt: skip


def _text(entry: Entry, name: str) -> str:
    value = getattr(entry, name, "")
    return value if isinstance(value, str) else ""


def _told(fault: Any) -> str:
    return f"expected {fault.expected}, found {fault.found}{f'; {fault.remedy}' if fault.remedy else ''}"


def _a(kind: Kind) -> str:
    return "an extension" if kind == "extension" else "a trunk"

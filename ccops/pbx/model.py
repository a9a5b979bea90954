"""An extension and a trunk, with the fields of Elastix' forms ("Generic SIP Device", SIP trunk), and their defaults.

Source: FreePBX core 2.5 to 2.11 (`sip`, `devices`, `trunks`); where a form's word and Asterisk's key differ, the field
has a plain word and `ccops.pbx.spelling` has the key. A field that is "" is not written: Asterisk's own default holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from ccops.config import Secret

Kind = Literal["extension", "trunk"]
Tech = Literal["sip", "pjsip", "iax2"]

DRIVERS: Mapping[Tech, str] = {"sip": "chan_sip", "pjsip": "PJSIP", "iax2": "chan_iax2"}
"""A driver's name for people."""

TECHNOLOGIES: Mapping[Tech, str] = {"sip": "SIP", "pjsip": "PJSIP", "iax2": "IAX2"}
"""What a channel's name begins with, such as `SIP/101`."""


class Extension(msgspec.Struct, frozen=True):
    """A telephone. `qualify`: yes, no, or milliseconds; `codecs`: in order of preference, comma separated.

    `tech`: the driver that it is Asterisk's by; it stays what it was when it was added.
    """

    number: str
    name: str = ""
    secret: Secret | None = None
    context: str = "from-internal"
    type: str = "friend"
    host: str = "dynamic"
    port: str = "5060"
    dtmf: str = "rfc2833"
    direct_media: str = "no"
    nat: str = "yes"
    qualify: str = "yes"
    call_group: str = ""
    pickup_group: str = ""
    codecs: str = ""
    account_code: str = ""
    mailbox: str = ""
    deny: str = "0.0.0.0/0.0.0.0"
    permit: str = "0.0.0.0/0.0.0.0"
    tech: Tech = "sip"
    disabled: bool = False


class Trunk(msgspec.Struct, frozen=True):
    """A line to a gateway or provider. `channels`: calls at once, "" without a limit; `register`: yes logs in there."""

    name: str
    host: str = ""
    port: str = "5060"
    username: str = ""
    secret: Secret | None = None
    from_user: str = ""
    context: str = "from-trunk"
    channels: str = ""
    register: str = "no"
    type: str = "peer"
    insecure: str = "port,invite"
    dtmf: str = "rfc2833"
    direct_media: str = "no"
    nat: str = "no"
    qualify: str = "yes"
    codecs: str = "ulaw,alaw"
    tech: Tech = "sip"
    disabled: bool = False


Entry = Extension | Trunk

LABELS: Mapping[str, str] = {
    "number": "number",
    "name": "name",
    "secret": "secret",
    "context": "context",
    "type": "type",
    "host": "host",
    "port": "port",
    "dtmf": "DTMF",
    "direct_media": "direct media",
    "nat": "NAT",
    "qualify": "qualify",
    "call_group": "call group",
    "pickup_group": "pickup group",
    "codecs": "codecs",
    "account_code": "account code",
    "mailbox": "mailbox",
    "deny": "deny",
    "permit": "permit",
    "username": "user name",
    "from_user": "from user",
    "channels": "channels",
    "register": "register",
    "insecure": "insecure",
    "tech": "driver",
    "disabled": "disabled",
}
"""A field's word for people, in the order of the forms."""


def kind_of(entry: Entry) -> Kind:
    """Which of the two it is."""
    return "extension" if isinstance(entry, Extension) else "trunk"


def key_of(entry: Entry) -> str:
    """What it is known by: an extension's number, a trunk's name; the name of its section."""
    return entry.number if isinstance(entry, Extension) else entry.name


def identity(kind: Kind) -> str:
    """The field that it is known by."""
    return "number" if kind == "extension" else "name"


def fields(kind: Kind) -> tuple[str, ...]:
    """The names of its fields, in the order of the form."""
    return (Extension if kind == "extension" else Trunk).__struct_fields__


def made(kind: Kind, key: str, given: Mapping[str, Any]) -> Entry:
    """A new one of that name with the defaults of what is not given."""
    known = {name: value for name, value in given.items() if name != identity(kind)}
    if known.get("tech") == "iax2":  # its own port; and only a `friend` is both called and taken calls from
        known = {"port": "4569", "type": "friend", **known}
    return Extension(key, **known) if kind == "extension" else Trunk(key, **known)


def renamed(entry: Entry, key: str) -> Entry:
    """The same under another name."""
    return replace(entry, **{identity(kind_of(entry)): key})

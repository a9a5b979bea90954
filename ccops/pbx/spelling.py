"""An extension or trunk as the keys of chan_sip's, PJSIP's or chan_iax2's sections, and back.

Sources: configs/samples/sip.conf.sample of Asterisk 1.4, 1.8, 11 and 16 (`canreinvite` became `directmedia` in 1.6.2,
`nat=yes` became `force_rport,comedia` in 11, `callbackextension` registers a peer's user from 1.6 on, `call-limit`
counts a peer's calls), pjsip.conf.sample of 16 (an endpoint, its `auth`, `aor`, `identify` and `registration`), and
iax.conf.sample of 1.4 to 16 (`transfer` is what other drivers call direct media; it registers in [general] alone).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ccops.config import Secret
from ccops.pbx.model import Entry, Extension, Kind, Tech, Trunk, fields, made

Pairs = tuple[tuple[str, str], ...]

_NUMBERS = re.compile(r"\d+")
_CALLERID = re.compile(r'"([^"<>]*)" <(\d+)>')
_URI = re.compile(r"sip:([^:@;]+|\[[^\]]+\])(?::(\d+))?")
_QUALIFY_S = "60"


class Section(msgspec.Struct, frozen=True):
    """One section: its `type` in PJSIP ("" in the others, which have one for each peer), and its keys in order."""

    type: str
    keys: Pairs


def spelt(entry: Entry, tech: Tech, version: str | None = None) -> tuple[Section, ...]:
    """The sections of it. `version` is Asterisk's; of none that is known, that of 16."""
    if tech == "sip":
        return (Section("", _without_empty(_sip(entry, _version(version)))),)
    if tech == "iax2":
        return (Section("", _without_empty(_iax2(entry))),)
    return tuple(Section(kind, (("type", kind), *_without_empty(keys))) for kind, keys in _pjsip(entry))


def understood(kind: Kind, key: str, sections: tuple[Section, ...], tech: Tech, disabled: bool) -> Entry:
    """What sections say, as far as there is a field for it; a field that they do not tell is ""."""
    blank: dict[str, str | bool | Secret | None] = {field: "" for field in fields(kind)}
    blank |= {"secret": None, "disabled": disabled, "tech": tech}
    read = {"sip": _from_sip, "pjsip": _from_pjsip, "iax2": _from_iax2}[tech]
    found = read(kind, sections)
    return made(kind, key, blank | {name: value for name, value in found.items() if name in blank})


def unspelt(kind: Kind, tech: Tech) -> Mapping[str, str]:
    """The fields of which that driver's sections have no key, each with the only value that it may have."""
    if tech != "iax2":
        return {}
    only = {"dtmf": "rfc2833", "nat": "yes" if kind == "extension" else "no"}
    if kind == "extension":
        return {**only, "call_group": "", "pickup_group": ""}
    return {**only, "from_user": "", "channels": "", "insecure": "port,invite", "register": "no"}


def _without_empty(keys: Pairs) -> Pairs:
    return tuple((key, value) for key, value in keys if value)


def _version(text: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in _NUMBERS.findall(text or "16")[:3])


# chan_sip


def _sip(entry: Entry, version: tuple[int, ...]) -> Pairs:
    media = "directmedia" if version >= (1, 6, 2) else "canreinvite"
    nat = "force_rport,comedia" if entry.nat == "yes" and version >= (11,) else entry.nat
    secret = entry.secret.reveal() if entry.secret else ""
    codecs = (("disallow", "all"), ("allow", entry.codecs)) if entry.codecs else ()
    common: Pairs = (
        ("context", entry.context),
        ("dtmfmode", entry.dtmf),
        (media, entry.direct_media),
        ("nat", nat),
        ("qualify", entry.qualify),
        *codecs,
    )
    if isinstance(entry, Extension):
        return (
            ("type", entry.type),
            ("host", entry.host),
            ("port", entry.port),
            ("secret", secret),
            ("callerid", f'"{entry.name}" <{entry.number}>' if entry.name else ""),
            *common,
            ("callgroup", entry.call_group),
            ("pickupgroup", entry.pickup_group),
            ("accountcode", entry.account_code),
            ("mailbox", entry.mailbox),
            ("deny", entry.deny),
            ("permit", entry.permit),
        )
    return (
        ("type", entry.type),
        ("host", entry.host),
        ("port", entry.port),
        ("defaultuser" if version >= (1, 6) else "username", entry.username),
        ("secret", secret),
        ("fromuser", entry.from_user),
        ("insecure", entry.insecure),
        *common,
        ("call-limit", entry.channels),
        ("callbackextension", entry.username if entry.register == "yes" else ""),
    )


def _iax2(entry: Entry) -> Pairs:
    secret = entry.secret.reveal() if entry.secret else ""
    codecs = (("disallow", "all"), ("allow", entry.codecs)) if entry.codecs else ()
    common: Pairs = (
        ("type", entry.type),
        ("host", entry.host),
        ("port", entry.port),
        ("username", entry.username if isinstance(entry, Trunk) else ""),
        ("secret", secret),
        ("context", entry.context),
        ("transfer", entry.direct_media),
        ("qualify", entry.qualify),
        *codecs,
    )
    if isinstance(entry, Trunk):
        return common
    return (
        *common,
        ("callerid", f'"{entry.name}" <{entry.number}>' if entry.name else ""),
        ("accountcode", entry.account_code),
        ("mailbox", entry.mailbox),
        ("deny", entry.deny),
        ("permit", entry.permit),
    )


_SIP_FIELDS: Mapping[str, str] = {
    "type": "type",
    "host": "host",
    "port": "port",
    "context": "context",
    "dtmfmode": "dtmf",
    "directmedia": "direct_media",
    "canreinvite": "direct_media",
    "qualify": "qualify",
    "allow": "codecs",
    "callgroup": "call_group",
    "pickupgroup": "pickup_group",
    "accountcode": "account_code",
    "mailbox": "mailbox",
    "deny": "deny",
    "permit": "permit",
    "defaultuser": "username",
    "username": "username",
    "fromuser": "from_user",
    "insecure": "insecure",
    "call-limit": "channels",
}


def _from_sip(kind: Kind, sections: tuple[Section, ...]) -> dict[str, str | Secret | None]:
    keys = dict(sections[0].keys) if sections else {}
    found: dict[str, str | Secret | None] = {_SIP_FIELDS[k]: v for k, v in keys.items() if k in _SIP_FIELDS}
    found["nat"] = "yes" if keys.get("nat") == "force_rport,comedia" else keys.get("nat", "")
    found["secret"] = Secret(keys["secret"]) if keys.get("secret") else None
    found["register"] = "yes" if keys.get("callbackextension") else "no"
    if kind == "extension":
        found["name"] = _name(keys.get("callerid", ""))
    return found


_IAX2_FIELDS: Mapping[str, str] = {
    "type": "type",
    "host": "host",
    "port": "port",
    "context": "context",
    "transfer": "direct_media",
    "qualify": "qualify",
    "allow": "codecs",
    "accountcode": "account_code",
    "mailbox": "mailbox",
    "deny": "deny",
    "permit": "permit",
    "username": "username",
}


def _from_iax2(kind: Kind, sections: tuple[Section, ...]) -> dict[str, str | Secret | None]:
    keys = dict(sections[0].keys) if sections else {}
    found: dict[str, str | Secret | None] = {_IAX2_FIELDS[k]: v for k, v in keys.items() if k in _IAX2_FIELDS}
    found |= unspelt(kind, "iax2")
    found["secret"] = Secret(keys["secret"]) if keys.get("secret") else None
    if kind == "extension":
        found["name"] = _name(keys.get("callerid", ""))
    return found


# PJSIP


def _pjsip(entry: Entry) -> tuple[tuple[str, Pairs], ...]:
    extension = isinstance(entry, Extension)
    key = entry.number if isinstance(entry, Extension) else entry.name
    user = key if isinstance(entry, Extension) else entry.username or key
    secret = entry.secret.reveal() if entry.secret else ""
    codecs = (("disallow", "all"), ("allow", entry.codecs)) if entry.codecs else ()
    away = "" if entry.host == "dynamic" else f"sip:{entry.host}:{entry.port}" if entry.port else f"sip:{entry.host}"
    endpoint: Pairs = (
        ("context", entry.context),
        ("dtmf_mode", "rfc4733" if entry.dtmf == "rfc2833" else entry.dtmf),
        ("direct_media", entry.direct_media),
        *((word, entry.nat) for word in ("rtp_symmetric", "force_rport", "rewrite_contact")),
        *codecs,
        ("aors", key),
    )
    if isinstance(entry, Extension):
        endpoint += (
            ("auth", key if secret else ""),
            ("callerid", f'"{entry.name}" <{key}>' if entry.name else ""),
            ("call_group", entry.call_group),
            ("pickup_group", entry.pickup_group),
            ("accountcode", entry.account_code),
            ("mailboxes", entry.mailbox),
            ("deny", entry.deny),
            ("permit", entry.permit),
        )
    else:
        endpoint += (
            ("outbound_auth", key if secret else ""),
            ("from_user", entry.from_user),
            ("device_state_busy_at", entry.channels),
        )
    often = {"yes": _QUALIFY_S, "no": "", "": ""}.get(entry.qualify, _QUALIFY_S)
    aor: Pairs = (
        ("contact", away),
        ("max_contacts", "1" if extension or not away else ""),
        ("remove_existing", "yes" if extension else ""),
        ("qualify_frequency", often),
    )
    parts: list[tuple[str, Pairs]] = [("endpoint", endpoint), ("aor", aor)]
    if secret or (isinstance(entry, Trunk) and entry.username):
        parts.append(("auth", (("auth_type", "userpass"), ("username", user), ("password", secret))))
    if isinstance(entry, Trunk) and away:
        parts.append(("identify", (("endpoint", key), ("match", entry.host))))
    if isinstance(entry, Trunk) and entry.register == "yes":
        client = f"sip:{user}@{entry.host}"
        parts.append(("registration", (("outbound_auth", key), ("server_uri", away), ("client_uri", client))))
    return tuple(parts)


_ENDPOINT_FIELDS: Mapping[str, str] = {
    "context": "context",
    "direct_media": "direct_media",
    "rtp_symmetric": "nat",
    "allow": "codecs",
    "call_group": "call_group",
    "pickup_group": "pickup_group",
    "accountcode": "account_code",
    "mailboxes": "mailbox",
    "deny": "deny",
    "permit": "permit",
    "from_user": "from_user",
    "device_state_busy_at": "channels",
}


def _from_pjsip(kind: Kind, sections: tuple[Section, ...]) -> dict[str, str | Secret | None]:
    parts = {section.type: dict(section.keys) for section in sections}
    endpoint, aor, auth = parts.get("endpoint", {}), parts.get("aor", {}), parts.get("auth", {})
    found: dict[str, str | Secret | None] = {
        _ENDPOINT_FIELDS[k]: v for k, v in endpoint.items() if k in _ENDPOINT_FIELDS
    }
    mode = endpoint.get("dtmf_mode", "")
    found["dtmf"] = "rfc2833" if mode == "rfc4733" else mode
    found["qualify"] = "yes" if aor.get("qualify_frequency", "0") != "0" else "no"
    place = _URI.fullmatch(aor.get("contact", ""))
    found["host"] = place[1] if place else "dynamic"
    found["port"] = (place[2] or "") if place else "5060"
    found["secret"] = Secret(auth["password"]) if auth.get("password") else None
    # What PJSIP has no key for is told as the form's own default, so that it is no change.
    found["type"] = "friend" if kind == "extension" else "peer"
    if kind == "extension":
        found["name"] = _name(endpoint.get("callerid", ""))
    else:
        found["username"] = auth.get("username", "")
        found["register"] = "yes" if "registration" in parts else "no"
        found["insecure"] = "port,invite"
    return found


def _name(callerid: str) -> str:
    match = _CALLERID.fullmatch(callerid)
    return match[1] if match else ""

"""An extension as FreePBX keeps it: a user, a device, the device's keywords, and what stands in astdb.

Source: core_users_add, core_users_del, core_devices_add, core_devices_addsip and core_devices_addiax2 of FreePBX core
2.5 to 2.11 and of IssabelPBX, in its mode "extensions" (a fixed device of the user's own number). Its order is that of
the form "Generic SIP Device". `account` is the name of the section, so that it must be no other's; `&` parts values.
From 13 on FreePBX' groups are Asterisk's named ones, in keywords of their own, and `callerid` has the name; its PJSIP
devices have three keywords for NAT, none of them `nat`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ccops.config import Secret
from ccops.pbx.freepbx_rows import Draft, Row, Tables, plain
from ccops.pbx.model import TECHNOLOGIES, Extension, Tech
from ccops.pbx.spelling import unspelt

TABLES: Mapping[Tech, str] = {"sip": "sip", "pjsip": "sip", "iax2": "iax"}
"""The table that has a device's keywords."""

OPEN = "0.0.0.0/0.0.0.0"
_TECHS: Mapping[str, Tech] = {"sip": "sip", "pjsip": "pjsip", "iax2": "iax2"}
_KEYWORDS: Mapping[str, str] = {
    "context": "context",
    "type": "type",
    "host": "host",
    "port": "port",
    "dtmf": "dtmfmode",
    "nat": "nat",
    "qualify": "qualify",
    "account_code": "accountcode",
    "mailbox": "mailbox",
    "deny": "deny",
    "permit": "permit",
}
_GROUPS: Mapping[str, tuple[str, str]] = {
    "call_group": ("namedcallgroup", "callgroup"),
    "pickup_group": ("namedpickupgroup", "pickupgroup"),
}
PJSIP_ONLY = {"type": "friend", "host": "dynamic", "port": "5060", "qualify": "yes"}
"""What a PJSIP device has no keyword for, with the only value that it may have."""

_PJSIP_DEFAULTS = {**PJSIP_ONLY, "nat": "yes", "dtmf": "rfc2833"}


def extensions(tables: Tables) -> tuple[Extension, ...]:
    """Those whose device is their own and one of chan_sip, PJSIP or IAX2, by number."""
    devices = {row.get("id"): row for row in tables.of("devices")}
    keywords: dict[tuple[str, str], dict[str, str]] = {}
    for table in ("sip", "iax"):
        for row in tables.of(table):
            words = keywords.setdefault((table, row.get("id") or ""), {})
            words[(row.get("keyword") or "").lower()] = row.get("data") or ""
    found = []
    for user in tables.of("users"):
        number = user.get("extension") or ""
        device = devices.get(number)
        tech = _TECHS.get((device.get("tech") or "").lower()) if device is not None else None
        if device is None or tech is None or device.get("user") != number:
            continue
        found.append(_read(number, user, tech, keywords.get((TABLES[tech], number), {})))
    return tuple(sorted(found, key=lambda entry: (len(entry.number), entry.number)))


def _read(number: str, user: Row, tech: Tech, words: Mapping[str, str]) -> Extension:
    told = {field: words.get(keyword, "") for field, keyword in _KEYWORDS.items()}
    for field, aliases in _GROUPS.items():
        told[field] = next((words[word] for word in aliases if words.get(word)), "")
    if tech == "pjsip":
        told |= {field: value for field, value in _PJSIP_DEFAULTS.items() if not told[field]}
        told["dtmf"] = "rfc2833" if told["dtmf"] == "rfc4733" else told["dtmf"]
    if tech == "iax2":
        told |= unspelt("extension", "iax2")
    told |= {"name": user.get("name") or "", "direct_media": _direct_media(tech, words)}
    told["codecs"] = words.get("allow", "").replace("&", ",")
    given: dict[str, Any] = {field: plain(value) for field, value in told.items()}
    return Extension(number, secret=Secret(words["secret"]) if words.get("secret") else None, tech=tech, **given)


def _direct_media(tech: Tech, words: Mapping[str, str]) -> str:
    if tech != "iax2":
        return words.get("canreinvite") or words.get("directmedia") or words.get("direct_media") or ""
    if "notransfer" in words:
        return {"yes": "no", "no": "yes"}.get(words["notransfer"], "")
    return words.get("transfer", "")


def completed(entry: Extension) -> Extension:
    """A new one with what FreePBX fills in."""
    return replace(entry, mailbox=entry.mailbox or f"{entry.number}@device")


def named_groups(tables: Tables) -> bool:
    """Whether this FreePBX has its groups in Asterisk's named ones."""
    return tables.like >= (13,)


def _group_words(tables: Tables, entry: Extension) -> dict[str, str]:
    of = 0 if named_groups(tables) else 1
    return {aliases[of]: getattr(entry, field) for field, aliases in _GROUPS.items()}


def device_words(tables: Tables, entry: Extension) -> dict[str, str]:
    """The keywords of a new device in the form's order, without those that FreePBX adds behind them."""
    like, asterisk = tables.like, entry.tech
    secret = entry.secret.reveal() if entry.secret else ""
    codecs = {"disallow": "all" if entry.codecs else "", "allow": entry.codecs.replace(",", "&")}
    dial = f"{TECHNOLOGIES[entry.tech]}/{entry.number}"
    ends = {"dial": dial, "accountcode": entry.account_code, "mailbox": completed(entry).mailbox}
    gates = {"deny": entry.deny, "permit": entry.permit}
    if like < (2, 7) and set(gates.values()) <= {OPEN, ""}:  # its form has none, and all are let in without them
        gates = {}
    if asterisk == "iax2":
        media = {"transfer": entry.direct_media}
        if like < (2, 9):
            media = {"notransfer": {"yes": "no", "no": "yes"}.get(entry.direct_media, "")}
        return {
            "secret": secret,
            **media,
            "context": entry.context,
            "host": entry.host,
            "type": entry.type,
            "port": entry.port,
            "qualify": entry.qualify,
            **codecs,
            **ends,
            **gates,
        }
    if asterisk == "pjsip" and not tables.issabel:  # FreePBX 12 and later fill in the rest
        return {
            "secret": secret,
            "dtmfmode": "rfc4733" if entry.dtmf == "rfc2833" else entry.dtmf,
            "context": entry.context,
            "direct_media": entry.direct_media,
            **_group_words(tables, entry),
            **codecs,
            **ends,
        }
    if asterisk == "pjsip":
        return {
            "secret": secret,
            "dtmfmode": entry.dtmf,
            "context": entry.context,
            "direct_media": entry.direct_media,
            "nat": entry.nat,
            "transport": "transport-udp",
            "max_contacts": "1",
            **_group_words(tables, entry),
            **codecs,
            **ends,
            "mailbox": entry.mailbox or entry.number,
            **gates,
        }
    trust = {"trustrpid": "yes", "sendrpid": "no"} if like >= (2, 10) else {}
    later = {"qualifyfreq": "60", "transport": "udp", "encryption": "no"} if like >= (2, 10) else {}
    return {
        "secret": secret,
        "dtmfmode": entry.dtmf,
        "canreinvite": entry.direct_media,
        "context": entry.context,
        "host": entry.host,
        **trust,
        "type": entry.type,
        "nat": entry.nat,
        "port": entry.port,
        "qualify": entry.qualify,
        **later,
        **_group_words(tables, entry),
        **codecs,
        **ends,
        **gates,
    }


def add(draft: Draft, entry: Extension) -> None:
    """As FreePBX adds one, without voicemail."""
    tables, number = draft.tables, entry.number
    recording = "out=Adhoc|in=Adhoc" if tables.like < (2, 10) else ""
    extra = ("noanswer_cid", "busy_cid", "chanunavail_cid", "noanswer_dest", "busy_dest", "chanunavail_dest")
    draft.put(
        "users",
        {
            "extension": number,
            "password": "",
            "name": entry.name,
            "voicemail": "novm",
            "ringtimer": "0",
            "noanswer": "",
            "recording": recording,
            "outboundcid": "",
            "sipname": "",
            **dict.fromkeys(extra, ""),
        },
    )
    tech = entry.tech
    dial = f"{TECHNOLOGIES[tech]}/{number}"
    draft.put(
        "devices",
        {
            "id": number,
            "tech": tech,
            "dial": dial,
            "devicetype": "fixed",
            "user": number,
            "description": entry.name,
            "emergency_cid": "",
        },
    )
    words = device_words(tables, entry)
    words |= {"account": number, "callerid": f"device <{number}>"}
    if tech == "iax2":
        words["setvar"] = f"REALCALLERIDNUM={number}"
    if tables.like < (2, 10):
        words |= {"record_in": "Adhoc", "record_out": "Adhoc"}
    for flags, (keyword, data) in enumerate(words.items(), 2):
        draft.put(TABLES[tech], {"id": number, "keyword": keyword, "data": data, "flags": str(flags)})
    for path, value in _astdb(tables, number, entry.name, recording, dial).items():
        draft.note(path, value)


def _astdb(tables: Tables, number: str, name: str, recording: str, dial: str) -> dict[str, str]:
    user = {
        "ringtimer": "0",
        "recording": recording,
        "cidname": name,
        "cidnum": number,
        "voicemail": "novm",
        "device": number,
    }
    if tables.like >= (2, 9):
        user |= {"cfringtimer": "0", "concurrency_limit": "0", "answermode": "disabled"}
    if tables.like >= (2, 10):
        where = ("in/external", "out/external", "in/internal", "out/internal")
        user |= {f"recording/{each}": "dontcare" for each in where}
        user |= {"recording/ondemand": "disabled", "recording/priority": "10"}
    device = {"dial": dial, "type": "fixed", "user": number, "default_user": number}
    return {
        **{f"AMPUSER/{number}/{key}": value for key, value in user.items()},
        f"CW/{number}": "ENABLED",
        **{f"DEVICE/{number}/{key}": value for key, value in device.items()},
    }


def edit(draft: Draft, old: Extension, new: Extension) -> None:
    """Only what is different; all else stays as it is."""
    number, table = old.number, TABLES[old.tech]
    if new.name != old.name:
        for row in draft.of("users", extension=number):
            draft.put("users", {**row, "name": new.name})
        for row in draft.of("devices", id=number):
            draft.put("devices", {**row, "description": new.name})
        draft.note(f"AMPUSER/{number}/cidname", new.name)
    if new.account_code != old.account_code and draft.tables.like >= (13,):
        draft.note(f"AMPUSER/{number}/accountcode", new.account_code)
    there = {(row.get("keyword") or "").lower(): row for row in draft.of(table, id=number)}
    for keyword, data in _changed(draft.tables, old, new, there).items():
        known = there.get(keyword)
        flags = str(max((int(r.get("flags") or 0) for r in there.values()), default=1) + 1)
        made: Row = known if known is not None else {"id": number, "keyword": keyword, "flags": flags}
        there[keyword] = {**made, "data": data}
        draft.put(table, there[keyword])


def _changed(tables: Tables, old: Extension, new: Extension, there: Mapping[str, Row]) -> dict[str, str]:
    found = {
        keyword: getattr(new, field)
        for field, keyword in _KEYWORDS.items()
        if getattr(new, field) != getattr(old, field)
    }
    if old.tech == "pjsip" and not tables.issabel and found.get("dtmfmode") == "rfc2833":
        found["dtmfmode"] = "rfc4733"
    for field, aliases in _GROUPS.items():
        if getattr(new, field) != getattr(old, field):
            words = [word for word in aliases if word in there] or [aliases[0 if named_groups(tables) else 1]]
            found |= {word: getattr(new, field) for word in words}
    if new.secret != old.secret:
        found["secret"] = new.secret.reveal() if new.secret else ""
    if new.codecs != old.codecs:
        found |= {"disallow": "all" if new.codecs else "", "allow": new.codecs.replace(",", "&")}
    if new.direct_media != old.direct_media:
        if old.tech != "iax2":
            word = next((w for w in ("canreinvite", "directmedia", "direct_media") if w in there), "canreinvite")
            found[word] = new.direct_media
        elif "notransfer" in there:
            found["notransfer"] = {"yes": "no", "no": "yes"}.get(new.direct_media, "")
        else:
            found["transfer"] = new.direct_media
    return found


def delete(draft: Draft, entry: Extension) -> None:
    """As FreePBX deletes one: device, keywords, user, follow-me, and all of it in astdb."""
    number = entry.number
    draft.drop(TABLES[entry.tech], id=number)
    draft.drop("devices", id=number)
    draft.drop("users", extension=number)
    draft.drop("findmefollow", grpnum=number)
    draft.forget(*(f"{family}/{number}" for family in ("AMPUSER", "DEVICE", "CW", "CF", "CFB", "CFU")))


def rename(draft: Draft, old: Extension, number: str) -> None:
    """The same under another number, with all that the user and the device have of their own."""
    was, table = old.number, TABLES[old.tech]
    users, devices, words = draft.of("users", extension=was), draft.of("devices", id=was), draft.of(table, id=was)
    follow = draft.of("findmefollow", grpnum=was)
    families = ("AMPUSER", "DEVICE", "CW", "CF", "CFB", "CFU")
    kept = {p: v for p, v in draft.astdb.items() if p.split("/")[0] in families and p.split("/")[1:2] == [was]}
    delete(draft, old)
    for row in users:
        draft.put("users", {**row, "extension": number})
    for row in devices:
        dial = f"{TECHNOLOGIES[old.tech]}/{number}"
        own = row.get("dial") == f"{TECHNOLOGIES[old.tech]}/{was}"
        draft.put("devices", {**row, "id": number, "user": number, **({"dial": dial} if own else {})})
    for row in words:
        draft.put(table, {**row, "id": number, "data": _moved(old.tech, row, was, number)})
    for row in follow:
        draft.put("findmefollow", {**row, "grpnum": number})
    for path, value in kept.items():
        family, _, *rest = path.split("/")
        draft.note("/".join([family, number, *rest]), _moved_value(old.tech, path, value, was, number))


def _moved(tech: Tech, row: Row, was: str, number: str) -> str | None:
    whole = {
        "account": was,
        "dial": f"{TECHNOLOGIES[tech]}/{was}",
        "setvar": f"REALCALLERIDNUM={was}",
        "username": was,
    }
    data, keyword = row.get("data"), (row.get("keyword") or "").lower()
    if data is None:
        return None
    if keyword == "callerid" and data.endswith(f"<{was}>"):
        return f"{data.removesuffix(f'<{was}>')}<{number}>"
    if keyword == "mailbox" and data in (was, f"{was}@device"):
        return number + data.removeprefix(was)
    return data.replace(was, number) if data == whole.get(keyword) else data


def _moved_value(tech: Tech, path: str, value: str, was: str, number: str) -> str:
    key = path.split("/", 2)[2] if path.count("/") > 1 else ""
    if key in ("cidnum", "user", "default_user") and value == was:
        return number
    if key == "device":
        return "&".join(number if part == was else part for part in value.split("&"))
    return value.replace(was, number) if value == f"{TECHNOLOGIES[tech]}/{was}" else value

"""A trunk as FreePBX keeps it: its settings, its peer's keywords, its registration, and who uses it.

Source: core_trunks_add, core_trunks_edit and core_trunks_del of FreePBX core. Up to 2.5 the settings are variables
`OUT_N`, `OUTCID_N`, … of the table `globals` and the rows of `sip` or `iax` have the ids 9999N (peer), 99999N (user)
and 9999999N (registration); from 2.6 on there is a table `trunks`, and the ids are tr-peer-N, tr-user-N and tr-reg-N.
A disabled trunk's rows have the flag 1, which is not written to
Asterisk's files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from ccops.config import Secret
from ccops.pbx.freepbx_rows import Draft, Row, Tables, plain
from ccops.pbx.model import TECHNOLOGIES, Tech, Trunk
from ccops.pbx.spelling import unspelt

_TECHS: Mapping[str, Tech] = {"sip": "sip", "pjsip": "pjsip", "iax": "iax2", "iax2": "iax2"}
_TABLES: Mapping[Tech, str] = {"sip": "sip", "pjsip": "sip", "iax2": "iax"}
_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "type": ("type",),
    "host": ("host",),
    "port": ("port",),
    "username": ("username", "defaultuser"),
    "from_user": ("fromuser",),
    "insecure": ("insecure",),
    "context": ("context",),
    "dtmf": ("dtmfmode",),
    "direct_media": ("canreinvite", "directmedia"),
    "nat": ("nat",),
    "qualify": ("qualify",),
}
_IAX2_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    **{field: _KEYWORDS[field] for field in ("type", "host", "port", "username", "context", "qualify")},
    "direct_media": ("transfer",),
}
_REGISTER = re.compile(r"([^:@/]+)(?::([^@/]*))?@([^:@/]+)(?::([0-9]+))?(/.*)?")
_GLOBALS = ("OUT", "OUTPREFIX", "OUTMAXCHANS", "OUTCID", "OUTKEEPCID", "OUTFAIL", "OUTDISABLE")


class Line(msgspec.Struct, frozen=True):
    """One trunk with its number in FreePBX."""

    number: str
    trunk: Trunk


def lines(tables: Tables) -> tuple[Line, ...]:
    """Those of chan_sip and IAX2, in their order: the keywords of PJSIP's are not these."""
    return tuple(Line(number, _read(tables, number, tech, name)) for number, tech, name in _defined(tables))


def _defined(tables: Tables) -> Iterator[tuple[str, Tech, str]]:
    if tables.has("trunks"):
        for row in sorted(tables.of("trunks"), key=lambda row: int(row.get("trunkid") or 0)):
            tech = _TECHS.get((row.get("tech") or "").lower())
            if tech is not None and tech != "pjsip":
                yield row.get("trunkid") or "", tech, row.get("channelid") or ""
        return
    for row in tables.of("globals"):
        match = re.fullmatch(r"OUT_([0-9]+)", row.get("variable") or "")
        word, slash, name = (row.get("value") or "").partition("/")
        tech = _TECHS.get(word.lower())
        if match is not None and slash and tech is not None:
            yield match[1], tech, name


def taken(tables: Tables) -> frozenset[int]:
    """The numbers of all trunks, of whatever kind."""
    words = [row.get("trunkid") or "" for row in tables.of("trunks")]
    if not tables.has("trunks"):
        words += [(row.get("variable") or "").removeprefix("OUT_") for row in tables.of("globals")]
    return frozenset(int(word) for word in words if word.isdecimal())


def free(numbers: Collection[int]) -> str:
    """The first number that is none of those of trunks."""
    return str(next(n for n in range(1, 100_000) if n not in numbers))


def names(tables: Tables) -> dict[str, str]:
    """Each section of chan_sip's and chan_iax2's files that FreePBX writes, by its `account`."""
    rows = (row for table in ("sip", "iax") for row in tables.of(table, keyword="account"))
    return {row.get("data") or "": "FreePBX has a section of that name" for row in rows}


def ids(tables: Tables, number: str, tech: Tech) -> tuple[str, str, str]:
    """The ids of the peer's, the user's and the registration's rows."""
    if not tables.has("trunks"):
        return f"9999{number}", f"99999{number}", f"9999999{number}"
    return f"pjsip-{number}" if tech == "pjsip" else f"tr-peer-{number}", f"tr-user-{number}", f"tr-reg-{number}"


def _words_of(tech: Tech) -> Mapping[str, tuple[str, ...]]:
    return _IAX2_KEYWORDS if tech == "iax2" else _KEYWORDS


def _read(tables: Tables, number: str, tech: Tech, name: str) -> Trunk:
    peer, _, registration = ids(tables, number, tech)
    words = {(row.get("keyword") or "").lower(): row.get("data") or "" for row in tables.of(_TABLES[tech], id=peer)}
    told = {
        field: next((words[word] for word in aliases if word in words), "")
        for field, aliases in _words_of(tech).items()
    }
    if tech == "iax2":
        told |= {field: value for field, value in unspelt("trunk", "iax2").items() if field not in ("channels",)}
    known = settings(tables, number)
    registered = any(row.get("data") for row in tables.of(_TABLES[tech], id=registration))
    told |= {"register": "yes" if registered else "no", "channels": known["maxchans"]}
    told["codecs"] = words.get("allow", "").replace("&", ",")
    given: dict[str, Any] = {field: plain(value) for field, value in told.items()}
    secret = Secret(words["secret"]) if words.get("secret") else None
    return Trunk(plain(name), secret=secret, tech=tech, disabled=known["disabled"] == "on", **given)


_SETTINGS: Mapping[str, str] = {
    "outcid": "OUTCID",
    "keepcid": "OUTKEEPCID",
    "maxchans": "OUTMAXCHANS",
    "failscript": "OUTFAIL",
    "dialoutprefix": "OUTPREFIX",
    "disabled": "OUTDISABLE",
}


def settings(tables: Tables, number: str) -> dict[str, str]:
    """Its settings by the names of the columns of `trunks`; "" of one that there is not."""
    if tables.has("trunks"):
        row: Row = next(iter(tables.of("trunks", trunkid=number)), {})
        extra = ("name", "channelid", "usercontext", "provider", "continue", "routedisplay")
        return {name: row.get(name) or "" for name in (*_SETTINGS, *extra)}
    found = {row.get("variable"): row.get("value") or "" for row in tables.of("globals")}
    told = {name: found.get(f"{variable}_{number}", "") for name, variable in _SETTINGS.items()}
    channel = found.get(f"OUT_{number}", "").partition("/")[2]
    user = next((row.get("data") or "" for row in tables.of("sip", id=f"99999{number}", keyword="account")), "")
    rest = dict.fromkeys(("provider", "continue", "routedisplay"), "")
    return {**told, "channelid": channel, "name": channel, "usercontext": user, **rest}


def peer_words(trunk: Trunk) -> dict[str, str]:
    """The peer's keywords in the order of ccops' own files; what is not given is left out."""
    secret = trunk.secret.reveal() if trunk.secret else ""
    codecs = {"disallow": "all", "allow": trunk.codecs.replace(",", "&")} if trunk.codecs else {}
    given = {aliases[0]: getattr(trunk, field) for field, aliases in _words_of(trunk.tech).items()}
    ordered = {word: value for word, value in given.items() if word in ("type", "host", "port", "username")}
    words = {**ordered, "secret": secret, **given, **codecs}
    return {word: value for word, value in words.items() if value}


def register_string(trunk: Trunk) -> str:
    """What a new trunk registers with."""
    port = f":{trunk.port}" if trunk.port and trunk.port != ("4569" if trunk.tech == "iax2" else "5060") else ""
    return f"{trunk.username}:{trunk.secret.reveal() if trunk.secret else ''}@{trunk.host}{port}"


def registered_as(before: str, old: Trunk, new: Trunk) -> str | None:
    """The registration with what of it has changed; None where it is of a form that is not known."""
    match = _REGISTER.fullmatch(before)
    if match is None:
        same = (old.username, old.secret, old.host) == (new.username, new.secret, new.host)
        return before if same else None
    user, secret, host, port, rest = match.groups()
    if new.username != old.username:
        user = new.username
    if new.secret != old.secret:
        secret = new.secret.reveal() if new.secret else None
    if new.host != old.host:
        host = new.host
    where = f":{port}" if port else ""
    return f"{user}{'' if secret is None else f':{secret}'}@{host}{where}{rest or ''}"


def registration(tables: Tables, line: Line) -> str:
    """What it registers with now; "" where it does not."""
    rows = tables.of(_TABLES[line.trunk.tech], id=ids(tables, line.number, line.trunk.tech)[2])
    return next((row.get("data") or "" for row in rows), "")


def add(draft: Draft, trunk: Trunk, number: str) -> None:
    """As FreePBX adds one under that number."""
    tables = draft.tables
    off = "on" if trunk.disabled else "off"
    if tables.has("trunks"):
        row = {
            "trunkid": number,
            "name": trunk.name,
            "tech": trunk.tech,
            "outcid": "",
            "keepcid": "off",
            "maxchans": trunk.channels,
            "failscript": "",
            "dialoutprefix": "",
            "channelid": trunk.name,
            "usercontext": "",
            "provider": "",
            "disabled": off,
            "continue": "off",
        }
        draft.put("trunks", row)
    else:
        values = (f"{TECHNOLOGIES[trunk.tech]}/{trunk.name}", "", trunk.channels, "", "off", "", off)
        for variable, value in zip(_GLOBALS, values, strict=True):
            draft.put("globals", {"variable": f"{variable}_{number}", "value": value})
    peer, _, registers = ids(tables, number, trunk.tech)
    table = _TABLES[trunk.tech]
    for flags, (keyword, data) in enumerate({"account": trunk.name, **peer_words(trunk)}.items(), 2):
        shown = "1" if trunk.disabled else str(flags)
        draft.put(table, {"id": peer, "keyword": keyword, "data": data, "flags": shown})
    if trunk.register == "yes":
        flag = "1" if trunk.disabled else "0"
        draft.put(table, {"id": registers, "keyword": "register", "data": register_string(trunk), "flags": flag})


def edit(draft: Draft, number: str, old: Trunk, new: Trunk) -> None:
    """Only what is different, also the name; all else stays as it is."""
    tables, table = draft.tables, _TABLES[old.tech]
    peer, user, registers = ids(tables, number, old.tech)
    _edit_settings(draft, number, old, new)
    there = {(row.get("keyword") or "").lower(): row for row in draft.of(table, id=peer)}
    for keyword, data in _changed(old, new, there).items():
        row = there.get(keyword)
        if not data:
            draft.drop(table, id=peer, keyword=(row or {}).get("keyword") or keyword)
            there.pop(keyword, None)
            continue
        last = max((int(each.get("flags") or 0) for each in there.values()), default=1)
        flags = "1" if old.disabled else str(last + 1)
        made = row if row is not None else {"id": peer, "keyword": keyword, "flags": flags}
        there[keyword] = {**made, "data": data}
        draft.put(table, there[keyword])
    said = next((row for row in draft.of(table, id=registers)), None)
    if new.register == "yes":
        text = registered_as(said.get("data") or "", old, new) if said is not None else register_string(new)
        if text is not None:
            flag = "1" if new.disabled else "0"
            base = said if said is not None else {"id": registers, "keyword": "register", "flags": flag}
            draft.put(table, {**base, "data": text})
    elif said is not None:
        draft.drop(table, id=registers)
    if new.disabled != old.disabled:
        _switch(draft, table, (peer, user), registers, new.disabled)


def _changed(old: Trunk, new: Trunk, there: Mapping[str, Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, aliases in _words_of(old.tech).items():
        if getattr(new, field) != getattr(old, field):
            found[next((word for word in aliases if word in there), aliases[0])] = getattr(new, field)
    if new.secret != old.secret:
        found["secret"] = new.secret.reveal() if new.secret else ""
    if new.codecs != old.codecs:
        found |= {"disallow": "all" if new.codecs else "", "allow": new.codecs.replace(",", "&")}
    if new.name != old.name:
        found["account"] = new.name
    return found


def _edit_settings(draft: Draft, number: str, old: Trunk, new: Trunk) -> None:
    off = "on" if new.disabled else "off"
    if draft.tables.has("trunks"):
        for row in draft.of("trunks", trunkid=number):
            changed: dict[str, str] = {}
            if new.channels != old.channels:
                changed["maxchans"] = new.channels
            if new.disabled != old.disabled:
                changed["disabled"] = off
            if new.name != old.name:
                changed["channelid"] = new.name
                if row.get("name") == old.name:
                    changed["name"] = new.name
            draft.put("trunks", {**row, **changed})
        return
    values = {f"OUTMAXCHANS_{number}": new.channels} if new.channels != old.channels else {}
    if new.disabled != old.disabled:
        values[f"OUTDISABLE_{number}"] = off
    if new.name != old.name:
        values[f"OUT_{number}"] = f"{TECHNOLOGIES[old.tech]}/{new.name}"
    for variable, value in values.items():
        draft.put("globals", {"variable": variable, "value": value})


def _switch(draft: Draft, table: str, ids: tuple[str, str], registers: str, off: bool) -> None:
    """Flags of a disabled one are 1 throughout; in force again `account` is the first, the rest as FreePBX reads it."""
    for each in ids:
        rows = sorted(draft.of(table, id=each), key=lambda row: row.get("keyword") or "", reverse=True)
        rows.sort(key=lambda row: (row.get("keyword") != "account", int(row.get("flags") or 0)))
        for flags, row in enumerate(rows, 2):
            draft.put(table, {**row, "flags": "1" if off else str(flags)})
    for row in draft.of(table, id=registers):
        draft.put(table, {**row, "flags": "1" if off else "0"})


def delete(draft: Draft, number: str, trunk: Trunk) -> None:
    """As FreePBX deletes one: its settings, its rows, and from 2.8 on its place in routes and its dial patterns."""
    tables = draft.tables
    for each in ids(tables, number, trunk.tech):
        draft.drop(_TABLES[trunk.tech], id=each)
    if not tables.has("trunks"):
        for variable in _GLOBALS:
            draft.drop("globals", variable=f"{variable}_{number}")
        return
    draft.drop("trunks", trunkid=number)
    draft.drop("outbound_route_trunks", trunk_id=number)
    draft.drop("trunk_dialpatterns", trunkid=number)
    draft.forget(f"TRUNK/{number}")

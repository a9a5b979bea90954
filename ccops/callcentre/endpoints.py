"""SIP, PJSIP and IAX2 peers: from the lists (PeerEntry, EndpointList) and from PeerStatus and ContactStatus."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from ccops.callcentre.draft import Draft, Handler
from ccops.callcentre.fields import Event, count, first, flag, number
from ccops.callcentre.model import Endpoint, EndpointState

# `OK (12 ms)`, `LAGGED (2100 ms)`.
_LATENCY = re.compile(r"\((\d{1,9}) ms\)")
# `sip:101@10.0.0.5:5060;transport=UDP`, and `101/sip:101@10.0.0.5:5060` in EndpointList.
_CONTACT_HOST = re.compile(r"sips?:(?:[^@\s]*@)?([^;,>\s]+)")

_QUALIFIED: Mapping[str, EndpointState] = {"ok": "reachable", "lagged": "lagged", "unreachable": "unreachable"}
_PEER_STATUS: Mapping[str, EndpointState] = {
    "reachable": "reachable",
    "lagged": "lagged",
    "unreachable": "unreachable",
    "registered": "registered",
    "unregistered": "unregistered",
    "rejected": "unregistered",
    "unknown": "unknown",
}
_CONTACT_STATUS: Mapping[str, EndpointState] = {
    "reachable": "reachable",
    "unreachable": "unreachable",
    "nonqualified": "registered",
    "created": "registered",
    "updated": "registered",
    "removed": "unregistered",
    "unqualified": "registered",
    "unknown": "unknown",
}


def listed_peer(event: Event, tech: str, old: Endpoint | None, at: float) -> Endpoint:
    """A PeerEntry of SIPpeers (`tech` SIP) or IAXpeerlist (IAX2, which writes its Channeltype as IAX or IAX2)."""
    status = event.get("status", "")
    word = status.partition(" ")[0].lower()
    dynamic = flag(event, "dynamic", False)
    host = first(event, "ipaddress")
    address = "" if host in ("", "-none-", "(null)", "(Unspecified)") else _with_port(host, event.get("ipport", ""))
    state = _QUALIFIED.get(word)
    if state is None:
        state = "unregistered" if dynamic and not address else _without_qualify(word, dynamic)
    latency = _LATENCY.search(status)
    return _dated(
        Endpoint(
            name=event.get("objectname", ""),
            tech=tech,
            state=state,
            latency_ms=int(latency.group(1)) if latency else None,
            address=address,
            dynamic=dynamic,
        ),
        old,
        at,
    )


def listed_endpoint(event: Event, old: Endpoint | None, at: float) -> Endpoint:
    """An EndpointList of PJSIPShowEndpoints. It tells no latency: an old one is kept while the state stays."""
    contacts = event.get("contacts", "")
    host = _CONTACT_HOST.search(contacts)
    gone = event.get("devicestate", "").lower() in ("unavailable", "invalid")
    state: EndpointState = "unregistered"
    latency = None
    if host is not None:
        state = "unreachable" if gone else "registered"
        if old is not None and not gone and old.state in ("reachable", "lagged"):
            state, latency = old.state, old.latency_ms
    return _dated(
        Endpoint(
            name=event.get("objectname", ""),
            tech="PJSIP",
            state=state,
            latency_ms=latency,
            address=host.group(1) if host else "",
            dynamic=old.dynamic if old is not None else False,
        ),
        old,
        at,
    )


def key_of(endpoint: Endpoint) -> str:
    """What it is known by: `TECH/name`, as in PeerStatus."""
    return f"{endpoint.tech}/{endpoint.name}"


def _peer_changed(draft: Draft, event: Event) -> None:
    tech, slash, name = event.get("peer", "").partition("/")
    state = _PEER_STATUS.get(event.get("peerstatus", "").lower())
    if not slash or not name or state is None:
        return
    old = draft.endpoints.now.get(f"{tech}/{name}")
    known = old or Endpoint(name=name, tech=tech)
    # A registration renewed says nothing about whether the peer answers its qualify.
    if state == "registered" and known.state in ("reachable", "lagged"):
        state = known.state
    latency = number(event, "time")
    if latency is None and state == known.state:
        latency = known.latency_ms
    new = replace(
        known,
        state=state,
        latency_ms=latency if latency is None or latency >= 0 else None,
        address=_with_port(event.get("address", ""), event.get("port", "")) or known.address,
    )
    draft.endpoints.put(key_of(new), _dated(new, old, draft.at, live=True))


def _contact_changed(draft: Draft, event: Event) -> None:
    name = first(event, "endpointname", "aor")
    state = _CONTACT_STATUS.get(event.get("contactstatus", "").lower())
    if not name or state is None:
        return
    old = draft.endpoints.now.get(f"PJSIP/{name}")
    known = old or Endpoint(name=name, tech="PJSIP")
    if state == "registered" and known.state in ("reachable", "lagged"):
        state = known.state
    host = _CONTACT_HOST.search(event.get("uri", ""))
    trip = count(event, "roundtripusec")
    new = replace(
        known,
        state=state,
        latency_ms=trip // 1000 if trip else (known.latency_ms if state == known.state else None),
        address=host.group(1) if host else known.address,
    )
    draft.endpoints.put(key_of(new), _dated(new, old, draft.at, live=True))


def _without_qualify(word: str, dynamic: bool) -> EndpointState:
    if word != "unmonitored":
        return "unknown"
    return "registered" if dynamic else "unmonitored"


def _with_port(host: str, port: str) -> str:
    return f"{host}:{port}" if host and port not in ("", "0") else host


def _dated(new: Endpoint, old: Endpoint | None, at: float, live: bool = False) -> Endpoint:
    if old is not None and old.state == new.state:
        return replace(new, since=old.since)
    return replace(new, since=at if live or old is not None else None)


HANDLERS: Mapping[str, Handler] = {"peerstatus": _peer_changed, "contactstatus": _contact_changed}

"""Call detail records beside queue_log: over which trunk a call came, and its number where the queue was told none.

Rows are Asterisk's `cdr` table (cdr_adaptive_odbc and cdr_mysql: uniqueid, src, channel); cells may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ccops.callcentre.records import Records
from ccops.text import clean

# A channel is its device and a number of its own: SIP/gxw4108-0000001f, DAHDI/i1/0991234567-3, Local/400@from-x-1;2.
_OWN_NUMBER = re.compile(r"-[0-9a-fA-F]{1,16}(?:;[12])?\Z", re.A)


def add_details(records: Records, rows: Iterable[Mapping[str, Any]]) -> Records:
    """The records with trunks, and with numbers where there were none; of several rows of a call the first counts."""
    first: dict[str, Mapping[str, Any]] = {}
    for each in rows:
        uniqueid = each.get("uniqueid")
        if isinstance(uniqueid, str) and uniqueid:
            first.setdefault(uniqueid, each)
    calls = []
    for call in records.calls:
        if (row := first.get(call.uniqueid)) is not None:
            trunk, number = _device(row.get("channel")), row.get("src")
            told = clean(number, 80) if isinstance(number, str) else ""
            call = replace(call, trunk=call.trunk or trunk, number=call.number or told)
        calls.append(call)
    return replace(records, calls=tuple(calls))


def _device(channel: Any) -> str:
    if not isinstance(channel, str):
        return ""
    return _OWN_NUMBER.sub("", clean(channel, 80))

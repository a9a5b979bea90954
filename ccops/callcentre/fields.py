"""What an AMI message says, read without trust: keys in lower case, every spelling that Asterisk 1.4 to 23 uses.

Messages come cleaned of control characters; any of them may lack any key or hold any text. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping

Event = Mapping[str, str]

# As `ast_devstate_str` and `devstate2str` print it; the numbers are QueueMember's Status.
DEVICE_STATES: Mapping[str, int] = {
    "unknown": 0,
    "not_inuse": 1,
    "not in use": 1,
    "inuse": 2,
    "in use": 2,
    "busy": 3,
    "invalid": 4,
    "unavailable": 5,
    "ringing": 6,
    "ringinuse": 7,
    "ring+inuse": 7,
    "onhold": 8,
    "on hold": 8,
}
_NOBODY = frozenset(("<unknown>", "unknown", "<null>", "(null)", "n/a"))
# No figure of Asterisk is longer; int() of thousands of digits is slow and then refused.
_DIGITS = 15


def first(event: Event, *keys: str) -> str:
    """The first of `keys` that is there and not empty, else an empty text."""
    for key in keys:
        value = event.get(key)
        if value:
            return value
    return ""


def count(event: Event, key: str, default: int = 0) -> int:
    """A whole number, not below zero; `default` where the key is missing or holds none."""
    found = number(event, key)
    return default if found is None or found < 0 else found


def number(event: Event, key: str) -> int | None:
    """A whole number (a fraction is cut), None where the key is missing or holds none."""
    text = event.get(key)
    if text is None or len(text) > _DIGITS:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    whole, _, rest = text.partition(".")
    return int(whole) if whole.isascii() and whole.isdecimal() and rest.isdecimal() else None


def moment(event: Event, key: str) -> float | None:
    """Seconds since the epoch on the node's clock; None where the key is missing or says never (0)."""
    found = number(event, key)
    return float(found) if found is not None and found > 0 else None


def flag(event: Event, key: str, default: bool) -> bool:
    """A yes or no; `default` where the key is missing."""
    text = event.get(key)
    return default if text is None else text.lower() in ("1", "yes", "true", "on")


def party(text: str) -> str:
    """A number or a name of a caller; what Asterisk writes for nobody becomes an empty text."""
    return "" if text.lower() in _NOBODY else text


def caller_number(event: Event) -> str:
    """The caller's number: CallerIDNum, before 1.8 CallerID."""
    return party(first(event, "calleridnum", "callerid"))


def caller_name(event: Event) -> str:
    """The caller's name."""
    return party(event.get("calleridname", ""))


def interface(event: Event) -> str:
    """A member's interface: Interface (12+), Location (1.4 to 11, and every list), Member (AgentConnect up to 11)."""
    return first(event, "interface", "location", "member", "agentcalled")


def identity(event: Event) -> str:
    """A caller's key: the uniqueid, or the channel where 1.4 gives none."""
    return first(event, "uniqueid", "channel", "channelcalling")


def seconds(text: str) -> int | None:
    """A duration: `83` or `00:01:23` (hours may be more than two digits); None when it is neither."""
    parts = text.split(":")
    if len(parts) not in (1, 3) or not all(p.isascii() and p.isdecimal() and len(p) <= _DIGITS for p in parts):
        return None
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return total

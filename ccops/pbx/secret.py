"""Secrets of extensions and trunks: made at random, and what is too weak to be one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from ccops.config import Secret

LENGTH = 16
# Without what is read wrongly from a screen: 0 O, 1 l I.
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"


def generated(choose: Callable[[Sequence[str]], str] = secrets.choice) -> Secret:
    """A new one of 16 letters and digits (about 92 bits), never a weak one."""
    while True:
        secret = "".join(choose(_LETTERS + _DIGITS) for _ in range(LENGTH))
        if weakness(secret) is None:
            return Secret(secret)


def weakness(secret: str, key: str = "") -> str | None:
    """Why it is too weak for the extension or trunk `key`, never with any of its text; None where it is not.

    Source: FreePBX' own rule (six characters, of them two letters and two digits).
    """
    if len(secret) < 6:
        return "fewer than six characters"
    if sum(c.isalpha() for c in secret) < 2 or sum(c.isdecimal() for c in secret) < 2:
        return "fewer than two letters or two digits"
    if len(key) > 1 and key.lower() in secret.lower():
        return "its own name within it"
    return None

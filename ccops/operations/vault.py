"""Secrets and sheets on their way to a plan: what a request must not hold, since requests are recorded and shown."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from ccops.config import Secret
from ccops.pbx.sheet import Row


class Vault:
    """Holds what was put in while the console or command runs, and nowhere else. A token tells nothing of it."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def put(self, held: Secret | Sequence[Row]) -> str:
        """Keeps it; the token that stands for it in a request's arguments."""
        token = f"kept-{secrets.token_hex(6)}"
        self._held[token] = held if isinstance(held, Secret) else tuple(held)
        return token

    def secret(self, token: str) -> Secret | None:
        """The secret of that token; None where there is none (any more)."""
        held = self._held.get(token)
        return held if isinstance(held, Secret) else None

    def rows(self, token: str) -> tuple[Row, ...] | None:
        """The sheet of that token; None where there is none (any more)."""
        held = self._held.get(token)
        return held if isinstance(held, tuple) else None

    def __repr__(self) -> str:
        return f"Vault({len(self._held)} held)"

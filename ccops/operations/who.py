"""Who is at the keyboard, and from where: for the audit log, and for whoever finds the lock taken."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket

from ccops.text import clean


def who() -> str:
    """`ana (as root)`: the user of this process, and who became it through sudo."""
    with contextlib.suppress(KeyError, OSError, ImportError):
        user, origin = getpass.getuser(), os.environ.get("SUDO_USER")
        return clean(f"{origin} (as {user})" if origin and origin != user else user, 80)
    return f"user {os.getuid()}"


def where_from() -> str:
    """`jump1, from 10.0.0.5, pid 4242`: this host, the far end of this login where SSH tells it, this process."""
    parts = [socket.gethostname()]
    if client := os.environ.get("SSH_CONNECTION", "").split(" ")[0]:
        parts.append(f"from {client}")
    return clean(", ".join([*parts, f"pid {os.getpid()}"]), 160)

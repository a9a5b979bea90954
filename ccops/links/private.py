"""A folder of our own for forwarded sockets: mode 0700, short paths, removed at exit.

The path of a unix socket holds at most 107 bytes on Linux (`sun_path`, unix(7)), so a long TMPDIR is not used.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import stat
import tempfile
from pathlib import Path

from ccops.links.errors import LinkError

SUN_PATH_LIMIT = 107
_NAME_ROOM = len("/ccops-XXXXXXXX/s999999")

_folders: dict[int, Path] = {}
_numbers = itertools.count(1)


def folder() -> Path:
    """The folder, made on first use (one for each process, so that a fork never shares or removes its parent's)."""
    known = _folders.get(os.getpid())
    if known is not None and known.is_dir():
        return known
    made = _make()
    _folders[os.getpid()] = made
    atexit.register(_remove, os.getpid(), made)
    return made


def new_socket_path() -> Path:
    """A path in the folder that no socket has had before in this process."""
    return folder() / f"s{next(_numbers)}"


def _make() -> Path:
    for base in _candidates():
        if len(os.fsencode(base)) + _NAME_ROOM > SUN_PATH_LIMIT:
            continue
        try:
            return Path(tempfile.mkdtemp(prefix="ccops-", dir=base))  # mkdtemp gives 0700
        except OSError:
            continue
    raise LinkError(
        "no place for forwarded sockets: expected a writable XDG_RUNTIME_DIR, TMPDIR or /tmp with a short path; "
        "set XDG_RUNTIME_DIR to a folder of yours with mode 0700"
    )


def _candidates() -> list[str]:
    found = []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_ours(runtime):
        found.append(runtime)
    found.append(tempfile.gettempdir())
    found.append("/tmp")  # noqa: S108  (mkdtemp makes an unguessable 0700 folder in it)
    return found


def _is_ours(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _remove(pid: int, path: Path) -> None:
    if os.getpid() == pid:
        shutil.rmtree(path, ignore_errors=True)

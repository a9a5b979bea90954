"""Files that only their owner may read: crash reports and screenshots, in the user's state folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import platformdirs


def keep(kind: str, suffix: str, text: str, folder: Path | None = None) -> Path:
    """Writes `text` to a new file `KIND-DATE-TIME.SUFFIX` of mode 0600 and returns its path; OSError when it cannot."""
    folder = platformdirs.user_state_path("ccops") if folder is None else folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        path = folder / f"{kind}-{stamp}{f'-{attempt}' if attempt else ''}.{suffix}"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path
    raise FileExistsError(
        f"expected room for {kind}-{stamp}.{suffix} in {folder}, found a hundred of them; remove some"
    )

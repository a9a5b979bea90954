"""Files that only their owner may read: crash reports and screenshots, in the user's state folder; and sheets."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from textual.app import App


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


def create(path: Path, text: str) -> None:
    """Writes a new file of mode 0600; OSError where it cannot, also where one is there."""
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="utf-8", newline=""
    ) as file:
        file.write(text)


def screenshot(app: App[None]) -> str:
    """Keeps what is on the screen as an SVG file; where, or why it is not kept: of secrets there is no picture."""
    from ccops.tui.screens.page import SecretsScreen

    if any(isinstance(screen, SecretsScreen) for screen in app.screen_stack):
        return "not kept: a secret is on the screen"
    return str(keep("screenshot", "svg", app.export_screenshot()))

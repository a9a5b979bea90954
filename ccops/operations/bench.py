"""What a step works with: hands, books and eyes, the pair's settings, and where to note what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ccops.config import PairSettings
from ccops.operations.plan import Argv
from ccops.pair.model import PairLayout

if TYPE_CHECKING:
    from ccops.links.process import Completed
    from ccops.operations.books import Books
    from ccops.operations.control import Control
    from ccops.operations.eyes import Eyes
    from ccops.operations.hands import Hands

Send = Callable[[str, Argv, float], "Awaitable[Completed]"]


class Bench:
    """Given to a step's deed. `send(node, argv, limit_s)` runs a command as the executor would: recorded on both ends.

    `note(text)` shows and records a line; `folder` is where what is kept of this operation goes, on this host; `clock`
    tells the time of snapshots; `control` is the manager session that may write, made when it is first needed.
    """

    def __init__(
        self,
        *,
        hands: Hands,
        books: Books,
        eyes: Eyes,
        settings: PairSettings,
        layout: PairLayout,
        folder: Path,
        send: Send,
        note: Callable[[str], None],
        clock: Callable[[], float],
        control: Control | None = None,
    ) -> None:
        self.hands = hands
        self.books = books
        self.eyes = eyes
        self.settings = settings
        self.layout = layout
        self.folder = folder
        self.send = send
        self.note = note
        self.clock = clock
        self.control = control

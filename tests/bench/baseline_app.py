"""What the figures of the console are held against: the least that a Textual app can be, with one clock a second."""

from __future__ import annotations

import time

from textual.app import App, ComposeResult
from textual.widgets import Static


class Baseline(App[None]):
    """A line of text that changes once a second."""

    def compose(self) -> ComposeResult:
        """One widget."""
        yield Static("read-only baseline")

    def on_mount(self) -> None:
        """Begins to tick."""
        self.set_interval(1.0, lambda: self.query_one(Static).update(f"read-only {time.time():.0f}"))


if __name__ == "__main__":
    Baseline().run()

"""While an operation runs: its steps ticking, both nodes live beside them; at its end, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from ccops.tui import keymap, plans, quantities, themes
from ccops.tui.live import LiveScreen
from ccops.tui.run import Run
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.summary import Summary
from ccops.watch.snapshot import Snapshot

_WORDS = {
    "done": ("ok", "done"),
    "refused": ("warning", "refused: nothing was done"),
    "surprised": ("critical", "STOPPED: something else was seen than expected"),
    "interrupted": ("warning", "interrupted"),
    "undone": ("warning", "failed, and taken back"),
    "failed": ("critical", "a fault of ccops"),
}


class RunningScreen(LiveScreen[None]):
    """Shows a `Run`; it goes on when this screen is left. `ask_to_stop` is called when somebody wants it to end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("running.leave", "escape,ctrl+c,q", "leave", "Stop?", "Asks whether to stop here", keymap.SCREEN),
        keymap.key("running.behind", "b", "behind", "Behind", "Let it go on behind the console", keymap.OPERATIONS),
        keymap.key("running.down", "j,down", "scroll_text(1)", "Down", "Scroll down", keymap.MOVING),
        keymap.key("running.up", "k,up", "scroll_text(-1)", "Up", "Scroll up", keymap.MOVING),
        keymap.key("running.page_down", "pagedown,ctrl+f", "scroll_text(10)", "Page", "Down", keymap.MOVING),
        keymap.key("running.page_up", "pageup,ctrl+b", "scroll_text(-10)", "Page", "Up", keymap.MOVING),
        keymap.key("running.close", "enter", "close", "Close", "Close the report", keymap.SCREEN),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    RunningScreen #text Paragraphs { padding: 0; }
    RunningScreen #hints, RunningScreen #now { background: $panel; }
    """

    def __init__(self, run: Run, ask_to_stop: Callable[[], None]) -> None:
        super().__init__(run.outlook)
        self.run = run
        self._ask_to_stop = ask_to_stop

    def compose_text(self) -> ComposeResult:
        """The report, once there is one, then the steps."""
        yield Paragraphs(id="report")
        yield Paragraphs(id="steps")

    def compose_foot(self) -> ComposeResult:
        """What goes on, and the keys."""
        yield Summary(id="now")
        yield Summary(id="hints")

    def on_mount(self) -> None:
        """Paints whenever the run tells of something."""
        self.run.listeners.append(self.request)

    def on_unmount(self) -> None:
        """Is told no more."""
        if self.request in self.run.listeners:
            self.run.listeners.remove(self.request)

    def paint(self, snapshot: Snapshot) -> None:
        """Everything; each widget paints only what differs."""
        run = self.run
        now = run.ended_at if run.ended_at is not None else self.outlook.clock()
        elapsed = quantities.watch(run.report.took_s if run.report else now - run.began_at)
        last: Part = (f"last time {plans.took(run.plan)}", "$label") if run.plan.took_s else ("", "")
        self.head(run.plan.title, [*self._stands(), (f" {elapsed}", "bold")], last)
        self.query_one("#report", Paragraphs).show([*self._report()])
        steps = plans.running(run.plan, run.states, now, self.outlook.sudo, run.over)
        self.query_one("#steps", Paragraphs).show([*steps])
        self.query_one("#now", Summary).show([("now: ", "$label"), (run.now, "bold")] if not run.over else [])
        self.query_one("#now").display = not run.over
        self.query_one("#hints", Summary).show([*self._hints()])

    def action_leave(self) -> None:
        """Asks whether to stop it; where it is over, closes the report."""
        if self.run.over:
            self.dismiss(None)
        else:
            self._ask_to_stop()

    def action_behind(self) -> None:
        """Lets it go on behind the console."""
        self.dismiss(None)

    def action_close(self) -> None:
        """Closes the report; while it runs Enter does nothing."""
        if self.run.over:
            self.dismiss(None)

    def _stands(self) -> list[Part]:
        if not self.run.over:
            begun = "under way" if self.run.progress else "taking the lock, reading both nodes again…"
            return [(f"▶ {begun}", "bold $info")]
        severity, word = _WORDS.get(self.run.ending, ("unknown", self.run.ending))
        return [(f"{themes.mark(severity)} {word}", f"bold {themes.style(severity)}")]

    def _report(self) -> Iterator[Paragraph]:
        run = self.run
        if not run.over:
            return
        if run.report is not None:
            yield from plans.reported(run.report)
        elif run.ending == "interrupted":
            yield from plans.stopped(run.problem, run.safe_next, run.id)
        else:
            yield from plans.refused(run.problem, run.checks)
        yield Paragraph()
        yield Paragraph(title="Steps")

    def _hints(self) -> Iterator[Part]:
        keys = [("esc", "back to the console")] if self.run.over else [("esc", "stop?"), ("b", "go on behind")]
        for name, word in (*keys, ("↓↑", "read")):
            yield name, "bold"
            yield f" {word}  ", "$label"

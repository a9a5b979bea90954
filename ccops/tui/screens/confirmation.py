"""Before an operation: what it will do, to whom, in which steps, and whether it can be done; the focus is on Cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from ccops.text import clean
from ccops.tui import crash, keymap, plans, quantities, themes
from ccops.tui.live import WIDE, LiveScreen, Outlook
from ccops.tui.widgets import side_panel
from ccops.tui.widgets.card import Card, Part
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.push_button import PushButton
from ccops.tui.widgets.summary import Summary
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.operations.plan import Plan

_OLD_AFTER_S: Final = 30.0
_WIDE_WITH_SIDES: Final = 144


class Confirmation(LiveScreen["Plan | None"]):
    """Ends with the plan that was confirmed, or None.

    `prepare` looks at both nodes and makes the plan; `barred` says why that plan may not be run now, "" where it may;
    `arm` arms the console or takes that back.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("confirmation.cancel", "escape,q,ctrl+c", "dismiss", "Cancel", "Nothing is done", keymap.SCREEN),
        keymap.key("confirmation.yes", "y", "yes", "Yes", "Do it, where no name is to be typed", keymap.OPERATIONS),
        keymap.key("confirmation.again", "r", "look", "Look again", "Read both nodes anew", keymap.OPERATIONS),
        keymap.key("confirmation.arm", "w", "arm", "Arm", "Arm the console, or make it read-only", keymap.OPERATIONS),
        keymap.key("confirmation.down", "j,down", "scroll_text(1)", "Down", "Scroll down", keymap.MOVING),
        keymap.key("confirmation.up", "k,up", "scroll_text(-1)", "Up", "Scroll up", keymap.MOVING),
        keymap.key("confirmation.page_down", "pagedown,ctrl+f", "scroll_text(10)", "Page", "Down", keymap.MOVING),
        keymap.key("confirmation.page_up", "pageup,ctrl+b", "scroll_text(-10)", "Page", "Up", keymap.MOVING),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    Confirmation #sides { height: auto; padding: 1 1 0 1; }
    Confirmation #sides Card { width: 1fr; }
    Confirmation #text Paragraphs { padding: 0; }
    Confirmation #typed { display: none; margin: 0 1; width: 1fr; }
    Confirmation #typed.-wanted { display: block; }
    Confirmation #buttons { height: 1; }
    Confirmation #hints { background: $panel; }
    """

    def __init__(
        self,
        outlook: Outlook,
        title: str,
        label: str,
        prepare: Callable[[], Awaitable[Plan]],
        barred: Callable[[Plan], str],
        arm: Callable[[], None],
    ) -> None:
        super().__init__(outlook)
        self._title = title
        self._label = label
        self._prepare = prepare
        self._barred = barred
        self._arm = arm
        self._plan: Plan | None = None
        self._problem = ""
        self._looking = True
        self._looked_at = 0.0
        self._looked_on: object = None

    @property
    def plan(self) -> Plan | None:
        """The plan that is shown; None until there is one."""
        return self._plan

    def compose_text(self) -> ComposeResult:
        """What is read first, the two sides of a split brain, the rest."""
        yield Paragraphs(id="before")
        with Horizontal(id="sides"):
            yield Card(id="side-0")
            yield Card(id="side-1")
        yield Paragraphs(id="after")

    def compose_foot(self) -> ComposeResult:
        """What is to be typed, and the two buttons."""
        entry = Input(id="typed", compact=True)
        entry.cursor_blink = False
        yield entry
        with Horizontal(id="buttons"):
            yield PushButton("Cancel", id="cancel")
            yield PushButton(self._label, id="confirm", disabled=True)
        yield Summary(id="hints")

    def on_mount(self) -> None:
        """Begins to look."""
        self.query_one("#sides").display = False
        self.query_one("#cancel", PushButton).focus()
        self.action_look()

    def action_look(self) -> None:
        """Looks at both nodes anew; what was shown stays until it is done, but cannot be confirmed meanwhile."""
        self._looking = True
        self.request()
        self.run_worker(self._look(), group="look", exclusive=True, exit_on_error=False)

    async def _look(self) -> None:
        from ccops.operations.plan import OperationError

        self._problem = ""
        try:
            self._plan = await self._prepare()
        except OperationError as error:
            self._plan, self._problem = None, str(error)
        except Exception as error:  # a fault of ccops must not look like a refusal
            self._plan, self._problem = None, crash.report(error)
        self._looking = False
        self._looked_at, self._looked_on = self.outlook.clock(), _gist(self.outlook.store.snapshot)
        self.request()

    # -- painting

    def paint(self, snapshot: Snapshot) -> None:
        """Everything; each widget paints only what differs."""
        plan, barred = self._plan, self._why_not()
        self.head(plan.title if plan else self._title, self._stands(snapshot, barred))
        sides = snapshot.divergence if plan is not None and plan.evidence else None
        # Two sides, and two nodes beside them, want more room.
        if self.roomy_from != (wanted := WIDE if sides is None else _WIDE_WITH_SIDES):
            self.lay_out(wanted)
        self.query_one("#sides").display = sides is not None
        if sides is not None:
            for index in (0, 1):
                chosen = plan.typed if plan is not None else None
                self.query_one(f"#side-{index}", Card).show(side_panel.face(sides, index, chosen))
        if plan is None:
            told = [Paragraph(self._problem, "bold", title="✖", title_style="bold $critical", rest=2)]
            looking = [Paragraph("looking at both nodes…", "$label")]
            self.query_one("#before", Paragraphs).show(told if self._problem else looking)
            self.query_one("#after", Paragraphs).show(())
        else:
            self.query_one("#before", Paragraphs).show([*plans.before(plan, barred), *plans.against(plan, sides)])
            self.query_one("#after", Paragraphs).show([*plans.after(plan, self.outlook.sudo, sides)])
        self._paint_foot(plan)

    def _paint_foot(self, plan: Plan | None) -> None:
        entry, typed = self.query_one("#typed", Input), plan.typed if plan else None
        wanted = typed is not None and not self._forbidden()
        entry.set_class(wanted, "-wanted")
        entry.disabled = not wanted
        if typed is not None:
            entry.placeholder = f"type {clean(typed, 80)} to confirm"
        confirm = self.query_one("#confirm", PushButton)
        confirm.disabled = not self._may()
        confirm.name_it(self._label)
        if self.focused is None:
            self.query_one("#cancel", PushButton).focus()
        self.query_one("#hints", Summary).show([*self._hints(plan)])

    def _stands(self, snapshot: Snapshot, barred: str) -> list[Part]:
        plan = self._plan
        if self._looking:
            return [("looking at both nodes…", "$info")]
        if plan is None:
            return [(f"{themes.mark('critical')} cannot be done", themes.style("critical"))]
        if plan.refusals:
            return [(f"{themes.mark('critical')} refused: {plans.failing(plan)}", themes.style("critical"))]
        if self._looked_on != _gist(snapshot):
            return [(f"{themes.mark('warning')} the pair has changed since it was looked at: r", "bold $warning")]
        age = self.outlook.clock() - self._looked_at
        old = f" {quantities.duration(age)} ago" if age > _OLD_AFTER_S else ""
        if barred:
            return [(f"{themes.mark('warning')} not permitted now", "bold $warning")]
        count = len(plan.checks)
        checks = f"all {count} checks hold{old}" if count > 1 else f"the one check holds{old}" if count else "ready"
        return [(f"{themes.mark('ok')} {checks}; nothing has been done yet", "$ok")]

    def _hints(self, plan: Plan | None) -> Iterator[Part]:
        pairs = [("esc", "cancel"), ("r", "look again")]
        if self._why_not():
            pairs.append(("w", "arm"))
        if plan is not None and self._may() and plan.typed is None:
            pairs.insert(1, ("y", "do it"))
        for keys, word in (*pairs, ("↓↑", "read"), ("tab", "field, buttons" if plan and plan.typed else "buttons")):
            yield keys, "bold"
            yield f" {word}  ", "$label"

    # -- may it be confirmed

    def _why_not(self) -> str:
        return self._barred(self._plan) if self._plan is not None else ""

    def _forbidden(self) -> bool:
        plan = self._plan
        return plan is None or self._looking or bool(plan.refusals) or bool(self._why_not())

    def _may(self) -> bool:
        plan = self._plan
        if plan is None or self._forbidden():
            return False
        return plan.typed is None or self.query_one("#typed", Input).value == plan.typed

    def action_yes(self) -> None:
        """Confirms where nothing is to be typed."""
        if self._plan is not None and self._plan.typed is None:
            self._confirm()

    def action_arm(self) -> None:
        """Arms, or takes that back."""
        self._arm()
        self.request()

    def _confirm(self) -> None:
        if self._may():
            self.dismiss(self._plan)

    @on(PushButton.Pressed, "#cancel")
    def _cancelled(self, event: PushButton.Pressed) -> None:
        event.stop()
        self.dismiss(None)

    @on(PushButton.Pressed, "#confirm")
    def _pressed(self, event: PushButton.Pressed) -> None:
        event.stop()
        self._confirm()

    @on(Input.Changed, "#typed")
    def _typing(self) -> None:
        self.query_one("#confirm", PushButton).disabled = not self._may()

    @on(Input.Submitted, "#typed")
    def _typed(self) -> None:
        """Enter goes to the button; it takes another one to press it."""
        if self._may():
            self.query_one("#confirm", PushButton).focus()


def _gist(snapshot: Snapshot) -> object:
    """What makes the pair another one for whoever is about to act on it."""
    return snapshot.verdict.code, snapshot.serving

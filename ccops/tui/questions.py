"""What an operation still takes, asked of the person; what is to become of one that was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccops.pair.joined import best_sync, service_state
from ccops.tui import quantities
from ccops.tui.screens.choice import ChoiceScreen, Option
from ccops.tui.widgets import node_panel, side_panel
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.operations.audit import Record
    from ccops.operations.plan import Request
    from ccops.tui.app import Console
    from ccops.tui.run import Run

_CANCEL = Option("Cancel", "nothing is done", "")


async def completed(request: Request, app: Console, from_menu: bool) -> Request | None:
    """The request with what it takes; None where it was called off. `from_menu`: its rarer forms are asked for too."""
    from msgspec.structs import replace

    from ccops.operations.catalogue import OPERATIONS

    operation = OPERATIONS.get(request.operation)
    takes = operation.takes if operation else "nothing"
    title = operation.title if operation else request.operation
    snapshot = app.snapshot
    if takes == "node" and request.node is None:
        node = await app.push_screen_wait(ChoiceScreen(title, ["On which node?"], [_CANCEL, *_nodes(snapshot)]))
        return None if node is None else replace(request, node=node)
    if takes == "victim" and "victim" not in request.arguments:
        return _with(request, await app.push_screen_wait(_victims(title, snapshot)))
    if takes == "rate" and not request.arguments:
        return _with(request, await app.push_screen_wait(_rates(title, snapshot)))
    if takes == "service":
        wanted = request.arguments.get("name")
        return _with(request, await app.push_screen_wait(_services(title, snapshot, wanted)))
    if request.operation == "resync" and from_menu and not request.arguments:
        return _with(request, await app.push_screen_wait(_resyncs(title, snapshot)))
    return request


async def what_becomes_of(record: Record, app: Console) -> str | None:
    """`on`, `undo`, `leave`, or None where nothing is decided now."""
    done = ", ".join(sorted(record.steps_done)) or "none"
    text = [
        record.first.title,
        f"It began at {quantities.moment(record.first.at, app.clock())} and stands in the step "
        f"{record.step or 'before the first'}; seen so far: {done}.",
    ]
    if not record.ending:
        text.append("It has no end in the audit log: somebody may still be at it, and then going on is refused.")
    options = [
        Option("Later", "nothing is done now", ""),
        Option("Go on", "look at the plan, from where it stood", "on"),
        Option("Undo", "look at what can be taken back", "undo"),
        Option("Leave it", "as it stands: it is not offered again", "leave"),
    ]
    return await app.push_screen_wait(ChoiceScreen("Interrupted operation", text, options))


async def stop_here(run: Run, app: Console) -> bool:
    """True when it is to be stopped in the middle."""
    text = [
        run.plan.title,
        "Stopped here the pair stays as it is now, and it can be resumed. What a node was told already, it does.",
    ]
    options = [Option("Go on", "the operation is not touched", ""), Option("Stop here", "interrupt it", "stop")]
    return await app.push_screen_wait(ChoiceScreen("Stop the operation?", text, options)) == "stop"


def _with(request: Request, words: str | None) -> Request | None:
    """The request with arguments from `key=value key=value`."""
    from msgspec.structs import replace

    if words is None:
        return None
    given = {key: value for key, _, value in (word.partition("=") for word in words.split(" ")) if value}
    return replace(request, arguments={**request.arguments, **given})


def _nodes(snapshot: Snapshot) -> list[Option]:
    options = []
    for index, name in enumerate(snapshot.pair.layout.nodes):
        about = " ".join("".join(text for text, _ in node_panel.line(snapshot, index)[1:]).split())
        options.append(Option(name, about, name))
    return options


def _victims(title: str, snapshot: Snapshot) -> ChoiceScreen:
    divergence = snapshot.divergence
    names = snapshot.pair.layout.nodes
    advised = divergence.victim if divergence else None
    options = [_CANCEL]
    for name in names:
        about = "the evidence advises this" if name == advised else ""
        options.append(Option(f"Give up what {name} changed", about, f"victim={name}"))
    text = ["Whose changes are given up? The other side's data stay. The plan is shown before anything is done."]
    if divergence is None:
        text.append("How far the sides diverged is not known: there is nothing to compare.")
        return ChoiceScreen(title, text, options)
    if advised is None:
        text.append("The evidence does not decide.")
    cards = [side_panel.face(divergence, index) for index in (0, 1)]
    return ChoiceScreen(title, text, options, cards=cards, more=divergence.reasons)


def _rates(title: str, snapshot: Snapshot) -> ChoiceScreen:
    found = best_sync(snapshot.pair)
    speed = found.sync.speed_kib_s if found else None
    now = f"It runs at {quantities.size(speed)}/s now." if speed is not None else "No resync is seen now."
    options = [_CANCEL, Option("As configured", "what was set for this resync is reverted", "revert=yes")]
    options += [Option(f"{rate}B/s", "", f"rate={rate}") for rate in ("1M", "10M", "30M", "100M")]
    return _Rates(title, [now], options, typed="or another rate, as DRBD writes it: 500K, 50M")


class _Rates(ChoiceScreen):
    """What is typed is a rate."""

    def dismiss_typed(self, text: str) -> None:
        """As an argument; a blank would begin another one."""
        self.dismiss(f"rate={text.replace(' ', '')}")


def _services(title: str, snapshot: Snapshot, wanted: str | None) -> ChoiceScreen:
    options = [_CANCEL]
    where = snapshot.serving
    for name in snapshot.pair.layout.services:
        if wanted is not None and name != wanted:
            continue
        state = service_state(snapshot.pair, where, name) if where else None
        about = f"{state or 'state not known'}{f' on {where}' if where else ''}"
        calls = "; calls up are cut off" if name == "asterisk" else "; calls go on"
        options.append(Option(f"{name}, at once", about + calls, f"name={name}"))
        if name == "asterisk":
            options.append(Option(f"{name}, when idle", "when the last call has ended", f"name={name} when=idle"))
    return ChoiceScreen(title, ["Which one, and when?"], options)


def _resyncs(title: str, snapshot: Snapshot) -> ChoiceScreen:
    options = [_CANCEL, Option("What differs", "join the sides again, or repair what a verify found", "differs=")]
    names = snapshot.pair.layout.nodes
    for index, name in enumerate(names):
        about = f"all of {names[1 - index]}'s data; {name} is unsafe until it is over"
        options.append(Option(f"Everything, to {name}", about, f"full={name}"))
    return ChoiceScreen(title, ["What is to be copied?"], options)

"""The keys of the console: every binding has an id, a group and a tooltip, and can be given other keys."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, REPLACED_KEYS, Keys, format_key

VIEWS: Final = Binding.Group("Views")
SCREEN: Final = Binding.Group("Screen")
MOVING: Final = Binding.Group("Moving")
LOG: Final = Binding.Group("Log")
CONSOLE: Final = Binding.Group("Console")
OPERATIONS: Final = Binding.Group("Operations")


def key(id: str, keys: str, action: str, description: str, tooltip: str, group: Binding.Group) -> Binding:
    """A binding as the console wants it: with everything that help, palette and `[console.keys]` need."""
    return Binding(keys, action, description, id=id, tooltip=tooltip, group=group, show=False)


CONSOLE_KEYS: Final[tuple[Binding, ...]] = (
    key("view.pair", "1", "view('pair')", "Pair", "Both nodes side by side, and the link between them", VIEWS),
    key("view.queues", "2", "view('queues')", "Queues", "Queues and the callers waiting in them", VIEWS),
    key("view.agents", "3", "view('agents')", "Agents", "Agents, what they do and since when", VIEWS),
    key("view.lines", "4", "view('lines')", "Lines", "Trunks and extensions", VIEWS),
    key("view.log", "5", "view('log')", "Log", "Both nodes, Asterisk and ccops on one time line", VIEWS),
    key("view.triage", "6,d", "view('triage')", "Triage", "What is wrong, how it is known, what to do", VIEWS),
    key("view.reports", "7", "view('reports')", "Reports", "Times of service, and the calls one by one", VIEWS),
    key("view.pbx", "8", "view('pbx')", "PBX", "Extensions and trunks, to be edited", VIEWS),
    key("view.campaigns", "9", "view('campaigns')", "Campaigns", "Campaigns, sessions and breaks", VIEWS),
    key("view.next", "tab", "cycle(1)", "Next pane", "The next pane of this view, then the next view", VIEWS),
    key("view.previous", "shift+tab", "cycle(-1)", "Previous pane", "The pane or view before", VIEWS),
    key("screen.freeze", "space", "freeze", "Freeze", "Hold the screen still; data goes on behind it", SCREEN),
    key("screen.filter", "slash", "filter", "Filter", "Show only what contains a text; a leading ! inverts", SCREEN),
    key("screen.back", "escape", "back", "Back", "Close what is open, clear the filter", SCREEN),
    key("screen.theme", "t", "next_theme", "Next theme", "Other colours; the palette lists them by name", SCREEN),
    key("console.arm", "w", "arm", "Arm", "Let operations be done for a set time, or make it read-only", OPERATIONS),
    key("operations.menu", "o", "operations", "Menu", "All operations; the one under way; the audit log", OPERATIONS),
    key("failover.start", "F", "operate('failover')", "Failover", "The serving node gives all to its peer", OPERATIONS),
    key("failback.start", "B", "operate('failback')", "Failback", "The preferred node takes all back", OPERATIONS),
    key("resync.start", "R", "operate('resync')", "Resync", "Join the sides, or repair them", OPERATIONS),
    key("verify.start", "V", "operate('verify')", "Verify", "Compare all blocks of both sides", OPERATIONS),
    key(
        "recover.start",
        "X",
        "operate('recover')",
        "Recover",
        "From split brain: give a side up",
        OPERATIONS,
    ),
    key("console.palette", "ctrl+p,colon", "command_palette", "Commands", "Find any command by name", CONSOLE),
    key("console.help", "question_mark", "help", "Help", "This list of keys", CONSOLE),
    key("console.pair", "p", "next_pair", "Next pair", "Watch the next pair of the configuration", CONSOLE),
    key("console.quit", "q", "leave", "Quit", "End the console; what is open is closed first", CONSOLE),
    key("console.quit_now", "ctrl+q", "quit", "Quit at once", "End the console from anywhere", CONSOLE),
)


class Key(NamedTuple):
    """One line of the help: the keys as printed, what they do, more about it, under which heading."""

    id: str
    keys: str
    description: str
    tooltip: str
    group: str


def flat(bindings: Iterable[BindingType]) -> list[Binding]:
    """Only what is a `Binding` with an id; nothing else can be remapped or listed."""
    return [binding for binding in bindings if isinstance(binding, Binding) and binding.id]


def listing(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[Key]:
    """Bindings as help and palette print them, with the keys that `keymap` gives them."""
    return [
        Key(
            binding.id or "",
            " ".join(display(name) for name in split(keymap.get(binding.id or "", binding.key))),
            binding.description,
            binding.tooltip,
            binding.group.description if binding.group else "This view",
        )
        for binding in flat(bindings)
    ]


def display(name: str) -> str:
    """A key as it is printed on the keyboard: `?`, `ctrl+p`, `↑`."""
    *modifiers, last = _long(name).split("+")
    return "+".join((*modifiers, format_key(last)))


def split(keys: str) -> list[str]:
    """The keys of a comma separated list; a lone `,` is the comma itself."""
    return ["comma"] if keys.strip() == "," else [part.strip() for part in keys.split(",")]


def check(wanted: Mapping[str, str], scopes: Mapping[str, Sequence[BindingType]]) -> tuple[dict[str, str], list[str]]:
    """What of `wanted` (id → keys) holds, and a line for each fault.

    `scopes` are the bindings by owner; the owner "" is the console itself, whose keys hold in every view, so two
    bindings of one owner, or one of the console and one of a view, may not end up on the same key.
    """
    known = {binding.id or "": owner for owner, bindings in scopes.items() for binding in flat(bindings)}
    good: dict[str, str] = {}
    faults: list[str] = []
    for name, keys in wanted.items():
        if name not in known:
            near = ", ".join(other for other in known if other.split(".")[0] == name.split(".")[0])
            faults.append(f"console.keys: {name!r} is no binding; {near or 'the help (?) lists them'}")
            continue
        bad = [part for part in split(keys) if not is_key(part)]
        if bad:
            faults.append(f"console.keys.{name}: expected keys such as 'x', 'f5' or 'ctrl+x', found {bad[0]!r}")
            continue
        good[name] = ",".join(_long(part) for part in split(keys))
    for fault, name in _clashes(good, scopes):
        faults.append(fault)
        good.pop(name, None)
    return good, faults


def _clashes(good: Mapping[str, str], scopes: Mapping[str, Sequence[BindingType]]) -> list[tuple[str, str]]:
    users: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for owner, bindings in scopes.items():
        for binding in flat(bindings):
            name = binding.id or ""
            for part in split(good.get(name, binding.key)):
                users[_long(part)].append((owner, name))
    found = []
    for used, by in users.items():
        for owner, name in by:
            others = [other for place, other in by if other != name and (place == owner or "" in (place, owner))]
            if name in good and others:
                found.append((f"console.keys.{name}: {display(used)!r} is already {others[0]}; give it another", name))
    return found


def is_key(name: str) -> bool:
    """True for what a terminal can send: a character, a key's name, either with `ctrl+`, `shift+`, `alt+`, `super+`."""
    *modifiers, last = name.split("+") if name != "+" else ["+"]
    if len(set(modifiers)) != len(modifiers) or not set(modifiers) <= {"ctrl", "shift", "alt", "super"}:
        return False
    return (len(last) == 1 and last.isprintable()) or last in _NAMES or (last.islower() and _is_character(last))


def _is_character(name: str) -> bool:
    """True for a character's Unicode name as keys are called (`question_mark`, `less_than_sign`)."""
    try:
        unicodedata.lookup(REPLACED_KEYS.get(name, name).replace("hyphen_minus", "hyphen-minus").replace("_", " "))
    except KeyError:
        return False
    return len(name) > 1


def _long(name: str) -> str:
    """`?` as `question_mark`: the form that Textual compares."""
    *modifiers, last = name.split("+") if name != "+" else ["+"]
    return "+".join((*modifiers, _character(last) if len(last) == 1 else last))


def _character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name) or character


_NAMES: Final = frozenset(
    {value.value for value in Keys if not value.value.startswith("<")} | set(KEY_NAME_REPLACEMENTS.values())
)

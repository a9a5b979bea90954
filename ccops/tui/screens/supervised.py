"""What the views of queues and agents share for acting: the keys, and telling who is meant."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding
from textual.message import Message

from ccops.tui import keymap
from ccops.tui.screens.centre import CentreView

_GROUP = Binding.Group("Supervising")


class Subject(NamedTuple):
    """Who or what is under the cursor: an agent (also as member of `queue`), a caller's uniqueid, or a queue alone."""

    agent: str = ""
    queue: str = ""
    caller: str = ""


def supervising_keys(view: str) -> tuple[Binding, ...]:
    """The keys of one view; ids begin with its name."""

    def key(kind: str, keys: str, description: str, tooltip: str) -> Binding:
        return keymap.key(f"{view}.{kind or 'menu'}", keys, f"supervise('{kind}')", description, tooltip, _GROUP)

    return (
        key("", "e", "Act on", "All that can be done to the row under the cursor, and what not, and why"),
        key("pause", "P", "Pause", "No more calls for this agent; asks for the reason, or the break"),
        key("unpause", "U", "Unpause", "Calls again for this agent"),
        key("add", "plus", "Add to a queue", "Makes the agent a member; asks which queue"),
        key("remove", "minus", "Remove", "Takes the agent out of a queue"),
        key("penalty", "percent_sign", "Penalty", "Who has a lower one gets calls first"),
        key("logout", "L", "Log out", "Takes the agent out of all queues"),
        key("hangup", "H", "Hang up", "Ends the agent's or the caller's call"),
        *([key("move", "M", "Move", "The caller to the top, or to another queue")] if view == "queues" else []),
        key(
            "listen", "S", "Listen", "To the agent's call, from your own telephone; the menu also has whisper and join"
        ),
    )


class SupervisedView(CentreView):
    """A view on whose rows a supervisor acts. `subject` tells which one is meant."""

    class Wished(Message):
        """Something is to be done to `subject`: a deed's kind, "" for the menu of them."""

        def __init__(self, kind: str, subject: Subject) -> None:
            super().__init__()
            self.kind = kind
            self.subject = subject

    def subject(self) -> Subject:
        """Who is under the cursor."""
        raise NotImplementedError

    def action_supervise(self, kind: str) -> None:
        """Asks for it."""
        self.post_message(self.Wished(kind, self.subject()))

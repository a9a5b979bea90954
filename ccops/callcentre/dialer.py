"""The call-center module's dialer as far as deeds take it: which agents are its own, what it can do, and the breaks.

Source: Agente.class.php, AMIEventProcess.class.php and ECCPConn.class.php of the module (Elastix 2.x, Issabel 4). The
dialer names an agent TYPE/NUMBER. A static one (Agent/9000) logs in over a call; a callback one (SIP/101) is added to
its queues. With Asterisk 12 and later a static one is a member as Local/9000@agents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from ccops.callcentre.campaigns import Break

Standing = Literal["offline", "online", "oncall", "paused", "unknown"]
"""An agent's state as getagentstatus has it."""

_POOL = re.compile(r"Local/([0-9]{1,20})@agents(?:/n)?")


class ByDialer(msgspec.Struct, frozen=True):
    """What the dialer can do to one agent, or why it can do nothing (`why_not`, with a `way_out`).

    `requests` are those that this dialer knows, None where it does not tell. `break_id` and `break_name` tell the
    break that the agent is in. `open_to_all`: the agent has no ECCP password, and the dialer asks for none. `shipped`:
    the dialer lets in whoever knows the password that every module is shipped with.
    """

    why_not: str = ""
    way_out: str = ""
    requests: frozenset[str] | None = None
    breaks: tuple[Break, ...] = ()
    standing: Standing = "unknown"
    break_id: int | None = None
    break_name: str = ""
    open_to_all: bool = False
    shipped: bool = False


NOT_ASKED = ByDialer("the call-center module's dialer has not been asked yet", "try again")


def dialers_name(interface: str) -> str:
    """How the dialer names the agent behind a queue member's interface."""
    pool = _POOL.fullmatch(interface)
    return f"Agent/{pool[1]}" if pool else interface


def logs_in_by_call(interface: str) -> bool:
    """Whether that is an agent of chan_agent or app_agent_pool: a member also while logged out."""
    return dialers_name(interface).startswith("Agent/")


def break_called(breaks: tuple[Break, ...], text: str) -> Break | str:
    """The break that `text` means, its name in any case or its number; why none is meant."""
    wanted = text.strip().casefold()
    found = [each for each in breaks if each.name.casefold() == wanted] or [b for b in breaks if str(b.id) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        return f"several breaks are called {text!r}: give the number, {' or '.join(str(each.id) for each in found)}"
    return f"there is no active break {text!r}; there are {named_breaks(breaks)}"


def named_breaks(breaks: tuple[Break, ...]) -> str:
    """`Almuerzo, Baño`; `none`."""
    shown = ", ".join(each.name or str(each.id) for each in breaks[:12])
    return (shown + (", …" if len(breaks) > 12 else "")) or "none"


Dialers = Mapping[str, ByDialer]
"""What is known of the dialer's agents that were asked about, by interface."""

"""A Grandstream GXW4108, the gateway with eight analogue lines: its trunk, and what is typed into its web pages.

The gateway does not log in: it is known by its address, and each side sends calls to the other. Source: Grandstream's
GXW410x user manual (pages Profile 1, FXO Lines, Channels); a label may differ by firmware.
"""

from __future__ import annotations

import msgspec

from ccops.pbx.model import Trunk

LINES = 8


class Setting(msgspec.Struct, frozen=True):
    """One thing to type into the device: the page, the label there, the value, and why."""

    page: str
    label: str
    value: str
    why: str = ""


def gxw4108(name: str, host: str, context: str = "from-trunk") -> Trunk:
    """Its trunk: eight calls at once, told from others by its address, without a secret."""
    return Trunk(name, host=host, context=context, channels=str(LINES), register="no", insecure="port,invite")


def device_settings(trunk: Trunk, server: str, number: str) -> tuple[Setting, ...]:
    """What to type into the gateway. `server`: the pair's virtual address; `number`: what its calls are for, a DID."""
    first = f"ch1-{LINES}"
    return (
        Setting("Profile 1", "SIP Server", server, "the virtual address, so that it follows a failover"),
        Setting("Profile 1", "SIP Registration", "No", "the trunk is known by its address"),
        Setting("Profile 1", "NAT Traversal", "No"),
        Setting("Profile 1", "DTMF Methods", f"{first}:1;" if trunk.dtmf == "inband" else f"{first}:2;", trunk.dtmf),
        Setting("Profile 1", "Preferred Vocoder", trunk.codecs.replace(",", ", then ") or "as the server"),
        Setting("Channels", "SIP User ID", f"{first}:{trunk.name};"),
        Setting("Channels", "Profile ID", f"{first}:p1;"),
        Setting("Channels", "Local SIP Listen Port", f"{first}:{trunk.port or '5060'}++;"),
        Setting("FXO Lines", "Unconditional Call Forward to VoIP", f"{first}:{number};", "each line rings there"),
        Setting("FXO Lines", "Number of Rings Before Pickup", f"{first}:2;", "leaves time for the caller's number"),
        Setting("FXO Lines", "Wait for Dial Tone", f"{first}:N;"),
        Setting("FXO Lines", "Stage Method (1/2)", f"{first}:1;", "Asterisk sends the whole number"),
        Setting("FXO Lines", "Enable Current Disconnect", f"{first}:Y;", "a line that hung up is freed"),
    )

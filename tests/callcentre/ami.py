"""AMI messages for tests: the recorded ones, and short ways to write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ccops.callcentre.fold import fold
from ccops.callcentre.model import Centre
from ccops.callcentre.resync import resync
from ccops.text import clean, decode

CAPTURE = Path(__file__).parents[1] / "captures" / "ami" / "asterisk16-calls.txt"
# When the recorded connection began, by its first EventTV.
CAPTURED_AT = 1795403366.9
T0 = 1_700_000_040.0


def recorded() -> Iterator[dict[str, str]]:
    """The messages of the capture in order, keys in lower case; a repeated key keeps its last value."""
    for block in CAPTURE.read_bytes().split(b"\r\n\r\n"):
        message: dict[str, str] = {}
        for line in block.split(b"\r\n"):
            key, colon, value = line.partition(b":")
            if colon:
                message[decode(key).lower()] = clean(decode(value).strip())
        if message:
            yield message


def ev(event: str, /, **fields: object) -> dict[str, str]:
    """One event; keyword names become lower-case keys, `_` stays out of the way of `from`."""
    return {"event": event, **{key.lower().strip("_"): str(value) for key, value in fields.items()}}


def play(centre: Centre, *steps: tuple[float, Mapping[str, str]]) -> Centre:
    """Folds events at T0 + seconds."""
    for after, event in steps:
        centre = fold(centre, event, T0 + after)
    return centre


def listed(*events: Mapping[str, str], version: str = "16.28.0", at: float = T0, **more: object) -> Centre:
    """A centre that has just read these QueueStatus events, and that version."""
    lists = {"QueueStatus": list(events), "CoreSettings": [{"response": "Success", "asteriskversion": version}]}
    return resync(Centre(**more), lists, at)  # type: ignore[arg-type]


def params(queue: str, level: int = 20, **fields: object) -> dict[str, str]:
    """A QueueParams event."""
    return ev("QueueParams", queue=queue, strategy="ringall", servicelevel=level, completed=0, abandoned=0, **fields)


def member(queue: str, interface: str, status: int = 1, **fields: object) -> dict[str, str]:
    """A QueueMember event of a list."""
    base: dict[str, object] = {"membership": "static", "penalty": 0, "paused": 0, "callstaken": 0, "lastcall": 0}
    return ev("QueueMember", queue=queue, name=f"Agent {interface}", location=interface, status=status, **base | fields)

"""Deeds as the requests that plans and the audit log have, and as they are typed."""

from __future__ import annotations

from typing import get_args

import msgspec
from msgspec.structs import replace

from ccops.callcentre.deeds import Deed, Kind
from ccops.operations.plan import OperationError, Request

_WORDS: dict[str, str] = {"move": "queue move"}


def request_of(deed: Deed) -> Request:
    """The deed as the audit log and plans have it."""
    given = msgspec.structs.asdict(deed)
    kind = given.pop("kind")
    if kind not in ("add", "penalty"):
        given.pop("penalty")
    arguments = {key: str(value) for key, value in given.items() if value != ""}
    return Request(_WORDS.get(kind, f"agent {kind}"), None, arguments)


def deed_of(request: Request) -> Deed:
    """The deed of such a request. Raises OperationError where it is none."""
    kind = request.operation.partition(" ")[2]
    given = dict(request.arguments)
    if not request.at_once or kind not in get_args(Kind) or not set(given) <= set(Deed.__struct_fields__):
        raise OperationError(f"there is nothing to be done to an agent or a queue that is called {request}")
    try:
        penalty = int(given.pop("penalty", "0"))
    except ValueError:
        raise OperationError(f"expected a penalty from 0 to 999, found {request.arguments['penalty']!r}") from None
    return replace(Deed(kind, **given), penalty=penalty)  # type: ignore[arg-type]


def words(deed: Deed) -> list[str]:
    """What is typed for it after `ccops`."""
    if deed.kind == "move":
        return ["queue", "move", deed.caller, *(["--to", deed.to] if deed.to else [])]
    if deed.kind == "hangup" and deed.caller:
        return ["agent", "hangup", "--caller", deed.caller]
    found = ["agent", deed.kind, deed.agent]
    found += [deed.queue] if deed.kind in ("add", "remove") else ["--queue", deed.queue] if deed.queue else []
    found += [str(deed.penalty)] if deed.kind == "penalty" else []
    found += ["--penalty", str(deed.penalty)] if deed.kind == "add" and deed.penalty else []
    found += ["--break", deed.pause] if deed.pause else []
    found += ["--reason", deed.reason] if deed.reason else []
    return found + (["--extension", deed.extension] if deed.extension else [])

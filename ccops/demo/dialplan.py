"""What `dialplan show` prints on a simulated node: numbers of telephones and queues, and where calls come in.

Format: main/pbx.c of Asterisk 16, show_dialplan_helper.
"""

from __future__ import annotations

from collections.abc import Iterator

from ccops.demo.exchange import Exchange

_REGISTRAR = "extensions_additional.conf"


def show_dialplan(exchange: Exchange) -> list[str]:
    """All of it, as FreePBX lays it out."""
    queues = list(exchange.queues)
    numbers = [agent.number for agent in exchange.agents.values()]
    inside: list[tuple[str, str]] = [(number, f"Dial(SIP/{number},20)") for number in numbers]
    pattern = "_XXX" if len(numbers[0]) == 3 else "_XXXX"
    inside += [(pattern, "Dial(SIP/${EXTEN},20)"), ("*97", "VoiceMailMain()"), ("*43", "Echo()")]
    contexts: list[tuple[str, list[tuple[str, str]], list[str]]] = [
        ("from-internal", inside, ["ext-queues", "parkedcalls"]),
        ("ext-queues", [(str(400 + n), f"Queue({name},,,,60)") for n, name in enumerate(queues)], []),
        ("from-trunk", [("s", "Goto(ext-queues,400,1)"), ("_X.", "Goto(ext-queues,${EXTEN},1)")], ["ext-queues"]),
        ("from-pstn", [("s", "Goto(from-trunk,s,1)")], ["from-trunk"]),
        ("parkedcalls", [("700", "Park()")], []),
        ("default", [("s", "Hangup()")], []),
    ]
    lines = [line for context in contexts for line in _context(*context)]
    count = sum(len(extensions) for _, extensions, _ in contexts)
    return [*lines, f"-= {count} extensions ({2 * count} priorities) in {len(contexts)} contexts. =-"]


def _context(name: str, extensions: list[tuple[str, str]], includes: list[str]) -> Iterator[str]:
    yield f"[ Context '{name}' created by 'pbx_config' ]"
    for line, (number, deed) in enumerate(extensions, 4):
        head, first = f"  '{number}' =>", f"1. {deed}"
        yield f"{head:<20}{first:<46}[{_REGISTRAR}:{line}]"
        yield f"{'':<20}{'2. Hangup()':<46}[{_REGISTRAR}:{line}]"
    for other in includes:
        quoted = f"'{other}'"
        yield f"  Include =>        {quoted:<46}[pbx_config]"
    yield ""

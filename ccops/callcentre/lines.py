"""Lines: endpoints as trunks and extensions, with the channels that each of them carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ccops.callcentre.model import Centre, Endpoint, Line


def lines(centre: Centre, trunks: Mapping[str, int]) -> tuple[Line, ...]:
    """All endpoints, trunks first, each kind by name. `trunks` maps a name, or `TECH/name`, to its ports.

    A configured trunk is always there: state unknown where no list told of it. Other endpoints are taken for trunks
    when the name is not a number, the peer does not register (PJSIP does not tell) and no queue has it as an agent's.
    Channels are those named `TECH/name-…`; what is left of a masqueraded one (`<ZOMBIE>`) does not count.
    """
    used = Counter(
        channel.name.rpartition("-")[0].casefold()
        for channel in centre.channels.values()
        if not channel.name.endswith("<ZOMBIE>")
    )
    capacities = {name.casefold(): ports for name, ports in trunks.items()}
    agents = _agents_devices(centre)
    found = [_line(endpoint, used, capacities, agents) for endpoint in centre.endpoints.values()]
    seen = {name for line in found for name in (line.name.casefold(), _device(line.tech, line.name))}
    found += [_silent_trunk(name, ports, used) for name, ports in trunks.items() if name.casefold() not in seen]
    return tuple(sorted(found, key=lambda line: (line.kind != "trunk", _by_number(line.name), line.tech)))


def _line(endpoint: Endpoint, used: Counter[str], capacities: Mapping[str, int], agents: frozenset[str]) -> Line:
    device = _device(endpoint.tech, endpoint.name)
    capacity = capacities.get(device, capacities.get(endpoint.name.casefold()))
    number = endpoint.name[:1].isdigit()
    trunk = capacity is not None or not (number or endpoint.dynamic or device in agents)
    return Line(
        name=endpoint.name,
        tech=endpoint.tech,
        kind="trunk" if trunk else "extension",
        state=endpoint.state,
        latency_ms=endpoint.latency_ms,
        channels=used[device],
        capacity=capacity,
        address=endpoint.address,
    )


def _silent_trunk(name: str, ports: int, used: Counter[str]) -> Line:
    tech, slash, rest = name.partition("/")
    ending = "/" + name.casefold()
    return Line(
        name=rest if slash else name,
        tech=tech if slash else "",
        kind="trunk",
        state="unknown",
        latency_ms=None,
        channels=used[name.casefold()] if slash else sum(n for device, n in used.items() if device.endswith(ending)),
        capacity=ports,
    )


def _agents_devices(centre: Centre) -> frozenset[str]:
    return frozenset(
        device.casefold()
        for queue in centre.queues.values()
        for member in queue.members.values()
        for device in (member.interface, member.state_interface)
    )


def _device(tech: str, name: str) -> str:
    return f"{tech}/{name}".casefold()


def _by_number(name: str) -> tuple[int, str]:
    return (int(name) if name.isascii() and name.isdecimal() and len(name) <= 15 else 0, name.casefold())

"""The pair's layout from its settings."""

from __future__ import annotations

from ccops.config import PairSettings
from ccops.pair.model import PairLayout


def layout_of(name: str, settings: PairSettings) -> PairLayout:
    """What the pair consists of, from its settings."""
    first, second = settings.nodes
    return PairLayout(
        name=name,
        nodes=(first.name, second.name),
        address=settings.address,
        resource=settings.resource,
        minor=settings.minor,
        device=settings.device,
        mount=settings.mount,
        services=settings.services,
    )

"""Bundles of evidence: made from a live pair, and judged as a live pair is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from ccops.config import NodeSettings, PairSettings, Thresholds
from ccops.links.errors import LinkError
from ccops.links.ssh import connect
from ccops.pair.model import PairLayout, Reading
from ccops.record.bundle import Bundle, write_bundle
from ccops.record.collect import collect
from ccops.triage.finding import Evidence, Finding, Step
from ccops.triage.lint import lint
from ccops.triage.verdict import ALTERED
from ccops.watch.joining import Joiner
from ccops.watch.layout import layout_of
from ccops.watch.snapshot import Snapshot

Files = Mapping[str, tuple[str, int | None]]


async def make_bundle(name: str, settings: PairSettings, path: Path) -> tuple[str, ...]:
    """Collects from both nodes at once and writes `path`; returns a sentence for each node, and one for the file.

    A node that cannot be reached has no folder in the bundle, which is evidence too. Raises LinkError when neither can.
    """
    layout = layout_of(name, settings)
    salt = secrets.token_hex(16)
    found = await asyncio.gather(*(_collected(node, layout, settings, salt) for node in settings.nodes))
    outputs = {node.name: files for node, files in zip(settings.nodes, found, strict=True) if isinstance(files, dict)}
    failures = {node.name: f for node, f in zip(settings.nodes, found, strict=True) if isinstance(f, LinkError)}
    if not outputs:
        raise LinkError("; ".join(str(error) for error in failures.values()))
    write_bundle(path, layout, outputs)
    told = [f"{node}: {len(files)} files" for node, files in outputs.items()]
    told += [f"{node}: not reached: {error}" for node, error in failures.items()]
    return (*told, f"written: {path}")


async def _collected(node: NodeSettings, layout: PairLayout, settings: PairSettings, salt: str) -> Files | LinkError:
    try:
        connection = await connect(node)
        try:
            ha_log, sudo = settings.ha_log, settings.sudo
            return dict(await collect(connection, layout, node.name, ha_log=ha_log, sudo=sudo, salt=salt))
        finally:
            connection.close()
    except LinkError as error:
        return error


def of_bundle(bundle: Bundle, thresholds: Thresholds | None = None) -> Snapshot:
    """A bundle as a snapshot: judged at the moment it was taken; it holds nothing of the call centre."""
    joiner = Joiner(bundle.pair.layout, interval_s=1.0, thresholds=thresholds)
    for line in bundle.log:
        joiner.logged(line)
    joiner.traces = bundle.traces
    joiner.examined((*lint(bundle.configurations, bundle.pair.layout), *_disbelieved(bundle)))
    judged = joiner.join(bundle.pair, bundle.pair.at)
    return Snapshot(
        at=bundle.pair.at,
        pair=judged.pair,
        verdict=judged.verdict,
        findings=judged.findings,
        divergence=judged.divergence,
        examined=True,
        serving=judged.serving,
        serving_since=judged.serving_since,
        centre=Reading(None, "a bundle holds nothing of the call centre"),
        sync_history=judged.sync_history,
    )


def _disbelieved(bundle: Bundle) -> Iterator[Finding]:
    """That not all of a bundle can be believed: what rests on it is not known, and the rest may be no more."""
    evidence = tuple(
        Evidence(file, reason, node) for node, files in bundle.lost.items() for file, reason in sorted(files.items())
    )
    if not evidence:
        return
    named = ", ".join(f"{e.source} of {e.node}" for e in evidence[:3])
    more = f" and {len(evidence) - 3} more" if len(evidence) > 3 else ""
    yield Finding(
        ALTERED,
        "unknown",
        f"not all of this bundle can be believed: {named}{more}",
        tuple(node for node, files in bundle.lost.items() if files),
        evidence,
        meaning="What these files would tell is not known; the pair may be well, and it may not. What else is "
        "found rests on the other files alone.",
        avoid="Do not decide by this bundle alone whose data are given up.",
        remedy=(Step("collect a new one", None, "ccops bundle FILE"),),
    )

"""Measures every budget and prints one table of Markdown: `python -m tests.bench`. Takes about eight minutes."""

from __future__ import annotations

import asyncio

from tests.bench import console, ingest, module, table
from tests.bench.console import Figure
from tests.mariadb.server import MISSING, SERVER


def main() -> None:
    """All figures, each beside its baseline of the same run."""
    print("| what | ccops | baseline, same run | budget |\n|---|---|---|---|")
    for part in console.PARTS.values():
        console.show(asyncio.run(part()))
    ours, theirs = ingest.measure()
    told = f"{ours / 1000:.0f} k events/s, {ours / theirs:.1f} times as many"
    console.show([Figure("AMI ingest", told, f"{theirs / 1000:.0f} k events/s, plain panoramisk", "≥ 3 times")])
    line, data = table.measure("line"), table.measure("data")
    cheaper = f"{data['cpu_s'] / line['cpu_s']:.1f} times cheaper"
    told = f"{line['cpu_s'] * 1000:.1f} ms CPU, {line['bytes'] / 1000:.1f} kB, {cheaper}"
    baseline = f"{data['cpu_s'] * 1000:.1f} ms, {data['bytes'] / 1000:.1f} kB, DataTable.update_cell"
    console.show([Figure("1,000 rows, 100 cells changed", told, baseline, "≤ 5 ms, ≥ 6 times cheaper")])
    if SERVER is None:
        print(MISSING)
        return
    found = module.measure()
    told = f"{found['read']:.0f} ms, {found['naive'] / found['read']:.1f} times as fast"
    baseline = f"{found['naive']:.0f} ms, asked by DATE(column)"
    console.show([Figure("a day's 5,000 calls of a million", told, baseline, f"≥ {module.CHEAPER:.0f} times")])


if __name__ == "__main__":
    main()

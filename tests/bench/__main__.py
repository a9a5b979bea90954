"""Measures every budget and prints one table of Markdown: `python -m tests.bench`. Takes about ten minutes."""

from __future__ import annotations

import asyncio

from tests.bench import campaigns, console, ingest, module, table
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
    found = campaigns.measure()
    for what, name in {
        "today": "outcomes of today's incoming calls, of a million",
        "last calls": "a campaign's last 50 calls, of half a million",
        "sessions": "sessions and breaks of today, followed, of a million",
    }.items():
        told = f"{found[what]:.1f} ms, {found[f'{what}, plainly'] / found[what]:.0f} times as fast"
        baseline = f"{found[f'{what}, plainly']:.0f} ms, {campaigns.PLAINLY[what]}"
        console.show([Figure(name, told, baseline, f"≥ {campaigns.CHEAPER:.0f} times")])
    told = f"{found['counts of 5 campaigns'] / 1000:.1f} s, at most each 30 s, and a fifth of the time"
    console.show([Figure("outcomes of five campaigns of 100,000 calls", told, "–", "–")])


if __name__ == "__main__":
    main()

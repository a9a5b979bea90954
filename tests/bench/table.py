"""What a refresh of a table costs: 1,000 rows of 8 cells, 100 cells changed, painted at 120×40 in a pseudo-terminal.

`python -m tests.bench.table` prints CPU time and bytes a refresh for `LineTable` and for Textual's `DataTable`
(`update_cell`), measured in one run; `pytest -m bench tests/bench/table.py` holds them to the budget.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from ccops.tui.widgets.cells import Cell, Column, Row
from ccops.tui.widgets.linetable import LineTable

ROWS, COLUMNS, CHANGED, ROUNDS, WARM_UP = 1_000, 8, 100, 40, 5
BUDGET_S, RATIO = 0.005, 6.0


class Probe(App[None]):
    """Changes cells, waits until that is painted, notes the CPU time between."""

    CSS = "DataTable { height: 1fr; }"

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.values = [[0] * COLUMNS for _ in range(ROWS)]
        self.costs: list[float] = []
        self.begun = 0.0
        self.round = 0

    def compose(self) -> ComposeResult:
        if self.kind == "line":
            yield LineTable([Column(str(i), f"column {i}", 12) for i in range(COLUMNS)])
        else:
            yield DataTable()

    def on_mount(self) -> None:
        if self.kind == "line":
            self.rows = [self._row(number) for number in range(ROWS)]
            self.query_one(LineTable).set_rows(self.rows)
        else:
            table: DataTable[str] = self.query_one(DataTable)
            for i in range(COLUMNS):
                table.add_column(f"column {i}", key=str(i), width=12)
            for number, row in enumerate(self.values):
                table.add_row(*(f"cell {value}" for value in row), key=str(number))
        self.set_timer(0.5, self._change)

    def _row(self, number: int) -> Row:
        return Row(str(number), tuple(Cell(f"cell {value}") for value in self.values[number]))

    def _change(self) -> None:
        self.round += 1
        self.begun = time.process_time()
        # Every tenth row, so that of the rows in sight as large a share changes as of all of them.
        changes = [((i * 10 + self.round) % ROWS, (i + self.round) % COLUMNS) for i in range(CHANGED)]
        for number, column in changes:
            self.values[number][column] += 1
        if self.kind == "line":
            for number, _ in changes:
                self.rows[number] = self._row(number)
            self.query_one(LineTable).set_rows(self.rows)
        else:
            table: DataTable[str] = self.query_one(DataTable)
            for number, column in changes:
                table.update_cell(str(number), str(column), f"cell {self.values[number][column]}")

    def post_display_hook(self) -> None:
        if not self.begun:
            return
        self.costs.append(time.process_time() - self.begun)
        self.begun = 0.0
        if self.round < ROUNDS + WARM_UP:
            # Painting is capped at 60 a second: the next change waits until the cap has passed.
            self.set_timer(0.05, self._change)
        else:
            self.exit()


def measure(kind: str) -> dict[str, float]:
    """Median CPU seconds and bytes a refresh, of one kind of table in a process and a terminal of its own."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "tests.bench.table", kind, str(write_end)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, pass_fds=(write_end,), env=environment
    )
    os.close(follower)
    os.close(write_end)
    seen = 0

    def drain() -> None:
        nonlocal seen
        try:
            while chunk := os.read(leader, 65_536):
                seen += len(chunk)
        except OSError:  # the terminal was closed
            return

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    with os.fdopen(read_end) as results:
        costs: list[Any] = json.loads(results.read() or "[]")
    process.wait(timeout=60)
    reader.join(timeout=5)
    os.close(leader)
    if len(costs) < ROUNDS:
        raise RuntimeError(f"expected {ROUNDS} refreshes of the {kind} table, found {len(costs)}")
    return {"cpu_s": statistics.median(costs[WARM_UP:]), "bytes": seen / len(costs)}


@pytest.mark.bench
def test_a_refresh_keeps_to_the_budget() -> None:
    line, data = measure("line"), measure("data")
    assert line["cpu_s"] <= BUDGET_S, line
    assert data["cpu_s"] / line["cpu_s"] >= RATIO, (line, data)


def main() -> None:
    if len(sys.argv) == 3:
        probe = Probe(sys.argv[1])
        probe.run()
        with os.fdopen(int(sys.argv[2]), "w") as results:
            json.dump(probe.costs, results)
        return
    line, data = measure("line"), measure("data")
    for name, cost in (("LineTable", line), ("DataTable.update_cell", data)):
        print(f"{name:<22} {cost['cpu_s'] * 1000:6.2f} ms CPU   {cost['bytes'] / 1000:6.1f} kB a refresh")
    print(
        f"ratio {data['cpu_s'] / line['cpu_s']:.1f} (budget: ≤ {BUDGET_S * 1000:.0f} ms, ≥ {RATIO:.0f} times cheaper)"
    )


if __name__ == "__main__":
    main()

"""Measures the console in a real terminal, watching a simulated pair: start, latency, idle cost, load, cost on a node.

`python -m tests.bench.console [NAME…]` runs all of it, or the parts named; every figure has its baseline beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path

import msgspec

from ccops.config import Settings
from ccops.demo.world import Demo
from ccops.watch.layout import layout_of
from ccops.watch.probe import ProbeSettings, command, script
from tests.bench import asterisk
from tests.bench.terminal import Terminal

PYTHON = sys.executable
BASELINE = [PYTHON, str(Path(__file__).with_name("baseline_app.py"))]
_TICK = os.sysconf("SC_CLK_TCK")


class Figure(msgspec.Struct, frozen=True):
    """One measured thing: what, ours, the baseline's, and the budget in words."""

    what: str
    ours: str
    baseline: str
    budget: str


def settings_text(settings: Settings) -> str:
    """The settings as a file that `ccops -c` reads."""
    pair = settings.pairs["demo"]
    lines = ["[pairs.demo]", f'address = "{pair.address}"', f"interval = {pair.interval}", "[pairs.demo.services]"]
    lines += [f'{name} = "{unit}"' for name, unit in pair.services.items()]
    for node in pair.nodes:
        lines += ["[[pairs.demo.nodes]]", f'name = "{node.name}"', f'ssh = "{node.ssh}"']
        lines += [f'identity = "{node.identity}"', f'known_hosts = "{node.known_hosts}"']
        lines += [f'ssh_config = "{node.ssh_config}"']
    assert pair.ami is not None
    lines += ["[pairs.demo.ami]", f'user = "{pair.ami.user}"', f"port = {pair.ami.port}", f'via = "{pair.ami.via}"']
    lines += [f'secret = {{ file = "{pair.ami.secret.file}" }}', "[pairs.demo.ami.direct_hosts]"]
    lines += [f'"{node}" = "{host}"' for node, host in pair.ami.direct_hosts.items()]
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def console(demo: Demo, *keys: str, settings: Settings | None = None) -> AsyncIterator[Terminal]:
    """The console on `demo`, once everything is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ccops.toml"
        path.write_text(settings_text(settings or demo.settings))
        path.chmod(0o600)
        async with Terminal([PYTHON, "-m", "ccops", "-c", str(path)]) as terminal:
            await terminal.seen("serves", 60)
            for key in keys:
                terminal.send(key)
            yield terminal


@contextlib.asynccontextmanager
async def standing_still(agents: int = 24) -> AsyncIterator[Demo]:
    """A healthy simulated pair in which nothing happens by itself."""
    async with Demo(scenario="quiet-day", agents=agents) as demo:
        demo.stop_time()
        yield demo


async def start() -> list[Figure]:
    """Seconds to the first frame, and of `--version`."""

    async def first_frame(argv: list[str]) -> float:
        times = []
        for _ in range(7):
            async with Terminal(argv) as terminal:
                times.append(await terminal.seen("read-only") - terminal.began)
        return statistics.median(times)

    async with standing_still() as demo:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ccops.toml"
            path.write_text(settings_text(demo.settings))
            path.chmod(0o600)
            ours = await first_frame([PYTHON, "-m", "ccops", "-c", str(path)])
    theirs = await first_frame(BASELINE)
    version = _median_of([str(Path(PYTHON).with_name("ccops")), "--version"])
    nothing = _median_of([PYTHON, "-c", "pass"])
    return [
        Figure("first frame", f"{ours * 1000:.0f} ms", f"{theirs * 1000:.0f} ms, the least Textual app", "≤ 600 ms"),
        Figure("ccops --version", f"{version * 1000:.0f} ms", f"{nothing * 1000:.0f} ms, python -c pass", "≤ 120 ms"),
    ]


def _median_of(argv: list[str], times: int = 15) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


async def latency() -> list[Figure]:
    """Milliseconds from a change on a node, a line of a log, an event of Asterisk, to the paint."""
    random.seed(7)
    async with standing_still() as demo:
        root = demo.nodes[0].root

        async def change(n: int) -> str:
            (root / "proc/loadavg").write_text(f"{10 + n}.{n + 11} 0.10 0.10 1/99 4242\n")
            return f"{10 + n}.{n + 11}"

        async def line(n: int) -> str:
            stamp = time.strftime("%Y/%m/%d_%H:%M:%S")
            with (root / "var/log/ha-log").open("a") as log:
                log.write(f"heartbeat[99]: {stamp} info: mark{n}x\n")
            return f"mark{n}x"

        async with asterisk.client(demo) as say:

            async def event(n: int) -> str:
                await say("QueuePause", Interface="SIP/101", Paused="true", Reason=f"why{n}x")
                return f"why{n}x"

            sampled = await _paint_times(demo, "1", change, 30)
            logged = await _paint_times(demo, "5", line, 30)
            told = await _paint_times(demo, "5", event, 30)
    interval = demo.interval
    budget = 0.6 * interval + 0.05
    return [
        Figure(
            "change on a node → painted",
            _ms(sampled),
            f"{interval * 500:.0f} ms, half the interval",
            f"median ≤ {budget * 1000:.0f} ms",
        ),
        Figure("line of ha-log → painted", _ms(logged), "–", "≤ 100 ms"),
        Figure("event of Asterisk → painted", _ms(told), "–", "≤ 100 ms"),
    ]


async def _paint_times(demo: Demo, view: str, act: Callable[[int], Awaitable[str]], times: int) -> list[float]:
    took = []
    async with console(demo, view) as terminal:
        await asyncio.sleep(3)
        for n in range(times):
            await asyncio.sleep(random.uniform(0.3, 1.3))
            terminal.forget()
            began = time.perf_counter()
            words = await act(n)
            took.append(await terminal.seen(words, 15) - began)
    return took


def _ms(times: list[float]) -> str:
    ordered = sorted(times)
    return f"median {statistics.median(ordered) * 1000:.0f} ms, worst {ordered[-1] * 1000:.0f} ms"


async def idle(seconds: float = 40.0) -> list[Figure]:
    """CPU and memory of a console that watches a healthy pair, and of the least Textual app."""
    async with standing_still() as demo, console(demo) as terminal:
        ours, mib = await _cost(terminal, seconds)
    async with Terminal(BASELINE) as terminal:
        theirs, their_mib = await _cost(terminal, seconds)
    return [
        Figure("idle: CPU", f"{ours:.1f} % of a core", f"{theirs:.1f} %, the least Textual app at 1 Hz", "≤ 2 %"),
        Figure("idle: memory", f"{mib:.0f} MiB", f"{their_mib:.0f} MiB", "≤ 90 MiB"),
    ]


async def _cost(terminal: Terminal, seconds: float) -> tuple[float, float]:
    await asyncio.sleep(8)
    cpu, began = terminal.cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    return 100 * (terminal.cpu_s() - cpu) / (time.perf_counter() - began), terminal.rss_mib()


async def load(seconds: float = 20.0, rate: int = 2000) -> list[Figure]:
    """1,000 agents in 50 queues, 2,000 events a second, the Agents view shown."""
    async with standing_still() as demo, asterisk.busy(rate) as busy:
        settings = asterisk.directed(demo.settings, busy.port)
        async with console(demo, "3", settings=settings) as terminal:
            await terminal.seen("1000 agents", 60)
            await asyncio.sleep(3)
            cpu, began = terminal.cpu_s(), time.perf_counter()
            sent = await busy.play(seconds)
            took = time.perf_counter() - began
            used = 100 * (terminal.cpu_s() - cpu) / took
            terminal.send("2")
            handled = f"{busy.calls} "
            terminal.forget()
            terminal.send("12")
            lost = 0
            try:
                await terminal.seen(f" {handled}", 10)
            except TimeoutError:
                lost = 1
    told = "nothing dropped" if not lost else "NOT all calls were counted"
    return [
        Figure(
            "1,000 agents, 2,000 events/s",
            f"{used:.0f} % of a core at {sent / took:,.0f} events/s, {told}",
            "–",
            "≤ 50 %, nothing dropped",
        )
    ]


async def node(seconds: float = 40.0) -> list[Figure]:
    """CPU of the probe on a node and bytes on the wire, beside a loop that runs the commands."""
    async with standing_still() as demo:
        settings, root = demo.settings.pairs["demo"], demo.nodes[0].root
        layout = layout_of("demo", settings)
        probe = ProbeSettings(
            layout.nodes[0], layout.nodes[1], layout.resource, layout.minor, layout.mount, layout.device,
            layout.services, settings.ha_log, settings.kernel_log, False, 1.0,
        )  # fmt: skip
        environment = {**os.environ, "CCOPS_ROOT": str(root), "PATH": f"{root}/bin:{os.environ['PATH']}"}
        ours, told = await _probe_cost(command(script(probe, {})), script(probe, {}), environment, seconds)
        loop = (
            'while read -r x; do cd "$CCOPS_ROOT/proc"; cat drbd mounts loadavg; ip -o addr show;'
            " cl_status hbstatus; cl_status rscstatus; cl_status nodestatus elaxtix-voip-2; df -P /data;"
            " systemctl is-active asterisk mariadb heartbeat; date; done"
        )
        theirs, their_told = await _probe_cost(loop, b"", environment, seconds)
        wire = await _wire_bytes(demo, seconds)
    return [
        Figure("cost on a node: CPU", f"{ours:.2f} % of a core", f"{theirs:.2f} %, a loop of the commands", "≤ 1 %"),
        Figure("cost on a node: printed", f"{told:.0f} B/s", f"{their_told:.0f} B/s, a loop of the commands", "–"),
        Figure("on the wire, a node (TCP payload, both ways)", f"{wire:.0f} B/s", "–", "≤ 2,000 B/s"),
    ]


async def _probe_cost(line: str, source: bytes, environment: dict[str, str], seconds: float) -> tuple[float, float]:
    process = await asyncio.create_subprocess_shell(
        line, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(source)
    printed = 0

    async def count() -> None:
        nonlocal printed
        assert process.stdout is not None
        while data := await process.stdout.read(65536):
            printed += len(data)

    counting = asyncio.create_task(count())
    try:
        for _ in range(5):
            process.stdin.write(b"\n")
            await asyncio.sleep(1)
        cpu, before, began = _group_cpu(process.pid), printed, time.perf_counter()
        while time.perf_counter() - began < seconds:
            process.stdin.write(b"\n")
            await asyncio.sleep(1)
        took = time.perf_counter() - began
        return 100 * (_group_cpu(process.pid) - cpu) / took, (printed - before) / took
    finally:
        counting.cancel()
        os.killpg(process.pid, 9)
        await process.wait()


def _group_cpu(group: int) -> float:
    """Seconds of CPU of all processes of a group, and of their children that have ended."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / _TICK


async def _wire_bytes(demo: Demo, seconds: float) -> float:
    """Bytes a second between the console and one node, through a proxy that counts."""
    counted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", demo.ssh[0].door.port)

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal counted
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    counted += len(data)
                    target.write(data)
            target.close()

        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = asterisk.through(demo.settings, port)
    async with server, console(demo, settings=settings):
        await asyncio.sleep(10)
        before = counted
        await asyncio.sleep(seconds)
        return (counted - before) / seconds


async def day() -> list[Figure]:
    """A day of a healthy pair and 10,000 calls, folded and joined in a process of its own: does memory stay flat?"""
    done = subprocess.run([PYTHON, "-m", "tests.bench.day"], capture_output=True, text=True, check=True)
    first, last = (float(word) for word in done.stdout.split())
    return [
        Figure("memory over 24 simulated hours", f"{first:.1f} MiB after 1 h, {last:.1f} MiB after 24 h", "–", "flat")
    ]


PARTS: dict[str, Callable[[], Coroutine[None, None, list[Figure]]]] = {
    "start": start,
    "latency": latency,
    "idle": idle,
    "load": load,
    "node": node,
    "day": day,
}


def show(figures: list[Figure]) -> None:
    """The figures as a table of Markdown."""
    for figure in figures:
        print(f"| {figure.what} | {figure.ours} | {figure.baseline} | {figure.budget} |", flush=True)


def main() -> None:
    """Measures the parts named on the command line, else all."""
    print("| what | ccops | baseline, same run | budget |\n|---|---|---|---|")
    for name in sys.argv[1:] or PARTS:
        show(asyncio.run(PARTS[name]()))


if __name__ == "__main__":
    main()

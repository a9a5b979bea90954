"""A live pair, simulated behind real sockets, while its links and nodes fail: what is told is true, or not told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import replace

from ccops.config import QueueSettings
from ccops.demo.world import Demo
from ccops.watch.once import is_complete, look
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot
from ccops.watch.status import status

FIRST, SECOND = "elaxtix-voip", "elaxtix-voip-2"


@contextlib.asynccontextmanager
async def watching(interval: float = 0.3, scenario: str = "quiet-day") -> AsyncIterator[tuple[Demo, PairWatch]]:
    async with Demo(scenario=scenario, agents=12, interval=interval) as demo:
        watch = PairWatch("demo", demo.settings.pairs["demo"])
        await watch.start()
        try:
            await until(watch, is_complete)
            yield demo, watch
        finally:
            await watch.stop()


async def until(watch: PairWatch, check: Callable[[Snapshot], bool], limit_s: float = 40.0) -> Snapshot:
    """The first snapshot that passes."""
    found = asyncio.Event()

    def listen(snapshot: Snapshot) -> None:
        if check(snapshot):
            found.set()

    end = watch.store.subscribe(listen)
    listen(watch.store.snapshot)
    try:
        await asyncio.wait_for(found.wait(), limit_s)
    except TimeoutError:
        pytest.fail(f"not seen within {limit_s} s; verdict: {watch.store.snapshot.verdict}")
    finally:
        end()
    return watch.store.snapshot


def phase(name: str) -> Callable[[Snapshot], str]:
    return lambda snapshot: snapshot.pair.node(name).link.phase


async def test_healthy_pair_is_told_whole() -> None:
    async with watching() as (demo, watch):
        told = status(watch.store.snapshot)
        assert told["verdict"]["code"] == "healthy"
        assert told["serving"] == FIRST
        drbd = told["nodes"][FIRST]["drbd"]["resources"]["data"]
        assert (drbd["connection"], drbd["role"], drbd["disk"]) == ("Connected", "Primary", "UpToDate")
        assert told["nodes"][SECOND]["heartbeat"]["nodes"] == {FIRST: "active", SECOND: "active"}
        assert {queue["name"] for queue in told["queues"]} == {"ventas", "soporte", "cobranza"}
        assert len(told["agents"]) == 12
        assert {trunk["name"] for trunk in told["trunks"]} >= {"gxw4108"}
        assert watch.store.snapshot.links[f"ami:{SECOND}"].phase in ("off", "connecting")
        assert demo.pair.check() == []


async def test_one_look() -> None:
    async with Demo(scenario="quiet-day", agents=12) as demo:
        began = time.monotonic()
        snapshot = await look(PairWatch("demo", demo.settings.pairs["demo"]))
        assert snapshot.verdict.code == "healthy"
        assert time.monotonic() - began < 12


async def test_frozen_node_is_noticed_and_thawed() -> None:
    async with watching() as (demo, watch):
        demo.pair.freeze(1)
        began = time.monotonic()
        await until(watch, lambda s: phase(SECOND)(s) in ("silent", "down"))
        assert time.monotonic() - began < 5.5
        unknown = await until(watch, lambda s: s.pair.node(SECOND).drbd.value is None)
        told = status(unknown)["nodes"][SECOND]
        assert told["drbd"] is None
        assert told["addresses"] == {"192.168.27.120": None}
        assert "dead" not in unknown.verdict.summary or "takes" in unknown.verdict.summary
        demo.pair.thaw(1)
        await until(watch, lambda s: phase(SECOND)(s) == "up" and s.pair.node(SECOND).drbd.value is not None)


async def test_cut_console_is_not_a_dead_node() -> None:
    async with watching() as (demo, watch):
        demo.cut_console(1)
        began = time.monotonic()
        await until(watch, lambda s: phase(SECOND)(s) in ("silent", "down"))
        assert time.monotonic() - began < 5.5
        seen = await until(watch, lambda s: s.verdict.code == "unreachable-from-here")
        assert seen.serving == FIRST
        demo.mend_console(1)
        await until(watch, lambda s: s.verdict.code == "healthy")


async def test_node_that_serves_is_cut_off_from_here() -> None:
    async with watching() as (demo, watch):
        demo.cut_console(0)
        lost = await until(watch, lambda s: s.serving is None and s.centre.value is None)
        assert status(lost)["queues"] is None
        assert lost.verdict.severity in ("warning", "unknown")
        demo.mend_console(0)
        back = await until(watch, lambda s: s.verdict.code == "healthy" and s.centre.value is not None)
        assert back.serving == FIRST


async def test_logs_go_on_over_a_reconnect_with_nothing_twice_and_nothing_lost() -> None:
    async with watching() as (demo, watch):
        log = demo.nodes[1].root / "var/log/ha-log"

        def write(text: str) -> None:
            with log.open("a") as file:
                file.write(f"heartbeat[1]: {time.strftime('%Y/%m/%d_%H:%M:%S')} info: {text}\n")

        def told() -> list[str]:
            return [x.text for x in watch.store.timeline.since(0) if x.text.startswith("mark")]

        write("mark one")
        await until(watch, lambda s: "mark one" in told())
        demo.cut_console(1)
        await until(watch, lambda s: phase(SECOND)(s) == "down")
        write("mark two")
        demo.nodes[1].rotate()
        write("mark three")
        demo.mend_console(1)
        await until(watch, lambda s: "mark three" in told())
        write("mark four")
        await until(watch, lambda s: "mark four" in told())
        assert told() == ["mark one", "mark two", "mark three", "mark four"]


async def test_asterisk_restarts() -> None:
    async with watching() as (demo, watch):
        demo.pair.stop_service(0, "asterisk")
        down = await until(watch, lambda s: s.verdict.code == "service-down")
        assert "asterisk" in down.verdict.summary
        await until(watch, lambda s: s.centre.value is None)
        demo.pair.start_service(0, "asterisk")
        back = await until(watch, lambda s: s.verdict.code == "healthy" and s.centre.value is not None)
        assert back.centre.value is not None
        assert any("Asterisk" in x.text and x.source == "ami" for x in watch.store.timeline.since(0))


async def test_power_off_of_the_standby() -> None:
    async with watching() as (demo, watch):
        demo.pair.power_off(1)
        alone = await until(watch, lambda s: s.verdict.code == "running-on-one-node", 60)
        assert alone.serving == FIRST
        assert alone.verdict.severity == "warning"
        demo.pair.boot(1)
        await until(watch, lambda s: s.verdict.code == "healthy", 90)


async def test_wrong_password_is_named_and_the_rest_goes_on() -> None:
    from msgspec.structs import replace

    from ccops.config import SecretRef

    async with Demo(scenario="quiet-day", agents=12) as demo:
        pair = demo.settings.pairs["demo"]
        assert pair.ami is not None
        broken = replace(pair, ami=replace(pair.ami, secret=SecretRef(env="CCOPS_TEST_NOT_SET")))
        snapshot = await look(PairWatch("demo", broken))
        assert snapshot.serving == FIRST
        assert snapshot.centre.value is None
        assert "CCOPS_TEST_NOT_SET" in (snapshot.centre.problem or "")


async def test_deferred_watch_says_connecting_and_then_everything() -> None:
    from ccops.watch.deferred import DeferredWatch

    async with Demo(scenario="quiet-day", agents=12) as demo:
        watch = DeferredWatch("demo", demo.settings.pairs["demo"])
        assert [node.link.phase for node in watch.store.snapshot.pair.nodes] == ["connecting", "connecting"]
        assert watch.store.snapshot.verdict.severity == "unknown"
        snapshot = await look(watch)
        assert snapshot.verdict.code == "healthy"


async def test_a_queue_beyond_its_limits_is_told_in_the_status_and_on_the_time_line() -> None:
    async with Demo(scenario="busy-day", agents=12, interval=0.3, speed=3) as demo:
        demo.centre.resting = True
        pair = replace(demo.settings.pairs["demo"], queues={"*": QueueSettings(waiting=1)})
        watch = PairWatch("demo", pair)
        await watch.start()
        try:
            seen = await until(watch, lambda snapshot: bool(snapshot.exceeded))
            for name in seen.exceeded:
                (queue,) = [each for each in status(seen)["queues"] if each["name"] == name]
                assert queue["exceeded"][0]["what"] == "waiting"
                assert queue["exceeded"][0]["limit"] == 1
                lines = [line for line in watch.store.timeline.since(0) if line.tag == "limit"]
                assert len([line for line in lines if line.text.startswith(f"queue {name}: ")]) == 1
        finally:
            await watch.stop()

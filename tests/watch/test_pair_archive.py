"""The past of the simulated pair, through real SSH and MySQL: both sources tell of the calls that ran there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from ccops.callcentre.periods import whole_days
from ccops.callcentre.service_times import Question, Report, report
from ccops.config import SecretRef
from ccops.demo.world import Demo
from ccops.watch.archive import Archive, Source, Unanswered
from ccops.watch.once import is_complete
from ccops.watch.pair import PairWatch
from ccops.watch.pair_archive import PairArchive


class Place(NamedTuple):
    """A demo at rest, and a watch on it."""

    demo: Demo
    watch: PairWatch

    @property
    def archive(self) -> Archive:
        """Its archive."""
        found = self.watch.store.archive
        assert found is not None
        return found

    async def ask(self, source: Source) -> Report:
        """Today's and the two days' before."""
        standing = self.archive.standing()
        today = standing.today
        period = whole_days(today.fromordinal(today.toordinal() - 3), today, standing.utc_offset_s)
        question = Question(period, standing.now, levels=standing.levels, started_at=standing.started_at)
        return report(await self.archive.read(period, source), question)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with Demo(agents=20) as demo:
        demo.stop_time()
        demo.refresh()
        watch = PairWatch("demo", demo.settings.pairs["demo"])
        ready = asyncio.Event()
        watch.store.subscribe(lambda snapshot: ready.set() if is_complete(snapshot) and snapshot.serving else None)
        await watch.start()
        try:
            await asyncio.wait_for(ready.wait(), 30)
            yield Place(demo, watch)
        finally:
            await watch.stop()


async def test_both_sources_tell_of_the_calls_that_ran(place: Place) -> None:
    ran = place.demo.pair.drbd.sides[0].calls
    module, log = await place.ask("module"), await place.ask("log")
    assert module.total.offered == log.total.offered == len(ran)
    assert module.total.handled == log.total.handled == sum(1 for call in ran if call.agent)
    assert module.total.abandoned == log.total.abandoned
    assert module.lines
    trunks = {call.uniqueid: f"SIP/{call.trunk}" for call in ran}
    assert all(call.trunk == trunks[call.uniqueid] for call in (*module.calls, *log.calls))
    for ours, theirs in zip(module.lines, log.lines, strict=True):
        assert ours == replace(theirs, exited=None)
    held = [call.held for call in ran if call.agent]
    assert module.total.asa_s == pytest.approx(sum(held) / len(held))
    assert module.total.service_level is not None


async def test_without_the_module_it_is_the_log(place: Place) -> None:
    await asyncio.to_thread(place.demo.mysql[0].tables._makers["call_center"].clear)
    found = await place.ask("auto")
    assert found.total.offered == len(place.demo.pair.drbd.sides[0].calls)
    with pytest.raises(Unanswered, match="no call-center module"):
        await place.ask("module")


async def test_where_mysql_lets_nobody_in_it_is_the_log(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCOPS_WRONG", "wrong")
    archive = place.archive
    assert isinstance(archive, PairArchive)
    assert archive._settings is not None
    archive._settings = replace(archive._settings, password=SecretRef(env="CCOPS_WRONG"))
    standing = archive.standing()
    found = await archive.read(whole_days(standing.today, standing.today, standing.utc_offset_s))
    assert found.origin == "log"
    assert found.problems[0].startswith("from queue_log: the call-center module cannot be read: MySQL does not let")
    assert all(call.trunk == "" for call in found.calls), "and nobody tells the trunks"
    with pytest.raises(Unanswered, match="does not let ccops in"):
        await archive.read(whole_days(standing.today, standing.today, 0), "module")


async def test_who_cannot_be_asked_says_why(place: Place) -> None:
    log = place.demo.nodes[0].root / "data/log/queue_log"
    log.unlink()
    with pytest.raises(Unanswered, match="queue_log: not there on elaxtix-voip"):
        await place.ask("log")
    place.watch.store.publish(replace(place.watch.store.snapshot, serving=None))
    with pytest.raises(Unanswered, match="no single node is seen to serve"):
        place.archive.standing()

"""`ccops report`: the times of service of some days, and the calls one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ccops.commands.invocation import Failed, chosen, run

if TYPE_CHECKING:
    from ccops.callcentre.periods import Period
    from ccops.callcentre.records import Records
    from ccops.config import PairSettings
    from ccops.watch.archive import Source, Standing
    from ccops.watch.pair import PairWatch

_PARTING_S = 0.8


@click.command()
@click.option("--from", "first", default="today", metavar="DAY", help="2026-11-27, today, yesterday, or -7 days back.")
@click.option("--to", "last", metavar="DAY", help="The last day (default: that of --from; after -7 it is today).")
@click.option(
    "--by",
    type=click.Choice(["queue", "agent", "hour", "day"]),
    default="queue",
    show_default=True,
    help="A line each.",
)
@click.option("--queue", metavar="NAME", help="Only this queue's calls.")
@click.option(
    "--source",
    type=click.Choice(["auto", "module", "log"]),
    default="auto",
    show_default=True,
    help="The call-center module's tables, queue_log, or what there is.",
)
@click.option("--within", type=click.FloatRange(min=1), metavar="S", help="The service level, instead of each queue's.")
@click.option("--short", default=10.0, show_default=True, metavar="S", help="Answered calls below this are short.")
@click.option("--calls", is_flag=True, help="The calls one by one.")
@click.option("--search", metavar="TEXT", help="With --calls: only those in which every word occurs.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print the object for scripts.")
@click.option("--timeout", default=15.0, show_default=True, metavar="S", help="How long to wait for the node.")
@click.pass_context
def report(
    context: click.Context,
    first: str,
    last: str | None,
    by: str,
    queue: str | None,
    source: str,
    within: float | None,
    short: float,
    calls: bool,
    search: str | None,
    as_csv: bool,
    as_json: bool,
    timeout: float,
) -> None:
    """Print the times of service of some days. Exit: 0 printed, 2 wrong use, 3 they cannot be read."""
    from typing import cast

    import msgspec

    from ccops.callcentre.service_times import By, Question
    from ccops.callcentre.service_times import report as compute
    from ccops.watch import service_prose, service_tables

    if as_csv and as_json:
        raise click.UsageError("--csv and --json at once: choose one")
    if search is not None and not calls:
        raise click.UsageError("--search is for --calls")
    settings, name = chosen(context)
    standing, period, records = run(_read(name, settings.pairs[name], first, last, cast("Source", source), timeout))
    question = Question(
        period=period,
        now=standing.now,
        by=cast(By, by),
        queue=queue,
        levels=standing.levels,
        level_s=within,
        short_s=short,
        started_at=standing.started_at,
    )
    answer = compute(records, question)
    found = answer.calls
    if calls:
        everything = sorted((*answer.calls, *answer.lost_calls), key=lambda call: call.entered_at)
        found = tuple(service_prose.search(everything, records.names, search or ""))
    if as_json:
        told = service_tables.report_object(
            name, standing, records, msgspec.structs.replace(answer, calls=found), calls
        )
        click.echo(msgspec.json.encode(told).decode())
    elif as_csv:
        table = service_tables.calls_csv(found, records.names, period) if calls else service_tables.report_csv(answer)
        click.echo(table, nl=False)
    elif calls:
        of = len(answer.calls) + len(answer.lost_calls)
        click.echo(service_prose.calls_page(name, standing, records, found, period, of), nl=False)
    else:
        click.echo(service_prose.page(name, standing, records, answer), nl=False)
    if (as_csv or as_json) and records.problems:
        for problem in records.problems:
            click.echo(f"note: {problem}", err=True)


async def _read(
    name: str, pair: PairSettings, first: str, last: str | None, source: Source, timeout_s: float
) -> tuple[Standing, Period, Records]:
    """Watches the pair until the node that serves is known, and asks it."""
    import asyncio
    import contextlib

    from ccops.watch.archive import Unanswered
    from ccops.watch.pair import PairWatch

    watch = PairWatch(name, pair)
    await _settled(watch, timeout_s)
    archive = watch.store.archive
    assert archive is not None
    try:
        standing = archive.standing()
        period = _period(first, last, standing)
        return standing, period, await archive.read(period, source)
    except Unanswered as error:
        raise Failed(str(error)) from None
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PARTING_S):
                await watch.stop()


async def _settled(watch: PairWatch, timeout_s: float) -> None:
    import asyncio
    import contextlib

    from ccops.watch.once import is_complete

    seen = asyncio.Event()
    end = watch.store.subscribe(lambda snapshot: seen.set() if is_complete(snapshot) else None)
    await watch.start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await seen.wait()
    end()


def _period(first: str, last: str | None, standing: Standing) -> Period:
    from datetime import date

    from ccops.callcentre.periods import parse_day, whole_days

    begin = parse_day(first, standing.today)
    if isinstance(begin, str):
        raise click.UsageError(f"--from: {begin}")
    end: date | str = parse_day(last, standing.today) if last is not None else begin
    if last is None and first.strip().startswith("-"):
        end = standing.today
    if isinstance(end, str):
        raise click.UsageError(f"--to: {end}")
    if end < begin:
        raise click.UsageError(f"--to {end} is before --from {begin}: turn them round")
    if (end - begin).days > 366:
        raise click.UsageError("more than a year at once: ask for fewer days")
    return whole_days(begin, end, standing.utc_offset_s)

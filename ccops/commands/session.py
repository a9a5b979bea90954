"""One command at work: the pair watched, an executor on it, and signals that end it so that it is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from ccops.commands import objects, prose, terminal
from ccops.commands.confirmation import Asked, confirm
from ccops.commands.invocation import DONE, INTERRUPTED, REFUSED, SURPRISED, Failed, NotDone, audit_of, run
from ccops.commands.ticker import Ticker
from ccops.config import PairSettings, Secret, Settings
from ccops.operations.executor import Executor
from ccops.operations.permission import Authority
from ccops.operations.plan import Busy, Listener, NotPermitted, Plan, Refused, Report
from ccops.watch.once import is_complete
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot
from ccops.watch.store import Store

_ENDINGS = {"done": DONE, "refused": REFUSED, "surprised": SURPRISED, "interrupted": INTERRUPTED, "undone": SURPRISED}
_ARMED_S = 60.0


class Session:
    """One pair for one command. `as_json`: what is printed on standard output is one object."""

    def __init__(self, name: str, pair: PairSettings, store: Store, executor: Executor, as_json: bool) -> None:
        self.name = name
        self.pair = pair
        self.store = store
        self.executor = executor
        self.as_json = as_json

    def not_permitted(self, plan: Plan) -> str | None:
        """Why that may never be run with these settings; None where it may: typing the command arms for it."""
        authority = self.executor.authority
        try:
            authority.arm(_ARMED_S)
            authority.demand(plan)
        except NotPermitted as error:
            return str(error)
        finally:
            authority.disarm()
        return None

    def show(self, plan: Plan, err: bool = False, statements: bool = False) -> None:
        """Prints a plan: the object to standard output, or the text; with `statements` all that it writes and sends."""
        sudo = self.pair.sudo and not plan.request.at_once
        if self.as_json and not err:
            found = objects.plan_object(self.name, plan, sudo, self.not_permitted(plan))
            terminal.tell(objects.encode(found))
            return
        terminal.tell(prose.plan_page(plan, sudo, statements), err=err, nl=False)
        if why := self.not_permitted(plan):
            terminal.tell(f"\n  {why}", err=err)

    def tell_once(self, made: Mapping[str, Secret], named: Callable[[str], str]) -> None:
        """Secrets that were made, on standard error and never again; `named` is what people read of each key."""
        if self.as_json and made:
            terminal.tell(objects.encode({"secrets": {key: secret.reveal() for key, secret in made.items()}}), err=True)
            return
        for key, secret in made.items():
            terminal.tell(f"{named(key)}: {secret.reveal()}   (shown this once)", err=True)

    def demand(self, plan: Plan) -> None:
        """Raises NotDone where a check does not hold, or it is not permitted; says which."""
        if plan.refusals:
            self._refuse(plan, "refused: nothing was done", plan.refusals)
        if why := self.not_permitted(plan):
            self._refuse(plan, why, ())

    async def agreed(self, plan: Plan, asked: Asked, otherwise: str = "nothing was done") -> int | None:
        """Shows the plan and asks about it: None where it is to be done, an exit code where it was only to be shown.

        Raises NotDone where it may not be done, or is not confirmed; `otherwise` says what is so then.
        """
        if asked.dry_run:
            self.show(plan, statements=asked.statements)
            return REFUSED if plan.refusals or self.not_permitted(plan) else DONE
        if not self.as_json:
            self.show(plan, statements=asked.statements)
            terminal.tell("")
        self.demand(plan)
        if self.as_json and not asked.yes:
            self.show(plan, err=True, statements=asked.statements)
        if not await confirm(plan, asked.yes, asked.spelled_out):
            raise NotDone(f"not confirmed: {otherwise}")
        return None

    async def carry_out(self, plan: Plan, deed: Callable[[Listener], Coroutine[Any, Any, Report]]) -> int:
        """Runs what was confirmed and tells how it went; the exit code."""
        ticker = Ticker(self.as_json)
        end = self.store.subscribe(ticker.watch)
        self.executor.authority.arm(_ARMED_S)
        try:
            report = await deed(ticker.listen)
        except Refused as error:
            ticker.close()
            self._refuse(plan, str(error), error.checks)
        except (Busy, NotPermitted) as error:
            ticker.close()
            self._refuse(plan, str(error), ())
        except asyncio.CancelledError:
            ticker.close()
            if ticker.last is None:
                raise
            report = self._interrupted(ticker)
        finally:
            end()
            self.executor.authority.disarm()
        ticker.close()
        found = objects.report_object(self.name, report)
        terminal.tell(objects.encode(found) if self.as_json else prose.report_page(report), nl=self.as_json)
        return _ENDINGS[report.ending]

    def _interrupted(self, ticker: Ticker) -> Report:
        """What the executor has recorded of an operation that was interrupted."""
        progress = ticker.last
        assert progress is not None
        record = self.executor.audit.record(progress.id)
        last = record.entries[-1] if record else None
        snapshot = self.store.snapshot
        serving = f"{snapshot.serving} serves" if snapshot.serving else "no single node is seen to serve"
        return Report(
            progress.id,
            progress.plan,
            "interrupted",
            last.text if last else "interrupted",
            progress.states,
            (serving, f"{snapshot.verdict.code}: {snapshot.verdict.summary}"),
            (last.safe_next if last else "") or "`ccops resume` tells where it stands",
            (last.took_s if last else None) or 0.0,
        )

    def _refuse(self, plan: Plan, summary: str, checks: tuple[Any, ...]) -> None:
        if self.as_json:
            terminal.tell(objects.encode(objects.refusal_object(self.name, plan, summary, checks)))
            raise NotDone(summary)
        raise NotDone(f"{summary}\n{prose.refusals(checks)}".rstrip())


@contextlib.asynccontextmanager
async def at_work(
    settings: Settings,
    name: str,
    timeout_s: float,
    as_json: bool,
    whole: Callable[[Snapshot], bool] = is_complete,
) -> AsyncIterator[Session]:
    """The pair is watched while this is entered, from its first `whole` snapshot on (or what is known in time).

    Raises Failed where neither node answers.
    """
    pair = settings.pairs[name]
    watch = PairWatch(name, pair)
    executor = Executor(name, pair, watch.store, Authority(pair), audit_of(settings))
    await watch.start()
    try:
        await _first(watch.store, whole, timeout_s)
        nodes = watch.store.snapshot.pair.nodes
        if all(node.link.phase != "up" for node in nodes):
            why = "; ".join(f"{node.name}: {node.link.problem or node.link.phase}" for node in nodes)
            raise Failed(f"neither node can be reached, so nothing can be planned: {why}")
        yield Session(name, pair, watch.store, executor, as_json)
    finally:
        await executor.close()
        await watch.stop()


def conduct(coroutine: Coroutine[Any, Any, int]) -> int:
    """Runs a command to its exit code. SIGINT, SIGTERM and SIGHUP cancel it: what is under way is recorded first."""

    async def guarded() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(each, task.cancel)
        try:
            return await coroutine
        except asyncio.CancelledError:
            terminal.tell("interrupted: nothing was done", err=True)
            return INTERRUPTED

    found: int = run(guarded())
    return found


async def _first(store: Store, whole: Callable[[Snapshot], bool], timeout_s: float) -> None:
    seen = asyncio.Event()
    end = store.subscribe(lambda snapshot: seen.set() if whole(snapshot) else None)
    try:
        async with asyncio.timeout(timeout_s):
            await seen.wait()
    except TimeoutError:
        pass
    finally:
        end()

"""Operations by their keys, on an operator that touches nothing: arming, questions, confirmation, run, report."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from textual.widgets import Input

from ccops.operations.plan import Check, OperationError, Plan, Refused, Report, Request
from ccops.tui.app import Console
from ccops.tui.screens.choice import ChoiceScreen
from ccops.tui.screens.confirmation import Confirmation
from ccops.tui.screens.operations import AuditScreen, OperationsMenu
from ccops.tui.screens.running import RunningScreen
from tests.tui import fake_operator, samples, seen
from tests.tui.conftest import Make
from tests.tui.fake_operator import FakeOperator

ONE, TWO = samples.NODES


@pytest.fixture
def operator(tmp_path: Path) -> FakeOperator:
    """Ready with a failover."""
    return FakeOperator(tmp_path)


# armed or not


async def test_read_only_until_w_and_again_after_w(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator)
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "read-only" in seen.lines(app)[0])
        await pilot.press("w")
        await seen.until(pilot, lambda: "ARMED 15:00" in seen.lines(app)[0])
        await pilot.press("w")
        await seen.until(pilot, lambda: "read-only" in seen.lines(app)[0])


async def test_the_time_left_counts_down_and_ends(make: Make, operator: FakeOperator) -> None:
    now = [samples.NOW]
    app, _ = make(operator=operator, write=True, clock=lambda: now[0])
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "ARMED 15:00" in seen.lines(app)[0])
        now[0] += 28
        app._tick()
        await seen.until(pilot, lambda: "ARMED 14:32" in seen.lines(app)[0])
        now[0] += 900
        app._tick()
        await seen.until(pilot, lambda: "read-only" in seen.lines(app)[0])


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ({"read_only": True}, "read-only for good ·"),
        ({"role": "viewer"}, "read-only for good · viewer"),
    ],
)
async def test_read_only_for_good_is_said_and_stays(
    make: Make, operator: FakeOperator, pair: dict[str, object], shown: str
) -> None:
    app, _ = make(operator=operator, write=True, pair=pair)
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: shown in seen.lines(app)[0])
        await pilot.press("w")
        await seen.until(pilot, lambda: any("stays read-only" in note.message for note in app._notifications))
        assert "ARMED" not in seen.text(app)


async def test_a_lesser_role_is_in_the_header_and_bars_what_is_above_it(make: Make, operator: FakeOperator) -> None:
    operator.plan = fake_operator.recover()
    app, _ = make(samples.diverged(), operator=operator, write=True, pair={"role": "operator"})
    async with app.run_test(size=(120, 60)) as pilot:
        await seen.until(pilot, lambda: "· operator" in seen.lines(app)[0])
        await pilot.press("o")
        await seen.until(pilot, lambda: "for the administrator" in seen.text(app))
        await pilot.press("escape", "X")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await pilot.press("tab", "tab", "enter")
        await seen.until(pilot, lambda: 'is for the role "administrator"' in seen.text(app))
        assert not app.screen.query_one("#typed", Input).has_class("-wanted")


async def test_nothing_to_act_on_is_said(make: Make) -> None:
    app, _ = make()
    async with app.run_test(size=(120, 40)) as pilot:
        for key in "woFX":
            await pilot.press(key)
        await seen.until(pilot, lambda: len(app._notifications) == 4)
        assert all("nothing to act on" in note.message for note in app._notifications)
        assert app.screen is app.root


# the confirmation


async def test_a_failover_from_keys_to_the_report(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "all 3 checks hold" in seen.text(app))
        text = seen.text(app)
        assert f"{ONE}# /usr/share/heartbeat/hb_standby all" in text
        assert "9 channels are up" in text
        assert "Cannot be undone" in text
        assert "The last times it took 41 s, 38 s" in text
        assert "▶[ Cancel ]◀" in text
        assert operator.runs == []
        await pilot.press("tab", "enter")
        await seen.until(pilot, lambda: "running    0:05" in seen.text(app))
        assert "seen       0:02" in seen.text(app)
        assert "waiting" in seen.text(app)
        operator.go.set()
        await seen.until(pilot, lambda: "✓ done after 41 s" in seen.text(app))
        assert fake_operator.ID in seen.text(app)
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)
    assert operator.asked == [(Request("failover"), False)]
    assert len(operator.runs) == 1
    assert operator.closed == 1


async def test_enter_cancels_and_escape_does(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("enter", "escape", "q", "ctrl+c"):
            await pilot.press("F")
            await seen.until(pilot, lambda: "checks hold" in seen.text(app))
            await pilot.press(key)
            await seen.until(pilot, lambda: app.screen is app.root)
        assert operator.runs == []
        assert app.is_running


async def test_y_confirms_what_wants_no_name(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        operator.ready.clear()
        await pilot.press("F")
        await seen.until(pilot, lambda: "looking at both nodes" in seen.text(app))
        await pilot.press("y")
        assert isinstance(app.screen, Confirmation)
        operator.ready.set()
        await seen.until(pilot, lambda: "checks hold" in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))


async def test_read_only_shows_the_plan_and_bars_it_until_it_is_armed(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "✖ failover is not permitted:" in seen.text(app))
        await pilot.press("y")
        await pilot.pause()
        assert operator.runs == []
        await pilot.press("w")
        await seen.until(pilot, lambda: "ARMED" in seen.text(app) and "not permitted" not in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))


async def test_a_refusal_comes_first_with_the_way_out_and_cannot_be_confirmed(
    make: Make, operator: FakeOperator
) -> None:
    operator.plan = fake_operator.refused()
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "✖ refused: 2 of 3 checks do not hold" in seen.text(app))
        text = seen.text(app)
        assert "found: bash (pid 4242, cwd:/data)" in text
        assert "→ end it, or leave the folder, first" in text
        assert "(not known)" in text
        await pilot.press("y")
        assert isinstance(app.screen, Confirmation)
        operator.plan = fake_operator.failover()
        await pilot.press("r")
        await seen.until(pilot, lambda: "all 3 checks hold" in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))


async def test_what_makes_no_sense_and_what_fails_is_text(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        for error in (OperationError("no such thing [/foo]"), ValueError("[/foo] broken")):
            operator.plan = error
            await pilot.press("F")
            await seen.until(pilot, lambda: "cannot be done" in seen.text(app) and "[/foo]" in seen.text(app))
            await pilot.press("y", "enter")
            await seen.until(pilot, lambda: app.screen is app.root)
        assert operator.runs == []


async def test_a_pair_that_changed_meanwhile_is_said(make: Make, operator: FakeOperator) -> None:
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "checks hold" in seen.text(app))
        watched.publish(samples.resync())
        await seen.until(pilot, lambda: "the pair has changed since it was looked at" in seen.text(app))
        assert "SyncTarget" in seen.text(app)


async def test_the_victims_name_must_be_typed(make: Make, operator: FakeOperator) -> None:
    operator.plan = fake_operator.recover()
    app, _ = make(samples.diverged(), operator=operator, write=True)
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("X")
        await seen.until(pilot, lambda: f"Give up what {TWO} changed" in seen.text(app))
        assert "▶[ Cancel ]◀" in seen.text(app)
        assert "the evidence advises this" in seen.text(app)
        await pilot.press("j", "j", "enter")
        await seen.until(pilot, lambda: "GIVEN UP" in seen.text(app))
        await pilot.press("y", "tab", "enter")  # neither confirms
        assert isinstance(app.screen, Confirmation)
        entry = app.screen.query_one("#typed", Input)
        entry.focus()
        await pilot.press(*TWO[:-1])
        assert app.screen.query_one("#confirm").disabled
        await pilot.press("enter")
        assert isinstance(app.screen, Confirmation)
        await pilot.press(TWO[-1])
        await seen.until(pilot, lambda: not app.screen.query_one("#confirm").disabled)
        await pilot.press("enter")
        assert operator.runs == []
        await pilot.press("enter")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))
    assert operator.asked[0][0] == Request("recover", arguments={"victim": TWO})


async def test_a_victim_against_the_evidence_is_warned_of(make: Make, operator: FakeOperator) -> None:
    operator.plan = fake_operator.recover(ONE)
    app, _ = make(samples.diverged(), operator=operator, write=True)
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("X")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await pilot.press("j", "enter")
        await seen.until(pilot, lambda: f"▲ the evidence advises to give up {TWO}" in seen.text(app))


# while it runs


async def _running(app: Console, pilot: object) -> None:
    await pilot.press("F")  # type: ignore[attr-defined]
    await seen.until(pilot, lambda: "checks hold" in seen.text(app))  # type: ignore[arg-type]
    await pilot.press("y")  # type: ignore[attr-defined]
    await seen.until(pilot, lambda: "running    0:05" in seen.text(app))  # type: ignore[arg-type]


async def test_escape_asks_and_going_on_has_the_focus(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await _running(app, pilot)
        for key in ("escape", "ctrl+c", "q"):
            await pilot.press(key)
            await seen.until(pilot, lambda: "▶[ Go on ]◀" in seen.text(app))
            await pilot.press("enter")
            await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))
        assert operator.cancelled == 0
        await pilot.press("escape")
        await seen.until(pilot, lambda: "▶[ Go on ]◀" in seen.text(app))
        await pilot.press("down", "enter")
        await seen.until(pilot, lambda: "▲ interrupted" in seen.text(app) and "▲ stopped" in seen.text(app))
        assert "stays as it is now" in seen.text(app)
        assert operator.cancelled == 1
        await pilot.press("enter")
        await seen.until(pilot, lambda: app.screen is app.root)


async def test_the_console_is_left_only_after_it_was_asked(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await _running(app, pilot)
        await pilot.press("b")
        await seen.until(pilot, lambda: "▶ failover" in seen.lines(app)[0])
        await pilot.press("F")
        await seen.until(pilot, lambda: any("under way" in note.message for note in app._notifications))
        for key in ("q", "ctrl+q"):
            await pilot.press(key)
            await seen.until(pilot, lambda: "▶[ Go on ]◀" in seen.text(app))
            await pilot.press("enter")
            await seen.until(pilot, lambda: app.screen is app.root)
        assert not app._exit
        await pilot.press("o")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))
        await pilot.press("b", "q")
        await seen.until(pilot, lambda: "▶[ Go on ]◀" in seen.text(app))
        await pilot.press("tab", "enter")
        await seen.until(pilot, lambda: app._exit)
    assert operator.cancelled == 1


async def test_the_end_of_one_that_nobody_looks_at_is_told(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await _running(app, pilot)
        await pilot.press("b")
        operator.go.set()
        await seen.until(pilot, lambda: any(note.title.startswith("done: Failover") for note in app._notifications))
        assert "▶ failover" not in seen.lines(app)[0]


async def test_closing_the_console_interrupts_it(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await _running(app, pilot)
        app.exit()
    assert operator.cancelled == 1
    assert operator.closed == 1


async def test_a_surprise_says_what_is_true_and_what_is_safe(make: Make, operator: FakeOperator) -> None:
    told = (f"{ONE} serves", "replication-link-down: the link is down")
    operator.outcome = Report(
        fake_operator.ID, fake_operator.failover(), "surprised", "the peer did not answer", (), told, "wait a minute"
    )
    operator.go.set()
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "checks hold" in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: "STOPPED" in seen.text(app))
        for words in ("the peer did not answer", *told, "What is safe next: wait a minute", fake_operator.ID):
            assert words in seen.text(app)


@pytest.mark.parametrize(
    "error",
    [
        Refused("another operation is under way", (Check("nobody else is at it", False, "ana is", "ask her"),)),
        RuntimeError("a fault of its own"),
    ],
)
async def test_what_was_refused_in_the_last_moment_did_nothing(
    make: Make, operator: FakeOperator, error: Exception
) -> None:
    operator.outcome = error
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "checks hold" in seen.text(app))
        await pilot.press("y")
        await seen.until(pilot, lambda: str(error) in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)
        assert app.is_running


async def test_the_nodes_are_live_beside_it(make: Make, operator: FakeOperator) -> None:
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(140, 45)) as pilot:
        await _running(app, pilot)
        watched.publish(samples.resync())
        await seen.until(pilot, lambda: "63.2 %" in seen.text(app) and "SyncTarget" in seen.text(app))
        subscribed = len(watched.store._listeners)
        await pilot.press("escape")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        assert len(watched.store._listeners) == subscribed - 1
        await pilot.press("enter")
        await seen.until(pilot, lambda: len(watched.store._listeners) == subscribed)


async def test_what_an_operation_does_to_the_pair_calls_nobody(
    make: Make, operator: FakeOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(Console, "bell", lambda self: rung.append(1))
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await _running(app, pilot)
        watched.publish(samples.split_brain())
        await seen.until(pilot, lambda: "SPLIT BRAIN" in seen.text(app))
        assert rung == []


# the menu, what is asked, what was interrupted, the audit log


async def test_the_menu_names_every_operation_and_says_why_not(make: Make, operator: FakeOperator) -> None:
    from ccops.operations.catalogue import OPERATIONS

    app, _ = make(operator=operator)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await seen.until(pilot, lambda: isinstance(app.screen, OperationsMenu))
        await seen.until(pilot, lambda: "Failover" in seen.text(app))
        text = seen.text(app)
        assert all(operation.title in text for operation in OPERATIONS.values())
        assert text.count("read-only: w arms") == len(OPERATIONS) + 1
        await pilot.press("w")
        await seen.until(pilot, lambda: "read-only: w arms" not in seen.text(app) and "ARMED" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation))


@pytest.mark.parametrize(
    ("name", "keys", "wanted"),
    [
        ("release", ("j", "j"), Request("release", TWO)),
        ("detach", ("tab",), Request("detach", ONE)),
        ("service", ("j", "j"), Request("service", arguments={"name": "asterisk", "when": "idle"})),
        ("service", ("j", "j", "j"), Request("service", arguments={"name": "mysqld"})),
        ("rate", ("j",), Request("rate", arguments={"revert": "yes"})),
        ("rate", ("j", "j", "j"), Request("rate", arguments={"rate": "10M"})),
        ("verify", None, Request("verify")),
    ],
)
async def test_what_an_operation_takes_is_asked(
    make: Make, operator: FakeOperator, name: str, keys: tuple[str, ...] | None, wanted: Request
) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        app.desk.operate(name)
        if keys is not None:
            await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
            await pilot.press(*keys, "enter")
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and operator.asked)
        assert operator.asked[0][0] == wanted


async def test_a_rate_can_be_typed_and_nothing_asked_for_is_nothing_done(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        app.desk.operate("rate")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        await pilot.press("enter")
        await seen.until(pilot, lambda: app.screen is app.root)
        app.desk.operate("rate")
        await seen.until(pilot, lambda: isinstance(app.screen, ChoiceScreen))
        app.screen.query_one(Input).focus()
        await pilot.press(*"500K", "enter")
        await seen.until(pilot, lambda: operator.asked)
        assert operator.asked[0][0] == Request("rate", arguments={"rate": "500K"})


async def test_a_full_copy_is_offered_from_the_menu(make: Make, operator: FakeOperator) -> None:
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await seen.until(pilot, lambda: "Failover" in seen.text(app))
        await pilot.press("j", "j", "enter")
        await seen.until(pilot, lambda: f"Everything, to {TWO}" in seen.text(app))
        await pilot.press("j", "j", "j", "enter")
        await seen.until(pilot, lambda: operator.asked)
        assert operator.asked[0][0] == Request("resync", arguments={"full": TWO})


@pytest.mark.parametrize(("keys", "began"), [(("j",), "on"), (("j", "j"), "undo"), (("j", "j", "j"), "leave")])
async def test_an_interrupted_one_is_told_of_and_taken_up(
    make: Make, operator: FakeOperator, keys: tuple[str, ...], began: str
) -> None:
    operator.interrupted()
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        watched.publish(samples.healthy())
        await seen.until(pilot, lambda: any("Interrupted" in note.title for note in app._notifications))
        await pilot.press("o")
        await seen.until(pilot, lambda: "▸ Resume" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "▶[ Later ]◀" in seen.text(app))
        await pilot.press(*keys, "enter")
        if began == "leave":
            await seen.until(pilot, lambda: operator.unfinished() is None)
            return
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
        assert operator.asked == [(Request("failover"), True)]
        await pilot.press("y")
        await seen.until(pilot, lambda: isinstance(app.screen, RunningScreen))
        operator.go.set()
        await seen.until(pilot, lambda: "✓ done" in seen.text(app))
        if began == "on":
            assert operator.runs[0][1] == fake_operator.ID
        else:
            assert operator.undone == [fake_operator.ID]


async def test_the_palette_offers_operations_and_resuming(make: Make, operator: FakeOperator) -> None:
    operator.interrupted()
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(120, 40)) as pilot:
        watched.publish(samples.healthy())
        await pilot.pause()
        names = [command.name for command in app.commands()]
        for name in ("Operations: Failover", "Operations: Release a node", "Operations: Audit log", "Operations: Arm"):
            assert names.count(name) == 1
        assert any(name.startswith("Resume: Failover") for name in names)


async def test_the_audit_log_lists_and_shows(make: Make, operator: FakeOperator) -> None:
    operator.interrupted()
    app, _ = make(operator=operator)
    async with app.run_test(size=(120, 40)) as pilot:
        app.desk.audit()
        await seen.until(pilot, lambda: isinstance(app.screen, AuditScreen) and "interrupted" in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "hb_standby all" in seen.text(app))
        assert "answered" not in seen.text(app)
        await pilot.press("escape")
        await seen.until(pilot, lambda: "Ended" in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)


async def test_the_triage_view_opens_the_remedy(make: Make, operator: FakeOperator) -> None:
    app, _ = make(samples.diverged(), operator=operator, start_view="triage")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "critical · split-brain" in seen.text(app))
        await seen.until(pilot, lambda: "ccops can do it: x shows the plan of recover" in seen.text(app))
        await pilot.press("x")
        await seen.until(pilot, lambda: "Whose changes are given up?" in seen.text(app))
        await pilot.press("escape", "enter")
        await seen.until(pilot, lambda: app.screen is app.root and "Gravity" not in seen.text(app))
        await pilot.press("enter")
        await seen.until(pilot, lambda: "Whose changes are given up?" in seen.text(app))
        await pilot.press("escape", "escape", "j", "x")
        await seen.until(pilot, lambda: any("no operation mends this" in note.message for note in app._notifications))


# text from outside


async def test_hostile_text_is_text(make: Make, operator: FakeOperator) -> None:
    text = samples.HOSTILE
    check = Check(text, False, text, text)
    plan: Plan = fake_operator.failover(
        title=text, purpose=text, checks=(check,), notices=(text,), irrevocable=(text,), undo_text=text
    )
    operator.plan = plan
    app, _ = make(operator=operator, write=True)
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("F")
        await seen.until(pilot, lambda: "found: [/foo] [@click=app.quit]x[/]" in seen.text(app))
        assert "\x1b" not in seen.text(app)
        await pilot.press("escape")
        operator.plan = msgspec.structs.replace(plan, checks=())
        operator.outcome = Report(text, plan, "surprised", text, (), (text,), text)
        operator.go.set()
        await pilot.press("F")
        await seen.until(pilot, lambda: isinstance(app.screen, Confirmation) and app.screen.plan)
        await pilot.press("y")
        await seen.until(pilot, lambda: "What is safe next: [/foo]" in seen.text(app))
        assert "\x1b" not in seen.text(app)
        metas = [s.style.meta for strip in app.screen._compositor.render_strips() for s in strip if s.style]
        assert not any("@click" in meta for meta in metas)


async def test_no_timer_and_no_listener_is_left_behind(make: Make, operator: FakeOperator) -> None:
    app, watched = make(operator=operator, write=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = len(watched.store._listeners)
        await pilot.press("F")
        await seen.until(pilot, lambda: "checks hold" in seen.text(app))
        await pilot.press("escape")
        await seen.until(pilot, lambda: app.screen is app.root)
        await asyncio.sleep(0.05)
        assert len(watched.store._listeners) == before

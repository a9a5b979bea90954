"""The commands. Nothing heavy is imported before it is known which command runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccops import __version__
from ccops.commands.invocation import UNKNOWN, Failed, chosen, run
from ccops.commands.report import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ccops.config import PairSettings, Settings
    from ccops.operations.executor import Executor
    from ccops.operations.permission import Authority
    from ccops.watch.snapshot import Snapshot
    from ccops.watch.store import Store


class Commands(click.Group):
    """Those below, and the operations, which are loaded only when one of them (or the list) is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Those that look first, then those that act, in the catalogue's order."""
        from ccops.commands.operate import COMMANDS

        return [*self.commands, *COMMANDS]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        if name in self.commands:
            return self.commands[name]
        from ccops.commands.operate import COMMANDS

        return COMMANDS.get(name)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ccops")
@click.option("-c", "--config", type=click.Path(path_type=Path, dir_okay=False), help="The settings file to use.")
@click.option(
    "-p", "--pair", metavar="NAME", help="Which pair of the settings (default: console.pair, else the first)."
)
@click.option("--theme", metavar="NAME", help="The theme of this run (see `ccops themes`).")
@click.option("--write", is_flag=True, help="Open the console armed: operations may be started from it.")
@click.pass_context
def main(context: click.Context, config: Path | None, pair: str | None, theme: str | None, write: bool) -> None:
    """Terminal operations console for a highly available call centre of two nodes.

    Without a command it opens the console on the pair of the settings file.
    """
    began = (context.obj or {}).get("began", time.monotonic())
    context.obj = {"began": began, "config": config, "pair": pair, "theme": theme, "write": write}
    if context.invoked_subcommand is None:
        settings, name = chosen(context)
        run(_console_in(settings, name, theme, write))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the object for scripts.")
@click.option("--watch", is_flag=True, help="Print again at each interval, until Ctrl+C.")
@click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True), help="Read a bundle instead of connecting."
)
@click.option("--timeout", default=15.0, show_default=True, metavar="S", help="How long to wait for both nodes.")
@click.pass_context
def status(context: click.Context, as_json: bool, watch: bool, source: Path | None, timeout: float) -> None:
    """Print the pair. Exit: 0 ok, 1 warning, 2 critical, 3 unknown."""
    from ccops.watch import once
    from ccops.watch.status import exit_code

    if source is None and watch:
        settings, name = chosen(context)
        pair = settings.pairs[name]
        run(once.repeat(_watch(name, pair), lambda snapshot: _print(snapshot, as_json), pair.interval))
        return
    snapshot = _look(context, source, timeout)
    _print(snapshot, as_json)
    sys.exit(exit_code(snapshot))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the object for scripts (that of `status`).")
@click.option("--markdown", is_flag=True, help="Print it as Markdown, for a ticket.")
@click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True), help="Read a bundle instead of connecting."
)
@click.option("--timeout", default=15.0, show_default=True, metavar="S", help="How long to wait for both nodes.")
@click.pass_context
def triage(context: click.Context, as_json: bool, markdown: bool, source: Path | None, timeout: float) -> None:
    """Say what is wrong, how it is known and what to do. Exit: 0 ok, 1 warning, 2 critical, 3 unknown."""
    from ccops.triage import prose
    from ccops.watch.once import is_diagnosed
    from ccops.watch.status import exit_code

    snapshot = _look(context, source, timeout, is_diagnosed)
    if as_json:
        _print(snapshot, as_json)
    else:
        form = prose.markdown if markdown else prose.page
        click.echo(form(snapshot.findings, snapshot.divergence, snapshot.pair.layout, snapshot.at), nl=False)
    sys.exit(exit_code(snapshot))


@main.command()
@click.option("--timeout", default=2.5, show_default=True, metavar="S", help="Answer after this time at the latest.")
@click.pass_context
def check(context: click.Context, timeout: float) -> None:
    """Answer as a monitoring plug-in: one line, performance data, exit 0 ok, 1 warning, 2 critical, 3 unknown."""
    import ccops.watch.pair  # noqa: F401 - what takes long to load counts too
    from ccops.watch.plugin import line
    from ccops.watch.status import exit_code

    try:
        snapshot = _look(context, None, max(0.2, timeout - (time.monotonic() - context.obj["began"])))
    except click.ClickException as error:
        click.echo(f"CCOPS UNKNOWN - {error.format_message().splitlines()[0]}")
        sys.exit(UNKNOWN)
    click.echo(line(snapshot))
    sys.exit(exit_code(snapshot))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list for scripts.")
@click.option(
    "--from", "source", type=click.Path(path_type=Path, exists=True), help="Read a bundle instead of connecting."
)
@click.option("--timeout", default=30.0, show_default=True, metavar="S", help="How long to wait for both nodes.")
@click.pass_context
def lint(context: click.Context, as_json: bool, source: Path | None, timeout: float) -> None:
    """Examine the configuration of both nodes. Exit: 0 nothing to mend, 1 warning, 2 critical, 3 unknown."""
    import msgspec

    from ccops.triage import prose
    from ccops.watch.status import EXIT_CODES, finding_object

    snapshot = _look(context, source, timeout, lambda found: found.examined)
    if not snapshot.examined:
        raise Failed("the configuration of both nodes could not be read: `ccops status` says what is in the way")
    found = [finding for finding in snapshot.findings if finding.code.startswith("configuration-")]
    if as_json:
        click.echo(msgspec.json.encode([finding_object(finding) for finding in found]).decode())
    else:
        click.echo(prose.listing(found, "the configuration has nothing to mend"), nl=False)
    sys.exit(max((EXIT_CODES[finding.severity] for finding in found), default=0))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def bundle(context: click.Context, file: Path) -> None:
    """Collect what both nodes say of themselves into FILE (.tar.gz), for `status --from`; without secrets."""
    from ccops.record.evidence import make_bundle

    if file.exists():
        raise Failed(f"{file} exists: give another name, ccops overwrites no evidence")
    settings, name = chosen(context)
    collected = run(make_bundle(name, settings.pairs[name], file))
    for line in collected:
        click.echo(line)


@main.command()
@click.option("--scenario", default="quiet-day", show_default=True, help="What will happen (see --list).")
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 60), help="How fast the simulated time runs."
)
@click.option("--agents", type=click.IntRange(10, 1000), help="How many agents (default: as many as the scenario has).")
@click.option("--seed", default=1, show_default=True, help="Of the traffic.")
@click.option("--list", "listing", is_flag=True, help="List the scenarios.")
@click.option("--status", "as_status", is_flag=True, help="Print the status once instead of opening the console.")
@click.option("--write", is_flag=True, help="Open it armed: operations may be started.")
@click.option(
    "--role", type=click.Choice(["viewer", "supervisor", "operator", "administrator"]), help="Whoever sits before it."
)
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write its settings there while it runs, so that `ccops -c FILE …` reaches it from another terminal.",
)
@click.pass_context
def demo(
    context: click.Context,
    scenario: str,
    speed: float,
    agents: int | None,
    seed: int,
    listing: bool,
    as_status: bool,
    write: bool,
    role: str | None,
    file: Path | None,
) -> None:
    """Open the console on a simulated pair, with calls coming in. Nothing is needed but this machine."""
    import contextlib

    from ccops.demo.scenarios import SCENARIOS

    if listing:
        for each in SCENARIOS.values():
            click.echo(f"{each.name:<18} {each.title}")
        return
    if scenario not in SCENARIOS:
        raise Failed(f"there is no scenario {scenario!r}; there are: {', '.join(SCENARIOS)}")
    from msgspec.structs import replace

    from ccops.demo.settings_file import settings_file
    from ccops.demo.world import Demo

    async def play() -> Any:
        async with Demo(scenario=scenario, speed=speed, agents=agents, seed=seed) as world:
            name = next(iter(world.settings.pairs))
            if as_status:
                from ccops.watch.once import look

                return await look(_watch(name, world.settings.pairs[name]))
            # What is done to it ends with it: it is nothing to be resumed, or to be found among real operations.
            log = replace(world.settings.console, audit=str(world.folder / "audit.jsonl"))
            pairs = {
                key: replace(pair, **({"role": role} if role else {})) for key, pair in world.settings.pairs.items()
            }
            settings = replace(world.settings, console=log, pairs=pairs)
            with settings_file(settings, file) if file else contextlib.nullcontext():
                return await _console_in(settings, name, context.obj["theme"], write or context.obj["write"])

    try:
        result = run(play())
    except FileExistsError:
        raise Failed(f"{file} exists: give the name of a new file") from None
    if as_status:
        _print(result, as_json=False)


@main.command()
@click.argument("first")
@click.argument("second")
@click.option("--name", default="pair", show_default=True, help="What to call the pair.")
@click.option("--replace", is_flag=True, help="Replace a pair of that name.")
@click.option("--yes", is_flag=True, help="Take every default instead of asking.")
@click.pass_context
def init(context: click.Context, first: str, second: str, name: str, replace: bool, yes: bool) -> None:
    """Look at both servers ([user@]host[:port] each) and write the settings for the pair."""
    from ccops.config import ConfigError, default_path
    from ccops.setup.dialogue import introduce
    from ccops.setup.writer import write_config

    def ask(why: str, default: str | None) -> str:
        if yes and default is not None:
            return default
        return str(click.prompt(why, default=default, err=True))

    proposal = run(introduce(name, (first, second), ask, lambda text: click.echo(text, err=True)))
    path = context.obj["config"] or default_path()
    try:
        backup = write_config(path, proposal.settings, replace=replace)
    except ConfigError as error:
        raise Failed(str(error)) from None
    for note in proposal.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"written: {path}" + (f" (the former one is {backup})" if backup else ""))
    click.echo(f"open the console with: ccops -p {name}")


@main.command()
@click.option("--node", metavar="NAME", help="Only for this node, as a file for it.")
@click.option("--operate", is_flag=True, help="With the rights to operate in force, as far as the pair's role goes.")
@click.pass_context
def sudoers(context: click.Context, node: str | None, operate: bool) -> None:
    """Print the rights that the user ccops connects as needs on each node: none, groups, then exact sudo lines."""
    from ccops.setup.dialogue import rights

    settings, name = chosen(context)
    names = [each.name for each in settings.pairs[name].nodes]
    if node is not None and node not in names:
        raise Failed(f"{name} has no node {node!r}; it has {' and '.join(names)}")
    for text in run(rights(settings.pairs[name], [node] if node else names, operate)):
        click.echo(text)


@main.command()
@click.option(
    "--role", type=click.Choice(["viewer", "supervisor", "administrator"]), default="viewer", show_default=True
)
@click.option("--asterisk", default="16", show_default=True, metavar="VERSION", help="Asterisk's version, such as 1.4.")
@click.option(
    "--eccp", is_flag=True, help="Instead, a user of the call-center module's dialer, as statements for MySQL."
)
def amiuser(role: str, asterisk: str, eccp: bool) -> None:
    """Print sections for manager.conf: users with the least rights that a role takes, reached from the node alone."""
    import secrets

    if eccp:
        from ccops.setup.eccpuser import statements

        click.echo(statements(lambda: secrets.token_urlsafe(18)), nl=False)
        return
    from ccops.callcentre.resync import version_of
    from ccops.setup.amiuser import sections

    version = version_of(asterisk)
    if version is None:
        raise click.UsageError(f"expected a version such as 1.8 or 16, found {asterisk!r}")
    click.echo(sections(role, version, lambda: secrets.token_urlsafe(18)), nl=False)
    click.echo(
        "; The secrets were made for this print: keep them where ccops.toml says, then: asterisk -rx 'manager reload'"
    )


@main.command()
@click.pass_context
def themes(context: click.Context) -> None:
    """List the themes, the shipped and one's own, and what is wrong with any."""
    from ccops.tui.themes import folders, load

    loaded = load()
    for theme in loaded.themes.values():
        click.echo(f"{theme.name:<16} {'dark' if theme.dark else 'light'}")
    for fault in loaded.faults:
        click.echo(f"fault: {fault}", err=True)
    click.echo(f"your own go to: {folders()[-1]}")


main.add_command(report)


def _look(
    context: click.Context, source: Path | None, timeout: float, whole: Callable[[Snapshot], bool] | None = None
) -> Snapshot:
    """One complete look at the pair, or at a bundle."""
    if source is None:
        from ccops.watch.once import look

        settings, name = chosen(context)
        found: Snapshot = run(look(_watch(name, settings.pairs[name]), timeout, whole))
        return found
    from ccops.record.bundle import read_bundle
    from ccops.record.bundle_toml import BundleError
    from ccops.record.evidence import of_bundle

    try:
        return of_bundle(read_bundle(source))
    except BundleError as error:
        raise Failed(str(error)) from None


def _watch(name: str, pair: PairSettings) -> Any:
    from ccops.watch.pair import PairWatch

    return PairWatch(name, pair)


async def _console_in(settings: Settings, name: str, theme: str | None, write: bool = False) -> None:
    import asyncio
    import signal

    from msgspec.structs import replace

    from ccops.tui.app import Console
    from ccops.watch.deferred import DeferredWatch

    def open_operator(chosen: str, store: Store, authority: Authority) -> Executor:
        from ccops.commands.invocation import audit_of
        from ccops.operations.executor import Executor

        return Executor(chosen, settings.pairs[chosen], store, authority, audit_of(settings))

    if theme is not None:
        settings = replace(settings, console=replace(settings.console, theme=theme))
    console = Console(
        settings,
        lambda chosen: DeferredWatch(chosen, settings.pairs[chosen]),
        name,
        open_operator=open_operator,
        write=write,
    )
    # An operation that runs is recorded as interrupted, also where the terminal is gone.
    for each in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, console.exit)
    await console.run_async()


def _print(snapshot: Any, as_json: bool) -> None:
    from ccops.watch.prose import page
    from ccops.watch.status import status as status_object

    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(status_object(snapshot)).decode())
    else:
        click.echo(page(snapshot), nl=False)


if __name__ == "__main__":
    main()

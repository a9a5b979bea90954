"""The palette: every command of the console and of the view that is shown, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape

from ccops.text import clean


class Command(NamedTuple):
    """A command by name; `run` may be a coroutine function."""

    name: str
    help: str
    run: Callable[[], Awaitable[object] | object]


class Commanding(Protocol):
    """What the palette needs of the app."""

    def commands(self) -> Iterable[Command]:
        """Every command that can be run now."""


class Commands(Provider):
    """Offers the app's commands; names are data and never markup."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in self._all():
            name = clean(command.name)
            yield DiscoveryHit(Content(name), command.run, text=name, help=escape(clean(command.help)))

    async def search(self, query: str) -> Hits:
        """Those that match what was typed."""
        matcher = self.matcher(query)
        for command in self._all():
            name = clean(command.name)
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, _marked(name, matcher), command.run, text=name, help=escape(clean(command.help)))

    def _all(self) -> Iterable[Command]:
        return cast(Commanding, self.app).commands()


def _marked(name: str, matcher: Matcher) -> Content:
    """The name with what matched made to stand out; Textual's own `highlight` would read markup in the name."""
    content = Content(name)
    for offset in matcher.fuzzy_search.match(matcher.query, name)[1]:
        content = content.stylize(matcher.match_style, offset, offset + 1)
    return content

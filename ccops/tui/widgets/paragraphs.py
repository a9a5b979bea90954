"""Text in paragraphs, each wrapped with a hanging indent; drawn only when it changed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from ccops.text import clean


class Paragraph(NamedTuple):
    """A text in one style; its first line stands in by `first` cells, the others by `rest`, after a `title`."""

    text: str = ""
    style: str = ""
    first: int = 0
    rest: int = 0
    title: str = ""
    title_style: str = "bold"

    def lines(self, width: int) -> Iterator[Content]:
        """The lines at that width; text is data, nothing in it is markup."""
        title, text = clean(self.title), clean(self.text)
        whole = f"{title} {text}" if title and text else title or text
        wrapped = textwrap.wrap(
            whole,
            max(8, width),
            initial_indent=" " * self.first,
            subsequent_indent=" " * self.rest,
            break_on_hyphens=False,
        )
        for number, line in enumerate(wrapped or [""]):
            at = self.first + len(title)
            if number == 0 and title and line[self.first : at] == title:
                yield Content.assemble((line[:at], self.title_style), (line[at:], self.style))
            else:
                yield Content.styled(line, self.style)


class Paragraphs(Widget):
    """Draws paragraphs at its width; as high as they are."""

    DEFAULT_CSS: ClassVar[str] = """
    Paragraphs { height: auto; width: 1fr; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Paragraph, ...] = ()
        self._drawn: tuple[int, tuple[Content, ...]] = (-1, ())

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Replaces everything, if it differs."""
        if (new := tuple(paragraphs)) == self._shown:
            return
        before = len(self._lines(self.content_size.width))
        self._shown, self._drawn = new, (-1, ())
        self.refresh(layout=len(self._lines(self.content_size.width)) != before)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the paragraphs take at that width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """The lines at the present width."""
        return Content("\n").join(list(self._lines(self.content_size.width)))

    def _lines(self, width: int) -> tuple[Content, ...]:
        if self._drawn[0] != width:
            self._drawn = (width, tuple(line for each in self._shown for line in each.lines(width)))
        return self._drawn[1]

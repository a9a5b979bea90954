"""A card: a box with a title, a word in its right corner, and labelled rows; drawn only when they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from ccops.text import clean
from ccops.tui.widgets.bar import bar

Part = tuple[str, str]
"""A text and its style as `Content` takes it: `("UpToDate", "$ok")`; "" for the plain foreground."""

LABEL_WIDTH: Final = 10


class Row(NamedTuple):
    """A label and what stands beside it; without a label the parts take the whole width."""

    label: str | None
    parts: tuple[Part, ...]

    def line(self, width: int) -> Content:
        """The row as one line, at most about `width` cells (the card cuts and pads)."""
        if self.label is None:
            return assemble(self.parts)
        label = min(LABEL_WIDTH, max(7, width // 3))
        start = Content.styled(clean(self.label), "$label").truncate(label - 1, ellipsis=True, pad=True)
        return Content("").join([start, Content(" "), assemble(self.parts)])


class Joint(NamedTuple):
    """What joins the two nodes: each side's word, and a line with its name between them.

    `flow` is `both`, `right`, `left` or `none`; a line with `none` is drawn broken.
    """

    left: Part
    name: str
    right: Part
    flow: str = "both"
    style: str = "$label"

    def line(self, width: int) -> Content:
        """Left word, line, name, line, right word, over the whole width."""
        left, right = assemble((self.left,)), assemble((self.right,))
        name = assemble(((f" {self.name} ", ""),))
        room = width - left.cell_length - right.cell_length - name.cell_length - 2
        rule = "╌" if self.flow == "none" else "─"
        before = rule * max(1, room // 2)
        after = rule * max(1, room - room // 2)
        if self.flow in ("both", "left"):
            before = "◀" + before[1:]
        if self.flow in ("both", "right"):
            after = after[1:] + "▶"
        parts = [left, Content(" "), Content.styled(before, self.style), name]
        return Content("").join([*parts, Content.styled(after, self.style), Content(" "), right])


class Gauge(NamedTuple):
    """A bar over the width with a text at its right."""

    fraction: float
    text: str
    style: str = "$info"

    def line(self, width: int) -> Content:
        """The bar and the text."""
        filled, empty = bar(self.fraction, max(4, width - len(self.text) - 1))
        return assemble(((filled, self.style), (empty, "$frame"), (f" {self.text}", "bold")))


AnyRow = Row | Joint | Gauge


class Face(NamedTuple):
    """Everything a card shows. `corner` is the part at the right of the top line; `frame` the style of the box.

    `dashed` draws a broken box, `bare` none.
    """

    title: str
    rows: tuple[AnyRow, ...]
    corner: Part = ("", "")
    frame: str = "$frame"
    title_style: str = "bold"
    dashed: bool = False
    bare: bool = False

    @property
    def height(self) -> int:
        """Lines it takes."""
        return len(self.rows) + (0 if self.bare else 2)


def assemble(parts: Sequence[Part]) -> Content:
    """Parts as one line of content. The text is data: control characters are cut, nothing in it is markup."""
    return Content.assemble(*((clean(text), style) for text, style in parts))


class Card(Widget):
    """Draws a `Face`; its height is that of its rows and the box."""

    DEFAULT_CSS: ClassVar[str] = """
    Card { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._face = Face("", ())

    @property
    def face(self) -> Face:
        """What is drawn."""
        return self._face

    def show(self, face: Face) -> None:
        """Draws `face`, if it differs from what is drawn."""
        if face == self._face:
            return
        layout = face.height != self._face.height
        self._face = face
        self.refresh(layout=layout)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows and the two lines of the box."""
        return self._face.height

    def render(self) -> Content:
        """The box at the widget's present size; missing height is filled with empty rows."""
        width, height = self.content_size
        if width < 8 or height < 1:
            return Content("")
        face = self._face
        inner = width - 4
        if face.bare:
            return Content("\n").join(
                [Content("  ") + row.line(inner).truncate(inner, ellipsis=True) for row in face.rows]
            )
        lines = [self._top(width)]
        for index in range(height - 2):
            row: AnyRow = face.rows[index] if index < len(face.rows) else Row(None, ())
            lines.append(_boxed(row.line(inner), face.frame, inner, face.dashed))
        lines.append(Content.styled("╰" + ("╌" if face.dashed else "─") * (width - 2) + "╯", face.frame))
        return Content("\n").join(lines)

    def _top(self, width: int) -> Content:
        face = self._face
        rule = "╌" if face.dashed else "─"
        corner = assemble((face.corner,)) if face.corner[0] else Content("")
        room = width - 6 - (corner.cell_length + 2 if corner else 0)
        title = assemble(((face.title, face.title_style),)).truncate(max(1, room), ellipsis=True)
        fill = width - 5 - title.cell_length - (corner.cell_length + 3 if corner else 0)
        parts: list[Content] = [Content.styled(f"╭{rule} ", face.frame), title]
        parts.append(Content.styled(" " + rule * max(0, fill), face.frame))
        if corner:
            parts += [Content(" "), corner, Content.styled(f" {rule}", face.frame)]
        return Content("").join([*parts, Content.styled("╮", face.frame)])


def _boxed(line: Content, frame: str, inner: int, dashed: bool) -> Content:
    side = "╎" if dashed else "│"
    return Content("").join(
        [
            Content.styled(f"{side} ", frame),
            line.truncate(inner, ellipsis=True, pad=True),
            Content.styled(f" {side}", frame),
        ]
    )

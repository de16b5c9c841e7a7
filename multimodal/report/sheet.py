"""One sheet of paper: type, wrapped and cut text, and pictures, measured from its top left corner in points."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import matplotlib
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
MARGIN = 40.0
INNER = WIDTH - 2 * MARGIN
LEADING = 1.35
"""Distance of lines, in units of the size of their type."""

REGULAR, BOLD, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"
LACKING = "\N{WHITE SQUARE}"
"""Stands for a character that the typeface lacks, and for one that would only steer the text."""
CUT = "\N{HORIZONTAL ELLIPSIS}"
LONGEST = 4000
"""Characters of a text that are looked at; more never fit."""

_BLANKS = re.compile(r"[^\S\N{NO-BREAK SPACE}]+")


@cache
def _glyphs() -> frozenset[int]:
    """Code points of the text faces; registers them and the face for hashes, which all come with Matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = {name: TTFont(name, str(folder / f"{name}.ttf")) for name in (REGULAR, BOLD, MONO)}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    return frozenset(fonts[REGULAR].face.charToGlyph) & frozenset(fonts[BOLD].face.charToGlyph)


def shown(text: str) -> str:
    """Text as one line that can be set: blanks made one, what cannot be shown made :data:`LACKING`."""
    glyphs = _glyphs()
    return "".join(
        char if ord(char) in glyphs and unicodedata.category(char)[0] != "C" else LACKING
        for char in _BLANKS.sub(" ", text[:LONGEST]).strip()
    )


class Sheet:
    """A sheet that is written from the top; nothing given to it is ever read as markup.

    Attributes:
        y: Distance of the pen from the upper edge, points.
    """

    def __init__(self, title: str, subject: str) -> None:
        self._width: Callable[[str, str, float], float] = pdfmetrics.stringWidth
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=1, lang="en")
        self._canvas.setTitle(shown(title))
        self._canvas.setSubject(shown(subject))
        self._canvas.setAuthor("")
        self.y = MARGIN

    def done(self) -> bytes:
        """The PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 7.5,
        font: str = REGULAR,
        colour: str,
        width: float = INNER,
        right: bool = False,
    ) -> None:
        """One line with its base at ``y``, cut to a width; ``right`` sets its end at ``x``."""
        line = self._cut(shown(words), font, size, width)
        self._canvas.setFont(font, size)
        self._canvas.setFillColor(HexColor(colour))
        (self._canvas.drawRightString if right else self._canvas.drawString)(x, HEIGHT - y, line)

    def width(self, words: str, *, size: float, font: str = REGULAR) -> float:
        """Width of a line, points."""
        return self._width(shown(words), font, size)

    def lines(self, words: str, *, size: float, font: str = REGULAR, width: float = INNER, most: int = 99) -> list[str]:
        """Words wrapped to a width; the last line that may stand says that more was cut."""
        lines: list[str] = []
        line = ""
        for word in shown(words).split(" "):
            for part in self._parts(word, font, size, width):
                longer = f"{line} {part}" if line else part
                if self._width(longer, font, size) <= width:
                    line = longer
                else:
                    lines.append(line)
                    line = part
        lines.append(line)
        if len(lines) <= most:
            return lines
        return [*lines[: most - 1], self._cut(f"{lines[most - 1]} {CUT}", font, size, width)]

    def paragraph(
        self,
        words: str,
        *,
        size: float = 7.5,
        font: str = REGULAR,
        colour: str,
        x: float = MARGIN,
        width: float = INNER,
        most: int = 99,
    ) -> None:
        """Wrapped words at the pen, which goes below them."""
        for line in self.lines(words, size=size, font=font, width=width, most=most):
            self.y += LEADING * size
            self.text(x, self.y, line, size=size, font=font, colour=colour, width=width)

    def rule(self, x: float, y: float, width: float, *, colour: str, thickness: float = 0.5) -> None:
        """A level line."""
        self.stroke([(x, y), (x + width, y)], colour=colour, thickness=thickness)

    def stroke(
        self,
        points: list[tuple[float, float]],
        *,
        colour: str,
        thickness: float,
        closed: bool = False,
        fill: str | None = None,
    ) -> None:
        """A line through points, or the shape that it bounds."""
        path = self._canvas.beginPath()
        path.moveTo(points[0][0], HEIGHT - points[0][1])
        for x, y in points[1:]:
            path.lineTo(x, HEIGHT - y)
        if closed:
            path.close()
        self._pen(colour, thickness, fill)
        self._canvas.drawPath(path, stroke=1, fill=int(fill is not None))

    def circle(self, x: float, y: float, radius: float, *, colour: str, thickness: float, fill: str) -> None:
        """A circle."""
        self._pen(colour, thickness, fill)
        self._canvas.circle(x, HEIGHT - y, radius, stroke=1, fill=1)

    def picture(self, data: bytes, x: float, y: float, width: float, height: float) -> None:
        """A PNG or JPEG, stretched to a box whose upper left corner is given."""
        self._canvas.drawImage(ImageReader(io.BytesIO(data)), x, HEIGHT - y - height, width, height, mask="auto")

    def _pen(self, colour: str, thickness: float, fill: str | None) -> None:
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        if fill is not None:
            self._canvas.setFillColor(HexColor(fill))

    def _cut(self, line: str, font: str, size: float, width: float) -> str:
        if self._width(line, font, size) <= width:
            return line
        low, high = 0, len(line)
        while low < high:
            middle = (low + high + 1) // 2
            if self._width(line[:middle].rstrip() + CUT, font, size) <= width:
                low = middle
            else:
                high = middle - 1
        return line[:low].rstrip() + CUT

    def _parts(self, word: str, font: str, size: float, width: float) -> Iterator[str]:
        """A word in pieces that fit a line."""
        part = ""
        for char in word:
            if part and self._width(part + char, font, size) > width:
                yield part
                part = ""
            part += char
        yield part

"""The poster above a terminal, A4 or A5: its question in all languages, the four faces, and a QR code for phones.

Everything is drawn in lines and letters, so it is as sharp as the printer. Letters are as large as the question lets
them be, and a poster that nobody could read from two metres is not made.
"""

from __future__ import annotations

import io
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.print_texts import FONT, add_fonts, ascii_address, check_letters
from hymio.locale.sentence import _
from hymio.pages.faces import FACES, face_file

try:
    from hymio.locale.language import LOCALES, SOURCE, language_of
except ImportError as missing:
    raise missing_extra("labels", missing) from missing


class PaperSize(StrEnum):
    """What it is printed on, upright."""

    A4 = "A4"
    A5 = "A5"


_PAPER_MM: Final = {PaperSize.A4: (210.0, 297.0), PaperSize.A5: (148.0, 210.0)}
_MARGIN: Final = 16.0
"""This and what follows are millimetres of an A4; of an A5 they are so much less as its width is."""
_INNER: Final = 210.0 - 2 * _MARGIN
_QUESTION_TOP: Final = 34.0
_QUESTION_HEIGHT: Final = 112.0
_FACE: Final = 38.5
_FACES_TOP: Final = 160.0
_LINE_TOP: Final = 218.0
_QR_TOP: Final = 228.0
_QR: Final = 50.0

_PT_MM: Final = 0.3528
_LEADING: Final = 1.22
_LARGEST_PT: Final = 66.0
_SECOND: Final = 0.56
"""How large the question is in its other languages, by its first one."""
_BETWEEN: Final = 0.6
"""The space before another language, by its size."""
_LEAST_PT: Final = (24.0, 13.5)
"""First language and others, on any paper. From two metres a letter that is 2.9 mm high is 5 minutes of arc, which is
the finest that a good eye reads (20/20); capitals of this font are 0.69 of its size: twice that, and as much."""
_INK: Final = (29, 35, 39)
_SOFT_INK: Final = (85, 96, 106)
_LINE_INK: Final = (205, 201, 194)
_OTHER: Final = "Give --size A4, fewer languages by --locale, or a shorter question."


@dataclass(frozen=True, slots=True)
class Poster:
    """What stands on one."""

    key: str
    """Of the experience point."""
    place: str
    organisation: str
    question: tuple[tuple[str, str], ...]
    """(locale, text), the most important first; at least one."""
    address: str
    """In the QR code: the page on which a visitor may answer."""


def poster_pdf(poster: Poster, size: PaperSize) -> bytes:
    """The poster as a PDF of one page.

    Raises:
        Failure: 2, the question is too long for this paper, the font lacks a letter, or the extra `labels` is missing.
    """
    try:
        from fpdf import FPDF

        pdf = FPDF(format=_PAPER_MM[size])
        pdf.set_auto_page_break(False)
        pdf.set_margin(0)
        with tempfile.TemporaryDirectory() as folder:
            add_fonts(pdf, Path(folder))
            pdf.set_title(poster.question[0][1])
            pdf.set_author(poster.organisation)
            pdf.set_lang(poster.question[0][0].replace("_", "-"))
            pdf.add_page()
            _Sheet(pdf, size, poster).draw()
            return bytes(pdf.output())
    except ImportError as error:
        raise missing_extra("labels", error) from error


@dataclass(frozen=True, slots=True)
class _Part:
    """The question in one language. Widths are millimetres for each point of the letters' size."""

    words: Sequence[str]
    widths: Sequence[float]
    space: float
    share: float
    """Its size, by that of the first language."""
    above: float
    """The space before it, in millimetres for each point of the first language."""
    style: str
    ink: tuple[int, int, int]
    least_pt: float

    def lines(self, room: float) -> list[str]:
        """Broken between words; a word that is wider than the room has a line of its own."""
        lines: list[list[str]] = [[]]
        left = room
        for word, width in zip(self.words, self.widths, strict=True):
            if lines[-1] and width > left:
                lines.append([])
                left = room
            lines[-1].append(word)
            left -= width + self.space
        return [" ".join(line) for line in lines]


class _Sheet:
    """One page while it is drawn. All lengths that it takes are those of an A4."""

    def __init__(self, pdf: Any, size: PaperSize, poster: Poster) -> None:
        """Draws the poster onto the document's newest page."""
        self._pdf = pdf
        self._size = size
        self._poster = poster
        self._scale = _PAPER_MM[size][0] / _PAPER_MM[PaperSize.A4][0]

    def draw(self) -> None:
        """All of it, from the top."""
        poster = self._poster
        self._text(poster.organisation, 15, "B", _MARGIN, 15, _INNER, _INK, "organisation")
        self._text(poster.place, 13, "", _MARGIN, 22, _INNER, _SOFT_INK, "place")
        self._question()
        gap = (_INNER - len(FACES) * _FACE) / (len(FACES) - 1)
        for number, button in enumerate(FACES):
            self._picture(face_file(button), _MARGIN + number * (_FACE + gap), _FACES_TOP, _FACE)
        self._pdf.set_draw_color(*_LINE_INK)
        self._pdf.set_line_width(0.3)
        self._pdf.line(*(length * self._scale for length in (_MARGIN, _LINE_TOP, _MARGIN + _INNER, _LINE_TOP)))
        self._picture(io.BytesIO(_qr_svg(poster.address)), _MARGIN, _QR_TOP, _QR)
        self._words_beside_code(_MARGIN + _QR + 9)

    def _question(self) -> None:
        """In all languages, in the largest letters that fit, in the middle of the space above the faces."""
        parts = [
            self._part(locale, unicodedata.normalize("NFC", text), number)
            for number, (locale, text) in enumerate(self._poster.question)
        ]
        size_pt = _LARGEST_PT
        while (blocks := _blocks(parts, size_pt)) is None:
            size_pt *= 0.98
            if any(size_pt * part.share * self._scale < part.least_pt for part in parts):
                said = f"{self._poster.key}: the question is too long for an {self._size} that is read from two metres."
                raise Failure(WRONG_USE, said, _OTHER)
        top = _QUESTION_TOP + (_QUESTION_HEIGHT - _height(parts, blocks, size_pt)) / 2
        for part, lines in zip(parts, blocks, strict=True):
            top += part.above * size_pt
            for line in lines:
                top += self._text(line, size_pt * part.share, part.style, _MARGIN, top, _INNER, part.ink)

    def _part(self, locale: str, text: str, number: int) -> _Part:
        style = "" if number else "B"
        check_letters(self._pdf, style, text, f"{self._poster.key}: question.{locale}")
        self._pdf.set_font(FONT, style, _LARGEST_PT)
        words = text.split()
        widths = [self._pdf.get_string_width(word) / _LARGEST_PT for word in words]
        space = self._pdf.get_string_width(" ") / _LARGEST_PT
        if number:
            return _Part(words, widths, space, _SECOND, _BETWEEN * _SECOND * _PT_MM, "", _SOFT_INK, _LEAST_PT[1])
        return _Part(words, widths, space, 1.0, 0.0, "B", _INK, _LEAST_PT[0])

    def _words_beside_code(self, left: float) -> None:
        """How a phone answers, in the languages of the question that we speak, and the address for who types it."""
        width = _MARGIN + _INNER - left
        at = _QR_TOP - 1.5
        for number, code in enumerate(_codes(self._poster)):
            said = language_of(code).say(_("You can also answer on your phone."))
            size_pt, style, ink = (14.0, "", _SOFT_INK) if number else (19.0, "B", _INK)
            at += self._text(said, size_pt, style, left, at, width, ink, align="L") + 1
        self._text(self._poster.address.partition("://")[2], 11, "", left, at + 3, width, _SOFT_INK, align="L")

    def _text(self, text: str, size_pt: float, style: str, left: float, top: float, width: float,
              ink: tuple[int, int, int], source: str = "", align: str = "C") -> float:  # fmt: skip
        """Writes a text and gives its height."""
        text = unicodedata.normalize("NFC", text)
        if source:
            check_letters(self._pdf, style, text, f"{self._poster.key}: {source}")
        self._set_font(size_pt, style)
        self._pdf.set_text_color(*ink)
        self._pdf.set_xy(left * self._scale, top * self._scale)
        height = size_pt * _PT_MM * _LEADING * self._scale
        used: float = self._pdf.multi_cell(width * self._scale, height, text, align=align, output="HEIGHT")
        return used / self._scale

    def _set_font(self, size_pt: float, style: str) -> None:
        self._pdf.set_font(FONT, style, size_pt * self._scale)

    def _picture(self, svg: Path | io.BytesIO, left: float, top: float, width: float) -> None:
        """An SVG, which fpdf2 draws as paths."""
        self._pdf.image(svg, left * self._scale, top * self._scale, width * self._scale)


def _blocks(parts: Sequence[_Part], size_pt: float) -> list[list[str]] | None:
    """The lines of each part; None if they do not fit."""
    blocks = []
    for part in parts:
        room = _INNER / (size_pt * part.share)
        if max(part.widths) > room:
            return None
        # No narrower than that many lines need, so that the last one is not a word alone.
        count = len(part.lines(room))
        narrow, wide = max(part.widths), room
        while wide - narrow > room / 100:
            middle = (narrow + wide) / 2
            narrow, wide = (middle, wide) if len(part.lines(middle)) > count else (narrow, middle)
        blocks.append(part.lines(wide))
    return blocks if _height(parts, blocks, size_pt) <= _QUESTION_HEIGHT else None


def _height(parts: Sequence[_Part], blocks: Sequence[Sequence[str]], size_pt: float) -> float:
    lines = (
        part.above + len(block) * part.share * _PT_MM * _LEADING for part, block in zip(parts, blocks, strict=True)
    )
    return sum(lines) * size_pt


def _codes(poster: Poster) -> list[str]:
    """Those of our languages in which the question is asked, in its order; English if there is none."""
    asked = dict.fromkeys(locale.partition("_")[0] for locale, _text in poster.question)
    return [code for code in asked if code in LOCALES] or [SOURCE]


def _qr_svg(address: str) -> bytes:
    import segno

    drawing = io.BytesIO()
    # Error correction of level M survives the scratches of a year. Without a border: the sheet around it is white.
    segno.make_qr(ascii_address(address), error="m").save(drawing, kind="svg", border=0, omitsize=True)
    return drawing.getvalue()

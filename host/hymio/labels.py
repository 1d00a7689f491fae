"""Label sheets: a card for each terminal with its name and a QR code, as PDF (A4, 2 by 5) or PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hymio.errors import WRONG_USE, Failure

if TYPE_CHECKING:
    from hymio.provision_file import Terminal

_COLUMNS: Final = 2
_ROWS: Final = 5
_WIDTH_MM: Final = 99.0
_HEIGHT_MM: Final = 57.0
"""Of a label; ten of them fill an A4 sheet as those that can be bought (99.1 by 57 mm)."""
_LEFT_MM: Final = (210 - _COLUMNS * _WIDTH_MM) / 2
_TOP_MM: Final = (297 - _ROWS * _HEIGHT_MM) / 2
_QR_MM: Final = 42.0
_DPI: Final = 200


def content_of(terminal: Terminal) -> str:
    """What its QR code says: the page, or its name where there is none."""
    return terminal.page or terminal.device_id


def write_labels(path: Path, terminals: Sequence[Terminal]) -> None:
    """A sheet, or as many as it takes; PDF or PNG by the name of the file, PNG for one sheet only.

    Raises:
        Failure: another kind of file, too many for one sheet of PNG, libraries missing, it can't be written.
    """
    kind = path.suffix.lower()
    if kind not in (".pdf", ".png"):
        raise Failure(WRONG_USE, f"--labels: expected a name that ends in .pdf or .png, came {path.name}.", _AGAIN)
    if kind == ".png" and len(terminals) > _COLUMNS * _ROWS:
        raise Failure(WRONG_USE, f"--labels: {len(terminals)} labels do not fit on one sheet.", "Take a .pdf.")
    try:
        path.write_bytes(_pdf(terminals) if kind == ".pdf" else _png(terminals))
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", _AGAIN) from error
    except ImportError as error:
        raise Failure(
            WRONG_USE,
            f"Labels need libraries that are not installed ({error}).",
            'Type: pip install "hymio[labels]"',
        ) from error


_AGAIN: Final = "Give another path and run it again."


def _qr(terminal: Terminal) -> bytes:
    import segno

    picture = io.BytesIO()
    # Level M stands the scratches of a year; the border of four modules belongs to the code.
    segno.make_qr(content_of(terminal), error="m").save(picture, kind="png", scale=10, border=4)
    return picture.getvalue()


def _lines(terminal: Terminal) -> list[tuple[str, float, bool]]:
    """(text, height in mm, bold) beside the code."""
    question = next(iter(terminal.question.values()), "")
    lines = [(terminal.device_id, 5.5, True), (terminal.experience_point, 4.0, False), (question, 3.5, False)]
    return [line for line in [*lines, (terminal.page, 2.8, False)] if line[0]]


def _places(count: int) -> list[tuple[int, float, float]]:
    """(sheet, left, top) in mm for each label."""
    places = []
    for n in range(count):
        sheet, rest = divmod(n, _COLUMNS * _ROWS)
        row, column = divmod(rest, _COLUMNS)
        places.append((sheet, _LEFT_MM + column * _WIDTH_MM, _TOP_MM + row * _HEIGHT_MM))
    return places


def _pdf(terminals: Sequence[Terminal]) -> bytes:
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pages = -1
    for terminal, (sheet, left, top) in zip(terminals, _places(len(terminals)), strict=True):
        if sheet > pages:
            pdf.add_page()
            pages = sheet
        pdf.set_draw_color(200)
        pdf.rect(left, top, _WIDTH_MM, _HEIGHT_MM)
        pdf.image(io.BytesIO(_qr(terminal)), left + 3, top + (_HEIGHT_MM - _QR_MM) / 2, _QR_MM)
        pdf.set_xy(left + 3 + _QR_MM + 2, top + 8)
        for text, height_mm, bold in _lines(terminal):
            pdf.set_font("helvetica", "B" if bold else "", height_mm / 0.3528)
            pdf.set_x(left + 3 + _QR_MM + 2)
            # The fonts of every PDF reader know Latin 1 alone.
            plain = text.encode("latin-1", "replace").decode("latin-1")
            pdf.multi_cell(_WIDTH_MM - _QR_MM - 8, height_mm * 1.25, plain, align="L", new_x="LMARGIN", new_y="NEXT")
            pdf.set_y(pdf.get_y() + 1.5)
    return bytes(pdf.output())


def _png(terminals: Sequence[Terminal]) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    def px(mm: float) -> int:
        return round(mm / 25.4 * _DPI)

    sheet = Image.new("L", (px(210), px(297)), 255)
    draw: Any = ImageDraw.Draw(sheet)
    for terminal, (_, left, top) in zip(terminals, _places(len(terminals)), strict=True):
        draw.rectangle((px(left), px(top), px(left + _WIDTH_MM), px(top + _HEIGHT_MM)), outline=200)
        code = (
            Image.open(io.BytesIO(_qr(terminal)))
            .convert("L")
            .resize((px(_QR_MM), px(_QR_MM)), Image.Resampling.NEAREST)
        )
        sheet.paste(code, (px(left + 3), px(top + (_HEIGHT_MM - _QR_MM) / 2)))
        y_mm = top + 8
        for text, height_mm, _bold in _lines(terminal):
            font = ImageFont.load_default(px(height_mm))
            for line in _wrapped(text, px(_WIDTH_MM - _QR_MM - 8), lambda t, f=font: draw.textlength(t, f)):
                draw.text((px(left + 3 + _QR_MM + 2), px(y_mm)), line, 0, font)
                y_mm += height_mm * 1.25
            y_mm += 1.5
    picture = io.BytesIO()
    sheet.save(picture, "PNG", dpi=(_DPI, _DPI))
    return picture.getvalue()


def _wrapped(text: str, width: int, length: Any) -> list[str]:
    """Broken where it is too long: at a space, else anywhere (an address has none)."""
    lines, line = [], ""
    for letter in text:
        if line and length(line + letter) > width:
            head, space, tail = line.rpartition(" ")
            lines.append(head if space else line)
            line = tail if space else ""
        line += letter
    return [*lines, line]

"""Label sheets: a card for each terminal with its name and a QR code, as PDF (A4, 2 by 5) or PNG."""

from __future__ import annotations

import io
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.print_texts import FONT, add_fonts, ascii_address, check_letters

if TYPE_CHECKING:
    from hymio.settings.provisioning_file import ProvisionedTerminal

_COLUMNS: Final = 2
_ROWS: Final = 5
_WIDTH_MM: Final = 99.0
_HEIGHT_MM: Final = 57.0
"""The height of a label; ten of them fill an A4 sheet, like those that can be bought (99.1 by 57 mm)."""
_LEFT_MM: Final = (210 - _COLUMNS * _WIDTH_MM) / 2
_TOP_MM: Final = (297 - _ROWS * _HEIGHT_MM) / 2
_QR_MM: Final = 42.0
_TEXT_LEFT_MM: Final = 3 + _QR_MM + 2
_TEXT_WIDTH_MM: Final = _WIDTH_MM - _TEXT_LEFT_MM - 3
_TEXT_HEIGHT_MM: Final = _HEIGHT_MM - 2 * 4
_SCALES: Final = (1.0, 0.8, 0.65, 0.5, 0.4)
"""How far letters may shrink for long texts: the smallest make those of a question 1.4 mm high."""
_DPI: Final = 200
_AGAIN: Final = "Give another path and run it again."


def content_of(terminal: ProvisionedTerminal) -> str:
    """The content of the QR code: the page, or the terminal's name where there is none.

    It is in ASCII, because readers of such codes don't agree on what other letters are.
    """
    return ascii_address(terminal.page) if terminal.page else terminal.device_id


def write_labels(path: Path, terminals: Sequence[ProvisionedTerminal]) -> None:
    """Writes as many sheets as it takes: PDF or, for one sheet only, PNG, by the name of the file.

    Raises:
        Failure: it is another kind of file, there are too many labels for a PNG, a text can't be printed, libraries are
            missing, or the file can't be written.
    """
    kind = path.suffix.lower()
    if kind not in (".pdf", ".png"):
        raise Failure(WRONG_USE, f"--labels: expected a name that ends in .pdf or .png, came {path.name}.", _AGAIN)
    if kind == ".png" and len(terminals) > _COLUMNS * _ROWS:
        raise Failure(WRONG_USE, f"--labels: {len(terminals)} labels do not fit on one sheet.", "Take a .pdf.")
    try:
        pdf = _pdf(terminals)
        path.write_bytes(pdf if kind == ".pdf" else _png(pdf))
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", _AGAIN) from error
    except ImportError as error:
        raise missing_extra("labels", error) from error


def _qr(terminal: ProvisionedTerminal) -> bytes:
    import segno

    picture = io.BytesIO()
    # Error correction of level M survives the scratches of a year; the border of four modules is part of the code.
    segno.make_qr(content_of(terminal), error="m").save(picture, kind="png", scale=10, border=4)
    return picture.getvalue()


def _lines(terminal: ProvisionedTerminal) -> list[tuple[str, str, float, str]]:
    """The texts beside the code, as (key, text, height in mm, style); a question stands there in all languages."""
    lines = [("device_id", terminal.device_id, 5.5, "B"), ("experience_point", terminal.experience_point, 4.0, "")]
    lines += [("question." + language, text, 3.5, "") for language, text in terminal.question.items()]
    lines.append(("page", terminal.page, 2.8, ""))
    return [
        (key.rstrip("."), unicodedata.normalize("NFC", text), height_mm, style)
        for key, text, height_mm, style in lines
        if text
    ]


def _places(count: int) -> list[tuple[int, float, float]]:
    """The place of each label, as (sheet, left, top) in mm."""
    places = []
    for n in range(count):
        sheet, rest = divmod(n, _COLUMNS * _ROWS)
        row, column = divmod(rest, _COLUMNS)
        places.append((sheet, _LEFT_MM + column * _WIDTH_MM, _TOP_MM + row * _HEIGHT_MM))
    return places


def _pdf(terminals: Sequence[ProvisionedTerminal]) -> bytes:
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pages = -1
    with tempfile.TemporaryDirectory() as folder:
        add_fonts(pdf, Path(folder))
        for terminal, (sheet, left, top) in zip(terminals, _places(len(terminals)), strict=True):
            if sheet > pages:
                pdf.add_page()
                pages = sheet
            pdf.set_draw_color(200)
            pdf.rect(left, top, _WIDTH_MM, _HEIGHT_MM)
            pdf.image(io.BytesIO(_qr(terminal)), left + 3, top + (_HEIGHT_MM - _QR_MM) / 2, _QR_MM)
            _write_texts(pdf, terminal, left + _TEXT_LEFT_MM, top + 4)
        return bytes(pdf.output())


def _write_texts(pdf: Any, terminal: ProvisionedTerminal, left: float, top: float) -> None:
    """Writes the texts one below the other, in smaller letters if they would not fit otherwise."""
    lines = _lines(terminal)
    for key, text, _, style in lines:
        check_letters(pdf, style, text, f"{terminal.device_id}: {key}")
    for scale in _SCALES:
        used_mm = _texts_mm(pdf, lines, scale, left, top, dry_run=True)
        if used_mm <= _TEXT_HEIGHT_MM:
            break
    else:
        said = f"{terminal.device_id}: the texts do not fit on a label of {_WIDTH_MM:g} by {_HEIGHT_MM:g} mm."
        raise Failure(WRONG_USE, said, "Take a shorter question, fewer languages or a shorter page.")
    _texts_mm(pdf, lines, scale, left, top + min(4, _TEXT_HEIGHT_MM - used_mm), dry_run=False)


def _texts_mm(pdf: Any, lines: Sequence[tuple[str, str, float, str]], scale: float, left: float, top: float, *,
              dry_run: bool) -> float:  # fmt: skip
    """The height of the texts; they are written as well unless it is a `dry_run`."""
    at_mm = top
    for key, text, full_mm, style in lines:
        height_mm = full_mm if key == "device_id" else full_mm * scale
        pdf.set_font(FONT, style, height_mm / 0.3528)
        pdf.set_xy(left, at_mm)
        at_mm += 1.5 * scale + pdf.multi_cell(
            _TEXT_WIDTH_MM,
            height_mm * 1.25,
            text,
            align="L",
            new_x="LEFT",
            new_y="NEXT",
            dry_run=dry_run,
            output="HEIGHT",
        )
    return at_mm - top


def _png(pdf: bytes) -> bytes:
    import pypdfium2  # type: ignore[import-untyped]

    picture = io.BytesIO()
    with pypdfium2.PdfDocument(pdf) as document:
        sheet = document[0].render(scale=_DPI / 72, grayscale=True).to_pil()
        sheet.save(picture, "PNG", dpi=(_DPI, _DPI))
    return picture.getvalue()

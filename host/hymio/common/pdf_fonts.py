"""The letters of what hymio prints as PDF: fonts of our own, since those built into PDF have Latin 1 alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fpdf import FPDF

FAMILY: Final = "hymio"
_FONTS: Final = {"": "figo", "B": "figbo"}
"""FiraGO, regular and bold, which has Latin, Greek, Cyrillic, Georgian, Hebrew, Arabic, Devanagari and Thai letters."""


def add_fonts(pdf: FPDF, folder: Path) -> None:
    """Adds the family, regular and bold, to a document, and has letters joined as their script wants it.

    Args:
        pdf: the document.
        folder: for the files of the fonts, which are read until the document is done.

    Raises:
        ImportError: an extra is not installed.
    """
    import pymupdf_fonts  # type: ignore[import-untyped]
    import uharfbuzz  # type: ignore[import-untyped]  # noqa: F401  joins letters; fpdf2 does without it in silence

    for style, name in _FONTS.items():
        file = folder / f"{name}.ttf"
        file.write_bytes(pymupdf_fonts.myfont(name))
        pdf.add_font(FAMILY, style, file)
    pdf.set_text_shaping(True)

"""Texts on paper, in any of many scripts, and addresses in QR codes."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from hymio.common.errors import WRONG_USE, Failure

FONT: Final = "hymio"
"""Under this name fpdf2 knows the fonts: style "" is regular, "B" bold."""
_FILES: Final = {"": "figo", "B": "figbo"}
"""FiraGO, regular and bold, which has Latin, Greek, Cyrillic, Georgian, Hebrew, Arabic, Devanagari and Thai letters."""


def add_fonts(pdf: Any, folder: Path) -> None:
    """Adds fonts of our own to an fpdf2 document, since the built-in fonts of PDF have Latin 1 alone.

    Args:
        pdf: the FPDF.
        folder: where the files of the fonts may be put; they are read until the document is written.

    Raises:
        ImportError: the extra `labels` is not installed.
    """
    import pymupdf_fonts  # type: ignore[import-untyped]
    import uharfbuzz  # type: ignore[import-untyped]  # noqa: F401  joins letters; fpdf2 does without it in silence

    for style, name in _FILES.items():
        file = folder / f"{name}.ttf"
        file.write_bytes(pymupdf_fonts.myfont(name))
        pdf.add_font(FONT, style, file)
    pdf.set_text_shaping(True)


def check_letters(pdf: Any, style: str, text: str, source: str) -> None:
    """Fails for a text with letters that the font lacks, which would be printed as empty boxes.

    Raises:
        Failure: 2, names the letter and its `source`.
    """
    glyphs = pdf.fonts[FONT + style].cmap
    for letter in text:
        if letter != "\n" and ord(letter) not in glyphs:
            name = unicodedata.name(letter, "a control character")
            raise Failure(
                WRONG_USE,
                f"{source}: the font has no {letter!r} (U+{ord(letter):04X}, {name}).",
                "Write it in another way and run the same command again. Nothing was changed.",
            )


def ascii_address(page: str) -> str:
    """The address as a browser sends it: after RFC 3987, 3.1, and with Punycode for the host."""
    if page.isascii() and " " not in page:
        return page
    address = urlsplit(unicodedata.normalize("NFC", page))
    host = ".".join(
        label if label.isascii() else "xn--" + label.lower().encode("punycode").decode()
        for label in address.netloc.split(".")
    )
    rest = (quote(part, safe="!#$%&'()*+,/:;=?@[]~") for part in address[2:])
    return urlunsplit((address.scheme, host, *rest))

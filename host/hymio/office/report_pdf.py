"""A report as PDF: A4 sheets with heading, charts and the table of all figures."""

from __future__ import annotations

import io
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fpdf import FPDF
from fpdf.fonts import FontFace

from hymio.common.print_texts import FONT, add_fonts
from hymio.office.report_charts import ReportChart, charts_of
from hymio.office.report_words import FiguresReport, table_of, texts_in

_WIDTH_MM: Final = 180.0
_MARGIN_MM: Final = 15.0
_GAP_MM: Final = 6.0
_ALONE_MM: Final = 135.0
"""The width of a chart that has a row to itself."""
_DOTS: Final = 3.0
"""For each point of a chart: 250 to 500 dots an inch on paper."""
_TABLE_BEGINS_MM: Final = 35.0
"""The heading of a table with a few rows, which stay together."""
_QUIET: Final = 95
"""A grey."""


class _Sheets(FPDF):
    """A4 sheets with numbers below."""

    def footer(self) -> None:
        """Is called by fpdf2 at the end of each sheet."""
        self.set_y(-12)
        self.set_font(FONT, size=8)
        self.set_text_color(_QUIET)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(0)


def pdf(report: FiguresReport) -> bytes:
    """The whole document."""
    sheets = _Sheets(format="A4")
    sheets.set_title(report.title)
    sheets.set_lang(report.language.code)
    sheets.set_margin(_MARGIN_MM)
    sheets.set_auto_page_break(True, 18)
    with tempfile.TemporaryDirectory() as folder:
        add_fonts(sheets, Path(folder))
        sheets.add_page()
        _write(sheets, report.title, 17, "B")
        _write(sheets, report.subtitle, 12)
        for sentence in report.context:
            _write(sheets, sentence, 10)
        sheets.ln(4)
        charts = charts_of(report)
        _draw(sheets, charts, 1 if len(charts) < 3 else 2)
        _tabulate(sheets, report)
        sheets.ln(4)
        sheets.set_text_color(_QUIET)
        for sentence in report.notes:
            _write(sheets, sentence, 9)
        return bytes(sheets.output())


def _write(sheets: FPDF, text: str, points: float, style: Any = "") -> None:
    sheets.set_font(FONT, style, points)
    sheets.multi_cell(_WIDTH_MM, points * 0.5, _printable(sheets, text), align="L", new_x="LMARGIN", new_y="NEXT")


def _draw(sheets: FPDF, charts: Sequence[ReportChart], columns: int) -> None:
    """The charts side by side, in rows that stay whole."""
    width_mm = _ALONE_MM if columns == 1 else (_WIDTH_MM - _GAP_MM * (columns - 1)) / columns
    for first in range(0, len(charts), columns):
        some = charts[first : first + columns]
        pictures = [chart.png(_DOTS) for chart in some]
        heights_mm = [width_mm * _ratio(picture) for picture in pictures]
        if sheets.will_page_break(max(heights_mm) + 12):
            sheets.add_page()
        top = sheets.get_y()
        for number, (chart, picture) in enumerate(zip(some, pictures, strict=True)):
            left = _MARGIN_MM + number * (width_mm + _GAP_MM)
            sheets.set_xy(left, top)
            sheets.set_font(FONT, "B", 11)
            sheets.cell(width_mm, 5, _printable(sheets, chart.caption), new_x="LEFT", new_y="NEXT")
            sheets.set_font(FONT, "", 9)
            sheets.cell(width_mm, 5, _printable(sheets, chart.told), new_x="LEFT", new_y="NEXT")
            sheets.image(io.BytesIO(picture), left, top + 11, width_mm, alt_text=chart.described)
        sheets.set_xy(_MARGIN_MM, top + 11 + max(heights_mm) + _GAP_MM)


def _ratio(png: bytes) -> float:
    """Height by width, which stand in the first chunk of the file."""
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return height / width


def _tabulate(sheets: FPDF, report: FiguresReport) -> None:
    names, rows = table_of(report)
    texts = texts_in(report)
    faces = [18, 18, 18, 18]
    widths = [30, *([24] if texts == 2 else []), 22, *([34] if report.is_compared else []), 17, *faces, 26, 16, 17]
    sheets.set_font(FONT, "", 6.5 if report.is_compared else 7.5)
    sheets.set_draw_color(200)
    if sheets.will_page_break(_TABLE_BEGINS_MM):
        sheets.add_page()
    with sheets.table(
        width=_WIDTH_MM, col_widths=widths, line_height=4.2, padding=0.8, borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="BOLD", size_pt=5.5),
        text_align=["LEFT"] * texts + ["RIGHT"] * (len(names) - texts),
    ) as table:  # fmt: skip
        for row in (names, *rows):
            table.row([_printable(sheets, text) for text in row])


def _printable(sheets: FPDF, text: str) -> str:
    """The text with a question mark for each letter that the font lacks: a report is not to fail for a name."""
    glyphs: Any = sheets.fonts[FONT].cmap  # type: ignore[union-attr]  # it is a TrueType font
    signs = (one if ord(one) in glyphs else _in_place_of(one) for one in unicodedata.normalize("NFC", text))
    return "".join(signs)


def _in_place_of(sign: str) -> str:
    """Languages write spaces of many widths."""
    return " " if unicodedata.category(sign) == "Zs" else "?"

"""A report as a page: one HTML file that asks nobody for anything, with its charts drawn into it."""

# The charts are pictures of lines (SVG), not programs: a page that a mail brings, or that is printed, has them too, and
# the libraries that would draw them in the browser are ten times the size of the page and take seconds to pack.

from __future__ import annotations

import json
from html import escape
from typing import Final

from hymio.locale.sentence import _
from hymio.office.report_charts import PAGE_INK, ReportChart, charts_of
from hymio.office.report_words import FiguresReport, table_of, texts_in

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #fff; --quiet: #5f5f64; --line: #d6d6da }
@media (prefers-color-scheme: dark) { :root { --ink: #f2f2f4; --paper: #17171a; --quiet: #a6a6ad; --line: #3a3a40 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem; font: 1rem/1.45 system-ui, sans-serif;
       color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 0 }
.sub { font-size: 1.1rem; margin: 0 0 .5rem } .quiet { color: var(--quiet); margin: .2rem 0; max-width: 60rem }
.charts { display: grid; gap: 2rem; margin: 2rem 0;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) }
figure { margin: 0; min-width: 0 } figcaption { margin-bottom: .5rem }
svg { display: block; width: 100%; max-width: 36rem; height: auto; overflow: visible }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap }
th[scope=row], .text { text-align: left } th[scope=row] { font-weight: inherit; white-space: normal; min-width: 8rem }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; font-weight: 600 }
footer { margin-top: 1.5rem }
@media print { body { max-width: none; padding: 0 } figure, tr { break-inside: avoid } }
"""
_CLASS: Final = {True: ' class="text"', False: ""}


def page(report: FiguresReport) -> str:
    """The whole document."""
    names, rows = table_of(report)
    texts = texts_in(report)
    heads = "".join(f'<th scope="col"{_CLASS[number < texts]}>{escape(name)}</th>' for number, name in enumerate(names))
    lines = "\n".join(_row(report, row, texts) for row in rows)
    caption = escape(report.say(_("All figures")))
    charts = "\n".join(_figure(chart) for chart in charts_of(report))
    above = "\n".join(f'<p class="quiet">{escape(sentence)}</p>' for sentence in report.context)
    below = "\n".join(f'<p class="quiet">{escape(sentence)}</p>' for sentence in report.notes)
    return f"""<!doctype html>
<html lang="{report.language.code}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title><style>{_STYLE}</style></head>
<body>
<header><h1>{escape(report.title)}</h1>
<p class="sub">{escape(report.subtitle)}</p>
{above}</header>
<main><div class="charts">
{charts}
</div>
<div class="table" role="region" aria-label="{caption}" tabindex="0"><table><caption>{caption}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>
{lines}
</tbody></table></div></main>
<footer>
{below}</footer>
<script type="application/json" id="figures">{_data(report)}</script>
</body></html>
"""


def _figure(chart: ReportChart) -> str:
    return (
        f"<figure><figcaption><h2>{escape(chart.caption)}</h2>"
        f'<div class="quiet">{escape(chart.told)}</div></figcaption>'
        f'<div role="img" aria-label="{escape(chart.described)}">{chart.svg(PAGE_INK)}</div></figure>'
    )


def _row(report: FiguresReport, row: list[str], texts: int) -> str:
    cells = [f'<th scope="row">{escape(row[0])}</th>']
    for number, value in enumerate(row[1:], 1):
        said = f"<em>{value}</em>" if value in (report.too_few, report.no_answers) else escape(value)
        cells.append(f"<td{_CLASS[number < texts]}>{said}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _data(report: FiguresReport) -> str:
    """The answer itself, for programs; a text in it can't end the element."""
    return json.dumps(report.answer, ensure_ascii=False).replace("<", "\\u003c")

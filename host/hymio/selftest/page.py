"""The report of a self-test as a page to print: one A4 sheet, one file, nothing from outside."""

from __future__ import annotations

import time
from html import escape
from typing import Final

from hymio.selftest.report import Check, Result, SelftestReport, Verdict

# The signs are drawn because not every font has them; each has a form of its own, for those who see no colours.
_SHAPES: Final[dict[Result, tuple[str, str]]] = {
    "passed": ("#1a7f37", '<path d="M3 9l4 4 8-9"/>'),
    "failed": ("#b42318", '<path d="M4 4l10 10M14 4L4 14"/>'),
    "skipped": ("#6b7280", '<path d="M4 9h10"/>'),
    "unclear": ("#9a6700", '<path d="M6 6a3 3 0 1 1 3 4v2M9 15v.5"/>'),
}
_WHOLE: Final[dict[Verdict, Result]] = {"good": "passed", "as_far_as_tested": "unclear", "failed": "failed"}

_STYLE: Final = """
@page { size: A4; margin: 14mm }
* { box-sizing: border-box }
body { font: 10pt/1.35 sans-serif; color: #111; max-width: 182mm; margin: 0 auto; padding: 4mm 0 }
h1 { font-size: 20pt; margin: 0 } h1 svg { width: 9mm; height: 9mm; vertical-align: -1.5mm }
p { margin: 1mm 0 4mm }
dl { display: grid; grid-template-columns: max-content 1fr max-content 1fr; gap: 1mm 4mm; margin: 4mm 0 6mm }
dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 1.2mm 2mm; border-bottom: .2mm solid #bbb }
th { border-bottom: .5mm solid #111 } td.n { text-align: right; white-space: nowrap }
td svg { width: 4.5mm; height: 4.5mm; vertical-align: -1mm }
svg path { fill: none; stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round }
footer { margin-top: 12mm; display: flex; gap: 10mm }
footer div { flex: 1; border-top: .3mm solid #111; padding-top: 1mm; color: #555 }
@media print { body { padding: 0; max-width: none } table, footer, tr { break-inside: avoid } }
"""


def page(report: SelftestReport) -> str:
    """The report as an HTML document."""
    title = f"Self-test of {report.device_id}"
    verdict, *rest = report.sentences()
    said = ". ".join([verdict, *(sentence[0].upper() + sentence[1:] for sentence in rest)])
    facts = (
        ("Terminal", report.device_id),
        ("Date", _date(report.began_utc)),
        ("MAC", report.mac),
        ("Operator", report.operator or ""),
        ("Log", "none" if report.log_id is None else f"{report.log_id:08x}"),
        ("Took", f"{report.ended_utc - report.began_utc:.0f} s"),
        ("Firmware", report.firmware),
        ("Start", str(report.boot)),
    )
    rows = "\n".join(_row(check) for check in report.checks)
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>
<body>
<h1>{_mark(_WHOLE[report.verdict])} {escape(title)}</h1>
<p>{escape(said)}.</p>
<dl>{listed}</dl>
<table>
<thead><tr><th></th><th>Check</th><th>Measured</th><th>Limit</th><th>What was found</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<footer><div>Date, place</div><div>Signature</div></footer>
</body></html>
"""


def _row(check: Check) -> str:
    name = check.name.replace("_", " ")
    return (
        f"<tr><td>{_mark(check.result)}</td><td>{escape(name)}</td><td class=n>{escape(check.measured)}</td>"
        f"<td class=n>{escape(check.limit)}</td><td>{escape(check.reason)}</td></tr>"
    )


def _mark(result: Result) -> str:
    colour, shape = _SHAPES[result]
    return f'<svg viewBox="0 0 18 18" role="img" aria-label="{result}" stroke="{colour}">{shape}</svg>'


def _date(utc: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(utc))

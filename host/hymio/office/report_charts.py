"""The charts of a report, drawn by Altair and vl-convert from the cells alone: their numbers are those of `--json`."""

# Only `hymio report` with a file to draw imports this: Altair takes a second.

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import altair as alt
import vl_convert

from hymio.locale.sentence import _
from hymio.office.report_columns import Cell
from hymio.office.report_words import (
    FiguresReport,
    difference_of,
    happy_index_of,
    short_day,
    short_time_of,
    time_of,
)

SUBJECTS_MAX: Final = 12
"""So many have a chart of their own over time; the table has all."""
COLOURS: Final = ("#b71c1c", "#ef9a9a", "#a5d6a7", "#2e7d32")
"""Of the four faces, the very unhappy one first, as on the terminals' buttons."""
INK: Final = "#1d1d1f"
"""Of lines and letters on paper."""
PAGE_INK: Final = "currentColor"
"""The same in a page: as its letters are, by day and by night."""

_ON_COLOURS: Final = ("white", "black", "black", "white")
_QUIET: Final = "#8a8a8e"
_GOAL: Final = "#3f8ae0"
_WIDTH: Final = 330
_ROW: Final = 34
_BARS_MAX: Final = 16
"""Up to so many intervals are drawn as bars, more as a band."""
_HOURS_MAX: Final = 48
"""More hours than these are a map of days and hours."""
_VEGA_LITE: Final = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_INDEX: Final = alt.Scale(domain=[0, 100])
_BESIDE: Final = alt.value(_WIDTH + 10)
"""Right of the drawing."""
_SHARES: Final = (0, 0.25, 0.5, 0.75, 1)


@dataclass(frozen=True, slots=True)
class ReportChart:
    """A chart. caption, told: its title, and how to read it. described: what it shows, for those who can't see it."""

    caption: str
    told: str
    described: str
    drawing: Any

    def svg(self, ink: str) -> str:
        """The drawing with lines and letters of this colour."""
        return _svg(self.drawing, ink)

    def png(self, scale: float) -> bytes:
        """The drawing as on paper; scale: dots for each point."""
        return png_of(self.svg(INK), scale)


def png_of(svg: str, scale: float) -> bytes:
    """A drawing as a picture; scale: dots for each point."""
    return bytes(vl_convert.svg_to_png(svg, scale=scale))


def charts_of(report: FiguresReport) -> list[ReportChart]:
    """The charts that tell it best; none if no cell has a figure."""
    cells = [cell for cell in report.cells if not cell["suppressed"] and cell["votes"]]
    if not cells or report.answer["per"] is None:
        return [_indices(report, cells), _distribution(report, cells)] if cells else []
    by_key: dict[str, list[Cell]] = {}
    for cell in cells:
        by_key.setdefault(cell["key"], []).append(cell)
    most = sorted(by_key, key=lambda key: -sum(cell["votes"] for cell in by_key[key]))[:SUBJECTS_MAX]
    return [_over_time(report, key, its) for key, its in by_key.items() if key in most]


def picture(report: FiguresReport) -> str:
    """All charts with the title above, as one SVG."""
    drawings = [
        chart.drawing.properties(title=alt.TitleParams(chart.caption, subtitle=chart.told))
        for chart in charts_of(report)
    ]
    columns = 1 if len(drawings) < 3 else 2
    notes = alt.Chart(_data([{}]), width=_WIDTH, height=1).mark_text(
        align="left", baseline="top", text=_wrapped(report.notes, 68 * columns), fontSize=11, x=0
    )
    title = alt.TitleParams(
        report.title, fontSize=20, subtitleFontSize=13, offset=20,
        subtitle=_wrapped([report.subtitle, *report.context], 68 * columns),
    )  # fmt: skip
    charts = alt.concat(*drawings, columns=columns, spacing=36)
    return _svg(alt.vconcat(*([charts] if drawings else []), notes).properties(title=title), INK)


def _wrapped(notes: Sequence[str], width: int) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(note, width)]


def _svg(drawing: Any, ink: str) -> str:
    line = "rgba(128,128,128,0.25)"
    spec = drawing.to_dict()
    spec["config"] = {
        "background": "white" if ink == INK else "transparent",
        "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
        "padding": 8,
        "axis": {
            "labelColor": ink, "titleColor": ink, "domainColor": line, "tickColor": line, "gridColor": line,
            "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        },
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12, "offset": 8},
        "title": {"color": ink, "subtitleColor": ink, "fontSize": 15, "anchor": "start", "frame": "group"},
        "view": {"stroke": None},
        "text": {"color": ink, "fontSize": 12},
        "point": {"color": ink},
        "line": {"color": ink, "strokeWidth": 1.5},
        "errorbar": {"rule": {"color": ink, "strokeWidth": 1.5}},
        "errorband": {"band": {"color": ink, "opacity": 0.15}},
    }  # fmt: skip
    return str(vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE))


def _data(rows: Sequence[dict[str, Any]]) -> Any:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _named(report: FiguresReport, cells: Sequence[Cell]) -> Any:
    """A row for each cell, in this order."""
    axis = alt.Axis(title=None, labelLimit=150, ticks=False)
    return alt.Y("name:N", sort=[report.labels[cell["key"]] for cell in cells], axis=axis)


def _indices(report: FiguresReport, cells: Sequence[Cell]) -> ReportChart:
    """The best first, each with its interval."""
    cells = sorted(cells, key=lambda cell: -float(cell["happy_index"]))
    rows = [
        {
            "name": report.labels[cell["key"]],
            "happy_index": cell["happy_index"],
            "happy_index_margin": cell["happy_index_margin"],
            "said": happy_index_of(report, cell),
            "goal_from": None if cell["distance"] is None else cell["happy_index"] - cell["distance"],
            "other": (cell.get("compared") or {}).get("happy_index"),
            "difference": difference_of(report, cell),
        }
        for cell in cells
    ]
    base = alt.Chart(_data(rows), width=_WIDTH, height=alt.Step(_ROW)).encode(y=_named(report, cells))
    x = alt.X("happy_index:Q", scale=_INDEX, axis=alt.Axis(title=None, values=[0, 25, 50, 75, 100]))
    layers = [
        base.mark_errorbar(clip=True).encode(x=x, xError="happy_index_margin:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x),
        base.mark_text(align="left", dy=-7 if report.is_compared else 0).encode(x=_BESIDE, text="said:N"),
    ]
    told = [report.say(_("With 95 %% intervals"))]
    if any(row["goal_from"] is not None for row in rows):
        goals = base.transform_filter("isValid(datum.goal_from)")
        layers.append(goals.mark_tick(color=_GOAL, thickness=2, size=22).encode(x="goal_from:Q"))
        told.append(report.say(_("blue: the level to reach")))
    if report.is_compared:
        others = base.transform_filter("isValid(datum.other)")
        layers.append(others.mark_point(shape="diamond", size=70, color=_QUIET).encode(x="other:Q"))
        layers.append(others.mark_text(align="left", dy=8, fontSize=11).encode(x=_BESIDE, text="difference:N"))
        told.append(report.say(_("diamond: the comparison")))
    said = "; ".join(f"{cell['name']} {happy_index_of(report, cell)}" for cell in cells)
    title = report.say(_("Happy Index"))
    return ReportChart(title, "; ".join(told), f"{title}: {said}.", alt.layer(*layers))


def _distribution(report: FiguresReport, cells: Sequence[Cell]) -> ReportChart:
    """How many pressed which face."""
    cells = sorted(cells, key=lambda cell: -float(cell["happy_index"]))
    told: list[dict[str, Any]] = [
        {"name": report.labels[cell["key"]], "votes": cell["votes"], "said": report.answers(cell["votes"])}
        for cell in cells
    ]
    rows = [
        {
            "name": one["name"],
            "face": face,
            "order": order,
            "count": cell["faces"][order],
            "votes": one["votes"],
            "share": _share(report, cell["faces"][order], one["votes"]),
        }
        for one, cell in zip(told, cells, strict=True)
        for order, face in enumerate(report.faces)
    ]
    shares = {str(share): report.language.percent(100 * share) for share in _SHARES}
    base = alt.Chart(_data(rows), width=_WIDTH, height=alt.Step(_ROW)).encode(
        y=_named(report, cells),
        x=alt.X("count:Q", stack="normalize", axis=_labelled(shares, values=list(_SHARES))),
        order="order:O",
    )
    drawing = alt.layer(
        base.mark_bar(height=22).encode(color=_faces(report)),
        base.mark_text(fontSize=11).encode(
            x=alt.X("count:Q", stack="normalize", bandPosition=0.5),
            text="share:N",
            color=alt.Color("face:N", scale=alt.Scale(domain=report.faces, range=_ON_COLOURS), legend=None),
        ),
        alt.Chart(_data(told)).mark_text(align="left").encode(y=_named(report, cells), x=_BESIDE, text="said:N"),
    ).resolve_scale(color="independent")
    said = "; ".join(f"{cell['name']} " + ", ".join(map("{} {}".format, cell["faces"], report.faces)) for cell in cells)
    title = report.say(_("Answers"))
    return ReportChart(title, report.say(_("Share of each face")), f"{title}: {said}.", drawing)


def _share(report: FiguresReport, count: int, votes: int) -> str:
    """What stands on a bar; nothing where there is no room."""
    return report.language.percent(100 * count / votes) if count >= 0.07 * votes else ""


def _labelled(labels: Mapping[str, str], **options: Any) -> Any:
    """An axis on which each value is called as these say: Vega itself knows English alone."""
    called = json.dumps(labels, ensure_ascii=False)
    layout = {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 6, **options}
    return alt.Axis(title=None, labelExpr=f"({called})['' + datum.value]", **layout)


def _faces(report: FiguresReport) -> Any:
    return alt.Color(
        "face:N",
        scale=alt.Scale(domain=report.faces, range=list(COLOURS)),
        legend=alt.Legend(title=None, orient="top", direction="horizontal", columns=4, symbolType="square"),
    )


def _over_time(report: FiguresReport, key: str, cells: Sequence[Cell]) -> ReportChart:
    """One place through time: its Happy Index above, its answers below."""
    per = report.answer["per"]
    of_key = [cell for cell in report.cells if cell["key"] == key]
    every = [_bucket(cell) for cell in of_key]
    caption, votes = report.labels[key], sum(cell["votes"] for cell in cells)
    said = "; ".join(f"{time_of(report, cell)} {happy_index_of(report, cell)}" for cell in cells[:_BARS_MAX])
    described = report.say(
        _(
            "Happy Index of %(name)s, %(shown)s of %(all)s with enough answers: %(said)s.",
            name=caption,
            shown=len(cells),
            all=len(every),
            said=said,
        )
    )
    if per == "hour" and len(every) > _HOURS_MAX:
        told = [report.say(_("Each hour by its Happy Index")), report.answers(votes)]
        return ReportChart(caption, "; ".join(told), described, _map_of_hours(report, cells))
    places = {bucket: number for number, bucket in enumerate(every)}
    rows, run, last = [], 0, -1
    for cell in cells:
        at = places[_bucket(cell)]
        run += at != last + 1  # a line across what is not known would tell something
        last = at
        rows.append(
            {
                "at": _bucket(cell),
                "run": run,
                "happy_index": cell["happy_index"],
                "happy_index_margin": cell["happy_index_margin"],
                "other": (cell.get("compared") or {}).get("happy_index"),
            }
        )
    axis = _labelled({_bucket(cell): short_time_of(report, cell) for cell in of_key})
    scale = alt.Scale(domain=every)
    base = alt.Chart(_data(rows), width=_WIDTH, height=120).encode(
        x=alt.X("at:O", scale=scale, axis=alt.Axis(title=None, labels=False))
    )
    title = report.say(_("Happy Index"))
    y = alt.Y("happy_index:Q", scale=_INDEX, axis=alt.Axis(title=title, values=[0, 25, 50, 75, 100]))
    spread = base.mark_errorband(clip=True) if len(rows) > _BARS_MAX else base.mark_errorbar(clip=True)
    layers = [
        spread.encode(y=y, yError="happy_index_margin:Q", detail="run:N"),
        base.mark_line().encode(y=y, detail="run:N"),
        base.mark_point(filled=True, size=28, opacity=1).encode(y=y),
    ]
    if report.is_compared:
        layers.append(base.mark_line(color=_QUIET, strokeDash=[4, 3]).encode(y="other:Q", detail="run:N"))
    faces = [
        {"at": _bucket(cell), "face": face, "order": order, "count": cell["faces"][order]}
        for cell in cells
        for order, face in enumerate(report.faces)
    ]
    answers = (
        alt.Chart(_data(faces), width=_WIDTH, height=70)
        .mark_bar()
        .encode(
            x=alt.X("at:O", scale=scale, axis=axis),
            y=alt.Y("count:Q", axis=alt.Axis(title=report.say(_("Answers")), tickCount=3)),
            color=_faces(report),
            order="order:O",
        )
    )
    told = [report.answers(votes), report.say(_("with 95 %% intervals"))]
    if report.is_compared:
        told.append(report.say(_("dashed: the comparison")))
    return ReportChart(caption, "; ".join(told), described, alt.vconcat(alt.layer(*layers), answers, spacing=10))


def _map_of_hours(report: FiguresReport, cells: Sequence[Cell]) -> Any:
    rows = [
        {"day": cell["start_local"][:10], "hour": cell["start_local"][11:16], "happy_index": cell["happy_index"]}
        for cell in cells
    ]
    days = dict.fromkeys(row["day"] for row in rows)
    axis = _labelled({day: short_day(report, date.fromisoformat(day)) for day in days})
    return (
        alt.Chart(_data(rows), width=_WIDTH, height=alt.Step(14))
        .mark_rect()
        .encode(
            x=alt.X("day:O", axis=axis),
            y=alt.Y("hour:O", axis=alt.Axis(title=None)),
            color=alt.Color(
                "happy_index:Q",
                scale=alt.Scale(domain=[0, 40, 70, 100], range=list(COLOURS)),
                legend=alt.Legend(title=report.say(_("Happy Index")), orient="top", gradientLength=160),
            ),
        )
    )


def _bucket(cell: Cell) -> str:
    """What stands on an axis in the place of its label."""
    bucket: str = cell["bucket"]
    return bucket[:16] if "T" in bucket else bucket

"""What a page shows of a place and a time, as plain values: they are its JSON, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from hymio.figures.cells import FigureCell, FigureQuery, figure_cells
from hymio.figures.further_answers import faces_given, follow_ups_of, given_answers, recommendation_of
from hymio.figures.hours_of_week import HoursOfWeek, hours_of_week
from hymio.figures.one_place import LoneTerminal, OnePlace, change_of, peak_of_day
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import By
from hymio.figures.wall_time import shifted, whole_days
from hymio.measures.answers import misuse
from hymio.measures.buckets import Per
from hymio.measures.compare import Difference, index_difference, ranks
from hymio.measures.day import HourFigures
from hymio.measures.faces import FaceFigures, figures
from hymio.measures.trend import WEEKS, trend
from hymio.pages.periods import Period

Values = dict[str, Any]

HOURS_DAYS: Final = 28
"""The hours of the week are those of the last so many days of a time, or up to its end: four of each weekday."""
PLACES_MAX: Final = 60
"""So many places are shown beside each other: the lowest ones, for those are where it hurts."""
DAYS_LISTED: Final = 62
"""Of a time with more of them, presses are looked for by the month."""
CHANGE_DAYS: Final = 56
"""Before a change and after it, so many days are looked at, or as many as there are after."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The place and the time, and the places that it is compared with.

    children: keys of what lies right below the place, or beside it, and whether each is an experience point. beside:
    the group in which they lie; None: the organisation.
    """

    place: OnePlace
    period: Period
    children: Mapping[str, bool]
    beside: str | None


def whole_part(reader: FigureReader, place: OnePlace | LoneTerminal, period: Period) -> Values:
    """The figures of the whole time, and what was pressed and is no vote; None if the place was given up before."""
    cell = next(iter(place.cells(reader, None, period.stretch)), None)
    if cell is None or cell.figures is None:
        return {"figures": None if cell is None else _cell(cell), "misuse": None}
    found = misuse({**(cell.misuse or {}), "counted": cell.figures.votes})
    share = None if found.share is None else found.share.value
    return {
        "figures": _cell(cell),
        "misuse": {"presses": found.presses, "share": share, "by_reason": found.by_reason},
    }


def difference_of(figures: Values | None, before: Values | None) -> Values | None:
    """Of two Happy Indices, with its interval; None if one of them has no figure."""
    if figures is None or before is None or not figures["faces"] or not before["faces"]:
        return None
    found = index_difference(figures["faces"], before["faces"])
    return None if found is None else _difference(found)


def _difference(found: Difference) -> Values:
    low, high = found.interval
    return {"value": found.value, "low": low, "high": high, "is_real": found.is_told_apart}


def rest_part(reader: FigureReader, asked: Asked) -> Values:
    """All that takes longer: the trend, the hours, the places beside each other, and why people were unhappy."""
    hours = None
    if asked.period.kind != "day":
        last = min(asked.period.last, asked.period.today)
        first = last - timedelta(HOURS_DAYS - 1)
        hours = hours_of_week(reader, asked.place, whole_days(first.isoformat(), last.isoformat()))
    return {
        "trend": trend_part(reader, asked.place, asked.period),
        "hours": None if hours is None else {"from": first.isoformat(), "to": last.isoformat(), **_week(hours)},
        "moments": _moments_of_day(reader, asked) if hours is None else _moments_of_week(hours),
        "places": places_part(reader, asked),
        "reasons": reasons_part(reader, asked.place, asked.period),
        "phones": phones_part(reader, asked.place, asked.period),
    }


def trend_part(reader: FigureReader, place: OnePlace | LoneTerminal, period: Period) -> Values:
    """The Happy Index bucket by bucket, each beside what the same ones of the weeks before let expect."""
    per, at_least = period.per, place.at_least(reader)
    cells = [one for one in place.cells(reader, per, period.stretch) if one.slot.start_utc < reader.now_utc]
    expected = _weeks_before(reader, place, period, cells) if per != "month" else {}
    points = []
    for cell in cells:
        point = _point(cell) | {"expected": None, "expected_low": None, "expected_high": None, "verdict": None}
        weeks = expected.get(cell.slot.bucket)
        if cell.figures is not None and weeks is not None:
            found = trend(cell.figures.faces, weeks, at_least)
            if found is not None:
                low, high = found.interval
                point |= {
                    "expected": found.expected, "expected_low": low, "expected_high": high, "verdict": found.verdict
                }  # fmt: skip
        points.append(point)
    return {"per": per, "points": points}


def _weeks_before(
    reader: FigureReader, place: OnePlace | LoneTerminal, period: Period, cells: Sequence[FigureCell]
) -> dict[str, list[Sequence[int] | None]]:
    """Of each bucket the faces of the same one in the weeks before it."""
    if period.per == "hour":
        by_hour: dict[str, list[Sequence[int] | None]] = {cell.slot.bucket: [] for cell in cells}
        of_hour = {_hour(cell): cell.slot.bucket for cell in cells}
        for week in range(1, WEEKS + 1):
            for cell in place.cells(reader, "hour", shifted(period.stretch, -7 * week)):
                bucket = of_hour.get(_hour(cell, 7 * week))
                if bucket is not None:
                    by_hour[bucket].append(_faces(cell))
        return by_hour
    first = (period.first - timedelta(7 * WEEKS)).isoformat()
    last = min(period.last, period.today).isoformat()
    all_cells = place.cells(reader, period.per, whole_days(min(first, last), last))
    order = [cell.slot.bucket for cell in all_cells]
    step = 7 if period.per == "day" else 1
    found = {}
    for cell in cells:
        at = order.index(cell.slot.bucket)
        found[cell.slot.bucket] = [
            _faces(all_cells[at - step * week]) for week in range(1, WEEKS + 1) if at >= step * week
        ]
    return found


def places_part(reader: FigureReader, asked: Asked) -> Values | None:
    """The places right below, or beside, this one: the lowest first, and which rank each may have."""
    if len(asked.children) < 2:
        return None
    cells: list[FigureCell] = []
    for by, is_point in (("place", True), ("group", False)):
        only = frozenset(key for key, is_one in asked.children.items() if is_one is is_point)
        if only:
            name: By = "place" if by == "place" else "group"
            query = FigureQuery(name, None, asked.period.stretch, asked.place.organisation, asked.beside, only)
            cells += figure_cells(reader, query).cells
    shown = [cell for cell in cells if cell.figures is not None and cell.figures.votes]
    shown.sort(key=lambda cell: (_index(cell), cell.name))
    hidden = [cell for cell in cells if cell not in shown]
    some = shown[:PLACES_MAX]
    ranked = {one.name: one for one in ranks({cell.key: cell.figures.faces for cell in some if cell.figures})}
    rows = []
    for cell in [*some, *hidden[: PLACES_MAX - len(some)]]:
        rank = ranked.get(cell.key)
        row = _cell(cell) | {"key": cell.key, "name": cell.name, "best_rank": None, "worst_rank": None}
        if rank is not None:
            row |= {"best_rank": rank.best, "worst_rank": rank.worst}
        rows.append(row)
    return {"all": len(cells), "rows": rows}


def reasons_part(reader: FigureReader, place: OnePlace, period: Period) -> list[Values]:
    """Why people were unhappy, or happy, survey by survey, the most frequent reason first."""
    tree, points = place.tree(reader), place.scope(reader).points(place.tree(reader))
    surveys = {
        one.key: one for one in tree.stored.site.surveys
        if tree.places.points_at(one) & points and one.first_day <= period.last
        and (one.last_day is None or one.last_day >= period.first)
    }  # fmt: skip
    found = []
    for one in follow_ups_of(reader, place, period.stretch):
        survey = surveys.get(one.survey)
        asked = None if survey is None else next((up for up in survey.follow_ups if up.positive is one.is_happy), None)
        if asked is None or survey is None:
            continue
        options: list[Values] | None = None
        if one.counts is not None and one.shares is not None:
            texts = {option.key: dict(option.texts) for option in asked.options}
            options = [
                {
                    "key": key,
                    "texts": texts.get(key, {}),
                    "answers": one.counts[key],
                    "share": share.value,
                    "low": share.low,
                    "high": share.high,
                }
                for key, share in one.shares.items()
                if share is not None
            ]
            options.sort(key=lambda option: -option["answers"])
        found.append({"survey": one.survey, "is_happy": one.is_happy, "texts": dict(asked.texts), "options": options})
    return found


def phones_part(reader: FigureReader, place: OnePlace, period: Period) -> Values | None:
    """What visitors said on their phones, on web pages and by invitation; None if nobody ever did."""
    faces = [
        {"scale": scale.value, "suppressed": found is None, **_faces_values(found)}
        for scale, found in faces_given(reader, place, period.stretch).items()
    ]
    tree = place.tree(reader)
    points = place.scope(reader).points(tree)
    asked = any(one.score is not None and one.leaf.point in points for one in given_answers(reader, tree))
    if not faces and not asked:
        return None
    found = recommendation_of(reader, place, period.stretch) if asked else None
    interval = None if found is None else found.interval
    score: Values | None = None
    if asked:
        score = {
            "suppressed": found is None,
            "answers": None if found is None else found.promoters + found.passives + found.detractors,
            "promoters": None if found is None else found.promoters,
            "passives": None if found is None else found.passives,
            "detractors": None if found is None else found.detractors,
            "score": None if found is None else found.score,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
        }
    return {"faces": faces, "recommend": score}


def days_part(reader: FigureReader, place: OnePlace | LoneTerminal, period: Period) -> Values:
    """The days of a time with presses, the newest first; of more than two months its months."""
    per: Per = "month" if (period.last - period.first).days >= DAYS_LISTED else "day"
    rows = [
        {
            "day": cell.slot.start_local[:10],
            "per": per,
            "votes": None if cell.figures is None else cell.figures.votes,
            "filtered": None if cell.misuse is None else sum(cell.misuse.values()),
        }
        for cell in reversed(place.cells(reader, per, period.stretch))
        if cell.figures is None or cell.figures.votes or cell.misuse
    ]
    return {"rows": rows}


def shown_part(reader: FigureReader, place: OnePlace | LoneTerminal, day: str) -> Values:
    """Whether the figures of a day are shown, and those of which experience points within."""
    stretch = whole_days(day, day)
    is_shown = all(cell.figures is not None for cell in place.cells(reader, None, stretch))
    if isinstance(place, LoneTerminal):
        return {"is_shown": is_shown, "points": []}
    answer = figure_cells(reader, FigureQuery("place", None, stretch, place.organisation, place.key))
    return {"is_shown": is_shown, "points": [cell.key for cell in answer.cells if cell.figures is not None]}


def change_part(reader: FigureReader, place: OnePlace, changed: date, today: date) -> Values:
    """Before a day and from it on, weeks of the same length on both sides where there are so many."""
    days = min(CHANGE_DAYS, (today - changed).days + 1)
    days = max(days // 7 * 7, min(days, 7))  # whole weeks, so that each side has as many Mondays
    first, last = changed - timedelta(days), changed + timedelta(days - 1)
    values: Values = {
        "changed": changed.isoformat(), "from": first.isoformat(), "to": last.isoformat(),
        "before": None, "after": None, "difference": None,
    }  # fmt: skip
    stretch = whole_days(first.isoformat(), last.isoformat())
    found = change_of(reader, place, stretch, f"{changed.isoformat()}T00:00")
    if found is not None:
        values |= {"before": _faces_values(figures(found.before)), "after": _faces_values(figures(found.after))}
        if found.difference is not None:
            values["difference"] = _difference(found.difference)
    return values


def _cell(cell: FigureCell) -> Values:
    values = _faces_values(cell.figures)
    return values | {
        "level": cell.level,
        "goal": cell.goal,
        "distance": cell.distance,
        "suppressed": cell.suppressed,
    }


def _faces_values(shown: FaceFigures | None) -> Values:
    """Counts and shares of the faces, Happy Index and its interval."""
    if shown is None:
        return dict.fromkeys(("faces", "shares", "votes", "happy_index", "margin", "low", "high", "csat", "negative"))
    margin, index = shown.happy_index_margin, shown.happy_index
    low = high = None
    if index is not None and margin is not None:
        low, high = max(0.0, index - margin), min(100.0, index + margin)
    return {
        "faces": list(shown.faces),
        "shares": [100 * count / shown.votes for count in shown.faces] if shown.votes else None,
        "votes": shown.votes,
        "happy_index": index,
        "margin": margin,
        "low": low,
        "high": high,
        "csat": None if shown.csat is None else shown.csat.value,
        "negative": None if shown.negative is None else shown.negative.value,
    }


def _point(cell: FigureCell) -> Values:
    values = _faces_values(cell.figures)
    return {
        "bucket": cell.slot.bucket,
        "start_local": cell.slot.start_local,
        **{name: values[name] for name in ("votes", "happy_index", "low", "high")},
        "suppressed": cell.suppressed,
    }


def _week(hours: HoursOfWeek) -> Values:
    """The table of hours: a row for each weekday, from the first hour of the week's to the last one."""
    of_day = [hour for _, hour in (hours.open if hours.open is not None else hours.cells)]
    span = range(min(of_day, default=0), max(of_day, default=-1) + 1)
    rows = [
        [
            {
                "hour": hour,
                "is_open": hours.open is None or (weekday, hour) in hours.open,
                "is_there": (weekday, hour) in hours.cells,
                **_few(hours.cells.get((weekday, hour))),
            }
            for hour in span
        ]
        for weekday in range(7)
        if hours.open is None or any(day == weekday for day, _ in hours.open)
    ]
    weekdays = [day for day in range(7) if hours.open is None or any(one == day for one, _ in hours.open)]
    return {
        "hours": list(span),
        "lacks_some": hours.lacks_some,
        "rows": [{"weekday": day, "cells": row} for day, row in zip(weekdays, rows, strict=True)],
    }


def _few(shown: FaceFigures | None) -> Values:
    values = _faces_values(shown)
    return {name: values[name] for name in ("votes", "happy_index", "low", "high")}


def _moments_of_week(hours: HoursOfWeek) -> Values:
    def told(hour: tuple[int, int] | None) -> Values | None:
        return None if hour is None else {"weekday": hour[0], "hour": hour[1], **_few(hours.cells[hour])}

    closing = None if hours.closing is None else _few(hours.closing)
    return {
        "best": told(hours.best),
        "worst": told(hours.worst),
        "are_told_apart": hours.are_told_apart,
        "closing": closing,
    }


def _moments_of_day(reader: FigureReader, asked: Asked) -> Values:
    zone = asked.place.scope(reader).zone
    found = peak_of_day(reader, asked.place, asked.period.first)

    def told(hour: HourFigures | None) -> Values | None:
        if hour is None:
            return None
        at = datetime.fromtimestamp(hour.start_utc, zone)
        return {"weekday": at.weekday(), "hour": at.hour, **_few(hour.figures)}

    return {
        "best": told(found.best), "worst": told(found.worst), "are_told_apart": found.are_told_apart,
        "closing": told(found.closing),
    }  # fmt: skip


def _faces(cell: FigureCell) -> Sequence[int] | None:
    return None if cell.figures is None else cell.figures.faces


def _hour(cell: FigureCell, days_later: int = 0) -> str:
    at = datetime.fromisoformat(cell.slot.start_local).replace(tzinfo=None) + timedelta(days_later)
    return at.isoformat()


def _index(cell: FigureCell) -> float:
    return 0.0 if cell.figures is None or cell.figures.happy_index is None else cell.figures.happy_index

"""What is asked of one place: its day, its trend, a change, and what people said beyond a face."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from figure_world import HELSINKI, GivenPress, given, minute, world
from sqlalchemy import insert, select

from hymio.figures.further_answers import faces_given, follow_ups_of, recommendation_of
from hymio.figures.one_place import OnePlace, change_of, peak_of_day, trend_of
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import WallStretch, whole_days
from hymio.measures.zones import wall_name
from hymio.site.hours import parse
from hymio.site.model import (
    FollowUp,
    Node,
    NodeKind,
    Option,
    Organisation,
    Placement,
    Question,
    Scale,
    Site,
    Survey,
    SurveyType,
)
from hymio.store import schema
from hymio.store.database import Store

TEXT = {"en": "..."}
BAR = OnePlace("pub", "bar")


def pub() -> Site:
    """A bar that is open past midnight, and a garden that always is."""
    why = tuple(Option(key, TEXT) for key in ("waiting", "price", "staff"))
    follow_ups = (FollowUp(False, TEXT, why), FollowUp(True, TEXT, why[1:]))
    return Site(
        Organisation("pub", "The Pub", time_zone=HELSINKI),
        (
            Node("bar", "Bar", NodeKind.POINT, hours=parse("fri-sat 20:00-02:00")),
            Node("garden", "Garden", NodeKind.POINT),
        ),
        (Question("how", TEXT),),
        (
            Survey("guests", "how", ("bar", "garden"), date(2026, 1, 1), follow_ups=follow_ups),
            Survey("team", "how", ("bar",), date(2026, 1, 1), type=SurveyType.STAFF, follow_ups=follow_ups[:1]),
        ),
        (
            Placement("bar-1", "bar", minute("2025-01-01T00:00")),
            Placement("garden-1", "garden", minute("2025-01-01T00:00")),
        ),
    )  # fmt: skip


def evening(day: str, after: str) -> list[GivenPress]:
    """A good beginning, a bad end after midnight, one hour with too few answers, and one that is hidden with it."""
    return [
        *given("bar-1", f"{day}T20:30", 0, 1, 4, 15),
        *given("bar-1", f"{day}T21:10", 0, 0, 0, 25),
        *given("bar-1", f"{day}T22:10", 0, 0, 0, 2),
        *given("bar-1", f"{after}T01:40", 9, 2, 1, 0),
        *given("garden-1", f"{day}T12:10", 3, 3, 3, 3),
        *given("garden-1", f"{day}T22:10", 3, 3, 3, 3),
        *given("garden-1", f"{day}T21:10", 3, 3, 3, 3),
    ]


def local(start_utc: int | None) -> str:
    assert start_utc is not None
    return wall_name(ZoneInfo(HELSINKI), start_utc)


def test_an_evening_ends_after_midnight(store: Store) -> None:
    with world(store, [pub()], evening("2026-03-06", "2026-03-07")) as reader:
        found = peak_of_day(reader, BAR, date(2026, 3, 6))
        nothing = peak_of_day(reader, BAR, date(2026, 3, 5))
        garden = peak_of_day(reader, OnePlace("pub", "garden"), date(2026, 3, 6))
    assert found.best and found.worst and found.closing and found.are_told_apart
    assert local(found.best.start_utc) == "2026-03-06T20:00" and found.best.figures.votes == 20
    assert local(found.worst.start_utc) == local(found.closing.start_utc) == "2026-03-07T01:00"
    assert nothing.best is None and nothing.closing_start_utc is None
    assert garden.closing_start_utc is None and garden.best is not None


def test_a_night_among_the_weeks_before(store: Store) -> None:
    nights = [datetime(2026, 1, 2) + timedelta(weeks=week) for week in range(12)]
    presses = [
        one
        for number, night in enumerate(nights)
        for one in given(
            "bar-1", f"{night:%Y-%m-%d}T21:05", *((0, 3, 9, 8 + number % 3) if number < 11 else (15, 3, 1, 0))
        )
    ]
    with world(store, [pub()], presses) as reader:
        hour = WallStretch(f"{nights[-1]:%Y-%m-%d}T21:00", f"{nights[-1]:%Y-%m-%d}T22:00")
        found = trend_of(reader, BAR, hour)
        whole_day = trend_of(reader, BAR, whole_days("2026-03-13", "2026-03-13"))
        too_few_weeks = trend_of(reader, BAR, whole_days("2026-01-16", "2026-01-16"))
    assert found is not None and found.verdict == "worse" and found.weeks == 8
    assert whole_day is not None and whole_day.verdict == "as expected"
    assert too_few_weeks is None


def test_before_and_after_a_change(store: Store) -> None:
    presses = [
        *(one for day in range(2, 16) for one in given("garden-1", f"2026-03-{day:02}T12:00", 4, 3, 2, 1)),
        *(one for day in range(16, 30) for one in given("garden-1", f"2026-03-{day:02}T12:00", 1, 2, 4, 9)),
    ]
    place, march = OnePlace("pub", "garden"), whole_days("2026-03-01", "2026-03-31")
    with world(store, [pub()], presses) as reader:
        found = change_of(reader, place, march, "2026-03-16T00:00")
        early = change_of(reader, place, march, "2026-03-01T05:00")
    assert found is not None and found.before == (56, 42, 28, 14) and found.after == (14, 28, 56, 126)
    assert found.difference is not None and found.difference.is_told_apart and found.difference.value > 0
    assert early is not None and early.difference is None, "nobody pressed before"


def answer(reader: FigureReader, point: str, survey: str, day: str, **values: object) -> None:
    """Somebody answers on a phone."""
    site = reader.site("pub")
    utc = 60 * minute(f"{day}T12:00")
    number = len(reader.connection.execute(select(schema.answers.c.answer_id)).all())
    row = {"answer_id": f"{number}", "node_id": site.nodes[point], "survey_id": site.surveys[survey], "via": "form"}
    row |= {"answered_utc": utc, "received_utc": utc, "verdict": "counted", **values}
    reader.connection.execute(insert(schema.answers).values(**row))


def test_the_score_of_those_who_were_asked(store: Store) -> None:
    with world(store, [pub()], []) as reader:
        for score in (10, 10, 9, 8, 7, 3, 0, 10):
            answer(reader, "bar", "guests", "2026-03-06", score=score)
        answer(reader, "bar", "guests", "2026-03-07", score=0)
        answer(reader, "bar", "guests", "2026-03-06", score=0, verdict="spam")
        answer(reader, "bar", "team", "2026-03-06", score=0)
        answer(reader, "bar", "guests", "2026-03-06", face=1)
        week = recommendation_of(reader, BAR, whole_days("2026-03-02", "2026-03-08"))
        day = recommendation_of(reader, BAR, whole_days("2026-03-07", "2026-03-07"))
        rest = recommendation_of(reader, BAR, whole_days("2026-03-06", "2026-03-06"))
        none = recommendation_of(reader, OnePlace("pub", "garden"), whole_days("2026-03-02", "2026-03-08"))
    assert week is not None and (week.promoters, week.passives, week.detractors) == (4, 2, 3)
    assert day is None and rest is None, "nine less eight would be the one of the seventh"
    assert none is not None and none.score is None


def option_ids(reader: FigureReader, survey: str, positive: int) -> dict[str, int]:
    options, asked = schema.follow_up_options.c, schema.follow_ups.c
    query = select(options.key, options.id).join(schema.follow_ups, asked.id == options.follow_up_id)
    query = query.where(asked.survey_id == reader.site("pub").surveys[survey], asked.positive == positive)
    return {row.key: row.id for row in reader.connection.execute(query)}


def test_why_people_were_unhappy(store: Store) -> None:
    pressed = given("bar-1", "2026-03-06T21:00", 6, 1, 2, 0, verdict="answer")
    week = whole_days("2026-03-02", "2026-03-08")
    with world(store, [pub()], pressed) as reader:
        unhappy = option_ids(reader, "guests", 0)
        for key in ("price", "staff", "staff", "waiting", "staff"):
            answer(reader, "bar", "guests", "2026-03-07", face=1, options=json.dumps([unhappy[key]]))
        answer(
            reader,
            "bar",
            "guests",
            "2026-03-07",
            face=4,
            options=json.dumps([option_ids(reader, "guests", 1)["price"]]),
        )
        first, second = follow_ups_of(reader, BAR, week)
        (on_sunday, _) = follow_ups_of(reader, BAR, whole_days("2026-03-08", "2026-03-08"))
    assert (first.survey, first.is_happy, first.counts) == ("guests", False, {"waiting": 7, "price": 2, "staff": 5})
    assert first.shares is not None and first.shares["waiting"] is not None
    assert first.shares["waiting"].value == pytest.approx(50)
    assert second.is_happy and second.counts is None, "one answer"
    assert on_sunday.counts == {"waiting": 0, "price": 0, "staff": 0}


def test_places_that_are_not_there(store: Store) -> None:
    with world(store, [pub()], []) as reader:
        with pytest.raises(ValueError, match="There is no place 'cellar' in pub"):
            peak_of_day(reader, OnePlace("pub", "cellar"), date(2026, 3, 6))
        with pytest.raises(ValueError, match="There is no organisation 'inn'; expected one of pub"):
            peak_of_day(reader, replace(BAR, organisation="inn"), date(2026, 3, 6))


def test_faces_from_phones_stand_apart_from_presses(store: Store) -> None:
    with world(store, [pub()], given("bar-1", "2026-03-06T21:00", 1, 1, 1, 9)) as reader:
        for face in (4, 4, 3, 1, 1, 1):
            answer(reader, "bar", "guests", "2026-03-06", face=face)
        answer(reader, "bar", "guests", "2026-03-06", face=1, verdict="spam")
        answer(reader, "bar", "team", "2026-03-06", face=1)
        answer(reader, "bar", "guests", "2026-03-07", face=4)
        week = faces_given(reader, BAR, whole_days("2026-03-02", "2026-03-08"))
        alone = faces_given(reader, BAR, whole_days("2026-03-07", "2026-03-07"))
        none = faces_given(reader, OnePlace("pub", "garden"), whole_days("2026-03-02", "2026-03-08"))
        cell = BAR.cells(reader, None, whole_days("2026-03-06", "2026-03-06"))[0]
    assert week[Scale.FOUR] is not None and week[Scale.FOUR].faces == (3, 0, 1, 3)
    assert alone == {Scale.FOUR: None}, "one answer"
    assert none == {} and cell.figures is not None and cell.figures.faces == (1, 1, 1, 9)

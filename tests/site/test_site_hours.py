"""Opening hours: as people write them, and the same as a terminal understands them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import opening_hours

from hymio.common.firmware_files import firmware_module
from hymio.site.hours import ALWAYS, CLOSED, OpeningHours, from_texts, parse

NINE_TO_FIVE = ((540, 1020),)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("always", ALWAYS.days),
        ("closed", CLOSED.days),
        ("mon-fri 09:00-17:00", (NINE_TO_FIVE,) * 5 + ((), ())),
        ("Mon-Fri 09:00-17:00 ; Sat closed", (NINE_TO_FIVE,) * 5 + ((), ())),
        ("sat,sun 09:00-17:00", ((),) * 5 + (NINE_TO_FIVE,) * 2),
        ("sat-mon 09:00-17:00", (NINE_TO_FIVE, (), (), (), (), NINE_TO_FIVE, NINE_TO_FIVE)),
        ("mon 13:00-17:00,08:00-12:00", (((480, 720), (780, 1020)),) + ((),) * 6),
        ("fri 20:00-02:00", ((),) * 4 + (((1200, 1560),),) + ((),) * 2),
        ("sun 22:00-24:00; mon 00:00-02:00", (((0, 120),),) + ((),) * 5 + (((1320, 1440),),)),
        ("mon-sun 00:00-24:00", ALWAYS.days),
    ],
)
def test_a_week_is_written_in_one_line(text: str, days: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    assert parse(text).days == days


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mon-fri 08:00"),
        ("08:00-12:00", "mon-fri 08:00"),
        ("mo-fr 08:00-12:00", "'mo' is none"),
        ("mon 8:00-12:00", "'8:00-12:00' is none"),
        ("mon ٠٨:00-12:00", "is none"),
        ("mon 08:00-25:00", "between 00:00 and 24:00"),
        ("mon 08:60-12:00", "between 00:00 and 24:00"),
        ("mon 24:00-02:00", "between 00:00 and 24:00"),
        ("mon 08:00-08:00", "between 00:00 and 24:00"),
        ("mon 08:00-12:00; mon-fri 13:00-14:00", "mon is there twice"),
        ("mon 08:00-12:00,11:59-13:00", "runs into another"),
        ("mon 20:00-02:00; tue 01:00-03:00", "runs into another"),
        ("sun 20:00-02:00; mon 01:59-03:00", "runs into another"),
    ],
)
def test_what_is_no_week_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@pytest.mark.parametrize(
    "text", ["8:00-12:00", "08:00-25:00", "08:00", "24:00-02:00", "08:00-08:00", "08:60-09:00", ","]
)
def test_what_is_no_span_of_a_terminal_is_refused_with_its_weekday(text: str) -> None:
    with pytest.raises(ValueError, match="weekday 3"):
        from_texts(["", "", text, "", "", "", ""])


def test_a_terminal_s_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="seven texts"):
        from_texts([""] * 6)


@given(opening_hours())
def test_a_week_comes_back_from_its_text(hours: OpeningHours) -> None:
    assert parse(str(hours)) == hours
    assert from_texts(hours.texts()) == hours


@given(opening_hours(), st.lists(st.integers(-20_000, 30_000_000), min_size=1))
def test_a_terminal_with_these_hours_is_open_in_the_same_minutes(hours: OpeningHours, moments: list[int]) -> None:
    firmware = firmware_module("hours").Hours(hours.texts())
    week = hours.minutes_of_week()
    for minute in moments:
        assert hours.has(minute) is firmware.has(minute * 60) is bool(week[(minute + 3 * 1440) % 10_080])


def test_across_midnight_belongs_to_the_evening_before() -> None:
    hours = parse("fri 20:00-02:00")
    friday = 5 * 1440 - 4 * 1440  # 1970-01-02
    assert [hours.has(friday + minute) for minute in (1199, 1200, 1439, 1440, 1440 + 119, 1440 + 120)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    assert not hours.has(friday + 60)


@pytest.mark.parametrize(
    "days",
    [
        ((),) * 6,
        ((),) * 6 + (((480, 1920),),),  # 08:00-08:00 is nothing to a terminal
        ((),) * 6 + (((1440, 1500),),),
        ((),) * 6 + (((-1, 60),),),
        ((),) * 6 + (((60, 60),),),
        ((),) * 6 + (((600, 660), (0, 60)),),
        ((),) * 6 + (tuple((hour * 60, hour * 60 + 30) for hour in range(9)),),
    ],
)
def test_what_is_no_sound_week(days: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    assert not OpeningHours(days).is_sound()

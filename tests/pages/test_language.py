"""How each language writes numbers and days, and which one a reader gets."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.locale.language import LOCALES, language_of, languages, negotiated

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
MOMENT = datetime(2026, 3, 29, 14, 5, tzinfo=ZoneInfo("Europe/Helsinki"))

TABLE = {
    "en": ["English", "1,234,567", "78.2", "78%", "5.1%", "+3.0", "-1,234.5", "0.0", "29 Mar 2026",
           "29 Mar 2026, 14:05", "07:05", "Mon", "3 minutes ago", "a, b and c"],
    "fi": ["Suomi", f"1{NBSP}234{NBSP}567", "78,2", f"78{NBSP}%", f"5,1{NBSP}%", "+3,0", f"{MINUS}1{NBSP}234,5",
           "0,0", "29.3.2026", "29.3.2026 14.05", "7.05", "ma", "3 minuuttia sitten", "a, b ja c"],
    "sv": ["Svenska", f"1{NBSP}234{NBSP}567", "78,2", f"78{NBSP}%", f"5,1{NBSP}%", "+3,0", f"{MINUS}1{NBSP}234,5",
           "0,0", "29 mars 2026", "29 mars 2026 14:05", "07:05", "mån", "för 3 minuter sedan", "a, b och c"],
}  # fmt: skip


@pytest.mark.parametrize("code", LOCALES)
def test_figures_and_days(code: str) -> None:
    language = language_of(code)
    assert [
        language.name,
        language.number(1_234_567),
        language.number(78.234, 1),
        language.percent(78.4),
        language.percent(5.06, 1),
        language.difference(3.04),
        language.difference(-1234.5),
        language.difference(-0.04),
        language.day(date(2026, 3, 29)),
        language.moment(MOMENT),
        language.clock(time(7, 5, 59)),
        language.weekday(0, "abbreviated"),
        language.ago(200),
        language.listed("abc"),
    ] == TABLE[code]


def test_what_has_just_happened_is_now() -> None:
    assert [one.ago(59.9) for one in languages()] == ["just now", "juuri nyt", "just nu"]
    assert [one.ago(90_000) for one in languages()] == ["1 day ago", "1 päivä sitten", "för 1 dag sedan"]


WISHES = {
    "fi": "fi",
    "fi-FI,fi;q=0.9,en;q=0.8": "fi",
    "sv-FI": "sv",
    "EN-us": "en",
    "de,sv;q=0.4,fi;q=0.5": "fi",
    "en;q=0.5,sv;q=0.5": "en",
    "fi;q=0,sv;q=0.1": "sv",
    "fi ; q = 0.2 , sv;q=0.3": "sv",
    "fi;q=high,sv;q=0.3": "sv",
    "fi;q=7,sv;q=0.3": "sv",
    "fi;q=nan,sv;q=0.3": "sv",
    "de": None,
    "*": None,
    "": None,
    ",;,;q=1": None,
}


@pytest.mark.parametrize(("accepted", "code"), WISHES.items())
def test_what_a_browser_asks_for(accepted: str, code: str | None) -> None:
    found = negotiated(accepted)
    assert (found and found.code) == code


@given(st.text(max_size=60) | st.lists(st.sampled_from(["fi", "sv;q=", "0.5", "1e9", ",", ";", "-", "="])).map("".join))
def test_whatever_it_says_it_gets_an_answer(accepted: str) -> None:
    found = negotiated(accepted)
    assert found is None or found.code in LOCALES

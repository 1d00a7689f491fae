"""`hymio poster`: what a printer and a phone make of it, and what is said where there is nothing to print."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from hymio_process import hymio_here
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate
from pypdfium2 import raw

from hymio.common.errors import Failure
from hymio.pages import poster as drawing
from hymio.pages.poster import PaperSize, Poster, poster_pdf

SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "poster.json").read_text())
URL = "https://feedback.example.org"
ENGLISH = ("en", "How was our service today?")
FINNISH = ("fi", "Millaista palvelu oli tänään?")
SWEDISH = ("sv", "Hur var vår service idag?")
LONG = ("en", " ".join(["How well did we explain what happens next, and did you get answers to all questions?"] * 3))


def poster(*question: tuple[str, str], **other: str) -> Poster:
    return Poster("ward-3", other.get("place", "Ward 3"), "City Hospital", question, f"{URL}/f/ward-3")


def page_of(pdf: bytes) -> Any:
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    return document[0]


def text_of(page: Any) -> str:
    return str(page.get_textpage().get_text_range()).replace("\r\n", "\n")


def written(page: Any) -> Iterator[tuple[float, tuple[float, float, float, float]]]:
    """(size, bounds) of every piece of text, in points."""
    for one in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT]):
        size = ctypes.c_float()
        assert raw.FPDFTextObj_GetFontSize(one, size)
        yield size.value, one.get_bounds()


@pytest.mark.parametrize("size", PaperSize)
def test_a_phone_reads_its_code_and_a_program_its_text(size: PaperSize) -> None:
    page = page_of(poster_pdf(poster(ENGLISH, FINNISH, SWEDISH), size))
    assert [round(length / 72 * 25.4) for length in page.get_size()] == {"A4": [210, 297], "A5": [148, 210]}[size]
    codes = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    assert [code.text for code in codes] == [f"{URL}/f/ward-3"]
    text = text_of(page)
    for expected in ("City Hospital", "Ward 3", *FINNISH[1:], *SWEDISH[1:], "feedback.example.org/f/ward-3"):
        assert expected in text
    assert " ".join(text.split()).count(ENGLISH[1]) == 1
    for said in ("You can also answer on your phone.", "Voit vastata myös puhelimellasi.", "Du kan också svara"):
        assert said in text


def test_it_is_lines_and_letters_alone() -> None:
    page = page_of(poster_pdf(poster(ENGLISH), PaperSize.A4))
    kinds = {one.type for one in page.get_objects(max_depth=9)}
    assert raw.FPDF_PAGEOBJ_PATH in kinds and raw.FPDF_PAGEOBJ_IMAGE not in kinds


def test_the_four_faces_stand_there_in_their_colours() -> None:
    picture = page_of(poster_pdf(poster(ENGLISH), PaperSize.A4)).render(scale=1).to_pil()
    found = {colour for _count, colour in picture.getcolors(1 << 20)}
    assert {(0xC9, 0x2A, 0x3D), (0xE4, 0x6A, 0x60), (0x57, 0x99, 0x3C), (0x21, 0x83, 0x4A)} <= found
    row = [picture.getpixel((x, round(picture.height * 189 / 297))) for x in range(picture.width)]
    order = list(dict.fromkeys(pixel for pixel in row if pixel in found and pixel[:3] != (255, 255, 255)))
    reds = [order.index(colour) for colour in ((0xC9, 0x2A, 0x3D), (0xE4, 0x6A, 0x60), (0x57, 0x99, 0x3C))]
    assert reds == sorted(reds)


@pytest.mark.parametrize(
    "question",
    [
        (("ar", "كيف كانت خدمتنا اليوم؟"), ("he", "איך היה השירות שלנו היום?")),
        (("hi", "आज हमारी सेवा कैसी थी?"), ("th", "วันนี้บริการของเราเป็นอย่างไร")),
        (
            ("el", "Πώς ήταν η εξυπηρέτησή μας;"),
            ("uk", "Як ми вас сьогодні обслужили?"),
            ("ka", "როგორი იყო მომსახურება?"),
        ),
    ],
)
def test_other_scripts(question: tuple[tuple[str, str], ...]) -> None:
    page = page_of(poster_pdf(poster(*question), PaperSize.A4))
    assert zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    assert "You can also answer on your phone." in text_of(page)  # none of these is a language that we speak


def test_a_letter_that_the_font_lacks_is_named() -> None:
    with pytest.raises(Failure, match=r"ward-3: question\.ko: the font has no '오' \(U\+C624"):
        poster_pdf(poster(("ko", "오늘 서비스는 어땠나요?")), PaperSize.A4)
    with pytest.raises(Failure, match=r"ward-3: place: the font has no"):
        poster_pdf(poster(ENGLISH, place="病棟 3"), PaperSize.A4)


QUESTIONS: list[tuple[tuple[str, str], ...]] = [
    (ENGLISH,),
    (FINNISH, SWEDISH),
    (ENGLISH, FINNISH, SWEDISH),
    (LONG,),
    (("fi", "Ok?"),),
    (("fi", "epäjärjestelmällisyys"),),
    (("en", " ".join(["word"] * 40)), FINNISH, SWEDISH),
]


@pytest.mark.parametrize("size", PaperSize)
@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_read_from_two_metres_or_not_made(question: tuple[tuple[str, str], ...], size: PaperSize) -> None:
    try:
        page = page_of(poster_pdf(poster(*question), size))
    except Failure as failure:
        assert "read from two metres" in failure.message and "--locale" in failure.hint
        return
    width, height = page.get_size()
    sizes = sorted({round(points, 1) for points, _bounds in written(page)}, reverse=True)
    assert sizes[0] >= 23.9 and (len(question) == 1 or sizes[1] >= 13.4)
    for _points, (left, bottom, right, top) in written(page):
        assert left > 0.05 * width and right < 0.95 * width and bottom > 0.03 * height and top < 0.97 * height


def test_only_a_question_that_is_too_long_is_refused() -> None:
    poster_pdf(poster(ENGLISH, FINNISH, SWEDISH), PaperSize.A5)
    poster_pdf(poster(LONG), PaperSize.A4)
    with pytest.raises(Failure, match="too long for an A5"):
        poster_pdf(poster(LONG, ("fi", LONG[1]), ("sv", LONG[1])), PaperSize.A5)
    with pytest.raises(Failure, match="too long"):
        poster_pdf(poster(("fi", "ä" * 80)), PaperSize.A4)


widths = st.lists(st.floats(0.1, 5), min_size=1, max_size=30)


@given(widths, st.floats(5, 20))
def test_lines_hold_all_words_in_order_and_fit(lengths: list[float], room: float) -> None:
    words = [str(number) for number in range(len(lengths))]
    part = drawing._Part(words, lengths, 0.2, 1.0, 0.0, "B", (0, 0, 0), 1)
    lines = [line.split() for line in part.lines(room)]
    assert [word for line in lines for word in line] == words and all(lines)
    used = [sum(lengths[int(word)] for word in line) + 0.2 * (len(line) - 1) for line in lines]
    assert max(used) <= room + 1e-9
    for line, following in zip(used, lines[1:], strict=False):
        assert line + 0.2 + lengths[int(following[0])] > room - 1e-9  # no line ends before it has to


# The command


def ran(*words: str) -> Any:
    done = hymio_here("poster", "--url", URL, *words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    validate(told, SCHEMA)
    return told


def failed(*words: str) -> tuple[int, str]:
    done = hymio_here("poster", *words)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_poster_from_a_file_and_from_a_database(site_file: Path, site_db: str, tmp_path: Path) -> None:
    out = tmp_path / "a" / "poster.pdf"
    told = ran("--site", str(site_file), "--place", "ward-3", "--out", str(out))
    assert told == {
        "posters": [
            {
                "place": "ward-3",
                "survey": "service-2026",
                "locales": ["en", "fi"],
                "address": f"{URL}/f/ward-3",
                "file": str(out),
            }
        ],
        "without_survey": [],
    }
    from_file = text_of(page_of(out.read_bytes()))
    ran("--db", site_db, "--place", "ward-3", "--out", str(out))
    assert text_of(page_of(out.read_bytes())) == from_file


def test_languages_in_the_order_that_is_asked_for(site_file: Path, tmp_path: Path) -> None:
    words = ("--site", str(site_file), "--place", "ward-3", "--out", str(tmp_path), "--size", "a5")
    assert ran(*words, "--locale", "fi", "--locale", "en")["posters"][0]["locales"] == ["fi", "en"]
    assert ran(*words, "--locale", "fi")["posters"][0]["locales"] == ["fi"]
    text = text_of(page_of((tmp_path / "ward-3.pdf").read_bytes()))
    assert "How was" not in text and "Voit vastata" in text and "You can" not in text


def test_a_group_is_a_directory(site_file: Path, tmp_path: Path) -> None:
    told = ran("--site", str(site_file), "--out", str(tmp_path / "new"))
    assert [one["place"] for one in told["posters"]] == ["bar", "ward-3"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["bar.pdf", "ward-3.pdf"]
    status, said = failed("--url", URL, "--site", str(site_file), "--out", str(tmp_path / "all.pdf"))
    assert status == 2 and "2 posters do not go into one file" in said
    assert not (tmp_path / "all.pdf").exists()


CHANGES = {
    "what is over gives none": ("first_day = 2026-01-01", "first_day = 2020-01-01\nlast_day = 2020-12-31", None),
    "what begins later does": ("first_day = 2026-01-01", "first_day = 2098-01-01", "service-2026"),
    "staff are asked another way": ('question = "service"\nat', 'question = "service"\ntype = "staff"\nat', None),
    "five faces are not four": ('question = "service"\nat', 'question = "service"\nscale = "five"\nat', None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_which_survey_it_is_for(site_file: Path, tmp_path: Path, name: str) -> None:
    before, after, survey = CHANGES[name]
    text = site_file.read_text()
    assert text.count(before) == 1
    changed = tmp_path / "site.toml"
    changed.write_text(text.replace(before, after))
    words = ("--site", str(changed), "--place", "ward-3", "--out", str(tmp_path))
    if survey:
        assert ran(*words)["posters"][0]["survey"] == survey
        return
    status, said = failed("--url", URL, *words)
    assert status == 2 and "ward-3: no survey of customers with four faces runs there, now or later." in said


def test_staff_s_survey_by_its_name(site_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "site.toml"
    changed.write_text(
        site_file.read_text().replace('question = "service"\nat', 'question = "service"\ntype = "staff"\nat')
    )
    told = ran("--site", str(changed), "--place", "ward-3", "--survey", "service-2026", "--out", str(tmp_path))
    assert told["posters"][0]["survey"] == "service-2026"


def test_a_place_without_a_survey_is_named(site_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "site.toml"
    changed.write_text(site_file.read_text().replace('at = [\n    "bar",\n', "at = [\n"))
    assert ran("--site", str(changed), "--out", str(tmp_path))["without_survey"] == ["bar"]
    done = hymio_here("poster", "--url", URL, "--site", str(changed), "--out", str(tmp_path))
    assert "No survey runs at bar: no poster." in done.stderr and done.stdout == f"{tmp_path / 'ward-3.pdf'}\n"


REFUSED = {
    ("--place", "ward3"): "Give --place one of these: ward-3",
    ("--place", "Ward 3"): "Give --place one of these: ward-3",
    ("--place", "zzz"): "Give --place one of these: bar, ward-3, wards.",
    ("--survey", "service-2025"): "Give --survey one of these: service-2026.",
    ("--locale", "de"): "is there in en, fi.",
    ("--size", "A3"): "--size: expected A4 or A5, came A3.",
    ("--url", "feedback.example.org"): "--url: expected the address",
    ("--url", "https://x.example/?a=1"): "--url: expected the address",
    ("--organisation", "x"): "A file holds one organisation.",
    ("--db", "votes.db"): "Expected --db or --site, came both.",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_is_wrong_is_said(site_file: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    status, said = failed("--url", URL, "--site", str(site_file), "--out", str(tmp_path / "out"), *words)
    assert status == 2 and REFUSED[words] in said
    assert not (tmp_path / "out").exists()


def test_neither_file_nor_database(tmp_path: Path) -> None:
    assert failed("--url", URL, "--out", str(tmp_path))[0] == 2
    assert failed("--url", URL, "--db", str(tmp_path / "no.db"), "--out", str(tmp_path))[0] == 4


def test_a_file_stands_for_the_database_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, site_file: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("HYMIO_DB", str(tmp_path / "no.db"))
    ran("--site", str(site_file), "--place", "bar", "--out", str(tmp_path))
    assert failed("--url", URL, "--out", str(tmp_path))[0] == 4


def test_a_directory_that_cannot_be_written(site_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, said = failed("--url", URL, "--site", str(site_file), "--out", str(tmp_path / "file" / "x.pdf"))
    assert status == 2 and "2 posters" in said
    status, said = failed(
        "--url", URL, "--site", str(site_file), "--place", "bar", "--out", str(tmp_path / "file" / "x")
    )
    assert status == 6 and "Give another --out." in said

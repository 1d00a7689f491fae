"""The visitor's form as requests: what it asks where, what is kept of what is sent, and what is refused in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from hymio_process import hymio_here
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdfium2 import PdfDocument
from schema_check import check
from served_world import CITY, NOW_UTC, OTHER, World
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from hymio.locale.language import LOCALES
from hymio.pages import visitor
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.assets import assets
from hymio.pages.visitor_form import TEXT_MAX
from hymio.site.model import Scale
from hymio.store import schema
from hymio.store.consents import add_consent

MORE = """
[survey.again]
question = "mood"
at = ["n-two"]
first_day = 2026-01-01
scale = "five"
[survey.again.unhappy]
text.en = "Why not?"
[[survey.again.unhappy.option]]
key = "far"
text.en = "Too far away"
"""
TWIN = OTHER.replace("[point.x]", "[point.n-two]\nname = 'Twin'\n[point.x]")


class Visit:
    """Somebody with a phone, a minute after the form was given."""

    def __init__(self, world: World, address: str = "192.0.2.7") -> None:
        self.world, self.now = world, NOW_UTC
        app = pages_app(world.store, PageOptions(now_utc=lambda: self.now))
        self.client = TestClient(app, "http://feedback.example", client=(address, 5), raise_server_exceptions=False)
        self.client.cookies.clear()

    def form(self, path: str = "/f/n-one", **headers: str) -> dict[str, Any]:
        answer = self.client.get(path.partition("?")[0].removesuffix(".json") + ".json", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = check("visitor-form", answer.text)
        return found

    def send(self, path: str = "/f/n-one", later_s: float = 60.0, headers: Any = None, **fields: Any) -> Any:
        """Answers the form: an answer of 1 to the first question unless others are given."""
        form = self.form(path)
        if not any(name.startswith("a") and name[1:].isdigit() for name in fields):
            fields[f"a{form['questions'][0]['survey']}"] = "1"
        self.now += later_s
        return self.client.post(path, data={"id": form["id"], **fields}, headers=headers)

    def kept(self) -> list[Any]:
        with self.world.store.reading() as connection:
            return list(connection.execute(select(schema.answers).order_by(schema.answers.c.arrival)))

    def contacts(self) -> list[Any]:
        with self.world.store.reading() as connection:
            return list(connection.execute(select(schema.contacts)))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(str(tmp_path_factory.mktemp("visitors") / "votes.db"), CITY + MORE, OTHER)
    with made.store.writing() as connection:
        texts = {"en": "You may write to me.", "fi": "Minulle saa kirjoittaa."}
        add_consent(connection, made.ids()["city"], {"en": "An older text"}, 1.0)
        add_consent(connection, made.ids()["city"], texts, 2.0)
    yield made
    made.store.close()


@pytest.fixture
def visit(shared: World) -> Visit:
    with shared.store.writing() as connection:
        for table in (schema.contacts, schema.answers):
            connection.execute(delete(table))
    return Visit(shared)


def said(answer: Any) -> str:
    return " ".join(re.findall(r"<h1>(.*?)</h1>|role=\"alert\">(.*?)<", answer.text)[0]).strip()


def test_it_is_small_and_asks_for_nothing_from_elsewhere(visit: Visit) -> None:
    """The largest form there may be: three scales, six reasons on both sides, an address."""
    page = visit.client.get("/f/n-two").text
    assert page.count('type="radio"') == 4 + 5 + 11
    parts = [assets()[f"form/form.{kind}"].body for kind in ("css", "js")]
    size = len(page.encode()) + sum(map(len, parts)) + len(assets()["faces/4.svg"].body)
    assert size + 12 * 400 < 30_000, f"{size} bytes, and {12 * 400} for nine more reasons"
    assert re.findall(r'(?:src|href)="(?!/static/|[?/]f?)', page) == []


def test_there_is_no_cookie_and_no_script_in_it(visit: Visit) -> None:
    for path in ("/f/n-two?lang=fi", "/f/nowhere"):
        answer = visit.client.get(path, headers={"cookie": "lang=sv"})
        assert "set-cookie" not in answer.headers and answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! type=\"module\" src=\"/static/)|<style|style=| on\w+=", answer.text)
        assert '<html lang="sv">' not in answer.text
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in visit.send().headers
    framed = visit.client.get("/f/n-two?framed=1").headers["content-security-policy"]
    assert framed.endswith("base-uri 'none'") and "frame-ancestors *" in framed and "script-src 'self'" in framed


def test_what_is_asked_where(visit: Visit) -> None:
    assert [one["scale"] for one in visit.form("/f/n-two")["questions"]] == ["four", "five", "nps"]
    assert [one["text"] for one in visit.form("/f/city/N-ONE")["questions"]] == ["How was our service today?"]
    for path, status, words in (
        ("/f/nowhere", 404, "There is no such place"),
        ("/f/north", 404, "There is no such place"),
        ("/f/other/n-one", 404, "There is no such place"),
        ("/f/n-three", 404, "Nothing is asked here just now"),
    ):
        answer = visit.client.get(path)
        assert (answer.status_code, said(answer)) == (status, words), path
        assert visit.client.post(path, data={"id": "x"}).status_code == status
    visit.now = NOW_UTC + 90 * 86_400
    assert visit.form("/f/n-three")["questions"][0]["follow_ups"] == []


def test_several_organisations_have_such_a_place(tmp_path: Any) -> None:
    world = World(str(tmp_path / "twins.db"), CITY, TWIN)
    page = Visit(world).client.get("/f/n-two")
    assert page.status_code == 200 and said(page) == "Which place is it?"
    assert re.findall(r'href="(/f/[^"]+)">([^<]+)', page.text) == [
        ("/f/city/n-two", "North two, City"), ("/f/other/n-two", "Twin, Other"),
    ]  # fmt: skip
    world.import_site(TWIN.replace("name = 'Twin'", "name = 'Twin'\nuntil = 2026-02-01T00:00:00+00:00"))
    assert Visit(world).client.get("/f/n-two").text.count("<fieldset") > 0
    gone = Visit(world).client.get("/f/other/n-two")
    assert (gone.status_code, said(gone)) == (410, "Nothing is asked here any more")
    world.store.close()


def test_the_code_on_a_poster_opens_the_form(tmp_path: Any) -> None:
    """As a phone reads it from the paper: the short address, or the longer one where others have such a place, too."""
    db = str(tmp_path / "posters.db")
    world = World(db, CITY, TWIN)
    out = tmp_path / "posters"
    done = hymio_here(
        "poster", "--db", db, "--organisation", "city", "--url", "http://feedback.example", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    addresses = {}
    for file in out.iterdir():
        with PdfDocument(file) as pdf:
            (code,) = zxingcpp.read_barcodes(pdf[0].render(scale=2).to_pil())
        addresses[file.stem] = code.text.removeprefix("http://feedback.example")
    assert (addresses["n-one"], addresses["n-two"]) == ("/f/n-one", "/f/city/n-two")
    for path in (addresses["n-one"], addresses["n-two"]):
        page = Visit(world).client.get(path)
        assert page.status_code == 200 and page.text.count('type="radio"') >= 4
    world.store.close()


def test_in_the_visitors_language(visit: Visit) -> None:
    page = visit.client.get("/f/n-one", headers={"accept-language": "de, fi;q=0.8, en;q=0.5"})
    assert '<html lang="fi">' in page.text and "Millaista palvelu oli tänään?" in page.text and ">Odotus<" in page.text
    assert '<span lang="en" dir="auto">The staff</span>' in page.text, "there is no Finnish text"
    assert page.headers["vary"].startswith("Accept, Accept-Language")
    texts = {visit.client.get(f"/f/n-one?lang={code}").text for code in LOCALES}
    assert len(texts) == len(LOCALES)
    assert visit.form("/f/n-two", **{"accept-language": "fi"})["consent"]["text"] == "Minulle saa kirjoittaa."
    visit.send(headers={"accept-language": "de, fi;q=0.8"})
    assert visit.kept()[0].locale == "de"


def test_a_whole_answer(visit: Visit) -> None:
    four, five, nps = visit.form("/f/n-two")["questions"]
    waiting, staff = (one["id"] for one in four["follow_ups"][0]["options"])
    kind = four["follow_ups"][1]["options"][0]["id"]
    fields: Any = {
        f"a{four['survey']}": "2", f"o{four['survey']}": [str(staff), str(waiting), str(kind)],
        f"a{five['survey']}": "3", f"o{five['survey']}": str(five["follow_ups"][0]["options"][0]["id"]),
        f"a{nps['survey']}": "6",
        "text": "  Too slow\r\nand cold  ", "address": "Eva@Shop.example", "name": "Eva", "consent": "2",
    }  # fmt: skip
    answer = visit.send("/f/n-two?via=link", **fields)
    assert (answer.status_code, said(answer)) == (200, "Thank you!")
    rows = {row.survey_id: row for row in visit.kept()}
    assert len(rows) == 3
    first = rows[four["survey"]]
    # What was ticked under another face is not shown any more; of the face in the middle nothing is asked.
    assert (first.face, json.loads(first.options), first.text) == (2, [waiting, staff], "Too slow\nand cold")
    assert (rows[five["survey"]].face, rows[five["survey"]].options) == (3, None)
    assert (rows[nps["survey"]].score, rows[nps["survey"]].text) == (6, None)
    assert {(row.via, row.verdict, row.reason) for row in rows.values()} == {("link", "counted", None)}
    (contact,) = visit.contacts()
    assert (contact.answer_id, contact.address, contact.consent_id) == (first.answer_id, "Eva@Shop.example", 2)


def test_twice_is_once(visit: Visit) -> None:
    form = visit.form()
    fields = {"id": form["id"], f"a{form['questions'][0]['survey']}": "4"}
    visit.now += 60
    answers = [check("visitor-said", visit.client.post("/f/n-one.json", data=fields).text) for _ in range(3)]
    assert [one["is_new"] for one in answers] == [True, False, False] and len(visit.kept()) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"a": ""}, "Please choose an answer to the question."),
        ({"a": "5"}, "This form cannot be read."),
        ({"a": "0"}, "This form cannot be read."),
        ({"a": "1.0"}, "This form cannot be read."),
        ({"a": "\u0661"}, "This form cannot be read."),
        ({"a": ["1", "2"]}, "This form cannot be read."),
        ({"o": "999"}, "This form cannot be read."),
        ({"o": "x"}, "This form cannot be read."),
        ({"text": "x" * (TEXT_MAX + 1)}, f"The text has 2,001 characters; write at most {TEXT_MAX:,}."),
        ({"text": "a\x00b"}, "The text has characters that cannot be shown"),
        ({"text": "a\x1bb"}, "The text has characters that cannot be shown"),
        ({"address": "eva", "consent": "2"}, "Give an e-mail address like"),
        ({"address": "eva@x.example"}, "May we keep your address?"),
        ({"address": "eva@x.example", "consent": "99"}, "This form cannot be read."),
        ({"address": "eva@x.example", "consent": "2", "name": "x" * 81}, "A name has at most 80 characters"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_of_it_is_kept(visit: Visit, fields: Any, words: str) -> None:
    survey = visit.form()["questions"][0]["survey"]
    named = {f"{name}{survey}" if name in ("a", "o") else name: value for name, value in fields.items()}
    answer = visit.send(**{f"a{survey}": "1", **named})
    assert answer.status_code == 400 and words in said(answer)
    again = visit.send("/f/n-one.json", **{f"a{survey}": "1", **named})
    assert words in check("visitor-form", again.text)["fault"]
    assert not visit.kept() and not visit.contacts()
    if "text" in fields and "\x00" not in fields["text"]:
        assert fields["text"][:20] in answer.text, "what was written is not lost"


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"a=%ff", b"&".join(b"a=1" for _ in range(200)), b"text=" + b"x" * 20_000, b"{}"]
)
def test_garbage_gets_a_page(visit: Visit, body: bytes) -> None:
    kind = "application/json" if body == b"{}" else "application/x-www-form-urlencoded"
    answer = visit.client.post("/f/n-one", content=body, headers={"content-type": kind})
    assert (answer.status_code, said(answer)) == (400, "This form cannot be read") and not visit.kept()
    assert visit.client.put("/f/n-one").status_code == 405


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["id", "a1", "a2", "o1", "text", "name", "address", "consent", "website", "age"]),
                    st.lists(st.text(max_size=40) | st.integers(-1, 12).map(str), min_size=1, max_size=2))
)  # fmt: skip
def test_whatever_is_sent_gets_a_page(shared: World, fields: dict[str, list[str]]) -> None:
    visit = Visit(shared)
    before = len(visit.kept())
    answer = visit.client.post("/f/n-two", data=fields)
    assert answer.status_code in (200, 400) and said(answer)
    assert len(visit.kept()) > before or answer.status_code == 400 or "had arrived" in answer.text


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, None),
        ({"website": "http://x.example"}, "trap"),
        ({"later_s": 0.4}, "fast"),
        ({"text": "see http://a.example and https://b.example"}, "links"),
        ({"text": "see https://b.example"}, None),
        ({"headers": {"sec-fetch-site": "cross-site"}}, "elsewhere"),
        ({"id": "made-up"}, "forged"),
    ],
)
def test_spam_is_kept_with_its_reason(visit: Visit, more: Any, reason: str | None) -> None:
    answers = [visit.send(**more), visit.send(**more)]
    assert [said(one) for one in answers] == ["Thank you!"] * 2, "who sends it is not told"
    rows = visit.kept()
    assert {(row.verdict, row.reason) for row in rows} == {("spam" if reason else "counted", reason)}
    assert len(rows) == (1 if reason == "forged" else 2)


def test_more_people_than_can_be_called_are_marked_and_open_no_case(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor, "ADDRESSES_AT_ONCE", 2)
    here = Visit(visit.world, "2001:db8::2")
    for number in range(3):
        here.send(address=f"eva{number}@shop.example", consent="2", later_s=5.0)
    here.send()
    kept = visit.kept()
    assert [row.reason for row in kept] == [None, None, "rate", None], "who gives no address is not concerned"
    with visit.world.store.reading() as connection:
        opened = set(connection.execute(select(schema.cases.c.answer_id)).scalars())
    assert [row.answer_id in opened for row in kept] == [True, True, False, False]


def test_more_than_people_send_is_marked_and_far_more_is_refused(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "NETWORK_AT_ONCE", 2)
    monkeypatch.setattr(visitor, "REFUSED_AFTER", 2)
    here, there = Visit(visit.world, "2001:db8::1"), Visit(visit.world, "2001:db8:0:0:1::1")
    answers = [here.send() for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 200, 429]
    assert said(answers[-1]) == "Too many answers come from here" and int(answers[-1].headers["retry-after"]) > 0
    assert there.send().status_code == 200
    assert [row.reason for row in visit.kept()] == [None, None, "rate", "rate", None]


@pytest.mark.parametrize(
    ("age", "kept_s"),
    [
        ("0", 0),
        ("3600", 3600),
        ("7190", 7190),
        ("7250", 7200),
        ("9000", 0),
        ("-5", 0),
        ("x", 0),
        ("nan", 0),
        ("1e99", 0),
    ],
)
def test_a_phone_says_how_long_it_kept_an_answer(visit: Visit, age: str, kept_s: float) -> None:
    """It is believed as long as the answer is not older than the form, to a minute."""
    visit.send(later_s=7200, age=age)
    (row,) = visit.kept()
    assert (row.received_utc, row.answered_utc) == (NOW_UTC + 7200, NOW_UTC + 7200 - kept_s)


def test_an_answer_older_than_a_week_is_of_now() -> None:
    assert visitor.answered_at(100 * 86_400.0, 1.0, str(8 * 86_400)) == 100 * 86_400.0
    assert visitor.answered_at(100 * 86_400.0, 1.0, str(6 * 86_400)) == 94 * 86_400.0
    assert visitor.answered_at(100 * 86_400.0, None, "60") == 100 * 86_400.0


def test_what_was_asked_when_the_form_was_given_may_be_answered(tmp_path: Any) -> None:
    world = World(str(tmp_path / "ended.db"), CITY)
    visit = Visit(world)
    form = visit.form()
    fields = {"id": form["id"], f"a{form['questions'][0]['survey']}": "1", "age": "86000"}
    # The survey is over the day after, and the place was given up.
    ended = CITY.replace(
        "first_day = 2026-01-01\n[survey.service.unhappy]",
        "first_day = 2026-01-01\nlast_day = 2026-03-31\n[survey.service.unhappy]",
    )
    world.import_site(ended.replace('name = "North one"', 'name = "North one"\nuntil = 2026-03-31T20:00:00+03:00'))
    visit.now += 86_400
    assert visit.client.get("/f/n-one").status_code == 410
    assert visit.client.post("/f/n-one", data=fields).status_code == 200
    assert visit.kept()[0].answered_utc == NOW_UTC + 400
    world.store.close()


def test_an_old_form_answers_what_is_asked_now(tmp_path: Any) -> None:
    """Who collects forms and keeps them can't answer what has ended since."""
    world = World(str(tmp_path / "old.db"), CITY)
    visit = Visit(world)
    form = visit.form()
    world.import_site(CITY.replace('name = "North one"', 'name = "North one"\nuntil = 2026-03-31T20:00:00+03:00'))
    visit.now += 8 * 86_400
    fields = {"id": form["id"], f"a{form['questions'][0]['survey']}": "1"}
    assert visit.client.post("/f/n-one", data=fields).status_code == 410 and visit.kept() == []
    world.store.close()


def test_a_language_of_no_length_costs_no_answer(visit: Visit) -> None:
    """PostgreSQL refuses what is longer than its column."""
    visit.send(headers={"accept-language": "x" * 17 + ", tlh;q=0.5"})
    assert [row.locale for row in visit.kept()] == ["tlh"]


def test_a_database_that_is_away_is_told_of(visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    world = World(str(tmp_path / "gone.db"), CITY)
    there = Visit(world)
    form = there.form()
    (tmp_path / "gone.db").rename(tmp_path / "elsewhere.db")
    answer = there.client.post("/f/n-one", data={"id": form["id"]})
    assert answer.status_code == 503 and answer.headers["retry-after"] and "cannot be kept" in said(answer)
    world.store.close()


def test_scales_have_their_moods() -> None:
    from hymio.pages.visitor_form import AskedQuestion

    moods = {
        scale: [AskedQuestion(1, scale, {}, (), {}).mood(value) for value in AskedQuestion(1, scale, {}, (), {}).values]
        for scale in Scale
    }
    assert moods[Scale.FOUR] == [False, False, True, True]
    assert moods[Scale.FIVE] == [False, False, None, True, True]
    assert moods[Scale.NPS] == [False] * 7 + [None] * 2 + [True] * 2

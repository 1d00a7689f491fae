"""The field's API: what it tells of a known database, to whom, in which form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from served_world import CITY, OTHER, World, fill, new_database, served
from starlette.testclient import TestClient

from hymio.serve.ids import organisation_place, phone_smiley, press_feedback, terminal_smiley


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    found = World(new_database(request.param, tmp_path_factory.mktemp("served"), url), CITY, OTHER)
    fill(found)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    with served(world) as client:
        client.headers["X-HON-API-Token"] = world.token()
        yield client


def got(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/v2/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_buttons(client: TestClient, world: World) -> None:
    ids = world.ids()
    rows = got(client, "results/button-feedbacks.json", period="2026-02")
    assert [row["localTime"] for row in rows] == [
        "2026-02-10T12:00:00+02:00", "2026-02-10T12:01:00+02:00", "2026-02-28T23:59:59+02:00",
    ]  # fmt: skip
    assert rows[1] == {
        "feedbackId": press_feedback("till-1", 0xBEEF, 3),
        "smileyId": terminal_smiley("till-1"),
        "localTime": "2026-02-10T12:01:00+02:00",
        "surveyId": ids["service"],
        "experiencePointId": ids["n-one"],
        "buttonIndex": 0,
        "misuse": False,
        "position": 0,
        "ui": "physical",
        "smileyType": "SMILEY_TERMINAL",
    }


def test_misuse_is_there_if_it_is_asked_for(client: TestClient) -> None:
    rows = got(client, "results/button-feedbacks.json", period="2026-02", includeMisuse="true")
    assert [(row["buttonIndex"], row["misuse"]) for row in rows] == [
        (3, False), (0, False), (1, True), (1, True), (1, True), (2, False), (2, True),
    ]  # fmt: skip
    assert len({row["feedbackId"] for row in rows}) == 7, "each press of a run has its own"


def test_a_press_belongs_to_where_the_terminal_stood_and_to_the_local_day_there(
    client: TestClient, world: World
) -> None:
    ids = world.ids()
    rows = got(client, "results/button-feedbacks.json", startDate="2026-02-28", endDate="2026-03-02")
    assert [(row["experiencePointId"], row["localTime"]) for row in rows] == [
        (ids["n-one"], "2026-02-28T23:59:59+02:00"),
    ], "the next one was at 23:00 in Stockholm, when South one is closed"
    every = got(
        client, "results/button-feedbacks.json", startDate="2026-02-28", endDate="2026-03-02", includeMisuse="true"
    )
    assert [(row["experiencePointId"], row["localTime"], row["misuse"]) for row in every] == [
        (ids["n-one"], "2026-02-28T23:59:59+02:00", False), (ids["s-one"], "2026-02-28T23:00:00+01:00", True),
    ]  # fmt: skip


def test_a_vote_after_closing_time_is_misuse_as_in_the_figures(client: TestClient) -> None:
    query = {"startDate": "2026-03-30", "endDate": "2026-03-31"}
    assert [row["localTime"] for row in got(client, "results/button-feedbacks.json", **query)] == [
        "2026-03-30T12:00:00+02:00"
    ]
    rows = got(client, "results/button-feedbacks.json", **query, includeMisuse="true")
    assert [(row["localTime"], row["misuse"]) for row in rows] == [
        ("2026-03-30T12:00:00+02:00", False), ("2026-03-30T21:00:00+02:00", True),
    ]  # fmt: skip


def test_without_days_it_is_today_of_each_place(client: TestClient) -> None:
    rows = got(client, "results/button-feedbacks.json")
    assert len(rows) == 20 + 1 + 2 + 1, "till-2, till-1, two scores and a face by phone"
    assert {row["localTime"][:10] for row in rows} == {"2026-03-31"}
    assert got(client, "results/button-feedbacks.json", period="today") == rows
    back = got(client, "results/button-feedbacks.json", order="desc")
    assert [row["localTime"] for row in back] == [row["localTime"] for row in rows][::-1]


def test_answers_from_phones_stand_among_the_others(client: TestClient, world: World) -> None:
    ids = world.ids()
    rows = [row for row in got(client, "results/button-feedbacks.json") if row["smileyType"] == "SMILEY_DIGITAL"]
    assert [(row["buttonIndex"], row["surveyId"], row["ui"]) for row in rows] == [
        (9, ids["phone"], "qr"), (2, ids["phone"], "link"), (0, ids["service"], "qr"),
    ]  # fmt: skip
    assert rows[0]["feedbackId"] == "8d1d4a54-0000-4000-8000-000000000001"
    assert rows[0]["smileyId"] == phone_smiley(ids["n-two"])


def test_a_follow_up_is_the_vote_s_with_what_its_button_meant(client: TestClient, world: World) -> None:
    rows = got(client, "results/follow-up-feedbacks.json", period="2026-02")
    vote = got(client, "results/button-feedbacks.json", period="2026-02")[1]
    assert [(row["feedbackId"], row["buttonIndex"], row["position"]) for row in rows] == [(vote["feedbackId"], 0, 1)]
    assert rows[0]["followupOptionTextInDefaultLocale"] == "The waiting"
    texts = [
        (row["smileyType"], row["buttonIndex"], row["followupOptionTextInDefaultLocale"])
        for row in got(client, "results/follow-up-feedbacks.json")
    ]
    assert texts == [
        ("SMILEY_DIGITAL", 0, "The waiting"), ("SMILEY_DIGITAL", 0, "The staff"), ("SMILEY_TERMINAL", 3, "Kindness"),
    ]  # fmt: skip
    options = {row["followupOptionId"]: row for row in got(client, "follow-up-options.json")}
    questions = {row["followupQuestionId"]: row for row in got(client, "follow-up-questions.json")}
    for row in rows:
        assert options[row["followupOptionId"]]["followupQuestionId"] == row["followupQuestionId"]
        assert questions[row["followupQuestionId"]]["positive"] is (row["buttonIndex"] >= 2)


def test_texts_and_spam(client: TestClient) -> None:
    rows = got(client, "results/text-feedbacks.json")
    assert [(row["text"], row["textInEnglish"], row["spam"], row["buttonIndex"]) for row in rows] == [
        ("=Lovely", "=Lovely", False, 9), ("Hyvä", "", False, 2), ("Buy pills", "", True, 0),
    ]  # fmt: skip
    assert [row["text"] for row in got(client, "results/text-feedbacks.json", includeSpam="false")] == [
        "=Lovely",
        "Hyvä",
    ]


def test_staff_is_never_told_of_one_by_one(client: TestClient, world: World) -> None:
    ids = world.ids()
    for path in ("button-feedbacks", "follow-up-feedbacks", "text-feedbacks"):
        for query in ({"period": "2026"}, {"surveyId": ids["pulse"], "period": "2026"}):
            rows = got(client, f"results/{path}.json", includeMisuse="true", **query)
            assert not [row for row in rows if row["surveyId"] == ids["pulse"]]
            assert not [row for row in rows if row["smileyId"] == terminal_smiley("till-staff")]


def test_surveys_and_places_can_be_chosen(client: TestClient, world: World) -> None:
    ids = world.ids()
    year = got(client, "results/button-feedbacks.json", period="2026")
    points = {"n-one": ["n-one"], "north": ["n-one", "n-two"], "south": ["s-one"], "city": ["n-one", "n-two", "s-one"]}
    for key, of in points.items():
        place = ids[key] if key != "city" else organisation_place(ids["city"])
        rows = got(client, "results/button-feedbacks.json", period="2026", experiencePointId=place)
        assert rows == [row for row in year if row["experiencePointId"] in {ids[one] for one in of}] and rows
    rows = got(client, "results/button-feedbacks.json", period="2026", surveyId=ids["phone"])
    assert rows == [row for row in year if row["surveyId"] == ids["phone"]] and rows


def test_the_tree(client: TestClient, world: World) -> None:
    ids = world.ids()
    root = organisation_place(ids["city"])
    rows = got(client, "experience-points.json")
    assert rows[0] == {"experiencePointId": root, "name": "City", "type": "GROUP"}
    parents = {row["experiencePointId"]: row.get("parent") for row in rows}
    assert parents[ids["north"]] == root and parents[ids["n-one"]] == ids["north"]
    points = got(client, "experience-points.json", rootExperiencePointId=ids["north"], type="EXPERIENCE_POINT")
    assert [row["name"] for row in points] == ["North one", "North two"]
    assert got(client, "experience-points.json", rootExperiencePointId=ids["north"])[0] == {
        "experiencePointId": ids["north"], "name": "North", "type": "GROUP",
    }  # fmt: skip


def test_custom_data(client: TestClient, world: World) -> None:
    ids = world.ids()
    region = {"experiencePointId": ids["north"], "label": "region", "value": "N"}
    floor = {"experiencePointId": ids["n-one"], "label": "floor", "value": "3"}
    assert got(client, "experience-point-custom-data.json") == [region, floor]
    assert got(client, "experience-point-custom-data.json", experiencePointId=ids["n-one"]) == [floor]
    assert got(client, "experience-point-custom-data.json", rootExperiencePointId=ids["south"]) == []
    assert [row["label"] for row in got(client, "company-custom-data.json")] == ["floor", "region"]


def test_surveys_questions_and_their_texts(client: TestClient, world: World) -> None:
    ids = world.ids()
    surveys = {row["surveyId"]: row for row in got(client, "surveys.json")}
    assert {key: surveys[ids[key]]["state"] for key in ("service", "later")} == {
        "service": "active",
        "later": "upcoming",
    }
    assert surveys[ids["pulse"]]["surveyType"] == "EMPLOYEE" and surveys[ids["phone"]]["indexType"] == "NPS"
    texts = got(client, "question-localizations.json", questionId=ids["q-service"])
    assert [row["locale"] for row in texts] == ["en", "fi"]
    assert len(got(client, "question-localizations.json")) == 3
    assert {row["text"] for row in got(client, "follow-up-option-localizations.json")} >= {"Odotus", "The staff"}
    assert {row["text"] for row in got(client, "follow-up-question-localizations.json")} == {
        "What went wrong?", "What was good?",
    }  # fmt: skip


def test_terminals_are_smileys(client: TestClient) -> None:
    rows = got(client, "smileys.json")
    assert [row["serialNumber"] for row in rows if row["smileyType"] == "SMILEY_TERMINAL"] == [
        "till-1", "till-2", "till-staff",
    ]  # fmt: skip
    known = {row["smileyId"] for row in rows}
    assert {row["smileyId"] for row in got(client, "results/button-feedbacks.json", period="2026")} <= known


@pytest.mark.parametrize(
    "path",
    [
        "results/demographics", "results/contact-details", "results/metadata", "alerts", "alert-comments",
        "alert-specifications", "users",
    ],
)  # fmt: skip
def test_what_we_have_none_of_is_an_empty_list(client: TestClient, path: str) -> None:
    assert got(client, f"{path}.json") == []
    answer = client.get(f"/v2/{path}.csv")
    assert answer.headers["content-type"].startswith("text/csv") and len(answer.text.splitlines()) == 1


def test_a_token_tells_of_itself(client: TestClient, world: World) -> None:
    found = got(client, "token/introspect")
    assert found["scopes"] == ["read", "organisation:city"] and found["token_name"]
    with served(world) as other:
        assert got(other, "token/introspect", auth=world.token("n-one"))["scopes"] == ["read", "point:n-one"]


def test_csv_is_the_same_as_json_and_safe_to_open(client: TestClient) -> None:
    rows = got(client, "results/text-feedbacks.json")
    answer = client.get("/v2/results/text-feedbacks.csv", params={"csvSeparator": ";"})
    read = list(csv.DictReader(io.StringIO(answer.text, newline=""), delimiter=";"))
    assert [row["text"] for row in read] == ["'=Lovely", "Hyvä", "Buy pills"]
    assert [row["feedbackId"] for row in read] == [row["feedbackId"] for row in rows]
    assert [row["spam"] for row in read] == ["false", "false", "true"] and read[0]["maskedText"] == ""
    names = [row["name"] for row in csv.DictReader(io.StringIO(client.get("/v2/experience-points.csv").text))]
    assert "'=South" in names


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("surveys.xml", 400, "format is 'xml', not json or csv"),
        ("surveys", 404, "There is no /v2/surveys."),
        ("results/button-feedbacks.json?limit=10001", 400, "limit is '10001', not a whole number from 0 to 10000"),
        ("results/button-feedbacks.json?limit=-1", 400, "limit is '-1'"),
        ("results/button-feedbacks.json?limit=1.5", 400, "limit is '1.5'"),
        ("results/button-feedbacks.json?offset=", 400, "offset is ''"),
        ("results/button-feedbacks.json?offset=1&offset=2", 400, "offset is '1, 2', not one value"),
        ("results/button-feedbacks.json?period=next-week", 400, "period is 'next-week'"),
        ("results/button-feedbacks.json?period=2026-13", 400, "period is '2026-13'"),
        ("results/button-feedbacks.json?startDate=2026-02-30", 400, "startDate is '2026-02-30', not a date"),
        ("results/button-feedbacks.json?startDate=2026-03-02&endDate=2026-03-01", 400, "endDate is '2026-03-01'"),
        (
            "results/button-feedbacks.json?startDate=2024-01-01&endDate=2026-01-01",
            400,
            "at most a year after startDate",
        ),
        ("results/button-feedbacks.json?startDate=2024-01-01", 400, "at most a year before endDate"),
        ("results/button-feedbacks.json?order=up", 400, "order is 'up', not asc or desc"),
        ("results/button-feedbacks.json?includeMisuse=yes", 400, "includeMisuse is 'yes', not true or false"),
        ("results/button-feedbacks.json?cursor=abc", 400, "cursor is 'abc', not that of a Link header"),
        ("results/button-feedbacks.csv?csvSeparator=ab", 400, "csvSeparator is 'ab'"),
        ("results/button-feedbacks.json?experiencePointId=99999", 403, "experiencePointId 99999 is not within"),
        ("results/button-feedbacks.json?surveyId=99999", 403, "surveyId 99999 is not within"),
        ("experience-points.json?type=POINT", 400, "type is 'POINT'"),
        ("experience-points.json?rootExperiencePointId=0", 403, "rootExperiencePointId 0 is not within"),
        ("question-localizations.json?questionId=99999", 403, "questionId 99999"),
    ],
)
def test_what_is_refused_is_named(client: TestClient, path: str, status: int, said: str) -> None:
    answer = client.get(f"/v2/{path}")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["status"] == status and said in error["message"] and error["hint"]


def test_only_get(client: TestClient) -> None:
    answer = client.post("/v2/surveys.json")
    assert answer.status_code == 405 and "GET" in answer.headers["allow"]
    assert "read by GET" in answer.json()["error"]["hint"]


def test_a_period_beats_nothing_and_dates_beat_a_period(client: TestClient) -> None:
    dates = {"startDate": "2026-02-10", "endDate": "2026-02-11"}
    assert got(client, "results/button-feedbacks.json", period="2026-03", **dates) == got(
        client, "results/button-feedbacks.json", **dates
    )

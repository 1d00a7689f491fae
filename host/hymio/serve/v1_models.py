"""What our own API answers, as its OpenAPI document describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _like(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class ErrorBody(BaseModel):
    """A status and two sentences."""

    status: int
    message: str
    hint: str


class ErrorAnswer(BaseModel):
    """What every request is answered with that fails."""

    model_config = _like(
        error={"status": 403, "message": "place 7 is not within what this token may read.", "hint": "..."}
    )
    error: ErrorBody


class HealthAnswer(BaseModel):
    """Whether the database can be read, and whether terminals are heard."""

    model_config = _like(ok=True, version="1.4.2", terminals=12, last_heard_utc=1774958400.5)
    ok: bool
    version: str
    terminals: int
    """That stood at one of the places at any time."""
    last_heard_utc: float | None
    """When one of them was heard last; those that ask staff, or stood elsewhere too, are left out."""


class StandingTerminal(BaseModel):
    """A terminal where it stands now."""

    model_config = ConfigDict(populate_by_name=True)
    device_id: str
    since: str
    asks: str


class PlaceAnswer(BaseModel):
    """A group or an experience point; what it inherits is said."""

    id: int
    key: str
    name: str
    kind: str
    parent_id: int | None
    time_zone: str
    hours: str
    level: str | None
    until: str | None
    surveys: list[str]
    """Keys of those that run there now."""
    terminals: list[StandingTerminal]


class ListedSurvey(BaseModel):
    """A survey."""

    id: int
    key: str
    text: str
    type: str
    scale: str
    first_day: str
    last_day: str | None


class OrganisationAnswer(BaseModel):
    """An organisation, or the part of it that a token opens."""

    id: int
    key: str
    name: str
    locale: str
    time_zone: str
    places: list[PlaceAnswer]
    surveys: list[ListedSurvey]


class SitesAnswer(BaseModel):
    """All that may be seen of the sites, as of now."""

    model_config = _like(
        utc=1774958400.0,
        organisations=[
            {
                "id": 1, "key": "city-hospital", "name": "City Hospital", "locale": "en",
                "time_zone": "Europe/Helsinki",
                "places": [
                    {
                        "id": 3, "key": "ward-3", "name": "Ward 3", "kind": "point", "parent_id": None,
                        "time_zone": "Europe/Helsinki", "hours": "mon-fri 08:00-18:00", "level": "EXCELLENT",
                        "until": None, "surveys": ["service-2026"],
                        "terminals": [
                            {"device_id": "till-1", "since": "2026-03-01T08:00:00+02:00", "asks": "customer"}
                        ],
                    }
                ],
                "surveys": [
                    {
                        "id": 2, "key": "service-2026", "text": "How was our service today?", "type": "customer",
                        "scale": "four", "first_day": "2026-01-01", "last_day": None,
                    }
                ],
            }
        ],
    )  # fmt: skip
    utc: float
    organisations: list[OrganisationAnswer]


class LedgerLineAnswer(BaseModel):
    """One log of a terminal, as in `hymio ledger --json`."""

    device_id: str
    log_id: int
    pressed: int | None
    rows: int
    lost: int
    waiting: int
    duplicates: int
    open_gaps: list[list[int]]
    balanced: bool
    quarantined: int


class LedgerAnswer(BaseModel):
    """A page of the ledger."""

    model_config = _like(
        balanced=True,
        terminals=[
            {
                "device_id": "till-1", "log_id": 48879, "pressed": 5120, "rows": 5120, "lost": 0, "waiting": 0,
                "duplicates": 2, "open_gaps": [], "balanced": True, "quarantined": 0,
            }
        ],
        next=None,
    )  # fmt: skip
    balanced: bool
    """Whether every line of this page is, and no message of its terminals is in quarantine."""
    terminals: list[LedgerLineAnswer]
    next: str | None
    """The `cursor` of the next page; null: this was the last one."""


class PressAnswer(BaseModel):
    """A press as it was taken in; of folded ones `count` is their number."""

    model_config = _like(
        id="18231.till-1.48879.5161", device_id="till-1", log_id=48879, seq=5161, button=4, verdict="counted",
        is_vote=True, count=1, pressed_utc=1774958397.25, received_utc=1774958398.75, place_id=3, place="ward-3",
        is_open=True, survey_id=2, survey="service-2026",
    )  # fmt: skip
    id: str
    """Its place in the order of arrival: a `cursor` that goes on after it."""
    device_id: str
    log_id: int
    seq: int
    button: int
    verdict: str
    is_vote: bool
    count: int
    pressed_utc: float | None
    received_utc: float
    place_id: int | None
    place: str | None
    is_open: bool | None
    """By the opening hours of the place; a vote while it is closed is none in its figures."""
    survey_id: int | None
    survey: str | None


class PressesAnswer(BaseModel):
    """A page of presses, in the order in which they came."""

    presses: list[PressAnswer]
    next: str
    """The `cursor` of the next page, also for later, when more has come."""
    more: bool
    """Whether there is more now; a page may be short, or empty, and yet not the last one."""


class GivenAnswerModel(BaseModel):
    """An answer by phone, web page or personal link to one question of customers."""

    answer_id: str
    """By a personal link: the UID of the invitation."""
    place: int
    survey: int
    answered_utc: float
    received_utc: float
    via: str
    """qr, link, email or digital."""
    face: int | None
    """1 is the unhappiest of four or five; null: it is a 0-10 question."""
    score: int | None
    options: list[int]
    """Ids of the reasons that were chosen."""
    text: str | None
    locale: str | None
    verdict: str
    """counted, or spam."""
    external: dict[str, str] | None
    """What the sender of the invitation calls whoever it is; null: nobody was invited, or they were forgotten."""


class AnswersAnswer(BaseModel):
    """A page of answers, in the order in which they came."""

    model_config = _like(
        answers=[
            {
                "answer_id": "8d1d4a54-0000-4000-8000-000000000001", "place": 3, "survey": 2,
                "answered_utc": 1774958400.5, "received_utc": 1774958401.0, "via": "email", "face": None, "score": 9,
                "options": [], "text": "Lovely", "locale": "en", "verdict": "counted",
                "external": {"order": "1002"},
            }
        ],
        next="17.8d1d4a54-0000-4000-8000-000000000001",
        more=False,
    )  # fmt: skip
    answers: list[GivenAnswerModel]
    next: str
    """The `cursor` of the next page, also for later, when more has come."""
    more: bool
    """Whether there is more now; a page may be short, or empty, and yet not the last one."""


class DifferenceAnswer(BaseModel):
    """A cell less the one that it is compared with, in points; intervals of 95 %."""

    key: str
    name: str
    start_utc: float
    start_local: str
    votes: int
    happy_index: float | None
    happy_index_difference: float
    happy_index_difference_low: float
    happy_index_difference_high: float
    csat_difference: float
    csat_difference_low: float
    csat_difference_high: float
    negative_difference: float
    negative_difference_low: float
    negative_difference_high: float
    real: bool
    """Whether it is told apart from chance among all that the answer compares."""


class FiguresOfCell(BaseModel):
    """The figures of one place, group, survey or terminal in one stretch of time."""

    key: str
    name: str
    bucket: str
    start_utc: float
    start_local: str
    faces: list[int] | None
    """Votes by button, the unhappiest first; null, as every figure then: too few answers to be shown."""
    votes: int | None
    happy_index: float | None
    happy_index_margin: float | None
    csat: float | None
    csat_low: float | None
    csat_high: float | None
    negative: float | None
    level: str | None
    goal: str | None
    distance: float | None
    suppressed: bool
    misuse: dict[str, int]
    compared: DifferenceAnswer | None = None


class ComparedRange(BaseModel):
    """What the cells are compared with."""

    name: str
    from_utc: float
    from_local: str
    to_utc: float
    to_local: str


class MeasuresAnswer(BaseModel):
    """The answer of `hymio report --by ... --json`."""

    model_config = _like(
        by="place", per="day", name="City Hospital", from_utc=1774900800.0, from_local="2026-03-31T00:00:00+03:00",
        to_utc=1774987200.0, to_local="2026-04-01T00:00:00+03:00", questions=["How was our service today?"],
        cells=[
            {
                "key": "ward-3", "name": "Ward 3", "bucket": "2026-03-31", "start_utc": 1774900800.0,
                "start_local": "2026-03-31T00:00:00+03:00", "faces": [4, 6, 20, 70], "votes": 100,
                "happy_index": 85.3, "happy_index_margin": 5.1, "csat": 90.0, "csat_low": 82.6, "csat_high": 94.5,
                "negative": 10.0, "level": "EXCELLENT", "goal": "EXCELLENT", "distance": 5.3, "suppressed": False,
                "misuse": {"repeat": 12, "mash": 3},
            }
        ],
    )  # fmt: skip
    by: str
    per: str | None
    name: str
    from_utc: float
    from_local: str
    to_utc: float
    to_local: str
    questions: list[str]
    cells: list[FiguresOfCell]
    compare: ComparedRange | None = None


class CaseContact(BaseModel):
    """Who wants to be called, who has agreed to it."""

    name: str | None
    address: str
    """An e-mail address, or a telephone number."""


class CaseSaid(BaseModel):
    """What was answered to one question of the form."""

    survey: str
    scale: str
    face: int | None
    score: int | None
    text: str | None


class CaseStep(BaseModel):
    """What was done, by whom: opened, assigned, noted, due, closed, reopened."""

    at_utc: float
    who: str
    action: str
    text: str


class CaseLine(BaseModel):
    """A case, as lists have it: without who it is."""

    id: str
    number: int
    kind: str
    """unhappy: phone them; promoter: ask whether they recommend us."""
    state: str
    is_overdue: bool
    organisation: str
    place: str
    place_name: str
    owner: str | None
    """The name of an account."""
    external: str | None
    """What a CRM calls the case."""
    known_as: dict[str, str] | None
    """What the sender of the invitation calls whoever answered."""
    opened_utc: float
    due_utc: float
    closed_utc: float | None
    closed_by: str | None
    outcome: str | None
    """What was done."""
    version: int
    """Of the case: who changes it says which one they have seen."""


class CaseAnswer(CaseLine):
    """A case with all that belongs to it."""

    contact: CaseContact | None
    said: list[CaseSaid]
    steps: list[CaseStep]


class CasesAnswer(BaseModel):
    """Cases, the newest first."""

    cases: list[CaseLine]
    next: int | None
    """`before` of the next page; null: this was the last."""


class CaseWish(BaseModel):
    """A case that a CRM opens. The same `external` again gives the case that is there."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"external": "CRM-7", "place": "ward-3", "kind": "unhappy"}}
    )
    external: Annotated[str, Field(min_length=1, max_length=200)]
    place: Annotated[str, Field(min_length=1, max_length=64)]
    """Key of a group or an experience point."""
    kind: Literal["unhappy", "promoter"] = "unhappy"
    due_utc: Annotated[float | None, Field(gt=0, lt=32_503_680_000)] = None
    """Without it: a day from now."""
    owner: Annotated[str | None, Field(max_length=254)] = None
    """Without it: the manager of the smallest group around the place."""
    note: Annotated[str | None, Field(min_length=1, max_length=4000)] = None


class CasePatch(BaseModel):
    """What is to change of a case; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"version": 1, "outcome": "Called; the coffee was cold."}}
    )
    version: Annotated[int, Field(ge=1, lt=2**31)]
    """As it was read: 409 if it has changed since."""
    owner: Annotated[str | None, Field(max_length=254)] = None
    """The name of an account; empty: nobody."""
    due_utc: Annotated[float | None, Field(gt=0, lt=32_503_680_000)] = None
    note: Annotated[str | None, Field(min_length=1, max_length=4000)] = None
    outcome: Annotated[str | None, Field(min_length=1, max_length=4000)] = None
    """What was done: it closes the case."""
    reopen: bool = False
    external: Annotated[str | None, Field(min_length=1, max_length=200)] = None

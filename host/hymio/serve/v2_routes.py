"""The field's API under `/v2`: every path of the market leader's published document, as JSON and as CSV."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hymio.common.spreadsheets import csv_text
from hymio.serve.api_errors import ApiError, bad_request
from hymio.serve.catalogue import View
from hymio.serve.feedbacks import FeedbackKind, FeedbackQuery, feedback_page
from hymio.serve.page_memory import Paging, paging_of
from hymio.serve.serving import asker_of, public_url, serving_of
from hymio.serve.v2_lists import LISTS, ListRequest, Row, asked_place, asked_survey
from hymio.serve.v2_parameters import LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX, V2Parameters, unknown_format
from hymio.store.arrival_order import newest_arrival

CURSOR: Final = "cursor"
"""The parameter that the `Link` of a page adds: where the next one begins."""
SKIPPED_MAX: Final = 100_000
"""Feedbacks that one request may pass over because nobody has asked for the pages before."""

_COMMON: Final = ("feedbackId", "smileyId", "localTime", "surveyId", "experiencePointId", "buttonIndex", "misuse")


@dataclass(frozen=True, slots=True)
class V2Feedback:
    """A list of feedback, which pages."""

    columns: tuple[str, ...]
    kind: FeedbackKind | None
    """None: we have none of it."""


FEEDBACKS: Final = {
    "results/button-feedbacks": V2Feedback((*_COMMON, "position", "ui", "smileyType"), FeedbackKind.BUTTON),
    "results/follow-up-feedbacks": V2Feedback(
        (
            *_COMMON, "position", "ui", "smileyType", "followupQuestionId", "followupOptionId",
            "followupOptionTextInDefaultLocale",
        ),
        FeedbackKind.FOLLOW_UP,
    ),
    "results/text-feedbacks": V2Feedback(
        (
            *_COMMON, "position", "ui", "smileyType", "text", "maskedText", "rephrasedText", "textInEnglish", "spam",
            "categories", "themes",
        ),
        FeedbackKind.TEXT,
    ),
    "results/demographics": V2Feedback((*_COMMON, "smileyType", "gender", "age"), None),
    "results/contact-details": V2Feedback((*_COMMON, "position", "smileyType", "name", "email", "phoneNumber"), None),
    "results/metadata": V2Feedback((*_COMMON, "smileyType", "key", "value"), None),
    "alerts": V2Feedback(
        (
            "alertId", "alertSpecificationId", "surveyId", "experiencePointId", "beginTime", "endTime",
            "alertSpecificationType", "parameters", "acknowledged", "acknowledgedByUserId", "acknowledgedTime",
        ),
        None,
    ),
    "alert-comments": V2Feedback(("alertCommentId", "alertId", "userId", "time", "comment"), None),
}  # fmt: skip
INTROSPECTION: Final = "token/introspect"


def answer_v2(request: Request) -> Response:
    """Answers a GET of anything under `/v2`.

    Raises:
        ApiError: 400, 401, 403 or 404.
    """
    path = request.path_params["path"]
    if path == INTROSPECTION:
        return _introspection(request)
    for name in (*FEEDBACKS, *LISTS):
        if path.startswith(f"{name}."):
            ending = path[len(name) + 1 :]
            if ending not in ("json", "csv"):
                raise unknown_format(ending)
            parameters = V2Parameters(request.query_params)
            form = _Form(ending == "csv", parameters.separator(ending == "csv"))
            return (
                _list(request, name, parameters, form) if name in LISTS else _feedback(request, name, parameters, form)
            )
    raise ApiError(404, f"There is no /v2/{path[:60]}.", "/v2/experience-points.json is one that there is.")


@dataclass(frozen=True, slots=True)
class _Form:
    """In which form an answer is wanted."""

    is_csv: bool
    separator: str

    def response(self, columns: Sequence[str], rows: Sequence[Row], headers: dict[str, str]) -> Response:
        if self.is_csv:
            text = csv_text(columns, ([row.get(name) for name in columns] for row in rows), self.separator)
            return Response(text, media_type="text/csv", headers=headers)
        return Response(json.dumps(rows, ensure_ascii=False), media_type="application/json", headers=headers)


def _introspection(request: Request) -> Response:
    scope = asker_of(request).scope
    if scope is None:
        raise ApiError(401, "No token was given.", "Show one as X-HON-API-Token: `hymio token create` makes it.")
    with serving_of(request).store.reading() as connection:
        view = serving_of(request).view(connection, scope)
    root = next(place for place in view.places.values() if place.parent_id is None)
    what = "organisation" if root.node is None else root.kind.value
    key = root.stored.site.organisation.key if root.node is None else root.node.key
    return JSONResponse({"token_id": scope.token_id, "token_name": scope.name, "scopes": ["read", f"{what}:{key}"]})


def _list(request: Request, name: str, parameters: V2Parameters, form: _Form) -> Response:
    serving = serving_of(request)
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
        rows = list(LISTS[name].rows(ListRequest(view, parameters, serving.now_utc(), connection)))
    return form.response(LISTS[name].columns, rows, {"X-More-Available": "false"})


def _feedback(request: Request, name: str, parameters: V2Parameters, form: _Form) -> Response:
    serving, asker = serving_of(request), asker_of(request)
    offset = parameters.integer("offset", 0, OFFSET_MAX) or 0
    wanted = parameters.integer("limit", 0, LIMIT_MAX)
    limit = LIMIT_DEFAULT if wanted is None else wanted
    asked = (
        asker.key,
        name,
        tuple(sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _OF_A_PAGE)),
    )
    paging = _given_paging(parameters) or (serving.pages.find(asked, offset, time.monotonic()) if offset else None)
    skip = 0 if paging is not None else offset
    with serving.store.reading() as connection:
        view = serving.view(connection, asker.scope)
        if paging is None:
            paging = Paging(newest_arrival(connection), serving.now_utc(), None)
            if FEEDBACKS[name].kind is not None:
                paging = serving.pages.begin(asked, paging, time.monotonic())
        query = _query(view, parameters, FEEDBACKS[name].kind or FeedbackKind.BUTTON, paging)
        if FEEDBACKS[name].kind is None:
            return form.response(FEEDBACKS[name].columns, [], {"X-More-Available": "false"})
        page = feedback_page(connection, view, query, paging.end, min(skip, SKIPPED_MAX + 1), limit)
    if page.skipped > SKIPPED_MAX:
        raise bad_request(
            "offset", f"one of at most {SKIPPED_MAX} where the page before was not asked for lately", str(offset)
        )
    headers = {"X-More-Available": str(page.more).lower()}
    # With limit=0 the next page would be this one.
    if page.more and page.rows:
        after, following = offset + len(page.rows), replace(paging, end=page.end)
        serving.pages.keep(asked, after, following, time.monotonic())
        url = public_url(request).include_query_params(offset=after, limit=limit, **{CURSOR: following.text()})
        headers["Link"] = f'<{url}>; rel="next"'
    elif not page.more:
        serving.pages.end(asked, paging)
    return form.response(FEEDBACKS[name].columns, page.rows, headers)


_OF_A_PAGE: Final = ("offset", "limit", "auth", CURSOR, "csvSeparator")
"""Parameters by which requests for two pages of the same may differ."""


def _given_paging(parameters: V2Parameters) -> Paging | None:
    came = parameters.text(CURSOR)
    try:
        return None if came is None else paging_of(came)
    except ValueError:
        raise bad_request(CURSOR, "that of a Link header", came or "") from None


def _query(view: View, parameters: V2Parameters, kind: FeedbackKind, paging: Paging) -> FeedbackQuery:
    place, survey = asked_place(view, parameters, "experiencePointId"), asked_survey(view, parameters)
    return FeedbackQuery(
        kind,
        places=frozenset(view.places) if place is None else view.below(place),
        surveys=frozenset(one.id for one in view.surveys.values() if not one.is_staff and survey in (None, one.id)),
        days=parameters.days(paging.began_utc),
        watermark=paging.watermark,
        include_misuse=parameters.boolean("includeMisuse", False),
        include_spam=parameters.boolean("includeSpam", True),
        descending=parameters.choice("order", ("asc", "desc")) == "desc",
    )

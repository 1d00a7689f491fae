"""Our own API under `/api/v1`: sites, ledger, health, and presses as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import Connection, bindparam, func, select
from starlette.requests import Request

from hymio import __version__
from hymio.serve.answers_list import ANSWER_POSITION, answers_after
from hymio.serve.api_errors import bad_request
from hymio.serve.catalogue import View
from hymio.serve.followed_presses import followed_page, newest_position
from hymio.serve.serving import asker_of, serving_of
from hymio.serve.v1_models import (
    AnswersAnswer,
    ErrorAnswer,
    HealthAnswer,
    LedgerAnswer,
    PressesAnswer,
    SitesAnswer,
)
from hymio.site.moments import MINUTE_S
from hymio.site.present import present_values
from hymio.store import schema
from hymio.store.arrival_order import ArrivalPosition, arrival_position
from hymio.store.ledger import ledger_lines
from hymio.store.quarantine import counts
from hymio.store.rows import IN_CHUNK, chunks

PRESSES_MAX: Final = 10_000
LATEST: Final = "latest"
POSITION: Final = r"^(latest|[0-9]{1,18}([.][a-z0-9][a-z0-9-]{2,31}[.][0-9]{1,10}[.][0-9]{1,10})?)$"
"""What `position_of` takes."""

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorAnswer, "description": said}
    for status, said in (
        (400, "A parameter is not what it must be."), (401, "No good token."),
        (403, "What a parameter names is not within what the token may read."),
        (429, "Too many requests."), (503, "The database is not there at the moment."),
    )
}  # fmt: skip

router = APIRouter(prefix="/api/v1", responses=ERRORS)

Cursor = Annotated[
    str | None,
    Query(description="`next` of the page before; without it: the first page.", pattern="^[a-z0-9-]{0,32}$"),
]


@router.get("/health", summary="Whether all is well", response_model=HealthAnswer)
def health(request: Request) -> dict[str, Any]:
    """Answers with 503 if the database is not there."""
    serving = serving_of(request)
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
        return {
            "ok": True,
            "version": __version__,
            "terminals": len(view.device_ids),
            "last_heard_utc": _last_heard(connection, None if view.is_everything else sorted(view.own_device_ids)),
        }


def _last_heard(connection: Connection, device_ids: Sequence[str] | None) -> float | None:
    query = select(func.max(schema.logs.c.last_seen_utc))
    if device_ids is None:
        return connection.execute(query).scalar()
    query = query.where(schema.logs.c.device_id.in_(bindparam("device_ids", expanding=True)))
    heard = [connection.execute(query, {"device_ids": list(some)}).scalar() for some in chunks(device_ids)]
    return max((one for one in heard if one is not None), default=None)


@router.get("/sites", summary="Places, surveys and terminals", response_model=SitesAnswer)
def sites(
    request: Request,
    past: Annotated[bool, Query(description="Also places that were given up and surveys that are over.")] = False,
) -> dict[str, Any]:
    """The tree of every organisation, or the part that the token opens: places in order, parents first."""
    serving = serving_of(request)
    now_utc = serving.now_utc()
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
    return {"utc": now_utc, "organisations": list(_organisations(view, int(now_utc // MINUTE_S), past))}


def _organisations(view: View, minute: int, past: bool) -> list[dict[str, Any]]:
    found = []
    for stored in {place.stored.id: place.stored for place in view.places.values()}.values():
        said = present_values(stored.site, minute, past)
        places = []
        for place in said["places"]:
            seen = view.places.get(stored.nodes[place["key"]])
            if seen is not None:
                parent = None if place["parent"] is None else view.places.get(stored.nodes[place["parent"]])
                terminals = [
                    {"device_id": one["device_id"], "since": one["from"], "asks": one["asks"]}
                    for one in place["terminals"]
                ]
                places.append(
                    {**place, "id": seen.id, "parent_id": parent and parent.id, "terminals": terminals}
                )  # fmt: skip
        surveys = [{**one, "id": stored.surveys[one["key"]]} for one in said["surveys"]]
        surveys = [one for one in surveys if one["id"] in view.surveys]
        found.append({**said, "id": stored.id, "places": places, "surveys": surveys})
    return found


@router.get("/ledger", summary="Whether every press is accounted for", response_model=LedgerAnswer)
def ledger(
    request: Request,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=IN_CHUNK, description="Terminals on a page.")] = 100,
) -> dict[str, Any]:
    """As `hymio ledger`, terminal by terminal; of a token those that stood nowhere else and never asked staff."""
    serving = serving_of(request)
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
        device_ids = _terminals(connection, view, cursor or "", limit + 1)
        lines = ledger_lines(connection, device_ids[:limit])
        quarantined = counts(connection)
    terminals = [line.as_json() | {"quarantined": quarantined.get(line.row["device_id"], 0)} for line in lines]
    return {
        "balanced": all(line["balanced"] and not line["quarantined"] for line in terminals),
        "terminals": terminals,
        "next": device_ids[limit - 1] if len(device_ids) > limit else None,
    }


def _terminals(connection: Connection, view: View, after: str, most: int) -> list[str]:
    if not view.is_everything:
        return sorted(one for one in view.own_device_ids if one > after)[:most]
    name = schema.logs.c.device_id
    return list(connection.execute(select(name).where(name > after).distinct().order_by(name).limit(most)).scalars())


@router.get("/presses", summary="Presses in the order in which they came", response_model=PressesAnswer)
def presses(
    request: Request,
    cursor: Annotated[
        str | None,
        Query(
            description=f"`next` of the page before, the `id` of a press, or `{LATEST}`: what comes from now on.",
            pattern=POSITION,
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PRESSES_MAX)] = 1000,
) -> dict[str, Any]:
    """For who keeps a copy: nothing is missed and nothing comes twice. Presses of staff are never told of."""
    serving = serving_of(request)
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
        after = newest_position(connection) if cursor == LATEST else position_of(cursor)
        page = followed_page(connection, view, after, limit)
    return {"presses": page.presses, "next": str(page.next), "more": page.more}


@router.get("/answers", summary="Answers by phone, web page and personal link", response_model=AnswersAnswer)
def answers(
    request: Request,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before; without it: the first page.", pattern=ANSWER_POSITION)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PRESSES_MAX)] = 1000,
) -> dict[str, Any]:
    """One by one, in the order in which they came, with what a CRM calls whoever was invited. Staff's are not told of.

    What is taken away since, as the text of who wants to be forgotten, is not in later answers to the same request.
    """
    serving = serving_of(request)
    arrival, _dot, answer_id = (cursor or "0.").partition(".")
    with serving.store.reading() as connection:
        view = serving.view(connection, asker_of(request).scope)
        page = answers_after(connection, view, int(arrival), answer_id, limit)
    return page


def position_of(came: str | None) -> ArrivalPosition:
    """The position that a parameter tells; without one the very beginning.

    Raises:
        ApiError: 400, it is none.
    """
    try:
        return ArrivalPosition(0) if came is None else arrival_position(came)
    except ValueError:
        raise bad_request("Last-Event-ID", "the id of an event", came or "") from None

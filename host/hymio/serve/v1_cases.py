"""Cases for other programs, such as a CRM: read, opened, looked after and closed.

Only a token that was made for it opens them, from this computer, too: they tell who a visitor is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import Connection
from starlette.requests import Request

from hymio.serve.api_errors import ApiError
from hymio.serve.catalogue import View
from hymio.serve.ids import organisation_place
from hymio.serve.serving import Serving, asker_of, serving_of
from hymio.serve.v1_models import CaseAnswer, CasePatch, CasesAnswer, CaseWish, ErrorAnswer
from hymio.serve.v1_routes import ERRORS
from hymio.store import audit
from hymio.store.care_cases import (
    Case,
    CaseChange,
    CaseError,
    CaseKind,
    CaseQuery,
    CaseState,
    NewCase,
    case_of,
    case_values,
    cases_of,
    change_case,
    checked_external,
    contact_of,
    notes_of,
    open_case,
    owners_at,
    said_of,
)
from hymio.store.tokens import Scope

CASE_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    **ERRORS,
    404: {"model": ErrorAnswer, "description": "There is no such case within what the token opens."},
    409: {"model": ErrorAnswer, "description": "The case has changed meanwhile, or is closed."},
}

router = APIRouter(prefix="/api/v1", responses=ERRORS)

CaseId = Annotated[str, Path(description="`id` of a case.", max_length=36)]


@router.get("/cases", summary="Who wants to be called", response_model=CasesAnswer)
def list_cases(
    request: Request,
    state: Annotated[Literal["open", "overdue", "closed", "all"], Query()] = "open",
    kind: Annotated[Literal["unhappy", "promoter"] | None, Query()] = None,
    external: Annotated[str | None, Query(max_length=200, description="What a CRM calls it.")] = None,
    before: Annotated[int | None, Query(ge=1, lt=2**31, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> dict[str, Any]:
    """The cases of the places that the token opens, the newest first, without who it is."""
    serving, scope = serving_of(request), _scope(request)
    now_utc = serving.now_utc()
    with serving.store.reading() as connection:
        places = _places(serving, connection, scope)
        query = CaseQuery(
            places,
            now_utc,
            CaseState(state),
            None if kind is None else CaseKind(kind),
            None,
            external,
            before,
            limit + 1,
        )
        found = cases_of(connection, query)
        values = case_values(connection, found[:limit], now_utc)
    return {"cases": values, "next": found[limit - 1].id if len(found) > limit else None}


@router.get("/cases/{case_id}", summary="One case, with whom to call", response_model=CaseAnswer, responses=CASE_ERRORS)
def one_case(request: Request, case_id: CaseId) -> dict[str, Any]:
    """Who reads it is noted in the audit."""
    serving, scope = serving_of(request), _scope(request)
    with serving.store.writing() as connection:
        case = _case(serving, connection, scope, case_id)
        audit.record(connection, "case.read", {"case": case.id}, _who(scope))
        return _whole(serving, connection, case)


@router.post(
    "/cases", summary="Open a case", response_model=CaseAnswer, status_code=201,
    responses={**CASE_ERRORS, 200: {"model": CaseAnswer, "description": "There is one of that `external` already."}},
)  # fmt: skip
def new_case(request: Request, wish: CaseWish, response: Response) -> dict[str, Any]:
    """The same `external` again gives the case that is there, as it is, with status 200."""
    serving, scope = serving_of(request), _scope(request)
    now_utc = serving.now_utc()
    with serving.store.writing() as connection, _refusals():
        view = serving.view(connection, scope)
        place = next((one for one in view.places.values() if one.node is not None and one.node.key == wish.place), None)
        if place is None:
            raise ApiError(
                403, f"place {wish.place!r} is not within what this token opens.", "/api/v1/sites names all."
            )
        owner_id = _owner(connection, scope.organisation_id, place.id, wish.owner) or None
        external = checked_external(wish.external)
        new = NewCase(scope.organisation_id, place.id, CaseKind(wish.kind), external, wish.due_utc, owner_id)
        case, is_new = open_case(connection, new, _who(scope), now_utc)
        if case.node_id not in view.places:
            raise ApiError(409, "Another case has that external id.", "Give another one.")
        if is_new and wish.note is not None:
            case = change_case(connection, case, CaseChange(note=wish.note), case.version, _who(scope), now_utc)
        if is_new:
            audit.record(connection, "case.add", {"case": case.id}, _who(scope))
        response.status_code = 201 if is_new else 200
        return _whole(serving, connection, case)


@router.patch(
    "/cases/{case_id}", summary="Assign, note, close, open again", response_model=CaseAnswer, responses=CASE_ERRORS
)
def patched_case(request: Request, case_id: CaseId, wish: CasePatch) -> dict[str, Any]:
    """All of it or nothing. Who changes it says by `version` which case they have seen: 409 if that has changed."""
    serving, scope = serving_of(request), _scope(request)
    with serving.store.writing() as connection, _refusals():
        case = _case(serving, connection, scope, case_id)
        owner = _owner(connection, case.organisation_id, case.node_id, wish.owner)
        change = CaseChange(owner, wish.due_utc, wish.note, wish.outcome, wish.reopen, wish.external)
        changed = change_case(connection, case, change, wish.version, _who(scope), serving.now_utc())
        audit.record(connection, "case.change", {"case": case.id, "version": changed.version}, _who(scope))
        return _whole(serving, connection, changed)


@contextmanager
def _refusals() -> Iterator[None]:
    """What is wrong with a wish becomes an answer."""
    try:
        yield
    except CaseError as error:
        status, hint = (409, "Read the case again.") if error.is_conflict else (400, "Mend that.")
        raise ApiError(status, str(error), hint) from None


def _scope(request: Request) -> Scope:
    scope = asker_of(request).scope
    if scope is None or not scope.cases:
        raise ApiError(403, "This opens no cases.", "`hymio token create --cases` makes a token that does.")
    return scope


def _who(scope: Scope) -> str:
    return f"token {scope.name}"


def _places(serving: Serving, connection: Connection, scope: Scope) -> set[int]:
    view: View = serving.view(connection, scope)
    return set(view.places) - {organisation_place(scope.organisation_id)}


def _case(serving: Serving, connection: Connection, scope: Scope, case_id: str) -> Case:
    case = case_of(connection, case_id)
    if case is None or case.node_id not in _places(serving, connection, scope):
        # Whether there is one elsewhere is not said.
        raise ApiError(404, "There is no such case within what this token opens.", "/api/v1/cases lists them.")
    return case


def _owner(connection: Connection, organisation_id: int, node_id: int, name: str | None) -> int | None:
    """The number of an account; 0: nobody is to look after it; None: nothing is said of it."""
    if not name:
        return None if name is None else 0
    found = {one.name: one.id for one in owners_at(connection, organisation_id, node_id)}
    if name.strip().casefold() not in found:
        raise ApiError(
            400, f"owner {name[:60]!r} is no account that may look after cases there.", "Give a manager's name."
        )
    return found[name.strip().casefold()]


def _whole(serving: Serving, connection: Connection, case: Case) -> dict[str, Any]:
    [values] = case_values(connection, [case], serving.now_utc())
    return {
        **values,
        "contact": contact_of(connection, case),
        "said": said_of(connection, case),
        "steps": [
            {"at_utc": one.at_utc, "who": one.who, "action": one.action, "text": one.text}
            for one in notes_of(connection, case)
        ],
    }

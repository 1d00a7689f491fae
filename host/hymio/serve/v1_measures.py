"""Figures over HTTP: what `hymio report` answers, within what a token opens."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request

from hymio.figures.cells import FigureQuery, figure_cells
from hymio.figures.comparing import PREVIOUS, compare
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import By, FigureScope
from hymio.figures.wall_time import stretch_of
from hymio.measures.buckets import Per
from hymio.serve.api_errors import ApiError
from hymio.serve.catalogue import View
from hymio.serve.serving import asker_of, serving_of
from hymio.serve.v1_models import MeasuresAnswer
from hymio.serve.v1_routes import ERRORS
from hymio.store.tokens import Scope

CELLS_MAX: Final = 20_000
"""Of one answer: some 10 MB."""
_KEY_MAX: Final = 64
_WHEN_MAX: Final = 40

router = APIRouter(prefix="/api/v1", responses=ERRORS)

Key = Annotated[str | None, Query(max_length=_KEY_MAX)]


@router.get(
    "/measures",
    summary="Figures by place, group, survey or terminal, and by time",
    response_model=MeasuresAnswer,
    response_model_exclude_unset=True,
)
def measures(
    request: Request,
    by: Annotated[By, Query(description="Whose figures.")] = "place",
    per: Annotated[Per | None, Query(description="Without it one cell for all of the time.")] = None,
    start: Annotated[
        str | None,
        Query(alias="from", max_length=_WHEN_MAX, description="A day or a moment; else the first day with votes."),
    ] = None,
    end: Annotated[
        str | None,
        Query(alias="to", max_length=_WHEN_MAX, description="A day, counted in, or a moment; else today."),
    ] = None,
    organisation: Annotated[Key, Query(description="Needed where there are several.")] = None,
    scope: Annotated[Key, Query(description="Of this group or experience point and all below it.")] = None,
    to_compare: Annotated[
        Key,
        Query(alias="compare", description=f"`{PREVIOUS}`, or the key of another place, group, terminal or survey."),
    ] = None,
) -> dict[str, Any]:
    """As `hymio report`, with what is too few hidden; of a token only what lies within."""
    serving, token = serving_of(request), asker_of(request).scope
    with serving.store.reading() as connection:
        catalogue = serving.catalogues.current(connection)
        view = catalogue.view(token)
        if token is not None:
            organisation, scope = _within(view, token, organisation, scope)
            _check_compared(view, token, by, to_compare)
        try:
            reader = FigureReader(connection, serving.now_utc(), catalogue.sites, knows_lone=token is None)
            whole = FigureScope(reader, organisation, scope, by == "terminal")
            stretch = stretch_of(start, end, whole.zone, whole.first_day, reader.now_utc)
            query = FigureQuery(by, per, stretch, organisation, scope)
            answer = figure_cells(reader, query) if to_compare is None else compare(reader, query, to_compare)
        except ValueError as error:
            raise ApiError(400, str(error), "/api/v1/sites names the keys.") from error
    values = answer.as_json()
    if len(values["cells"]) > CELLS_MAX:
        said = f"That would be {len(values['cells'])} cells, not {CELLS_MAX} at most."
        raise ApiError(400, said, "Ask for less time at once, or by longer buckets.")
    return values


def _within(view: View, token: Scope, organisation: str | None, scope: str | None) -> tuple[str, str | None]:
    """The organisation and the place of which a token may have figures."""
    root = next(place for place in view.places.values() if place.parent_id is None)
    own = root.stored.site.organisation.key
    keys = {place.node.key for place in view.places.values() if place.node is not None}
    if organisation not in (None, own):
        raise _not_within("organisation", str(organisation))
    if scope is not None and scope not in keys:
        raise _not_within("scope", scope)
    return own, scope if scope is not None or root.node is None else root.node.key


def _check_compared(view: View, token: Scope, by: By, key: str | None) -> None:
    if key is None or key == PREVIOUS:
        return
    if by == "terminal" and key not in view.device_ids:
        raise _not_within("compare", key)
    if token.node_id is None:
        return
    # A terminal's or a survey's figures are compared as they are everywhere, and a part knows of itself alone.
    keys = {place.node.key for place in view.places.values() if place.node is not None}
    if by not in ("place", "group") or key not in keys:
        raise _not_within("compare", key)


def _not_within(name: str, key: str) -> ApiError:
    return ApiError(403, f"{name} {key!r} is not within what this token may read.", "/api/v1/sites names all that is.")

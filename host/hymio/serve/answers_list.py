"""Answers by phone, web page and personal link in the order in which they came, for who follows them, as a CRM does."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from hymio.serve.catalogue import View
from hymio.store.schema import answers

ANSWER_POSITION: Final = r"^[0-9]{1,18}[.][0-9a-f-]{0,36}$"
"""How far somebody has read: the transaction that brought an answer, and its id."""
_PLAIN: Final = ("answer_id", "answered_utc", "received_utc", "via", "face", "score", "text", "locale", "verdict")


def answers_after(connection: Connection, view: View, arrival: int, answer_id: str, most: int) -> dict[str, Any]:
    """A page, as the document describes it: of at most so many rows those that may be seen."""
    rows = answers.c
    is_after = or_(rows.arrival > arrival, and_(rows.arrival == arrival, rows.answer_id > answer_id))
    query = select(answers).where(rows.arrival >= arrival, is_after).order_by(rows.arrival, rows.answer_id)
    found = list(connection.execute(query.limit(most + 1)))
    told, end = [], f"{arrival}.{answer_id}"
    for row in found[:most]:
        survey = view.surveys.get(row.survey_id)
        # All that one transaction brings is of one place: who may not see it gets no name of it either.
        end = f"{row.arrival + 1}." if row.arrival else f"0.{row.answer_id}"
        if row.node_id in view.places and survey is not None and not survey.is_staff:
            end = f"{row.arrival}.{row.answer_id}"
            told.append({
                **{name: row._mapping[name] for name in _PLAIN},
                "place": row.node_id,
                "survey": row.survey_id,
                "options": json.loads(row.options or "[]"),
                "external": None if row.external is None else json.loads(row.external),
            })  # fmt: skip
    return {"answers": told, "next": end, "more": len(found) > most}

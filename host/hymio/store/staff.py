"""Answers of staff, shown in blocks of ten or more and never one by one."""

# A block never changes once it is full, or who looks before and after would see one answer. What is taken back later
# (a revision, another date) is owed by the answers that do not fill a block yet: their numbers may be negative, and
# while one is, no block is full. So blocks and these together are always exactly the counted answers.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, text

from hymio.store import schema

StaffPlace = tuple[int, int]
"""(node_id, survey_id)"""

StaffAnswers = dict[StaffPlace, tuple[int, list[tuple[int, int]]]]
"""By place: how many answers fill a block, and (button, presses) in order of arrival; negative: taken back."""

_BEGIN: Final = text(
    "INSERT INTO staff_open (node_id, survey_id, n1, n2, n3, n4) VALUES (:node_id, :survey_id, 0, 0, 0, 0)"
    " ON CONFLICT (node_id, survey_id) DO NOTHING"
)
_KEEP: Final = text(
    "UPDATE staff_open SET n1 = :n1, n2 = :n2, n3 = :n3, n4 = :n4 WHERE node_id = :node_id AND survey_id = :survey_id"
)


def add_answers(connection: Connection, answers: StaffAnswers, at_utc: float) -> None:
    """Adds answers of staff to those that wait, and makes blocks of what is full.

    Args:
        connection: comes from `Store.writing`.
        answers: the answers.
        at_utc: when they came, in seconds of 1970.
    """
    # The same order everywhere, and after the cells, so that two collectors can't wait for each other.
    for place, (block, some) in sorted(answers.items()):
        _add(connection, place, block, some, at_utc)


def begin_again(
    connection: Connection, place: StaffPlace, block: int, answers: Iterable[tuple[int, int]], at_utc: float
) -> None:
    """Makes all blocks of a place and survey anew of its answers."""
    for table in (schema.staff_open, schema.staff_blocks):
        connection.execute(delete(table).where(table.c.node_id == place[0], table.c.survey_id == place[1]))
    _add(connection, place, block, answers, at_utc)


def _add(
    connection: Connection, place: StaffPlace, block: int, answers: Iterable[tuple[int, int]], at_utc: float
) -> None:
    waiting, blocks = schema.staff_open, schema.staff_blocks
    of = {"node_id": place[0], "survey_id": place[1]}
    connection.execute(_BEGIN, of)
    row = connection.execute(select(waiting).filter_by(**of).with_for_update()).one()
    faces = [row.n1, row.n2, row.n3, row.n4]
    full = list(_fill(faces, block, answers))
    connection.execute(_KEEP, of | _named(faces))
    if full:
        number = connection.execute(select(func.count()).select_from(blocks).filter_by(**of)).scalar_one()
        rows = [of | {"number": number + at, "full_utc": at_utc} | _named(one) for at, one in enumerate(full)]
        connection.execute(insert(blocks), rows)


def _named(faces: Iterable[int]) -> dict[str, int]:
    return {f"n{button}": presses for button, presses in enumerate(faces, 1)}


def _fill(faces: list[int], block: int, answers: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Adds answers to `faces`, and gives the blocks that get full."""
    # What moves within a place is taken out before it is added again.
    for button, presses in sorted(answers, key=lambda one: one[1] > 0):
        if presses < 0:
            faces[button - 1] += presses
        for _ in range(presses):
            faces[button - 1] += 1
            if min(faces) >= 0 and sum(faces) >= block:
                yield list(faces)
                faces[:] = [0, 0, 0, 0]

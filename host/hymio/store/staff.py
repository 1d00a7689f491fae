"""Answers of staff, shown in blocks of ten or more and never one by one."""

# A block never changes once it is full, or who looks before and after would see one answer. What is taken back later (a
# revision, another date, a correction of the site) is owed by the answers that do not fill a block yet: their numbers
# may be negative, and while one is, no block is full. So blocks and these together are always the counted answers.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, text

from hymio.store import schema
from hymio.store.schema import NO_TIME

StaffPlace = tuple[int, int]
"""(node_id, survey_id)"""

StaffAnswer = tuple[int, int, int]
"""(UTC minute, button, presses); negative: taken back."""

StaffAnswers = dict[StaffPlace, tuple[int, list[StaffAnswer]]]
"""By place: how many answers fill a block, and the answers in their order."""

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
        at_utc: when they came, in seconds of 1970: so old is each block.
    """
    # The same order everywhere, and after the cells, so that two collectors can't wait for each other.
    for place, (block, some) in sorted(answers.items()):
        _add(connection, place, block, some, at_utc, by_minute=False)


def move_answers(connection: Connection, place: StaffPlace, block: int, some: list[StaffAnswer], at_utc: float) -> None:
    """The same for what a correction of the site moves to a place and away from it.

    A block that consists of answers which come now is as old as the youngest of these; one with answers that waited is
    of now. If nothing is left of a survey at a place, its blocks go, too: the answers were never of staff there.
    """
    _add(connection, place, block, some, at_utc, by_minute=True)
    waiting, blocks = schema.staff_open, schema.staff_blocks
    of = {"node_id": place[0], "survey_id": place[1]}
    faces = [0, 0, 0, 0]
    for table in (waiting, blocks):
        for row in connection.execute(select(table).filter_by(**of)):
            faces = [before + more for before, more in zip(faces, row[-4:], strict=True)]
    if not any(faces):
        for table in (waiting, blocks):
            connection.execute(delete(table).where(table.c.node_id == place[0], table.c.survey_id == place[1]))


def _add(
    connection: Connection, place: StaffPlace, block: int, some: list[StaffAnswer], at_utc: float, by_minute: bool
) -> None:
    waiting, blocks = schema.staff_open, schema.staff_blocks
    of = {"node_id": place[0], "survey_id": place[1]}
    connection.execute(_BEGIN, of)
    row = connection.execute(select(waiting).filter_by(**of).with_for_update()).one()
    faces = [row.n1, row.n2, row.n3, row.n4]
    waited = any(faces)
    full = list(_fill(faces, block, some))
    connection.execute(_KEEP, of | _named(faces))
    if full:
        number = connection.execute(select(func.count()).select_from(blocks).filter_by(**of)).scalar_one()
        rows = [
            of
            | {"number": number + at, "full_utc": 60.0 * minute if by_minute and (at or not waited) else at_utc}
            | _named(one)
            for at, (one, minute) in enumerate(full)
        ]
        connection.execute(insert(blocks), rows)


def _named(faces: Iterable[int]) -> dict[str, int]:
    return {f"n{button}": presses for button, presses in enumerate(faces, 1)}


def _fill(faces: list[int], block: int, some: Iterable[StaffAnswer]) -> Iterator[tuple[list[int], int]]:
    """Adds answers to `faces`, and gives the blocks that get full, each with the minute of its youngest answer."""
    youngest = NO_TIME
    # What moves within a place is taken out before it is added again.
    for minute, button, presses in sorted(some, key=lambda one: one[2] > 0):
        if presses < 0:
            faces[button - 1] += presses
        for _ in range(presses):
            youngest = max(youngest, minute)
            faces[button - 1] += 1
            if min(faces) >= 0 and sum(faces) >= block:
                yield list(faces), youngest
                faces[:] = [0, 0, 0, 0]
                youngest = NO_TIME

"""What may be shown of surveys of staff: whole blocks of answers, each once the day is over in which it filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from hymio.figures.wall_time import utc_of, whole_days
from hymio.measures.zones import wall_name
from hymio.store.schema import staff_blocks


class ShownBlock(NamedTuple):
    """A block of answers, and the day on which it counts: that on which it filled, on the clock of its place."""

    day: str
    faces: tuple[int, int, int, int]


def shown_blocks(
    connection: Connection, survey_id: int, zones: Mapping[int, ZoneInfo], now_utc: float
) -> Iterator[ShownBlock]:
    """The blocks of a survey that are full since a day that is over.

    Args:
        connection: to the database.
        survey_id: the survey.
        zones: of the experience points that are asked for, by their ids.
        now_utc: seconds of 1970.
    """
    table = staff_blocks.c
    query = select(table.node_id, table.full_utc, table.n1, table.n2, table.n3, table.n4)
    for node_id, full_utc, *faces in connection.execute(query.where(table.survey_id == survey_id)):
        if node_id in zones:
            day = wall_name(zones[node_id], full_utc)[:10]
            if utc_of(whole_days(day, day).end, zones[node_id]) <= now_utc:
                yield ShownBlock(day, (faces[0], faces[1], faces[2], faces[3]))

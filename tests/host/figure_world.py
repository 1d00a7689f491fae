"""Places and presses to ask figures of, and what every answer has to be, press by press."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert

from hymio.figures.reading import FigureReader
from hymio.site.diff import plan_import
from hymio.site.model import Site
from hymio.store.cells import add_presses
from hymio.store.database import Store
from hymio.store.places import KEPT, load_places
from hymio.store.schema import logs
from hymio.store.sites import save_changes

NOW_UTC = datetime(2026, 6, 1, tzinfo=ZoneInfo("UTC")).timestamp()
HELSINKI = "Europe/Helsinki"


class Undo(Exception):
    """Ends a transaction without a trace: the database is shared, and organisations have keys of their own."""


class GivenPress(NamedTuple):
    """A press of a terminal."""

    device_id: str
    utc_minute: int
    button: int = 4
    verdict: str = "counted"


def minute(wall: str, zone: str = HELSINKI) -> int:
    """The UTC minute of a local time, as 2026-03-02T14:00."""
    return int(datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).timestamp()) // 60


def given(device_id: str, wall: str, *faces: int, zone: str = HELSINKI, verdict: str = "counted") -> list[GivenPress]:
    """So many presses by face, 1 first, all in that minute."""
    return [
        GivenPress(device_id, minute(wall, zone), button, verdict)
        for button, number in enumerate(faces, 1)
        for _ in range(number)
    ]


@contextmanager
def world(store: Store, sites: Sequence[Site], presses: Iterable[GivenPress]) -> Iterator[FigureReader]:
    """A look at a database that holds these, as long as the block lasts."""
    try:
        with store.writing() as connection:
            # What is kept by the sites' version is of no use when that is taken back.
            connection.get_execution_options()[KEPT].clear()
            for site in sites:
                plan = plan_import(None, site, 0)
                assert not plan.problems
                save_changes(connection, None, plan.changes)
            put(connection, presses)
            yield FigureReader(connection, NOW_UTC)
            raise Undo
    except Undo:
        store.engine.get_execution_options()[KEPT].clear()


def put(connection: Connection, presses: Iterable[GivenPress]) -> None:
    """Counts presses into the cells, as the ingest does."""
    presses = list(presses)
    minutes = defaultdict(list)
    for one in presses:
        minutes[one.device_id].append((one.utc_minute, one.button, one.verdict, 1))
    add_presses(connection, load_places(connection), minutes, NOW_UTC)
    log: dict[str, float] = dict.fromkeys(("next_seq", "oldest_seq", "cursor_seq", "duplicates", "conflicts"), 0)
    log |= {"log_id": 1, "first_seen_utc": NOW_UTC, "last_seen_utc": NOW_UTC}
    for device_id in {one.device_id for one in presses}:
        connection.execute(insert(logs).values(device_id=device_id, **log))

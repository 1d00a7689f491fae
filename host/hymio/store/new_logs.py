"""How many logs one terminal may begin: each has a row for ever, and is asked about each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from hymio.store.arrivals import Arrival, Told, Uncountable
from hymio.store.database import Store
from hymio.store.rows import chunks
from hymio.store.schema import LogKey, logs
from hymio.wire import limits

_DAY_S: Final = 24 * 3600
_KNOWN_MAX: Final = 100_000


def without_too_many_logs(
    connection: Connection, store: Store, arrivals: Sequence[Arrival], told: Sequence[Told]
) -> tuple[Sequence[Arrival], Sequence[Told], list[Uncountable]]:
    """Separates what may be taken in from the messages of logs too many, each with its reason.

    A terminal begins a log when its partition is made anew, or when another board takes its name, and both are rare.

    Returns:
        Batches and statements that may be taken in, and the rest.
    """
    everything: list[Arrival | Told] = [*arrivals, *told]
    first_utc: dict[LogKey, float] = {}
    for one in sorted(everything, key=lambda one: one.received_utc):
        if one.key not in store.known_logs:
            first_utc.setdefault(one.key, one.received_utc)
    if not first_utc:
        return arrivals, told, []
    if len(store.known_logs) > _KNOWN_MAX:
        store.known_logs.clear()
    known: dict[str, dict[int, float]] = defaultdict(dict)
    for chunk in chunks(sorted({device_id for device_id, _ in first_utc})):
        query = select(logs.c.device_id, logs.c.log_id, logs.c.first_seen_utc).where(logs.c.device_id.in_(chunk))
        for device_id, log_id, seen_utc in connection.execute(query):
            known[device_id][log_id] = seen_utc
    too_many: dict[LogKey, str] = {}
    logs_max = store.logs_a_day * limits.LOGS_MAX // limits.NEW_LOGS_PER_DAY
    for (device_id, log_id), utc in first_utc.items():
        its = known[device_id]
        if log_id in its:
            continue
        recent = sum(utc - seen_utc < _DAY_S for seen_utc in its.values())
        if len(its) >= logs_max:
            too_many[device_id, log_id] = f"log {log_id} would be one more than the {logs_max} of a terminal"
        elif recent >= store.logs_a_day:
            too_many[device_id, log_id] = (
                f"log {log_id} is new, and {recent} others of this terminal are not a day old: once more by"
                " `hymio quarantine release`, if that is right"
            )
        else:
            its[log_id] = utc
    if not too_many:
        return arrivals, told, []
    refused = [
        Uncountable(one.device_id, one.source, too_many[one.key], one.payload, one.received_utc)
        for one in everything
        if one.key in too_many
    ]
    return (
        [one for one in arrivals if one.key not in too_many],
        [one for one in told if one.key not in too_many],
        refused,
    )

"""Parquet for DuckDB, pandas and their like: the cells of a report, or all presses, some at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from sqlalchemy import Connection, select, text

from hymio.office.report_columns import Cell, columns_of
from hymio.site.moments import MINUTE_S
from hymio.store.places import staff_stays, stored_places
from hymio.store.schema import logs

ROWS_AT_ONCE: Final = 50_000
"""Presses in a row group: so many are in memory at a time."""

_TEXTS: Final = ("key", "name", "bucket", "start_local", "level", "goal", "misuse_by_reason")
_COUNTS: Final = ("n1", "n2", "n3", "n4", "votes", "misuse")
_PRESSES: Final = pa.schema(
    {
        "device_id": pa.string(), "log_id": pa.int64(), "seq": pa.int64(), "boot": pa.int64(), "uptime_ms": pa.int64(),
        "button": pa.int8(), "verdict": pa.string(), "is_vote": pa.bool_(), "pressed_utc": pa.float64(),
        "clock": pa.string(), "via": pa.string(), "received_utc": pa.float64(), "count": pa.int64(),
        "place": pa.string(), "survey": pa.string(),
    }
)  # fmt: skip
COLUMNS: Final[tuple[str, ...]] = tuple(_PRESSES.names[:-2])
"""Of `presses_v1`."""
_OF_TERMINAL: Final = text(
    f"SELECT {', '.join(COLUMNS)} FROM presses_v1 WHERE device_id = :device_id ORDER BY log_id, seq"
).execution_options(yield_per=ROWS_AT_ONCE)


def parquet(cells: Sequence[Cell]) -> bytes:
    """The cells of a report, one in a row, with the columns of its CSV."""
    names, rows = columns_of(cells)
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if cells else dict.fromkeys(names, ())
    table = pa.table({name: pa.array(columns[name], _type(name)) for name in names})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _type(column: str) -> pa.DataType:
    bare = column.removeprefix("compared_")
    if bare in _TEXTS:
        return pa.string()
    if bare in _COUNTS:
        return pa.int64()
    return pa.bool_() if bare in ("suppressed", "real") else pa.float64()


def write_presses(connection: Connection, path: Path) -> int:
    """Writes all presses but those of staff, with the columns of `presses_v1` and the keys of place and survey.

    Args:
        connection: comes from `Store.reading`.
        path: the file, which is there as a whole or not at all.

    Returns:
        How many rows it has.

    Raises:
        OSError: the file can't be written.
    """
    part = path.with_name(f"{path.name}.part")
    written, presses = 0, _presses(connection)
    try:
        with part.open("wb") as file, pq.ParquetWriter(file, _PRESSES, compression="zstd") as writer:
            while rows := list(islice(presses, ROWS_AT_ONCE)):
                columns = zip(zip(*rows, strict=True), _PRESSES.types, strict=True)
                writer.write_table(pa.table([pa.array(values, of) for values, of in columns], _PRESSES))
                written += len(rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return written


def _presses(connection: Connection) -> Iterator[tuple[Any, ...]]:
    places, staff = stored_places(connection), staff_stays(connection)
    device_ids = connection.execute(select(logs.c.device_id).distinct().order_by(logs.c.device_id)).scalars().all()
    for device_id in device_ids:
        stays = staff.get(device_id, [])
        for row in connection.execute(_OF_TERMINAL, {"device_id": device_id}):
            at = None if row.pressed_utc is None else int(row.pressed_utc // MINUTE_S)
            # A press without a date may be one of staff, if its terminal ever asked them.
            if stays if at is None else any(begin <= at < end for begin, end in stays):
                continue
            piece = None if at is None else places.at(device_id, at).piece
            place, survey = (None, None) if piece is None else (piece.point, piece.survey)
            yield (*row[:7], bool(row.is_vote), *row[8:], place, survey)

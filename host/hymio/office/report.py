"""`hymio report`: the figures of every terminal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from hymio.common.output import console, note, print_json
from hymio.measures.happy_index import FACES, happy_index, happy_index_margin
from hymio.store import schema
from hymio.store.cells import COUNTED, read_cells
from hymio.store.database import open_store


def terminal_figures(connection: Connection) -> list[dict[str, Any]]:
    """The `terminals` of the contract's report, by device id.

    They come from sums since ever, so what this costs does not grow with the number of votes, nor with time.
    """
    counted: dict[str, list[int]] = {}
    verdicts: dict[str, dict[str, int]] = {}
    for (device_id,) in connection.execute(select(schema.logs.c.device_id).distinct()):
        counted[device_id], verdicts[device_id] = [0, 0, 0, 0], {}
    for cell in read_cells(connection, sorted(counted), schema.CellSpan.EVER, 0, 1):
        # A terminal knows nothing of the place's hours.
        verdict = COUNTED if cell.verdict == schema.OUT_OF_HOURS else cell.verdict
        verdicts[cell.device_id][verdict] = verdicts[cell.device_id].get(verdict, 0) + cell.presses
        if verdict == COUNTED:
            counted[cell.device_id][cell.button - 1] += cell.presses
    return [
        {
            "device_id": device_id,
            "faces": faces,
            "votes": sum(faces),
            "happy_index": happy_index(faces),
            "happy_index_margin": happy_index_margin(faces),
            "verdicts": dict(sorted(verdicts[device_id].items())),
        }
        for device_id, faces in sorted(counted.items())
    ]


def run_report(db: str, as_json: bool) -> None:
    """Prints the figures of all terminals in the database."""
    opened = open_store(db)
    try:
        with opened.reading() as connection:
            terminals = terminal_figures(connection)
    finally:
        opened.close()
    if as_json:
        print_json({"terminals": terminals})
        return
    from rich.table import Table

    if not terminals:
        note("No terminal has been heard of yet.")
        return
    table = Table(box=None)
    for column in ("terminal", "Happy Index", "votes", f"1 {FACES[0]}", "2", "3", f"4 {FACES[3]}", "filtered"):
        table.add_column(column, justify="left" if column == "terminal" else "right")
    for one in terminals:
        index = "no votes"
        if one["happy_index"] is not None:
            margin = one["happy_index_margin"]
            index = f"{one['happy_index']:.1f}" + (f" ± {margin:.1f}" if margin is not None else "")
        filtered = sum(presses for verdict, presses in one["verdicts"].items() if verdict != "counted")
        faces = [str(count) for count in one["faces"]]
        table.add_row(one["device_id"], index, str(one["votes"]), *faces, str(filtered))
    console().print(table)

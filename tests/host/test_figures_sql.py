"""host/examples/figures.sql: the views answer it on both kinds of database, and it agrees with the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here
from sqlalchemy import text

from hymio.store.database import Store
from hymio_sim.run.virtual import VirtualTerminal

SQL = Path(__file__).parents[2] / "host" / "examples" / "figures.sql"


def of_terminal(device_id: str, told: str, key: str = "terminals") -> dict[str, Any]:
    (one,) = [one for one in json.loads(told)[key] if one["device_id"] == device_id]
    assert isinstance(one, dict)
    return one


def test_every_question_has_the_answer_of_the_command(store: Store, db: str, device_id: str, tmp_path: Path) -> None:
    image = tmp_path / "votes.bin"
    with VirtualTerminal(device_id, flash=image) as terminal:  # without a network, so without a clock
        terminal.script(["press 4", "wait 5", "press 4", "wait 5", "press 2", "wait 5", "chord 1 2", "wait 5"])
    done = hymio_here("votes", "--image", str(image), "--device-id", device_id, "--db", db)
    assert done.returncode == 0, done.stderr
    with store.engine.connect() as reader:
        told = [reader.execute(text(one)).mappings().all() for one in SQL.read_text().split(";") if "SELECT" in one]
    votes, other, undated, books = ([row for row in rows if row["device_id"] == device_id] for rows in told)
    report = of_terminal(device_id, hymio_here("report", "--db", db, "--json").stdout)
    assert len(votes) == 1
    faces = [votes[0][name] for name in ("very_unhappy", "unhappy", "happy", "very_happy")]
    assert faces == report["faces"] == [0, 1, 0, 2]
    assert float(votes[0]["happy_index"]) == pytest.approx(report["happy_index"])
    assert {row["verdict"]: row["presses"] for row in other} == {"chord": 2}
    assert report["verdicts"]["chord"] == 2
    assert [row["undated"] for row in undated] == [5]
    (row,) = books
    assert (row["pressed"], row["rows"], row["lost"], row["waiting"]) == (5, 5, 0, 0)

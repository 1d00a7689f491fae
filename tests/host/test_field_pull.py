"""A pull that is broken off: what was committed stands, the next one goes on there, and nothing counts twice."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from fake_terminal import LOG_ID, FakeTerminal, on_a_cable
from schema_check import check

from hymio.cable import pull, smp_session
from hymio.cable.votes import run_votes
from hymio.common.errors import BROKEN_OFF, NO_TERMINAL, Failure
from hymio.office.ledger import run_ledger
from hymio.wire.records import Boot, Press, Record

PRESSES = 60
AT_ONCE = 15
"""Slots to an answer: two lines of it."""
RECORDS: list[Record | None] = [
    Boot(1, 10, 1, 0),
    *(Press(1, 2000 * at, 1 + at % 4, 0, 1, 5, 65535) for at in range(1, 1 + PRESSES)),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs for a terminal that answers in a millisecond or never; every answer is committed at once."""
    monkeypatch.setattr(smp_session, "FIRST_ANSWER_S", (0.3,))
    monkeypatch.setattr(smp_session, "ANSWER_S", (0.3,))
    monkeypatch.setattr(smp_session, "_LISTEN_S", 0.05)
    monkeypatch.setattr(pull, "BATCHES_PER_COMMIT", 1)


def pulled(terminal: FakeTerminal, db: Path) -> int:
    """The exit status of `hymio votes --db`."""
    with on_a_cable(terminal) as port:
        try:
            run_votes(port, str(db), ack=False, form="json")
        except Failure as failure:
            assert failure.message and failure.hint
            return failure.exit_status
    return 0


def rows(db: Path) -> int:
    if not db.exists():
        return 0
    connection = sqlite3.connect(db)
    try:
        return int(connection.execute("SELECT count(*) FROM presses").fetchone()[0])
    finally:
        connection.close()


def asked(terminal: FakeTerminal) -> list[object]:
    return [request["s"] for command, request in terminal.requests if command == 1]


def test_unplugged_at_every_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = 0
    while True:
        db = tmp_path / f"{lines}.db"
        terminal = FakeTerminal(list(RECORDS), slots_per_answer=AT_ONCE, lines_left=lines)
        status = pulled(terminal, db)
        kept = rows(db)
        capsys.readouterr()
        if status == 0:
            break
        assert status == (BROKEN_OFF if asked(terminal) else NO_TERMINAL), "6 once it has said who it is"
        whole = max(0, len(asked(terminal)) - 1) * AT_ONCE
        assert kept >= max(0, whole - AT_ONCE), "what was read before the cable came off is in the database"
        if asked(terminal):
            assert run_ledger(str(db), as_json=True) is (kept == PRESSES), "what has not come is known to be missing"
            capsys.readouterr()
        again = FakeTerminal(list(RECORDS), slots_per_answer=AT_ONCE)
        assert pulled(again, db) == 0 and rows(db) == PRESSES
        told = check("votes-db", capsys.readouterr().out.strip())
        assert (told["read"], told["new"], told["duplicates"]) == (PRESSES - kept, PRESSES - kept, 0)
        assert run_ledger(str(db), as_json=True), "and everything is accounted for"
        lines += 1
    assert lines > 3 * PRESSES // AT_ONCE, "there were frames to cut at, some of them within an answer"


def test_a_pull_goes_on_where_it_was_broken_off_and_then_reads_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "votes.db"
    first = FakeTerminal(list(RECORDS), slots_per_answer=8, answers_left=3)
    assert pulled(first, db) == BROKEN_OFF and rows(db) == 15
    second = FakeTerminal(list(RECORDS), slots_per_answer=8)
    assert pulled(second, db) == 0
    assert asked(second)[0] == 16, "not read twice"
    third = FakeTerminal(list(RECORDS), slots_per_answer=8)
    assert pulled(third, db) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert asked(third)[0] == 0 and told == {"read": PRESSES, "new": 0, "duplicates": PRESSES}


def test_the_database_is_spoken_of_only_where_there_is_one(tmp_path: Path) -> None:
    for db, speaks in ((str(tmp_path / "votes.db"), True), (None, False)):
        with on_a_cable(FakeTerminal(list(RECORDS), slots_per_answer=8, answers_left=3)) as port:
            with pytest.raises(Failure, match="stopped answering") as broken_off:
                run_votes(port, db, ack=False, form="json")
            assert ("What is in the database stands" in broken_off.value.hint) is speaks


def test_another_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    assert pulled(FakeTerminal(list(RECORDS), slots_per_answer=8, answers_left=3), db) == BROKEN_OFF
    other = FakeTerminal(list(RECORDS), device_id="fake-2", slots_per_answer=8)
    assert pulled(other, db) == 0 and asked(other)[0] == 0
    assert LOG_ID and rows(db) == 15 + PRESSES


def test_what_was_overwritten_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    assert pulled(FakeTerminal(list(RECORDS), slots_per_answer=8, answers_left=2), db) == BROKEN_OFF
    later = FakeTerminal(list(RECORDS), slots_per_answer=8, oldest_seq=20)
    assert pulled(later, db) == 0 and asked(later)[0] == 20
    assert rows(db) == 7 + PRESSES - 19

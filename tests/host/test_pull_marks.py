"""What a pull by cable may free on the terminal, and what it may take for granted the next time."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_terminal import LOG_ID, FakeTerminal, on_a_cable

from hymio.cable import pull, smp_session
from hymio.cable.votes import run_votes
from hymio.common.errors import BROKEN_OFF, Failure
from hymio.wire.batches import Batch
from hymio.wire.records import Boot, Press, Record

PRESSES = 30


def records(presses: int = PRESSES) -> list[Record | None]:
    return [Boot(1, 10, 1, 0), *(Press(1, 2000 * at, 1 + at % 4, 0, 1, 5, 65535) for at in range(1, 1 + presses))]


class Pressed(FakeTerminal):
    """Somebody votes while it is read."""

    def answer(self, command: int, request: dict[str, object]) -> dict[str, object]:
        if command == 2 and len(self.requests) > 2:
            self.records += records(5)[1:]
        return super().answer(command, request)


class Exchanged(FakeTerminal):
    """Another log stands in it from its third answer on: its flash was erased meanwhile."""

    def batch(self, seq: int) -> Batch:
        found = super().batch(seq)
        if seq < 10:
            return found
        return Batch(
            LOG_ID + 1, found.nonce, found.boot, False, seq, found.slots, found.held, found.behind, found.totals,
            found.records,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smp_session, "FIRST_ANSWER_S", (0.3,))
    monkeypatch.setattr(smp_session, "ANSWER_S", (0.3,))
    monkeypatch.setattr(smp_session, "_LISTEN_S", 0.05)
    monkeypatch.setattr(pull, "BATCHES_PER_COMMIT", 1)


def pulled(terminal: FakeTerminal, db: Path, ack: bool = False) -> int:
    with on_a_cable(terminal) as port:
        try:
            run_votes(port, str(db), ack=ack, form="json")
        except Failure as failure:
            return failure.exit_status
    return 0


def first_asked(terminal: FakeTerminal) -> object:
    return next(request["s"] for command, request in terminal.requests if command == 1)


def test_the_cable_frees_only_what_has_come(tmp_path: Path) -> None:
    terminal = Pressed(records(), slots_per_answer=8)
    assert pulled(terminal, tmp_path / "votes.db", ack=True) == 0
    assert len(terminal.records) == 1 + PRESSES + 5, "there were votes meanwhile"
    assert terminal.cursor == 1 + PRESSES, "and they are not settled"


def test_a_log_that_ends_in_another_one_is_broken_off(tmp_path: Path) -> None:
    assert pulled(Exchanged(records(), slots_per_answer=8), tmp_path / "votes.db") == BROKEN_OFF


def test_each_terminal_goes_on_where_it_was_broken_off_itself(tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    for device_id in ("fake-1", "fake-2"):
        short = FakeTerminal(records(), device_id=device_id, slots_per_answer=8, answers_left=3)
        assert pulled(short, db) == BROKEN_OFF
    for device_id in ("fake-1", "fake-2"):
        whole = FakeTerminal(records(), device_id=device_id, slots_per_answer=8)
        assert pulled(whole, db) == 0 and first_asked(whole) == 16, device_id

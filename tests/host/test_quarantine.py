"""`hymio quarantine`: what could not be counted is looked at, taken in after all, or done away with, by people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here as hymio
from schema_check import check
from sqlalchemy import func, select
from test_limits import batch, commit, votes

from hymio.common.errors import ANSWER_NO, DONE, NO_SERVICE, WRONG_USE
from hymio.store.arrivals import Uncountable, judge
from hymio.store.database import open_store
from hymio.store.quarantine import counts
from hymio.store.schema import presses
from hymio.wire import limits


@pytest.fixture
def db(tmp_path: Path) -> str:
    """Of till-1: one good batch that was kept by mistake, one that contradicts, one that is junk; and one message of
    somebody without a name."""
    path = str(tmp_path / "votes.db")
    store = open_store(path, create=True)
    commit(store, votes("till-1", batch(0, 5)))
    good = votes("till-1", batch(5, 5), 2.0)
    assert good is not None and not isinstance(good, Uncountable)
    commit(store, Uncountable("till-1", good.source, "not taken in: as an older hymio did", good.payload, 2.0))
    commit(store, votes("till-1", batch(0, 5, button=1), 3.0), judge("hymio/till-1/votes", b"[junk]\x1b[2J", 4.0))
    commit(store, judge("hymio/NOBODY/votes", b"[bold]", 5.0))
    store.close()
    return path


def listed(db: str, *more: str) -> Any:
    done = hymio("quarantine", "list", "--db", db, "--json", *more)
    assert done.returncode == DONE, done.stderr
    return check("quarantine-list", done.stdout)


def rows(db: str) -> int:
    store = open_store(db)
    with store.reading() as connection:
        found = int(connection.execute(select(func.count()).select_from(presses)).scalar_one())
    store.close()
    return found


def error_of(stderr: str) -> Any:
    return check("error", stderr.splitlines()[-1])["error"]


def test_list_shows_what_there_is(db: str) -> None:
    found = listed(db)
    assert found["quarantined"] == 4
    assert [one["reason"].split(":")[0] for one in found["messages"]] == [
        "not taken in", "conflict", "the CRC does not match", "the topic names no terminal",
    ]  # fmt: skip
    assert [one["device_id"] for one in found["terminals"]] == ["", "till-1"]
    mine = listed(db, "--device-id", "till-1")
    assert mine["quarantined"] == 3 and {one["device_id"] for one in mine["messages"]} == {"till-1"}
    shown = hymio("quarantine", "list", "--db", db)
    assert "\x1b" not in shown.stdout and all(one["id"] in shown.stdout for one in found["messages"])


def test_the_ledger_says_so_and_does_not_balance(db: str) -> None:
    done = hymio("ledger", "--db", db, "--json")
    ledger = check("ledger", done.stdout)
    assert done.returncode == ANSWER_NO and not ledger["balanced"] and ledger["quarantined"] == 4
    (line,) = ledger["terminals"]
    assert (line["quarantined"], line["balanced"]) == (3, True), "of what it has told all is accounted for"
    said = hymio("ledger", "--db", db).stdout
    assert "till-1: 3 messages are in quarantine" in " ".join(said.split())
    assert "Nobody that can be named: 1 message is in quarantine" in " ".join(said.split())


def test_release_takes_in_what_is_good_and_keeps_the_rest(db: str) -> None:
    done = hymio("quarantine", "release", "--db", db, "--all", "--json")
    answer = check("quarantine-release", done.stdout)
    assert done.returncode == ANSWER_NO and error_of(done.stderr)["exit"] == ANSWER_NO
    assert (answer["released"], answer["rows"], answer["duplicates"], len(answer["stayed"])) == (1, 5, 0, 3)
    assert any("contradicts" in one["reason"] for one in answer["stayed"])
    assert rows(db) == 10
    found = listed(db)
    assert found["quarantined"] == 3 and {one["released"] for one in found["terminals"]} == {0, 1}
    again = check("quarantine-release", hymio("quarantine", "release", "--db", db, "--all", "--json").stdout)
    assert (again["released"], rows(db)) == (0, 10)


def test_what_came_meanwhile_is_not_counted_twice(db: str) -> None:
    store = open_store(db)
    commit(store, votes("till-1", batch(5, 5)))
    store.close()
    (good,) = [one for one in listed(db)["messages"] if one["reason"].startswith("not taken in")]
    done = hymio("quarantine", "release", "--db", db, good["id"], "--json")
    assert done.returncode == DONE and check("quarantine-release", done.stdout)["duplicates"] == 5
    assert rows(db) == 10


def test_a_log_too_many_can_be_let_in(tmp_path: Path) -> None:
    path = str(tmp_path / "votes.db")
    store = open_store(path, create=True)
    for log_id in range(1, limits.NEW_LOGS_PER_DAY + 2):
        commit(store, votes("till-1", batch(0, 2, log_id=log_id)))
    state = {"state": "online", "device_id": "till-1", "log_id": 77, "next_seq": 9, "acked_seq": -1}
    commit(store, judge("hymio/till-1/state", json.dumps(state).encode(), 1.0))
    store.close()
    done = hymio("quarantine", "release", "--db", path, "--device-id", "till-1")
    assert done.returncode == DONE and "2 messages taken in: 2 presses are new, 0 had come. 0 stay." in done.stdout
    logs_of_it = check("ledger", hymio("ledger", "--db", path, "--json").stdout)["terminals"]
    assert {one["log_id"] for one in logs_of_it} == {1, 2, 3, 4, 5, 77}


def test_what_the_log_still_cannot_be_stays(tmp_path: Path) -> None:
    """It is refused again, by the same rule: it is no answer that it was taken in, and it keeps its id and its date."""
    path = str(tmp_path / "votes.db")
    store = open_store(path, create=True)
    far = 3 * limits.LOG_RECORDS_MAX
    state = {"state": "online", "device_id": "till-1", "log_id": 7, "next_seq": far, "oldest_seq": far - 10}
    commit(store, votes("till-1", batch(0, 5)))
    commit(
        store, votes("till-1", batch(far, 5, held=9), 2.0), judge("hymio/till-1/state", json.dumps(state).encode(), 2.0)
    )
    store.close()
    before = listed(path)
    assert before["quarantined"] == 2 and all("cannot be beyond" in one["reason"] for one in before["messages"])
    done = hymio("quarantine", "release", "--db", path, "--all", "--json")
    answer = check("quarantine-release", done.stdout)
    assert done.returncode == ANSWER_NO and (answer["released"], answer["rows"], len(answer["stayed"])) == (0, 0, 2)
    assert all("cannot be beyond" in one["reason"] for one in answer["stayed"]) and listed(path) == before


def test_drop_wants_a_word_and_keeps_count(db: str) -> None:
    unsaid = hymio("quarantine", "drop", "--db", db, "--device-id", "till-1", "--json")
    error = error_of(unsaid.stderr)
    assert unsaid.returncode == error["exit"] == ANSWER_NO
    assert error["message"] == "3 messages would be gone for good. Nothing was changed." and "--yes" in error["hint"]
    assert listed(db)["quarantined"] == 4
    done = hymio("quarantine", "drop", "--db", db, "--device-id", "till-1", "--yes", "--json")
    assert done.returncode == DONE
    assert check("quarantine-drop", done.stdout) == {"dropped": 3, "not_kept": 0}
    found = listed(db)
    assert found["quarantined"] == 1 and found["terminals"][1]["dropped"] == 3
    (nobody,) = found["messages"]
    assert hymio("quarantine", "drop", "--db", db, nobody["id"][:6], "--yes").returncode == DONE
    balanced = hymio("ledger", "--db", db, "--json")
    assert balanced.returncode == DONE and check("ledger", balanced.stdout)["quarantined"] == 0
    assert hymio("quarantine", "drop", "--db", db, "--all", "--yes").stdout == "0 messages dropped.\n"


def test_what_was_not_kept_is_dropped_with_its_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_MESSAGES", 2)
    path = str(tmp_path / "votes.db")
    store = open_store(path, create=True)
    for n in range(5):
        commit(store, judge("hymio/till-9/votes", b"junk %d" % n, 1.0))
    store.close()
    assert listed(path)["quarantined"] == 5
    assert "3 more were counted and not kept" in hymio("quarantine", "list", "--db", path).stdout
    done = hymio("quarantine", "drop", "--db", path, "--all", "--yes")
    assert done.stdout == "2 messages dropped, and the count of 3 that were not kept.\n"
    store = open_store(path)
    with store.reading() as connection:
        assert counts(connection) == {}
    store.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "in one way"),
        (("--all", "--device-id", "till-1"), "in one way"),
        (("abc",), "'abc' is no id"),
        (("DROP TABLE",), "is no id"),
        (("0123456789ab",), "0 ids"),
    ],
)
@pytest.mark.parametrize("command", ["release", "drop"])
def test_wrong_use(db: str, command: str, arguments: tuple[str, ...], said: str) -> None:
    done = hymio("quarantine", command, "--db", db, *arguments, "--json")
    assert done.returncode == WRONG_USE and said in error_of(done.stderr)["message"]
    assert listed(db)["quarantined"] == 4


def test_no_database_there(tmp_path: Path) -> None:
    done = hymio("quarantine", "list", "--db", str(tmp_path / "none.db"), "--json")
    assert done.returncode == NO_SERVICE and "no database" in error_of(done.stderr)["message"]

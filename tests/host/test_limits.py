"""What one terminal may cost the others: its messages, its memory, its quarantine and its logs are bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from sqlalchemy import event, func, select

from hymio.common.addresses import parse_broker
from hymio.mqtt.client import BrokerAccess
from hymio.office.broker_config import _CONF
from hymio.office.collect import Collector
from hymio.office.home_assistant import discovery
from hymio.office.inbox import GRACE_S, Inbox
from hymio.store.arrivals import Arrival, Item, Told, Uncountable, UnreadBatch, judge, read_message
from hymio.store.database import Store, open_store
from hymio.store.known_terminals import Facts
from hymio.store.log_update import BatchOutcome
from hymio.store.quarantine import Kept, counts, sums_of
from hymio.store.schema import logs, presses, quarantine
from hymio.store.transaction import Committed, Transaction, commit_whatever_comes
from hymio.wire import limits
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Press

DAY_S = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database of its own: what is in quarantine is counted."""
    opened = open_store(str(tmp_path / "votes.db"), create=True)
    yield opened
    opened.close()


def batch(first_seq: int, count: int, log_id: int = 7, button: int = 4, nonce: int = 1, **more: int) -> Batch:
    kept = tuple((seq, Press(1, 1000 * seq, button, 0, 0, 5, 65535)) for seq in range(first_seq, first_seq + count))
    numbers = {"slots": count, "held": first_seq, "behind": 0} | more
    return Batch(log_id, nonce, 1, False, first_seq, totals=(0, 0, 0, first_seq), records=kept, **numbers)


def votes(device_id: str, one: Batch, utc: float = 1.0) -> Item | None:
    return judge(f"hymio/{device_id}/votes", encode_batch(one, device_id), utc)


def state(**more: object) -> bytes:
    facts = {"device_id": "till-1", "log_id": 7, "next_seq": 9, "oldest_seq": 0, "acked_seq": 5, "state": "online"}
    said = json.dumps(facts | more)[:-1].encode()
    return said + b', "crc": %d}' % crc32(said)


def commit(store: Store, *items: Item | None) -> Committed:
    return commit_whatever_comes(store, Transaction.of(one for one in items if one is not None))


# What a message may say


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"firmware": "x" * 65}, "firmware in the state message is a text of 65 bytes"),
        ({"config_version": "ä" * 40}, "config_version in the state message is a text of 80 bytes"),
        ({"mqtt_problem": "x" * 513}, "mqtt_problem in the state message is a text of 513 bytes"),
        ({"new": ["x" * 513]}, "new in the state message is a text of 513 bytes"),
        ({"new": {"deep": [[[[1]]]]}}, "new in the state message is nested too deep"),
        ({"n" * 65: 1}, "a name in the state message is longer than 64 bytes"),
        ({"supply_mv": "full"}, "supply_mv in the state message is no whole number"),
        ({"rssi": [1] * 100}, "rssi in the state message is no whole number"),
        ({"uptime_ms": 2**60}, "uptime_ms in the state message is too large a number"),
        ({"heap_free": float("nan")}, "not JSON"),
        ({"heap_free": float("inf")}, "not JSON"),
        ({"next_seq": limits.LOG_RECORDS_MAX + 1}, "more than the 1032192 that"),
        ({"firmware": "x" * 261_000}, "a state message of 261"),
    ],
)  # fmt: skip
def test_what_no_terminal_says_of_itself_goes_nowhere(facts: dict[str, object], named: str) -> None:
    found = judge("hymio/till-1/state", state(**facts), 1.0)
    assert isinstance(found, Uncountable) and named in found.reason
    assert len(found.payload) <= limits.QUARANTINE_PAYLOAD_BYTES


def test_the_longest_that_a_terminal_says_is_heard() -> None:
    facts = {
        "firmware": "x" * 64, "config_version": "ä" * 32, "mqtt_problem": "x" * 512, "switches": [[1] * 4] * 4,
        "supply_mv": None, "rssi": -80, "next_seq": limits.LOG_RECORDS_MAX,
    }  # fmt: skip
    assert isinstance(judge("hymio/till-1/state", state(**facts), 1.0), Told)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"slots": 0, "held": 0, "behind": limits.LOG_RECORDS_MAX + 1}, "more than the 1032192"),
        ({"slots": 0, "behind": 2**31}, "more than the 1032192"),
        ({"slots": limits.LOG_RECORDS_MAX + 1, "held": 0}, "more than the 1032192"),
    ],
)
def test_a_batch_tells_of_no_more_than_a_ring_holds(numbers: dict[str, int], named: str) -> None:
    payload = encode_batch(batch(0, 0, **numbers), "till-1")
    found = read_message("hymio/till-1/votes", payload, 1.0)
    assert isinstance(found, Uncountable) and named in found.reason


def test_a_whole_ring_may_be_held() -> None:
    first = 5_000_000
    one = batch(first, 50, held=limits.LOG_RECORDS_MAX - 60, behind=10)
    assert isinstance(read_message("hymio/till-1/votes", encode_batch(one, "till-1"), 1.0), Arrival)


def test_a_batch_of_more_bytes_than_any_is_not_even_read() -> None:
    found = judge("hymio/till-1/votes", b"\x02" * (limits.VOTES_MAX_BYTES + 1), 1.0)
    assert isinstance(found, Uncountable) and found.reason.startswith("a batch of 4097 bytes")


def test_the_broker_is_told_the_same_numbers() -> None:
    assert "message_size_limit {message_max_bytes}\n" in _CONF and "max_queued_bytes {queued_max_bytes}\n" in _CONF
    facts = Facts("x" * limits.NAME_MAX_BYTES, supply_mv=3000, rssi=-70)
    longest = json.dumps(discovery("d" * 32, facts, "c" * 32)).encode()
    assert max(limits.VOTES_MAX_BYTES, limits.STATE_MAX_BYTES, len(longest)) < limits.MESSAGE_MAX_BYTES


def test_the_text_tells_the_same_numbers() -> None:
    text = (Path(__file__).parents[2] / "firmware" / "spec" / "mqtt.md").read_text(encoding="utf-8")
    section = text[text.index("## Limits") :].split("\n## ")[0]
    told = {int(number.replace(",", "")) for number in re.findall(r"\b\d[\d,]*\b", section)}
    numbers = [
        limits.VOTES_MAX_BYTES, limits.STATE_MAX_BYTES, limits.TEXT_MAX_BYTES, limits.NAME_MAX_BYTES,
        limits.LOG_RECORDS_MAX, limits.NEW_LOGS_PER_DAY, limits.LOGS_MAX, limits.MESSAGE_MAX_BYTES, limits.SPANS_MAX,
        limits.QUARANTINE_MESSAGES, limits.QUARANTINE_MESSAGES_OF_ALL, limits.INBOX_MESSAGES_OF_ONE,
        limits.INBOX_MESSAGES,
    ]  # fmt: skip
    assert told >= set(numbers)


def test_only_what_was_judged_reaches_home_assistant(store: Store) -> None:
    heard: list[bytes] = []

    class Home:
        def heard(self, topic: str, payload: bytes, is_retained: bool) -> None:
            heard.append(payload)

    home: Any = Home()
    collector = Collector(BrokerAccess(parse_broker("mqtt://127.0.0.1"), None), store, "office", True, home)
    good, offline = state(), b'{"state": "offline"}'
    for payload in (state(firmware="x" * 261_000), b"junk", state(rssi=[1]), state(firmware="x" * 65), good, offline):
        collector.hear("hymio/till-1/state", payload, True, 1.0)
    collector.hear("hymio/till-1/votes", b"junk", False, 1.0)
    assert heard == [good, offline]


# Quarantine


def test_a_message_that_contradicts_is_kept_once_whatever_it_contradicts(store: Store) -> None:
    commit(store, votes("till-1", batch(0, 300)))
    done = commit(store, votes("till-1", batch(0, 300, button=1)))
    assert len(done.outcomes[0].conflicts) == 300 and done.outcomes[0].kept is Kept.NEW
    again = commit(store, votes("till-1", batch(0, 300, button=1, nonce=2)))
    assert again.outcomes[0].kept is Kept.AGAIN, "another nonce makes no other thing of it"
    with store.reading() as connection:
        (kept,) = connection.execute(select(quarantine)).all()
        assert connection.execute(select(logs.c.conflicts)).scalar_one() == 300
    assert kept.times == 2 and kept.reason.startswith("conflict: seq 0 arrived before as ")
    assert kept.reason.endswith("(and 299 more of its seqs)") and len(kept.payload) < limits.VOTES_MAX_BYTES


def test_what_one_terminal_may_fill_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_MESSAGES", 5)
    monkeypatch.setattr(limits, "QUARANTINE_BYTES", 20_000)
    for n in range(9):
        commit(store, judge("hymio/till-1/votes", b"junk %d" % n, 1.0))
    for n in range(9):
        commit(store, judge("hymio/till-2/votes", b"%d" % n + bytes(30_000), 1.0))
    again = commit(store, judge("hymio/till-1/votes", b"junk 0", 1.0), judge("hymio/till-3/votes", b"junk", 1.0))
    assert [kept for _, kept in again.refused] == [Kept.AGAIN, Kept.NEW], "others have room of their own"
    with store.reading() as connection:
        held = dict(
            connection.execute(select(quarantine.c.device_id, func.count()).group_by(quarantine.c.device_id)).all()
        )
        assert held == {"till-1": 5, "till-2": 2, "till-3": 1}
        assert counts(connection) == {"till-1": 9, "till-2": 9, "till-3": 1}
        bytes_kept = connection.execute(select(func.sum(func.length(quarantine.c.payload)))).scalar_one()
        assert bytes_kept == sum(one.kept_bytes for one in sums_of(connection)) <= 3 * 20_000


def test_names_without_end_share_one_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an open broker anybody may take thousands of names."""
    monkeypatch.setattr(limits, "QUARANTINE_MESSAGES_OF_ALL", 20)
    for n in range(100):
        commit(store, judge(f"hymio/ghost-{n}/votes", b"junk", 1.0))
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(quarantine)).scalar_one() == 20
        found = counts(connection)
    assert len(found) == 21 and found[""] == 80, "what is not kept is counted, and its names are not even listed"


def test_what_clears_a_retained_message_is_nothing() -> None:
    for topic in ("hymio/till-1/votes", "hymio/till-1/state"):
        assert judge(topic, b"", 1.0) is None


def test_six_thousand_contradictions_stay_small(store: Store, tmp_path: Path) -> None:
    for first in range(0, 6000, 300):
        commit(store, votes("till-1", batch(first, 300)))
    before = (tmp_path / "votes.db").stat().st_size + (tmp_path / "votes.db-wal").stat().st_size
    for button in (1, 2, 3):
        for first in range(0, 6000, 300):
            commit(store, votes("till-1", batch(first, 300, button=button)))
    after = (tmp_path / "votes.db").stat().st_size + (tmp_path / "votes.db-wal").stat().st_size
    assert after - before < 8 * limits.QUARANTINE_BYTES, "and the journal is part of that"


# Logs


def test_a_terminal_begins_few_logs(store: Store) -> None:
    def begin(log_id: int, utc: float) -> Committed:
        return commit(store, votes("till-1", batch(0, 1, log_id=log_id), utc))

    for log_id in range(1, limits.NEW_LOGS_PER_DAY + 1):
        assert begin(log_id, 1000.0).acks
    done = begin(99, 2000.0)
    assert not done.acks and "not a day old" in done.refused[0][0].reason
    told = commit(store, judge("hymio/till-1/state", state(log_id=98), 2000.0))
    assert "log 98 is new" in told.refused[0][0].reason
    assert commit(store, votes("till-2", batch(0, 1, log_id=99), 2000.0)).acks, "another terminal's are not counted"
    assert commit(store, votes("till-1", batch(1, 1, log_id=1), 2000.0)).acks, "those that it has go on"
    assert begin(99, 1001.0 + DAY_S).acks, "the next day it may"


def test_there_is_an_end_to_them(store: Store) -> None:
    for day in range(limits.LOGS_MAX):
        assert commit(store, votes("till-1", batch(0, 1, log_id=day + 1), day * 2 * DAY_S)).acks
    done = commit(store, votes("till-1", batch(0, 1, log_id=999), 500 * DAY_S))
    assert not done.acks and "one more than the 64" in done.refused[0][0].reason


def test_where_new_ones_are_wanted_it_begins_more(store: Store) -> None:
    store.logs_a_day = 80
    done = commit(store, *(votes("till-1", batch(0, 1, log_id=log_id)) for log_id in range(1, 101)))
    assert len(done.acks) == 80 > limits.LOGS_MAX


def test_many_at_once_are_bounded_as_well(store: Store) -> None:
    done = commit(store, *(votes("till-1", batch(0, 1, log_id=log_id)) for log_id in range(1, 101)))
    assert len(done.acks) == limits.NEW_LOGS_PER_DAY and len(done.refused) == 100 - limits.NEW_LOGS_PER_DAY
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(logs)).scalar_one() == limits.NEW_LOGS_PER_DAY


# A poisoned transaction


def test_a_poisoned_transaction_is_split_and_its_member_alone_is_kept_apart(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hymio.store.log_update import LogUpdate

    take = LogUpdate.take

    def chokes(self: LogUpdate, arrival: Arrival, outcome: BatchOutcome) -> None:
        if arrival.device_id == "till-66":
            raise ValueError("a bug that this message meets")
        take(self, arrival, outcome)

    monkeypatch.setattr(LogUpdate, "take", chokes)
    transactions = []
    event.listen(store.engine, "begin", transactions.append)
    done = commit(store, *(votes(f"till-{n}", batch(0, 2)) for n in range(100)))
    assert len(done.acks) == 99 and not done.left
    ((refused, kept),) = done.refused
    assert (refused.device_id, kept) == ("till-66", Kept.NEW)
    assert refused.reason == "not taken in: ValueError: a bug that this message meets"
    assert len(transactions) < 20, "by halves, not one by one"
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(presses)).scalar_one() == 198


# The inbox


class Hours:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def letter(device_id: str, size: int = 100, mark: int = 0) -> UnreadBatch:
    return UnreadBatch(device_id, f"hymio/{device_id}/votes", bytes(size), float(mark))


def test_all_that_came_goes_out_in_the_order_of_each_terminal() -> None:
    inbox = Inbox(Hours())
    for n in range(500):
        assert inbox.put(letter(f"till-{n % 7}", mark=n))
    out: list[Item] = []
    while items := inbox.take():
        assert len(items) <= limits.TRANSACTION_MESSAGES
        out += items
        inbox.settle({})
    assert len(out) == 500 and len(inbox) == 0 and inbox.bytes == 0
    for device in range(7):
        marks = [one.received_utc for one in out if one.device_id == f"till-{device}"]
        assert marks == sorted(marks)


def test_one_that_costs_too_much_waits_alone() -> None:
    """Each message of till-9 costs a second. The others, who come all the time, are never in a transaction with it
    again, and wait for one of its messages at most."""
    clock = Hours()
    inbox = Inbox(clock)
    for _ in range(1000):
        inbox.put(letter("till-9"))
    with_others = []
    for turn in range(200):
        inbox.put(letter("till-1", mark=turn))
        items = inbox.take()
        costly = sum(one.device_id == "till-9" for one in items)
        if 0 < costly < len(items):
            with_others.append(turn)
        if turn > 3:
            assert costly <= 1
        clock.now_s += costly + 0.01
        inbox.settle({"till-1": 0.001, "till-9": 1.0 * costly})
    assert len(with_others) <= 3
    left = len(inbox)
    assert left < 1000, "it is not starved, either"
    while items := inbox.take():
        assert len(items) == 1, "alone, and one at a time, as one alone takes too long already"
        inbox.settle({"till-9": 1.0})
        left -= 1
    assert left == 0


def test_a_full_log_that_comes_back_is_no_burden() -> None:
    inbox = Inbox(Hours())
    for n in range(1000):
        inbox.put(letter("till-1", mark=n))
    turns = 0
    while items := inbox.take():
        inbox.settle({"till-1": 0.001 * len(items)})
        turns += 1
    assert turns < 20, "cheap messages go in large transactions, whoever sends them"
    assert GRACE_S < 1


def test_what_waits_takes_bounded_memory() -> None:
    inbox = Inbox(Hours())
    for n in range(3000):
        inbox.put(letter("till-9", 4096, n))
    alone = inbox.bytes
    assert alone <= limits.INBOX_BYTES_OF_ONE and inbox.passed_over == 3000 - len(inbox)
    for device in range(40):
        for n in range(600):
            inbox.put(letter(f"till-1{device}", 4096, n))
    assert inbox.bytes <= limits.INBOX_BYTES and len(inbox) <= limits.INBOX_MESSAGES
    assert inbox.put(letter("till-honest", 600)), "who has little here finds room, at the expense of who has most"
    assert inbox.bytes <= limits.INBOX_BYTES
    assert any(one.device_id == "till-honest" for one in inbox.take())


def test_what_there_was_no_room_for_rests_and_others_go_on() -> None:
    clock = Hours()
    inbox = Inbox(clock)
    inbox.put(letter("till-1", mark=1))
    inbox.put(letter("till-1", mark=2))
    items = inbox.take()
    inbox.settle({})
    inbox.put_back(items, 4.0)
    assert inbox.take() == [] and inbox.next_due_s() == 4.0
    inbox.put(letter("till-2"))
    assert [one.device_id for one in inbox.take()] == ["till-2"]
    inbox.settle({})
    clock.now_s = 4.0
    assert [one.received_utc for one in inbox.take()] == [1.0, 2.0]


def test_names_that_nobody_knows_let_those_who_are_known_go_first() -> None:
    inbox = Inbox(Hours())
    inbox.know(["till-1"])
    for n in range(3000):
        inbox.put(letter(f"ghost-{n}"))
    inbox.put(letter("till-1"))
    assert "till-1" in {one.device_id for one in inbox.take()}


def test_nobody_rests_longer_than_the_trouble_lasts() -> None:
    clock = Hours()
    inbox = Inbox(clock)
    inbox.put(letter("till-1"))
    items = inbox.take()
    inbox.settle({})
    inbox.put_back(items, 30.0)
    inbox.hurry(1.0)
    assert inbox.next_due_s() == 1.0
    clock.now_s = 1.0
    assert inbox.take() == items

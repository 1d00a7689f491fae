"""What is said once a transaction is committed: which acks are due, and what lies in quarantine, how often and why."""

from __future__ import annotations

from sqlalchemy import select

from hymio.store import schema as tables
from hymio.store.arrivals import Arrival, Told, Uncountable
from hymio.store.database import Store
from hymio.store.transaction import DueAck, Transaction, commit
from hymio.wire.batches import Batch
from hymio.wire.records import Press

LOG_ID = 7
PRESSES = 3


def batch(first_seq: int = 0, nonce: int = 99) -> Batch:
    """Three presses of button 2 from that seq on, each seq before them one as well."""
    records = tuple((seq, Press(1, 1000 * seq, 2, 0, 0, 5, 65535)) for seq in range(first_seq, first_seq + PRESSES))
    return Batch(LOG_ID, nonce, 1, False, first_seq, PRESSES, first_seq, 0, (0, first_seq, 0, 0), records)


def arrival(device_id: str, one: Batch) -> Arrival:
    return Arrival(device_id, one, "mqtt", 1.0, f"hymio/{device_id}/votes", b"")


def told(device_id: str, next_seq: int, cursor_seq: int) -> Told:
    return Told(device_id, LOG_ID, next_seq, 0, cursor_seq, (0, next_seq, 0, 0), 2.0)


def test_an_ack_answers_the_newest_batch_and_tells_how_far_everything_has_come(store: Store, device_id: str) -> None:
    done = commit(store, Transaction(arrivals=[arrival(device_id, batch(0, 11)), arrival(device_id, batch(3, 12))]))
    assert done.acks == [DueAck(device_id, LOG_ID, 6, 12)]
    beyond_a_gap = commit(store, Transaction(arrivals=[arrival(device_id, batch(20, 13))]))
    assert beyond_a_gap.acks == [DueAck(device_id, LOG_ID, 6, 13)]


def test_a_terminal_that_lacks_our_ack_is_told_again(store: Store, device_id: str) -> None:
    commit(store, Transaction(arrivals=[arrival(device_id, batch())]))
    #        next_seq, cursor  the ack that is due
    table = (
        (3, 3, []),
        (3, 1, [DueAck(device_id, LOG_ID, 3, 0)]),  # it has lost our ack
        (5, 3, [DueAck(device_id, LOG_ID, 3, 0)]),  # it has records that we lack
    )
    for next_seq, cursor, due in table:
        assert commit(store, Transaction(told=[told(device_id, next_seq, cursor)])).acks == due, (next_seq, cursor)


def test_what_comes_again_is_kept_once_with_the_reason_it_had_first(store: Store, device_id: str) -> None:
    def refused(reason: str, payload: bytes) -> Uncountable:
        return Uncountable(device_id, f"hymio/{device_id}/votes", reason, payload, 1.0)

    for reason, payload in (("torn", b"x"), ("torn", b"x"), ("torn", b"y"), ("too new", b"x"), ("torn", b"x")):
        commit(store, Transaction(refused=[refused(reason, payload)]))
    q = tables.quarantine
    with store.reading() as connection:
        rows = connection.execute(select(q.c.reason, q.c.payload, q.c.times).where(q.c.device_id == device_id)).all()
    assert sorted(rows) == [("torn", b"x", 4), ("torn", b"y", 1)]

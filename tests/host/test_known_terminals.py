"""What both databases keep of terminals beside their votes."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from hymio.store import known_terminals
from hymio.store.database import Store
from hymio.store.known_terminals import Facts


def test_facts_are_kept_and_marks_come_and_go(store: Store, device_id: str) -> None:
    with store.writing() as connection:
        assert not known_terminals.is_known(connection, device_id)
        known_terminals.keep(connection, {device_id: Facts("0.1.0", 3900, -61)})
        known_terminals.keep(connection, {device_id: Facts("0.2.0", None, -70)})
    with store.reading() as connection:
        assert known_terminals.is_known(connection, device_id)
        assert known_terminals.known(connection)[device_id] == Facts("0.2.0", None, -70)
    with store.writing() as connection:
        known_terminals.forget(connection, device_id, 1.0)
    with store.reading() as connection:
        assert device_id not in known_terminals.known(connection)
        assert known_terminals.forgotten(connection)[device_id] is False
    with store.writing() as connection:
        known_terminals.cleared(connection, [device_id], 2.0)
        assert known_terminals.forgotten(connection)[device_id] is True
        known_terminals.forget(connection, device_id, 3.0)
        assert known_terminals.forgotten(connection)[device_id] is False, "to be cleared once more"
        known_terminals.remember(connection, [device_id])
        assert device_id not in known_terminals.forgotten(connection)
        assert known_terminals.known(connection)[device_id] == Facts()


# With SQLite writers come one after the other.
@pytest.mark.parametrize("db", ["postgresql"], indirect=True, scope="session")
def test_two_collectors_at_once_get_in_turn(store: Store, device_id: str) -> None:
    """The one that comes too late fails as a whole, and does it again."""
    with store.engine.connect() as one, store.engine.connect() as two:
        with pytest.raises(IntegrityError), two.begin():
            with one.begin():
                known_terminals.keep(one, {device_id: Facts("0.1.0")})
                two.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                two.exec_driver_sql("SELECT 1")
            known_terminals.keep(two, {device_id: Facts("0.2.0")})
        with two.begin():
            known_terminals.keep(two, {device_id: Facts("0.2.0")})
    with store.reading() as connection:
        assert known_terminals.known(connection)[device_id] == Facts("0.2.0")

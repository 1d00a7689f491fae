"""What goes into the database in one transaction, and what is to be said once it is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hymio.common.errors import Failure
from hymio.store.arrivals import Arrival, Item, StateSaid, Told, Uncountable, UnreadBatch
from hymio.store.costs import Costs
from hymio.store.database import Store
from hymio.store.database_errors import Fault, fault_of
from hymio.store.ingest import Refusal, date_waiting, ingest_many, is_left, log_states
from hymio.store.log_update import BatchOutcome
from hymio.store.new_logs import without_too_many_logs
from hymio.store.quarantine import Kept
from hymio.store.terminal_states import note_states

_TERMINALS_NOTED_MAX: Final = 100_000
_COLLISIONS_MAX: Final = 10
"""Two writers that are in each other's way more often than this are not there by chance."""


@dataclass(slots=True)
class Transaction:
    """The messages of one transaction, by what becomes of them."""

    arrivals: list[Arrival] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    said: list[StateSaid] = field(default_factory=list)
    refused: list[Uncountable] = field(default_factory=list)

    @classmethod
    def of(cls, items: Iterable[Item]) -> Transaction:
        """A transaction of these items."""
        transaction = cls()
        for item in items:
            transaction.add(item)
        return transaction

    def add(self, one: Item | None) -> None:
        """Sorts in what `judge` or `read_message` made of a message; None is nothing."""
        match one:
            case UnreadBatch():
                self.add(one.read())
            case Arrival():
                self.arrivals.append(one)
            case Told():
                self.told.append(one)
            case StateSaid():
                self.said.append(one)
            case Uncountable():
                self.refused.append(one)

    @property
    def items(self) -> list[Item]:
        """All items of the transaction."""
        return [*self.arrivals, *self.told, *self.said, *self.refused]


@dataclass(frozen=True, slots=True)
class DueAck:
    """An ack that is to be published for a log."""

    device_id: str
    log_id: int
    mark: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Seqs that a terminal takes for settled and that are not in the database.

    Either an older copy of the database has been restored, or another database was there before.
    """

    device_id: str
    first_seq: int
    last_seq: int
    shown_by: bytes
    """The message that showed it; other collectors have heard the same one."""


@dataclass(slots=True)
class Committed:
    """What is in the database now, and what is to be said of it."""

    outcomes: list[BatchOutcome] = field(default_factory=list)
    acks: list[DueAck] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    refused: list[tuple[Uncountable, Kept]] = field(default_factory=list)
    left: list[Item] = field(default_factory=list)
    """What could not be committed for a fault of the database's, which is `trouble`, and is to be tried again."""
    trouble: Failure | None = None
    costs: Costs = field(default_factory=Costs)
    undated: bool = False
    """Whether there are rows to be dated again; see `date_on`."""

    def add(self, more: Committed) -> None:
        """Adds what another transaction has committed."""
        self.outcomes += more.outcomes
        self.acks += more.acks
        self.wanted += more.wanted
        self.refused += more.refused
        self.undated = more.undated


def commit(store: Store, transaction: Transaction, costs: Costs | None = None) -> Committed:
    """Writes all of it in one transaction; when this returns it is on the disk.

    Args:
        store: the database.
        transaction: what has come.
        costs: what the work takes is booked there, also if it fails.
    """
    committed = Committed(costs=Costs() if costs is None else costs)
    with store.writing() as connection:
        arrivals, told_all, too_many = without_too_many_logs(connection, store, transaction.arrivals, transaction.told)
        turned_away: list[Refusal] = []
        uncountable = [*transaction.refused, *too_many]
        outcomes = ingest_many(connection, arrivals, told_all, committed.costs, turned_away, uncountable)
        committed.outcomes = [outcome for outcome in outcomes if not outcome.refused]
        for said, reason, kept in turned_away:
            refused = Uncountable(said.device_id, said.source, reason, said.payload, said.received_utc)
            committed.refused.append((refused, kept))
        due = {
            (outcome.device_id, outcome.log_id): DueAck(outcome.device_id, outcome.log_id, outcome.mark, outcome.nonce)
            for outcome in committed.outcomes
        }
        incredible = {id(said) for said, _, _ in turned_away}
        credible = [told for told in told_all if id(told) not in incredible]
        states = log_states(connection, sorted({(told.device_id, told.log_id) for told in credible}))
        for told in credible:
            key = (told.device_id, told.log_id)
            coverage = states[key].coverage
            mark = coverage.mark_for(told.next_seq, told.cursor_seq)
            # The terminal lacks our ack, or has records that we lack, so it is told again how far we are.
            if key not in due and (told.next_seq > mark or told.cursor_seq < mark):
                due[key] = DueAck(*key, mark, 0)
            if coverage.forgotten is not None:
                committed.wanted.append(Wanted(told.device_id, *coverage.forgotten, told.payload))
        noted = note_states(connection, arrivals, [*credible, *transaction.said], store.noted)
        committed.acks = list(due.values())
        committed.undated = is_left(connection)
    if len(store.noted) > _TERMINALS_NOTED_MAX:
        store.noted.clear()
    store.noted |= noted
    store.known_logs.update((outcome.device_id, outcome.log_id) for outcome in committed.outcomes)
    return committed


def date_on(store: Store) -> bool:
    """Does a part of the dating again that commits have left to do, in one short transaction.

    Returns:
        Whether more is left.
    """
    with store.writing() as connection:
        return date_waiting(connection)


def commit_whatever_comes(store: Store, transaction: Transaction, is_again: bool = False) -> Committed:
    """Like `commit`, but what cannot be taken in does not stop the rest.

    A transaction that fails is split until its bad member is alone. A member with a fault of its own goes to
    quarantine. For want of room in the database it is `left`, as may be what fits no longer when others still do.

    Args:
        store: the database.
        transaction: what has come.
        is_again: the database has refused this before, so it is split for that reason, too: it may be one member that
            makes it refuse.

    Raises:
        Failure: the database is not there, or refuses; nothing of the transaction has been committed.
    """
    done = Committed()
    waiting = [transaction.items]
    collisions = refused_alone = 0
    while waiting:
        part = waiting.pop()
        try:
            done.add(commit(store, Transaction.of(part), done.costs))
            refused_alone = 0
            continue
        except Exception as error:
            fault = fault_of(error) if not isinstance(error, Failure) else getattr(error, "fault", Fault.DATABASE)
            if fault is Fault.COLLISION and collisions < _COLLISIONS_MAX:
                collisions += 1
                waiting.append(part)
                continue
            is_of_database = fault in (Fault.DATABASE, Fault.COLLISION)
            # If two are refused one by one, and none between them was not, the database itself is not well.
            refused_alone += is_of_database and len(part) == 1
            if is_of_database and (not is_again or refused_alone > 1):
                if not (done.outcomes or done.acks or done.refused):
                    raise
                done.left += [item for rest in [part, *reversed(waiting)] for item in rest]
                done.trouble = error if isinstance(error, Failure) else None
                return done
            if len(part) > 1:
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            if is_of_database or fault is Fault.ROOM:
                done.left += part
                done.trouble = error if isinstance(error, Failure) else None
                continue
            one = part[0]
            if isinstance(one, Uncountable):
                raise  # what can't even be kept is a bug, and no message's fault
            waiting.append([Uncountable(one.device_id, one.source, _why(error), one.payload, one.received_utc)])
    if done.left and is_again and not (done.outcomes or done.acks or done.refused) and done.trouble is not None:
        raise done.trouble
    return done


def _why(error: Exception) -> str:
    """The error in one line, without the statement and its parameters, which SQLAlchemy puts behind it."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"not taken in: {type(error).__name__}: {said[0] if said else 'no reason given'}"

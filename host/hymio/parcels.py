"""What goes into the database in one transaction, and what is to be said of it once it is there."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.exc import InterfaceError, OperationalError

from hymio.errors import Failure
from hymio.ingest import Arrival, Outcome, Refusal, Told, date_waiting, ingest_many, is_left, log_states
from hymio.messages import Refused
from hymio.quarantine import put_in_quarantine
from hymio.store import Store


@dataclass(slots=True)
class Parcel:
    """What goes into one transaction."""

    arrivals: list[Arrival] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def add(self, one: Arrival | Told | Refused | None) -> None:
        """Sorts in what `read_message` made of a message."""
        match one:
            case Arrival():
                self.arrivals.append(one)
            case Told():
                self.told.append(one)
            case Refused():
                self.refused.append(one)

    def apart(self) -> list[Parcel]:
        """The same things, each in a parcel of its own."""
        return [
            *(Parcel(arrivals=[one]) for one in self.arrivals),
            *(Parcel(told=[one]) for one in self.told),
            *(Parcel(refused=[one]) for one in self.refused),
        ]


@dataclass(frozen=True, slots=True)
class DueAck:
    """An ack to be published for a log."""

    device_id: str
    log_id: int
    mark: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Seqs that a terminal takes for settled and that are not in the database: an older copy of it has been restored,
    or another database was there before."""

    device_id: str
    first_seq: int
    last_seq: int


@dataclass(slots=True)
class Committed:
    """What stands in the database now, and what is to be said of it."""

    outcomes: list[Outcome] = field(default_factory=list)
    acks: list[DueAck] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    undated: bool = False
    """Whether there are rows to be dated again: see `date_on`."""


def commit(store: Store, parcel: Parcel) -> Committed:
    """Everything of the parcel in one transaction; when this returns it is on the disk."""
    committed = Committed(refused=list(parcel.refused))
    with store.writing() as connection:
        for kept in parcel.refused:
            put_in_quarantine(connection, kept.device_id, kept.source, kept.reason, kept.payload, kept.received_utc)
        turned_away: list[Refusal] = []
        outcomes = ingest_many(connection, parcel.arrivals, parcel.told, turned_away)
        committed.outcomes = [outcome for outcome in outcomes if not outcome.refused]
        for one, reason in turned_away:
            source, payload = (one.source, one.payload) if isinstance(one, Arrival) else ("state", b"")
            committed.refused.append(Refused(one.device_id, source, reason, payload, one.received_utc))
        due = {
            (outcome.device_id, outcome.log_id): DueAck(outcome.device_id, outcome.log_id, outcome.mark, outcome.nonce)
            for outcome in committed.outcomes
        }
        credible = [told for told in parcel.told if all(told is not one for one, _ in turned_away)]
        states = log_states(connection, sorted({(told.device_id, told.log_id) for told in credible}))
        for told in credible:
            key = (told.device_id, told.log_id)
            coverage = states[key].coverage
            mark = coverage.mark_for(told.next_seq, told.cursor_seq)
            # The terminal lacks our ack, or has records that we lack: say again how far we are.
            if key not in due and (told.next_seq > mark or told.cursor_seq < mark):
                due[key] = DueAck(*key, mark, 0)
            if coverage.forgotten is not None:
                committed.wanted.append(Wanted(told.device_id, *coverage.forgotten))
        committed.acks = list(due.values())
        committed.undated = is_left(connection)
    return committed


def date_on(store: Store) -> bool:
    """One short transaction of the dating again that commits have left to do; whether more is left."""
    with store.writing() as connection:
        return date_waiting(connection)


def commit_whatever_comes(store: Store, parcel: Parcel) -> Committed:
    """Like `commit`, but what cannot be taken in for a reason of its own goes to quarantine instead of stopping all.

    Raises:
        Failure, OperationalError, InterfaceError: the database is not there.
    """
    try:
        return commit(store, parcel)
    except (Failure, OperationalError, InterfaceError):
        raise
    except Exception as error:
        parts = parcel.apart()
        if len(parts) > 1:
            committed = Committed()
            for part in parts:
                done = commit_whatever_comes(store, part)
                committed.outcomes += done.outcomes
                committed.acks += done.acks
                committed.wanted += done.wanted
                committed.refused += done.refused
                committed.undated = done.undated
            return committed
        if parcel.refused:
            raise
        reason = f"not taken in: {type(error).__name__}: {error}"[:500].replace("\0", "")
        one: Arrival | Told = (parcel.arrivals or parcel.told)[0]
        source, payload = (one.source, one.payload) if isinstance(one, Arrival) else ("state", repr(one).encode())
        return commit(store, Parcel(refused=[Refused(one.device_id, source, reason, payload, one.received_utc)]))

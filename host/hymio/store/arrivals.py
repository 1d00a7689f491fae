"""What has come from a terminal and waits for its transaction: batches, statements, and what cannot be counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from hymio.store.quarantine import cut_to_keep
from hymio.store.schema import LogKey
from hymio.wire import limits
from hymio.wire.batches import Batch, Totals
from hymio.wire.messages import device_id_of, read_state, read_votes
from hymio.wire.primitives import FormatError


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that came: from which terminal, by which way (`mqtt`, `serial`, `import`) and when.

    `source` and `payload` are what quarantine keeps if the batch contradicts what the database holds.
    """

    device_id: str
    batch: Batch
    via: str
    received_utc: float
    source: str
    payload: bytes

    @property
    def key(self) -> LogKey:
        """The log that the batch belongs to."""
        return self.device_id, self.batch.log_id


@dataclass(frozen=True, slots=True)
class Told:
    """What a terminal says of its log apart from any batch: its state by MQTT, its status or totals by cable."""

    device_id: str
    log_id: int
    next_seq: int
    oldest_seq: int
    cursor_seq: int
    totals: Totals | None
    received_utc: float
    source: str = field(default="state", compare=False)
    payload: bytes = field(default=b"", compare=False, repr=False)
    is_retained: bool = field(default=False, compare=False)
    """Whether the broker had kept it, and nobody knows since when."""

    @property
    def key(self) -> LogKey:
        """The log that the statement is about."""
        return self.device_id, self.log_id


@dataclass(frozen=True, slots=True)
class StateSaid:
    """A state message that says nothing of a log: the terminal does not count, or the broker says that it has gone."""

    device_id: str
    source: str
    payload: bytes
    received_utc: float
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Uncountable:
    """A message that cannot be counted, and the reason; it goes to quarantine."""

    device_id: str
    source: str
    reason: str
    payload: bytes
    received_utc: float


@dataclass(frozen=True, slots=True)
class UnreadBatch:
    """A votes message that waits unread, because it takes twenty times as much memory once it is read."""

    device_id: str
    source: str
    payload: bytes
    received_utc: float

    def read(self) -> Arrival | Uncountable:
        """The batch in the message, or why it cannot be counted."""
        try:
            batch = read_votes(self.device_id, self.payload)
        except FormatError as error:
            return Uncountable(self.device_id, self.source, error.reason, self.payload, self.received_utc)
        return Arrival(self.device_id, batch, "mqtt", self.received_utc, self.source, self.payload)


Item = UnreadBatch | Arrival | Told | StateSaid | Uncountable
"""Anything that goes into a transaction."""


def judge(
    topic: str, payload: bytes, received_utc: float, is_retained: bool = False
) -> UnreadBatch | Told | StateSaid | Uncountable | None:
    """What is to be kept of a message, in little memory.

    None means nothing: the empty message that clears a retained one.
    """
    topic, size = topic[: limits.SOURCE_MAX_CHARACTERS], len(payload)
    device_id = device_id_of(topic)
    if device_id is None:
        return _uncountable("", topic, "the topic names no terminal", payload, received_utc)
    if not payload:
        return None
    is_votes = topic.endswith("/votes")
    most = limits.VOTES_MAX_BYTES if is_votes else limits.STATE_MAX_BYTES
    if size > most:
        what = "a batch" if is_votes else "a state message"
        return _uncountable(device_id, topic, f"{what} of {size} bytes, more than {most}", payload, received_utc)
    if is_votes:
        return UnreadBatch(device_id, topic, payload, received_utc)
    try:
        said = read_state(device_id, payload)
    except FormatError as error:
        return _uncountable(device_id, topic, error.reason, payload, received_utc)
    if said is None:
        return StateSaid(device_id, topic, payload, received_utc, is_retained)
    log = said.log_id, said.next_seq, said.oldest_seq, said.cursor_seq, said.totals
    return Told(device_id, *log, received_utc, topic, payload, is_retained)


def read_message(topic: str, payload: bytes, received_utc: float) -> Arrival | Told | StateSaid | Uncountable | None:
    """Like `judge`, with a batch read at once."""
    found = judge(topic, payload, received_utc)
    return found.read() if isinstance(found, UnreadBatch) else found


def _uncountable(device_id: str, topic: str, reason: str, payload: bytes, received_utc: float) -> Uncountable:
    # Many of these may wait for their transaction, so each is cut to what quarantine would keep of it.
    reason, payload = cut_to_keep(reason, payload)
    return Uncountable(device_id, topic, reason, payload, received_utc)

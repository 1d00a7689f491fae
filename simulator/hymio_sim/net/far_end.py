"""The far end in virtual time: a collector that acknowledges what it has been sent, and stores nothing."""

from __future__ import annotations

from collections.abc import Callable

from hymio.wire.acks import Ack, encode_ack
from hymio.wire.batches import Batch, decode_batch
from hymio.wire.primitives import FormatError
from hymio_sim.net.mqtt_watch import Publish


class Office:
    """Hears every message that the broker routes, and answers each batch with an ack.

    `publish(topic, payload, retained)` sends acks; `utc()` gives the time of the office in seconds of 1970. `batches`
    holds those that came, in order, each with its device id; `marks` says for (device_id, log_id) below which seq
    everything has arrived or is known to be gone.
    """

    def __init__(
        self, publish: Callable[[str, bytes, bool], None], utc: Callable[[], float], collector_id: str = "office"
    ) -> None:
        self._publish = publish
        self._utc = utc
        self._collector_id = collector_id
        self.batches: list[tuple[str, Batch]] = []
        self.unreadable = 0
        self.marks: dict[tuple[str, int], int] = {}

    def heard(self, message: Publish) -> None:
        """Takes a message that has gone through the broker."""
        parts = message.topic.split("/")
        if len(parts) != 3 or parts[0] != "hymio" or parts[2] != "votes":
            return
        device_id = parts[1]
        try:
            batch = decode_batch(message.payload, device_id)
        except FormatError:
            self.unreadable += 1
            return
        self.batches.append((device_id, batch))
        key = (device_id, batch.log_id)
        mark = max(self.marks.get(key, 0), batch.oldest_seq)
        if batch.first_seq <= mark:
            mark = max(mark, batch.last_seq + 1)
        self.marks[key] = mark
        ack = Ack(batch.log_id, mark, batch.nonce, round(self._utc() * 1000), self._collector_id)
        self._publish(f"hymio/{device_id}/ack", encode_ack(ack), True)

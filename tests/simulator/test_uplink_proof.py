"""A network that lies and a collector that dies: 0 lost, 0 double. `make soak WHAT=uplink` tells thousands."""

import pytest

from hymio.common.firmware_files import firmware_module
from hymio.store.transaction import Committed, DueAck
from hymio_sim.rigs import mortal_collector
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.uplink_proof import database, prove

PART = 60


@pytest.mark.parametrize("part", range(3))
def test_every_press_arrives_once(part):
    with database() as store:
        tally = prove(range(part * PART, (part + 1) * PART), store)
    assert tally.rows == tally.pushes - tally.unthanked > 5 * PART
    assert min(tally.duplicates, tally.kills, tally.swaps, tally.quarantined) > 0, (
        "the stories have to go through it all"
    )


def _puback_is_delivery(patch):
    outbox = firmware_module("net_outbox").Outbox
    before = outbox.delivered

    def delivered(self, now_ms):
        end_seq = self._sending_to
        before(self, now_ms)
        self.settle(now_ms, end_seq)

    patch.setattr(outbox, "delivered", delivered)


def _never_goes_back(patch):
    def connected(self):
        self._sending_to = -1
        self._ack_due = None

    def step(self, now_ms):
        self._ack_due = None

    patch.setattr(firmware_module("net_outbox").Outbox, "connected", connected)
    patch.setattr(firmware_module("net_outbox").Outbox, "step", step)


def _any_log_will_do(patch):
    def believed(payload, is_retained, log_id, next_seq, collector_id, nonce):
        mark = int.from_bytes(payload[6:10], "little")
        return (mark, 0) if mark <= next_seq else None

    patch.setattr(firmware_module("net_outbox"), "believed", believed)


def _ack_before_commit(patch):
    def commit(store, transaction):
        acks = [
            DueAck(one.device_id, one.batch.log_id, one.batch.last_seq + 1, one.batch.nonce)
            for one in transaction.arrivals
        ]
        committed = Committed()
        committed.acks = acks
        return committed

    patch.setattr(mortal_collector, "commit_whatever_comes", commit)


def _counts_again(patch):
    from hymio.store.log_update import LogUpdate

    patch.setattr(LogUpdate, "_known", lambda self, batch: {})


@pytest.mark.parametrize(
    "planted", [_puback_is_delivery, _never_goes_back, _any_log_will_do, _ack_before_commit, _counts_again]
)
def test_planted_bugs_are_caught(planted, monkeypatch):
    monkeypatch.setattr("hymio_sim.rigs.uplink_proof.CALM_S", 2000.0)
    planted(monkeypatch)
    with database() as store, pytest.raises(Broken, match=r"are no rows|has not arrived|IntegrityError") as broken:
        prove(range(PART), store)
    assert "make soak WHAT=uplink" in str(broken.value)

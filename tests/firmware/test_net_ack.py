"""Which ack is believed, and how much of it."""  # portable

from binascii import crc32
from struct import pack

import vectors

from terminal.net_ack import believed

LOG = 0x1A2B3C4D
NONCE = 0xDEADBEEF
UTC_MS = 1800000020500


def vector():
    """The ack of batch.md: mark 1268, that nonce, that time, from `office`."""
    return vectors.load()[14][1]


def ack(mark=1268, nonce=NONCE, utc_ms=UTC_MS, collector=b"office", log_id=LOG, version=1, flags=1):
    data = pack("<BBIII", version, flags, log_id, mark, nonce) + utc_ms.to_bytes(6, "little") + collector
    return data + pack("<I", crc32(data))


def told(payload, is_retained=False, log_id=LOG, next_seq=1268, collector_id="office", nonce=NONCE):
    return believed(payload, is_retained, log_id, next_seq, collector_id, nonce)


def test_the_vector_is_believed():
    assert ack() == vector()
    assert told(vector()) == (1268, UTC_MS)
    assert told(memoryview(vector())) == (1268, UTC_MS)


def test_only_the_own_log_and_the_configured_collector():
    assert told(vector(), log_id=LOG + 1) is None
    assert told(vector(), collector_id="home") is None
    assert told(vector(), collector_id="offic") is None and told(vector(), collector_id="office2") is None


def test_another_version_is_none():
    for version in (0, 2, 255):
        assert told(ack(version=version)) is None


def test_no_flipped_bit_and_no_missing_byte_passes():
    data = vector()
    for i in range(len(data)):
        for bit in (1, 128):
            bad = bytearray(data)
            bad[i] ^= bit
            assert told(bad) is None, i
        assert told(data[:i]) is None, i
    assert told(data + b"\0") is None


def test_a_mark_beyond_the_next_seq_is_a_lie_as_a_whole():
    assert told(vector(), next_seq=1267) is None
    assert told(vector(), next_seq=5000) == (1268, UTC_MS)
    assert told(ack(mark=0xFFFFFFFF)) is None
    assert told(ack(mark=0)) == (0, UTC_MS)


def test_a_retained_copy_settles_but_tells_no_time():
    assert told(vector(), is_retained=True) == (1268, 0)


def test_the_time_counts_only_in_the_answer_to_the_newest_batch_and_once():
    for nonce in (NONCE + 1, NONCE - 1, 0, None):
        assert told(vector(), nonce=nonce) == (1268, 0), nonce
    assert told(ack(nonce=0), nonce=None) == (1268, 0), "no batch waits, and 0 answers none"


def test_an_ack_without_a_time_tells_none():
    assert told(ack(flags=0, utc_ms=0)) == (1268, 0)
    assert told(ack(flags=0)) == (1268, 0), "the flag decides"

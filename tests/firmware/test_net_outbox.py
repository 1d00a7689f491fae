"""What is sent, resent and believed."""  # portable

import struct
from binascii import crc32

from logs import Dice, boot, mounted, press

from terminal.net_outbox import Outbox


def box(presses=0):
    log, clock, _ = mounted(sectors=4)
    boot(log, clock)
    for i in range(presses):
        press(log, clock, 1 + i % 4)
    return log, clock, Outbox(log, clock, Dice(), "till-1", "office")


def ack(log, mark, nonce=0, utc_ms=0, collector=b"office", log_id=None):
    data = struct.pack("<BBIII", 1, 1 if utc_ms else 0, log.log_id if log_id is None else log_id, mark, nonce)
    data += utc_ms.to_bytes(6, "little") + collector
    return data + struct.pack("<I", crc32(data))


def send_all(outbox, now_ms):
    """Sends until nothing is left; gives the number of batches and the time."""
    batches = 0
    for _ in range(100):
        if outbox.batch(now_ms) is not None:
            batches += 1
            outbox.delivered(now_ms)
        elif outbox.wait_ms(now_ms) > 1000:
            return batches, now_ms
        else:
            now_ms += max(1, outbox.wait_ms(now_ms))
    raise AssertionError("no end")


def test_presses_of_one_moment_share_a_batch():
    log, clock, outbox = box(3)
    assert outbox.batch(0) is None
    assert outbox.wait_ms(0) == 500
    assert outbox.batch(499) is None
    assert outbox.batch(500) is not None
    assert outbox.batch(501) is None  # one at a time
    outbox.delivered(600)
    assert outbox.batch(2000) is None


def test_a_backlog_goes_out_batch_after_batch():
    log, clock, outbox = box(240)
    assert send_all(outbox, 0)[0] == 5


def test_the_cursor_moves_only_on_the_collectors_ack():
    log, clock, outbox = box(10)
    send_all(outbox, 0)
    assert log.cursor == 0 and log.unsent == 10
    for bad in (
        ack(log, 5, collector=b"home"),
        ack(log, 5, log_id=1),
        ack(log, 12),
        ack(log, 0),
        b"",
        ack(log, 5)[:-1],
    ):
        assert not outbox.acked(1000, bad, False)
        assert log.cursor == 0
    assert outbox.acked(1000, ack(log, 11), True)
    assert log.cursor == 11 and log.unsent == 0


def test_without_an_ack_it_is_sent_again_later_and_later():
    log, clock, outbox = box(2)
    _, now = send_all(outbox, 0)
    gaps = []
    for _ in range(7):
        begin = now
        while outbox.batch(now) is None:
            outbox.step(now)
            now += 100
        outbox.delivered(now)
        gaps.append((now - begin) // 1000)
    assert gaps[0] in (20, 21) and gaps[1] in (40, 41) and gaps[-1] in (600, 601)


def test_a_new_connection_begins_at_the_mark():
    log, clock, outbox = box(4)
    send_all(outbox, 0)
    outbox.acked(500, ack(log, 3), False)
    outbox.connected()
    assert outbox.batch(1000) is None
    assert outbox.batch(1600)[14] == 3  # first_seq


def test_an_ack_record_is_rare_and_never_for_book_keeping_alone():
    log, clock, outbox = box(0)
    send_all(outbox, 0)
    outbox.acked(100, ack(log, 1), False)
    assert not outbox.owes_ack_record
    press(log, clock)
    outbox.acked(200, ack(log, 2), False)
    assert outbox.owes_ack_record
    outbox.ack_recorded(200)
    for i in range(63):
        press(log, clock)
        outbox.acked(300, ack(log, 3 + i), False)
    assert not outbox.owes_ack_record
    press(log, clock)
    outbox.acked(300, ack(log, 66), False)
    assert outbox.owes_ack_record
    outbox.ack_recorded(300)
    press(log, clock)
    outbox.acked(400, ack(log, 67), False)
    assert not outbox.owes_ack_record
    outbox.step(3600300)
    assert outbox.owes_ack_record


def test_time_comes_only_with_the_answer_to_this_batch():
    log, clock, outbox = box(1)
    utc_ms = 1800000000000
    outbox.batch(0)
    outbox.batch(500)
    nonce = outbox._maker.nonce
    outbox.acked(600, ack(log, 0, nonce + 1, utc_ms), False)
    outbox.acked(600, ack(log, 0, nonce, utc_ms), True)
    assert not clock.is_set
    outbox.acked(600, ack(log, 0, nonce, utc_ms), False)
    assert clock.is_set


def seqs_sent(outbox, now_ms, delivers=None):
    """(first, end) of the batches that leave until there is no more; delivers(number): called before each PUBACK."""
    found = []
    for _ in range(60):
        data = outbox.batch(now_ms)
        if data is not None:
            found.append(outbox._maker.first_seq)
            if delivers:
                delivers(len(found))
            outbox.delivered(now_ms)
        now_ms += 500
    return found


def test_what_is_asked_for_again_is_sent_once_and_then_it_goes_on():
    log, clock, outbox = box(120)
    outbox.acked(0, ack(log, log.next_seq), False)
    assert seqs_sent(outbox, 0) == []
    outbox.resync(1000, 10, 60)
    assert not outbox.is_settled
    assert seqs_sent(outbox, 1000) == [10] and outbox.is_settled
    outbox.resync(1000, 10, 61)
    press(log, clock)
    assert seqs_sent(outbox, 1000) == [10, 60, 121], "and what is new"
    assert not outbox.is_settled
    outbox.acked(0, ack(log, log.next_seq), False)
    assert outbox.is_settled


def test_what_is_asked_for_while_a_batch_is_under_way_is_all_sent():
    log, clock, outbox = box(120)
    outbox.acked(0, ack(log, 100), False)
    assert seqs_sent(outbox, 0, lambda number: number == 1 and outbox.resync(0, 20, 90)) == [100, 20, 70, 100]
    log, clock, outbox = box(120)
    outbox.acked(0, ack(log, log.next_seq), False)
    outbox.resync(0, 50, 121)
    assert seqs_sent(outbox, 0, lambda number: number == 1 and outbox.resync(0, 0, 20)) == [50, 0]


def test_what_is_asked_for_goes_on_in_the_next_connection():
    log, clock, outbox = box(120)
    outbox.acked(0, ack(log, log.next_seq), False)
    outbox.resync(0, 0, 121)
    assert outbox.batch(500) is not None
    outbox.delivered(500)
    assert outbox.batch(1000) is not None
    outbox.connected()
    assert seqs_sent(outbox, 2000) == [51, 101]
    assert outbox.is_settled


def test_nothing_is_sent_again_that_goes_anyway_or_is_gone():
    log, clock, outbox = box(10)
    outbox.resync(0, 0, 5)
    assert seqs_sent(outbox, 0) == [0], "the cursor is at 0"
    outbox.acked(0, ack(log, 11), False)
    outbox.resync(0, 3, 3)
    assert seqs_sent(outbox, 0) == []


def alarmed_box(presses, unhappy):
    log, clock, _ = mounted(sectors=4)
    boot(log, clock)
    for i in range(presses):
        press(log, clock, 1 + i % 4)
    return log, Outbox(log, clock, Dice(), "till-1", "office", {"every_s": 0, "presses": 50, "unhappy": unhappy})


def test_unhappy_votes_go_before_a_backlog_and_once_more_in_their_turn():
    log, outbox = alarmed_box(290, 3)

    def votes(number):
        if number == 2:
            outbox.unhappy += 2
        if number == 3:
            outbox.unhappy += 1

    assert seqs_sent(outbox, 0, votes) == [0, 51, 101, 241, 151, 201, 251]
    assert outbox.unhappy == 0


def test_what_is_asked_for_while_unhappy_votes_go_first_is_all_sent():
    log, outbox = alarmed_box(290, 3)
    outbox.acked(0, ack(log, 100), False)
    outbox.unhappy = 3
    sent = seqs_sent(outbox, 0, lambda number: number == 1 and outbox.resync(0, 0, 60))
    assert sent == [241, 0, 51, 100, 150, 200, 250] and outbox._again is None


def test_without_an_alarm_or_a_backlog_votes_go_in_order():
    for presses, limit in ((240, 0), (90, 3)):
        log, outbox = alarmed_box(presses, limit)
        outbox.unhappy = 5
        sent = seqs_sent(outbox, 0)
        assert sent == sorted(sent) and len(sent) == len(set(sent))

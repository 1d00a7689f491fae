"""The ring log: append, mount, wrap around, what is settled and what is lost."""  # portable

from array import array
from binascii import crc32
from struct import pack_into

from logs import CHIP, boot, mounted, press, write_ack
from ram_flash import RamFlash

from terminal.log_mount import Mount
from terminal.log_reader import END, VOID, Reader
from terminal.log_record import PRESS


def read_all(log):
    """(seq, kind, button) of every slot from the oldest on."""
    reader = Reader(log)
    reader.seek(log.oldest_seq)
    while True:
        kind = reader.next()
        if kind == END:
            return
        yield reader.seq, kind, (reader.record[8] & 3) + 1 if kind == PRESS else 0


def presses(log):
    """The presses held as numbers 10 * seq + button: small enough for the heap of a board."""
    return array("I", (10 * seq + button for seq, kind, button in read_all(log) if kind == PRESS))


def test_a_blank_partition_begins_a_log_and_erases_one_sector():
    log, clock, flash = mounted()
    assert log.log_id == 1001 and clock.boot == 1
    assert sum(flash.erases) == 1
    assert log.next_seq == 0 and log.totals == [0, 0, 0, 0]


def test_what_was_appended_is_read_after_a_reboot():
    log, clock, flash = mounted()
    boot(log, clock)
    seqs = [press(log, clock, 1 + i % 4) for i in range(10)]
    assert seqs == list(range(1, 11))
    again, clock2, _ = mounted(flash)
    assert again.log_id == log.log_id and clock2.boot == 2
    assert again.next_seq == 11 and again.totals == [3, 3, 2, 2]
    assert list(presses(again)) == [10 * (i + 1) + 1 + i % 4 for i in range(10)]
    assert press(again, clock2, 2) == 11


def test_one_program_operation_and_sixteen_bytes_for_a_record():
    log, clock, flash = mounted()
    programs, size = flash.programs, flash.programmed_bytes
    press(log, clock)
    assert (flash.programs - programs, flash.programmed_bytes - size) == (1, 16)


def test_a_foreign_log_is_not_ours_and_is_not_erased_at_once():
    log, clock, flash = mounted()
    press(log, clock)
    image = bytes(flash.image[: 2 * 4096])
    other, _, _ = mounted(RamFlash(6, flash.image), chip=CHIP + 1)
    assert other.next_seq == 0 and sum(other.totals) == 0
    assert bytes(flash.image[4096 : 2 * 4096]) == image[4096:]


def test_a_log_of_another_version_is_none_and_a_new_one_begins():
    log, clock, flash = mounted()
    press(log, clock)
    head = bytearray(memoryview(flash.image)[:64])
    for version in (0, 2, 3, 255):
        head[4] = version
        pack_into("<I", head, 60, crc32(head[:60]))
        for sector in range(6):
            flash._blank(sector)
        flash.image[2 * 4096 : 2 * 4096 + 64] = head
        before = sum(flash.erases)
        other, clock, _ = mounted(flash)
        assert other.next_seq == 0 and clock.boot == 1 and sum(flash.erases) == before + 1, version
        boot(other, clock)
        again, clock, _ = mounted(flash)
        assert again.next_seq == 1 and clock.boot == 2, version
        assert flash.image[2 * 4096 : 2 * 4096 + 64] == head, "nothing is erased before its turn comes"


def test_a_half_written_partition_begins_a_log_and_keeps_what_it_does_not_need():
    flash = RamFlash(4)
    for at in range(0, 3 * 4096, 7):
        flash.image[at] = at & 127  # another program's data, a torn copy of something
    flash.image[0:4] = b"HYML"  # a header whose program was cut short
    flash.image[4096:4112] = bytes(16)
    before = sum(memoryview(flash.image)[2 * 4096 :])
    log, clock, _ = mounted(flash)
    assert sum(flash.erases) == 1 and log.next_seq == 0 and log.totals == [0, 0, 0, 0]
    assert sum(memoryview(flash.image)[2 * 4096 :]) == before
    boot(log, clock)
    for seq in range(1, 252 * 7 + 1):
        assert press(log, clock, 2) == seq
    again, _, _ = mounted(flash)
    assert again.log_id == log.log_id and again.totals == [0, 252 * 7, 0, 0]


def test_wrap_around_drops_the_oldest_sector_and_counts_what_was_unsent():
    log, clock, flash = mounted(sectors=4)
    total = 252 * 6 + 20
    for i in range(total):
        assert press(log, clock, 1 + i % 4) == i
        if i % 100 == 0 and log.needs_sector:
            log.prepare()
    assert log.oldest_seq > 0
    assert log.lost == log.oldest_seq
    assert log.unsent == total - log.oldest_seq
    assert log.lost + len(presses(log)) == total == sum(log.totals)
    again, _, _ = mounted(flash)
    assert again.lost == log.lost and again.unsent == log.unsent and again.totals == log.totals
    assert presses(again) == presses(log)
    assert max(flash.erases) - min(flash.erases) <= 1


def test_settled_presses_are_not_lost_when_they_are_overwritten():
    log, clock, flash = mounted(sectors=4)
    for _ in range(300):
        press(log, clock)
    assert log.settle(280)
    assert write_ack(log) == 300
    assert log.unsent == 20
    again, clock2, _ = mounted(flash)
    assert again.cursor == 280 and again.unsent == 20 and again.lost == 0
    for _ in range(252 * 4):
        press(again, clock2)
    assert again.oldest_seq > 280
    # 300 presses and one ack record stood before the others: seqs 280..300 held 20 unsent presses.
    assert again.lost == sum(again.totals_before(again.oldest_seq)) - 280
    assert again.lost + 280 + len(presses(again)) == sum(again.totals)


def test_a_mark_never_goes_back_or_beyond():
    log, clock, _ = mounted()
    for _ in range(20):
        press(log, clock)
    assert log.settle(10) and not log.settle(10) and not log.settle(5) and not log.settle(21)
    assert log.cursor == 10 and log.unsent == 10
    assert log.settle(20) and log.unsent == 0


def test_a_mark_for_what_was_overwritten_settles_nothing():
    log, clock, _ = mounted(sectors=4)
    for i in range(252 * 6):
        press(log, clock, 1 + i % 4)
    oldest = log.oldest_seq
    before = log.ack_body, log.lost, log.unsent
    assert before == ((0, 0, 0), oldest, log.next_seq - oldest) and oldest == 504
    for mark in (1, 252, oldest - 1):
        assert not log.settle(mark), mark
        assert (log.ack_body, log.lost, log.unsent) == before, mark
    assert log.settle(oldest)
    assert log.ack_body == (oldest, oldest, oldest) and (log.lost, log.unsent) == before[1:]


def test_boot_numbers_run_from_1_to_65535_and_then_from_1():
    _, _, flash = mounted()
    for number, following in ((1, 2), (65533, 65534), (65534, 65535), (65535, 1), (255, 256)):
        log, clock, _ = mounted(flash)
        clock.boot = number
        boot(log, clock)
        _, clock, _ = mounted(flash)
        assert clock.boot == following, number


def test_a_failed_program_burns_the_slot_and_the_press_gets_the_next():
    log, clock, flash = mounted()
    flash.skip_programs = 1
    assert press(log, clock, 3) == 1
    assert log.burned == 1
    assert list(presses(log)) == [13]
    again, _, _ = mounted(flash)
    assert list(presses(again)) == [13] and again.totals == [0, 0, 1, 0]


def test_a_read_back_that_fails_once_costs_nothing():
    log, clock, flash = mounted()
    flash.stuck_reads = 1
    assert press(log, clock, 2) == 0
    assert list(presses(log)) == [2]


def test_a_read_back_that_keeps_failing_never_makes_two_presses():
    log, clock, flash = mounted()
    flash.stuck_reads = 2
    assert press(log, clock, 2) == 0
    assert log.next_seq == 2
    assert list(read_all(log)) == [(0, PRESS, 2), (1, VOID, 0)]
    again, clock2, _ = mounted(flash)
    assert again.totals == [0, 1, 0, 0]
    programs = flash.programs
    assert press(again, clock2, 2) == 2 and flash.programs == programs + 1


def test_a_sector_that_does_not_erase_is_stepped_over():
    flash = RamFlash(6)
    flash.image[2 * 4096] = 0
    flash.bad_erase = (2,)
    log, clock, _ = mounted(flash)
    for i in range(252 * 3 + 5):
        assert press(log, clock) == i
    assert log.bad_sectors == 1
    again, _, _ = mounted(flash)
    assert len(presses(again)) == 252 * 3 + 5


class WornAt(RamFlash):
    """One cell of sector 2 stays programmed, whatever erases it."""

    def __init__(self, sectors, offset):
        super().__init__(sectors)
        self.cell = 2 * 4096 + offset
        self.image[self.cell] = 0xFE

    def ioctl(self, op, arg):
        done = super().ioctl(op, arg)
        self.image[self.cell] &= 0xFE
        return done


def test_a_sector_with_one_worn_cell_is_stepped_over_wherever_it_is():
    for offset in (0, 63, 64, 511, 512, 2047, 2048, 3583, 3584, 4080, 4095):
        log, clock, flash = mounted(WornAt(5, offset))
        for i in range(252 * 2 + 1):
            assert press(log, clock) == i
        assert log.bad_sectors == 1 and 2 not in list(log.where), offset
        again, _, _ = mounted(flash)
        assert again.totals == [252 * 2 + 1, 0, 0, 0], offset


def test_a_damaged_header_is_told_by_its_neighbours():
    log, clock, flash = mounted()
    for _ in range(252 * 3 + 5):
        press(log, clock, 2)
    for sector in (0, 1, 2, 3):
        flash.image[sector * 4096 + 20] ^= 4
        again, _, _ = mounted(flash)
        assert again.log_id == log.log_id
        assert presses(again) == presses(log), sector
        assert again.totals == log.totals, sector
        flash.image[sector * 4096 + 20] ^= 4


def test_damaged_headers_side_by_side():
    log, clock, flash = mounted()
    for _ in range(252 * 3 + 5):
        press(log, clock, 2)
    for sector in (0, 1, 2):
        flash.image[sector * 4096 + 20] ^= 4
    again, _, _ = mounted(flash)
    assert again.totals == log.totals and presses(again) == presses(log)


def test_totals_before():
    log, clock, _ = mounted()
    for i in range(600):
        press(log, clock, 1 + i % 4)
    for seq in (0, 1, 5, 251, 252, 253, 504, 599, 600):
        assert sum(log.totals_before(seq)) == seq


def test_boot_storm():
    flash = RamFlash(6)
    for n in range(1, 17):
        log, clock, _ = mounted(flash)
        assert clock.boot == n and not log.boot_storm
        boot(log, clock)
    log, clock, _ = mounted(flash)
    assert log.boot_storm
    press(log, clock)
    log, clock, _ = mounted(flash)
    assert not log.boot_storm


def test_no_sector_at_all():
    flash = RamFlash(4)
    flash.image[:] = bytes(4 * 4096)
    flash.bad_erase = (0, 1, 2, 3)
    log, clock, _ = mounted(flash)
    assert press(log, clock) == -1


def both_ways(flash):
    """The log as the binary search finds it and as the look at every header does."""
    fast, _, _ = mounted(flash)
    slow_search = Mount._search
    Mount._search = lambda self: False
    try:
        slow, _, _ = mounted(flash)
    finally:
        Mount._search = slow_search
    return fast, slow


def test_the_search_finds_what_a_look_at_every_header_finds():
    log, clock, flash = mounted(sectors=5)
    for i in range(252 * 12):
        press(log, clock, 1 + i % 4)
        if i % 252 in (3, 100):
            if log.needs_sector and i % 504 < 252:
                log.prepare()
            fast, slow = both_ways(flash)
            for fact in ("log_id", "next_seq", "oldest_seq", "cursor", "totals", "lost", "unsent"):
                assert getattr(fast, fact) == getattr(slow, fact), (i, fact)
            assert fast.next_seq == log.next_seq and fast.totals == log.totals


def test_a_full_clean_log_is_mounted_with_few_reads():
    log, clock, flash = mounted(sectors=8)
    for _ in range(252 * 20 + 251):
        press(log, clock)
        if log.needs_sector:
            log.prepare()
    reads, size, programs = flash.reads, flash.read_bytes, flash.programs
    mounted(flash)
    assert flash.programs == programs
    # A megabyte has five more steps of the search, 64 bytes each.
    assert flash.reads - reads + 5 <= 24
    assert flash.read_bytes - size + 5 * 64 <= 8192

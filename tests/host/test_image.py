"""Raw dumps of the `votes` partition: what firmware/spec/log.md says is in them, and what the firmware reads."""

from __future__ import annotations

import json
import random
import struct
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hymio_process import hymio
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_check import check

from hymio.cable.log_image import ImageLog, read_image
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, WRONG_USE, Failure
from hymio.wire.records import encode_content

SECTOR, HEADER, SIZE, SLOTS = 4096, 64, 16, 252
MAC, OTHER_MAC = bytes.fromhex("240ac4112233"), bytes.fromhex("240ac4445566")
LOG_ID, OTHER_LOG_ID = 0x1A2B3C4D, 0x0BADCAFE
RETRY = 8


# A builder of images, written from the specification and sharing nothing with the decoder.


def header(sector_seq: int, totals: list[int], log_id: int = LOG_ID, mac: bytes = MAC, version: int = 1) -> bytes:
    body = b"HYML" + struct.pack("<BBHIII", version, 0, 1, sector_seq, log_id, crc32(mac))
    body += struct.pack("<III4I", 0, 0, 0, *totals) + bytes(5 + 6 + 1)
    return body + struct.pack("<I", crc32(body))


def sealed(content: bytes, sector_seq: int, slot: int, log_id: int = LOG_ID) -> bytes:
    return content + struct.pack("<I", crc32(struct.pack("<IIB", log_id, sector_seq, slot) + content))


def record(kind: int, code: int, uptime_ms: int, body: bytes, boot: int = 1) -> bytes:
    return bytes([kind | code << 4]) + uptime_ms.to_bytes(5, "little") + struct.pack("<H", boot) + body


def press(button: int, uptime_ms: int, verdict: int = 0) -> bytes:
    return record(1, verdict, uptime_ms, struct.pack("<BBH", button - 1, 5, 65535))


def with_retry_bit(content: bytes) -> bytes:
    return bytes([content[0] | RETRY]) + content[1:]


class Partition:
    """A partition as a terminal writes it. `held`: sector_seq -> {slot: content} of what a reader has to find."""

    def __init__(self, chance: random.Random, sectors: int, bad: frozenset[int] = frozenset()) -> None:
        self.chance = chance
        self.sectors = sectors
        self.bad = bad  # these do not erase
        self.image = bytearray(b"\xff" * (SECTOR * sectors))
        self.held: dict[int, dict[int, bytes]] = {}
        self.written: dict[int, bytes] = {}
        self.before: dict[int, list[int]] = {}
        self.where: dict[int, int] = {}
        self.passed_over: dict[int, int] = {}
        """Where a header stands whole although its sector was passed over: perhaps only the read-back failed."""
        self.totals = [0, 0, 0, 0]
        self.sector_seq, self.at, self.slot = -1, -1, SLOTS
        self.erased = sectors - 1
        self.ahead: int | None = None
        self.uptime_ms = 0

    def put(self, at: int, offset: int, data: bytes) -> None:
        begin = at * SECTOR + offset
        self.image[begin : begin + len(data)] = data

    def remnants(self) -> None:
        """Before the log began: sectors of another chip, garbage, blank ones."""
        for at in range(self.sectors):
            what = self.chance.randrange(3)
            if what == 0:
                seq = self.chance.choice((0, 3, 400, 2**32 - 1))
                self.put(at, 0, header(seq, [9, 9, 9, 9], OTHER_LOG_ID, OTHER_MAC))
                for slot in range(self.chance.randrange(SLOTS)):
                    self.put(at, HEADER + SIZE * slot, sealed(press(4, slot), seq, slot, OTHER_LOG_ID))
            elif what == 1:
                self.put(at, 0, self.chance.randbytes(SECTOR))

    def next_sector(self) -> int:
        """The next one that erases, perhaps long before it is opened; what the ring held there is gone."""
        if self.ahead is not None:
            at, self.ahead = self.ahead, None
            return at
        while True:
            self.erased = (self.erased + 1) % self.sectors
            gone = [seq for seq, at in self.where.items() if at == self.erased]
            for seq in gone:
                for older in [one for one in self.where if one <= seq]:
                    del self.where[older], self.held[older], self.before[older]
            if self.erased not in self.bad:
                self.passed_over = {seq: at for seq, at in self.passed_over.items() if at != self.erased}
                self.put(self.erased, 0, b"\xff" * SECTOR)
                return self.erased

    def open(self, may_skip: bool) -> None:
        """Opens a sector; one whose header does not read back is passed over, and its number with it."""
        while True:
            at = self.next_sector()
            self.sector_seq += 1
            head = header(self.sector_seq, self.totals)
            if may_skip and self.chance.random() < 0.1:
                is_whole = self.chance.random() < 0.5
                self.put(at, 0, head if is_whole else self.torn(head))
                if is_whole:
                    self.passed_over[self.sector_seq] = at
                continue
            self.put(at, 0, head)
            self.at, self.slot = at, 0
            self.where[self.sector_seq] = at
            self.held[self.sector_seq] = {}
            self.before[self.sector_seq] = list(self.totals)
            return

    def torn(self, data: bytes) -> bytes:
        """What a power cut leaves of programming `data`: some bits are still 1."""
        bits = int.from_bytes(data, "little") | self.chance.getrandbits(8 * len(data))
        left = bits.to_bytes(len(data), "little")
        return left if left not in (data, b"\xff" * len(data)) else b"\x00" + left[1:-1] + bytes([left[-1] ^ 1])

    def write(self, content: bytes, copies: tuple[bool, ...]) -> None:
        """`content` in as many slots as `copies`, whole or torn; the first whole one is the record."""
        found = False
        for n, whole in enumerate(copies):
            if self.slot == SLOTS:
                if found:
                    return
                self.open(may_skip=n == 0)
            data = sealed(with_retry_bit(content) if n else content, self.sector_seq, self.slot)
            self.put(self.at, HEADER + SIZE * self.slot, data if whole else self.torn(data))
            if whole and not found:
                found = True
                self.held[self.sector_seq][self.slot] = content
                self.written[self.sector_seq * SLOTS + self.slot] = content
                if content[0] & 7 == 1:
                    self.totals[content[8] & 3] += 1
                elif content[0] & 7 == 3:
                    self.totals[content[8] & 3] += struct.unpack_from("<H", content, 10)[0]
            self.slot += 1

    def content(self) -> bytes:
        chance, button = self.chance, self.chance.randrange(4)
        self.uptime_ms += chance.randint(1, 5000)
        match chance.randrange(16):
            case 0:
                return record(4, 1, self.uptime_ms, bytes(4))
            case 1:
                return record(5, 1, self.uptime_ms, struct.pack("<I", 1_800_000_000))
            case 2:
                return struct.pack("<B", 6) + struct.pack("<I", self.uptime_ms) + bytes(3) + bytes(4)
            case 3:
                return record(3, 2, self.uptime_ms, struct.pack("<BBH", button, 9, chance.randrange(2, 50)))
            case 4:
                return record(2, 3, self.uptime_ms, struct.pack("<I", max(0, self.sector_seq) * SLOTS))
            case 5:
                return record(7, 2, self.uptime_ms, bytes(4))
        return press(button + 1, self.uptime_ms, chance.choice((0, 0, 0, 1, 2)))

    def run(self, records: int, trouble: float) -> None:
        for _ in range(records):
            copies: tuple[bool, ...] = (True,)
            if self.chance.random() < trouble:
                copies = tuple(self.chance.random() < 0.5 for _ in range(self.chance.randint(1, 4)))
            self.write(self.content(), copies)
        if self.chance.random() < 0.3:
            self.ahead = self.next_sector()

    def damage_header(self, sector_seq: int) -> None:
        at = self.where[sector_seq] * SECTOR
        for _ in range(self.chance.randint(1, 3)):
            self.image[at + self.chance.randrange(HEADER)] ^= self.chance.randint(1, 255)
        self.image[at + 60] ^= 1 if self.image[at : at + HEADER] == header(sector_seq, self.before[sector_seq]) else 0

    def give_up_oldest(self, damaged: list[int]) -> None:
        """An oldest sector that has lost its magic has as good as been erased, unless a single bit can be mended."""
        for seq in sorted(self.where):
            at = self.where[seq] * SECTOR
            found = self.image[at : at + HEADER]
            wrong = int.from_bytes(found, "big") ^ int.from_bytes(header(seq, self.before[seq]), "big")
            # With a good header before it, it stands between two of them.
            is_oldest = not any(older < seq for older in self.passed_over)
            if not is_oldest or seq not in damaged or found[:4] == b"HYML" or wrong.bit_count() == 1:
                return
            del self.where[seq], self.held[seq], self.before[seq]

    @property
    def truth(self) -> dict[int, bytes]:
        return {seq * SLOTS + slot: content for seq, kept in self.held.items() for slot, content in kept.items()}


def contents(log: ImageLog) -> dict[int, bytes]:
    return {seq: encode_content(record) for seq, record in log.records.items()}


seeds = st.integers(0, 2**32 - 1)
SIZES = st.integers(4, 8)


@given(seed=seeds, sectors=SIZES, records=st.integers(1, 3000), trouble=st.sampled_from((0.0, 0.05, 0.9)))
def test_every_record_in_the_ring_is_found(seed: int, sectors: int, records: int, trouble: float) -> None:
    partition = Partition(random.Random(seed), sectors)
    partition.remnants()
    partition.run(records, trouble)
    log = read_image(bytes(partition.image), MAC)
    assert contents(log) == partition.truth
    assert log.log_id == LOG_ID and log.oldest_seq <= min(partition.where) * SLOTS
    assert log.next_seq == partition.sector_seq * SLOTS + partition.slot
    assert log.damaged_headers == 0 and log.unreadable() == (0, 0)
    for sector_seq, totals in partition.before.items():
        assert log.totals_before(sector_seq) == tuple(totals)


@given(seed=seeds, sectors=SIZES, records=st.integers(1, 3000), bad=st.sets(st.integers(0, 7), max_size=2))
def test_sectors_that_no_longer_erase_are_remnants(seed: int, sectors: int, records: int, bad: set[int]) -> None:
    chance = random.Random(seed)
    partition = Partition(chance, sectors)
    partition.run(chance.randrange(records), 0.05)
    # They gave up in use, with what they held then, header and all.
    partition.bad = frozenset(at for at in bad if at < sectors)
    partition.run(records, 0.05)
    found = contents(read_image(bytes(partition.image), MAC))
    assert found.items() >= partition.truth.items()
    # Where no press is missing between, nothing tells that an older sector was given up; what it holds is genuine.
    assert found.items() <= partition.written.items()


def test_a_sector_that_was_given_up_but_did_not_erase_is_gone() -> None:
    partition = full_of_presses(7 * SLOTS + 10)
    partition.bad = frozenset({2})
    partition.next_sector()  # sector 2 bears the number 2 still; the next one, number 3 until now, is erased ahead
    log = read_image(bytes(partition.image), MAC)
    assert list(log.sectors) == [4, 5, 6, 7]
    assert contents(log) == partition.truth and log.unreadable() == (0, 0)


@given(seed=seeds, sectors=SIZES, records=st.integers(300, 3000), bad=st.sets(st.integers(0, 7), max_size=1))
def test_records_tell_the_number_of_a_sector_with_a_damaged_header(
    seed: int, sectors: int, records: int, bad: set[int]
) -> None:
    chance = random.Random(seed)
    partition = Partition(chance, sectors, frozenset(at for at in bad if at < sectors))
    partition.remnants()
    partition.run(records, 0.05)
    good = chance.choice(sorted(partition.where))
    damaged = [seq for seq in partition.where if seq != good and chance.random() < 0.7]
    for sector_seq in damaged:
        partition.damage_header(sector_seq)
    partition.give_up_oldest(damaged)
    log = read_image(bytes(partition.image), MAC)
    assert contents(log) == partition.truth
    assert log.damaged_headers == sum(1 for seq in damaged if partition.held.get(seq))
    for sector_seq in log.sectors:
        if sector_seq in partition.before:
            assert log.totals_before(sector_seq) == tuple(partition.before[sector_seq])


def one_sector(*slots: bytes, **of: Any) -> bytearray:
    """Four sectors, of which the first holds these slots of sector_seq 0."""
    image = bytearray(b"\xff" * (4 * SECTOR))
    data = header(0, [0, 0, 0, 0], **of)
    for slot, content in enumerate(slots):
        data += sealed(content, 0, slot, of.get("log_id", LOG_ID)) if len(content) == 12 else content
    image[: len(data)] = data
    return image


ONE, TWO = press(1, 1000), press(2, 2000)
AGAIN = with_retry_bit(ONE)
BURNED, BLANK = bytes(SIZE), b"\xff" * SIZE
RETRIES = {
    "a retry after its record is void": ((ONE, AGAIN), [0]),
    "the first good copy keeps the name": ((BURNED, AGAIN, AGAIN), [1]),
    "three slots before": ((ONE, BURNED, BURNED, AGAIN), [0]),
    "four slots before": ((ONE, BURNED, BURNED, BURNED, AGAIN), [0, 4]),
    "another record between": ((ONE, TWO, AGAIN), [0, 1]),
    "a retry of another record": ((TWO, AGAIN), [0, 1]),
    "without the retry bit it is another record": ((ONE, ONE), [0, 1]),
    "kind 0 is void": ((bytes(12), ONE), [1]),
    "a blank slot among others": ((ONE, BLANK, TWO), [0, 2]),
}


@pytest.mark.parametrize("what", RETRIES)
def test_what_is_void(what: str) -> None:
    slots, seqs = RETRIES[what]
    log = read_image(bytes(one_sector(*slots)))
    assert sorted(log.records) == seqs
    assert log.next_seq == len(slots) and log.burned == slots.count(BURNED)


def test_the_log_of_the_highest_sector_is_taken_unless_a_chip_is_named() -> None:
    image = one_sector(ONE)
    other = header(7, [0, 0, 0, 0], OTHER_LOG_ID, OTHER_MAC) + sealed(TWO, 7, 0, OTHER_LOG_ID)
    image[2 * SECTOR : 2 * SECTOR + len(other)] = other
    assert sorted(read_image(bytes(image)).records) == [7 * SLOTS]
    log = read_image(bytes(image), MAC)
    assert sorted(log.records) == [0] and log.others == {(crc32(OTHER_MAC), OTHER_LOG_ID): 1}


def test_sectors_of_another_version_do_not_belong_to_the_log() -> None:
    image = one_sector(ONE)
    newer = header(7, [1, 0, 0, 0], version=3) + sealed(TWO, 7, 0)  # one bit from version 1, and no rotten one
    image[2 * SECTOR : 2 * SECTOR + len(newer)] = newer
    log = read_image(bytes(image), MAC)
    assert sorted(log.records) == [0] and list(log.sectors) == [0] and log.mended == 0


def test_two_chips_with_equal_claims_are_not_guessed_between() -> None:
    image = one_sector(ONE)
    image[SECTOR : SECTOR + HEADER] = header(0, [0, 0, 0, 0], OTHER_LOG_ID, OTHER_MAC)
    with pytest.raises(Failure) as caught:
        read_image(bytes(image))
    assert caught.value.exit_status == WRONG_USE and "--mac" in caught.value.hint


REFUSED = {
    "blank": (bytearray(b"\xff" * 4 * SECTOR), None, ANSWER_NO, "blank"),
    "noise": (bytearray(random.Random(1).randbytes(4 * SECTOR)), None, ANSWER_NO, "damaged"),
    "another chip": (one_sector(ONE), OTHER_MAC, ANSWER_NO, "no log of this chip"),
    "a newer format": (one_sector(ONE, version=2), None, ANSWERED_ERROR, "newer"),
    "log_id 0": (one_sector(ONE, log_id=0), None, ANSWER_NO, "damaged"),
    "a verdict of the future": (one_sector(ONE, press(1, 2000, 9)), None, ANSWERED_ERROR, "seq 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_images_without_a_log_that_can_be_read(what: str) -> None:
    image, mac, status, words = REFUSED[what]
    with pytest.raises(Failure) as caught:
        read_image(bytes(image), mac)
    assert caught.value.exit_status == status and words in caught.value.message


# The same image to the firmware and to the decoder.


class FirmwareLog:
    """The firmware's own ring log on a flash in memory."""

    def __init__(self, flash: Any) -> None:
        from hymio.common.firmware_files import firmware_module

        self.flash = flash
        self.clock = firmware_module("clock").Clock(0)
        self.log = firmware_module("log_ring").RingLog(flash, crc32(MAC), lambda: LOG_ID, self.clock)
        self.log.mount()

    def press(self, button: int, at_ms: int) -> int:
        from hymio.common.firmware_files import firmware_module

        buf = bytearray(SIZE)
        firmware_module("log_record").put_press(buf, 0, button, 0, 5, 65535, self.clock, at_ms)
        return int(self.log.append(buf))

    def contents(self) -> dict[int, bytes]:
        from hymio.common.firmware_files import firmware_module

        reader = firmware_module("log_reader").Reader(self.log)
        reader.seek(self.log.oldest_seq)
        found = {}
        while (kind := reader.next()) >= 0:
            if kind:
                found[reader.seq] = bytes(reader.record[:12])
        return found


@cache
def written_by_firmware(seed: int) -> bytes:
    """An image of two sectors or more in use, often wrapped around, with burned slots, retries and reboots."""
    from hymio_sim.rigs.on_vm.ram_flash import RamFlash

    chance = random.Random(seed)
    flash = RamFlash(4)
    terminal = FirmwareLog(flash)
    for n in range(chance.choice((300, 700, 1100, 2000))):
        # Not where a sector is opened: one passed over is a fault already, and the flipped bit is to be the only one.
        if chance.random() < 0.06 and terminal.log.next_seq % SLOTS in range(1, SLOTS - 8):
            faults = chance.choice(("skip_programs", "stuck_reads"))
            setattr(flash, faults, chance.randint(1, 3 if faults == "skip_programs" else 7))
        if chance.random() < 0.003:
            flash.skip_programs = flash.stuck_reads = 0
            terminal = FirmwareLog(flash)
        terminal.press(chance.randint(1, 4), 1000 * n)
    return bytes(flash.image)


def agree(image: bytes) -> dict[int, bytes]:
    """Reads with both; what they found."""
    from hymio_sim.rigs.on_vm.ram_flash import RamFlash

    theirs, ours = FirmwareLog(RamFlash(4, bytearray(image))), read_image(image, MAC)
    found = contents(ours)
    assert found == theirs.contents()
    assert (ours.oldest_seq, ours.next_seq) == (theirs.log.oldest_seq, theirs.log.next_seq)
    assert [*ours.totals_before(ours.sectors[-1])] == theirs.log.totals_before(ours.sectors[-1] * SLOTS)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_the_firmware_finds_the_same(seed: int) -> None:
    assert len(agree(written_by_firmware(seed))) > 200


@settings(max_examples=200)
@given(seed=st.integers(0, 7), bit=st.integers(0, 4 * SECTOR * 8 - 1))
def test_a_flipped_bit_costs_at_most_one_record_and_invents_none(seed: int, bit: int) -> None:
    image = bytearray(written_by_firmware(seed))
    whole = contents(read_image(bytes(image), MAC))
    image[bit // 8] ^= 1 << bit % 8
    left = sorted(agree(bytes(image)).values())
    # A copy that was void may speak for a record now, so it is what they say that counts, not their seqs.
    assert len(left) >= len(whole) - 1
    assert not set(left) - set(whole.values()) and len(left) == len(set(left))


# The command.


def image_file(tmp_path: Path, image: bytes | bytearray) -> str:
    path = tmp_path / "votes.bin"
    path.write_bytes(image)
    return str(path)


def full_of_presses(presses: int) -> Partition:
    """Six sectors."""
    partition = Partition(random.Random(1), 6)
    for n in range(presses):
        partition.write(press(1 + n % 4, 1000 * n), (True,))
    return partition


def test_the_lines_are_those_of_a_terminal(tmp_path: Path) -> None:
    boot, clock = record(4, 1, 0, bytes(4)), record(5, 1, 5000, struct.pack("<I", 1_800_000_000))
    later = record(2, 3, 6000, struct.pack("<I", 1))
    path = image_file(tmp_path, one_sector(boot, ONE, clock, BURNED, press(2, 7000), later))
    done = hymio("votes", "--image", path, "--json")
    lines = [check("votes-line", line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and "1 burned slot," in done.stderr
    told = [(line["device_id"], line["seq"], line["verdict"], line["pressed_utc"], line["clock"]) for line in lines]
    assert told == [("image", 1, "chord", 1_799_999_996.0, "dated"), ("image", 4, "counted", 1_800_000_002.0, "set")]
    named = hymio("votes", "--image", path, "--json", "--device-id", "till-1", "--mac", "24:0A:C4:11:22:33")
    assert json.loads(named.stdout.splitlines()[0])["device_id"] == "till-1"
    assert "2 presses, 1 of them a vote" in hymio("votes", "--image", path).stderr


def test_an_image_goes_into_a_database_once(tmp_path: Path) -> None:
    path, db = image_file(tmp_path, full_of_presses(3 * SLOTS).image), str(tmp_path / "votes.db")
    into = ("votes", "--image", path, "--device-id", "till-1", "--db", db, "--json")
    first, second = hymio(*into), hymio(*into)
    assert check("votes-db", first.stdout) == {"read": 756, "new": 756, "duplicates": 0}
    assert check("votes-db", second.stdout) == {"read": 756, "new": 0, "duplicates": 756}
    (line,) = check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"]
    assert line["balanced"] and (line["pressed"], line["rows"], line["open_gaps"]) == (756, 756, [])


def test_a_sector_beyond_reading_is_told_and_left_open(tmp_path: Path) -> None:
    partition = full_of_presses(3 * SLOTS)
    partition.put(1, 0, bytes(SECTOR))
    path, db = image_file(tmp_path, partition.image), str(tmp_path / "votes.db")
    done = hymio("votes", "--image", path, "--json")
    assert done.returncode == ANSWER_NO and len(done.stdout.splitlines()) == 2 * SLOTS
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert "252 presses" in error["message"] and "damaged" in error["message"]
    assert hymio("votes", "--image", path, "--device-id", "till-1", "--db", db).returncode == ANSWER_NO
    (line,) = check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"]
    assert line["open_gaps"] == [[SLOTS, 2 * SLOTS - 1]] and line["rows"] == 2 * SLOTS and not line["balanced"]


def test_wrong_use_touches_nothing(tmp_path: Path) -> None:
    path, db = image_file(tmp_path, one_sector(ONE)), str(tmp_path / "votes.db")
    (tmp_path / "short.bin").write_bytes(b"\xff" * 100)
    (tmp_path / "empty.bin").write_bytes(b"")
    wrong = (
        ("--image", str(tmp_path / "none.bin")),
        ("--image", str(tmp_path)),
        ("--image", str(tmp_path / "short.bin")),
        ("--image", str(tmp_path / "empty.bin")),
        ("--image", path, "--port", "COM5"),
        ("--image", path, "--db", db),
        ("--image", path, "--db", db, "--device-id", "till-1", "--ack"),
        ("--image", path, "--device-id", "Till 1"),
        ("--image", path, "--mac", "24:0a"),
        ("--device-id", "till-1"),
        ("--mac", "24:0a:c4:11:22:33"),
    )
    for options in wrong:
        done = hymio("votes", *options, "--json")
        error = check("error", done.stderr.splitlines()[-1])["error"]
        assert done.returncode == error["exit"] == WRONG_USE and done.stdout == "", options
    assert not Path(db).exists()

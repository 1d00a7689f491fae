"""The proof that the log loses nothing and invents nothing, and that the proof itself would notice."""

import itertools
import time

import pytest

from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.log_proof import Proof, Tally, replay
from hymio_sim.rigs.log_story import Change, Rooms

STORIES = 5
# By what each test asserts of its own, all of them together have cut in more than 100,000 distinct states.
STATES_OF_A_STORY = 19_500


@pytest.fixture
def seen(record_property):
    """Passes a tally on, and on to the summary at the end of the run."""
    begin_s = time.process_time()

    def note(tally):
        record_property("powercut", (tally.cases, len(tally.states), time.process_time() - begin_s))
        return tally

    return note


def prove(seeds, every=1, deep=0, changes=(), **kind):
    tally = Tally()
    for seed in seeds:
        tally.add(Proof(seed, changes, **kind).run(every, deep))
    return tally


@pytest.mark.parametrize("story", range(STORIES))
def test_every_cut_of_every_operation(story, seen):
    # Every story has its own log_id, so no image of one occurs in another.
    tally = seen(prove([story]))
    assert len(tally.states) >= STATES_OF_A_STORY


@pytest.mark.parametrize("seed", [101])
def test_cuts_during_recovery(seed, seen):
    tally = seen(prove([seed], every=17, deep=150))
    assert len(tally.states) > 2000


@pytest.mark.parametrize("seed", range(201, 203))
def test_silent_faults_followed_by_a_cut(seed, seen):
    assert len(seen(prove([seed], every=11, faults=True)).states) > 1000


@pytest.mark.parametrize(("seed", "faults"), [(400, False), (401, True)])
def test_sectors_as_long_as_a_board_s(seed, faults, seen):
    assert len(seen(prove([seed], every=60, board=True, faults=faults)).states) > 1000


@pytest.mark.parametrize(("seed", "faults"), [(500, False), (501, True)])
def test_every_operation_of_a_self_test(seed, faults, seen):
    proof = Proof(seed, faults=faults, spares=True)
    assert set(proof.spared) == ({"", "program", "erase"} if faults else {""}), "in each of these ways it ends"
    kinds = {(moment.operation.kind, moment.operation.length) for moment in proof.moments}
    assert kinds == {("program", 64), ("program", 4), ("erase", 1024)}
    assert len(seen(proof.run(every=41, deep=1500)).states) > 500


# Stories that once broke the promise: old numbers pose as new ones, retries outlive their first copy, reads fail.
ONCE_BROKEN = (208, 214, 218, 219, 222, 224)


@pytest.mark.parametrize("seed", ONCE_BROKEN)
def test_several_faults_at_once_in_a_small_ring(seed, seen):
    assert len(seen(prove([seed], every=29, faults=True)).states) > 100


def test_every_silent_fault_occurs_in_the_stories():
    kinds = set()
    for seed in range(201, 205):
        player = Proof(seed, faults=True).player
        kinds |= player.had | {"stuck bits"} if player.flash.faults.stuck_bits else player.had
    assert kinds == {"program_noop", "erase_noop", "read_glitch", "bad sector", "stuck bits"}


def test_every_byte_of_a_record_and_of_a_header_is_torn():
    shapes = {4: set(), 16: set(), 64: set()}
    for case, moment, _ in Proof(3).cases():
        if moment.operation.kind == "program":
            shapes[moment.operation.length].add(case.split("-")[1])
    for size, found in shapes.items():
        assert {f"{shape}{at}" for shape in ("head", "tail") for at in range(1, size)} <= found
    assert {f"{shape}{at}" for shape in ("high", "low", "some") for at in range(16)} <= shapes[16]


def test_a_case_can_be_replayed():
    name, _, _ = next(Proof(3).cases())
    replay(name)
    with pytest.raises(ValueError, match="no such case"):
        replay("3/99999-none-3")


# One line each that a tired programmer might write. Where a second guard hides a bug, both are removed.
PLANTED: dict[str, list[Change]] = {
    "no record CRC": [
        ("log_record", "        return sum32 == buf[at + 12]", "        return True or sum32 == buf[at + 12]")
    ],
    "no header CRC": [
        ("log_record", 'buf[4] != 1 or struct.unpack_from("<I", buf, 60)[0] != crc32(buf[:60]):', "buf[4] != 1:"),
        ("log_record", "        if fields[6] != chip:", "        if False:"),
        ("log_index", "found == sector_seq and header.log_id == self.log_id", "True"),
    ],
    "no seed in the record CRC": [("log_record", '"<II", log_id, sector_seq)', '"<II", 0, 0)')],
    "no read-back": [("log_ring", "                if back == buf:", "                if True:")],
    "no blank check": [
        (
            "log_ring",
            "                    if not is_blank(self.buf, 0, 512):\n                        return False",
            "                    pass",
        ),
        ("log_ring", "                if back == buf:", "                if True:"),
    ],
    "write position after the last valid slot": [
        ("log_reader", "            self.touched_seq = seq + 1\n            self.burned += 1", "            pass"),
        ("log_ring", "                if back == buf:", "                if True:"),
    ],
    "cursor not in the header": [
        (
            "log_ring",
            "header.cursor, header.sent, header.lost = self.cursor,",
            "header.cursor, header.sent, header.lost = 0,",
        ),
    ],
    "what was lost is forgotten with the next ack": [
        ("log_ring", "        self.lost_settled = lost\n", "        self.lost_settled = 0\n")
    ],
    "what went with a sector is not counted": [
        ("log_ring", "                self.before_oldest = sum(", "                self.before_oldest += 0 * sum(")
    ],
    "totals not in the header": [("log_ring", "        header.totals = self.totals\n", "")],
    "the same sector number twice": [
        ("log_ring", "seq = self.first_seq // SLOTS + 1 if", "seq = self.first_seq // SLOTS if"),
    ],
    "erase skipped": [
        ("log_ring", "            self.device.ioctl(6, sector)\n", ""),
        (
            "log_ring",
            "                    if not is_blank(self.buf, 0, 512):\n                        return False",
            "                    pass",
        ),
    ],
    "a retry counts beside the first copy": [
        ("log_reader", "                if record[:12] in self._behind:", "                if False:")
    ],
    "acks forgotten at a reboot": [("log_mount", "                self._take_ack(record)\n", "")],
    "the boot number does not move": [("log_mount", "self.boot = boot % 65535 + 1", "self.boot = boot")],
    "presses of a run counted as one": [
        ("log_record", "        return buf[at + 10] | buf[at + 11] << 8", "        return 1")
    ],
}


PLANTED_IN_THE_SELF_TEST: dict[str, list[Change]] = {
    "the sector is not erased": [
        ("log_selftest", "    if not log.erase_ahead(sector):", "    log.ahead = sector\n    if False:")
    ],
    "another sector": [
        ("log_selftest", "    sector = log.lend()\n", "    sector = (log.lend() + 1) % log.sectors\n"),
    ],
    "the open sector": [("log_selftest", "    sector = log.lend()\n", "    log.lend()\n    sector = log.sector\n")],
    "what is not blank is offered": [
        ("log_selftest", '        found = "erase"\n', '        found = "erase"\n        log.ahead = sector\n')
    ],
}


@pytest.mark.parametrize("bug", PLANTED_IN_THE_SELF_TEST)
def test_a_planted_bug_of_the_self_test_is_caught(bug):
    with pytest.raises(Broken):
        for seed in range(500, 504):
            for faults in (False, True):
                prove([seed], every=97, changes=PLANTED_IN_THE_SELF_TEST[bug], faults=faults, spares=True)


def stretches(seed, changes, faults):
    """What `prove` does, with a pause every now and then."""
    proof = Proof(seed, changes, faults=faults)
    for number, (case, moment, image) in enumerate(proof.cases(every=9)):
        proof.one(moment, image, case, go_on=number % 8 == 7)
        if number % 100 == 99:
            yield


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug):
    with pytest.raises((Broken, AssertionError, IndexError, RecursionError)):
        for seed in range(300, 308):
            # Without faults and with them, a stretch of each in turn: most bugs show at once in one of the two.
            for _ in itertools.zip_longest(*(stretches(seed, PLANTED[bug], faults) for faults in (False, True))):
                pass


def test_a_change_that_changes_nothing_is_an_error():
    with pytest.raises(ValueError, match="expected once"):
        Rooms([("log_record", "no such line", "")])

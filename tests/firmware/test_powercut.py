"""Cuts power at every flash operation of a scenario and in every torn shape, then asks an oracle kept outside."""

import random
from array import array

import pytest
from logs import CHIP, Dice, boot, press, write_ack

from hymio_sim.powercut import Recorder, torn_images
from terminal.clock import Clock
from terminal.logreader import END, Reader
from terminal.record import PRESS
from terminal.ringlog import RingLog

SECTORS = 4


def mount(flash):
    clock = Clock(0)
    log = RingLog(flash, CHIP, Dice(), clock)
    log.mount()
    return log, clock


def presses_of(log):
    """{seq: button} of what is held."""
    reader = Reader(log)
    reader.seek(log.oldest_seq)
    found = {}
    while True:
        kind = reader.next()
        if kind == END:
            return found
        if kind == PRESS:
            found[reader.seq] = (reader.record[8] & 3) + 1


class Scenario:
    """Presses, acks and wrap-arounds on a recorder; `known` says for every operation what was durable before it."""

    def __init__(self, presses, seed):
        dice = random.Random(seed)
        self.thanked = {}
        self.known = []  # for each operation: (number of thanked presses, press under way, cursor)
        self.now = (0, None, 0)
        self.flash = Recorder(SECTORS)
        self.log, self.clock = mount(self.flash)
        boot(self.log, self.clock)
        cursor = 0
        for i in range(presses):
            self.note(None, cursor)
            if self.log.needs_sector and dice.random() < 0.3:
                self.log.prepare()
            self.log.open_ahead()
            if dice.random() < 0.02:
                self.log.settle(dice.randrange(self.log.oldest_seq, self.log.next_seq + 1))
                self.note(None, cursor)
                write_ack(self.log)
                cursor = self.log.cursor
            button = 1 + i % 4
            self.note(button, cursor)
            self.thanked[press(self.log, self.clock, button)] = button
        self.note(None, cursor)

    def note(self, button, cursor):
        """What is true for all operations from here to the next note."""
        state = (len(self.thanked), button, cursor)
        while len(self.known) < len(self.flash.operations):
            self.known.append(self.now)
        self.now = state


def being_erased(operation):
    """The seqs of the sector that the operation erases: its presses may go, the totals must still tell of them."""
    if operation.data is not None or operation.before[operation.address :][:4] != b"HYML":
        return range(0)
    sector_seq = int.from_bytes(operation.before[operation.address + 8 :][:4], "little")
    return range(252 * sector_seq, 252 * (sector_seq + 1))


def check(scenario, operation, image, name):
    thanked_count, under_way, cursor = scenario.known[operation.number]
    may_go = being_erased(operation)
    thanked = dict(list(scenario.thanked.items())[:thanked_count])
    flash = Recorder(SECTORS, bytes(image))
    log, clock = mount(flash)
    held = presses_of(log)
    expected = {seq: button for seq, button in thanked.items() if seq >= log.oldest_seq}
    extra = {seq: button for seq, button in held.items() if seq not in expected}
    missing = [seq for seq, button in expected.items() if held.get(seq) != button]
    assert all(seq in may_go and seq not in held for seq in missing), name
    assert len(extra) <= 1 and all(button == under_way for button in extra.values()), name
    assert sum(log.totals) == thanked_count + len(extra), name
    assert log.cursor >= cursor, name
    gone = thanked_count - len(expected)
    assert log.lost <= gone + len(missing), name
    before_oldest = sum(log.totals_before(log.oldest_seq))
    assert gone <= before_oldest <= gone + len(missing), name
    # The log goes on, and its next life sees what this one wrote.
    seq = press(log, clock, 3)
    assert seq >= max([*held, -1]) + 1, name
    again, _ = mount(flash)
    now = presses_of(again)
    assert now[seq] == 3 and sum(again.totals) == thanked_count + len(extra) + 1, name
    return hash(bytes(image))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_operation_cut_in_every_shape(seed):
    scenario = Scenario(presses=252 * 5, seed=seed)
    scenario.note(None, 0)
    states = array("q")
    operations = scenario.flash.operations
    # Every erase and header with their neighbourhood, and every seventh program of a record.
    for operation in operations[2:]:
        near = any(
            other.data is None or len(other.data) == 64
            for other in operations[max(0, operation.number - 2) : operation.number + 3]
        )
        if not near and operation.number % 7:
            continue
        for name, image in torn_images(operation, seed):
            states.append(check(scenario, operation, image, name))
    assert len(set(states)) > 1000


def test_first_mount_cut_anywhere_begins_a_log():
    flash = Recorder(SECTORS)
    mount(flash)
    for operation in flash.operations:
        for name, image in torn_images(operation):
            log, clock = mount(Recorder(SECTORS, bytes(image)))
            assert press(log, clock) >= 0, name

"""One flipped bit anywhere in the partition costs at most the record it hits, and shows in health."""

import functools

import pytest

from hymio_sim.rigs.log_oracle import Book
from hymio_sim.rigs.log_story import SMALL, Player, Rooms
from hymio_sim.rigs.power_cut import Recorder

SECTOR, SECTORS, SLOTS = SMALL.sector, SMALL.sectors, SMALL.slots
HEADER = 64
RECORD = 16
# name: (steps played, with a sector erased ahead at the end)
STORIES = {"in its first sector": (20, False), "wrapped around": (7 * SLOTS + 25, True)}


class Rotting:
    """A log in flash, and what it says before anything rots."""

    def __init__(self, steps, with_ahead):
        self.rooms = Rooms()
        self.flash = Recorder(SECTORS, sector=SECTOR)
        self.flash.recording = False
        player = Player(self.rooms, self.flash, 1, Book())
        player.boot()
        for _ in range(steps):
            player.step()
        if with_ahead and player.log.needs_sector:
            player.log.prepare()
        self.log = self.mount()
        self.held = self.rooms.contents(self.log)
        self.seq_at = {}
        for seq in range(self.log.oldest_seq, self.log.first_seq + SLOTS):
            sector = self.log.where[seq // SLOTS % SECTORS]
            self.seq_at[sector * SECTOR + HEADER + seq % SLOTS * RECORD] = seq

    def mount(self):
        return self.rooms.mount(self.flash, 1)

    def found_in_health(self, log):
        """Everything wrong that a whole pass over the log sees."""
        scrub = self.rooms.module("log_scrub").Scrub(log, self.rooms.module("log_reader").Reader(log))
        while not scrub.step():
            pass
        return log.burned + len(log.damaged)


@functools.cache
def rotting(name):
    return Rotting(*STORIES[name])


@pytest.mark.parametrize("rotten_sector", range(SECTORS))
@pytest.mark.parametrize("name", STORIES)
def test_any_single_bit(name, rotten_sector):
    story = rotting(name)
    before = story.log
    assert story.found_in_health(before) == 0
    held_sectors = {
        before.where[seq % SECTORS] for seq in range(before.oldest_seq // SLOTS, before.next_seq // SLOTS + 1)
    }
    for bit in range(8 * rotten_sector * SECTOR, 8 * (rotten_sector + 1) * SECTOR):
        at = bit >> 3
        story.flash.flash.rot(at, bit & 7)
        log = story.mount()
        # The health below reads all of it anew each time.
        held = story.rooms.contents_by_sector(log, story.flash.image)
        hit = story.seq_at.get(at // RECORD * RECORD)
        record = story.held.get(hit)
        kind = record[0] & 7 if record else 0
        assert held == {seq: content for seq, content in story.held.items() if seq != hit}, bit
        assert (log.log_id, log.oldest_seq) == (before.log_id, before.oldest_seq), bit
        # What the newest header does not count yet goes with the record; nothing else moves a total.
        if not (record and hit >= before.first_seq):
            assert log.totals == before.totals, bit
        if kind != 6:
            assert log.cursor == before.cursor, bit
        assert log.cursor <= before.cursor and log.next_seq >= before.next_seq, bit
        assert story.found_in_health(log) == (at // SECTOR in held_sectors), bit
        story.flash.flash.rot(at, bit & 7)

"""The proof of the log: cut power at every flash operation in every torn shape, reboot, ask an outside oracle, go on.

A case has an id, `SEED/OPERATION-SHAPE` or, for a second cut during recovery, `SEED/OPERATION-SHAPE/OPERATION-SHAPE`;
`replay` runs exactly that case. SEED is that of the story: `7`, `7f` with silent faults, `7b` with a board's sectors
of 4096 bytes, `7s` with self-tests, in which alone it is cut, `7fbs` with all of them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.log_oracle import Book, check
from hymio_sim.rigs.log_story import BOARD, SMALL, Change, Player, Rooms
from hymio_sim.rigs.power_cut import Moment, Recorder, torn_images

_RECORD: Final = 16


@dataclass
class Tally:
    """What a proof has seen."""

    cases: int = 0
    states: set[int] = field(default_factory=set)

    def saw(self, image: bytes) -> None:
        """Counts one case more."""
        self.cases += 1
        self.states.add(hash(image))

    def add(self, other: Tally) -> None:
        """Adds all that another proof has seen."""
        self.cases += other.cases
        self.states |= other.states


class Proof:
    """All power cuts of one seeded story."""

    def __init__(
        self,
        seed: int,
        changes: Sequence[Change] = (),
        steps: int | None = None,
        faults: bool = False,
        board: bool = False,
        spares: bool = False,
    ) -> None:
        """Plays the story once, without a cut.

        board: with sectors as long as those of a board; spares: with self-tests, and cuts in these alone; steps: the
        length of the story, without which every sector is used at least twice.
        """
        self.seed = seed
        self.name = f"{seed}{'f' * faults}{'b' * board}{'s' * spares}"
        self.faults = faults
        self.spares = spares
        self.geometry = BOARD if board else SMALL
        self.rooms = Rooms(changes, self.geometry)
        flash = self._flash()
        player = Player(self.rooms, flash, seed, Book(), faults=faults)
        player.note()
        player.boot()
        moments: list[Moment] = []
        self.spared: list[str] = []
        """What each self-test found wrong, which is mostly nothing."""
        for n in range(steps or (self.geometry.sectors + 2) * self.geometry.slots):
            player.step()
            if spares and n % 29 == 0:
                begin = len(flash.moments)
                found = player.try_spare()
                if found is not None:
                    self.spared.append(found)
                    moments += flash.moments[begin:]
        player.note()
        self._rebooted: set[int] = set()
        self.moments = moments if spares else flash.moments
        self.player = player

    def _flash(self, image: bytes | None = None, moment: Moment | None = None) -> Recorder:
        """A chip with this image, and with the faults that it had at that moment."""
        faults = moment.faults.lasting() if moment else None
        return Recorder(self.geometry.sectors, image, self.geometry.sector, faults)

    def cases(self, every: int = 1) -> Iterator[tuple[str, Moment, bytes]]:
        """(id, moment, image) of every first cut.

        These are the cuts at every `every`-th operation and at all operations that open a sector; of a self-test every
        `every`-th torn state of each operation.
        """
        for moment in self.moments:
            size = moment.operation.length
            if moment.number % every == 0 or size != _RECORD:
                torn = torn_images(moment, self.seed)
                for name, image in itertools.islice(torn, 0, None, every if self.spares else 1):
                    yield f"{self.name}/{name}", moment, image

    def run(self, every: int = 1, deep: int = 0) -> Tally:
        """Cuts at every `every`-th operation, and during the recovery from every `deep`-th state again (0: never)."""
        tally = Tally()
        for case, moment, image in self.cases(every):
            tally.saw(image)
            again = deep > 0 and tally.cases % deep == 0
            self.one(moment, image, case, go_on=again or tally.cases % 8 == 0, tally=tally if again else None)
        return tally

    def one(self, moment: Moment, image: bytes, case: str, go_on: bool = True, tally: Tally | None = None) -> None:
        """Reboots on one torn image, asks the oracle, and goes on; with a tally it cuts during that as well."""
        may_go = self.player.erased_since(moment)
        flash = self._flash(image, moment)
        # What is done on it is only recorded to be cut again.
        flash.recording = tally is not None
        player = self._reboot(flash, self.player.states[moment.number], may_go, case, 1, is_read_whole=go_on)
        if not go_on:
            return
        player.boot()
        for _ in range(6 if tally else self.geometry.slots + 10):
            player.step()
        player.note()
        faults = flash.faults.lasting()
        end = Recorder(self.geometry.sectors, flash.image, self.geometry.sector, faults)
        end.recording = False
        self._reboot(end, player.book, may_go, case + "/end", 2)
        if tally:
            for second in flash.moments:
                spans = [*may_go, *player.erased_since(second)]
                said = player.states[second.number]
                around = said.says, tuple(spans), second.faults.says
                for name, torn in torn_images(second, self.seed):
                    tally.saw(torn)
                    # The same image with the same book, met after another first cut: all would be as it was then.
                    known = hash((torn, around))
                    if known in self._rebooted:
                        continue
                    self._rebooted.add(known)
                    again = self._flash(torn, second)
                    again.recording = False
                    self._reboot(again, said, spans, f"{case}/{name}", 2)

    def _reboot(
        self,
        flash: Recorder,
        book: Book,
        may_go: list[range],
        case: str,
        story: int,
        is_read_whole: bool = False,
    ) -> Player:
        """is_read_whole: the log is read from end to end, and not only what differs from states that were read."""
        try:
            player = Player(self.rooms, flash, self.seed, book, story, self.faults)
            held = self.rooms.contents_by_sector(player.log, flash.image)
            if is_read_whole and held != self.rooms.contents(player.log):
                raise Broken(f"{case}: a reader finds other records from end to end than sector by sector")
            player.book = check(player.log, held, book, may_go, case)
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"{case}: {type(error).__name__}: {error}") from error
        player.note()
        return player


def replay(case: str) -> None:
    """Runs exactly the case of that id; with a second cut, all second cuts after the same first one.

    Raises:
        ValueError: there is no such case.
    """
    seed, first, *_ = case.split("/")
    proof = Proof(int(seed.rstrip("fbs")), faults="f" in seed, board="b" in seed, spares="s" in seed)
    for name, moment, image in proof.cases():
        if name == f"{seed}/{first}":
            proof.one(moment, image, name)
            proof.one(moment, image, name, tally=Tally())
            return
    raise ValueError(f"no such case: {case}")


def main() -> int:
    """Soaks: ever new stories, with and without silent faults, until the time is over; or replays one case."""
    parser = argparse.ArgumentParser(prog="make soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first story")
    parser.add_argument("--case", metavar="ID", help="replay the case with this id instead")
    options = parser.parse_args()
    try:
        if options.case:
            replay(options.case)
            print(f"{options.case}: the log keeps its promise")
            return 0
        end = time.monotonic() + 60 * options.minutes
        cases = states = 0
        seed = options.seed
        while time.monotonic() < end:
            tally = Proof(seed, faults=seed % 2 == 1).run(deep=50)
            cases += tally.cases
            states += len(tally.states)
            seed += 1
            print(f"{seed - options.seed} stories, {cases} cuts, {states} distinct states, 0 failures", flush=True)
    except Broken as broken:
        print(f"the log has broken its promise: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

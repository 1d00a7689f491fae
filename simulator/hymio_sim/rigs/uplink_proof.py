"""The proof of the uplink: whatever happens on the way, the ledger balances to the press in the end.

Fingers press, power fails, flash chips are exchanged, the network lies, and the collector is killed between any two
statements. A calm time follows, in which everything has to arrive. A story is named by its seed. It is told in virtual
time by the firmware itself and by `hymio collect`'s own code on a real database. What must have happened is read from
the flash chip (`log_watch`), never asked of the firmware.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, text

from hymio.store.database import Store, open_store
from hymio.store.transaction import DueAck
from hymio_sim.board.sim_time import VirtualClock
from hymio_sim.flash.chip import NorFlash
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.faulty_broker import FaultyBroker, Weather
from hymio_sim.rigs.fingers import compare
from hymio_sim.rigs.mortal_collector import Fuse, MortalCollector
from hymio_sim.run.virtual import VirtualTerminal
from hymio_sim.run.virtual_link import Air

CALM_S: Final = 3 * 3600.0
"""How long everything may take to arrive once nothing goes wrong any more: several of the terminal's longest waits."""
_LOOK_S: Final = 20.0


@dataclass
class UplinkTally:
    """What a proof has been through."""

    stories: int = 0
    pushes: int = 0
    rows: int = 0
    unthanked: int = 0
    duplicates: int = 0
    quarantined: int = 0
    kills: int = 0
    swaps: int = 0
    slowest_s: float = 0.0

    def add(self, other: UplinkTally) -> None:
        """Adds all that another proof has been through."""
        slowest_s = max(self.slowest_s, other.slowest_s)
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        self.slowest_s = slowest_s

    def __str__(self) -> str:
        return (
            f"{self.stories} stories, {self.pushes} pushes, {self.unthanked} cut off before they were in flash,"
            f" {self.rows} rows, {self.duplicates} came again, {self.quarantined} in quarantine,"
            f" {self.kills} kills of the collector, {self.swaps} other chips,"
            f" all there at most {self.slowest_s:.0f} s after the last fault"
        )


@contextlib.contextmanager
def database() -> Iterator[Store]:
    """A database that nobody wants to keep, so its commits do not wait for the disk."""
    with tempfile.TemporaryDirectory(prefix="hymio-proof-") as directory:
        store = open_store(str(Path(directory) / "votes.db"), create=True)
        store.engine.dispose()
        event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        try:
            yield store
        finally:
            store.close()


class FaultyAir(Air):
    """An `Air` with a faulty broker, and a collector that can be killed behind it."""

    def __init__(self, clock: VirtualClock, utc: Callable[[], float], dice: random.Random) -> None:
        super().__init__(utc)
        self.faulty = FaultyBroker(clock, dice)
        self.broker = self.faulty


class Story:
    """The troubles of one terminal, by seed: `tell` lives through them, then `demand` checks."""

    def __init__(self, seed: int, store: Store) -> None:
        self.seed = seed
        self._store = store
        self._dice = dice = random.Random(f"{seed} uplink")
        self.device_id = f"till-{seed}"
        airs: list[FaultyAir] = []

        def make_air(clock: VirtualClock, utc: Callable[[], float]) -> Air:
            airs.append(FaultyAir(clock, utc, dice))
            return airs[0]

        self.terminal = terminal = VirtualTerminal(self.device_id, network=True, seed=seed, make_air=make_air)
        self._broker = airs[0].faulty
        self._fuse = Fuse()
        self.collector = MortalCollector(
            store, self._fuse, self._broker, terminal.clock, lambda: terminal.hardware.utc, self._check_ack
        )
        self._chips = [terminal.flash]
        self.swaps = 0

    # ---- what happens ----

    def tell(self) -> None:
        """Lives through the troubles and the calm after them."""
        with self._fuse.laid(self._store):
            self._weather()
            for _ in range(self._dice.randrange(4, 14)):
                self._happen()
                self._wait(self._dice.choice((1, 5, 20, 60)))
            self.calm_s = self._calm_end()
        self.terminal.close()

    def _wait(self, mean_s: float) -> None:
        self.terminal.script([f"wait {min(600.0, self._dice.expovariate(1 / mean_s)):.4f}"])

    def _weather(self) -> None:
        dice = self._dice

        def perhaps(often: float) -> float:
            return dice.uniform(0, often) if dice.random() < 0.4 else 0.0

        self._broker.weather = Weather(
            undelivered=perhaps(0.8),
            doubled=perhaps(0.6),
            late=perhaps(0.6),
            corrupted=perhaps(0.2),
            half_open=perhaps(0.9),
            portal=perhaps(0.7),
            slow_ms=perhaps(4000),
            queue_limit=dice.choice((0, 1, 3, 1000)),
        )

    def _happen(self) -> None:
        often = {
            self._presses: 10, self._fuse_lit: 4, self._power_cut: 3, self._wifi_off: 2, self._broker_restarts: 2,
            self._collector_dies: 2, self._weather: 2, self._other_chip: 1,
        }  # fmt: skip
        what = self._dice.choices(list(often), list(often.values()))[0]
        what()

    def _presses(self) -> None:
        for _ in range(self._dice.randrange(1, 7)):
            button, contact_ms = self._dice.randint(1, 4), self._dice.uniform(40, 200)
            pause_s = contact_ms / 1000 + self._dice.choice((0.1, 0.6, 2.5, 6.0)) + self._dice.random()
            self.terminal.script([f"press {button} {contact_ms:.1f}", f"wait {pause_s:.4f}"])

    def _power_cut(self) -> None:
        lines = ["power off", f"wait {self._dice.uniform(0.1, 5):.3f}", "power on", "wait 0.3"]
        if self._dice.random() < 0.6:
            until_cut_s = self._dice.uniform(0.004, 0.03)
            lines = [f"press {self._dice.randint(1, 4)} 90", f"wait {until_cut_s:.4f}", *lines]
        self.terminal.script(lines)

    def _wifi_off(self) -> None:
        self.terminal.script(["wifi off"])
        self._presses()
        self._wait(20)
        self.terminal.script(["wifi on"])

    def _broker_restarts(self) -> None:
        dice = self._dice
        self._broker.restart(dice.random() < 0.5, dice.random() < 0.6, dice.uniform(0, 30))

    def _collector_dies(self) -> None:
        self.collector.die(self._dice.expovariate(1 / 40))

    def _fuse_lit(self) -> None:
        self._fuse.left = self._dice.randrange(30)

    def _other_chip(self) -> None:
        """A fresh flash chip, or one that was on the board before."""
        fresh = len(self._chips) < 2 or self._dice.random() < 0.3
        self._insert(NorFlash(size=1 << 18) if fresh else self._dice.choice(self._chips))

    def _insert(self, chip: NorFlash) -> None:
        self.terminal.script(["wait 0.5", "power off"])
        if chip not in self._chips:
            self._chips.append(chip)
        self.swaps += chip is not self.terminal.flash
        self.terminal.exchange_flash(chip)
        self.terminal.script(["power on", "wait 1"])

    # ---- the calm end ----

    def _calm_end(self) -> float:
        """Lets nothing go wrong any more; each chip gets its turn. Gives the longest time that one took to drain."""
        self._broker.weather = Weather()
        self._fuse.left = None
        self.terminal.script(["wait 0.5", "wifi on", "power on", "wait 1"])
        slowest_s = 0.0
        here = self.terminal.flash
        for chip in [here, *(chip for chip in self._chips if chip is not here)]:
            if chip is not self.terminal.flash:
                self._insert(chip)
            since_us = self.terminal.clock.now_us()
            log_id = self.terminal.hardware.log.log_id
            while not self._has_drained(log_id):
                if self.terminal.clock.now_us() - since_us > CALM_S * 1e6:
                    self._broken(f"log {log_id:08x} has not arrived after {CALM_S / 3600:g} h: {self._ledger()}")
                self.terminal.run(_LOOK_S)
            slowest_s = max(slowest_s, (self.terminal.clock.now_us() - since_us) / 1e6)
        self.terminal.run(60)  # to see that nothing comes that would spoil it
        return slowest_s

    def _has_drained(self, log_id: int) -> bool:
        """Whether the database has all that is in the flash chip, and the terminal knows it."""
        stored = {event["seq"] for event in self.terminal.of("record") if event["log_id"] == log_id}
        if stored != self._rows_below(log_id, 1 << 32):
            return False
        return not stored or any(line["log_id"] == log_id and line["balanced"] for line in self._ledger())

    def _ledger(self) -> list[dict[str, Any]]:
        """The rows of this terminal in the view that `hymio ledger` shows, with the number of conflicts."""
        query = "SELECT v.*, l.conflicts FROM ledger_v1 v JOIN logs l USING (device_id, log_id) WHERE v.device_id = :d"
        return self._ask(query)

    def _ask(self, query: str, **given: object) -> list[dict[str, Any]]:
        with self._store.reading() as connection:
            found = connection.execute(text(query), {"d": self.device_id, **given})
            return [dict(row._mapping) for row in found]

    # ---- what must hold ----

    def _rows_below(self, log_id: int, seq: int) -> set[int]:
        query = "SELECT seq FROM presses WHERE device_id = :d AND log_id = :l AND seq < :s"
        return {row["seq"] for row in self._ask(query, l=log_id, s=seq)}

    def _check_ack(self, due: DueAck) -> None:
        """Checks that everything below the mark of an ack is a row by now, for everybody to see.

        The terminal may forget it as soon as it has the ack.
        """
        stored = {e["seq"] for e in self.terminal.of("record") if e["log_id"] == due.log_id and e["seq"] < due.mark}
        missing = stored - self._rows_below(due.log_id, due.mark)
        if missing:
            self._broken(f"an ack up to {due.mark} leaves, and seqs {sorted(missing)} are no rows")

    def demand(self) -> UplinkTally:
        """Holds fingers, flash and database against each other.

        Raises:
            Broken: they do not agree; names the seed.
        """
        rows = self._ask("SELECT * FROM presses_v1 WHERE device_id = :d")
        quarantined = self._ask("SELECT count(*) AS n FROM quarantine WHERE device_id = :d")[0]["n"]
        lines = self._ledger()
        verdict = compare(self.device_id, self.terminal.events, rows)
        if verdict.problems or verdict.waiting:
            self._broken("; ".join(verdict.problems) or f"{verdict.waiting} presses are no rows")
        for line in lines:
            if not line["balanced"] or line["lost"] or line["conflicts"]:
                self._broken(f"the ledger does not balance: {line}")
        return UplinkTally(
            1, verdict.pushes, len(rows), verdict.unthanked, sum(line["duplicates"] for line in lines), quarantined,
            self.collector.kills, self.swaps, self.calm_s,
        )  # fmt: skip

    def _broken(self, what: str) -> None:
        raise Broken(f"story {self.seed}: {what} (again: make soak WHAT=uplink ARGS='--case {self.seed}')")


def prove(seeds: range, store: Store) -> UplinkTally:
    """Tells the stories of these seeds on one database.

    Raises:
        Broken: a story fails; names its seed.
    """
    total = UplinkTally()
    for seed in seeds:
        try:
            story = Story(seed, store)
            story.tell()
            tally = story.demand()
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"story {seed}: {type(error).__name__}: {error}") from error
        total.add(tally)
    with store.reading() as connection:
        strangers = connection.execute(text("SELECT DISTINCT device_id FROM presses")).scalars()
        unknown = {name for name in strangers if not name.startswith("till-") or not name[5:].isdigit()}
    if unknown:
        raise Broken(f"stories {seeds}: rows of terminals that are not: {sorted(unknown)}")
    return total


def main() -> int:
    """Soaks: ever new stories of the uplink until the time is over; or tells one again."""
    parser = argparse.ArgumentParser(prog="make soak WHAT=uplink", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first story")
    parser.add_argument("--case", type=int, metavar="SEED", help="tell this story alone")
    options = parser.parse_args()
    try:
        if options.case is not None:
            with database() as store:
                print(prove(range(options.case, options.case + 1), store))
            return 0
        end = time.monotonic() + 60 * options.minutes
        seed, each = options.seed, 100
        while time.monotonic() < end:
            with database() as store:
                begin = time.process_time()
                tally = prove(range(seed, seed + each), store)
            seed += each
            print(f"{seed - options.seed} stories, 0 failures; {each / (time.process_time() - begin):.0f} a second;"
                  f" the last: {tally}", flush=True)  # fmt: skip
    except Broken as broken:
        print(f"the uplink has broken its promise: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

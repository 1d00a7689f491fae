"""A rush hour before one terminal, in virtual time: random visitors press, and the books are compared at the end.

    .venv/bin/python simulator/examples/rush_hour.py [SEED]

Nothing here asks the firmware what it thinks: `press` events are what fingers did, `record` events what is in flash,
and the simulated office says up to where it has everything. Exit status 0: they agree.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from hymio_sim.run.virtual import VirtualTerminal

VISITORS = 120
HAPPINESS = [1, 2, 4, 9]
"""How often each face is chosen, 1 (very unhappy) first."""


def main() -> int:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    visitors = random.Random(seed)
    with VirtualTerminal("till-1", network=True, seed=seed) as terminal:
        for _ in range(VISITORS):
            (face,) = visitors.choices([1, 2, 3, 4], HAPPINESS)
            terminal.press(face, contact_ms=visitors.uniform(40, 400))
            terminal.run(visitors.expovariate(1 / 30))  # a visitor every half a minute, some of them at once
        terminal.run(120)  # what is still on its way
        pushes, records = terminal.of("press"), terminal.of("record")
        # A later event may change the verdict of an earlier press: a correction, a mashing child.
        verdicts = {record["seq"]: record["verdict"] for record in records}
        verdicts |= {amended["seq"]: amended["verdict"] for amended in terminal.of("amended")}
        newest = records[-1]["seq"]
        assert terminal.air is not None, "it was asked for a network"
        complete_below = terminal.air.office.marks["till-1", records[-1]["log_id"]]
    print(f"{len(pushes)} pushes, {len(records)} records: {dict(Counter(verdicts.values()))}")
    print(f"the office has everything below seq {complete_below}, the last press is seq {newest}")
    # A push while another finger is still on that button is none for the board: there was no edge.
    return 0 if 0 < len(records) <= len(pushes) and newest < complete_below else 1


if __name__ == "__main__":
    sys.exit(main())

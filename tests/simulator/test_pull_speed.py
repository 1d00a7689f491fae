"""How long the cable is busy with a log: bytes both ways, counted on the firmware's own console."""

from __future__ import annotations

import pytest

from hymio_sim.rigs.bench_cable import full_log, pull
from hymio_sim.rigs.bench_log import LogOnFlash

SECTORS = 16
A_MIB = 256 * 252
"""Records in a partition of 1 MiB, none of its sectors ahead counted."""


@pytest.fixture(scope="module")
def log() -> LogOnFlash:
    return full_log(SECTORS)


def test_a_full_log_takes_less_than_a_minute(log: LogOnFlash) -> None:
    records, answers, seconds = pull(log)
    assert records >= (SECTORS - 2) * 252, "the whole ring"
    assert answers <= SECTORS + 1, "one answer to a sector: its totals are in the header, nothing is read twice"
    assert seconds / records * A_MIB < 60


def test_a_small_heap_gets_short_answers_and_the_whole_log_as_well(log: LogOnFlash) -> None:
    records, answers, _ = pull(log, heap_free=2000)
    assert records == pull(log)[0] and records / answers < 40

"""The on-screen terminal: the flash as a ring and the ways of presses, beside what the simulator says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.training.journeys import Journeys
from hymio.training.ring import LETTERS, Ring, RingReader
from hymio.wire.records import SECTOR_BYTES, SLOTS
from hymio_sim.run.virtual import VirtualTerminal


def lived(lines: list[str], tmp_path: Path, network: bool = False) -> tuple[list[dict[str, Any]], bytes]:
    """The events of a terminal with a flash of a few sectors, and that flash."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(b"\xff" * 4 * SECTOR_BYTES)
    with VirtualTerminal(flash=flash, network=network) as terminal:
        for line in lines:
            terminal.obey(line)
        terminal.run(2)
        return list(terminal.events), flash.read_bytes()


STORY = [
    "press 4", "wait 6", "press 1", "wait 0.7", "press 3", "wait 6", "chord 1 4", "wait 6", "hold 2 11", "wait 13",
    *[line for n in range(90) for line in (f"press {n % 3 + 1} 60", "wait 0.2")], "wait 12", "press 2", "wait 0.0095",
    "power off", "wait 1", "press 1", "wait 1", "power on", "wait 3", "press 4", "wait 6",
]  # fmt: skip


def letters_of(ring: Ring) -> dict[int, str]:
    """The letter of each seq."""
    return {
        sector.seq * SLOTS + slot: letter
        for sector in ring.sectors
        if sector.seq is not None
        for slot, letter in enumerate(sector.slots)
    }


def test_the_ring_shows_every_record_with_its_verdict_in_force(tmp_path: Path) -> None:
    events, image = lived(STORY, tmp_path)
    in_force = {e["seq"]: (e["button"], e["verdict"]) for e in events if e["event"] == "record"}
    for event in events:
        if event["event"] == "amended":
            in_force[event["seq"]] = (in_force[event["seq"]][0], event["verdict"])
    folded = {e["seq"]: e["count"] for e in events if e["event"] == "folded"}
    assert folded and {verdict for _, verdict in in_force.values()} >= {"counted", "replaced", "chord", "stuck", "mash"}
    ring = RingReader().read(image)
    shown = letters_of(ring)
    assert {seq: LETTERS[shown[seq]] for seq in in_force} == {
        seq: f"counted {button}" if verdict == "counted" else verdict for seq, (button, verdict) in in_force.items()
    }
    assert {seq for seq, letter in shown.items() if LETTERS[letter] == "folded"} == set(folded)
    assert sum(letter == "B" for letter in shown.values()) == 2
    assert ring.waiting(-1) == (len(in_force) + sum(folded.values()), len(in_force) + len(folded))
    assert ring.waiting(max(in_force)) == (0, 0)
    assert ring.next_seq == max(shown) + 1


def test_of_what_changes_only_that_sector_is_told(tmp_path: Path) -> None:
    _, image = lived(STORY[:4], tmp_path)
    reader = RingReader()
    before = reader.read(image)
    assert [change["place"] for change in before.changes(None)] == [0, 1, 2, 3]
    burned = image[:80] + b"\x00" * 16 + image[96:]
    after = reader.read(burned)
    [change] = after.changes(before)
    assert change["place"] == 0 and change["slots"][1] == "X" and change["seq"] == 0
    assert after.changes(reader.read(burned)) == []


@pytest.mark.parametrize(
    ("sector", "state"),
    [
        (b"\xff" * SECTOR_BYTES, "blank"),
        (b"\x00" * 4 + b"\x11" * (SECTOR_BYTES - 4), "given-up"),
        (b"\x11" * SECTOR_BYTES, "damaged"),
    ],
)
def test_a_sector_of_no_log(sector: bytes, state: str) -> None:
    ring = RingReader().read(sector * 4)
    assert {one.state for one in ring.sectors} == {state}
    assert (ring.log_id, ring.next_seq, ring.presses) == (None, 0, ())


@given(st.lists(st.tuples(st.integers(0, 2 * SECTOR_BYTES - 1), st.binary(min_size=1, max_size=40)), max_size=8))
def test_whatever_is_in_flash_there_is_a_picture(damage: list[tuple[int, bytes]]) -> None:
    image = bytearray(USED)
    for at, data in damage:
        image[at : at + len(data)] = data
    ring = RingReader().read(bytes(image[: len(USED)]))
    assert len(ring.sectors) == 4 and all(len(sector.slots) <= SLOTS for sector in ring.sectors)
    assert all(set(sector.slots) <= set(LETTERS) for sector in ring.sectors)


def _used() -> bytes:
    with VirtualTerminal() as terminal:
        for _ in range(60):
            terminal.press(random.Random(1).randint(1, 4))
            terminal.run(2)
        return terminal.flash.image()[: 4 * SECTOR_BYTES]


USED = _used()


def test_every_press_has_its_way(tmp_path: Path) -> None:
    events, _ = lived(STORY, tmp_path, network=True)
    journeys = Journeys()
    by_push = {}
    for event in events:
        for journey in journeys.take(event):
            by_push[journey.push] = journey
    assert len(by_push) == sum(e["event"] == "press" for e in events)
    ends = {end: [j for j in by_push.values() if j.end == end] for end in ("cut", "unpowered", "folded", None)}
    assert len(ends["unpowered"]) == 1
    records = [e for e in events if e["event"] == "record"]
    assert sorted(j.seq or 0 for j in ends[None]) == [e["seq"] for e in records], "each record is of one push"
    assert len(ends["folded"]) == sum(e["count"] for e in events if e["event"] == "folded")
    assert len(ends["cut"]) == len(by_push) - 1 - len(records) - len(ends["folded"])
    button_of = {e["seq"]: e["button"] for e in records}
    for journey in ends[None]:
        assert (
            journey.flash_s is not None and 0 < journey.flash_s < 0.1 and journey.button == button_of[journey.seq or 0]
        )
        assert journey.thanked_s is None or journey.thanked_s >= journey.flash_s, "no thanks before it is in flash"
        assert journey.acked_s is not None and journey.published_s is not None
        assert journey.flash_s < journey.published_s < journey.acked_s


def told(event: str, t: float, **keys: Any) -> dict[str, Any]:
    return {"event": event, "t": t, **keys}


def test_a_record_is_of_the_last_push_of_its_button() -> None:
    journeys = Journeys()
    for push, t in ((1, 1.0), (2, 1.1)):
        journeys.take(told("press", t, push=push, button=3, powered=True))
    [journey] = journeys.take(told("record", 1.11, log_id=7, seq=5, button=3, verdict="counted"))
    assert journey.push == 2 and journey.flash_s == pytest.approx(0.01)


def test_a_row_is_there_before_its_ack_however_late_one_looks() -> None:
    journeys = Journeys()
    journeys.take(told("press", 1.0, push=1, button=2, powered=True))
    journeys.take(told("record", 1.1, log_id=7, seq=5, button=2, verdict="counted"))
    journeys.take(told("published", 1.5, log_id=7, first_seq=0, last_seq=9))
    assert journeys.committed(8, {5}, 1.6) == [], "another log"
    journeys.take(told("answered", 1.9, log_id=8, seq=5))
    assert journeys.acked_seq == -1, "the ack of the log that was here before, which the broker has kept"
    journeys.take(told("answered", 2.0, log_id=7, seq=5))
    journeys.take(told("acked", 3.0, log_id=7, seq=3))
    assert journeys.acked_seq == 5
    [journey] = journeys.committed(7, {5}, 2.5)
    assert (journey.published_s, journey.committed_s, journey.acked_s) == (0.5, 1.0, 1.0)
    assert journeys.unsettled() == []


def test_a_spike_is_no_press_and_no_loss(tmp_path: Path) -> None:
    events, _ = lived(["press 1 3 profile clean", "wait 1", "press 2", "wait 0.0085", "power off", "wait 1"], tmp_path)
    journeys = Journeys()
    changed = [(event["event"], [(j.button, j.end) for j in journeys.take(event)]) for event in events]
    assert "record" not in dict(changed)
    assert ("power", [(1, "unnoticed"), (2, "cut")]) in changed


def test_what_is_pushed_out_of_the_ring_unsent_is_lost() -> None:
    journeys = Journeys()
    for push, seq in ((1, 5), (2, 260)):
        journeys.take(told("press", push, push=push, button=1, powered=True))
        journeys.take(told("record", push, log_id=7, seq=seq, button=1, verdict="counted"))
    assert journeys.overwritten_below(SLOTS) == [j for j in journeys.unsettled() if j.push == 1]
    assert [j.end for j in journeys.unsettled()] == ["overwritten", None]
    assert journeys.overwritten_below(SLOTS) == [], "once"

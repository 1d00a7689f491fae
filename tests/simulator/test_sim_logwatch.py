"""The simulator's own decoder against the test vectors of firmware/spec/log.md."""

from hymio_sim.flash.chip import SECTOR, NorFlash
from hymio_sim.flash.log_watch import LogWatch

MAC = bytes.fromhex("240ac4112233")
LOG_ID = 0x1A2B3C4D
HEADER = (
    "48594d4c01000700050000004d3c2b1a0269e69bb0040000840300000300000064000000c80000002c0100009001000020030000000000000000"
    "000071e6aad6"
)
SLOTS = {
    0: "142c03000000070000000000e7186905",
    1: "0132ef00000007000305ffff46264237",
    2: "0932ef00000007000305ffff763c848c",
    3: "11ccf100000007000403e0014e16d1b7",
    4: "3230f20000000700ef0400007044abe0",
    5: "2370110100000700010928004a8c43d4",
    6: "15f225010000070000d2496bfe82ee43",
    7: "0602000000000000ef04000004bbf433",
}


def written(watch, flash, address, hexadecimal):
    flash.begin_program(address, bytes.fromhex(hexadecimal))
    flash.finish()
    watch.changed(address, address + len(hexadecimal) // 2)


def make():
    told = []
    flash = NorFlash(size=4 * SECTOR)
    watch = LogWatch(flash, MAC, lambda event, **keys: told.append({"event": event, **keys}))
    return flash, watch, told


def test_vectors_are_told_once_each():
    flash, watch, told = make()
    written(watch, flash, SECTOR, HEADER)
    for slot, record in SLOTS.items():
        written(watch, flash, SECTOR + 64 + 16 * slot, record)
    watch.changed(SECTOR, 2 * SECTOR)
    assert told == [
        {"event": "acked", "log_id": LOG_ID, "seq": 1199},
        {"event": "record", "log_id": LOG_ID, "seq": 1261, "boot": 7, "uptime_ms": 61_234, "button": 4,
         "verdict": "counted"},
        {"event": "record", "log_id": LOG_ID, "seq": 1263, "boot": 7, "uptime_ms": 61_900, "button": 1,
         "verdict": "repeat"},
        {"event": "amended", "log_id": LOG_ID, "seq": 1263, "verdict": "chord"},
        {"event": "folded", "log_id": LOG_ID, "seq": 1265, "boot": 7, "uptime_ms": 70_000, "button": 2,
         "verdict": "mash", "span_s": 9, "count": 40},
        {"event": "acked", "log_id": LOG_ID, "seq": 1262},
    ]  # fmt: skip
    assert watch.boot == 7


def test_a_retried_record_is_told_when_the_first_copy_is_bad():
    flash, watch, told = make()
    written(watch, flash, SECTOR, HEADER)
    written(watch, flash, SECTOR + 64 + 16, SLOTS[1][:-2] + "00")
    written(watch, flash, SECTOR + 64 + 32, SLOTS[2])
    assert [(event["event"], event["seq"]) for event in told] == [("acked", 1199), ("record", 1262)]


def test_what_was_in_flash_before_is_not_told_again():
    flash, watch, _ = make()
    written(watch, flash, SECTOR, HEADER)
    written(watch, flash, SECTOR + 64 + 16, SLOTS[1])
    told = []
    again = LogWatch(flash, MAC, lambda event, **keys: told.append(event))
    again.changed(0, flash.size)
    assert told == []
    assert again.cursor == 1200
    assert again.boot == 8, "the boot under way has written nothing yet"


def test_a_log_of_another_chip_is_none():
    flash, watch, _ = make()
    written(watch, flash, SECTOR, HEADER)
    assert LogWatch(flash, b"\0" * 6, lambda *_, **__: None).log_id == 0

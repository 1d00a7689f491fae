"""What the collector believes of a state message: one that has changed on the way must not move marks or totals."""

import json
from binascii import crc32

from hymio.store.arrivals import Told, Uncountable, read_message


def state(device_id: str = "till-1", word: str = "online", **more: object) -> bytes:
    facts = {
        "device_id": device_id,
        "log_id": 7,
        "next_seq": 9,
        "oldest_seq": 0,
        "acked_seq": 5,
        "pressed": [1, 2, 3, 1],
    }
    text = json.dumps(facts | {"state": word} | more)[:-1].encode()
    return text + b', "crc": %d}' % crc32(text)


def test_it_is_believed() -> None:
    told = read_message("hymio/till-1/state", state(), 1.0)
    assert told == Told("till-1", 7, 9, 0, 6, (1, 2, 3, 1), 1.0)


def test_a_terminal_that_sleeps_between_uploads_is_believed_too() -> None:
    assert isinstance(read_message("hymio/till-1/state", state(word="asleep"), 1.0), Told)


def test_no_single_bit_can_change_what_it_says() -> None:
    whole = state()
    told = read_message("hymio/till-1/state", whole, 1.0)
    for at in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        assert read_message("hymio/till-1/state", bytes(changed), 1.0) == told or isinstance(
            read_message("hymio/till-1/state", bytes(changed), 1.0), Uncountable
        ), bytes(changed)


def test_the_state_of_another_terminal_is_refused() -> None:
    refused = read_message("hymio/till-2/state", state("till-1"), 1.0)
    assert isinstance(refused, Uncountable) and "another terminal" in refused.reason

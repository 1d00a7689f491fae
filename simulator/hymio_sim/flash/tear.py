"""What a power cut in the middle of a program or an erase leaves in the cells of NOR flash."""

from __future__ import annotations

import random

# An erase first programs all cells to zero, so that they wear alike, then pulls them up together.
_PREPROGRAM_SHARE = 0.3


def both(one: bytes, other: bytes) -> bytes:
    """What programming one over the other leaves: the AND of both, because programming only turns ones into zeros."""
    return (int.from_bytes(one, "big") & int.from_bytes(other, "big")).to_bytes(len(one), "big")


def torn_program(before: bytes, data: bytes, fraction: float, rng: random.Random) -> bytes:
    """The bytes when power failed after `fraction` (0..1) of the time of a program.

    Cells are pulled down by pulses, either one after another or all together. Real chips show both, so chance decides
    which. In either case a bit that has to fall may or may not have fallen.
    """
    if rng.random() < 0.5:
        whole = round(fraction * len(data))
        mask = data[:whole] + b"\xff" * (len(data) - whole)
        if whole < len(data):
            partly = data[whole] | _random_bits(1, 0.5, rng)[0]
            mask = mask[:whole] + bytes([partly]) + mask[whole + 1 :]
    else:
        mask = bytes(a | b for a, b in zip(data, _random_bits(len(data), 1 - fraction, rng), strict=True))
    return both(before, mask)


def torn_erase(before: bytes, fraction: float, rng: random.Random) -> bytes:
    """The bytes when power failed after `fraction` (0..1) of the time of an erase."""
    if fraction < _PREPROGRAM_SHARE:
        return both(before, _random_bits(len(before), 1 - fraction / _PREPROGRAM_SHARE, rng))
    return _random_bits(len(before), (fraction - _PREPROGRAM_SHARE) / (1 - _PREPROGRAM_SHARE), rng)


def _random_bits(count: int, share: float, rng: random.Random) -> bytes:
    """`count` bytes, each of whose bits is one with probability `share`."""
    if share <= 0:
        return bytes(count)
    if share >= 1:
        return b"\xff" * count
    return bytes(sum((rng.random() < share) << bit for bit in range(8)) for _ in range(count))

"""Four or five faces become figures: Happy Index, CSAT, negative share, each with how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hymio.measures.happy_index import happy_index, happy_index_margin
from hymio.measures.intervals import Share, share

Faces = Sequence[int]
"""Counted votes by button, 1 (very unhappy) first: four or five counts, each 0 or more."""


@dataclass(frozen=True, slots=True)
class FaceFigures:
    """What a cell of votes says. Every figure is None without votes.

    faces: the counts themselves, 1 first. happy_index: 0..100. happy_index_margin: half of its 95 % interval, in
    points; None under two votes, for one vote has no sample deviation. csat, negative: shares in per cent with their
    Wilson intervals.
    """

    faces: tuple[int, ...]
    votes: int
    happy_index: float | None
    happy_index_margin: float | None
    csat: Share | None
    negative: Share | None


def checked(faces: Faces) -> tuple[int, ...]:
    """The counts as a tuple. ValueError if they are not four or five, or one of them is below 0."""
    if len(faces) not in (4, 5):
        raise ValueError(f"Faces are 4 or 5 counts, the very unhappy one first; there came {len(faces)}.")
    if any(count < 0 for count in faces):
        raise ValueError(f"A count of votes is 0 or more; the faces came as {list(faces)}.")
    return tuple(faces)


def figures(faces: Faces) -> FaceFigures:
    """All figures of one cell.

    Satisfied are the two happy faces and unhappy the two others; of five faces the middle one is neither. ValueError
    for anything but four or five counts from 0.
    """
    counts = checked(faces)
    votes = sum(counts)
    return FaceFigures(
        counts,
        votes,
        happy_index(counts),
        happy_index_margin(counts),
        csat=share(sum(counts[-2:]), votes),
        negative=share(sum(counts[:2]), votes),
    )


def together(cells: Iterable[Faces], of: int = 4) -> tuple[int, ...]:
    """The votes of several cells as one: a group's figure is that of all its votes, never the mean of means.

    Args:
        cells: the faces of each; none is no votes.
        of: how many faces each has, 4 or 5.

    Raises:
        ValueError: a cell has another number of faces.
    """
    total = [0] * of
    for cell in cells:
        if len(checked(cell)) != of:
            raise ValueError(f"Cells of {of} and of {len(cell)} faces have no sum; ask for them one by one.")
        total = [count + more for count, more in zip(total, cell, strict=True)]
    return checked(total)

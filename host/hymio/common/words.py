"""Numbers in sentences: one press, two presses."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """The number and what is counted, such as `1 press`, `2 presses`, `0 bad sectors`.

    Args:
        number: how many.
        thing: the word for one of them; its plural has -s, or -es after a hissing sound.
    """
    if number == 1:
        return f"1 {thing}"
    return f"{number} {thing}{'es' if thing.endswith(('s', 'x', 'sh', 'ch')) else 's'}"


def if_one(number: int, one: str, many: str) -> str:
    """The word that changes with the number, such as has and have, or comes and come."""
    return one if number == 1 else many

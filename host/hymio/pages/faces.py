"""The four faces: where their drawings are, and what they are called.

The drawings (static/faces/*.svg) are ours, and the only ones: pages, icon and posters show the same files. They differ
in mouth and brows, so nobody needs the colours to tell them apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hymio.locale.sentence import _

FACES: Final = {
    1: _("very unhappy"),
    2: _("unhappy"),
    3: _("happy"),
    4: _("very happy"),
}
"""By button, in the order in which they stand beside each other."""
SCALES: Final = {
    "four": tuple((f"faces/{button}.svg", name) for button, name in FACES.items()),
    "five": (
        *((f"faces/{button}.svg", FACES[button]) for button in (1, 2)),
        ("faces/neutral.svg", _("so-so")),
        *((f"faces/{button}.svg", FACES[button]) for button in (3, 4)),
    ),
}
"""Drawing and name of each answer of a scale, the unhappiest first."""


def face_name(button: int) -> str:
    """The drawing of a button among the static files."""
    return f"faces/{button}.svg"


def face_file(button: int) -> Path:
    """The drawing of a button."""
    return Path(__file__).parent / "static" / face_name(button)

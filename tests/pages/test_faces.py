"""The four faces: told apart without colour, seen in light and dark, and drawn in one place only."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest

from hymio.locale.language import languages
from hymio.pages.assets import FOLDER
from hymio.pages.faces import FACES, face_file

CSS = (FOLDER / "hymio.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"^\s*--([\w-]+): (#[0-9a-f]{6});", CSS, re.MULTILINE))
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
    for part in re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
)
WHITE = "#ffffff"


def luminance(colour: str) -> float:
    """Relative, after WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def shapes(button: int) -> list[tuple[str, ...]]:
    """What is drawn, without its colours."""
    root = ElementTree.parse(face_file(button)).getroot()
    return [
        (one.tag, *(f"{name}={value}" for name, value in sorted(one.attrib.items()) if name not in ("fill", "stroke")))
        for one in root.iter()
    ]


def fill(button: int) -> str:
    return ElementTree.parse(face_file(button)).getroot()[0].attrib["fill"]


def test_they_are_told_apart_without_colour() -> None:
    for one, other in combinations(FACES, 2):
        differ = [pair for pair in zip(shapes(one), shapes(other), strict=False) if pair[0] != pair[1]]
        paths = set(map(str, shapes(one))) ^ set(map(str, shapes(other)))
        assert differ and len([path for path in paths if "path" in path]) >= 6, (one, other)  # mouth and both brows


@pytest.mark.parametrize("button", FACES)
def test_a_face_has_the_colour_of_the_style_sheet_and_is_seen_on_both_grounds(button: int) -> None:
    colour = fill(button)
    assert LIGHT[f"face-{button}"] == colour
    for ground in (LIGHT["ground"], LIGHT["sheet"], DARK["ground"], DARK["sheet"], WHITE):
        assert contrast(colour, ground) >= 3, (button, ground)


def test_letters_are_read_on_both_grounds() -> None:
    for theme in (LIGHT, LIGHT | DARK):
        for ink in ("ink", "soft-ink", "accent"):
            for ground in ("ground", "sheet", "mark"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        assert contrast(theme["on-accent"], theme["accent"]) >= 4.5


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.svg")), ids=lambda path: path.stem)
def test_pictures_are_lines_alone(path: Path) -> None:
    """No raster, no script, no style, no reference: they are seen under the strictest policy, and printed sharp."""
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert {one.tag.partition("}")[2] for one in root.iter()} <= {"svg", "g", "path", "circle", "ellipse", "rect"}
    assert not re.search(r"style=|href|on\w+=|url\(", text)
    assert len(text) < 2000


def test_each_has_a_name_in_each_language() -> None:
    for language in languages():
        names = [language.say(name) for name in FACES.values()]
        assert len(set(names)) == len(FACES)

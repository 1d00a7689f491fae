"""What a visitor may say to the terminal on the screen: one small JSON object, checked before anything is done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from hymio.training.scenes import SCENES

LONGEST_BYTES: Final = 256
"""No message is longer than this."""
BUTTONS: Final = (1, 4)
PRESS_MS: Final = (1, 60_000)
TIMES_UTC: Final = (1_577_836_800.0, 4_102_444_800.0)
"""The years 2020 to 2099: what a terminal's clock may be set to."""


class BadWish(ValueError):
    """The message can not be obeyed; args[0] names the field, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Tell:
    """A line of the simulator's contract, for the terminal."""

    line: str


@dataclass(frozen=True, slots=True)
class Play:
    """A scene of `scenes.SCENES`; it takes the place of the one that is playing."""

    scene: str


@dataclass(frozen=True, slots=True)
class StopScene:
    """Ends the scene that is playing."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Another terminal in the place of this one: a new one, or one with a history (`history`)."""

    history: bool


Wish = Tell | Play | StopScene | Renew


def parse(text: str) -> Wish:
    """The wish in a message.

    Raises:
        BadWish: it is none.
    """
    if len(text.encode(errors="replace")) > LONGEST_BYTES:
        raise BadWish(f"message: expected at most {LONGEST_BYTES} bytes")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadWish("message: expected a JSON object") from None
    if not isinstance(said, dict):
        raise BadWish("message: expected a JSON object")
    match said.get("do"):
        case "down":
            return Tell(f"down {_whole(said, 'button', *BUTTONS)}")
        case "up":
            return Tell(f"up {_whole(said, 'button', *BUTTONS)} {_whole(said, 'ms', *PRESS_MS)}")
        case "press":
            return Tell(f"press {_whole(said, 'button', *BUTTONS)} {_whole(said, 'ms', *PRESS_MS)}")
        case "power" | "wifi" as what:
            if not isinstance(said.get("on"), bool):
                _wrong("on", "true or false", said.get("on"))
            return Tell(f"{what} {'on' if said['on'] else 'off'}")
        case "time":
            return Tell(f"time {_number(said, 'utc', *TIMES_UTC)!r}")
        case "scene":
            name = said.get("name")
            if not isinstance(name, str) or name not in SCENES:
                _wrong("name", f"one of {', '.join(SCENES)}", name)
            return Play(name)
        case "stop":
            return StopScene()
        case "renew":
            if not isinstance(said.get("history"), bool):
                _wrong("history", "true or false", said.get("history"))
            return Renew(said["history"])
        case other:
            _wrong("do", "one of down, up, press, power, wifi, time, scene, stop, renew", other)


def _whole(said: dict[str, Any], field: str, low: int, high: int) -> int:
    value = said.get(field)
    if type(value) is not int or not low <= value <= high:
        _wrong(field, f"a whole number, {low} to {high}", value)
    return value


def _number(said: dict[str, Any], field: str, low: float, high: float) -> float:
    value = said.get(field)
    # Not a number compares as false with everything, so it is refused as well.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        _wrong(field, f"a number, {low:.0f} to {high:.0f}", value)
    return float(value)


def _wrong(field: str, expected: str, came: object) -> NoReturn:
    raise BadWish(f"{field}: expected {expected}, came {json.dumps(came)[:40]}")

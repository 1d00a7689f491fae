"""The commands that a simulated terminal obeys, as lines of text (host/spec/contract.md) and as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from hymio_sim.board.switches import DEFAULT, SWITCHES
from hymio_sim.flash.fault_orders import BadSector, FailNext, Fault, FlipBit, StickBit

DEFAULT_MS: Final = 120.0
_LONGEST_MS: Final = 3_600_000.0

USAGE: Final = (
    "press N [MS] [profile NAME]",
    "hold N SECONDS",
    "down N [profile NAME]",
    "up N [MS]",
    "chord N M [MS]",
    "wifi on|off",
    "power on|off",
    "battery MV",
    "time SECONDS",
    "fault program-noop|erase-noop|read-glitch [N]",
    "fault bad SECTOR",
    "fault flip ADDRESS BIT",
    "fault stuck ADDRESS BIT 0|1",
    "wait SECONDS",
    "sleep",
    "quit",
)


@dataclass(frozen=True)
class PushButton:
    """Push a button and hold its contact for `contact_ms`."""

    button: int
    contact_ms: float = DEFAULT_MS
    profile: str = DEFAULT


@dataclass(frozen=True)
class PutFinger:
    """Push a button and stay on it until it is let go."""

    button: int
    profile: str = DEFAULT


@dataclass(frozen=True)
class LetGo:
    """Take the finger off a button, once its contact has been closed for `least_ms`."""

    button: int
    least_ms: float = 0.0


@dataclass(frozen=True)
class Chord:
    """Push two buttons, the second one 10 ms after the first."""

    first: int
    second: int
    contact_ms: float = DEFAULT_MS


@dataclass(frozen=True)
class TurnOnOff:
    """Turn `what` ("wifi" or "power") on or off."""

    what: str
    on: bool


@dataclass(frozen=True)
class SetSupply:
    """Let the battery give that many millivolts."""

    supply_mv: int


@dataclass(frozen=True)
class SetTime:
    """Make `utc`, in seconds of 1970, the true time of this moment."""

    utc: float


@dataclass(frozen=True)
class Wait:
    """Hold up the next line for that long."""

    seconds: float


@dataclass(frozen=True)
class AwaitSleep:
    """Hold up the next line until the terminal sleeps deeply."""


@dataclass(frozen=True)
class Quit:
    """End the simulation."""


Command = PushButton | PutFinger | LetGo | Chord | TurnOnOff | SetSupply | SetTime | Fault | Wait | AwaitSleep | Quit


class BadCommand(ValueError):
    """The line can not be obeyed; args[0] tells a person what was expected and what came."""


def parse(line: str) -> Command | None:
    """The command in a line, or None for an empty line or a comment (`# ...`).

    Raises:
        BadCommand: the line is not a command.
    """
    words = line.split("#", 1)[0].split()
    if not words:
        return None
    verb, rest = words[0], words[1:]
    if verb == "press":
        return _press(rest)
    if verb == "hold" and len(rest) == 2:
        return PushButton(_button(rest[0]), 1000 * _number(verb, rest[1], 0.001, _LONGEST_MS / 1000))
    if verb == "down" and (len(rest) == 1 or (len(rest) == 3 and rest[1] == "profile")):
        return PutFinger(_button(rest[0]), profile_of(rest[2]) if rest[1:] else DEFAULT)
    if verb == "up" and len(rest) in (1, 2):
        return LetGo(_button(rest[0]), _number(verb, rest[1], 0.0, _LONGEST_MS) if rest[1:] else 0.0)
    if verb == "chord" and len(rest) in (2, 3):
        first, second = _button(rest[0]), _button(rest[1])
        if first == second:
            raise BadCommand(f"chord: expected two different buttons, came {first} twice")
        return Chord(first, second, _number(verb, rest[2], 0.001, _LONGEST_MS) if rest[2:] else DEFAULT_MS)
    if verb in ("wifi", "power") and len(rest) == 1:
        if rest[0] not in ("on", "off"):
            raise BadCommand(f"{verb}: expected on or off, came {rest[0]}")
        return TurnOnOff(verb, rest[0] == "on")
    if verb == "time" and len(rest) == 1:
        return SetTime(_number(verb, rest[0], 0.0, 253_402_300_799.0))
    if verb == "fault":
        return _fault(rest, line.strip())
    if verb == "wait" and len(rest) == 1:
        return Wait(_number(verb, rest[0], 0.0, 1e9))
    if verb == "battery" and len(rest) == 1:
        return SetSupply(round(_number(verb, rest[0], 0, 65_535)))
    if verb == "sleep" and not rest:
        return AwaitSleep()
    if verb == "quit" and not rest:
        return Quit()
    for usage in USAGE:
        if usage.split()[0] == verb:
            raise BadCommand(f"expected `{usage}`, came `{line.strip()}`")
    raise BadCommand(f"no such command: {verb}; expected one of: {', '.join(USAGE)}")


def _press(words: list[str]) -> PushButton:
    usage = f"expected `{USAGE[0]}`"
    if not words:
        raise BadCommand(f"{usage}, came no button")
    button = _button(words[0])
    rest = words[1:]
    contact_ms = DEFAULT_MS
    profile = DEFAULT
    if rest and rest[0] != "profile":
        contact_ms = _number("press", rest.pop(0), 0.001, _LONGEST_MS)
    if rest:
        if len(rest) != 2 or rest[0] != "profile":
            raise BadCommand(f"{usage}, came `press {' '.join(words)}`")
        profile = profile_of(rest[1])
    return PushButton(button, contact_ms, profile)


def profile_of(word: str) -> str:
    """The name that `press` events give a profile of a switch.

    `word` may have any letter case, with or without hyphens (KPB22, TC-1103).

    Raises:
        BadCommand: there is no such profile.
    """
    name = word.lower().replace("-", "")
    if name not in SWITCHES:
        raise BadCommand(f"no such profile: {word}; expected one of: {', '.join(SWITCHES)}")
    return name


def _fault(words: list[str], line: str) -> Fault:
    kind, rest = (words[0], words[1:]) if words else ("", [])
    if kind in ("program-noop", "erase-noop", "read-glitch") and len(rest) <= 1:
        return FailNext(kind, _integer(kind, rest[0], 1, 1_000_000) if rest else 1)
    if kind == "bad" and len(rest) == 1:
        return BadSector(_integer("sector", rest[0], 0, 0xFFFF))
    if kind == "flip" and len(rest) == 2:
        return FlipBit(_integer("address", rest[0], 0, 0xFFFFFFFF), _integer("bit", rest[1], 0, 7))
    if kind == "stuck" and len(rest) == 3:
        address, bit = _integer("address", rest[0], 0, 0xFFFFFFFF), _integer("bit", rest[1], 0, 7)
        return StickBit(address, bit, _integer("value", rest[2], 0, 1))
    usages = ", ".join(f"`{usage}`" for usage in USAGE if usage.startswith("fault"))
    raise BadCommand(f"expected one of {usages}, came `{line}`")


def _integer(what: str, word: str, low: int, high: int) -> int:
    """The whole number in `word`, decimal or after 0x hexadecimal, from `low` to `high`."""
    try:
        value = int(word, 0)
    except ValueError:
        raise BadCommand(f"{what}: expected a whole number, came {word}") from None
    if not low <= value <= high:
        raise BadCommand(f"{what}: expected {low} to {high}, came {word}")
    return value


def _button(word: str) -> int:
    if word not in ("1", "2", "3", "4"):
        raise BadCommand(f"expected a button 1..4, came {word}")
    return int(word)


def _number(verb: str, word: str, low: float, high: float) -> float:
    try:
        value = float(word)
    except ValueError:
        raise BadCommand(f"{verb}: expected a number, came {word}") from None
    if not (math.isfinite(value) and low <= value <= high):
        raise BadCommand(f"{verb}: expected {low:g} to {high:g}, came {word}")
    return value

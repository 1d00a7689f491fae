"""How long a battery lasts: a meter that charges what the hardware did, and what that comes to in years."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any, Final

from hymio_sim.board.sim_time import SimClock
from hymio_sim.energy.data import AWAKE_MA, BATTERIES, CURRENTS, WAKES, WORK, Install
from hymio_sim.energy.standard_day import standard_day

INSTALLS: Final[tuple[Install, ...]] = ("frozen", "files")
SELF_DISCHARGE: Final = "self-discharge"
_YEAR_DAYS: Final = 365.25
_OPENS_S: Final = 8 * 3600.0


class EnergyMeter:
    """Adds up charge by cause; `counts` holds how often each thing was done, such as `cpu waking` or `radio on`."""

    def __init__(self, clock: SimClock, install: Install) -> None:
        wake = WAKES[install]
        self._clock = clock
        self._rates = {(item.load, item.state): (item.cause, item.ma) for item in CURRENTS}
        self._rates["cpu", "waking"] = ("waking", 1000 * wake.mc / wake.ms)
        self._work = {item.what: (item.cause, item.ms) for item in WORK} | {"start": ("waking", wake.start_ms)}
        self._drawn: dict[str, tuple[str, float]] = {"board": self._rates["board", "on"]}
        self._since_us = clock.now_us()
        self._coulomb: defaultdict[str, float] = defaultdict(float)
        self.counts: Counter[str] = Counter()

    def switched(self, load: str, state: str | int) -> None:
        """See `loads.Loads`."""
        self._pass()
        if isinstance(state, int):
            cause, ma = self._rates[load.split()[0], "100 %"]
            self._drawn[load] = (cause, ma * state / 100)
        else:
            self._drawn[load] = self._rates.get((load, state), ("", 0.0))
            self.counts[f"{load} {state}"] += 1

    def worked(self, what: str) -> None:
        """See `loads.Loads`."""
        cause, ms = self._work[what]
        self._coulomb[cause] += ms * AWAKE_MA / 1e6
        self.counts[what] += 1

    def coulomb(self) -> dict[str, float]:
        """The charge drawn up to this moment, in coulomb, by cause."""
        self._pass()
        return {cause: value for cause, value in self._coulomb.items() if value}

    def reset(self) -> None:
        """Forgets what was drawn so far."""
        self._pass()
        self._coulomb.clear()
        self.counts.clear()

    def _pass(self) -> None:
        now_us = self._clock.now_us()
        seconds = (now_us - self._since_us) / 1e6
        self._since_us = now_us
        is_online = self._drawn.get("radio", ("", 0.0))[1] > 0
        for load, (cause, ma) in self._drawn.items():
            if ma:
                # While the radio is on, the processor works for the radio, so its charge belongs to that cause.
                self._coulomb["radio" if load == "cpu" and is_online else cause] += seconds * ma / 1000


@dataclass(frozen=True)
class Life:
    """What some days have come to; charges are in coulomb."""

    install: Install
    battery: str
    drawn: dict[str, float]
    """The charge that the terminal draws in a day, by cause."""
    per_day: dict[str, float]
    """How often in a day: `presses` in flash, `wakes`, `uploads` (the radio went on)."""

    @property
    def by_cause(self) -> dict[str, float]:
        """The charge of a day by cause; one of the causes is the battery's own loss."""
        cell = BATTERIES[self.battery]
        return {**self.drawn, SELF_DISCHARGE: cell.coulomb * cell.loss / _YEAR_DAYS}

    @property
    def coulomb_per_day(self) -> float:
        """The charge of a day, all causes together."""
        return sum(self.by_cause.values())

    @property
    def years(self) -> float:
        """How many years the battery lasts."""
        return BATTERIES[self.battery].coulomb / self.coulomb_per_day / _YEAR_DAYS

    def years_on(self, battery: str) -> float:
        """How many years another battery would last, a key of BATTERIES."""
        return replace(self, battery=battery).years


def presses(votes: int, seed: int) -> list[tuple[float, int]]:
    """The presses of a standard day, but with `votes` of them: (second of the day, button), in order."""
    pool = [press for n in range(-(-votes // 200)) for press in standard_day(seed + n)]
    chosen = random.Random(seed).sample(pool, votes)
    return sorted((_OPENS_S + press.at_ms / 1000, press.button) for press in chosen)


def as_json_object(lives: list[Life], **asked: Any) -> dict[str, Any]:
    """What `hymio sim energy --json` prints.

    asked: what was asked for, `profile`, `battery`, `votes_per_day` and `uploads_per_day`.
    """
    installs = [
        {
            "install": life.install,
            "years": life.years,
            "coulomb_per_day": life.coulomb_per_day,
            "by_cause": life.by_cause,
            "per_day": life.per_day,
            "years_on": {battery: life.years_on(battery) for battery in BATTERIES},
        }
        for life in lives
    ]
    return {**asked, "installs": installs}

"""The part of the chip that stays awake in deep sleep: a clock, a timer, and the pins that can wake the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hymio_sim.board.sim_time import Clock, Timer

EXT1_WAKE: Final = 3
TIMER_WAKE: Final = 4
"""As ESP-IDF's esp_sleep_wakeup_cause_t counts them."""


class RtcDomain:
    """Of an original ESP32: ext1 knows any pin high, and all pins low.

    `wake_reason` (EXT1_WAKE, TIMER_WAKE, 0 = no sleep has ended) and `woken_by` (pins, in rising order) tell how the
    last deep sleep ended: which pins had the level then, whatever they have now.
    """

    def __init__(self, clock: Clock, level: Callable[[int, int], bool]) -> None:
        """level(pin, at_us): whether the pin was high at that moment."""
        self._clock = clock
        self._level = level
        self.drift = 0.0
        """Share by which the clock gains in deep sleep, where an RC oscillator drives it; negative: it loses."""
        self.power_on()

    def power_on(self) -> None:
        """All of it begins anew."""
        self._gained_us = -float(self._clock.now_us())
        self._pins: tuple[int, ...] = ()
        self._high = True
        self._timer: Timer | None = None
        self._asleep_us = 0
        self._awake: Callable[[], None] | None = None
        self.wake_reason = 0
        self.woken_by: tuple[int, ...] = ()

    def now_ms(self) -> int:
        """Its clock: milliseconds since power-on."""
        return int(self._clock.now_us() + self._gained_us) // 1000

    def set_ms(self, now_ms: int) -> None:
        """Somebody sets its clock."""
        self._gained_us = float(now_ms * 1000 - self._clock.now_us())

    @property
    def is_asleep(self) -> bool:
        """Whether all but this part of the chip sleeps."""
        return self._awake is not None

    def wake_on(self, pins: bytes | tuple[int, ...], high: bool) -> None:
        """Arms ext1: any of the pins high, or all of them low. No pins: disarms it."""
        self._pins = tuple(sorted(pins))
        self._high = high

    def waking_pins(self, at_us: int) -> tuple[int, ...]:
        """The armed pins that have the waking level, () if they would wake nobody."""
        high = tuple(pin for pin in self._pins if self._level(pin, at_us))
        if self._high:
            return high
        return () if high else self._pins

    def fall_asleep(self, duration_ms: int, awake: Callable[[], None]) -> None:
        """awake() is called once the sleep is over; duration_ms: for so long at most, 0 = no limit."""
        now_us = self._clock.now_us()
        self._asleep_us = now_us
        self._awake = awake
        if duration_ms:
            true_us = round(duration_ms * 1000 / (1 + self.drift))
            self._timer = self._clock.call_at_us(now_us + true_us, lambda: self._over(TIMER_WAKE, ()))
        self.pins_changed(now_us)

    def pins_changed(self, at_us: int) -> None:
        """A pin has just got another level."""
        if self.is_asleep and (pins := self.waking_pins(at_us)):
            self._over(EXT1_WAKE, pins)

    def stop(self) -> None:
        """Nobody is to be woken any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._awake = None

    def _over(self, reason: int, pins: tuple[int, ...]) -> None:
        awake = self._awake
        assert awake is not None
        self.stop()
        self._gained_us += (self._clock.now_us() - self._asleep_us) * self.drift
        self.wake_reason = reason
        self.woken_by = pins
        awake()

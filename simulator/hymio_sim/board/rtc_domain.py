"""The part of the chip that stays awake in deep sleep: a clock, a timer, and the pins that can wake the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hymio_sim.board.sim_time import SimClock, Timer

EXT1_WAKE: Final = 3
TIMER_WAKE: Final = 4
"""The numbers are those of ESP-IDF's esp_sleep_wakeup_cause_t."""


class RtcDomain:
    """The RTC domain of an original ESP32, whose ext1 wakes when any pin is high or when all pins are low.

    `wake_reason` (EXT1_WAKE, TIMER_WAKE, or 0 if no sleep has ended) and `woken_by` (pins, in rising order) tell how
    the last deep sleep ended: which pins had the waking level then, whatever level they have now.
    """

    def __init__(self, clock: SimClock, level: Callable[[int, int], bool]) -> None:
        """Takes `level(pin, at_us)`, which tells whether the pin was high at that moment."""
        self._clock = clock
        self._level = level
        self.drift = 0.0
        """By which share the clock gains in deep sleep, where an RC oscillator drives it; a negative one loses."""
        self.power_on()

    def power_on(self) -> None:
        """Begins anew, as when power comes: the clock at 0, no pins armed."""
        self._gained_us = -float(self._clock.now_us())
        self._pins: tuple[int, ...] = ()
        self._high = True
        self._timer: Timer | None = None
        self._asleep_us = 0
        self._awake: Callable[[], None] | None = None
        self.wake_reason = 0
        self.woken_by: tuple[int, ...] = ()

    def now_ms(self) -> int:
        """What the clock of this domain says, in milliseconds since power-on."""
        return int(self._clock.now_us() + self._gained_us) // 1000

    def set_ms(self, now_ms: int) -> None:
        """Sets the clock of this domain."""
        self._gained_us = float(now_ms * 1000 - self._clock.now_us())

    @property
    def is_asleep(self) -> bool:
        """Whether the rest of the chip sleeps deeply."""
        return self._awake is not None

    def wake_on(self, pins: bytes | tuple[int, ...], high: bool) -> None:
        """Arms ext1 for these pins: any of them high, or all of them low. Without pins it disarms ext1."""
        self._pins = tuple(sorted(pins))
        self._high = high

    def waking_pins(self, at_us: int) -> tuple[int, ...]:
        """The armed pins that have the waking level at that moment, or () if they would not wake the chip."""
        high = tuple(pin for pin in self._pins if self._level(pin, at_us))
        if self._high:
            return high
        return () if high else self._pins

    def fall_asleep(self, duration_ms: int, awake: Callable[[], None]) -> None:
        """Sleeps for `duration_ms` at most (0: without a limit), and calls `awake()` once the sleep is over."""
        now_us = self._clock.now_us()
        self._asleep_us = now_us
        self._awake = awake
        if duration_ms:
            true_us = round(duration_ms * 1000 / (1 + self.drift))
            self._timer = self._clock.call_at_us(now_us + true_us, lambda: self._over(TIMER_WAKE, ()))
        self.pins_changed(now_us)

    def pins_changed(self, at_us: int) -> None:
        """A pin has got another level, which may end the sleep."""
        if self.is_asleep and (pins := self.waking_pins(at_us)):
            self._over(EXT1_WAKE, pins)

    def stop(self) -> None:
        """Ends the sleep without calling anybody: power is gone."""
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

"""`machine` of a simulated ESP32."""

# mypy: ignore-errors

import bus

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_pins = {}


class Pin:
    """One pin; `Pin(n)` is the same object every time, as on the board."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __new__(cls, number, *args, **kwargs):
        if number not in _pins:
            _pins[number] = object.__new__(cls)
        return _pins[number]

    def __init__(self, number, mode=None, pull=None, value=None):
        if not hasattr(self, "number"):
            self.number = number
            self._out = False
            self._level = 0
        if mode is not None:
            self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        """Sets mode and, for an output, its level."""
        self._out = mode in (Pin.OUT, Pin.OPEN_DRAIN)
        if self._out:
            self.value(self._level if value is None else value)

    def value(self, level=None):
        """The level, or sets it."""
        if level is None:
            return self._level if self._out else bus.port.input(self.number)
        self._level = 1 if level else 0
        if self._out:
            bus.port.output(self.number, self._level)

    def __call__(self, level=None):
        return self.value(level)

    def on(self):
        """High."""
        self.value(1)

    def off(self):
        """Low."""
        self.value(0)

    def irq(self, handler=None, trigger=3, hard=False):
        """handler(pin) runs after an edge; None takes it away."""
        bus.port.arm(self.number, handler, self, trigger)


class PWM:
    """A square wave on a pin."""

    def __init__(self, pin, freq=5000, duty_u16=32768):
        self._number = pin.number
        self.init(freq, duty_u16)

    def init(self, freq, duty_u16):
        """Begins anew."""
        self._hz = freq
        self.duty_u16(duty_u16)

    def freq(self, hz):
        """Sets it."""
        self._hz = hz
        self.duty_u16(self._duty)

    def duty_u16(self, duty):
        """Sets the share of the time that the pin is high, of 65535."""
        self._duty = duty
        bus.port.pwm(self._number, self._hz, duty)

    def deinit(self):
        """The pin stays low."""
        self.duty_u16(0)


class RTC:
    """Its 2 KB of memory alone: the time of the simulated chip is not set."""

    def memory(self, data=None):
        """The memory, which survives any reset but the loss of power, or sets it."""
        if data is None:
            return bus.port.rtc_memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        bus.port.keep_rtc(data)


class WDT:
    """Accepted and ignored: nothing here hangs for long without being seen."""

    def __init__(self, id=0, timeout=5000):
        self.timeout = timeout

    def feed(self):
        """As on the board."""


def unique_id():
    """The chip's MAC address."""
    return bus.port.mac


def reset_cause():
    """Why this boot began."""
    return bus.port.reset_cause


def reset():
    """Restarts; on the ESP32 the cause is then HARD_RESET."""
    bus.port.reset(HARD_RESET)


def soft_reset():
    """Restarts the interpreter."""
    bus.port.reset(SOFT_RESET)


def freq(hz=None):
    """The CPU clock."""
    return 160000000

"""`machine` of a simulated ESP32."""

# mypy: ignore-errors

import bus

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

PIN_WAKE = EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4

# Pins by their number among the RTC pins, and the register in which these are bits: ESP32 Technical Reference Manual,
# "IO_MUX and GPIO Matrix" and RTC_CNTL_EXT_WAKEUP1_STATUS_REG.
_RTC_PINS = b"\x24\x25\x26\x27\x22\x23\x19\x1a\x21\x20\x04\x00\x02\x0f\r\x0c\x0e\x1b"
_EXT1_STATUS = 0x3FF480D0

_pins = {}


class Pin:
    """One pin; `Pin(n)` gives the same object every time, as on the board."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __new__(cls, number, *args, **kwargs):
        """The one object for that pin."""
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
        """Sets the mode, and the level of an output."""
        self._out = mode in (Pin.OUT, Pin.OPEN_DRAIN)
        if self._out:
            self.value(self._level if value is None else value)

    def value(self, level=None):
        """The level; with an argument it sets the level."""
        if level is None:
            return self._level if self._out else bus.port.input(self.number)
        self._level = 1 if level else 0
        if self._out:
            bus.port.output(self.number, self._level)

    def __call__(self, level=None):
        """The level; with an argument it sets the level."""
        return self.value(level)

    def on(self):
        """Sets the pin high."""
        self.value(1)

    def off(self):
        """Sets the pin low."""
        self.value(0)

    def irq(self, handler=None, trigger=3, hard=False):
        """Has handler(pin) called after an edge; None takes the handler away."""
        bus.port.arm(self.number, handler, self, trigger)


class PWM:
    """A square wave on a pin."""

    def __init__(self, pin, freq=5000, duty_u16=32768):
        self._number = pin.number
        self.init(freq, duty_u16)

    def init(self, freq, duty_u16):
        """Begins anew with this frequency and duty."""
        self._hz = freq
        self.duty_u16(duty_u16)

    def freq(self, hz):
        """Sets the frequency, in hertz."""
        self._hz = hz
        self.duty_u16(self._duty)

    def duty_u16(self, duty):
        """Sets for how much of 65535 the pin is high."""
        self._duty = duty
        bus.port.pwm(self._number, self._hz, duty)

    def deinit(self):
        """Leaves the pin low."""
        self.duty_u16(0)


class RTC:
    """The RTC and its 2 KB of memory. A time that is set is not kept, because this machine's own clock is right."""

    def datetime(self, date=None):
        """Accepts a date that the chip would understand, and refuses others."""
        if date is not None and not (len(date) == 8 and 2000 <= date[0] < 2100 and 0 < date[1] < 13):
            raise ValueError("bad date")

    def memory(self, data=None):
        """The memory, which survives any reset but the loss of power; with an argument it sets the memory."""
        if data is None:
            return bus.port.rtc_memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        bus.port.keep_rtc(data)


class ADC:
    """Measures half of the supply voltage at every pin, as behind a divider of two equal resistors."""

    ATTN_11DB = 3

    def __init__(self, pin, atten=0):
        pass

    def read_uv(self):
        """The voltage at the pin in microvolts."""
        bus.port.take_waiting()
        return bus.port.supply_mv * 500


class _Memory:
    def __getitem__(self, address):
        pins = bus.port.wake_pins if address == _EXT1_STATUS else ()
        return sum(1 << _RTC_PINS.index(bytes((pin,))) for pin in pins)


mem32 = _Memory()


class WDT:
    """A watchdog that never bites: whatever hangs here is noticed anyway."""

    def __init__(self, id=0, timeout=5000):
        self.timeout = timeout

    def feed(self):
        """Does nothing."""


def unique_id():
    """The chip's MAC address."""
    return bus.port.mac


def reset_cause():
    """Why this boot began, a number of `machine`."""
    return bus.port.reset_cause


def reset():
    """Restarts the board; on an ESP32 the cause is HARD_RESET then."""
    bus.port.reset(HARD_RESET)


def deepsleep(time_ms=0):
    """Ends this boot; the next one begins after `time_ms` (0: never) or when `esp32.wake_on_ext1` says so."""
    bus.port.deepsleep(time_ms)


def lightsleep(time_ms=0):
    """Stands still for `time_ms` (0: without a limit) or until `esp32.wake_on_ext1` says so."""
    bus.port.lightsleep(time_ms)


def wake_reason():
    """EXT1_WAKE or TIMER_WAKE if this boot has ended a deep sleep, else 0."""
    return bus.port.wake_reason


def wake_pins():
    """The numbers of the pins that ended the deep sleep (in MicroPython from 1.29 on)."""
    return bus.port.wake_pins


def soft_reset():
    """Restarts the interpreter."""
    bus.port.reset(SOFT_RESET)


def freq(hz=None):
    """The frequency of the processor, which can not be changed here."""
    return 160000000

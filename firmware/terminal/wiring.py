"""Which pins of which chip can do what: the default wiring, and why another one is impossible.

https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/peripherals/gpio.html and the same page of
each other chip say which pins exist, and which are strapping pins, RTC pins, only inputs, of ADC1, of flash and PSRAM,
of USB. The pins of UART0 are those in soc/uart_pins.h.
"""

from .compat import const
from .feedback import is_dimmed

_DIM_HZ = const(1000)
_TONE_HZ = const(880)  # until `Board.tone` says another

# The original ESP32 wakes (ext1) when any pin is high or all are low, so its buttons close to 3.3 V. The others wake
# when any pin is low, and theirs close to ground. All default buttons are RTC pins with internal pull resistors, and
# none of them is a strapping pin. For each chip, divided by `;`: buttons, leds, level of a closed button, pins that
# can wake it, pins of ADC1, status register of ext1 (0: not known here), how many pin numbers there are, those that
# are no pins, then the pins of each of _REASONS. These are texts, because only one of them is ever made into numbers,
# and numbers take ten times the memory.
# GPIO 20 of the ESP32 is a pin of the PICO-V3 alone; GPIO 11 of the C3 is the supply of its flash chip.
_CHIPS = {
    "esp32": "25 26 27 33;18 19 21 22;1;0 2 4 12-15 25-27 32-39;32-39;1072988368;40;20 24 28-31;0 2 5 12 15;6-11;1 3;;16 17",  # noqa: E501
    "esp32s2": "4 5 6 7;15 16 17 18;0;0-21;1-10;0;47;22-25;0 45 46;26-32;43 44;19 20;",
    "esp32s3": "4 5 6 7;15 16 17 18;0;0-21;1-10;1610645732;49;22-25;0 3 45 46;26-32;43 44;19 20;33-37",
    "esp32c3": "0 1 3 10;4 5 6 7;0;;0-4;0;22;;2 8 9;11-17;20 21;18 19;",
    "esp32c6": "0 1 2 3;18 19 20 21;0;0-7;0-6;0;31;;4 5 8 9 15;24-30;16 17;12 13;",
}
_REASONS = (
    "is a strapping pin: it decides how the chip boots",
    "belongs to the flash chip",
    "belongs to the console: the cable would be dead",
    "belongs to the USB port: the cable would be dead",
    "belongs to the PSRAM that some modules have; if this one has none, say so: pins.psram false",
)
_INPUT_ONLY = range(34, 40)  # of the original ESP32: neither outputs nor pull resistors
# GPIOs of the original ESP32 in the order of their RTC pins, which are the bits of the status register.
_RTC_PINS = "36 37 38 39 34 35 25 26 33 32 4 0 2 15 13 12 14 27"


def _numbers(said):
    """Gives [25, 32, 33, 34] for "25 32-34"."""
    found = []
    for part in said.split():
        low, _, high = part.partition("-")
        found.extend(range(int(low), int(high or low) + 1))
    return found


class Wiring:
    """`buttons`, `leds` (pins of 1..4), `closed_level`, `neopixel`, `buzzer`, `battery` (pin or None) on a chip."""

    def __init__(self, chip, pins, power):
        """pins, power: the sections of the configuration; None in them means the default of the chip.

        ValueError, which names the key, for what can't work.
        """
        self._chip = chip
        parts = [_numbers(part) for part in _CHIPS[chip].split(";")]
        buttons, leds, (level,), wakers, adc, (self._status,), (self._count,), self._missing = parts[:8]
        self._taken = parts[8:] if pins["psram"] else parts[8:12]
        self.buttons = pins["buttons"] or buttons
        self.leds = pins["leds"] or leds
        self.closed_level = level if pins["active_low"] is None else 0 if pins["active_low"] else 1
        self.neopixel = pins["neopixel"]
        self.buzzer = pins["buzzer"]
        self.battery = power["battery"]
        self._used = []
        self._check("pins.buttons", self.buttons, "has no pull resistor")
        if self.neopixel is None:
            self._check("pins.leds", self.leds, "is no output")
        self._check("pins.neopixel", (self.neopixel,), "is no output")
        self._check("pins.buzzer", (self.buzzer,), "is no output")
        self._check("power.battery", (self.battery,), "")
        if self.battery is not None and self.battery not in adc:
            raise ValueError("power.battery: %d is no pin of ADC1, the only one beside the radio" % self.battery)
        if power["profile"] != "mains":
            self._check_wake(power["profile"], wakers)

    def _check(self, key, numbers, lack):
        for pin in numbers:
            if pin is None:
                continue
            reason = ""
            if pin in self._used:
                reason = "has two uses"
            elif pin >= self._count or pin in self._missing:
                reason = "is no pin of this chip"
            elif lack and self._chip == "esp32" and pin in _INPUT_ONLY:
                reason = lack
            for i in range(len(self._taken)):
                if pin in self._taken[i]:
                    reason = reason or _REASONS[i]
            if reason:
                raise ValueError("%s: %d %s (%s)" % (key, pin, reason, self._chip))
            self._used.append(pin)

    def _check_wake(self, profile, wakers):
        if not wakers:
            raise ValueError("power.profile: the %s can't be woken by four buttons, expected mains" % self._chip)
        for pin in self.buttons:
            if pin not in wakers:
                raise ValueError("pins.buttons: %d can't wake the %s (power.profile %s)" % (pin, self._chip, profile))
        if self._chip == "esp32" and not self.closed_level:
            raise ValueError("pins.active_low: the esp32 wakes when all are low, not any: wire the buttons to 3.3 V")

    def woken_by(self, machine):
        """Gives the buttons (bit 0 = button 1) that ended a deep sleep, if the chip tells. machine: the module."""
        bits = None
        if hasattr(machine, "wake_pins"):  # not in 1.26
            woke = machine.wake_pins()
        elif self._status and machine.wake_reason() == machine.EXT1_WAKE:
            bits = machine.mem32[self._status]
        else:
            return 0
        mask = 0
        for i in range(4):
            pin = self.buttons[i]
            if (
                pin in woke
                if bits is None
                else bits >> (_numbers(_RTC_PINS).index(pin) if self._chip == "esp32" else pin) & 1
            ):
                mask |= 1 << i
        return mask


def set_up(chip, config, has_slept, esp32, machine, strip_at):
    """Sets up the pins as the configuration says. Gives what a `board.Board` keeps of them, in its order.

    esp32, machine: the modules; strip_at(pin): four WS2812 at that output. ValueError if this chip can't do that.
    """
    power = config["power"]
    wiring = Wiring(chip, config["pins"], power)
    pull = machine.Pin.PULL_DOWN if wiring.closed_level else machine.Pin.PULL_UP
    buttons = [machine.Pin(pin, machine.Pin.IN, pull) for pin in wiring.buttons]
    dimmed = is_dimmed(config["feedback"])
    leds = strip = buzzer = battery = counters = None
    if wiring.neopixel is None:
        leds = [_out(machine, pin, _DIM_HZ if dimmed else 0) for pin in wiring.leds]
    else:
        strip = strip_at(_out(machine, wiring.neopixel))
        strip.write()  # when the power comes, its lights are on at random
    if wiring.buzzer is not None:
        buzzer = _out(machine, wiring.buzzer, _TONE_HZ)
    if wiring.battery is not None:
        battery = machine.ADC(machine.Pin(wiring.battery), atten=machine.ADC.ATTN_11DB)
    if hasattr(esp32, "PCNT"):
        edge = "rising" if wiring.closed_level else "falling"
        counters = [_counter(esp32, i, pin, edge) for i, pin in enumerate(buttons)]
    woke = wiring.woken_by(machine) if has_slept else 0
    return wiring.closed_level, buttons, dimmed, leds, strip, buzzer, battery, power["divider"], counters, woke


def _out(machine, pin, pwm_hz=0):
    """Gives an output that is low, or a PWM with a duty of 0."""
    output = machine.Pin(pin, machine.Pin.OUT, value=0)
    return machine.PWM(output, freq=pwm_hz, duty_u16=0) if pwm_hz else output


def _counter(esp32, unit, pin, edge):
    """Gives a running counter of these edges: https://docs.micropython.org/en/latest/library/esp32.html#esp32.PCNT."""
    counter = esp32.PCNT(unit, pin=pin, **{edge: esp32.PCNT.INCREMENT})
    counter.start()
    return counter

"""The board: the only room that touches hardware. ESP32 and ESP32-S3 wiring."""

import gc
import os
import sys

import esp32
import machine
import network

from .compat import const, ticks_ms

# Original ESP32: wake on ext1 knows ANY_HIGH but not ANY_LOW, so the buttons close to 3.3 V there; S2, S3, C6 close to
# ground. All button pins are RTC pins with pull resistors of their own, none is a strapping pin.
# https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/peripherals/gpio.html
_BUTTONS = {"esp32": (25, 26, 27, 33), "esp32s3": (4, 5, 6, 7)}
_LEDS = {"esp32": (18, 19, 21, 22), "esp32s3": (15, 16, 17, 18)}
_DIM_HZ = const(1000)
_TONE_HZ = const(880)  # until `tone` says another
_HALF = const(32768)
# Red, orange, light green, green: what 100 percent is of each, in the order in which a WS2812 wants it (green first).
_GRB = b"\x00\xff\x00\x50\xff\x00\xc0\x60\x00\xff\x00\x00"
_ADD_PARTITION = "make deploy PORT=... adds it"


class Board:
    """See README.md "Rooms" for what it offers."""

    def __init__(self, pins, is_dimmed=False):
        """pins: the section `pins` of the configuration; None values mean the chip's default. is_dimmed: the lights
        need more than on and off. ValueError if a pin can't be used as it says."""
        self.chip = "esp32s3" if "S3" in getattr(sys.implementation, "_machine", "").upper() else "esp32"
        active_low = pins["active_low"]
        if active_low is None:
            active_low = self.chip != "esp32"
        self._closed_level = 0 if active_low else 1
        pull = machine.Pin.PULL_UP if active_low else machine.Pin.PULL_DOWN
        buttons = pins["buttons"] or _BUTTONS[self.chip]
        self._buttons = [machine.Pin(pin, machine.Pin.IN, pull) for pin in buttons]
        self._is_dimmed = is_dimmed
        self._leds = self._strip = self._buzzer = None
        if pins["neopixel"] is None:
            self._leds = [_out(pin, _DIM_HZ if is_dimmed else 0) for pin in pins["leds"] or _LEDS[self.chip]]
        else:
            import neopixel  # only here: it takes heap

            self._strip = neopixel.NeoPixel(_out(pins["neopixel"]), 4)
            self._strip.write()  # it lights up at random with the power
        if pins["buzzer"] is not None:
            self._buzzer = _out(pins["buzzer"], _TONE_HZ)
        self.mac = machine.unique_id()
        self.reset_cause = machine.reset_cause()  # PWRON_RESET..SOFT_RESET are 1..5, as in README.md "Record"
        self.ticks_ms = ticks_ms
        self.flash = None
        self.flash_problem = ""
        self._find_flash()
        self._wlan = None

    def _find_flash(self):
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="votes")
        if not found:
            self.flash_problem = "no partition 'votes': " + _ADD_PARTITION
        elif found[0].info()[5]:
            self.flash_problem = "the partition 'votes' is encrypted, expected a plain one"
        else:
            self.flash = found[0]

    def buttons(self):
        """Contacts closed now, bit 0 = button 1. Allocates nothing."""
        closed = 0
        level = self._closed_level
        pins = self._buttons
        if pins[0].value() == level:
            closed = 1
        if pins[1].value() == level:
            closed |= 2
        if pins[2].value() == level:
            closed |= 4
        if pins[3].value() == level:
            closed |= 8
        return closed

    def light(self, button, percent):
        """The light of button 1..4, 0 = off. Not dimmed, it is on from 50 percent. Allocates nothing."""
        b = button - 1
        if self._strip:
            colours = self._strip.buf
            for i in range(3 * b, 3 * b + 3):
                colours[i] = _GRB[i] * percent // 100
            self._strip.write()
        elif self._is_dimmed:
            self._leds[b].duty_u16(percent * 65535 // 100)
        else:
            self._leds[b].value(1 if percent >= 50 else 0)

    def tone(self, hz):
        """The buzzer, if there is one; 0 = silent. Allocates nothing."""
        if self._buzzer:
            if hz:
                self._buzzer.freq(hz)
            self._buzzer.duty_u16(_HALF if hz else 0)

    def on_edge(self, handler):
        """handler(button) at every edge of button 1..4, as a soft interrupt; None disarms."""
        trigger = machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING
        for i in range(4):
            if handler is None:
                self._buttons[i].irq(handler=None)
            else:
                self._buttons[i].irq(handler=_for_button(handler, i + 1), trigger=trigger)

    def rest(self):
        """Leaves the board as a stopped program should: no interrupts, no lights, no sound."""
        self.on_edge(None)
        self.tone(0)
        for button in (1, 2, 3, 4):
            self.light(button, 0)

    def heap_free(self):
        """Bytes."""
        return gc.mem_free() if hasattr(gc, "mem_free") else 0

    def random32(self):
        """A random u32."""
        return int.from_bytes(os.urandom(4), "little")

    def reset(self):
        """Starts the chip anew."""
        machine.reset()

    def wifi_start(self, ssid, password):
        """Begins to join a network; it is kept up by the driver."""
        if self._wlan is None:
            self._wlan = network.WLAN(network.STA_IF)
        wlan = self._wlan
        try:
            wlan.active(True)
            if not wlan.isconnected():
                if password:
                    wlan.connect(ssid, password)
                else:
                    wlan.connect(ssid)
        except OSError:
            pass  # "Wifi Internal Error" while the driver still retries: the keeper tries again

    def wifi_stop(self):
        """Leaves the network and switches the radio off."""
        try:
            self._wlan.disconnect()
            self._wlan.active(False)
        except OSError:
            pass

    def wifi_up(self):
        """True if there is an address."""
        return self._wlan is not None and self._wlan.isconnected()


def _out(pin, pwm_hz=0):
    """An output that is low, or a PWM that gives nothing as yet."""
    output = machine.Pin(pin, machine.Pin.OUT, value=0)
    return machine.PWM(output, freq=pwm_hz, duty_u16=0) if pwm_hz else output


def _for_button(handler, button):
    return lambda pin: handler(button)

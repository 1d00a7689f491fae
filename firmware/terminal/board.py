"""The board: the only room that touches hardware. ESP32 and ESP32-S3 wiring."""

import gc
import os
import sys

import esp32
import machine
import network

from .compat import ticks_ms

# Original ESP32: wake on ext1 knows ANY_HIGH but not ANY_LOW, so the buttons close to 3.3 V there; S2, S3, C6 close to
# ground. All button pins are RTC pins with pull resistors of their own, none is a strapping pin.
# https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/peripherals/gpio.html
_BUTTONS = {"esp32": (25, 26, 27, 33), "esp32s3": (4, 5, 6, 7)}
_LEDS = {"esp32": (18, 19, 21, 22), "esp32s3": (15, 16, 17, 18)}
_ADD_PARTITION = "make deploy PORT=... adds it"


class Board:
    """See README.md "Rooms" for what it offers."""

    def __init__(self, pins):
        """pins: the section `pins` of the configuration; None values mean the chip's default."""
        self.chip = "esp32s3" if "S3" in getattr(sys.implementation, "_machine", "").upper() else "esp32"
        active_low = pins["active_low"]
        if active_low is None:
            active_low = self.chip != "esp32"
        self._closed_level = 0 if active_low else 1
        pull = machine.Pin.PULL_UP if active_low else machine.Pin.PULL_DOWN
        buttons = pins["buttons"] or _BUTTONS[self.chip]
        self._buttons = [machine.Pin(pin, machine.Pin.IN, pull) for pin in buttons]
        self._leds = [machine.Pin(pin, machine.Pin.OUT, value=0) for pin in pins["leds"] or _LEDS[self.chip]]
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

    def led(self, button, on):
        """The light of button 1..4."""
        self._leds[button - 1].value(1 if on else 0)

    def on_edge(self, handler):
        """handler(button) at every edge of button 1..4, as a soft interrupt; None disarms."""
        trigger = machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING
        for i in range(4):
            if handler is None:
                self._buttons[i].irq(handler=None)
            else:
                self._buttons[i].irq(handler=_for_button(handler, i + 1), trigger=trigger)

    def rest(self):
        """Leaves the board as a stopped program should: no interrupts, no lights."""
        self.on_edge(None)
        for led in self._leds:
            led.value(0)

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


def _for_button(handler, button):
    return lambda pin: handler(button)

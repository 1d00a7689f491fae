"""The board: the only module that touches hardware."""

import gc
import os
import sys

import esp32
import machine
import network

from .compat import const, load, rtc_ms, ticks_ms

_HALF = const(32768)
# Red, orange, light green, green: the values of each at 100 percent, in the order of a WS2812 (green, red, blue).
_GRB = b"\x00\xff\x00\x50\xff\x00\xc0\x60\x00\xff\x00\x00"
_ADD_PARTITION = "make deploy PORT=... adds it"


class Board:
    """What the rest of the application knows of the hardware. See spec/design.md "Modules"."""

    def __init__(self, config):
        """config: as `config.load` gives it. ValueError if this chip can't be wired like that."""
        self.chip = chip_name()
        self.mac = machine.unique_id()
        self.reset_cause = machine.reset_cause()  # PWRON_RESET..SOFT_RESET are 1..5, as in spec/log.md "Record"
        self.slept = self.reset_cause == machine.DEEPSLEEP_RESET
        # woke: the buttons (bit 0 = button 1) that have ended a deep sleep
        (
            self._closed_level, self._buttons, self._is_dimmed, self._leds, self._strip, self._buzzer, self._battery,
            self._divider, self._counters, self.woke,
        ) = load("wiring").set_up(self.chip, config, self.slept, esp32, machine, _strip_at)  # fmt: skip
        self.ticks_ms = ticks_ms
        self.rtc_ms = rtc_ms
        self.rtc = machine.RTC()
        self.flash = None
        self.flash_problem = ""
        self._find_flash()
        self._wlan = None
        self._is_static = False

    def _find_flash(self):
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="votes")
        if not found:
            self.flash_problem = "no partition 'votes': " + _ADD_PARTITION
        elif found[0].info()[5]:
            self.flash_problem = "the partition 'votes' is encrypted, expected a plain one"
        else:
            self.flash = found[0]

    def buttons(self):
        """Gives the contacts that are closed now, bit 0 = button 1. Allocates nothing."""
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
        """Sets the light of button 1..4; 0 = off. If it can't be dimmed it is on from 50 on. Allocates nothing."""
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
        """Sets the buzzer to that frequency, 0 = silent. False if there is none. Allocates nothing."""
        if not self._buzzer:
            return False
        if hz:
            self._buzzer.freq(hz)
        self._buzzer.duty_u16(_HALF if hz else 0)
        return True

    def closings(self, counts):
        """Fills the list with how often each button has closed, bounces included.

        Hardware counts that, even while the CPU stands still. False where MicroPython knows no such hardware, as before
        1.26.
        """
        if self._counters is None:
            return False
        for i in range(4):
            counts[i] = self._counters[i].value()
        return True

    def on_edge(self, handler):
        """Has handler(button) called at every edge of button 1..4, as a soft interrupt. None disarms them."""
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

    def stored_id(self):
        """Gives the device id that provisioning wrote beside the file system, "" if it wrote none."""
        data = bytearray(32)
        try:
            return data[: esp32.NVS("hymio").get_blob("device_id", data)].decode()
        except (OSError, ValueError):
            return ""

    def heap_free(self):
        """Gives the bytes that are free in the heap as large as it is now, 0 if that can't be told."""
        if not hasattr(gc, "mem_free"):
            return 0
        # mem_free() counts the largest block beside the heap, too, which Wi-Fi and TLS need: spec/design.md "Memory".
        return max(1, gc.mem_free() - (self.idf()[1] or 0))

    def idf(self):
        """Gives (free, largest block) of the memory beside the heap in bytes, (None, None) where there is none."""
        found = esp32.idf_heap_info(esp32.HEAP_DATA) if hasattr(esp32, "idf_heap_info") else ()
        if not found:
            return None, None
        return sum([region[1] for region in found]), max([region[2] for region in found])

    def random32(self):
        """Gives a random u32."""
        return int.from_bytes(os.urandom(4), "little")

    def reset(self):
        """Starts the chip anew."""
        machine.reset()

    # ---- sleep and supply ----

    def battery_mv(self):
        """Gives millivolts, None if there is no battery to be measured."""
        return None if self._battery is None else self._battery.read_uv() * self._divider // 1000

    def light_sleep(self, ms, buttons):
        """Stands still for `ms`, or until one of these buttons (bit 0 = button 1) closes. Lights stay as they are."""
        self._wake_on(buttons)
        machine.lightsleep(ms)

    def deep_sleep(self, ms, buttons):
        """Ends this boot: the next one begins after `ms`, or when one of these buttons (bit 0 = button 1) closes."""
        self._wake_on(buttons)
        machine.deepsleep(ms)

    def _wake_on(self, buttons):
        pins = [self._buttons[i] for i in range(4) if buttons & 1 << i]
        # On chips that wake when any pin is low, MicroPython calls just that ALL_LOW.
        level = esp32.WAKEUP_ANY_HIGH if self._closed_level else esp32.WAKEUP_ALL_LOW
        esp32.wake_on_ext1(pins, level)

    def remembered(self):
        """Gives what `remember` was given before the reset, and forgets it."""
        data = self.rtc.memory()
        self.rtc.memory(b"")
        return data

    def remember(self, data):
        """Keeps up to 2 KB through any reset but the loss of power."""
        self.rtc.memory(data)

    # ---- radio ----

    def wifi_start(self, ssid, password, static=None):
        """Begins to join a network, which the driver then keeps up. static: None for DHCP, or the section `static`."""
        wlan = self.radio()
        try:
            wlan.active(True)
            if static or self._is_static:
                from .net_wifi_select import set_address

                set_address(wlan, static)
                self._is_static = bool(static)
            if not wlan.isconnected():
                if password:
                    wlan.connect(ssid, password)
                else:
                    wlan.connect(ssid)
        except OSError:
            pass  # "Wifi Internal Error" while the driver is still trying: `net_wifi` tries again

    def radio(self):
        """Gives the `network.WLAN` of this station."""
        if self._wlan is None:
            self._wlan = network.WLAN(network.STA_IF)
        return self._wlan

    def wifi_stop(self):
        """Leaves the network and switches the radio off."""
        try:
            self._wlan.disconnect()
            self._wlan.active(False)
        except OSError:
            pass

    def wifi_up(self):
        """True if the station has an address."""
        return self._wlan is not None and self._wlan.isconnected()

    def wifi_rssi(self):
        """Gives the signal in dBm, None while there is no network."""
        try:
            return self._wlan.status("rssi")
        except (OSError, AttributeError):
            return None


def _strip_at(pin):
    import neopixel  # imported only here, because it takes heap

    return neopixel.NeoPixel(pin, 4)


def chip_name():
    """Gives esp32, esp32s2, esp32s3, esp32c3 or esp32c6, as a stock image describes it ("... with ESP32-S3")."""
    name = getattr(sys.implementation, "_machine", "").lower().replace("-", "")
    for chip in ("esp32s2", "esp32s3", "esp32c3", "esp32c6"):
        if chip in name:
            return chip
    return "esp32"


def _for_button(handler, button):
    return lambda pin: handler(button)

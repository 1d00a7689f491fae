"""`neopixel` of a simulated ESP32."""

# mypy: ignore-errors

import bus


class NeoPixel:
    """A strip of n pixels; `buf` holds the green, red and blue of each."""

    def __init__(self, pin, n):
        self._number = pin.number
        self.n = n
        self.buf = bytearray(3 * n)

    def __setitem__(self, i, colour):
        self.buf[3 * i], self.buf[3 * i + 1], self.buf[3 * i + 2] = colour[1], colour[0], colour[2]

    def write(self):
        """Sends what `buf` holds to the strip."""
        bus.port.pixels(self._number, self.buf)

"""The half of compat.py for CPython, with the ticks of a board. What is documented there is not documented again."""

import asyncio
import base64
import os
import ssl
import tempfile
import time
import traceback

_PERIOD = 1 << 30  # the board's: https://docs.micropython.org/en/latest/library/time.html#time.ticks_ms
_MASK = _PERIOD - 1
_HALF = _PERIOD // 2
_FAR_MS = 1 << 28  # half of the largest difference that ticks can tell


def const(value):
    """Gives the value; on a board the compiler puts it where the name stands."""
    return value


def ticks_ms():
    """Gives the ticks of now, in ms, with the period of a board."""
    return (time.monotonic_ns() // 1000000) & _MASK


def ticks_add(ticks, delta):
    """Gives the ticks `delta` ms after these."""
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    """Gives end - start in ms.

    OverflowError if they lie so far apart that the difference could soon wrap. On a board that would pass in silence:
    moments.py sees to it that it does not happen.
    """
    diff = (end - start + _HALF & _MASK) - _HALF
    if not -_FAR_MS <= diff <= _FAR_MS:
        raise OverflowError("ticks %d and %d lie %d ms apart: expected %d at most" % (start, end, diff, _FAR_MS))
    return diff


class Flag:
    """See compat.py."""

    def __init__(self):
        self._event = asyncio.Event()
        self._loop = None

    def set(self):
        """See compat.py."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait_ms(self, ms):
        """See compat.py."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(self._event.wait(), ms / 1000)
        except asyncio.TimeoutError:
            pass
        self._event.clear()


class Cable:
    """See compat.py."""

    def __init__(self):
        self._ready = Flag()
        self._watching = False

    async def read(self):
        """See compat.py."""
        if not self._watching:
            asyncio.get_running_loop().add_reader(0, self._ready.set)
            self._watching = True
        while True:
            await self._ready.wait_ms(1000)
            os.set_blocking(0, False)
            try:
                return os.read(0, 260)
            except BlockingIOError:
                continue

    def write(self, data):
        """See compat.py."""
        os.write(1, data)


def show_error(error):
    """Prints the traceback of an exception."""
    traceback.print_exception(error)


def error_text(error):
    """See compat.py."""
    return "".join(traceback.format_exception(error))


def unload(name):
    """Does nothing: there is no heap to watch here."""


async def sleep_ms(ms):
    """See compat.py."""
    await asyncio.sleep(ms / 1000)


def forget_loop():
    """Does nothing: a loop ends with its process here."""


def started():
    """Does nothing: there is no heap to watch here."""


def rtc_ms():
    """See compat.py."""
    return time.time_ns() // 1000000


def load_cert_chain(context, cert, key):
    """Does what MicroPython's does: takes a certificate and a SEC1 key in DER. CPython reads only files in PEM."""
    armour = "-----%s EC PRIVATE KEY-----\n"
    text = ssl.DER_cert_to_PEM_cert(cert) + armour % "BEGIN" + base64.encodebytes(key).decode() + armour % "END"
    with tempfile.TemporaryDirectory() as directory:  # which nobody but the owner can read
        path = os.path.join(directory, "chain.pem")
        with open(path, "w") as file:
            file.write(text)
        context.load_cert_chain(path)


def sweep():
    """Does nothing: there is no heap to keep in order here."""

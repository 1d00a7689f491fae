"""A board to turn by hand: four contacts, a clock and a flash, for an application that runs step by step.

Portable, as ram_flash.py: for unit tests and figures on CPython and on the MicroPython VM.
"""

# mypy: ignore-errors


class Dice:
    """random32 that counts up."""

    def __init__(self):
        self.n = 1000

    def __call__(self):
        self.n += 1
        return self.n


class HandBoard:
    """A `board.Board`: set `closed` (bits 0-3) and `now_ms`, then call the application's `step`."""

    mac = b"123456"
    chip = "esp32"
    reset_cause = 1
    slept = False

    def __init__(self, flash):
        self.flash = flash
        self.closed = 0
        self.now_ms = 0
        self.lit = 0  # how often a light went on
        self.counts = None  # what a pulse counter has seen of the four contacts
        self.random32 = Dice()
        self.rtc = b""  # memory that survives a reset
        self.resets = 0

    def ticks_ms(self):
        return self.now_ms

    def buttons(self):
        return self.closed

    def light(self, button, percent):
        if percent:
            self.lit += 1

    def tone(self, hz):
        pass

    def on_edge(self, handler):
        pass

    def closings(self, counts):
        if self.counts is None:
            return False
        counts[:] = self.counts
        return True

    def battery_mv(self):
        return None

    def idf(self):
        """There is nothing beside the heap."""
        return None, None

    def heap_free(self):
        return 0

    def remembered(self):
        data = self.rtc
        self.rtc = b""
        return data

    def remember(self, data):
        self.rtc = data

    def reset(self):
        self.resets += 1


def app_on(flash, home=None):
    """(app, board): a terminal without a network, started on that flash; home: the folder of its files."""
    from terminal.app import App
    from terminal.compat import unload
    from terminal.config import build

    board = HandBoard(flash)
    app = App(build({}), board, "0", "", home)
    del build
    unload("config")  # as `run` does
    app.start(0)
    return app, board

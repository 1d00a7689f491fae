"""A board to turn by hand: four contacts, a clock and a flash, for an application that runs step by step.

It serves unit tests and figures, on CPython and on the MicroPython VM.
"""

# mypy: ignore-errors


class Dice:
    """A `random32` that counts up."""

    def __init__(self):
        self.n = 1000

    def __call__(self):
        """The next number."""
        self.n += 1
        return self.n


class HandBoard:
    """Stands in for `board.Board`.

    Set `closed` (bits 0 to 3, a closed contact each) and `now_ms`, then call the `step` of the application.
    """

    mac = b"123456"
    chip = "esp32"
    reset_cause = 1
    slept = False

    def __init__(self, flash):
        self.flash = flash
        self.closed = 0
        self.now_ms = 0
        self.lit = 0  # how often a light went on
        self.counts = None  # what a pulse counter has counted at the four contacts, or None
        self.random32 = Dice()
        self.rtc = b""  # memory that survives a reset
        self.resets = 0

    def ticks_ms(self):
        """The time, which the test sets."""
        return self.now_ms

    def buttons(self):
        """The closed contacts, which the test sets."""
        return self.closed

    def light(self, button, percent):
        """Counts in `lit` how often a light goes on."""
        if percent:
            self.lit += 1

    def tone(self, hz):
        """Does nothing."""
        pass

    def on_edge(self, handler):
        """Does nothing: a test calls the application instead."""
        pass

    def closings(self, counts):
        """Fills `counts` with those of a pulse counter; False if there is none."""
        if self.counts is None:
            return False
        counts[:] = self.counts
        return True

    def battery_mv(self):
        """There is no battery."""
        return None

    def idf(self):
        """There is no heap beside that of Python."""
        return None, None

    def heap_free(self):
        """Nothing is told of the heap."""
        return 0

    def remembered(self):
        """What was remembered before a reset, once."""
        data = self.rtc
        self.rtc = b""
        return data

    def remember(self, data):
        """Keeps bytes over a reset."""
        self.rtc = data

    def reset(self):
        """Counts the resets."""
        self.resets += 1


def app_on(flash, home=None):
    """(app, board): a started terminal without a network whose log is on that flash.

    home: the folder of its files, or None.
    """
    from terminal.app import App
    from terminal.compat import unload
    from terminal.config import build

    board = HandBoard(flash)
    app = App(build({}), board, "0", "", home)
    del build
    unload("config")  # as the firmware's `run` does
    app.start(0)
    return app, board

"""Why the boot before ended: an exception leaves its traceback in RTC memory, the next boot puts it into the log."""

from .compat import const, error_text

_MARK = b"HYCRASH"
_TRACE_BYTES = const(600)
_LINE_BYTES = const(700)
_STORM_MS = const(60000)  # a boot that lasts so long is no part of a loop of crashes
_CAUSES = ("unknown", "power-on", "hard", "watchdog", "deep sleep", "soft", "brown-out")


def secrets(config):
    """What must not get into a text that others read; config: as `config.load` gives it."""
    found = []
    if isinstance(config, dict):
        for key in config:
            if key == "password" and config[key]:
                found.append(config[key])
            else:
                found += secrets(config[key])
    elif isinstance(config, list):
        for one in config:
            found += secrets(one)
    return found


def read(text, board):
    """At every boot but a wake from deep sleep: tells a crash of the boot before, at once. text: the `TextLog`."""
    note = bytes(board.remembered())
    if not note.startswith(_MARK) or len(note) <= len(_MARK):
        return
    text.crashes = note[len(_MARK)]
    # In a loop of crashes the first one, the second, the fourth, the eighth ...: the flash must survive it.
    if not text.crashes & text.crashes - 1:
        trace = str(note[len(_MARK) + 1 :], "utf-8")
        text.add("E", "the boot before ended in an exception (%d in a row): %s" % (text.crashes, trace), _LINE_BYTES)
        text.flush()


def booted(text, cause, status_line):
    """The reset cause, as far as the chip knows it, and what this boot is."""
    name = _CAUSES[cause] if cause < len(_CAUSES) else str(cause)
    text.add("I", "reset: %s. %s" % (name, status_line))


def write(text, board, error):
    """This boot ends in an exception."""
    if text.clock.uptime_ms() >= _STORM_MS:
        text.crashes = 0
    count = min(text.crashes + 1, 255)
    trace = error_text(error)
    for secret in text.secrets:
        trace = trace.replace(secret, "***")
    # The last lines say most. A letter beyond ASCII could be cut in two.
    trace = "".join(letter if " " <= letter <= "~" or letter == "\n" else "?" for letter in trace)
    board.remember(_MARK + bytes((count,)) + trace[-_TRACE_BYTES:].encode())

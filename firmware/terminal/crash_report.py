"""Why the boot before has ended: its exception left a traceback in RTC memory, which goes into the text log now."""

from .compat import const, error_text

_MARK = b"HYCRASH"
_TRACE_BYTES = const(600)
_LINE_BYTES = const(700)
_STORM_MS = const(60000)  # a boot that lasts longer is not part of a loop of crashes
_CAUSES = ("unknown", "power-on", "hard", "watchdog", "deep sleep", "soft", "brown-out")


def secrets(config):
    """Gives the texts that must not get into a text that others read. config: as `config.load` gives it."""
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
    """Writes at once how the boot before crashed, if it did. Gives how many boots in a row have crashed by now.

    text: the `text_log.TextLog`.
    To be called at every boot but those that follow a deep sleep.
    """
    note = bytes(board.remembered())
    if not note.startswith(_MARK) or len(note) <= len(_MARK):
        return 0
    crashes = note[len(_MARK)]
    # Of a loop of crashes only the 1st, the 2nd, the 4th, the 8th and so on are written: the flash must survive it.
    if not crashes & crashes - 1:
        trace = str(note[len(_MARK) + 1 :], "utf-8")
        text.add("E", "the boot before ended in an exception (%d in a row): %s" % (crashes, trace), _LINE_BYTES)
        text.flush()
    return crashes


def booted(text, cause, status_line):
    """Writes why the chip was reset, as far as it knows, and the status line of this boot."""
    name = _CAUSES[cause] if cause < len(_CAUSES) else str(cause)
    text.add("I", "reset: %s. %s" % (name, status_line))


def write(text, board, error):
    """Keeps in RTC memory that this boot ends in an exception."""
    crashes = 0 if text.clock.uptime_ms() >= _STORM_MS else text.crashes
    count = min(crashes + 1, 255)
    trace = error_text(error)
    for secret in text.secrets:
        trace = trace.replace(secret, "***")
    # The last lines of a traceback say most. A letter beyond ASCII takes several bytes and could be cut in two.
    trace = "".join(letter if " " <= letter <= "~" or letter == "\n" else "?" for letter in trace)
    board.remember(_MARK + bytes((count,)) + trace[-_TRACE_BYTES:].encode())

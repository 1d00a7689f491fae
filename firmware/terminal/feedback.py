"""What a visitor sees and hears: a calm signal for each outcome of a press, and that only once it is in flash."""

from .compat import const, ticks_add, ticks_diff

SIGNALS = ("counted", "filtered", "stuck", "full", "no_clock")
_COUNTED = const(0)
_FILTERED = const(1)
_STUCK = const(2)
_FULL = const(3)
_NO_CLOCK = const(4)
_REFUSED = const(5)
_LAMPS = const(6)
_IDENTIFY = const(7)

# All of these by signal. The on-time of the first one is `thanks_ms`. A signal for the staff has no sound.
_ON_MS = (0, 120, 600, 250, 40, 500, 1500, 250)
_OFF_MS = (0, 120, 600, 250, 0, 500, 0, 250)
_BLINKS = (1, 2, 3, 2, 1, 1 << 28, 1, 20)
_HZ = (880, 440, 0, 330, 0, 0, 0, 0)
_TEST_HZ = const(660)

_TONE_MS = const(80)
_NO_CLOCK_MS = const(10000)
_PULSE_MS = const(1600)
_PULSE_STEP_MS = const(50)
_NEVER_MS = const(60000)


def is_dimmed(settings):
    """Whether the lights need levels between on and off. settings: the section `feedback`."""
    return settings["brightness"] < 100 or (settings["quiet"] != "" and settings["quiet_brightness"] < 100)


class Feedback:
    """Four lights, each of which may be giving a signal of its own, and a buzzer. No event allocates memory."""

    def __init__(self, board, settings, thanks_ms):
        """board: has `light` and `tone`; settings: the section `feedback`; thanks_ms: the time of a thank-you."""
        self._board = board
        # A bit mask of the signals that are given.
        self._enabled = 1 << _REFUSED | 1 << _LAMPS | 1 << _IDENTIFY
        for name in settings["signals"]:
            self._enabled |= 1 << SIGNALS.index(name)
        self._loud = settings["brightness"]
        self._dim = min(self._loud, settings["quiet_brightness"])
        self._on_ms = (thanks_ms,) + _ON_MS[1:]
        self._signal = bytearray(4)
        self._phases = [0] * 4  # phases that are left, this one included; in the odd ones it is lit; 0 = no signal
        self._due = [0] * 4  # ticks at which this phase ends
        self._shown = bytearray(4)  # percent
        self._tone_due = None  # ticks at which the tone ends
        self._no_clock_due = None  # ticks of the next sign that the clock is not set
        self._asking = 0  # the buttons (bit mask) of a follow-up that waits
        self._asking_ms = 0  # ticks since which it waits
        self.is_quiet = False  # in quiet hours; `press_path` sets it

    # ---- events; b is 0..3 ----

    def counted(self, now_ms, b):
        """Thanks for a vote, or for the answer to a follow-up, that is in flash."""
        self._begin(now_ms, _COUNTED, 1 << b)

    def filtered(self, now_ms, b):
        """Shows that the press is in flash but is no vote."""
        self._begin(now_ms, _FILTERED, 1 << b)

    def stuck(self, now_ms, b):
        """Shows that the button is stuck, and out of play from now on."""
        self._begin(now_ms, _STUCK, 1 << b)

    def full(self, now_ms):
        """Shows that the press could not be stored."""
        self._begin(now_ms, _FULL, 15)

    def refuse(self, now_ms):
        """Shows, until the next start, that the terminal does not count at all."""
        self._begin(now_ms, _REFUSED, 1)

    def lamps(self, now_ms, lights):
        """Lights these lights (bit mask) and no others for 1.5 s, whatever the settings: for the self-test."""
        for b in range(4):
            self._phases[b] = 0
        self._begin(now_ms, _LAMPS, lights)

    def tone(self, now_ms):
        """Gives a tone, whatever the settings: for the self-test. False if there is no buzzer."""
        self._tone_due = ticks_add(now_ms, 4 * _TONE_MS)
        return self._board.tone(_TEST_HZ)

    def identify(self, now_ms):
        """Has all lights blink for ten seconds, for somebody who wants to know which terminal this is."""
        self._begin(now_ms, _IDENTIFY, 15)

    def no_clock(self, now_ms):
        """Shows now and then that the clock is not set. Gives the ms until it wants to be called again.

        To be called while the clock is not set and no finger is on a button.
        """
        if not self._enabled & 1 << _NO_CLOCK:
            return _NEVER_MS
        if self._no_clock_due is None or ticks_diff(now_ms, self._no_clock_due) >= 0:
            self._no_clock_due = ticks_add(now_ms, _NO_CLOCK_MS)
            if self.is_dark:
                self._begin(now_ms, _NO_CLOCK, 6)
        return ticks_diff(self._no_clock_due, now_ms)

    def asking(self, now_ms, buttons):
        """Has the lights of these buttons (bit mask) pulse while a follow-up waits for its answer; 0 = none waits."""
        if buttons and not self._asking:
            self._asking_ms = now_ms
        self._asking = buttons

    # ---- time ----

    def step(self, now_ms):
        """Goes on with what the lights and the buzzer are doing. Gives the ms until it wants to be called again."""
        wait_ms = _NEVER_MS
        pulse = 0
        if self._asking:
            wait_ms = _PULSE_STEP_MS
            pulse = self._pulse(now_ms)
        for b in range(4):
            if self._phases[b]:
                wait_ms = min(wait_ms, self._step_light(now_ms, b))
            if not self._phases[b]:
                self._show(b, pulse if self._asking & 1 << b else 0)
        if self._tone_due is not None:
            left_ms = ticks_diff(self._tone_due, now_ms)
            if left_ms <= 0:
                self._tone_due = None
                self._board.tone(0)
            else:
                wait_ms = min(wait_ms, left_ms)
        return wait_ms

    @property
    def is_dark(self):
        """True while no signal is being given, by light or by sound."""
        return not (any(self._phases) or self._asking or self._tone_due is not None)

    def _level(self):
        return self._dim if self.is_quiet else self._loud

    def _pulse(self, now_ms):
        """Gives the percent of light at this moment of a pulse, which goes from dark to full and back."""
        at_ms = ticks_diff(now_ms, self._asking_ms) % _PULSE_MS
        return self._level() * min(at_ms, _PULSE_MS - at_ms) * 2 // _PULSE_MS

    def _begin(self, now_ms, signal, lights):
        if not self._enabled & 1 << signal:
            return
        for b in range(4):
            if lights & 1 << b:
                # A light that is on goes out first: else one could not see that a signal begins.
                goes_out = _OFF_MS[signal] and self._shown[b]
                self._signal[b] = signal
                self._phases[b] = 2 * _BLINKS[signal] - (0 if goes_out else 1)
                self._enter(now_ms, b)
        if _HZ[signal] and not self.is_quiet:
            self._board.tone(_HZ[signal])
            self._tone_due = ticks_add(now_ms, _TONE_MS)

    def _enter(self, now_ms, b):
        """Begins the next phase of light b."""
        signal = self._signal[b]
        is_lit = self._phases[b] & 1
        self._due[b] = ticks_add(now_ms, self._on_ms[signal] if is_lit else _OFF_MS[signal])
        self._show(b, self._level() if is_lit else 0)

    def _step_light(self, now_ms, b):
        left_ms = ticks_diff(self._due[b], now_ms)
        if left_ms > 0:
            return left_ms
        self._phases[b] -= 1
        if not self._phases[b]:
            return _NEVER_MS
        self._enter(now_ms, b)
        return ticks_diff(self._due[b], now_ms)

    def _show(self, b, percent):
        if self._shown[b] != percent:
            self._shown[b] = percent
            self._board.light(b + 1, percent)

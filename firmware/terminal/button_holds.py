"""Buttons that are held for long: stuck ones, and the two together that bring about service and test mode."""

from .compat import const, ticks_add, ticks_diff

_NONE = const(-1)
_KEYS = const(0b1001)  # buttons 1 and 4: held together, and no others, they are the keys to the modes


class ButtonHolds:
    """`stuck` are the buttons out of play, `mode` is "", "service" or "test". Masks have bit 0 for button 1."""

    def __init__(self, windows):
        """windows: a dict as `press_verdict.DEFAULT_WINDOWS`, in ms."""
        self._windows = windows
        self._down_at = [0] * 4  # ticks of the last press
        self._counted_seq = [_NONE] * 4  # its seq if it counted
        self._up_at = [0] * 4  # ticks of the last release
        self._keys_at = 0  # ticks since which the keys have been held
        self._keys = False  # they are being held
        self._down = 0  # the buttons that were down at the last step
        self._given = 0  # what this hold of the keys has brought about: 1 service mode, 2 test mode
        self._mode_at = 0  # ticks at which the mode began
        self._at_boot = 0  # the buttons that have been down since the boot
        self.stuck = 0
        self.mode = ""

    def start(self, down):
        """Begins a boot: the buttons that are down are out of play until they are released."""
        self.stuck = self._at_boot = down

    def test(self, now_ms, ms):
        """Begins test mode for the next `ms`, as the cable has ordered."""
        self.mode = "test"
        self._mode_at = ticks_add(now_ms, ms - self._windows["mode_ends_ms"])

    def pressed(self, at_ms, b, seq):
        """Tells that button b + 1 went down at ticks at_ms. seq: of its record if it counted, else -1."""
        self._down_at[b] = at_ms
        self._counted_seq[b] = seq

    def released(self, at_ms, b):
        """Tells that button b + 1 went up at ticks at_ms."""
        self._up_at[b] = at_ms
        if self._at_boot & 1 << b:
            self._at_boot &= ~(1 << b)
            self.stuck &= ~(1 << b)

    def step(self, now_ms, down):
        """Tells that the buttons of `down` are down at ticks now_ms. Gives the seq of a counted press that is stuck.

        If there is none it gives -1; if there is one, step again. now_ms must not be later than the first contact of
        any press that is still to be judged: whoever steps goes from contact to contact, however late they were found.
        """
        self._step_mode(now_ms, down)
        for b in range(4):
            bit = 1 << b
            if self.stuck & bit:
                if not down & bit and ticks_diff(now_ms, self._up_at[b]) >= self._windows["unstick_ms"]:
                    self.stuck &= ~bit
            # Even if it did not count: a button that stays down would make every other press a mash.
            elif down & bit and ticks_diff(now_ms, self._down_at[b]) >= self._windows["stuck_ms"]:
                self.stuck |= bit
                if self._counted_seq[b] != _NONE:
                    return self._counted_seq[b]
        return _NONE

    def _step_mode(self, now_ms, down):
        if self.mode and ticks_diff(now_ms, self._mode_at) >= self._windows["mode_ends_ms"]:
            self.mode = ""
        # Held for long the keys become stuck buttons, too. That must not end the hold.
        keys = down == _KEYS and (self._keys or not self.stuck & _KEYS)
        if keys and not self._keys:
            self._keys_at = self._changed_at(now_ms, down)
            self._given = 0
        self._keys = keys
        self._down = down
        if not keys:
            return
        held_ms = ticks_diff(now_ms, self._keys_at)
        # Each mode begins only once in a hold: keys that stay down must not keep the terminal in a mode for ever.
        if self._given < 2 and held_ms >= self._windows["test_ms"]:
            self._given = 2
            self._enter(ticks_add(now_ms, self._windows["test_ms"] - held_ms), "test")
        elif not self._given and held_ms >= self._windows["service_ms"]:
            self._given = 1
            if self.mode != "test":
                self._enter(ticks_add(now_ms, self._windows["service_ms"] - held_ms), "service")

    def _changed_at(self, now_ms, down):
        """Gives the ticks of the newest change between the buttons told before and `down`; now_ms if none changed."""
        changed_ms = None
        for b in range(4):
            if (down ^ self._down) & 1 << b:
                at_ms = self._down_at[b] if down & 1 << b else self._up_at[b]
                if changed_ms is None or ticks_diff(at_ms, changed_ms) > 0:
                    changed_ms = at_ms
        return now_ms if changed_ms is None else changed_ms

    def _enter(self, at_ms, mode):
        if mode != self.mode:
            self.mode = mode
            self._mode_at = at_ms

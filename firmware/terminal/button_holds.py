"""What lies on the buttons: held ones, stuck ones, the keys of service and test mode."""

from .compat import const, ticks_add, ticks_diff

_NONE = const(-1)
_KEYS = const(0b1001)  # buttons 1 and 4


class ButtonHolds:
    """`stuck` are the buttons out of play, `mode` is "", "service" or "test". Masks have bit 0 for button 1."""

    def __init__(self, windows):
        self._windows = windows
        self._down_at = [0] * 4
        self._counted_seq = [_NONE] * 4
        self._up_at = [0] * 4
        self._keys_at = 0
        self._keys = False
        self._down = 0  # as told last
        self._given = 0  # what this hold of the keys has brought: 1 service, 2 test
        self._mode_at = 0
        self._at_boot = 0
        self.stuck = 0
        self.mode = ""

    def start(self, down):
        """Buttons down at boot are out of play until released."""
        self.stuck = self._at_boot = down

    def test(self, now_ms, ms):
        """Test mode for so long, from the cable."""
        self.mode = "test"
        self._mode_at = ticks_add(now_ms, ms - self._windows["mode_ends_ms"])

    def pressed(self, at_ms, b, seq):
        """Button b + 1 went down at ticks at_ms; seq of its record if it counted, else -1."""
        self._down_at[b] = at_ms
        self._counted_seq[b] = seq

    def released(self, at_ms, b):
        """Button b + 1 went up at ticks at_ms."""
        self._up_at[b] = at_ms
        if self._at_boot & 1 << b:
            self._at_boot &= ~(1 << b)
            self.stuck &= ~(1 << b)

    def step(self, now_ms, down):
        """`down` lie at ticks now_ms. Gives the seq of a counted press that is stuck by then, or -1.

        now_ms is no later than the contact of any press that is still to be judged: whoever steps goes from contact to
        contact, however late they were found.
        """
        self._step_mode(now_ms, down)
        for b in range(4):
            bit = 1 << b
            if self.stuck & bit:
                if not down & bit and ticks_diff(now_ms, self._up_at[b]) >= self._windows["unstick_ms"]:
                    self.stuck &= ~bit
            # Counted or not: what is held down for good would make mash of every other press.
            elif down & bit and ticks_diff(now_ms, self._down_at[b]) >= self._windows["stuck_ms"]:
                self.stuck |= bit
                if self._counted_seq[b] != _NONE:
                    return self._counted_seq[b]
        return _NONE

    def _step_mode(self, now_ms, down):
        if self.mode and ticks_diff(now_ms, self._mode_at) >= self._windows["mode_ends_ms"]:
            self.mode = ""
        # The keys are stuck buttons, too, once they have been held for long: that must not end the hold.
        keys = down == _KEYS and (self._keys or not self.stuck & _KEYS)
        if keys and not self._keys:
            self._keys_at = self._changed_at(now_ms, down)
            self._given = 0
        self._keys = keys
        self._down = down
        if not keys:
            return
        held_ms = ticks_diff(now_ms, self._keys_at)
        # Once each: what lies on the keys for good must not hold the terminal in a mode for good.
        if self._given < 2 and held_ms >= self._windows["test_ms"]:
            self._given = 2
            self._enter(ticks_add(now_ms, self._windows["test_ms"] - held_ms), "test")
        elif not self._given and held_ms >= self._windows["service_ms"]:
            self._given = 1
            if self.mode != "test":
                self._enter(ticks_add(now_ms, self._windows["service_ms"] - held_ms), "service")

    def _changed_at(self, now_ms, down):
        """Ticks of the newest change that made `down` of what was told last; now_ms if there was none."""
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

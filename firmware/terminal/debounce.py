"""Edges to presses: four contacts, each with its own small state machine.

Owed (DESIGN.md): no double and no missed press for bounce up to 25 ms closing and 40 ms opening and taps of 25 ms and
more; spikes under 1 ms rejected; a late poll counts once.
"""

from .compat import const, ticks_diff

_UP = const(0)
_MAYBE = const(1)  # closed, not long enough yet, or open again within a bounce
_DOWN = const(2)
_OPENING = const(3)  # open, may still be the bounce of the release

_POLL_MS = const(2)
_HELD_POLL_MS = const(20)  # the soft interrupt may drop the edge of a release
_IDLE_POLL_MS = const(500)  # and that of a press
_STABLE_MS = const(6)  # closed without a break: a press. With a bounce of 10 ms and a poll it makes 18 of the 20 ms
_SPIKE_MS = const(30)  # open again for so long since first contact: it was no press
_RELEASE_MS = const(45)  # open without a break: a release. More than the longest gap in 40 ms of bounce
_LATCH_MS = const(60)  # an interrupt may come so long after a standstill that held it up
_LATE_MS = const(15)  # so long between polls, and a contact may have come and gone
_FORGET_MS = const(66000)  # longer quiet than a record can tell


class Debounce:
    """`step` polls; then `pressed` and `released` are bit masks (bit 0 = button 1) of what it found."""

    def __init__(self):
        self._state = bytearray(4)
        self._since = [0] * 4  # first contact, or the opening edge
        self._stable = [0] * 4  # closed or open without a break since
        self._closed = 0  # contacts as polled last
        self._latched = 0
        self._stall_end = 0
        self._stalled = False
        self._polled = 0  # ticks
        self.first_contact = [0] * 4  # ticks
        self.opened = [0] * 4  # ticks of the last release
        self.edges = bytearray(4)
        self.pressed = 0
        self.released = 0
        self.stalled = 0  # of `pressed`: latched while the CPU stood still
        self.down = 0
        self.known = 0  # `opened` is recent enough to be believed

    def start(self, now_ms, closed):
        """Contacts closed at boot: down, without a press."""
        self._polled = now_ms
        self._closed = closed
        self.down = closed
        for b in range(4):
            if closed & 1 << b:
                self._state[b] = _DOWN

    def edge(self, now_ms, b):
        """A pin interrupt of button b + 1."""
        if self.edges[b] < 255:
            self.edges[b] += 1
        if self._state[b] == _UP and not self._latched & 1 << b:
            self._latched |= 1 << b
            self._since[b] = now_ms

    def stood_still(self, now_ms):
        """The CPU stood still until now: what is latched may have come and gone unseen."""
        self._stalled = True
        self._stall_end = now_ms

    def step(self, now_ms, closed):
        """Takes the contacts (bit mask) as they are now. Gives the milliseconds until it wants to look again."""
        self.pressed = self.released = self.stalled = 0
        if self._stalled and ticks_diff(now_ms, self._stall_end) > _LATCH_MS:
            self._stalled = False
        is_late = ticks_diff(now_ms, self._polled) >= _LATE_MS
        self._polled = now_ms
        wait_ms = _IDLE_POLL_MS
        for b in range(4):
            bit = 1 << b
            wait_ms = min(wait_ms, self._step_one(now_ms, b, bit, closed & bit, is_late))
        self._closed = closed
        return wait_ms

    def _step_one(self, now_ms, b, bit, closed, is_late):
        state = self._state[b]
        changed = closed != self._closed & bit
        if changed:
            self._stable[b] = now_ms
        if state == _UP:
            if self.known & bit and ticks_diff(now_ms, self.opened[b]) > _FORGET_MS:
                self.known &= ~bit
            latched = self._latched & bit
            if not closed and not latched:
                return _IDLE_POLL_MS
            self._latched &= ~bit
            if not latched:
                self._since[b] = now_ms
            self.first_contact[b] = self._since[b]
            if not closed and self._stalled:
                self._gone(now_ms, b, bit)
            else:
                self._state[b] = _MAYBE
            self._stable[b] = now_ms
            return _POLL_MS
        if state == _MAYBE:
            if closed:
                if ticks_diff(now_ms, self._stable[b]) >= _STABLE_MS:
                    self._press(b, bit)
                    return _HELD_POLL_MS
            elif changed and is_late:
                self._gone(now_ms, b, bit)
            elif ticks_diff(now_ms, self._since[b]) >= _SPIKE_MS:
                self._state[b] = _UP
                self.edges[b] = 0
                return _IDLE_POLL_MS
            return _POLL_MS
        if closed:
            self._state[b] = _DOWN
            return _HELD_POLL_MS
        if state == _DOWN:
            self._state[b] = _OPENING
            self.opened[b] = now_ms
            self._stable[b] = now_ms
        elif ticks_diff(now_ms, self._stable[b]) >= _RELEASE_MS:
            self._state[b] = _UP
            self._latched &= ~bit
            self.edges[b] = 0
            self.released |= bit
            self.down &= ~bit
            self.known |= bit
            return _IDLE_POLL_MS
        return _POLL_MS

    def _press(self, b, bit):
        self._state[b] = _DOWN
        self.pressed |= bit
        self.down |= bit
        if self._stalled:
            self.stalled |= bit

    def _gone(self, now_ms, b, bit):
        """A press that nobody saw while it lasted."""
        self._press(b, bit)
        self.stalled |= bit
        self._state[b] = _OPENING
        self.opened[b] = now_ms

    def quiet_ms(self, b, at_ms, out_of_play):
        """How long all buttons had been up before a press of button b + 1 at ticks at_ms: 0..65535, see README.md."""
        quiet_ms = 65535
        for i in range(4):
            bit = 1 << i
            if out_of_play & bit or (i != b and not self._state[i] and not self.known & bit):
                continue
            if i != b and self._state[i] == _DOWN:
                return 0
            if self.known & bit or self._state[i] == _OPENING:
                quiet_ms = min(quiet_ms, max(1, ticks_diff(at_ms, self.opened[i])))
        return quiet_ms

    @property
    def is_idle(self):
        """True while no contact is closed or in doubt."""
        for state in self._state:
            if state:
                return False
        return True

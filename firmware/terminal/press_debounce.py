"""Edges to presses: four contacts, each with a small state machine of its own.

What it owes: neither a double nor a missed press while a contact bounces for up to 25 ms as it closes and up to 40 ms
as it opens, and for taps of 25 ms and more. Spikes under 1 ms are no presses. A press that a late poll finds counts
once. The polls decide. Interrupts, some of which get lost, only wake the poller, tell it when an edge came, and are
counted.
"""

from .compat import const, ticks_add, ticks_diff

_UP = const(0)
_MAYBE = const(1)  # it has closed, but not for long enough yet, or is open again within a bounce
_DOWN = const(2)
_OPENING = const(3)  # open, which may still be the bounce of the release

_POLL_MS = const(2)
_HELD_POLL_MS = const(20)  # while it is held: the soft interrupt may drop the edge of the release
_IDLE_POLL_MS = const(500)  # while it is open: the soft interrupt may drop the edge of a press
_STABLE_MS = const(6)  # closed for so long without a break: a press. After 10 ms of bounce and with a slow loop, 19 ms
_SPIKE_MS = const(30)  # so long after first contact it is open again: that was no press
_RELEASE_MS = const(45)  # open for so long without a break: a release. The longest gap in 40 ms of bounce is shorter
# A good contact settles within 25 ms of closing, a tap, and 40 ms of opening. One that takes longer is a worn one, and
# the gaps in its bursts are longer, too.
_RESTLESS_MS = const(130)
_BAD_RELEASE_MS = const(100)
_LATCH_MS = const(60)  # an interrupt that a standstill has held up comes at most so long after it
_LATE_MS = const(15)  # in a longer gap between two polls a contact may have come and gone
_FORGET_MS = const(66000)  # a record can't tell a longer quiet time
_FULL = const(0x1FFFFFFF)  # the statistics stop here: from 2^30 on a 32-bit board allocates memory for an int


class Debounce:
    """`step` polls the contacts; `pressed` and `released` are then bit masks (bit 0 = button 1) of what it has found.

    There are statistics for health, by button. They cover the presses that are over: `presses_total` is their number,
    `edges_total` the number of their raw edges (as far as interrupts came through, at most 255 for a press), and
    `edges_max` the most edges that one of them had. `spikes` counts contacts that were no presses.
    """

    def __init__(self):
        self._state = bytearray(4)
        self._since = [0] * 4  # ticks of the first contact, while the state is _MAYBE
        self._stable = [0] * 4  # ticks since which it has been closed or open without a break
        self._restless = [0] * 4  # ticks since which it has not settled
        self._last_edge = [0] * 4  # ticks of the last interrupt
        self._latched = bytearray(4)  # 1: an interrupt has come that no poll has dealt with
        self._closed = 0  # the contacts that the last poll found closed
        self._stall_end = 0  # ticks of the end of the last standstill
        self._stalled = False
        self._polled = 0  # ticks of the last poll
        self.first_contact = [0] * 4  # ticks of the first contact of the last press
        self.opened = [0] * 4  # ticks of the last release
        self._opened_before = [0] * 4  # the same when the last press began; long before it, if there was none
        self.edges = bytearray(4)  # raw edges of the press that is going on
        self.press_edges = bytearray(4)  # raw edges of the last press until it was found
        self.pressed = 0
        self.released = 0
        self.stalled = 0  # those of `pressed` that were over before a poll, or latched while the CPU stood still
        self.down = 0  # the buttons that are down
        self.known = 0  # the buttons whose `opened` is recent enough to be compared
        self.presses_total = [0] * 4
        self.edges_total = [0] * 4
        self.edges_max = bytearray(4)
        self.spikes = [0] * 4

    def start(self, now_ms, closed):
        """Begins a boot: the contacts that are closed are down without having been pressed."""
        self._polled = now_ms
        self._closed = closed
        self.down = closed
        for b in range(4):
            if closed & 1 << b:
                self._state[b] = _DOWN
                self._stable[b] = self._restless[b] = now_ms

    def edge(self, now_ms, b):
        """Tells of a pin interrupt of button b + 1 at ticks now_ms."""
        if self.edges[b] < 255:
            self.edges[b] += 1
        self._last_edge[b] = now_ms
        if self._state[b] == _UP and not self._latched[b]:
            self._since[b] = now_ms
            self._latched[b] = 1

    def stood_still(self, now_ms):
        """Tells that the CPU stood still until ticks now_ms: a latched contact may have come and gone unseen."""
        self._stalled = True
        self._stall_end = now_ms

    def step(self, now_ms, closed):
        """Takes the contacts that are closed now (bit mask). Gives the ms until it wants to look again."""
        self.pressed = self.released = self.stalled = 0
        if self._stalled and ticks_diff(now_ms, self._stall_end) > _LATCH_MS:
            self._stalled = False
        wait_ms = _IDLE_POLL_MS
        for b in range(4):
            bit = 1 << b
            if self._state[b] or self._latched[b] or closed & bit:
                wait_ms = min(wait_ms, self._step_one(now_ms, b, bit, closed & bit))
            elif self.known & bit and ticks_diff(now_ms, self.opened[b]) > _FORGET_MS:
                self.known &= ~bit
        self._closed = closed
        self._polled = now_ms
        return wait_ms

    def _step_one(self, now_ms, b, bit, closed):
        gap_ms = ticks_diff(now_ms, self._polled)
        has_edge = 0 <= ticks_diff(now_ms, self._last_edge[b]) <= gap_ms  # since the last poll
        changed_at = self._last_edge[b] if has_edge else now_ms
        has_changed = closed != self._closed & bit
        if has_changed:
            if not closed and ticks_diff(changed_at, self._stable[b]) >= _RELEASE_MS:
                self._restless[b] = changed_at
            self._stable[b] = changed_at
        state = self._state[b]
        was_still = False
        if state == _UP:
            was_still = self._stalled
            self._state[b] = state = _MAYBE  # before the latch is cleared: an interrupt may come in between
            if self._latched[b]:
                self._latched[b] = 0
            else:
                self._since[b] = now_ms
            self.first_contact[b] = self._restless[b] = self._since[b]
            gap_ms = ticks_diff(now_ms, self._since[b])
        if state == _MAYBE:
            was_pressed = self._was_pressed(b, gap_ms, has_edge, has_changed and not closed)
            if closed:
                if was_pressed or ticks_diff(now_ms, self._stable[b]) >= _STABLE_MS:
                    self._press(b, bit)
                    return _HELD_POLL_MS
            elif was_still or was_pressed:
                self._press(b, bit)
                self.stalled |= bit
                self._state[b] = _OPENING
                self._stable[b] = self.opened[b] = changed_at
                return self._end_release(now_ms, b, bit)
            elif ticks_diff(now_ms, self._since[b]) >= _SPIKE_MS:
                self._state[b] = _UP
                self.edges[b] = 0
                self.spikes[b] = min(_FULL, self.spikes[b] + 1)
                return _IDLE_POLL_MS
            return _POLL_MS
        if closed:
            self._state[b] = _DOWN
            return _HELD_POLL_MS
        if state == _DOWN:
            self._state[b] = _OPENING
            self._stable[b] = self.opened[b] = changed_at
        elif has_edge:
            self.opened[b] = changed_at  # a bounce between two polls
        return self._end_release(now_ms, b, bit)

    def _end_release(self, now_ms, b, bit):
        """Releases a contact once it has been open for long enough; in a late poll that may be at once."""
        if ticks_diff(now_ms, self._stable[b]) < self._release_ms(b):
            return _POLL_MS
        self._release(b, bit)
        return _IDLE_POLL_MS

    def _was_pressed(self, b, gap_ms, has_edge, has_opened):
        """Whether there was a press in the last gap_ms, in which there was no poll. In case of doubt there was."""
        if gap_ms < _LATE_MS:
            return False
        if has_edge:
            return ticks_diff(self._last_edge[b], self._since[b]) >= _STABLE_MS
        return has_opened

    def _release_ms(self, b):
        is_bad = ticks_diff(self._stable[b], self._restless[b]) > _RESTLESS_MS
        return _BAD_RELEASE_MS if is_bad else _RELEASE_MS

    def _press(self, b, bit):
        self._state[b] = _DOWN
        self.pressed |= bit
        self.down |= bit
        self.press_edges[b] = self.edges[b]
        self._remember_opened(b)
        if self._stalled:
            self.stalled |= bit

    def _remember_opened(self, b):
        is_known = self.known & 1 << b
        self._opened_before[b] = self.opened[b] if is_known else ticks_add(self.first_contact[b], -_FORGET_MS)

    def _release(self, b, bit):
        self._state[b] = _UP
        self._latched[b] = 0
        self.released |= bit
        self.down &= ~bit
        self.known |= bit
        edges = self.edges[b]
        self.edges[b] = 0
        if self.edges_total[b] < _FULL:
            self.presses_total[b] += 1
            self.edges_total[b] += edges
        if edges > self.edges_max[b]:
            self.edges_max[b] = edges

    def quiet_ms(self, b, at_ms, out_of_play):
        """Gives for how long all buttons had been up before the press of button b + 1 at ticks at_ms: 0..65535 ms.

        0: another button was down. out_of_play: the buttons (bit mask) that are passed over. What counts is how it was
        at at_ms: a late poll also finds contacts that closed after that, and contacts that are open again.
        """
        quiet_ms = 65535
        if not out_of_play & 1 << b:
            quiet_ms = min(quiet_ms, max(1, ticks_diff(at_ms, self._opened_before[b])))
        for i in range(4):
            bit = 1 << i
            if i == b or out_of_play & bit:
                continue
            state = self._state[i]
            if self.pressed & bit and ticks_diff(self.first_contact[i], at_ms) >= 0:
                opened = self._opened_before[i]  # both were found by this poll, and that one came later
            elif state == _DOWN:
                return 0
            elif state == _OPENING or self.known & bit:
                opened = self.opened[i]
                if ticks_diff(at_ms, opened) < 0:
                    return 0
            else:
                continue
            quiet_ms = min(quiet_ms, max(1, ticks_diff(at_ms, opened)))
        return quiet_ms

    def settled_ms(self, now_ms):
        """Gives the ticks up to which it is known what the contacts did: one in doubt may yet turn out either way."""
        for b in range(4):
            state = self._state[b]
            if state == _MAYBE or state == _OPENING:
                since = self.first_contact[b] if state == _MAYBE else self.opened[b]
                if ticks_diff(since, now_ms) < 0:
                    now_ms = since
        return now_ms

    def is_idle_but(self, stuck):
        """True while no contact is closed or in doubt, apart from those of `stuck` (bit 0 = button 1)."""
        for b in range(4):
            if self._state[b] and not stuck & 1 << b:
                return False
        return True

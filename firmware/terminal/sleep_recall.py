"""What clock, power and press path keep across a deep sleep, and how they go on with it. Not loaded on mains.

A state is a list of ints and lists; moments are kept as ages. This module knows the classes from inside, so that those
need no code for it, which would take memory on all terminals.
"""

from .compat import const, ticks_add, ticks_diff

_MASK24 = const(0xFFFFFF)
_FORGET_MS = const(66000)  # of `press_debounce`: it forgets a release that is longer ago
_DOWN = const(2)  # of `press_debounce`
_OPENING = const(3)
_WINDOW_MS = const(60000)  # of `press_flood`


# ---- the clock ----


def clock_state(clock, rtc_ms):
    """Gives the state of a `clock.Clock`. rtc_ms: as `Board.rtc_ms` gives it now."""
    flags = (1 if clock.is_set else 0) | (2 if clock.is_agreed else 0) | (4 if clock.is_sure else 0)
    started_ms = rtc_ms - clock.uptime_ms()
    return [clock.boot, started_ms, clock._offset_ms, clock._told_ms, flags, clock.source, clock.floor_ms]


def resume_clock(clock, state, rtc_ms, ticks):
    """Has the boot go on in which the state was taken. rtc_ms, ticks: of the same moment."""
    clock.boot, started_ms, clock._offset_ms, clock._told_ms, flags, clock.source, clock.floor_ms = state
    clock.is_set = flags & 1 != 0
    clock.is_agreed = flags & 2 != 0
    clock.is_sure = flags & 4 != 0
    uptime_ms = max(0, rtc_ms - started_ms)
    clock._ticks = ticks
    clock._low = uptime_ms & _MASK24
    clock._high = uptime_ms >> 24


# ---- power ----


def power_state(power):
    """Gives the state of a `sleep_power.Power`."""
    return [power.next_ms, power._failures, power.unhappy, 1 if power.is_low else 0, 1 if power._farewell else 0]


def resume_power(power, state):
    """Has a `sleep_power.Power` go on after a deep sleep."""
    power.next_ms, power._failures, power.unhappy, is_low, farewell = state
    power.is_low = bool(is_low)
    power._farewell = bool(farewell)


# ---- the press path ----


def press_path_state(press_path, now_ms):
    """Gives the state of a `press_path.PressPath` that is at rest."""
    flood = press_path._flood
    return [
        _debounce(press_path.debounce, now_ms), _votes(press_path.votes, now_ms), press_path.holds.stuck,
        [ticks_diff(now_ms, flood._window_at), flood._stored, 1 if flood._is_flood else 0],
    ]  # fmt: skip


def resume_presses(press_path, state, slept_ms, woke_ms, now_ms):
    """Has a `press_path.PressPath` go on after a deep sleep of slept_ms that ended at ticks woke_ms.

    The buttons that ended it are presses.
    """
    of_debounce, of_votes, stuck, of_flood = state
    fell_asleep_ms = ticks_add(woke_ms, -slept_ms)
    closed = press_path._board.buttons()
    woke = press_path._board.woke & ~stuck
    # A button that is down now, but was not before and has not woken the chip, was pressed while the chip started.
    late = closed & ~stuck & ~woke
    debounce = press_path.debounce
    _resume_debounce(debounce, of_debounce, fell_asleep_ms)
    _resume_votes(press_path.votes, of_votes, fell_asleep_ms)
    flood = press_path._flood
    age_ms, flood._stored, is_flood = of_flood
    flood._window_at = ticks_add(fell_asleep_ms, -min(age_ms, _WINDOW_MS))
    flood._is_flood = bool(is_flood)
    # The buttons that were out of play stay so if they are still down. One that is up now has been up for long.
    press_path.holds.start(stuck & closed)
    debounce.start(now_ms, closed & stuck)
    press_path._step_hours(now_ms)
    if woke or late:
        _woke(debounce, woke_ms, closed, woke)
        _woke(debounce, ticks_add(woke_ms, ticks_diff(now_ms, woke_ms) // 2), closed, late)
        press_path._woke = woke | late
        press_path._take_contacts(now_ms)
        press_path._woke = 0


def _debounce(debounce, now_ms):
    """Gives how long each button has been up, and the statistics, of a `Debounce` that is idle."""
    up_ms = [ticks_diff(now_ms, debounce.opened[b]) if debounce.known & 1 << b else -1 for b in range(4)]
    return [up_ms, debounce.presses_total, debounce.edges_total, list(debounce.edges_max), debounce.spikes]


def _resume_debounce(debounce, state, now_ms):
    up_ms, debounce.presses_total, debounce.edges_total, edges_max, debounce.spikes = state
    debounce.edges_max = bytearray(edges_max)
    for b in range(4):
        if 0 <= up_ms[b] <= _FORGET_MS:
            debounce.known |= 1 << b
            debounce.opened[b] = ticks_add(now_ms, -up_ms[b])


def _woke(debounce, at_ms, closed, buttons):
    """Tells a `Debounce` that these buttons were pressed, with first contact at ticks at_ms, before the first poll.

    They are in `pressed` until its next `step`. Contacts that are open again may still be bouncing.
    """
    debounce.pressed |= buttons
    debounce.down |= buttons
    for b in range(4):
        if buttons & 1 << b:
            debounce.first_contact[b] = debounce._since[b] = debounce._stable[b] = debounce._restless[b] = at_ms
            debounce._remember_opened(b)
            debounce._state[b] = _DOWN if closed & 1 << b else _OPENING
            if not closed & 1 << b:
                debounce._stable[b] = debounce.opened[b] = debounce._polled


def _votes(votes, now_ms):
    """Gives the state of `press_verdict.Votes` while no follow-up waits for an answer."""
    size = len(votes._recent)
    recent = [0] * size
    for i in range(size - votes._recent_count, size):  # only those in use: moments that are older would wrap some day
        recent[i] = ticks_diff(now_ms, votes._recent[(votes._recent_next + i) % size])
    return [
        _vote(votes._vote, now_ms), _vote(votes._before, now_ms), _vote(votes._last, now_ms),
        votes._last_button, votes._last_verdict, votes._since_vote, votes._recent_count, recent,
    ]  # fmt: skip


def _resume_votes(votes, state, now_ms):
    vote, before, last, votes._last_button, votes._last_verdict, votes._since_vote, votes._recent_count, recent = state
    _resume_vote(votes._vote, vote, now_ms)
    _resume_vote(votes._before, before, now_ms)
    _resume_vote(votes._last, last, now_ms)
    votes._recent_next = 0
    for i in range(min(len(recent), len(votes._recent))):
        votes._recent[i] = ticks_add(now_ms, -recent[i])


def _vote(vote, now_ms):
    age_ms = ticks_diff(now_ms, vote.at_ms) if vote.button else 0
    return [vote.button, age_ms, vote.seq, 1 if vote.is_replacement else 0]


def _resume_vote(vote, state, now_ms):
    vote.button, age_ms, vote.seq, is_replacement = state
    vote.at_ms = ticks_add(now_ms, -age_ms)
    vote.is_replacement = bool(is_replacement)

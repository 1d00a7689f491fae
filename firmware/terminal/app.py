"""The terminal as one step machine: a press walks through the rooms here. No asyncio, no hardware."""

from binascii import crc32, hexlify

from .clock import Clock, Ntp
from .compat import const, ticks_add, ticks_diff
from .console import Console
from .debounce import Debounce
from .feedback import Feedback
from .flood import Flood
from .hands import Hands
from .logscrub import Scrub
from .record import (
    ANSWER,
    BOOT,
    CLOCK_SET,
    COUNTED,
    EVENT,
    REVISE,
    SIZE,
    STALL,
    TIME,
    UNANSWERED,
    put_ack,
    put_body,
    put_press,
)
from .ringlog import RingLog
from .uplink import Uplink
from .vote import Votes
from .wifi import Wifi

_IDLE_MS = const(3000)  # no standstill of our own choosing before so long without a finger
_STANDSTILL_MS = const(15)
_SCRUB_MS = const(10000)  # between two steps of the patrol: a full 1 MiB log in 6 hours
_NEVER_MS = const(60000)
_STORM_MS = const(60000)  # a boot that lasts so long is no part of a boot loop


class App:
    """See README.md "Rooms"."""

    def __init__(self, config, board, version, config_problem=""):
        """config: as `config.load` gives it; board: a `board.Board`."""
        self.board = board
        self.version = version
        self.config_problem = config_problem
        self.device_id = config["device_id"] or "hymio-" + str(hexlify(board.mac[3:]), "ascii")
        self.wake = _nothing  # run sets it: called when a pin interrupt has come
        self.problem = ""  # why the terminal does not count
        self.log = None
        self.clock = None
        self.uplink = None  # there is none without a log
        self.ntp = None
        self._config = config
        self._feedback = Feedback(board, config["feedback"], config["thanks_ms"])
        self._timetable = None
        if config["opening_hours"]["days"] or config["feedback"]["quiet"]:
            from .hours import Timetable  # only here: most terminals have no use for it

            self._timetable = Timetable(config["opening_hours"], config["feedback"]["quiet"])
        self._is_closed = False
        self._debounce = Debounce()
        self._votes = Votes(config["windows"], config["follow_up"])
        self._reasons = (1 << config["follow_up"]["reasons"]) - 1  # the buttons that are some
        self._hands = Hands(config["windows"])
        self._flood = Flood()
        self._wifi = Wifi(board, config["wifi"]["ssid"], config["wifi"]["password"])
        self._console = Console(self)
        self._record = bytearray(SIZE)
        self._boot_owed = False
        self._folded = 0
        self._last_touch = 0
        self._reset_at = None
        self._scrub = None
        self._scrub_at = 0
        self._standstill_ms = 0  # the longest

    # ---- start ----

    def start(self, now_ms):
        """Mounts the log, writes the boot record, arms the pins. Gives the line for the console."""
        board = self.board
        self.clock = clock = Clock(now_ms)
        if board.flash is None:
            self.problem = board.flash_problem
        else:
            try:
                log = RingLog(board.flash, crc32(board.mac), board.random32, clock)
                log.mount()
                self.log = log
            except (OSError, ValueError) as error:
                self.problem = "the votes partition can't be used: %s" % error
        self._last_touch = now_ms
        if self.log:
            self._boot_owed = True
            self._scrub = Scrub(log)
            self._scrub_at = now_ms
            if not log.boot_storm:
                self._write_boot()
            config = self._config
            self.ntp = Ntp(config["ntp"], self._wifi, clock, board.random32)
            self.uplink = Uplink(config["mqtt"], self.device_id, self._wifi, log, clock, board.random32, self.facts)
            self._wifi.start(now_ms)
            closed = board.buttons()
            self._debounce.start(now_ms, closed)
            self._hands.start(closed)
            board.on_edge(self._on_edge)
        else:
            self._feedback.refuse(now_ms)
        return self.status_line()

    def status_line(self):
        """One line for a person at a plain serial terminal."""
        line = "hymio %s %s " % (self.version, self.device_id)
        if self.problem:
            line += "does not count: " + self.problem
        else:
            log = self.log
            line += "boot %d, log %08x, %d presses, %d unsent" % (
                self.clock.boot, log.log_id, sum(log.totals), log.unsent,
            )  # fmt: skip
        if self.config_problem:
            line += "; " + self.config_problem + ": running with the defaults"
        return line

    def _on_edge(self, button):
        self.edge(self.board.ticks_ms(), button)
        self.wake()

    def edge(self, now_ms, button):
        """A pin interrupt of button 1..4."""
        self._debounce.edge(now_ms, button - 1)

    def stood_still(self, since_ms, now_ms):
        """The CPU stood still between these ticks."""
        still_ms = ticks_diff(now_ms, since_ms)
        self._standstill_ms = max(self._standstill_ms, still_ms)
        if still_ms >= _STANDSTILL_MS:
            self._debounce.stood_still(now_ms)

    # ---- the press path ----

    def step(self, now_ms):
        """Does what is due; gives the ticks at which it wants to be called again at the latest."""
        self.clock.advance(now_ms)
        if self._reset_at is not None and ticks_diff(now_ms, self._reset_at) >= 0:
            self.board.reset()
        if self.log is None:
            return ticks_add(now_ms, self._feedback.step(now_ms))
        debounce = self._debounce
        closed = self.board.buttons()
        wait_ms = debounce.step(now_ms, closed)
        pressed = debounce.pressed
        while pressed:
            b = self._earliest(pressed)
            pressed &= ~(1 << b)
            self._press(now_ms, b)
        wait_ms = min(wait_ms, self._step_hands(now_ms))
        feedback = self._feedback
        feedback.asking(now_ms, self._reasons if self._votes.is_asking else 0)
        wait_ms = min(wait_ms, feedback.step(now_ms))
        if self._flood.is_due(now_ms):
            self._write_runs()
        wait_ms = min(wait_ms, self._flood.wait_ms(now_ms))
        is_idle = debounce.is_idle
        stuck = self._hands.stuck
        if is_idle or (stuck and not closed & ~stuck):  # a held button must not leave the others closed all day
            wait_ms = min(wait_ms, self._step_hours(now_ms))
        if not is_idle:
            self._last_touch = now_ms
        else:
            self._step_book(now_ms)
        wait_ms = min(wait_ms, self._wifi.step(now_ms), self.uplink.step(now_ms, is_idle))
        if self._reset_at is not None:
            wait_ms = min(wait_ms, max(0, ticks_diff(self._reset_at, now_ms)))
        return ticks_add(now_ms, wait_ms)

    def _earliest(self, pressed):
        first = -1
        contact = self._debounce.first_contact
        for b in range(4):
            if pressed & 1 << b and (first < 0 or ticks_diff(contact[b], contact[first]) < 0):
                first = b
        return first

    def _press(self, now_ms, b):
        """From the debounced press to the record in flash to the thank-you."""
        debounce = self._debounce
        clock = self.clock
        hands = self._hands
        votes = self._votes
        bit = 1 << b
        at_ms = debounce.first_contact[b]
        quiet_ms = debounce.quiet_ms(b, at_ms, hands.stuck)
        verdict = votes.press(at_ms, b + 1, quiet_ms, self._is_closed, hands.mode != "", hands.stuck & bit != 0)
        flags = CLOCK_SET if clock.is_set else 0
        if debounce.stalled & bit:
            flags |= STALL
        if self._boot_owed:
            self._write_boot()
        clock.at(at_ms)
        if self._flood.takes(at_ms, b, verdict, clock):
            hands.pressed(at_ms, b, -1)
            return
        if self._flood.pending:
            self._write_runs()
            clock.at(at_ms)
        put_press(self._record, verdict, b + 1, flags, max(1, debounce.edges[b]), quiet_ms, clock)
        seq = self._append()
        hands.pressed(at_ms, b, seq if verdict == COUNTED else -1)
        if seq < 0:
            self._feedback.full(now_ms)
            return
        votes.stored(seq)
        if verdict == COUNTED or verdict == ANSWER:
            self._feedback.counted(now_ms, b)
        else:
            self._feedback.filtered(now_ms, b)
        self._write_revisions(now_ms)

    def _append(self):
        """Stores `_record`; gives its seq or -1. Without idle time a sector may have to be erased for it."""
        since_ms = self.board.ticks_ms()
        seq = self.log.append(self._record)
        self.stood_still(since_ms, self.board.ticks_ms())
        return seq

    def _write_runs(self):
        while self._flood.next_run(self._record, self.clock):
            self._append()

    def _write_revisions(self, now_ms):
        votes = self._votes
        self.clock.at(now_ms)
        for i in range(votes.revisions):
            put_body(self._record, REVISE, votes.revised_verdict[i], votes.revised_seq[i], self.clock)
            self._append()

    @property
    def is_asking(self):
        """True while the buttons are reasons for an unhappy vote."""
        return self._votes.is_asking

    def _step_hands(self, now_ms):
        debounce = self._debounce
        hands = self._hands
        votes = self._votes
        if debounce.released:
            for b in range(4):
                if debounce.released & 1 << b:
                    hands.released(debounce.opened[b], b)
        was_stuck = hands.stuck
        seq = hands.step(now_ms, debounce.down)
        if seq >= 0:
            votes.stuck(seq)
            self._write_revisions(now_ms)
        for b in range(4):
            if hands.stuck & ~was_stuck & 1 << b:
                self._feedback.stuck(now_ms, b)
        wait_ms = votes.step(now_ms)
        if votes.unanswered >= 0:
            self.clock.at(now_ms)
            put_body(self._record, EVENT, UNANSWERED, votes.unanswered, self.clock)
            votes.unanswered = -1
            self._append()
        return wait_ms

    def _step_hours(self, now_ms):
        if not self.clock.is_set:
            return self._feedback.no_clock(now_ms)
        timetable = self._timetable
        if timetable is None:
            return _NEVER_MS
        wait_ms = timetable.step(now_ms, self.clock)
        self._is_closed = timetable.is_closed
        self._feedback.is_quiet = timetable.is_quiet
        return wait_ms

    # ---- book-keeping, while no finger is on a button ----

    def _step_book(self, now_ms):
        log = self.log
        log.open_ahead()
        if self._boot_owed:
            if self.clock.uptime_ms() < _STORM_MS:
                return
            self._write_boot()
        if self.clock.time_due:
            self.clock.time_due = False
            utc_s, at_ms = self.clock.time_record()
            self.clock.at(at_ms)
            put_body(self._record, TIME, self.clock.source, utc_s, self.clock)
            self._append()
        if self.uplink.outbox.owes_ack_record:
            put_ack(self._record, *log.ack_body)
            if self._append() >= 0:
                self.uplink.outbox.ack_recorded(now_ms)
        if log.needs_sector and ticks_diff(now_ms, self._last_touch) >= _IDLE_MS:
            since_ms = self.board.ticks_ms()
            log.prepare()
            self.stood_still(since_ms, self.board.ticks_ms())
        if ticks_diff(now_ms, self._scrub_at) >= _SCRUB_MS:
            self._scrub_at = now_ms
            self._scrub.step()

    def _write_boot(self):
        self._boot_owed = False
        self.clock.at(self._last_touch)
        put_body(self._record, BOOT, self.board.reset_cause, self._folded, self.clock)
        self._append()

    # ---- the cable ----

    def console_received(self, now_ms, data):
        """Bytes from the cable; gives the lines to be written."""
        self.clock.advance(now_ms)
        return self._console.received(data)

    def settle(self, mark):
        """A cable says that everything below `mark` is committed."""
        self.uplink.outbox.settle(self.board.ticks_ms(), mark)

    def reset_soon(self):
        """Resets once the answer is out."""
        self._reset_at = ticks_add(self.board.ticks_ms(), 200)

    def facts(self):
        """What README.md lists under "Facts": the state message and the answer to status."""
        clock = self.clock
        log = self.log
        facts = {
            "device_id": self.device_id,
            "firmware": self.version,
            "boot": clock.boot,
            "reset_cause": self.board.reset_cause,
            "uptime_ms": clock.uptime_ms(),
            "utc_ms": clock.utc_ms(),
            "heap_free": self.board.heap_free(),
            "wifi": self._wifi.state,
        }
        if log is None:
            facts["problem"] = self.problem
        else:
            facts.update(log.facts())
            facts["mqtt"] = self.uplink.state
        return facts


def _nothing():
    pass

"""The terminal as one step machine that composes the modules. It knows neither asyncio nor hardware."""

from binascii import crc32, hexlify

from .compat import const, load, ticks_add, ticks_diff, unload
from .mains import PROFILES, Mains
from .net_wifi import OFF, Wifi

_IDLE_MS = const(3000)  # a standstill that we may choose the moment of waits for so long without a finger
_STANDSTILL_MS = const(15)  # a shorter standstill can't hide a press
_SCRUB_MS = const(10000)  # between two steps of the scrub, which reads a full log of 1 MiB in 6 hours
_STORM_MS = const(60000)  # a boot that lasts longer is not part of a boot loop
_PAUSE_MS = const(1000)  # after so long without a byte they may leave earlier, if their memory is needed
_CONVERSATION_MS = const(60000)  # after the last byte on the cable its modules leave the heap
_HOUR_MS = const(3600000)
_HALF_DAY_MS = const(43200000)
_IDS = const(8)  # of commands, so that none of them is done twice


class KeptTls:
    """What TLS keeps between two handshakes, while its module is not in the heap. `net_tls` and `run.hold` fill it."""

    def __init__(self):
        self.context = None  # the `ssl.SSLContext` of our files, once they have been read
        self.issued = None  # when the newest of them was issued, as (year, month, day, hour, minute, second)
        self.ends = None  # until when our certificate is good, in RFC 3339
        self.reserve = None  # the buffers of a connection to nobody, which the next handshake may have
        self.spare = None  # a context full of certificates, whose memory the next handshake may have
        self.is_doubted = False  # the last handshake has failed, perhaps for a false time


class App:
    """The application: call `start` once, then `step` whenever it asks for it. See spec/design.md "Modules"."""

    def __init__(self, config, board, version, config_problem="", home=None):
        """Keep the parts that need no log; `start` makes the others.

        config: as `config.load` gives it; board: a `board.Board`; config_problem: why it is the default one, if it is;
        home: the folder of the terminal's files ("" or with a slash at the end), None if there is no file system.
        """
        self.board = board
        self.home = home
        self.version = version
        self.config_problem = config_problem
        self.device_id = config["device_id"] or "hymio-" + str(hexlify(board.mac[3:]), "ascii")
        self.wake = _nothing  # called when a pin interrupt has come; `run` sets it
        self.problem = ""  # why the terminal does not count
        self.log = None
        self.clock = None
        self.press_path = None  # from here on: None without a log
        self.uplink = None
        self.ntp = None
        self.text = None
        self.config_version = config["version"]
        self.trial_ends = None
        self.done = []  # ids of the commands from afar that have been done last in this boot
        self.tls = KeptTls() if config["mqtt"]["tls"] else None
        self._config = config
        self.wifi = Wifi(board, config["wifi"], self.stood_still)
        power = config["power"]
        if power["profile"] == PROFILES[0] and power["battery"] is None and board.battery_mv() is None:
            self.power = Mains(power)
        else:
            jitter = crc32(self.device_id.encode()) & 255
            self.power = load("sleep_power").Power(power, board.battery_mv, jitter)
        self._console = None
        self._console_at = 0
        self.hung_up = False  # True when a conversation at the cable has ended; `run` makes it False again
        self.has_network = self.wifi.networks != []
        self.record_writer = None
        self._sleeper = None  # a `sleep.Sleeper`, if the terminal may sleep
        self.last_touch = 0
        self._reset_at = None
        self._feedback = None  # only of a terminal that does not count
        self._moments_at = 0  # when `moments.expire` was called last
        self.has_shaken = False  # True if there has been a connection by TLS in this boot
        self.wants_fresh_start = False  # True once handshake after handshake has failed: memory is in pieces
        self._scrub = None
        self._scrub_at = 0
        self.standstill_ms = 0  # the longest one in this boot

    # ---- start ----

    def start(self, now_ms):
        """Mounts the log, writes the boot record, arms the pins. Gives the line for the console.

        `startup` is the other half of this method: it makes the parts that `__init__` has left None. It is a module of
        its own because it leaves the heap afterwards.
        """
        return load("startup").start(self, now_ms, _IDLE_MS)

    def status_line(self):
        """One line for a person at a plain serial terminal."""
        line = load("startup").status_line(self)
        unload("startup")
        return line

    def _on_edge(self, button):
        self.edge(self.board.ticks_ms(), button)
        self.wake()

    def edge(self, now_ms, button):
        """Tells of a pin interrupt of button 1..4 at ticks now_ms."""
        self.press_path.debounce.edge(now_ms, button - 1)

    def stood_still(self, since_ms, now_ms):
        """Tells that the CPU stood still from ticks since_ms to now_ms, so that nobody polled the buttons."""
        still_ms = ticks_diff(now_ms, since_ms)
        self.standstill_ms = max(self.standstill_ms, still_ms)
        if still_ms >= _STANDSTILL_MS and self.press_path:
            self.press_path.stood_still(now_ms)

    def is_calm(self, now_ms):
        """True if no finger has been on a button for a while, so that the CPU may stand still."""
        return ticks_diff(now_ms, self.last_touch) >= _IDLE_MS

    # ---- steps ----

    def step(self, now_ms):
        """Does what is due. Gives the ticks at which it wants to be called again at the latest."""
        self.clock.advance(now_ms)
        self._let_moments_expire(now_ms)
        if self._reset_at is not None and ticks_diff(now_ms, self._reset_at) >= 0:
            self.text.flush()
            self.board.reset()
        if self._console and ticks_diff(now_ms, self._console_at) >= _CONVERSATION_MS:
            self._end_conversation()
        if self.log is None:
            self._write_text(now_ms)
            return ticks_add(now_ms, self._feedback.step(now_ms))
        press_path = self.press_path
        wait_ms = press_path.step(now_ms)
        is_idle = press_path.debounce.is_idle_but(press_path.holds.stuck)
        if not is_idle or press_path.debounce.released:
            self.last_touch = now_ms
        if is_idle:
            self._step_records(now_ms)
            if self.is_calm(now_ms):
                self._step_orders(now_ms)
        self._step_radio(now_ms)
        wait_ms = min(wait_ms, self.wifi.step(now_ms))
        try:
            wait_ms = min(wait_ms, self.uplink.step(now_ms, is_idle))
        except MemoryError:
            # A lack of memory costs the connection, which comes again. It must never cost the counting.
            self.uplink.give_up()
            self._end_conversation()
        if self.trial_ends is not None:
            wait_ms = min(wait_ms, max(_STANDSTILL_MS, ticks_diff(self.trial_ends, now_ms)))
        if self._reset_at is not None:
            wait_ms = min(wait_ms, max(0, ticks_diff(self._reset_at, now_ms)))
        if self._sleeper:
            idle_ms = ticks_diff(now_ms, self.last_touch)
            wait_ms = self._sleeper.step(now_ms, wait_ms, self.owes_work, idle_ms, self.standstill_ms)
        return ticks_add(now_ms, wait_ms)

    def _let_moments_expire(self, now_ms):
        """Lets old moments expire, once an hour.

        The module for it is loaded while nobody is near, unless that takes more than half a day to come.
        """
        since_ms = ticks_diff(now_ms, self._moments_at)
        if since_ms >= _HALF_DAY_MS or (since_ms >= _HOUR_MS and self.is_calm(now_ms)):
            self._moments_at = now_ms
            try:
                load("moments").expire(self, now_ms)
            except MemoryError:
                pass  # the next hour is early enough
            unload("moments")
            self.stood_still(now_ms, self.board.ticks_ms())

    @property
    def owes_work(self):
        """True if there is work that must not wait until a sleep is over."""
        uplink = self.uplink
        owes = self.record_writer.owes_boot or self._reset_at is not None or self.trial_ends is not None
        return owes or uplink.wants_restart or len(uplink.orders) > 0

    def _end_conversation(self):
        """Has the modules of the cable leave the heap until the next byte comes."""
        if self._console:
            self._console.close()
            self._console = None
            self.hung_up = True
            if self.uplink:
                self.uplink.outbox.reader.let_go()
        for name in ("console", "smp_frames", "cbor"):
            unload(name)

    def give_way(self, now_ms):
        """Ends the conversation at the cable if it pauses; the next byte begins it anew. True if it has ended."""
        console = self._console
        if not console or console.staged or ticks_diff(now_ms, self._console_at) < _PAUSE_MS:
            return False
        self._end_conversation()
        self.text.flush()  # lines that wait may lie where the heap has grown, and keep that from being given back
        return True

    def _step_records(self, now_ms):
        """Writes the records that can wait until no finger is on a button."""
        log = self.log
        writer = self.record_writer
        log.open_ahead()
        if writer.owes_boot:
            if self.clock.uptime_ms() < _STORM_MS:
                return
            writer.boot()
        if self.clock.time_due:
            self.clock.time_due = False
            writer.time()
        if self.uplink.outbox.owes_ack_record and writer.ack() >= 0:
            self.uplink.outbox.ack_recorded(now_ms)
        if self.is_calm(now_ms):
            if log.needs_sector and log.may_erase:
                writer.prepare()
            self.text.watch(self.wifi.state, self.uplink.state, self.clock.source, log.bad_sectors)
            self._write_text(now_ms)
        if self._scrub and ticks_diff(now_ms, self._scrub_at) >= _SCRUB_MS:
            self._scrub_at = now_ms
            self._scrub.step()

    def _step_orders(self, now_ms):
        """Deals with one order from afar, or ends a trial; while a trial is on, all orders wait for its end."""
        uplink = self.uplink
        if self.trial_ends is not None:
            if uplink.outbox.is_heard or ticks_diff(now_ms, self.trial_ends) >= 0:
                self._take_order(now_ms, None)
        elif uplink.wants_restart:
            is_told = uplink.is_quiet or uplink.state == OFF
            if is_told and self.press_path.is_at_rest and self._reset_at is None:
                self.reset_soon("from afar")
        elif uplink.orders:
            self._take_order(now_ms, uplink.orders.pop(0))
        elif self.wants_fresh_start and self._may_start_afresh():
            self.reset_soon("for want of memory: three handshakes in a row had none")

    def _may_start_afresh(self):
        # A reset must not disturb somebody at the cable, and must not become a loop of resets.
        is_free = self.press_path.is_at_rest and not self._console and self._reset_at is None
        return is_free and (self.has_shaken or self.clock.uptime_ms() >= _STORM_MS)

    def _take_order(self, now_ms, order):
        """Deals with one order, whose module is loaded only now. None stands for the end of a trial."""
        if self.home is None:
            return
        if self._console and not self._console.staged:  # the heap has room for only one of the two
            self._end_conversation()
        is_done = False
        for _ in range(2):  # a heap that was full of holes may have room the second time
            try:
                known = load("net_remote").take(
                    order, now_ms, self.home, self.uplink, self.done, self.clock, self.log, self.text,
                    self.press_path.feedback,
                )  # fmt: skip
                if known is not None:
                    self.done = (self.done + [known])[-_IDS:]
                is_done = True
            except OSError:
                pass
            except MemoryError:
                for name in ("net_certificate", "certificate", "net_commands", "net_remote"):
                    unload(name)
                continue
            break
        unload("net_remote")
        if order is None:
            self.trial_ends = None  # if it could not be ended, the boots to come will do that
        elif not is_done:
            self.uplink.cannot(order)
        self.stood_still(now_ms, self.board.ticks_ms())

    def _step_radio(self, now_ms):
        """Switches the radio on and off, as the supply and the work allow."""
        power = self.power
        power.step(now_ms)
        self.log.may_erase = not power.is_low
        power.unhappy += self.press_path.unhappy
        self.uplink.outbox.unhappy += self.press_path.unhappy
        self.press_path.unhappy = 0
        if not self.has_network:
            return
        is_settled = self.trial_ends is None and self.uplink.is_settled  # its end has to be told
        if power.radio(now_ms, self.clock.uptime_ms(), self.log.unsent, is_settled):
            self.wifi.may_scan = self.is_calm(now_ms)
            self.wifi.start(now_ms)
        elif self.uplink.leave(now_ms):
            self.wifi.stop()

    # ---- the cable ----

    def console_received(self, now_ms, data):
        """Takes bytes from the cable. Gives an iterator of the lines (bytes) to be written to it."""
        self.clock.advance(now_ms)
        self.power.stay_awake(now_ms)
        self._console_at = now_ms
        if self._console is None:
            self._console = load("console").Console(self)  # only now, because mostly nobody is at the cable
        return self._console.received(data)

    def _write_text(self, now_ms):
        if self.text.is_due(now_ms):
            since_ms = self.board.ticks_ms()
            self.text.flush()
            self.stood_still(since_ms, self.board.ticks_ms())

    def settle(self, mark):
        """Tells that everything below seq `mark` has been committed by somebody at the cable."""
        self.uplink.outbox.settle(self.board.ticks_ms(), mark)

    def reset_soon(self, why=""):
        """Resets the board once the answer is out. why: for the text log."""
        self.text.add("I", "reset " + why)
        self._reset_at = ticks_add(self.board.ticks_ms(), 200)

    def facts(self):
        """Gives what the terminal says of itself, as a dict; see `health`."""
        found = load("health").facts(self)
        unload("health")
        return found


def _nothing():
    pass

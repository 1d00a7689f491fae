"""Properties over records, the ring log, batches and the MQTT client; the host's decoders are the second opinion."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from logs import CHIP, Dice, press, write_ack
from ram_flash import RamFlash
from test_log_record import clock_at

from hymio.wire.batches import decode_batch
from hymio.wire.records import Press, decode_record
from terminal.clock import Clock
from terminal.log_batch import BatchMaker
from terminal.log_reader import END, Reader
from terminal.log_record import PRESS, Place, put_press
from terminal.log_ring import RingLog
from terminal.net_mqtt import Mqtt, packet, text
from terminal.smp_frames import Lines

u32 = st.integers(0, 2**32 - 1)
buttons = st.integers(1, 4)
verdicts = st.integers(0, 8)


@given(verdicts, buttons, st.integers(0, 63), st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**40 - 1),
       st.integers(1, 65535), u32, u32, st.integers(0, 251))  # fmt: skip
def test_the_host_reads_the_press_that_the_terminal_wrote(
    verdict, button, flags, edges, quiet_ms, uptime_ms, boot, log_id, sector_seq, slot
):
    buf = bytearray(16)
    put_press(buf, verdict, button, flags, edges, quiet_ms, clock_at(uptime_ms, boot), 0)
    place = Place(log_id, sector_seq)
    place.seal(buf, slot)
    assert place.holds(buf, 0, slot)
    expected = Press(boot, uptime_ms, button, verdict, flags, edges, quiet_ms)
    assert decode_record(bytes(buf), log_id, sector_seq, slot) == (expected, False)


class LogMachine(RuleBasedStateMachine):
    """A log under presses, acks, erases ahead, failing flash and reboots, beside a plain list."""

    @initialize()
    def begin(self):
        self.flash = RamFlash(4)
        self.book = {}
        self.pressed = 0
        self.cursor = 0
        self.mount()

    def mount(self):
        self.clock = Clock(0)
        self.log = RingLog(self.flash, CHIP, Dice(), self.clock)
        self.log.mount()

    def press(self, button):
        # No two presses of a boot begin in the same millisecond on the same button: that tells a retry from a twin.
        self.clock.advance(self.clock._ticks + 100)
        seq = press(self.log, self.clock, button)
        assert seq not in self.book and seq > max(self.book, default=-1)
        self.book[seq] = button
        self.pressed += 1

    @rule(button=buttons, count=st.integers(1, 40))
    def presses(self, button, count):
        for _ in range(count):
            self.press(button)

    @rule(failures=st.integers(1, 3), button=buttons)
    def a_program_that_fails(self, failures, button):
        self.flash.skip_programs = failures
        self.press(button)

    @rule(failures=st.integers(1, 6), button=buttons)
    def a_read_that_fails(self, failures, button):
        self.flash.stuck_reads = failures
        self.press(button)
        self.flash.stuck_reads = 0

    @rule()
    def erase_ahead(self):
        if self.log.needs_sector:
            self.log.prepare()

    @rule(share=st.floats(0, 1))
    def settle(self, share):
        log = self.log
        mark = log.oldest_seq + round(share * (log.next_seq - log.oldest_seq))
        if log.settle(mark):
            write_ack(log)
            self.cursor = log.cursor

    @rule()
    def reboot(self):
        self.mount()

    @invariant()
    def the_log_is_the_book(self):
        log = self.log
        reader = Reader(log)
        reader.seek(log.oldest_seq)
        held = {}
        while (kind := reader.next()) != END:
            if kind == PRESS:
                held[reader.seq] = (reader.record[8] & 3) + 1
        assert held == {seq: button for seq, button in self.book.items() if seq >= log.oldest_seq}
        assert sum(log.totals) == self.pressed
        assert log.cursor == self.cursor
        gone = [seq for seq in self.book if seq < log.oldest_seq]
        settled = sum(seq < log.cursor for seq in self.book)
        assert log.unsent == sum(seq >= log.cursor for seq in held)
        assert log.sent - log.lost_settled + log.lost + log.unsent == self.pressed or settled
        assert log.lost >= sum(seq >= log.cursor for seq in gone)


LogMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestLog = LogMachine.TestCase


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(buttons, verdicts, st.integers(0, 10**7), st.integers(0, 3), st.integers(0, 65535)),
                min_size=1, max_size=120), st.integers(0, 130), st.integers(1, 60))  # fmt: skip
def test_the_host_reads_the_batches_that_the_terminal_made(presses, start, most):
    clock = Clock(0)
    log = RingLog(RamFlash(4), CHIP, Dice(), clock)
    log.mount()
    expected = {}
    for button, verdict, gap_ms, flags, quiet_ms in presses:
        clock.advance(clock._ticks + gap_ms & (1 << 30) - 1)
        uptime_ms = clock.uptime_ms()
        seq = press(log, clock, button, verdict, flags=flags, quiet_ms=quiet_ms)
        expected[seq] = Press(1, uptime_ms, button, verdict, flags, 1, quiet_ms)
    maker = BatchMaker(log, clock, Dice(), 700, "till-1")
    seq = min(start, log.next_seq)
    found = {}
    while seq < log.next_seq:
        batch = decode_batch(bytes(maker.make(seq, most)), "till-1")
        assert batch.first_seq == seq and batch.log_id == log.log_id
        assert sum(batch.totals) == sum(s < seq for s in expected)
        found.update(batch.records)
        seq = maker.end_seq
    assert found == {seq: record for seq, record in expected.items() if seq >= start}


def client(told):
    return Mqtt("dev", ("s", "off"), ("a",), lambda *message: told.append(message), lambda now_ms: None)


ONLINE = b"\x20\x02\x00\x00\x90\x03\x00\x01\x01"
bodies = st.binary(max_size=300)
packets = st.one_of(
    st.builds(lambda topic, body: packet(0x30, text(topic), body), st.text(min_size=1, max_size=9), bodies),
    st.builds(lambda body: packet(0x32, text("a"), b"\x00\x07", body), bodies),
    st.just(b"\xd0\x00"),
    st.just(b"\x40\x02\x00\x09"),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(packets, max_size=8), st.data())
def test_mqtt_packets_may_be_cut_anywhere(stream, data):
    whole, pieces = [], []
    joined = ONLINE + b"".join(stream)
    one, other = client(whole), client(pieces)
    one.opened(0)
    one.received(0, joined)
    other.opened(0)
    rest = joined
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        other.received(0, rest[:size])
        rest = rest[size:]
    assert whole == pieces and one.broken == other.broken == ""


@settings(max_examples=500, deadline=None)
@given(st.lists(packets, max_size=6), st.data())
def test_mutated_mqtt_streams_raise_nothing_and_keep_little(stream, data):
    joined = bytearray(ONLINE + b"".join(stream))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(joined) - 1))
        joined[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not joined:
            return
    mqtt = client([])
    mqtt.opened(0)
    for at in range(0, len(joined), 50):
        mqtt.received(0, joined[at : at + 50])
        assert len(mqtt._input) <= 2048 + 55 and len(mqtt._output) <= 4096


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_on_the_cable_raise_nothing(data):
    lines = Lines(lambda message: None, lambda line: None)
    lines.feed(data)
    lines.feed(b"\x06\x09" + data + b"\n\x04\x14" + data + b"\n")

"""The wire between the fake modules and the simulator around them: frames over two pipes.

A frame is kind u8, length u16, number u8, then `length` bytes; everything is little-endian. A request (read, program,
erase) stops the processor until the answer with the same number is there, as the ESP32 stands still while its flash is
busy. Frames of the simulator that come meanwhile are taken in at once, but interrupt handlers run after the answer.
"""

# mypy: ignore-errors

import select
import struct
import sys
import time

READ = 0x52  # to the simulator: address u32, length u16; answered with the bytes
PROGRAM = 0x50  # address u32, then the bytes; answered with nothing when it is done
ERASE = 0x45  # sector u16; answered with nothing when it is done
OUTPUT = 0x4F  # pin u8, level u8
PWM = 0x57  # pin u8, frequency in Hz u32, share of the time that it is high u16
PIXELS = 0x58  # pin u8, then green, red, blue of each pixel
ARMED = 0x41  # pin u8, has a handler u8
RTC = 0x4D  # the memory
RESET = 0x5A  # reset cause u8
HEAP = 0x48  # label u8, allocated u32, free u32
MEMORY = 0x6D  # segments u32, free in them u32, free of the IDF u32, its largest block u32, then what has happened
WAKE = 0x4B  # level that wakes u8, then the pins u8
DEEPSLEEP = 0x44  # milliseconds u32, 0 = no limit
# From the simulator: reset cause u8, mac 6, network u8, partition size u32, wake reason u8, pins that woke it u64, then
# the RTC memory
BEGIN = 0x42
ANSWER = 0x72
CONTACT = 0x43  # pin u8, level at rest u8, start u64 in microseconds, then u32 microseconds from it to each edge
EDGE = 0x65  # pin u8: it has just changed
NETWORK = 0x4E  # present u8
SUPPLY = 0x56  # millivolts u16

if sys.implementation.name == "micropython":
    ticks_us = time.ticks_us

    def _die():
        import os

        # There is no kill() here, and an exception could be caught; but the parent of a shell is this VM.
        os.system("kill -9 $PPID")

else:

    def ticks_us():
        """Microseconds of CLOCK_MONOTONIC, which the simulator around the board reads too."""
        return time.monotonic_ns() // 1000

    def _die():
        import os

        os._exit(1)


class Bus:
    """The end of the wire inside the processor; `reader` and `writer` are unbuffered binary files."""

    join_ms = 300  # how long association and DHCP take; on a real board one to four seconds

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._poll = select.poll()
        self._poll.register(reader, select.POLLIN)
        self._head = bytearray(4)
        self._body = None  # the body of the frame under way
        self._into = None  # the buffer that the answer is to fill
        self._got = 0  # bytes of the frame read so far, because Ctrl-C or a full heap may break off a read
        self._number = 0
        self._answer = None
        self._answered = -1
        self._contacts = {}
        self._handlers = {}
        self._pending = []
        self.network = False
        self.network_since_ms = 0
        self.reset_cause = 0
        self.mac = b""
        self.flash_size = 0
        self.rtc_memory = b""
        self.supply_mv = 0
        self.wake_reason = 0
        self.wake_pins = ()
        self._waking = ()
        self._waking_level = True
        self._take()

    # ---- frames ----

    def _fill(self, buf, begin):
        """Reads on into `buf`, whose first byte is byte `begin` of the frame under way."""
        end = begin + len(buf)
        while self._got < end:
            if self._got == begin:
                n = self._reader.readinto(buf)
            else:
                n = self._reader.readinto(memoryview(buf)[self._got - begin :])
            if not n:
                _die()
            self._got += n

    def _take(self):
        """Waits for one frame and acts on it."""
        if self._got < 4:
            self._fill(self._head, 0)
        kind = self._head[0]
        if self._body is None:
            is_awaited = kind == ANSWER and self._into is not None and self._head[3] == self._number
            self._body = self._into if is_awaited else bytearray(self._head[1] | self._head[2] << 8)
        self._fill(self._body, 4)
        body = self._body
        self._body = None
        self._got = 0
        if kind == ANSWER:
            self._answered = self._head[3]
            self._answer = body
        elif kind == EDGE:
            if body[0] not in self._pending:
                self._pending.append(body[0])
        elif kind == CONTACT:
            self._contacts[body[0]] = _Contact(body)
        elif kind == NETWORK:
            self.network = bool(body[0])
            self.network_since_ms = self.ticks_ms()
        elif kind == BEGIN:
            self.reset_cause = body[0]
            self.mac = bytes(body[1:7])
            self.network = bool(body[7])
            self.flash_size, self.wake_reason, pins = struct.unpack_from("<IBQ", body, 8)
            self.wake_pins = tuple(pin for pin in range(40) if pins >> pin & 1)
            self.rtc_memory = bytes(body[21:])
        elif kind == SUPPLY:
            self.supply_mv = body[0] | body[1] << 8

    def _send(self, kind, number, body):
        n = len(body)
        self._writer.write(struct.pack("<BHB", kind, n, number) + body)

    def request(self, kind, body, into=None):
        """Sends a request; gives the body of its answer.

        The answer goes into the buffer `into`, if there is one: on a board no heap is needed to read flash.
        """
        number = self._number = (self._number + 1) & 0xFF
        self._into = into
        self._send(kind, number, body)
        while self._answered != number:
            self._take()
        self._answered = -1
        answer = self._answer
        self._answer = self._into = None
        self._interrupt()
        return answer

    def take_waiting(self):
        """Takes in what has arrived, and runs the interrupt handlers that are due."""
        while self._got or self._poll.poll(0):
            self._take()
        self._interrupt()

    def _interrupt(self):
        while self._pending:
            pin = self._pending.pop(0)
            if pin in self._handlers:
                handler, source, trigger = self._handlers[pin]
                if trigger & (1 if self.level(pin) else 2) or trigger == 3:
                    handler(source)

    # ---- what the fake modules call ----

    def flash_read(self, address, buf):
        """Fills `buf` from the flash."""
        self.request(READ, struct.pack("<IH", address, len(buf)), buf)

    def flash_program(self, address, data):
        """Programs the flash and waits for the end."""
        self.request(PROGRAM, struct.pack("<I", address) + data)

    def flash_erase(self, sector):
        """Erases a sector and waits for the end."""
        self.request(ERASE, struct.pack("<H", sector))

    def level(self, pin):
        """The level at an input pin at this moment, by what the simulator said before."""
        contact = self._contacts.get(pin)
        return contact.level(ticks_us()) if contact else 0

    def input(self, pin):
        """The level at an input pin, once everything that the simulator has said is taken in."""
        self.take_waiting()
        return self.level(pin)

    def output(self, pin, level):
        """Sets an output pin."""
        self._send(OUTPUT, 0, bytes((pin, level)))

    def pwm(self, pin, hz, duty):
        """Makes an output pin give a square wave of `hz`, high for `duty` of 65535."""
        self._send(PWM, 0, struct.pack("<BIH", pin, hz, duty))

    def pixels(self, pin, colours):
        """Shows these colours on the strip of lights at the pin."""
        self._send(PIXELS, 0, bytes((pin,)) + colours)

    def arm(self, pin, handler, source, trigger):
        """Has handler(source) called when the pin rises (trigger 1), falls (2) or does either (3); None: no more."""
        if handler:
            self._handlers[pin] = (handler, source, trigger)
        elif pin in self._handlers:
            del self._handlers[pin]
        self._send(ARMED, 0, bytes((pin, 1 if handler else 0)))

    def keep_rtc(self, data):
        """Stores the RTC memory."""
        self.rtc_memory = bytes(data)
        self._send(RTC, 0, self.rtc_memory)

    def reset(self, cause):
        """Resets the processor; never returns."""
        self._send(RESET, 0, bytes((cause,)))
        while True:
            self._take()

    def wake_on(self, pins, high):
        """Has any of these pins high, or all of them low, end a sleep."""
        self._waking = pins
        self._waking_level = high
        self._send(WAKE, 0, bytes((high,)) + bytes(pins))

    def deepsleep(self, ms):
        """Sleeps deeply for `ms` (0: without a limit); never returns."""
        self._send(DEEPSLEEP, 0, struct.pack("<I", ms))
        while True:
            self._take()

    def lightsleep(self, ms):
        """Stands still until a pin has the waking level, or for `ms` (0: without a limit)."""
        since_us = ticks_us()
        while not self._wakes():
            left_ms = ms - (ticks_us() - since_us) // 1000 if ms else 1000
            if left_ms <= 0:
                break
            if self._got or self._poll.poll(left_ms):
                self._take()
        self._interrupt()

    def _wakes(self):
        high = [pin for pin in self._waking if self.level(pin)]
        return bool(high if self._waking_level else self._waking and not high)

    def ticks_ms(self):
        """The clock with which the fake modules measure how long they wait."""
        return ticks_us() // 1000

    def radio(self, on):
        """Does nothing: nobody measures the current in real time."""

    def tell_heap(self, label, allocated, free):
        """Tells the simulator how full the heap is."""
        self._send(HEAP, 0, struct.pack("<BII", label, allocated, free))

    def tell_memory(self, what, *sizes):
        """Tells the simulator what has happened in the model of the chip's memory."""
        self._send(MEMORY, 0, struct.pack("<IIII", *sizes) + what.encode())


class _Contact:
    """An input pin that changes at moments that are known beforehand."""

    def __init__(self, body):
        self._start_us = struct.unpack_from("<Q", body, 2)[0]
        self._body = body
        self._next = 10
        self._level = body[1]

    def level(self, now_us):
        """The level at that moment, which is never before the one asked for last."""
        body = self._body
        while self._next < len(body) and now_us - self._start_us >= struct.unpack_from("<I", body, self._next)[0]:
            self._level ^= 1
            self._next += 4
        return self._level


port = None


def connect(reader, writer):
    """Makes the one bus of this processor, which the fake modules find as `bus.port`."""
    global port
    port = Bus(reader, writer)
    return port

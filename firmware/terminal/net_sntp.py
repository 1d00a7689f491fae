"""A question for the time and its answer, RFC 4330: an answer has to bring back the cookie of the question.

This is the half of `clock.Ntp` that is loaded only to ask, and so it knows that class from inside.
"""

import socket
import struct

from .clock import RETRY_MS
from .compat import const, sleep_ms, ticks_add, ticks_diff
from .log_record import NTP

_NTP_TO_1970 = const(2208988800)
_RESYNC_MS = const(12 * 3600 * 1000)
_ANSWER_MS = const(2000)


def request(ntp, now_ms):
    """Does what `Ntp.request` says."""
    ntp._cookie = struct.pack("<II", ntp._random32(), ntp._random32())
    ntp._sent = now_ms
    packet = bytearray(48)
    packet[0] = 0x23  # version 4, client
    packet[40:48] = ntp._cookie
    return packet


def received(ntp, now_ms, data):
    """Does what `Ntp.received` says."""
    if len(data) < 48 or data[0] & 7 != 4 or not 1 <= data[1] <= 15 or bytes(data[24:32]) != ntp._cookie:
        return False
    seconds, fraction = struct.unpack_from(">II", data, 40)
    if seconds < 0x80000000:
        seconds += 1 << 32  # the seconds begin anew in 2036
    ntp._clock.advance(now_ms)
    trip_ms = max(0, ticks_diff(now_ms, ntp._sent))
    fraction_ms = (fraction * 1000 >> 31) + 1 >> 1  # rounded
    utc_ms = (seconds - _NTP_TO_1970) * 1000 + fraction_ms + trip_ms // 2
    if not ntp._clock.set_utc(utc_ms, NTP):
        return False
    ntp._cookie = b""
    ntp._delay_ms = RETRY_MS
    ntp._due = ticks_add(now_ms, _RESYNC_MS)
    return True


async def ask(app, resolve, target):
    """Asks the server. True if its answer has set the clock. target: (host, port); resolve(*target): its address."""
    ntp = app.ntp
    ticks_ms = app.board.ticks_ms
    udp = None
    try:
        address = await resolve(*target)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setblocking(False)
        since_ms = ticks_ms()
        udp.sendto(ntp.request(since_ms), address)
        while ticks_diff(ticks_ms(), since_ms) < _ANSWER_MS:
            await sleep_ms(20)
            try:
                data = udp.recv(64)
            except OSError:
                continue
            if ntp.received(ticks_ms(), data):
                return True
    except OSError:
        pass
    finally:
        if udp is not None:
            udp.close()
    return False

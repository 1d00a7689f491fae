"""By which date the broker's certificate is judged, attempt by attempt."""

import asyncio
from types import SimpleNamespace

import pytest

from terminal import net_tls
from terminal.app import KeptTls
from terminal.clock import Clock
from terminal.log_mount import raised
from terminal.log_record import COLLECTOR, NTP

TRUE_MS = 1800000000000
FALSE_MS = 2300000000000
TRUE = (2027, 1, 15)
FALSE = (2042, 11, 19)
FIRMWARE = (2026, 1, 1)


class Attempts:
    """A terminal whose handshakes end as they are told, and the dates that its chip has been given."""

    def __init__(self, monkeypatch, ends):
        self.clock = Clock(0)
        self.dates = []
        self.is_good = False
        self.board = SimpleNamespace(
            ticks_ms=lambda: 0, rtc=SimpleNamespace(datetime=self.dates.append), idf=lambda: (None, None)
        )
        self.kept = KeptTls()

        def read_files(kept, files):
            is_new = kept.context is None
            kept.context, kept.issued, kept.ends = "context", (2000, 1, 1, 0, 0, 0), ends
            return is_new

        async def shake(*_):
            if not self.is_good:
                raise OSError("certificate is expired")
            return None, None

        monkeypatch.setattr(net_tls, "read_files", read_files)
        monkeypatch.setattr(net_tls, "shake", shake)

    def date(self, is_good=False):
        """Of the next attempt."""
        self.is_good = is_good
        try:
            asyncio.run(
                net_tls.secured(
                    self.kept, {}, None, None, "broker", b"", self.clock, self.board, lambda since_ms, now_ms: None
                )
            )
        except OSError:
            assert not is_good
        return self.dates[-1][:3]


@pytest.fixture
def attempts(monkeypatch):
    return Attempts(monkeypatch, "2036-01-01T00:00:00Z")


def test_a_false_time_is_tried_and_then_doubted(attempts):
    assert attempts.clock.set_utc(FALSE_MS, NTP)
    assert [attempts.date() for _ in range(4)] == [FALSE, FIRMWARE, FALSE, FIRMWARE]
    assert attempts.clock.set_utc(TRUE_MS, COLLECTOR) and attempts.clock.set_utc(TRUE_MS, NTP)
    assert [attempts.date() for _ in range(3)] == [TRUE] * 3, "a sure time is not doubted"


def test_what_went_well_is_not_doubted(attempts):
    attempts.clock.set_utc(TRUE_MS, NTP)
    assert [attempts.date(True) for _ in range(3)] == [TRUE] * 3
    assert [attempts.date(), attempts.date(True), attempts.date(True)] == [TRUE, FIRMWARE, TRUE]


def test_a_floor_beyond_the_end_of_our_certificate_is_none(attempts):
    attempts.clock.begin(1, raised(attempts.clock.floor_ms, FALSE_MS, 4))
    assert not attempts.clock.set_utc(TRUE_MS, NTP)
    assert attempts.date() == FIRMWARE
    assert attempts.clock.set_utc(TRUE_MS, NTP)


def test_a_sure_floor_counts_while_there_is_no_clock(attempts):
    attempts.clock.begin(1, raised(attempts.clock.floor_ms, TRUE_MS, 4))
    assert [attempts.date() for _ in range(3)] == [TRUE] * 3


MISLEADING = "The certificate is not correctly signed by the trusted CA"


class Failing:
    """A context whose handshakes fail as those of mbedTLS without memory: with a word on signatures."""

    def __init__(self):
        self.is_closed = False

    def wrap_socket(self, sock, server_hostname, do_handshake_on_connect):
        return self

    def write(self, data):
        raise ValueError(MISLEADING)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize(("largest", "is_short"), [(1200, True), (4095, True), (4096, False), (20000, False)])
def test_a_handshake_without_memory_is_not_taken_for_a_wrong_signature(monkeypatch, largest, is_short):
    monkeypatch.setattr(net_tls, "MICROPYTHON", True)
    context = Failing()
    shake = net_tls.shake(
        context, None, SimpleNamespace(s=None), "broker", b"hello", lambda *_: None, lambda: 0, lambda: (9, largest)
    )
    with pytest.raises((OSError, ValueError)) as caught:
        asyncio.run(shake)
    assert context.is_closed
    if is_short:
        assert isinstance(caught.value, OSError) and caught.value.args == (12,)
    else:
        assert str(caught.value) == MISLEADING, "there was room: so it is the signature"

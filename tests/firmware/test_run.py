"""The driver of the connection: when it may stop the CPU, and that it outlives whatever goes wrong."""

import asyncio

from terminal import run
from terminal.app import KeptTls
from terminal.compat import ticks_ms


class Enough(BaseException):
    """Ends a task that would run for ever."""


class Uplink:
    """Wants one connection, then ends the test."""

    is_broken = False

    def __init__(self, host="127.0.0.1", tls=None):
        self.tls = tls
        self.target = (host, 1)
        self.closings = []
        self.attempts = 1

    def wants(self, now_ms):
        if len(self.closings) >= self.attempts:
            raise Enough
        return self.target

    def opened(self, now_ms):
        pass

    def move(self):
        pass

    def output(self):
        return b""

    def closed(self, now_ms, problem, is_refused):
        self.closings.append((problem, is_refused))


class App:
    def __init__(self, uplink, calm_after=0):
        self.uplink = uplink
        self.board = self
        self.beside = None, None  # no memory beside the heap
        self.wants_fresh_start = False
        self.tls = KeptTls()
        self.clock = None
        self.looks = 0
        self.still = []
        self._calm_after = calm_after

    ticks_ms = staticmethod(ticks_ms)

    def idf(self):
        return self.beside

    def give_way(self, now_ms):
        return False

    def is_calm(self, now_ms):
        self.looks += 1
        return self.looks > self._calm_after

    def stood_still(self, since_ms, now_ms):
        self.still.append(now_ms - since_ms)


def resolve(app, host):
    return asyncio.run(run.Runner(app, app)._resolve(host, 1883))


def test_a_name_is_looked_up_when_no_finger_is_near_and_an_address_at_once(monkeypatch):
    monkeypatch.setattr(run, "_LOOK_MS", 1)
    app = App(Uplink(), calm_after=3)
    assert resolve(app, "127.0.0.1") and app.looks == 0
    assert resolve(app, "localhost") and app.looks == 4
    assert len(app.still) == 2, "both are timed"
    app = App(Uplink(tls={"ca": "ca.der"}), calm_after=3)
    assert resolve(app, "127.0.0.1") and app.looks == 4, "what follows is a handshake"


def test_fingers_put_it_off_for_a_while_only(monkeypatch):
    monkeypatch.setattr(run, "_LOOK_MS", 1)
    monkeypatch.setattr(run, "_CALM_MS", 20)
    app = App(Uplink(), calm_after=1 << 30)
    assert resolve(app, "localhost") and app.looks > 1


def link(uplink):
    """One attempt; gives how it ended."""
    try:
        asyncio.run(run.Runner(App(uplink), App(uplink))._link())
    except Enough:
        pass
    return uplink.closings


def test_whatever_goes_wrong_the_uplink_is_told(monkeypatch):
    for error, says in (
        (MemoryError("memory allocation failed"), "memory allocation failed"),
        (OSError(111, "ECONNREFUSED"), "ECONNREFUSED"),
        (ValueError("two\nlines " + 200 * "x"), "two lines " + 110 * "x"),
        (asyncio.TimeoutError(), "TimeoutError"),
    ):

        async def fail(host, port, error=error):
            raise error

        monkeypatch.setattr(asyncio, "open_connection", fail)
        assert link(Uplink()) == [(says, False)]


def test_a_handshake_that_fails_is_a_refusal(monkeypatch):
    class Writer:
        closed = False

        def close(self):
            Writer.closed = True

        async def wait_closed(self):
            pass

    async def connect(host, port):
        return None, Writer()

    monkeypatch.setattr(asyncio, "open_connection", connect)
    ((problem, is_refused),) = link(Uplink(tls={"ca": "nowhere.der", "cert": "", "key": ""}))
    assert problem == "TLS: mqtt.tls.ca: no file nowhere.der on the board" and is_refused
    assert Writer.closed


def test_want_of_memory_is_named_and_after_three_times_wants_a_fresh_start(monkeypatch):
    async def fail(host, port):
        raise OSError(12)

    monkeypatch.setattr(asyncio, "open_connection", fail)
    for attempts in (1, 2, 3, 4):
        uplink = Uplink()
        uplink.attempts = attempts
        app = App(uplink)
        app.beside = 23500, 13800
        try:
            asyncio.run(run.Runner(app, app)._link())
        except Enough:
            pass
        assert uplink.closings[0][0] == "not enough memory (23500 bytes beside the heap, 13800 in one block)"
        assert app.wants_fresh_start == (attempts >= 3)


def test_the_fresh_start_waits_for_a_calm_moment():
    from hymio_sim.rigs.on_vm.hand_board import app_on
    from hymio_sim.rigs.on_vm.ram_flash import RamFlash

    app, board = app_on(RamFlash(6))
    app.home = ""
    app.wants_fresh_start = True

    def run_s(seconds):
        for _ in range(10 * seconds):
            board.now_ms += 100
            app.step(board.now_ms)

    run_s(55)
    assert not board.resets, "in its first minute it would be a loop"
    board.closed = 1
    run_s(8)
    assert not board.resets, "a finger is on a button"
    board.closed = 0
    run_s(10)
    assert board.resets

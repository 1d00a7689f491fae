"""Drives the app with asyncio: the pin interrupt, the socket of the broker, NTP and the cable."""

import asyncio
import io
import socket
import ssl

from .compat import (
    MICROPYTHON,
    Cable,
    Flag,
    const,
    forget_loop,
    load,
    show_error,
    sleep_ms,
    started,
    sweep,
    ticks_diff,
    unload,
)

_LOOK_MS = const(100)  # how often a task asks whether it is wanted
_CONNECT_S = const(15)
_CALM_MS = const(60000)  # a standstill is put off for fingers, but for no longer than this
_ENOMEM = const(12)
# The modules that stay are loaded before those that leave again, so that they lie together without holes.
_FIRST = ("app", "board", "press_path", "log_ring", "record_writer", "clock", "log_scrub", "text_log", "net_uplink")
# A terminal that speaks TLS loads these once at its start. The names in a module stay in memory for good: first loaded
# later, they would lie where the heap has grown, and keep that memory from TLS.
_LATER = (
    "smp_terminal", "smp_files", "smp_os", "smp_stat", "smp_settings", "smp_selftest", "smp_enum", "console",
    "smp_frames", "cbor", "text_log_files", "rfc3339", "health", "net_sntp", "clock_belief", "moments",
)  # fmt: skip
_SHORT = const(3)  # after so many handshakes in a row without memory only a reset helps


class Runner:
    """The tasks of one boot."""

    def __init__(self, app, board):
        """app: an `app.App` that has not been started; board: its `board.Board`."""
        self._app = app
        self._ticks_ms = board.ticks_ms
        self._flag = Flag()
        self._output = Flag()  # there are bytes for the broker
        self._fault = ""  # why a task of the connection has ended
        self._cable = None
        self._listener = None  # the task that waits at the cable
        self._is_answering = False
        app.wake = self._flag.set

    async def run(self):
        """Runs until cancelled."""
        self._cable = cable = Cable()
        cable.write(self._app.start(self._ticks_ms()).encode() + b"\r\n")
        unload("crash_report")
        unload("startup")
        uplink = self._app.uplink
        if uplink and uplink.tls:
            for name in _LATER:
                try:
                    load(name)
                except MemoryError:
                    pass  # its names are learnt when somebody needs it
                unload(name)
        started()
        self._listen()
        if uplink:
            asyncio.create_task(self._keep(self._link))
            asyncio.create_task(self._keep(self._time))
        while True:
            due = self._app.step(self._ticks_ms())
            if uplink and uplink.has_output:
                self._output.set()
            if self._app.hung_up and not self._is_answering:
                self._listen()
            wait_ms = ticks_diff(due, self._ticks_ms())
            if wait_ms <= 2:
                await sleep_ms(max(0, wait_ms))
            else:
                await self._flag.wait_ms(wait_ms)

    def _listen(self):
        """Waits at the cable in a new task after each conversation.

        The task before was made while the heap had grown for the conversation. It would keep that memory.
        """
        self._app.hung_up = False
        if self._listener:
            self._listener.cancel()
        self._listener = asyncio.create_task(self._keep(self._answer, self._cable))

    async def _keep(self, work, *args):
        """Starts a task again whatever has ended it: no trouble with network or cable may end the counting."""
        while True:
            try:
                await work(*args)
            except Exception as error:
                show_error(error)
                self._app.text.error(error)
            await sleep_ms(10 * _LOOK_MS)

    async def _resolve(self, host, port):
        """Gives the address of a host.

        DNS blocks the whole board, as the handshake of TLS will after it. Both wait, for a while, until no finger is
        near.
        """
        app = self._app
        since_ms = self._ticks_ms()
        if app.uplink.tls or not host.replace(".", "").isdigit():
            while not app.is_calm(self._ticks_ms()) and ticks_diff(self._ticks_ms(), since_ms) < _CALM_MS:
                await sleep_ms(_LOOK_MS)
        since_ms = self._ticks_ms()
        try:
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        finally:
            app.stood_still(since_ms, self._ticks_ms())

    async def _link(self):
        app = self._app
        uplink = app.uplink
        short = 0
        while True:
            target = uplink.wants(self._ticks_ms())
            if target is None:
                await sleep_ms(_LOOK_MS)
                continue
            reader = writer = None
            tasks = []
            self._fault = ""
            is_shaking = False
            try:
                if uplink.tls:
                    await self._make_room()
                host, port = target
                address = await self._resolve(host, port)
                # On the unix port of MicroPython an address is opaque bytes, so the name is used there.
                peer = address[0] if isinstance(address, tuple) else host
                reader, writer = await asyncio.wait_for(asyncio.open_connection(peer, port), _CONNECT_S)
                uplink.opened(self._ticks_ms())
                if uplink.tls:
                    is_shaking = True
                    reader, writer = await asyncio.wait_for(
                        load("net_tls").secured(
                            app.tls,
                            uplink.tls,
                            reader,
                            writer,
                            host,
                            uplink.output(),
                            app.clock,
                            app.board,
                            app.stood_still,
                        ),
                        _CONNECT_S,
                    )
                    is_shaking = False
                    short = 0
                    app.wants_fresh_start = False
                    app.has_shaken = True
                    unload("net_tls")
                tasks = [asyncio.create_task(self._receive(reader)), asyncio.create_task(self._send(writer))]
                while not (uplink.is_broken or tasks[0].done() or tasks[1].done()):
                    await sleep_ms(_LOOK_MS)
            except Exception as error:  # also MemoryError: a handshake wants much memory at once
                self._fault = _reason(error)
                is_short = isinstance(error, OSError) and error.args[:1] == (_ENOMEM,)
                if is_short:
                    self._fault = "not enough memory (%s bytes beside the heap, %s in one block)" % app.board.idf()
                if is_short or isinstance(error, MemoryError):
                    short += 1
                    app.wants_fresh_start = short >= _SHORT
            for task in tasks:
                task.cancel()
            if writer is not None:
                await self._close(writer)
            if uplink.tls:
                hold(app.tls, app.board, app.stood_still)
            if is_shaking:
                self._fault = "TLS: " + self._fault
            uplink.closed(self._ticks_ms(), self._fault, is_shaking)

    async def _make_room(self):
        """Frees memory for a handshake: a conversation at the cable that pauses ends, and garbage is collected."""
        if not self._is_answering and self._app.give_way(self._ticks_ms()):
            self._listen()
            await sleep_ms(_LOOK_MS)
        self._fault = ""
        sweep()
        self._app.uplink.move()
        sweep()

    async def _close(self, writer):
        try:
            writer.close()  # on MicroPython it is wait_closed() that closes the socket, and that at once
            await (writer.wait_closed() if MICROPYTHON else asyncio.wait_for(writer.wait_closed(), 1))
        except (OSError, ValueError, asyncio.TimeoutError):
            pass

    async def _send(self, writer):
        # This is a task of its own, because drain() of a half-open connection never returns.
        try:
            while True:
                data = self._app.uplink.output()
                if data:
                    writer.write(data)
                    await writer.drain()
                else:
                    data = None  # while it waits it holds nothing that may lie where the heap has grown
                    await self._output.wait_ms(1000)
        except (OSError, ValueError) as error:
            self._fault = _reason(error)

    async def _receive(self, reader):
        try:
            while True:
                data = await reader.read(512)
                if not data:
                    return
                self._app.uplink.received(self._ticks_ms(), data)
                data = None
                self._flag.set()
        except (OSError, ValueError) as error:
            self._fault = _reason(error)

    async def _time(self):
        ntp = self._app.ntp
        while True:
            target = ntp.wants(self._ticks_ms())
            if target is None:
                await sleep_ms(10 * _LOOK_MS)
                continue
            if not await load("net_sntp").ask(self._app, self._resolve, target):
                ntp.failed(self._ticks_ms())
            unload("net_sntp")
            self._flag.set()

    async def _answer(self, cable):
        app = self._app
        while True:
            data = await cable.read()
            if not data:
                await sleep_ms(10 * _LOOK_MS)
                continue
            self._is_answering = True
            try:
                for line in app.console_received(self._ticks_ms(), data):
                    # One line is 11 ms at 115200 baud: let the buttons be polled between lines.
                    cable.write(line)
                    await sleep_ms(0)
            finally:
                self._is_answering = False
            data = line = None  # while it waits it holds nothing
            self._flag.set()


def hold(kept, board, stood_still):
    """Keeps the memory that the next handshake needs from the heap, which would grow into it.

    To be called while there is no connection. What is held are the buffers of a connection to nobody, in `kept`, an
    `app.KeptTls`. stood_still(since_ms, now_ms) is told that the CPU did. An error stays untold here: the next
    handshake will have it, too.
    """
    if not board.idf()[0]:
        return
    since_ms = board.ticks_ms()
    try:
        if not (kept.context or kept.spare):
            kept.spare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if kept.reserve is None:
            context = kept.context or kept.spare  # which is as good, until it has held certificates
            kept.reserve = context.wrap_socket(io.BytesIO(), server_hostname="-", do_handshake_on_connect=False)
    except (OSError, ValueError, MemoryError):
        pass
    stood_still(since_ms, board.ticks_ms())


def _reason(error):
    """Gives a short text of an exception: what the library says, else its number or its class."""
    text = error.args[-1] if error.args else ""
    if not isinstance(text, str):
        text = str(error)
    return " ".join((text or type(error).__name__).split())[:120]


def main():
    """Runs the terminal until Ctrl-C, which leaves the board in a sane state. Any other end is a reset."""
    for name in _FIRST:
        load(name)
    board, app = load("startup").built()
    try:
        asyncio.run(Runner(app, board).run())
    except KeyboardInterrupt:
        print("hymio stopped; reset the board to start it again")
    except Exception as error:
        show_error(error)
        try:
            if app.text:
                load("crash_report").write(app.text, board, error)
        finally:
            board.reset()
    finally:
        board.rest()
        forget_loop()

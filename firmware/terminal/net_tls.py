"""TLS to the broker: whom we believe, who we are, and a handshake in steps. Loaded only for a handshake."""

import os
import ssl
import time

from .compat import MICROPYTHON, const, load, sleep_ms, sweep, unload

_LONG_AGO = (2000, 1, 1, 0, 0, 0)
_ENOMEM = const(12)
_LEAST_BYTES = const(4096)  # beside the heap: a handshake that fails while less is free has failed for want of memory
_SHAKING_BYTES = const(3072)  # what a handshake takes beside the buffers of its connection, and some more
_COPIES = const(8)  # so many copies of a certificate hold as much
_OBJECT_BYTES = const(1024)  # what the object of a connection takes in the heap
_STEP_MS = const(20)  # between two looks whether the next part of the handshake has come


def missing(files):
    """Gives what is wrong with the section `mqtt.tls` on this board, "" if all of its files are there."""
    for key in ("ca", "cert", "key"):
        name = files[key]
        if name:
            try:
                os.stat(name)
            except OSError:
                return "mqtt.tls.%s: no file %s on the board" % (key, name)
    return ""


def dates(der):
    """Gives the two moments between which a certificate is valid, each as (year, month, day, hour, minute, second)."""
    try:
        return load("certificate").read(der)[:2]
    except ValueError:
        return _LONG_AGO, None  # mbedTLS may understand it nevertheless


def date(utc_s):
    """Gives (year, month, day, hour, minute, second) of seconds of 1970."""
    if time.gmtime(0)[0] == 2000:  # the epoch of an ESP32
        utc_s -= 946684800
    return tuple(time.gmtime(utc_s)[:6])


def read_files(kept, files):
    """Reads the files of the section `mqtt.tls` into `kept`, an `app.KeptTls`. True if it has been done now.

    It is done once in each boot, because to parse a key takes its time on a board. OSError or ValueError, with a text
    for a person, if the files won't do.
    """
    if kept.context is not None:
        return False
    try:
        ca = _read(files, "ca")
        cert = _read(files, "cert")
        issued = dates(ca)[0]
        ends = None
        if cert:
            begins, ends = dates(cert)
            issued = max(issued, begins)  # it can't be earlier than that now
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # This is not the default in every image, and the stubs do not know it.
        context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
        try:
            context.load_verify_locations(cadata=ca)
            if cert:
                _load_chain(context, cert, _read(files, "key"))
        except (OSError, ValueError) as error:
            raise ValueError("mqtt.tls: expected certificates and a key in DER, came others: %s" % error)
    finally:
        unload("certificate")
    kept.context = context
    kept.issued = issued
    if ends:
        kept.ends = "%d-%02d-%02dT%02d:%02d:%02dZ" % ends
    return True


def limit(kept, clock):
    """Tells the clock that no time after the end of our certificate is sure."""
    if kept.ends:
        clock.limit(load("rfc3339").parse_utc_ms(kept.ends))
        unload("rfc3339")


def hold_spare(kept, files, idf):
    """Keeps the memory that a handshake takes for its time from the heap, which would grow into it.

    What holds it are copies of a certificate in a context that serves for nothing else. kept: an `app.KeptTls`;
    idf(): as that of a board.
    """
    free = idf()[0]
    if not free:
        return
    try:
        if kept.spare is None:
            kept.spare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ca = _read(files, "ca")
        for _ in range(_COPIES):
            if free - idf()[0] >= _SHAKING_BYTES:
                break
            kept.spare.load_verify_locations(cadata=ca)
    except (OSError, ValueError, MemoryError):
        pass  # if what is held does not do, the handshake will tell


async def secured(kept, files, reader, writer, host, hello, clock, board, stood_still):
    """Makes a plain connection to the broker a secure one and sends `hello` in it. Gives (reader, writer) of it.

    kept: an `app.KeptTls`; files: the section `mqtt.tls`; stood_still(since_ms, now_ms) is told that the CPU did.
    OSError or ValueError, with a text for a person, if the other side is not to be believed, or does not believe us.
    """
    ticks_ms = board.ticks_ms
    since_ms = ticks_ms()
    if read_files(kept, files):
        limit(kept, clock)
        hold_spare(kept, files, board.idf)
    year, month, day, hour, minute, second = chip_date(kept, clock)
    # `rtc_ms` jumps with it, but nothing keeps a reading of that while the terminal is awake.
    board.rtc.datetime((year, month, day, 0, hour, minute, second, 0))
    stood_still(since_ms, ticks_ms())
    if kept.reserve:
        bytearray(_OBJECT_BYTES)  # if the heap must grow for the object of the connection, it shall do that now
        sweep()
        kept.reserve.close()  # from here on the handshake may have its memory
        kept.reserve = None
    if kept.spare:
        kept.spare.__del__()  # lets go of the certificates at once, and can take others again
    kept.is_doubted = not kept.is_doubted  # this stands if the handshake fails
    try:
        secure = await shake(kept.context, reader, writer, host, hello, stood_still, ticks_ms, board.idf)
    finally:
        hold_spare(kept, files, board.idf)
    kept.is_doubted = False
    return secure


def chip_date(kept, clock):
    """What the chip's clock should show while certificates are checked: the time, or what it is at least.

    Gives (year, month, day, hour, minute, second).

    mbedTLS on ESP32 takes the dates in certificates seriously (CONFIG_MBEDTLS_HAVE_TIME_DATE, from 1.23 on), and
    there it is 2000 after each power-on. It can't be earlier than the day on which our own files were issued. A time
    that is not sure is used in every other attempt: a single false one must not shut us out for ever.
    """
    utc_ms = clock.utc_ms() if clock.is_sure or not kept.is_doubted else 0
    return max(date((utc_ms or clock.floor_ms) // 1000), kept.issued)


async def shake(context, reader, writer, host, hello, stood_still, ticks_ms, idf=None):
    """Makes a plain connection a secure one and sends `hello` through it. Gives (reader, writer).

    context: an `ssl.SSLContext`; stood_still(since_ms, now_ms) is told that the CPU did, for a step of the handshake;
    idf(): as that of a board. OSError or ValueError if the handshake fails. It is OSError(12) for want of memory, which
    mbedTLS may take for a wrong signature.
    """
    if not MICROPYTHON:
        await writer.start_tls(context, server_hostname=host)
        writer.write(hello)
        return reader, writer
    secure = context.wrap_socket(writer.s, server_hostname=host, do_handshake_on_connect=False)
    try:
        while hello:
            # The handshake goes on in each write, until one takes bytes.
            since_ms = ticks_ms()
            sent = secure.write(hello)
            stood_still(since_ms, ticks_ms())
            hello = hello[sent or 0 :]
            if hello:
                await sleep_ms(_STEP_MS)
    except BaseException as error:
        largest = idf()[1] if idf else None
        secure.close()  # gives back some 40 kB at once
        if largest is not None and largest < _LEAST_BYTES and isinstance(error, (OSError, ValueError)):
            raise OSError(_ENOMEM)
        raise
    return (type(writer)(secure),) * 2


def _read(files, key):
    if not files[key]:
        return b""
    try:
        with open(files[key], "rb") as file:
            return file.read()
    except OSError:
        raise ValueError("mqtt.tls.%s: no file %s on the board" % (key, files[key]))


def _load_chain(context, cert, key):
    if MICROPYTHON:
        context.load_cert_chain(cert, key)
    else:
        from .compat_cpython import load_cert_chain

        load_cert_chain(context, cert, key)

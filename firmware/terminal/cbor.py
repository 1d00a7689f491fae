"""CBOR (RFC 8949) as far as SMP needs it: definite maps and lists, text, bytes, integers, booleans, null."""

import struct

from .compat import const

_DEPTH = const(4)  # so deep may maps and lists stand in each other


def dumps(value):
    """Gives the bytes for a dict, list, str, bytes, int (-2^63 .. 2^64-1), bool or None."""
    out = bytearray()
    dump(value, out)
    return out


def dump(value, out):
    """Puts the same bytes at the end of `out`, a bytearray or a `smp_frames.Frame`. A memoryview needs the latter."""
    if value is None:
        out.append(0xF6)
    elif value is True or value is False:
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        if value < 0:
            _head(1, -1 - value, out)
        else:
            _head(0, value, out)
    elif isinstance(value, str):
        data = value.encode()
        _head(3, len(data), out)
        out.extend(data)
    elif isinstance(value, (list, tuple)):
        _head(4, len(value), out)
        for item in value:
            dump(item, out)
    elif isinstance(value, dict):
        _head(5, len(value), out)
        for key in value:
            dump(key, out)
            dump(value[key], out)
    elif isinstance(value, memoryview):
        _head(2, len(value), out)
        out.attach(value)
    else:
        _head(2, len(value), out)
        out.extend(value)


def _head(major, number, out):
    major <<= 5
    if number < 24:
        out.append(major | number)
    elif number < 0x100:
        out.extend(bytes((major | 24, number)))
    elif number < 0x10000:
        out.extend(struct.pack(">BH", major | 25, number))
    elif number < 0x100000000:
        out.extend(struct.pack(">BI", major | 26, number))
    else:
        out.extend(struct.pack(">BQ", major | 27, number))


def loads(data):
    """Gives the value that `data` holds from its first to its last byte. ValueError if there is not just one."""
    value, at = _load(data, 0, _DEPTH)
    if at != len(data):
        raise ValueError("bytes after the value")
    return value


def _load(data, at, depth):
    if at >= len(data) or not depth:
        raise ValueError("cut short or too deep")
    major = data[at] >> 5
    number = data[at] & 31
    at += 1
    if number >= 24:
        if major == 7 or number > 27:
            raise ValueError("not supported")
        size = 1 << (number - 24)
        if at + size > len(data):
            raise ValueError("cut short")
        number = int.from_bytes(bytes(data[at : at + size]), "big")
        at += size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        if number > len(data) - at:
            raise ValueError("cut short")
        piece = bytes(data[at : at + number])
        return (str(piece, "utf-8") if major == 3 else piece), at + number
    if major in (4, 5):
        if number > len(data) - at:
            raise ValueError("cut short")
        items = []
        for _ in range(number * (major - 3)):
            item, at = _load(data, at, depth - 1)
            items.append(item)
        if major == 4:
            return items, at
        return {items[i]: items[i + 1] for i in range(0, len(items), 2)}, at
    if major == 7 and 20 <= number <= 22:
        return (False, True, None)[number - 20], at
    raise ValueError("not supported")

"""The files of the text log: `new.txt` grows to 8 KiB, then takes the place of `old.txt`. Lines are numbered."""

import os

from .compat import const

_SIZE = const(8192)
_LONGEST = const(1024)  # no line is longer


def append(folder, lines):
    """Numbers these texts and writes them all at once. OSError if that fails."""
    new = folder + "/new.txt"
    size = _size(new)
    if size is None:
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there already
    number, is_whole = _end(folder)
    text = "" if is_whole else "\n"
    for line in lines:
        text += "%d %s\n" % (number, line)
        number += 1
    data = text.encode()
    if size and size + len(data) > _SIZE:
        _remove(folder + "/old.txt")  # FAT does not rename onto a file
        os.rename(new, folder + "/old.txt")
    with open(new, "ab") as file:
        file.write(data)


def lines(text, first, most):
    """Gives (whole lines as bytes, number of the line after them), from line number `first` on.

    They are at most `most` bytes together, unless a single line is longer. text: the `text_log.TextLog`.
    """
    folder = _flushed(text)
    if folder is None:
        return b"", first
    found = bytearray()
    following = first
    for name in ("/old.txt", "/new.txt"):
        if _size(folder + name) is None:
            continue
        with open(folder + name, "rb") as file:
            for line in file:
                number = _number(line)
                if number is None or number < first:
                    continue
                if found and len(found) + len(line) > most:
                    return found, following
                found.extend(line)
                following = number + 1
    return found, following


def tail(text, most):
    """Gives the last whole lines as bytes, at most `most` of them. text: the `text_log.TextLog`."""
    folder = _flushed(text)
    if folder is None:
        return b""
    found = b""
    for name in ("/new.txt", "/old.txt"):
        size = _size(folder + name)
        if size is None or len(found) >= most:
            continue
        found = _read_from(folder + name, max(0, size - (most - len(found)) - 1)) + found
    cut = len(found) - most
    if cut <= 0:
        return found
    at = found.find(b"\n", cut - 1)
    return found[at + 1 :] if at >= 0 else b""


def _flushed(text):
    text.flush()
    return text.folder


def _end(folder):
    """Gives (number of the next line, whether the last line is complete)."""
    is_whole = True
    for name in ("/new.txt", "/old.txt"):
        size = _size(folder + name)
        if not size:
            continue
        end = _read_from(folder + name, max(0, size - _LONGEST))
        if name == "/new.txt":
            is_whole = end.endswith(b"\n")
        for line in reversed(end.split(b"\n")):
            number = _number(line)
            if number is not None:
                return number + 1, is_whole
    return 1, is_whole


def _read_from(path, offset):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read()


def _number(line):
    """Gives the number with which a line begins, or None."""
    word = bytes(line).split(b" ", 1)[0]
    return int(word) if word.isdigit() else None


def _size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return None


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass

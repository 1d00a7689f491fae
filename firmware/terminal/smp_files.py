"""SMP group 8: the text log can be downloaded, and files can be uploaded into a staging area. Nothing else is in reach.

https://docs.zephyrproject.org/latest/services/device_mgmt/smp_groups/smp_group_8.html
"""

import hashlib
import os
from binascii import crc32

from .compat import const
from .smp_frames import SmpError, number, text

_EACCESS = const(11)
_EINVAL = const(3)
_ENOENT = const(5)
_ENOTSUP = const(8)
_EUNKNOWN = const(1)
_CHUNK = const(256)  # bytes of a download in each answer
_PIECE = const(64)  # bytes that are read at once for a hash
_LARGEST = const(262144)  # bytes of the largest file in the staging area
_RESERVE = const(32768)  # bytes that no upload may take: the text log and the configuration need them

_BAD_NAME = const(2)
_NOT_FOUND = const(3)
_READ_FAILED = const(7)
_WRITE_FAILED = const(10)
_BAD_OFFSET = const(11)
_BEYOND = const(12)
_NO_SUCH_HASH = const(13)
_NO_FILES = const(14)
_EMPTY = const(16)

_LOG = "log"
_STAGING = "staging"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def answer(session, command, is_write, request):
    """Answers a request. session: the `console.Console`; request: the map that came. Gives the map to be sent.

    SmpError if there is an error to be answered.
    """
    home = session.app.home
    if home is None:
        raise SmpError(_ENOTSUP, _NO_FILES)
    if command == 0 and is_write:
        return _upload(session, home, request)
    if session.desk:
        session.desk.close()  # only a closed file shows all that has been written
        session.desk = None
    session.app.text.flush()
    if command == 0:
        return _download(_path(home, request, (_LOG,)), number(request, "off"))
    if command == 1 and not is_write:
        return {"len": _size(_path(home, request, (_LOG, _STAGING)))}
    if command == 2 and not is_write:
        return _hash(_path(home, request, (_LOG, _STAGING)), request)
    if command == 3 and not is_write:
        return {"types": {"sha256": {"format": 1, "size": 32}, "crc32": {"format": 0, "size": 4}}}
    if command == 4 and is_write:
        return {}
    raise SmpError(_ENOTSUP)


def _path(home, request, folders):
    """Gives the path of the file that is meant: `/FOLDER/NAME`, where FOLDER is one of `folders`."""
    parts = text(request, "name").split("/")
    if len(parts) != 3 or parts[0] or not 0 < len(parts[2]) <= 32 or parts[2][0] == ".":
        raise SmpError(_EINVAL, _BAD_NAME)
    if not all(letter in _LETTERS for letter in parts[2]):
        raise SmpError(_EINVAL, _BAD_NAME)
    if parts[1] not in folders:
        raise SmpError(_EACCESS, _BAD_NAME)
    return home + parts[1] + "/" + parts[2]


def _size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        raise SmpError(_ENOENT, _NOT_FOUND) from None


def _download(path, offset):
    size = _size(path)
    if offset > size:
        raise SmpError(_EINVAL, _BEYOND)
    with open(path, "rb") as file:
        file.seek(offset)
        found = {"off": offset, "data": file.read(_CHUNK)}
    if not offset:
        found["len"] = size
    return found


def _hash(path, request):
    kind = request.get("type", "sha256")
    if kind not in ("sha256", "crc32"):
        raise SmpError(_EINVAL, _NO_SUCH_HASH)
    size = _size(path)
    offset = number(request, "off") if "off" in request else 0
    if offset > size:
        raise SmpError(_EINVAL, _BEYOND)
    length = min(size - offset, number(request, "len") if "len" in request else size)
    if not length:
        raise SmpError(_EINVAL, _EMPTY)
    crc = 0
    sha = hashlib.sha256()
    buf = memoryview(bytearray(_PIECE))
    with open(path, "rb") as file:
        file.seek(offset)
        left = length
        while left:
            piece = buf[: file.readinto(buf[: min(left, _PIECE)])]
            if not piece:
                raise SmpError(_EUNKNOWN, _READ_FAILED)
            if kind == "crc32":
                crc = crc32(piece, crc)
            else:
                sha.update(piece)
            left -= len(piece)
    found = {"type": kind, "len": length, "output": crc if kind == "crc32" else sha.digest()}
    if offset:
        found["off"] = offset
    return found


class _Upload:
    """A file that is being uploaded. It stays open, because each closing costs the flash an erase."""

    def __init__(self, path, mode, at):
        self.path = path
        self.at = at
        self.left = None  # bytes that are still to come, None = not known
        self._file = open(path, mode)

    def write(self, data):
        self._file.write(data)
        self.at += len(data)
        if self.left is not None:
            self.left -= len(data)

    def close(self):
        self._file.close()


def _upload(session, home, request):
    path = _path(home, request, (_STAGING,))
    data = request.get("data")
    if not isinstance(data, bytes):
        raise SmpError(_EINVAL)
    upload = session.desk
    offset = number(request, "off")
    try:
        if upload and (upload.path != path or not offset):
            upload.close()
            upload = session.desk = None
        if not upload:
            upload = session.desk = _begin(home, path, offset, request)
        if offset != upload.at:
            raise SmpError(_EINVAL, _BAD_OFFSET)
        if offset + len(data) > _LARGEST or (upload.left is not None and len(data) > upload.left):
            raise SmpError(_EINVAL, _BEYOND)
        upload.write(data)
        if upload.left == 0:
            upload.close()
            session.desk = None
            session.app.text.add("I", "uploaded " + path)
    except OSError:
        raise SmpError(_EUNKNOWN, _WRITE_FAILED) from None
    return {"off": upload.at}


def _begin(home, path, offset, request):
    if offset:  # an upload that was broken off goes on
        if offset != _size(path):
            raise SmpError(_EINVAL, _BAD_OFFSET)
        return _Upload(path, "ab", offset)
    length = number(request, "len", _BEYOND)
    stat = os.statvfs(home or "/")
    if length > _LARGEST or length + _RESERVE > stat[1] * stat[3]:
        raise SmpError(_EINVAL, _BEYOND)
    try:
        os.mkdir(home + _STAGING)
    except OSError:
        pass  # it is there already
    upload = _Upload(path, "wb", 0)
    upload.left = length
    return upload

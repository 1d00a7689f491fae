"""Text files that people have written: UTF-8, with or without the byte order mark that Windows puts before it."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure

_SEPARATOR_ROW: Final = re.compile(r'"?sep=([^"]?)"?', re.IGNORECASE)

SAVE_AS_UTF8: Final = "Save it as UTF-8 and run the same command again. Nothing was changed."


def read_utf8(path: Path, hint: str = SAVE_AS_UTF8) -> str:
    """Reads the text of a file, without a byte order mark.

    Args:
        path: the file.
        hint: how to save it, if it is in another encoding.

    Raises:
        Failure: 2, it is in another encoding.
        OSError: it can't be read.
    """
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Failure(WRONG_USE, f"{path} is UTF-16, expected UTF-8.", hint)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = f"{path} line {line}: expected UTF-8, came the byte 0x{data[error.start]:02x} of another encoding."
        raise Failure(WRONG_USE, said, hint) from error


def separator_told(text: str) -> str | None:
    """The sign that a first row as `sep=;`, with which Excel is told it, says is between the cells of a CSV.

    "" if it names none; None if the first row says something else.
    """
    told = _SEPARATOR_ROW.fullmatch(text.partition("\n")[0].strip("\r\n "))
    return told[1] if told else None

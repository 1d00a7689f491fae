"""MAC addresses as people and tools write them."""

from __future__ import annotations

import re
from typing import Final

EXAMPLE: Final = "24:0a:c4:11:22:33"
_FORM: Final = re.compile(r"[0-9a-f]{2}([:-]?)[0-9a-f]{2}(\1[0-9a-f]{2}){4}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}")


def mac_of(text: str) -> bytes | None:
    """The six bytes of the MAC address of one device; None if the text is none.

    The forms are 24:0a:c4:11:22:33, 24-0A-C4-11-22-33, 240a.c411.2233 and 240ac4112233, in either letter case.
    """
    if _FORM.fullmatch(text.lower()) is None:
        return None
    mac = bytes.fromhex(re.sub("[:.-]", "", text))
    return mac if any(mac) and not mac[0] & 1 else None  # the lowest bit marks a group of devices, or all of them

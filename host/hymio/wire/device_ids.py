"""What a terminal may be called: the one rule for device ids of everything on the host."""

from __future__ import annotations

import re
from typing import Final

DEVICE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")
"""3 to 32 characters: a device id is one level of an MQTT topic, a host name and the name of a directory."""


def is_device_id(name: str) -> bool:
    """Whether a terminal may be called `name`."""
    return DEVICE_ID.fullmatch(name) is not None

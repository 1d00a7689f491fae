"""The revocation list of a private CA: how long it is good, and who is told in time that it ends."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

from hymio.common.errors import Failure
from hymio.common.output import note
from hymio.common.words import counted

REMIND: Final = datetime.timedelta(days=30)
"""How long before the end of the list a person is reminded: once it has ended, a broker lets nobody in."""


def end_of_list(path: Path) -> datetime.datetime | None:
    """Until when the list in `path` is good; None if there is none, or none that can be read here."""
    try:
        from hymio.pki.certificates import end_of_revocation_list

        return end_of_revocation_list(path.read_bytes())
    except (OSError, ValueError, Failure):  # Failure: what reads certificates is not installed
        return None


def reminder(path: Path, now: datetime.datetime) -> str | None:
    """What to tell a person about the list in `path`; None if it is good for a while, or not there."""
    end = end_of_list(path)
    if end is None or end - now > REMIND:
        return None
    left = (end - now) // datetime.timedelta(days=1)
    when = f"is good for {counted(left, 'more day')}" if end > now else f"has ended on {end:%Y-%m-%d}"
    return (
        f"The revocation list {path} {when}; with an old one a broker lets nobody in. Make another: `hymio pki crl`,"
        " then `hymio broker config` again, and have mosquitto read it (SIGHUP)."
    )


def remind(path: Path) -> None:
    """Prints the reminder on stderr, if there is anything to say."""
    said = reminder(path, datetime.datetime.now(datetime.UTC))
    if said is not None:
        note(said)

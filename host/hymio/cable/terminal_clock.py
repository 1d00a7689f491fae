"""`hymio clock`: what time one terminal on a cable has, and giving it this computer's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from smp.os_management import OS_MGMT_RET_RC
from smpclient.requests.os_management import DateTimeRead, DateTimeWrite

from hymio.common.errors import ANSWERED_ERROR, Failure
from hymio.common.output import console, print_json

if TYPE_CHECKING:
    from hymio.cable.smp_session import CableSession

_REFUSED: Final = Failure(
    ANSWERED_ERROR,
    "The terminal does not believe the time of this computer.",
    "Set this computer's clock right and run the command again.",
)
_OUT_OF_THE_WORLD: Final = 5
"""The error number of the firmware for a date and time that can't be true."""


class _NotSet(Failure):
    pass


def terminal_utc(cable: CableSession) -> float | None:
    """The time of the terminal's clock, in seconds of 1970; None if the clock is not set."""
    unset = _NotSet(ANSWERED_ERROR, "The terminal's clock is not set.", "Set it: `hymio clock --set`.")
    try:
        stamp = cable.ask(DateTimeRead(), {int(OS_MGMT_RET_RC.RTC_NOT_SET): unset}).datetime
    except _NotSet:
        return None
    when = datetime.fromisoformat(str(stamp))
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def set_clock(cable: CableSession) -> None:
    """Sets the terminal's clock to the time of this computer.

    Raises:
        Failure: 5, the terminal does not believe it.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    cable.ask(DateTimeWrite(datetime=now.replace("+00:00", "Z")), {_OUT_OF_THE_WORLD: _REFUSED})


def run_clock(port: str | None, wants_set: bool, as_json: bool) -> None:
    """Prints the terminal's clock; with `wants_set` it is set to this computer's before."""
    from hymio.cable.ports import choose_port
    from hymio.cable.smp_session import CableSession

    with CableSession(choose_port(port)) as cable:
        device_id = cable.status().device_id
        if wants_set:
            set_clock(cable)
        utc = terminal_utc(cable)
        offset_s = None if utc is None else utc - time.time()
    answer: dict[str, Any] = {
        "device_id": device_id,
        "clock": "unset" if utc is None else "set",
        "utc": utc,
        "offset_s": offset_s,
    }
    if as_json:
        print_json(answer)
    elif utc is None or offset_s is None:
        console().print(f"{device_id}: the clock is not set; `hymio clock --set` gives it the time of this computer.")
    else:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(utc))
        shown_s = round(offset_s, 1) + 0.0  # so that -0.0 is never shown
        console().print(f"{device_id}: {when}, {shown_s:+.1f} s beside this computer.")

"""`hymio ports`: which terminals can be reached from here, boards on a cable and simulated ones."""

from __future__ import annotations

import errno
import getpass
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from hymio.cable.network_ports import cannot_reach, check_address, is_network
from hymio.common.errors import NO_TERMINAL, WRONG_USE, Failure

CHIPS: Final[Mapping[int, str]] = {
    0x303A: "Espressif USB",
    0x10C4: "CP210x",
    0x1A86: "CH340",
    0x0403: "FTDI",
}
"""The USB vendor ids of what stands between an ESP32 and a computer; any other serial port belongs to something else.
"""


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port behind which there is, or may be, a terminal. Only a simulated one says its `device_id` unasked."""

    port: str
    kind: Literal["board", "simulated"]
    device_id: str | None
    description: str
    directory: str | None = None
    """Where a simulated terminal was started."""

    def as_json(self) -> dict[str, Any]:
        """The port as a JSON object."""
        return asdict(self)


def simulated_dir() -> Path:
    """The directory in which every running simulated terminal keeps a small file that names its port."""
    return Path(tempfile.gettempdir()) / f"hymio-{getpass.getuser()}" / "terminals"


def find_ports() -> list[Port]:
    """All ports, those of boards first."""
    return [*_boards(), *_simulated()]


def _boards() -> list[Port]:
    from serial.tools import list_ports  # type: ignore[import-untyped]

    found = []
    for one in list_ports.comports():
        chip = CHIPS.get(one.vid) if one.vid is not None else None
        if chip is not None:
            said = one.product or one.description
            description = f"{chip}, {said}" if said and said != "n/a" else chip
            found.append(Port(one.device, "board", None, description))
    return sorted(found, key=lambda port: port.port)


def _simulated() -> list[Port]:
    if os.name != "posix":
        return []
    found = []
    for path in sorted(simulated_dir().glob("*.json")):
        try:
            one = json.loads(path.read_text(encoding="utf-8"))
            device_id, port, pid = str(one["device_id"]), str(one["port"]), int(one["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half written, or not ours
        if _runs(pid) and Path(port).exists():
            found.append(Port(port, "simulated", device_id, "simulated terminal", one.get("directory")))
    return found


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError, ValueError):
        return pid > 0
    return True


def choose_port(given: str | None, simulated: bool = False) -> str:
    """The port to use: `given`, or the only one there is.

    A simulated terminal that was started in another directory is somebody else's experiment and does not count.

    Args:
        given: what was asked for; None: nothing.
        simulated: only simulated terminals count, wherever they were started.

    Raises:
        Failure: 3 there is none, or it is an address of an unknown kind; 2 there are several, or a port is given though
            a simulated terminal is wanted.
    """
    if given is not None:
        if simulated:
            raise Failure(WRONG_USE, "--sim and --port: expected one of them.", "Leave one out.")
        check_address(given)
        return given
    found = find_ports()
    if simulated:
        ports = [port for port in found if port.kind == "simulated"]
        if not ports:
            raise Failure(NO_TERMINAL, "No simulated terminal is running.", "`hymio sim terminal --help` starts one.")
    else:
        here = str(Path.cwd())
        ports = [port for port in found if port.directory in (None, here)]
    if not ports:
        hint = "Plug the board in with a data cable (some only charge); a port of another kind has to be named: --port."
        if found:
            hint = "Simulated ones run elsewhere: --sim takes the only one, `hymio ports` lists them for --port."
        raise Failure(NO_TERMINAL, "No terminal is connected to this computer.", hint)
    if len(ports) > 1:
        listed = ", ".join(f"{port.port} ({port.device_id or port.description})" for port in ports)
        raise Failure(WRONG_USE, f"There are {len(ports)} terminals here: {listed}.", "Say which one: --port PORT.")
    return ports[0].port


_IN_USE: Final = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM)
_NOT_THERE: Final = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_NO_SERIAL_PORT: Final = (errno.ENOTTY, errno.EISDIR)


def cannot_open(port: str, error: Exception) -> Failure:
    """Why `port` stays shut, by what pyserial or the system raised."""
    if is_network(port):
        return cannot_reach(port, error)
    number = getattr(error, "errno", None)
    said = str(error).lower()
    if number in _IN_USE or "exclusively lock" in said or "busy" in said:
        return Failure(
            NO_TERMINAL,
            f"The port {port} is in use by another program.",
            "Close the other hymio, mpremote or terminal program and try again.",
        )
    if number in _FORBIDDEN or "permission" in said:
        hint = "Your user needs the group dialout (or uucp): sudo usermod -aG dialout $USER, then log in again."
        if os.name == "nt":  # Windows says "access is denied" for a port that is open elsewhere
            hint = "Close the other hymio, mpremote or terminal program and try again."
        return Failure(NO_TERMINAL, f"You may not open the port {port}.", hint)
    listed = "`hymio ports` lists those that there are."
    if number in _NOT_THERE or "no such file" in said or "filenotfound" in said:
        return Failure(NO_TERMINAL, f"There is no port {port}.", listed)
    if number in _NO_SERIAL_PORT or "inappropriate ioctl" in said:
        return Failure(NO_TERMINAL, f"{port} is no serial port.", listed)
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Failure(NO_TERMINAL, f"The port {port} cannot be opened: {reason}.", listed)


def run_ports(as_json: bool) -> None:
    """Prints the ports; that there are none is an answer, too."""
    ports = find_ports()
    if as_json:
        from hymio.common.output import print_json

        print_json({"ports": [port.as_json() for port in ports]})
        return
    from rich.markup import escape
    from rich.table import Table

    from hymio.common.output import console, note

    if not ports:
        note("No terminal is connected to this computer.")
        return
    table = Table("port", "terminal", "what it is", box=None)
    for port in ports:
        where = f", in {port.directory}" if port.directory else ""
        table.add_row(port.port, port.device_id or "", escape(port.description + where))
    console().print(table)

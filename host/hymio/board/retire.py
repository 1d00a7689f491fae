"""`hymio retire`: wipes a board for good, secrets and all, once its votes are safe."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hymio.board.boot_loader import ResetModes, esptool_fails_as, opened, require_esptool
from hymio.board.device_register import DeviceEntry, read_register, write_register
from hymio.cable.ports import choose_port
from hymio.common.errors import ANSWER_NO, BROKEN_OFF, Failure
from hymio.common.hidden_passwords import without_password
from hymio.common.output import note, print_json, print_line
from hymio.common.words import counted
from hymio.store.known_terminals import mark_retired
from hymio.store.ledger import settled_presses

if TYPE_CHECKING:
    from hymio.cable.smp_messages import StatusAnswer

_PULL: Final = "`hymio votes --port {port} --db votes.db`, then retire it with the same --db."


def run_retire(
    port: str | None, db: str | None, votes_are_lost: bool, yes: bool, register: Path, resets: ResetModes, as_json: bool
) -> None:
    """Runs `hymio retire`.

    Raises:
        Failure: 1 the board is not wiped, since its votes are not safe or nobody has agreed to it; 3 no terminal is
            there; 6 broken off.
    """
    require_esptool()
    entries = read_register(register)
    chosen = choose_port(port)
    status = None if votes_are_lost else ask(chosen)
    if status is not None:
        check_safe(status, db, chosen)
    if not yes:
        name = status.device_id if status else f"the board on {chosen}"
        safe = "" if status is None else " Every press of it is safe."
        raise Failure(
            ANSWER_NO,
            f"Everything on {name} would be erased: program, configuration, keys, log.{safe} Nothing was changed.",
            "If that is meant, run the same command with --yes.",
        )
    mac = wipe(chosen, resets)
    found = next((entry for entry in entries.values() if entry.mac == mac), None)
    device_id = status.device_id if status else found.device_id if found else ""
    if device_id:
        entry = entries.get(device_id) or DeviceEntry(device_id, mac)
        write_register(register, {**entries, device_id: replace(entry, retired_utc=time.time())})
        note(f"If it had a certificate: hymio pki revoke --dir DIR {device_id}")
        _forget(db, device_id)
    pressed = sum(status.pressed) if status else None
    if as_json:
        print_json({"device_id": device_id or None, "mac": mac, "pressed": pressed})
    else:
        print_line(f"{device_id or mac}: wiped; every byte of its flash is blank.")


def _forget(db: str | None, device_id: str) -> None:
    """Marks the terminal for the collectors, so that they take it out of Home Assistant.

    The board is blank by now, so what goes wrong here is only told.
    """
    why = ""
    if db is not None:
        try:
            mark_retired(db, device_id)
            return
        except Failure as failure:
            why = f" ({failure.message})"
    note(f"If Home Assistant knows it: hymio cmd {device_id} forget --db URL{why}")


def ask(port: str) -> StatusAnswer:
    """Asks the terminal for its status."""
    from hymio.cable.smp_session import CableSession

    with CableSession(port) as cable:
        return cable.status()


def check_safe(status: StatusAnswer, db: str | None, port: str) -> None:
    """Checks that every press of the terminal is at the far end, or known to be lost.

    Args:
        status: what the terminal says.
        db: the database that has to hold the presses; without one the acknowledgements in the terminal's log are
            believed.
        port: is named in the hint.

    Raises:
        Failure: 1 a press is not safe, or nobody can tell.
    """
    pull = _PULL.format(port=port)
    if status.log_id == 0 or status.problem:
        raise Failure(
            ANSWER_NO,
            f"{status.device_id} has no log that can be read: {status.problem or 'it does not say why'}.",
            "Dump its flash if votes may be on it; --votes-are-lost wipes it nevertheless.",
        )
    if db is None:
        if status.unsent:
            raise Failure(
                ANSWER_NO, f"{status.device_id} holds {counted(status.unsent, 'press')} that nobody has yet.", pull
            )
        return
    pressed = sum(status.pressed)
    settled = settled_presses(db, status.device_id, status.log_id)
    if settled < pressed:
        raise Failure(
            ANSWER_NO,
            f"{without_password(db)} knows of {counted(settled, 'press')} of {status.device_id}, it has counted"
            f" {pressed}.",
            pull,
        )


def wipe(port: str, resets: ResetModes, tell: Callable[[str], None] = note) -> str:
    """Erases the whole flash and compares its checksum with that of a blank one.

    Returns:
        The MAC address of the board.

    Raises:
        Failure: 6, a part of the flash may not be erased.
    """
    with opened(port, resets.before) as loader:
        with esptool_fails_as(
            BROKEN_OFF, "Broken off while the flash was erased", "Run the same command with --votes-are-lost."
        ):
            size = loader.flash_size()
            tell(f"Erasing {size // 0x100000} MB; that takes up to a minute or two ...")
            loader.erase_all()
            if loader.checksum(0, size) != hashlib.md5(b"\xff" * size).hexdigest():
                raise OSError("it is not blank")
        loader.leave(resets.after)
        return loader.mac.hex(":")
